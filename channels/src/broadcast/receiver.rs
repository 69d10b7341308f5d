//! The end that sees everything from its subscription on.

use super::{
    Iter, RecvError, RecvUntilError, TryIter, TryRecvError,
    ring::{Cursor, Event, Found, Ring},
};
use crate::posts::{Post, PostArm, wait_until};
use std::{cell::Cell, fmt, time::Duration};
use vitte_wait::{Budget, Deadline, StopToken, facade::Arc, select::Chosen};

/// A receiving end of a broadcast channel: it sees every value from its subscription on, once.
///
/// It can go to another thread, but serves one at a time. A clone begins where the original is now,
/// and so sees all that the original has not seen yet; [`resubscribe`](Self::resubscribe) begins
/// with what is sent from now on. The last one that is dropped takes what is in the channel with
/// it; the channel stays open.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only
/// if there is nothing new; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A receiver that is canceled while it waits has missed nothing by it.
///
/// # Panics
/// All forms panic if the value's `clone` does. The value counts as received.
///
/// ```
/// use vitte_channels::broadcast;
///
/// let (tx, rx) = broadcast::channel(8);
/// tx.send(1).unwrap();
/// let (again, from_now_on) = (rx.clone(), rx.resubscribe());
/// assert_eq!((rx.recv(), again.recv()), (Ok(1), Ok(1)));
/// assert!(from_now_on.is_empty());
/// ```
pub struct Receiver<T> {
    ring: Arc<Ring<T>>,
    pub(super) cursor: Cell<Cursor>,
    pub(super) budget: Budget,
}

impl<T> Receiver<T> {
    pub(super) fn subscribed(ring: &Arc<Ring<T>>) -> Self {
        Self {
            cursor: Cell::new(ring.subscribe()),
            ring: ring.clone(),
            budget: Budget::begin(),
        }
    }

    /// A receiver of everything that is sent from now on.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// let later = rx.resubscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!((rx.recv(), later.recv()), (Ok(1), Ok(2)));
    /// ```
    #[must_use]
    pub fn resubscribe(&self) -> Self {
        Self::subscribed(&self.ring)
    }

