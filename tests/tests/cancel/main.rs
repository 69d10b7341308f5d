//! The ends that others give a fiber: cancellation with its reasons, and that every wait there is heeds it.

mod kinds;
mod reasons;

use std::time::Duration;
use vitte_scheduler::{Config, FiberId, Scheduler, ShutdownMode, info};
use vitte_wait::{Deadline, Reason};

/// Ten times what a slow machine takes for any of these.
const LIMIT: Duration = Duration::from_secs(120);

fn start(workers: usize) -> Scheduler {
    let config = Config {
        workers,
        ..Config::default()
    };
    Scheduler::start(config).unwrap()
}

fn end(scheduler: &Scheduler) {
    scheduler
        .shutdown(ShutdownMode::Drain, after(60_000))
        .unwrap();
    assert_eq!(scheduler.stats().live, 0);
}

fn after(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}

/// Returns when the fiber waits for something.
fn until_it_waits(id: FiberId) {
    while info(id).unwrap().reason == Reason::None {
        let _ = vitte_scheduler::sleep_until(Deadline::after(Duration::from_micros(50)));
    }
}
