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

// Not for loom: it does not know that between what a read-modify-write reads and what it writes there is nothing, so it lets one
// that writes what it reads (`Unit::touch`) come after a store that it did not see.
#[cfg(shuttle)]
#[test]
fn an_interrupt_is_not_missed_while_the_word_becomes_reserved() {
    check("a reserved word: an interrupt meanwhile", 3, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        // Nobody else ends the wait: it would never end if the interrupt were overlooked.
        fiber.action.set(Some(ticket));
        let interrupter = thread::spawn(move || ticket.unit().interrupt());
        fiber.unit.reserve_for_caller(1);
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        interrupter.join().unwrap();
        fiber.heed();
        assert_eq!(fiber.heeded.get(), 1);
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_badge_is_put_on_again_while_another_takes_the_word_from_its_wearer() {
    check("a reserved word: the badge is put on again", 2, || {
        let fiber = start();
        let unit = &fiber.unit;
        let giver = thread::spawn(move || unit.unpark());
        assert_eq!(begin().withdraw(), Ok(()));
        // Anew, if it was taken meanwhile; the badge counts no more then, and is put on again.
        unit.reserve_for_caller(1);
        assert_eq!(begin().withdraw(), Ok(()));
        assert_eq!(Wait::park_token(Deadline::NEVER, None), Outcome::Woken);
        giver.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}
