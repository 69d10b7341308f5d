//! Waiting for a descriptor with the thread, without any scheduler.

use super::source::{Direction, SourceError};
use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::Arc,
};
use vitte_wait::{Bed, Deadline, Lookout, StopToken};

fn events(direction: Direction) -> i16 {
    match direction {
        Direction::Read => libc::POLLIN | libc::POLLPRI | libc::POLLRDHUP,
        Direction::Write => libc::POLLOUT,
    }
}

fn asked(fd: RawFd, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

/// `poll(2)`, until `deadline` at the latest. Whether anything is ready.
fn poll(asked: &mut [libc::pollfd], deadline: Deadline) -> io::Result<bool> {
    loop {
        let millis = match deadline.remaining() {
            None => -1,
            // Rounded up: rather late than round and round.
            Some(left) => i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
        };
        let count = asked.len() as libc::nfds_t;
        // SAFETY: as many entries are alive and writable.
        let ready = unsafe { libc::poll(asked.as_mut_ptr(), count, millis) };
        if ready > 0 {
            return Ok(true);
        }
        if ready < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        } else if deadline.is_past() {
            return Ok(false);
        }
    }
}

/// Whether something could be done at once in this direction. Of a descriptor that is none, yes: the try says so.
#[cfg(not(any(loom, shuttle)))]
pub(super) fn is_ready(fd: RawFd, direction: Direction) -> bool {
    poll(&mut [asked(fd, events(direction))], Deadline::NOW).unwrap_or(true)
}

