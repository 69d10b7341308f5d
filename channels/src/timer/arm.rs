//! The next tick of a timer, as an arm.

use super::{Tick, Timer};
use crate::error::{RecvError, TryRecvError};
use vitte_wait::{
    Deadline, Node, Reason,
    facade::Arc,
    select::{Arm, Chosen},
};

/// Goes when a tick is due, or when the timer is closed. Made by [`Timer::recv_arm`].
///
/// A tick that was received stays in the arm until it is [taken](Chosen::take).
#[derive(Debug)]
pub struct TimerArm<'a> {
    timer: &'a Timer,
    outcome: Option<Result<Tick, RecvError>>,
}

impl<'a> TimerArm<'a> {
    pub(super) fn new(timer: &'a Timer) -> Self {
        Self {
            timer,
            outcome: None,
        }
    }
}

// SAFETY: the node is in the timer's queue from `enlist` to `delist`, or until a waker has popped it,
// and nothing is lent. That the time comes is noticed by the selector, who is told of the deadline;
// whoever changes the timer pops every waiter.
unsafe impl Arm for TimerArm<'_> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = match self.timer.try_recv() {
                Ok(tick) => Some(Ok(tick)),
                Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
                Err(TryRecvError::Empty) => None,
            };
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Sleep
    }

    fn object(&self) -> *const () {
        Arc::as_ptr(&self.timer.shared).cast()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let mut state = self.timer.shared.lock();
        let waits = !state.closed && !state.due.is_past();
        if waits {
            // SAFETY: by the caller; the lock is held.
            unsafe { state.waiters.push(node) };
        }
        waits
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller it was enlisted above.
        unsafe { self.timer.shared.lock().waiters.remove(node) };
    }

    fn deadline(&self) -> Deadline {
        self.timer.due().unwrap_or(Deadline::NEVER)
    }

    fn spend(&self) {
        self.timer.budget.spend();
    }
}

impl Chosen for TimerArm<'_> {
    /// Never [`RecvError::Canceled`]: it is the whole select that is canceled.
    type Output = Result<Tick, RecvError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}
