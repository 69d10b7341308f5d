//! A unit that suspends instead of sleeping, as fibers do: it is made ready exactly once, or goes
//! on at once, and never before its stack is saved.

use crate::check::check;
use std::cell::Cell;
use vitte_wait::{
    Deadline, Outcome, ParkKind, Reason, Ticket, Unit, UnitOps, Wait,
    current::{self, Here},
    facade::{
        Arc, Mutex,
        cell::UnsafeCell,
        thread::{self, Thread},
    },
};

/// A modelled fiber: its "worker" is a thread that has nothing else to do.
#[repr(C)]
pub(crate) struct Fiber {
    /// First, so that a pointer to the unit is a pointer to this.
    pub(crate) unit: Unit,
    /// Stands for the saved stack: written when it suspends, read by whoever makes it ready.
    saved: UnsafeCell<u32>,
    pub(crate) readied: Mutex<u32>,
    worker: Mutex<Option<Thread>>,
    pub(crate) suspended: Cell<u32>,
    /// How often it has done what was left for it. Owner only.
    pub(crate) heeded: Cell<u32>,
    /// What it does then. Owner only.
    pub(crate) action: Cell<Option<Ticket>>,
}

// SAFETY: `suspended`, `heeded` and `action` are the owner's; `saved` passes from the owner to the waker with the wait,
// which the models check; the rest is shareable.
unsafe impl Sync for Fiber {}

static OPS: UnitOps = UnitOps {
    park,
    ready,
    thread: worker,
    give_way: |_| {},
    attend: |_| unreachable!("no model asks for it"),
    locals: |_| unreachable!("no model asks for it"),
    raised: |_| {},
    is_on_stack: |_, _| unreachable!("no model asks for it"),
    place: |_| unreachable!("no model asks for it"),
    life: |_| unreachable!("no model asks for it"),
};

impl Fiber {
    /// Makes the calling thread run a fiber.
    pub(crate) fn start() -> &'static Self {
        let fiber: &'static Self = Box::leak(Box::new(Self {
            unit: Unit::new(Some(&OPS)),
            saved: UnsafeCell::new(0),
            readied: Mutex::new(0),
            worker: Mutex::new(Some(thread::current())),
            suspended: Cell::new(0),
            heeded: Cell::new(0),
            action: Cell::new(None),
        }));
        // SAFETY: the slot is valid on this thread.
        unsafe { (*current::slot()).set_unit(&fiber.unit) };
        fiber
    }

    fn of(unit: &'static Unit) -> &'static Self {
        // SAFETY: every unit with `OPS` is the first field of a leaked `Fiber`.
        unsafe { &*std::ptr::from_ref(unit).cast() }
    }
}

unsafe fn park(unit: &'static Unit, here: Here, ticket: Ticket, deadline: Deadline) {
    let fiber = Fiber::of(unit);
    if deadline.is_past() {
        drop(ticket.claim(Outcome::TimedOut));
    }
    while fiber.leave(|| unit.commit_park(here, ParkKind::Suspended)) && unit.is_nudged() {
        fiber.heed();
        if unit.is_done() {
            return;
        }
    }
}

impl Fiber {
    /// Suspends and comes back. False: it was not suspended.
    pub(crate) fn leave(&self, commit: impl FnOnce() -> bool) -> bool {
        // SAFETY: before `commit` says that the fiber is off its stack nobody else looks.
        self.saved.with_mut(|saved| unsafe { *saved += 1 });
        if !commit() {
            return false;
        }
        self.suspended.set(self.suspended.get() + 1);
        while *self.readied.lock() < self.suspended.get() {
            thread::park();
        }
        true
    }

    /// Does what was left for it, if anything was.
    pub(crate) fn heed(&self) {
        if self.unit.take_interrupt() {
            self.heeded.set(self.heeded.get() + 1);
            if let Some(ticket) = self.action.take() {
                drop(ticket.claim(Outcome::Woken));
            }
        }
    }
}

unsafe fn ready(unit: &'static Unit, _: Here) {
    let fiber = Fiber::of(unit);
    // SAFETY: whoever makes a fiber ready looks at its stack next.
    assert_ne!(fiber.saved.with(|saved| unsafe { *saved }), 0);
    *fiber.readied.lock() += 1;
    let worker = fiber.worker.lock().clone();
    worker.expect("it runs on a thread").unpark();
}

unsafe fn worker(unit: &'static Unit) -> Thread {
    let worker = Fiber::of(unit).worker.lock().clone();
    worker.expect("it runs on a thread")
}

#[test]
fn a_suspended_unit_is_made_ready_exactly_once() {
    check("suspend and ready", 3, || {
        let fiber = Fiber::start();
        let handed = Arc::new(Mutex::new(0));
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let wakers = [(); 2].map(|()| {
            let handed = handed.clone();
            thread::spawn(move || {
                if let Some(claimed) = ticket.claim(Outcome::Woken) {
                    *handed.lock() += 1;
                    claimed.wake();
                }
            })
        });
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        for waker in wakers {
            waker.join().unwrap();
        }
        assert_eq!(*handed.lock(), 1);
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_fiber_that_blocks_its_thread_is_unparked_and_not_made_ready() {
    check("blocking fiber", 3, || {
        let fiber = Fiber::start();
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let waker = thread::spawn(move || drop(ticket.claim(Outcome::Woken)));
        // What a unit's `park` does where it may not suspend.
        Wait::block_thread(&fiber.unit, ticket, Deadline::NEVER);
        waker.join().unwrap();
        assert!(fiber.unit.is_done());
        assert_eq!(*fiber.readied.lock(), 0);
        assert_eq!(wait.withdraw(), Err(Outcome::Woken));
    });
}

#[test]
fn two_waits_of_one_fiber_do_not_mix() {
    check("two waits of one fiber", 2, || {
        let fiber = Fiber::start();
        for outcome in [Outcome::Woken, Outcome::Stopped] {
            let wait = Wait::begin(Reason::Event, std::ptr::null());
            let ticket = wait.ticket();
            let waker = thread::spawn(move || drop(ticket.claim(outcome)));
            assert_eq!(wait.park(Deadline::NEVER, None), outcome);
            waker.join().unwrap();
        }
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_cancellation_and_a_wake_agree_while_a_fiber_parks() {
    check("cancellation of a fiber that parks", 3, || {
        let fiber = Fiber::start();
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let waker = thread::spawn(move || ticket.claim(Outcome::Woken).map(drop).is_some());
        let canceler = thread::spawn(move || ticket.unit().cancel());
        let outcome = wait.park(Deadline::NEVER, None);
        assert_eq!(waker.join().unwrap(), outcome == Outcome::Woken);
        canceler.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}

#[test]
fn a_cancellation_is_not_missed_while_a_fiber_parks() {
    check("cancellation of a fiber that parks, alone", 3, || {
        let fiber = Fiber::start();
        let unit = &fiber.unit;
        let canceler = thread::spawn(move || unit.cancel());
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Canceled);
        canceler.join().unwrap();
        assert_eq!(*fiber.readied.lock(), fiber.suspended.get());
    });
}
