//! Threads that belong to a runtime: attached ones, dedicated ones, and guards, which keep it from ending.

use crate::{
    VT_DETACHED, VT_EBUSY, VT_ECANCELED, VT_ECONTEXT, VT_EDEADLK, VT_EDUP, VT_EFAILED,
    VT_EINTERNAL, VT_EINVAL, VT_ESHUTDOWN, VT_ESYS, VT_EUNSUPPORTED,
    boundary::{Answer, Out, ensure, status, value},
    callback::{Argument, vt_drop, vt_entry},
    deadline::{deadline, late},
    handle, layout,
    named::Named,
    text, vt_runtime, vt_status,
};
use libc::size_t;
use std::{
    ffi::{c_char, c_void},
    ptr,
    thread::{self, ThreadId},
};
use vitte_scheduler::{AttachError, Attached, Guard, JoinError, RawBody, current_id};
use vitte_threads::{Thread, ThreadHandle};
use vitte_wait::Deadline;

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

/// A thread that belongs to a runtime. The pointer is a number that only the functions of this header understand.
#[derive(Debug)]
pub struct vt_thread(());

static THREADS: Named<vt_thread, Kind> = Named::new();

enum Kind {
    Attached(Foreign),
    Dedicated {
        thread: Option<ThreadId>,
        /// Nothing while somebody joins it.
        handle: Option<ThreadHandle<Value>>,
    },
}

/// A thread that has attached itself; and which one that is.
struct Foreign {
    _attached: Attached,
    thread: ThreadId,
}

// SAFETY: other threads look at the number only. `vt_thread_detach` takes the value out, and drops it, on the
// thread that it is of, and nobody else does.
unsafe impl Send for Foreign {}

/// What a thread's entry returned.
#[derive(Debug)]
struct Value(*mut c_void);

// SAFETY: it is only passed on.
unsafe impl Send for Value {}

/// Keeps a runtime from ending. The pointer is a number that only the functions of this header understand.
#[derive(Debug)]
pub struct vt_guard(());

static GUARDS: Named<vt_guard, Guard> = Named::new();

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
        let kind = Kind::Attached(Foreign {
            _attached: attached,
            thread: thread::current().id(),
        });
        // SAFETY: by this function's contract.
        unsafe { out.write(THREADS.name(kind)) };
        Ok(())
    })
}

/// Undoes `vt_thread_attach`; `thread` is stale from then on. `[any]`
///
/// `VT_EINVAL`: it is null, or not attached but dedicated. `VT_ECONTEXT`: not called on the thread that was attached.
/// `VT_ESTALE`: detached already, or never attached. Then nothing was done.
#[unsafe(no_mangle)]
pub extern "C" fn vt_thread_detach(thread: *mut vt_thread) -> vt_status {
    status(|| {
        let attached = THREADS.take_if(thread, |kind| match kind {
            Kind::Attached(its) => ensure(is_here(its.thread), VT_ECONTEXT),
            Kind::Dedicated { .. } => Err(VT_EINVAL),
        })?;
        // Here, and after the look under the lock: a shutdown may wait for it.
        drop(attached);
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
        unsafe { out.write(GUARDS.name(guard)) };
        Ok(())
    })
}

/// Lets the runtime end. `[any]` Null is nothing, and so is a guard that was released already.
#[unsafe(no_mangle)]
pub extern "C" fn vt_guard_release(guard: *mut vt_guard) {
    value((), || {
        // Who names none has none to release, and there is no status to say so with.
        drop(GUARDS.take_if(guard, |_| Ok(())));
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
            let kind = Kind::Dedicated {
                thread: handle.id(),
                handle: Some(handle),
            };
            // SAFETY: by this function's contract.
            unsafe { out.write(THREADS.name(kind)) };
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

/// Waits until a dedicated thread has ended, and takes what its entry returned. `[any]` (A fiber suspends.)
///
/// A thread is joined once: after `VT_OK` and `VT_EFAILED` `thread` is stale. `result` may be null, and is written on
/// `VT_OK` only.
///
/// `VT_EFAILED`: its entry, written in Rust, panicked. `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: it
/// runs. `VT_ECANCELED`: the *caller* was canceled. `VT_EBUSY`: another joins it. `VT_EDEADLK`: it is the caller.
/// `VT_ESTALE`: it was joined already, or never was. `VT_EINVAL`: it is null, or attached and not dedicated, or the
/// deadline is negative.
///
/// # Safety
/// `result` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_thread_join(
    thread: *mut vt_thread,
    until: i64,
    result: *mut *mut c_void,
) -> vt_status {
    status(|| {
        let (result, until_when) = (Out::optional(result)?, deadline(until)?);
        let value = Joining::begin(thread)?.join(until_when, late(until))?;
        if let Some(result) = result {
            // SAFETY: by this function's contract.
            unsafe { result.write(value.0) };
        }
        Ok(())
    })
}

/// The handle of a dedicated thread, out of its place while it is joined, for no lock is held while one waits.
struct Joining {
    thread: *mut vt_thread,
    /// Put back if this is dropped.
    handle: Option<ThreadHandle<Value>>,
}

impl Joining {
    fn begin(thread: *mut vt_thread) -> Answer<Self> {
        THREADS.visit(thread, |kind| match kind {
            Kind::Attached(_) => Err(VT_EINVAL),
            Kind::Dedicated { thread: its, .. } if its.is_some_and(is_here) => Err(VT_EDEADLK),
            Kind::Dedicated { handle, .. } => {
                let handle = Some(handle.take().ok_or(VT_EBUSY)?);
                Ok(Self { thread, handle })
            }
        })
    }

    /// What the thread's entry returned; `late` if the deadline passes first.
    fn join(mut self, until: Deadline, late: vt_status) -> Answer<Value> {
        let handle = self.handle.as_mut().ok_or(VT_EINTERNAL)?;
        let ended = match handle.join_with(until, None) {
            Ok(value) => Ok(value),
            Err(JoinError::TimedOut) => return Err(late),
            Err(JoinError::Canceled | JoinError::Stopped) => return Err(VT_ECANCELED),
            Err(_) => Err(VT_EFAILED),
        };
        self.handle = None;
        THREADS.take_if(self.thread, |_| Ok(()))?;
        ended
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(back) = self.handle.take() {
            // It is there: who has its handle strikes it off, and that is us.
            let _ = THREADS.visit(self.thread, |kind| {
                if let Kind::Dedicated { handle, .. } = kind {
                    *handle = Some(back);
                }
                Ok(())
            });
        }
    }
}

/// Whether the caller is this thread, and no fiber on it.
fn is_here(thread: ThreadId) -> bool {
    thread == thread::current().id() && current_id().is_none()
}

fn not_attached(error: AttachError) -> vt_status {
    match error {
        AttachError::ShuttingDown => VT_ESHUTDOWN,
        _ => VT_EDUP,
    }
}
