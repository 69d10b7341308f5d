//! Models of the pacer's short sleep, which has no heavy fence: a timer that it misses is late by one more of them at most.

use super::model::busy_worker;
use crate::{check::check, timer};
use std::sync::Arc;
use vitte_wait::{
    Deadline, Reason, Wait, current,
    facade::{
        atomic::{AtomicBool, Ordering::*},
        clock, plain, thread,
    },
};

/// What the pacer leaves to a busy worker, and how long a sleep without a fence may be. Like the clock no part of the model.
static LENGTHS: plain::Mutex<(u64, u64)> = plain::Mutex::new((0, 0));
/// Both, in the modelled clock's nanoseconds, where nothing is wrong.
const GRACE: u64 = 1 << 20;
/// By how much time goes on.
const STEP: u64 = GRACE / 4;

pub(super) fn grace() -> u64 {
    LENGTHS.lock().0
}

pub(super) fn short() -> u64 {
    LENGTHS.lock().1
}

/// Sets the two while it is there.
struct Lengths;

impl Lengths {
    fn new(short: u64) -> Self {
        *LENGTHS.lock() = (GRACE, short);
        Self
    }
}

impl Drop for Lengths {
    fn drop(&mut self) {
        *LENGTHS.lock() = (0, 0);
    }
}

/// A busy worker arms a timer while the pacer, which was poked, falls asleep again, and not for long if that is `short`.
fn a_timer_and_a_sleep(short: u64) {
    let _lengths = Lengths::new(short);
    let shared = busy_worker();
    let over = Arc::new(AtomicBool::new(false));
    let pacer = {
        let (shared, over) = (Arc::clone(&shared), Arc::clone(&over));
        thread::spawn(move || {
            shared.pacer.set_thread(thread::current());
            while !shared.remotes[0].timers.fire(clock::now()) {
                shared.idle.pacer_sleeps(&shared);
            }
            over.store(true, Relaxed);
            clock::now()
        })
    };
    // Now it sleeps for a short time, and then once more.
    shared.pacer.poke();
    thread::yield_now();
    clock::set(clock::now() + STEP);
    shared.pacer.poke();
    let wait = Wait::begin_uncancelable(Reason::Sleep, std::ptr::null());
    let entry = timer::entry(wait.ticket(), Deadline::from_nanos(1));
    let timers = &shared.remotes[0].timers;
    // SAFETY: it is used at once.
    let here = unsafe { current::here() };
    // SAFETY: the entry has fired when this frame is left.
    assert!(unsafe { timers.arm(&entry, here) });
    let due = timers.next();
    shared.idle.timer_armed(&shared, due);
    while !over.load(Relaxed) {
        clock::set(clock::now() + STEP);
        thread::yield_now();
    }
    let fired = pacer.join().unwrap();
    // The checker may hold the pacer up for a step or two.
    assert!(fired <= due + 2 * GRACE + 2 * STEP, "it is late");
    let _ = wait.withdraw();
    shared.depot.forget();
}

#[test]
fn a_timer_that_a_short_sleep_misses_fires_after_the_next() {
    check("pace: a timer and a short sleep", 3, || {
        a_timer_and_a_sleep(GRACE);
    });
}

/// Time goes by in vain.
#[test]
#[should_panic(expected = "maximum number of branches")]
fn a_long_sleep_without_a_fence_misses_a_timer_for_good() {
    check("flawed: pace, a long sleep without a fence", 3, || {
        a_timer_and_a_sleep(u64::MAX);
    });
}
