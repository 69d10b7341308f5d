//! Sending, as an arm.

use super::{Sink, Way};
use crate::{SendError, error::TrySendError, lent::Lent, store::End};
use std::fmt;
use vitte_wait::{
    Budget, Node, Reason,
    select::{Arm, Chosen},
};

/// What lies in a channel for a `T`.
#[doc(hidden)]
pub trait Inside<T> {
    fn of(value: T) -> Self;
    fn into_value(self) -> T;
}

impl<T> Inside<T> for T {
    fn of(value: T) -> T {
        value
    }

    fn into_value(self) -> T {
        self
    }
}

/// Goes by sending its value, or by finding the channel closed.
///
/// Until it goes the value is in the arm, from where a receiver may take it as soon as the arm is
/// waited for; [`unsent`](Self::unsent) gives it back. An arm without a value never goes. Made by
/// [`Sender::send_arm`](crate::Sender::send_arm) and [`Sender::offer_arm`](crate::Sender::offer_arm).
///
/// `R` is what a sender gets who has sent: nothing, but of a [`queue`](crate::queue) of unique values. `V` is
/// what is really in the channel.
pub struct SendArm<'a, T, R = (), V: Inside<T> = T> {
    sink: &'a dyn Sink<V, R>,
    end: End,
    budget: &'a Budget,
    /// The value, lent while the arm is enlisted.
    lent: Lent<V>,
    /// Whether the place had a value when it was last ours.
    loaded: bool,
    outcome: Option<Result<R, SendError<T>>>,
    /// Where the value came from, and goes back to.
    home: Option<&'a mut Option<T>>,
}

impl<'a, T, R, V: Inside<T>> SendArm<'a, T, R, V> {
    /// # Safety
    /// Wherever the arm is used, its user may call the sink's `offer`.
    pub(crate) unsafe fn new(
        sink: &'a dyn Sink<V, R>,
        end: End,
        budget: &'a Budget,
        value: Option<T>,
        home: Option<&'a mut Option<T>>,
    ) -> Self {
        Self {
            sink,
            end,
            budget,
            loaded: value.is_some(),
            lent: Lent::new(value.map(V::of)),
            outcome: None,
            home,
        }
    }

    /// Takes the value back, if it was not sent. The arm goes no more until it is
    /// [loaded](Self::load) again.
    ///
    /// ```
    /// use vitte_channels::{Channel, select::try_select};
    ///
    /// let (tx, _rx) = Channel::bounded(0);
    /// let mut arm = tx.send_arm(7);
    /// assert_eq!(try_select(&mut [&mut arm]), None);
    /// assert_eq!(arm.unsent(), Some(7));
    /// ```
    #[must_use]
    pub fn unsent(&mut self) -> Option<T> {
        self.unload().map(V::into_value)
    }

    /// Puts in the value that is to be sent next, and returns the one that was to be sent before. An arm that has gone
    /// goes again only when its outcome was [taken](Chosen::take).
    ///
    /// ```
    /// use vitte_channels::{Channel, select::{Chosen, try_select}};
    ///
    /// let (tx, rx) = Channel::new();
    /// let mut arm = tx.send_arm(7);
    /// assert_eq!(try_select(&mut [&mut arm]), Some(0));
    /// assert_eq!(arm.take(), Some(Ok(())));
    /// assert_eq!(arm.load(8), None, "what there was is sent");
    /// assert_eq!(try_select(&mut [&mut arm]), Some(0));
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(7), Ok(8)));
    /// ```
    #[allow(
        clippy::must_use_candidate,
        reason = "an arm that has gone has no value to be lost"
    )]
    pub fn load(&mut self, value: T) -> Option<T> {
        self.reload(V::of(value)).map(V::into_value)
    }

    fn unload(&mut self) -> Option<V> {
        self.loaded = false;
        self.lent.own(Option::take)
    }

    fn reload(&mut self, value: V) -> Option<V> {
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
unsafe impl<T, R, V: Inside<T>> Arm for SendArm<'_, T, R, V> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_some() {
            return true;
        }
        let Some(value) = self.unload() else {
            return false;
        };
        // SAFETY: by the contract of `new`.
        self.outcome = match unsafe { self.sink.offer(value, self.end) } {
            Ok(receipt) => Some(Ok(receipt)),
            Err(TrySendError::Closed(value)) => Some(Err(SendError::Closed(value.into_value()))),
            Err(TrySendError::Full(value)) => {
                self.reload(value);
                None
            }
        };
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Send
    }

    fn object(&self) -> *const () {
        self.sink.address()
    }

    fn payload(&self) -> *mut () {
        self.lent.payload()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // Without a value it never goes.
        // SAFETY: by the caller the node's payload is ours: a `Lent<V>`, with a value in it.
        !self.loaded || unsafe { self.sink.enlist(Way::In(self.end), node) }
    }

    unsafe fn delist(&self, node: &Node) {
        if self.loaded {
            // SAFETY: by the caller it was enlisted above.
            unsafe { self.sink.delist(Way::In(self.end), node) };
        }
    }

    fn finish(&mut self) -> bool {
        if self.lent.own(|place| place.is_none()) {
            self.loaded = false;
            self.outcome = Some(Ok(self.sink.receipt()));
        }
        self.attempt()
    }

    fn spend(&self) {
        self.budget.spend();
    }
}

impl<T, R, V: Inside<T>> Chosen for SendArm<'_, T, R, V> {
    /// Never [`SendError::Canceled`]: it is the whole select that is canceled.
    type Output = Result<R, SendError<T>>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl<T, R, V: Inside<T>> Drop for SendArm<'_, T, R, V> {
    fn drop(&mut self) {
        if self.home.is_some() {
            let leftover = self.leftover();
            if let Some(home) = &mut self.home {
                **home = leftover;
            }
        }
    }
}

impl<T, R, V: Inside<T>> fmt::Debug for SendArm<'_, T, R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendArm")
            .field("loaded", &self.loaded)
            .field("gone", &self.outcome.is_some())
            .finish_non_exhaustive()
    }
}
