//! The forms of 32 bits, on a table of their own.

use crate::check::check;
use vitte_sync::{WordCondvar, WordError, WordLatch, WordMutex};
use vitte_wait::{
    AddressTable, Deadline, StopSource,
    facade::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        thread,
    },
};

struct Shared {
    table: AddressTable,
    mutex: WordMutex,
    changed: WordCondvar,
    latch: WordLatch,
    /// Changed by load and store, so that only exclusion makes it right.
    count: AtomicU32,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: AddressTable::new(),
            mutex: WordMutex::new(),
            changed: WordCondvar::new(),
            latch: WordLatch::new(),
            count: AtomicU32::new(0),
        })
    }

    fn add(&self) {
        self.mutex
            .lock_in(&self.table, Deadline::NEVER, None)
            .unwrap();
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        self.mutex.unlock_in(&self.table).unwrap();
    }
}

#[test]
fn two_exclude_each_other_and_none_sleeps_for_ever() {
    check("word mutex", 3, || {
        let shared = Shared::new();
        let theirs = shared.clone();
        let other = thread::spawn(move || theirs.add());
        shared.add();
        other.join().unwrap();
        assert_eq!(shared.count.load(Relaxed), 2);
    });
}

#[test]
fn one_who_gives_up_takes_no_wake_up_with_it() {
    check("word mutex, stopped", 1, || {
        let shared = Shared::new();
        let source = StopSource::new();
        let (theirs, token) = (shared.clone(), source.token());
        let stopped = thread::spawn(move || {
            match theirs
                .mutex
                .lock_in(&theirs.table, Deadline::NEVER, Some(&token))
            {
                Ok(()) => theirs.mutex.unlock_in(&theirs.table).unwrap(),
                Err(error) => assert_eq!(error, WordError::Stopped),
            }
        });
        let theirs = shared.clone();
        let other = thread::spawn(move || theirs.add());
        source.stop();
        shared.add();
        stopped.join().unwrap();
        other.join().unwrap();
        assert_eq!(shared.count.load(Relaxed), 2);
    });
}

#[test]
fn a_change_made_under_the_mutex_reaches_the_waiter() {
    check("word condvar", 2, || {
        let shared = Shared::new();
        let theirs = shared.clone();
        let other = thread::spawn(move || {
            theirs.add();
            theirs.changed.notify_in(&theirs.table, 1);
        });
        shared
            .mutex
            .lock_in(&shared.table, Deadline::NEVER, None)
            .unwrap();
        while shared.count.load(Relaxed) == 0 {
            shared
                .changed
                .wait_in(&shared.table, &shared.mutex, Deadline::NEVER, None)
                .unwrap();
        }
        shared.mutex.unlock_in(&shared.table).unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_latch_wakes_everybody() {
    check("word latch", 2, || {
        let shared = Shared::new();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared
                        .latch
                        .wait_in(&shared.table, Deadline::NEVER, None)
                        .unwrap();
                    assert_eq!(shared.count.load(Relaxed), 1);
                })
            })
            .collect();
        shared.count.store(1, Relaxed);
        shared.latch.set_in(&shared.table);
        for other in others {
            other.join().unwrap();
        }
    });
}
