//! `spawn_bulk`: a million tasks are spawned by one, and then all are joined.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::harness::pace::nanoseconds;
use crate::subjects;
use crate::subjects::tokio::Tokio;

/// The pass before the one that counts starts the workers up, but leaves most memory untouched.
const WARM_UP: u64 = 1_000;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "spawn_bulk".to_owned(),
        unit: "ns",
        workers: &[2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
            Subject::new("rayon", rayon),
            Subject::go(),
        ],
    }]
}

fn figure(cell: &Cell, mut pass: impl FnMut(u64) -> Duration) -> f64 {
    let count = cell.size.choose(1_000_000, 50_000);
    pass(WARM_UP);
    nanoseconds(pass(count)) / count as f64
}

fn check(sum: u64, count: u64) {
    assert_eq!(sum, count * (count - 1) / 2, "every task ran once");
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::Fiber;

    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        let fibers: Vec<_> = (0..count)
            .map(|turn| Fiber::spawn(move || black_box(turn)))
            .collect();
        let mut sum = 0;
        for fiber in fibers {
            sum += fiber.join().expect("it only returns");
        }
        check(sum, count);
        start.elapsed()
    }

    let runtime = subjects::vitte::start(cell.workers);
    figure(cell, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    async fn pass(count: u64) -> Duration {
        let start = Instant::now();
        let spawn = |turn| tokio::spawn(async move { black_box(turn) });
        let tasks: Vec<_> = (0..count).map(spawn).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it only returns");
        }
        check(sum, count);
        start.elapsed()
    }

    let runtime = Tokio::start(cell.workers);
    figure(cell, |count| runtime.run(pass(count)))
}

/// rayon's tasks return nothing, which spares it the handles and the sum: the scope joins them.
fn rayon(cell: &Cell) -> f64 {
    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        rayon::scope(|scope| {
            for turn in 0..count {
                scope.spawn(move |_| {
                    black_box(turn);
                });
            }
        });
        start.elapsed()
    }

    let pool = subjects::rayon::start(cell.workers);
    figure(cell, |count| pool.install(|| pass(count)))
}
