//! Exclusion, hand-over, and waits that end otherwise.

use crate::check::check;
use vitte_sync::{LockUntilError, Mutex, MutexGuard};
use vitte_wait::{
    Deadline, StopSource, current,
    facade::{Arc, thread},
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

/// Everybody adds one, and none is lost.
fn add(units: usize, fair: bool) {
    let count = Arc::new(Mutex::new(0));
    let others: Vec<_> = (1..units)
        .map(|_| {
            let count = count.clone();
            thread::spawn(move || *count.lock().unwrap() += 1)
        })
        .collect();
    let mut own = count.lock().unwrap();
    *own += 1;
    if fair {
        MutexGuard::unlock_fair(own);
    } else {
        drop(own);
    }
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(*count.lock().unwrap(), units);
}

#[test]
fn two_exclude_each_other_and_none_sleeps_for_ever() {
    check("mutex, two", 4, || add(2, false));
}

#[test]
fn three_exclude_each_other_and_none_sleeps_for_ever() {
    check("mutex, three", 2, || add(3, false));
}

/// The first release that finds waiters hands over; the second, while the main thread waits again behind the last
/// of them, wakes one and leaves the rest to him.
#[test]
fn while_one_is_woken_the_rest_are_left_to_him() {
    check("mutex, one is enough", 1, || {
        let count = Arc::new(Mutex::new(0));
        let mut own = count.lock().unwrap();
        let others = [(); 2].map(|()| {
            let count = count.clone();
            thread::spawn(move || *count.lock().unwrap() += 1)
        });
        *own += 1;
        drop(own);
        *count.lock().unwrap() += 1;
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(*count.lock().unwrap(), 4);
    });
}

#[test]
fn a_fair_release_hands_over_or_frees() {
    check("mutex, handed over", 4, || add(2, true));
    check("mutex, handed over among three", 2, || add(3, true));
}

/// One is canceled while it waits or before; the lock is neither lost nor taken twice.
#[test]
fn a_canceled_waiter_leaves_the_lock_to_others() {
    check("mutex, canceled", 3, || {
        let count = Arc::new(Mutex::new(0));
        let own = count.lock().unwrap();
        let (tell, told) = (Arc::new(Mutex::new(None)), count.clone());
        let told_unit = tell.clone();
        let other = thread::spawn(move || {
            *told_unit.lock().unwrap() = Some(current::unit());
            match told.lock() {
                Ok(mut count) => {
                    *count += 1;
                    1
                }
                Err(_) => 0,
            }
        });
        let unit = *tell.lock().unwrap();
        if let Some(unit) = unit {
            unit.cancel();
        }
        MutexGuard::unlock_fair(own);
        let added = other.join().unwrap();
        assert_eq!(*count.lock().unwrap(), added);
    });
}

/// A stop races with a hand-over: whoever wins, the lock is free in the end.
#[test]
fn a_stopped_waiter_leaves_the_lock_to_others() {
    check("mutex, stopped", 3, || {
        let count = Arc::new(Mutex::new(0));
        let source = StopSource::new();
        let own = count.lock().unwrap();
        let (theirs, token) = (count.clone(), source.token());
        let other = thread::spawn(
            move || match theirs.lock_with(Deadline::NEVER, Some(&token)) {
                Ok(mut count) => {
                    *count += 1;
                    1
                }
                Err(error) => {
                    assert_eq!(error, LockUntilError::Stopped);
                    0
                }
            },
        );
        source.stop();
        drop(own);
        let added = other.join().unwrap();
        assert_eq!(*count.lock().unwrap(), added);
    });
}

/// A deadline races with a hand-over: whoever wins, the lock is free in the end.
#[test]
fn a_waiter_whose_time_is_up_leaves_the_lock_to_others() {
    check("mutex, deadline", 3, || {
        let count = Arc::new(Mutex::new(0));
        let own = count.lock().unwrap();
        let theirs = count.clone();
        let other = thread::spawn(move || match theirs.lock_until(PAST) {
            Ok(mut count) => {
                *count += 1;
                1
            }
            Err(error) => {
                assert_eq!(error, LockUntilError::TimedOut);
                0
            }
        });
        MutexGuard::unlock_fair(own);
        let added = other.join().unwrap();
        assert_eq!(*count.lock().unwrap(), added);
    });
}

/// The clock stands still, so a deadline that is not past never comes; one that is gives up at once.
#[test]
fn one_who_only_tries_leaves_nothing_behind() {
    check("mutex, past deadline", 3, || {
        let count = Arc::new(Mutex::new(0));
        let theirs = count.clone();
        let other = thread::spawn(move || match theirs.lock_until(Deadline::NOW) {
            Ok(mut count) => {
                *count += 1;
                1
            }
            Err(_) => 0,
        });
        let third = count.clone();
        let third = thread::spawn(move || *third.lock().unwrap() += 10);
        *count.lock().unwrap() += 100;
        let added = other.join().unwrap();
        third.join().unwrap();
        assert_eq!(*count.lock().unwrap(), 110 + added);
    });
}
