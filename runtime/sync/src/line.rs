//! The line of those who wait for one object, and how a unit gets into it and out again.
//!
//! Objects whose fast path is one word keep a flag `AWAITED` in it. Note \[Awaited flags\]: the flag
//! is raised only under the line's lock, by a read-modify-write whose result is looked at, and
//! only then is the waiter put in line. All changes of one word have one order. So either a
//! change that would let the waiter go on comes first, and the waiter sees it and does not wait;
//! or it comes second, and whoever makes it sees the flag, takes the lock, and finds the waiter.

use crate::forms::const_new;
use std::ptr;
use vitte_wait::{
    Deadline, Node, Outcome, StopToken, Wait, WaitQueue,
    facade::{Mutex, MutexGuard},
};

/// Waiters, and whatever else their lock guards.
pub(crate) struct Line<S>(Mutex<Inside<S>>);

/// What the lock of a line guards.
pub(crate) struct Inside<S> {
    pub(crate) queue: WaitQueue,
    pub(crate) state: S,
}

/// How it went with one who meant to wait.
pub(crate) enum Waited {
    /// It did not have to.
    No,
    /// It was in line, and was taken out by somebody else; if the outcome is not `Woken` its wait
    /// was over already then.
    Popped(Outcome),
    /// It was in line, and left.
    Left(Outcome),
}

impl<S> Line<S> {
    const_new! {
        /// Nobody waits.
        pub(crate) fn new(state: S) -> Self {
            Self(Mutex::new(Inside {
                queue: WaitQueue::new(),
                state,
            }))
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.0.lock()
    }

    /// How many are in line, for onlookers; `None` if that cannot be said without waiting.
    pub(crate) fn len(&self) -> Option<usize> {
        self.0.try_lock().map(|inside| inside.queue.len())
    }

    /// Wakes everybody. Those who arm their wait in vain look at the object again.
    pub(crate) fn wake_all(&self, change: impl FnOnce(&mut S)) {
        let woken = {
            let mut inside = self.0.lock();
            change(&mut inside.state);
            inside.queue.pop_all(Outcome::Woken)
        };
        drop(woken);
    }

    /// Puts `node` in line, if `arm`, under the lock, finds that its owner has to wait.
    ///
    /// # Safety
    /// As for [`WaitQueue::push`]; it leaves by [`delist`](Self::delist), or by being popped.
    pub(crate) unsafe fn enlist(
        &self,
        node: &Node,
        arm: impl FnOnce(&mut Inside<S>) -> bool,
    ) -> bool {
        let mut inside = self.0.lock();
        let waits = arm(&mut inside);
        if waits {
            // SAFETY: by the caller; the lock is held.
            unsafe { inside.queue.push(node) };
        }
        waits
    }

    /// Takes `node` out of the line. If it was still there, `leave`, under the lock, makes good
    /// what arming it did. Whether it was.
    ///
    /// # Safety
    /// It was [enlisted](Self::enlist) here.
    pub(crate) unsafe fn delist(&self, node: &Node, leave: impl FnOnce(&mut Inside<S>)) -> bool {
        let mut inside = self.0.lock();
        // SAFETY: by the caller it is in this queue or in none.
        let left = unsafe { inside.queue.remove(node) };
        if left {
            leave(&mut inside);
        }
        left
    }

    /// Puts the caller in line and parks it.
    ///
    /// `arm`, under the lock, looks once more whether it has to wait at all. `leave`, under the
    /// lock, makes good whatever `arm` did, if the caller leaves the line by itself, however that
    /// comes about.
    pub(crate) fn wait(
        &self,
        wait: Wait,
        payload: *mut (),
        (deadline, stop): (Deadline, Option<&StopToken>),
        arm: impl FnOnce(&mut Inside<S>) -> bool,
        leave: impl FnOnce(&mut Inside<S>),
    ) -> Waited {
        let node = Node::new(wait.ticket(), payload);
        // SAFETY: `node` is in no queue, stays in this frame until it is popped or `Leave` has
        // taken it out (also when `park` unwinds).
        if !unsafe { self.enlist(&node, arm) } {
            // A cancellation that came in between is noticed by the next wait, if there is one.
            let _ = wait.withdraw();
            return Waited::No;
        }
        let mut linked = Leave {
            line: self,
            node: &node,
            leave: Some(leave),
        };
        let outcome = wait.park(deadline, stop);
        // Only those who pop the node end the wait so.
        let popped = outcome == Outcome::Woken || !linked.leave();
        std::mem::forget(linked);
        if popped {
            Waited::Popped(outcome)
        } else {
            Waited::Left(outcome)
        }
    }
}

/// What is shown as the object of a wait.
pub(crate) fn object<T>(of: &T) -> *const () {
    ptr::from_ref(of).cast()
}

/// Takes a waiter out of its line, however its wait ends.
struct Leave<'a, S, F: FnOnce(&mut Inside<S>)> {
    line: &'a Line<S>,
    node: &'a Node,
    leave: Option<F>,
}

impl<S, F: FnOnce(&mut Inside<S>)> Leave<'_, S, F> {
    /// Whether it was still in line.
    fn leave(&mut self) -> bool {
        let leave = self.leave.take();
        let leave = |inside: &mut Inside<S>| leave.into_iter().for_each(|leave| leave(inside));
        // SAFETY: the node was enlisted with this line.
        unsafe { self.line.delist(self.node, leave) }
    }
}

impl<S, F: FnOnce(&mut Inside<S>)> Drop for Leave<'_, S, F> {
    fn drop(&mut self) {
        self.leave();
    }
}
