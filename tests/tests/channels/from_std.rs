//! What the tests of Rust's `std::sync::mpsc` ask of a channel (library/std/tests/mpsc.rs and
//! `mpsc_sync.rs`, MIT OR Apache-2.0): the ideas, written afresh for these channels.

use crate::units::{Case, FLAVORS, ManySend, Threads, Units, pause, spawn_known, until_waiting};
use std::{sync::Arc, time::Duration};
use vitte_channels::{Receiver, RecvUntilError, SendError, Sender, TryRecvError, TrySendError};
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

/// `port_gone_concurrent`, `send1` to `send4`, `issue_32114`.
pub(crate) fn a_sender_sees_in_the_end_that_the_receiver_is_gone<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let receiver = U::spawn(move || rx.recv());
        while tx.send(1).is_ok() {}
        assert_eq!(U::join(receiver), Ok(1));
        assert_eq!(tx.send(2), Err(SendError::Closed(2)));
        assert_eq!(tx.send(3), Err(SendError::Closed(3)));
        assert_eq!(tx.try_send(4), Err(TrySendError::Closed(4)));
    }
}

/// `chan_gone_concurrent`, `oneshot_single_thread_peek_close`.
pub(crate) fn a_receiver_sees_in_the_end_that_the_sender_is_gone<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || (tx.send(1), tx.send(1)));
        let mut received = 0;
        while rx.recv().is_ok() {
            received += 1;
        }
        assert_eq!(received, 2);
        assert_eq!(U::join(sender), (Ok(()), Ok(())));
        assert_eq!(
            [rx.try_recv(), rx.try_recv()],
            [Err(TryRecvError::Closed); 2]
        );
    }
}

/// `stream_send_recv_stress`: each unit uses its end once, and starts the next with it.
pub(crate) fn ends_are_passed_on_from_unit_to_unit<U: Case>() {
    const UNITS: usize = 10;
    fn send<U: Case>(tx: Sender<Box<usize>, U::Kind>, n: usize) {
        if n < UNITS {
            drop(U::spawn(move || {
                tx.send(Box::new(n)).unwrap();
                send::<U>(tx, n + 1);
            }));
        }
    }
    fn receive<U: Case>(rx: Receiver<Box<usize>, U::Kind>, n: usize, done: Sender<()>) {
        if n < UNITS {
            drop(U::spawn(move || {
                assert_eq!(*rx.recv().unwrap(), n);
                receive::<U>(rx, n + 1, done);
            }));
        } else {
            done.send(()).unwrap();
        }
    }
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (done, is_done) = vitte_channels::Channel::new();
        send::<U>(tx, 0);
        receive::<U>(rx, 0, done);
        assert_eq!(is_done.recv(), Ok(()));
    }
}

/// `very_long_recv_timeout_wont_panic`.
pub(crate) fn a_timeout_too_long_to_count_is_none<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (receiver, unit) =
            spawn_known::<U, _>(move || rx.recv_timeout(Duration::from_secs(u64::MAX)));
        until_waiting(unit, Reason::Recv);
        assert_eq!(tx.send_timeout(7, Duration::MAX), Ok(()));
        assert_eq!(U::join(receiver), Ok(7));
    }
}

/// `recv_a_lot`, `oneshot_single_thread_recv_timeout`.
pub(crate) fn as_many_come_out_as_went_in<U: Case>() {
    for flavor in [None, Some(10_000)] {
        let (tx, rx) = U::channel(flavor);
        (0..10_000).for_each(|_| tx.send(()).unwrap());
        (0..10_000).for_each(|_| rx.recv().unwrap());
        let late = rx.recv_timeout(Duration::from_millis(1));
        assert_eq!(late, Err(RecvUntilError::TimedOut));
        tx.send(()).unwrap();
        assert_eq!(rx.recv_timeout(Duration::ZERO), Ok(()));
    }
}

/// `test_recv_try_iter` (crossbeam's `stress_iter`): one asks until it has enough.
pub(crate) fn one_who_only_tries_asks_until_he_has_enough<U: Case>() {
    for flavor in [None, Some(1), Some(3)] {
        let (ask, asked) = U::channel(flavor);
        let (answer, answers) = U::channel(flavor);
        let asking = U::spawn(move || {
            let mut count = 0;
            loop {
                for n in answers.try_iter() {
                    count += n;
                    if count == 6 {
                        return count;
                    }
                }
                let _ = ask.try_send(());
                // Who only tries keeps its worker, which may be the one that is to answer.
                vitte_threads::yield_now();
            }
        });
        for () in &asked {
            if answer.send(2).is_err() {
                break;
            }
        }
        assert_eq!(U::join(asking), 6);
    }
}

/// `test_recv_into_iter_owned`, `test_recv_into_iter_borrowed`.
pub(crate) fn an_owned_and_a_borrowed_loop_give_what_is_inside<U: Case>() {
    for flavor in [None, Some(3)] {
        let (tx, rx) = U::channel(flavor);
        tx.send_many([1, 2]).unwrap();
        drop(tx);
        assert_eq!((&rx).into_iter().next(), Some(1));
        let mut rest = rx.into_iter();
        assert_eq!(
            [rest.next(), rest.next(), rest.next()],
            [Some(2), None, None]
        );
    }
}

/// `try_recv_states`, `issue_15761`.
pub(crate) fn one_who_tries_sees_each_state_as_it_comes<U: Case>() {
    for flavor in [None, Some(1), Some(3)] {
        let (tx, rx) = U::channel(flavor);
        let (go, gone) = U::channel(flavor);
        let (tell, told) = U::channel(flavor);
        let other = U::spawn(move || {
            gone.recv().unwrap();
            tx.try_send(1).unwrap();
            tell.send(()).unwrap();
            gone.recv().unwrap();
            drop(tx);
            tell.send(()).unwrap();
        });
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        go.try_send(()).unwrap();
        told.recv().unwrap();
        assert_eq!(
            (rx.try_recv(), rx.try_recv()),
            (Ok(1), Err(TryRecvError::Empty))
        );
        go.send(()).unwrap();
        told.recv().unwrap();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        U::join(other);
    }
}

/// `destroy_upgraded_shared_port_when_sender_still_active`.
pub(crate) fn a_receiver_goes_after_the_last_value_of_another_sender<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
        until_waiting(unit, Reason::Recv);
        let other = tx.clone();
        drop(tx);
        other.send(1).unwrap();
        assert_eq!(U::join(receiver), Ok(1));
        assert_eq!(other.send(2), Err(SendError::Closed(2)));
    }
}

/// `shared_chan_stress`, `shared_recv_timeout`, `stress_recv_timeout_shared`.
pub(crate) fn a_receiver_without_patience_gets_what_many_send_late<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let senders: Vec<_> = (0..60)
            .map(|n| {
                let tx = tx.clone();
                U::spawn(move || {
                    pause(Duration::from_micros(n * 50));
                    tx.send(1).unwrap();
                })
            })
            .collect();
        drop(tx);
        let mut received = 0;
        loop {
            match rx.recv_timeout(Duration::from_micros(100)) {
                Ok(n) => received += n,
                Err(RecvUntilError::TimedOut) => {}
                Err(error) => {
                    assert_eq!(error, RecvUntilError::Closed);
                    break;
                }
            }
        }
        assert_eq!(received, 60);
        senders.into_iter().for_each(U::join);
    }
}
