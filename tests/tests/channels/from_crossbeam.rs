//! What crossbeam-channel's tests of its array, list and zero flavors ask (crossbeam-channel/tests,
//! MIT OR Apache-2.0): the ideas that apply to one consumer, written afresh for these channels.

use crate::units::{Case, Census, FLAVORS, ManySend, Random, spawn_known, until_waiting};
use vitte_channels::{RecvError, TryRecvError};
use vitte_wait::Reason;

pub(crate) fn length_follows_every_step<U: Case>() {
    for flavor in [None, Some(1), Some(7), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let most = flavor.unwrap_or(200);
        for _ in 0..5 {
            for n in 0..most {
                assert_eq!((tx.len(), rx.is_empty()), (n, n == 0));
                tx.try_send(n).unwrap();
            }
            // Not from the top to the bottom every time, so that the ring turns.
            let taken = most.div_ceil(2);
            for n in 0..taken {
                assert_eq!(rx.len(), most - n);
                assert_eq!(rx.try_recv(), Ok(n));
            }
            assert_eq!(rx.try_iter().count(), most - taken);
            assert_eq!((tx.len(), tx.is_empty()), (0, true));
        }
        // Nobody sees more than fits inside, while it goes in and out.
        let sender = U::spawn(move || {
            for n in 0..2_000 {
                tx.send(n).unwrap();
                assert!(flavor.is_none_or(|capacity| tx.len() <= capacity));
            }
        });
        for n in 0..2_000 {
            assert!(flavor.is_none_or(|capacity| rx.len() <= capacity));
            assert_eq!(rx.recv(), Ok(n));
        }
        U::join(sender);
    }
}

pub(crate) fn a_full_ring_wraps_around_many_times<U: Case>() {
    for capacity in 1..=9 {
        let (tx, rx) = U::channel(Some(capacity));
        let turns = 300;
        let sender = U::spawn(move || (0..turns * capacity).try_for_each(|n| tx.send(n)));
        assert!(rx.iter().eq(0..turns * capacity));
        U::join(sender).unwrap();
    }
}

pub(crate) fn many_blocks_are_filled_and_emptied<U: ManySend>() {
    let (tx, rx) = U::channel(None);
    for _ in 0..3 {
        let tx = tx.clone();
        U::join(U::spawn(move || (0..1_000).try_for_each(|n| tx.send(n)))).unwrap();
        assert_eq!(rx.len(), 1_000);
        assert!(rx.try_iter().eq(0..1_000));
    }
}

pub(crate) fn capacity_is_what_was_asked_for<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        assert_eq!((tx.capacity(), rx.capacity()), (flavor, flavor));
        let other = tx.clone();
        let same = U::join(U::spawn(move || other.is_same_channel(&tx)));
        assert!(same);
    }
}

pub(crate) fn closing_wakes_a_receiver<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx.try_recv()));
        until_waiting(unit, Reason::Recv);
        tx.close();
        let expected = (Err(RecvError::Closed), Err(TryRecvError::Closed));
        assert_eq!(U::join(receiver), expected);
    }
}

pub(crate) fn two_channels_do_not_mix<U: Case>() {
    for flavor in FLAVORS {
        let (evens, even) = U::channel(flavor);
        let (odds, odd) = U::channel(flavor);
        assert!(!evens.is_same_channel(&odds));
        let sender = U::spawn(move || {
            for n in 0..1_000 {
                let tx = if n % 2 == 0 { &evens } else { &odds };
                tx.send(n).unwrap();
            }
        });
        let odd = U::spawn(move || odd.iter().filter(|n| n % 2 == 1).count());
        assert_eq!(even.iter().filter(|n| n % 2 == 0).count(), 500);
        assert_eq!(U::join(odd), 500);
        U::join(sender);
    }
}

pub(crate) fn drops_are_counted_under_stress<U: Case>() {
    let mut random = Random::new();
    for round in 0..20 {
        for flavor in FLAVORS {
            let census = Census::new();
            let (tx, rx) = U::channel(flavor);
            let sent = random.below(500);
            let left = if flavor == Some(0) {
                0
            } else {
                random.below(3)
            };
            let sender = U::spawn(move || {
                for n in 0..sent {
                    tx.send(census.value(n)).unwrap();
                }
                for n in 0..left {
                    let _ = tx.try_send(census.value(n));
                }
                // Still there when the receiver goes.
                tx
            });
            for n in 0..sent {
                assert_eq!(rx.recv().unwrap().number, n);
            }
            assert!(census.dropped() >= sent);
            let tx = U::join(sender);
            drop(rx);
            assert_eq!(census.dropped(), census.made(), "in round {round}");
            drop(tx);
            assert_eq!(census.dropped(), census.made(), "in round {round}");
        }
    }
}

pub(crate) fn a_queue_is_linearizable_by_one<U: ManySend>() {
    // Whoever has sent finds the channel not empty until somebody received.
    for flavor in [None, Some(4)] {
        let (tx, rx) = U::channel(flavor);
        let (ask, asked) = U::channel(flavor);
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (tx, ask) = (tx.clone(), ask.clone());
                U::spawn(move || {
                    for n in 0..2_000 {
                        tx.send(n).unwrap();
                        ask.send(()).unwrap();
                    }
                })
            })
            .collect();
        drop((tx, ask));
        for () in asked {
            assert!(rx.try_recv().is_ok(), "a value that was sent is not there");
        }
        senders.into_iter().for_each(U::join);
    }
}
