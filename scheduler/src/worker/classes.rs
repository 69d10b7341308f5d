//! Tasks of other classes than the normal one: where they go when they are ready, when a worker takes
//! one, and how they get a worker that runs something less urgent.
//!
//! Note \[Classes\]: the high class comes first, but of [`HIGH_IN_A_ROW`] + 1 picks one is not of it, if
//! anything else waits. Such a pick is a *turn*, as every [`ROUND`](super::find::ROUND)th pick of the
//! others is, in which the sources that come last come first; and in every [`LOW_EVERY`]th turn the low
//! class does. Picks of the high class do not count towards a round. So from one turn to the next there
//! are less than `ROUND + HIGH_IN_A_ROW` picks, and of 8 times as many, 384, one is of the low class:
//! nothing starves, whatever the others do. A whole slice ends a round, so among tasks that compute it is
//! every eighth slice.
//!
//! Who holds a lock that one of the high class waits for is of that class until he releases it, and so is whoever
//! he waits for in turn. So from where it begins to wait, what the high one waits for has 16 of 17 picks; only
//! a holder that lies among the normal ones comes up in their order first, for each link of a chain once.
//!
//! Two things move a task. Who used up a whole slice in the high class goes into line with the normal
//! ones until it waits for something. Who lay in the low lane too long is put in line with the normal
//! ones, once: the [pacer](crate::pace) sees to that, for it is awake while anybody waits.

use crate::{
    queue::lanes::Lanes,
    shared::Shared,
    task::{Task, slab},
    worker::Worker,
};
use vitte_wait::{
    Priority, Unit,
    facade::atomic::{Ordering::*, fence},
};

/// How often the high class is picked before another gets a turn.
const HIGH_IN_A_ROW: u32 = 16;
/// In every so many turns the low class comes first.
const LOW_EVERY: u32 = 8;

/// What a look for the high class comes to.
pub(crate) enum Urgent {
    Found(&'static Task),
    /// There may be some, but it is another's turn.
    Turn,
    Nothing,
}

/// How a task came to be ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// It was spawned, or its wait is over.
    Woken,
    /// It has let others go first.
    Yielded,
}

impl Shared {
    /// Puts a task into its lane. False if it goes with the normal ones.
    #[cold]
    #[inline(never)]
    pub(crate) fn put_into_lane(&self, task: &'static Task, how: Ready) -> bool {
        if how == Ready::Woken {
            task.unit.recover();
        }
        let priority = task.unit.priority();
        let home = (task.is_started() && task.is_pinned()).then(|| task.home());
        let Some(lane) = self.lanes_at(home).of(priority) else {
            return false;
        };
        let waiting = match priority {
            Priority::High => &self.high_waiting,
            _ => &self.low_waiting,
        };
        // Before the push: who sees it in vain looks once more, who does not see it would not look.
        waiting.fetch_add(1, Relaxed);
        lane.push(task);
        if priority == Priority::Low {
            // Ordering: SeqCst, between our push and our look. Partner: the fence in `raised`: if it did not see
            // the task here, we see what it was raised for.
            fence(SeqCst);
            if task.unit.priority() > Priority::Low {
                self.raised(task);
            }
        }
        match home {
            Some(home) => self.idle.post_to(self, home),
            None => self.idle.post(self),
        }
        if priority == Priority::High && how == Ready::Woken {
            self.make_way(home);
        }
        true
    }

    fn lanes_at(&self, home: Option<usize>) -> &Lanes {
        home.map_or(&self.lanes, |home| &self.remotes[home].lanes)
    }

    /// A task of the high class is ready: if every worker that may take it is busy, asks one that runs
    /// something less urgent, the least urgent there is, to give way at its next poll.
    fn make_way(&self, home: Option<usize>) {
        if let Some(home) = home {
            self.remotes[home].desk.hurry(Priority::Normal);
            return;
        }
        if self.idle.has_idle() {
            return;
        }
        for most in [Priority::Low, Priority::Normal] {
            let mut remotes = self.remotes.iter().take(self.active());
            if remotes.any(|remote| remote.region.inside().is_none() && remote.desk.hurry(most)) {
                return;
            }
        }
    }

