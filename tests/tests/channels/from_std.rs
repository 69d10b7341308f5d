//! What the tests of Rust's `std::sync::mpsc` ask of a channel (library/std/tests/mpsc.rs and
//! `mpsc_sync.rs`, MIT OR Apache-2.0): the ideas, written afresh for these channels.

use crate::units::{Case, FLAVORS, ManySend, Threads, Units, spawn_known, until_waiting};
use std::sync::Arc;
use vitte_wait::Reason;

pub(crate) fn a_receiver_s_iterator_ends_with_the_channel<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let counter = U::spawn(move || rx.iter().sum::<i32>());
        for n in [3, 1, 2] {
            tx.send(n).unwrap();
        }
        drop(tx);
        assert_eq!(U::join(counter), 6);
    }
}

pub(crate) fn a_bounded_iterator_ends_early_and_leaves_the_rest<U: Case>() {
    for flavor in [None, Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || (0..10).try_for_each(|n| tx.send(n)));
        U::join(sender).unwrap();
        assert_eq!(rx.iter().take_while(|n| *n < 4).count(), 4);
        // The 4 was taken out to be looked at.
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
        assert_eq!(rx.into_iter().next(), None);
    }
}

pub(crate) fn many_senders_one_after_the_other<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        for n in 0..100 {
            let tx = tx.clone();
            let sender = U::spawn(move || tx.send(n));
            assert_eq!(rx.recv(), Ok(n));
            assert_eq!(U::join(sender), Ok(()));
        }
    }
}

pub(crate) fn a_shared_sender_s_clones_survive_it<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let shared = Arc::new(tx);
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let shared = shared.clone();
                U::spawn(move || {
                    let own = (*shared).clone();
                    drop(shared);
                    own.send(1)
                })
            })
            .collect();
        drop(shared);
        assert_eq!(rx.iter().sum::<i32>(), 4);
        assert!(senders.into_iter().all(|sender| U::join(sender).is_ok()));
    }
}

pub(crate) fn send_from_outside_a_unit<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (reply, replied) = U::channel(flavor);
        let unit = U::spawn(move || {
            for n in rx {
                reply.send(n * 10).unwrap();
            }
        });
        let outsider = Threads::spawn(move || {
            for n in 0..10 {
                tx.send(n).unwrap();
            }
        });
        assert_eq!(replied.iter().sum::<i32>(), 450);
        Threads::join(outsider);
        U::join(unit);
    }
}

pub(crate) fn stress_by_dropping_one_end_at_a_time<U: Case>() {
    for flavor in FLAVORS {
        for round in 0..60 {
            let (tx, rx) = U::channel(flavor);
            let sender = U::spawn(move || match round % 3 {
                0 => drop(tx),
                1 => drop(tx.send(Box::new(round))),
                _ => drop(tx.try_send(Box::new(round))),
            });
            let receiver = U::spawn(move || match round % 2 {
                0 => drop(rx),
                _ => drop(rx.recv()),
            });
            U::join(sender);
            U::join(receiver);
        }
    }
}

pub(crate) fn oneshot_values_cross_units<U: Case>() {
    for flavor in FLAVORS {
        let pairs: Vec<_> = (0..50)
            .map(|n| {
                let (tx, rx) = U::channel(flavor);
                let receiver = U::spawn(move || rx.recv().map(|value: Box<i32>| *value));
                (U::spawn(move || tx.send(Box::new(n))), receiver)
            })
            .collect();
        for (n, (sender, receiver)) in (0..).zip(pairs) {
            assert!(U::join(sender).is_ok());
            assert_eq!(U::join(receiver), Ok(n));
        }
    }
}

pub(crate) fn a_recv_that_begins_before_the_send_gets_it<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
        until_waiting(unit, Reason::Recv);
        tx.send(Box::new(5)).unwrap();
        assert_eq!(U::join(receiver), Ok(Box::new(5)));
    }
}
