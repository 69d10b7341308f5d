//! `spawn_join`: one task at a time is spawned and joined, from inside a task.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 24;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "spawn_join".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
            Subject::new("rayon", rayon),
            Subject::new("may", may),
            Subject::go(),
        ],
    }]
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::Fiber;

    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        for turn in 0..count {
            let fiber = Fiber::spawn(move || black_box(turn));
            assert_eq!(fiber.join().expect("it only returns"), turn);
        }
        start.elapsed()
    }

    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    async fn pass(count: u64) -> Duration {
        let start = Instant::now();
        for turn in 0..count {
            let task = tokio::spawn(async move { black_box(turn) });
            assert_eq!(task.await.expect("it only returns"), turn);
        }
        start.elapsed()
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

/// rayon's tasks return nothing and are joined by the scope they are spawned in.
fn rayon(cell: &Cell) -> f64 {
    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        for turn in 0..count {
            rayon::scope(|scope| {
                scope.spawn(move |_| {
                    black_box(turn);
                });
            });
        }
        start.elapsed()
    }

    let pool = subjects::rayon::start(cell.workers);
    cell.paced(MOST, |count| pool.install(|| pass(count)))
}

fn may(cell: &Cell) -> f64 {
    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        for turn in 0..count {
            let task = subjects::may::spawn(move || black_box(turn));
            assert_eq!(task.join().expect("it only returns"), turn);
        }
        start.elapsed()
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
