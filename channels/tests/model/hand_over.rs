//! Every value that is sent arrives, once, and with what its sender did before.

use crate::check::check;
use vitte_channels::{Channel, Receiver, Sender};
use vitte_wait::facade::thread;

/// A box, so that a value that arrives twice is freed twice, and loom's cells see who touches it.
type Value = Box<u32>;

fn one_producer((tx, rx): (Sender<Value>, Receiver<Value>), values: u32) {
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

fn two_producers((tx, rx): (Sender<Value>, Receiver<Value>)) {
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

#[test]
fn a_ring_of_one_hands_everything_over() {
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
fn a_ring_of_one_serves_two_producers() {
    check("bounded(1), 2 producers", 1, || {
        two_producers(Channel::bounded(1));
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

// Blocks have one slot in a model, so every value goes through linking and retiring.

#[test]
fn blocks_hand_everything_over() {
    check("unbounded, 2 values", 2, || one_producer(Channel::new(), 2));
}

#[test]
fn blocks_serve_two_producers() {
    check(
        "unbounded, 2 producers",
        1,
        || two_producers(Channel::new()),
    );
}
