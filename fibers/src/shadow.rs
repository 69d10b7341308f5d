//! A fiber's shadow: what ThreadSanitizer takes for a thread of its own.
//!
//! The detector keeps a call stack and a clock for whatever runs. Unless it is told of every switch it takes one fiber's
//! calls for another's, and crashes. Here every switch also orders the two sides, as it does in truth: a race between fibers
//! that happened to run on one thread is not seen, one between workers is.
//!
//! Invariant: a function is entered and left on one shadow, else the two call stacks would get out of step. So the shadow
//! changes right before the jump, in the frame that jumps: to a fiber's own when it is entered, be it by its resumer or by another
//! fiber, and back, in the resumer's frame, when he has come up. [`Shadow`] only says where to go, and [`switch_to`] is inlined
//! into whoever calls it.

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::ptr;

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
}

/// See the [module documentation](self).
pub(crate) struct Shadow(Cell<*mut c_void>);

impl Shadow {
    /// One that was never entered. The detector wants to destroy only what it has entered, so it is made when it is needed.
    pub(crate) const fn unmade() -> Self {
        Self(Cell::new(ptr::null_mut()))
    }

    /// What to switch to in order to be this fiber.
    pub(crate) fn own(&self) -> *mut c_void {
        if self.0.get().is_null() {
            // SAFETY: may be called at any time in a program that is built with the detector, and only then are we.
            self.0.set(unsafe { __tsan_create_fiber(0) });
        }
        self.0.get()
    }
}

/// What to switch back to in order to be what runs now.
pub(crate) fn present() -> *mut c_void {
    // SAFETY: as in `own`.
    unsafe { __tsan_get_current_fiber() }
}

/// What runs from here on is `shadow`.
///
/// # Safety
/// It came from [`present`] or [`Shadow::own`], exists, and is nobody else's at present.
#[inline(always)]
pub(crate) unsafe fn switch_to(shadow: *mut c_void) {
    // SAFETY: by the caller.
    unsafe { __tsan_switch_to_fiber(shadow, 0) };
}

impl Shadow {
    /// Ends it. Its fiber is not running, and does not run again.
    pub(crate) fn destroy(&self) {
        let shadow = self.0.replace(ptr::null_mut());
        if !shadow.is_null() {
            // SAFETY: made in `own`, entered since, and by the caller not in use.
            unsafe { __tsan_destroy_fiber(shadow) };
        }
    }
}
