//! Layout: every size and offset that C code was compiled with, and structs that may grow.
//!
//! A sized struct begins with a `uint32_t size`, which the caller sets to the `sizeof` it was
//! compiled with. So a struct can get new fields at its end: an older caller's is shorter, and
//! what is missing counts as zero; a newer caller's is longer, and what this version does not
//! know must be zero, or the call answers `VT_EUNSUPPORTED`.
//!
//! Assertions are for 64-bit targets; on others the compilers agree by the same C rules.

use crate::{
    VT_EINVAL, VT_EUNSUPPORTED, boundary::Answer, vt_case, vt_chan_options, vt_fiber_options,
    vt_hot, vt_options, vt_stack_info, vt_stats, vt_tick,
};
use std::{mem, ptr, slice};

/// The version of this interface: the major number in the upper 16 bits, the minor number in the
/// lower. Within a major version, functions and fields are only added. Compare it with
/// `vt_abi_version()` to know that header and library belong together.
pub const VT_ABI_VERSION: u32 = 1;

/// A size field above this is garbage, not a struct from the future.
const SIZE_MAX: usize = 4096;
/// `size` and the word after it, which no version does without.
const SIZE_MIN: usize = 8;

/// A struct that begins with its size.
///
/// # Safety
/// `#[repr(C)]`, a multiple of its alignment long without padding, the first field is the `u32`
/// that holds the size, and any bytes that are valid for the integers and pointers in it, zero
/// among them, are a value.
pub(crate) unsafe trait Sizable: Copy {}

// SAFETY: integers and raw pointers only, `size` first; no padding by the assertions below.
unsafe impl Sizable for vt_options {}
// SAFETY: as above.
unsafe impl Sizable for vt_fiber_options {}
// SAFETY: as above.
unsafe impl Sizable for crate::vt_thread_options {}
// SAFETY: as above.
unsafe impl Sizable for vt_stack_info {}
// SAFETY: as above.
unsafe impl Sizable for vt_stats {}
// SAFETY: as above, and pointers to functions, which may be null.
unsafe impl Sizable for vt_chan_options {}
// SAFETY: as above.
unsafe impl Sizable for crate::vt_hooks {}
// SAFETY: as above.
unsafe impl Sizable for vt_case {}

/// The size that the struct at `at` says it has, if that can be true.
///
/// # Safety
/// `at` is null, or valid for a read of its first four bytes.
pub(crate) unsafe fn size_of_lent<T: Sizable>(at: *const T) -> Answer<usize> {
    if at.is_null() || !at.is_aligned() {
        return Err(VT_EINVAL);
    }
    // SAFETY: readable by contract, and aligned, for `T` begins with a `u32`.
    let size = unsafe { at.cast::<u32>().read() } as usize;
    if (SIZE_MIN..=SIZE_MAX).contains(&size) {
        Ok(size)
    } else {
        Err(VT_EINVAL)
    }
}

/// Reads a sized struct; null is a struct of zeros.
///
/// # Safety
/// `from` is null, or valid for reads of as many initialised bytes as its size field says (and
/// of that field).
pub(crate) unsafe fn read<T: Sizable>(from: *const T) -> Answer<T> {
    // SAFETY: zeros are a value of every `Sizable`.
    let mut value: T = unsafe { mem::zeroed() };
    if from.is_null() {
        return Ok(value);
    }
    // SAFETY: by contract.
    let size = unsafe { size_of_lent(from) }?;
    // SAFETY: `size` initialised bytes are readable by contract.
    let lent = unsafe { slice::from_raw_parts(from.cast::<u8>(), size) };
    let known = size.min(size_of::<T>());
    if lent[known..].iter().any(|byte| *byte != 0) {
        return Err(VT_EUNSUPPORTED);
    }
    // SAFETY: `known` bytes are readable there and writable here; whatever they are, the result
    // is a value, by the contract of `Sizable`.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast(), known) };
    Ok(value)
}

