//! Runtimes: create, ask, shut down.

use crate::{
    VT_ABI_VERSION, VT_EBUSY, VT_ECONTEXT, VT_EDUP, VT_EINTERNAL, VT_EINVAL, VT_ESHUTDOWN, VT_ESYS,
    VT_EUNSUPPORTED, affinity,
    boundary::{Answer, Out, ensure, status, value},
    deadline::{deadline, late},
    handle,
    hooks::{self, vt_hooks},
    layout::{self, Answered},
    text, vt_runtime, vt_status,
};
use libc::size_t;
use std::{ffi::c_char, ptr, time::Duration};
use vitte_scheduler::{
    AffinityError, Config, ResizeError, Scheduler, ShutdownError, ShutdownMode, StartError,
};

/// What a runtime is made of. Zero in a field means: what the library finds best.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_options {
    /// `sizeof(vt_options)`.
    pub size: u32,
    /// `VT_SEEDED` and `VT_HOST_DRIVEN`, or 0.
    pub flags: u32,
    /// How many threads run fibers. 0: as many as there are processors for this process.
    pub workers: u32,
    /// How many stacks there may be at once. 0: as many as the operating system allows.
    pub max_stacks: u32,
    /// The usable bytes of a fiber's stack, rounded up. 0: 64 KiB.
    pub stack_size: size_t,
    /// How many bytes of stacks without a fiber stay ready for use.
    pub warm_stack_bytes: size_t,
    /// How long a fiber runs before `vt_poll` lets others run, in nanoseconds.
    pub timeslice_ns: u64,
    /// With `VT_SEEDED`: where the scheduler's random choices begin.
    pub seed: u64,
    /// What the threads are called; UTF-8, copied.
    pub name: *const c_char,
    /// What is called at the turns of a worker's life, and when fibers come and go; copied. Null: nothing.
    pub hooks: *const vt_hooks,
    /// `VT_AFFINITY_...`: on which processors the threads run. A thief takes fibers first from workers with which it
    /// shares a cache.
    pub affinity: u32,
    /// Reserved.
    pub rsv: u32,
    /// The numbers of processors that `affinity` asks for, else null; copied.
    pub cpus: *const u32,
    /// How many they are.
    pub cpu_count: size_t,
}

/// In `vt_options.flags`: `seed` counts.
pub const VT_SEEDED: u32 = 1;
/// In `vt_options.flags`: no thread is started, and fibers run only in calls of `vt_run`, or of what drives
/// the runtime while it waits: `vt_join`, and `vt_runtime_shutdown`, on the thread that drove it last (at
/// first, the one that made it). `workers` is 0.
pub const VT_HOST_DRIVEN: u32 = 2;

/// Shut down when every fiber has ended by itself.
pub const VT_SHUTDOWN_DRAIN: u32 = 0;
/// Cancel every fiber, and wait until every fiber has ended. Half of the time, and half a second
/// at most, is for them to end by themselves. A fiber that waits or yields once more after that is
/// stopped where it stands, for good: its stack is used again, nothing on it is unwound or freed.
pub const VT_SHUTDOWN_CANCEL: u32 = 1;
/// Wait for nothing: fibers that have not ended run on, and so do the threads that run them.
pub const VT_SHUTDOWN_ABANDON: u32 = 2;

/// Numbers about a runtime, each read by itself: a moment's impression, not a snapshot.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_stats {
    /// `sizeof(vt_stats)`, set by the caller.
    pub size: u32,
    /// Threads that run fibers; see `vt_runtime_resize`.
    pub workers: u32,
    /// Fibers that have been spawned and have not ended.
    pub live: u64,
    /// Fibers ever spawned.
    pub spawned: u64,
    /// Fibers that have ended.
    pub finished: u64,
    /// Switches from one stack to another.
    pub switches: u64,
    /// Fibers that a worker took from another.
    pub steals: u64,
    /// Stacks that somebody stands on.
    pub stacks_in_use: u64,
    /// Bytes reserved for stacks.
    pub stack_bytes: u64,
}

/// The version of the library that runs, as `VT_ABI_VERSION` is that of the header. `[any]` `[sig]`
///
/// They fit if the major numbers are equal and the library's minor number is not the smaller one.
#[unsafe(no_mangle)]
pub extern "C" fn vt_abi_version() -> u32 {
    VT_ABI_VERSION
}

