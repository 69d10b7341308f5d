//! The runtime, through its C functions and nothing else: a thin safe layer over exactly the `vt_*`
//! that this command uses. Any host could do the same.

use std::ffi::{CStr, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use vitte::{
    VT_DETACHED, VT_EAGAIN, VT_ECANCELED, VT_ECLOSED, VT_ELAGGED, VT_ENOBODY, VT_ETIMEDOUT,
    VT_FOREVER, VT_NOW, VT_OK, VT_PRIORITY_HIGH, VT_PRIORITY_LOW, VT_PRIORITY_NORMAL,
    VT_SHUTDOWN_ABANDON, vt_fiber_options, vt_options, vt_runtime, vt_stats, vt_status,
};

use crate::state::tick;

mod broadcast;
mod chan;
mod fd;
mod group;
mod select;
mod timer;

pub(crate) use broadcast::{CAPACITY_MAX, Source, Tap};
pub(crate) use chan::Chan;
pub(crate) use fd::{For, Watched};
pub(crate) use group::{Because, Group};
pub(crate) use select::{CASES_MAX, Case, Gone, select};
pub(crate) use timer::{Tick, Timer};

/// A deadline that is never reached.
pub(crate) const FOREVER: i64 = VT_FOREVER;
/// A deadline that is past: the call does not wait.
pub(crate) const TRY: i64 = VT_NOW;

/// Why a call of the runtime did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The deadline passed.
    TimedOut,
    /// The calling task is to end.
    Canceled,
    /// The channel is closed.
    Closed,
    /// It cannot be done without waiting.
    Again,
    /// So many values came and went before they were received.
    Lagged(u64),
    /// Nobody is subscribed.
    Nobody,
    /// Anything else; the number is a `vt_status`.
    Other(i32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match *self {
            Fault::TimedOut => VT_ETIMEDOUT,
            Fault::Canceled => VT_ECANCELED,
            Fault::Closed => VT_ECLOSED,
            Fault::Again => VT_EAGAIN,
            Fault::Lagged(_) => VT_ELAGGED,
            Fault::Nobody => VT_ENOBODY,
            Fault::Other(status) => status,
        };
        // SAFETY: the name of a status is a static string, never null.
        let name = unsafe { CStr::from_ptr(vitte::vt_status_name(status)) };
        f.write_str(&name.to_string_lossy())
    }
}

fn check(status: vt_status) -> Result<(), Fault> {
    match status {
        VT_OK => Ok(()),
        VT_ETIMEDOUT => Err(Fault::TimedOut),
        VT_ECANCELED => Err(Fault::Canceled),
        VT_ECLOSED => Err(Fault::Closed),
        VT_EAGAIN => Err(Fault::Again),
        VT_ENOBODY => Err(Fault::Nobody),
        other => Err(Fault::Other(other)),
    }
}

/// A running runtime. Not shut down when dropped: the process that made it decides when.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: *mut vt_runtime,
    workers: u32,
    stack: usize,
}

// SAFETY: the handle is never followed; every function that takes it may be called from any thread.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

/// What the runtime counted.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) workers: u32,
    pub(crate) live: u64,
    pub(crate) spawned: u64,
    pub(crate) switches: u64,
    pub(crate) steals: u64,
    pub(crate) stack_bytes: u64,
}

/// How urgent a fiber is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Priority {
    High = VT_PRIORITY_HIGH,
    #[default]
    Normal = VT_PRIORITY_NORMAL,
    Low = VT_PRIORITY_LOW,
}

/// Names a fiber for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FiberId(u64);

type Body = Box<dyn FnOnce() + Send>;

impl Runtime {
    /// Starts a runtime; `None` workers: as many as there are processors. Fibers get `stack` bytes
    /// of stack.
    pub(crate) fn create(workers: Option<u32>, stack: usize) -> Result<Runtime, Fault> {
        // SAFETY: zeros are a value of a struct of integers and pointers.
        let mut options: vt_options = unsafe { std::mem::zeroed() };
        // SAFETY: `options` has as many writable bytes as its size says.
        check(unsafe { vitte::vt_options_init(&raw mut options, size_of::<vt_options>()) })?;
        options.workers = workers.unwrap_or(0);
        options.stack_size = stack;
        let mut handle = ptr::null_mut();
        // SAFETY: both point to live locals.
        check(unsafe { vitte::vt_runtime_create(&raw const options, &raw mut handle) })?;
        let mut runtime = Runtime {
            handle,
            workers: 0,
            stack,
        };
        runtime.workers = runtime.stats().workers;
        Ok(runtime)
    }

    pub(crate) fn workers(&self) -> u32 {
        self.workers
    }

