//! The bodies of `thread_spsc_N` and `thread_mpsc_N`: some native threads send, one receives.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Capacity, Cell};

const MOST: u64 = 1 << 22;

/// Sends `count` messages, divided among `senders`, and receives all of them on the calling thread.
pub(crate) fn pass<S, R>(
    count: u64,
    senders: Vec<S>,
    mut receiver: R,
    send: impl Fn(&mut S, u64) + Copy + Send + 'static,
    recv: impl Fn(&mut R) -> u64,
) -> Duration
where
    S: Send + 'static,
{
    let number = senders.len() as u64;
    let each = count / number;
    let start = Instant::now();
    let threads: Vec<_> = senders
        .into_iter()
        .map(|mut sender| {
            thread::spawn(move || {
                for message in 0..each {
                    send(&mut sender, message);
                }
            })
        })
        .collect();
    let mut sum = 0;
    for _ in 0..number * each {
        sum += recv(&mut receiver);
    }
    let took = start.elapsed();
    assert_eq!(sum, number * (each * (each - 1) / 2));
    for thread in threads {
        thread.join().expect("it only sends");
    }
    took
}

#[cfg(feature = "vitte")]
pub(crate) fn vitte(cell: &Cell, senders: usize, capacity: Capacity) -> f64 {
    use vitte_threads::Channel;

    cell.paced(MOST, |count| {
        let (sender, receiver) = match capacity {
            Some(capacity) => Channel::bounded::<u64>(capacity),
            None => Channel::new(),
        };
        let send = |sender: &mut _, message| {
            vitte_threads::Sender::send(sender, message).expect("the receiver stays");
        };
        let recv =
            |receiver: &mut _| vitte_threads::Receiver::recv(receiver).expect("a sender stays");
        pass(count, vec![sender; senders], receiver, send, recv)
    })
}

/// The channel for one sender and one receiver.
#[cfg(feature = "vitte")]
pub(crate) fn vitte_spsc(cell: &Cell, capacity: usize) -> f64 {
    use vitte_threads::spsc::{Receiver, Sender, channel};

    cell.paced(MOST, |count| {
        let (sender, receiver) = channel::<u64>(capacity);
        let send = |sender: &mut Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let recv = |receiver: &mut Receiver<u64>| receiver.recv().expect("the sender stays");
        pass(count, vec![sender], receiver, send, recv)
    })
}

pub(crate) fn crossbeam(cell: &Cell, senders: usize, capacity: Capacity) -> f64 {
    use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

    cell.paced(MOST, |count| {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let send = |sender: &mut Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let recv = |receiver: &mut Receiver<u64>| receiver.recv().expect("a sender stays");
        pass(count, vec![sender; senders], receiver, send, recv)
    })
}

pub(crate) fn kanal(cell: &Cell, senders: usize, capacity: Capacity) -> f64 {
    use kanal::{Receiver, Sender, bounded, unbounded};

    cell.paced(MOST, |count| {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let send = |sender: &mut Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let recv = |receiver: &mut Receiver<u64>| receiver.recv().expect("a sender stays");
        pass(count, vec![sender; senders], receiver, send, recv)
    })
}

pub(crate) fn flume(cell: &Cell, senders: usize, capacity: Capacity) -> f64 {
    use flume::{Receiver, Sender, bounded, unbounded};

    cell.paced(MOST, |count| {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let send = |sender: &mut Sender<u64>, message| {
            sender.send(message).expect("the receiver stays");
        };
        let recv = |receiver: &mut Receiver<u64>| receiver.recv().expect("a sender stays");
        pass(count, vec![sender; senders], receiver, send, recv)
    })
}

pub(crate) fn std(cell: &Cell, senders: usize, capacity: Capacity) -> f64 {
    let recv = |receiver: &mut mpsc::Receiver<u64>| receiver.recv().expect("a sender stays");
    cell.paced(MOST, |count| match capacity {
        Some(capacity) => {
            let (sender, receiver) = mpsc::sync_channel(capacity);
            let send = |sender: &mut mpsc::SyncSender<u64>, message| {
                sender.send(message).expect("the receiver stays");
            };
            pass(count, vec![sender; senders], receiver, send, recv)
        }
        None => {
            let (sender, receiver) = mpsc::channel();
            let send = |sender: &mut mpsc::Sender<u64>, message| {
                sender.send(message).expect("the receiver stays");
            };
            pass(count, vec![sender; senders], receiver, send, recv)
        }
    })
}
