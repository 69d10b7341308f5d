//! Schedulers for tests: how they are started, and that nothing is left at their end.

use std::time::Duration;
use vitte_scheduler::{Config, Scheduler, ShutdownMode};
use vitte_wait::Deadline;

/// A scheduler with so many workers, and otherwise as they come.
///
/// # Panics
/// If the system refuses one.
#[must_use]
pub fn start(workers: usize) -> Scheduler {
    let config = Config {
        workers,
        ..Config::default()
    };
    Scheduler::start(config).expect("a scheduler starts")
}

/// Lets a scheduler come to its end.
///
/// # Panics
/// If it does not within a minute, or somebody is left.
pub fn end(scheduler: &Scheduler) {
    scheduler
        .shutdown(ShutdownMode::Drain, after(60_000))
        .expect("a scheduler ends");
    assert_eq!(scheduler.stats().live, 0);
}

/// So many milliseconds from now.
#[must_use]
pub fn after(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}
