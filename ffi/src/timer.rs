//! Timers: channels from which the time is received, and timers that call a function.
//!
//! A timer that calls belongs to its runtime, and the table here has only its name. What the callback owns
//! strikes the name off when it is dropped, so an id is good exactly as long as its callback is there.

use crate::{
    VT_ECANCELED, VT_EINVAL, VT_ESHUTDOWN, VT_ESTALE,
    boundary::{Answer, Out, ensure, status},
    callback::{Argument, vt_drop, vt_fn},
    channel::vt_chan,
    deadline::{deadline, late},
    handle, port, vt_runtime, vt_status,
};
use std::{collections::HashMap, ffi::c_void, sync::LazyLock, time::Duration};
use vitte_channels::timer;
use vitte_sync::WaitError;
use vitte_threads::{Timer, WeakTimer};
use vitte_wait::{Deadline, facade::Mutex};

/// The id of a timer that calls a function. Never 0, and never used again for another one.
pub type vt_timer = u64;

/// What is received from a timer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_tick {
    /// When it was due, as a deadline; not when it was received.
    pub due: i64,
    /// How many ticks were due since the one received last, and were received by nobody.
    pub missed: u64,
}

/// Makes a timer that goes once, at `at`. `[any]`
///
/// A timer is a channel of `vt_tick`, for `vt_chan_recv`, `vt_select`, `vt_chan_close`, `vt_chan_len`,
/// `vt_chan_retain` and `vt_chan_release`; nobody can send. Any number of fibers and threads may receive;
/// each tick goes to one of them. It costs nothing while nobody waits for it. Once its tick was
/// received it is silent, and not closed: whoever receives then waits.
///
/// `VT_EINVAL`: `at` is negative, or `out` is null.
///
/// # Safety
/// `out` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_after(at: i64, out: *mut *mut vt_chan) -> vt_status {
    // SAFETY: by this function's contract.
    status(|| unsafe { make(out, timer::at(deadline(at)?)) })
}

/// Makes a timer that goes every `period` nanoseconds, first at `first`. `[any]`
///
/// As `vt_chan_after`. Its ticks lie on a grid that does not drift. Those that nobody received do not
/// pile up: at most one is there, the latest that is due, which says how many were missed before it.
///
/// `VT_EINVAL`: `first` is negative, `period` is less than 1, or `out` is null.
///
/// # Safety
/// `out` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_tick(
    first: i64,
    period: i64,
    out: *mut *mut vt_chan,
) -> vt_status {
    status(|| {
        ensure(period > 0, VT_EINVAL)?;
        let period = Duration::from_nanos(period.unsigned_abs());
        // SAFETY: by this function's contract.
        unsafe { make(out, timer::tick_from(deadline(first)?, period)) }
    })
}

/// # Safety
/// `out` is null or writable.
unsafe fn make(out: *mut *mut vt_chan, timer: timer::Timer) -> Answer {
    let out = Out::new(out)?;
    let chan = vt_chan::of(size_of::<vt_tick>(), port::timer(timer));
    // SAFETY: by contract.
    unsafe { out.write(chan.into_handle()) };
    Ok(())
}

/// The timers that can be stopped, by their ids.
static TIMERS: LazyLock<Mutex<Timers>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Timers {
    named: HashMap<vt_timer, WeakTimer>,
    last: vt_timer,
}

/// What the callback of a timer owns.
struct Call {
    f: unsafe extern "C-unwind" fn(*mut c_void),
    arg: Argument,
    id: vt_timer,
}

impl Call {
    fn call(&self) {
        // SAFETY: by the contract of `vt_timer_start`; the argument is there until `self` is dropped.
        unsafe { (self.f)(self.arg.get()) };
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        TIMERS.lock().named.remove(&self.id);
    }
}

