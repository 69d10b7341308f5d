//! The two queues of a channel, and how a unit gets into them and out again.
//!
//! Note \[Waiting flags\]: an end that finds nothing to do must not go to sleep just as its partner
//! makes something to do. Every flavor with a lock-free fast path keeps one flag for each kind of
//! waiter *inside the word that the partner's fast path changes by a read-modify-write anyway*:
//! receivers raise theirs in the word that senders advance, senders in the word that receivers
//! advance. A waiter, under the lock, raises its flag by a read-modify-write (`arm`), looks at what
//! that returned, and only then may park. All changes of one word have one order, so a partner's
//! advance either comes before the flag, and the waiter sees it and does not park; or it comes
//! after, and the partner sees the flag, takes the lock, and finds the waiter in the queue. That
//! needs no fence, and costs the fast path one test of a value that it has at hand. (Where the fast
//! path has no read-modify-write there is another way: see Note [Flags beside positions].)
//!
//! Invariants: a node is in a queue only while `Linked` or a claim keeps its owner there; a
//! flag is raised whenever its queue holds an open waiter, and changed only under the lock.

use crate::lent::Lent;
use vitte_wait::{
    Claimed, Deadline, Node, Outcome, Reason, ShortLock, StopToken, Unit, Wait, WaitQueue,
};

/// Which end of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Senders,
    Receivers,
}

/// Who waits. Lives in a mutex that is touched only when somebody waits, or on closing.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    senders: WaitQueue,
    receivers: WaitQueue,
}

impl Waiters {
    pub(crate) fn of(&mut self, side: Side) -> &mut WaitQueue {
        match side {
            Side::Senders => &mut self.senders,
            Side::Receivers => &mut self.receivers,
        }
    }

    /// Takes everybody out, for closing: each looks at the channel again and sees for itself.
    pub(crate) fn drain(&mut self) -> [Vec<Claimed>; 2] {
        [
            self.senders.pop_all(Outcome::Woken),
            self.receivers.pop_all(Outcome::Woken),
        ]
    }

    /// How many senders and receivers wait, for onlookers.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.senders.len(), self.receivers.len())
    }
}

/// What a flavor must offer so that a unit can wait in it.
pub(crate) trait Waitable {
    fn waiters(&self) -> &ShortLock<Waiters>;

    /// Announces a waiter of this side, then looks once more; false: there is no need to wait.
    /// Called under the lock, before the waiter is queued.
    fn arm(&self, side: Side, waiters: &mut Waiters) -> bool;

    /// `unit` has been queued. Called under the lock.
    #[inline]
    fn queued(&self, _unit: &'static Unit) {}

    /// The queue of this side is empty now. Called under the lock.
    fn disarm(&self, side: Side);
}

/// What a waiter shows and lends to others: for a small value it is one cache line.
#[repr(C, align(64))]
struct Place<T> {
    node: Option<Node>,
    lent: Lent<T>,
}

/// Parks the calling unit among the waiters of `side`, and lends a place with `value` in it to whoever wakes it.
/// Returns the outcome, and what is in the place afterwards.
///
/// No outcome: it did not wait, for the second look found something to do. What is in the place has changed only if
/// the outcome is [`Outcome::Woken`].
///
/// # Panics
/// As [`Wait::begin`].
// Always inlined: every frame between a switch and its caller costs a misprediction of its return.
#[inline(always)]
pub(crate) fn wait_in<C: Waitable, T>(
    channel: &C,
    side: Side,
    value: Option<T>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> (Option<Outcome>, Option<T>) {
    let reason = match side {
        Side::Senders => Reason::Send,
        Side::Receivers => Reason::Recv,
    };
    // SAFETY: nothing suspends before `park_here`.
    let (wait, here) = unsafe { Wait::begin_here(reason, std::ptr::from_ref(channel).cast()) };
    let mut place = Place {
        node: None,
        lent: Lent::new(value),
    };
    let lent = &place.lent;
    let node = &*place
        .node
        .insert(Node::alone(wait.ticket(), lent.payload()));
    {
        let mut waiters = channel.waiters().lock_here(here);
        if !channel.arm(side, &mut waiters) {
            if waiters.of(side).is_empty() {
                channel.disarm(side);
            }
            drop(waiters);
            // A cancellation that came in between is noticed by the next wait, if there is one.
            let _ = wait.withdraw();
            // SAFETY: nobody has heard of the place.
            return (None, unsafe { lent.reclaim() });
        }
        // SAFETY: `node` is in no queue, stays in this frame until it is popped or `linked` has
        // taken it out (also when `park` unwinds), and is touched only under this lock.
        unsafe { waiters.of(side).push(node) };
        channel.queued(wait.unit());
    }
    let linked = Linked {
        channel,
        side,
        node,
    };
    let outcome = wait.park_here(here, deadline, stop);
    if outcome == Outcome::Woken {
        // Only this channel's wakers end the wait so, and they pop the node first.
        std::mem::forget(linked);
    } else {
        drop(linked);
    }
    // SAFETY: we are the waiter, the wait is over, and the node is in no queue.
    (Some(outcome), unsafe { lent.reclaim() })
}

/// Wakes the first waiter of `side`; it does its operation itself.
#[cold]
#[inline(never)]
pub(crate) fn wake_one<C: Waitable>(channel: &C, side: Side) {
    let claimed = {
        let mut waiters = channel.waiters().lock();
        let queue = waiters.of(side);
        let claimed = queue.pop(Outcome::Woken);
        if queue.is_empty() {
            channel.disarm(side);
        }
        claimed
    };
    drop(claimed);
}

/// Takes a waiter out of its queue, however its wait ends.
struct Linked<'a, C: Waitable> {
    channel: &'a C,
    side: Side,
    node: &'a Node,
}

impl<C: Waitable> Drop for Linked<'_, C> {
    fn drop(&mut self) {
        let mut waiters = self.channel.waiters().lock();
        let queue = waiters.of(self.side);
        // SAFETY: the node was pushed into this queue and into no other.
        unsafe { queue.remove(self.node) };
        if queue.is_empty() {
            self.channel.disarm(self.side);
        }
    }
}
