//! Exactly one party ends a wait, and what it hands over arrives.

use crate::check::check;
use vitte_wait::{
    Deadline, Node, Outcome, Reason, ShortLock, Ticket, Wait, WaitQueue, current,
    facade::{Arc, cell::UnsafeCell, thread},
};

/// A place that a waiter lends to its waker. The checker watches who touches it when.
struct Place(UnsafeCell<u32>);

// SAFETY: touched by the waiter, or by the holder of the claim on its wait; the models check that.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    /// Claims the wait, and hands a value over if that succeeds.
    fn hand_over(&self, ticket: Ticket, value: u32) -> bool {
        let Some(claimed) = ticket.claim(Outcome::Woken) else {
            return false;
        };
        // SAFETY: the claim is held.
        self.0.with_mut(|place| unsafe { *place += value });
        claimed.wake();
        true
    }

    /// Hands a value to the oldest in `queue`, if there is one that can be woken.
    fn hand_to_oldest(&self, queue: &ShortLock<WaitQueue>, value: u32) -> bool {
        // SAFETY: the place is lent to us.
        let exchange = |_| self.0.with_mut(|place| unsafe { *place = value - *place });
        // SAFETY: it is used at once.
        let here = unsafe { current::here() };
        let partner = queue.lock().exchange_with_oldest(here, exchange);
        let found = partner.is_some();
        drop(partner);
        found
    }

    fn look(&self) -> u32 {
        // SAFETY: the wait is over.
        self.0.with(|place| unsafe { *place })
    }
}

fn begin() -> Wait {
    Wait::begin(Reason::Event, std::ptr::null())
}

#[test]
fn a_value_handed_over_is_seen_once_the_wait_is_over() {
    check("hand-over", 3, || {
        let place = Place::new();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || assert!(place.hand_over(ticket, 5)))
        };
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(place.look(), 5);
        waker.join().unwrap();
    });
}

/// Waits in a queue until `deadline`, while another thread hands a value to the oldest there, and says how that ended.
fn in_a_queue(deadline: Deadline) -> Outcome {
    let place = Place::new();
    let queue = Arc::new(ShortLock::new(WaitQueue::new()));
    let wait = begin();
    let node = Node::alone(wait.ticket(), std::ptr::null_mut());
    // SAFETY: it is in no queue, is taken out below unless it was popped, and is touched only under this lock.
    unsafe { queue.lock().push(&node) };
    let waker = {
        let (place, queue) = (place.clone(), queue.clone());
        thread::spawn(move || place.hand_to_oldest(&queue, 5))
    };
    let outcome = wait.park(deadline, None);
    if outcome != Outcome::Woken {
        // SAFETY: it is in no other queue.
        unsafe { queue.lock().remove(&node) };
    }
    assert_eq!(place.look(), if outcome == Outcome::Woken { 5 } else { 0 });
    assert_eq!(waker.join().unwrap(), outcome == Outcome::Woken);
    outcome
}

#[test]
fn a_wait_is_ended_in_one_step_or_claimed() {
    check("hand-over in a queue", 3, || {
        assert_eq!(in_a_queue(Deadline::NEVER), Outcome::Woken);
    });
    check("hand-over in a queue, and the deadline", 3, || {
        // The modelled clock stands past this.
        let outcome = in_a_queue(Deadline::from_nanos(1));
        assert!([Outcome::Woken, Outcome::TimedOut].contains(&outcome));
    });
}

#[test]
fn of_two_wakers_and_the_deadline_one_wins() {
    check("two wakers and the deadline", 2, || {
        let place = Place::new();
        let wait = begin();
        let ticket = wait.ticket();
        let wakers = [1, 2].map(|value| {
            let place = place.clone();
            thread::spawn(move || {
                if place.hand_over(ticket, value) {
                    value
                } else {
                    0
                }
            })
        });
        // The modelled clock stands past this.
        let outcome = wait.park(Deadline::from_nanos(1), None);
        let seen = place.look();
        assert_eq!(outcome == Outcome::Woken, seen != 0);
        let handed: u32 = wakers.map(|waker| waker.join().unwrap()).iter().sum();
        assert_eq!(handed, seen, "lost, or handed over twice");
    });
}

