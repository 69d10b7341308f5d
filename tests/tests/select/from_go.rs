//! What Go's select tests ask (`test/chan/*.go` and `runtime/chan_test.go`, BSD-3-Clause): the ideas
//! that apply to channels with one consumer, written afresh.

use crate::units::{FLAVORS, Units, channel, moment, spawn_known, until_waiting};
use std::{cell::RefCell, time::Duration};
use vitte_channels::{
    Channel, Receiver, RecvError, Sender, select,
    select::{Chosen, Select, SelectError},
};
use vitte_wait::Reason;

/// After "select.go": an arm without a channel is passed over, and which one has is decided by
/// expressions that are evaluated once.
pub(crate) fn arms_that_are_switched_off_are_passed_over<U: Units>() {
    for flavor in FLAVORS.into_iter().filter(|flavor| *flavor != Some(0)) {
        let ((a, from_a), (b, from_b)) = (channel(flavor), channel(flavor));
        let shift = RefCell::new(0_u32);
        let next = || {
            *shift.borrow_mut() += 1;
            *shift.borrow()
        };
        for n in 0..50 {
            let (even, before) = (n % 2 == 0, *shift.borrow());
            select! {
                send(a, next()) -> sent if even => sent.unwrap(),
                send(b, next()) -> sent if !even => sent.unwrap(),
            }
            .unwrap();
            // Both values were made, one was sent.
            assert_eq!(*shift.borrow(), before + 2);
            let got = select! {
                recv(from_a) -> v if even => v,
                recv(from_b) -> v if !even => v,
            };
            assert_eq!(got, Ok(Ok(before + if even { 1 } else { 2 })));
        }
    }
}

/// After "select3.go": what blocks and what does not.
pub(crate) fn what_blocks_for_ever_blocks<U: Units>() {
    fn blocks<U: Units>(body: impl FnOnce() -> Result<(), SelectError> + Send + 'static) {
        let (selector, unit) = spawn_known::<U, _>(body);
        until(unit);
        moment();
        assert_ne!(unit.waits_for().0, Reason::None);
        unit.cancel();
        assert_eq!(U::join(selector), Err(SelectError::Canceled));
    }
    fn until(unit: &'static vitte_wait::Unit) {
        crate::units::until_parked(unit);
    }
    let patience = Duration::from_millis(1);
    // Nothing at all; an arm that is switched off; a channel where nothing comes; one that is full.
    blocks::<U>(|| select! {});
    blocks::<U>(|| select! { after(Duration::ZERO) if false => {} });
    let (_tx, rx) = Channel::new::<u8>();
    blocks::<U>(move || select! { recv(rx) -> _ => {}, recv(rx) -> _ if false => {} });
    let (tx, rx) = Channel::bounded(1);
    tx.send(0).unwrap();
    let full = tx.clone();
    blocks::<U>(move || select! { send(full, 1) -> _ => {} });
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0]);
    // With a default nothing blocks, and neither does what is closed.
    select! { recv(rx) -> _ => unreachable!(), default => {} };
    tx.close();
    for _ in 0..10 {
        let got = select! { recv(rx) -> v => v, default(patience) => unreachable!() };
        assert_eq!(got, Ok(Err(RecvError::Closed)));
    }
}

/// After "select4.go" and "select5.go": expressions are evaluated once each, in the order of the text.
pub(crate) fn arms_are_evaluated_once_in_their_order<U: Units>() {
    let ((tx, rx), log) = (Channel::bounded(1), RefCell::new(Vec::new()));
    let says = |what: &'static str| log.borrow_mut().push(what);
    fn with<T>(say: impl FnOnce(), then: T) -> T {
        say();
        then
    }
    let gone = select! {
        recv(with(|| says("first"), &rx)) -> _ if with(|| says("its condition"), true) => "first",
        send(with(|| says("second"), &tx), with(|| says("its value"), 7)) -> _ => "second",
        after(with(|| says("third"), Duration::from_secs(60))) => "third",
        default(with(|| says("default"), Duration::from_secs(60))) => "default",
    };
    assert_eq!(gone, Ok("second"));
    let order = [
        "its condition",
        "first",
        "second",
        "its value",
        "third",
        "default",
    ];
    assert_eq!(*log.borrow(), order);
    assert_eq!(rx.try_recv(), Ok(7));
}

