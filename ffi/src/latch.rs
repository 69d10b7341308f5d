//! Latches of one word.

use crate::{
    boundary::status,
    deadline::deadline,
    mutex::{answer, word},
    vt_status,
};
use vitte_sync::WordLatch;

/// Something that happens once: closed if it is zero, `vt_latch l = VT_LATCH_INIT;`, and once set open
/// for ever. There is nothing to destroy.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_latch {
    /// The library's.
    pub word: u32,
}

/// Sets a latch, and wakes everybody who waits for it. `[any]` Never waits.
///
/// Doing it twice is the same as once. What the caller did before is visible to whoever finds it set.
/// `VT_EINVAL`: `latch` is null or misaligned.
///
/// # Safety
/// As for `vt_mutex_lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_latch_set(latch: *mut vt_latch) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract; the latch is one `u32`, accessed atomically.
        unsafe { word(latch.cast::<WordLatch>()) }?.set();
        Ok(())
    })
}

/// Waits until a latch is set. `[any]` (A thread sleeps.)
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: it is not set. `VT_ECANCELED`: the caller was canceled
/// while it would have had to wait. `VT_EINVAL`: `latch` is null or misaligned, or the deadline is
/// negative.
///
/// # Safety
/// As for `vt_mutex_lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_latch_wait(latch: *mut vt_latch, until: i64) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract; the latch is one `u32`, accessed atomically.
        let latch = unsafe { word(latch.cast::<WordLatch>()) }?;
        answer(latch.wait_with(deadline(until)?, None), until)
    })
}
