//! The latest value: who has seen it, who is told, and what a look keeps.
//!
//! The cases up to the line are those of tokio (`tokio/tests/sync_watch.rs`, MIT), written afresh for
//! these channels; where a sender's closure panics, ours leave the value as it was.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use crate::units::{Census, Random, Units, moment, spawn_known, until_waiting};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use vitte_channels::{
    Channel, RecvError, RecvUntilError, SendError, TryRecvError, WaitError, select, watch,
};
use vitte_wait::{Reason, StopSource};

pub(crate) fn a_receiver_is_told_of_a_change_once<U: Units>() {
    let (tx, rx) = watch::channel("one");
    assert_eq!((*rx.borrow(), rx.has_changed()), ("one", false));
    let (watcher, unit) = spawn_known::<U, _>(move || (rx.changed(), rx));
    until_waiting(unit, Reason::Recv);
    tx.send("two").unwrap();
    let (changed, rx) = U::join(watcher);
    assert_eq!((changed, *rx.borrow()), (Ok(()), "two"));
    assert_eq!(rx.try_changed(), Err(TryRecvError::Empty));
    drop(tx);
    assert_eq!(rx.changed(), Err(RecvError::Closed));
}

pub(crate) fn marking_forgets_and_makes_believe<U: Units>() {
    let (tx, rx) = watch::channel("one");
    rx.mark_changed();
    rx.mark_changed();
    assert!(rx.has_changed());
    assert_eq!((rx.changed(), *rx.borrow()), (Ok(()), "one"));
    tx.send("two").unwrap();
    rx.mark_unchanged();
    assert_eq!(
        (rx.try_changed(), *rx.borrow()),
        (Err(TryRecvError::Empty), "two")
    );
}

pub(crate) fn each_of_many_receivers_sees_for_itself<U: Units>() {
    let (tx, first) = watch::channel(1);
    let second = first.clone();
    tx.send(2).unwrap();
    assert_eq!(first.changed(), Ok(()));
    let third = first.clone();
    assert!(second.has_changed() && !third.has_changed());
    tx.send(3).unwrap();
    for rx in [first, second, third] {
        assert_eq!((rx.changed(), *rx.borrow()), (Ok(()), 3));
        assert!(!rx.has_changed());
    }
}

pub(crate) fn the_final_value_is_seen_after_the_end<U: Units>() {
    let (tx, rx) = watch::channel("one");
    let early = rx.clone();
    U::join(U::spawn(move || tx.send("two").unwrap()));
    for rx in [rx, early] {
        assert!(rx.is_closed());
        assert_eq!((rx.changed(), *rx.borrow()), (Ok(()), "two"));
        assert_eq!(rx.changed(), Err(RecvError::Closed));
        assert_eq!(*rx.borrow(), "two");
    }
}

pub(crate) fn a_sender_waits_for_the_last_receiver_to_go<U: Units>() {
    let (tx, rx) = watch::channel(1);
    let other = rx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || (tx.closed(), tx));
    until_waiting(unit, Reason::Event);
    drop(rx);
    moment();
    until_waiting(unit, Reason::Event);
    drop(other);
    let (closed, tx) = U::join(sender);
    assert_eq!((closed, tx.is_closed()), (Ok(()), true));
    assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    // Another one may come.
    let rx = tx.subscribe();
    assert_eq!((tx.is_closed(), tx.send(3)), (false, Ok(())));
    assert_eq!((rx.changed(), *rx.borrow()), (Ok(()), 3));
}

pub(crate) fn looking_can_count_as_seeing<U: Units>() {
    let (tx, rx) = watch::channel("one");
    tx.send("two").unwrap();
    assert!(rx.borrow().has_changed() && rx.has_changed());
    let look = rx.borrow_and_update();
    assert_eq!((*look, look.has_changed()), ("two", true));
    assert!(!rx.has_changed() && !rx.borrow_and_update().has_changed());
}

pub(crate) fn a_panic_while_modifying_changes_nothing<U: Units>() {
    let (tx, rx) = watch::channel(String::from("before"));
    let modified = catch_unwind(AssertUnwindSafe(|| {
        tx.send_modify(|text| {
            text.push_str(" and after");
            panic!("not so fast");
        });
    }));
    assert!(modified.is_err());
    assert_eq!((rx.borrow().as_str(), rx.has_changed()), ("before", false));
    tx.send_modify(|text| text.push('!'));
    assert_eq!((rx.changed(), rx.borrow().as_str()), (Ok(()), "before!"));
}

