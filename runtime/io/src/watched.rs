//! Something with a descriptor that does not block, and whoever has to wait for it.
//!
//! **Invariants:** the source, if there is one, is of the descriptor of `inner`, and goes first.

use crate::WaitError;
use std::{fmt, io, os::fd::AsFd, sync::OnceLock, time::Duration};
use vitte_scheduler::{Direction, ReadyArm, Scheduler, Source, block_on_descriptor};
use vitte_wait::{
    Budget, Deadline, StopSource, StopToken,
    facade::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
};

/// See the [module documentation](self).
pub(crate) struct Watched<T> {
    /// Once a fiber has had to wait.
    source: OnceLock<Source>,
    registering: Mutex<()>,
    closed: AtomicBool,
    /// Stopped by closing; for threads that wait without a source.
    closing: OnceLock<StopSource>,
    budget: Budget,
    /// How long the calls without a deadline wait, in nanoseconds, by direction; zero is for ever.
    patience: [AtomicU64; 2],
    inner: T,
}

/// Whether an operation that did less than it could has shown that there is no more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    All,
    Short,
}

impl<T: AsFd> Watched<T> {
    /// `inner` does not block.
    pub(crate) fn new(inner: T) -> Self {
        Self {
            source: OnceLock::new(),
            registering: Mutex::default(),
            closed: AtomicBool::new(false),
            closing: OnceLock::new(),
            budget: Budget::begin(),
            patience: [AtomicU64::new(0), AtomicU64::new(0)],
            inner,
        }
    }

    pub(crate) fn inner(&self) -> &T {
        &self.inner
    }

    pub(crate) fn into_inner(self) -> T {
        // The source is dropped with the other fields, before the caller can close the descriptor.
        self.inner
    }

    /// Until when a call waits that was told nothing.
    pub(crate) fn deadline(&self, direction: Direction) -> Deadline {
        match self.patience[direction as usize].load(Relaxed) {
            0 => Deadline::NEVER,
            nanos => Deadline::after(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn patience(&self, direction: Direction) -> Option<Duration> {
        match self.patience[direction as usize].load(Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn set_patience(
        &self,
        direction: Direction,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        let nanos = patience.map_or(0, |patience| {
            u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX)
        });
        if patience == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a timeout of zero is none: give `None`, or use the form with a deadline",
            ));
        }
        self.patience[direction as usize].store(nanos, Relaxed);
        Ok(())
    }

    /// Does `operation` as soon as it does not block.
    pub(crate) fn run<R>(
        &self,
        direction: Direction,
        deadline: Deadline,
        stop: Option<&StopToken>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.run_hinted(direction, deadline, stop, |inner| {
            operation(inner).map(|value| (value, Done::All))
        })
    }

    /// As [`run`](Self::run), of an operation that may tell that another would block.
    #[inline]
    pub(crate) fn run_hinted<R>(
        &self,
        direction: Direction,
        deadline: Deadline,
        stop: Option<&StopToken>,
        mut operation: impl FnMut(&T) -> io::Result<(R, Done)>,
    ) -> io::Result<R> {
        loop {
            if self.closed.load(Relaxed) {
                return Err(WaitError::Closed.into());
            }
            let Some(source) = self.source.get() else {
                match operation(&self.inner) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    done => {
                        self.budget.spend();
                        return done.map(|(value, _)| value);
                    }
                }
                if !self.register()? {
                    self.block(direction, deadline, stop)?;
                }
                continue;
            };
            let seen = source.seen(direction);
            if !source.is_exhausted(direction, seen) {
                match operation(&self.inner) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        source.set_exhausted(direction, seen);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    done => {
                        if let Ok((_, Done::Short)) = done {
                            source.set_exhausted(direction, seen);
                        }
                        self.budget.spend();
                        return done.map(|(value, _)| value);
                    }
                }
            }
            match source.wait(direction, seen, deadline, stop) {
                Ok(()) => {}
                // Nobody looks for it any more.
                Err(WaitError::RuntimeEnded) => {
                    match operation(&self.inner) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        done => return done.map(|(value, _)| value),
                    }
                    self.wait_elsewhere(direction, deadline, stop)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has the runtime of the calling fiber watch it. False: the caller is no fiber.
    #[cold]
    fn register(&self) -> io::Result<bool> {
        let Some(scheduler) = Scheduler::current() else {
            return Ok(false);
        };
        let _one = self.registering.lock();
        if self.source.get().is_none() {
            let source = scheduler.source(self.inner.as_fd())?;
            let source = self.source.get_or_init(|| source);
            // Ordering: SeqCst, store-load pair: the source, `closed`. Partner: `close`.
            if self.closed.load(SeqCst) {
                source.close();
            }
        }
        Ok(true)
    }

    /// Is stopped once it is closed.
    fn closing(&self) -> &StopSource {
        let closing = self.closing.get_or_init(StopSource::new);
        // Ordering: SeqCst, store-load pair: `closing`, `closed`. Partner: `close`.
        if self.closed.load(SeqCst) {
            closing.stop();
        }
        closing
    }

    /// Waits with the thread.
    #[cold]
    fn block(
        &self,
        direction: Direction,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        let closing = self.closing();
        let either = match stop {
            Some(stop) => StopToken::any([&**closing, stop]),
            None => closing.token(),
        };
        let fd = self.inner.as_fd();
        block_on_descriptor(fd, &[direction], deadline, Some(&either))
            .map(|_| ())
            .map_err(|error| {
                if closing.is_stopped() {
                    WaitError::Closed.into()
                } else {
                    error
                }
            })
    }

    /// The runtime that watched it has ended: waits through the caller's, if it has one, for this once.
    #[cold]
    fn wait_elsewhere(
        &self,
        direction: Direction,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        if let Some(scheduler) = Scheduler::current() {
            let source = scheduler.source(self.inner.as_fd())?;
            let seen = source.seen(direction);
            if !source.is_ready(direction) {
                source.wait(direction, seen, deadline, stop)?;
            }
            return Ok(());
        }
        self.block(direction, deadline, stop)
    }

    /// Ends all calls, now and later. `end` makes the other side, or whoever sleeps in the system, notice.
    pub(crate) fn close(&self, end: impl FnOnce(&T)) {
        // Ordering: SeqCst, store-load pair: this, the source and `closing`. Partners: `register`, `closing`.
        if self.closed.swap(true, SeqCst) {
            return;
        }
        // First, so that nobody takes what `end` does for readiness.
        if let Some(source) = self.source.get() {
            source.close();
        }
        if let Some(closing) = self.closing.get() {
            closing.stop();
        }
        end(&self.inner);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// That it is ready, as one of several things to wait for.
    pub(crate) fn arm(&self, direction: Direction) -> ReadyArm<'_> {
        if self.source.get().is_none() {
            // If it cannot be registered, a plain thread looks itself, and a fiber is told.
            let _ = self.register();
        }
        match self.source.get() {
            Some(source) if !source.is_lost() => source.arm(direction),
            _ => {
                let closing = self.closing().token();
                ReadyArm::of(self.inner.as_fd(), direction, Some(closing))
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("");
        shown.field("inner", &self.inner);
        if let Some(source) = self.source.get() {
            shown.field("source", source);
        }
        shown.finish_non_exhaustive()
    }
}
