//! A lock that tells those who wait for a change by being left.
//!
//! The `Lock` of Kyle Lahnakoski's `mo-threads` has this form: there is no notification to
//! forget. Whoever leaves wakes the one that has waited longest. Whoever begins to wait does so as well,
//! but only if that one has not looked since somebody last left, or changed the value: else
//! two who wait for different things would wake each other for ever.

use crate::{Condvar, LockError, LockUntilError, Mutex, MutexGuard, forms::const_new};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};
use vitte_wait::{
    Deadline, StopToken,
    facade::atomic::{AtomicU64, Ordering::Relaxed},
    timed_forms,
};

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
pub struct Monitor<T: ?Sized> {
    left: Condvar,
    /// How often somebody has left, or waited after a change. Changed by whoever is inside.
    version: AtomicU64,
    lock: Mutex<T>,
}

impl<T> Monitor<T> {
    const_new! {
        /// Nobody is inside.
        ///
        /// ```
        /// use vitte_sync::Monitor;
        ///
        /// static JOBS: Monitor<Vec<u32>> = Monitor::new(Vec::new());
        /// JOBS.lock().unwrap().push(1);
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                left: Condvar::new(),
                version: AtomicU64::new(0),
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
    ///
    /// ```
    /// use vitte_sync::{LockError, Monitor};
    ///
    /// let number = Monitor::new(1);
    /// let mut inside = number.lock().unwrap();
    /// *inside += 1;
    /// assert_eq!(number.lock().unwrap_err(), LockError::Deadlock);
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<MonitorGuard<'_, T>, LockError> {
        self.lock.lock().map(|held| self.guard(held))
    }

    /// Enters if nobody is inside. Never blocks.
    ///
    /// # Errors
    /// As [`Mutex::try_lock`].
    ///
    /// ```
    /// use vitte_sync::{Monitor, TryLockError};
    ///
    /// let number = Monitor::new(1);
    /// let _inside = number.try_lock().unwrap();
    /// assert_eq!(number.try_lock().unwrap_err(), TryLockError::Taken);
    /// ```
    pub fn try_lock(&self) -> Result<MonitorGuard<'_, T>, crate::TryLockError> {
        self.lock.try_lock().map(|held| self.guard(held))
    }

    /// Enters; waits for that until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`Mutex::lock_with`].
    ///
    /// ```
    /// use vitte_sync::Monitor;
    /// use vitte_wait::Deadline;
    ///
    /// let number = Monitor::new(1);
    /// let inside = number.lock_with(Deadline::NOW, None); // there is no need to wait
    /// assert_eq!(*inside.unwrap(), 1);
    /// ```
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MonitorGuard<'_, T>, LockUntilError> {
        self.lock
            .lock_with(deadline, stop)
            .map(|held| self.guard(held))
    }

    timed_forms! {
        lock_with() -> Result<MonitorGuard<'_, T>, LockUntilError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::Monitor;
        ///
        /// let number = Monitor::new(1);
        "number." () => got "assert_eq!(*got.unwrap(), 1);"
    }

    /// Enters whether it is poisoned or not, and clears the mark.
    ///
    /// # Errors
    /// As [`Mutex::recover`].
    ///
    /// ```
    /// use vitte_sync::{LockError, Monitor};
    /// use vitte_wait::Deadline;
    ///
    /// let pair = Monitor::new((1, 1));
    /// std::thread::scope(|scope| {
    ///     let torn = scope.spawn(|| {
    ///         pair.lock().unwrap().0 = 2;
    ///         let _inside = pair.lock();
    ///         panic!("before the other half was written");
    ///     });
    ///     assert!(torn.join().is_err());
    /// });
    /// assert_eq!(pair.lock().unwrap_err(), LockError::Poisoned);
    /// pair.recover(Deadline::NEVER, None).unwrap().1 = 2;
    /// assert_eq!(*pair.lock().unwrap(), (2, 2));
    /// ```
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
            leave: Leave {
                left: &self.left,
                version: &self.version,
            },
            is_changed: false,
            held,
        }
    }
}

