//! The arms that need no crate but this one: time, stop tokens, and arms that may be switched off.

use super::{Arm, Chosen};
use crate::{Deadline, Lookout, Node, Reason, StopToken};
use std::{fmt, ptr, time::Duration};

/// An arm that goes at a point in time. See [`at()`].
#[derive(Debug)]
pub struct At {
    deadline: Deadline,
    gone: bool,
}

/// An arm that goes once `deadline` has come.
#[must_use]
pub fn at(deadline: Deadline) -> At {
    At {
        deadline,
        gone: false,
    }
}

/// An arm that goes `patience` from now.
#[must_use]
pub fn after(patience: Duration) -> At {
    at(Deadline::after(patience))
}

// SAFETY: the node is never put anywhere, and nothing is lent. That the time comes is noticed by the
// selector, who is told of the deadline.
unsafe impl Arm for At {
    fn attempt(&mut self) -> bool {
        self.gone = self.gone || self.deadline.is_past();
        self.gone
    }

    fn reason(&self) -> Reason {
        Reason::Sleep
    }

    fn object(&self) -> *const () {
        ptr::null()
    }

    unsafe fn enlist(&self, _: &Node) -> bool {
        true
    }

    unsafe fn delist(&self, _: &Node) {}

    fn deadline(&self) -> Deadline {
        self.deadline
    }
}

impl Chosen for At {
    type Output = ();

    fn take(&mut self) -> Option<()> {
        std::mem::take(&mut self.gone).then_some(())
    }
}

/// An arm that goes once the stop is requested. See [`StopToken::stop_arm`].
#[derive(Debug)]
pub struct StopArm<'a> {
    token: &'a StopToken,
    gone: bool,
}

impl StopToken {
    /// The stop as one of several things that a unit waits for; see [`select`](super).
    ///
    /// ```
    /// use vitte_wait::{Deadline, StopSource, select::{at, select}};
    ///
    /// let (source, mut never) = (StopSource::new(), at(Deadline::NEVER));
    /// source.stop();
    /// assert_eq!(select(&mut [&mut never, &mut source.stop_arm()], Deadline::NEVER, None), Ok(1));
    /// ```
    #[must_use]
    pub fn stop_arm(&self) -> StopArm<'_> {
        StopArm {
            token: self,
            gone: false,
        }
    }
}

// SAFETY: the node is in the token's queue from `enlist` to `delist`, and nothing is lent. Whoever
// requests the stop pops every waiter, and one that is stopped refuses to enlist.
unsafe impl Arm for StopArm<'_> {
    fn attempt(&mut self) -> bool {
        self.gone = self.gone || self.token.is_stopped();
        self.gone
    }

    fn reason(&self) -> Reason {
        Reason::Event
    }

    fn object(&self) -> *const () {
        self.token.object()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { self.token.enlist(node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller the node was enlisted with this token.
        unsafe { self.token.delist(node) };
    }

    fn deadline(&self) -> Deadline {
        self.token.deadline()
    }
}

impl Chosen for StopArm<'_> {
    type Output = ();

    fn take(&mut self) -> Option<()> {
        std::mem::take(&mut self.gone).then_some(())
    }
}

/// An arm, or one in its place that never goes.
///
/// ```
/// use vitte_wait::{Deadline, select::{Chosen, When, at, select, try_select}};
///
/// let (mut off, mut on) = (When::new(false, at(Deadline::NOW)), at(Deadline::NOW));
/// assert_eq!(select(&mut [&mut off, &mut on], Deadline::NEVER, None), Ok(1));
/// assert_eq!(try_select(&mut [&mut off]), None);
/// assert_eq!(off.take(), None);
/// ```
pub struct When<A> {
    arm: A,
    on: bool,
}

impl<A> When<A> {
    /// `arm` if `on`, else one that never goes.
    #[must_use]
    pub fn new(on: bool, arm: A) -> Self {
        Self { arm, on }
    }
}

// SAFETY: it is the inner arm, or one that never puts a node anywhere and never goes.
unsafe impl<A: Arm> Arm for When<A> {
    fn attempt(&mut self) -> bool {
        self.on && self.arm.attempt()
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
        !self.on || unsafe { self.arm.enlist(node) }
    }

    unsafe fn delist(&self, node: &Node) {
        if self.on {
            // SAFETY: by the caller; if it is on now it was when the node was enlisted.
            unsafe { self.arm.delist(node) };
        }
    }

    fn finish(&mut self) -> bool {
        self.on && self.arm.finish()
    }

    fn look_out(&self, lookout: &mut Lookout) {
        if self.on {
            self.arm.look_out(lookout);
        }
    }

    fn deadline(&self) -> Deadline {
        if self.on {
            self.arm.deadline()
        } else {
            Deadline::NEVER
        }
    }

    fn spend(&self) {
        self.arm.spend();
    }
}

impl<A: Chosen> Chosen for When<A> {
    type Output = A::Output;

    fn take(&mut self) -> Option<A::Output> {
        self.arm.take()
    }
}

impl<A: fmt::Debug> fmt::Debug for When<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("on", &self.on)
            .field("arm", &self.arm)
            .finish()
    }
}
