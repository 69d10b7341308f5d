//! An arm of which comes something else: what makes arms of other arms, without unsafe code.

use super::{Arm, Chosen};
use crate::{Deadline, Lookout, Node, Reason};
use std::fmt;

/// An arm, and what is made of what comes of it. Made by [`Chosen::map`].
pub struct Mapped<A, R, F> {
    arm: A,
    how: F,
    outcome: Option<R>,
}

impl<A: Chosen, R, F: FnMut(A::Output) -> R> Mapped<A, R, F> {
    pub(super) fn new(arm: A, how: F) -> Self {
        Self {
            arm,
            how,
            outcome: None,
        }
    }

    /// Makes what is to come of it, if the inner arm has gone.
    fn gone(&mut self, inner: bool) -> bool {
        if inner && let Some(output) = self.arm.take() {
            self.outcome = Some((self.how)(output));
        }
        self.outcome.is_some()
    }
}

// SAFETY: every obligation is the inner arm's, which does what is asked of this one. What has gone is
// kept here, and then the inner arm is not attempted again.
unsafe impl<A: Chosen, R, F: FnMut(A::Output) -> R> Arm for Mapped<A, R, F> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_some() {
            return true;
        }
        let inner = self.arm.attempt();
        self.gone(inner)
    }

    fn reason(&self) -> Reason {
        self.arm.reason()
    }

    fn object(&self) -> *const () {
        self.arm.object()
    }

    fn payload(&self) -> *mut () {
        self.arm.payload()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { self.arm.enlist(node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller.
        unsafe { self.arm.delist(node) };
    }

    fn finish(&mut self) -> bool {
        let inner = self.arm.finish();
        self.gone(inner)
    }

    fn look_out(&self, lookout: &mut Lookout) {
        self.arm.look_out(lookout);
    }

    fn deadline(&self) -> Deadline {
        self.arm.deadline()
    }

    fn spend(&self) {
        self.arm.spend();
    }
}

impl<A: Chosen, R, F: FnMut(A::Output) -> R> Chosen for Mapped<A, R, F> {
    type Output = R;

    fn take(&mut self) -> Option<R> {
        self.outcome.take()
    }
}

impl<A: fmt::Debug, R, F> fmt::Debug for Mapped<A, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("arm", &self.arm)
            .field("gone", &self.outcome.is_some())
            .finish_non_exhaustive()
    }
}
