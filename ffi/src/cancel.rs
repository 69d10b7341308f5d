//! Cancellation: a request that every wait reports.

use crate::{
    VT_EAGAIN, VT_EINVAL, VT_ESTALE,
    boundary::{Out, ensure, status, value},
    fiber::{id, vt_fiber},
    vt_status,
};

/// As the reason of a cancellation: the runtime shuts down.
pub const VT_CANCEL_SHUTDOWN: i32 = -1;
/// As the reason of a cancellation: a slice was used up, and the handler said `VT_SLICE_CANCEL`.
pub const VT_CANCEL_SLICE: i32 = -2;
/// As the reason of a cancellation: the fiber is to be ended without its consent.
pub const VT_CANCEL_KILLED: i32 = -3;
/// As the reason of a cancellation: another member of its group has failed.
pub const VT_CANCEL_SIBLING: i32 = -4;
/// As the reason of a cancellation: another was first, so nobody needs it any more.
pub const VT_CANCEL_LOST: i32 = -5;
/// As the reason of a cancellation: what it belongs to is over.
pub const VT_CANCEL_ABANDONED: i32 = -6;

/// Asks a fiber to end. `[any]` Never waits.
///
/// Its waits and its polls answer `VT_ECANCELED` from now on, the one it is in included. It ends
/// when its code does: nothing is unwound, and nothing is freed behind its back. A fiber that has not begun
/// begins all the same, and finds itself canceled.
///
/// `reason` is the caller's, for `vt_cancel_reason` and `vt_fiber_info` to tell; 0 is none in particular.
/// Of several the first one counts. `VT_ESTALE`: it is gone. `VT_EINVAL`: it is 0, or `reason` is negative:
/// those are this library's, `VT_CANCEL_...`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_cancel(fiber: vt_fiber, reason: i32) -> vt_status {
    status(|| {
        ensure(reason >= 0, VT_EINVAL)?;
        vitte_scheduler::cancel_for(id(fiber)?, reason).map_err(|_| VT_ESTALE)
    })
}

/// Why a fiber was asked to end, whether it masks that or not. `[any]`
///
/// `fiber` 0 is the caller, who may be a thread. `VT_OK`: `*reason` is what the first `vt_cancel` said, or one of
/// `VT_CANCEL_...`. `VT_EAGAIN`: it was not asked to. `VT_ESTALE`: it is gone. `VT_EINVAL`: `reason` is null.
///
/// # Safety
/// `reason` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_cancel_reason(fiber: vt_fiber, reason: *mut i32) -> vt_status {
    status(|| {
        let out = Out::new(reason)?;
        let said = match fiber {
            0 => vitte_scheduler::cancel_reason(),
            fiber => {
                let info = vitte_scheduler::info(id(fiber)?);
                info.map_err(|_| VT_ESTALE)?.cancel_reason
            }
        };
        let said = said.ok_or(VT_EAGAIN)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(said.code()) };
        Ok(())
    })
}

/// Makes the caller ignore its cancellation (`masked` not 0), or heed it again. `[any]` (A thread is canceled by
/// the shutdown of a runtime to which it belongs.)
///
/// For code that has to wait while it cleans up. Returns what was before, 0 or 1, to be given
/// back at the end.
#[unsafe(no_mangle)]
pub extern "C" fn vt_cancel_mask(masked: u32) -> u32 {
    value(0, || u32::from(vitte_scheduler::mask_cancel(masked != 0)))
}
