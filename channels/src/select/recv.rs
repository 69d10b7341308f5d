//! Receiving, as an arm.

use super::{Source, Way};
use crate::{RecvError, error::TryRecvError, lent::Lent};
use std::fmt;
use vitte_wait::{
    Budget, Node, Reason,
    select::{Arm, Chosen},
};

/// Goes by receiving a value, or by finding the channel closed and drained.
///
/// A value that was received stays in the arm until it is [taken](Chosen::take), and is dropped
/// with it. Made by [`Receiver::recv_arm`](crate::Receiver::recv_arm).
pub struct RecvArm<'a, T> {
    source: &'a dyn Source<T>,
    budget: &'a Budget,
    /// Lent while the arm is enlisted; empty otherwise.
    lent: Lent<T>,
    outcome: Option<Result<T, RecvError>>,
}

impl<'a, T> RecvArm<'a, T> {
    /// # Safety
    /// Wherever the arm is used, its user may call the source's `poll`.
    pub(crate) unsafe fn new(source: &'a dyn Source<T>, budget: &'a Budget) -> Self {
        Self {
            source,
            budget,
            lent: Lent::new(None),
            outcome: None,
        }
    }
}

// SAFETY: the node is in the channel's queue of receivers from `enlist` to `delist`, or until a waker
// has popped it. What is lent is a `Lent`, which is used through shared references and claims. Every
// flavor pops a receiver for each value that comes while receivers are announced, and all when it
// closes: Note [Waiting flags].
unsafe impl<T> Arm for RecvArm<'_, T> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            // SAFETY: by the contract of `new`.
            self.outcome = match unsafe { self.source.poll() } {
                Ok(value) => Some(Ok(value)),
                Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
                Err(TryRecvError::Empty) => None,
            };
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Recv
    }

    fn object(&self) -> *const () {
        self.source.address()
    }

    fn payload(&self) -> *mut () {
        self.lent.payload()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller the node's payload is ours: an empty `Lent<T>`.
        unsafe { self.source.enlist(Way::Out, node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller it was enlisted above.
        unsafe { self.source.delist(Way::Out, node) };
    }

    fn finish(&mut self) -> bool {
        self.outcome = self.lent.own(Option::take).map(Ok);
        self.attempt()
    }

    fn spend(&self) {
        self.budget.spend();
    }
}

impl<T> Chosen for RecvArm<'_, T> {
    /// Never [`RecvError::Canceled`]: it is the whole select that is canceled.
    type Output = Result<T, RecvError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvArm")
            .field("gone", &self.outcome.is_some())
            .finish_non_exhaustive()
    }
}
