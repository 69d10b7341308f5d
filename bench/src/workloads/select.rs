//! `select_2` and `thread_select_2`: one receives from whichever of two channels has something, each fed by one.
//!
//! The channels hold one message. Whoever sends keeps its channel open until all is received, so that none of the
//! selects finds an end.

use std::thread;
use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects::tokio::Tokio;

const MOST: u64 = 1 << 22;
const CAPACITY: usize = 1;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![
        Workload {
            name: "select_2".to_owned(),
            unit: "ns",
            workers: &[1, 2],
            subjects: vec![
                #[cfg(feature = "vitte")]
                Subject::new("vitte", vitte),
                Subject::new("tokio", tokio),
                Subject::go(),
            ],
        },
        Workload {
            name: "thread_select_2".to_owned(),
            unit: "ns",
            workers: &[3],
            subjects: vec![
                #[cfg(feature = "vitte")]
                Subject::new("vitte", thread_vitte),
                Subject::new("crossbeam-channel", thread_crossbeam),
            ],
        },
    ]
}

/// The sum of what both send when each sends `0..each`.
fn expected(each: u64) -> u64 {
    each * (each - 1)
}

#[cfg(feature = "vitte")]
type Ours = vitte_threads::Receiver<u64>;

/// What is received when `count` messages are.
#[cfg(feature = "vitte")]
fn select_ours(count: u64, one: &Ours, two: &Ours) -> u64 {
    let mut sum = 0;
    for _ in 0..count {
        sum += vitte_threads::select! {
            recv(one) -> message => message.expect("its sender stays"),
            recv(two) -> message => message.expect("its sender stays"),
        }
        .expect("nobody cancels");
    }
    sum
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Channel, Fiber};

    fn pass(count: u64) -> Duration {
        let each = count / 2;
        let ends = [(); 2].map(|()| Channel::bounded::<u64>(CAPACITY));
        let start = Instant::now();
        let fibers = [0, 1].map(|which: usize| {
            let sender = ends[which].0.clone();
            Fiber::spawn(move || {
                for message in 0..each {
                    sender.send(message).expect("the receiver stays");
                }
            })
        });
        let sum = select_ours(2 * each, &ends[0].1, &ends[1].1);
        let took = start.elapsed();
        assert_eq!(sum, expected(each));
        for fiber in fibers {
            fiber.join().expect("it only sends");
        }
        took
    }

    let runtime = crate::subjects::vitte::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(move || pass(count)))
}

fn tokio(cell: &Cell) -> f64 {
    use tokio::sync::mpsc::channel;

    async fn pass(count: u64) -> Duration {
        let each = count / 2;
        let ((left, mut one), (right, mut two)) = (channel(CAPACITY), channel(CAPACITY));
        let start = Instant::now();
        for sender in [&left, &right] {
            let sender = sender.clone();
            tokio::spawn(async move {
                for message in 0..each {
                    sender.send(message).await.expect("the receiver stays");
                }
            });
        }
        let mut sum = 0;
        for _ in 0..2 * each {
            let message = tokio::select! {
                message = one.recv() => message,
                message = two.recv() => message,
            };
            sum += message.expect("its sender stays");
        }
        let took = start.elapsed();
        assert_eq!(sum, expected(each));
        took
    }

    let runtime = Tokio::start(cell.workers);
    cell.paced(MOST, |count| runtime.run(pass(count)))
}

/// Two threads that send `0..each` by `send`, while this one receives all of it.
fn threads<S: Send>(
    each: u64,
    senders: [S; 2],
    send: impl Fn(&S, u64) + Copy + Send,
    receive: impl FnOnce() -> u64,
) -> Duration {
    thread::scope(|scope| {
        let start = Instant::now();
        for sender in senders {
            scope.spawn(move || (0..each).for_each(|message| send(&sender, message)));
        }
        let sum = receive();
        let took = start.elapsed();
        assert_eq!(sum, expected(each));
        took
    })
}

#[cfg(feature = "vitte")]
fn thread_vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Channel, Sender};

    cell.paced(MOST, |count| {
        let each = count / 2;
        let [(left, one), (right, two)] = [(); 2].map(|()| Channel::bounded::<u64>(CAPACITY));
        let send = |sender: &Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let senders = [left.clone(), right.clone()];
        threads(each, senders, send, || select_ours(2 * each, &one, &two))
    })
}

fn thread_crossbeam(cell: &Cell) -> f64 {
    use crossbeam_channel::{Sender, bounded, select};

    cell.paced(MOST, |count| {
        let each = count / 2;
        let [(left, one), (right, two)] = [(); 2].map(|()| bounded::<u64>(CAPACITY));
        let send = |sender: &Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let senders = [left.clone(), right.clone()];
        threads(each, senders, send, || {
            let mut sum = 0;
            for _ in 0..2 * each {
                select! {
                    recv(one) -> message => sum += message.expect("its sender stays"),
                    recv(two) -> message => sum += message.expect("its sender stays"),
                }
            }
            sum
        })
    })
}
