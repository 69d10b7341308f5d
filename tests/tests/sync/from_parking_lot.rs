//! What the tests of `parking_lot` ask of its locks of readers and writers and of its conditions (tests in `rwlock.rs`,
//! `condvar.rs` and `tests/`, MIT OR Apache-2.0), and those of Rust's `std` of downgrading
//! (library/std/tests/sync/rwlock.rs, MIT OR Apache-2.0): the ideas, written afresh for these locks.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_channels::Channel;
use vitte_sync::{
    Condvar, LockUntilError, Mutex, NamedLocks, RawRwLock, RwLock, RwLockReadGuard,
    RwLockWriteGuard, SpinLock,
};
use vitte_tests::units::{Units, moment, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(2);

type Front<T> = lock_api::RwLock<RawRwLock, T>;

/// `test_rwlock_try_read`, `test_rwlock_try_write`, `test_rwlock_recursive`, `test_rwlock_downgrade` and
/// `test_rw_write_is_locked`, behind the front for which `parking_lot` wrote them.
pub(crate) fn readers_and_writers_behind_lock_api_keep_the_rules<U: Units>() {
    let lock = Arc::new(Front::new(1));
    assert!(!lock.is_locked());
    let reader = lock.read();
    assert!(lock.is_locked() && !lock.is_locked_exclusive());
    assert!(lock.try_read().is_some() && lock.try_write().is_none());
    let theirs = lock.clone();
    let (writer, writing) = spawn_known::<U, _>(move || *theirs.write() += 1);
    until_waiting(writing, Reason::Lock);
    // Beside a writer that waits: we may, others may not.
    let again = (lock.read_recursive(), lock.read(), lock.try_read());
    assert_eq!(*again.0 + *again.1, 2);
    let theirs = lock.clone();
    let (other, _) = spawn_known::<U, _>(move || {
        let tried = theirs.try_read().is_some();
        (
            tried,
            theirs.try_read_for(SHORT).is_some(),
            theirs.try_write_for(SHORT).is_some(),
        )
    });
    // Known to have begun, so it stands on a stack of its own.
    let others = U::join(other);
    assert_eq!(others, (false, false, false));
    drop((reader, again));
    U::join(writer);
    let mut writer = lock.write();
    assert!(lock.is_locked_exclusive() && lock.try_read().is_none());
    *writer += 1;
    let reader = lock_api::RwLockWriteGuard::downgrade(writer);
    let theirs = lock.clone();
    assert_eq!(U::join(U::spawn(move || *theirs.read())), 3);
    lock_api::RwLockReadGuard::unlock_fair(reader);
    lock_api::RwLockWriteGuard::unlock_fair(lock.write());
    assert!(!lock.is_locked());
}

/// A reader leaves without what it was given when it entered, and takes no other's place with it.
pub(crate) fn a_crowd_behind_lock_api_leaves_in_any_order<U: Units>() {
    const READERS: usize = 24;
    let lock = Arc::new(Front::new(()));
    let inside = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|n| {
            let (lock, inside) = (lock.clone(), inside.clone());
            U::spawn(move || {
                let guards: Vec<_> = (0..=n % 3).map(|_| lock.read_recursive()).collect();
                inside.fetch_add(1, Relaxed);
                until(|| inside.load(Relaxed) == READERS);
                drop(guards);
                // Whoever has left does not read, and waits for no mark of its own.
                drop(lock.write());
            })
        })
        .collect();
    readers.into_iter().for_each(U::join);
    assert!(!lock.is_locked());
}

/// `test_into_inner`, `test_into_inner_drop`, `test_get_mut`, `test_rwlock_unsized` and `test_clone`.
pub(crate) fn the_value_of_readers_and_writers_comes_out<U: Units>() {
    let lock = RwLock::new(Arc::new(()));
    let inner = lock.read().unwrap().clone();
    assert_eq!(Arc::strong_count(&inner), 2);
    let value = lock.into_inner().unwrap();
    assert_eq!(Arc::strong_count(&inner), 2);
    drop(value);
    drop(RwLock::new(inner.clone()));
    assert_eq!(Arc::strong_count(&inner), 1);

    let mut number = RwLock::new(1);
    *number.get_mut().unwrap() = 2;
    assert_eq!(number.into_inner().unwrap(), 2);
    let unsized_lock: &RwLock<[i32]> = &RwLock::new([1, 2, 3]);
    unsized_lock.write().unwrap()[0] = 4;
    assert_eq!(*unsized_lock.read().unwrap(), [4, 2, 3]);
}