pub(crate) fn the_channel_lives_as_long_as_one_sender<U: Units>() {
    let (tx, rx) = watch::channel(1);
    let other = tx.clone();
    drop(tx);
    let (watcher, unit) = spawn_known::<U, _>(move || (rx.changed(), rx.changed()));
    until_waiting(unit, Reason::Recv);
    other.send(2).unwrap();
    drop(other);
    assert_eq!(U::join(watcher), (Ok(()), Err(RecvError::Closed)));
}

pub(crate) fn waiting_for_a_value_tests_the_current_one_first<U: Units>() {
    let (tx, rx) = watch::channel(5);
    assert_eq!(*rx.wait_for(|n| *n == 5).unwrap(), 5);
    let waiting = rx.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || waiting.wait_for(|n| *n > 6).map(|n| *n));
    until_waiting(unit, Reason::Recv);
    tx.send(6).unwrap();
    tx.send(7).unwrap();
    assert_eq!(U::join(waiter), Ok(7));
    drop(tx);
    assert_eq!(*rx.wait_for(|n| *n == 7).unwrap(), 7);
    assert_eq!(rx.wait_for(|n| *n == 8).map(|n| *n), Err(RecvError::Closed));
}

// What follows is of this project.

pub(crate) fn a_look_is_waited_for_by_nobody_and_keeps_its_value<U: Units>() {
    let census = Census::new();
    let (tx, rx) = watch::channel(census.value(0));
    let (holder, unit) = spawn_known::<U, _>({
        let rx = rx.clone();
        move || {
            // Across a wait, and a change.
            let look = rx.borrow();
            rx.changed().unwrap();
            (look.number, rx.borrow().number)
        }
    });
    until_waiting(unit, Reason::Recv);
    let mine = rx.borrow();
    for n in 1..=3 {
        tx.send(census.value(n)).unwrap();
    }
    assert_eq!((mine.number, rx.borrow().number), (0, 3));
    let (old, new) = U::join(holder);
    assert!(old == 0 && (1..=3).contains(&new));
    assert_eq!(census.dropped(), 2);
    drop(mine);
    assert_eq!(census.dropped(), 3);
    drop((tx, rx));
    assert_eq!((census.dropped(), census.made()), (4, 4));
}

pub(crate) fn replacing_gives_the_value_before<U: Units>() {
    let (tx, rx) = watch::channel(vec![1]);
    assert_eq!(tx.send_replace(vec![2]), [1]);
    let look = rx.borrow();
    assert_eq!(tx.send_replace(vec![3]), [2]);
    assert_eq!(
        (look.as_slice(), rx.borrow().as_slice()),
        ([2].as_slice(), [3].as_slice())
    );
    drop(look);
    drop(rx);
    assert_eq!(tx.send_replace(vec![4]), [3]);
    assert_eq!(*tx.borrow(), [4]);
}

pub(crate) fn modifying_senders_lose_no_update<U: Units>() {
    let (tx, rx) = watch::channel(0);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let tx = tx.clone();
            U::spawn(move || (0..500).for_each(|_| tx.send_modify(|n| *n += 1)))
        })
        .collect();
    drop(tx);
    let watcher = U::spawn(move || {
        let mut last = 0;
        while rx.changed().is_ok() {
            let now = *rx.borrow_and_update();
            assert!(now >= last);
            last = now;
        }
        last
    });
    senders.into_iter().for_each(U::join);
    assert_eq!(U::join(watcher), 2000);
}

/// Case T6 of the project's list: all of a hundred wake, and see the value that woke them or a newer one.
pub(crate) fn a_hundred_receivers_are_told_of_one_change<U: Units>() {
    let (tx, rx) = watch::channel(0);
    let waiters: Vec<_> = (0..100)
        .map(|_| {
            let rx = rx.clone();
            spawn_known::<U, _>(move || (rx.changed(), *rx.borrow()))
        })
        .collect();
    for (_, unit) in &waiters {
        until_waiting(unit, Reason::Recv);
    }
    tx.send(1).unwrap();
    for (waiter, _) in waiters {
        assert_eq!(U::join(waiter), (Ok(()), 1));
    }
}