    /// Runs `body` on a new fiber, which may move between threads whenever it waits. Nobody joins
    /// it; a panic in it is dropped.
    pub(crate) fn spawn(
        &self,
        priority: Priority,
        group: Option<&Group>,
        body: Body,
    ) -> Result<FiberId, Fault> {
        let options = vt_fiber_options {
            size: size_of::<vt_fiber_options>() as u32,
            flags: VT_DETACHED,
            stack_size: self.stack,
            name: ptr::null(),
            user: ptr::null_mut(),
            priority: priority as i32,
            rsv: 0,
            group: group.map_or(ptr::null_mut(), Group::raw),
            group_deadline: VT_NOW,
        };
        let arg = Box::into_raw(Box::new(body)).cast::<c_void>();
        let mut id = 0;
        // SAFETY: `enter` or `discard` gets `arg`, once, on whatever thread: the body is `Send`. It
        // bears being moved later, too: see Note [Moving Lua] in `state`. The options, the place for
        // the id, and the group are alive.
        check(unsafe {
            vitte::vt_spawn(
                self.handle,
                &raw const options,
                Some(enter),
                arg,
                Some(discard),
                &raw mut id,
            )
        })?;
        Ok(FiberId(id))
    }

    pub(crate) fn stats(&self) -> Stats {
        // SAFETY: zeros are a value of a struct of integers.
        let mut stats: vt_stats = unsafe { std::mem::zeroed() };
        stats.size = size_of::<vt_stats>() as u32;
        // SAFETY: `stats` has as many writable bytes as its size says. A failure leaves zeros.
        let _ = unsafe { vitte::vt_stats_get(self.handle, &raw mut stats) };
        Stats {
            workers: stats.workers,
            live: stats.live,
            spawned: stats.spawned,
            switches: stats.switches,
            steals: stats.steals,
            stack_bytes: stats.stack_bytes,
        }
    }

    /// Cancels every fiber and waits for the end of all until the deadline; those that are left
    /// stay where they are.
    pub(crate) fn shutdown(&self, deadline: i64) -> Result<(), Fault> {
        check(vitte::vt_runtime_shutdown(
            self.handle,
            VT_SHUTDOWN_ABANDON,
            deadline,
        ))
    }
}

unsafe extern "C-unwind" fn enter(arg: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made it so, and the runtime calls this once or `discard` once.
    let body = unsafe { Box::from_raw(arg.cast::<Body>()) };
    // A panic is a defect of this command. It has been reported, and must not take the process with
    // it.
    let _ = catch_unwind(AssertUnwindSafe(body));
    ptr::null_mut()
}

unsafe extern "C-unwind" fn discard(arg: *mut c_void) {
    // SAFETY: as in `enter`.
    drop(unsafe { Box::from_raw(arg.cast::<Body>()) });
}

/// The calling fiber.
pub(crate) fn current() -> FiberId {
    FiberId(vitte::vt_fiber_self())
}

/// Asks a fiber to end. Nothing happens if it is gone.
pub(crate) fn cancel(fiber: FiberId) {
    let _ = vitte::vt_cancel(fiber.0, 0);
}

/// Gives a fiber another priority. Nothing happens if it is gone.
pub(crate) fn set_priority(fiber: FiberId, priority: Priority) {
    let _ = vitte::vt_fiber_set_priority(fiber.0, priority as i32);
}

/// Gives way if the slice is used up; says whether the fiber is to end.
///
/// Asks the runtime every time, without a look at the poll word first: it is called seldom, and the
/// word says only that somebody wants something, not that the slice is over.
pub(crate) fn poll() -> Result<(), Fault> {
    if vitte::vt_fiber_self() == 0 {
        return Ok(());
    }
    check(tick::aside(|| vitte::vt_poll_slow()))
}

/// Runs `wait` with requests to end ignored until it is over.
pub(crate) fn masked<R>(wait: impl FnOnce() -> R) -> R {
    let before = vitte::vt_cancel_mask(1);
    let result = wait();
    vitte::vt_cancel_mask(before);
    result
}

/// Lets other fibers run.
pub(crate) fn yield_now() -> Result<(), Fault> {
    check(tick::aside(|| vitte::vt_yield()))?;
    poll()
}

pub(crate) fn sleep_until(deadline: i64) -> Result<(), Fault> {
    check(tick::aside(|| vitte::vt_sleep_until(deadline)))
}

/// Nanoseconds on the monotonic clock.
pub(crate) fn now() -> i64 {
    vitte::vt_now()
}

/// Whether the running fiber has so many bytes of stack left. Yes, on a thread.
pub(crate) fn has_stack(bytes: usize) -> bool {
    vitte::vt_fiber_self() == 0 || vitte::vt_fiber_reserve(bytes) == VT_OK
}
