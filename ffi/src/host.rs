//! Runtimes that their host drives: a thread is lent to them, a call at a time.

use crate::{
    VT_EBUSY, VT_ECONTEXT, VT_EINTERNAL, VT_EINVAL, VT_ELIMIT, VT_EPERM, VT_ESHUTDOWN, VT_ESYS,
    VT_ETIMEDOUT, VT_FOREVER, VT_NOW,
    boundary::{Answer, Out, ensure, status, value},
    callback::{Shared, vt_drop, vt_fn},
    deadline::deadline,
    handle, vt_runtime, vt_status,
};
use libc::intptr_t;
use std::{ffi::c_void, os::fd::AsRawFd};
use vitte_scheduler::{DriveError, Driver, Ran, Why};
use vitte_wait::Deadline;

/// Lends the calling thread to a runtime that was made with `VT_HOST_DRIVEN`: runs fibers, in turn, until
/// none is ready, `max_steps` turns were run (0: no limit), or the deadline has come. `[any]`, but not on a
/// fiber.
///
/// With `VT_NOW` it never waits, however long what is ready takes; with a later deadline, it waits for
/// work until then while nothing is ready. A fiber that runs when the deadline comes gives way at its next
/// `vt_poll`, or when it waits. `*steps`, if `steps` is not null, is how many turns were run: a turn
/// lasts until the fiber waits, yields, ends, or has used up a time slice.
///
/// `VT_OK`: nothing is ready, and from now on the host is woken when something is. `VT_ETIMEDOUT`,
/// `VT_ELIMIT`: the time is over, or the turns are, and more may be ready: call again. `*steps` is written
/// with these three. `VT_EBUSY`: another thread drives the runtime. `VT_EPERM`: fibers that cannot leave
/// the thread on which they have begun, another one, are alive. `VT_ECONTEXT`: called on a fiber.
/// `VT_ESHUTDOWN`: the runtime is being shut down. `VT_EINVAL`: `rt` is null, or has threads of its own, or
/// the deadline is negative, or `steps` is misaligned. `VT_ESTALE`.
///
/// # Safety
/// `steps` is null or points to a writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_run(
    rt: *mut vt_runtime,
    max_steps: u32,
    until: i64,
    steps: *mut u32,
) -> vt_status {
    // SAFETY: by this function's contract.
    status(|| unsafe { run(rt, max_steps, until, steps, Driver::run) })
}

/// As `vt_run`, but never waits: runs what is ready, for no longer than until the deadline. At least one turn is
/// run, if any fiber is ready. `[any]`, but not on a fiber.
///
/// # Safety
/// `steps` is null or points to a writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_run_ready(
    rt: *mut vt_runtime,
    max_steps: u32,
    until: i64,
    steps: *mut u32,
) -> vt_status {
    // SAFETY: by this function's contract.
    status(|| unsafe { run(rt, max_steps, until, steps, Driver::run_ready) })
}

/// # Safety
/// `steps` is null or points to a writable number.
unsafe fn run(
    rt: *mut vt_runtime,
    max_steps: u32,
    until: i64,
    steps: *mut u32,
    drive: fn(&Driver, u64, Deadline) -> Result<Ran, DriveError>,
) -> Answer {
    let steps = Out::optional(steps)?;
    let most = match max_steps {
        0 => u64::MAX,
        most => most.into(),
    };
    let ran = drive(&driver(rt)?, most, deadline(until)?).map_err(not_driven)?;
    if let Some(steps) = steps {
        // SAFETY: by the caller.
        unsafe { steps.write(u32::try_from(ran.steps).unwrap_or(u32::MAX)) };
    }
    match ran.why {
        Why::NothingReady => Ok(()),
        Why::Deadline => Err(VT_ETIMEDOUT),
        Why::Steps => Err(VT_ELIMIT),
        Why::ShutDown => Err(VT_ESHUTDOWN),
        _ => Err(VT_EINTERNAL),
    }
}

/// When to call `vt_run` next, if the host is not woken before: `VT_NOW` if something may be ready,
/// `VT_FOREVER` if only a wake-up can bring something. At times earlier than need be, and up to 229 microseconds later
/// than what a fiber waits for. `[any]`
///
/// Otherwise a negative status. `VT_EINVAL`: `rt` is null, or has threads of its own. `VT_ESTALE`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_next_deadline(rt: *mut vt_runtime) -> i64 {
    value(VT_EINTERNAL.into(), || match driver(rt) {
        Ok(driver) => match driver.next_deadline() {
            Deadline::NOW => VT_NOW,
            deadline => i64::try_from(deadline.as_nanos()).unwrap_or(VT_FOREVER),
        },
        Err(status) => status.into(),
    })
}

/// What is readable while there is something to do for `vt_run`: a fiber is ready, a deadline has come, or
/// more is left than the last call had time for. `[any]`
///
/// On Linux it is a file descriptor. It is the runtime's, and stays the same until that is shut down: wait until
/// it is readable, by `poll`, `epoll` or whatever, but never read it, write it or close it.
///
/// `VT_EINVAL`: `rt` is null, or has threads of its own, or `handle` is null or misaligned. `VT_ESYS`: the operating system
/// gave no descriptor, or has none of this kind. `VT_ESTALE`.
///
/// # Safety
/// `handle` is null or points to a writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_wait_handle(rt: *mut vt_runtime, handle: *mut intptr_t) -> vt_status {
    status(|| {
        let out = Out::new(handle)?;
        let driver = driver(rt)?;
        let lent = driver.wait_handle().map_err(|_| VT_ESYS)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(lent.as_raw_fd() as intptr_t) };
        Ok(())
    })
}

/// Has `wake(arg)` called once each time there is something to do again after `vt_run` has answered `VT_OK`,
/// on whatever thread brings it. `[any]`
///
/// Not for deadlines, nor for what a signal handler does; and at times once too often. `wake` must not wait,
/// nor call anything for this runtime: it makes the host's loop come round. It takes the place of the one
/// before, of which a call may be under way. Null for `wake`: nobody is called. `arg` belongs to the library
/// from the call on, whatever comes of it: `drop` gets it when no call will use it any more.
///
/// `VT_EINVAL`: `rt` is null, or has threads of its own. `VT_ESTALE`.
///
/// # Safety
/// `wake` may be called with `arg` on any thread, also several at once; afterwards `drop` may, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_set_host_wake(
    rt: *mut vt_runtime,
    wake: vt_fn,
    arg: *mut c_void,
    drop: vt_drop,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let arg = unsafe { Shared::take(arg, drop) };
        let driver = driver(rt)?;
        driver.set_wake(wake.map(|wake| {
            move || {
                // SAFETY: by this function's contract.
                unsafe { wake(arg.get()) };
            }
        }));
        Ok(())
    })
}

/// What drives the runtime that `rt` names.
fn driver(rt: *mut vt_runtime) -> Answer<Driver> {
    ensure(!rt.is_null(), VT_EINVAL)?;
    handle::get(rt)?.driver().ok_or(VT_EINVAL)
}

fn not_driven(error: DriveError) -> vt_status {
    match error {
        DriveError::NotAThread => VT_ECONTEXT,
        DriveError::Busy => VT_EBUSY,
        DriveError::OtherThread(_) => VT_EPERM,
        DriveError::ShutDown => VT_ESHUTDOWN,
        _ => VT_EINTERNAL,
    }
}
