//! A worker that is one too many: it gives away what others may run, and serves what may not leave
//! its thread, until there is no such thing any more.
//!
//! A worker notices that it is retired when it has nothing to do, or when it looks at the sources in
//! turn, which it does every so many tasks. From then on it sees to it that every look is such a one. So
//! nobody pays for this who is not retired.
//!
//! Who is pinned here is not counted while workers work. A retired worker goes through all records
//! when it has nothing to do, and then only once so many tasks have ended or left here that none of
//! those it counted may be left.

use crate::{
    fence,
    task::{
        Task, flags,
        state::{DONE, OCCUPIED},
    },
    worker::{Worker, classes::Urgent, find::ROUND},
};
use std::{cell::Cell, ptr};
use vitte_wait::facade::{atomic::Ordering::Relaxed, clock};

/// What a retired worker knows of the tasks that are pinned to it. Owner only.
pub(crate) struct Bound {
    /// How many there were when they were counted.
    count: Cell<u64>,
    /// What `gone` was then.
    counted_at: Cell<u64>,
    /// At which resizing that was; zero is none.
    resizing: Cell<usize>,
    /// Until when a spare worker rests before it ends; zero before it has nothing to do.
    rests_until: Cell<u64>,
    /// Started tasks that were given away, and how often one was unpinned here.
    given: Cell<u64>,
}

impl Bound {
    pub(crate) fn new() -> Self {
        Self {
            count: Cell::new(0),
            counted_at: Cell::new(0),
            resizing: Cell::new(0),
            rests_until: Cell::new(0),
            given: Cell::new(0),
        }
    }
}

impl Worker {
    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        self.index >= self.shared().active()
    }

    /// What is sought in turn if there ever was a resizing. `None`: go on as usual.
    #[cold]
    pub(crate) fn find_resized(&self) -> Option<Option<&'static Task>> {
        self.look_after_retired();
        self.is_retired().then(|| self.find_retired())
    }

    /// Ends waits that are due whose timers lie with workers that are retired: their threads may
    /// have ended.
    #[cold]
    pub(crate) fn look_after_retired(&self) {
        let remotes = self.shared().remotes.iter();
        let mut now = 0;
        for remote in remotes.skip(self.shared().active()) {
            if remote.timers.next() == u64::MAX {
                continue;
            }
            if now == 0 {
                now = clock::now();
            }
            if remote.timers.next() <= now {
                remote.timers.fire(now);
            }
        }
    }

    /// The next task of a retired worker: one that is pinned here, and ready.
    pub(crate) fn find_retired(&self) -> Option<&'static Task> {
        // The next look is one in turn, too.
        let tick = self.tick.get();
        self.tick.set(tick.wrapping_add(ROUND - 1 - tick % ROUND));
        self.slice_over.set(false);
        if self.remote().timers.next() != u64::MAX || self.watches() {
            self.look_after(clock::now());
        }
        self.empty_inbox();
        self.give_away();
        // Of other classes than the normal one there may be tasks for this thread alone, too.
        let shared = self.shared();
        if let Urgent::Found(task) = self.find_high() {
            return Some(task);
        }
        if shared.low_waiting.load(Relaxed) != 0
            && self.is_turn_of_low()
            && let Some(task) = self.find_low()
        {
            return Some(task);
        }
        self.fifo.pop().or_else(|| self.find_low())
    }

    /// One task more need not go on here.
    pub(crate) fn let_go(&self) {
        self.bound.given.set(self.bound.given.get() + 1);
    }

    /// Gives to the others what they may run.
    fn give_away(&self) {
        let shared = self.shared();
        let mut any = false;
        let mut give = |task: &'static Task| {
            if task.is_started() {
                self.let_go();
            }
            shared.injector.push(task);
            any = true;
        };
        // SAFETY: null or a record.
        if let Some(task) = unsafe { self.lifo_slot.replace(ptr::null()).as_ref() } {
            if task.is_pinned() {
                self.fifo.push(task);
            } else {
                give(task);
            }
        }
        while let Some(task) = self.pop_fresh() {
            give(task);
        }
        while let Some(task) = self.movable.pop() {
            give(task.0);
        }
        if any {
            shared.idle.post(shared);
        }
    }

    /// A retired worker has found nothing: sleeps until there may be something. True: it need not.
    pub(crate) fn rest_or_end(&self) -> bool {
        let mut until = u64::MAX;
        if self.remote().spare.load(Relaxed) {
            // Whoever was called in once may be wanted again soon.
            let now = clock::now();
            if self.bound.rests_until.get() == 0 {
                let patience = self.shared().config.thread_patience.as_nanos();
                let patience = u64::try_from(patience).unwrap_or(u64::MAX);
                self.bound.rests_until.set(now.saturating_add(patience));
            }
            until = self.bound.rests_until.get();
            if now < until {
                self.rest(until);
                return false;
            }
            until = u64::MAX;
        }
        let served = self.has_served();
        if !served {
            self.rest(until);
        }
        served
    }

    /// It works again.
    #[inline]
    pub(crate) fn rests_no_more(&self) {
        self.bound.rests_until.set(0);
    }

    fn rest(&self, until: u64) {
        let due = || {
            let remote = self.remote();
            let own = remote.fresh.is_empty() && self.movable.is_empty();
            !self.is_retired() || !remote.inbox.is_empty() || !remote.lanes.are_empty() || !own
        };
        self.shared()
            .idle
            .rest(self.shared(), self.index, until, due);
    }

    /// Whether a retired worker that found nothing has nothing to wait for either. On the thread's own
    /// stack, so no task runs here.
    fn has_served(&self) -> bool {
        let bound = &self.bound;
        let gone = self.remote().counts.finished.get() + bound.given.get();
        let resizing = self.shared().resizings();
        let known = bound.resizing.get() == resizing;
        if known && gone - bound.counted_at.get() < bound.count.get() {
            return false;
        }
        bound.resizing.set(resizing);
        bound.counted_at.set(gone);
        bound.count.set(self.count_bound());
        bound.count.get() == 0
    }

    /// How many tasks may go on on this thread only.
    pub(crate) fn count_bound(&self) -> u64 {
        let is_bound = |task: &Task| {
            // Occupied first: the flags of a vacant record are those of its last task.
            task.state.load() & (OCCUPIED | DONE) == OCCUPIED
                && task.flags() & flags::STARTED != 0
                && task.is_pinned()
                && task.home() == self.index
        };
        let mut seen = Vec::new();
        self.shared().depot.each(|task| {
            if is_bound(task) {
                seen.push(task);
            }
        });
        if !seen.is_empty() {
            // Of a record that another thread has just occupied we may have seen flags that are
            // older. After this we see what it wrote before. Those of tasks that are bound here only
            // this thread writes.
            fence::heavy();
            seen.retain(|task| is_bound(task));
        }
        seen.len() as u64
    }
}
