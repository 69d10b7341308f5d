//! Fibers: spawn, look at, pin, and make wait.

use crate::{
    VT_ECANCELED, VT_ECONTEXT, VT_EINVAL, VT_ELIMIT, VT_ESHUTDOWN, VT_ESTALE, VT_EUNSUPPORTED,
    boundary::{Answer, Out, ensure, fiber, status, value},
    callback::{Argument, vt_drop, vt_entry},
    deadline::deadline,
    group::{self, vt_group},
    handle,
    layout::{self, Answered},
    text, vt_runtime, vt_status,
};
use libc::size_t;
use std::{
    ffi::{c_char, c_void},
    mem, ptr,
};
use vitte_scheduler::{FiberId, FiberInfo, PinError, Scheduler, SpawnError, SpawnOptions};
use vitte_threads::Place;
use vitte_wait::{Outcome, Priority, Reason};

/// Names a fiber for ever: when it is gone the number names nobody, never another fiber. 0 is
/// no fiber.
pub type vt_fiber = u64;

/// What a fiber is made of. Zero in a field means: as usual.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_fiber_options {
    /// `sizeof(vt_fiber_options)`.
    pub size: u32,
    /// `VT_DETACHED`, `VT_PINNED`, or 0.
    pub flags: u32,
    /// The usable bytes of its stack, rounded up. 0: as the runtime's options say.
    pub stack_size: size_t,
    /// What it is called in errors and dumps; UTF-8, copied.
    pub name: *const c_char,
    /// The embedder's word, to be found in its `vt_hot` and `vt_stack_info`.
    pub user: *mut c_void,
    /// `VT_PRIORITY_...`.
    pub priority: i32,
    /// Reserved.
    pub rsv: u32,
    /// Whose member it is, if not null.
    pub group: *mut vt_group,
    /// Until when to wait for room in `group`. 0, which is `VT_NOW`: not at all.
    pub group_deadline: i64,
}

/// Nobody will join it; what it returns is ignored.
pub const VT_DETACHED: u32 = 1;
/// It stays on the thread on which it starts. Without this flag a fiber may go on on another
/// thread after every call that waits or yields, so it must not keep the address of a
/// thread-local (`errno` is one), or a lock that knows its owning thread, across such a call.
pub const VT_PINNED: u32 = 2;

/// Runs before all others, but for one in 17. Who uses up a whole slice goes with the normal ones until
/// he waits for something.
pub const VT_PRIORITY_HIGH: i32 = 1;
/// As usual.
pub const VT_PRIORITY_NORMAL: i32 = 0;
/// Runs when nobody else wants to, and once in 384 even so.
pub const VT_PRIORITY_LOW: i32 = -1;

/// In `vt_stack_info.state`: spawned, has not run yet. Its argument is in nobody's frame.
pub const VT_STATE_NEW: u32 = 0;
/// May run, and waits for a thread to do so. This version says `VT_STATE_RUNNING` instead.
pub const VT_STATE_READY: u32 = 1;
/// Runs, or is about to.
pub const VT_STATE_RUNNING: u32 = 2;
/// Waits for what `wait_kind` and `wait_obj` say.
pub const VT_STATE_PARKED: u32 = 3;
/// Has ended, and was not joined yet.
pub const VT_STATE_DONE: u32 = 4;

/// Where a fiber is. Unless it is the caller itself, it may have moved on by the time the caller
/// looks.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_stack_info {
    /// `sizeof(vt_stack_info)`, set by the caller.
    pub size: u32,
    /// `VT_STATE_...`.
    pub state: u32,
    /// Whom this is about.
    pub id: vt_fiber,
    /// The lowest address of its stack; 0 while it has none.
    pub lo: usize,
    /// The address behind the highest of its stack; 0 while it has none.
    pub hi: usize,
    /// The stack pointer it left when it was suspended; 0 if it is not, or that is not known, as
    /// always in this version.
    pub sp: usize,
    /// As given when it was spawned.
    pub user: *mut c_void,
    /// The number of the worker it ran on last, `UINT32_MAX` if none.
    pub worker: u32,
    /// Why it waits: 0 not at all, 1 park, 2 sleep, 3 join, 4 send, 5 receive, 6 scope, 7 lock,
    /// 8 event or address, 9 shutdown, 10 the first of several, 11 a job on a thread of its own, 12 a
    /// descriptor to read from, 13 one to write to.
    pub wait_kind: u32,
    /// What it waits on, 0 if on nothing with an address.
    pub wait_obj: usize,
    /// Its name, cut to what fits, ending with a zero byte.
    pub name: [c_char; 32],
    /// 1 if it was asked to end, else 0.
    pub canceled: u32,
    /// Why, if it was: what `vt_cancel` said, or one of `VT_CANCEL_...`.
    pub cancel_reason: i32,
}

