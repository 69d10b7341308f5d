//! `priority_p99`: how soon a fiber of the high class runs, while the low class has every worker.
//!
//! The low class computes without an end and polls, as generated code does, and there is more of it than there are
//! workers. A plain thread wakes the fiber, at moments that have nothing to do with the slices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};

/// Of the low class, for each worker.
const LOW: usize = 2;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "priority_p99".to_owned(),
        unit: "us",
        workers: &[2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
        ],
    }]
}

/// How long nobody is woken after wake-up `n`: 1 to 3 ms, spread evenly.
fn pause(n: u64) -> Duration {
    Duration::from_micros(1000 + n * 1237 % 2000)
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use crate::subjects;
    use vitte_threads::{Fiber, Outcome, Poll, Priority, park, poll};

    let runtime = subjects::vitte::start(cell.workers);
    let rounds: Vec<_> = (0..LOW * cell.workers)
        .map(|_| Arc::new(AtomicU64::new(0)))
        .collect();
    let low: Vec<_> = rounds
        .iter()
        .map(|rounds| {
            let rounds = Arc::clone(rounds);
            runtime.fiber().priority(Priority::Low).spawn(move || {
                while poll() == Poll::Continue {
                    rounds.store(rounds.load(Relaxed) + 1, Relaxed);
                }
            })
        })
        .collect();
    let (tell, ran) = mpsc::channel();
    let high = runtime.fiber().priority(Priority::High).spawn(move || {
        while park() == Outcome::Woken {
            tell.send(Instant::now()).expect("somebody listens");
        }
    });
    let fiber = Fiber::from_id(high.id().expect("it was spawned"));

    // The low class has begun, all of it.
    while rounds.iter().any(|rounds| rounds.load(Relaxed) == 0) {
        thread::sleep(Duration::from_millis(1));
    }
    let before: Vec<_> = rounds.iter().map(|rounds| rounds.load(Relaxed)).collect();
    let mut late: Vec<_> = (0..cell.size.choose(1000, 20))
        .map(|n| {
            thread::sleep(pause(n));
            let woken = Instant::now();
            fiber.unpark().expect("it waits for this");
            ran.recv().expect("it runs") - woken
        })
        .collect();
    late.sort_unstable();
    // A worker that serves the high class still comes back to the low one.
    let sum = |rounds: &[u64]| rounds.iter().sum::<u64>();
    let after: Vec<_> = rounds.iter().map(|rounds| rounds.load(Relaxed)).collect();
    assert!(sum(&after) > sum(&before), "the low class stood still");
    if !cell.size.quick {
        let stood = before
            .iter()
            .zip(&after)
            .any(|(before, after)| before == after);
        assert!(
            !stood,
            "one of the low class stood still: {before:?}, {after:?}"
        );
    }

    fiber.cancel().expect("it waits");
    high.join().expect("it was told to end");
    for low in low {
        let id = low.id().expect("it was spawned");
        Fiber::from_id(id).cancel().expect("it has no end");
        low.join().expect("it was told to end");
    }
    late[late.len() * 99 / 100].as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_and_keep_within_their_bounds() {
        let pauses: std::collections::HashSet<_> = (0..1000).map(pause).collect();
        assert!(pauses.len() > 900, "only {} differ", pauses.len());
        let bounds = Duration::from_millis(1)..Duration::from_millis(3);
        assert!(pauses.iter().all(|pause| bounds.contains(pause)));
    }
}
