//! A descriptor that is known to a scheduler, for whoever tries something on it and may have to wait.

use super::{
    Poller, Reactor,
    entry::{CLOSED, ENDED, Entry, LOST},
};
use crate::{
    Scheduler,
    shared::Shared,
    worker::{self, current_task},
};
use std::{
    error::Error,
    fmt, io,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr,
    sync::Arc,
};
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopToken, Wait,
    facade::atomic::{AtomicU32, Ordering::Relaxed},
};

/// What somebody wants to do with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Direction {
    /// To take something from it: to read, to receive, to accept.
    Read = 0,
    /// To give something to it: to write, to send, to have connected.
    Write = 1,
}

impl Direction {
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Read => Reason::Readable,
            Self::Write => Reason::Writable,
        }
    }
}

/// How many edges of a direction had come when somebody looked: see [`Source::seen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(pub(super) u32);

/// A descriptor that is registered with a scheduler's pollers, in both directions, until this is dropped.
///
/// The rule is to [see](Self::seen), to try, and to [wait](Self::wait) for another edge than those seen if
/// that would block. Any number of fibers and threads may do so at once, of whatever runtime; an edge wakes
/// all that wait in its direction.
///
/// The descriptor must be one that does not block, and must be closed *after* this is dropped: its number might be another's
/// by then.
///
/// ```
/// use std::{io::{Read, Write}, os::{fd::AsFd, unix::net::UnixStream}};
/// use vitte_scheduler::{Config, Direction, Scheduler, SpawnOptions};
/// use vitte_wait::Deadline;
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let (mut ours, mut theirs) = UnixStream::pair()?;
/// ours.set_nonblocking(true)?;
/// let source = scheduler.source(ours.as_fd())?;
/// let reader = scheduler.spawn(&SpawnOptions::default(), move || loop {
///     let (seen, mut byte) = (source.seen(Direction::Read), [0]);
///     match ours.read(&mut byte) {
///         Ok(_) => return byte[0],
///         Err(_) => source.wait(Direction::Read, seen, Deadline::NEVER, None).unwrap(),
///     }
/// });
/// theirs.write_all(b"x")?;
/// assert_eq!(reader.join()?, b'x');
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Source {
    reactor: Arc<Reactor>,
    index: u32,
    fd: RawFd,
    /// What was seen before the last try that showed the direction to be exhausted.
    exhausted: [AtomicU32; 2],
}

/// What no word is.
const NOTHING: u32 = u32::MAX;

/// Why a wait for a descriptor ended without an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
    /// The source was closed, before or meanwhile.
    Closed,
    /// The runtime that watches the descriptor has ended. Whoever is not part of it may go on with another.
    RuntimeEnded,
    /// Nobody watches the descriptor, which was to be one of several things to wait for: the system or the caller's
    /// runtime has refused to, or a fiber waits for an arm that a plain thread has made.
    Unwatched,
}

impl SourceError {
    /// What kind of I/O error it is. None is `Interrupted`, after which the standard library would try again.
    ///
    /// ```
    /// use vitte_scheduler::SourceError;
    ///
    /// assert_eq!(SourceError::TimedOut.kind(), std::io::ErrorKind::TimedOut);
    /// ```
    #[must_use]
    pub fn kind(self) -> io::ErrorKind {
        match self {
            Self::TimedOut => io::ErrorKind::TimedOut,
            Self::Closed => io::ErrorKind::NotConnected,
            Self::Unwatched => io::ErrorKind::Unsupported,
            Self::Canceled | Self::Stopped | Self::RuntimeEnded => io::ErrorKind::Other,
        }
    }

    /// What an I/O error says of the wait in which it arose; `None` if it is the system's.
    ///
    /// ```
    /// use vitte_scheduler::SourceError;
    ///
    /// let error: std::io::Error = SourceError::Stopped.into();
    /// assert_eq!(SourceError::of(&error), Some(SourceError::Stopped));
    /// assert_eq!(SourceError::of(&std::io::Error::other("a fault")), None);
    /// ```
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    pub(super) fn from_outcome(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Woken => Ok(()),
            Outcome::TimedOut => Err(Self::TimedOut),
            Outcome::Canceled => Err(Self::Canceled),
            Outcome::Stopped => Err(Self::Stopped),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the deadline passed before the descriptor was ready",
            Self::Canceled => "the fiber was canceled while it waited for a descriptor",
            Self::Stopped => "the stop token was triggered before the descriptor was ready",
            Self::Closed => "it was closed, before the call or while it waited",
            Self::RuntimeEnded => "the runtime that watches the descriptor has ended",
            Self::Unwatched => {
                "nobody watches the descriptor: the system has refused to, or the arm was made on a plain thread and came to a fiber"
            }
        })
    }
}

