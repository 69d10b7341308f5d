//! What a mutex promises beyond exclusion: errors, poison, and that nothing is lost when a wait
//! ends otherwise.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use vitte_sync::{
    LockError, LockUntilError, Monitor, Mutex, MutexGuard, ReentrantMutex, SpinLock, TryLockError,
};
use vitte_tests::units::{Units, moment, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);

pub(crate) fn one_who_asks_for_what_he_holds_is_told<U: Units>() {
    let lock = Arc::new(Mutex::new(0));
    let theirs = lock.clone();
    let (unit, _) = spawn_known::<U, _>(move || {
        let _held = theirs.lock().unwrap();
        let again = theirs.lock().map(drop);
        let timed = theirs.lock_timeout(SHORT).map(drop);
        let tried = theirs.try_lock().map(drop);
        (again, timed, tried)
    });
    let expected = (
        Err(LockError::Deadlock),
        Err(LockUntilError::Deadlock),
        Err(TryLockError::Taken),
    );
    assert_eq!(U::join(unit), expected);
    let spin = SpinLock::new(());
    let _held = spin.lock().unwrap();
    assert_eq!(spin.lock().map(drop), Err(LockError::Deadlock));
}

pub(crate) fn a_released_lock_is_not_taken_for_one_s_own<U: Units>() {
    let lock = Arc::new(Mutex::new(0));
    drop(lock.lock().unwrap());
    let theirs = lock.clone();
    let stop = StopSource::new();
    let (held, token) = (Arc::new(Mutex::new(false)), stop.token());
    let told = held.clone();
    let (holder, _) = spawn_known::<U, _>(move || {
        let _held = theirs.lock().unwrap();
        *told.lock().unwrap() = true;
        until(|| token.is_stopped());
    });
    until(|| *held.lock().unwrap());
    // We have held it before, and somebody else does now.
    assert_eq!(
        lock.lock_timeout(SHORT).map(drop),
        Err(LockUntilError::TimedOut)
    );
    stop.stop();
    assert!(lock.lock().is_ok());
    U::join(holder);
}

pub(crate) fn a_wait_that_times_out_leaves_nothing_behind<U: Units>() {
    let lock = Arc::new(Mutex::new(0));
    let held = lock.lock().unwrap();
    let begin = Instant::now();
    let theirs = lock.clone();
    let (waiter, _) = spawn_known::<U, _>(move || {
        let first = theirs.lock_timeout(SHORT).map(drop);
        let second = theirs.lock_until(Deadline::NOW).map(drop);
        (first, second)
    });
    // In a fiber, joining before it has begun would run it on top of us.
    assert_eq!(
        U::join(waiter),
        (Err(LockUntilError::TimedOut), Err(LockUntilError::TimedOut))
    );
    assert!(begin.elapsed() >= SHORT);
    assert!(
        format!("{lock:?}").contains("waited_for: false"),
        "{lock:?}"
    );
    drop(held);
    assert!(lock.try_lock().is_ok());
}

pub(crate) fn a_stop_ends_a_wait<U: Units>() {
    let lock = Arc::new(Mutex::new(0));
    let source = StopSource::new();
    let held = lock.lock().unwrap();
    let (theirs, token) = (lock.clone(), source.token());
    let (waiter, unit) = spawn_known::<U, _>(move || theirs.lock_or_stop(&token).map(drop));
    until_waiting(unit, Reason::Lock);
    source.stop();
    assert_eq!(U::join(waiter), Err(LockUntilError::Stopped));
    drop(held);
}

pub(crate) fn a_cancellation_ends_a_wait_and_no_guard_is_lost<U: Units>() {
    let lock = Arc::new(Mutex::new(0));
    let held = lock.lock().unwrap();
    let theirs = lock.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let waited = theirs.lock().map(drop);
        // One that need not wait does not look at the cancellation.
        (waited, Mutex::new(1).lock().is_ok())
    });
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert_eq!(U::join(waiter), (Err(LockError::Canceled), true));
    drop(held);
    assert!(lock.try_lock().is_ok());
}

