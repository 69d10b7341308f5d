//! The ends that others give a fiber: cancellation with its reasons, and that every wait there is heeds it.

mod interrupts;
mod kinds;
mod locals;
#[path = "../common/raw.rs"]
mod raw;
mod reasons;
mod storms;

use std::time::Duration;
use vitte_scheduler::{FiberId, Scheduler, SpawnOptions, info};
use vitte_tests::{Dice, after, end, start};
use vitte_wait::{Deadline, Reason};

/// Ten times what a slow machine takes for any of these.
const LIMIT: Duration = Duration::from_secs(120);

/// Returns when the fiber waits for something.
fn until_it_waits(id: FiberId) {
    while info(id).unwrap().reason == Reason::None {
        let _ = vitte_scheduler::sleep_until(Deadline::after(Duration::from_micros(50)));
    }
}

/// Spawns a closure in the manner of the C ABI, with frames that cannot unwind.
fn spawn_raw(on: &Scheduler, body: impl FnOnce() + Send + 'static) -> FiberId {
    let body = move || {
        body();
        0
    };
    raw::spawn_raw(on, &SpawnOptions::default(), body)
}
