//! Polls: where code that does not wait can be asked to.

use crate::{
    VT_ECANCELED,
    boundary::{fiber, status, value},
    callback::{Shared, vt_drop},
    fiber::vt_fiber,
    handle, vt_runtime, vt_status,
};
use std::{ffi::c_void, ptr};
use vitte_scheduler::{FiberId, Poll, SliceEnd};

/// What a fiber and code generated for it look at all the time. Its address stays the same as
/// long as the fiber lives, on whatever thread, and is a multiple of 64.
///
/// Only `user` is the embedder's to write; the rest is to be read.
#[derive(Debug)]
#[repr(C)]
pub struct vt_hot {
    /// Not 0: call `vt_poll_slow`. Written by any thread, so to be read anew (and as if it were
    /// volatile) at every poll. `vt_poll` does. It is set when the fiber is canceled or interrupted, when its
    /// slice is over and others wait, and when a fiber of a higher priority does.
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
/// It reads the clock. Nobody need call it unless the poll word is set: the end of a slice sets it
/// while others wait.
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

/// At the end of a slice: the fiber goes on, with another one. Whoever always says so lets the others
/// starve.
pub const VT_SLICE_CONTINUE: u32 = 0;
/// At the end of a slice: the fiber lets others run, as usual.
pub const VT_SLICE_YIELD: u32 = 1;
/// At the end of a slice: the fiber is canceled.
pub const VT_SLICE_CANCEL: u32 = 2;

/// Says what becomes of a fiber whose slice is over while others wait: one of `VT_SLICE_...`; any other
/// number is `VT_SLICE_YIELD`. Called on that fiber, in its poll. It must not wait, and must not be left by
/// an exception.
pub type vt_slice_handler = Option<unsafe extern "C" fn(fiber: vt_fiber, arg: *mut c_void) -> u32>;

/// Uses up `permille` thousandths of the calling fiber's slice at once. `[fib]`
///
/// For work that takes long between two polls, or costs otherwise. When nothing of the slice is left,
/// the poll word is set, and the next poll lets others run, if any wait. `VT_ECONTEXT`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_consume(permille: u32) -> vt_status {
    status(|| {
        fiber()?;
        vitte_scheduler::consume(permille);
        Ok(())
    })
}

/// Has `handler(fiber, arg)` asked at the end of each slice, while others wait. `[any]`
///
/// It takes the place of the one before, of which a call may be under way. Null for `handler`: fibers
/// yield, as they do in the beginning. `arg` belongs to the library from the call on, whatever comes of
/// it: `drop` gets it when no call will use it any more, at the latest when the runtime is gone.
///
/// `VT_ESTALE`, `VT_ECONTEXT`: as for `vt_spawn`.
///
/// # Safety
/// `handler` may be called with `arg` on any thread, also several at once; afterwards `drop` may, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_set_slice_handler(
    rt: *mut vt_runtime,
    handler: vt_slice_handler,
    arg: *mut c_void,
    drop: vt_drop,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let asked = unsafe { Shared::take(arg, drop) };
        let scheduler = handle::get(rt)?;
        scheduler.set_slice_handler(handler.map(|handler| {
            move |fiber: FiberId| {
                // SAFETY: by this function's contract.
                match unsafe { handler(fiber.to_bits(), asked.get()) } {
                    VT_SLICE_CONTINUE => SliceEnd::Continue,
                    VT_SLICE_CANCEL => SliceEnd::Cancel,
                    _ => SliceEnd::Yield,
                }
            }
        }));
        Ok(())
    })
}
