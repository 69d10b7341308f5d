//! Ending fibers without their consent.

use crate::{
    VT_EBUSY, VT_ESTALE,
    boundary::status,
    fiber::{id, vt_fiber},
    vt_status,
};
use vitte_scheduler::KillError;

/// Ends a fiber without its consent, and without unwinding it. `[any]` Never waits.
///
/// A fiber that waits does not return from the call in which it waits: it makes the calls that it has put
/// off with `vt_defer`, its `vt_key` destructors run, and its stack is given up with all that lies on it. One that runs is
/// ended in the same way where a call of this library would answer `VT_ECANCELED`, or where it next waits or
/// yields; until then it is a canceled fiber, with the reason `VT_CANCEL_KILLED`. One that has not begun
/// does not begin, and `drop` gets its argument. Its joiner gets `VT_EFAILED`.
///
/// A fiber that masks its cancellation is ended when it does not any more. What it held stays held: locks are not
/// released, memory is not freed, but by what it has put off. Prefer `vt_cancel`.
///
/// `VT_OK`: it is ended, or will be. `VT_EBUSY`: it runs on the stack of the fiber that joins it (as a fiber may
/// that was joined before it began), and is only canceled; kill the joiner. `VT_ESTALE`: it is gone.
/// `VT_EINVAL`: it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn vt_kill(fiber: vt_fiber) -> vt_status {
    status(|| {
        vitte_scheduler::kill(id(fiber)?).map_err(|error| match error {
            KillError::OnJoiner => VT_EBUSY,
            _ => VT_ESTALE,
        })
    })
}
