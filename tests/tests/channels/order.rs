//! What arrives, and in which order.

use crate::units::{Case, FLAVORS, ManySend, Units};
use std::time::Duration;
use vitte_channels::spsc;
use vitte_tests::rounds;

pub(crate) fn smoke<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || tx.send(7));
        assert_eq!(rx.recv(), Ok(7));
        assert_eq!(U::join(sender), Ok(()));
    }
}

pub(crate) fn each_producer_s_values_arrive_in_its_order<U: ManySend>() {
    const PRODUCERS: usize = 4;
    const VALUES: usize = 10_000;
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let tx = tx.clone();
                U::spawn(move || {
                    for value in 0..VALUES {
                        tx.send((producer, value)).unwrap();
                    }
                })
            })
            .collect();
        drop(tx);
        let consumer = U::spawn(move || {
            let mut next = [0; PRODUCERS];
            for (producer, value) in rx {
                assert_eq!(value, next[producer], "of producer {producer}, {flavor:?}");
                next[producer] += 1;
            }
            next
        });
        producers.into_iter().for_each(U::join);
        assert_eq!(U::join(consumer), [VALUES; PRODUCERS]);
    }
}

pub(crate) fn a_sender_made_while_others_send_counts<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let first = U::spawn(move || {
            tx.send(1).unwrap();
            let second = tx.clone();
            let second = U::spawn(move || second.send(2).unwrap());
            drop(tx);
            U::join(second);
        });
        assert_eq!(rx.iter().sum::<i32>(), 3);
        U::join(first);
    }
}

pub(crate) fn zero_sized_values_are_counted<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || {
            for _ in 0..1_000 {
                tx.send(()).unwrap();
            }
        });
        assert_eq!(rx.iter().count(), 1_000);
        U::join(sender);
    }
}

pub(crate) fn large_values_arrive_whole<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || {
            for n in 0..50_u64 {
                tx.send([n; 512]).unwrap();
            }
        });
        for (n, value) in (0..).zip(&rx) {
            assert_eq!(value, [n; 512]);
        }
        U::join(sender);
    }
}

pub(crate) fn a_ping_pong_ends<U: Case>() {
    for flavor in FLAVORS {
        let (ping, pinged) = U::channel(flavor);
        let (pong, ponged) = U::channel(flavor);
        let other = U::spawn(move || {
            for n in pinged {
                pong.send(n + 1).unwrap();
            }
        });
        let mut n = 0;
        for _ in 0..1_000 {
            ping.send(n).unwrap();
            n = ponged.recv().unwrap();
        }
        assert_eq!(n, 1_000);
        drop(ping);
        U::join(other);
    }
}

/// Case V6 of the project's list; fewer than a million where there is no time for all of them.
pub(crate) fn a_million_numbers_pass_a_pair_in_their_order<U: Units>() {
    for capacity in [1, 128] {
        let (tx, rx) = spsc::channel(capacity);
        let sender = U::spawn(move || {
            let numbers = rounds(1_000_000, Duration::from_millis(500));
            numbers.map(|n| tx.send(n).unwrap()).count()
        });
        let mut received = 0;
        for n in &rx {
            assert_eq!(n, received, "of a pair with room for {capacity}");
            received += 1;
        }
        assert_eq!(U::join(sender), received);
    }
}
