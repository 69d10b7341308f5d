//! Hooks: what is called at the turns of a worker's life, and when fibers come and go.

use crate::{
    VT_EUNSUPPORTED,
    boundary::{Answer, ensure},
    callback::{Shared, vt_drop},
    fiber::vt_fiber,
    layout,
    poll::vt_hot,
};
use std::{ffi::c_void, ptr, sync::Arc};
use vitte_scheduler::{Hooks, Switch};

/// Called on a worker's thread, with the worker's number. It must not wait, and must not be left by an exception.
pub type vt_worker_hook = Option<unsafe extern "C" fn(worker: u32, arg: *mut c_void)>;

/// Called on a worker's thread when a fiber comes or has gone. `hot` has the bounds of its stack and its `user` word; it
/// is null when the fiber is over. It must not wait, and must not be left by an exception.
pub type vt_switch_hook = Option<
    unsafe extern "C" fn(fiber: vt_fiber, worker: u32, hot: *const vt_hot, arg: *mut c_void),
>;

/// What is called when, given with `vt_options.hooks`. Null in a field: nothing. A runtime without hooks pays nothing.
///
/// All are called on the worker's thread, on its own stack, with `arg`, several at once on different threads.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_hooks {
    /// `sizeof(vt_hooks)`.
    pub size: u32,
    /// 0.
    pub flags: u32,
    /// On a new thread of a worker, before it runs any fiber. A number may have several threads, one after the other.
    pub thread_start: vt_worker_hook,
    /// On that thread after the last fiber, before it ends.
    pub thread_stop: vt_worker_hook,
    /// A worker has nothing to do, and is about to sleep.
    pub before_park: vt_worker_hook,
    /// It has slept.
    pub after_unpark: vt_worker_hook,
    /// A fiber is about to run: it begins, or goes on. Until its `switch_out` nothing else runs on this thread.
    pub switch_in: vt_switch_hook,
    /// The fiber has left its thread, for it waits, gave way, or is over. Nobody else runs it before this has returned.
    pub switch_out: vt_switch_hook,
    /// For all of them.
    pub arg: *mut c_void,
    /// Gets `arg` when no hook will use it any more: when the runtime is gone, or could not be made (but if that is because
    /// of a `size`, or of what lies behind the fields that this version knows). May be null.
    pub drop: vt_drop,
}

/// The hooks that the caller gave; none for null.
///
/// # Safety
/// `from` is null or points to as many readable bytes as its size field says. What it names may be called on any
/// thread, several at once, and afterwards `drop` once.
pub(crate) unsafe fn read(from: *const vt_hooks) -> Answer<Hooks> {
    // SAFETY: by the caller.
    let given = unsafe { layout::read(from) }?;
    // SAFETY: by the caller.
    let arg = Arc::new(unsafe { Shared::take(given.arg, given.drop) });
    ensure(given.flags == 0, VT_EUNSUPPORTED)?;
    let mut hooks = Hooks::default();
    let worker_hook = |hook: unsafe extern "C" fn(u32, *mut c_void)| {
        let arg = Arc::clone(&arg);
        // SAFETY: by the caller of `read`.
        move |worker: usize| unsafe { hook(worker as u32, arg.get()) }
    };
    let switch_hook = |hook: unsafe extern "C" fn(vt_fiber, u32, *const vt_hot, *mut c_void)| {
        let arg = Arc::clone(&arg);
        move |switch: &Switch<'_>| {
            let hot = switch.hot.map_or(ptr::null(), ptr::from_ref).cast();
            // SAFETY: by the caller of `read`; `vt_hot` says what the record has, see `layout`.
            unsafe { hook(switch.fiber.to_bits(), switch.worker as u32, hot, arg.get()) };
        }
    };
    if let Some(hook) = given.thread_start {
        hooks = hooks.thread_start(worker_hook(hook));
    }
    if let Some(hook) = given.thread_stop {
        hooks = hooks.thread_stop(worker_hook(hook));
    }
    if let Some(hook) = given.before_park {
        hooks = hooks.before_park(worker_hook(hook));
    }
    if let Some(hook) = given.after_unpark {
        hooks = hooks.after_unpark(worker_hook(hook));
    }
    if let Some(hook) = given.switch_in {
        hooks = hooks.switch_in(switch_hook(hook));
    }
    if let Some(hook) = given.switch_out {
        hooks = hooks.switch_out(switch_hook(hook));
    }
    Ok(hooks)
}
