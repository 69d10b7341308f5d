//! Semaphores: what tokio's tests ask (`tokio/tests/sync_semaphore.rs` and `sync_semaphore_owned.rs`, MIT),
//! written afresh for semaphores that block, and what else this one promises.

use crate::{LONG, SHORT, crew, join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{AcquireError, AcquireUntilError, Semaphore, TryAcquireError};
use vitte_tests::units::{Units, moment, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn trying_takes_what_is_there<U: Units>() {
    let semaphore = Semaphore::new(1);
    {
        let permit = semaphore.try_acquire().unwrap();
        assert_eq!((permit.permits(), semaphore.available_permits()), (1, 0));
        let refused = semaphore.try_acquire().unwrap_err();
        assert_eq!(refused, TryAcquireError::NoPermits);
        let late = semaphore.acquire_until(Deadline::NOW).unwrap_err();
        assert_eq!(late, AcquireUntilError::TimedOut);
        // Nothing is always there.
        assert_eq!(semaphore.try_acquire_many(0).unwrap().permits(), 0);
    }
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.try_acquire().is_ok());
}

pub(crate) fn a_waiter_gets_the_permit_that_comes_back<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(1));
    let ours = semaphore.acquire().unwrap();
    let other = semaphore.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || other.acquire().map(|_| ()));
    until_waiting(unit, Reason::Lock);
    drop(ours);
    assert_eq!(U::join(waiter), Ok(()));
    assert_eq!(semaphore.available_permits(), 1);

    let empty = Arc::new(Semaphore::new(0));
    let other = empty.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || other.acquire().map(|permit| permit.forget()));
    until_waiting(unit, Reason::Lock);
    empty.add_permits(1);
    assert_eq!(U::join(waiter), Ok(()));
    assert_eq!(empty.available_permits(), 0);
}

pub(crate) fn many_permits_are_taken_at_once<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(42));
    let some = semaphore.acquire_many(32).unwrap();
    assert_eq!(some.permits(), 32);
    assert_eq!(
        semaphore.try_acquire_many(11).unwrap_err(),
        TryAcquireError::NoPermits
    );
    let rest = semaphore.try_acquire_many(10).unwrap();
    let other = semaphore.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let permit = other.acquire_many(40).unwrap();
        permit.permits()
    });
    until_waiting(unit, Reason::Lock);
    drop(rest);
    moment();
    assert_eq!(unit.waits_for().0, Reason::Lock);
    drop(some);
    assert_eq!(U::join(waiter), 40);
    assert_eq!(semaphore.available_permits(), 42);
}

pub(crate) fn a_large_request_is_not_overtaken<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(2));
    let (first, second) = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
    let served = Arc::new(AtomicUsize::new(0));
    let queue = |permits| {
        let (semaphore, served) = (semaphore.clone(), served.clone());
        let (waiter, unit) = spawn_known::<U, _>(move || {
            let permit = semaphore.acquire_many(permits).unwrap();
            let turn = served.fetch_add(1, Relaxed);
            drop(permit);
            turn
        });
        until_waiting(unit, Reason::Lock);
        waiter
    };
    let (large, small) = (queue(2), queue(1));
    drop(first);
    moment();
    // One is there, and it is meant for the large one.
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    assert_eq!(
        semaphore.acquire_timeout(SHORT).unwrap_err(),
        AcquireUntilError::TimedOut
    );
    assert_eq!(semaphore.forget_permits(1), 0);
    assert_eq!(served.load(Relaxed), 0);
    drop(second);
    assert_eq!((U::join(large), U::join(small)), (0, 1));
    assert_eq!(semaphore.available_permits(), 2);
}

