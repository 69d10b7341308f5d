//! Taking a lock again. What the tests of `parking_lot` and `lock_api` ask of theirs (MIT OR Apache-2.0), and
//! JUCE's `CriticalSection`: the ideas, written afresh.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{LockError, LockUntilError, ReentrantMutex, TryLockError};
use vitte_tests::units::{Units, spawn_known, until, until_waiting};
use vitte_wait::Reason;

pub(crate) fn the_holder_takes_it_as_often_as_it_likes<U: Units>() {
    let lock = Arc::new(ReentrantMutex::new(RefCell::new(0)));
    let theirs = lock.clone();
    let unit = U::spawn(move || {
        let one = theirs.lock().unwrap();
        let two = theirs.try_lock().unwrap();
        let three = theirs.lock_timeout(Duration::ZERO).unwrap();
        *three.borrow_mut() += 1;
        // In any order.
        drop(two);
        drop(one);
        assert!(theirs.is_held_by_caller());
        drop(three);
        assert!(!theirs.is_locked());
    });
    U::join(unit);
    assert_eq!(*lock.lock().unwrap().borrow(), 1);
}

pub(crate) fn others_wait_for_the_last_guard<U: Units>() {
    let lock = Arc::new(ReentrantMutex::new(Cell::new(0)));
    let (outer, inner) = (lock.lock().unwrap(), lock.lock().unwrap());
    let (theirs, timed_out) = (lock.clone(), Arc::new(AtomicBool::new(false)));
    let told = timed_out.clone();
    let (other, unit) = spawn_known::<U, _>(move || {
        let tried = theirs.try_lock().map(drop);
        let timed = theirs.lock_timeout(Duration::from_millis(5)).map(drop);
        told.store(true, Relaxed);
        (tried, timed, theirs.lock().map(|cell| cell.get()))
    });
    until(|| timed_out.load(Relaxed));
    until_waiting(unit, Reason::Lock);
    drop(inner);
    outer.set(1);
    drop(outer);
    assert_eq!(
        U::join(other),
        (
            Err(TryLockError::Taken),
            Err(LockUntilError::TimedOut),
            Ok(1)
        )
    );
}

pub(crate) fn a_cancellation_ends_the_wait<U: Units>() {
    let lock = Arc::new(ReentrantMutex::new(()));
    let held = lock.lock().unwrap();
    let theirs = lock.clone();
    let (other, unit) = spawn_known::<U, _>(move || theirs.lock().map(drop));
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert_eq!(U::join(other), Err(LockError::Canceled));
    drop(held);
}

pub(crate) fn a_leaked_guard_is_no_later_unit_s<U: Units>() {
    let lock = Arc::new(ReentrantMutex::new(()));
    let leaking = Arc::clone(&lock);
    U::join(U::spawn(move || std::mem::forget(leaking.lock().unwrap())));
    // Units are used again: of so many, some stand where the leaking one stood.
    for _ in 0..20 {
        let lock = Arc::clone(&lock);
        let refused = U::spawn(move || !lock.is_held_by_caller() && lock.try_lock().is_err());
        assert!(U::join(refused), "the lock has a holder");
    }
}
