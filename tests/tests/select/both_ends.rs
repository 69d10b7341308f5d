//! Rendezvous, where both parties may be selecting, and one may be at both ends.

use crate::units::{Units, moment, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{Channel, select, select::Deadline};
use vitte_wait::Reason;

pub(crate) fn two_selects_meet<U: Units>() {
    let ((tx, rx), (_quiet, never)) = (Channel::bounded(0), Channel::new::<u32>());
    let (out, _end) = Channel::bounded(0);
    let sender = U::spawn(move || {
        for n in 0..500 {
            select! { send(tx, n) -> sent => sent.unwrap(), recv(never) -> _ => unreachable!() }
                .unwrap();
        }
    });
    for n in 0..500 {
        let got = select! { recv(rx) -> n => n.unwrap(), send(out, ()) => unreachable!() };
        assert_eq!(got, Ok(n));
    }
    U::join(sender);
}

pub(crate) fn a_select_at_both_ends_does_not_meet_itself<U: Units>() {
    for patience in [0, 3].map(Duration::from_millis) {
        let (tx, rx) = Channel::bounded(0);
        let mut slot = Some(1);
        let deadline = Deadline::after(patience);
        let alone = select! {
            offer(tx, slot) => false,
            recv(rx) -> _ => false,
            recv(rx) -> _ => false,
            at(deadline) => true,
        };
        assert_eq!((alone, slot), (Ok(true), Some(1)));
    }
}

pub(crate) fn a_select_at_both_ends_is_met_by_others<U: Units>() {
    let (tx, rx) = Channel::bounded(0);
    let other = tx.clone();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let got = select! { send(tx, 1) -> _ => None, recv(rx) -> n => Some(n) };
        (got, rx)
    });
    until_waiting(unit, Reason::Select);
    assert_eq!(other.send(2), Ok(()));
    let (got, _rx) = U::join(selector);
    assert_eq!(got, Ok(Some(Ok(2))));
}

pub(crate) fn selects_that_cross_get_through<U: Units>() {
    const ROUNDS: u32 = 2000;
    // Each sends where the other receives, and does not care which comes first.
    let ((to_b, from_a), (to_a, from_b)) = (Channel::bounded(0), Channel::bounded(0));
    let party = |tx: vitte_channels::Sender<u32>, rx: vitte_channels::Receiver<u32>| {
        move || {
            let (mut sent, mut received, mut slot) = (0, 0, Some(0));
            while sent < ROUNDS || received < ROUNDS {
                select! {
                    offer(tx, slot) -> done => {
                        done.unwrap();
                        sent += 1;
                        slot = (sent < ROUNDS).then_some(sent);
                    }
                    recv(rx) -> n if received < ROUNDS => {
                        assert_eq!(n, Ok(received));
                        received += 1;
                    }
                }
                .unwrap();
            }
        }
    };
    let a = U::spawn(party(to_b, from_b));
    let b = U::spawn(party(to_a, from_a));
    U::join(a);
    U::join(b);
}

pub(crate) fn a_ring_of_selects_passes_tokens_both_ways<U: Units>() {
    const UNITS: usize = 5;
    const HOPS: u32 = 300;
    // One token clockwise, one the other way; whoever has one offers it on while it listens.
    let (mut right, mut left): (Vec<_>, Vec<_>) = (0..UNITS)
        .map(|_| (Channel::bounded(0), Channel::bounded(0)))
        .unzip();
    let first_right = right[0].0.clone();
    let first_left = left[0].0.clone();
    let (done, finished) = Channel::new();
    let senders_right: Vec<_> = right.iter().map(|(tx, _)| tx.clone()).collect();
    let senders_left: Vec<_> = left.iter().map(|(tx, _)| tx.clone()).collect();
    let mut units = Vec::new();
    for at in (0..UNITS).rev() {
        let (from_right, from_left) = (right.pop().unwrap().1, left.pop().unwrap().1);
        let next = senders_right[(at + 1) % UNITS].clone();
        let previous = senders_left[(at + UNITS - 1) % UNITS].clone();
        let done = done.clone();
        units.push(U::spawn(move || {
            let (mut on, mut back) = (None, None);
            loop {
                select! {
                    recv(from_right) -> hop if on.is_none() => match hop {
                        Ok(HOPS) => done.send(()).unwrap(),
                        Ok(hop) => on = Some(hop + 1),
                        Err(_) => return,
                    },
                    recv(from_left) -> hop if back.is_none() => match hop {
                        Ok(HOPS) => done.send(()).unwrap(),
                        Ok(hop) => back = Some(hop + 1),
                        Err(_) => return,
                    },
                    offer(next, on) -> sent => sent.unwrap(),
                    offer(previous, back) -> sent => sent.unwrap(),
                }
                .unwrap();
            }
        }));
    }
    first_right.send(0).unwrap();
    first_left.send(0).unwrap();
    finished.recv().unwrap();
    finished.recv().unwrap();
    moment();
    for tx in senders_right {
        tx.close();
    }
    for unit in units {
        U::join(unit);
    }
}