pub(crate) fn cancellations_that_race_with_releases_lose_no_lock<U: Units>() {
    let lock = Arc::new(Mutex::new(0_u32));
    for _ in 0..200 {
        let held = lock.lock().unwrap();
        let canceled = Arc::new(AtomicBool::new(false));
        let (theirs, told) = (lock.clone(), canceled.clone());
        let (waiter, unit) = spawn_known::<U, _>(move || {
            let added = match theirs.lock() {
                Ok(mut count) => {
                    *count += 1;
                    1
                }
                Err(error) => {
                    assert_eq!(error, LockError::Canceled);
                    0
                }
            };
            // When it ends, its unit is somebody else's.
            until(|| told.load(Relaxed));
            added
        });
        let before = *held;
        let canceler = U::spawn(move || {
            unit.cancel();
            canceled.store(true, Relaxed);
        });
        MutexGuard::unlock_fair(held);
        U::join(canceler);
        let added = U::join(waiter);
        assert_eq!(*lock.lock().unwrap(), before + added);
    }
}

pub(crate) fn a_fair_release_hands_the_lock_to_the_oldest_waiter<U: Units>() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut held = order.lock().unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let order = order.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut order = order.lock().unwrap();
                order.push(n);
                MutexGuard::unlock_fair(order);
            });
            until_waiting(unit, Reason::Lock);
            waiter
        })
        .collect();
    held.push(99);
    MutexGuard::unlock_fair(held);
    for waiter in waiters {
        U::join(waiter);
    }
    assert_eq!(*order.lock().unwrap(), [99, 0, 1, 2]);
}

pub(crate) fn one_who_waits_gets_the_lock_from_one_who_keeps_asking<U: Units>() {
    let lock = Arc::new(Mutex::new(false));
    let theirs = lock.clone();
    let (waiter, _) = spawn_known::<U, _>(move || *theirs.lock().unwrap() = true);
    // Never waits for anything but the lock.
    while !*lock.lock().unwrap() {}
    U::join(waiter);
}

pub(crate) fn a_panic_poisons_until_somebody_recovers<U: Units>() {
    let pair = Arc::new(Mutex::new((0, 0)));
    let theirs = pair.clone();
    let torn = U::spawn(move || {
        std::panic::catch_unwind(|| {
            let mut pair = theirs.lock().unwrap();
            pair.0 = 1;
            std::panic::resume_unwind(Box::new("half way"));
        })
        .is_err()
    });
    assert!(U::join(torn));
    assert!(pair.is_poisoned());
    assert_eq!(pair.lock().map(drop), Err(LockError::Poisoned));
    assert_eq!(pair.try_lock().map(drop), Err(TryLockError::Poisoned));
    assert_eq!(
        pair.lock_timeout(SHORT).map(drop),
        Err(LockUntilError::Poisoned)
    );
    assert!(format!("{pair:?}").contains("<poisoned>"), "{pair:?}");
    let mut found = pair.recover(Deadline::NEVER, None).unwrap();
    assert_eq!(*found, (1, 0));
    found.1 = 1;
    drop(found);
    assert_eq!(*pair.lock().unwrap(), (1, 1));
}

