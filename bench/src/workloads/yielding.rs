//! `yield`: two fibers on one worker give way to each other.

use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 24;
const FIBERS: u64 = 2;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "yield".to_owned(),
        unit: "ns",
        workers: &[1],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
            Subject::new("may", may),
            Subject::go(),
        ],
    }]
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Fiber, yield_now};

    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        let body = move || (0..count / FIBERS).for_each(|_| yield_now());
        let fibers: Vec<_> = (0..FIBERS).map(|_| Fiber::spawn(body)).collect();
        for fiber in fibers {
            fiber.join().expect("yielding does not panic");
        }
        start.elapsed()
    }

    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    async fn pass(count: u64) -> Duration {
        let start = Instant::now();
        let body = move || async move {
            for _ in 0..count / FIBERS {
                tokio::task::yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..FIBERS).map(|_| tokio::spawn(body())).collect();
        for task in tasks {
            task.await.expect("yielding does not panic");
        }
        start.elapsed()
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

fn may(cell: &Cell) -> f64 {
    fn pass(count: u64) -> Duration {
        let start = Instant::now();
        let body = move || (0..count / FIBERS).for_each(|_| may::coroutine::yield_now());
        let tasks: Vec<_> = (0..FIBERS).map(|_| subjects::may::spawn(body)).collect();
        for task in tasks {
            task.join().expect("yielding does not panic");
        }
        start.elapsed()
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
