//! What comes next when a task has used up its slice: whether to begin another, or to go on with
//! those begun.
//!
//! A task that has begun may be bound to its worker, so a worker that begins one after the other
//! takes them away from workers that will have time sooner. So each worker publishes, at the end
//! of a slice, how many begun tasks want it, and begins another only if no other worker has fewer;
//! if another has more, and fresh ones besides, it takes from those. With slices of ten
//! milliseconds the shares grow evenly, whatever the tasks are like.

use crate::{
    task::Task,
    worker::{Worker, steal::Haste},
};
use vitte_wait::facade::atomic::Ordering::Relaxed;

/// Longer lines are not told apart.
const LONG: u32 = 64;
/// However busy the other workers say they are, a fresh task waits for no more slices than these.
const MOST_WAITED: u32 = 8;

impl Worker {
    /// At the end of a slice: whether anything may want this worker besides the task that runs.
    pub(crate) fn has_rivals(&self) -> bool {
        let line = self.publish_line(1);
        let mut others = self.shared().remotes.iter().take(self.shared().active());
        self.has_work() || others.any(|other| other.is_busier(line))
    }

    /// Says how many begun tasks want this worker: those in line, and `more`.
    fn publish_line(&self, more: u32) -> u32 {
        let line = self.fifo.len_up_to(LONG) + more;
        self.remote().line.store(line, Relaxed);
        line
    }

    /// Says that no begun task wants this worker.
    #[inline]
    pub(crate) fn publish_rest(&self) {
        self.remote().line.store(0, Relaxed);
    }

    /// The next task after a slice was used up, by a task that is in line again.
    pub(crate) fn find_after_slice(&self) -> Option<&'static Task> {
        let line = self.publish_line(0);
        let begun = self.slices_since_begin.get();
        // Every so often the line comes first, so that fresh tasks cannot starve it either.
        if begun % 4 != 3 && self.may_begin(line, begun) {
            // SAFETY: we are the owner of the stack.
            let own = || self.task_of(unsafe { self.remote().fresh.pop_oldest() });
            let outside = || self.shared().injector.pop(0, |_| {});
            // Alternately, so that who spawns in each slice does not starve who comes from outside.
            self.outside_first.set(!self.outside_first.get());
            let fresh = if self.outside_first.get() {
                outside().or_else(own)
            } else {
                own().or_else(outside)
            };
            let fresh = fresh.or_else(|| self.take_over(line));
            if fresh.is_some() {
                self.slices_since_begin.set(0);
                return fresh;
            }
        }
        self.slices_since_begin.set(begun.wrapping_add(1));
        // Alternately, so that neither kind of begun task starves the other.
        if begun.is_multiple_of(2)
            && let Some(task) = self.movable.pop()
        {
            return Some(task.0);
        }
        self.find_in_line()
    }

    fn may_begin(&self, line: u32, waited: u32) -> bool {
        let remotes = self.shared().remotes.iter().take(self.shared().active());
        let mut others = remotes
            .enumerate()
            .filter(|(index, remote)| *index != self.index && !remote.region.is_taken());
        waited >= MOST_WAITED || others.all(|(_, other)| line <= other.line.load(Relaxed))
    }

    /// Takes fresh tasks from a worker that has more begun ones than we have.
    fn take_over(&self, line: u32) -> Option<&'static Task> {
        let workers = self.shared().active();
        let first = self.choice.below(workers);
        (0..workers)
            .map(|offset| (first + offset) % workers)
            .find_map(|victim| {
                let busier = self.shared().remotes[victim].line.load(Relaxed) > line;
                (victim != self.index && busier)
                    .then(|| self.steal_from(victim, Haste::Any))
                    .flatten()
            })
    }
}
