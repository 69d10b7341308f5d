//! Time slices: how long a task that polls may go on while others wait.
//!
//! There is no clock tick. The task's own polls look at the clock, and only the first poll in a
//! slice begins to count, so what does not poll pays nothing. A task that runs inline shares the
//! slice of the stack it stands on: else a loop of short joins would never use one up.

use crate::worker::{Worker, current_task, find::ROUND};
use std::{cell::Cell, ptr};
use vitte_wait::facade::clock;

/// Since when the stack that runs has polled, zero if it has not. Owner only.
#[derive(Default)]
pub(crate) struct Slice {
    since: Cell<u64>,
}

impl Slice {
    /// The next poll begins a slice.
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.since.set(0);
    }

    fn is_used_up(&self, now: u64, length: u64) -> bool {
        if self.since.get() == 0 {
            self.since.set(now);
        }
        now - self.since.get() >= length
    }
}

/// What a poll finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Poll {
    /// Go on.
    Continue,
    /// The fiber was canceled, or its runtime shuts down: stop soon.
    Canceled,
}

/// What generated code calls when its poll word is set, and interpreters now and then.
///
/// Lets the worker look after its timers and the tasks that others left for it, lets others run
/// if the time slice of the calling fiber is used up and somebody waits, and says whether the
/// fiber was canceled. On a plain thread it does nothing.
///
/// # Blocking
/// May suspend the calling fiber for as long as others have their slices.
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
pub fn poll_slow() -> Poll {
    let Some((worker, task)) = current_task() else {
        return Poll::Continue;
    };
    let now = clock::now();
    worker.look_after(now);
    worker.share();
    let length = u64::try_from(worker.shared().config.timeslice.as_nanos()).unwrap_or(u64::MAX);
    if worker.slice.is_used_up(now, length) {
        worker.slice.end();
        if worker.has_rivals() {
            worker.end_round();
            crate::yield_now();
        }
    }
    if task.unit.is_canceled() {
        Poll::Canceled
    } else {
        Poll::Continue
    }
}

impl Worker {
    /// A whole slice counts as many short tasks do: whoever waited for it in the LIFO slot goes
    /// into the line, and the next source in turn comes first. Else a few tasks that use up
    /// their slices would keep what comes from elsewhere waiting for seconds.
    fn end_round(&self) {
        // SAFETY: null or a record.
        if let Some(task) = unsafe { self.lifo_slot.replace(ptr::null()).as_ref() } {
            self.queue(task);
        }
        let tick = self.tick.get();
        self.tick.set(tick.wrapping_add(ROUND - 1 - tick % ROUND));
        self.slice_over.set(true);
    }

    /// If somebody has nothing to do, leaves it the task that would run next here, if that may
    /// move: the present one may go on for long.
    fn share(&self) {
        // SAFETY: null or a record.
        let Some(task) = (unsafe { self.lifo_slot.get().as_ref() }) else {
            return;
        };
        if !task.is_pinned() && self.shared().idle.has_idle() {
            self.lifo_slot.set(ptr::null());
            self.queue(task);
        }
    }
}
