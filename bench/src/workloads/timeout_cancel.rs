//! `timeout_cancel`: what a deadline that is not reached adds to a wait.
//!
//! Two fibers take turns, waiting without a deadline in one pass and for an hour at most in the next; the figure is the
//! difference for one wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::harness::pace::nanoseconds;
use crate::subjects;
use crate::subjects::tokio::Tokio;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "timeout_cancel".to_owned(),
        unit: "ns",
        workers: &[1],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
        ],
    }]
}

/// The difference of two kinds of pass, for each of the two waits of a turn; the middle of several pairs.
fn difference(cell: &Cell, mut pass: impl FnMut(u64, bool) -> Duration) -> f64 {
    let count = cell.size.choose(1 << 18, 1 << 12);
    let mut differences = [0.0; 5];
    pass(count / 8, true);
    for difference in &mut differences {
        let without = nanoseconds(pass(count, false));
        let with = nanoseconds(pass(count, true));
        *difference = (with - without) / (2 * count) as f64;
    }
    differences.sort_unstable_by(f64::total_cmp);
    // A ratio of nothing means nothing.
    differences[2].max(0.1)
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use super::park_pingpong::take_turns;
    use vitte_threads::{park, park_timeout};

    let runtime = subjects::vitte::start(cell.workers);
    difference(cell, |count, timed| {
        let wait = move || {
            let _ = if timed { park_timeout(HOUR) } else { park() };
        };
        runtime.run(move || take_turns(count, wait))
    })
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::sync::Notify;
    use tokio::time::timeout;

    async fn wait(on: &Notify, timed: bool) {
        if timed {
            timeout(HOUR, on.notified()).await.expect("it is notified");
        } else {
            on.notified().await;
        }
    }

    async fn pass(count: u64, timed: bool) -> Duration {
        let (here, there) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (wake, on) = (Arc::clone(&here), Arc::clone(&there));
        let other = tokio::spawn(async move {
            for _ in 0..count {
                wait(&on, timed).await;
                wake.notify_one();
            }
        });
        let start = Instant::now();
        for _ in 0..count {
            there.notify_one();
            wait(&here, timed).await;
        }
        let took = start.elapsed();
        other.await.expect("it only takes turns");
        took
    }

    let runtime = Tokio::start_with_time(cell.workers);
    difference(cell, |count, timed| runtime.run(pass(count, timed)))
}