    /// A task has become more urgent: if it lies in the low lane, it goes where it belongs now.
    pub(crate) fn raised(&self, task: &'static Task) {
        // Ordering: SeqCst, between the change of the priority and our look. Partner: `put_into_lane`.
        fence(SeqCst);
        let own = [&self.lanes, &self.remotes[task.home()].lanes];
        if own.iter().any(|lanes| lanes.remove_low(task)) {
            self.low_waiting.fetch_sub(1, Relaxed);
            self.inject(task);
        }
    }

    /// Puts what has lain in a low lane for too long in line with the normal ones. Returns how many.
    pub(crate) fn age(&self) -> u64 {
        let mut lifted = 0;
        let mut lift = |task: &'static Task| {
            // Who was raised just now was not found in his lane any more.
            if task.unit.priority() > Priority::Low {
                self.inject(task);
            } else {
                self.inject_normal(task);
            }
            self.low_waiting.fetch_sub(1, Relaxed);
            lifted += 1;
        };
        self.lanes.age_low(&mut lift);
        for remote in self.remotes.iter() {
            remote.lanes.age_low(&mut lift);
        }
        lifted
    }
}

/// The unit of a task has become more urgent.
pub(crate) fn raised(unit: &'static Unit) {
    // SAFETY: units with the scheduler's table lie in task records.
    let task = unsafe { Task::of(unit) };
    slab::with_owner(task, |shared| shared.raised(task));
}

impl Worker {
    /// The next task of the high class, if it is not another's turn. Call it only if any waits, somewhere.
    /// A retired worker finds its own only.
    #[cold]
    #[inline(never)]
    pub(crate) fn find_high(&self) -> Urgent {
        let streak = self.high_streak.get();
        if streak >= HIGH_IN_A_ROW {
            self.high_streak.set(0);
            return Urgent::Turn;
        }
        let shared = self.shared();
        let (own, common) = (&self.remote().lanes.high, &shared.lanes.high);
        // Alternately, so that neither lane starves the other.
        let found = if self.is_retired() {
            own.pop()
        } else if streak.is_multiple_of(2) {
            own.pop().or_else(|| common.pop())
        } else {
            common.pop().or_else(|| own.pop())
        };
        match found {
            Some(task) => {
                shared.high_waiting.fetch_sub(1, Relaxed);
                self.high_streak.set(streak + 1);
                Urgent::Found(task)
            }
            None => Urgent::Nothing,
        }
    }

    /// The next task of the low class; a retired worker finds its own only.
    pub(crate) fn find_low(&self) -> Option<&'static Task> {
        let shared = self.shared();
        if shared.low_waiting.load(Relaxed) == 0 {
            return None;
        }
        if self.is_retired() {
            let task = self.remote().lanes.low.pop()?;
            shared.low_waiting.fetch_sub(1, Relaxed);
            return Some(task);
        }
        // Alternately, so that neither lane starves the other.
        let (one, other) = (&self.remote().lanes.low, &shared.lanes.low);
        let lows = self.lows.get().wrapping_add(1);
        self.lows.set(lows);
        let task = if lows.is_multiple_of(2) {
            one.pop().or_else(|| other.pop())
        } else {
            other.pop().or_else(|| one.pop())
        }?;
        shared.low_waiting.fetch_sub(1, Relaxed);
        Some(task)
    }

    /// Whether the low class comes first in this turn.
    pub(crate) fn is_turn_of_low(&self) -> bool {
        let turns = self.turns.get().wrapping_add(1);
        self.turns.set(turns);
        turns.is_multiple_of(LOW_EVERY) && self.shared().low_waiting.load(Relaxed) != 0
    }

    /// The task that runs has used up its slice, while others waited.
    pub(crate) fn lower(&self, task: &'static Task) {
        if !task.unit.is_ordinary() && task.unit.lower() {
            self.remote().counts.lowered.raise();
        }
    }

    /// Whether a task may wait that is more urgent than `task`, which runs.
    pub(crate) fn has_more_urgent(&self, task: &'static Task) -> bool {
        self.shared().high_waiting.load(Relaxed) != 0 && task.unit.priority() < Priority::High
    }
}
