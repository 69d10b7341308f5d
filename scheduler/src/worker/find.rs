//! Where a worker looks for its next task, in which order, and why.
//!
//! 1. The LIFO slot: what was made ready last is warm, and its waker often waits for it. Bounded
//!    in a row.
//! 2. Fresh tasks, the newest first: depth first keeps the number of live tasks small.
//! 3. Started tasks in line, the oldest first.
//! 4. The injector, then other workers (`steal.rs`), beginning with a random one of the nearest.
//!
//! Every so many tasks the line comes first, so that no source can starve another. When timers were due it comes first
//! for half a round, for who sleeps is not to be late because a crowd is begun. Tasks of the high
//! class come before all of these, those of the low class after them, but for their turns: see
//! Note \[Classes\].

use crate::{
    idle::GRACE,
    queue::lifo::JOB,
    task::Task,
    worker::{Worker, classes::Urgent, steal::Haste},
};
use std::ptr;
use vitte_wait::facade::{atomic::Ordering::Relaxed, clock};

/// Every so many tasks the line comes first, and timers and the injector are looked at.
pub(crate) const ROUND: u32 = 32;
/// How long, in nanoseconds, a worker keeps the stacks of a crowd of fibers that has gone, in case
/// another comes, whose fibers would touch all their pages anew.
const PATIENCE: u64 = 1_000_000_000;
/// How many stacks are given back at a time: each may cost a system call.
const PORTION: usize = 64;
/// How many tasks are taken from the injector beyond the one to run.
const FROM_INJECTOR: usize = 16;

