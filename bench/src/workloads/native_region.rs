//! `native_region`: a fiber calls foreign code that may block its thread, and does not.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 26;
const VALUE: u64 = 7;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "native_region".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
        ],
    }]
}

/// The foreign code.
fn call() -> u64 {
    black_box(VALUE)
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{MAY_BLOCK, native_region};

    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..count {
            assert_eq!(native_region(MAY_BLOCK, call), VALUE);
        }
        start.elapsed()
    }

    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::task::block_in_place;

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| {
        runtime.run(async move {
            let start = Instant::now();
            for _ in 0..count {
                assert_eq!(block_in_place(call), VALUE);
            }
            start.elapsed()
        })
    })
}
