//! The end that puts values in.

use super::{Core, End, Store, TwoEnded, core::show, state::Line};
use crate::{
    WaitError,
    closed::{Closing, closed_forms},
    error::{SendError, SendUntilError, TrySendError},
    posts::Post,
    select::{Inside, SendArm},
};
use std::fmt;
use vitte_wait::{Budget, Deadline, StopToken, facade::Arc, timed_forms};

/// The sending end; clones send into the same channel.
///
/// When the last one is dropped the channel is closed: receivers still get what is inside.
///
/// On success a sender gets the store's receipt: `()`, or, from a queue of unique values, whether
/// the value went in.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits
/// only if there is no room (with capacity 0: no receiver); otherwise deadline, stop token and
/// cancellation are not looked at.
///
/// # Cancellation
/// A sender that is canceled while it waits gets its value back, and nothing was sent.
pub struct Sender<S: Store> {
    pub(super) core: Arc<Core<S>>,
    pub(super) budget: Budget,
}

impl<S: Store> Sender<S> {
    /// Takes over the one sender that a new channel counts.
    pub(super) fn new(core: Arc<Core<S>>) -> Self {
        Self {
            core,
            budget: Budget::begin(),
        }
    }

    fn send_at(
        &self,
        value: S::Value,
        end: End,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Receipt, SendUntilError<S::Value>> {
        match self.core.try_send(value, end) {
            Ok(receipt) => {
                self.budget.spend();
                Ok(receipt)
            }
            Err(TrySendError::Closed(value)) => Err(SendUntilError::Closed(value)),
            Err(TrySendError::Full(value)) => self.core.send_slow(value, end, deadline, stop),
        }
    }

    /// Sends `value`; waits while there is no room.
    ///
    /// # Errors
    /// [`SendError::Closed`] if the channel is closed or the receivers are gone, before or while
    /// waiting; [`SendError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{SendError, queue};
    ///
    /// let (tx, rx) = queue::unbounded();
    /// assert_eq!(tx.send(1), Ok(()));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// ```
    pub fn send(&self, value: S::Value) -> Result<S::Receipt, SendError<S::Value>> {
        self.send_at(value, End::Back, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// Sends `value` if that can be done at once.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no room (with capacity 0: if no receiver waits);
    /// [`TrySendError::Closed`] as for [`send`](Self::send).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TrySendError, queue};
    ///
    /// let (tx, _rx) = queue::bounded(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, value: S::Value) -> Result<S::Receipt, TrySendError<S::Value>> {
        self.core.try_send(value, End::Back)
    }

    /// Sends `value`; waits for room until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendUntilError::TimedOut`] or [`SendUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_channels::{SendUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = queue::bounded(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.send_with(2, Deadline::NOW, None), Err(SendUntilError::TimedOut(2)));
    /// ```
    pub fn send_with(
        &self,
        value: S::Value,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Receipt, SendUntilError<S::Value>> {
        self.send_at(value, End::Back, deadline, stop)
    }

    timed_forms! {
        send_with(value: S::Value) -> Result<S::Receipt, SendUntilError<S::Value>>:
        send_until send_timeout send_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, queue};
        ///
        /// let (tx, _rx) = queue::bounded(1);
        /// tx.send(1).unwrap();
        "tx." (2) => Err(SendUntilError(_))
    }

    /// Sending `value` as one of several things that a unit waits for; see
    /// [`select!`](crate::select!).
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{queue, select};
    ///
    /// let (full, rx) = queue::bounded(1);
    /// full.send(1).unwrap();
    /// let value = select! {
    ///     send(full, 2) -> _ => None,
    ///     recv(rx) -> value => value.ok(),
    /// };
    /// assert_eq!(value, Ok(Some(1)));
    /// ```
    #[must_use]
    pub fn send_arm(&self, value: S::Value) -> SendArm<'_, S::Value, S::Receipt> {
        self.arm(End::Back, Some(value), None)
    }

    /// As [`send_arm`](Self::send_arm), with the value that is in `slot`. If it is not sent it is
    /// there again when the arm is dropped; while the slot is empty the arm does not go.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::queue::unbounded();
    /// let mut slot = Some(7);
    /// drop(tx.offer_arm(&mut slot));
    /// assert_eq!(slot, Some(7), "it did not go");
    /// ```
    #[must_use]
    pub fn offer_arm<'a>(
        &'a self,
        slot: &'a mut Option<S::Value>,
    ) -> SendArm<'a, S::Value, S::Receipt> {
        self.arm(End::Back, slot.take(), Some(slot))
    }

    /// An arm that puts in what lies in this channel for `value`.
    pub(crate) fn arm<'a, T>(
        &'a self,
        end: End,
        value: Option<T>,
        home: Option<&'a mut Option<T>>,
    ) -> SendArm<'a, T, S::Receipt, S::Value>
    where
        S::Value: Inside<T>,
    {
        // SAFETY: anybody may send to a store at any time.
        unsafe { SendArm::new(&*self.core, end, &self.budget, value, home) }
    }

    /// Waits until the channel is closed and everything inside was taken out.
    ///
    /// # Errors
    /// [`WaitError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(1).unwrap();
    /// tx.close();
    /// let drainer = std::thread::spawn(move || rx.iter().count());
    /// tx.join().unwrap();
    /// assert_eq!(tx.len(), 0);
    /// assert_eq!(drainer.join().unwrap(), 1);
    /// ```
    pub fn join(&self) -> Result<(), WaitError> {
        self.core.join(Deadline::NEVER, None)
    }

    /// Waits until the channel is closed and everything inside was taken out, but only until
    /// `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// Whatever of these came first.
    ///
    /// ```
    /// use vitte_channels::{WaitError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = queue::unbounded();
    /// tx.send(1).unwrap();
    /// tx.close();
    /// assert_eq!(tx.join_with(Deadline::NOW, None), Err(WaitError::TimedOut), "1 is inside");
    /// ```
    pub fn join_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        self.core.join(deadline, stop)
    }

    timed_forms! {
        join_with() -> Result<(), WaitError>:
        join_until join_timeout join_or_stop
        in vitte_wait
        /// use vitte_channels::{WaitError, queue};
        ///
        /// let (tx, _rx) = queue::unbounded::<u8>();
        "tx." () => Err(WaitError)
    }

    /// Closes the channel: nothing more can be sent, by anybody. What is inside stays to be
    /// received, and senders that wait get their values back. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{SendError, queue};
    ///
    /// let (tx, rx) = queue::unbounded();
    /// tx.send(1).unwrap();
    /// tx.close();
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn close(&self) {
        self.core.close();
    }

    /// Whether the channel is closed, by [`close`](Self::close) or because the receivers are gone.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded::<u8>();
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    closed_forms! {
        /// Waits until the channel is closed, by [`close`](Self::close) or because the receivers are gone; there
        /// may still be something inside then, for which [`join`](Self::join) waits, too.
        ///
        /// # Examples
        /// ```
        /// use vitte_channels::{WaitError, queue};
        /// use vitte_wait::Deadline;
        ///
        /// let (tx, rx) = queue::unbounded::<u8>();
        /// assert_eq!(tx.closed_until(Deadline::NOW), Err(WaitError::TimedOut));
        /// let receiver = std::thread::spawn(move || drop(rx));
        /// assert_eq!(tx.closed(), Ok(()));
        /// receiver.join().unwrap();
        /// ```
        self => self; queue, "queue::unbounded::<u8>()"
    }

    /// How many values are inside: a snapshot.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(tx.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether no value is inside: a snapshot.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::queue::unbounded();
    /// assert!(tx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room now: a snapshot. Never of a channel without a limit, always of a rendezvous.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::queue::bounded(1);
    /// assert!(!tx.is_full());
    /// tx.send(1).unwrap();
    /// assert!(tx.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.capacity()
            .is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many values fit inside; `None` if there is no limit.
    ///
    /// ```
    /// use vitte_channels::queue;
    ///
    /// assert_eq!(queue::unbounded::<u8>().0.capacity(), None);
    /// assert_eq!(queue::bounded::<u8>(8).0.capacity(), Some(8));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// Whether the two send into the same channel.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::queue::unbounded::<u8>();
    /// assert!(tx.is_same_channel(&tx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl<S: TwoEnded> Sender<S> {
    /// As [`send`](Self::send), but puts `value` at the front: it is received next, unless another
    /// is put before it.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send("later").unwrap();
    /// tx.send_front("first").unwrap();
    /// assert_eq!(rx.recv(), Ok("first"));
    /// ```
    pub fn send_front(&self, value: S::Value) -> Result<S::Receipt, SendError<S::Value>> {
        self.send_at(value, End::Front, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`try_send`](Self::try_send), at the front.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TrySendError, queue};
    ///
    /// let (tx, rx) = queue::bounded(2);
    /// assert_eq!((tx.try_send(1), tx.try_send_front(2)), (Ok(()), Ok(())));
    /// assert_eq!(tx.try_send_front(3), Err(TrySendError::Full(3)));
    /// assert_eq!(rx.drain(), [2, 1]);
    /// ```
    pub fn try_send_front(&self, value: S::Value) -> Result<S::Receipt, TrySendError<S::Value>> {
        self.core.try_send(value, End::Front)
    }

    /// As [`send_with`](Self::send_with), at the front.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with).
    ///
    /// ```
    /// use vitte_channels::{SendUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = queue::bounded(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.send_front_with(2, Deadline::NOW, None), Err(SendUntilError::TimedOut(2)));
    /// ```
    pub fn send_front_with(
        &self,
        value: S::Value,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Receipt, SendUntilError<S::Value>> {
        self.send_at(value, End::Front, deadline, stop)
    }

    timed_forms! {
        send_front_with(value: S::Value) -> Result<S::Receipt, SendUntilError<S::Value>>:
        send_front_until send_front_timeout send_front_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, queue};
        ///
        /// let (tx, _rx) = queue::bounded(1);
        /// tx.send(1).unwrap();
        "tx." (2) => Err(SendUntilError(_))
    }

    /// As [`send_arm`](Self::send_arm), at the front.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, queue, select};
    ///
    /// let ((tx, rx), (_work, jobs)) = (queue::bounded(2), Channel::new::<u8>());
    /// tx.send("later").unwrap();
    /// select! {
    ///     arm(tx.send_front_arm("first")) -> sent => sent.unwrap(),
    ///     recv(jobs) -> _ => unreachable!("nobody has sent a job"),
    /// }?;
    /// assert_eq!(rx.drain(), ["first", "later"]);
    /// # Ok::<(), select::SelectError>(())
    /// ```
    #[must_use]
    pub fn send_front_arm(&self, value: S::Value) -> SendArm<'_, S::Value, S::Receipt> {
        self.arm(End::Front, Some(value), None)
    }

    /// As [`offer_arm`](Self::offer_arm), at the front.
    ///
    /// ```
    /// use vitte_channels::{queue, select::try_select};
    ///
    /// let ((tx, rx), mut slot) = (queue::unbounded(), Some("first"));
    /// tx.send("later").unwrap();
    /// assert_eq!(try_select(&mut [&mut tx.offer_front_arm(&mut slot)]), Some(0));
    /// assert_eq!((slot, rx.drain()), (None, vec!["first", "later"]));
    /// ```
    #[must_use]
    pub fn offer_front_arm<'a>(
        &'a self,
        slot: &'a mut Option<S::Value>,
    ) -> SendArm<'a, S::Value, S::Receipt> {
        self.arm(End::Front, slot.take(), Some(slot))
    }
}

impl<S: Store> Closing for Sender<S> {
    fn is_over(&self) -> bool {
        self.is_closed()
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<S: Store> Post for Sender<S> {
    type Hall = Core<S>;

    fn hall(&self) -> &Core<S> {
        &self.core
    }

    fn event(&self) -> Line {
        Line::Closers
    }
}

impl<S: Store> Clone for Sender<S> {
    fn clone(&self) -> Self {
        self.core.add_sender();
        Self::new(self.core.clone())
    }
}

impl<S: Store> Drop for Sender<S> {
    fn drop(&mut self) {
        self.core.remove_sender();
    }
}

impl<S: Store> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.core, "Sender", f)
    }
}
