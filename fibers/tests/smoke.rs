//! The switch as a fiber and its resumer see it.

use vitte_fibers::{Fiber, Resumed, Resumer, StackClass, StackOptions, StackPool};

fn fiber(entry: impl FnOnce(&vitte_fibers::Suspender) + 'static) -> Fiber {
    let pool = StackPool::new(StackOptions::default());
    Fiber::new(pool.take(StackClass::DEFAULT).unwrap(), entry)
}

#[test]
fn smoke() {
    let mut fiber = fiber(|me| {
        me.suspend().unwrap();
    });
    let here = Resumer::new(std::ptr::null());
    assert!(matches!(fiber.resume(&here), Resumed::Suspended));
    assert!(fiber.is_suspended());
    assert!(matches!(fiber.resume(&here), Resumed::Returned));
    assert!(fiber.is_finished());
}
