//! A unit that is brought back from a wait that goes on: no wake-up is lost, no interrupt is, and it is made
//! ready as often as it was suspended. Note \[Nudges\].

use crate::{check::check, suspended::Fiber};
use vitte_wait::{
    Deadline, Outcome, ParkKind, Reason, Wait,
    current::{self, Here},
    facade::thread,
};

fn here() -> Here {
    // SAFETY: a modelled fiber does not leave its thread.
    unsafe { current::here() }
}

fn begin() -> Wait {
    Wait::begin(Reason::Event, std::ptr::null())
}

/// What every model ends with.
fn settled(fiber: &Fiber, interrupts: u32) {
    fiber.heed();
    assert_eq!(fiber.heeded.get(), interrupts);
    assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
}

#[test]
fn an_interrupt_and_a_wake_up_are_both_noticed() {
    check("nudge: interrupt and wake", 3, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        let interrupter = thread::spawn(move || ticket.unit().interrupt());
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        waker.join().unwrap();
        interrupter.join().unwrap();
        settled(fiber, 1);
    });
}

#[test]
fn a_parked_unit_comes_back_for_an_interrupt_whenever_it_is_left() {
    check("nudge: only an interrupt", 4, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        // Nobody else ends the wait: it would never end if the interrupt were overlooked.
        fiber.action.set(Some(ticket));
        let interrupter = thread::spawn(move || ticket.unit().interrupt());
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        interrupter.join().unwrap();
        settled(fiber, 1);
    });
}

#[test]
fn an_interrupt_and_a_kill_are_both_noticed() {
    check("nudge: interrupt and kill", 2, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        let killer = thread::spawn(move || ticket.unit().request_unwind(false));
        let interrupter = thread::spawn(move || ticket.unit().interrupt());
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Canceled);
        killer.join().unwrap();
        interrupter.join().unwrap();
        settled(fiber, 1);
        assert!(fiber.unit.is_unwind_due());
    });
}

#[test]
fn of_a_kill_and_a_wake_up_one_ends_the_wait_and_the_kill_stays() {
    check("nudge: kill and wake", 3, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        let killer = thread::spawn(move || ticket.unit().request_unwind(false));
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        let outcome = wait.park(Deadline::NEVER, None);
        assert!(matches!(outcome, Outcome::Woken | Outcome::Canceled));
        killer.join().unwrap();
        waker.join().unwrap();
        settled(fiber, 0);
        assert!(fiber.unit.is_unwind_due());
    });
}

#[test]
fn two_interrupts_bring_a_unit_back_once_or_twice_and_a_wake_up_ends_its_wait() {
    check("nudge: two interrupts and wake", 2, || {
        let fiber = Fiber::start();
        let wait = begin();
        let ticket = wait.ticket();
        let interrupter = thread::spawn(move || {
            ticket.unit().interrupt();
            ticket.unit().interrupt();
        });
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        interrupter.join().unwrap();
        waker.join().unwrap();
        fiber.heed();
        assert!((1..=2).contains(&fiber.heeded.get()));
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_unit_that_waits_for_its_token_is_interrupted_and_still_gets_it() {
    check("nudge: token", 3, || {
        let fiber = Fiber::start();
        let unit = &fiber.unit;
        let waker = thread::spawn(move || unit.unpark());
        let interrupter = thread::spawn(move || unit.interrupt());
        // As a scheduler parks without a `Wait`.
        unit.announce(Reason::Park, std::ptr::null());
        if fiber.leave(|| unit.commit_park_token(here())) && unit.is_nudged() {
            unit.wait_on();
            while unit.is_nudged() {
                fiber.heed();
                if unit.is_done() {
                    break;
                }
                fiber.leave(|| unit.commit_park(here(), ParkKind::Suspended));
            }
        }
        assert_eq!(unit.outcome(), Outcome::Woken);
        waker.join().unwrap();
        interrupter.join().unwrap();
        settled(fiber, 1);
    });
}
