//! `parked_bytes`, `parked_create`, `parked_wake`: up to a million fibers, each waiting for something of its own.
//!
//! One course of events gives all three figures; a cell reports the one it is named after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::harness::memory;
use crate::harness::pace::nanoseconds;
use crate::subjects::tokio::Tokio;

/// After so many spawns or wakes, those who are ready get their turn: nobody needs a long queue of them.
const BATCH: u64 = 64;

/// What all waiting fibers together took.
#[derive(Debug, Clone, Copy)]
struct Parked {
    /// From the first spawn until all of them wait.
    create: Duration,
    /// Growth of the resident memory and of its page tables.
    bytes: u64,
    /// From the first wake until all of them have run.
    wake: Duration,
}

impl Parked {
    fn bytes_each(&self, count: u64) -> f64 {
        self.bytes as f64 / count as f64
    }

    fn create_each(&self, count: u64) -> f64 {
        nanoseconds(self.create) / count as f64
    }

    fn wake_each(&self, count: u64) -> f64 {
        nanoseconds(self.wake) / count as f64
    }
}

type Figure = fn(&Parked, u64) -> f64;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![
        workload("parked_bytes", "B", Parked::bytes_each),
        workload("parked_create", "ns", Parked::create_each),
        workload("parked_wake", "ns", Parked::wake_each),
    ]
}

fn workload(name: &str, unit: &'static str, figure: Figure) -> Workload {
    let subjects = vec![
        #[cfg(feature = "vitte")]
        Subject::new("vitte", move |cell| vitte(cell, figure)),
        Subject::new("tokio", move |cell| tokio(cell, figure)),
        // may maps two regions a stack, and the kernel allows 65,530 of them: it cannot take part.
        Subject::go(),
    ];
    Workload {
        name: name.to_owned(),
        unit,
        workers: &[1],
        subjects,
    }
}

/// A small course first, so that no figure contains the start of the runtime; few of its stacks are there to reuse.
fn measured(cell: &Cell, figure: Figure, mut course: impl FnMut(u64) -> Parked) -> f64 {
    let count = cell.size.parked;
    course((count / 1_000).max(1));
    figure(&course(count), count)
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell, figure: Figure) -> f64 {
    use std::sync::Mutex;
    use vitte_threads::{Fiber, Runtime, park, unpark, yield_now};

    fn course(count: u64) -> Parked {
        let waiting = Arc::new(Mutex::new(Vec::new()));
        let done = Arc::new(AtomicU64::new(0));
        let before = memory::resident_and_page_tables();
        let start = Instant::now();
        for turn in 1..=count {
            let (waiting, done) = (Arc::clone(&waiting), Arc::clone(&done));
            let _ = Fiber::spawn(move || {
                let here = Fiber::current().expect("this is a fiber").id();
                waiting.lock().expect("nobody panics").push(here);
                let _ = park();
                done.fetch_add(1, Relaxed);
            });
            if turn % BATCH == 0 {
                yield_now();
            }
        }
        while (waiting.lock().expect("nobody panics").len() as u64) < count {
            yield_now();
        }
        let create = start.elapsed();
        let bytes = memory::resident_and_page_tables().saturating_sub(before);
        let waiting = std::mem::take(&mut *waiting.lock().expect("nobody panics"));
        let start = Instant::now();
        for (turn, fiber) in (1..).zip(waiting) {
            unpark(fiber).expect("it waits");
            if turn % BATCH == 0 {
                yield_now();
            }
        }
        while done.load(Relaxed) < count {
            yield_now();
        }
        Parked {
            create,
            bytes,
            wake: start.elapsed(),
        }
    }

    let runtime = Runtime::builder()
        .workers(cell.workers)
        .stack_size(16 * 1024)
        .build();
    let runtime = runtime.expect("threads can be started");
    measured(cell, figure, |count| runtime.run(move || course(count)))
}

/// Tasks without a stack, each waiting for a one-shot channel of its own.
fn tokio(cell: &Cell, figure: Figure) -> f64 {
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    async fn course(count: u64) -> Parked {
        let waiting = Arc::new(AtomicU64::new(0));
        let done = Arc::new(AtomicU64::new(0));
        let mut senders = Vec::new();
        let before = memory::resident_and_page_tables();
        let start = Instant::now();
        for turn in 1..=count {
            let (waiting, done) = (Arc::clone(&waiting), Arc::clone(&done));
            let (sender, receiver) = oneshot::channel::<()>();
            senders.push(sender);
            tokio::spawn(async move {
                waiting.fetch_add(1, Relaxed);
                receiver.await.expect("the sender sends");
                done.fetch_add(1, Relaxed);
            });
            if turn % BATCH == 0 {
                yield_now().await;
            }
        }
        while waiting.load(Relaxed) < count {
            yield_now().await;
        }
        let create = start.elapsed();
        let bytes = memory::resident_and_page_tables().saturating_sub(before);
        let start = Instant::now();
        for (turn, sender) in (1..).zip(senders) {
            sender.send(()).expect("the task waits");
            if turn % BATCH == 0 {
                yield_now().await;
            }
        }
        while done.load(Relaxed) < count {
            yield_now().await;
        }
        Parked {
            create,
            bytes,
            wake: start.elapsed(),
        }
    }

    let runtime = Tokio::start(cell.workers);
    measured(cell, figure, |count| runtime.run(course(count)))
}
