//! Trying, deadlines, stops and cancellations.

use crate::units::{Case, FLAVORS, LIMITED, ManySend, Random, spawn_known, until, until_waiting};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use vitte_channels::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError,
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);

pub(crate) fn a_full_channel_returns_the_value<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            assert_eq!(tx.try_send(n), Ok(()));
        }
        assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)));
        let received = U::join(U::spawn(move || rx.try_iter().count()));
        assert_eq!(received, capacity);
    }
}

pub(crate) fn a_send_that_times_out_returns_the_value<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let begin = Instant::now();
        let sender = U::spawn(move || {
            let first = tx.send_timeout(7, SHORT);
            let second = tx.send_until(8, Deadline::NOW);
            (first, second)
        });
        let expected = (
            Err(SendUntilError::TimedOut(7)),
            Err(SendUntilError::TimedOut(8)),
        );
        assert_eq!(U::join(sender), expected);
        assert!(begin.elapsed() >= SHORT);
        assert_eq!(rx.len(), capacity);
        assert_eq!(rx.iter().count(), capacity);
    }
}

pub(crate) fn a_receive_that_times_out_leaves_nothing_behind<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let begin = Instant::now();
        let receiver = U::spawn(move || (rx.recv_timeout(SHORT), rx));
        let (received, rx) = U::join(receiver);
        assert_eq!(received, Err(RecvUntilError::TimedOut));
        assert!(begin.elapsed() >= SHORT);
        assert_eq!(rx.recv_until(Deadline::NOW), Err(RecvUntilError::TimedOut));
        // Nobody waits any more, so nothing may be handed to the one that did.
        if flavor == Some(0) {
            assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        } else {
            assert_eq!(tx.try_send(1), Ok(()));
            assert_eq!(rx.recv_timeout(SHORT), Ok(1));
        }
        drop(tx);
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvUntilError::Closed));
    }
}

pub(crate) fn a_stop_ends_a_blocked_send_and_a_blocked_receive<U: Case>() {
    for capacity in LIMITED {
        let source = StopSource::new();
        let (tx, _rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let token = source.token();
        let (sender, sending) = spawn_known::<U, _>(move || tx.send_or_stop(7, &token));
        let (_tx, rx) = U::channel::<u8>(Some(capacity));
        let token = source.token();
        let (receiver, receiving) = spawn_known::<U, _>(move || rx.recv_or_stop(&token));
        until_waiting(sending, Reason::Send);
        until_waiting(receiving, Reason::Recv);
        source.stop();
        assert_eq!(U::join(sender), Err(SendUntilError::Stopped(7)));
        assert_eq!(U::join(receiver), Err(RecvUntilError::Stopped));
    }
}

pub(crate) fn a_cancellation_ends_a_blocked_send_and_a_blocked_receive<U: Case>() {
    for capacity in LIMITED {
        let (tx, _rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let (sender, sending) =
            spawn_known::<U, _>(move || (tx.send(7), tx.send_timeout(8, SHORT)));
        let (_tx, rx) = U::channel::<u8>(Some(capacity));
        let (receiver, receiving) = spawn_known::<U, _>(move || (rx.recv(), rx.recv()));
        until_waiting(sending, Reason::Send);
        until_waiting(receiving, Reason::Recv);
        sending.cancel();
        receiving.cancel();
        let expected = (
            Err(SendError::Canceled(7)),
            Err(SendUntilError::Canceled(8)),
        );
        assert_eq!(U::join(sender), expected);
        // A cancellation lasts.
        let expected = (Err(RecvError::Canceled), Err(RecvError::Canceled));
        assert_eq!(U::join(receiver), expected);
    }
}

/// Of every flavor, also of those that are never full.
pub(crate) fn a_receive_that_was_stopped_or_canceled_took_nothing<U: Case>() {
    for flavor in FLAVORS {
        let source = StopSource::new();
        let (tx, rx) = U::channel(flavor);
        let token = source.token();
        let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv_or_stop(&token), rx));
        until_waiting(unit, Reason::Recv);
        source.stop();
        let (stopped, rx) = U::join(receiver);
        assert_eq!(stopped, Err(RecvUntilError::Stopped));
        let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx));
        until_waiting(unit, Reason::Recv);
        unit.cancel();
        let (canceled, rx) = U::join(receiver);
        assert_eq!(canceled, Err(RecvError::Canceled));
        let sender =
            U::spawn(move || tx.send_with(7, Deadline::NEVER, Some(&StopSource::new().token())));
        // What can be had is had, whatever has been requested.
        until(|| rx.len() == 1 || flavor == Some(0));
        let received = match flavor {
            Some(0) => rx.recv_with(Deadline::NEVER, None),
            _ => rx.recv_with(Deadline::NOW, Some(&source)),
        };
        assert_eq!((received, U::join(sender)), (Ok(7), Ok(())));
    }
}

pub(crate) fn a_timed_out_sender_leaves_its_place_to_the_next<U: ManySend>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let late = tx.clone();
        let over = Arc::new(AtomicBool::new(false));
        let gave_up = Arc::clone(&over);
        let (first, unit) = spawn_known::<U, _>(move || {
            let result = late.send_timeout(1_000, SHORT);
            gave_up.store(true, Relaxed);
            result
        });
        // On a busy machine its time may be up before anybody sees it wait.
        until(|| unit.waits_for().0 == Reason::Send || over.load(Relaxed));
        let (second, unit) = spawn_known::<U, _>(move || tx.send(2_000));
        until_waiting(unit, Reason::Send);
        assert_eq!(U::join(first), Err(SendUntilError::TimedOut(1_000)));
        let received: Vec<_> = rx.iter().collect();
        assert_eq!(received.last(), Some(&2_000));
        assert_eq!(received.len(), capacity + 1);
        assert_eq!(U::join(second), Ok(()));
    }
}

pub(crate) fn timeouts_that_race_with_values_lose_none<U: Case>() {
    let mut random = Random::new();
    for round in 0..40 {
        let (tx, rx) = U::channel(FLAVORS[round % 4]);
        let naps: Vec<_> = (0..100).map(|_| random.below(30) as u64).collect();
        let sender = {
            let naps = naps.clone();
            U::spawn(move || {
                let mut sent = 0;
                for nap in naps {
                    let mut value = sent;
                    while let Err(error) = tx.send_timeout(value, Duration::from_micros(nap)) {
                        assert!(matches!(error, SendUntilError::TimedOut(_)));
                        value = error.into_inner();
                        assert_eq!(value, sent);
                    }
                    sent += 1;
                }
                sent
            })
        };
        let mut expected = 0;
        let mut nap = naps.iter().rev().cycle();
        until(|| {
            loop {
                let patience = Duration::from_micros(*nap.next().expect("a cycle"));
                match rx.recv_timeout(patience) {
                    Ok(value) => {
                        assert_eq!(value, expected, "in round {round}");
                        expected += 1;
                    }
                    Err(RecvUntilError::TimedOut) => return false,
                    Err(error) => {
                        assert_eq!(error, RecvUntilError::Closed);
                        return true;
                    }
                }
            }
        });
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(U::join(sender), expected);
    }
}
