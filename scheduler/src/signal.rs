//! Unparking a fiber from a signal handler.
//!
//! A handler interrupts a thread anywhere, so it may take no lock and allocate nothing; what makes a
//! fiber ready does both at times. So a handler only leaves the fiber's id in a ring, and wakes a
//! sleeping worker if there is one; the unparking is done by whichever worker finds it there.
//! "Signals" in the README of `idle` says why none stays there.

use crate::{
    Scheduler, id::FiberId, idle::IS_SIGNAL_SAFE, queue::ring::Ring, shared::Shared, task::slab,
};
use std::{fmt, sync::Arc};

/// The most wake-ups that can be under way from signal handlers of one scheduler.
pub const MOST_SIGNALS: usize = 1 << 16;

/// Unparks fibers from signal handlers. Made by [`Scheduler::signal_unparker`].
///
/// Only [`unpark`](Self::unpark) may be called in a handler. The handler must not clone or drop this,
/// so it lives in a static, or is never freed.
#[derive(Clone)]
pub struct SignalUnparker(Arc<Shared>);

impl fmt::Debug for SignalUnparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalUnparker").finish_non_exhaustive()
    }
}

/// Why fibers cannot be unparked from signal handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalSetupError {
    /// The capacity is zero or more than [`MOST_SIGNALS`].
    Capacity(usize),
    /// It was asked for before, with this capacity, which is smaller.
    Smaller(usize),
    /// A worker of this system cannot be woken by a signal handler.
    Unsupported,
}

impl fmt::Display for SignalSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(n) => write!(
                f,
                "room for {n} wake-ups was asked for; choose between 1 and {MOST_SIGNALS}"
            ),
            Self::Smaller(n) => write!(
                f,
                "there is room for {n} wake-ups already, and it cannot grow; ask for the most first"
            ),
            Self::Unsupported => f.write_str(
                "on this system a signal handler cannot wake a worker; wake it from a thread",
            ),
        }
    }
}

impl std::error::Error for SignalSetupError {}

/// Why a fiber was not unparked from a signal handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalUnparkError {
    /// The fiber is gone.
    Stale,
    /// As many wake-ups are under way as there is room for.
    Full,
}

impl fmt::Display for SignalUnparkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => crate::Stale.fmt(f),
            Self::Full => f.write_str("too many wake-ups from signal handlers are under way"),
        }
    }
}

impl std::error::Error for SignalUnparkError {}

impl Scheduler {
    /// What unparks fibers from signal handlers. `capacity` is how many wake-ups may be under way:
    /// asked for by handlers, and not yet come to by a worker. Rounded up to a power of two.
    ///
    /// To be called outside of handlers, before the first that uses it. All that one scheduler gives
    /// share the room that was asked for first. A scheduler that is never asked pays nothing.
    ///
    /// # Errors
    /// [`SignalSetupError`].
    pub fn signal_unparker(&self, capacity: usize) -> Result<SignalUnparker, SignalSetupError> {
        if !IS_SIGNAL_SAFE {
            return Err(SignalSetupError::Unsupported);
        }
        if !(1..=MOST_SIGNALS).contains(&capacity) {
            return Err(SignalSetupError::Capacity(capacity));
        }
        let ring = self.0.signals.get_or_init(|| Ring::new(capacity));
        if ring.capacity() < capacity {
            return Err(SignalSetupError::Smaller(ring.capacity()));
        }
        Ok(SignalUnparker(Arc::clone(&self.0)))
    }
}

impl SignalUnparker {
    /// Gives the fiber `id` its park token, as [`unpark`](crate::unpark) does, soon: as soon as a
    /// worker of the scheduler has nothing to do, ends or suspends some tasks, or runs one that polls.
    ///
    /// Async-signal-safe: atomic operations, and at most one system call, no lock and no allocation.
    /// `errno` is left as it was. Callable from anywhere else too. A fiber of another scheduler is
    /// unparked as well. A fiber that ends in between needs no waking; nobody is told.
    ///
    /// # Errors
    /// [`SignalUnparkError`]; nothing was done then.
    ///
    /// # Blocking
    /// Never.
    pub fn unpark(&self, id: FiberId) -> Result<(), SignalUnparkError> {
        let task = slab::find(id.slot()).ok_or(SignalUnparkError::Stale)?;
        if task.state.generation_now() != id.generation() {
            return Err(SignalUnparkError::Stale);
        }
        let _errno = errno::Kept::new();
        let ring = self.0.signals.get();
        // What a handler has seen happen before is visible to the fiber: the ring, and then the
        // token, order the two.
        if !ring.is_some_and(|ring| ring.push(id.to_bits())) {
            return Err(SignalUnparkError::Full);
        }
        self.0.idle.signaled(&self.0);
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod errno {
    /// Puts `errno` back when it is dropped.
    pub(super) struct Kept(libc::c_int);

    impl Kept {
        pub(super) fn new() -> Self {
            // SAFETY: the address is that of this thread's `errno`, which lives as long as it.
            Self(unsafe { *libc::__errno_location() })
        }
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            // SAFETY: as above; a handler does not change threads.
            unsafe { *libc::__errno_location() = self.0 };
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod errno {
    /// Nothing that could change it is called.
    pub(super) struct Kept;

    impl Kept {
        pub(super) fn new() -> Self {
            Self
        }
    }
}