/// std's `downgrade_observe` and `downgrade_atomic`: who becomes a reader reads what he wrote, whoever else writes.
pub(crate) fn no_writer_comes_between_a_writer_and_his_reading<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let lock = lock.clone();
            U::spawn(move || {
                for _ in 0..100 {
                    let mut writer = lock.write().unwrap();
                    *writer += 1;
                    let wrote = *writer;
                    let reader = RwLockWriteGuard::downgrade(writer);
                    assert_eq!(*reader, wrote);
                    vitte_threads::yield_now();
                    assert_eq!(*reader, wrote);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(U::join);
    assert_eq!(*lock.read().unwrap(), 600);
}

/// After `test_rwlock_try_upgrade`: each way in which an upgrade is limited, beside another reader.
pub(crate) fn an_upgrade_is_given_up_in_time_or_when_stopped<U: Units>() {
    let lock = Arc::new(RwLock::new(0));
    let source = StopSource::new();
    let theirs = lock.clone();
    let (go, gone) = Channel::bounded::<()>(0);
    let (ready, is_ready) = Channel::bounded(0);
    let other = U::spawn(move || {
        let _reader = theirs.read().unwrap();
        ready.send(()).unwrap();
        let _ = gone.recv();
    });
    is_ready.recv().unwrap();
    let reader = lock.read().unwrap();
    let reader = RwLockReadGuard::upgrade_timeout(reader, SHORT)
        .unwrap_err()
        .into_guard();
    let reader = RwLockReadGuard::upgrade_until(reader, Deadline::NOW)
        .unwrap_err()
        .into_guard();
    source.stop();
    let reader = RwLockReadGuard::upgrade_or_stop(reader, &source.token()).unwrap_err();
    let reader = reader.into_guard();
    drop(go);
    U::join(other);
    *RwLockReadGuard::upgrade(reader).unwrap() += 1;
    assert_eq!(*lock.read().unwrap(), 1);
}

/// `notify_one_return_true`, `notify_one_return_false`, `notify_all_return` and `test_condvar_requeue`.
pub(crate) fn a_notification_says_how_many_it_woke<U: Units>() {
    let pair = Arc::new((Mutex::new(()), Condvar::new()));
    assert_eq!((pair.1.notify_one(), pair.1.notify_all()), (false, 0));
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let pair = pair.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut held = pair.0.lock().unwrap();
                pair.1.wait(&mut held)
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    let held = pair.0.lock().unwrap();
    // Under the lock: who is woken gets no further than to wait for it.
    assert!(pair.1.notify_one());
    assert_eq!((pair.1.notify_all(), pair.1.notify_all()), (4, 0));
    drop(held);
    assert!(waiters.into_iter().all(|waiter| U::join(waiter) == Ok(())));
}

/// `wait_while_until_internal` and its two relatives: the condition is asked first, and after each notification.
pub(crate) fn a_condition_is_asked_once_before_and_once_a_notification<U: Units>() {
    let pair = Arc::new((Mutex::new(0_u32), Condvar::new()));
    let mut held = pair.0.lock().unwrap();
    let no_wait = pair.1.wait_while_until(
        &mut held,
        |asked| {
            *asked += 1;
            false
        },
        Deadline::NOW,
    );
    assert_eq!((no_wait, *held), (Ok(()), 1));
    *held = 0;
    let theirs = pair.clone();
    let notifier = U::spawn(move || {
        for epoch in 1..=4 {
            until(|| *theirs.0.lock().unwrap() == epoch);
            assert!(theirs.1.notify_one());
        }
    });
    let enough = pair.1.wait_while(&mut held, |asked| {
        *asked += 1;
        *asked <= 4
    });
    assert_eq!((enough, *held), (Ok(()), 5));
    let late = pair.1.wait_while_timeout(&mut held, |_| true, SHORT);
    assert_eq!(late, Err(LockUntilError::TimedOut));
    let source = StopSource::new();
    source.stop();
    let stopped = pair
        .1
        .wait_while_or_stop(&mut held, |_| true, &source.token());
    assert_eq!(stopped, Err(LockUntilError::Stopped));
    drop(held);
    U::join(notifier);
}

/// `two_mutexes_disjoint`: a condition may serve one lock after the other.
pub(crate) fn a_condition_serves_one_lock_after_the_other<U: Units>() {
    let shared = Arc::new((Mutex::new(false), Mutex::new(()), Condvar::new()));
    let theirs = shared.clone();
    let mut held = shared.0.lock().unwrap();
    let other = U::spawn(move || {
        *theirs.0.lock().unwrap() = true;
        theirs.2.notify_one();
    });
    shared.2.wait_while(&mut held, |set| !*set).unwrap();
    drop(held);
    U::join(other);
    let late = shared.2.wait_timeout(&mut shared.1.lock().unwrap(), SHORT);
    assert_eq!(late, Err(LockUntilError::TimedOut));
}

/// `test_issue_129`: waiters that wake one another, after a second wait that may time out as a notification comes.
pub(crate) fn waiters_that_wake_one_another_all_wake<U: Units>() {
    let pair = Arc::new((Mutex::new(0), Condvar::new()));
    let (tell, told) = Channel::new();
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let (pair, tell) = (pair.clone(), tell.clone());
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut held = pair.0.lock().unwrap();
                *held += 1;
                pair.1.wait(&mut held).unwrap();
                // Whether it is woken or not: who takes a notification passes it on.
                let _ = pair.1.wait_timeout(&mut held, Duration::from_micros(200));
                pair.1.notify_one();
                tell.send(()).unwrap();
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    assert_eq!(*pair.0.lock().unwrap(), 4);
    pair.1.notify_one();
    drop(tell);
    // A notification that ends a second wait is one the less; then somebody has to help.
    until(|| {
        let all = told.len() == 4;
        if !all {
            pair.1.notify_one();
        }
        all
    });
    waiters.into_iter().for_each(U::join);
}

/// `tests/issue_203.rs`: a lock is taken, for the last time or the first, by a thread that is ending.
pub(crate) fn a_thread_that_ends_takes_locks_to_the_last<U: Units>() {
    struct Last(Arc<(RwLock<u32>, Mutex<u32>)>);
    impl Drop for Last {
        fn drop(&mut self) {
            let (read, _again) = (self.0.0.read().unwrap(), self.0.0.read().unwrap());
            let _waited = self.0.1.lock_timeout(SHORT).map(|mut n| *n += 1);
            drop((read, _again));
            *self.0.0.write().unwrap() += 1;
        }
    }
    thread_local! {
        static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let locks = Arc::new((RwLock::new(0), Mutex::new(0)));
    let held = locks.1.lock().unwrap();
    let theirs = locks.clone();
    let thread = std::thread::spawn(move || {
        BEFORE.with(|last| *last.borrow_mut() = Some(Last(theirs.clone())));
        // What the library keeps for the thread is made between the two.
        moment();
        AFTER.with(|last| *last.borrow_mut() = Some(Last(theirs)));
    });
    until(|| *locks.0.read().unwrap() == 2);
    drop(held);
    thread.join().unwrap();
    assert_eq!(*locks.1.lock().unwrap(), 0);
}

/// Case M23: fifty units, a hundred increments each, under a lock that only spins.
pub(crate) fn fifty_units_share_a_spin_lock<U: Units>() {
    let count = Arc::new(SpinLock::new(0));
    let units: Vec<_> = (0..50)
        .map(|_| {
            let count = count.clone();
            U::spawn(move || (0..100).for_each(|_| *count.lock().unwrap() += 1))
        })
        .collect();
    units.into_iter().for_each(U::join);
    assert_eq!(*count.lock().unwrap(), 5_000);
}

/// Case L13, its try and timeout forms: each of them, for a name that is taken.
pub(crate) fn a_wait_for_a_name_can_end_early<U: Units>() {
    let locks = NamedLocks::new();
    let held = locks.lock("taken").unwrap();
    let others = locks.clone();
    let source = StopSource::new();
    let token = source.token();
    let (other, unit) = spawn_known::<U, _>(move || {
        let tried = others.try_lock("taken").is_err();
        let late = others.lock_timeout("taken", SHORT).map(drop);
        let past = others.lock_until("taken", Deadline::NOW).map(drop);
        (
            tried,
            late,
            past,
            others.lock_or_stop("taken", &token).map(drop),
        )
    });
    until(|| unit.waits_for().0 == Reason::Lock);
    source.stop();
    let expected = (Err(LockUntilError::TimedOut), Err(LockUntilError::TimedOut));
    let (tried, late, past, stopped) = U::join(other);
    assert!(tried);
    assert_eq!((late, past), expected);
    assert_eq!(stopped, Err(LockUntilError::Stopped));
    drop(held);
    assert!(locks.is_empty());
}