pub(crate) fn what_is_not_modified_is_not_told<U: Units>() {
    let (tx, rx) = watch::channel(1);
    assert!(!tx.send_if_modified(|n| {
        *n = 2;
        false
    }));
    assert_eq!((*rx.borrow(), rx.has_changed()), (1, false));
    assert!(tx.send_if_modified(|n| {
        *n = 2;
        true
    }));
    assert_eq!((*rx.borrow(), rx.has_changed()), (2, true));
}

pub(crate) fn deadlines_stops_and_cancellations_end_either_wait<U: Units>() {
    const SHORT: Duration = Duration::from_millis(2);
    let (tx, rx) = watch::channel(1);
    let watcher = rx.clone();
    let timed = U::spawn(move || {
        let waited = watcher.wait_for_timeout(|n| *n == 2, SHORT).map(|n| *n);
        (watcher.changed_timeout(SHORT), waited)
    });
    let late = RecvUntilError::TimedOut;
    assert_eq!(U::join(timed), (Err(late), Err(late)));
    assert_eq!(tx.closed_timeout(SHORT), Err(WaitError::TimedOut));
    let source = StopSource::new();
    let (token, watcher) = (source.token(), rx.clone());
    let (stopped, unit) = spawn_known::<U, _>(move || watcher.changed_or_stop(&token));
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(stopped), Err(RecvUntilError::Stopped));
    let watcher = rx.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || watcher.changed());
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(RecvError::Canceled));
    tx.send(2).unwrap();
    assert_eq!((rx.changed(), tx.receivers()), (Ok(()), 1));
}

pub(crate) fn a_panicking_test_leaves_a_usable_receiver<U: Units>() {
    let (tx, rx) = watch::channel(1);
    let waited = catch_unwind(AssertUnwindSafe(|| {
        drop(rx.wait_for(|_| panic!("I do not like it")));
    }));
    assert!(waited.is_err());
    tx.send(2).unwrap();
    assert_eq!((rx.changed(), *rx.borrow()), (Ok(()), 2));
}

pub(crate) fn looks_that_race_with_replacements_see_whole_values<U: Units>() {
    let mut random = Random::new();
    let census = Census::new();
    let (tx, rx) = watch::channel((0, census.value(0)));
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let rx = rx.clone();
            let hold = random.below(3);
            U::spawn(move || {
                let mut held = Vec::new();
                let mut last = 0;
                while last < 500 {
                    let look = rx.borrow_and_update();
                    assert_eq!(look.0, look.1.number);
                    assert!(look.0 >= last);
                    last = look.0;
                    held.push(look);
                    if held.len() > hold {
                        held.clear();
                        let _ = rx.changed_timeout(Duration::from_millis(1));
                    }
                }
            })
        })
        .collect();
    for n in 1..=500 {
        tx.send((n, census.value(n))).unwrap();
    }
    watchers.into_iter().for_each(U::join);
    drop((tx, rx));
    assert_eq!((census.dropped(), census.made()), (501, 501));
}

pub(crate) fn a_select_sees_changes_and_ends<U: Units>() {
    let ((tx, rx), (other, out)) = (watch::channel(1), watch::channel(()));
    let (tell, told) = Channel::new();
    let (chooser, unit) = spawn_known::<U, _>(move || {
        loop {
            select! {
                arm(rx.changed_arm()) -> changed => tell.send(changed.map(|()| *rx.borrow())).unwrap(),
                arm(other.closed_arm()) => return,
            }
            .unwrap();
        }
    });
    until_waiting(unit, Reason::Select);
    for n in 2..6 {
        tx.send(n).unwrap();
        assert_eq!(told.recv(), Ok(Ok(n)));
    }
    drop(out);
    U::join(chooser);
    assert_eq!(tx.send(6), Err(SendError::Closed(6)));
}

pub(crate) fn debug_shows_what_was_seen<U: Units>() {
    let (tx, rx) = watch::channel(7);
    tx.send(8).unwrap();
    let shown = format!("{rx:?}");
    for part in [
        "version: 2",
        "seen: 1",
        "closed: false",
        "senders: 1",
        "receivers: 1",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(format!("{:?} {}", rx.borrow(), rx.borrow()), "8 8");
}
