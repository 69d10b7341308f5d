//! The switch as a fiber and its resumer see it.

mod common;

use std::alloc::Layout;
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use common::{Moved, bounded, fiber, here, pool, resident_pages};
use vitte_fibers::{Fiber, Resumed, Resumer, StackClass, stack_pointer};

#[test]
fn smoke() {
    let mut fiber = fiber(|me| {
        me.suspend().unwrap();
    });
    let here = here();
    assert!(!fiber.is_suspended() && !fiber.is_finished());
    assert!(matches!(fiber.resume(&here), Resumed::Suspended));
    assert!(fiber.is_suspended());
    assert!(matches!(fiber.resume(&here), Resumed::Returned));
    assert!(fiber.is_finished());
}

#[test]
fn many_suspensions_come_back_in_order() {
    let seen = Rc::new(Cell::new(0_u32));
    let inside = Rc::clone(&seen);
    let mut fiber = fiber(move |me| {
        for turn in 1..=100_000 {
            inside.set(turn);
            me.suspend().unwrap();
        }
    });
    let here = here();
    for turn in 1..=100_000 {
        assert!(matches!(fiber.resume(&here), Resumed::Suspended));
        assert_eq!(seen.get(), turn);
    }
    assert!(matches!(fiber.resume(&here), Resumed::Returned));
}

#[test]
fn a_fiber_may_resume_another() {
    let mut outer = fiber(|me| {
        let here = here();
        let mut inner = fiber(|me| {
            me.suspend().unwrap();
        });
        while let Resumed::Suspended = inner.resume(&here) {
            me.suspend().unwrap();
        }
    });
    let here = here();
    assert!(matches!(outer.resume(&here), Resumed::Suspended));
    assert!(matches!(outer.resume(&here), Resumed::Returned));
}

#[test]
fn an_entry_that_is_empty_and_aligned_to_more_than_the_stack_is_long_lies_elsewhere() {
    #[repr(align(131_072))]
    struct Far(Empty);
    struct Empty;
    thread_local!(static DROPPED: Cell<u32> = const { Cell::new(0) });
    impl Drop for Far {
        fn drop(&mut self) {
            let Self(Empty) = self;
            DROPPED.set(DROPPED.get() + 1);
        }
    }
    let far = Far(Empty);
    // To run it would need a longer stack, as whatever has such a value in its frame does.
    drop(fiber(move |_| drop(far)));
    assert_eq!(DROPPED.get(), 1);
}

#[test]
fn a_fiber_finds_the_user_pointer_of_whoever_resumed_it() {
    let (first, second) = (1_u8, 2_u8);
    let seen = Rc::new(Cell::new((
        std::ptr::null(),
        std::ptr::null(),
        std::ptr::null(),
    )));
    let inside = Rc::clone(&seen);
    let mut fiber = fiber(move |me| {
        let start = me.user();
        let back = me.suspend().unwrap();
        inside.set((start, back, me.user()));
    });
    let a = Resumer::new((&raw const first).cast());
    let b = Resumer::new(std::ptr::null());
    b.set_user((&raw const second).cast());
    let _ = fiber.resume(&a);
    let _ = fiber.resume(&b);
    assert_eq!(seen.get(), (a.user(), b.user(), b.user()));
}

#[test]
fn a_fiber_goes_on_on_another_thread() {
    bounded(|| {
        let turns = Arc::new(AtomicUsize::new(0));
        let inside = Arc::clone(&turns);
        let fiber = fiber(move |me| {
            for _ in 0..1000 {
                inside.fetch_add(1, Ordering::Relaxed);
                me.suspend().unwrap();
            }
        });
        let (to_a, at_a) = mpsc::channel::<Moved>();
        let (to_b, at_b) = mpsc::channel::<Moved>();
        to_a.send(Moved(fiber)).unwrap();
        let pass = |from: mpsc::Receiver<Moved>, to: mpsc::Sender<Moved>| {
            std::thread::spawn(move || {
                let here = here();
                for mut moved in from {
                    match moved.0.resume(&here) {
                        Resumed::Suspended => to.send(moved).unwrap(),
                        Resumed::Returned => return,
                        Resumed::Panicked(_) => panic!("the fiber panicked"),
                    }
                }
            })
        };
        let threads = [pass(at_a, to_b), pass(at_b, to_a)];
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(turns.load(Ordering::Relaxed), 1000);
    });
}