/// Makes the struct at `to` one of `size` bytes that are zero but for the size field.
///
/// # Safety
/// `to` is null or valid for writes of `size` bytes.
pub(crate) unsafe fn clear<T: Sizable>(to: *mut T, size: usize) -> Answer {
    if to.is_null() || !to.is_aligned() || !(SIZE_MIN..=SIZE_MAX).contains(&size) {
        return Err(VT_EINVAL);
    }
    // SAFETY: `size` bytes are writable by contract.
    unsafe { to.cast::<u8>().write_bytes(0, size) };
    // SAFETY: the first four of them are the size, aligned as `T` is.
    unsafe { to.cast::<u32>().write(size as u32) };
    Ok(())
}

/// A sized struct that the caller lent for a result.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    to: *mut T,
    size: usize,
}

impl<T: Sizable> Answered<T> {
    /// `VT_EINVAL` for a place that is null, misaligned, or of no possible size.
    ///
    /// # Safety
    /// `to` is null, or valid for reads and writes of as many bytes as its size field says (and
    /// of that field).
    pub(crate) unsafe fn new(to: *mut T) -> Answer<Self> {
        // SAFETY: by contract.
        let size = unsafe { size_of_lent(to) }?;
        Ok(Self { to, size })
    }

    /// Writes the fields the caller has room for, and zeros into those this version does not
    /// know. The size field stays what the caller made it.
    ///
    /// # Safety
    /// As for [`new`](Self::new), still.
    pub(crate) unsafe fn write(self, value: &T) {
        let known = self.size.min(size_of::<T>());
        let from = ptr::from_ref(value).cast::<u8>();
        let to = self.to.cast::<u8>();
        // SAFETY: `size` is at least 8, so both the source and the target have the bytes from
        // behind the size field to `known`.
        unsafe { ptr::copy_nonoverlapping(from.add(4), to.add(4), known - 4) };
        // SAFETY: the target has `size` bytes by contract.
        unsafe { to.add(known).write_bytes(0, self.size - known) };
    }
}

/// Fails to compile unless `$type` consists of exactly these fields, at these offsets, with
/// nothing between them and nothing behind.
#[cfg(target_pointer_width = "64")]
macro_rules! assert_layout {
    ($type:ty, $size:literal, { $($field:ident: $offset:literal),+ $(,)? }) => {
        const _: () = {
            $(assert!(mem::offset_of!($type, $field) == $offset);)+
            assert!(size_of::<$type>() == $size);
            assert!(align_of::<$type>() == 8);
            let value: $type = unsafe { mem::zeroed() };
            assert!(0 $(+ size_of_val(&value.$field))+ == $size, "there is padding");
        };
    };
}

