//! Mutexes of one word, which need no runtime.

use crate::{
    VT_EAGAIN, VT_ECANCELED, VT_EDEADLK, VT_EINVAL, VT_EPERM, VT_NOW,
    boundary::{Answer, status},
    deadline::{deadline, late},
    vt_status,
};
use vitte_sync::{WordError, WordMutex};

/// A lock that fibers and threads share, free if it is zero: `vt_mutex m = VT_MUTEX_INIT;`. There is
/// nothing to destroy. It belongs to whoever locked it, a fiber or a plain thread; one that ends
/// leaves it locked. It is not fair: who comes just as it is released may be first. The holder has the priority
/// of whoever waits, if that is higher.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_mutex {
    /// The library's.
    pub word: u32,
}

/// Takes a mutex, waiting while another fiber or thread holds it. `[any]` (A thread sleeps.)
///
/// It may be held across anything that waits. It works before any runtime is created.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: another holds it. `VT_EDEADLK`: the caller holds it.
/// `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`: `mutex` is
/// null or misaligned, or the deadline is negative.
///
/// # Safety
/// `mutex` is null, or a live `vt_mutex` that was zero first, and whose word only this library uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_mutex_lock(mutex: *mut vt_mutex, until: i64) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let mutex = unsafe { lent(mutex) }?;
        let limit = deadline(until)?;
        if until != VT_NOW {
            return answer(mutex.lock_with(limit, None), until);
        }
        mutex.try_lock().map_err(|_| {
            if mutex.is_held_by_caller() {
                VT_EDEADLK
            } else {
                VT_EAGAIN
            }
        })
    })
}

/// Releases a mutex. `[any]` Never waits.
///
/// `VT_EPERM`: it is free, or another's. `VT_EINVAL`: `mutex` is null or misaligned. Either way nothing
/// has happened.
///
/// # Safety
/// As for `vt_mutex_lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_mutex_unlock(mutex: *mut vt_mutex) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        answer(unsafe { lent(mutex) }?.unlock(), VT_NOW)
    })
}

/// The word of a mutex.
///
/// # Safety
/// `mutex` is null, or live for `'a` and used through this library only.
pub(crate) unsafe fn lent<'a>(mutex: *mut vt_mutex) -> Answer<&'a WordMutex> {
    // SAFETY: by contract; both are one `u32`, and accessed atomically.
    unsafe { word(mutex.cast()) }
}

/// A word of the caller's, as one of the library's.
///
/// # Safety
/// `place` is null, or live for `'a` as a `T`, of which every value of its four bytes is one.
pub(crate) unsafe fn word<'a, T>(place: *mut T) -> Answer<&'a T> {
    const { assert!(size_of::<T>() == 4) };
    if !place.is_aligned() {
        return Err(VT_EINVAL);
    }
    // SAFETY: aligned, and null or live by contract.
    unsafe { place.as_ref() }.ok_or(VT_EINVAL)
}

/// What an operation on a word, with a deadline, answers.
pub(crate) fn answer(result: Result<(), WordError>, until: i64) -> Answer {
    result.map_err(|error| match error {
        WordError::NotHolder => VT_EPERM,
        WordError::Deadlock => VT_EDEADLK,
        WordError::Canceled | WordError::Stopped => VT_ECANCELED,
        _ => late(until),
    })
}
