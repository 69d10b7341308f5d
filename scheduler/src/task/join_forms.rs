//! The forms of a join that name only one of the two that may end it.

use crate::task::join::{JoinError, JoinHandle};
use std::time::Duration;
use vitte_wait::{Deadline, StopToken};

impl<T> JoinHandle<T> {
    /// As [`join_until`](Self::join_until), for `timeout` at the longest.
    ///
    /// # Errors
    /// As [`join_until`](Self::join_until).
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions, park};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let mut parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// let soon = Duration::from_millis(1);
    /// assert!(matches!(parked.join_timeout(soon), Err(JoinError::TimedOut)));
    /// assert!(matches!(parked.join_or_stop(&StopSource::DONE), Err(JoinError::Stopped)));
    /// parked.unpark();
    /// parked.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(Deadline::after(timeout), None)
    }

    /// As [`join_until`](Self::join_until), until `stop` is triggered.
    ///
    /// # Errors
    /// As [`join_until`](Self::join_until).
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    pub fn join_or_stop(&mut self, stop: &StopToken) -> Result<T, JoinError> {
        self.join_until(Deadline::NEVER, Some(stop))
    }
}
