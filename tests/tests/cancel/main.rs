//! The ends that others give a fiber: cancellation with its reasons, and that every wait there is heeds it.

mod interrupts;
mod kinds;
mod locals;
mod reasons;
mod storms;

use std::{ffi::c_void, time::Duration};
use vitte_scheduler::{Config, FiberId, RawBody, Scheduler, ShutdownMode, SpawnOptions, info};
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

/// Spawns a closure in the manner of the C ABI: by a function and an address, with frames that cannot unwind.
fn spawn_raw<F: FnOnce() + Send + 'static>(on: &Scheduler, body: F) -> FiberId {
    unsafe extern "C-unwind" fn entry<F: FnOnce()>(arg: *mut c_void) -> *mut c_void {
        // SAFETY: the address came from `Box::into_raw` below, and one of the two is called once.
        let body = unsafe { Box::from_raw(arg.cast::<F>()) };
        body();
        std::ptr::null_mut()
    }
    unsafe extern "C-unwind" fn never<F>(arg: *mut c_void) {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(arg.cast::<F>()) });
    }
    let body = RawBody {
        entry: entry::<F>,
        arg: Box::into_raw(Box::new(body)).cast(),
        drop: Some(never::<F>),
    };
    // SAFETY: the closures of these tests are `Send`, keep no address of a thread-local across a
    // suspension, and nothing depends on their frames if they are given up.
    unsafe { on.spawn_raw(&SpawnOptions::default(), body) }.unwrap()
}

/// Random numbers that one fiber draws.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}
