//! The end of a relay that takes values.

use super::{Entry, FlushError};
use crate::{
    Channel, RecvUntilError, SendError, SendUntilError, TrySendError, Unsent,
    closed::closed_forms,
    queue,
    select::{self, Inside},
    store::End,
};
use std::fmt;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// The sending end of a relay; clones send into the same relay.
///
/// When the last one is dropped the relay puts out what is inside and ends.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only
/// if there is no room; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A sender that is canceled while it waits gets its value back, and nothing was sent.
///
/// ```
/// use vitte_channels::{TrySendError, relay::Options};
///
/// let (tx, relay) = Options::new(1).capacity(1).open();
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// drop(relay);
/// assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
/// ```
pub struct Sender<T> {
    input: queue::Sender<Entry<T>>,
    capacity: usize,
}

impl<T> Inside<T> for Entry<T> {
    fn of(value: T) -> Self {
        Self::Value(value)
    }

    fn into_value(self) -> T {
        match self {
            Self::Value(value) => value,
            Self::Flush(_) => unreachable!("what comes back is what was sent"),
        }
    }
}

/// Goes by sending its value to the relay, or by finding that closed. Made by [`Sender::send_arm`] and
/// [`Sender::offer_arm`].
///
/// ```
/// use vitte_channels::{relay::{Options, SendArm}, select::{Chosen, try_select}};
///
/// let (tx, _relay) = Options::new(1).capacity(1).open();
/// let mut arm: SendArm<'_, u8> = tx.send_arm(7);
/// assert_eq!(try_select(&mut [&mut arm]), Some(0));
/// assert_eq!(arm.take(), Some(Ok(())));
/// ```
pub type SendArm<'a, T> = select::SendArm<'a, T, (), Entry<T>>;

/// Values on their way into the input.
struct Entries<I>(I);

impl<I: Iterator> Iterator for Entries<I> {
    type Item = Entry<I::Item>;

