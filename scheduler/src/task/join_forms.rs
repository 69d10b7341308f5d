//! The forms of a join that name only one of the two that may end it.

use crate::task::join::{JoinError, JoinHandle};
use vitte_wait::timed_forms;

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
impl<T> JoinHandle<T> {
    timed_forms! { mut join_with() -> Result<T, JoinError>: join_until join_timeout join_or_stop }
}
