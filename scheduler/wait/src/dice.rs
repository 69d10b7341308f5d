//! Dice: where nothing but chance can be fair.

/// A source of choices for one operation. See [`current::dice`](crate::current).
///
/// Source: Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators* (2014), which is
/// also what makes neighbouring states give unlike numbers.
#[derive(Debug)]
pub(crate) struct Dice(u64);

/// The odd number that states advance by: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The dice that follow `state`, and the state after them.
    #[inline]
    pub(crate) fn at(state: u64) -> (Self, u64) {
        let state = state.wrapping_add(STEP);
        (Self(mixed(state)), state)
    }

    /// One of `0..n`. `n` is not zero.
    #[inline]
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(STEP);
        let x = mixed(self.0) >> 32;
        ((x * u64::from(n)) >> 32) as u32
    }

    /// Puts `items` into any order, each as likely as the others (Durstenfeld's shuffle).
    #[inline]
    pub(crate) fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

const fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_comes_up() {
        let mut seen = [0_u32; 27];
        let mut state = 0;
        for _ in 0..6000 {
            let (mut dice, next) = Dice::at(state);
            state = next;
            let mut items = [0, 1, 2];
            dice.shuffle(&mut items);
            seen[(items[0] * 9 + items[1] * 3 + items[2]) as usize] += 1;
        }
        let orders: Vec<u32> = seen.into_iter().filter(|&n| n > 0).collect();
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|n| (800..1200).contains(n)), "{orders:?}");
    }
}
