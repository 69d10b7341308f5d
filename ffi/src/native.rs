//! Native regions: around foreign code that may block its thread.

use crate::{
    VT_EINVAL,
    boundary::{ensure, status, value},
    vt_status,
};

/// What runs in the region may block its thread for long: other fibers are to be run elsewhere. (In
/// this version this is recorded, but no other thread takes over.)
pub const VT_MAY_BLOCK: u32 = 1;
/// What runs in the region touches nothing that a garbage collector moves or frees.
pub const VT_GC_SAFE: u32 = 2;

/// Begins a native region. `[any]` (Outside fibers a region means nothing, and costs nothing.)
///
/// `flags` is `VT_MAY_BLOCK`, `VT_GC_SAFE`, both or 0; other bits are ignored. Returns what was
/// before, for `vt_native_leave`; so regions nest, and a region without flags inside another is
/// the way back into code that is not foreign. Between the two the fiber must not call a function
/// that waits or yields.
#[unsafe(no_mangle)]
pub extern "C" fn vt_native_enter(flags: u32) -> u32 {
    value(0, || {
        vitte_scheduler::native_enter(flags & (VT_MAY_BLOCK | VT_GC_SAFE))
    })
}

/// Ends the innermost native region; `old` is what its `vt_native_enter` returned. `[any]`
///
/// The fiber may wait here for a thread to go on with, and may go on on another thread unless it
/// is pinned. `VT_EINVAL`: `old` cannot be what was returned.
#[unsafe(no_mangle)]
pub extern "C" fn vt_native_leave(old: u32) -> vt_status {
    status(|| {
        ensure(old & !(VT_MAY_BLOCK | VT_GC_SAFE) == 0, VT_EINVAL)?;
        vitte_scheduler::native_leave(old);
        Ok(())
    })
}
