//! Time slices: how long a task that polls may go on while others wait.
//!
//! There is no clock tick. The task's own polls look at the clock, and only the first poll in a
//! slice begins to count, so what does not poll pays nothing.

use crate::{
    task::Task,
    worker::{Worker, current_task},
};
use std::{cell::Cell, ptr};
use vitte_wait::facade::clock;

/// Whose slice it is, and since when. Owner only.
pub(crate) struct Slice {
    task: Cell<*const Task>,
    since: Cell<u64>,
}

impl Default for Slice {
    fn default() -> Self {
        Self {
            task: Cell::new(ptr::null()),
            since: Cell::new(0),
        }
    }
}

impl Slice {
    /// The next poll begins a slice.
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.task.set(ptr::null());
    }

    fn is_used_up(&self, task: &'static Task, now: u64, length: u64) -> bool {
        if !ptr::eq(self.task.get(), task) {
            self.task.set(task);
            self.since.set(now);
            return false;
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
    if worker.slice.is_used_up(task, now, length) {
        worker.slice.end();
        if worker.has_work() {
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
