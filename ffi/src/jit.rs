//! What a code generator must know to emit polls and stack checks itself.

use crate::{
    boundary::status,
    handle,
    layout::{Answered, Sizable},
    vt_hot, vt_runtime, vt_status,
};
use std::mem::offset_of;

/// Where generated code finds things in a fiber's hot line, whose address `vt_fiber_hot` tells.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_jit_layout {
    /// `sizeof(vt_jit_layout)`, set by the caller.
    pub size: u32,
    /// If not 0, the hot line can be found from the stack pointer, by clearing so many of its low bits. In this
    /// version it is 0: pass the address on, in a register, say.
    pub stack_mask_log2: u32,
    /// Where the poll word is: 32 bits, not 0 if `vt_poll_slow` is to be called.
    pub off_poll: u32,
    /// Where the embedder's word is.
    pub off_user: u32,
    /// Where the lowest address of the stack is.
    pub off_lo: u32,
    /// Where the address behind the stack is.
    pub off_hi: u32,
}

// SAFETY: integers only, `size` first; no padding by the assertion below.
unsafe impl Sizable for vt_jit_layout {}

const _: () = assert!(size_of::<vt_jit_layout>() == 6 * size_of::<u32>());

/// Tells where generated code finds what it needs. `[any]`, `[fib]` with null for `rt`.
///
/// It is the same for all fibers of the runtime, as long as it lives. `out->size` must be set. `VT_EINVAL`: `out` is
/// null, or its size is impossible. `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`.
///
/// # Safety
/// `out` is null or points to as many writable bytes as its size field says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_jit_layout_get(
    rt: *mut vt_runtime,
    out: *mut vt_jit_layout,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let out = unsafe { Answered::new(out) }?;
        handle::get(rt)?;
        let layout = vt_jit_layout {
            size: 0,
            stack_mask_log2: 0,
            off_poll: offset_of!(vt_hot, poll) as u32,
            off_user: offset_of!(vt_hot, user) as u32,
            off_lo: offset_of!(vt_hot, lo) as u32,
            off_hi: offset_of!(vt_hot, hi) as u32,
        };
        // SAFETY: by this function's contract.
        unsafe { out.write(&layout) };
        Ok(())
    })
}
