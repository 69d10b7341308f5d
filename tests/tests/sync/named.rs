//! Locks by name: cases L13 and L14 of the project's list, from a library whose ids waited for each other.

use std::{sync::Arc, time::Duration};
use vitte_sync::{LockError, LockUntilError, NamedLocks, ReleaseError, TryLockError};
use vitte_tests::units::{Units, moment, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason};

pub(crate) fn only_the_one_whose_name_is_released_goes_on<U: Units>() {
    let locks = NamedLocks::new();
    let five = locks.lock(5).unwrap();
    let six = locks.lock(6).unwrap();
    let wait_for = |name: i64| {
        let locks = locks.clone();
        let (waiter, unit) = spawn_known::<U, _>(move || locks.lock(name).map(drop));
        until_waiting(unit, Reason::Lock);
        (waiter, unit)
    };
    let ((first, _), (second, still)) = (wait_for(5), wait_for(6));
    drop(five);
    assert_eq!(U::join(first), Ok(()));
    assert_eq!(still.waits_for().0, Reason::Lock);
    drop(six);
    assert_eq!(U::join(second), Ok(()));
    assert!(locks.is_empty());
}

pub(crate) fn wrong_releases_are_errors_and_change_nothing<U: Units>() {
    let locks = NamedLocks::new();
    assert_eq!(locks.release("nobody's"), Err(ReleaseError::NotLocked));
    assert!(locks.is_empty());
    locks.acquire(5, Deadline::NEVER, None).unwrap();
    let theirs = locks.clone();
    let (other, _) = spawn_known::<U, _>(move || theirs.release(5));
    assert_eq!(U::join(other), Err(ReleaseError::NotHolder));
    assert_eq!(locks.lock(5).map(drop), Err(LockError::Deadlock));
    assert_eq!(
        locks.acquire(5, Deadline::NEVER, None),
        Err(LockUntilError::Deadlock)
    );
    assert_eq!(locks.try_lock(5).map(drop), Err(TryLockError::Taken));
    assert_eq!(locks.release(5), Ok(()));
    assert_eq!(locks.release(5), Err(ReleaseError::NotLocked));
    let guard = locks.lock(5).unwrap();
    assert_eq!(locks.release(5), Err(ReleaseError::NotHolder));
    assert_eq!(guard.name().to_string(), "5");
    drop(guard);
    assert!(locks.is_empty());
}

pub(crate) fn a_number_and_its_text_are_two_names<U: Units>() {
    let locks = NamedLocks::new();
    let _number = locks.lock(5).unwrap();
    let _text = locks.lock("5").unwrap();
    let _largest = locks.lock(i64::MAX).unwrap();
    assert_eq!(locks.len(), 3);
}

pub(crate) fn a_name_is_gone_when_nobody_uses_it<U: Units>() {
    let locks = Arc::new(NamedLocks::new());
    let held = locks.lock("here").unwrap();
    let theirs = locks.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let timed = theirs
            .lock_timeout("here", Duration::from_millis(5))
            .map(drop);
        (timed, theirs.lock("here").map(drop))
    });
    until_waiting(unit, Reason::Lock);
    assert_eq!(locks.len(), 1);
    moment();
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    let (timed, waited) = U::join(waiter);
    assert!(timed.is_err());
    assert_eq!(waited, Err(LockError::Canceled));
    assert_eq!(locks.len(), 1);
    drop(held);
    assert_eq!(locks.len(), 0);
}