/// After "select6.go": a select that has gone by one arm leaves nobody behind in the queue of the other.
pub(crate) fn a_select_that_went_elsewhere_is_no_waiter<U: Units>() {
    for capacity in [0, 1] {
        let ((tx, rx), (other, elsewhere)) = (Channel::bounded(capacity), Channel::bounded(0));
        (0..capacity).for_each(|_| tx.send('0').unwrap());
        // Two selects and a sender in one queue; the selects leave it by another arm.
        let (selectors, units): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (tx, other) = (tx.clone(), other.clone());
                spawn_known::<U, _>(move || {
                    select! { send(tx, 'x') -> _ => 'x', send(other, 'y') -> _ => 'y' }
                })
            })
            .unzip();
        for unit in units {
            until_waiting(unit, Reason::Select);
        }
        let (sender, unit) = spawn_known::<U, _>(move || tx.send('z'));
        until_waiting(unit, Reason::Send);
        assert_eq!(elsewhere.recv(), Ok('y'));
        assert_eq!(elsewhere.recv(), Ok('y'));
        for selector in selectors {
            assert_eq!(U::join(selector), Ok('y'));
        }
        let rest: String = rx.iter().filter(|c| *c != '0').collect();
        assert_eq!((rest.as_str(), U::join(sender)), ("z", Ok(())));
    }
}

/// After "select7.go": every way to receive meets every way to send.
pub(crate) fn every_way_to_receive_meets_every_way_to_send<U: Units>() {
    type Way<E> = fn(E);
    let receiving: [Way<Receiver<u8>>; 3] = [
        |rx| assert_eq!(rx.recv(), Ok(7)),
        |rx| {
            let got = select! { recv(rx) -> v => v };
            assert_eq!(got, Ok(Ok(7)));
        },
        |rx| {
            let (_tx, never) = Channel::new::<u8>();
            let got = select! { recv(rx) -> v => v, recv(never) -> v => v };
            assert_eq!(got, Ok(Ok(7)));
        },
    ];
    let sending: [Way<Sender<u8>>; 4] = [
        |tx| assert_eq!(tx.send(7), Ok(())),
        // A receiver waits, so that these need not.
        |tx| assert_eq!(tx.try_send(7), Ok(())),
        |tx| assert!(select! { send(tx, 7) -> sent => sent.is_ok(), default => false }),
        |tx| {
            let (full, _rx) = Channel::bounded(0);
            let sent = select! { send(tx, 7) -> sent => sent, send(full, 7) -> sent => sent };
            assert_eq!(sent, Ok(Ok(())));
        },
    ];
    for receive in receiving {
        for send in sending {
            for flavor in FLAVORS {
                let (tx, rx) = channel(flavor);
                let (receiver, unit) = spawn_known::<U, _>(move || receive(rx));
                crate::units::until_parked(unit);
                send(tx);
                U::join(receiver);
            }
        }
    }
}

/// After "doubleselect.go": one unit sends each number by one of four arms, and none arrives twice.
pub(crate) fn no_arm_goes_twice<U: Units>() {
    const NUMBERS: u32 = 2000;
    for flavor in FLAVORS {
        let (ends, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| channel(flavor)).unzip();
        let sender = U::spawn(move || {
            for n in 0..NUMBERS {
                let mut arms: Vec<_> = ends.iter().map(|tx| tx.send_arm(n)).collect();
                let which = Select::among(&mut arms).wait().unwrap();
                for (index, arm) in arms.iter_mut().enumerate() {
                    // It went, or the value is still there.
                    let (went, unsent) = (arm.take(), arm.unsent());
                    let expected = if index == which {
                        (Some(Ok(())), None)
                    } else {
                        (None, Some(n))
                    };
                    assert_eq!((went, unsent), expected);
                }
            }
        });
        let (collect, collected) = Channel::new();
        let receivers: Vec<_> = receivers
            .into_iter()
            .map(|rx| {
                let collect = collect.clone();
                U::spawn(move || rx.iter().try_for_each(|n| collect.send(n)))
            })
            .collect();
        drop(collect);
        let mut all: Vec<u32> = collected.iter().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..NUMBERS));
        U::join(sender);
        for receiver in receivers {
            U::join(receiver).unwrap();
        }
    }
}

