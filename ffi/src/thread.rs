//! Threads that belong to a runtime: attached ones, dedicated ones, and guards, which keep it from ending.

use crate::{
    VT_DETACHED, VT_EBUSY, VT_ECANCELED, VT_ECONTEXT, VT_EDUP, VT_EFAILED, VT_EINVAL, VT_ESHUTDOWN,
    VT_ESYS, VT_EUNSUPPORTED,
    boundary::{Answer, Out, ensure, status, value},
    callback::{Argument, vt_drop, vt_entry},
    deadline::{deadline, late},
    handle, layout, text, vt_runtime, vt_status,
};
use libc::size_t;
use std::{
    ffi::{c_char, c_void},
    ptr, thread,
};
use vitte_scheduler::{AttachError, Attached, Guard, JoinError, RawBody, Scheduler};
use vitte_threads::{Thread, ThreadHandle};
use vitte_wait::facade::Mutex;

/// How a dedicated thread is started, or another one attached. Zero in a field means: what the library finds best.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_thread_options {
    /// `sizeof(vt_thread_options)`.
    pub size: u32,
    /// `VT_DETACHED`, or 0. Of one that is attached: 0.
    pub flags: u32,
    /// Bytes of stack. 0: 2 MiB. Of one that is attached: 0, for it has its stack.
    pub stack_size: size_t,
    /// What it is called; UTF-8, copied. The system shows the first 15 bytes. One that is attached keeps its name for the
    /// system; this one is for errors and dumps.
    pub name: *const c_char,
}

/// A thread that belongs to a runtime.
#[derive(Debug)]
pub struct vt_thread(Kind);

#[derive(Debug)]
enum Kind {
    /// Attached itself; and which thread that is.
    Foreign(
        #[expect(dead_code, reason = "it attaches by being there")] Attached,
        thread::ThreadId,
    ),
    Dedicated(Mutex<Option<ThreadHandle<Value>>>),
}

/// What a thread's entry returned.
#[derive(Debug)]
struct Value(*mut c_void);

// SAFETY: it is only passed on.
unsafe impl Send for Value {}

/// Keeps a runtime from ending.
#[derive(Debug)]
pub struct vt_guard(#[expect(dead_code, reason = "it keeps by being there")] Guard);

/// Makes the calling thread one of the runtime's: `vt_current` and null for a runtime mean it from now
/// on, and a shutdown waits until it is detached. `[any]`, not on a fiber.
///
/// `options` may be null. `*out` is to be given to `vt_thread_detach`, on the same thread, before it ends.
///
/// `VT_EINVAL`: `rt` or `out` is null, or an option is wrong, or is one for starting threads. `VT_EUNSUPPORTED`: an option
/// this version does not know. `VT_ESTALE`. `VT_ESHUTDOWN`: it is being shut down. `VT_EDUP`: the
/// thread is attached already, or runs fibers.
///
/// # Safety
/// `options` is null or points to as many readable bytes as its size field says, in which `name` is null or
/// ends with a zero byte; `out` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_thread_attach(
    rt: *mut vt_runtime,
    options: *const vt_thread_options,
    out: *mut *mut vt_thread,
) -> vt_status {
    status(|| {
        ensure(!rt.is_null(), VT_EINVAL)?;
        let out = Out::new(out)?;
        // SAFETY: by this function's contract.
        let options = unsafe { layout::read(options) }?;
        ensure(options.flags & !VT_DETACHED == 0, VT_EUNSUPPORTED)?;
        ensure(options.flags == 0 && options.stack_size == 0, VT_EINVAL)?;
        // SAFETY: by this function's contract.
        let name = unsafe { text::read(options.name) }?;
        let guard = handle::get(rt)?.guard().map_err(not_attached)?;
        let attached = match name {
            Some(name) => guard.attach_as(name),
            None => guard.attach(),
        };
        let attached = attached.map_err(not_attached)?;
        let kind = Kind::Foreign(attached, thread::current().id());
        // SAFETY: by this function's contract.
        unsafe { out.write(Box::into_raw(Box::new(vt_thread(kind)))) };
        Ok(())
    })
}

