//! The park token: never lost, never two.

use crate::check::check;
use vitte_wait::{
    Deadline, Outcome, Reason, Wait, current,
    facade::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
};

#[test]
fn a_token_given_twice_at_once_wakes_until_both_are_seen() {
    check("two unparks", 2, || {
        let count = Arc::new(AtomicUsize::new(0));
        let unit = current::unit();
        let others = [(); 2].map(|()| {
            let count = count.clone();
            thread::spawn(move || {
                count.fetch_add(1, Relaxed);
                unit.unpark();
            })
        });
        // The two may fall into one token, but then both have counted before it is consumed.
        while count.load(Relaxed) < 2 {
            assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_token_given_during_another_wait_is_kept() {
    check("token across a wait", 3, || {
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let unparker = thread::spawn(move || ticket.unit().unpark());
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        unparker.join().unwrap();
        waker.join().unwrap();
        // It was one token.
        assert_eq!(Wait::park_token(Deadline::NOW, None), Outcome::TimedOut);
    });
}

#[test]
fn a_token_that_races_with_the_deadline_is_consumed_or_kept() {
    check("token and deadline", 3, || {
        let unit = current::unit();
        let unparker = thread::spawn(move || unit.unpark());
        // The modelled clock stands past this.
        let first = Wait::park_token(Deadline::from_nanos(1), None);
        unparker.join().unwrap();
        let second = Wait::park_token(Deadline::NOW, None);
        let woken = [first, second]
            .iter()
            .filter(|o| **o == Outcome::Woken)
            .count();
        assert_eq!(woken, 1, "{first:?}, then {second:?}");
    });
}
