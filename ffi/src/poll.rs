//! Polls: where code that does not wait can be asked to.

use crate::{
    VT_ECANCELED,
    boundary::{fiber, status, value},
    vt_status,
};
use std::{ffi::c_void, ptr};
use vitte_scheduler::Poll;

/// What a fiber and code generated for it look at all the time. Its address stays the same as
/// long as the fiber lives, on whatever thread, and is a multiple of 64.
///
/// Only `user` is the embedder's to write; the rest is to be read.
#[derive(Debug)]
#[repr(C)]
pub struct vt_hot {
    /// Not 0: call `vt_poll_slow`. Written by any thread, so to be read anew (and as if it were
    /// volatile) at every poll. `vt_poll` does. In this version only cancellation sets it.
    pub poll: u32,
    /// Reserved.
    pub flags: u32,
    /// As given when the fiber was spawned.
    pub user: *mut c_void,
    /// The lowest address of the stack.
    pub lo: usize,
    /// The address behind the highest of the stack.
    pub hi: usize,
    /// Reserved.
    pub rsv: [u64; 4],
}

/// The calling fiber's hot line, null if the caller is no fiber. `[any]`
///
/// To be asked once a fiber, and kept.
#[unsafe(no_mangle)]
pub extern "C" fn vt_fiber_hot() -> *mut vt_hot {
    value(ptr::null_mut(), || {
        vitte_scheduler::current_hot().cast_mut().cast()
    })
}

/// A safepoint that looks at everything: does what the poll word asks for, and lets others run if
/// the time slice is used up and others wait. `[fib]`
///
/// It reads the clock. A loop that runs for long calls it now and then (every few thousand rounds,
/// say) even where `vt_poll` finds nothing, because nothing else ends a slice in this version.
///
/// `VT_OK`: go on. `VT_ECANCELED`: the fiber is canceled, and not masked; the same answer comes
/// at every poll from then on. `VT_ECONTEXT`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_poll_slow() -> vt_status {
    status(|| {
        fiber()?;
        match vitte_scheduler::poll_slow() {
            Poll::Continue => Ok(()),
            Poll::Canceled => Err(VT_ECANCELED),
        }
    })
}