/// Undoes `vt_thread_attach`, and frees `thread`. `[any]`
///
/// `VT_EINVAL`: it is null, or not attached but dedicated. `VT_ECONTEXT`: not the thread that was attached, or one that
/// is attached no more, so that to detach twice is an error; nothing was done.
///
/// # Safety
/// `thread` is null, or came from `vt_thread_attach` or `vt_thread_spawn` and was not freed, or the calling thread is
/// attached to nothing and runs no fiber.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_thread_detach(thread: *mut vt_thread) -> vt_status {
    status(|| {
        ensure(!thread.is_null(), VT_EINVAL)?;
        // Whoever is attached to nothing has nothing to detach, and `thread` may be freed.
        ensure(Scheduler::current().is_some(), VT_ECONTEXT)?;
        // SAFETY: by this function's contract.
        match unsafe { thread.as_ref() } {
            Some(vt_thread(Kind::Foreign(_, id))) => {
                ensure(*id == thread::current().id(), VT_ECONTEXT)?;
            }
            _ => return Err(VT_EINVAL),
        }
        // SAFETY: as above, and it is used no more.
        drop(unsafe { Box::from_raw(thread) });
        Ok(())
    })
}

/// Keeps the runtime from ending until `vt_guard_release`: a shutdown waits, until its deadline, and until
/// then threads may still spawn fibers. `[any]`
///
/// `VT_EINVAL`: `rt` or `out` is null. `VT_ESTALE`. `VT_ESHUTDOWN`: it is too late.
///
/// # Safety
/// `out` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_guard_acquire(
    rt: *mut vt_runtime,
    out: *mut *mut vt_guard,
) -> vt_status {
    status(|| {
        ensure(!rt.is_null(), VT_EINVAL)?;
        let out = Out::new(out)?;
        let guard = handle::get(rt)?.guard().map_err(not_attached)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(Box::into_raw(Box::new(vt_guard(guard)))) };
        Ok(())
    })
}

/// Lets the runtime end. `[any]` Null is nothing.
///
/// # Safety
/// `guard` is null, or came from `vt_guard_acquire` and was not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_guard_release(guard: *mut vt_guard) {
    value((), || {
        if !guard.is_null() {
            // SAFETY: by this function's contract.
            drop(unsafe { Box::from_raw(guard) });
        }
    });
}

/// Starts a thread of the runtime's own that runs `entry(arg)`: for what blocks for ever, or needs a thread
/// to itself. It is attached, and a shutdown waits for its end; one that cancels ends its waits, and unblocks its
/// `vt_call_blocking`, with `VT_ECANCELED`. `[any]`
///
/// `options` may be null. `*out` is to be given to `vt_thread_join`; it may be null if the thread is
/// `VT_DETACHED`. `arg` belongs to the library from the call on: either `entry` is called with it, or
/// `drop`, if that is not null.
///
/// `VT_EINVAL`: `rt`, `entry` or `out` is null, or an option is wrong. `VT_EUNSUPPORTED`: an option this
/// version does not know. `VT_ESTALE`, `VT_ESHUTDOWN`. `VT_ESYS`: the system gave no thread.
///
/// # Safety
/// `options` is null or points to as many readable bytes as its size field says, in which `name` is null or
/// ends with a zero byte; `out` is null or writable. `entry` may be called with `arg` on another thread,
/// once; `drop` in its place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_thread_spawn(
    rt: *mut vt_runtime,
    options: *const vt_thread_options,
    entry: vt_entry,
    arg: *mut c_void,
    drop: vt_drop,
    out: *mut *mut vt_thread,
) -> vt_status {
    // SAFETY: by this function's contract.
    let argument = unsafe { Argument::take(arg, drop) };
    status(move || {
        ensure(!rt.is_null() && entry.is_some(), VT_EINVAL)?;
        // SAFETY: by this function's contract.
        let options = unsafe { layout::read(options) }?;
        ensure(options.flags & !VT_DETACHED == 0, VT_EUNSUPPORTED)?;
        let detached = options.flags & VT_DETACHED != 0;
        let out = if detached { None } else { Some(Out::new(out)?) };
        let mut builder = Thread::builder();
        // SAFETY: by this function's contract.
        if let Some(name) = unsafe { text::read(options.name) }? {
            builder = builder.name(name);
        }
        if options.stack_size != 0 {
            builder = builder.stack_size(options.stack_size);
        }
        let guard = handle::get(rt)?.guard().map_err(not_attached)?;
        // What is not run drops its argument.
        let handle = builder.spawn_with(guard, move || run(argument, entry));
        let handle = handle.map_err(|_| VT_ESYS)?;
        if let Some(out) = out {
            let thread = vt_thread(Kind::Dedicated(Mutex::new(Some(handle))));
            // SAFETY: by this function's contract.
            unsafe { out.write(Box::into_raw(Box::new(thread))) };
        }
        Ok(())
    })
}

