//! Conditions of one word, for what a mutex guards.

use crate::{
    boundary::{status, value},
    deadline::deadline,
    mutex::{answer, lent, vt_mutex, word},
    vt_status,
};
use vitte_sync::WordCondvar;

/// A condition that fibers and threads wait for: `vt_cond c = VT_COND_INIT;`, which is zero. There is
/// nothing to destroy.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_cond {
    /// The library's.
    pub word: u32,
}

/// Releases `mutex`, waits until somebody wakes `cond`, and takes `mutex` again. `[any]` (A thread
/// sleeps.)
///
/// It may answer `VT_OK` although nobody woke it, so it is called in a loop that looks at what it waits
/// for. Whatever ends the wait, the mutex is taken again before this returns, however long that takes,
/// also if the caller is canceled.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`. `VT_ECANCELED`. With these the mutex is held.
/// `VT_EPERM`: the caller does not hold it. `VT_EINVAL`: `cond` or `mutex` is null or misaligned, or the
/// deadline is negative.
///
/// # Safety
/// As for `vt_mutex_lock`, of both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_cond_wait(
    cond: *mut vt_cond,
    mutex: *mut vt_mutex,
    until: i64,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract; the condition is one `u32`, accessed atomically.
        let (cond, mutex) = unsafe { (word(cond.cast::<WordCondvar>())?, lent(mutex)?) };
        answer(cond.wait_with(mutex, deadline(until)?, None), until)
    })
}

/// Wakes up to `n` who wait for `cond`, oldest first; says how many. `[any]` Never waits.
///
/// `UINT32_MAX` is all. 0 if `cond` is null or misaligned. The mutex need not be held, but what the
/// others wait for must have been changed under it.
///
/// # Safety
/// As for `vt_mutex_lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_cond_wake(cond: *mut vt_cond, n: u32) -> u32 {
    let woken = |count| u32::try_from(count).unwrap_or(u32::MAX);
    value(0, || {
        // SAFETY: by this function's contract; the condition is one `u32`, accessed atomically.
        let cond = unsafe { word(cond.cast::<WordCondvar>()) };
        cond.map_or(0, |cond| woken(cond.notify(n as usize)))
    })
}
