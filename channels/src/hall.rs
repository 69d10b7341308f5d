//! A hall: where units queue for the events of a channel, under its lock.
//!
//! Each kind of channel says how a node gets into one of its queues and out again; parking and leaving, however
//! the wait ends, are the same for all.

use std::ptr;
use vitte_wait::{Claimed, Deadline, Node, Outcome, Reason, StopToken, Wait, WaitQueue};

/// Where units queue for events: what the handles of a channel share.
///
/// # Safety
/// After `enlist` returned true and until `delist` returns, the node is in the queue of that event or in
/// none, and is touched under that queue's lock alone. Otherwise it is in none.
pub(crate) unsafe trait Hall {
    /// What is waited for. Events may have a queue in common.
    type Event: Copy;

    /// Why one waits, for onlookers.
    fn reason(event: Self::Event) -> Reason;

    /// What one waits on, for onlookers.
    fn object(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    /// Looks once more, under the lock, and then queues `node`. False: there is no need to wait,
    /// and the node is in no queue.
    ///
    /// # Safety
    /// The node is in no queue, and stays where it is until `delist` was called or it was popped. Its
    /// payload is what those who end waits for that event expect there.
    unsafe fn enlist(&self, event: Self::Event, node: &Node) -> bool;

    /// Takes the node out, if it is still in.
    ///
    /// # Safety
    /// `enlist` has returned true for this node, for an event of the same queue.
    unsafe fn delist(&self, event: Self::Event, node: &Node);
}

/// Waits in `hall` for `event`, and lends what `payload` points to to whoever ends the wait.
///
/// `None`: it did not wait, for the second look found something. After any return the place is the
/// caller's again; it has changed only if the outcome is [`Outcome::Woken`].
///
/// # Safety
/// `payload` is what those who end waits for that event expect there.
///
/// # Panics
/// As [`Wait::begin`].
pub(crate) unsafe fn wait_in<H: Hall>(
    hall: &H,
    event: H::Event,
    payload: *mut (),
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Option<Outcome> {
    let wait = Wait::begin(H::reason(event), hall.object());
    let node = Node::new(wait.ticket(), payload);
    // SAFETY: `node` is in no queue, and stays in this frame until it was popped or `enlisted` has
    // taken it out, also when `park` unwinds. The payload is right by the caller.
    if !unsafe { hall.enlist(event, &node) } {
        // A cancellation that came in between is noticed by the next wait, if there is one.
        let _ = wait.withdraw();
        return None;
    }
    let enlisted = Enlisted {
        hall,
        event,
        node: &node,
    };
    let outcome = wait.park(deadline, stop);
    if outcome == Outcome::Woken {
        // Only the hall's wakers end the wait so, and they pop the node first.
        std::mem::forget(enlisted);
    }
    Some(outcome)
}

/// Takes a waiter out of its queue, however its wait ends.
struct Enlisted<'a, H: Hall> {
    hall: &'a H,
    event: H::Event,
    node: &'a Node,
}

impl<H: Hall> Drop for Enlisted<'_, H> {
    fn drop(&mut self) {
        // SAFETY: `wait_in` makes this only after `enlist` has returned true for this event.
        unsafe { self.hall.delist(self.event, self.node) };
    }
}

/// Takes everybody out of a queue. Drop the result once the lock is released: then they go on.
#[inline]
pub(crate) fn pop_everybody(queue: &mut WaitQueue) -> Vec<Claimed> {
    if queue.is_empty() {
        Vec::new()
    } else {
        queue.pop_all(Outcome::Woken)
    }
}
