//! `blocked_delay`: for how long fibers that block their threads in the system hold up those that could run.
//!
//! Twice as many block as there are workers, so that every worker is lost twice before the others come up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

/// Who blocks, for each worker.
const BLOCKED: usize = 2;
const OTHERS: usize = 1000;
/// Each takes as long as a blocked fiber blocks.
const TIMES: usize = 3;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "blocked_delay".to_owned(),
        unit: "ms",
        workers: &[2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
        ],
    }]
}

/// When the last of the others ran, counted from when they were spawned.
#[derive(Debug, Clone)]
struct Last {
    began: Instant,
    nanoseconds: Arc<AtomicU64>,
}

impl Last {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            nanoseconds: Arc::default(),
        }
    }

    fn run(&self) {
        let now = u64::try_from(self.began.elapsed().as_nanos()).expect("it takes seconds");
        self.nanoseconds.fetch_max(now, Relaxed);
    }

    fn milliseconds(&self) -> f64 {
        self.nanoseconds.load(Relaxed) as f64 / 1e6
    }
}

/// The worst of a few times.
fn worst(cell: &Cell, mut once: impl FnMut(Duration) -> f64) -> f64 {
    let long = cell
        .size
        .choose(Duration::from_secs(1), Duration::from_millis(50));
    let times = (0..TIMES).map(|_| once(long));
    times.max_by(f64::total_cmp).expect("more than none")
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{MAY_BLOCK, native_region};

    let runtime = subjects::vitte::start(cell.workers);
    worst(cell, |long| {
        let blocked: Vec<_> = (0..BLOCKED * cell.workers)
            .map(|_| runtime.spawn(move || native_region(MAY_BLOCK, || thread::sleep(long))))
            .collect();
        let last = Last::begin();
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                let last = last.clone();
                runtime.spawn(move || last.run())
            })
            .collect();
        for fiber in others.into_iter().chain(blocked) {
            fiber.join().expect("it only returns");
        }
        last.milliseconds()
    })
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::task::block_in_place;

    async fn once(blocked: usize, long: Duration) -> f64 {
        let blocked: Vec<_> = (0..blocked)
            .map(|_| tokio::spawn(async move { block_in_place(|| thread::sleep(long)) }))
            .collect();
        let last = Last::begin();
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                let last = last.clone();
                tokio::spawn(async move { last.run() })
            })
            .collect();
        for task in others.into_iter().chain(blocked) {
            task.await.expect("it only returns");
        }
        last.milliseconds()
    }

    let runtime = Tokio::start(cell.workers);
    let blocked = BLOCKED * cell.workers;
    worst(cell, |long| runtime.run(once(blocked, long)))
}
