//! How a fiber ends that did not return: forced unwinding, its bounds, and what is leaked when it is refused.

mod common;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use common::{Drops, bounded, fiber, here, pool};
use vitte_fibers::{
    Fiber, ForcedUnwind, Refused, Resumed, Resumer, StackClass, Suspender, UNWIND_TRIES, Unwound,
};

#[test]
fn smoke() {
    let drops = Drops::default();
    let guard = drops.guard();
    let mut fiber = fiber(move |me| {
        let _guard = guard;
        me.suspend().unwrap();
        unreachable!("it is unwound, not resumed");
    });
    let here = here();
    let _ = fiber.resume(&here);
    assert!(matches!(fiber.unwind(&here), Unwound::Done));
    assert!(fiber.is_finished());
    assert_eq!(drops.count(), 1);
    assert!(matches!(fiber.unwind(&here), Unwound::Done));
}

/// Part of V13.
#[test]
fn dropping_a_suspended_fiber_runs_its_destructors_once_and_returns_the_stack() {
    let pool = pool();
    let drops = Drops::default();
    let (captured, local) = (drops.guard(), drops.clone());
    let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), move |me| {
        let _captured = captured;
        let _local = local.guard();
        me.suspend().unwrap();
    });
    let _ = fiber.resume(&here());
    assert_eq!(drops.count(), 0);
    drop(fiber);
    assert_eq!(drops.count(), 2);
    assert!(!std::thread::panicking());
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.leaked), (0, 0));
}

#[test]
fn a_fiber_that_never_started_drops_its_closure() {
    let pool = pool();
    let drops = Drops::default();
    let guard = drops.guard();
    let entry = move |_: &Suspender| drop(guard);
    let fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), entry);
    drop(fiber);
    assert_eq!(drops.count(), 1);
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn a_closure_that_panics_when_dropped_is_dropped_once() {
    struct Fussy(Rc<Cell<usize>>);
    impl Drop for Fussy {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            resume_unwind(Box::new("fussy"));
        }
    }
    let drops = Rc::new(Cell::new(0));
    let fussy = Fussy(Rc::clone(&drops));
    let mut fiber = fiber(move |_| drop(fussy));
    assert!(matches!(fiber.unwind(&here()), Unwound::Panicked(_)));
    drop(fiber);
    assert_eq!(drops.get(), 1);
}

#[test]
fn a_fiber_that_swallows_the_unwinding_is_given_up_and_its_stack_leaked() {
    bounded(|| {
        let pool = pool();
        let swallowed = Rc::new(Cell::new(0));
        let inside = Rc::clone(&swallowed);
        let drops = Drops::default();
        let guard = drops.guard();
        let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), move |me| {
            let _guard = guard;
            loop {
                if catch_unwind(AssertUnwindSafe(|| me.suspend())).is_err() {
                    inside.set(inside.get() + 1);
                }
            }
        });
        let _ = fiber.resume(&here());
        drop(fiber);
        assert_eq!(swallowed.get(), UNWIND_TRIES);
        assert_eq!(drops.count(), 0);
        let stats = pool.stats();
        assert_eq!((stats.in_use, stats.leaked), (0, 1));
    });
}

#[test]
fn a_fiber_that_refused_may_be_resumed() {
    bounded(|| {
        let mut fiber = fiber(|me| {
            for _ in 0..UNWIND_TRIES {
                catch_unwind(AssertUnwindSafe(|| me.suspend())).unwrap_err();
            }
            me.suspend().unwrap();
        });
        let here = here();
        let _ = fiber.resume(&here);
        assert!(matches!(fiber.unwind(&here), Unwound::Refused));
        assert!(fiber.is_suspended());
        assert!(matches!(fiber.resume(&here), Resumed::Returned));
    });
}

#[test]
fn a_fiber_that_gives_in_late_is_unwound() {
    let drops = Drops::default();
    let guard = drops.guard();
    let mut fiber = fiber(move |me| {
        let _guard = guard;
        catch_unwind(AssertUnwindSafe(|| me.suspend())).unwrap_err();
        me.suspend().unwrap();
    });
    let here = here();
    let _ = fiber.resume(&here);
    assert!(matches!(fiber.unwind(&here), Unwound::Done));
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_catcher_can_tell_the_unwinding_from_a_panic() {
    let mut fiber = fiber(|me| {
        let payload = catch_unwind(AssertUnwindSafe(|| me.suspend())).unwrap_err();
        assert!(payload.is::<ForcedUnwind>());
        resume_unwind(payload);
    });
    let here = here();
    let _ = fiber.resume(&here);
    assert!(matches!(fiber.unwind(&here), Unwound::Done));
}

#[test]
fn a_panic_that_replaces_the_unwinding_is_handed_over() {
    let mut fiber = fiber(|me| {
        catch_unwind(AssertUnwindSafe(|| me.suspend())).unwrap_err();
        resume_unwind(Box::new("my own"));
    });
    let here = here();
    let _ = fiber.resume(&here);
    let Unwound::Panicked(payload) = fiber.unwind(&here) else {
        panic!("the panic was lost");
    };
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"my own"));
}

