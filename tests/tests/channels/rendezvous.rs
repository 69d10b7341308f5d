//! Capacity zero: both ends are there at once.

use crate::units::{Units, moment, spawn_known, until, until_waiting};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use vitte_channels::{Channel, RecvError, TryRecvError, TrySendError};
use vitte_wait::Reason;

pub(crate) fn sending_returns_after_the_value_was_taken<U: Units>() {
    let (tx, rx) = Channel::bounded(0);
    let sent = Arc::new(AtomicUsize::new(0));
    let (sender, unit) = {
        let sent = sent.clone();
        spawn_known::<U, _>(move || {
            for n in 0..10 {
                tx.send(n).unwrap();
                sent.fetch_add(1, SeqCst);
            }
        })
    };
    for n in 0..10 {
        until_waiting(unit, Reason::Send);
        moment();
        assert_eq!(sent.load(SeqCst), n, "sent before it was taken");
        assert_eq!(rx.recv(), Ok(n));
        until(|| sent.load(SeqCst) == n + 1);
    }
    U::join(sender);
}

pub(crate) fn trying_succeeds_only_if_a_partner_waits<U: Units>() {
    let (tx, rx) = Channel::bounded(0);
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));

    let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx));
    until_waiting(unit, Reason::Recv);
    until(|| tx.try_send(2).is_ok());
    let (received, rx) = U::join(receiver);
    assert_eq!(received, Ok(2));

    let (sender, unit) = spawn_known::<U, _>(move || tx.send(3));
    until_waiting(unit, Reason::Send);
    let mut received = None;
    until(|| {
        received = rx.try_recv().ok();
        received.is_some()
    });
    assert_eq!(received, Some(3));
    assert_eq!(U::join(sender), Ok(()));
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn nothing_is_ever_inside<U: Units>() {
    let (tx, rx) = Channel::bounded(0);
    assert_eq!(tx.capacity(), Some(0));
    let (sender, unit) = spawn_known::<U, _>(move || tx.send(1));
    until_waiting(unit, Reason::Send);
    assert_eq!((rx.len(), rx.is_empty()), (0, true));
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(U::join(sender), Ok(()));
}

pub(crate) fn a_large_value_goes_from_stack_to_stack<U: Units>() {
    let (tx, rx) = Channel::bounded(0);
    let sender = U::spawn(move || {
        for n in 0..100_u8 {
            tx.send([n; 4_000]).unwrap();
        }
    });
    for (n, value) in (0..).zip(rx) {
        assert!(value.iter().all(|byte| *byte == n));
    }
    U::join(sender);
}
