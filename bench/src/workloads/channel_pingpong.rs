//! `channel_pingpong`: one message goes to and fro between two fibers, through two channels of capacity 1.

use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 22;
const CAPACITY: usize = 1;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "channel_pingpong".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
            Subject::new("kanal", kanal),
            Subject::new("may", may),
            Subject::go(),
        ],
    }]
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Channel, Fiber};

    fn pass(count: u64) -> Duration {
        let (to, from_here) = Channel::bounded::<u64>(CAPACITY);
        let (back, from_there) = Channel::bounded::<u64>(CAPACITY);
        let other = Fiber::spawn(move || {
            for _ in 0..count {
                let message = from_here.recv().expect("the sender stays");
                back.send(message).expect("the receiver stays");
            }
        });
        let start = Instant::now();
        for turn in 0..count {
            to.send(turn).expect("the receiver stays");
            assert_eq!(from_there.recv().expect("the sender stays"), turn);
        }
        let took = start.elapsed();
        other.join().expect("it only answers");
        took
    }

    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::sync::mpsc::channel;

    async fn pass(count: u64) -> Duration {
        let (to, mut from_here) = channel(CAPACITY);
        let (back, mut from_there) = channel(CAPACITY);
        let other = tokio::spawn(async move {
            for _ in 0..count {
                let message: u64 = from_here.recv().await.expect("the sender stays");
                back.send(message).await.expect("the receiver stays");
            }
        });
        let start = Instant::now();
        for turn in 0..count {
            to.send(turn).await.expect("the receiver stays");
            assert_eq!(from_there.recv().await.expect("the sender stays"), turn);
        }
        let took = start.elapsed();
        other.await.expect("it only answers");
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

/// kanal's channels between tokio's tasks.
fn kanal(cell: &Cell) -> f64 {
    use kanal::bounded_async;

    async fn pass(count: u64) -> Duration {
        let (to, from_here) = bounded_async(CAPACITY);
        let (back, from_there) = bounded_async(CAPACITY);
        let other = tokio::spawn(async move {
            for _ in 0..count {
                let message: u64 = from_here.recv().await.expect("the sender stays");
                back.send(message).await.expect("the receiver stays");
            }
        });
        let start = Instant::now();
        for turn in 0..count {
            to.send(turn).await.expect("the receiver stays");
            assert_eq!(from_there.recv().await.expect("the sender stays"), turn);
        }
        let took = start.elapsed();
        other.await.expect("it only answers");
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

/// may's channels have no bound; with one message under way that makes no difference.
fn may(cell: &Cell) -> f64 {
    use may::sync::spsc::channel;

    fn pass(count: u64) -> Duration {
        let (to, from_here) = channel::<u64>();
        let (back, from_there) = channel::<u64>();
        let other = subjects::may::spawn(move || {
            for _ in 0..count {
                let message = from_here.recv().expect("the sender stays");
                back.send(message).expect("the receiver stays");
            }
        });
        let start = Instant::now();
        for turn in 0..count {
            to.send(turn).expect("the receiver stays");
            assert_eq!(from_there.recv().expect("the sender stays"), turn);
        }
        let took = start.elapsed();
        other.join().expect("it only answers");
        took
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