fn run(argument: Argument, entry: vt_entry) -> Value {
    match argument.body(entry) {
        // SAFETY: whoever spawned the thread answers for the two.
        Ok(RawBody { entry, arg, .. }) => Value(unsafe { entry(arg) }),
        Err(_) => Value(ptr::null_mut()),
    }
}

/// Waits until a dedicated thread has ended, takes what its entry returned, and frees `thread`. `[any]`
/// (A fiber suspends.)
///
/// `result` may be null, and is written on `VT_OK` only. `thread` is freed on `VT_OK` and `VT_EFAILED`.
///
/// `VT_EFAILED`: its entry, written in Rust, panicked. `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: it
/// runs. `VT_ECANCELED`: the *caller* was canceled. `VT_EBUSY`: another joins it. `VT_EINVAL`: it is null,
/// or attached and not dedicated, or the deadline is negative.
///
/// # Safety
/// `thread` is null, or came from `vt_thread_attach` or `vt_thread_spawn` and was not freed; `result` is
/// null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_thread_join(
    thread: *mut vt_thread,
    until: i64,
    result: *mut *mut c_void,
) -> vt_status {
    status(|| {
        let (result, until_when) = (Out::optional(result)?, deadline(until)?);
        // SAFETY: by this function's contract.
        let Some(vt_thread(Kind::Dedicated(place))) = (unsafe { thread.as_ref() }) else {
            return Err(VT_EINVAL);
        };
        // Taken out, for no lock is held while one waits.
        let mut handle = place.lock().take().ok_or(VT_EBUSY)?;
        let joined: Answer<Value> = match handle.join_with(until_when, None) {
            Ok(value) => Ok(value),
            Err(JoinError::TimedOut) => Err(late(until)),
            Err(JoinError::Canceled | JoinError::Stopped) => Err(VT_ECANCELED),
            Err(_) => Err(VT_EFAILED),
        };
        if !matches!(joined, Ok(_) | Err(VT_EFAILED)) {
            *place.lock() = Some(handle);
        }
        let value = match joined {
            Ok(value) => Ok(value),
            Err(VT_EFAILED) => Err(VT_EFAILED),
            Err(status) => return Err(status),
        };
        // SAFETY: by this function's contract, and nobody else joins it.
        drop(unsafe { Box::from_raw(thread) });
        let value = value?;
        if let Some(result) = result {
            // SAFETY: by this function's contract.
            unsafe { result.write(value.0) };
        }
        Ok(())
    })
}

fn not_attached(error: AttachError) -> vt_status {
    match error {
        AttachError::ShuttingDown => VT_ESHUTDOWN,
        _ => VT_EDUP,
    }
}
