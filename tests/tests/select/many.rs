//! Channels of the other kinds: many consumers, whose wake-ups go to one each, and pairs.

use crate::units::{FLAVORS, Units, moment, spawn_known, until_waiting};
use vitte_channels::{
    Mpmc, Receiver, RecvError, Sender, mpmc, select,
    select::{Chosen, Select},
    spsc,
};
use vitte_wait::Reason;

fn channel<T>(capacity: Option<usize>) -> (Sender<T, Mpmc>, Receiver<T, Mpmc>) {
    match capacity {
        None => mpmc::unbounded(),
        Some(capacity) => mpmc::bounded(capacity),
    }
}

/// After Go's `TestSelfSelect` (`runtime/chan_test.go`, BSD-3-Clause): two units at both ends of one
/// channel; in a rendezvous neither gets what it sent.
pub(crate) fn two_at_both_ends_meet_each_other<U: Units>() {
    const ROUNDS: usize = 1000;
    for capacity in [0, 10] {
        let (tx, rx) = mpmc::bounded(capacity);
        let units = [0, 1].map(|me| {
            let (tx, rx) = (tx.clone(), rx.clone());
            U::spawn(move || {
                // In either order, for chance decides anyhow.
                let (mut sent, mut received) = (0, 0);
                for round in 0..ROUNDS {
                    let got = if (round + me) % 2 == 0 {
                        select! { send(tx, me) -> s => s.map(|()| None).unwrap(), recv(rx) -> v => v.ok() }
                    } else {
                        select! { recv(rx) -> v => v.ok(), send(tx, me) -> s => s.map(|()| None).unwrap() }
                    };
                    match got.unwrap() {
                        None => sent += 1,
                        Some(whose) => {
                            assert!(capacity > 0 || whose != me, "met itself");
                            received += 1;
                        }
                    }
                }
                (sent, received)
            })
        });
        // In a rendezvous each round of one is a round of the other, so both end together.
        let done = units.map(U::join);
        let (sent, received) = (done[0].0 + done[1].0, done[0].1 + done[1].1);
        assert_eq!(sent + received, 2 * ROUNDS);
        assert_eq!(sent - received, rx.len());
        assert!(capacity > 0 || sent == received);
    }
}

/// After crossbeam-channel's `matching` (MIT or Apache 2.0): an even number of units, each of which
/// sends or receives once, pair up.
pub(crate) fn an_even_crowd_pairs_up<U: Units>() {
    for _ in 0..20 {
        let (tx, rx) = mpmc::bounded(0);
        let units: Vec<_> = (0..16)
            .map(|me| {
                let (tx, rx) = (tx.clone(), rx.clone());
                U::spawn(move || {
                    let other = select! {
                        send(tx, me) -> sent => { sent.unwrap(); None }
                        recv(rx) -> other => Some(other.unwrap()),
                    };
                    assert_ne!(other, Ok(Some(me)));
                    usize::from(other.unwrap().is_some())
                })
            })
            .collect();
        let received: usize = units.into_iter().map(U::join).sum();
        assert_eq!(received, 8);
    }
}

/// After Go's `TestNonblockSelectRace` (`runtime/chan_test.go`, BSD-3-Clause): while one value moves on
/// to make room for the other, one of the two is there, and default is not taken.
pub(crate) fn a_default_does_not_race_with_what_is_there<U: Units>() {
    for _ in 0..1000 {
        let ((a, from_a), (b, from_b)) = (mpmc::bounded(1), mpmc::bounded(1));
        a.send(1).unwrap();
        let (also_a, also_b) = (from_a.clone(), from_b.clone());
        let taker = U::spawn(move || {
            select! { recv(also_a) -> v => v.is_ok(), recv(also_b) -> v => v.is_ok(), default => false }
        });
        b.send(1).unwrap();
        // Only now the first may go.
        select! { recv(from_a) -> _ => {}, default => {} };
        assert!(U::join(taker));
        drop(from_b);
    }
}