/// Suspends when it is dropped, and keeps the answer.
struct SuspendsInDrop<'a> {
    me: &'a Suspender,
    answer: Rc<RefCell<Option<Result<(), Refused>>>>,
}

impl Drop for SuspendsInDrop<'_> {
    fn drop(&mut self) {
        let answer = self.me.suspend().map(drop);
        *self.answer.borrow_mut() = Some(answer);
    }
}

#[test]
fn a_suspension_while_panicking_is_refused() {
    let answer = Rc::new(RefCell::new(None));
    let inside = Rc::clone(&answer);
    let mut fiber = fiber(move |me| {
        let _suspends = SuspendsInDrop { me, answer: inside };
        resume_unwind(Box::new(1_u8));
    });
    assert!(matches!(fiber.resume(&here()), Resumed::Panicked(_)));
    assert_eq!(*answer.borrow(), Some(Err(Refused::Panicking)));
    assert!(!std::thread::panicking());
}

#[test]
fn a_panic_of_the_thread_from_before_does_not_keep_a_fiber_from_suspending() {
    struct Resumes(Rc<Cell<u32>>, Resumer);
    impl Drop for Resumes {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            let steps = Rc::clone(&self.0);
            let mut one = fiber(move |me| {
                me.suspend().unwrap();
                steps.set(steps.get() + 1);
                resume_unwind(Box::new(2_u8));
            });
            assert!(matches!(one.resume(&here()), Resumed::Suspended));
            assert!(matches!(one.resume(&here()), Resumed::Panicked(_)));
            let steps = Rc::clone(&self.0);
            let mut other = fiber(move |me| {
                steps.set(steps.get() + u32::from(me.suspend().is_ok()));
            });
            // The one from before the panic does not know of it until it is told.
            assert!(!self.1.may_suspend());
            self.1.note_panicking();
            assert!(matches!(other.resume(&self.1), Resumed::Suspended));
            assert!(matches!(other.resume(&self.1), Resumed::Returned));
        }
    }
    let steps = Rc::new(Cell::new(0));
    let resumes = Resumes(Rc::clone(&steps), here());
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _resumes = resumes;
        resume_unwind(Box::new(1_u8));
    }));
    assert!(caught.is_err_and(|payload| payload.is::<u8>()));
    assert_eq!(steps.get(), 2);
    assert!(!std::thread::panicking());
}

#[test]
fn a_suspension_during_forced_unwinding_is_refused() {
    let answer = Rc::new(RefCell::new(None));
    let inside = Rc::clone(&answer);
    let mut fiber = fiber(move |me| {
        let _suspends = SuspendsInDrop { me, answer: inside };
        me.suspend().unwrap();
    });
    let here = here();
    let _ = fiber.resume(&here);
    assert!(matches!(fiber.unwind(&here), Unwound::Done));
    assert_eq!(*answer.borrow(), Some(Err(Refused::Panicking)));
}

#[test]
fn a_panic_elsewhere_does_not_keep_a_fiber_from_suspending() {
    bounded(|| {
        struct Lingers(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>);
        impl Drop for Lingers {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
                let _ = self.1.recv();
            }
        }
        let (panicking, wait) = std::sync::mpsc::channel();
        let (release, held) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let _lingers = Lingers(panicking, held);
            resume_unwind(Box::new(()));
        });
        wait.recv().unwrap();
        let mut fiber = fiber(|me| {
            me.suspend().unwrap();
        });
        assert!(matches!(fiber.resume(&here()), Resumed::Suspended));
        release.send(()).unwrap();
        assert!(other.join().is_err());
    });
}

#[test]
fn a_fiber_dropped_by_a_panicking_thread_is_unwound_all_the_same() {
    let pool = pool();
    let drops = Drops::default();
    let guard = drops.guard();
    let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), move |me| {
        let _guard = guard;
        me.suspend().unwrap();
    });
    let _ = fiber.resume(&here());
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _fiber = fiber;
        resume_unwind(Box::new("elsewhere"));
    }));
    assert!(caught.is_err_and(|payload| payload.is::<&str>()));
    assert!(!std::thread::panicking());
    assert_eq!(drops.count(), 1);
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.leaked), (0, 0));
}

#[test]
fn a_discarded_fiber_gives_its_stack_without_running_anything() {
    let pool = pool();
    let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), |me| {
        me.suspend().unwrap();
        unreachable!("it is discarded");
    });
    let _ = fiber.resume(&here());
    // SAFETY: nothing on that stack has a destructor, and nothing points there.
    let stack = unsafe { fiber.discard() };
    drop(stack);
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.leaked), (0, 0));
}
