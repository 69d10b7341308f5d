//! The checker can fail: this lock raises its flag by a store, as `RawMutex` must not.

use crate::check::check;
use loom::{
    sync::{
        Mutex,
        atomic::{
            AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
};
// Not loom's: that one panics once more when it is dropped after the checker has given up.
use std::sync::Arc;
use vitte_wait::{Claimed, Deadline, Outcome, Reason, Ticket, Wait};

const HELD: usize = 2;
const PARKED: usize = 1;

struct Lock {
    word: AtomicUsize,
    waiters: Mutex<Vec<Ticket>>,
}

impl Lock {
    fn take(&self) {
        while self
            .word
            .compare_exchange(0, HELD, Acquire, Relaxed)
            .is_err()
        {
            let wait = Wait::begin(Reason::Lock, std::ptr::null());
            {
                let mut waiters = self.waiters.lock().unwrap();
                if self.word.load(Relaxed) & HELD == 0 {
                    drop(waiters);
                    let _ = wait.withdraw();
                    continue;
                }
                // The flaw: the holder may have released between the look and this.
                self.word.store(HELD | PARKED, Relaxed);
                waiters.push(wait.ticket());
            }
            assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        }
    }

    fn release(&self) {
        if self
            .word
            .compare_exchange(HELD, 0, Release, Relaxed)
            .is_ok()
        {
            return;
        }
        let woken: Option<Claimed> = {
            let mut waiters = self.waiters.lock().unwrap();
            self.word.store(0, Release);
            waiters
                .pop()
                .and_then(|ticket| ticket.claim(Outcome::Woken))
        };
        drop(woken);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_flag_raised_by_a_store_loses_a_release() {
    check("flawed: flag by store", 3, || {
        let lock = Arc::new(Lock {
            word: AtomicUsize::new(0),
            waiters: Mutex::new(Vec::new()),
        });
        let theirs = lock.clone();
        let other = thread::spawn(move || {
            theirs.take();
            theirs.release();
        });
        lock.take();
        lock.release();
        other.join().unwrap();
    });
}
