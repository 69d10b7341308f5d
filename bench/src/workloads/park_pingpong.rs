//! `park_pingpong`: two fibers take turns, each parking until the other unparks it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 23;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "park_pingpong".to_owned(),
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
    let runtime = subjects::vitte::start(cell.workers);
    let wait = || {
        let _ = vitte_threads::park();
    };
    cell.paced(MOST, |count| runtime.run(move || take_turns(count, wait)))
}

/// The time in which two fibers take `count` turns each, of which this is one; `wait` parks.
#[cfg(feature = "vitte")]
pub(super) fn take_turns(count: u64, wait: impl Fn() + Copy + Send + 'static) -> Duration {
    use std::sync::OnceLock;
    use vitte_threads::{Fiber, unpark, yield_now};

    let here = Fiber::current().expect("this is a fiber").id();
    let there = Arc::new(OnceLock::new());
    let tell = Arc::clone(&there);
    let other = Fiber::spawn(move || {
        tell.set(Fiber::current().expect("this is a fiber").id())
            .expect("set once");
        for _ in 0..count {
            wait();
            unpark(here).expect("the first fiber waits for this one");
        }
    });
    let there = loop {
        if let Some(there) = there.get() {
            break *there;
        }
        yield_now();
    };
    let start = Instant::now();
    for _ in 0..count {
        unpark(there).expect("the other fiber has turns left");
        wait();
    }
    let took = start.elapsed();
    other.join().expect("it only takes turns");
    took
}

/// tokio's tasks do not park by themselves; `Notify` is a permit to wait for.
fn tokio(cell: &Cell) -> f64 {
    use tokio::sync::Notify;

    async fn pass(count: u64) -> Duration {
        let (here, there) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (wake, wait) = (Arc::clone(&here), Arc::clone(&there));
        let other = tokio::spawn(async move {
            for _ in 0..count {
                wait.notified().await;
                wake.notify_one();
            }
        });
        let start = Instant::now();
        for _ in 0..count {
            there.notify_one();
            here.notified().await;
        }
        let took = start.elapsed();
        other.await.expect("it only takes turns");
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

fn may(cell: &Cell) -> f64 {
    use may::coroutine::{current, park};

    fn pass(count: u64) -> Duration {
        let here = current();
        let other = subjects::may::spawn(move || {
            for _ in 0..count {
                park();
                here.unpark();
            }
        });
        let there = other.coroutine().clone();
        let start = Instant::now();
        for _ in 0..count {
            there.unpark();
            park();
        }
        let took = start.elapsed();
        other.join().expect("it only takes turns");
        took
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