/// After `TestSelectFairness`: a flood on two arms does not drown a third that is ready now and then.
pub(crate) fn a_flood_does_not_drown_a_trickle<U: Units>() {
    const ROUNDS: u32 = 5000;
    let ((flood, wet), (trickle, drops)) = (Channel::bounded(64), Channel::bounded(1));
    let (stop, stopped) = Channel::new::<()>();
    let flooder = U::spawn(move || {
        loop {
            let over = select! { send(flood, 1) -> _ => false, recv(stopped) -> _ => true };
            if over.unwrap() {
                return;
            }
        }
    });
    trickle.send(2).unwrap();
    let (mut many, mut few) = (0, 0);
    for _ in 0..ROUNDS {
        let got = select! { recv(wet) -> n => n.unwrap(), recv(drops) -> n => n.unwrap() };
        if got.unwrap() == 1 {
            many += 1;
        } else {
            few += 1;
            trickle.send(2).unwrap();
        }
    }
    // The trickle is always ready; the flood, whenever the other unit has run.
    assert!(few >= ROUNDS / 4, "{many} to {few}");
    drop(stop);
    U::join(flooder);
}

/// After `TestSelectDuplicateChannel`: one channel in several arms of one select.
pub(crate) fn one_channel_may_be_in_several_arms<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (_other, never)) = (channel(flavor), Channel::new::<u32>());
        let (selector, unit) = spawn_known::<U, _>(move || {
            let mut sum = 0;
            for _ in 0..3 {
                sum += select! {
                    recv(rx) -> v => v.unwrap(),
                    recv(never) -> v => v.unwrap(),
                    recv(rx) -> v => v.unwrap(),
                }
                .unwrap();
            }
            (sum, rx.recv())
        });
        until_waiting(unit, Reason::Select);
        for n in 1..=4 {
            tx.send(n).unwrap();
        }
        assert_eq!(U::join(selector), (6, Ok(4)));
    }
}

/// After `TestSelfSelect`, with the one receiver on one side: who is at both ends of a rendezvous gets
/// what the other sends and never what it offers itself.
pub(crate) fn nobody_receives_from_itself<U: Units>() {
    const ROUNDS: u32 = 1000;
    let (tx, rx) = Channel::bounded(0);
    let other = {
        let tx = tx.clone();
        U::spawn(move || (0..ROUNDS).try_for_each(|n| tx.send((1, n))))
    };
    for n in 0..ROUNDS {
        let got = select! { send(tx, (0, n)) -> _ => None, recv(rx) -> v => v.ok() };
        assert_eq!(got, Ok(Some((1, n))));
    }
    assert_eq!(U::join(other), Ok(()));
}

/// After `TestNonblockSelectRace`: of two values that are there before it looks, a select that does
/// not wait finds one.
pub(crate) fn a_default_is_not_taken_while_something_is_there<U: Units>() {
    for _ in 0..500 {
        let ((a, from_a), (b, from_b)) = (Channel::bounded(1), Channel::bounded(1));
        a.send(1).unwrap();
        let taker = U::spawn(move || {
            select! { recv(from_a) -> v => v.is_ok(), recv(from_b) -> v => v.is_ok(), default => false }
        });
        // Whenever this comes, one of the two is there; the taker may be gone.
        let _ = b.send(1);
        assert!(U::join(taker));
    }
}
