//! One value, once: either end goes, at any time.
//!
//! The cases up to the line are those of tokio (`tokio/tests/sync_oneshot.rs`, MIT), written afresh for
//! these channels.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use crate::units::{Census, Random, Units, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{
    Channel, RecvError, RecvUntilError, SendError, TryRecvError, WaitError, oneshot, select,
};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn the_value_arrives_before_and_after_the_wait_begins<U: Units>() {
    let (tx, rx) = oneshot::channel();
    let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
    until_waiting(unit, Reason::Recv);
    tx.send(1).unwrap();
    assert_eq!(U::join(receiver), Ok(1));
    let (tx, rx) = oneshot::channel();
    U::join(U::spawn(move || tx.send(2).unwrap()));
    assert_eq!(rx.recv(), Ok(2));
}

pub(crate) fn a_sender_that_goes_ends_the_wait<U: Units>() {
    let (tx, rx) = oneshot::channel::<u8>();
    let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
    until_waiting(unit, Reason::Recv);
    drop(tx);
    assert_eq!(U::join(receiver), Err(RecvError::Closed));
}

pub(crate) fn a_receiver_that_goes_gives_the_value_back<U: Units>() {
    let (tx, rx) = oneshot::channel();
    assert!(!tx.is_closed());
    U::join(U::spawn(move || drop(rx)));
    assert!(tx.is_closed());
    assert_eq!(tx.send(1), Err(SendError::Closed(1)));
}

pub(crate) fn a_sender_waits_for_the_receiver_to_go<U: Units>() {
    for explicitly in [false, true] {
        let (tx, rx) = oneshot::channel::<u8>();
        let (sender, unit) = spawn_known::<U, _>(move || (tx.closed(), tx.send(1)));
        until_waiting(unit, Reason::Event);
        if explicitly {
            rx.close();
            assert_eq!(rx.recv(), Err(RecvError::Closed));
        } else {
            drop(rx);
        }
        assert_eq!(U::join(sender), (Ok(()), Err(SendError::Closed(1))));
    }
}

pub(crate) fn what_was_sent_before_closing_is_received<U: Units>() {
    let (tx, rx) = oneshot::channel();
    tx.send(17).unwrap();
    rx.close();
    assert!(!rx.is_closed() && !rx.is_empty());
    assert_eq!(rx.try_recv(), Ok(17));
    assert!(rx.is_closed() && rx.is_empty());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    rx.close();
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn a_receiver_knows_how_far_it_is<U: Units>() {
    let (tx, rx) = oneshot::channel::<u8>();
    assert!(rx.is_empty() && !rx.is_closed());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(tx);
    assert!(rx.is_empty() && rx.is_closed());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

// What follows is of this project.

pub(crate) fn deadlines_stops_and_cancellations_end_either_wait<U: Units>() {
    const SHORT: Duration = Duration::from_millis(2);
    let (tx, rx) = oneshot::channel::<u8>();
    let waiting = U::spawn(move || (tx.closed_timeout(SHORT), tx));
    let (closed, tx) = U::join(waiting);
    assert_eq!(closed, Err(WaitError::TimedOut));
    assert_eq!(rx.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
    let source = StopSource::new();
    let token = source.token();
    let (sender, unit) = spawn_known::<U, _>(move || (tx.closed_or_stop(&token), tx));
    until_waiting(unit, Reason::Event);
    source.stop();
    let (closed, tx) = U::join(sender);
    assert_eq!(closed, Err(WaitError::Stopped));
    assert_eq!(rx.recv_until(Deadline::NOW), Err(RecvUntilError::TimedOut));
    let source = StopSource::new();
    let token = source.token();
    let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv_or_stop(&token), rx));
    until_waiting(unit, Reason::Recv);
    source.stop();
    let (received, rx) = U::join(receiver);
    assert_eq!(received, Err(RecvUntilError::Stopped));
    let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx));
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    let (received, rx) = U::join(receiver);
    assert_eq!(received, Err(RecvError::Canceled));
    // All these waits have left nothing behind.
    tx.send(7).unwrap();
    assert_eq!(rx.recv(), Ok(7));
}

pub(crate) fn a_value_is_dropped_once_wherever_it_is<U: Units>() {
    let census = Census::new();
    let (tx, rx) = oneshot::channel();
    tx.send(census.value(0)).unwrap();
    U::join(U::spawn(move || drop(rx)));
    assert_eq!(census.dropped(), 1);
    let (tx, rx) = oneshot::channel();
    tx.send(census.value(1)).unwrap();
    let value = rx.recv().unwrap();
    drop(rx);
    assert_eq!(census.dropped(), 1);
    drop(value);
    assert_eq!((census.dropped(), census.made()), (2, 2));
}

pub(crate) fn ends_that_race_agree_who_has_the_value<U: Units>() {
    let mut random = Random::new();
    for round in 0..300 {
        let census = Census::new();
        let (tx, rx) = oneshot::channel();
        let sender = U::spawn(move || tx.send(census.value(round)).is_ok());
        let received = match random.below(3) {
            0 => {
                drop(rx);
                None
            }
            1 => Some(rx.recv().is_ok()),
            _ => {
                rx.close();
                Some(rx.recv().is_ok())
            }
        };
        let sent = U::join(sender);
        assert!(
            received.is_none_or(|received| received == sent),
            "in round {round}"
        );
        assert_eq!(
            (census.dropped(), census.made()),
            (1, 1),
            "in round {round}"
        );
    }
}

pub(crate) fn a_select_takes_the_first_of_two_answers<U: Units>() {
    let ((tx, first), (_late, second)) = (oneshot::channel(), oneshot::channel::<u8>());
    let (chooser, unit) = spawn_known::<U, _>(move || {
        select! {
            recv(first) -> n => n,
            recv(second) -> n => n,
        }
    });
    until_waiting(unit, Reason::Select);
    tx.send(7).unwrap();
    assert_eq!(U::join(chooser).unwrap(), Ok(7));
}

pub(crate) fn a_select_sees_either_end_go<U: Units>() {
    let ((tx, rx), (_work, jobs)) = (oneshot::channel::<u8>(), Channel::new::<u8>());
    let (chooser, unit) = spawn_known::<U, _>(move || {
        select! {
            arm(tx.closed_arm()) => true,
            recv(jobs) -> _ => false,
        }
    });
    until_waiting(unit, Reason::Select);
    drop(rx);
    assert_eq!(U::join(chooser), Ok(true));
    let (tx, rx) = oneshot::channel::<u8>();
    let (chooser, unit) = spawn_known::<U, _>(move || {
        select! {
            recv(rx) -> n => n,
            after(Duration::from_secs(60)) => Ok(0),
        }
    });
    until_waiting(unit, Reason::Select);
    drop(tx);
    assert_eq!(U::join(chooser).unwrap(), Err(RecvError::Closed));
}

pub(crate) fn debug_shows_how_far_it_is<U: Units>() {
    let (tx, rx) = oneshot::channel();
    assert!(format!("{tx:?}").contains("state: empty"));
    tx.send(1).unwrap();
    assert!(format!("{rx:?}").contains("state: sent, closed: false"));
    rx.recv().unwrap();
    assert!(format!("{rx:?}").contains("state: received"));
    let (tx, rx) = oneshot::channel::<u8>();
    drop(tx);
    assert!(format!("{rx:?}").contains("state: abandoned"));
}