pub(crate) fn one_who_gives_up_lets_those_behind_it_move_up<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(1));
    let (source, other) = (StopSource::new(), semaphore.clone());
    let token = source.token();
    let (large, unit) = spawn_known::<U, _>(move || {
        let result = other.acquire_many_with(2, Deadline::NEVER, Some(&token));
        result.map(|_| ())
    });
    until_waiting(unit, Reason::Lock);
    let other = semaphore.clone();
    let (small, unit) = spawn_known::<U, _>(move || other.acquire().map(|_| ()));
    until_waiting(unit, Reason::Lock);
    source.stop();
    assert_eq!(U::join(large), Err(AcquireUntilError::Stopped));
    assert_eq!(U::join(small), Ok(()));
    assert_eq!(semaphore.try_acquire().unwrap().permits(), 1);
}

pub(crate) fn closing_sends_everybody_away<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(1));
    let kept = semaphore.acquire_owned().unwrap();
    let waiters: Vec<_> = (1..4)
        .map(|permits| {
            let semaphore = semaphore.clone();
            let body = move || semaphore.acquire_many(permits).map(|_| ());
            let (waiter, unit) = spawn_known::<U, _>(body);
            until_waiting(unit, Reason::Lock);
            waiter
        })
        .collect();
    assert!(!semaphore.is_closed());
    semaphore.close();
    assert!(semaphore.is_closed());
    let gone = Err(AcquireError::Closed);
    assert_eq!(join_all::<U, _>(waiters), [gone, gone, gone]);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert_eq!(semaphore.acquire().unwrap_err(), AcquireError::Closed);
    let late = semaphore.acquire_timeout(LONG).unwrap_err();
    assert_eq!(late, AcquireUntilError::Closed);
    drop(kept);
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
}

/// After tokio's `add_permits_closed` and `forget_closed`.
pub(crate) fn permits_of_a_closed_semaphore_are_counted_all_the_same<U: Units>() {
    for (size, count) in (0..4).flat_map(|size| (0..4).map(move |count| (size, count))) {
        let semaphore = Semaphore::new(size);
        semaphore.close();
        semaphore.add_permits(count);
        assert_eq!(semaphore.available_permits(), size + count);
        assert_eq!(
            semaphore.forget_permits(2 * count),
            (size + count).min(2 * count)
        );
        let left = size.saturating_sub(count);
        assert_eq!(
            (semaphore.available_permits(), semaphore.is_closed()),
            (left, true)
        );
    }
}

pub(crate) fn forgotten_permits_are_gone<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(10));
    semaphore.acquire().unwrap().forget();
    semaphore.try_acquire_many_owned(2).unwrap().forget();
    assert_eq!(semaphore.available_permits(), 7);
    assert_eq!(semaphore.forget_permits(5), 5);
    assert_eq!(semaphore.forget_permits(5), 2);
    assert_eq!(semaphore.forget_permits(5), 0);
    semaphore.add_permits(3);
    assert_eq!(semaphore.acquire_many(3).unwrap().permits(), 3);
}

pub(crate) fn permits_split_and_merge<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut all = semaphore.acquire_many(5).unwrap();
    let two = all.split(2).unwrap();
    assert_eq!((all.permits(), two.permits()), (3, 2));
    assert!(all.split(4).is_none());
    all.merge(two);
    assert_eq!((all.permits(), semaphore.available_permits()), (5, 0));
    drop(all.split(1));
    assert_eq!(semaphore.available_permits(), 1);
    drop(all);

    let mut owned = semaphore.acquire_many_owned(3).unwrap();
    let one = owned.split(1).unwrap();
    drop(owned);
    assert_eq!(semaphore.available_permits(), 4);
    let foreign = Arc::new(Semaphore::new(1));
    let mut other = foreign.acquire_owned().unwrap();
    let mixed = catch_unwind(AssertUnwindSafe(|| other.merge(one)));
    assert!(mixed.is_err());
    drop(other);
    assert_eq!(semaphore.available_permits(), 5);
    assert_eq!(foreign.available_permits(), 1);
}

