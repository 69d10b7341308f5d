//! Locks of readers and writers that lean to their readers, because nobody wrote for long: writers find those readers all the same.

use std::{
    mem,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{LockError, RwLock, RwLockReadGuard, TryLockError, UpgradeRefused};
use vitte_tests::units::{Units, moment, pause, spawn_known, until, until_waiting};
use vitte_wait::{Reason, fence};

/// More than a thread has entries for readers.
const MANY: usize = 12;

fn leans<T: std::fmt::Debug>(lock: &RwLock<T>) -> bool {
    format!("{lock:?}").contains("leans: true")
}

/// Reads `lock` until it leans, if it ever does here.
fn lean<T: std::fmt::Debug>(lock: &RwLock<T>) {
    for _ in 0..200 {
        for _ in 0..4_096 {
            drop(lock.read().unwrap());
        }
        if leans(lock) {
            break;
        }
    }
    assert_eq!(leans(lock), fence::is_asymmetric());
    // The thread has a roster now, if it had none.
    for _ in 0..256 {
        drop(lock.read().unwrap());
    }
}

pub(crate) fn a_lock_that_leans_knows_its_readers<U: Units>() {
    let lock = RwLock::new(0);
    lean(&lock);
    let readers: Vec<_> = (0..MANY).map(|_| lock.read().unwrap()).collect();
    assert!(format!("{lock:?}").contains(&format!("readers: {MANY}")));
    assert_eq!(lock.try_write().map(drop), Err(TryLockError::Taken));
    assert!(!leans(&lock), "a writer has come");
    assert_eq!(lock.write().map(drop), Err(LockError::Deadlock));
    drop(readers);
    *lock.try_write().unwrap() += 1;
    assert_eq!(*lock.read().unwrap(), 1);
}

pub(crate) fn a_writer_waits_for_readers_that_entered_while_the_lock_leant<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    lean(&lock);
    let first = lock.read().unwrap();
    let theirs = lock.clone();
    let (writer, writing) = spawn_known::<U, _>(move || *theirs.write().unwrap() += 1);
    until_waiting(writing, Reason::Lock);
    // Who reads already may read again; nobody else may.
    let again = lock.read().unwrap();
    drop(first);
    moment();
    assert_eq!(*again, 0);
    drop(again);
    U::join(writer);
    assert_eq!(*lock.read().unwrap(), 1);
}

pub(crate) fn a_reader_of_a_lock_that_leans_becomes_the_writer<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    lean(&lock);
    *RwLockReadGuard::upgrade(lock.read().unwrap()).unwrap() += 1;
    lean(&lock);
    let steps = Arc::new([const { AtomicBool::new(false) }; 2]);
    let (theirs, steps_of_other) = (lock.clone(), steps.clone());
    let other = U::spawn(move || {
        let [entered, goes] = &*steps_of_other;
        let reader = theirs.read().unwrap();
        entered.store(true, Relaxed);
        until(|| goes.load(Relaxed));
        *reader
    });
    let [entered, goes] = &*steps;
    until(|| entered.load(Relaxed));
    let refused = RwLockReadGuard::upgrade_timeout(lock.read().unwrap(), Duration::from_millis(2));
    let refused = refused.unwrap_err();
    assert_eq!(refused.why(), UpgradeRefused::TimedOut);
    goes.store(true, Relaxed);
    *RwLockReadGuard::upgrade(refused.into_guard()).unwrap() += 1;
    assert_eq!(U::join(other), 1);
    assert_eq!(*lock.try_write().unwrap(), 2);
}

pub(crate) fn a_leaked_reader_of_one_lock_is_none_of_the_next<U: Units>() {
    let mut place = RwLock::new(0);
    lean(&place);
    mem::forget(place.read().unwrap());
    assert_eq!(place.try_write().map(drop), Err(TryLockError::Taken));
    place = RwLock::new(0);
    lean(&place);
    mem::forget(place.read().unwrap());
    // It leans still when it is gone.
    place = RwLock::new(0);
    lean(&place);
    *place.try_write().unwrap() += 1;
}

/// Each lock leans after a while, and then is written.
pub(crate) fn readers_and_rare_writers_see_whole_values<U: Units>() {
    const UNITS: usize = 3;
    let dice = vitte_tests::seed();
    for lock in 0..8 {
        let pair = Arc::new(RwLock::new((0_u64, 0_u64)));
        let units: Vec<_> = (0..UNITS as u64)
            .map(|unit| {
                let pair = pair.clone();
                let mut dice = dice ^ (lock << 8 | unit);
                U::spawn(move || {
                    let mut written = 0;
                    for _ in 0..8_000 {
                        // A linear congruential generator, Knuth's constants.
                        dice = dice
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        match dice >> 52 {
                            0 => {
                                let mut pair = pair.write().unwrap();
                                pair.0 += 1;
                                pair.1 += 1;
                                written += 1;
                            }
                            1 => {
                                let reader = pair.read().unwrap();
                                if let Ok(mut pair) = RwLockReadGuard::upgrade(reader) {
                                    pair.0 += 1;
                                    pair.1 += 1;
                                    written += 1;
                                }
                            }
                            2..8 => {
                                let reader = pair.read().unwrap();
                                pause(Duration::from_micros(20));
                                let again = pair.read().unwrap();
                                assert_eq!(reader.0, again.1);
                            }
                            _ => {
                                let pair = pair.read().unwrap();
                                assert_eq!(pair.0, pair.1);
                            }
                        }
                    }
                    written
                })
            })
            .collect();
        let written = units.into_iter().map(U::join).sum();
        let pair = pair.try_write().unwrap();
        assert_eq!(*pair, (written, written));
    }
}

/// One writer comes again and again to threads that do nothing but read.
pub(crate) fn a_writer_gets_in_among_readers_that_never_stop<U: Units>() {
    let lock = Arc::new((
        RwLock::new((0_u64, 0_u64)),
        AtomicBool::new(false),
        Barrier::new(3),
    ));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let lock = lock.clone();
            std::thread::spawn(move || {
                let (pair, done, begin) = &*lock;
                begin.wait();
                while !done.load(Relaxed) {
                    let pair = pair.read().unwrap();
                    assert_eq!(pair.0, pair.1);
                }
            })
        })
        .collect();
    let theirs = lock.clone();
    let writer = U::spawn(move || {
        let (pair, done, begin) = &*theirs;
        begin.wait();
        for _ in 0..4 {
            lean(pair);
            let mut pair = pair.write().unwrap();
            pair.0 += 1;
            pair.1 += 1;
        }
        done.store(true, Relaxed);
    });
    U::join(writer);
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(*lock.0.try_write().unwrap(), (4, 4));
}
