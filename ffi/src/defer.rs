//! Calls that a fiber, or a thread, puts off until it ends.

use crate::{
    VT_EINVAL,
    boundary::status,
    callback::{Callback, vt_fn},
    vt_status,
};
use std::ffi::c_void;

/// Has `call(arg)` made when the calling fiber ends, in whichever way: it returns, is killed, or is stopped
/// by a shutdown. `[any]` (A thread has it made when the thread ends.)
///
/// Of several the last one is made first. Each is made once, on the fiber itself, whose cancellation is
/// masked from then on: so it may wait, and may put off others. There is no way to take it back; let
/// `arg` say whether there is still something to do. `VT_EINVAL`: `call` is null.
///
/// # Safety
/// `call` may be called with `arg`, on the fiber.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_defer(call: vt_fn, arg: *mut c_void) -> vt_status {
    status(|| {
        let callback = Callback::new(call.ok_or(VT_EINVAL)?, arg);
        // SAFETY: by this function's contract.
        vitte_scheduler::defer(move || unsafe { callback.call() });
        Ok(())
    })
}
