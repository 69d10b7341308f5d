//! The scheduler under load, and what it once got wrong: random programs, storms, and the order of
//! events that each defect needed.

mod bounds;
mod classes;
mod ends;
mod hooks;
mod host;
mod joins;
mod mixes;
mod offload;
mod regions;
mod resize;
mod sleep;
mod slices;
mod stacks;
mod waits;
mod whole;

use std::{
    ffi::c_void,
    sync::atomic::{AtomicU64, Ordering::*},
    time::Duration,
};
use vitte_scheduler::{
    Config, FiberId, RawBody, Scheduler, ShutdownMode, SpawnError, SpawnOptions,
};
use vitte_wait::Deadline;

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

fn run<T: Send + 'static>(on: &Scheduler, body: impl FnOnce() -> T + Send + 'static) -> T {
    on.spawn(&SpawnOptions::default(), body).join().unwrap()
}

fn after(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}

/// Random numbers that one thread draws.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// Random numbers that many draw.
struct SharedDice(AtomicU64);

impl SharedDice {
    fn below(&self, n: u64) -> u64 {
        // Steps of the golden ratio, scrambled (Steele, Lea, Flood: SplitMix).
        let mut x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }
}

/// Spawns a closure in the manner of the C ABI: by a function and an address, migratable.
fn spawn_raw<F: FnOnce() -> usize + Send + 'static>(
    on: &Scheduler,
    options: &SpawnOptions<'_>,
    body: F,
) -> FiberId {
    try_spawn_raw(on, options, body).unwrap()
}

/// The same, where that may be refused.
fn try_spawn_raw<F: FnOnce() -> usize + Send + 'static>(
    on: &Scheduler,
    options: &SpawnOptions<'_>,
    body: F,
) -> Result<FiberId, SpawnError> {
    unsafe extern "C-unwind" fn entry<F: FnOnce() -> usize>(arg: *mut c_void) -> *mut c_void {
        // SAFETY: the address came from `Box::into_raw` below, and one of the two is called once.
        let body = unsafe { Box::from_raw(arg.cast::<F>()) };
        std::ptr::without_provenance_mut(body())
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
    unsafe { on.spawn_raw(options, body) }
}
