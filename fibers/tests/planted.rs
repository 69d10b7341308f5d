//! Faults planted on fibers, each for one sanitizer to find: that it reports them shows that it is on and can see
//! into fibers. Never run but by the checks, which expect them to fail.
#![cfg(any(tsan, feature = "sanitizer"))]

use std::cell::UnsafeCell;
use vitte_fibers::{Fiber, Resumer, StackClass, StackOptions, StackPool};

fn on_a_fiber(body: impl FnOnce() + 'static) {
    let pool = StackPool::new(StackOptions::default());
    let stack = pool.take(StackClass::DEFAULT).unwrap();
    let mut fiber = Fiber::new(stack, |me| {
        me.suspend().unwrap();
        body();
    });
    let here = Resumer::new(std::ptr::null());
    while !fiber.is_finished() {
        let _ = fiber.resume(&here);
    }
}

#[cfg(tsan)]
#[test]
#[ignore = "must be found by ThreadSanitizer"]
fn planted_race() {
    struct Shared(UnsafeCell<u64>);
    // SAFETY: none. This is the fault.
    unsafe impl Sync for Shared {}
    static SHARED: Shared = Shared(UnsafeCell::new(0));
    let threads = [1, 2].map(|n| {
        std::thread::spawn(move || {
            // SAFETY: none. This is the fault.
            on_a_fiber(move || unsafe { *SHARED.0.get() += n });
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[cfg(feature = "sanitizer")]
#[test]
#[ignore = "must be found by AddressSanitizer"]
fn planted_use_after_free() {
    on_a_fiber(|| {
        let at = Box::into_raw(Box::new(UnsafeCell::new(7_u64)));
        // SAFETY: from `into_raw` above.
        drop(unsafe { Box::from_raw(at) });
        // SAFETY: none. This is the fault.
        let read = unsafe { at.cast::<u64>().read_volatile() };
        assert_eq!(std::hint::black_box(read), read);
    });
}
