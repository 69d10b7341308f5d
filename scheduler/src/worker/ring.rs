//! Ringing alarms as a worker that has nothing else to do.
//!
//! Note \[Rung\]: what an alarm spawns is short as a rule, and the worker that rings it runs it at once. To wake another worker
//! for it, as for a task that is spawned otherwise, costs more than to run it, and does so at each look at the timers. So of the
//! first [`FEW`] tasks nobody is told who would have to be woken, but the pacer, if it sleeps. If one of them goes on
//! for long, it sees that others wait behind it, and wakes a worker for those.
//!
//! Nothing is lost by that: tasks lie in the queue of a worker that is awake, and looks there before it sleeps.

use crate::{task::Task, timer::Timers, worker::Worker};
use std::ptr;

/// So many are run before another worker would have begun.
const FEW: usize = 64;

impl Worker {
    /// Has `timers` [fire](Timers::fire), when it is about to run what comes of it.
    pub(crate) fn ring(&self, timers: &Timers, now: u64) -> bool {
        self.rung.set(Some(0));
        let any = timers.fire(now);
        if self.rung.take().is_some_and(|count| count > 0) {
            self.shared().idle.post_here(self.shared());
        }
        any
    }

    /// Puts a fresh task where it runs next, or is stolen, and says so if need be.
    pub(crate) fn push_spawned(&self, task: &'static Task) {
        match self.rung.get() {
            Some(count) if count < FEW => {
                self.rung.set(Some(count + 1));
                // SAFETY: we are the owner.
                unsafe { self.remote().fresh.push(ptr::from_ref(task).cast_mut()) };
            }
            _ => self.push_fresh(task),
        }
    }
}
