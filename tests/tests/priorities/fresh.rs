//! Who has to wait looks into the unit of whoever holds the lock, and that may have been made a moment ago: here every thread
//! is new, and takes part in nothing but the lock.

use crate::inherit::LIMIT;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use vitte_sync::{Mutex, RwLock, SpinLock, WordMutex};
use vitte_tests::{rounds, within};
use vitte_threads::Priority;
use vitte_wait::{Deadline, current};

const THREADS: usize = 16;
/// How long each test goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has so many new threads, each by its number, go through `take` at once. None ends before the last has, lest another gets its unit.
fn by_new_threads(name: &'static str, take: impl Fn(usize) + Send + Sync + 'static) {
    within(LIMIT, name, move || {
        // From here on marks tell who made them.
        current::unit().set_class(Priority::High);
        // Counted by what orders nothing, as everything here but the lock.
        let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
        let take = Arc::new(take);
        let until_all = |count: &AtomicUsize| {
            count.fetch_add(1, Relaxed);
            while count.load(Relaxed) < THREADS {
                thread::yield_now();
            }
        };
        let threads = (0..THREADS).map(|number| {
            let (counts, take) = (counts.clone(), take.clone());
            thread::spawn(move || {
                until_all(&counts[0]);
                take(number);
                until_all(&counts[1]);
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
    });
}

/// While it lasts others come to wait.
fn hold() {
    for _ in 0..20 {
        thread::yield_now();
    }
}

#[test]
fn a_mutex_is_waited_for_while_its_holder_is_new() {
    for _ in rounds(50, PATIENCE) {
        let count = Mutex::new(0);
        by_new_threads("new holders of a mutex", move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            hold();
        });
    }
}

#[test]
fn readers_and_writers_are_waited_for_while_they_are_new() {
    for _ in rounds(50, PATIENCE) {
        let count = RwLock::new(0);
        by_new_threads("new readers and writers", move |number| {
            if number % 2 == 0 {
                let count = count.read().unwrap();
                hold();
                assert!(*count <= THREADS / 2);
            } else {
                *count.write().unwrap() += 1;
            }
        });
    }
}

#[test]
fn the_locks_of_one_word_are_waited_for_while_their_holders_are_new() {
    for _ in rounds(50, PATIENCE) {
        let (count, word) = (SpinLock::new(0), WordMutex::new());
        by_new_threads("new holders of words", move |_| {
            word.lock_with(Deadline::NEVER, None).unwrap();
            hold();
            word.unlock().unwrap();
            let mut count = count.lock().unwrap();
            *count += 1;
            hold();
        });
    }
}
