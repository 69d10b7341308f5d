//! Waiting for descriptors.

use crate::{
    VT_ECANCELED, VT_ECLOSED, VT_EINVAL, VT_ESYS, VT_EUNSUPPORTED, VT_OK,
    boundary::{Answer, Out, ensure, status},
    deadline::{deadline, late},
    handle,
    port::Case,
    vt_runtime, vt_status,
};
use std::{io, os::fd::BorrowedFd};
use vitte_channels::select::{Arm, Chosen};
use vitte_scheduler::{
    Direction, ReadyArm, SourceError, block_on_descriptor, descriptor_arm, wait_for_descriptor,
};
use vitte_wait::Deadline;

/// Of a descriptor: something can be read or accepted, or it has ended or failed.
pub const VT_FD_READ: u32 = 1;
/// Of a descriptor: something can be written, a connection has been made, or it has failed.
pub const VT_FD_WRITE: u32 = 2;

/// Waits until a call on the descriptor `fd` would not block in one of the directions `events`. `[any]` (A thread sleeps.)
///
/// `*got` becomes those in which it would not; `got` may be null. Another may be quicker, so make the descriptor one that
/// does not block, try first, and wait when the try says so. Any number of fibers and threads may wait for one
/// descriptor. The runtime of the calling fiber watches it until `vt_fd_forget`, which is to be called before `close`: the
/// system tells nobody that a descriptor was closed, so whoever waits for it would notice only when something else wakes
/// him. A thread that is no fiber looks out itself while it waits, and hears of a `vt_fd_forget` all the same. A file is
/// always ready.
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
        if let Some(got) = got {
            // SAFETY: by this function's contract.
            unsafe { got.write(bits([read, write])) };
        }
        Ok(())
    })
}

/// Has the runtime watch the descriptor `fd` no more; null is the runtime of the calling fiber. `[any]`, `[fib]` with
/// null.
///
/// To be called before the descriptor is closed, for its number may be given to another one then. Whoever waits for it in
/// `vt_fd_wait` or `vt_select`, on a fiber of this runtime or on any thread that is no fiber, is woken with `VT_ECLOSED`. If
/// nobody is, and it was not watched, nothing happens, and that is no error.
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

fn bits([read, write]: [bool; 2]) -> u32 {
    (u32::from(read) * VT_FD_READ) | (u32::from(write) * VT_FD_WRITE)
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

/// A descriptor among the things that `vt_select` waits for, in one of the directions that its case names.
struct FdCase {
    arm: ReadyArm<'static>,
    fd: i32,
    direction: Direction,
    all: &'static [Direction],
    got: *mut u32,
}

/// Adds what waits for descriptor `fd` in the directions `events` to `to`: one for each.
///
/// # Safety
/// `got` is null or writable until the cases are gone, and aligned.
pub(crate) unsafe fn cases<'a>(
    fd: i32,
    events: u32,
    got: *mut u32,
    mut to: impl FnMut(Box<dyn Case + 'a>),
) -> Answer {
    let (fd, all) = (number(fd as isize)?, directions(events)?);
    for &direction in all {
        let arm = descriptor_arm(fd, direction).map_err(|error| not_ready(&error, 0))?;
        to(Box::new(FdCase {
            arm,
            fd,
            direction,
            all,
            got,
        }));
    }
    Ok(())
}

impl Case for FdCase {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        if let Some(Err(error)) = self.arm.take() {
            return not_ready(&error.into(), 0);
        }
        // SAFETY: only the number is used; if it is no descriptor's any more that is an answer.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        let ready = match block_on_descriptor(fd, self.all, Deadline::NOW, None) {
            Ok(ready) => ready,
            Err(error) if SourceError::of(&error).is_none() => return not_ready(&error, 0),
            // Somebody was quicker.
            Err(_) => [Direction::Read, Direction::Write].map(|it| it == self.direction),
        };
        if !self.got.is_null() {
            // SAFETY: by the contract of `cases`.
            unsafe { self.got.write(bits(ready)) };
        }
        VT_OK
    }
}
