//! The scheduler under load, and what it once got wrong: random programs, storms, and the order of
//! events that each defect needed.

mod bodies;
mod bounds;
mod classes;
mod ends;
mod hooks;
mod host;
mod joins;
mod mixes;
mod offload;
#[path = "../common/raw.rs"]
mod raw;
mod regions;
mod resize;
mod sleep;
mod slices;
mod stacks;
mod waits;
mod whole;

use raw::{spawn_raw, try_spawn_raw};
use std::{
    sync::atomic::{AtomicU64, Ordering::*},
    time::Duration,
};
use vitte_scheduler::{Scheduler, SpawnOptions};
use vitte_tests::{Dice, after, end, live_threads, start};

/// Ten times what a slow machine takes for any of these.
const LIMIT: Duration = Duration::from_secs(120);

fn run<T: Send + 'static>(on: &Scheduler, body: impl FnOnce() -> T + Send + 'static) -> T {
    on.spawn(&SpawnOptions::default(), body).join().unwrap()
}

/// How many threads this process has that run fibers and whose names begin with `name`. The pacer is none.
fn threads_called(name: &str) -> usize {
    let names = live_threads();
    let workers = names
        .iter()
        .filter(|its| its.starts_with(name) && !its.contains("pace"));
    workers.count()
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
