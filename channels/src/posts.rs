//! Waiting for something to change that wakes everybody at once: broadcasts, watched values, and the
//! other end of a oneshot.
//!
//! Each kind says how a unit's node gets into one of its queues and out again, and does so once, for
//! the waits of a method and for [arms](vitte_wait::select) alike.

use crate::{
    RecvUntilError,
    spin::{Patience, TriesFirst},
};
use std::{error::Error, fmt};
use vitte_wait::{
    Budget, Claimed, Deadline, Node, Outcome, Reason, StopToken, Wait, WaitQueue,
    select::{Arm, Chosen},
};

/// Where a unit can wait.
///
/// # Safety
/// After `enlist` returned true and until `delist` returns, the node is in one queue or in none, and
/// is touched under that queue's lock alone. Otherwise it is in none.
pub(crate) unsafe trait Post {
    const REASON: Reason;

    /// What is waited on, for onlookers.
    fn object(&self) -> *const ();

    /// Looks once more, under the lock, and then queues `node`. False: there is no need to wait,
    /// and the node is in no queue.
    ///
    /// # Safety
    /// The node is in no queue, and stays where it is until `delist` was called or it was popped.
    unsafe fn enlist(&self, node: &Node) -> bool;

    /// Takes the node out, if it is still in.
    ///
    /// # Safety
    /// `enlist` has returned true for this node.
    unsafe fn delist(&self, node: &Node);
}

/// Why a wait for a state of the channel (that the other end is gone, that nothing is left) ended before
/// that state was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RecvUntilError::from(*self).fmt(f)
    }
}

impl Error for WaitError {}

impl From<WaitError> for RecvUntilError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

/// Attempts until there is something to return, and waits at `post` in between.
///
/// # Panics
/// As [`Wait::begin`], and where `attempt` does.
#[cold]
pub(crate) fn wait_until<P: Post, R>(
    post: &P,
    deadline: Deadline,
    stop: Option<&StopToken>,
    mut attempt: impl FnMut() -> Option<R>,
) -> Result<R, WaitError> {
    loop {
        let mut patience = Patience::new(TriesFirst::Threads);
        while patience.is_left() {
            if let Some(result) = attempt() {
                return Ok(result);
            }
        }
        match wait_once(post, deadline, stop) {
            Outcome::Woken => {}
            Outcome::TimedOut => return Err(WaitError::TimedOut),
            Outcome::Canceled => return Err(WaitError::Canceled),
            Outcome::Stopped => return Err(WaitError::Stopped),
        }
        if let Some(result) = attempt() {
            return Ok(result);
        }
    }
}

/// Waits at `post`, unless the second look finds something: that counts as woken.
fn wait_once<P: Post>(post: &P, deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
    let wait = Wait::begin(P::REASON, post.object());
    let node = Node::new(wait.ticket(), std::ptr::null_mut());
    // SAFETY: `node` is in no queue, and stays in this frame until it was popped or `enlisted` has
    // taken it out, also when `park` unwinds.
    if !unsafe { post.enlist(&node) } {
        // A cancellation that came in between is noticed by the next wait, if there is one.
        let _ = wait.withdraw();
        return Outcome::Woken;
    }
    let enlisted = Enlisted { post, node: &node };
    let outcome = wait.park(deadline, stop);
    if outcome == Outcome::Woken {
        // Only the post's wakers end the wait so, and they pop the node first.
        std::mem::forget(enlisted);
    }
    outcome
}

/// Takes a waiter out of its queue, however its wait ends.
struct Enlisted<'a, P: Post> {
    post: &'a P,
    node: &'a Node,
}

impl<P: Post> Drop for Enlisted<'_, P> {
    fn drop(&mut self) {
        // SAFETY: `wait_once` makes this only after `enlist` has returned true.
        unsafe { self.post.delist(self.node) };
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

/// Waiting at a post as one of several things: goes by what the attempt returns.
pub(crate) struct PostArm<'a, P, R, F> {
    post: &'a P,
    budget: &'a Budget,
    attempt: F,
    outcome: Option<R>,
}

impl<'a, P: Post, R, F: FnMut() -> Option<R>> PostArm<'a, P, R, F> {
    pub(crate) fn new(post: &'a P, budget: &'a Budget, attempt: F) -> Self {
        Self {
            post,
            budget,
            attempt,
            outcome: None,
        }
    }
}

// SAFETY: by the contract of `Post` the node is where it may be. Nothing is lent. Everybody who waits
// at a post is popped when what they wait for changes.
unsafe impl<P: Post, R, F: FnMut() -> Option<R>> Arm for PostArm<'_, P, R, F> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = (self.attempt)();
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        P::REASON
    }

    fn object(&self) -> *const () {
        self.post.object()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { self.post.enlist(node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller.
        unsafe { self.post.delist(node) };
    }

    fn spend(&self) {
        self.budget.spend();
    }
}

impl<P: Post, R, F: FnMut() -> Option<R>> Chosen for PostArm<'_, P, R, F> {
    type Output = R;

    fn take(&mut self) -> Option<R> {
        self.outcome.take()
    }
}