/// Calls `f(arg)` at `at`, and, unless `period` is 0, every `period` nanoseconds from there. `[any]`, `[fib]` with
/// null for `rt`.
///
/// Each call is on a fiber of its own, pinned to its thread, of the runtime (null: of the calling fiber), so
/// it may wait; a timer's calls never overlap. It is called up to 229 microseconds after it is due, never
/// before, and when a worker has time; where that for which it waits has just risen from sleep, and is kept busy at
/// once, another may take it up 8 milliseconds late. The beats of a period do not drift; of those that come due together
/// only the latest is called.
///
/// `arg` belongs to the library from the call on, whatever comes of the call: `drop` (which may be null) is
/// called with it exactly once, when `f` will not be called any more: after the one call, after the stop,
/// or when the runtime is shut down, in whatever mode. That ends every timer; a call that is under way is
/// canceled as other fibers are, and has to return. From then on the id is stale.
///
/// `*out` is written before `f` can be called, and so with `VT_ESHUTDOWN` too; it may be null for a timer that nobody
/// will stop.
///
/// `VT_EINVAL`: `f` is null, or `at` is negative. `VT_ESHUTDOWN`, `VT_ESTALE`: too late. `VT_ECONTEXT`: `rt` is
/// null, and not called on a fiber.
///
/// # Safety
/// `f` may be called with `arg` on any thread, any number of times, and then `drop`. `out` is null or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_timer_start(
    rt: *mut vt_runtime,
    at: i64,
    period: u64,
    f: vt_fn,
    arg: *mut c_void,
    drop: vt_drop,
    out: *mut vt_timer,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract. Whatever fails from here on drops it.
        let arg = unsafe { Argument::take(arg, drop) };
        let f = f.ok_or(VT_EINVAL)?;
        let at = deadline(at)?;
        let out = Out::optional(out)?;
        let scheduler = handle::get(rt)?;
        let id = {
            let mut timers = TIMERS.lock();
            timers.last += 1;
            timers.last
        };
        let call = Call { f, arg, id };
        let timer = Timer::on(&scheduler, move |_| call.call());
        TIMERS.lock().named.insert(id, timer.downgrade());
        if let Some(out) = out {
            // SAFETY: by this function's contract.
            unsafe { out.write(id) };
        }
        start(&timer, at, period)?;
        timer.detach();
        Ok(())
    })
}

fn start(timer: &Timer, at: Deadline, period: u64) -> Answer {
    let started = match period {
        0 => timer.start_at(at),
        _ => timer.start_periodic_at(at, Duration::from_nanos(period)),
    };
    started.map_err(|_| VT_ESHUTDOWN)
}

/// The timer of this runtime that `t` names.
fn find(rt: *mut vt_runtime, t: vt_timer) -> Answer<Timer> {
    let scheduler = handle::get(rt)?;
    let named = TIMERS.lock().named.get(&t).cloned();
    let timer = named.and_then(|timer| timer.upgrade()).ok_or(VT_ESTALE)?;
    ensure(timer.scheduler().is_same(&scheduler), VT_ESTALE)?;
    Ok(timer)
}

/// Begins a timer anew, also from inside its call: as if it were started with this `at` and `period`. `[any]`,
/// `[fib]` with null for `rt`. Never waits.
///
/// `VT_EINVAL`: `at` is negative. `VT_ESTALE`: it has ended, or is not of this runtime. `VT_ESHUTDOWN`.
#[unsafe(no_mangle)]
pub extern "C" fn vt_timer_restart(
    rt: *mut vt_runtime,
    t: vt_timer,
    at: i64,
    period: u64,
) -> vt_status {
    status(|| start(&find(rt, t)?, deadline(at)?, period))
}

/// Ends a timer, and waits for the call that is under way, if there is one. `[any]`, `[fib]` with null for `rt`.
///
/// From inside its own call it does not wait. A fiber that the call waits for must not stop the timer: it
/// would wait for itself.
///
/// `VT_ESTALE`: it has ended before, or is not of this runtime. `VT_ECANCELED`: the caller was canceled while it
/// waited; the timer is not called again all the same.
#[unsafe(no_mangle)]
pub extern "C" fn vt_timer_stop(rt: *mut vt_runtime, t: vt_timer) -> vt_status {
    vt_timer_stop_until(rt, t, crate::VT_FOREVER)
}

/// As `vt_timer_stop`; waits until the deadline at the longest. `[any]`, `[fib]` with null for `rt`.
///
/// `VT_ETIMEDOUT`, or with `VT_NOW` `VT_EAGAIN`: the call goes on. The timer is not called again, and can be
/// stopped once more, to wait.
#[unsafe(no_mangle)]
pub extern "C" fn vt_timer_stop_until(rt: *mut vt_runtime, t: vt_timer, until: i64) -> vt_status {
    status(|| {
        let deadline = deadline(until)?;
        let stopped = find(rt, t)?.stop_with(deadline, None);
        stopped.map_err(|error| match error {
            WaitError::TimedOut => late(until),
            _ => VT_ECANCELED,
        })
    })
}
