//! `fib_join`: the naive Fibonacci recursion, in which each call joins its two halves.

use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::harness::pace::nanoseconds;
use crate::subjects;

const WARM_UP: u64 = 20;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "fib_join".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("chili", chili),
            Subject::new("rayon", rayon),
        ],
    }]
}

/// Nanoseconds per call. Half the calls are joins.
fn figure(cell: &Cell, fib: impl FnMut(u64) -> (u64, Duration)) -> f64 {
    per_call(WARM_UP, cell.size.choose(38, 24), fib)
}

/// Nanoseconds per call of the recursion for `n`, after one for `warm_up`.
pub(super) fn per_call(warm_up: u64, n: u64, mut fib: impl FnMut(u64) -> (u64, Duration)) -> f64 {
    fib(warm_up);
    let (value, took) = fib(n);
    let (expected, next) = (1..=n).fold((0, 1), |(low, high), _| (high, low + high));
    assert_eq!(value, expected);
    let calls = 2 * next - 1;
    nanoseconds(took) / calls as f64
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Fork, join_with};

    fn fib(fork: Fork<'_>, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
        a + b
    }

    let runtime = subjects::vitte::start(cell.workers);
    figure(cell, |n| {
        runtime.run(move || {
            let start = Instant::now();
            let (a, b) = join_with(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
            (a + b, start.elapsed())
        })
    })
}

fn chili(cell: &Cell) -> f64 {
    use chili::Scope;

    fn fib(scope: &mut Scope<'_>, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = scope.join(|scope| fib(scope, n - 1), |scope| fib(scope, n - 2));
        a + b
    }

    let pool = subjects::chili::start(cell.workers);
    figure(cell, |n| {
        let mut scope = pool.scope();
        let start = Instant::now();
        (fib(&mut scope, n), start.elapsed())
    })
}

fn rayon(cell: &Cell) -> f64 {
    fn fib(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
        a + b
    }

    let pool = subjects::rayon::start(cell.workers);
    figure(cell, |n| {
        pool.install(|| {
            let start = Instant::now();
            (fib(n), start.elapsed())
        })
    })
}