/// Starts a fiber that runs `entry(arg)`. `[any]`, `[fib]` with null for `rt`.
///
/// `rt` null is the runtime of the calling fiber (and quicker). `options` may be null. `out` may
/// be null if the fiber is `VT_DETACHED`; every other fiber is to be joined, once.
///
/// `arg` belongs to the library from the call on, whatever comes of the call: either `entry`
/// gets it, or, if the fiber never runs, `drop` does, exactly once. `drop` may be null.
///
/// With a `group`, the group does not end before the fiber has. If it has as many members as it may have,
/// this waits for room until `group_deadline` (a fiber suspends): `VT_EAGAIN` with `VT_NOW`, `VT_ETIMEDOUT`,
/// `VT_ECANCELED`. A group that was canceled still takes members, which begin canceled.
///
/// `VT_EINVAL`: `entry` or `out` is null, or an option out of range or not UTF-8, or the group is another
/// runtime's. `VT_EUNSUPPORTED`: an option this version does not know. `VT_ESHUTDOWN`, `VT_ESTALE`: too
/// late. `VT_ELIMIT`: too many fibers. `VT_ECONTEXT`: `rt` is null, and not called on a fiber.
///
/// # Safety
/// `entry` may be called with `arg` on any thread, or `drop` may. `options` is null or points to
/// as many readable bytes as its size field says, in which `name` is null or ends with a zero
/// byte and `group` is null or was made and not released. `out` is null or writable. Unless `VT_PINNED` is
/// set, `entry` bears being moved between threads (see that flag).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_spawn(
    rt: *mut vt_runtime,
    options: *const vt_fiber_options,
    entry: vt_entry,
    arg: *mut c_void,
    drop: vt_drop,
    out: *mut vt_fiber,
) -> vt_status {
    // SAFETY: by this function's contract.
    status(|| unsafe { spawn_one(rt, options, entry, Argument::take(arg, drop), out) })
}

/// Starts `n` fibers that run `entry(args[i])`. `[any]`, `[fib]` with null for `rt`.
///
/// As `n` calls of `vt_spawn`, up to the first that fails, whose status is the answer. `out` is
/// an array of `n`, or null if they are `VT_DETACHED`. An element of `out` is 0 if its fiber was
/// not started; all arguments belong to the library from the call on, and `drop` has got those of
/// the fibers that were not started. (If `args` is null or misaligned there are none to drop.)
///
/// # Safety
/// As for `vt_spawn`, `n` times.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_spawn_many(
    rt: *mut vt_runtime,
    options: *const vt_fiber_options,
    entry: vt_entry,
    args: *const *mut c_void,
    n: size_t,
    drop: vt_drop,
    out: *mut vt_fiber,
) -> vt_status {
    status(|| {
        ensure(n == 0 || !args.is_null() && args.is_aligned(), VT_EINVAL)?;
        let mut answer = ensure(out.is_aligned(), VT_EINVAL);
        let out = if out.is_aligned() {
            out
        } else {
            ptr::null_mut()
        };
        for at in 0..n {
            // SAFETY: `args` has `n` elements by this function's contract, and is aligned.
            let arg = unsafe { args.add(at).read() };
            // SAFETY: by this function's contract. Whatever fails from here on drops it.
            let arg = unsafe { Argument::take(arg, drop) };
            let mut id = 0;
            if answer.is_ok() {
                let place = if out.is_null() { out } else { &raw mut id };
                // SAFETY: by this function's contract; `place` is null or a live local.
                answer = unsafe { spawn_one(rt, options, entry, arg, place) };
            }
            if !out.is_null() {
                // SAFETY: `out` has `n` elements by this function's contract, and is aligned.
                unsafe { out.add(at).write(id) };
            }
        }
        answer
    })
}

