//! `skynet_spawn`: a tree of tasks, each of which spawns ten, down to a million leaves whose numbers are summed.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const BRANCHES: u64 = 10;
const WARM_UP: u64 = 1_000;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "skynet_spawn".to_owned(),
        unit: "ms",
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

/// Milliseconds for the whole tree.
fn figure(cell: &Cell, mut tree: impl FnMut(u64) -> (u64, Duration)) -> f64 {
    let leaves = cell.size.choose(1_000_000, 10_000);
    tree(WARM_UP);
    let (sum, took) = tree(leaves);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    took.as_secs_f64() * 1e3
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::Fiber;

    fn tree(first: u64, leaves: u64) -> u64 {
        if leaves == 1 {
            return first;
        }
        let each = leaves / BRANCHES;
        let branches: [_; BRANCHES as usize] = std::array::from_fn(|branch| {
            Fiber::spawn(move || tree(first + branch as u64 * each, each))
        });
        // The last spawned is joined first: it lies on top of the queue.
        branches
            .into_iter()
            .rev()
            .map(|branch| branch.join().expect("it only adds"))
            .sum()
    }

    let runtime = subjects::vitte::start(cell.workers);
    figure(cell, |leaves| {
        runtime.run(move || {
            let start = Instant::now();
            (tree(0, leaves), start.elapsed())
        })
    })
}

fn tokio(cell: &Cell) -> f64 {
    async fn tree(first: u64, leaves: u64) -> u64 {
        if leaves == 1 {
            return first;
        }
        let each = leaves / BRANCHES;
        let branches: [_; BRANCHES as usize] =
            std::array::from_fn(|branch| spawn_tree(first + branch as u64 * each, each));
        let mut sum = 0;
        for branch in branches {
            sum += branch.await.expect("it only adds");
        }
        sum
    }

    fn spawn_tree(first: u64, leaves: u64) -> tokio::task::JoinHandle<u64> {
        tokio::spawn(tree(first, leaves))
    }

    fn boxed_tree(first: u64, leaves: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(tree(first, leaves))
    }

    let runtime = Tokio::start(cell.workers);
    figure(cell, |leaves| {
        runtime.run(async move {
            let start = Instant::now();
            (boxed_tree(0, leaves).await, start.elapsed())
        })
    })
}

fn rayon(cell: &Cell) -> f64 {
    fn tree(first: u64, leaves: u64) -> u64 {
        if leaves == 1 {
            return first;
        }
        let each = leaves / BRANCHES;
        let mut sums = [0; BRANCHES as usize];
        rayon::scope(|scope| {
            for (first, sum) in (first..).step_by(each as usize).zip(&mut sums) {
                scope.spawn(move |_| *sum = tree(first, each));
            }
        });
        sums.iter().sum()
    }

    let pool = subjects::rayon::start(cell.workers);
    figure(cell, |leaves| {
        pool.install(|| {
            let start = Instant::now();
            (tree(0, leaves), start.elapsed())
        })
    })
}
