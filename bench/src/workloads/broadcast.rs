//! `broadcast_4`: one fiber sends, four others receive each of the values, and nobody falls behind.

use std::iter;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 22;
const SUBSCRIBERS: usize = 4;
const CAPACITY: usize = 128;

/// A subscriber reports whenever it has received so many, on a channel of its own, and the sender is at most two of
/// these windows ahead of the slowest. So the ring, which has room for two, overwrites nothing that is still wanted;
/// and of the figure, one report in 64 values is the price.
const WINDOW: u64 = 64;
const WINDOWS: usize = CAPACITY / WINDOW as usize;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "broadcast_4".to_owned(),
        unit: "ns",
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("tokio", tokio),
        ],
    }]
}

/// The sum of what each subscriber receives.
fn expected(count: u64) -> u64 {
    count * (count - 1) / 2
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Channel, Fiber, broadcast};

    fn pass(count: u64) -> Duration {
        let (sender, first) = broadcast::channel::<u64>(CAPACITY);
        let others = (1..SUBSCRIBERS).map(|_| sender.subscribe());
        let receivers: Vec<_> = iter::once(first).chain(others).collect();
        let start = Instant::now();
        let (reports, fibers): (Vec<_>, Vec<_>) = receivers
            .into_iter()
            .map(|receiver| {
                let (report, reports) = Channel::bounded::<()>(WINDOWS);
                let fiber = Fiber::spawn(move || {
                    let mut sum = 0;
                    for _ in 0..count / WINDOW {
                        for _ in 0..WINDOW {
                            sum += receiver.recv().expect("the sender waits for this one");
                        }
                        report.send(()).expect("the sender stays");
                    }
                    sum
                });
                (reports, fiber)
            })
            .unzip();
        for value in 0..count {
            if value % WINDOW == 0 && value >= CAPACITY as u64 {
                for reports in &reports {
                    reports.recv().expect("a subscriber stays");
                }
            }
            sender.send(value).expect("the subscribers stay");
        }
        for fiber in fibers {
            assert_eq!(fiber.join().expect("it only receives"), expected(count));
        }
        start.elapsed()
    }

    let runtime = crate::subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::sync::{broadcast, mpsc};

    async fn pass(count: u64) -> Duration {
        let (sender, first) = broadcast::channel::<u64>(CAPACITY);
        let others = (1..SUBSCRIBERS).map(|_| sender.subscribe());
        let receivers: Vec<_> = iter::once(first).chain(others).collect();
        let start = Instant::now();
        let (mut reports, tasks): (Vec<_>, Vec<_>) = receivers
            .into_iter()
            .map(|mut receiver| {
                let (report, reports) = mpsc::channel::<()>(WINDOWS);
                let task = tokio::spawn(async move {
                    let mut sum = 0;
                    for _ in 0..count / WINDOW {
                        for _ in 0..WINDOW {
                            let value = receiver.recv().await;
                            sum += value.expect("the sender waits for this one");
                        }
                        report.send(()).await.expect("the sender stays");
                    }
                    sum
                });
                (reports, task)
            })
            .unzip();
        for value in 0..count {
            if value % WINDOW == 0 && value >= CAPACITY as u64 {
                for reports in &mut reports {
                    reports.recv().await.expect("a subscriber stays");
                }
            }
            sender.send(value).expect("the subscribers stay");
        }
        for task in tasks {
            assert_eq!(task.await.expect("it only receives"), expected(count));
        }
        start.elapsed()
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}
