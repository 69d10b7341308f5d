//! What other libraries' tests ask of a mutex: `parking_lot` (tests of `mutex.rs`, MIT OR Apache-2.0), Rust's `std`
//! (library/std/tests/sync/mutex.rs, MIT OR Apache-2.0) and tokio (`tests/sync_mutex.rs`, MIT). The ideas,
//! written afresh for these locks.

use std::sync::{Arc, mpsc};
use vitte_channels::Channel;
use vitte_sync::{Condvar, Mutex, MutexGuard};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_wait::Reason;

/// std: `lots_and_lots`, smaller.
pub(crate) fn many_take_turns<U: Units>() {
    let total = Arc::new(Mutex::new(0_u32));
    let (tell, told) = Channel::new();
    for _ in 0..6 {
        let (total, tell) = (total.clone(), tell.clone());
        drop(U::spawn(move || {
            for _ in 0..500 {
                *total.lock().unwrap() += 1;
            }
            tell.send(()).unwrap();
        }));
    }
    drop(tell);
    assert_eq!(told.iter().count(), 6);
    assert_eq!(*total.lock().unwrap(), 3_000);
}

/// std and `parking_lot`: `into_inner`, `into_inner_drop`, `get_mut`, `mutex_unsized`.
pub(crate) fn the_value_comes_out_and_is_dropped_once<U: Units>() {
    struct Counts(Arc<Mutex<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let drops = Arc::new(Mutex::new(0));
    let lock = Mutex::new(Counts(drops.clone()));
    let inner = lock.into_inner().unwrap();
    assert_eq!(*drops.lock().unwrap(), 0);
    drop(inner);
    assert_eq!(*drops.lock().unwrap(), 1);
    drop(Mutex::new(Counts(drops.clone())));
    assert_eq!(*drops.lock().unwrap(), 2);

    let mut number = Mutex::new(1);
    *number.get_mut().unwrap() = 2;
    assert_eq!(number.into_inner().unwrap(), 2);

    let unsized_lock: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    unsized_lock.lock().unwrap()[0] = 4;
    assert_eq!(*unsized_lock.lock().unwrap(), [4, 2, 3]);
}

/// `parking_lot`: `test_mutex_arc_condvar`.
pub(crate) fn a_condition_inside_a_shared_pair_works_both_ways<U: Units>() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = pair.clone();
    let (other, _) = spawn_known::<U, _>(move || {
        let mut set = theirs.0.lock().unwrap();
        *set = true;
        drop(set);
        theirs.1.notify_one();
    });
    let mut set = pair.0.lock().unwrap();
    pair.1.wait_while(&mut set, |set| !*set).unwrap();
    drop(set);
    U::join(other);
}

/// std: `test_mutex_arc_nested`.
pub(crate) fn a_lock_inside_a_lock_is_another_lock<U: Units>() {
    let inner = Arc::new(Mutex::new(1));
    let outer = Arc::new(Mutex::new(inner));
    let unit = U::spawn(move || {
        let outer = outer.lock().unwrap();
        *outer.lock().unwrap()
    });
    assert_eq!(U::join(unit), 1);
}

/// tokio: `straight_execution`, `readiness`, and the fairness of its queue, here asked for.
pub(crate) fn waiters_are_served_as_they_came<U: Units>() {
    let lock = Arc::new(Mutex::new(()));
    let (tell, told) = mpsc::channel();
    let held = lock.lock().unwrap();
    let waiters: Vec<_> = (0..5)
        .map(|n| {
            let (lock, tell) = (lock.clone(), tell.clone());
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let held = lock.lock().unwrap();
                tell.send(n).unwrap();
                MutexGuard::unlock_fair(held);
            });
            until_waiting(unit, Reason::Lock);
            waiter
        })
        .collect();
    MutexGuard::unlock_fair(held);
    for waiter in waiters {
        U::join(waiter);
    }
    drop(tell);
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

/// tokio: a mutex may be held across a wait.
pub(crate) fn a_lock_may_be_held_across_a_wait<U: Units>() {
    let count = Arc::new(Mutex::new(0));
    let units: Vec<_> = (0..8)
        .map(|_| {
            let count = count.clone();
            U::spawn(move || {
                let mut held = count.lock().unwrap();
                let seen = *held;
                vitte_tests::units::pause(std::time::Duration::from_micros(300));
                *held = seen + 1;
            })
        })
        .collect();
    for unit in units {
        U::join(unit);
    }
    assert_eq!(*count.lock().unwrap(), 8);
}
