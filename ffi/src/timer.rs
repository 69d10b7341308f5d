//! Timers: channels from which the time is received.

use crate::{
    VT_EINVAL,
    boundary::{Answer, Out, ensure, status},
    channel::vt_chan,
    deadline::deadline,
    port, vt_status,
};
use std::time::Duration;
use vitte_channels::timer;

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