/// The calling fiber, 0 if the caller is none. `[any]`
#[unsafe(no_mangle)]
pub extern "C" fn vt_fiber_self() -> vt_fiber {
    value(0, || {
        vitte_scheduler::current_id().map_or(0, FiberId::to_bits)
    })
}

/// Lets other fibers run, then goes on. `[any]` (A thread lets other threads run.)
///
/// Always `VT_OK`; a fiber that is canceled also just goes on.
#[unsafe(no_mangle)]
pub extern "C" fn vt_yield() -> vt_status {
    status(|| {
        vitte_scheduler::yield_now();
        Ok(())
    })
}

/// Waits until the deadline. `[any]` (A thread sleeps.)
///
/// `VT_OK` when it is reached. `VT_ECANCELED`. `VT_EINVAL`: the deadline is negative.
#[unsafe(no_mangle)]
pub extern "C" fn vt_sleep_until(until: i64) -> vt_status {
    status(|| match vitte_scheduler::sleep_until(deadline(until)?) {
        Outcome::TimedOut | Outcome::Woken => Ok(()),
        Outcome::Canceled | Outcome::Stopped => Err(VT_ECANCELED),
    })
}

/// Changes a fiber's priority to one of `VT_PRIORITY_...`, at any time. `[any]`
///
/// A fiber that runs goes on; any other is of the new class from its next turn on. A fiber has the
/// priority it was spawned with, whatever its spawner has.
///
/// `VT_EINVAL`: `fiber` is 0, or there is no such priority. `VT_ESTALE`: it is gone.
#[unsafe(no_mangle)]
pub extern "C" fn vt_fiber_set_priority(fiber: vt_fiber, priority: i32) -> vt_status {
    status(|| vitte_scheduler::set_priority(id(fiber)?, class(priority)?).map_err(|_| VT_ESTALE))
}

/// Keeps the calling fiber on its thread (`on` not 0), or lets go of it again. `[fib]`
///
/// It counts, up to 15: a fiber may move when every pinning has been undone. `VT_ECONTEXT`.
/// `VT_ELIMIT`: it is pinned 15 times already. `VT_EINVAL`: there is nothing to undo.
#[unsafe(no_mangle)]
pub extern "C" fn vt_fiber_pin(on: u32) -> vt_status {
    status(|| {
        vitte_scheduler::pin(on != 0).map_err(|error| match error {
            PinError::TooMany => VT_ELIMIT,
            PinError::NotPinned => VT_EINVAL,
            _ => VT_ECONTEXT,
        })
    })
}

/// Where a fiber is. `[any]`
///
/// `out->size` must be set. `VT_EINVAL`: `fiber` is 0, `out` is null, or its size is impossible.
/// `VT_ESTALE`: the fiber is gone.
///
/// # Safety
/// `out` is null or points to as many writable bytes as its size field says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_fiber_info(fiber: vt_fiber, out: *mut vt_stack_info) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let out = unsafe { Answered::new(out) }?;
        let info = vitte_scheduler::info(id(fiber)?).map_err(|_| VT_ESTALE)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(&stack_info(fiber, &info)) };
        Ok(())
    })
}

/// Whether the calling fiber has `bytes` of stack left, for what it is about to call. `[fib]`
///
/// `VT_ELIMIT` if not; the stack does not grow, so ask for a greater `stack_size` at its spawn.
/// `VT_ECONTEXT`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_fiber_reserve(bytes: size_t) -> vt_status {
    status(|| {
        fiber()?;
        ensure(vitte_scheduler::reserve(bytes), VT_ELIMIT)
    })
}

fn class(priority: i32) -> Answer<Priority> {
    match priority {
        VT_PRIORITY_HIGH => Ok(Priority::High),
        VT_PRIORITY_NORMAL => Ok(Priority::Normal),
        VT_PRIORITY_LOW => Ok(Priority::Low),
        _ => Err(VT_EINVAL),
    }
}

/// The id that the number is; `VT_EINVAL` for 0.
pub(crate) fn id(fiber: vt_fiber) -> Answer<FiberId> {
    FiberId::from_bits(fiber).ok_or(VT_EINVAL)
}

