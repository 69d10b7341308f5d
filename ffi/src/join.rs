//! Joining: wait for a fiber, and take its result or the text of its failure.

use crate::{
    VT_ECANCELED, VT_EDEADLK, VT_EFAILED, VT_EINTERNAL, VT_EINVAL, VT_ESTALE,
    boundary::{Answer, Out, ensure, status},
    deadline::{deadline, late},
    fiber::{id, vt_fiber},
    text, vt_status,
};
use libc::size_t;
use std::{
    ffi::{c_char, c_void},
    ptr,
};
use vitte_scheduler::RawJoinError;

/// Waits until a fiber has ended, and takes what its entry returned. `[any]` (A thread sleeps.)
///
/// A fiber is joined once: after `VT_OK` and `VT_EFAILED` its id names nobody. `result` may be
/// null, and is written on `VT_OK` only.
///
/// `VT_EFAILED`: its entry did not return; it panicked (if it is written in Rust), found no stack
/// to run on, was killed, or ended by a shutdown. `vt_join_text` tells. `VT_ETIMEDOUT`, or `VT_EAGAIN`
/// with `VT_NOW`: it lives. `VT_ECANCELED`: the *caller* was canceled; the fiber can still be
/// joined. (A fiber that runs on the caller's stack, as one may that he spawned last, is canceled with him instead.) `VT_ESTALE`: it was joined already, or never was. `VT_EINVAL`: it is 0, or detached, or
/// the deadline is negative. `VT_EDEADLK`: it is the caller.
///
/// # Safety
/// `result` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_join(
    fiber: vt_fiber,
    until: i64,
    result: *mut *mut c_void,
) -> vt_status {
    // SAFETY: by this function's contract, and no buffer.
    unsafe { vt_join_text(fiber, until, result, ptr::null_mut(), 0, ptr::null_mut()) }
}

/// As `vt_join`; and on `VT_EFAILED` gives the text of the failure, which nobody gets after this
/// call. `[any]` (A thread sleeps.)
///
/// The text is UTF-8. As much of it as fits into `cap` bytes is written to `buf`, whole characters
/// only, with a zero byte at the end. `*len` (`len` may be null) becomes the length of all of it,
/// without the zero byte; if that is `cap` or more, some is missing. On `VT_OK` the text is empty.
/// Otherwise neither is written.
///
/// # Safety
/// `result` and `len` are each null or writable; `buf` has `cap` writable bytes, and may be null
/// if `cap` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_join_text(
    fiber: vt_fiber,
    until: i64,
    result: *mut *mut c_void,
    buf: *mut c_char,
    cap: size_t,
    len: *mut size_t,
) -> vt_status {
    status(|| {
        ensure(cap == 0 || !buf.is_null(), VT_EINVAL)?;
        let (result, len) = (Out::optional(result)?, Out::optional(len)?);
        let joined = join(fiber, until)?;
        let failure = joined.as_ref().err().map_or("", String::as_str);
        // SAFETY: by this function's contract.
        unsafe { text::write(failure, buf, cap) };
        if let Some(len) = len {
            // SAFETY: by this function's contract.
            unsafe { len.write(failure.len()) };
        }
        let value = joined.map_err(|_| VT_EFAILED)?;
        if let Some(result) = result {
            // SAFETY: by this function's contract.
            unsafe { result.write(value) };
        }
        Ok(())
    })
}

/// What the join of a select came to.
pub(crate) fn joined(outcome: Option<Result<*mut c_void, RawJoinError>>) -> Answer<*mut c_void> {
    match outcome {
        Some(Ok(value)) => Ok(value),
        Some(Err(RawJoinError::Stale)) => Err(VT_ESTALE),
        Some(Err(RawJoinError::Deadlock)) => Err(VT_EDEADLK),
        Some(Err(RawJoinError::Detached)) => Err(VT_EINVAL),
        Some(Err(_)) => Err(VT_EFAILED),
        None => Err(VT_EINTERNAL),
    }
}

/// What a fiber that ended came to: its result, or the text of its failure.
fn join(fiber: vt_fiber, until: i64) -> Answer<Result<*mut c_void, String>> {
    match vitte_scheduler::join_raw(id(fiber)?, deadline(until)?) {
        Ok(result) => Ok(Ok(result)),
        Err(RawJoinError::Panicked(text)) => Ok(Err(text)),
        Err(RawJoinError::TimedOut) => Err(late(until)),
        Err(RawJoinError::Canceled) => Err(VT_ECANCELED),
        Err(RawJoinError::Stale) => Err(VT_ESTALE),
        Err(RawJoinError::Deadlock) => Err(VT_EDEADLK),
        Err(RawJoinError::Detached) => Err(VT_EINVAL),
        // Killed, not started, and whatever else may keep a fiber from returning.
        Err(error) => Ok(Err(error.to_string())),
    }
}