/// Being inside a [`Monitor`]. Dropping it leaves, and wakes the unit that has waited longest.
#[must_use = "the monitor is left when the guard is dropped"]
pub struct MonitorGuard<'a, T: ?Sized> {
    /// Dropped first: who is woken finds the lock still held, and is first in its queue.
    leave: Leave<'a>,
    /// The value may have been changed since the guard's unit came in.
    is_changed: bool,
    held: MutexGuard<'a, T>,
}

struct Leave<'a> {
    left: &'a Condvar,
    version: &'a AtomicU64,
}

impl Leave<'_> {
    /// Notes that there is something new to see; says which version it is.
    fn step(&self) -> u64 {
        // By whoever is inside, so that no step is lost.
        let version = self.version.load(Relaxed) + 1;
        self.version.store(version, Relaxed);
        version
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.step();
        self.left.notify_one();
    }
}

impl<T: ?Sized> MonitorGuard<'_, T> {
    /// Leaves, waits until it is the caller's turn after somebody has left, and enters again.
    ///
    /// What the caller has changed is shown to one who waits already. A change inside a `Cell` of the
    /// value, or the like, is not noticed here, but when the caller leaves.
    ///
    /// # Errors
    /// As [`Condvar::wait`]. The caller is inside again all the same.
    ///
    /// # Panics
    /// As [`Condvar::wait`].
    ///
    /// ```
    /// use vitte_sync::Monitor;
    ///
    /// let number = Monitor::new(0);
    /// std::thread::scope(|scope| {
    ///     let mut inside = number.lock().unwrap();
    ///     scope.spawn(|| *number.lock().unwrap() = 7);
    ///     while *inside == 0 {
    ///         inside.wait().unwrap();
    ///     }
    ///     assert_eq!(*inside, 7);
    /// });
    /// ```
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
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, Monitor};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (number, source) = (Monitor::new(0), StopSource::new());
    /// source.stop();
    /// let ended = number.lock().unwrap().wait_with(Deadline::NEVER, Some(&source.token()));
    /// assert_eq!(ended, Err(LockUntilError::Stopped));
    /// ```
    pub fn wait_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        let stamp = if std::mem::take(&mut self.is_changed) {
            self.leave.step()
        } else {
            self.leave.version.load(Relaxed)
        };
        self.leave.left.notify_before(stamp);
        self.leave
            .left
            .wait_stamped(&mut self.held, &stamp, deadline, stop)
    }

    /// [`wait_with`](Self::wait_with) a deadline only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, Monitor};
    /// use vitte_wait::Deadline;
    ///
    /// let number = Monitor::new(0);
    /// let ended = number.lock().unwrap().wait_until(Deadline::NOW);
    /// assert_eq!(ended, Err(LockUntilError::TimedOut));
    /// ```
    pub fn wait_until(&mut self, deadline: Deadline) -> Result<(), LockUntilError> {
        self.wait_with(deadline, None)
    }

    /// [`wait_with`](Self::wait_with) a time from now only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::{LockUntilError, Monitor};
    ///
    /// let number = Monitor::new(0);
    /// let ended = number.lock().unwrap().wait_timeout(Duration::from_millis(1));
    /// assert_eq!(ended, Err(LockUntilError::TimedOut));
    /// ```
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<(), LockUntilError> {
        self.wait_with(Deadline::after(timeout), None)
    }

    /// [`wait_with`](Self::wait_with) a stop token only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, Monitor};
    /// use vitte_wait::StopSource;
    ///
    /// let (number, source) = (Monitor::new(0), StopSource::new());
    /// source.stop();
    /// let ended = number.lock().unwrap().wait_or_stop(&source.token());
    /// assert_eq!(ended, Err(LockUntilError::Stopped));
    /// ```
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
        self.is_changed = true;
        &mut self.held
    }
}

impl<T: Default> Default for Monitor<T> {
    fn default() -> Self {
        Self::new(T::default())
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