#[cfg(target_pointer_width = "64")]
mod layouts {
    #![allow(
        clippy::undocumented_unsafe_blocks,
        reason = "evaluated at compile time, on types of integers and pointers"
    )]
    use super::*;

    assert_layout!(vt_options, 88, {
        size: 0, flags: 4, workers: 8, max_stacks: 12, stack_size: 16, warm_stack_bytes: 24,
        timeslice_ns: 32, seed: 40, name: 48, hooks: 56, affinity: 64, rsv: 68, cpus: 72,
        cpu_count: 80,
    });
    assert_layout!(crate::vt_hooks, 72, {
        size: 0, flags: 4, thread_start: 8, thread_stop: 16, before_park: 24, after_unpark: 32,
        switch_in: 40, switch_out: 48, arg: 56, drop: 64,
    });
    assert_layout!(vt_stats, 64, {
        size: 0, workers: 4, live: 8, spawned: 16, finished: 24, switches: 32, steals: 40,
        stacks_in_use: 48, stack_bytes: 56,
    });
    assert_layout!(vt_fiber_options, 56, {
        size: 0, flags: 4, stack_size: 8, name: 16, user: 24, priority: 32, rsv: 36, group: 40,
        group_deadline: 48,
    });
    assert_layout!(crate::vt_thread_options, 24, {
        size: 0, flags: 4, stack_size: 8, name: 16,
    });
    assert_layout!(vt_stack_info, 104, {
        size: 0, state: 4, id: 8, lo: 16, hi: 24, sp: 32, user: 40, worker: 48, wait_kind: 52,
        wait_obj: 56, name: 64, canceled: 96, cancel_reason: 100,
    });
    assert_layout!(vt_chan_options, 56, {
        size: 0, kind: 4, elem: 8, cap: 16, drop_elem: 24, copy_elem: 32, compare: 40, user: 48,
    });
    assert_layout!(vt_case, 56, {
        size: 0, kind: 4, chan: 8, elem: 16, fiber: 24, deadline: 32, status: 40, flags: 44,
        fd: 48, events: 52,
    });
    assert_layout!(vt_tick, 16, { due: 0, missed: 8 });
    assert_layout!(vt_hot, 64, { poll: 0, flags: 4, user: 8, lo: 16, hi: 24, rsv: 32 });

    // What the C struct says is what the scheduler's record has.
    use vitte_scheduler::Hot;
    const _: () = {
        assert!(mem::offset_of!(Hot, poll) == mem::offset_of!(vt_hot, poll));
        assert!(mem::offset_of!(Hot, flags) == mem::offset_of!(vt_hot, flags));
        assert!(mem::offset_of!(Hot, user) == mem::offset_of!(vt_hot, user));
        assert!(mem::offset_of!(Hot, lo) == mem::offset_of!(vt_hot, lo));
        assert!(mem::offset_of!(Hot, hi) == mem::offset_of!(vt_hot, hi));
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `vt_fiber_options` as a later version might have it.
    #[repr(C)]
    struct Longer {
        known: vt_fiber_options,
        added: [u64; 2],
    }

    fn longer(added: u64) -> Longer {
        // SAFETY: zeros are a value of both.
        let mut longer: Longer = unsafe { mem::zeroed() };
        longer.known.size = size_of::<Longer>() as u32;
        longer.known.stack_size = 5;
        longer.added[1] = added;
        longer
    }

    #[test]
    fn a_longer_struct_is_read_if_its_tail_is_zero() {
        // SAFETY: the struct is as long as it says.
        let read = |longer: Longer| unsafe { read(&raw const longer.known) };
        assert_eq!(read(longer(0)).unwrap().stack_size, 5);
        assert_eq!(read(longer(1)).unwrap_err(), VT_EUNSUPPORTED);
    }

    #[test]
    fn a_shorter_struct_is_read_with_zeros_for_the_rest() {
        let mut short = [0_u64; 1];
        // SAFETY: the place is eight bytes long, which is what it says.
        unsafe { short.as_mut_ptr().cast::<u32>().write(8) };
        // SAFETY: as above.
        let options: vt_fiber_options = unsafe { read(short.as_ptr().cast()) }.unwrap();
        assert_eq!((options.size, options.stack_size), (8, 0));
    }

    #[test]
    fn an_impossible_size_is_refused() {
        for size in [0, 7, 4097, u32::MAX] {
            let mut options = longer(0).known;
            options.size = size;
            // SAFETY: only the size field is read before the size is refused.
            let answer = unsafe { read(&raw const options) };
            assert_eq!(answer.unwrap_err(), VT_EINVAL, "size {size}");
        }
    }

    #[test]
    fn an_answer_fills_what_is_known_and_clears_the_rest() {
        // SAFETY: zeros are a value.
        let mut value: vt_fiber_options = unsafe { mem::zeroed() };
        value.stack_size = 9;
        let mut lent = longer(u64::MAX);
        // SAFETY: the struct is as long as it says.
        unsafe { Answered::new((&raw mut lent).cast()).unwrap().write(&value) };
        assert_eq!(lent.known.stack_size, 9);
        assert_eq!(lent.known.size as usize, size_of::<Longer>());
        assert_eq!(lent.added, [0, 0]);
    }
}