    fn next(&mut self) -> Option<Entry<I::Item>> {
        self.0.next().map(Entry::Value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> Sender<T> {
    pub(super) fn new(input: queue::Sender<Entry<T>>, capacity: usize) -> Self {
        Self { input, capacity }
    }

    /// Sends `value`; waits while there is no room.
    ///
    /// # Errors
    /// [`SendError::Closed`] if the relay is closed or gone, before or while waiting;
    /// [`SendError::Canceled`] if the caller is canceled while waiting.
    ///
    /// ```
    /// use vitte_channels::{SendError, relay::Options};
    ///
    /// let (tx, relay) = Options::new(10).open();
    /// assert_eq!(tx.send(1), Ok(()));
    /// drop(relay);
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_with(value, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// Sends `value` if there is room.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no room; [`TrySendError::Closed`] as for
    /// [`send`](Self::send).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TrySendError, relay::Options};
    ///
    /// let (tx, _relay) = Options::new(10).capacity(1).open();
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let sent = self.input.try_send(Entry::Value(value));
        sent.map_err(|error| error.map(Entry::into_value))
    }

    /// Sends `value`; waits for room until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendUntilError::TimedOut`] or [`SendUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_channels::{SendUntilError, relay::Options};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _relay) = Options::new(10).capacity(1).open();
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.send_with(2, Deadline::NOW, None), Err(SendUntilError::TimedOut(2)));
    /// ```
    pub fn send_with(
        &self,
        value: T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SendUntilError<T>> {
        let sent = self.input.send_with(Entry::Value(value), deadline, stop);
        sent.map_err(|error| error.map(Entry::into_value))
    }

    timed_forms! {
        send_with(value: T) -> Result<(), SendUntilError<T>>:
        send_until send_timeout send_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, relay::Options};
        ///
        /// let (tx, _relay) = Options::new(10).capacity(1).open();
        /// tx.send(1).unwrap();
        "tx." (2) => Err(SendUntilError(_))
    }

    /// Sends `values` in their order, and waits while there is no room; says how many that were.
    /// Values of other senders may come in between.
    ///
    /// # Errors
    /// As [`send`](Self::send), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// If the iterator does. Some of what it gave last may be dropped then.
    ///
    /// ```
    /// let (tx, relay) = vitte_channels::relay::Options::new(10).open();
    /// assert_eq!(tx.send_many([1, 2, 3]).unwrap(), 3);
    /// drop(relay);
    /// let unsent = tx.send_many([4, 5]).unwrap_err().into_inner();
    /// assert_eq!(unsent.collect::<Vec<_>>(), [4, 5]);
    /// ```
    pub fn send_many<I: IntoIterator<Item = T>>(
        &self,
        values: I,
    ) -> Result<usize, SendError<Unsent<I::IntoIter>>> {
        self.send_many_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`send_many`](Self::send_many), but only until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// ```
    /// use vitte_channels::{SendUntilError, relay::Options};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _relay) = Options::new(10).capacity(2).open();
    /// let Err(SendUntilError::TimedOut(unsent)) = tx.send_many_with(0..3, Deadline::NOW, None) else {
    ///     panic!("nobody takes them out");
    /// };
    /// assert_eq!(unsent.sent(), 2);
    /// ```
    pub fn send_many_with<I: IntoIterator<Item = T>>(
        &self,
        values: I,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>> {
        let entries = Entries(values.into_iter());
        self.input
            .send_many_with(entries, deadline, stop)
            .map_err(|error| {
                error.map(|unsent| unsent.origin(Entry::into_value, |entries| entries.0))
            })
    }

    /// Sends as many of `values` as there is room for now, in their order.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(2).capacity(3).open();
    /// let unsent = tx.try_send_many([1, 2, 3, 4]).unwrap_err().into_inner();
    /// assert_eq!((unsent.sent(), unsent.collect::<Vec<_>>()), (3, vec![4]));
    /// ```
    pub fn try_send_many<I: IntoIterator<Item = T>>(
        &self,
        values: I,
    ) -> Result<usize, TrySendError<Unsent<I::IntoIter>>> {
        self.input
            .try_send_many(Entries(values.into_iter()))
            .map_err(|error| {
                error.map(|unsent| unsent.origin(Entry::into_value, |entries| entries.0))
            })
    }

    timed_forms! {
        send_many_with <I: IntoIterator<Item = T>>(values: I) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>>:
        send_many_until send_many_timeout send_many_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, relay::Options};
        ///
        /// let (tx, _relay) = Options::new(10).capacity(2).open();
        "tx." ("0..3") => Err(SendUntilError(_))
    }

    /// Sending `value` as one of several things that a unit waits for; see [`select!`](crate::select!).
    /// If the arm does not go, [`unsent`](select::SendArm::unsent) gives the value back.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{relay::Options, select};
    ///
    /// let (tx, _relay) = Options::new(2).capacity(1).open();
    /// tx.send(1).unwrap();
    /// let sent = select! {
    ///     send(tx, 2) -> sent => sent.is_ok(),
    ///     after(Duration::from_millis(1)) => false,
    /// };
    /// assert_eq!(sent, Ok(false));
    /// ```
    #[must_use]
    pub fn send_arm(&self, value: T) -> SendArm<'_, T> {
        self.input.arm(End::Back, Some(value), None)
    }

    /// As [`send_arm`](Self::send_arm), with the value that is in `slot`. If it is not sent it is
    /// there again when the arm is dropped; while the slot is empty the arm does not go.
    ///
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(10).open();
    /// let mut slot = Some(7);
    /// drop(tx.offer_arm(&mut slot));
    /// assert_eq!(slot, Some(7), "it did not go");
    /// ```
    #[must_use]
    pub fn offer_arm<'a>(&'a self, slot: &'a mut Option<T>) -> SendArm<'a, T> {
        self.input.arm(End::Back, slot.take(), Some(slot))
    }

    /// Waits until all that was sent before is out, or was dropped by the error handler. The batch
    /// that is being collected goes out at once.
    ///
    /// "Before" is whatever this unit has sent, or knows to be sent.
    ///
    /// # Errors
    /// [`FlushError::Closed`] if the relay is closed already, or ends without putting everything
    /// out; [`FlushError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use std::{sync::{Arc, Mutex}, thread, time::Duration};
    /// use vitte_channels::relay::{Options, Verdict};
    ///
    /// let (tx, relay) = Options::new(1000).period(Duration::from_secs(3600)).open();
    /// let out = Arc::new(Mutex::new(Vec::new()));
    /// let sink = out.clone();
    /// let writer = thread::spawn(move || {
    ///     let put_out = |batch: &mut Vec<u32>| {
    ///         sink.lock().unwrap().append(batch);
    ///         Ok::<(), ()>(())
    ///     };
    ///     relay.run(put_out, |_| Verdict::Drop)
    /// });
    /// tx.send_many([1, 2]).unwrap();
    /// tx.flush().unwrap();
    /// assert_eq!(*out.lock().unwrap(), [1, 2]);
    /// drop(tx);
    /// writer.join().unwrap();
    /// ```
    pub fn flush(&self) -> Result<(), FlushError> {
        self.flush_with(Deadline::NEVER, None)
    }

    /// As [`flush`](Self::flush), but waits only until `deadline`, or until `stop` is triggered.
    /// Everything goes out all the same.
    ///
    /// # Errors
    /// As [`flush`](Self::flush), and [`FlushError::TimedOut`] or [`FlushError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_channels::relay::{FlushError, Options};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _relay) = Options::new(10).open();
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.flush_with(Deadline::NOW, None), Err(FlushError::TimedOut), "nobody runs it");
    /// ```
    pub fn flush_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), FlushError> {
        let (answer, answered) = Channel::bounded(1);
        match self.input.send_with(Entry::Flush(answer), deadline, stop) {
            Ok(()) => {}
            Err(SendUntilError::TimedOut(_)) => return Err(FlushError::TimedOut),
            Err(SendUntilError::Closed(_)) => return Err(FlushError::Closed),
            Err(SendUntilError::Canceled(_)) => return Err(FlushError::Canceled),
            Err(SendUntilError::Stopped(_)) => return Err(FlushError::Stopped),
        }
        answered
            .recv_with(deadline, stop)
            .map_err(|error| match error {
                RecvUntilError::TimedOut => FlushError::TimedOut,
                RecvUntilError::Closed => FlushError::Closed,
                RecvUntilError::Canceled => FlushError::Canceled,
                RecvUntilError::Stopped => FlushError::Stopped,
            })
    }

    timed_forms! {
        flush_with() -> Result<(), FlushError>:
        flush_until flush_timeout flush_or_stop
        in vitte_wait
        /// use vitte_channels::relay::{FlushError, Options};
        ///
        /// let (tx, _relay) = Options::new(10).open();
        /// tx.send(1).unwrap();
        "tx." () => Err(FlushError)
    }

    /// Closes the input: nothing more can be sent, by anybody. What is inside goes out, and senders
    /// that wait get their values back. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{SendError, relay::Options};
    ///
    /// let (tx, _relay) = Options::new(10).open();
    /// tx.close();
    /// assert_eq!(tx.send(1), Err(SendError::Closed(1)));
    /// ```
    pub fn close(&self) {
        self.input.close();
    }

    /// Whether the input is closed, or the relay gone.
    ///
    /// ```
    /// let (tx, relay) = vitte_channels::relay::Options::new(10).open::<u8>();
    /// assert!(!tx.is_closed());
    /// drop(relay);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.input.is_closed()
    }

    closed_forms! {
        /// Waits until the input is closed, or the relay gone.
        ///
        /// # Examples
        /// ```
        /// let (tx, relay) = vitte_channels::relay::Options::new(8).open::<u8>();
        /// let runner = std::thread::spawn(move || drop(relay));
        /// assert_eq!(tx.closed(), Ok(()));
        /// runner.join().unwrap();
        /// ```
        self => &self.input; relay, "relay::Options::new(8).open::<u8>()"
    }

    /// How many values the relay has not taken yet: a snapshot. A flush that waits counts as one.
    ///
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(10).open();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(tx.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.input.len()
    }

    /// Whether the relay has taken everything: a snapshot.
    ///
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(10).open();
    /// assert!(tx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values fit inside.
    ///
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(10).capacity(30).open::<u8>();
    /// assert_eq!(tx.capacity(), 30);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the two send into the same relay.
    ///
    /// ```
    /// let (tx, _relay) = vitte_channels::relay::Options::new(10).open::<u8>();
    /// assert!(tx.is_same_channel(&tx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        self.input.is_same_channel(&other.input)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self::new(self.input.clone(), self.capacity)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("input", &self.input)
            .finish()
    }
}
