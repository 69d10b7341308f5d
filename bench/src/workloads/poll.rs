//! `poll`: what a poll that nobody asked for adds to a round of a loop.
//!
//! The loop is run without polls and with them, in the form that generated code has: the fiber's poll word is loaded and
//! compared, and a branch is not taken. The rounds are as short as rounds are, so that nothing hides the poll.

#![allow(
    unsafe_code,
    reason = "generated code reads the poll word through a pointer, and so does this"
)]

use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::harness::pace::nanoseconds;
use crate::subjects;

/// How many pairs of loops are compared.
const PAIRS: usize = 15;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "poll".to_owned(),
        unit: "ns",
        workers: &[1],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
        ],
    }]
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{current_hot, poll_slow};

    #[inline(never)]
    fn pass(rounds: u64) -> Duration {
        let start = Instant::now();
        let mut value = 0_u64;
        for round in 0..rounds {
            value ^= round;
            black_box(());
        }
        black_box(value);
        start.elapsed()
    }

    #[inline(never)]
    fn polled(rounds: u64) -> Duration {
        // SAFETY: this is a fiber, whose hot line stays where it is until the fiber ends.
        let hot = unsafe { &*current_hot() };
        let start = Instant::now();
        let mut value = 0_u64;
        for round in 0..rounds {
            value ^= round;
            black_box(());
            if hot.poll.load(Relaxed) != 0 {
                let _ = poll_slow();
            }
        }
        black_box(value);
        start.elapsed()
    }

    let rounds = black_box(cell.size.choose(1 << 24, 1 << 16));
    let runtime = subjects::vitte::start(cell.workers);
    runtime.run(move || {
        let mut differences = [0.0; PAIRS];
        for difference in &mut differences {
            let without = nanoseconds(pass(rounds));
            let with = nanoseconds(polled(rounds));
            *difference = (with - without) / rounds as f64;
        }
        differences.sort_unstable_by(f64::total_cmp);
        // It may be hidden altogether.
        differences[PAIRS / 2].max(0.0)
    })
}