impl Error for SourceError {}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        Self::new(error.kind(), error)
    }
}

impl Scheduler {
    /// Has the scheduler watch a descriptor. It is not watched by the scheduler of a fiber that calls, but by this one;
    /// fibers of others may wait all the same.
    ///
    /// # Errors
    /// What the system says: `PermissionDenied` for a file, which is always ready; `AlreadyExists` if another source
    /// has the same descriptor; `StorageFull` or the like at a limit. `Unsupported` on another system than
    /// Linux. [`SourceError::RuntimeEnded`] if this scheduler has ended.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// assert!(!source.is_closed());
    /// assert!(scheduler.source(ours.as_fd()).is_err(), "it is watched already");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn source(&self, fd: BorrowedFd<'_>) -> io::Result<Source> {
        Source::register(&self.0, fd.as_raw_fd())
    }
}

/// Where the descriptors of the calling fiber should lie. `None`: it is no fiber of that reactor's.
fn place_of_caller(reactor: &Arc<Reactor>) -> Option<&'static Arc<Poller>> {
    let (worker, task) = current_task()?;
    // The worker may be another after the next suspension, but its scheduler lives while it has tasks.
    let worker: &'static worker::Worker = worker;
    if !Arc::ptr_eq(&worker.shared().reactor, reactor) {
        return None;
    }
    Some(if task.is_pinned() {
        &worker.remote().bed.poller
    } else {
        &worker.shared().reactor.common
    })
}

impl Source {
    pub(super) fn register(shared: &Shared, fd: RawFd) -> io::Result<Self> {
        let reactor = &shared.reactor;
        let poller = place_of_caller(reactor).unwrap_or(&reactor.common);
        let index = reactor.table.take().ok_or(io::ErrorKind::StorageFull)?;
        // From here on dropping it gives the entry back.
        let source = Self {
            reactor: Arc::clone(reactor),
            index,
            fd,
            exhausted: [AtomicU32::new(NOTHING), AtomicU32::new(NOTHING)],
        };
        source.entry().occupy(index, source.fd, poller)?;
        shared.idle.source_added(shared, poller);
        if reactor.is_closed() {
            return Err(SourceError::RuntimeEnded.into());
        }
        Ok(source)
    }

    pub(super) fn entry(&self) -> &Entry {
        let entry = self.reactor.table.get(self.index);
        entry.unwrap_or_else(|| unreachable!("a source has its entry"))
    }

