//! Interrupts: calls that others leave with a fiber.

use crate::{
    VT_EINVAL, VT_ESTALE,
    boundary::status,
    callback::{Argument, vt_drop, vt_fn},
    fiber::{id, vt_fiber},
    vt_status,
};
use std::ffi::c_void;

/// Has a fiber call `action(arg)`, at its next poll, or where it next waits or yields. `[any]` Never waits.
///
/// A fiber that is parked does it at once, and waits on, for the same thing and until the same deadline; so
/// this is a way to have something done by another fiber wherever it is, on its own stack. Several are called in
/// their order. The action must not wait: it may be in the middle of a wait of its fiber, and would block the thread. In it
/// `vt_park` and `vt_suspend` answer `VT_ECANCELED`. To have the fiber raise an exception of its language, leave it where the fiber
/// looks after a poll or a wait.
///
/// `arg` belongs to the library from the call on, whatever comes of it: either `action` gets it, or, if the
/// fiber ends first or the call fails, `drop` does (which may be null), on any thread.
///
/// `VT_ESTALE`: it is gone, or has ended. `VT_EINVAL`: it is 0, or `action` is null.
///
/// # Safety
/// `action` may be called with `arg` on the fiber, or `drop` anywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_interrupt(
    fiber: vt_fiber,
    action: vt_fn,
    arg: *mut c_void,
    drop: vt_drop,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let arg = Left(unsafe { Argument::take(arg, drop) });
        let (fiber, action) = (id(fiber)?, action.ok_or(VT_EINVAL)?);
        // SAFETY: by this function's contract.
        let left = vitte_scheduler::interrupt(fiber, move || unsafe { action(arg.hand_over()) });
        left.map_err(|_| VT_ESTALE)
    })
}

/// The argument of an action.
struct Left(Argument);

impl Left {
    fn hand_over(self) -> *mut c_void {
        self.0.hand_over()
    }
}

// SAFETY: whoever leaves an action vouches that it may be called, and its argument dropped, on any thread.
unsafe impl Send for Left {}
