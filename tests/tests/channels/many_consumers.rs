//! Many receivers of one channel: each value goes to exactly one of them.
//!
//! Some of these ask what crossbeam-channel's tests of several consumers ask (crossbeam-channel/tests,
//! MIT OR Apache-2.0), and some what Go's do (`runtime/chan_test.go`, BSD-3-Clause); all are written
//! afresh.

use crate::units::{Census, FLAVORS, ManyReceive, ManySend, Random, spawn_known, until_waiting};
use std::{sync::Arc, time::Duration};
use vitte_channels::{RecvError, RecvUntilError, SendError, TryRecvError};
use vitte_wait::Reason;

/// After crossbeam's "mpmc" of each flavor.
pub(crate) fn each_value_goes_to_one_consumer<U: ManySend + ManyReceive>() {
    const UNITS: usize = 4;
    const VALUES: usize = 2_500;
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let producers: Vec<_> = (0..UNITS)
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
        let consumers: Vec<_> = (0..UNITS)
            .map(|_| {
                let rx = rx.clone();
                U::spawn(move || {
                    // What one consumer gets of one producer comes in its order.
                    let mut next = [0; UNITS];
                    let mut got = Vec::new();
                    for (producer, value) in rx {
                        assert!(value >= next[producer], "{flavor:?}");
                        next[producer] = value + 1;
                        got.push((producer, value));
                    }
                    got
                })
            })
            .collect();
        producers.into_iter().for_each(U::join);
        let mut all: Vec<_> = consumers.into_iter().flat_map(U::join).collect();
        all.sort_unstable();
        let sent = (0..UNITS).flat_map(|producer| (0..VALUES).map(move |value| (producer, value)));
        assert!(all.into_iter().eq(sent), "{flavor:?}");
    }
}

/// After Go's `TestMultiConsumer`: what goes through workers of different diligence arrives whole.
pub(crate) fn workers_share_what_there_is_to_do<U: ManySend + ManyReceive>() {
    const WORKERS: usize = 23;
    const JOBS: u64 = 2_000;
    for flavor in FLAVORS {
        let (jobs, todo) = U::channel(flavor);
        let (results, done) = U::channel(flavor);
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (todo, results) = (todo.clone(), results.clone());
                U::spawn(move || {
                    for (n, job) in todo.iter().enumerate() {
                        if worker % 3 == n % 7 {
                            std::thread::yield_now();
                        }
                        results.send(job * 3).unwrap();
                    }
                })
            })
            .collect();
        drop((todo, results));
        let source = U::spawn(move || {
            let mut total = 0;
            for n in 0..JOBS {
                jobs.send(n).unwrap();
                total += n * 3;
            }
            total
        });
        let received = done.iter().sum::<u64>();
        assert_eq!(received, U::join(source));
        workers.into_iter().for_each(U::join);
    }
}

pub(crate) fn a_receiver_may_be_used_by_reference<U: ManyReceive>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let rx = Arc::new(rx);
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                U::spawn(move || rx.iter().sum::<u32>())
            })
            .collect();
        drop(rx);
        for n in 1..=300 {
            tx.send(n).unwrap();
        }
        drop(tx);
        let sum: u32 = consumers.into_iter().map(U::join).sum();
        assert_eq!(sum, 45_150);
    }
}

pub(crate) fn the_last_receiver_s_end_closes<U: ManyReceive>() {
    for flavor in [None, Some(1), Some(128)] {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        let other = rx.clone();
        assert!(other.is_same_channel(&rx));
        U::join(U::spawn(move || drop(rx)));
        assert!(!tx.is_closed());
        tx.send(census.value(1)).unwrap();
        assert_eq!(census.dropped(), 0);
        U::join(U::spawn(move || drop(other)));
        assert!(tx.is_closed());
        // What was inside went with it, though a sender is left.
        assert_eq!(census.dropped(), 1);
        assert!(matches!(
            tx.send(census.value(2)),
            Err(SendError::Closed(_))
        ));
        assert_eq!(census.dropped(), 2);
    }
}

pub(crate) fn closing_wakes_every_receiver<U: ManyReceive>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let rx = rx.clone();
                let (handle, unit) = spawn_known::<U, _>(move || rx.recv());
                until_waiting(unit, Reason::Recv);
                handle
            })
            .collect();
        drop(tx);
        for receiver in receivers {
            assert_eq!(U::join(receiver), Err(RecvError::Closed));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    }
}

pub(crate) fn every_blocked_receiver_is_served_in_turn<U: ManyReceive>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let receivers: Vec<_> = (0..5)
            .map(|_| {
                let rx = rx.clone();
                let (handle, unit) = spawn_known::<U, _>(move || rx.recv().unwrap());
                until_waiting(unit, Reason::Recv);
                handle
            })
            .collect();
        for n in 0..5 {
            tx.send(n).unwrap();
        }
        let mut got: Vec<i32> = receivers.into_iter().map(U::join).collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

pub(crate) fn a_batch_wakes_as_many_as_it_has_values<U: ManyReceive>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let rx = rx.clone();
                let (handle, unit) = spawn_known::<U, _>(move || rx.recv().unwrap());
                until_waiting(unit, Reason::Recv);
                handle
            })
            .collect();
        assert_eq!(tx.send_many([1, 2, 3, 4]).unwrap(), 4);
        let sum: i32 = receivers.into_iter().map(U::join).sum();
        assert_eq!(sum, 10);
    }
}

pub(crate) fn receivers_that_come_and_go_lose_nothing<U: ManySend + ManyReceive>() {
    let mut random = Random::new();
    for round in 0..30 {
        let flavor = FLAVORS[round % FLAVORS.len()];
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let tx = tx.clone();
                U::spawn(move || {
                    for n in 0..200 {
                        tx.send(census.value(n)).unwrap();
                    }
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let rx = rx.clone();
                let (most, nap) = (random.below(120), random.below(60) as u64);
                U::spawn(move || {
                    let mut taken = 0;
                    while taken < most {
                        match rx.recv_timeout(Duration::from_micros(nap)) {
                            Ok(_) => taken += 1,
                            Err(RecvUntilError::TimedOut) => {}
                            Err(error) => {
                                assert_eq!(error, RecvUntilError::Closed);
                                break;
                            }
                        }
                    }
                    taken
                })
            })
            .collect();
        let left = rx.iter().count();
        let taken: usize = receivers.into_iter().map(U::join).sum();
        senders.into_iter().for_each(U::join);
        assert_eq!(taken + left, 400, "in round {round}");
        assert_eq!(census.dropped(), 400, "in round {round}");
    }
}

/// After Go's "doubleclose" and crossbeam's "len": clones of both ends count and see the same.
pub(crate) fn clones_see_one_channel<U: ManySend + ManyReceive>() {
    for flavor in [None, Some(4)] {
        let (tx, rx) = U::channel(flavor);
        let (tx2, rx2) = (tx.clone(), rx.clone());
        drop((tx, rx));
        let (tx3, rx3) = (tx2.clone(), rx2.clone());
        tx2.send(1).unwrap();
        tx3.send(2).unwrap();
        assert_eq!((tx2.len(), rx3.len(), rx2.capacity()), (2, 2, flavor));
        let said = format!("{rx3:?}");
        assert!(said.contains("senders: 2, receivers: 2"), "{said}");
        assert_eq!((rx2.recv(), rx3.recv()), (Ok(1), Ok(2)));
        rx3.close();
        rx2.close();
        assert!(tx2.is_closed() && tx2.clone().send(3).is_err());
        U::join(U::spawn(move || drop((tx2, tx3, rx2, rx3))));
    }
}
