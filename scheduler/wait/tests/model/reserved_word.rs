//! A wait word that is reserved for one worker: each change of it is one step all the same.

use crate::{check::check, suspended::Fiber};
use vitte_wait::{
    Deadline, Outcome, Reason, Wait,
    facade::{Arc, Mutex, thread},
};

/// A fiber whose word is reserved for the thread that calls.
fn start() -> &'static Fiber {
    let fiber = Fiber::start();
    fiber.unit.reserve_for_caller(1);
    fiber
}

fn begin() -> Wait {
    Wait::begin(Reason::Event, std::ptr::null())
}

#[test]
fn another_thread_ends_a_wait_while_the_worker_parks_it() {
    check("a reserved word: park and claim", 3, || {
        let fiber = start();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        waker.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn the_worker_and_another_thread_compete_for_a_wait() {
    check("a reserved word: two claims", 3, || {
        let fiber = start();
        let handed = Arc::new(Mutex::new(0));
        let wait = begin();
        let ticket = wait.ticket();
        let waker = {
            let handed = handed.clone();
            thread::spawn(move || {
                if let Some(claimed) = ticket.claim(Outcome::Woken) {
                    *handed.lock() += 1;
                    claimed.wake();
                }
            })
        };
        if let Some(claimed) = ticket.claim(Outcome::Woken) {
            *handed.lock() += 1;
            claimed.wake();
        }
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        waker.join().unwrap();
        assert_eq!(*handed.lock(), 1);
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn two_others_come_at_once() {
    check("a reserved word: two others", 2, || {
        let fiber = start();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        let giver = thread::spawn(move || ticket.unit().unpark());
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        waker.join().unwrap();
        giver.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn no_token_is_lost() {
    check("a reserved word: a token", 3, || {
        let fiber = start();
        let unit = &fiber.unit;
        let giver = thread::spawn(move || unit.unpark());
        // Its own changes, which the token must survive.
        for _ in 0..2 {
            assert_eq!(begin().withdraw(), Ok(()));
        }
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        giver.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_cancellation_is_not_missed_while_the_worker_parks() {
    check("a reserved word: cancellation", 3, || {
        let fiber = start();
        let unit = &fiber.unit;
        let canceler = thread::spawn(move || unit.cancel());
        assert_eq!(begin().park(Deadline::NEVER, None), Outcome::Canceled);
        canceler.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}
