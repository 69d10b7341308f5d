//! Leaving a stack straight for another's.

#![cfg(not(feature = "sanitizer"))]

mod common;

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

use common::{Drops, fiber, here};
use vitte_fibers::{Fiber, Resumed, Suspender};

/// Suspended fibers, each of which leaves for the next one `turns` times, and then for its resumer.
struct Ring {
    fibers: Vec<Fiber>,
    seen: Rc<RefCell<Vec<usize>>>,
}

impl Ring {
    fn new(size: usize, turns: usize) -> Self {
        let seen = Rc::<RefCell<Vec<usize>>>::default();
        let ring = Rc::<RefCell<Vec<NonNull<Suspender>>>>::default();
        let fibers = (0..size)
            .map(|own| {
                let (ring, seen) = (Rc::clone(&ring), Rc::clone(&seen));
                fiber(move |me| {
                    set_errno(own);
                    me.suspend().unwrap();
                    for _ in 0..turns {
                        seen.borrow_mut().push(own);
                        let next = ring.borrow()[(own + 1) % size];
                        // SAFETY: the next one is suspended, and nobody else has it.
                        unsafe { me.switch_to(next.as_ref()) };
                        assert_eq!(errno(), own);
                    }
                })
            })
            .collect::<Vec<_>>();
        ring.borrow_mut()
            .extend(fibers.iter().map(Fiber::suspender));
        for fiber in &fibers {
            assert!(matches!(enter(fiber), Resumed::Suspended));
        }
        Self { fibers, seen }
    }
}

/// Enters a fiber that may be left for others.
fn enter(fiber: &Fiber) -> Resumed {
    // SAFETY: one thread has them all, and they do not end one another.
    unsafe { fiber.enter(&here()) }
}

#[inline(never)]
fn errno() -> usize {
    // SAFETY: this thread's, which is asked for each time.
    unsafe { *libc::__errno_location() as usize }
}

#[inline(never)]
fn set_errno(to: usize) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = to as i32 };
}

#[test]
fn fibers_go_round_without_their_resumer() {
    if !Suspender::DIRECT {
        return;
    }
    let ring = Ring::new(3, 1000);
    set_errno(99);
    // The first one ends, and is the one of whom the answer tells.
    assert!(matches!(enter(&ring.fibers[0]), Resumed::Returned));
    assert_eq!(errno(), 99);
    assert!(ring.fibers[0].is_finished());
    assert!(ring.fibers[1].is_suspended() && ring.fibers[2].is_suspended());
    let expected: Vec<usize> = (0..3000).map(|turn| turn % 3).collect();
    assert_eq!(*ring.seen.borrow(), expected);
    assert!(matches!(enter(&ring.fibers[2]), Resumed::Returned));
    assert!(matches!(enter(&ring.fibers[1]), Resumed::Returned));
    assert_eq!(errno(), 99);
}

#[test]
fn what_was_left_may_be_entered_by_another_resumer() {
    if !Suspender::DIRECT {
        return;
    }
    let users = Rc::new(Cell::new((std::ptr::null(), std::ptr::null())));
    let (inside, outer) = (Rc::clone(&users), fiber(|me| _ = me.suspend()));
    let next = outer.suspender();
    let left = fiber(move |me| {
        me.suspend().unwrap();
        let before = me.user();
        // SAFETY: the other one is suspended, and nobody else has it.
        let after = unsafe { me.switch_to(next.as_ref()) };
        inside.set((before, after));
    });
    let names = [1_u8, 2];
    let [a, b] = [0, 1].map(|at| vitte_fibers::Resumer::new((&raw const names[at]).cast()));
    assert!(matches!(enter(&outer), Resumed::Suspended));
    assert!(matches!(enter(&left), Resumed::Suspended));
    // SAFETY: as in `enter`.
    let ended = unsafe { left.enter(&a) };
    assert!(matches!(ended, Resumed::Returned) && outer.is_finished() && left.is_suspended());
    // SAFETY: as in `enter`.
    assert!(matches!(unsafe { left.enter(&b) }, Resumed::Returned));
    assert_eq!(users.get(), (a.user(), b.user()));
}

#[test]
fn a_panic_after_a_direct_switch_is_told() {
    if !Suspender::DIRECT {
        return;
    }
    let panics = fiber(|me| {
        me.suspend().unwrap();
        std::panic::resume_unwind(Box::new(5_u8));
    });
    assert!(matches!(enter(&panics), Resumed::Suspended));
    let drops = Drops::default();
    let (guard, next) = (drops.guard(), panics.suspender());
    let left = fiber(move |me| {
        let _guard = guard;
        // SAFETY: the other one is suspended, and nobody else has it.
        unsafe { me.switch_to(next.as_ref()) };
    });
    let Resumed::Panicked(payload) = enter(&left) else {
        panic!("it has panicked");
    };
    assert_eq!(payload.downcast_ref::<u8>(), Some(&5));
    assert_eq!(drops.count(), 0);
    // One that was left can be unwound like any other.
    drop(left);
    assert_eq!(drops.count(), 1);
}
