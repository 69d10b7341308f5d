//! Making a task runnable: which queue it goes to.

use crate::{
    shared::TaskRef,
    task::{Task, slab},
    unit::wait_on,
    worker::{Action, Worker, at, classes::Ready},
};
use std::ptr;
use vitte_wait::{Outcome, Reason, current::Here};

/// How often in a row a task may jump the queue through the LIFO slot, before those who wait in
/// line get their turn.
const LIFO_STREAK: u32 = 32;

/// Makes a parked task runnable: called by whoever won the claim on its wait, anywhere.
#[inline]
pub(crate) fn make_ready(task: &'static Task, here: Here) {
    let owner = slab::owner_of(task);
    match at(here) {
        Some(worker) if worker.shared().is(owner) => worker.make_ready(task),
        _ => {
            // SAFETY: a task that waits keeps its scheduler alive: it ends only after its tasks.
            unsafe { &*owner }.inject(task);
        }
    }
}

impl Worker {
    /// What is made ready here from now on goes where others find it.
    #[inline(always)]
    pub(crate) fn close_slot(&self) {
        self.lifo_streak.set(self.lifo_streak.get() + LIFO_STREAK);
    }

    /// Undoes [`close_slot`](Self::close_slot). Nothing is picked in between.
    #[inline(always)]
    pub(crate) fn open_slot(&self) {
        self.lifo_streak
            .set(self.lifo_streak.get().saturating_sub(LIFO_STREAK));
    }

    /// Parks the task that runs until it has its park token. `None`: it must wait in a slower way.
    #[inline(always)]
    pub(crate) fn park_token(&self, task: &'static Task) -> Option<Outcome> {
        let unit = &task.unit;
        if unit.is_asked() || unit.is_canceled() {
            return None;
        }
        if unit.take_token() {
            return Some(Outcome::Woken);
        }
        unit.announce(Reason::Park, ptr::null());
        self.switch_task(task, Action::ParkToken)?;
        if unit.is_nudged() {
            unit.wait_on();
            wait_on(task);
        }
        Some(unit.outcome())
    }

    /// As the function of this name, for a task of this worker's scheduler.
    // Always inlined: it is what most claims end with. Mostly the slot is free, for whoever wakes a task waits next.
    #[inline(always)]
    pub(super) fn make_ready(&self, task: &'static Task) {
        let is_plain = task.unit.is_ordinary() && !self.belongs_elsewhere(task);
        if !is_plain || !self.lifo_slot.get().is_null() || self.lifo_streak.get() >= LIFO_STREAK {
            return self.make_ready_with_care(task);
        }
        self.lifo_slot.set(task);
        // Whoever runs here now may go on for long.
        self.shared().idle.post_here(self.shared());
    }

    #[inline(never)]
    fn make_ready_with_care(&self, task: &'static Task) {
        if !task.unit.is_ordinary() && self.shared().put_into_lane(task, Ready::Woken) {
            return;
        }
        if self.belongs_elsewhere(task) {
            let home = task.home();
            self.shared().remotes[home].inbox.push(task);
            self.shared().idle.post_to(self.shared(), home);
            return;
        }
        if self.lifo_streak.get() < LIFO_STREAK {
            let old = self.lifo_slot.replace(task);
            // SAFETY: null or a record.
            if let Some(old) = unsafe { old.as_ref() } {
                self.queue(old);
            }
        } else {
            self.queue(task);
        }
        self.shared().idle.post_here(self.shared());
    }

    /// Whether only another worker may run `task`.
    #[inline(always)]
    fn belongs_elsewhere(&self, task: &Task) -> bool {
        task.is_pinned() && task.home() != self.index
    }

    /// Puts a started task that may run here at the end of the line.
    #[inline]
    pub(crate) fn queue(&self, task: &'static Task) {
        if task.is_pinned() {
            self.fifo.push(task);
        } else {
            self.movable.push(TaskRef(task));
            self.shared().idle.post(self.shared());
        }
    }

    /// Puts a fresh task where it runs next, or is stolen.
    #[inline(always)]
    pub(crate) fn push_fresh(&self, task: &'static Task) {
        // SAFETY: we are the owner.
        unsafe { self.remote().fresh.push(ptr::from_ref(task).cast_mut()) };
        self.shared().idle.post(self.shared());
    }

    /// Puts what others left for this worker at the end of the line.
    #[inline]
    pub(crate) fn empty_inbox(&self) {
        if !self.remote().inbox.is_empty() {
            self.remote().inbox.drain(|task| self.fifo.push(task));
        }
    }
}
