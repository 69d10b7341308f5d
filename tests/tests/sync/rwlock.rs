//! Who waits for whom at a lock of readers and writers: the rules of JUCE's `ReadWriteLock` (its
//! documentation; case J27 of the project's list), and what the tests of `parking_lot`, of Rust's `std` and of
//! tokio ask of theirs (all MIT, or MIT OR Apache-2.0): the ideas, written afresh.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::*},
    },
    time::Duration,
};
use vitte_sync::{
    LockError, LockUntilError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
    UpgradeRefused,
};
use vitte_tests::units::{Units, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);

/// More than there are places for readers' marks.
const CROWD: usize = 40;

fn overlap<U: Units>(readers: usize) {
    let lock = Arc::new(RwLock::new(()));
    let inside = Arc::new(AtomicUsize::new(0));
    let units: Vec<_> = (0..readers)
        .map(|_| {
            let (lock, inside) = (lock.clone(), inside.clone());
            U::spawn(move || {
                let _reader = lock.read().unwrap();
                inside.fetch_add(1, Relaxed);
                until(|| inside.load(Relaxed) == readers);
            })
        })
        .collect();
    for unit in units {
        U::join(unit);
    }
    assert!(lock.try_write().is_ok());
}

pub(crate) fn eight_readers_overlap<U: Units>() {
    overlap::<U>(8);
}

pub(crate) fn readers_without_a_place_overlap_as_well<U: Units>() {
    overlap::<U>(CROWD);
}

pub(crate) fn a_writer_excludes_everybody<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let writer = lock.write().unwrap();
    assert_eq!(lock.try_read().map(drop), Err(TryLockError::Taken));
    assert_eq!(lock.try_write().map(drop), Err(TryLockError::Taken));
    let theirs = lock.clone();
    let (other, _) = spawn_known::<U, _>(move || {
        let read = theirs.read_timeout(SHORT).map(drop);
        (read, theirs.write_timeout(SHORT).map(drop))
    });
    assert_eq!(
        U::join(other),
        (Err(LockUntilError::TimedOut), Err(LockUntilError::TimedOut))
    );
    drop(writer);
    assert!(lock.try_write().is_ok());
}

pub(crate) fn new_readers_wait_behind_a_waiting_writer<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let reader = lock.read().unwrap();
    let theirs = lock.clone();
    let (writer, writing) = spawn_known::<U, _>(move || *theirs.write().unwrap() += 1);
    until_waiting(writing, Reason::Lock);
    let theirs = lock.clone();
    let (late, reading) = spawn_known::<U, _>(move || {
        let tried = theirs.try_read().map(drop);
        (tried, *theirs.read().unwrap())
    });
    until_waiting(reading, Reason::Lock);
    // We read already, so we may read again.
    assert_eq!(*lock.read().unwrap(), 0);
    assert_eq!(*lock.try_read().unwrap(), 0);
    drop(reader);
    U::join(writer);
    assert_eq!(U::join(late), (Err(TryLockError::Taken), 1));
}

pub(crate) fn readers_go_on_when_the_writer_they_waited_for_gives_up<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let source = StopSource::new();
    let reader = lock.read().unwrap();
    let (theirs, token) = (lock.clone(), source.token());
    let (writer, writing) = spawn_known::<U, _>(move || theirs.write_or_stop(&token).map(drop));
    until_waiting(writing, Reason::Lock);
    let theirs = lock.clone();
    let (late, reading) = spawn_known::<U, _>(move || *theirs.read().unwrap());
    until_waiting(reading, Reason::Lock);
    source.stop();
    assert_eq!(U::join(writer), Err(LockUntilError::Stopped));
    // While we still read.
    assert_eq!(U::join(late), 0);
    drop(reader);
}

pub(crate) fn a_sole_reader_becomes_the_writer_at_once<U: Units>() {
    let lock = RwLock::new(1);
    let reader = lock.read().unwrap();
    let mut writer = RwLockReadGuard::try_upgrade(reader).unwrap();
    *writer += 1;
    assert_eq!(lock.try_read().map(drop), Err(TryLockError::Taken));
    let reader = RwLockWriteGuard::downgrade(writer);
    assert_eq!(*reader + *lock.read().unwrap(), 4);
}

pub(crate) fn a_reader_becomes_the_writer_before_writers_that_wait<U: Units>() {
    let lock = Arc::new(RwLock::new(Vec::new()));
    let reader = lock.read().unwrap();
    let theirs = lock.clone();
    let (writer, writing) = spawn_known::<U, _>(move || theirs.write().unwrap().push("writer"));
    until_waiting(writing, Reason::Lock);
    let mut upgraded = RwLockReadGuard::upgrade(reader).unwrap();
    upgraded.push("reader");
    drop(upgraded);
    U::join(writer);
    assert_eq!(*lock.read().unwrap(), ["reader", "writer"]);
}

