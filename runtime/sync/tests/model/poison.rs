//! What a panic leaves of locks that keep their poison in one word with their holder.

use crate::check::check;
use std::cell::Cell;
use vitte_sync::{LockError, Mutex, ReentrantMutex, SpinLock, TryLockError};
use vitte_wait::{
    Deadline,
    facade::{Arc, thread, unwinding},
};

/// One tears the value while another takes the lock: he is given what is torn only by recovering it.
macro_rules! torn_by_one {
    ($name:literal, $lock:ident) => {
        check($name, 3, || {
            let lock = Arc::new($lock::new(Cell::new(0)));
            let theirs = lock.clone();
            let tears = thread::spawn(move || {
                let held = theirs.lock().unwrap();
                held.set(1);
                unwinding(|| drop(held));
            });
            let first = lock.lock().map(|held| held.get());
            tears.join().unwrap();
            assert!(
                matches!(first, Ok(0) | Err(LockError::Poisoned)),
                "{first:?}"
            );
            assert_eq!(lock.lock().map(drop), Err(LockError::Poisoned));
            assert_eq!(lock.try_lock().map(drop), Err(TryLockError::Poisoned));
        });
    };
}

#[test]
fn nobody_is_given_what_a_panic_left_without_recovering_it() {
    torn_by_one!("poison, spin lock", SpinLock);
    torn_by_one!("poison, re-entrant mutex", ReentrantMutex);
    torn_by_one!("poison, mutex", Mutex);
}

/// Two recover what is torn, one after the other: the first one mends it, and from then on the lock is sound for all.
macro_rules! recovered_by_two {
    ($name:literal, $lock:ident) => {
        check($name, 3, || {
            let lock = Arc::new($lock::new(Cell::new(0)));
            let held = lock.lock().unwrap();
            held.set(1);
            unwinding(|| drop(held));
            let mend = |lock: &$lock<Cell<u32>>| {
                let held = lock.recover(Deadline::NEVER, None).unwrap();
                held.replace(0)
            };
            let theirs = lock.clone();
            let other = thread::spawn(move || mend(&theirs));
            assert_eq!(mend(&lock) + other.join().unwrap(), 1);
            assert_eq!(lock.lock().map(|held| held.get()), Ok(0));
        });
    };
}

#[test]
fn who_recovers_it_first_mends_it_for_all() {
    recovered_by_two!("poison, spin lock, recovered", SpinLock);
    recovered_by_two!("poison, re-entrant mutex, recovered", ReentrantMutex);
    recovered_by_two!("poison, mutex, recovered", Mutex);
}

/// A destructor takes and releases the lock while its thread unwinds: that tears nothing.
macro_rules! taken_while_unwinding {
    ($name:literal, $lock:ident) => {
        check($name, 3, || {
            let lock = Arc::new($lock::new(Cell::new(0)));
            let theirs = lock.clone();
            let other = thread::spawn(move || {
                unwinding(|| {
                    let held = theirs.lock().unwrap();
                    held.set(held.get() + 1);
                });
            });
            let held = lock.lock().unwrap();
            held.set(held.get() + 1);
            drop(held);
            other.join().unwrap();
            assert_eq!(lock.lock().map(|held| held.get()), Ok(2));
        });
    };
}

#[test]
fn a_destructor_that_locks_while_its_thread_unwinds_does_not_poison() {
    taken_while_unwinding!("poison, spin lock, destructor", SpinLock);
    taken_while_unwinding!("poison, re-entrant mutex, destructor", ReentrantMutex);
    taken_while_unwinding!("poison, mutex, destructor", Mutex);
}
