//! Each kind of arm: when it goes, what it yields, and what it leaves behind.

use crate::units::{FLAVORS, LIMITED, Units, channel, moment, spawn_known, until_waiting};
use std::time::{Duration, Instant};
use vitte_channels::{
    Channel, RecvError, SendError, TryRecvError, TrySendError, select,
    select::{Chosen, Deadline, Select, SelectError},
};
use vitte_threads::{Fiber, JoinError, Runtime};
use vitte_wait::{Reason, StopSource};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

pub(crate) fn an_arm_that_can_go_at_once_goes<U: Units>() {
    for flavor in FLAVORS.into_iter().filter(|flavor| *flavor != Some(0)) {
        let ((tx, rx), (_other, never)) = (channel(flavor), channel::<u8>(flavor));
        tx.send('x').unwrap();
        let got = select! {
            recv(never) -> _ => None,
            recv(rx) -> value => Some(value),
        };
        assert_eq!(got, Ok(Some(Ok('x'))));
        let sent = select! {
            recv(rx) -> _ => unreachable!("there is nothing in it"),
            send(tx, 'y') -> sent => sent,
        };
        assert_eq!((sent, rx.try_recv()), (Ok(Ok(())), Ok('y')));
    }
}

pub(crate) fn a_blocked_select_gets_the_value_that_comes<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (other, never)) = (channel(flavor), channel::<char>(flavor));
        let (selector, unit) = spawn_known::<U, _>(move || {
            let got = select! { recv(never) -> value => value, recv(rx) -> value => value };
            (got, rx.try_recv())
        });
        until_waiting(unit, Reason::Select);
        tx.send('x').unwrap();
        assert_eq!(U::join(selector), (Ok(Ok('x')), Err(TryRecvError::Empty)));
        drop((tx, other));
    }
}

pub(crate) fn a_blocked_select_sends_when_there_is_room<U: Units>() {
    for capacity in LIMITED {
        let ((tx, rx), (_full, full)) = (Channel::bounded(capacity), Channel::bounded(0));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let (selector, unit) = spawn_known::<U, _>(move || {
            select! { send(_full, 0_usize) -> _ => None, send(tx, capacity) -> sent => Some(sent) }
        });
        until_waiting(unit, Reason::Select);
        assert!(rx.iter().eq(0..=capacity));
        assert_eq!(U::join(selector), Ok(Some(Ok(()))));
        assert_eq!(full.try_recv(), Err(TryRecvError::Closed));
    }
}

pub(crate) fn a_closed_channel_lets_its_arm_go<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (out, end)) = (channel::<u8>(flavor), channel(flavor));
        let (waits, _receiver) = Channel::bounded(0);
        drop(tx);
        drop(end);
        // Again and again: it is reported, and the select does not wait.
        for _ in 0..3 {
            let got = select! { recv(rx) -> value => value, send(waits, ()) => unreachable!() };
            assert_eq!(got, Ok(Err(RecvError::Closed)));
            let sent = select! { send(out, 7) -> sent => sent, send(waits, ()) => unreachable!() };
            assert_eq!(sent, Ok(Err(SendError::Closed(7))));
        }
    }
}

pub(crate) fn closing_wakes_a_blocked_select<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (_other, never)) = (channel::<u8>(flavor), channel::<u8>(flavor));
        let (selector, unit) = spawn_known::<U, _>(
            move || select! { recv(rx) -> value => value, recv(never) -> _ => unreachable!() },
        );
        until_waiting(unit, Reason::Select);
        tx.close();
        assert_eq!(U::join(selector), Ok(Err(RecvError::Closed)));
    }
    for capacity in LIMITED {
        let (tx, rx) = Channel::bounded(capacity);
        (0..capacity).for_each(|n| tx.send(n).unwrap());
        let (_other, never) = Channel::new::<u8>();
        let (selector, unit) = spawn_known::<U, _>(
            move || select! { send(tx, 99) -> sent => sent, recv(never) -> _ => unreachable!() },
        );
        until_waiting(unit, Reason::Select);
        drop(rx);
        assert_eq!(U::join(selector), Ok(Err(SendError::Closed(99))));
    }
}