    /// How many values this receiver would get now, those that it has missed not counted: a
    /// snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel(2);
    /// (1..=3).for_each(|n| _ = tx.send(n));
    /// assert_eq!(rx.len(), 2, "the first was overwritten");
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len(self.cursor.get())
    }

    /// Whether there is nothing new for this receiver: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel(2);
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel keeps.
    ///
    /// ```
    /// let (_tx, rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// assert_eq!(rx.capacity(), 8);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Whether the channel is closed; there may still be something to receive.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    /// Whether the two receive from the same channel.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// assert!(rx.is_same_channel(&tx.subscribe()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ring, &other.ring)
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value; waits while there is none.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] if the next values were overwritten: how many, once; then it goes on
    /// with the oldest that is left. [`RecvError::Closed`] if the channel is closed, or all senders
    /// are gone, and this receiver has seen everything; [`RecvError::Canceled`] if the caller is
    /// canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, RecvError};
    ///
    /// let (tx, rx) = broadcast::channel(1);
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv(), Err(RecvError::Lagged(1)));
    /// assert_eq!(rx.recv(), Ok(2));
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_with(Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Receives the next value if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is nothing new; [`TryRecvError::Lagged`] and
    /// [`TryRecvError::Closed`] as for [`recv`](Self::recv).
    ///
    /// # Blocking
    /// Never, unless the value's `clone` does.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, TryRecvError};
    ///
    /// let (tx, rx) = broadcast::channel(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let cursor = self.cursor.get();
        match self.ring.find(cursor) {
            Found::Value(look) => {
                // Unwind: before the foreign code. Else a clone that always panics would be met
                // again and again.
                self.cursor.set(self.ring.advanced(cursor));
                Ok(look.with(T::clone))
            }
            Found::Lagged(missed) => {
                self.cursor.set(self.ring.skipped(cursor, missed));
                Err(TryRecvError::Lagged(missed))
            }
            Found::Nothing(error) => Err(error),
        }
    }

    /// Receives the next value; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvUntilError::TimedOut`] or [`RecvUntilError::Stopped`],
    /// whichever came first.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, RecvUntilError};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (_tx, rx) = broadcast::channel::<u8>(1);
    /// let token = StopSource::new().token();
    /// assert_eq!(rx.recv_with(Deadline::NOW, Some(&token)), Err(RecvUntilError::TimedOut));
    /// ```
    #[inline]
    pub fn recv_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        match self.try_recv() {
            Ok(value) => {
                self.budget.spend();
                Ok(value)
            }
            Err(TryRecvError::Lagged(missed)) => Err(RecvUntilError::Lagged(missed)),
            Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
            Err(TryRecvError::Empty) => Ok(wait_until(self, deadline, stop, || self.poll())??),
        }
    }

    /// [`recv_with`](Self::recv_with) a deadline only.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); never [`RecvUntilError::Stopped`].
    ///
    /// ```
    /// use vitte_channels::broadcast::{self, RecvUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = broadcast::channel::<u8>(8);
    /// assert_eq!(rx.recv_until(Deadline::NOW), Err(RecvUntilError::TimedOut));
    /// ```
    #[inline]
    pub fn recv_until(&self, deadline: Deadline) -> Result<T, RecvUntilError> {
        self.recv_with(deadline, None)
    }

    /// [`recv_until`](Self::recv_until) `patience` from now.
    ///
    /// # Errors
    /// As [`recv_until`](Self::recv_until).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::broadcast::{self, RecvUntilError};
    ///
    /// let (_tx, rx) = broadcast::channel::<u8>(1);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_timeout(&self, patience: Duration) -> Result<T, RecvUntilError> {
        self.recv_with(Deadline::after(patience), None)
    }

    /// [`recv_with`](Self::recv_with) a stop token only.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); never [`RecvUntilError::TimedOut`].
    ///
    /// ```
    /// use vitte_channels::broadcast::{self, RecvUntilError};
    /// use vitte_wait::StopSource;
    ///
    /// let ((_tx, rx), source) = (broadcast::channel::<u8>(8), StopSource::new());
    /// source.stop();
    /// assert_eq!(rx.recv_or_stop(&source.token()), Err(RecvUntilError::Stopped));
    /// ```
    pub fn recv_or_stop(&self, stop: &StopToken) -> Result<T, RecvUntilError> {
        self.recv_with(Deadline::NEVER, Some(stop))
    }

    /// Receives until the channel is closed and everything was seen, or the caller is canceled.
    /// Where values were missed it says how many.
    ///
    /// ```
    /// use vitte_channels::broadcast::{self, Lagged};
    ///
    /// let (tx, rx) = broadcast::channel(2);
    /// for n in 0..5 {
    ///     tx.send(n).unwrap();
    /// }
    /// drop(tx);
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [Err(Lagged(3)), Ok(3), Ok(4)]);
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// As [`iter`](Self::iter), but ends where [`try_recv`](Self::try_recv) would find nothing new.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [Ok(1), Ok(2)]);
    /// ```
    #[must_use]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// Receiving as one of several things that a unit waits for; see [`select`](mod@crate::select).
    /// The error is never [`RecvError::Canceled`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{broadcast, select};
    ///
    /// let (tx, rx) = broadcast::channel(1);
    /// tx.send(7).unwrap();
    /// let n = select! {
    ///     recv(rx) -> n => n.unwrap(),
    ///     after(Duration::from_secs(60)) => 0,
    /// };
    /// assert_eq!(n, Ok(7));
    /// ```
    pub fn recv_arm(&self) -> impl Chosen<Output = Result<T, RecvError>> + '_ {
        PostArm::new(self, &self.budget, || self.poll())
    }

    /// `None`: there is nothing yet.
    fn poll(&self) -> Option<Result<T, RecvError>> {
        some_yet(self.try_recv())
    }
}

/// `None`: there is nothing yet.
pub(super) fn some_yet<R>(received: Result<R, TryRecvError>) -> Option<Result<R, RecvError>> {
    match received {
        Ok(received) => Some(Ok(received)),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
        Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
    }
}

// SAFETY: it is one ring, and one queue for all positions.
unsafe impl<T> Post for Receiver<T> {
    type Hall = Ring<T>;

    fn hall(&self) -> &Ring<T> {
        &self.ring
    }

    fn event(&self) -> Event {
        Event::After(self.cursor.get())
    }
}

impl<T> Clone for Receiver<T> {
    /// Begins where this one is now.
    fn clone(&self) -> Self {
        self.ring.add_receiver();
        Self {
            ring: self.ring.clone(),
            cursor: self.cursor.clone(),
            budget: Budget::begin(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.ring.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ring.debug("Receiver", Some(self.cursor.get()), f)
    }
}
