//! The time, to be received from.

use super::{Port, case::Case, line::unreceived};
use crate::{VT_ECLOSED, VT_EINTERNAL, VT_OK, boundary::Answer, timer::vt_tick, vt_status};
use std::ffi::c_void;
use vitte_channels::{
    RecvError,
    select::{Arm, Chosen},
    timer::{Tick, Timer, TimerArm},
};
use vitte_wait::Deadline;

/// A port that gives the ticks of `timer`, each a `vt_tick`.
pub(crate) fn timer(timer: Timer) -> Box<dyn Port> {
    Box::new(timer)
}

/// # Safety
/// `to` is writable for a `vt_tick`; it need not be aligned.
unsafe fn write(tick: Tick, to: *mut c_void) {
    let tick = vt_tick {
        due: i64::try_from(tick.due.as_nanos()).unwrap_or(i64::MAX),
        missed: tick.missed,
    };
    // SAFETY: by contract.
    unsafe { to.cast::<vt_tick>().write_unaligned(tick) };
}

struct TimerCase<'a> {
    arm: TimerArm<'a>,
    to: *mut c_void,
}

impl Case for TimerCase<'_> {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        match self.arm.take() {
            Some(Ok(tick)) => {
                // SAFETY: `recv_case` has promised the room.
                unsafe { write(tick, self.to) };
                VT_OK
            }
            Some(Err(RecvError::Closed)) => VT_ECLOSED,
            Some(Err(RecvError::Canceled)) | None => VT_EINTERNAL,
        }
    }
}

impl Port for Timer {
    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let received = self.recv_until(limit);
        let tick = received.map_err(|error| unreceived(error, late))?;
        // SAFETY: the elements of this channel are ticks; writable by contract.
        unsafe { write(tick, to) };
        Ok(())
    }

    unsafe fn recv_case(&self, to: *mut c_void) -> Answer<Box<dyn Case + '_>> {
        let arm = self.recv_arm();
        Ok(Box::new(TimerCase { arm, to }))
    }

    fn close(&self) -> Answer {
        Timer::close(self);
        Ok(())
    }

    fn len(&self) -> usize {
        usize::from(self.is_due())
    }
}
