//! Calls that block their thread, and that no descriptor announces: of files, and of names.
//!
//! A fiber has them done by a thread of its runtime's pool; a plain thread does them itself. Who is told to
//! stop, or canceled, before such a call has begun does not begin it. Once begun it is waited for, for it may use what its
//! caller lent it, and the system has no way to take it back; one that consists of many looks between
//! them whether it is still wanted, through a [`Wanted`].

use crate::WaitError;
use std::{
    io, panic,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};
use vitte_scheduler::{BlockingError, JobKind, OffloadError, Scheduler};
use vitte_wait::{Deadline, StopToken, current};

/// Whether a call that is under way is still wanted.
pub(crate) struct Wanted<'a> {
    deadline: Deadline,
    stop: Option<&'a StopToken>,
    /// The caller's wait has ended; if neither of the others was the reason, by a cancellation.
    unblocked: AtomicBool,
    /// The caller makes the call itself, so there is no such wait.
    is_own: bool,
}

impl<'a> Wanted<'a> {
    /// For a call of `scheduler`'s pool, or if there is none, of the caller's own.
    fn new(
        deadline: Deadline,
        stop: Option<&'a StopToken>,
        scheduler: Option<&Scheduler>,
    ) -> io::Result<Self> {
        let wanted = Self {
            deadline,
            stop,
            unblocked: AtomicBool::new(false),
            is_own: scheduler.is_none(),
        };
        wanted.check()?;
        Ok(wanted)
    }

    fn is_canceled(&self) -> bool {
        self.unblocked.load(Relaxed) || self.is_own && current::unit().is_canceled()
    }

    /// What to call between two steps.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.stop.is_some_and(StopToken::is_stopped) {
            Err(WaitError::Stopped.into())
        } else if self.deadline.is_past() {
            Err(WaitError::TimedOut.into())
        } else if self.is_canceled() {
            Err(WaitError::Canceled.into())
        } else {
            Ok(())
        }
    }
}

/// Does `call`, of one step.
pub(crate) fn run<T: Send>(
    deadline: Deadline,
    stop: Option<&StopToken>,
    call: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let scheduler = Scheduler::current();
    Wanted::new(deadline, stop, scheduler.as_ref())?;
    match scheduler {
        Some(scheduler) => scheduler
            .offload_with(JobKind::Io, call, deadline, stop)
            .map_err(not_done)?,
        None => call(),
    }
}

/// Does `call`, which asks between its steps.
pub(crate) fn run_in_steps<T: Send>(
    deadline: Deadline,
    stop: Option<&StopToken>,
    call: impl FnOnce(&Wanted<'_>) -> io::Result<T> + Send,
) -> io::Result<T> {
    // A thread that does it itself need not be told by another.
    let scheduler = Scheduler::current().filter(Scheduler::is_current);
    let wanted = Wanted::new(deadline, stop, scheduler.as_ref())?;
    let Some(scheduler) = scheduler else {
        return call(&wanted);
    };
    let unblock = || wanted.unblocked.store(true, Relaxed);
    match scheduler.call_blocking_with(|| call(&wanted), unblock, deadline, stop) {
        // Whether it gave up is in what it returned.
        Ok(done) | Err(BlockingError::Unblocked { value: done, .. }) => done,
        Err(BlockingError::Offload(error)) => Err(not_done(error)),
        // No other kind is known.
        Err(other) => Err(io::Error::other(other.to_string())),
    }
}

/// Does `call`, which owns all that it needs: it is left to itself if the caller need not wait any more. A
/// plain thread that belongs to no runtime does it itself, however long it takes.
pub(crate) fn run_owned<T: Send + 'static>(
    deadline: Deadline,
    stop: Option<&StopToken>,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let scheduler = Scheduler::current();
    Wanted::new(deadline, stop, scheduler.as_ref())?;
    match scheduler {
        Some(scheduler) => scheduler
            .offload_owned_with(JobKind::Io, call, deadline, stop)
            .map_err(not_done)?,
        None => call(),
    }
}

fn not_done(error: OffloadError) -> io::Error {
    match error {
        OffloadError::TimedOut => WaitError::TimedOut.into(),
        OffloadError::Canceled => WaitError::Canceled.into(),
        OffloadError::Stopped => WaitError::Stopped.into(),
        OffloadError::ShuttingDown => WaitError::RuntimeEnded.into(),
        OffloadError::Panicked(panicked) => panic::resume_unwind(panicked.into_payload()),
        other => io::Error::other(other),
    }
}