#[test]
fn a_fiber_may_live_in_a_block_carved_off_its_own_stack() {
    let pool = pool();
    let mut stack = pool.take(StackClass::DEFAULT).unwrap();
    let home = stack.carve(Layout::new::<Fiber>()).cast::<Fiber>();
    let fiber = Fiber::new(stack, |me| {
        me.suspend().unwrap();
    });
    // SAFETY: the block was carved for this type.
    unsafe { home.write(fiber) };
    let here = here();
    // SAFETY: written above, and nobody else refers to it.
    let resumed = unsafe { &mut *home.as_ptr() }.resume(&here);
    assert!(matches!(resumed, Resumed::Suspended));
    // SAFETY: as above; the copy in the block is not used again.
    let mut fiber = unsafe { home.read() };
    assert!(matches!(fiber.resume(&here), Resumed::Returned));
    drop(fiber);
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn the_payload_of_a_panic_comes_out_and_the_fiber_is_finished() {
    let mut fiber = fiber(|me| {
        me.suspend().unwrap();
        std::panic::resume_unwind(Box::new(42_u64));
    });
    let here = here();
    let _ = fiber.resume(&here);
    let Resumed::Panicked(payload) = fiber.resume(&here) else {
        panic!("the panic was lost");
    };
    assert_eq!(payload.downcast_ref::<u64>(), Some(&42));
    assert!(fiber.is_finished());
    assert!(!std::thread::panicking());
}

#[test]
#[should_panic(expected = "finished fiber")]
fn resuming_a_finished_fiber_panics() {
    let mut fiber = fiber(|_| ());
    let here = here();
    let _ = fiber.resume(&here);
    let _ = fiber.resume(&here);
}

#[test]
fn a_large_entry_is_run_and_dropped() {
    let large = [7_u8; 4096];
    let sum = Rc::new(Cell::new(0_usize));
    let inside = Rc::clone(&sum);
    let mut fiber = fiber(move |_| inside.set(large.iter().map(|&b| usize::from(b)).sum()));
    let _ = fiber.resume(&here());
    assert_eq!(sum.get(), 7 * 4096);
    assert_eq!(Rc::strong_count(&sum), 1);
}

#[test]
fn a_finished_fiber_gives_its_stack_for_the_next_one() {
    let pool = pool();
    let mut stack = pool.take(StackClass::DEFAULT).unwrap();
    let base = stack.base();
    let here = here();
    for _ in 0..10 {
        let mut fiber = Fiber::new(stack, |_| ());
        fiber = fiber.into_stack().expect_err("it is not finished");
        let _ = fiber.resume(&here);
        stack = fiber.into_stack().expect("it is finished");
        assert_eq!(stack.base(), base);
    }
    assert_eq!(pool.stats().in_use, 1);
}

#[test]
fn the_point_lies_in_the_frames_of_a_suspended_fiber() {
    let seen = Rc::new(Cell::new(0));
    let inside = Rc::clone(&seen);
    let mut fiber = fiber(move |me| {
        inside.set(stack_pointer());
        me.suspend().unwrap();
    });
    assert_eq!(fiber.point(), None);
    let _ = fiber.resume(&here());
    let point = fiber.point().unwrap();
    let (low, high) = fiber.stack_bounds();
    assert!(low < point.sp && point.sp < high, "{point:x?}");
    assert!(point.sp <= seen.get() && seen.get() - point.sp < 4096);
    assert_ne!(point.ip, 0);
    let _ = fiber.resume(&here());
    assert_eq!(fiber.point(), None);
}

#[test]
#[cfg_attr(
    feature = "sanitizer",
    ignore = "it reads between the variables, as a collector does"
)]
fn a_value_held_across_a_suspension_is_found_from_the_point() {
    const SECRET: usize = 0x5EC2_E700_DEAD_1234;
    let mut fiber = fiber(|me| {
        let secret = black_box(black_box(!SECRET) ^ usize::MAX);
        me.suspend().unwrap();
        assert_eq!(black_box(secret), SECRET);
    });
    let here = here();
    let _ = fiber.resume(&here);
    let point = fiber.point().unwrap();
    let (_, high) = fiber.stack_bounds();
    let on_stack = (point.sp..high).step_by(8).any(|at| {
        // SAFETY: between the stack pointer and the top of a stack that is not running.
        unsafe { std::ptr::with_exposed_provenance::<usize>(at).read_volatile() == SECRET }
    });
    assert!(on_stack || point.fp == SECRET || point.rest == SECRET);
    assert!(matches!(fiber.resume(&here), Resumed::Returned));
}

#[test]
#[cfg_attr(feature = "sanitizer", ignore = "its frames are larger there")]
fn a_small_parked_fiber_keeps_one_page_whatever_its_colour() {
    let pool = pool();
    let here = here();
    let fibers: Vec<Fiber> = (0..16)
        .map(|_| {
            let mut stack = pool.take(StackClass::DEFAULT).unwrap();
            stack.carve(Layout::from_size_align(384, 16).unwrap());
            let mut fiber = Fiber::new(stack, |me| {
                me.suspend().unwrap();
            });
            let _ = fiber.resume(&here);
            fiber
        })
        .collect();
    for fiber in &fibers {
        let (low, high) = fiber.stack_bounds();
        assert_eq!(resident_pages(low, high), 1);
    }
}
