//! Every value that is sent arrives, once, and with what its sender did before.

use crate::check::check;
use vitte_channels::{Channel, Kind, Many, Receiver, Sender, mpmc, spsc};
use vitte_wait::facade::thread;

/// A box, so that a value that arrives twice is freed twice, and loom's cells see who touches it.
type Value = Box<u32>;

fn one_producer<K: Kind>((tx, rx): (Sender<Value, K>, Receiver<Value, K>), values: u32) {
    let producer = thread::spawn(move || {
        for n in 0..values {
            tx.send(Box::new(n)).unwrap();
        }
        // Alive until we have joined: closing wakes whoever was forgotten.
        tx
    });
    for n in 0..values {
        assert_eq!(*rx.recv().unwrap(), n);
    }
    drop(producer.join().unwrap());
}

fn two_producers<K: Kind<Producers = Many>>((tx, rx): (Sender<Value, K>, Receiver<Value, K>)) {
    let producers = [1, 2].map(|n| {
        let tx = tx.clone();
        thread::spawn(move || tx.send(Box::new(n)).unwrap())
    });
    assert_eq!(*rx.recv().unwrap() + *rx.recv().unwrap(), 3);
    for producer in producers {
        producer.join().unwrap();
    }
    assert!(rx.try_recv().is_err());
}

/// Two consumers, of whom each takes one value; the sender is the model's own thread.
fn two_consumers((tx, rx): (mpmc::Sender<Value>, mpmc::Receiver<Value>)) {
    let consumers = [rx.clone(), rx].map(|rx| thread::spawn(move || *rx.recv().unwrap()));
    tx.send(Box::new(1)).unwrap();
    tx.send(Box::new(2)).unwrap();
    let sum: u32 = consumers
        .map(|consumer| consumer.join().unwrap())
        .iter()
        .sum();
    assert_eq!(sum, 3);
}

#[test]
fn a_channel_of_one_hands_everything_over() {
    check("bounded(1), 3 values", 2, || {
        one_producer(Channel::bounded(1), 3);
    });
}

#[test]
fn a_ring_of_two_hands_everything_over() {
    check("bounded(2), 3 values", 2, || {
        one_producer(Channel::bounded(2), 3);
    });
}

#[test]
fn a_channel_of_one_serves_two_producers() {
    check("bounded(1), 2 producers", 1, || {
        two_producers(Channel::bounded(1));
    });
}

#[test]
fn a_channel_of_one_serves_two_consumers() {
    check("bounded(1), 2 consumers", 1, || {
        two_consumers(mpmc::bounded(1));
    });
}

#[test]
fn a_ring_of_two_serves_two_producers() {
    check("bounded(2), 2 producers", 1, || {
        two_producers(Channel::bounded(2));
    });
}

#[test]
fn a_ring_of_two_serves_two_consumers() {
    check("bounded(2), 2 consumers", 1, || {
        two_consumers(mpmc::bounded(2));
    });
}

#[test]
fn a_rendezvous_hands_everything_over() {
    check("rendezvous, 2 values", 3, || {
        one_producer(Channel::bounded(0), 2);
    });
}

#[test]
fn a_rendezvous_serves_two_producers() {
    check("rendezvous, 2 producers", 1, || {
        two_producers(Channel::bounded(0));
    });
}

#[test]
fn a_rendezvous_serves_two_consumers() {
    check("rendezvous, 2 consumers", 1, || {
        two_consumers(mpmc::rendezvous());
    });
}

// Blocks have one slot in loom's models and three in shuttle's, so that values go through linking
// and retiring.

#[test]
fn blocks_hand_everything_over() {
    let values = if cfg!(shuttle) { 5 } else { 2 };
    check("unbounded, one after the other", 2, move || {
        one_producer(Channel::new(), values);
    });
    check("unbounded for many, one after the other", 2, move || {
        one_producer(mpmc::unbounded(), values);
    });
}

#[test]
fn blocks_serve_two_producers() {
    check("unbounded, 2 producers", 1, || {
        two_producers(Channel::new());
    });
    check("unbounded for many, 2 producers", 1, || {
        two_producers(mpmc::unbounded());
    });
}

#[test]
fn blocks_serve_two_consumers() {
    check("unbounded for many, 2 consumers", 1, || {
        two_consumers(mpmc::unbounded());
    });
}

/// Both consumers try for what is there, so that blocks change hands while both are in them.
#[test]
fn a_block_is_freed_by_the_last_to_leave_it() {
    let values = if cfg!(shuttle) { 7 } else { 2 };
    check("unbounded for many, 2 that try", 2, move || {
        let (tx, rx) = mpmc::unbounded();
        for n in 0..values {
            tx.send(Box::new(n)).unwrap();
        }
        let other = rx.clone();
        let other = thread::spawn(move || other.try_iter().map(|n| *n).sum::<u32>());
        let sum = rx.try_iter().map(|n| *n).sum::<u32>();
        assert_eq!(sum + other.join().unwrap(), (0..values).sum());
    });
}

// One end of each. What the fence between position and flag is for is in `flags.rs`.

#[test]
fn a_pair_hands_everything_over() {
    check("spsc(2), 3 values", 1, || {
        one_producer(spsc::channel(2), 3);
    });
}