pub(crate) fn of_two_upgraders_the_second_is_told<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let reader = lock.read().unwrap();
    let theirs = lock.clone();
    let (first, upgrading) = spawn_known::<U, _>(move || {
        let reader = theirs.read().unwrap();
        *RwLockReadGuard::upgrade(reader).unwrap() += 1;
    });
    until_waiting(upgrading, Reason::Lock);
    let refused = RwLockReadGuard::upgrade(reader).unwrap_err();
    assert_eq!(refused.why(), UpgradeRefused::Conflict);
    let reader = refused.into_guard();
    assert_eq!(*reader, 0);
    drop(reader);
    U::join(first);
    assert_eq!(*lock.read().unwrap(), 1);
}

pub(crate) fn an_upgrade_that_ends_otherwise_still_reads<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let other = lock.read().unwrap();
    let theirs = lock.clone();
    let (upgrader, unit) = spawn_known::<U, _>(move || {
        let reader = theirs.read().unwrap();
        let refused = RwLockReadGuard::try_upgrade(reader).unwrap_err();
        assert_eq!(refused.why(), UpgradeRefused::TimedOut);
        let refused = RwLockReadGuard::upgrade(refused.into_guard()).unwrap_err();
        let reader = refused.why();
        assert_eq!(*refused.into_guard(), 0);
        reader
    });
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert_eq!(U::join(upgrader), UpgradeRefused::Canceled);
    drop(other);
    assert!(lock.try_write().is_ok());
}

pub(crate) fn one_who_would_wait_for_himself_is_told<U: Units>() {
    let lock = RwLock::new(0);
    let reader = lock.read().unwrap();
    assert_eq!(lock.write().map(drop), Err(LockError::Deadlock));
    let second = lock.read().unwrap();
    let refused = RwLockReadGuard::upgrade(reader).unwrap_err();
    assert_eq!(refused.why(), UpgradeRefused::Deadlock);
    drop((refused, second));
    let writer = lock.write().unwrap();
    assert_eq!(lock.read().map(drop), Err(LockError::Deadlock));
    assert_eq!(
        lock.write_timeout(SHORT).map(drop),
        Err(LockUntilError::Deadlock)
    );
    drop(writer);
}

pub(crate) fn one_of_a_crowd_may_read_again_beside_a_writer<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let first: Vec<_> = (0..CROWD).map(|_| lock.read().unwrap()).collect();
    let theirs = lock.clone();
    let (writer, writing) = spawn_known::<U, _>(move || *theirs.write().unwrap() += 1);
    until_waiting(writing, Reason::Lock);
    let last = lock.read().unwrap();
    drop(first);
    let again = lock.read().unwrap();
    assert_eq!(*last + *again, 0);
    drop((last, again));
    U::join(writer);
    assert_eq!(*lock.read().unwrap(), 1);
}

pub(crate) fn a_writer_s_panic_poisons_and_a_reader_s_does_not<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let theirs = lock.clone();
    let unit = U::spawn(move || {
        let _ = std::panic::catch_unwind(|| {
            let _reader = theirs.read().unwrap();
            std::panic::resume_unwind(Box::new("reading"));
        });
        assert!(!theirs.is_poisoned());
        let _ = std::panic::catch_unwind(|| {
            let _writer = theirs.write().unwrap();
            std::panic::resume_unwind(Box::new("writing"));
        });
    });
    U::join(unit);
    assert_eq!(lock.read().map(drop), Err(LockError::Poisoned));
    assert_eq!(lock.write().map(drop), Err(LockError::Poisoned));
    assert_eq!(lock.try_read().map(drop), Err(TryLockError::Poisoned));
    drop(lock.recover(Deadline::NEVER, None).unwrap());
    assert_eq!(lock.read().map(|value| *value), Ok(0));
}

pub(crate) fn readers_and_writers_mixed_at_random_see_whole_values<U: Units>() {
    let lock = Arc::new(RwLock::new((0_u64, 0_u64)));
    let units: Vec<_> = (0..6_u64)
        .map(|unit| {
            let lock = lock.clone();
            U::spawn(move || {
                let mut dice = 0x9E37_79B9 + unit;
                for _ in 0..2_000 {
                    // A linear congruential generator, Knuth's constants.
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    match dice >> 61 {
                        0 => {
                            let mut pair = lock.write().unwrap();
                            pair.0 += 1;
                            pair.1 += 1;
                        }
                        1 => {
                            let pair = lock.read().unwrap();
                            if let Ok(mut pair) = RwLockReadGuard::upgrade(pair) {
                                pair.0 += 1;
                                pair.1 += 1;
                            }
                        }
                        2 => {
                            let _ =
                                lock.write_until(Deadline::after(Duration::from_micros(dice % 50)));
                        }
                        _ => {
                            let pair = lock.read().unwrap();
                            assert_eq!(pair.0, pair.1);
                        }
                    }
                }
            })
        })
        .collect();
    for unit in units {
        U::join(unit);
    }
    assert!(lock.try_write().is_ok());
}
