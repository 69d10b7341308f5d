//! Models of the word by which the thread of a worker sleeps: a token ends the sleep wherever it is slept.

use super::parker::word::{PARKED, Word};
use crate::{
    check::check,
    poller::{Batch, Poller},
};
use std::sync::Arc;
use vitte_wait::facade::{
    atomic::{AtomicBool, AtomicU32, Ordering::*},
    thread::{self, Thread},
};

/// Where a worker sleeps until it is told something.
#[derive(Default)]
struct Place {
    word: Word,
    poller: Poller,
    told: AtomicBool,
}

/// The system's part: sleeps while the word says so.
fn wait(word: &AtomicU32) {
    while word.load(Relaxed) == PARKED {
        thread::park();
    }
}

impl Place {
    fn tell(&self, owner: &Thread) {
        self.told.store(true, Relaxed);
        self.word.unpark(|_| owner.unpark(), || self.poller.ring());
    }

    /// Sleeps in the poller, as `sleep_in_poller` does; `opens_late` is the flaw.
    fn sleep_inside(&self, opens_late: bool) {
        let (mut own, mut other) = (Batch::new(), Batch::new());
        if opens_late || self.poller.is_open() {
            self.word.park_in(|| {
                let _ = self.poller.sleep(None, &mut own, &mut other, None);
            });
        }
    }
}

/// A worker that sleeps as `sleep` says until it is told, which is once.
fn one_is_told(sleep: impl Fn(&Place) + Copy + Send + Sync + 'static) {
    let place = Arc::new(Place::default());
    let (its, owner) = (Arc::clone(&place), thread::current());
    let teller = thread::spawn(move || its.tell(&owner));
    while !place.told.load(Relaxed) {
        sleep(&place);
    }
    teller.join().unwrap();
}

#[test]
fn a_token_ends_a_sleep_or_comes_before() {
    check("parker: a token and a sleep", 5, || {
        one_is_told(|place| place.word.park(false, wait));
    });
}

#[test]
fn a_token_ends_a_sleep_in_a_poller_that_was_not_open() {
    check("parker: a token and a sleep in a poller", 5, || {
        one_is_told(|place| place.sleep_inside(false));
    });
}

/// Who sleeps now here, now there, takes a stroke of the bell for nothing at the worst.
#[test]
fn a_token_ends_whichever_sleep_it_finds() {
    check("parker: a token, a sleep outside and one inside", 3, || {
        let place = Arc::new(Place::default());
        let (its, owner) = (Arc::clone(&place), thread::current());
        let teller = thread::spawn(move || {
            its.word.unpark(|_| owner.unpark(), || its.poller.ring());
            its.tell(&owner);
        });
        let mut inside = false;
        while !place.told.load(Relaxed) {
            inside = !inside;
            if inside {
                place.sleep_inside(false);
            } else {
                place.word.park(false, wait);
            }
        }
        teller.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_opens_his_poller_when_he_sleeps_there_is_not_rung() {
    check("flawed: parker, the poller opened late", 3, || {
        one_is_told(|place| place.sleep_inside(true));
    });
}