pub(crate) fn a_value_that_was_not_sent_comes_back<U: Units>() {
    let ((tx, rx), (ready, taken)) = (Channel::bounded(0), Channel::bounded(1));
    let mut slot = Some(String::from("kept"));
    select! {
        offer(tx, slot) => unreachable!("nobody receives"),
        send(ready, ()) => {}
    }
    .unwrap();
    assert_eq!(slot.as_deref(), Some("kept"));

    let (mut send, mut other) = (tx.send_arm("mine".to_owned()), taken.recv_arm());
    let mut select = Select::new();
    assert_eq!((select.add(&mut send), select.add(&mut other)), (0, 1));
    assert_eq!(select.wait(), Ok(1));
    assert_eq!((other.take(), other.take()), (Some(Ok(())), None));
    assert_eq!(
        (send.take(), send.unsent()),
        (None, Some("mine".to_owned()))
    );

    // Also if it was waited with in vain, and if the channel is closed.
    let soon = Deadline::after(Duration::from_millis(2));
    assert_eq!(send.load("again".to_owned()), None);
    let mut select = Select::new();
    select.add(&mut send);
    assert_eq!(select.wait_until(soon), Err(SelectError::TimedOut));
    assert_eq!(send.unsent(), Some("again".to_owned()));
    drop(rx);
    select! { offer(tx, slot) -> sent => assert_eq!(sent, Err(SendError::Closed("kept".to_owned()))) }
        .unwrap();
    assert_eq!(slot, None);
}

pub(crate) fn a_value_offered_from_a_slot_is_taken_once<U: Units>() {
    for flavor in FLAVORS {
        let (tx, rx) = channel(flavor);
        let receiver = U::spawn(move || rx.iter().collect::<Vec<u32>>());
        let mut slot = None;
        let mut next = 0..100;
        while slot.is_some() || !next.is_empty() {
            // The slot is empty half of the time, and then the arm does not go.
            select! {
                offer(tx, slot) -> sent => sent.unwrap(),
                after(Duration::ZERO) if slot.is_none() => slot = next.next(),
            }
            .unwrap();
        }
        drop(tx);
        assert!(U::join(receiver).into_iter().eq(0..100));
    }
}

pub(crate) fn a_default_is_taken_only_if_nothing_can_go<U: Units>() {
    let (tx, rx) = Channel::bounded(1);
    let got = select! { recv(rx) -> _ => false, default => true };
    assert!(got);
    tx.send(()).unwrap();
    assert!(!select! { recv(rx) -> _ => false, default => true });
    tx.send(()).unwrap();
    // A select that does not wait is not canceled, either.
    assert!(select! { send(tx, ()) -> _ => false, default => true });
    assert_eq!(rx.try_iter().count(), 1);
    let value = select! { default => 5 };
    assert_eq!(value, 5);
}

pub(crate) fn a_default_with_a_duration_waits_so_long<U: Units>() {
    let ((tx, rx), begin) = (Channel::bounded(0), Instant::now());
    let patience = Duration::from_millis(3);
    let timed_out = select! {
        recv(rx) -> _ => false,
        send(tx, 1) -> _ => false,
        default(patience) => true,
    };
    assert_eq!(timed_out, Ok(true));
    assert!(begin.elapsed() >= patience);
    let sender = U::spawn(move || tx.send(2));
    let got = select! { recv(rx) -> value => value, default(LONG) => unreachable!() };
    assert_eq!((got, U::join(sender)), (Ok(Ok(2)), Ok(())));
}

pub(crate) fn time_is_an_arm_like_others<U: Units>() {
    let ((_tx, rx), begin) = (Channel::new::<u8>(), Instant::now());
    let patience = Duration::from_millis(3);
    let which = select! {
        recv(rx) -> _ => 0,
        after(LONG) => 1,
        at(Deadline::after(patience)) => 2,
        default(LONG) => 3,
    };
    assert_eq!(which, Ok(2));
    assert!(begin.elapsed() >= patience);
}

pub(crate) fn a_stop_is_an_arm_and_can_end_the_whole<U: Units>() {
    let (source, (_tx, rx)) = (StopSource::new(), Channel::new::<u8>());
    let token = source.token();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let by_arm = select! { stop(token) => "stopped", recv(rx) -> _ => "received" };
        let mut arm = rx.recv_arm();
        let mut select = Select::new();
        select.add(&mut arm);
        (by_arm, select.wait_or_stop(&token))
    });
    until_waiting(unit, Reason::Select);
    source.stop();
    assert_eq!(
        U::join(selector),
        (Ok("stopped"), Err(SelectError::Stopped))
    );
}

