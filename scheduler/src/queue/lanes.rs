//! Where ready tasks of other classes than the normal one lie.
//!
//! Each class has one lane for tasks that any worker may take, and one at each worker for those that
//! are pinned to it. A lane is a queue behind a lock: these classes are for the few, and pay for it; the
//! normal class has queues that cost less.
//!
//! The older half of a lane is what lay there when it was last looked through for what has waited too
//! long: so a task needs no note of when it came.

use crate::{queue::fifo::Fifo, task::Task};
use vitte_wait::{
    Priority,
    facade::{
        Mutex,
        atomic::{AtomicUsize, Ordering::*},
    },
};

/// The ready tasks of one class, the oldest first.
#[derive(Default)]
pub(crate) struct Lane {
    halves: Mutex<Halves>,
    /// How many lie here. Written under the lock; a hint to others.
    len: AtomicUsize,
}

#[derive(Default)]
struct Halves {
    old: Fifo,
    young: Fifo,
}

impl Halves {
    /// Takes the old ones out; the young are the old ones now.
    fn grow_old(&mut self) -> Fifo {
        let young = std::mem::take(&mut self.young);
        std::mem::replace(&mut self.old, young)
    }
}

// SAFETY: the FIFOs are touched only under the lock of the one lane they belong to; the tasks they
// link are records that any thread may queue.
unsafe impl Send for Halves {}

impl Lane {
    pub(crate) fn push(&self, task: &'static Task) {
        let halves = self.halves.lock();
        halves.young.push(task);
        // Ordering: SeqCst, for the store-load pair with the idle counters: see the idle README.
        self.len.fetch_add(1, SeqCst);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Relaxed) == 0
    }

    pub(crate) fn pop(&self) -> Option<&'static Task> {
        if self.is_empty() {
            return None;
        }
        let halves = self.halves.lock();
        let task = halves.old.pop().or_else(|| halves.young.pop())?;
        self.len.fetch_sub(1, Relaxed);
        Some(task)
    }

    /// Takes this very task, if it lies here.
    fn remove(&self, task: &'static Task) -> bool {
        if self.is_empty() {
            return false;
        }
        let halves = self.halves.lock();
        let removed = halves.old.remove(task) || halves.young.remove(task);
        if removed {
            self.len.fetch_sub(1, Relaxed);
        }
        removed
    }

    /// Hands whatever has been here since the last call to `lift`, the oldest first.
    fn age(&self, lift: impl FnMut(&'static Task)) {
        self.age_by(Halves::grow_old, lift);
    }

    fn age_by(
        &self,
        grow_old: impl FnOnce(&mut Halves) -> Fifo,
        mut lift: impl FnMut(&'static Task),
    ) {
        if self.is_empty() {
            return;
        }
        let waited = grow_old(&mut self.halves.lock());
        while let Some(task) = waited.pop() {
            // Not before: until it is in another queue it counts as lying here, so that whoever falls
            // asleep meanwhile does not think that there is nothing.
            lift(task);
            self.len.fetch_sub(1, Relaxed);
        }
    }
}

/// A lane for each class but the normal one.
#[derive(Default)]
pub(crate) struct Lanes {
    pub(crate) high: Lane,
    pub(crate) low: Lane,
}

impl Lanes {
    /// The lane of a class; the normal one has none.
    pub(crate) fn of(&self, priority: Priority) -> Option<&Lane> {
        match priority {
            Priority::High => Some(&self.high),
            Priority::Normal => None,
            Priority::Low => Some(&self.low),
        }
    }

    /// Whether nothing lies here; a hint.
    pub(crate) fn are_empty(&self) -> bool {
        self.high.is_empty() && self.low.is_empty()
    }

    /// Takes this very task out of the lane of the low class, if it lies there.
    pub(crate) fn remove_low(&self, task: &'static Task) -> bool {
        self.low.remove(task)
    }

    /// Hands those of the low class that have waited too long to `lift`.
    pub(crate) fn age_low(&self, lift: impl FnMut(&'static Task)) {
        self.low.age(lift);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::task::slab::Depot;

    /// Three come, the lane is looked through, the first is taken, a fourth comes, and three looks follow: who is lifted
    /// at which, by number.
    fn lifted(grow_old: fn(&mut Halves) -> Fifo) -> [Vec<usize>; 4] {
        let (depot, lane) = (Depot::new(&crate::unit::OPS), Lane::default());
        let tasks: [&'static Task; 4] = [(); 4].map(|()| depot.take_outside().unwrap());
        let look = || {
            let mut lifted = Vec::new();
            lane.age_by(grow_old, |task| {
                lifted.extend(tasks.iter().position(|&other| std::ptr::eq(other, task)));
            });
            lifted
        };
        tasks[..3].iter().for_each(|task| lane.push(task));
        let first = look();
        let _ = lane.pop();
        lane.push(tasks[3]);
        let looks = [first, look(), look(), look()];
        assert!(lane.is_empty(), "somebody is left");
        looks
    }

    fn each_is_lifted_at_the_second_look(grow_old: fn(&mut Halves) -> Fifo) {
        let looks = lifted(grow_old);
        assert_eq!(
            looks,
            [vec![], vec![1, 2], vec![3], vec![]],
            "too early, or late"
        );
    }

    #[test]
    fn who_has_lain_in_a_lane_for_two_looks_is_lifted() {
        each_is_lifted_at_the_second_look(Halves::grow_old);
    }

    /// The flawed variants: those who have just come are lifted with the old ones; and nobody ever grows old.
    #[test]
    #[should_panic(expected = "too early, or late")]
    fn without_a_younger_half_they_are_lifted_at_once() {
        each_is_lifted_at_the_second_look(|halves| std::mem::take(&mut halves.young));
    }

    #[test]
    #[should_panic(expected = "somebody is left")]
    fn if_the_young_do_not_grow_old_they_starve() {
        each_is_lifted_at_the_second_look(|halves| std::mem::take(&mut halves.old));
    }
}
