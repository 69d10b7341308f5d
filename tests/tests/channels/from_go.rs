//! What Go's channel tests ask (test/chan/*.go and `runtime/chan_test.go`, BSD-3-Clause): the ideas
//! that apply to one consumer, written afresh for these channels.

use crate::units::{Case, FLAVORS, LIMITED, moment, spawn_known, until_waiting};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use vitte_channels::{Receiver, RecvError};
use vitte_wait::Reason;

/// After "TestChan": a full channel holds its sender, an empty one its receiver.
pub(crate) fn a_send_blocks_until_there_is_room<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let sent = Arc::new(AtomicBool::new(false));
        let (sender, unit) = {
            let sent = sent.clone();
            spawn_known::<U, _>(move || {
                tx.send(capacity).unwrap();
                sent.store(true, SeqCst);
            })
        };
        until_waiting(unit, Reason::Send);
        moment();
        assert!(!sent.load(SeqCst));
        assert!(rx.iter().eq(0..=capacity));
        U::join(sender);
    }
}

/// After "close.go".
pub(crate) fn a_closed_channel_gives_what_it_has_and_then_nothing<U: Case>() {
    for flavor in [None, Some(2), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || {
            tx.send('a').unwrap();
            tx.send('b').unwrap();
            tx.close();
            tx
        });
        let tx = U::join(sender);
        assert_eq!([rx.recv(), rx.recv()], [Ok('a'), Ok('b')]);
        for _ in 0..3 {
            assert_eq!(rx.recv(), Err(RecvError::Closed));
        }
        assert!(tx.send('c').is_err());
    }
}

/// After "sieve1.go": a unit a prime, each filtering for the next.
pub(crate) fn a_prime_sieve_finds_the_primes<U: Case>() {
    fn filtered<U: Case>(numbers: Receiver<u32, U::Kind>, prime: u32) -> Receiver<u32, U::Kind> {
        let (tx, rx) = U::channel(Some(0));
        // Ends when the next stage has gone, or the previous one.
        drop(U::spawn(move || {
            for n in numbers.iter().filter(|n| n % prime != 0) {
                if tx.send(n).is_err() {
                    break;
                }
            }
        }));
        rx
    }
    let (tx, mut numbers) = U::channel(Some(0));
    let source = U::spawn(move || (2..).find(|n| tx.send(*n).is_err()));
    let mut primes = Vec::new();
    for _ in 0..20 {
        let prime = numbers.recv().unwrap();
        primes.push(prime);
        numbers = filtered::<U>(numbers, prime);
    }
    assert_eq!(primes[..6], [2, 3, 5, 7, 11, 13]);
    assert_eq!(primes[19], 71);
    drop(numbers);
    assert!(U::join(source).is_some());
}

/// After `TestPseudoRandomSend` and `fifo.go`: order survives a chain.
pub(crate) fn a_chain_of_channels_passes_everything_on<U: Case>() {
    for flavor in FLAVORS {
        let (tx, mut end) = U::channel(flavor);
        let mut links = Vec::new();
        for _ in 0..8 {
            let (next, rx) = U::channel(flavor);
            let previous = std::mem::replace(&mut end, rx);
            links.push(U::spawn(move || {
                for n in previous {
                    next.send(n).unwrap();
                }
            }));
        }
        let source = U::spawn(move || (0..500).try_for_each(|n| tx.send(n)));
        assert!(end.iter().eq(0..500));
        U::join(source).unwrap();
        links.into_iter().for_each(U::join);
    }
}

/// After "doubleselect.go" without the select: two ends that end each other.
pub(crate) fn a_producer_and_a_consumer_that_stop_each_other<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (stop, stopped) = U::channel::<()>(Some(1));
        let producer = U::spawn(move || {
            let mut sent = 0_u32;
            while stopped.try_recv().is_err() && tx.send(sent).is_ok() {
                sent += 1;
            }
            sent
        });
        let mut seen = 0;
        for n in &rx {
            assert_eq!(n, seen);
            seen += 1;
            if seen == 300 {
                stop.send(()).unwrap();
            }
        }
        assert_eq!(U::join(producer), seen);
        assert!(seen >= 300);
    }
}
