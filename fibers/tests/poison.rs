//! What the sanitizer is told of a stack: that nothing lies there any more, however its fiber ended.
#![cfg(feature = "sanitizer")]

mod common;

use common::{here, pool};
use std::hint::black_box;
use vitte_fibers::{Fiber, StackClass, StackPool};

unsafe extern "C" {
    /// The first byte from `start` on that nobody may touch, null if there is none among that many.
    fn __asan_region_is_poisoned(start: *const u8, bytes: usize) -> *const u8;
}

fn is_poisoned((lo, hi): (usize, usize)) -> bool {
    // SAFETY: only asks about addresses.
    let first = unsafe { __asan_region_is_poisoned(std::ptr::without_provenance(lo), hi - lo) };
    !first.is_null()
}

/// A fiber that waits in a frame with an array, round which nothing may be touched.
fn waits(pool: &StackPool) -> Fiber {
    let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), |me| {
        let mut array = [0_u8; 100];
        black_box(&mut array);
        me.suspend().unwrap();
        black_box(&mut array);
    });
    let _ = fiber.resume(&here());
    assert!(
        is_poisoned(fiber.stack_bounds()),
        "the test is built for the sanitizer"
    );
    fiber
}

#[test]
fn a_stack_whose_frames_were_given_up_has_nothing_of_them_left() {
    let pool = pool();
    let fiber = waits(&pool);
    let bounds = fiber.stack_bounds();
    // SAFETY: nothing on that stack has a destructor, and nothing points there.
    let stack = unsafe { fiber.discard() };
    assert!(!is_poisoned(bounds));
    drop(stack);
}

#[test]
fn a_stack_whose_frames_were_unwound_or_have_returned_has_nothing_of_them_left() {
    let pool = pool();
    let unwound = waits(&pool);
    let bounds = unwound.stack_bounds();
    drop(unwound);
    assert!(!is_poisoned(bounds));

    let mut returned = waits(&pool);
    let bounds = returned.stack_bounds();
    let _ = returned.resume(&here());
    drop(returned.into_stack().unwrap());
    assert!(!is_poisoned(bounds));
}