pub(crate) fn too_many_permits_are_refused_and_change_nothing<U: Units>() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    let more = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1)));
    assert!(more.is_err());
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
    let too_many = catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1));
    assert!(too_many.is_err());
    drop(semaphore.acquire_many(Semaphore::MAX_PERMITS).unwrap());
}

pub(crate) fn an_owned_permit_outlives_its_unit<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(1));
    let other = semaphore.clone();
    let permit = U::join(U::spawn(move || other.acquire_owned().unwrap()));
    assert_eq!(
        semaphore.try_acquire_many_owned(1).unwrap_err(),
        TryAcquireError::NoPermits
    );
    U::join(U::spawn(move || drop(permit)));
    assert!(semaphore.try_acquire_many_owned(1).is_ok());
}

pub(crate) fn contended_increments_under_one_permit_are_exact<U: Units>() {
    let shared = Arc::new((Semaphore::new(1), AtomicUsize::new(0)));
    let workers = crew::<U, _, _>(8, &shared, |_, shared| {
        let (semaphore, count) = &**shared;
        for _ in 0..10_000 {
            let _permit = semaphore.acquire().unwrap();
            // Not an atomic increment, so that only exclusion makes it right.
            count.store(count.load(Relaxed) + 1, Relaxed);
        }
    });
    join_all::<U, _>(workers);
    assert_eq!(shared.1.load(Relaxed), 80_000);
    assert_eq!(shared.0.available_permits(), 1);
}

pub(crate) fn timeouts_that_race_with_permits_lose_none<U: Units>() {
    let shared = Arc::new((Semaphore::new(3), AtomicUsize::new(0)));
    let workers = crew::<U, _, _>(6, &shared, |number, shared| {
        let (semaphore, inside) = &**shared;
        let (wanted, mut had) = (number % 3 + 1, 0);
        for round in 0..300 {
            let deadline = Deadline::after(Duration::from_micros(round % 50));
            if let Ok(permit) = semaphore.acquire_many_with(wanted, deadline, None) {
                let before = inside.fetch_add(wanted, Relaxed);
                assert!(before + wanted <= 3, "too many inside");
                moment_or_less(round);
                inside.fetch_sub(wanted, Relaxed);
                drop(permit);
                had += 1;
            }
        }
        had
    });
    assert!(join_all::<U, _>(workers).iter().sum::<usize>() > 0);
    assert_eq!(shared.0.available_permits(), 3);
}

/// Now and then a pause, so that others have to wait.
fn moment_or_less(round: u64) {
    if round.is_multiple_of(16) {
        vitte_tests::units::pause(Duration::from_micros(30));
    }
}

pub(crate) fn a_cancellation_and_a_stop_take_nothing<U: Units>() {
    let semaphore = Arc::new(Semaphore::new(0));
    let other = semaphore.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || {
        let result = other.acquire().map(|_| ());
        // What needs no wait is had nevertheless.
        (result, other.try_acquire_many(0).map(|_| ()))
    });
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert_eq!(U::join(canceled), (Err(AcquireError::Canceled), Ok(())));

    let (source, other) = (StopSource::new(), semaphore.clone());
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || other.acquire_or_stop(&token).map(|_| ()));
    until_waiting(unit, Reason::Lock);
    source.stop();
    assert_eq!(U::join(stopped), Err(AcquireUntilError::Stopped));
    assert_eq!(
        semaphore.acquire_timeout(SHORT).unwrap_err(),
        AcquireUntilError::TimedOut
    );
    semaphore.add_permits(1);
    let ended = [
        semaphore.acquire_many_until(2, Deadline::NOW).err(),
        semaphore.acquire_many_timeout(2, SHORT).err(),
        semaphore.acquire_many_or_stop(2, &source.token()).err(),
    ];
    let expected = [
        AcquireUntilError::TimedOut,
        AcquireUntilError::TimedOut,
        AcquireUntilError::Stopped,
    ];
    assert_eq!(ended, expected.map(Some));
    until(|| semaphore.try_acquire().is_ok());
}
