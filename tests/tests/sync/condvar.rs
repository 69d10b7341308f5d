//! Conditions and monitors. What the tests of `parking_lot` and of Rust's `std` ask of a condition
//! variable (MIT OR Apache-2.0), and what those of mo-threads ask of its `Lock` (MPL-2.0; case M9 of the
//! project's list): the ideas, written afresh.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use vitte_sync::{Condvar, LockError, LockUntilError, Monitor, Mutex};
use vitte_tests::units::{Units, moment, pause, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);

pub(crate) fn a_notification_wakes_the_one_that_has_waited_longest<U: Units>() {
    let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    assert!(!shared.1.notify_one());
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let shared = shared.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut order = shared.0.lock().unwrap();
                shared.1.wait(&mut order).unwrap();
                order.push(n);
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    for (n, waiter) in waiters.into_iter().enumerate() {
        assert!(shared.1.notify_one());
        U::join(waiter);
        assert_eq!(shared.0.lock().unwrap().last(), Some(&n));
    }
    assert_eq!(shared.1.notify_all(), 0);
}

pub(crate) fn everybody_is_woken_by_notify_all<U: Units>() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let shared = shared.clone();
            U::spawn(move || {
                let mut count = shared.0.lock().unwrap();
                *count += 1;
                if *count == 10 {
                    shared.1.notify_all();
                }
                shared
                    .1
                    .wait_while(&mut count, |count| *count < 10)
                    .unwrap();
            })
        })
        .collect();
    for waiter in waiters {
        U::join(waiter);
    }
}

pub(crate) fn every_end_of_a_wait_has_the_lock_again<U: Units>() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let source = StopSource::new();
    let (theirs, token) = (shared.clone(), source.token());
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let (lock, changed) = &*theirs;
        let mut held = lock.lock().unwrap();
        let begin = Instant::now();
        assert_eq!(
            changed.wait_timeout(&mut held, SHORT),
            Err(LockUntilError::TimedOut)
        );
        assert!(begin.elapsed() >= SHORT);
        assert!(lock.is_locked());
        assert_eq!(
            changed.wait_until(&mut held, Deadline::NOW),
            Err(LockUntilError::TimedOut)
        );
        assert_eq!(
            changed.wait_or_stop(&mut held, &token),
            Err(LockUntilError::Stopped)
        );
        assert!(lock.is_locked());
        *held = 1;
        assert_eq!(changed.wait(&mut held), Err(LockError::Canceled));
        assert!(lock.is_locked());
        // And so does every later one, but the lock is had all the same.
        assert_eq!(changed.wait(&mut held), Err(LockError::Canceled));
        *held = 2;
    });
    source.stop();
    let (lock, changed) = &*shared;
    while *lock.lock().unwrap() == 0 {
        pause(Duration::from_millis(1));
    }
    until_waiting(unit, Reason::Event);
    unit.cancel();
    U::join(waiter);
    assert_eq!(*lock.lock().unwrap(), 2);
    assert!(!changed.notify_one());
}

/// V16: waiting for a condition, with a timeout.
pub(crate) fn a_condition_that_holds_no_more_ends_the_wait_also_at_the_deadline<U: Units>() {
    let (lock, changed) = (Mutex::new(0), Condvar::new());
    let mut held = lock.lock().unwrap();
    let mut asked = 0;
    let ended = changed.wait_while_with(
        &mut held,
        |_| {
            asked += 1;
            asked == 1
        },
        Deadline::after(SHORT),
        None,
    );
    assert_eq!(ended, Ok(()));
    assert_eq!(asked, 2);
    let ended = changed.wait_while_with(&mut held, |_| true, Deadline::after(SHORT), None);
    assert_eq!(ended, Err(LockUntilError::TimedOut));
}

pub(crate) fn a_waiter_learns_of_a_panic_meanwhile<U: Units>() {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let theirs = shared.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let mut held = theirs.0.lock().unwrap();
        theirs.1.wait(&mut held)
    });
    until_waiting(unit, Reason::Event);
    let theirs = shared.clone();
    let torn = U::spawn(move || {
        let _ = std::panic::catch_unwind(|| {
            let _held = theirs.0.lock().unwrap();
            std::panic::resume_unwind(Box::new("meanwhile"));
        });
    });
    U::join(torn);
    assert!(shared.1.notify_one());
    assert_eq!(U::join(waiter), Err(LockError::Poisoned));
}