pub(crate) fn a_canceled_select_loses_nothing<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (out, end)) = (channel(flavor), Channel::bounded(0));
        let (selector, unit) = spawn_known::<U, _>(move || {
            let mut slot = Some('s');
            let got = select! { recv(rx) -> v => Some(v), offer(out, slot) -> _ => None };
            // What can go at once still does.
            let (again, ready) = Channel::bounded(1);
            again.send('r').unwrap();
            let later = select! { recv(ready) -> v => v, recv(rx) -> v => v };
            (got, slot, later, rx)
        });
        until_waiting(unit, Reason::Select);
        unit.cancel();
        let (got, slot, later, rx) = U::join(selector);
        assert_eq!((got, slot), (Err(SelectError::Canceled), Some('s')));
        assert_eq!(
            (later, end.try_recv()),
            (Ok(Ok('r')), Err(TryRecvError::Closed))
        );
        // Nobody is left in the queue who would take it.
        match tx.try_send('v') {
            Ok(()) => assert_eq!(rx.try_recv(), Ok('v')),
            Err(error) => assert_eq!((flavor, error), (Some(0), TrySendError::Full('v'))),
        }
    }
}

pub(crate) fn a_task_s_end_is_an_arm<U: Units>() {
    let runtime = Runtime::builder().workers(2).build().unwrap();
    let (tx, rx) = Channel::bounded(0);
    let mut never = runtime.spawn(|| vitte_threads::sleep_until(Deadline::NEVER));
    let mut soon = runtime.spawn(move || {
        rx.recv().unwrap();
        String::from("value")
    });
    let mut panics = runtime.spawn(|| panic!("{}", "on purpose"));
    // Not over yet: both handles stay good.
    let which = select! {
        join(never) -> _ => 0,
        join(soon) -> _ => 1,
        default(Duration::from_millis(2)) => 2,
    };
    assert_eq!(which, Ok(2));
    moment();
    tx.send(()).unwrap();
    let got = select! { join(never) -> _ => unreachable!(), join(soon) -> value => value };
    assert_eq!(got.unwrap().unwrap(), "value");
    assert!(matches!(soon.join(), Err(JoinError::Taken)));
    let got = select! { join(panics) -> end => end, join(never) -> _ => unreachable!() };
    let Err(JoinError::Panicked(panic)) = got.unwrap() else {
        unreachable!("it has panicked");
    };
    assert_eq!(panic.text(), "on purpose");
    never.cancel();
    assert!(never.join().is_ok());
    // From a fiber, of its own child, which has not begun: the wait lets it run.
    let nested = runtime.run(|| {
        let mut child = Fiber::spawn(|| 5);
        select! { join(child) -> value => value.unwrap(), after(LONG) => 0 }
    });
    assert_eq!(nested, Ok(5));
}

pub(crate) fn a_select_of_nothing_waits_for_its_deadline<U: Units>() {
    let begin = Instant::now();
    let patience = Duration::from_millis(2);
    assert_eq!(
        Select::new().wait_timeout(patience),
        Err(SelectError::TimedOut)
    );
    assert_eq!(select! { default(patience) => 7 }, Ok(7));
    assert!(begin.elapsed() >= 2 * patience);
    let (selector, unit) = spawn_known::<U, _>(|| Select::new().wait());
    until_waiting(unit, Reason::Select);
    unit.cancel();
    assert_eq!(U::join(selector), Err(SelectError::Canceled));
}

pub(crate) fn more_arms_than_fit_on_the_stack_are_no_different<U: Units>() {
    let (ends, receivers): (Vec<_>, Vec<_>) = (0..40).map(|_| Channel::bounded(1)).unzip();
    let senders: Vec<_> = ends
        .into_iter()
        .enumerate()
        .map(|(n, tx)| U::spawn(move || (0..20).try_for_each(|i| tx.send((n, i)))))
        .collect();
    let mut arms: Vec<_> = receivers
        .iter()
        .map(|rx| rx.recv_arm())
        .enumerate()
        .collect();
    let mut next = [0; 40];
    while !arms.is_empty() {
        let mut select = Select::new();
        for (_, arm) in &mut arms {
            select.add(arm);
        }
        let which = select.wait().unwrap();
        let (channel, arm) = &mut arms[which];
        match arm.take() {
            Some(Ok((n, i))) => {
                assert_eq!((n, i), (*channel, next[n]));
                next[n] += 1;
            }
            Some(Err(RecvError::Closed)) => drop(arms.swap_remove(which)),
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(next, [20; 40]);
    for sender in senders {
        U::join(sender).unwrap();
    }
}
