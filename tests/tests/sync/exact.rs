//! Increments under everything that can guard a count or be one, exact to the last one. (Under a permit and an event: in
//! `tests/events/`.)

use crate::process::Place;
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_channels::watch;
use vitte_sync::{
    Condvar, Monitor, Mutex, NamedLocks, ProcessLock, RawMutex, RawRwLock, ReentrantMutex, RwLock,
    RwLockReadGuard, SpinLock, WordMutex, atomic::AtomicCell,
};
use vitte_tests::{rounds, units::Units};
use vitte_wait::Deadline;

const UNITS: usize = 8;
const ROUNDS: usize = 10_000;

/// `UNITS` units call `add` on one `shared` `ROUNDS` times each.
fn contend<U: Units, S: Send + Sync + 'static>(shared: S, add: fn(&S)) -> S {
    let (shared, added) = contend_for::<U, S>(Duration::MAX, shared, add);
    assert_eq!(added, UNITS * ROUNDS);
    shared
}

/// For what changes hands at every step, which takes a wake-up each: as many of the rounds as there is time for, or all when
/// asked for. Also returns how often `add` was called.
fn contend_a_while<U: Units, S: Send + Sync + 'static>(shared: S, add: fn(&S)) -> (S, usize) {
    contend_for::<U, S>(Duration::from_secs(1), shared, add)
}

fn contend_for<U: Units, S: Send + Sync + 'static>(
    patience: Duration,
    shared: S,
    add: fn(&S),
) -> (S, usize) {
    let shared = Arc::new(shared);
    let units: Vec<_> = (0..UNITS)
        .map(|_| {
            let shared = shared.clone();
            U::spawn(move || rounds(ROUNDS, patience).map(|_| add(&shared)).count())
        })
        .collect();
    let added = units.into_iter().map(U::join).sum();
    (Arc::into_inner(shared).expect("all others are done"), added)
}

/// An addition that is lost if two are made at a time.
fn raise(count: &AtomicUsize) {
    count.store(count.load(Relaxed) + 1, Relaxed);
}

pub(crate) fn a_mutex_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(Mutex::new(0), |count| *count.lock().unwrap() += 1);
    assert_eq!(count.into_inner().unwrap(), UNITS * ROUNDS);
}

pub(crate) fn a_raw_mutex_behind_lock_api_loses_no_increment<U: Units>() {
    type Front = lock_api::Mutex<RawMutex, usize>;
    let count = contend::<U, Front>(Front::new(0), |count| *count.lock() += 1);
    assert_eq!(count.into_inner(), UNITS * ROUNDS);
}

pub(crate) fn writers_behind_lock_api_lose_no_increment<U: Units>() {
    type Front = lock_api::RwLock<RawRwLock, usize>;
    let (count, added) = contend_a_while::<U, Front>(Front::new(0), |count| {
        let seen = *count.read();
        let mut count = count.write();
        assert!(*count >= seen);
        *count += 1;
    });
    assert_eq!(count.into_inner(), added);
}

pub(crate) fn writers_alone_behind_lock_api_lose_no_increment<U: Units>() {
    type Front = lock_api::RwLock<RawRwLock, usize>;
    let count = contend::<U, Front>(Front::new(0), |count| *count.write() += 1);
    assert_eq!(count.into_inner(), UNITS * ROUNDS);
}

pub(crate) fn a_condition_s_mutex_loses_no_increment<U: Units>() {
    let shared = (Mutex::new(0), Condvar::new());
    let (count, _) = contend::<U, _>(shared, |(count, changed)| {
        let mut count = count.lock().unwrap();
        *count += 1;
        drop(count);
        changed.notify_one();
    });
    assert_eq!(count.into_inner().unwrap(), UNITS * ROUNDS);
}

pub(crate) fn an_atomic_cell_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(AtomicCell::new(0_usize), |count| {
        count.fetch_add(1);
    });
    assert_eq!(count.into_inner(), UNITS * ROUNDS);
    // One that does not fit into a word, and is changed by comparing.
    let pairs = contend::<U, _>(AtomicCell::new((0, 0, 0)), |pair| {
        let changed =
            pair.fetch_update(|(a, b, c): (usize, usize, usize)| Some((a + 1, b + 1, c + 1)));
        let (a, b, c) = changed.unwrap();
        assert!(a == b && b == c);
    });
    assert_eq!(
        pairs.into_inner(),
        (UNITS * ROUNDS, UNITS * ROUNDS, UNITS * ROUNDS)
    );
}