pub(crate) fn a_queue_of_one_passes_everything_on<U: Units>() {
    const VALUES: u32 = 2_000;
    let shared = Arc::new((Mutex::new(None), Condvar::new(), Condvar::new()));
    let theirs = shared.clone();
    let taker = U::spawn(move || {
        let (lock, filled, emptied) = &*theirs;
        (0..VALUES)
            .map(|_| {
                let mut place = lock.lock().unwrap();
                filled
                    .wait_while(&mut place, |place| place.is_none())
                    .unwrap();
                emptied.notify_one();
                place.take().unwrap()
            })
            .sum::<u32>()
    });
    let (lock, filled, emptied) = &*shared;
    for value in 0..VALUES {
        let mut place = lock.lock().unwrap();
        emptied
            .wait_while(&mut place, |place| place.is_some())
            .unwrap();
        *place = Some(value);
        filled.notify_one();
    }
    assert_eq!(U::join(taker), VALUES * (VALUES - 1) / 2);
}

pub(crate) fn leaving_a_monitor_wakes_one_and_he_the_next<U: Units>() {
    let monitor = Arc::new(Monitor::new(Vec::new()));
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let monitor = monitor.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut inside = monitor.lock().unwrap();
                while inside.is_empty() {
                    inside.wait().unwrap();
                }
                inside.push(n);
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    monitor.lock().unwrap().push(99);
    for waiter in waiters {
        U::join(waiter);
    }
    assert_eq!(*monitor.lock().unwrap(), [99, 0, 1, 2]);
}

pub(crate) fn a_wait_in_a_monitor_says_who_ended_it_and_is_inside_again<U: Units>() {
    let monitor = Monitor::new(0);
    let mut inside = monitor.lock().unwrap();
    assert_eq!(inside.wait_timeout(SHORT), Err(LockUntilError::TimedOut));
    let source = StopSource::new();
    source.stop();
    assert_eq!(
        inside.wait_or_stop(&source.token()),
        Err(LockUntilError::Stopped)
    );
    *inside = 1;
    assert!(monitor.try_lock().is_err());
}

pub(crate) fn two_who_wait_for_nothing_do_not_keep_each_other_awake<U: Units>() {
    let monitor = Arc::new(Monitor::new(false));
    let looks = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let (monitor, looks) = (monitor.clone(), looks.clone());
            let (waiter, unit) = spawn_known::<U, _>(move || {
                let mut inside = monitor.lock().unwrap();
                while !*inside {
                    looks.fetch_add(1, Relaxed);
                    inside.wait().unwrap();
                }
            });
            until_waiting(unit, Reason::Event);
            (waiter, unit)
        })
        .collect();
    // Somebody was there: both look again, once.
    drop(monitor.lock().unwrap());
    until(|| looks.load(Relaxed) == 4);
    for (_, unit) in &waiters {
        until_waiting(unit, Reason::Event);
    }
    moment();
    assert_eq!(looks.load(Relaxed), 4);
    *monitor.lock().unwrap() = true;
    for (waiter, _) in waiters {
        U::join(waiter);
    }
}

/// Case M9: two units wait in turns of 10 ms for a flag, and then for each other's leaving, while
/// the test goes in and out.
pub(crate) fn a_monitor_in_constant_use_lets_its_waiters_end<U: Units>() {
    let monitor = Arc::new(Monitor::new((false, 0)));
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let monitor = monitor.clone();
            U::spawn(move || {
                let mut inside = monitor.lock().unwrap();
                while !inside.0 {
                    let _ = inside.wait_timeout(SHORT);
                }
                inside.wait().unwrap();
                inside.1 += 1;
            })
        })
        .collect();
    pause(SHORT);
    monitor.lock().unwrap().0 = true;
    while monitor.lock().unwrap().1 < 2 {
        pause(Duration::from_micros(100));
    }
    for waiter in waiters {
        U::join(waiter);
    }
}
