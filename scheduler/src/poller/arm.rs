//! That a descriptor is ready, as one of several things that somebody waits for.

#[cfg(not(any(loom, shuttle)))]
use super::attended::Attendance;
use super::{
    source::{Direction, Seen, Source, SourceError, is_ready},
    thread,
};
use crate::Scheduler;
use std::{
    cell::Cell,
    fmt,
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr,
    sync::Arc,
};
use vitte_wait::{
    Deadline, Lookout, Node, Reason, StopToken, current,
    select::{Arm, Chosen},
};

/// Goes when a try would not block, and yields `Ok`; the try may still find that another was quicker. Goes too
/// when there is nothing to wait for any more, or nobody who watches, and yields why.
///
/// Made by [`Source::readable_arm`] and [`Source::writable_arm`], and for descriptors that nobody watches by
/// [`ReadyArm::of`].
pub struct ReadyArm<'a> {
    watch: Watch<'a>,
    direction: Direction,
    seen: Seen,
    outcome: Option<Result<(), SourceError>>,
}

/// Who notices.
enum Watch<'a> {
    /// The scheduler of a source that somebody else has.
    Lent(&'a Source),
    /// The scheduler of a source that is the arm's own, or known by its number.
    Kept(Arc<Source>),
    /// The thread that waits.
    Alone(Alone),
}

/// A descriptor that is looked at by the thread that waits for it.
struct Alone {
    fd: RawFd,
    closing: Closing,
    /// The system has refused what the thread needs to look out.
    refused: Cell<bool>,
}

/// Who tells the thread that the descriptor is about to be closed.
enum Closing {
    Nobody,
    /// Whoever stops this.
    Token(StopToken),
    /// Whoever has its number forgotten.
    #[cfg(not(any(loom, shuttle)))]
    Number(Attendance),
}

impl Closing {
    fn token(&self) -> Option<&StopToken> {
        match self {
            Self::Nobody => None,
            Self::Token(token) => Some(token),
            #[cfg(not(any(loom, shuttle)))]
            Self::Number(attendance) => Some(attendance.forgotten()),
        }
    }
}

impl Source {
    /// That there is something to read, or to accept, as one of several things that the caller waits for: see
    /// [`select`](vitte_wait::select).
    ///
    /// ```
    /// use std::{io::Write, os::{fd::AsFd, unix::net::UnixStream}, time::Duration};
    /// use vitte_scheduler::{Config, Scheduler};
    /// use vitte_wait::{Deadline, select::{Chosen, after, select}};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let source = scheduler.source(ours.as_fd())?;
    /// theirs.write_all(b"x")?;
    /// let (mut ready, mut late) = (source.readable_arm(), after(Duration::from_secs(60)));
    /// assert_eq!(select(&mut [&mut late, &mut ready], Deadline::NEVER, None), Ok(1));
    /// assert_eq!(ready.take(), Some(Ok(())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn readable_arm(&self) -> ReadyArm<'_> {
        self.arm(Direction::Read)
    }

    /// As [`readable_arm`](Self::readable_arm), that there is room to write.
    #[must_use]
    pub fn writable_arm(&self) -> ReadyArm<'_> {
        self.arm(Direction::Write)
    }

    /// As [`readable_arm`](Self::readable_arm), for either direction.
    #[must_use]
    pub fn arm(&self, direction: Direction) -> ReadyArm<'_> {
        ReadyArm::new(Watch::Lent(self), direction)
    }
}

impl<'a> ReadyArm<'a> {
    fn new(watch: Watch<'a>, direction: Direction) -> Self {
        Self {
            watch,
            direction,
            // The next attempt looks.
            seen: Seen(0),
            outcome: None,
        }
    }

