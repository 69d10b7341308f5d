//! Locks, conditions and latches of 32 bits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{WordCondvar, WordError, WordLatch, WordMutex};
use vitte_tests::units::{Units, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

fn soon() -> Deadline {
    Deadline::after(Duration::from_millis(5))
}

pub(crate) fn zero_is_a_free_mutex_of_four_bytes<U: Units>() {
    assert_eq!(size_of::<WordMutex>(), 4);
    assert_eq!(size_of::<WordCondvar>(), 4);
    assert_eq!(size_of::<WordLatch>(), 4);
    static LOCK: WordMutex = WordMutex::new();
    assert_eq!(LOCK.unlock(), Err(WordError::NotHolder));
}

pub(crate) fn a_second_locking_and_a_foreign_unlocking_are_errors<U: Units>() {
    let lock = Arc::new(WordMutex::new());
    lock.lock_with(Deadline::NEVER, None).unwrap();
    assert_eq!(
        lock.lock_with(Deadline::NEVER, None),
        Err(WordError::Deadlock)
    );
    assert_eq!(lock.try_lock(), Err(WordError::Taken));
    let theirs = lock.clone();
    let (other, _) = spawn_known::<U, _>(move || {
        (
            theirs.unlock(),
            theirs.try_lock(),
            theirs.lock_with(soon(), None),
        )
    });
    assert_eq!(
        U::join(other),
        (
            Err(WordError::NotHolder),
            Err(WordError::Taken),
            Err(WordError::TimedOut)
        )
    );
    assert!(lock.is_held_by_caller());
    lock.unlock().unwrap();
    assert_eq!(lock.unlock(), Err(WordError::NotHolder));
}

pub(crate) fn a_stop_and_a_cancellation_end_the_wait_for_a_word<U: Units>() {
    let lock = Arc::new(WordMutex::new());
    let source = StopSource::new();
    lock.lock_with(Deadline::NEVER, None).unwrap();
    let (theirs, token) = (lock.clone(), source.token());
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let stopped = theirs.lock_with(Deadline::NEVER, Some(&token));
        (stopped, theirs.lock_with(Deadline::NEVER, None))
    });
    until_waiting(unit, Reason::Lock);
    source.stop();
    unit.cancel();
    let (stopped, canceled) = U::join(waiter);
    assert_eq!(stopped, Err(WordError::Stopped));
    assert_eq!(canceled, Err(WordError::Canceled));
    lock.unlock().unwrap();
}

pub(crate) fn a_wait_for_a_word_condition_has_the_mutex_again<U: Units>() {
    struct Shared {
        lock: WordMutex,
        changed: WordCondvar,
        timed: AtomicBool,
        set: AtomicBool,
    }
    let shared = Arc::new(Shared {
        lock: WordMutex::new(),
        changed: WordCondvar::new(),
        timed: AtomicBool::new(false),
        set: AtomicBool::new(false),
    });
    assert_eq!(
        shared
            .changed
            .wait_with(&shared.lock, Deadline::NEVER, None),
        Err(WordError::NotHolder)
    );
    let theirs = shared.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        theirs.lock.lock_with(Deadline::NEVER, None).unwrap();
        let timed = theirs.changed.wait_with(&theirs.lock, soon(), None);
        assert_eq!(timed, Err(WordError::TimedOut));
        assert!(theirs.lock.is_held_by_caller());
        theirs.timed.store(true, Relaxed);
        while !theirs.set.load(Relaxed) {
            theirs
                .changed
                .wait_with(&theirs.lock, Deadline::NEVER, None)
                .unwrap();
        }
        let canceled = theirs
            .changed
            .wait_with(&theirs.lock, Deadline::NEVER, None);
        assert_eq!(canceled, Err(WordError::Canceled));
        theirs.lock.unlock().unwrap();
    });
    until(|| shared.timed.load(Relaxed));
    shared.lock.lock_with(Deadline::NEVER, None).unwrap();
    shared.set.store(true, Relaxed);
    shared.lock.unlock().unwrap();
    shared.changed.notify(1);
    until_waiting(unit, Reason::Event);
    unit.cancel();
    U::join(waiter);
}

pub(crate) fn a_latch_opens_for_everybody_and_for_ever<U: Units>() {
    let latch = Arc::new(WordLatch::new());
    assert_eq!(latch.wait_with(soon(), None), Err(WordError::TimedOut));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let latch = latch.clone();
            U::spawn(move || latch.wait_with(Deadline::NEVER, None))
        })
        .collect();
    latch.set();
    latch.set();
    for waiter in waiters {
        assert_eq!(U::join(waiter), Ok(()));
    }
    assert_eq!(latch.wait_with(Deadline::NOW, None), Ok(()));
}