pub(crate) fn a_watched_value_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(watch::channel(0).0, |count| {
        count.send_modify(|count| *count += 1);
    });
    assert_eq!(*count.borrow(), UNITS * ROUNDS);
}

pub(crate) fn a_lock_that_is_handed_over_loses_no_increment<U: Units>() {
    type Front = lock_api::Mutex<RawMutex, usize>;
    let (count, added) = contend_a_while::<U, Front>(Front::new(0), |count| {
        let mut held = count.lock();
        *held += 1;
        lock_api::MutexGuard::unlock_fair(held);
    });
    assert_eq!(count.into_inner(), added);
}

pub(crate) fn a_spin_lock_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(SpinLock::new(0), |count| *count.lock().unwrap() += 1);
    assert_eq!(count.into_inner().unwrap(), UNITS * ROUNDS);
}

pub(crate) fn a_reentrant_mutex_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(ReentrantMutex::new(Cell::new(0)), |count| {
        let outer = count.lock().unwrap();
        let inner = count.lock().unwrap();
        inner.set(outer.get() + 1);
    });
    assert_eq!(count.into_inner().unwrap().get(), UNITS * ROUNDS);
}

pub(crate) fn a_monitor_loses_no_increment<U: Units>() {
    let count = contend::<U, _>(Monitor::new(0), |count| *count.lock().unwrap() += 1);
    assert_eq!(*count.lock().unwrap(), UNITS * ROUNDS);
}

pub(crate) fn writers_lose_no_increment<U: Units>() {
    let count = contend::<U, _>(RwLock::new(0), |count| *count.write().unwrap() += 1);
    assert_eq!(count.into_inner().unwrap(), UNITS * ROUNDS);
}

pub(crate) fn readers_that_upgrade_lose_no_increment<U: Units>() {
    let (count, added) = contend_a_while::<U, _>(RwLock::new(0), |count| {
        loop {
            let reader = count.read().unwrap();
            let seen = *reader;
            if let Ok(mut writer) = RwLockReadGuard::upgrade(reader) {
                *writer = seen + 1;
                return;
            }
        }
    });
    assert_eq!(count.into_inner().unwrap(), added);
}

pub(crate) fn a_named_lock_loses_no_increment<U: Units>() {
    let shared = (NamedLocks::new(), AtomicUsize::new(0));
    let shared = contend::<U, _>(shared, |(locks, count)| {
        let _held = locks.lock("count").unwrap();
        raise(count);
    });
    assert_eq!(shared.1.into_inner(), UNITS * ROUNDS);
    assert!(shared.0.is_empty());
}

pub(crate) fn a_word_mutex_loses_no_increment<U: Units>() {
    let shared = (WordMutex::new(), AtomicUsize::new(0));
    let shared = contend::<U, _>(shared, |(lock, count)| {
        lock.lock_with(Deadline::NEVER, None).unwrap();
        raise(count);
        lock.unlock().unwrap();
    });
    assert_eq!(shared.1.into_inner(), UNITS * ROUNDS);
}

pub(crate) fn a_lock_of_a_process_loses_no_increment<U: Units>() {
    let place = Place::new();
    let shared = (ProcessLock::at(&place.0), AtomicUsize::new(0));
    let (shared, added) = contend_a_while::<U, _>(shared, |(lock, count)| {
        let _held = lock.lock().unwrap();
        raise(count);
    });
    assert_eq!(shared.1.into_inner(), added);
}

/// As two processes would: nothing but the file is between them.
pub(crate) fn two_locks_of_one_file_lose_no_increment<U: Units>() {
    let place = Place::new();
    let locks = [(); 2].map(|()| ProcessLock::at(&place.0));
    let shared = (locks, AtomicUsize::new(0), AtomicUsize::new(0));
    let (shared, added) = contend_a_while::<U, _>(shared, |(locks, turn, count)| {
        let lock = &locks[turn.fetch_add(1, Relaxed) % 2];
        let _held = lock.lock().unwrap();
        raise(count);
    });
    assert_eq!(shared.2.into_inner(), added);
}
