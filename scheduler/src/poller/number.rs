//! Descriptors that are known by their numbers alone, as C has them.

use super::{
    arm::ReadyArm,
    attended,
    source::{Direction, Source, SourceError},
    thread,
};
use crate::{Scheduler, shared::Shared};
use std::{collections::HashMap, io, os::fd::RawFd, sync::Arc};
use vitte_wait::{
    Deadline, StopToken,
    facade::Mutex,
    select::{Arm, Chosen, SelectError, select},
};

/// The sources of a scheduler that nobody holds but itself.
pub(crate) type Numbers = Mutex<HashMap<RawFd, Arc<Source>>>;

/// Waits until something could be done with descriptor `fd` in one of `directions` without blocking, until `deadline` at the latest, or
/// until `stop` is triggered; says in which. A file is always ready.
///
/// The scheduler of a fiber watches the descriptor from the first call on until it is told to
/// [forget](Scheduler::forget_descriptor) it, which is to be done before the descriptor is closed: else a later one with the
/// same number might be waited for in vain. A plain thread looks out itself while it waits; whichever scheduler is told to
/// forget tells it, too.
///
/// # Errors
/// What the system says; a [`SourceError`] inside.
///
/// # Blocking
/// A fiber suspends, a thread sleeps.
///
/// # Cancellation
/// Ends as [`SourceError::Canceled`].
///
/// # Panics
/// As [`Wait::begin`](vitte_wait::Wait::begin).
pub fn wait_for_descriptor(
    fd: RawFd,
    directions: &[Direction],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<[bool; 2]> {
    // On a fiber, what is known of the descriptor says whether to look.
    if Scheduler::current().is_none() {
        match thread::block(fd, directions, Deadline::NOW, None) {
            Err(error) if SourceError::of(&error) == Some(SourceError::TimedOut) => {}
            looked => return looked,
        }
    }
    let arms = directions.iter().map(|&it| descriptor_arm(fd, it));
    let mut arms = arms.collect::<io::Result<Vec<_>>>()?;
    let mut all: Vec<&mut dyn Arm> = arms.iter_mut().map(|arm| arm as &mut dyn Arm).collect();
    let which = select(&mut all, deadline, stop).map_err(|error| match error {
        SelectError::TimedOut => SourceError::TimedOut,
        SelectError::Canceled => SourceError::Canceled,
        SelectError::Stopped => SourceError::Stopped,
    })?;
    arms[which].take().unwrap_or(Ok(()))?;
    match thread::block(fd, directions, Deadline::NOW, None) {
        // Somebody was quicker.
        Err(error) if SourceError::of(&error).is_some() => {
            Ok([Direction::Read, Direction::Write].map(|it| it == directions[which]))
        }
        looked => looked,
    }
}

/// That something could be done with descriptor `fd` in this direction without blocking, as one of several things that the caller
/// waits for: as [`wait_for_descriptor`] waits for it.
///
/// # Errors
/// As [`wait_for_descriptor`], if it would fail at once.
///
/// # Blocking
/// Never.
pub fn descriptor_arm(fd: RawFd, direction: Direction) -> io::Result<ReadyArm<'static>> {
    let alone = || {
        thread::check(fd)?;
        Ok(ReadyArm::numbered(fd, direction))
    };
    let Some(scheduler) = Scheduler::current() else {
        return alone();
    };
    match scheduler.0.numbered(fd) {
        Ok(source) => Ok(ReadyArm::kept(source, direction)),
        // The system watches no files, which are always ready.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => alone(),
        Err(error) => Err(error),
    }
}

impl Shared {
    fn numbered(&self, fd: RawFd) -> io::Result<Arc<Source>> {
        let mut numbers = self.numbers.lock();
        if let Some(source) = numbers.get(&fd) {
            return Ok(Arc::clone(source));
        }
        let source = Arc::new(Source::register(self, fd)?);
        numbers.insert(fd, Arc::clone(&source));
        Ok(source)
    }
}

impl Scheduler {
    /// Watches the descriptor with this number no more; whoever [waits](wait_for_descriptor) for it, on a fiber of this
    /// scheduler or on any plain thread, is woken with [`SourceError::Closed`]. False: nobody was, and it was not watched.
    /// To be called before the descriptor is closed.
    ///
    /// # Blocking
    /// Never.
    pub fn forget_descriptor(&self, fd: RawFd) -> bool {
        let source = self.0.numbers.lock().remove(&fd);
        if let Some(source) = &source {
            source.close();
        }
        attended::forget(fd) || source.is_some()
    }
}
