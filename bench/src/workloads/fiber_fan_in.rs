//! The bodies of `fiber_spsc_N` and `fiber_mpsc_N`: some fibers send, one receives.

use std::time::{Duration, Instant};

use super::{Capacity, Cell};
use crate::subjects;
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 22;

/// The sum of what `senders` senders send when each sends `0..each`.
fn expected(senders: u64, each: u64) -> u64 {
    senders * (each * (each - 1) / 2)
}

/// The channel for any number of senders and receivers.
#[cfg(feature = "vitte")]
pub(crate) fn vitte(cell: &Cell, senders: u64, capacity: Capacity) -> f64 {
    use vitte_threads::{Channel, Receiver, Sender};

    let ends = move || {
        let (sender, receiver) = match capacity {
            Some(capacity) => Channel::bounded::<u64>(capacity),
            None => Channel::new(),
        };
        (vec![sender; senders as usize], receiver)
    };
    let send = |sender: &Sender<u64>, message| sender.send(message).expect("the receiver stays");
    let recv = |receiver: &Receiver<u64>| receiver.recv().expect("a sender stays");
    vitte_pass(cell, ends, send, recv)
}

/// The channel for one sender and one receiver.
#[cfg(feature = "vitte")]
pub(crate) fn vitte_spsc(cell: &Cell, capacity: usize) -> f64 {
    use vitte_threads::spsc::{Receiver, Sender, channel};

    let ends = move || {
        let (sender, receiver) = channel::<u64>(capacity);
        (vec![sender], receiver)
    };
    let send = |sender: &Sender<u64>, message| sender.send(message).expect("the receiver stays");
    let recv = |receiver: &Receiver<u64>| receiver.recv().expect("the sender stays");
    vitte_pass(cell, ends, send, recv)
}

#[cfg(feature = "vitte")]
fn vitte_pass<S: Send + 'static, R>(
    cell: &Cell,
    ends: impl Fn() -> (Vec<S>, R) + Copy + Send,
    send: impl Fn(&S, u64) + Copy + Send + 'static,
    recv: impl Fn(&R) -> u64 + Copy + Send,
) -> f64 {
    use vitte_threads::Fiber;

    let pass = move |count: u64| {
        let (senders, receiver) = ends();
        let number = senders.len() as u64;
        let each = count / number;
        let start = Instant::now();
        let fibers: Vec<_> = senders
            .into_iter()
            .map(|sender| Fiber::spawn(move || (0..each).for_each(|it| send(&sender, it))))
            .collect();
        let mut sum = 0;
        for _ in 0..number * each {
            sum += recv(&receiver);
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(number, each));
        for fiber in fibers {
            fiber.join().expect("it only sends");
        }
        took
    };
    let runtime = subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

pub(crate) fn tokio(cell: &Cell, senders: u64, capacity: Capacity) -> f64 {
    match capacity {
        Some(capacity) => tokio_bounded(cell, senders, capacity),
        None => tokio_unbounded(cell, senders),
    }
}

fn tokio_bounded(cell: &Cell, senders: u64, capacity: usize) -> f64 {
    async fn pass(count: u64, senders: u64, capacity: usize) -> Duration {
        let each = count / senders;
        let (sender, mut receiver) = tokio::sync::mpsc::channel(capacity);
        let start = Instant::now();
        for _ in 0..senders {
            let sender = sender.clone();
            tokio::spawn(async move {
                for message in 0..each {
                    sender.send(message).await.expect("the receiver stays");
                }
            });
        }
        let mut sum = 0;
        for _ in 0..senders * each {
            sum += receiver.recv().await.expect("a sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(senders, each));
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count, senders, capacity)))
}

fn tokio_unbounded(cell: &Cell, senders: u64) -> f64 {
    async fn pass(count: u64, senders: u64) -> Duration {
        let each = count / senders;
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let start = Instant::now();
        for _ in 0..senders {
            let sender = sender.clone();
            tokio::spawn(async move {
                for message in 0..each {
                    sender.send(message).expect("the receiver stays");
                }
            });
        }
        let mut sum = 0;
        for _ in 0..senders * each {
            sum += receiver.recv().await.expect("a sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(senders, each));
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count, senders)))
}

/// kanal's channels between tokio's tasks.
pub(crate) fn kanal(cell: &Cell, senders: u64, capacity: Capacity) -> f64 {
    async fn pass(count: u64, senders: u64, capacity: Capacity) -> Duration {
        let each = count / senders;
        let (sender, receiver) = match capacity {
            Some(capacity) => kanal::bounded_async(capacity),
            None => kanal::unbounded_async(),
        };
        let start = Instant::now();
        for _ in 0..senders {
            let sender = sender.clone();
            tokio::spawn(async move {
                for message in 0..each {
                    sender.send(message).await.expect("the receiver stays");
                }
            });
        }
        let mut sum = 0;
        for _ in 0..senders * each {
            sum += receiver.recv().await.expect("a sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(senders, each));
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count, senders, capacity)))
}

/// may's channel for one sender, which has no bound.
pub(crate) fn may_spsc(cell: &Cell) -> f64 {
    fn pass(count: u64) -> Duration {
        let (sender, receiver) = may::sync::spsc::channel::<u64>();
        let start = Instant::now();
        subjects::may::spawn(move || {
            for message in 0..count {
                sender.send(message).expect("the receiver stays");
            }
        });
        let mut sum = 0;
        for _ in 0..count {
            sum += receiver.recv().expect("the sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(1, count));
        took
    }

    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}

/// may's channel for several senders, which has no bound.
pub(crate) fn may_mpsc(cell: &Cell, senders: u64) -> f64 {
    let pass = move |count: u64| {
        let each = count / senders;
        let (sender, receiver) = may::sync::mpsc::channel::<u64>();
        let start = Instant::now();
        for _ in 0..senders {
            let sender = sender.clone();
            subjects::may::spawn(move || {
                for message in 0..each {
                    sender.send(message).expect("the receiver stays");
                }
            });
        }
        let mut sum = 0;
        for _ in 0..senders * each {
            sum += receiver.recv().expect("a sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(senders, each));
        took
    };
    subjects::may::start(cell.workers);
    cell.paced(MOST, |count| subjects::may::run(move || pass(count)))
}