/// What [`vt_spawn`] does; unlike that it returns also to a fiber that was killed meanwhile.
///
/// # Safety
/// As for [`vt_spawn`]; `arg` is what `entry` may be called with.
unsafe fn spawn_one(
    rt: *mut vt_runtime,
    options: *const vt_fiber_options,
    entry: vt_entry,
    arg: Argument,
    out: *mut vt_fiber,
) -> Answer {
    // SAFETY: by contract.
    let lent = unsafe { layout::read(options) }?;
    // SAFETY: by contract.
    let options = unsafe { spawn_options(&lent) }?;
    let out = Out::optional(out)?;
    ensure(
        entry.is_some() && (out.is_some() || options.detached),
        VT_EINVAL,
    )?;
    let scheduler = handle::get(rt)?;
    // SAFETY: by contract.
    let place = unsafe { group::enter(lent.group, &scheduler, lent.group_deadline) }?;
    // SAFETY: by contract.
    let id = unsafe { spawn(&scheduler, &options, entry, arg, place) }?;
    if let Some(out) = out {
        // SAFETY: by contract.
        unsafe { out.write(id) };
    }
    Ok(())
}

/// Spawns through `scheduler`; the argument goes to `entry`, or is dropped. `place` is what the fiber
/// has in its group.
///
/// # Safety
/// As for [`vt_spawn`].
unsafe fn spawn(
    scheduler: &Scheduler,
    options: &SpawnOptions<'_>,
    entry: vt_entry,
    arg: Argument,
    place: Option<Place>,
) -> Answer<vt_fiber> {
    let body = arg.body(entry)?;
    let companion = |id| place.map(|place| place.companion(id));
    // SAFETY: by contract.
    let spawned = unsafe { scheduler.spawn_raw_with(options, body, companion) };
    let id = spawned.map_err(|error| match error {
        SpawnError::StackSize(..) => VT_EINVAL,
        SpawnError::ShuttingDown => VT_ESHUTDOWN,
        _ => VT_ELIMIT,
    })?;
    Ok(id.to_bits())
}

/// The options that the caller gave, without what they say of groups.
///
/// # Safety
/// As for [`vt_spawn`]; the name is borrowed from the caller for `'a`.
unsafe fn spawn_options<'a>(options: &vt_fiber_options) -> Answer<SpawnOptions<'a>> {
    let known = options.flags & !(VT_DETACHED | VT_PINNED) == 0 && options.rsv == 0;
    ensure(known, VT_EUNSUPPORTED)?;
    Ok(SpawnOptions {
        stack_size: (options.stack_size != 0).then_some(options.stack_size),
        // SAFETY: by contract.
        name: unsafe { text::read(options.name) }?,
        pinned: options.flags & VT_PINNED != 0,
        priority: class(options.priority)?,
        detached: options.flags & VT_DETACHED != 0,
        user: options.user.cast(),
    })
}

fn state(info: &FiberInfo) -> u32 {
    match (info.finished, info.started, info.reason) {
        (true, ..) => VT_STATE_DONE,
        (_, false, _) => VT_STATE_NEW,
        (_, _, Reason::None) => VT_STATE_RUNNING,
        _ => VT_STATE_PARKED,
    }
}

fn stack_info(id: vt_fiber, info: &FiberInfo) -> vt_stack_info {
    // SAFETY: zeros are a value of integers and pointers.
    let mut out: vt_stack_info = unsafe { mem::zeroed() };
    (out.id, out.state) = (id, state(info));
    (out.lo, out.hi) = (info.lo, info.hi);
    out.user = info.user.cast();
    out.worker = if info.started {
        info.worker as u32
    } else {
        u32::MAX
    };
    (out.wait_kind, out.wait_obj) = (info.reason as u32, info.object);
    if let Some(reason) = &info.cancel_reason {
        (out.canceled, out.cancel_reason) = (1, reason.code());
    }
    let (name, cap) = (info.name.as_deref().unwrap_or(""), out.name.len());
    // SAFETY: the place is `cap` bytes of a live local.
    unsafe { text::write(name, out.name.as_mut_ptr(), cap) };
    out
}
