//! The bodies of the workloads about locks between threads: some threads do the same thing again and again.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Lets `threads` threads do `turn` `count` times in all, and says how long it took from when the first of them
/// began until the last was done.
pub(crate) fn pass(threads: usize, count: u64, turn: impl Fn() + Sync) -> Duration {
    let each = count / threads as u64;
    let turns = || {
        let start = Instant::now();
        for _ in 0..each {
            turn();
        }
        (start, Instant::now())
    };
    if threads == 1 {
        let (start, end) = turns();
        return end - start;
    }
    // All are there before anyone begins: otherwise the first could be done before the second has started.
    let barrier = Barrier::new(threads);
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    turns()
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|times| times.expect("a turn does not panic"))
            .collect()
    });
    let start = times.iter().map(|(start, _)| *start).min();
    let end = times.iter().map(|(_, end)| *end).max();
    match (start, end) {
        (Some(start), Some(end)) => end - start,
        _ => Duration::ZERO,
    }
}
