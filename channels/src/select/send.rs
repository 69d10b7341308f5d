//! Sending, as an arm.

use super::Source;
use crate::{SendError, error::TrySendError, lent::Lent, waiters::Side};
use std::fmt;
use vitte_wait::{
    Budget, Node, Reason,
    select::{Arm, Chosen},
};

/// Goes by sending its value, or by finding the channel closed.
///
/// Until it goes the value is in the arm, from where a receiver may take it as soon as the arm is
/// waited for; [`unsent`](Self::unsent) gives it back. An arm without a value never goes. Made by
/// [`Sender::send_arm`](crate::Sender::send_arm) and [`Sender::offer_arm`](crate::Sender::offer_arm).
pub struct SendArm<'a, T> {
    source: &'a dyn Source<T>,
    budget: &'a Budget,
    /// The value, lent while the arm is enlisted.
    lent: Lent<T>,
    /// Whether the place had a value when it was last ours.
    loaded: bool,
    outcome: Option<Result<(), SendError<T>>>,
    /// Where the value came from, and goes back to.
    home: Option<&'a mut Option<T>>,
}

impl<'a, T> SendArm<'a, T> {
    /// # Safety
    /// Wherever the arm is used, its user may call the source's `offer`.
    pub(crate) unsafe fn new(
        source: &'a dyn Source<T>,
        budget: &'a Budget,
        value: Option<T>,
        home: Option<&'a mut Option<T>>,
    ) -> Self {
        Self {
            source,
            budget,
            loaded: value.is_some(),
            lent: Lent::new(value),
            outcome: None,
            home,
        }
    }

    /// Takes the value back, if it was not sent. The arm goes no more until it is
    /// [loaded](Self::load) again.
    #[must_use]
    pub fn unsent(&mut self) -> Option<T> {
        self.loaded = false;
        self.lent.own(Option::take)
    }

    /// Puts in the value that is to be sent next, and returns the one that was to be sent before.
    #[allow(
        clippy::must_use_candidate,
        reason = "an arm that has gone has no value to be lost"
    )]
    pub fn load(&mut self, value: T) -> Option<T> {
        self.loaded = true;
        self.lent.own(|place| place.replace(value))
    }

    /// The value, wherever in the arm it is.
    fn leftover(&mut self) -> Option<T> {
        let failed = match self.outcome.take() {
            Some(Err(error)) => Some(error.into_inner()),
            _ => None,
        };
        // The arm may have been loaded once more since it failed.
        self.unsent().or(failed)
    }
}

// SAFETY: the node is in the channel's queue of senders from `enlist` to `delist`, or until a waker
// has popped it. What is lent is a `Lent` with a value in it, which is used through shared references
// and claims. Every flavor pops a sender for each place that gets free while senders are announced,
// and all when it closes: Note [Waiting flags].
unsafe impl<T> Arm for SendArm<'_, T> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_some() {
            return true;
        }
        let Some(value) = self.unsent() else {
            return false;
        };
        // SAFETY: by the contract of `new`.
        self.outcome = match unsafe { self.source.offer(value) } {
            Ok(()) => Some(Ok(())),
            Err(TrySendError::Closed(value)) => Some(Err(SendError::Closed(value))),
            Err(TrySendError::Full(value)) => {
                self.load(value);
                None
            }
        };
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Send
    }

    fn object(&self) -> *const () {
        self.source.address()
    }

    fn payload(&self) -> *mut () {
        self.lent.payload()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // Without a value it never goes.
        // SAFETY: by the caller the node's payload is ours: a `Lent<T>`, with a value in it.
        !self.loaded || unsafe { self.source.enlist(Side::Senders, node) }
    }

    unsafe fn delist(&self, node: &Node) {
        if self.loaded {
            // SAFETY: by the caller it was enlisted above.
            unsafe { self.source.delist(Side::Senders, node) };
        }
    }

    fn finish(&mut self) -> bool {
        if self.lent.own(|place| place.is_none()) {
            self.loaded = false;
            self.outcome = Some(Ok(()));
        }
        self.attempt()
    }

    fn spend(&self) {
        self.budget.spend();
    }
}

impl<T> Chosen for SendArm<'_, T> {
    /// Never [`SendError::Canceled`]: it is the whole select that is canceled.
    type Output = Result<(), SendError<T>>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl<T> Drop for SendArm<'_, T> {
    fn drop(&mut self) {
        if self.home.is_some() {
            let leftover = self.leftover();
            if let Some(home) = &mut self.home {
                **home = leftover;
            }
        }
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendArm")
            .field("loaded", &self.loaded)
            .field("gone", &self.outcome.is_some())
            .finish_non_exhaustive()
    }
}
