//! `fib_spawn`: the naive Fibonacci recursion, in which each call spawns one half and computes the other.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload, fib_join::per_call};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const WARM_UP: u64 = 16;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "fib_spawn".to_owned(),
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

/// Nanoseconds per call. Half the calls are spawned.
fn figure(cell: &Cell, fib: impl FnMut(u64) -> (u64, Duration)) -> f64 {
    per_call(WARM_UP, cell.size.choose(32, 22), fib)
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::Fiber;

    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let spawned = Fiber::spawn(move || fib(n - 1));
        let other = fib(n - 2);
        spawned.join().expect("it only adds") + other
    }

    let runtime = subjects::vitte::start(cell.workers);
    figure(cell, |n| {
        runtime.run(move || {
            let start = Instant::now();
            (fib(n), start.elapsed())
        })
    })
}

fn tokio(cell: &Cell) -> f64 {
    async fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let spawned = spawn_fib(n - 1);
        // A future that contains itself has to be boxed; a leaf is not worth a future.
        let other = if n < 4 { n - 2 } else { boxed_fib(n - 2).await };
        spawned.await.expect("it only adds") + other
    }

    /// Spawned without a box: the task is one allocation.
    fn spawn_fib(n: u64) -> tokio::task::JoinHandle<u64> {
        tokio::spawn(fib(n))
    }

    fn boxed_fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(fib(n))
    }

    let runtime = Tokio::start(cell.workers);
    figure(cell, |n| {
        runtime.run(async move {
            let start = Instant::now();
            (fib(n).await, start.elapsed())
        })
    })
}

fn rayon(cell: &Cell) -> f64 {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (mut spawned, mut other) = (0, 0);
        rayon::scope(|scope| {
            scope.spawn(|_| spawned = fib(n - 1));
            other = fib(n - 2);
        });
        spawned + other
    }

    let pool = subjects::rayon::start(cell.workers);
    figure(cell, |n| {
        pool.install(|| {
            let start = Instant::now();
            (fib(n), start.elapsed())
        })
    })
}
