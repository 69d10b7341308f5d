//! `fiber_mutex`: eight fibers increment a counter under one lock, and now and then yield while they hold it.
//!
//! That is what a lock for asynchronous tasks is for: to be held across an `await`. Without a yield inside, fibers on
//! one worker would never meet at the lock. With one in sixteen, the other seven come and find it taken, and what
//! happens then is what is measured: whether each of the next fifteen increments needs a switch, too, as it does
//! where a lock is handed to whoever waits longest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 24;
const FIBERS: u64 = 8;
/// Every so many turns, a fiber yields while it holds the lock.
const YIELD_EVERY: u64 = 16;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "fiber_mutex".to_owned(),
        unit: "ns",
        workers: &[1, 2],
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
    use vitte_threads::{Fiber, sync::Mutex, yield_now};

    fn pass(count: u64) -> Duration {
        let total = Arc::new(Mutex::new(0));
        let start = Instant::now();
        let fibers: Vec<_> = (0..FIBERS)
            .map(|_| {
                let total = Arc::clone(&total);
                Fiber::spawn(move || {
                    for turn in 0..count / FIBERS {
                        let mut total = total.lock().expect("nobody panics");
                        *total += 1;
                        if turn % YIELD_EVERY == 0 {
                            yield_now();
                        }
                    }
                })
            })
            .collect();
        for fiber in fibers {
            fiber.join().expect("it only counts");
        }
        let took = start.elapsed();
        assert_eq!(*total.lock().expect("nobody panics"), count);
        took
    }

    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::{sync::Mutex, task::yield_now};

    async fn pass(count: u64) -> Duration {
        let total = Arc::new(Mutex::new(0));
        let start = Instant::now();
        let tasks: Vec<_> = (0..FIBERS)
            .map(|_| {
                let total = Arc::clone(&total);
                tokio::spawn(async move {
                    for turn in 0..count / FIBERS {
                        let mut total = total.lock().await;
                        *total += 1;
                        if turn % YIELD_EVERY == 0 {
                            yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it only counts");
        }
        let took = start.elapsed();
        assert_eq!(*total.lock().await, count);
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

fn may(cell: &Cell) -> f64 {
    use may::{coroutine::yield_now, sync::Mutex};

    fn pass(count: u64) -> Duration {
        let total = Arc::new(Mutex::new(0));
        let start = Instant::now();
        let tasks: Vec<_> = (0..FIBERS)
            .map(|_| {
                let total = Arc::clone(&total);
                subjects::may::spawn(move || {
                    for turn in 0..count / FIBERS {
                        let mut total = total.lock().expect("nobody panics");
                        *total += 1;
                        if turn % YIELD_EVERY == 0 {
                            yield_now();
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.join().expect("it only counts");
        }
        let took = start.elapsed();
        assert_eq!(*total.lock().expect("nobody panics"), count);
        took
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
