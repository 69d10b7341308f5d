//! A lock that tells those who wait for a change by being left.
//!
//! The `Lock` of Kyle Lahnakoski's `mo-threads` has this form: there is no notification to
//! forget. Whoever leaves, and whoever begins to wait, wakes the one that has waited longest.

use crate::{
    Condvar, LockError, LockUntilError, Mutex, MutexGuard,
    forms::{const_new, timed_forms},
};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};
use vitte_wait::{Deadline, StopToken};

/// A value behind a lock whose holder may [wait](MonitorGuard::wait) for others to have been there.
///
/// It is not re-entrant. Poisoning, blocking and cancellation are those of [`Mutex`].
///
/// ```
/// use vitte_sync::{LockError, Monitor};
///
/// let jobs = Monitor::new(Vec::new());
/// std::thread::scope(|scope| {
///     let worker = scope.spawn(|| {
///         let mut jobs = jobs.lock()?;
///         while jobs.is_empty() {
///             jobs.wait()?;
///         }
///         Ok::<_, LockError>(jobs.pop())
///     });
///     jobs.lock()?.push("sweep");
///     assert_eq!(worker.join().unwrap()?, Some("sweep"));
///     Ok(())
/// })
/// # as Result<(), LockError>;
/// ```
#[derive(Default)]
pub struct Monitor<T: ?Sized> {
    left: Condvar,
    lock: Mutex<T>,
}

impl<T> Monitor<T> {
    const_new! {
        /// Nobody is inside.
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                left: Condvar::new(),
                lock: Mutex::new(value),
            }
        }
    }
}

impl<T: ?Sized> Monitor<T> {
    /// Enters; waits while somebody else is inside.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    ///
    /// # Panics
    /// As [`Mutex::lock`].
    #[inline]
    pub fn lock(&self) -> Result<MonitorGuard<'_, T>, LockError> {
        self.lock.lock().map(|held| self.guard(held))
    }

    /// Enters if nobody is inside. Never blocks.
    ///
    /// # Errors
    /// As [`Mutex::try_lock`].
    pub fn try_lock(&self) -> Result<MonitorGuard<'_, T>, crate::TryLockError> {
        self.lock.try_lock().map(|held| self.guard(held))
    }

    /// Enters; waits for that until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`Mutex::lock_with`].
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MonitorGuard<'_, T>, LockUntilError> {
        self.lock
            .lock_with(deadline, stop)
            .map(|held| self.guard(held))
    }

    timed_forms! { lock_with -> MonitorGuard<'_, T>, LockUntilError: lock_until lock_timeout lock_or_stop }

    /// Enters whether it is poisoned or not, and clears the mark.
    ///
    /// # Errors
    /// As [`Mutex::recover`].
    pub fn recover(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MonitorGuard<'_, T>, LockUntilError> {
        self.lock
            .recover(deadline, stop)
            .map(|held| self.guard(held))
    }

    fn guard<'a>(&'a self, held: MutexGuard<'a, T>) -> MonitorGuard<'a, T> {
        MonitorGuard {
            leave: Leave(&self.left),
            held,
        }
    }
}

/// Being inside a [`Monitor`]. Dropping it leaves, and wakes the unit that has waited longest.
#[must_use = "the monitor is left when the guard is dropped"]
pub struct MonitorGuard<'a, T: ?Sized> {
    /// Dropped first: who is woken finds the lock still held, and is first in its queue.
    leave: Leave<'a>,
    held: MutexGuard<'a, T>,
}

struct Leave<'a>(&'a Condvar);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl<T: ?Sized> MonitorGuard<'_, T> {
    /// Leaves, waits until it is the caller's turn after somebody has left, and enters again.
    ///
    /// # Errors
    /// As [`Condvar::wait`]. The caller is inside again all the same.
    ///
    /// # Panics
    /// As [`Condvar::wait`].
    pub fn wait(&mut self) -> Result<(), LockError> {
        self.wait_with(Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// [`wait`](Self::wait), until `deadline` at most, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`Condvar::wait_with`]. The caller is inside again all the same.
    ///
    /// # Panics
    /// As [`Condvar::wait`].
    pub fn wait_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        let left = self.leave.0;
        left.notify_one();
        left.wait_with(&mut self.held, deadline, stop)
    }

    /// [`wait_with`](Self::wait_with) a deadline only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    pub fn wait_until(&mut self, deadline: Deadline) -> Result<(), LockUntilError> {
        self.wait_with(deadline, None)
    }

    /// [`wait_with`](Self::wait_with) a time from now only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<(), LockUntilError> {
        self.wait_with(Deadline::after(timeout), None)
    }

    /// [`wait_with`](Self::wait_with) a stop token only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    pub fn wait_or_stop(&mut self, stop: &StopToken) -> Result<(), LockUntilError> {
        self.wait_with(Deadline::NEVER, Some(stop))
    }
}

impl<T: ?Sized> Deref for MonitorGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T: ?Sized> DerefMut for MonitorGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("lock", &&self.lock)
            .field("waiting", &self.left)
            .finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MonitorGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
