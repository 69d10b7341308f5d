//! Foreign code: regions around what may block its thread, and calls on the thread's own stack.

use crate::{
    VT_ECANCELED, VT_EINVAL,
    boundary::{ensure, status, value},
    callback::{Invocation, vt_fn},
    vt_status,
};
use std::ffi::c_void;
use vitte_scheduler::Poll;

/// What runs in the region may block its thread for long: if it does, and other fibers wait, another
/// thread runs them.
pub const VT_MAY_BLOCK: u32 = 1;
/// What runs in the region touches nothing that a garbage collector moves or frees.
pub const VT_GC_SAFE: u32 = 2;

/// Begins a native region. `[any]` (Outside fibers a region means nothing, and costs nothing.)
///
/// `flags` is `VT_MAY_BLOCK`, `VT_GC_SAFE`, both or 0; other bits are ignored. Returns what was
/// before, for `vt_native_leave`; so regions nest, and a region without flags inside another is
/// the way back into code that is not foreign. A fiber that waits inside has left the region until the
/// wait is over. It leaves its regions before it ends.
///
/// Fibers that are pinned to the thread wait for it. How many threads may be started beside those
/// that are blocked is limited (256 by default); beyond that fibers wait.
#[unsafe(no_mangle)]
pub extern "C" fn vt_native_enter(flags: u32) -> u32 {
    value(0, || {
        vitte_scheduler::native_enter(flags & (VT_MAY_BLOCK | VT_GC_SAFE))
    })
}

/// Ends the innermost native region; `old` is what its `vt_native_enter` returned. `[any]`
///
/// Back in code that is not foreign it polls, as `vt_poll_slow` does, so others may run first, and the
/// fiber may go on on another thread unless it is pinned. `VT_ECANCELED`: it has left, and was canceled.
/// `VT_EINVAL`: `old` cannot be what was returned.
#[unsafe(no_mangle)]
pub extern "C" fn vt_native_leave(old: u32) -> vt_status {
    status(|| {
        ensure(old & !(VT_MAY_BLOCK | VT_GC_SAFE) == 0, VT_EINVAL)?;
        match vitte_scheduler::native_leave(old) {
            Poll::Continue => Ok(()),
            Poll::Canceled => Err(VT_ECANCELED),
        }
    })
}

/// Calls `f(arg)` on the own stack of the thread that the calling fiber is on: for foreign code that checks
/// its stack, or needs more of it than a fiber has. `[any]` (Elsewhere than on a fiber it just calls.)
///
/// The fiber stays on its thread until `f` has returned. What `f` waits for blocks the thread; other fibers
/// that are not pinned to it run elsewhere meanwhile. Within `f` this just calls. `errno` is afterwards
/// what it was before.
///
/// `VT_EINVAL`: `f` is null. `VT_EFAILED`: it is written in Rust, and panicked.
///
/// # Safety
/// `f` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_call_on_native_stack(f: vt_fn, arg: *mut c_void) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let call = unsafe { Invocation::new(f, arg) }?;
        vitte_scheduler::call_on_native_stack(|| call.make_caught())
    })
}

/// Calls `f(arg)`, which is code of the language's own, called back from a native region: it polls, as
/// `vt_poll_slow` does, and is outside of the region until `f` has returned. `[any]`
///
/// `f` may wait, and the fiber may change threads meanwhile unless it is pinned or on the thread's own
/// stack. `VT_EINVAL`: `f` is null. `VT_EFAILED`: it is written in Rust, and panicked. That the fiber is
/// canceled `f` learns from its own polls and waits.
///
/// # Safety
/// `f` may be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_call_managed(f: vt_fn, arg: *mut c_void) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let call = unsafe { Invocation::new(f, arg) }?;
        vitte_scheduler::call_managed(|| call.make_caught())
    })
}
