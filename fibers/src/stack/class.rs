//! Size classes: the power-of-two slot sizes a stack can have.

use super::StackError;

const SMALLEST_SHIFT: u32 = 14;
const LARGEST_SHIFT: u32 = 26;

/// The size of a slot: a power of two between 16 KiB and 64 MiB.
///
/// The slot includes its guard page and up to 960 bytes of colouring, so what a fiber can use is a little more than one
/// page less than [`bytes`](Self::bytes). The memory is only reserved; a page costs something once it is touched.
///
/// ```
/// use vitte_fibers::StackClass;
/// assert_eq!(StackClass::for_size(20_000).unwrap().bytes(), 32 * 1024);
/// assert_eq!(StackClass::DEFAULT.bytes(), 64 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackClass(u8);

impl StackClass {
    /// 16 KiB, the smallest class.
    pub const SMALLEST: Self = Self(0);
    /// 64 KiB.
    pub const DEFAULT: Self = Self(2);
    /// 64 MiB, the largest class.
    pub const LARGEST: Self = Self((LARGEST_SHIFT - SMALLEST_SHIFT) as u8);
    /// How many classes there are; every [`index`](Self::index) is below it.
    pub const COUNT: usize = (LARGEST_SHIFT - SMALLEST_SHIFT + 1) as usize;

    /// The smallest class whose slot has at least `bytes` bytes.
    ///
    /// # Errors
    ///
    /// [`StackError::TooLarge`] above the size of [`LARGEST`](Self::LARGEST).
    pub const fn for_size(bytes: usize) -> Result<Self, StackError> {
        if bytes > Self::LARGEST.bytes() {
            return Err(StackError::TooLarge {
                asked: bytes,
                max: Self::LARGEST.bytes(),
            });
        }
        if bytes <= Self::SMALLEST.bytes() {
            return Ok(Self::SMALLEST);
        }
        Ok(Self(
            (bytes.next_power_of_two().trailing_zeros() - SMALLEST_SHIFT) as u8,
        ))
    }

    /// The size of the slot, guard page included.
    #[inline]
    pub const fn bytes(self) -> usize {
        1 << self.shift()
    }

    /// The position of this class, counted from the smallest.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The class at a position, if there is one.
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < Self::COUNT {
            Some(Self(index as u8))
        } else {
            None
        }
    }

    #[inline]
    pub(crate) const fn shift(self) -> u32 {
        self.0 as u32 + SMALLEST_SHIFT
    }
}

impl Default for StackClass {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_own_size_and_index() {
        for index in 0..StackClass::COUNT {
            let class = StackClass::from_index(index).unwrap();
            assert_eq!(class.index(), index);
            assert_eq!(StackClass::for_size(class.bytes()), Ok(class));
        }
        assert_eq!(StackClass::from_index(StackClass::COUNT), None);
    }

    #[test]
    fn a_size_is_rounded_up() {
        assert_eq!(StackClass::for_size(0), Ok(StackClass::SMALLEST));
        assert_eq!(
            StackClass::for_size(16 * 1024 + 1).unwrap().bytes(),
            32 * 1024
        );
        assert_eq!(StackClass::for_size(64 * 1024), Ok(StackClass::DEFAULT));
    }

    #[test]
    fn a_size_beyond_the_largest_class_is_refused_with_both_numbers() {
        let error = StackClass::for_size((64 << 20) + 1).unwrap_err();
        assert_eq!(
            error,
            StackError::TooLarge {
                asked: (64 << 20) + 1,
                max: 64 << 20
            }
        );
        assert!(error.to_string().contains("67108865"));
    }
}