impl Worker {
    /// The next task to run; blocks the thread until there is one. `None`: the worker is to end, or is
    /// retired and has served.
    ///
    /// In the main loop only: what it calls wants more stack than a small fiber has to spare.
    #[inline]
    pub(crate) fn find(&self) -> Option<&'static Task> {
        match self.find_here() {
            Some(task) => Some(task),
            None => self.find_or_sleep(),
        }
    }

    /// As [`find`](Self::find), but does not block: `None` if there is none now.
    pub(crate) fn find_now(&self) -> Option<&'static Task> {
        let found = self.find_here();
        found.or_else(|| {
            self.publish_rest();
            self.find_elsewhere(Haste::Any)
        })
    }

    #[inline(never)]
    fn find_or_sleep(&self) -> Option<&'static Task> {
        loop {
            if self.shared().is_stopping() {
                return None;
            }
            self.publish_rest();
            if self.is_retired() {
                match self.find_retired() {
                    Some(task) => return Some(task),
                    None if self.rest_or_end() => return None,
                    None => {}
                }
                continue;
            }
            self.rests_no_more();
            let mut found = self.find_elsewhere(Haste::None);
            if found.is_none() {
                let chores = self.do_chores();
                found = self.shared().idle.wait(
                    self.shared(),
                    self.index,
                    chores,
                    || {
                        !self.remote().inbox.is_empty()
                            || !self.remote().lanes.are_empty()
                            || self.is_retired()
                    },
                    |haste| self.look_everywhere(haste),
                );
            }
            if let Some(task) = found.or_else(|| self.find_here()) {
                return Some(task);
            }
        }
    }

    /// What a worker with nothing better to do sees to: gives stacks back, if it has had too many for
    /// a while. Returns when to be called again, in nanoseconds, at the latest.
    pub(crate) fn do_chores(&self) -> u64 {
        let (keep, pooled) = (self.shared().pooled_bytes, self.pooled.get());
        if pooled <= keep {
            self.chores_at.set(u64::MAX);
            return u64::MAX;
        }
        let (now, at) = (clock::now(), self.chores_at.get());
        // While there are ever more, the crowd is still going.
        if at == u64::MAX || now < at && pooled > self.pooled_most.get() {
            self.pooled_most.set(pooled);
            self.chores_at.set(now + PATIENCE);
        } else if at <= now {
            // A few at a time, for work may come meanwhile.
            self.end_carriers(keep, PORTION);
            if self.pooled.get() <= keep {
                self.shared().stacks.trim();
            }
        }
        self.chores_at.get()
    }

    /// The next task to run, if one lies here and it is not the turn of the other sources: what a
    /// carrier's loop looks at before it leaves the rest to the main loop.
    #[inline]
    pub(crate) fn find_quickly(&self) -> Option<&'static Task> {
        let tick = self.tick.get().wrapping_add(1);
        if tick.is_multiple_of(ROUND) || self.shared().high_waiting.load(Relaxed) != 0 {
            return None;
        }
        self.tick.set(tick);
        self.find_first()
    }

    #[inline]
    fn find_here(&self) -> Option<&'static Task> {
        let mut tick = self.tick.get().wrapping_add(1);
        if self.shared().high_waiting.load(Relaxed) != 0 {
            match self.find_high() {
                Urgent::Found(task) => return Some(task),
                Urgent::Turn => tick = (tick | (ROUND - 1)).wrapping_add(1),
                Urgent::Nothing => {}
            }
        }
        self.tick.set(tick);
        if tick.is_multiple_of(ROUND)
            && let Some(task) = self.find_in_turn()
        {
            return Some(task);
        }
        self.find_first()
    }

    #[inline]
    fn find_first(&self) -> Option<&'static Task> {
        if let Some(task) = self.take_slot() {
            return Some(task);
        }
        self.lifo_streak.set(0);
        self.empty_inbox();
        let line_first = self.line_first.get();
        if line_first > 0 {
            let task = self.find_in_line();
            self.line_first.set(task.map_or(0, |_| line_first - 1));
            if task.is_some() {
                return task;
            }
        }
        self.pop_fresh().or_else(|| self.find_in_line())
    }

    /// The task that was made ready last, if it still lies in its slot.
    #[inline(always)]
    pub(super) fn take_slot(&self) -> Option<&'static Task> {
        // SAFETY: null or a record.
        let task = unsafe { self.lifo_slot.get().as_ref() }?;
        self.lifo_slot.set(ptr::null());
        self.lifo_streak.set(self.lifo_streak.get() + 1);
        Some(task)
    }

    /// The newest fresh task here.
    #[inline(always)]
    pub(crate) fn pop_fresh(&self) -> Option<&'static Task> {
        loop {
            // SAFETY: we are the owner of the stack.
            let fresh = unsafe { self.remote().fresh.pop() };
            if fresh.is_null() {
                return None;
            }
            if let Some(task) = self.task_of(fresh) {
                return Some(task);
            }
        }
    }

    /// The task of what was taken from a stack of fresh ones. `None`: it was null, or a job that had to
    /// be given back.
    #[inline(always)]
    pub(crate) fn task_of(&self, fresh: *mut Task) -> Option<&'static Task> {
        if fresh.addr() & JOB != 0 {
            return self.adopt(fresh);
        }
        // SAFETY: null or a record.
        unsafe { fresh.as_ref() }
    }

    /// Started tasks that wait here.
    // Always inlined: it is part of most yields.
    #[inline(always)]
    pub(crate) fn find_in_line(&self) -> Option<&'static Task> {
        match self.fifo.pop() {
            Some(task) => {
                self.look_ahead(self.fifo.first());
                Some(task)
            }
            None => self.find_movable(),
        }
    }

    #[inline(never)]
    fn find_movable(&self) -> Option<&'static Task> {
        self.movable.pop().map(|task| task.0)
    }

    /// The sources that come last otherwise.
    #[cold]
    fn find_in_turn(&self) -> Option<&'static Task> {
        self.shared().heed_signals();
        self.look_for_crowd();
        if self.shared().resizings() != 0
            && let Some(found) = self.find_resized()
        {
            return found;
        }
        if self.remote().timers.next() != u64::MAX || self.watches() {
            self.look_after(clock::now());
        }
        if self.is_turn_of_low()
            && let Some(task) = self.find_low()
        {
            return Some(task);
        }
        if self.slice_over.replace(false) {
            return self.find_after_slice();
        }
        // Alternately, so that neither kind of started task starves the other, nor both what
        // comes from outside, nor newer tasks the oldest fresh one.
        match self.tick.get() / ROUND % 4 {
            0 => self.movable.pop().map(|task| task.0),
            1 => self.shared().injector.pop(0, |_| {}),
            2 => self.fifo.pop(),
            // SAFETY: we are the owner.
            _ => self.task_of(unsafe { self.remote().fresh.pop_oldest() }),
        }
    }

    /// The injector and the other workers.
    fn find_elsewhere(&self, haste: Haste) -> Option<&'static Task> {
        if self.shared().heed_signals()
            && let Some(task) = self.find_made_ready()
        {
            return Some(task);
        }
        if self.remote().timers.next() != u64::MAX {
            self.look_after_idly(clock::now());
            if let Some(task) = self.find_made_ready() {
                return Some(task);
            }
        }
        if self.watches() && self.look_for_all_descriptors() {
            return self.find_made_ready();
        }
        let found = self.shared().injector.pop(FROM_INJECTOR, |task| {
            if task.is_started() {
                self.queue(task);
            } else {
                self.push_fresh(task);
            }
        });
        found
            .or_else(|| self.steal(haste))
            .or_else(|| self.find_low())
    }

    /// What firing a timer put into our queues; an alarm may spawn.
    fn find_made_ready(&self) -> Option<&'static Task> {
        // SAFETY: null or a record.
        match unsafe { self.lifo_slot.replace(ptr::null()).as_ref() } {
            Some(task) => Some(task),
            None => self.find_in_line().or_else(|| self.pop_fresh()),
        }
    }

    /// The last look before sleep, and the look of a searcher: own queues too, for a thief that
    /// gave something back may have made them look empty, and other workers' timers, for their
    /// owners may be busy.
    pub(crate) fn look_everywhere(&self, haste: Haste) -> Option<&'static Task> {
        if let Some(task) = self.find_here() {
            return Some(task);
        }
        let remotes = &self.shared().remotes;
        if remotes
            .iter()
            .any(|remote| remote.timers.next() != u64::MAX)
        {
            let now = clock::now();
            for (index, remote) in remotes.iter().enumerate() {
                let grace = if index == self.index { 0 } else { GRACE };
                if remote.timers.next().saturating_add(grace) <= now {
                    self.ring(&remote.timers, now);
                }
            }
            if let Some(task) = self.find_made_ready() {
                return Some(task);
            }
        }
        self.find_elsewhere(haste)
    }
}

/// What a worker's tick was, and what it was set to.
pub(crate) struct Ticks {
    real: u32,
    set: u32,
}

impl Worker {
    /// Has the carrier's loop come back to the main loop after at most `most` further tasks: it comes
    /// back where it is the turn of other sources, so that turn is brought nearer.
    pub(crate) fn narrow(&self, most: u32) -> Ticks {
        let real = self.tick.get();
        let room = ROUND - 1 - real % ROUND;
        let set = real.wrapping_add(room.saturating_sub(most));
        self.tick.set(set);
        Ticks { real, set }
    }

    /// Puts the turn back to where it is, but for the tasks that have run since.
    pub(crate) fn widen(&self, ticks: Ticks) {
        // A slice that was used up has ended the round.
        let used = match self.slice_over.get() {
            true => ROUND - 1 - ticks.real % ROUND,
            false => self.tick.get().wrapping_sub(ticks.set),
        };
        self.tick.set(ticks.real.wrapping_add(used));
    }
}
