//! The checker can fail: each of these does one thing as this crate must not, and is caught.

use crate::{
    check::check,
    select::{Permits, one_selects_and_one_waits},
};
use loom::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicBool, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence,
    },
    thread,
};
// Not loom's: that one panics once more when it is dropped after the checker has given up.
use std::sync::Arc;
use vitte_wait::{Deadline, Outcome, Reason, Wait};

const WAITING: u64 = 1;
const TOKEN: u64 = 2;

/// A park token, consumed by load and store where `begin` uses a read-modify-write.
#[test]
#[should_panic(expected = "deadlock")]
fn a_token_consumed_by_load_and_store_is_lost() {
    check("flawed: token", 3, || {
        let word = Arc::new(AtomicU64::new(0));
        let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let parker = thread::current();
        let others = [0, 1].map(|n| {
            let (word, flags, parker) = (word.clone(), flags.clone(), parker.clone());
            thread::spawn(move || {
                flags[n].store(true, Relaxed);
                if word.fetch_or(TOKEN, AcqRel) & TOKEN == 0 {
                    parker.unpark();
                }
            })
        });
        while !(flags[0].load(Relaxed) && flags[1].load(Relaxed)) {
            if word.load(Relaxed) & TOKEN != 0 {
                word.store(0, Relaxed);
            } else {
                thread::park();
            }
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

/// A word that is reserved for one thread, which another one takes from it without waiting until the first is out of it.
#[test]
#[should_panic(expected = "a change was lost")]
fn a_reserved_word_that_is_taken_from_one_who_is_inside_loses_a_change() {
    check("flawed: reserved word", 3, || {
        let word = Arc::new(AtomicU64::new(0));
        let counts = Arc::new(AtomicBool::new(true));
        let other = {
            let (word, counts) = (word.clone(), counts.clone());
            thread::spawn(move || {
                counts.store(false, Relaxed);
                fence(SeqCst);
                word.fetch_or(TOKEN, AcqRel);
            })
        };
        let old = word.load(Acquire);
        fence(SeqCst);
        if counts.load(Relaxed) {
            word.store(old | WAITING, Release);
        } else {
            word.fetch_or(WAITING, AcqRel);
        }
        other.join().unwrap();
        assert_eq!(word.load(Acquire), WAITING | TOKEN, "a change was lost");
    });
}

/// A badge that its wearer puts on again without asking whether another has just taken it away.
#[test]
#[should_panic(expected = "a change was lost")]
fn a_badge_that_is_put_on_again_without_the_lock_loses_a_change() {
    check("flawed: badge put on again", 3, || {
        let word = Arc::new(AtomicU64::new(0));
        let (counts, inside) = (
            Arc::new(AtomicBool::new(true)),
            Arc::new(AtomicBool::new(false)),
        );
        let other = {
            let (word, counts, inside) = (word.clone(), counts.clone(), inside.clone());
            thread::spawn(move || {
                counts.store(false, Relaxed);
                fence(SeqCst);
                while inside.load(Acquire) {
                    thread::yield_now();
                }
                word.fetch_or(TOKEN, AcqRel);
            })
        };
        if !counts.load(Relaxed) {
            // Here the lock would wait until the other is done.
            counts.store(true, Relaxed);
        }
        inside.store(true, Relaxed);
        fence(SeqCst);
        if counts.load(Relaxed) {
            let old = word.load(Acquire);
            word.store(old | WAITING, Release);
        } else {
            word.fetch_or(WAITING, AcqRel);
        }
        inside.store(false, Release);
        other.join().unwrap();
        assert_eq!(word.load(Acquire), WAITING | TOKEN, "a change was lost");
    });
}

/// A request that is left with one who parks in a reserved word, and then only a change of that word that writes what it reads:
/// it has no place among the changes of one who is inside.
#[test]
#[should_panic(expected = "a request was missed")]
fn a_change_beside_one_who_is_inside_orders_nothing() {
    check("flawed: touch", 3, || {
        let word = Arc::new(AtomicU64::new(0));
        let asked = Arc::new(AtomicBool::new(false));
        let asker = {
            let (word, asked) = (word.clone(), asked.clone());
            thread::spawn(move || {
                asked.store(true, Relaxed);
                word.fetch_or(0, AcqRel) & WAITING != 0
            })
        };
        // Inside: without a read-modify-write.
        word.store(word.load(Acquire) | WAITING, Release);
        let sees = asked.load(Relaxed);
        let is_seen = asker.join().unwrap();
        assert!(sees || is_seen, "a request was missed");
    });
}

/// Beginning and canceling, with a load in `cancel` where it uses a read-modify-write.
#[test]
#[should_panic(expected = "deadlock")]
fn a_cancellation_that_only_loads_the_word_is_missed() {
    check("flawed: cancellation", 3, || {
        let word = Arc::new(AtomicU64::new(0));
        let canceled = Arc::new(AtomicBool::new(false));
        let waiter = thread::current();
        let canceler = {
            let (word, canceled) = (word.clone(), canceled.clone());
            thread::spawn(move || {
                canceled.store(true, Release);
                if word.load(Acquire) & WAITING != 0 {
                    waiter.unpark();
                }
            })
        };
        word.fetch_or(WAITING, AcqRel);
        if !canceled.load(Acquire) {
            thread::park();
        }
        canceler.join().unwrap();
    });
}

/// The value is handed over after the claim was given up.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_value_written_after_the_claim_is_a_race() {
    struct Place(UnsafeCell<u32>);
    // SAFETY: it is not: that is what the checker is to find.
    unsafe impl Send for Place {}
    // SAFETY: as above.
    unsafe impl Sync for Place {}

    check("flawed: hand-over", 3, || {
        let place = Arc::new(Place(UnsafeCell::new(0)));
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || {
                drop(ticket.claim(Outcome::Woken));
                // SAFETY: loom's cell detects the race before it happens.
                place.0.with_mut(|place| unsafe { *place = 1 });
            })
        };
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        // SAFETY: as above.
        place.0.with(|place| unsafe { *place });
        waker.join().unwrap();
    });
}

/// A flag looked at before the wait is announced, and not again.
#[test]
#[should_panic(expected = "deadlock")]
fn a_waiter_that_does_not_look_again_sleeps_for_ever() {
    check("flawed: no second look", 3, || {
        let flag = Arc::new(AtomicBool::new(false));
        let queue = Arc::new(loom::sync::Mutex::new(None));
        let waker = {
            let (flag, queue) = (flag.clone(), queue.clone());
            thread::spawn(move || {
                flag.store(true, Release);
                let ticket: Option<vitte_wait::Ticket> = queue.lock().unwrap().take();
                if let Some(ticket) = ticket {
                    drop(ticket.claim(Outcome::Woken));
                }
            })
        };
        if !flag.load(Acquire) {
            let wait = Wait::begin(Reason::Event, std::ptr::null());
            *queue.lock().unwrap() = Some(wait.ticket());
            assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        }
        waker.join().unwrap();
    });
}

/// A select that was woken by one source and goes by another, with what woke it left where it is.
#[test]
#[should_panic(expected = "deadlock")]
fn a_select_that_declines_its_wake_up_loses_it() {
    check("flawed: winner first", 3, || {
        one_selects_and_one_waits(Permits::heedless_arm);
    });
}
