//! Cancellation: a request that every wait reports.

use crate::{
    VT_ESTALE, VT_EUNSUPPORTED,
    boundary::{ensure, status, value},
    fiber::{id, vt_fiber},
    vt_status,
};

/// Asks a fiber to end. `[any]` Never waits.
///
/// Its waits and its polls answer `VT_ECANCELED` from now on, the one it is in included. It ends
/// when its code does: nothing is unwound, and nothing is freed behind its back.
///
/// `reason` is reserved: 0, else `VT_EUNSUPPORTED`. `VT_ESTALE`: it is gone. `VT_EINVAL`: it is 0.
#[unsafe(no_mangle)]
pub extern "C" fn vt_cancel(fiber: vt_fiber, reason: i32) -> vt_status {
    status(|| {
        ensure(reason == 0, VT_EUNSUPPORTED)?;
        vitte_scheduler::cancel(id(fiber)?).map_err(|_| VT_ESTALE)
    })
}

/// Makes the calling fiber ignore its cancellation (`masked` not 0), or heed it again. `[any]`
/// (Nobody cancels a thread.)
///
/// For code that has to wait while it cleans up. Returns what was before, 0 or 1, to be given
/// back at the end.
#[unsafe(no_mangle)]
pub extern "C" fn vt_cancel_mask(masked: u32) -> u32 {
    value(0, || u32::from(vitte_scheduler::mask_cancel(masked != 0)))
}
