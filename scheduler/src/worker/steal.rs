//! Taking tasks from other workers.
//!
//! Note \[Green\]: a task stays where it begins, so who steals it decides where it runs for as long as it lives. Mostly
//! whoever spawns waits soon after, for those he has spawned or for what they do, and then his worker begins them: fibers that
//! talk to each other begin on one worker, and every hand-over between them stays there. A searcher that happens to look in
//! those few microseconds would tear them apart for good. So he leaves fresh tasks alone when he sees them for the first time:
//! they are *green*, until the oldest of them has lain there for some microseconds. If its worker is busy for longer than that
//! it is stolen then. Jobs are taken at once, for nothing is handed over between the halves of a `join` but the results.
//!
//! Liveness: nothing is green to who takes his last look before he sleeps, since those who post rely on it, nor in models,
//! whose clock stands still. Whoever leaves a task alone looks again, or takes his last look.

use crate::{cpu::Plan, task::Task, worker::Worker};
use crossbeam_deque::Steal;
use std::ptr;
use vitte_wait::facade::clock;

/// How long tasks are green, in nanoseconds.
const GREEN: u64 = if cfg!(any(loom, shuttle)) { 0 } else { 20_000 };

/// Whether a thief takes what is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    None,
    Any,
}

/// What a thief last saw at a worker.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sight {
    /// The position of the oldest fresh task; zero if there was none. A thief that did not look while there was none may take a
    /// new task for the old one, and steals it though it is green.
    oldest: usize,
    /// Since when that has been the oldest.
    since: u64,
}

impl Sight {
    /// The task at this position is the oldest; whether it has been for long.
    fn is_ripe(&mut self, oldest: usize) -> bool {
        let now = clock::now();
        if self.oldest != oldest {
            *self = Self { oldest, since: now };
        }
        now - self.since >= GREEN
    }
}

impl Worker {
    pub(super) fn steal(&self, haste: Haste) -> Option<&'static Task> {
        let workers = self.shared().remotes.len();
        if workers == 1 {
            return None;
        }
        let first = self.choice.below(workers);
        let all = (first..workers).chain(0..first);
        match self.shared().plan.get().and_then(Plan::nearness) {
            None => self.steal_from_any(all.filter(|victim| *victim != self.index), haste),
            Some(near) => self.steal_from_any(near.victims(self.index, workers, first), haste),
        }
    }

    fn steal_from_any(
        &self,
        victims: impl Iterator<Item = usize>,
        haste: Haste,
    ) -> Option<&'static Task> {
        for victim in victims {
            if let Some(task) = self.steal_from(victim, haste) {
                self.remote().counts.steals.raise();
                self.post_rest(victim);
                return Some(task);
            }
        }
        None
    }

    /// After a theft: whoever took his last look meanwhile saw neither what we hold nor, behind our
    /// lock, what we left.
    fn post_rest(&self, victim: usize) {
        let left = !self.shared().remotes[victim].fresh.is_empty();
        if left || !self.remote().fresh.is_empty() || !self.movable.is_empty() {
            self.shared().idle.post(self.shared());
        }
    }

    pub(super) fn steal_from(&self, victim: usize, haste: Haste) -> Option<&'static Task> {
        let mut sights = self.sights.borrow_mut();
        if victim >= sights.len() {
            // There are more workers than there were.
            sights.resize_with(self.shared().remotes.len(), Sight::default);
        }
        let sight = &mut sights[victim];
        let victim = &self.shared().remotes[victim];
        let mut first: *mut Task = ptr::null_mut();
        let may = |oldest| sight.is_ripe(oldest) || haste == Haste::Any;
        let stolen = victim.fresh.steal_if(may, |task| {
            if first.is_null() {
                // The oldest is the largest part of a divided job: run that one.
                first = task;
            } else {
                // SAFETY: we are the owner of our stack.
                unsafe { self.remote().fresh.push(task) };
            }
        });
        if stolen > 0 {
            // What is left has lain there, too.
            sight.oldest += stolen;
            drop(sights);
            return self.task_of(first).or_else(|| self.pop_fresh());
        }
        if victim.fresh.is_empty() {
            sight.oldest = 0;
        }
        drop(sights);
        let movable = victim.movable.get()?;
        loop {
            match movable.steal_batch_and_pop(&self.movable) {
                Steal::Success(task) => return Some(task.0),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::time::Duration;
    use vitte_wait::facade::thread;

    #[test]
    fn what_is_seen_for_the_first_time_is_green_and_what_has_lain_is_not() {
        let mut sight = Sight::default();
        // Asked once each, so that it does not matter how long we are kept from running.
        let mut sees_green = |oldest| !sight.is_ripe(oldest);
        assert!(sees_green(1));
        thread::sleep(Duration::from_nanos(GREEN));
        assert!(!sees_green(1));
        assert!(sees_green(2), "another is the oldest now");
    }
}
