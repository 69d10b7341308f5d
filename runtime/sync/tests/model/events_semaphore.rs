//! A semaphore's permits are neither lost nor doubled, and whoever waits for them gets them.

use crate::check::check;
use vitte_sync::{AcquireError, AcquireUntilError, Semaphore};
use vitte_wait::{
    Deadline,
    facade::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

#[test]
fn one_permit_excludes() {
    check("semaphore(1), exclusion", 2, || {
        let shared = Arc::new((Semaphore::new(1), AtomicUsize::new(0)));
        let units = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let _permit = shared.0.acquire().unwrap();
                // Not an atomic increment, so that only exclusion makes it right.
                shared.1.store(shared.1.load(Relaxed) + 1, Relaxed);
            })
        });
        for unit in units {
            unit.join().unwrap();
        }
        let _permit = shared.0.try_acquire().unwrap();
        assert_eq!(shared.1.load(Relaxed), 2);
    });
}

#[test]
fn permits_that_come_one_by_one_serve_one_who_wants_two() {
    check("semaphore, two of one", 2, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let adders = [0, 1].map(|_| {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.add_permits(1))
        });
        semaphore.acquire_many(2).unwrap().forget();
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn one_who_gives_up_holds_nobody_up() {
    check("semaphore, timeout in front", 2, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let other = semaphore.clone();
        let large = thread::spawn(move || {
            let permit = other.acquire_many_with(2, PAST, None);
            assert!(permit.is_err());
        });
        drop(semaphore.acquire().unwrap());
        large.join().unwrap();
        assert!(semaphore.try_acquire().is_ok());
    });
}

#[test]
fn a_permit_that_races_with_a_deadline_is_had_or_left() {
    check("semaphore, deadline", 3, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let other = semaphore.clone();
        let adder = thread::spawn(move || other.add_permits(1));
        let left = match semaphore.acquire_until(PAST) {
            Ok(permit) => {
                permit.forget();
                0
            }
            Err(error) => {
                assert_eq!(error, AcquireUntilError::TimedOut);
                1
            }
        };
        adder.join().unwrap();
        assert_eq!(semaphore.available_permits(), left);
    });
}

#[test]
fn closing_sends_a_waiter_away_or_finds_it_served() {
    check("semaphore, close", 2, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let other = semaphore.clone();
        let closer = thread::spawn(move || {
            other.add_permits(1);
            other.close();
        });
        let left = match semaphore.acquire() {
            Ok(permit) => {
                permit.forget();
                0
            }
            Err(error) => {
                assert_eq!(error, AcquireError::Closed);
                1
            }
        };
        closer.join().unwrap();
        assert_eq!(semaphore.available_permits(), left);
    });
}
