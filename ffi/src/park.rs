//! Parking: what the primitives of a language are built on. Unparking from a signal handler is in
//! `signal`.

use crate::{
    VT_ECONTEXT, VT_EINVAL, VT_ESTALE,
    boundary::{ensure, fiber, status, value},
    callback::vt_after,
    deadline::{deadline, ended},
    fiber::{id, vt_fiber},
    vt_status,
};
use std::ffi::c_void;
use vitte_wait::facade::atomic::AtomicU32;

/// Waits until somebody unparks the calling fiber. `[fib]`
///
/// A fiber has one token. `vt_unpark` gives it, this takes it; so an unpark that comes first is
/// not lost, and two that come together are one. Callers look in a loop at what they wait for.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: no token. `VT_ECANCELED`. `VT_ECONTEXT`.
/// `VT_EINVAL`: the deadline is negative.
#[unsafe(no_mangle)]
pub extern "C" fn vt_park(until: i64) -> vt_status {
    status(|| {
        fiber()?;
        ended(vitte_scheduler::park(deadline(until)?), until)
    })
}

/// Suspends the calling fiber, and calls `after(self, arg)` once its stack is saved. `[fib]`
///
/// From `after` on the fiber may be unparked, resumed and looked at by anybody, so this is the
/// place to put it into a queue and to release the lock of that queue. `after` runs on the
/// thread, but not on the stack, of the fiber; it must be short, must not wait, and must not use
/// the caller's locals once it has made the fiber known to a waker. It may call functions that
/// are `[any]` and do not wait. (One that waits blocks the thread; `vt_park` and `vt_suspend` answer
/// `VT_ECANCELED` there.) The fiber goes on as after `vt_park`, with the same statuses.
///
/// If there is a token already, if the fiber is canceled, or with `VT_NOW`, `after` is called
/// nevertheless, exactly once, before this returns. Only with `VT_ECONTEXT` and `VT_EINVAL`
/// (`after` is null, or the deadline is negative) it is not.
///
/// # Safety
/// `after` may be called with `arg`, on this thread, and does not unwind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_suspend(after: vt_after, arg: *mut c_void, until: i64) -> vt_status {
    status(|| {
        fiber()?;
        let (after, limit) = (after.ok_or(VT_EINVAL)?, deadline(until)?);
        // SAFETY: by this function's contract.
        let outcome = unsafe { vitte_scheduler::suspend_with(after, arg, limit) };
        ended(outcome.map_err(|_| VT_ECONTEXT)?, until)
    })
}

/// Gives a fiber its token, and makes it run if it is parked. `[any]` Never waits. In a signal
/// handler, call `vt_unpark_from_signal`.
///
/// `VT_ESTALE`: it is gone. `VT_EINVAL`: it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn vt_unpark(fiber: vt_fiber) -> vt_status {
    status(|| vitte_scheduler::unpark(id(fiber)?).map_err(|_| VT_ESTALE))
}

/// Waits while `*word` is `expect`, until somebody calls `vt_wake` with its address. `[any]`
/// (A thread sleeps.)
///
/// The test and the beginning of the wait are one step for everybody who changes the word first
/// and wakes then. `VT_OK` means "look again": somebody woke the caller, or the word was not
/// `expect` in the first place. So it is called in a loop.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: the word was `expect`. `VT_ECANCELED`.
/// `VT_EINVAL`: `word` is null or misaligned, or the deadline is negative.
///
/// # Safety
/// `word` is null, or a live word that others access only atomically until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_wait_on(word: *const u32, expect: u32, until: i64) -> vt_status {
    status(|| {
        ensure(!word.is_null() && word.is_aligned(), VT_EINVAL)?;
        // SAFETY: aligned, and live by this function's contract.
        let word = unsafe { AtomicU32::from_ptr(word.cast_mut()) };
        ended(
            vitte_wait::wait_on(word, expect, deadline(until)?, None),
            until,
        )
    })
}

/// Wakes up to `n` who wait at the address `word`, oldest first; says how many. `[any]` Never
/// waits.
///
/// Change the word first. Its address is only compared, never followed. `UINT32_MAX` is all.
#[unsafe(no_mangle)]
pub extern "C" fn vt_wake(word: *const u32, n: u32) -> u32 {
    let woken = |count| u32::try_from(count).unwrap_or(u32::MAX);
    value(0, || woken(vitte_wait::wake(word.cast(), n as usize)))
}
