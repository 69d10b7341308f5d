//! Latches and wait groups: what crossbeam's test asks (`crossbeam-utils/tests/wait_group.rs`, MIT OR
//! Apache-2.0) and Go's (`src/sync/waitgroup_test.go`, BSD-3-Clause), written afresh.

use crate::{LONG, SHORT, crew, join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use vitte_sync::{Canceled, Latch, WaitError, WaitGroup};
use vitte_tests::units::{Units, moment, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn a_latch_opens_at_zero_and_stays_open<U: Units>() {
    let latch = Latch::new(2);
    latch.count_down();
    assert_eq!((latch.count(), latch.is_open()), (1, false));
    assert_eq!(latch.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
    assert_eq!(latch.count_down_and_wait(), Ok(()));
    latch.count_down();
    assert_eq!((latch.count(), latch.is_open()), (0, true));
    assert_eq!(latch.wait(), Ok(()));
    assert_eq!(Latch::new(0).wait(), Ok(()));
}

pub(crate) fn a_latch_wakes_everybody<U: Units>() {
    let shared = Arc::new((Latch::new(3), Latch::new(20), AtomicUsize::new(0)));
    let waiters = crew::<U, _, _>(20, &shared, |_, shared| {
        let (open, ready, seen) = &**shared;
        ready.count_down();
        open.wait().unwrap();
        // What was done before counting down is visible.
        assert_eq!(seen.load(Relaxed), 3);
    });
    shared.1.wait().unwrap();
    let counters = crew::<U, _, _>(3, &shared, |_, shared| {
        let (open, _, seen) = &**shared;
        seen.fetch_add(1, Relaxed);
        open.count_down();
    });
    join_all::<U, _>(waiters);
    join_all::<U, _>(counters);
}

pub(crate) fn a_group_waits_for_all_its_members<U: Units>() {
    let group = Arc::new(WaitGroup::new());
    assert_eq!(group.wait(), Ok(()));
    // The eleventh: nobody is through before it.
    group.add(1);
    let through = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let (member, through) = (group.member(), through.clone());
            U::spawn(move || {
                member.wait().unwrap();
                through.fetch_add(1, Relaxed);
            })
        })
        .collect();
    moment();
    assert_eq!(through.load(Relaxed), 0);
    group.done();
    join_all::<U, _>(waiters);
    assert_eq!((through.load(Relaxed), group.count()), (10, 0));
}

pub(crate) fn a_group_is_used_again<U: Units>() {
    let group = Arc::new(WaitGroup::new());
    let exited = Arc::new(AtomicUsize::new(0));
    for round in 1..=50 {
        group.add(4);
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (group, exited) = (group.clone(), exited.clone());
                U::spawn(move || {
                    exited.fetch_add(1, Relaxed);
                    group.done();
                })
            })
            .collect();
        group.wait().unwrap();
        assert_eq!(exited.load(Relaxed), 4 * round);
        join_all::<U, _>(workers);
    }
}

pub(crate) fn done_without_anything_to_do_is_a_panic<U: Units>() {
    let group = WaitGroup::new();
    group.add(1);
    group.done();
    assert!(catch_unwind(AssertUnwindSafe(|| group.done())).is_err());
    assert_eq!(group.count(), 0);
    assert!(catch_unwind(AssertUnwindSafe(|| group.add(usize::MAX))).is_err());
    assert_eq!(group.wait(), Ok(()));
}

pub(crate) fn a_member_s_clone_is_a_member<U: Units>() {
    let group = Arc::new(WaitGroup::new());
    let first = group.member();
    let second = first.clone();
    assert_eq!(group.count(), 2);
    drop(first);
    assert!(Arc::ptr_eq(second.group(), &group));
    let (waiter, unit) = spawn_known::<U, _>({
        let group = group.clone();
        move || group.wait()
    });
    until_waiting(unit, Reason::Event);
    U::join(U::spawn(move || drop(second)));
    assert_eq!(U::join(waiter), Ok(()));
}

pub(crate) fn waits_for_a_count_can_end_early<U: Units>() {
    let shared = Arc::new((Latch::new(1), WaitGroup::new()));
    shared.1.add(1);
    assert_eq!(shared.0.wait_timeout(SHORT), Err(WaitError::TimedOut));
    assert_eq!(shared.1.wait_timeout(SHORT), Err(WaitError::TimedOut));

    let (source, other) = (StopSource::new(), shared.clone());
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || other.0.wait_or_stop(&token));
    until_waiting(unit, Reason::Event);
    source.stop();
    assert_eq!(U::join(stopped), Err(WaitError::Stopped));

    let other = shared.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.1.wait());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));

    // Those who left did not disturb those who come.
    let other = shared.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || other.0.wait_timeout(LONG));
    until_waiting(unit, Reason::Event);
    shared.0.count_down();
    assert_eq!(U::join(waiter), Ok(()));
}