#[test]
fn wake_deadline_and_cancellation_agree_on_one_winner() {
    check("wake, deadline, cancellation", 2, || {
        let place = Place::new();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || place.hand_over(ticket, 1))
        };
        let canceler = thread::spawn(move || ticket.unit().cancel());
        let outcome = wait.park(Deadline::from_nanos(1), None);
        assert_eq!(outcome == Outcome::Woken, place.look() == 1);
        assert_eq!(waker.join().unwrap(), outcome == Outcome::Woken);
        assert_ne!(outcome, Outcome::Stopped);
        canceler.join().unwrap();
        // Whoever won this one, the cancellation holds for the next.
        assert_eq!(begin().park(Deadline::NEVER, None), Outcome::Canceled);
    });
}

#[test]
fn a_cancellation_is_never_missed() {
    check("cancellation and beginning", 3, || {
        let unit = current::unit();
        let canceler = thread::spawn(move || unit.cancel());
        // Nobody else would end this.
        assert_eq!(begin().park(Deadline::NEVER, None), Outcome::Canceled);
        canceler.join().unwrap();
    });
}

#[test]
fn a_masked_unit_is_left_alone_until_it_unmasks() {
    check("cancellation and mask", 3, || {
        let unit = current::unit();
        unit.mask_cancel(true);
        let canceler = thread::spawn(move || unit.cancel());
        assert_eq!(
            begin().park(Deadline::from_nanos(1), None),
            Outcome::TimedOut
        );
        unit.mask_cancel(false);
        assert_eq!(begin().park(Deadline::NEVER, None), Outcome::Canceled);
        canceler.join().unwrap();
    });
}

#[test]
fn a_withdrawal_and_a_claim_exclude_each_other() {
    check("withdrawal and claim", 3, || {
        let place = Place::new();
        let wait = begin();
        let ticket = wait.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || place.hand_over(ticket, 7))
        };
        let withdrawn = wait.withdraw();
        match withdrawn {
            // Nobody touches the place now, or ever.
            Ok(()) => assert_eq!(place.look(), 0),
            Err(outcome) => assert_eq!((outcome, place.look()), (Outcome::Woken, 7)),
        }
        assert_eq!(waker.join().unwrap(), withdrawn.is_err());
    });
}

#[test]
fn a_ticket_of_an_earlier_wait_does_not_end_a_later_one() {
    check("stale ticket", 3, || {
        let place = Place::new();
        let first = begin();
        let stale = first.ticket();
        let late = thread::spawn(move || stale.claim(Outcome::Stopped).map(drop).is_some());
        let withdrawn = first.withdraw();
        let second = begin();
        let ticket = second.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || assert!(place.hand_over(ticket, 1)))
        };
        assert_eq!(second.park(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(place.look(), 1);
        assert_eq!(late.join().unwrap(), withdrawn.is_err());
        waker.join().unwrap();
    });
}

#[test]
fn a_ticket_of_a_wait_that_was_dropped_does_not_end_a_later_one() {
    check("dropped wait", 3, || {
        let place = Place::new();
        let dropped = begin();
        let stale = dropped.ticket();
        let late = thread::spawn(move || stale.claim(Outcome::Stopped).map(drop).is_some());
        drop(dropped);
        let second = begin();
        let ticket = second.ticket();
        let waker = {
            let place = place.clone();
            thread::spawn(move || assert!(place.hand_over(ticket, 1)))
        };
        assert_eq!(second.park(Deadline::NEVER, None), Outcome::Woken);
        assert_eq!(place.look(), 1);
        let _ = late.join().unwrap();
        waker.join().unwrap();
    });
}