    /// What to call before a try: whatever comes after it ends a [wait](Self::wait) for what comes after it.
    ///
    /// ```
    /// use std::{io::Write, os::{fd::AsFd, unix::net::UnixStream}};
    /// use vitte_scheduler::{Config, Direction, Scheduler};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// let seen = source.seen(Direction::Read);
    /// theirs.write_all(b"x")?;
    /// assert_eq!(source.wait(Direction::Read, seen, Deadline::NEVER, None), Ok(()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn seen(&self, direction: Direction) -> Seen {
        Seen(self.entry().word(direction as usize))
    }

    /// Says that a try after `seen` took or gave all there was: there is no need for another before an edge.
    ///
    /// A try that took less than it had room for says so too, if the descriptor is one of a stream whose
    /// pieces have no bounds.
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Direction, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// let seen = source.seen(Direction::Read);
    /// source.set_exhausted(Direction::Read, seen);
    /// assert!(source.is_exhausted(Direction::Read, seen));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn set_exhausted(&self, direction: Direction, seen: Seen) {
        if seen.0 & ENDED == 0 {
            self.exhausted[direction as usize].store(seen.0, Relaxed);
        }
    }

    /// Whether a try is known to be vain.
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Direction, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// let seen = source.seen(Direction::Read);
    /// assert!(!source.is_exhausted(Direction::Read, seen), "nobody has tried");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn is_exhausted(&self, direction: Direction, seen: Seen) -> bool {
        self.exhausted[direction as usize].load(Relaxed) == seen.0
    }

    /// Waits for another edge than those seen, until `deadline` at the latest, or until `stop` is
    /// triggered. Returns at once if there was one.
    ///
    /// # Errors
    /// [`SourceError`]; nothing is lost by it, and another wait may follow.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// Ends as [`SourceError::Canceled`].
    ///
    /// # Panics
    /// As [`Wait::begin`].
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Direction, Scheduler, SourceError};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// source.close();
    /// let ended = source.wait(Direction::Read, source.seen(Direction::Read), Deadline::NEVER, None);
    /// assert_eq!(ended, Err(SourceError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(
        &self,
        direction: Direction,
        seen: Seen,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SourceError> {
        self.settle();
        let (entry, side) = (self.entry(), direction as usize);
        let wait = Wait::begin(direction.reason(), ptr::from_ref(entry).cast());
        let node = Node::new(wait.ticket(), ptr::null_mut());
        // SAFETY: the node stays in this frame until it was popped, which the outcome says, or taken out.
        let outcome = if unsafe { entry.enlist(side, seen.0, &node) } {
            let outcome = wait.park(deadline, stop);
            if outcome != Outcome::Woken {
                // SAFETY: it was enlisted there.
                unsafe { entry.delist(side, &node) };
            }
            outcome
        } else {
            wait.withdraw().err().unwrap_or(Outcome::Woken)
        };
        SourceError::from_outcome(outcome)?;
        self.check(direction)
    }

    pub(super) fn check(&self, direction: Direction) -> Result<(), SourceError> {
        let word = self.entry().word(direction as usize);
        if word & CLOSED != 0 {
            Err(SourceError::Closed)
        } else if word & LOST != 0 {
            Err(SourceError::RuntimeEnded)
        } else {
            Ok(())
        }
    }

    /// Sees to it that the one who is about to wait is woken by the one who can run him.
    #[inline]
    pub(super) fn settle(&self) {
        if let Some(place) = place_of_caller(&self.reactor)
            && !self.entry().is_at(place)
        {
            self.settle_at(place);
        }
    }

    #[cold]
    fn settle_at(&self, place: &Arc<Poller>) {
        let common = &self.reactor.common;
        let is_common = self.entry().move_to(self.index, place, common);
        if let Some(worker) = worker::current() {
            let shared = worker.shared();
            shared
                .idle
                .source_added(shared, if is_common { common } else { place });
        }
    }

    /// Whether a try would not block, as the system sees it now. An error and the end count as ready.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::{io::Write, os::{fd::AsFd, unix::net::UnixStream}};
    /// use vitte_scheduler::{Config, Direction, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// assert!(!source.is_ready(Direction::Read));
    /// theirs.write_all(b"x")?;
    /// assert!(source.is_ready(Direction::Read));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_ready(&self, direction: Direction) -> bool {
        is_ready(self.fd, direction)
    }

    /// Whether the runtime that watches it has ended.
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Scheduler, ShutdownMode};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// assert!(!source.is_lost());
    /// scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
    /// assert!(source.is_lost());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.check(Direction::Read) == Err(SourceError::RuntimeEnded)
    }

    /// The number of the descriptor.
    ///
    /// ```
    /// use std::os::{fd::{AsFd, AsRawFd}, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// assert_eq!(source.as_raw_fd(), ours.as_raw_fd());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn as_raw_fd(&self) -> RawFd {
        self.fd
    }

    /// Takes the descriptor out, and wakes everybody who waits for it, with [`SourceError::Closed`]; so end later
    /// waits. The descriptor itself stays open, so its number is nobody else's while somebody may still use it.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// source.close();
    /// assert!(source.is_closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        self.entry().close();
    }

    /// Whether it was [closed](Self::close).
    ///
    /// ```
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// assert!(!source.is_closed());
    /// source.close();
    /// assert!(source.is_closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.check(Direction::Read) == Err(SourceError::Closed)
    }
}

/// See [`Source::is_ready`].
#[cfg(not(any(loom, shuttle)))]
pub(super) fn is_ready(fd: RawFd, direction: Direction) -> bool {
    super::thread::is_ready(fd, direction)
}

/// A model has no descriptors: what is woken was ready.
#[cfg(any(loom, shuttle))]
pub(super) fn is_ready(_: RawFd, _: Direction) -> bool {
    false
}

impl Drop for Source {
    fn drop(&mut self) {
        self.entry().vacate();
        self.reactor.table.give(self.index);
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [readers, writers] = self.entry().waiters();
        f.debug_struct("Source")
            .field("fd", &self.fd)
            .field("closed", &self.is_closed())
            .field("readers", &readers)
            .field("writers", &writers)
            .finish_non_exhaustive()
    }
}
