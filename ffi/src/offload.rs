//! Blocking calls on threads of their own, while the calling fiber waits.

use crate::{
    VT_ECANCELED, VT_EFAILED, VT_EINTERNAL, VT_EINVAL, VT_ESHUTDOWN, VT_ESYS,
    boundary::{ensure, status},
    callback::{Argument, Invocation, vt_drop, vt_fn},
    handle, vt_runtime, vt_status,
};
use std::ffi::c_void;
use vitte_scheduler::{BlockingError, JobKind, OffloadError, Scheduler};
use vitte_wait::Deadline;

/// For jobs that wait for the outside world: many run at a time (512 by default).
pub const VT_JOB_IO: u32 = 0;
/// For jobs that compute for long: as many run at a time as there are processors.
pub const VT_JOB_CPU: u32 = 1;

/// Runs `f(arg)` on a thread of a pool; the calling fiber waits for its end, and its worker goes on.
/// `[any]`, `[fib]` with null for `rt`. (A plain thread runs it itself.)
///
/// `kind` is one of `VT_JOB_...`. The pool starts threads as they are needed, up to a limit; beyond that
/// jobs wait in line. As the caller waits until `f` has returned, `arg` may be on its stack. If `f` is
/// never called, `drop(arg)` is, unless `drop` is null.
///
/// `VT_ECANCELED`: the caller was canceled before `f` was called; after that it is waited for, and the
/// answer is `VT_OK`. `VT_EFAILED`: `f`, written in Rust, panicked. `VT_EINVAL`: `f` is null, or no such
/// kind. `VT_ECONTEXT`: null for `rt`, not on a fiber. `VT_ESTALE`, `VT_ESHUTDOWN`. `VT_ESYS`: the system
/// gave no thread.
///
/// # Safety
/// `f` may be called with `arg` on another thread, once; `drop` in its place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_offload(
    rt: *mut vt_runtime,
    kind: u32,
    f: vt_fn,
    arg: *mut c_void,
    drop: vt_drop,
) -> vt_status {
    // SAFETY: by this function's contract.
    let argument = unsafe { Argument::take(arg, drop) };
    status(move || {
        ensure(f.is_some(), VT_EINVAL)?;
        let kind = match kind {
            VT_JOB_IO => JobKind::Io,
            VT_JOB_CPU => JobKind::Cpu,
            _ => return Err(VT_EINVAL),
        };
        let scheduler = handle::get(rt)?;
        // SAFETY: by this function's contract; the argument is kept until the call was made, or not.
        let call = unsafe { Invocation::new(f, arg) }?;
        let job = move || {
            argument.spend();
            call.make();
        };
        scheduler
            .offload_with(kind, job, Deadline::NEVER, None)
            .map_err(|error| failed(&error))
    })
}

/// Makes the blocking call `f(arg)` on a thread of a pool, while the calling fiber waits; `unblock(uarg)`
/// ends it early. `[any]` (A thread that is not attached makes the call itself, and nobody unblocks it.)
///
/// If the caller is canceled meanwhile, as a shutdown does, `unblock(uarg)` is called where it waits, once,
/// while `f` runs, or has just returned but its thread has not gone on to anything else. Then the call is
/// waited for. When this returns, neither runs any more. `unblock` may be null.
///
/// `VT_ECANCELED`: the caller was canceled; `f` was unblocked, or not called. Otherwise as for
/// `vt_offload`.
///
/// # Safety
/// `f` may be called with `arg` on another thread, and `unblock` with `uarg` on this one meanwhile, once
/// each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_call_blocking(
    f: vt_fn,
    arg: *mut c_void,
    unblock: vt_fn,
    uarg: *mut c_void,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let call = unsafe { Invocation::new(f, arg) }?;
        let unblock = match unblock {
            // SAFETY: by this function's contract.
            Some(_) => Some(unsafe { Invocation::new(unblock, uarg) }?),
            None => None,
        };
        let Some(scheduler) = Scheduler::current() else {
            return call.make_caught();
        };
        let unblock = move || unblock.into_iter().for_each(Invocation::make);
        match scheduler.call_blocking_with(move || call.make(), unblock, Deadline::NEVER, None) {
            Ok(()) => Ok(()),
            Err(BlockingError::Unblocked { .. }) => Err(VT_ECANCELED),
            Err(BlockingError::Offload(error)) => Err(failed(&error)),
            Err(_) => Err(VT_EINTERNAL),
        }
    })
}

fn failed(error: &OffloadError) -> vt_status {
    match error {
        OffloadError::Panicked(_) => VT_EFAILED,
        OffloadError::Canceled | OffloadError::Stopped | OffloadError::TimedOut => VT_ECANCELED,
        OffloadError::ShuttingDown => VT_ESHUTDOWN,
        OffloadError::Thread(_) => VT_ESYS,
        _ => VT_EINTERNAL,
    }
}
