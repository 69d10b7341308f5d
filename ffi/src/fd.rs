//! Waiting for descriptors.

use crate::{
    VT_ECANCELED, VT_ECLOSED, VT_EINVAL, VT_ESYS, VT_EUNSUPPORTED,
    boundary::{Answer, Out, ensure, status},
    deadline::{deadline, late},
    handle, vt_runtime, vt_status,
};
use std::io;
use vitte_scheduler::{Direction, SourceError, wait_for_descriptor};

/// Of a descriptor: something can be read or accepted, or it has ended or failed.
pub const VT_FD_READ: u32 = 1;
/// Of a descriptor: something can be written, a connection has been made, or it has failed.
pub const VT_FD_WRITE: u32 = 2;

/// Waits until a call on the descriptor `fd` would not block in one of the directions `events`. `[any]` (A thread sleeps.)
///
/// `*got` becomes those in which it would not; `got` may be null. Another may be quicker, so make the descriptor one that
/// does not block, try first, and wait when the try says so. Any number of fibers and threads may wait for one
/// descriptor. The runtime of the calling fiber watches it until `vt_fd_forget`, which is to be called before `close`. A
/// file is always ready.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`. `VT_ECANCELED`. `VT_ECLOSED`: `vt_fd_forget` was called meanwhile.
/// `VT_EINVAL`: `events` is 0, or there is no such descriptor. `VT_EUNSUPPORTED`: an event this version does not
/// know, or a system that it does not know to watch. `VT_ESYS`: the operating system refused, at a limit say.
///
/// # Safety
/// `got` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_fd_wait(
    fd: isize,
    events: u32,
    until: i64,
    got: *mut u32,
) -> vt_status {
    status(|| {
        let got = Out::optional(got)?;
        let (fd, limit) = (number(fd)?, deadline(until)?);
        let [read, write] = wait_for_descriptor(fd, directions(events)?, limit, None)
            .map_err(|error| not_ready(&error, until))?;
        let ready = (u32::from(read) * VT_FD_READ) | (u32::from(write) * VT_FD_WRITE);
        if let Some(got) = got {
            // SAFETY: by this function's contract.
            unsafe { got.write(ready) };
        }
        Ok(())
    })
}

/// Has the runtime watch the descriptor `fd` no more; null is the runtime of the calling fiber. `[any]`, `[fib]` with
/// null.
///
/// To be called before the descriptor is closed, for its number may be given to another one then. Whoever waits for it in
/// `vt_fd_wait` is woken with `VT_ECLOSED`. If it was not watched nothing happens, and that is no error.
///
/// `VT_EINVAL`: `fd` cannot be a descriptor. `VT_ESTALE`. `VT_ECONTEXT`: null, and not called on a fiber.
#[unsafe(no_mangle)]
pub extern "C" fn vt_fd_forget(rt: *mut vt_runtime, fd: isize) -> vt_status {
    status(|| {
        let fd = number(fd)?;
        handle::get(rt)?.forget_descriptor(fd);
        Ok(())
    })
}

fn number(fd: isize) -> Answer<i32> {
    let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0);
    fd.ok_or(VT_EINVAL)
}

fn directions(events: u32) -> Answer<&'static [Direction]> {
    ensure(events & !(VT_FD_READ | VT_FD_WRITE) == 0, VT_EUNSUPPORTED)?;
    match events {
        0 => Err(VT_EINVAL),
        VT_FD_READ => Ok(&[Direction::Read]),
        VT_FD_WRITE => Ok(&[Direction::Write]),
        _ => Ok(&[Direction::Read, Direction::Write]),
    }
}

fn not_ready(error: &io::Error, until: i64) -> vt_status {
    match SourceError::of(error) {
        Some(SourceError::TimedOut) => late(until),
        Some(SourceError::Canceled | SourceError::Stopped) => VT_ECANCELED,
        Some(SourceError::Closed | SourceError::RuntimeEnded) => VT_ECLOSED,
        Some(_) => VT_EUNSUPPORTED,
        None if error.raw_os_error() == Some(libc::EBADF) => VT_EINVAL,
        None if error.kind() == io::ErrorKind::Unsupported => VT_EUNSUPPORTED,
        None => VT_ESYS,
    }
}
