//! Timers: channels from which the time is received.

use std::ptr;

use vitte::vt_tick;

use super::chan::Owner;
use super::{Fault, check};
use crate::state::tick;

/// A timer. Any number of fibers may receive from it; each tick goes to one of them.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    pub(super) owner: Owner,
}

/// One tick of a timer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// When it was due, as a deadline.
    pub(crate) due: i64,
    /// How many were due since the one received last, and were received by nobody.
    pub(crate) missed: u64,
}

/// The place for a tick that is yet to come.
pub(super) const NO_TICK: vt_tick = vt_tick { due: 0, missed: 0 };

impl From<vt_tick> for Tick {
    fn from(tick: vt_tick) -> Tick {
        let vt_tick { due, missed } = tick;
        Tick { due, missed }
    }
}

impl Timer {
    /// One that goes once, at `at`.
    pub(crate) fn after(at: i64) -> Result<Self, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a live local.
        check(unsafe { vitte::vt_chan_after(at, &raw mut raw) })?;
        // SAFETY: it was made just now, for us.
        let owner = unsafe { Owner::new(raw) };
        Ok(Timer { owner })
    }

    /// One that goes every `period` nanoseconds, first at `first`.
    pub(crate) fn every(first: i64, period: i64) -> Result<Self, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a live local.
        check(unsafe { vitte::vt_chan_tick(first, period, &raw mut raw) })?;
        // SAFETY: it was made just now, for us.
        let owner = unsafe { Owner::new(raw) };
        Ok(Timer { owner })
    }

    /// Receives a tick, waiting until the deadline.
    pub(crate) fn recv(&self, deadline: i64) -> Result<Tick, Fault> {
        let mut place = NO_TICK;
        // SAFETY: the timer is owned by `self`; its elements are ticks, and `place` has room for one.
        check(tick::aside(|| unsafe {
            vitte::vt_chan_recv(self.owner.raw(), (&raw mut place).cast(), deadline)
        }))?;
        Ok(place.into())
    }

    /// Ends it, and the waits for it.
    pub(crate) fn close(&self) {
        self.owner.close();
    }
}