/// Makes `*options` a struct of `size` bytes that asks for nothing special. `[any]`
///
/// The same as zeros with `size` in the first field. `size` is `sizeof(vt_options)`.
/// `VT_EINVAL`: `options` is null or misaligned, or `size` is less than 8 or more than 4096.
///
/// # Safety
/// `options` is null or points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_options_init(options: *mut vt_options, size: size_t) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        unsafe { layout::clear(options, size) }
    })
}

/// Makes a runtime and starts its threads. `[any]`
///
/// `options` may be null. The runtime is the caller's, to be given to `vt_runtime_shutdown`.
/// Any number of runtimes (up to 1023 at a time) live side by side and know nothing of each
/// other. No signal handler and no fork handler is installed.
///
/// `VT_EINVAL`: `out` is null, or an option is out of range or not UTF-8, or a processor is not one that the
/// process may use, or a runtime that its host drives is to be placed. `VT_EUNSUPPORTED`: an
/// option this version does not know. `VT_ELIMIT`: too many runtimes. `VT_ESYS`: no threads or
/// no memory to be had.
///
/// # Safety
/// `options` is null or points to as many readable bytes as its size field says, in which `name`
/// is null or ends with a zero byte, `hooks` is null or points to as many readable bytes as its size field says, and
/// `cpus` is null or points to `cpu_count` numbers. The hooks may be called on any thread, until the runtime is gone.
/// `out` is null or points to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_runtime_create(
    options: *const vt_options,
    out: *mut *mut vt_runtime,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract. First, for what goes wrong from here on drops the hooks' argument.
        let config = unsafe { config(options) }?;
        let out = Out::new(out)?;
        let scheduler = Scheduler::start(config).map_err(not_started)?;
        let rt = handle::insert(scheduler).map_err(|full| handle::turn_away(&full))?;
        // SAFETY: by this function's contract.
        unsafe { out.write(rt) };
        Ok(())
    })
}

/// Ends a runtime: takes no more fibers, ends those it has in the way that `mode` says, joins its
/// threads, and frees it. `[any]`, but not on a fiber of this very runtime.
///
/// A thread that is attached to it detaches first: it would wait for itself, until the deadline.
///
/// On `VT_OK` and `VT_EBUSY` the handle is stale: every function that is given it says
/// `VT_ESTALE`. Otherwise it is still good, and shutting down may be tried again, also in a harder
/// mode; but once tried, only its own fibers can spawn fibers.
///
/// `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: draining, and fibers are alive at the deadline.
/// `VT_EBUSY`: canceling, and fibers that neither wait nor poll are alive at the deadline; they
/// and their threads run on, as if abandoned. `VT_EDUP`: another thread is doing it. `VT_ECONTEXT`:
/// called on one of the fibers that it would have to wait for. `VT_EINVAL`: no such mode, or a
/// negative deadline. `VT_ESTALE`: shut down already, or never a runtime.
#[unsafe(no_mangle)]
pub extern "C" fn vt_runtime_shutdown(rt: *mut vt_runtime, mode: u32, until: i64) -> vt_status {
    status(|| {
        ensure(!rt.is_null(), VT_EINVAL)?;
        let mode = shutdown_mode(mode)?;
        let scheduler = handle::get(rt)?;
        let ended = scheduler.shutdown(mode, deadline(until)?);
        if matches!(ended, Ok(()) | Err(ShutdownError::StillRunning(_))) {
            handle::remove(rt)?;
        }
        ended.map_err(|error| not_shut_down(&error, until))
    })
}

/// Changes the number of threads that run fibers, to 1 to 1024. `[any]` Waits for no fiber.
///
/// A thread that is one too many gives away the fibers that may leave it, and then runs only those
/// that are pinned to it and have begun; when the last of them has ended, so does the thread, unless
/// the number has grown again before. `vt_stats.workers` does not count it meanwhile.
///
/// `VT_EINVAL`: `rt` is null, or no such number. `VT_EUNSUPPORTED`: the host drives it. `VT_ESTALE`. `VT_ESHUTDOWN`. `VT_ESYS`: the operating
/// system refused a thread; there are as many as it gave.
#[unsafe(no_mangle)]
pub extern "C" fn vt_runtime_resize(rt: *mut vt_runtime, workers: u32) -> vt_status {
    status(|| {
        ensure(!rt.is_null() && workers != 0, VT_EINVAL)?;
        let resized = handle::get(rt)?.resize(workers as usize);
        resized.map_err(|error| match error {
            ResizeError::Workers(_) => VT_EINVAL,
            ResizeError::HostDriven => VT_EUNSUPPORTED,
            ResizeError::ShuttingDown => VT_ESHUTDOWN,
            _ => VT_ESYS,
        })
    })
}

