//! That a descriptor is ready, as one of several things that somebody waits for.

use super::source::{Direction, Seen, Source, SourceError};
use std::{fmt, ptr};
use vitte_wait::{
    Node, Reason,
    select::{Arm, Chosen},
};

/// Goes when a try would not block, and yields `Ok`; the try may still find that another was quicker. Goes too
/// when there is nothing to wait for any more, or nobody who watches, and yields why.
///
/// Made by [`Source::readable_arm`] and [`Source::writable_arm`].
pub struct ReadyArm<'a> {
    /// None: nobody watches.
    source: Option<&'a Source>,
    direction: Direction,
    seen: Seen,
    outcome: Option<Result<(), SourceError>>,
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
        ReadyArm {
            source: Some(self),
            direction,
            seen: self.seen(direction),
            outcome: None,
        }
    }
}

impl ReadyArm<'_> {
    /// An arm that goes at once, and yields [`SourceError::Unwatched`].
    #[must_use]
    pub fn unwatched() -> Self {
        Self {
            source: None,
            direction: Direction::Read,
            seen: Seen(0),
            outcome: None,
        }
    }
}

// SAFETY: the node is in the queue of the entry's direction from `enlist` to `delist`, under the entry's lock, and
// nothing is lent. Whoever delivers an edge, or closes the source, pops everybody; a word that has changed since
// the look that found nothing refuses to enlist.
unsafe impl Arm for ReadyArm<'_> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = match self.source {
                None => Some(Err(SourceError::Unwatched)),
                Some(source) => {
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
        let source = self.source;
        source.map_or(ptr::null(), |source| ptr::from_ref(source.entry()).cast())
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let Some(source) = self.source else {
            return false;
        };
        source.settle();
        // SAFETY: by the caller.
        unsafe {
            source
                .entry()
                .enlist(self.direction as usize, self.seen.0, node)
        }
    }

    unsafe fn delist(&self, node: &Node) {
        if let Some(source) = self.source {
            // SAFETY: by the caller it was enlisted for this direction.
            unsafe { source.entry().delist(self.direction as usize, node) };
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
            .field("source", &self.source)
            .field("direction", &self.direction)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