/// A value wakes one receiver. If that is a select which then goes by another arm, whoever only
/// receives must not sleep beside the value.
pub(crate) fn a_wake_up_that_a_select_gets_is_used<U: Units>() {
    for flavor in FLAVORS {
        for _ in 0..100 {
            let ((a, from_a), (b, from_b)) = (channel(flavor), channel(flavor));
            let (selector, unit) = {
                let (from_a, from_b) = (from_a.clone(), from_b.clone());
                spawn_known::<U, _>(move || {
                    select! { recv(from_a) -> v => (v, 'a'), recv(from_b) -> v => (v, 'b') }
                })
            };
            until_waiting(unit, Reason::Select);
            let (receiver, unit) = spawn_known::<U, _>(move || from_a.recv());
            until_waiting(unit, Reason::Recv);
            // Both at about the same time; the selector is first in line at both.
            let (other, first) = (b.clone(), U::spawn(move || (a.send(1), a)));
            let second = U::spawn(move || other.try_send(2).is_ok());
            let (which, by) = {
                let (sent, a) = U::join(first);
                sent.unwrap();
                let b_sent = U::join(second);
                let gone = U::join(selector).unwrap();
                if gone.1 == 'a' {
                    // The selector had it; the other gets one of its own.
                    a.send(3).unwrap();
                }
                assert!(gone.1 == 'a' || b_sent);
                gone
            };
            assert_eq!(which, Ok(if by == 'a' { 1 } else { 2 }));
            assert_eq!(U::join(receiver), Ok(if by == 'a' { 3 } else { 1 }));
        }
    }
}

/// Selects and plain receivers side by side at the same channels.
pub(crate) fn selects_and_plain_receivers_share_the_values<U: Units>() {
    const EACH: usize = 1500;
    for flavor in FLAVORS {
        let (ends, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| channel(flavor)).unzip();
        let mut takers = Vec::new();
        for rx in &receivers {
            let rx = rx.clone();
            takers.push(U::spawn(move || rx.iter().collect::<Vec<usize>>()));
        }
        for _ in 0..3 {
            let receivers = receivers.clone();
            takers.push(U::spawn(move || {
                let mut got = Vec::new();
                let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
                while !arms.is_empty() {
                    let which = Select::among(&mut arms).wait().unwrap();
                    match arms[which].take() {
                        Some(Ok(n)) => got.push(n),
                        Some(Err(RecvError::Closed)) => drop(arms.swap_remove(which)),
                        other => unreachable!("{other:?}"),
                    }
                }
                got
            }));
        }
        drop(receivers);
        let senders: Vec<_> = ends
            .into_iter()
            .enumerate()
            .map(|(at, tx)| U::spawn(move || (0..EACH).try_for_each(|n| tx.send(at * EACH + n))))
            .collect();
        for sender in senders {
            U::join(sender).unwrap();
        }
        let mut all: Vec<usize> = takers.into_iter().flat_map(U::join).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..3 * EACH));
    }
}

pub(crate) fn both_ends_of_a_pair_may_select<U: Units>() {
    const NUMBERS: u32 = 2000;
    for capacity in [1, 4] {
        let ((tx, rx), (stop, stopped)) = (spsc::channel(capacity), spsc::channel::<()>(1));
        let sender = U::spawn(move || {
            for n in 0..NUMBERS {
                let sent = select! { send(tx, n) -> s => s.is_ok(), recv(stopped) -> _ => false };
                assert_eq!(sent, Ok(true));
            }
        });
        let (_quiet, never) = spsc::channel::<u32>(1);
        for n in 0..NUMBERS {
            let got = select! { recv(never) -> v => v, recv(rx) -> v => v };
            assert_eq!(got, Ok(Ok(n)));
        }
        moment();
        drop(stop);
        U::join(sender);
    }
}