    /// Of a descriptor that has no [`Source`] of the caller's. On a fiber, its scheduler watches it while the arm is
    /// there. A plain thread looks out for it itself while it waits, without any scheduler. Who triggers `closing` lets
    /// the thread's arm go with [`SourceError::Closed`].
    ///
    /// A descriptor that another source of the fiber's scheduler has cannot be watched twice: its arm goes with
    /// [`SourceError::Unwatched`] unless it is ready; so does one that was made on a plain thread, on a fiber.
    ///
    /// ```
    /// use std::{io::Write, os::{fd::AsFd, unix::net::UnixStream}, time::Duration};
    /// use vitte_scheduler::{Direction, ReadyArm};
    /// use vitte_wait::{Deadline, select::{Chosen, after, select}};
    ///
    /// // No scheduler anywhere: the thread that waits looks itself.
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let mut ready = ReadyArm::of(ours.as_fd(), Direction::Read, None);
    /// let mut late = after(Duration::from_millis(1));
    /// assert_eq!(select(&mut [&mut ready, &mut late], Deadline::NEVER, None), Ok(1));
    /// theirs.write_all(b"x")?;
    /// assert_eq!(select(&mut [&mut ready], Deadline::NEVER, None), Ok(0));
    /// assert_eq!(ready.take(), Some(Ok(())));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn of(fd: BorrowedFd<'a>, direction: Direction, closing: Option<StopToken>) -> Self {
        match Scheduler::current().and_then(|it| it.source(fd).ok()) {
            Some(source) => Self::kept(Arc::new(source), direction),
            None => {
                let closing = closing.map_or(Closing::Nobody, Closing::Token);
                Self::alone(fd.as_raw_fd(), direction, closing)
            }
        }
    }

    pub(super) fn kept(source: Arc<Source>, direction: Direction) -> Self {
        Self::new(Watch::Kept(source), direction)
    }

    /// Of a number that may be no descriptor's, and may be [forgotten](super::attended::forget).
    #[cfg(not(any(loom, shuttle)))]
    pub(super) fn numbered(fd: RawFd, direction: Direction) -> Self {
        Self::alone(fd, direction, Closing::Number(Attendance::new(fd)))
    }

    fn alone(fd: RawFd, direction: Direction, closing: Closing) -> Self {
        let alone = Alone {
            fd,
            closing,
            refused: Cell::new(false),
        };
        Self::new(Watch::Alone(alone), direction)
    }
}

impl Watch<'_> {
    fn source(&self) -> Result<&Source, &Alone> {
        match self {
            Self::Lent(source) => Ok(source),
            Self::Kept(source) => Ok(source),
            Self::Alone(alone) => Err(alone),
        }
    }
}

impl Alone {
    fn attempt(&self, direction: Direction) -> Option<Result<(), SourceError>> {
        if self.closing.token().is_some_and(StopToken::is_stopped) {
            return Some(Err(SourceError::Closed));
        }
        if is_ready(self.fd, direction) {
            return Some(Ok(()));
        }
        let nobody_looks = self.refused.get() || !current::unit().is_thread();
        nobody_looks.then_some(Err(SourceError::Unwatched))
    }
}

// SAFETY: from `enlist` to `delist` the node is in the queue of the entry's direction, under the entry's lock, or in
// that of a stop token, as its arm has it, or nowhere; nothing is lent. Whoever delivers an edge, or closes the source,
// pops everybody; a word that has changed since the look that found nothing refuses to enlist. What no node is for, the
// thread that waits looks out for.
unsafe impl Arm for ReadyArm<'_> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = match self.watch.source() {
                Err(alone) => alone.attempt(self.direction),
                Ok(source) => {
                    // Before the look: an edge after it changes the word.
                    self.seen = source.seen(self.direction);
                    match source.check(self.direction) {
                        Err(error) => Some(Err(error)),
                        Ok(()) => source.is_ready(self.direction).then_some(Ok(())),
                    }
                }
            };
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        self.direction.reason()
    }

    fn object(&self) -> *const () {
        match self.watch.source() {
            Ok(source) => ptr::from_ref(source.entry()).cast(),
            Err(alone) => {
                let closing = alone.closing.token();
                closing.map_or(ptr::null(), |closing| closing.stop_arm().object())
            }
        }
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        match self.watch.source() {
            Ok(source) => {
                source.settle();
                let (side, seen) = (self.direction as usize, self.seen.0);
                // SAFETY: by the caller.
                unsafe { source.entry().enlist(side, seen, node) }
            }
            Err(alone) => {
                let closing = alone.closing.token();
                // SAFETY: by the caller; neither arm lends anything, and `delist` asks the same token.
                let enlist = |closing: &StopToken| unsafe { closing.stop_arm().enlist(node) };
                !alone.refused.get() && closing.is_none_or(enlist)
            }
        }
    }

    unsafe fn delist(&self, node: &Node) {
        match self.watch.source() {
            // SAFETY: by the caller it was enlisted for this direction.
            Ok(source) => unsafe { source.entry().delist(self.direction as usize, node) },
            Err(alone) => {
                if let Some(closing) = alone.closing.token() {
                    // SAFETY: by the caller it was enlisted, which was with this token.
                    unsafe { closing.stop_arm().delist(node) };
                }
            }
        }
    }

    fn deadline(&self) -> Deadline {
        let closing = self.watch.source().err().and_then(|it| it.closing.token());
        closing.map_or(Deadline::NEVER, StopToken::deadline)
    }

    fn look_out(&self, lookout: &mut Lookout) {
        if let Err(alone) = self.watch.source() {
            let added = thread::look_out(alone.fd, self.direction, lookout);
            alone.refused.set(added.is_err());
        }
    }
}

impl Chosen for ReadyArm<'_> {
    type Output = Result<(), SourceError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl fmt::Debug for ReadyArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyArm")
            .field("source", &self.watch.source().ok())
            .field("direction", &self.direction)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