/// The runtime of the calling fiber. `[any]`
///
/// Null outside fibers, and on a fiber of a runtime that was not made by `vt_runtime_create`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_current() -> *mut vt_runtime {
    value(ptr::null_mut(), handle::current)
}

/// Numbers about a runtime; null is that of the calling fiber. `[any]`, `[fib]` with null.
///
/// `out->size` must be set. `VT_EINVAL`: `out` is null, or its size is impossible. `VT_ESTALE`.
/// `VT_ECONTEXT`: null, and not called on a fiber.
///
/// # Safety
/// `out` is null or points to as many writable bytes as its size field says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_stats_get(rt: *mut vt_runtime, out: *mut vt_stats) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let out = unsafe { Answered::new(out) }?;
        let stats = stats(&handle::get(rt)?);
        // SAFETY: by this function's contract.
        unsafe { out.write(&stats) };
        Ok(())
    })
}

/// The configuration that `options` asks for.
///
/// # Safety
/// As for [`vt_runtime_create`].
unsafe fn config(options: *const vt_options) -> Answer<Config> {
    // SAFETY: by contract.
    let options = unsafe { layout::read(options) }?;
    // SAFETY: by contract. First, for what goes wrong from here on drops their argument.
    let hooks = unsafe { hooks::read(options.hooks) }?;
    let known = VT_SEEDED | VT_HOST_DRIVEN;
    ensure(
        options.flags & !known == 0 && options.rsv == 0,
        VT_EUNSUPPORTED,
    )?;
    let driven = options.flags & VT_HOST_DRIVEN != 0;
    ensure(!driven || options.workers == 0, VT_EINVAL)?;
    // SAFETY: by contract.
    let name = unsafe { text::read(options.name) }?;
    let mut config = Config::default();
    let stacks = options.max_stacks as usize;
    if driven {
        config.workers = 0;
    } else {
        set(&mut config.workers, options.workers as usize);
    }
    set(&mut config.stack_size, options.stack_size);
    set(&mut config.warm_stack_bytes, options.warm_stack_bytes);
    config.max_stacks = (stacks != 0).then_some(stacks).or(config.max_stacks);
    config.seed = (options.flags & VT_SEEDED != 0).then_some(options.seed);
    if options.timeslice_ns != 0 {
        config.timeslice = Duration::from_nanos(options.timeslice_ns);
    }
    if let Some(name) = name {
        config.name = name.to_owned();
    }
    // SAFETY: by contract.
    config.affinity = unsafe { affinity::of(&options) }?;
    config.hooks = hooks;
    Ok(config)
}

/// Replaces a default, unless the caller wants it.
fn set(field: &mut usize, asked: usize) {
    if asked != 0 {
        *field = asked;
    }
}

fn stats(scheduler: &Scheduler) -> vt_stats {
    let stats = scheduler.stats();
    vt_stats {
        size: 0,
        workers: u32::try_from(stats.workers).unwrap_or(u32::MAX),
        live: stats.live,
        spawned: stats.spawned,
        finished: stats.finished,
        switches: stats.switches,
        steals: stats.steals,
        stacks_in_use: stats.stacks as u64,
        stack_bytes: stats.stack_bytes as u64,
    }
}

fn shutdown_mode(mode: u32) -> Answer<ShutdownMode> {
    match mode {
        VT_SHUTDOWN_DRAIN => Ok(ShutdownMode::Drain),
        VT_SHUTDOWN_CANCEL => Ok(ShutdownMode::Cancel),
        VT_SHUTDOWN_ABANDON => Ok(ShutdownMode::Abandon),
        _ => Err(VT_EINVAL),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn not_started(error: StartError) -> vt_status {
    match error {
        StartError::Affinity(AffinityError::System(_)) => VT_ESYS,
        StartError::Workers(..) | StartError::StackSize(..) | StartError::Affinity(..) => VT_EINVAL,
        _ => VT_ESYS,
    }
}

fn not_shut_down(error: &ShutdownError, until: i64) -> vt_status {
    match error {
        ShutdownError::StillRunning(_) => VT_EBUSY,
        ShutdownError::TimedOut(_) => late(until),
        ShutdownError::InsideOwnFiber => VT_ECONTEXT,
        ShutdownError::InProgress => VT_EDUP,
        _ => VT_EINTERNAL,
    }
}