/// Fails if the number is no descriptor's.
#[cfg(not(any(loom, shuttle)))]
pub(super) fn check(fd: RawFd) -> io::Result<()> {
    // SAFETY: no pointers are passed, and a number that is no descriptor's is refused.
    match unsafe { libc::fcntl(fd, libc::F_GETFD) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Blocks the calling thread until a try on `fd` in one of `directions` would not block, `deadline` passes or `stop` is
/// triggered. Says in which directions.
///
/// What a plain thread does that belongs to no runtime. On a fiber it blocks the worker.
///
/// # Errors
/// [`SourceError::TimedOut`], [`SourceError::Stopped`] inside an [`io::Error`], or what the system says.
///
/// # Blocking
/// The thread.
///
/// # Cancellation
/// None.
///
/// ```
/// use std::{io::Write, os::{fd::AsFd, unix::net::UnixStream}, time::Duration};
/// use vitte_scheduler::{Direction, block_on_descriptor};
/// use vitte_wait::Deadline;
///
/// let (ours, mut theirs) = UnixStream::pair()?;
/// let soon = Deadline::after(Duration::from_millis(1));
/// let nothing = block_on_descriptor(ours.as_fd(), &[Direction::Read], soon, None);
/// assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// theirs.write_all(b"x")?;
/// let both = [Direction::Read, Direction::Write];
/// assert_eq!(block_on_descriptor(ours.as_fd(), &both, Deadline::NEVER, None)?, [true, true]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn block_on_descriptor(
    fd: BorrowedFd<'_>,
    directions: &[Direction],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<[bool; 2]> {
    block(fd.as_raw_fd(), directions, deadline, stop)
}

/// As [`block_on_descriptor`], of a number that may be no descriptor's.
pub(super) fn block(
    fd: RawFd,
    directions: &[Direction],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<[bool; 2]> {
    let events = directions
        .iter()
        .fold(0, |all, &direction| all | events(direction));
    let bell = match stop {
        Some(stop) if stop.is_stopped() => return Err(SourceError::Stopped.into()),
        Some(_) if deadline != Deadline::NOW => Some(Arc::new(Bell::new()?)),
        _ => None,
    };
    let until = stop.map_or(deadline, |stop| stop.deadline().min(deadline));
    let hook = stop
        .zip(bell.clone())
        .map(|(stop, bell)| stop.then(move || bell.strike()));
    let number = bell.as_ref().map_or(-1, |bell| bell.0.as_raw_fd());
    // A negative number is passed over.
    let mut both = [asked(fd, events), asked(number, libc::POLLIN)];
    let found = poll(&mut both, until);
    if let Some(hook) = hook {
        hook.remove();
    }
    found?;
    let got = both[0].revents;
    if got & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let failed = got & (libc::POLLERR | libc::POLLHUP) != 0;
    if got == 0 {
        let stopped = stop.is_some_and(StopToken::is_stopped);
        return Err(if stopped {
            SourceError::Stopped
        } else {
            SourceError::TimedOut
        }
        .into());
    }
    let ready = |direction| {
        directions.contains(&direction) && (failed || got & self::events(direction) != 0)
    };
    Ok([Direction::Read, Direction::Write].map(ready))
}

/// Adds `fd` to what a thread looks out for that waits in a select.
pub(super) fn look_out(fd: RawFd, direction: Direction, lookout: &mut Lookout) -> io::Result<()> {
    // A number below zero is no descriptor's, and ready, so nobody gets here with it.
    let what = u64::from(fd.cast_unsigned()) << 1 | direction as u64;
    lookout.add(what, || Ok(Arc::new(Bell::new()?)))
}

/// What a bit and a number stand for: see [`look_out`].
fn meant(what: u64) -> (RawFd, Direction) {
    let direction = match what & 1 {
        0 => Direction::Read,
        _ => Direction::Write,
    };
    (((what >> 1) as u32).cast_signed(), direction)
}

/// A descriptor by which whoever sleeps in `poll` is woken; never taken back.
#[derive(Debug)]
struct Bell(OwnedFd);

impl Bell {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}

impl Bed for Bell {
    fn sleep(&self, what: &[u64], deadline: Deadline) -> bool {
        let mut what: Vec<_> = what.iter().copied().map(meant).collect();
        // The system takes no more entries than there may be descriptors.
        what.sort_unstable_by_key(|&(fd, _)| fd);
        let one = |same: &[(RawFd, Direction)]| {
            let all = same.iter().fold(0, |all, &(_, it)| all | events(it));
            asked(same[0].0, all)
        };
        let same = what.chunk_by(|a, b| a.0 == b.0);
        let mut all = vec![asked(self.0.as_raw_fd(), libc::POLLIN)];
        all.extend(same.map(one));
        match poll(&mut all, deadline) {
            Ok(_) => all[1..].iter().any(|it| it.revents != 0),
            // Then the attempts look.
            Err(_) => true,
        }
    }

    fn strike(&self) {
        let stroke = 1_u64;
        // SAFETY: eight bytes of a live number; the count of a bell that is struck once or twice is not full.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const stroke).cast(), 8) };
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::{
        os::{fd::AsFd, unix::net::UnixStream},
        time::Duration,
    };
    use vitte_wait::{StopSource, facade::thread};

    #[test]
    fn a_stop_ends_a_thread_s_wait() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let source = StopSource::new();
        let token = source.token();
        let waiter = thread::spawn(move || {
            let long = Deadline::after(Duration::from_secs(60));
            block_on_descriptor(ours.as_fd(), &[Direction::Read], long, Some(&token))
        });
        while source.callbacks() == 0 && !waiter.is_finished() {
            thread::yield_now();
        }
        source.stop();
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(SourceError::of(&error), Some(SourceError::Stopped));
        assert_eq!(source.callbacks(), 0, "the hook is gone");
    }

    #[test]
    fn a_token_with_a_deadline_ends_a_thread_s_wait_as_stopped() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let token = StopToken::after(Duration::from_millis(2));
        let error = block_on_descriptor(
            ours.as_fd(),
            &[Direction::Read],
            Deadline::NEVER,
            Some(&token),
        );
        assert_eq!(
            SourceError::of(&error.unwrap_err()),
            Some(SourceError::Stopped)
        );
    }

    #[test]
    fn the_end_of_the_other_side_is_ready_in_both_directions() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        assert!(!is_ready(ours.as_raw_fd(), Direction::Read));
        drop(theirs);
        assert!(is_ready(ours.as_raw_fd(), Direction::Read));
        let both = [Direction::Read, Direction::Write];
        let got = block_on_descriptor(ours.as_fd(), &both, Deadline::NEVER, None);
        assert_eq!(got.unwrap(), [true, true]);
    }
}
