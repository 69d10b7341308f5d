//! Guards of a part: they keep the whole locked, let go of it once, and poison it.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use vitte_sync::{
    LockError, MappedMutexGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard, Mutex, MutexGuard,
    ReentrantMutex, ReentrantMutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason};

pub(crate) fn a_guard_of_a_part_keeps_the_whole<U: Units>() {
    let lock = Arc::new(RwLock::new((vec![1], "text")));
    let part = RwLockWriteGuard::map(lock.write().unwrap(), |both| &mut both.0);
    let mut part = MappedRwLockWriteGuard::map(part, |list| &mut list[0]);
    assert_eq!(lock.try_read().unwrap_err(), TryLockError::Taken);
    let theirs = lock.clone();
    let (reader, unit) = spawn_known::<U, _>(move || theirs.read().unwrap().0[0]);
    until_waiting(unit, Reason::Lock);
    *part = 2;
    drop(part);
    assert_eq!(U::join(reader), 2);

    let part = RwLockReadGuard::map(lock.read().unwrap(), |both| &both.0);
    let part = MappedRwLockReadGuard::map(part, |list| &list[0]);
    let theirs = lock.clone();
    let (writer, unit) = spawn_known::<U, _>(move || theirs.write().unwrap().0[0] = 3);
    until_waiting(unit, Reason::Lock);
    // Still a reader: it may read again beside a writer that waits, and not write.
    assert_eq!((lock.read().unwrap().0[0], *part), (2, 2));
    assert_eq!(lock.write().unwrap_err(), LockError::Deadlock);
    drop(part);
    U::join(writer);
    assert_eq!(lock.read().unwrap().0, [3]);

    let mutex = Mutex::new([1, 2]);
    let part = MutexGuard::map(mutex.lock().unwrap(), |pair| &mut pair[..]);
    let mut part = MappedMutexGuard::map(part, |pair| &mut pair[1]);
    assert_eq!(mutex.lock().unwrap_err(), LockError::Deadlock);
    *part += 1;
    drop(part);
    assert_eq!(*mutex.lock().unwrap(), [1, 3]);
}

pub(crate) fn a_part_that_is_not_there_gives_the_guard_back<U: Units>() {
    let lock = RwLock::new(vec![1]);
    let guard = RwLockReadGuard::filter_map(lock.read().unwrap(), |list| list.get(1)).unwrap_err();
    let part = RwLockReadGuard::filter_map(guard, |list| list.first()).unwrap();
    let part = MappedRwLockReadGuard::filter_map(part, |_| None::<&u8>).unwrap_err();
    assert_eq!((*part, lock.try_write().is_err()), (1, true));
    drop(part);
    let guard = RwLockWriteGuard::filter_map(lock.write().unwrap(), |_| None::<&mut u8>);
    drop(guard.unwrap_err());
    let mutex = Mutex::new(Some(1));
    let mut part = MutexGuard::filter_map(mutex.lock().unwrap(), Option::as_mut).unwrap();
    *part = 2;
    drop(part);
    *mutex.lock().unwrap() = None;
    let guard = MutexGuard::filter_map(mutex.lock().unwrap(), Option::as_mut).unwrap_err();
    drop(guard);
    assert!(lock.try_write().is_ok() && mutex.try_lock().is_ok());
}

pub(crate) fn a_panic_with_a_writer_s_part_poisons<U: Units>() {
    let lock = RwLock::new((1, 1));
    let torn = || {
        let mut part = RwLockWriteGuard::map(lock.write().unwrap(), |pair| &mut pair.0);
        *part = 2;
        panic!("meant");
    };
    assert!(catch_unwind(AssertUnwindSafe(torn)).is_err());
    assert_eq!(lock.read().unwrap_err(), LockError::Poisoned);
    drop(lock.recover(Deadline::NOW, None).unwrap());
    // A reader's does not; and a panic of the choice itself lets go of the lock.
    let read = || {
        let _part = RwLockReadGuard::map(lock.read().unwrap(), |pair| &pair.0);
        panic!("meant");
    };
    assert!(catch_unwind(AssertUnwindSafe(read)).is_err());
    let choice = || {
        drop(RwLockReadGuard::map(lock.read().unwrap(), |_| -> &u8 {
            panic!("meant")
        }));
    };
    assert!(catch_unwind(AssertUnwindSafe(choice)).is_err());
    assert!(!lock.is_poisoned() && lock.try_write().is_ok());
}

pub(crate) fn parts_of_a_reentrant_lock_are_counted_like_guards<U: Units>() {
    let lock = Arc::new(ReentrantMutex::new((Cell::new(1), 'x')));
    let outer = lock.lock().unwrap();
    let part = ReentrantMutexGuard::map(lock.lock().unwrap(), |pair| &pair.0);
    drop(outer);
    let theirs = lock.clone();
    let (other, unit) = spawn_known::<U, _>(move || theirs.lock().unwrap().0.get());
    until_waiting(unit, Reason::Lock);
    part.set(2);
    assert!(lock.is_held_by_caller());
    drop(part);
    assert_eq!(U::join(other), 2);
    assert!(!lock.is_held_by_caller() && lock.try_lock().is_ok());
}