/// One policy for every lock around a value. (Of readers and writers: in `rwlock.rs`.)
pub(crate) fn a_panic_poisons_whatever_lock_is_around_a_value<U: Units>() {
    macro_rules! torn {
        ($lock:expr, $tear:expr) => {{
            let lock = Arc::new($lock);
            let theirs = lock.clone();
            let torn = U::spawn(move || {
                let half = || {
                    let held = theirs.lock().unwrap();
                    $tear(&*held);
                    std::panic::resume_unwind(Box::new("half way"));
                };
                std::panic::catch_unwind(half).is_err()
            });
            assert!(U::join(torn));
            assert_eq!(lock.lock().map(drop), Err(LockError::Poisoned));
            assert_eq!(lock.try_lock().map(drop), Err(TryLockError::Poisoned));
            assert_eq!(
                lock.lock_timeout(SHORT).map(drop),
                Err(LockUntilError::Poisoned)
            );
            assert!(format!("{lock:?}").contains("<poisoned>"), "{lock:?}");
            // Who recovers it sees what the panic left.
            let found = lock.recover(Deadline::NEVER, None).unwrap();
            assert_eq!(found.get(), 1);
            drop(found);
            assert_eq!(lock.lock().map(|held| held.get()), Ok(1));
            Arc::into_inner(lock).unwrap()
        }};
    }
    let tear = |count: &Cell<u32>| count.set(1);
    torn!(Monitor::new(Cell::new(0)), tear);
    let mut spin = torn!(SpinLock::new(Cell::new(0)), tear);
    assert!(!spin.is_poisoned() && !spin.is_locked() && spin.get_mut().is_ok());
    assert!(spin.into_inner().is_ok());
    let again = torn!(ReentrantMutex::new(Cell::new(0)), tear);
    assert!(!again.is_poisoned());
    // An inner guard's panic is seen by who asks for a further one, also if he holds the outer.
    let outer = again.lock().unwrap();
    let half = || {
        let _inner = again.lock().unwrap();
        std::panic::resume_unwind(Box::new("half way"));
    };
    assert!(std::panic::catch_unwind(half).is_err());
    assert_eq!(again.lock().map(drop), Err(LockError::Poisoned));
    assert_eq!(outer.get(), 1);
    drop(outer);
    assert!(again.is_poisoned() && !again.is_locked());
    let found = again.into_inner().unwrap_err();
    assert_eq!(found.into_inner().get(), 1);
    // One that waits hears of it, too.
    let spin = Arc::new(SpinLock::new(0));
    let held = spin.lock().unwrap();
    let theirs = spin.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || theirs.lock().map(drop));
    until_waiting(unit, Reason::Lock);
    let tear = || {
        let _held = held;
        std::panic::resume_unwind(Box::new("half way"));
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(tear)).is_err());
    assert_eq!(U::join(waiter), Err(LockError::Poisoned));
}

pub(crate) fn a_destructor_that_locks_while_unwinding_does_not_poison<U: Units>() {
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let count = Arc::new(Mutex::new(0));
    let theirs = count.clone();
    let unit = U::spawn(move || {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _locks = Locks(theirs);
            std::panic::resume_unwind(Box::new("away"));
        }));
    });
    U::join(unit);
    assert_eq!(*count.lock().unwrap(), 1);
}

pub(crate) fn debug_shows_the_state_and_never_blocks<U: Units>() {
    let lock = Mutex::new(7);
    assert!(format!("{lock:?}").contains("value: 7"), "{lock:?}");
    let held = lock.lock().unwrap();
    assert!(format!("{lock:?}").contains("<locked>"), "{lock:?}");
    drop(held);
    let lock = ReentrantMutex::new(7);
    let _held = lock.lock().unwrap();
    assert!(format!("{lock:?}").contains("value: 7"), "{lock:?}");
}

pub(crate) fn a_spin_lock_whose_holder_suspends_is_had_in_the_end<U: Units>() {
    let lock = Arc::new(SpinLock::new(0));
    let theirs = lock.clone();
    let (holder, _) = spawn_known::<U, _>(move || {
        let mut held = theirs.lock().unwrap();
        moment();
        *held += 1;
    });
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let lock = lock.clone();
            U::spawn(move || *lock.lock().unwrap() += 1)
        })
        .collect();
    for waiter in waiters {
        U::join(waiter);
    }
    U::join(holder);
    assert_eq!(*lock.lock().unwrap(), 5);
}

pub(crate) fn a_cancellation_and_a_deadline_end_the_wait_for_a_spin_lock<U: Units>() {
    let lock = Arc::new(SpinLock::new(0));
    let held = lock.lock().unwrap();
    let theirs = lock.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let timed = theirs.lock_timeout(SHORT).map(drop);
        (timed, theirs.lock().map(drop))
    });
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    // It was canceled in the one wait or in the other.
    let (timed, waited) = U::join(waiter);
    assert!(matches!(
        timed,
        Err(LockUntilError::TimedOut | LockUntilError::Canceled)
    ));
    assert_eq!(waited, Err(LockError::Canceled));
    drop(held);
}
