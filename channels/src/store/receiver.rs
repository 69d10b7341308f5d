//! The end that takes values out.

use super::{Core, Iter, Store, TryIter, core::show};
use crate::{
    WaitError,
    error::{RecvError, RecvUntilError, TryRecvError},
    select::RecvArm,
};
use std::fmt;
use vitte_wait::{Budget, Deadline, StopToken, facade::Arc, timed_forms};

/// The receiving end; clones receive from the same channel, and each value goes to one of them.
///
/// When the last one is dropped the channel is closed, and what is inside is dropped.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits
/// only if nothing is there; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A receiver that is canceled while it waits has taken nothing.
pub struct Receiver<S: Store> {
    pub(super) core: Arc<Core<S>>,
    pub(super) budget: Budget,
}

impl<S: Store> Receiver<S> {
    /// Takes over the one receiver that a new channel counts.
    pub(super) fn new(core: Arc<Core<S>>) -> Self {
        Self {
            core,
            budget: Budget::begin(),
        }
    }

    /// Receives the value that is next; waits while there is none.
    ///
    /// # Errors
    /// [`RecvError::Closed`] if the channel is closed or all senders are gone, and everything
    /// was received; [`RecvError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvError, queue};
    ///
    /// let (tx, rx) = queue::unbounded();
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// ```
    pub fn recv(&self) -> Result<S::Value, RecvError> {
        self.recv_with(Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Receives the value that is next, if one is there.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if nothing is there (with capacity 0: if no sender waits);
    /// [`TryRecvError::Closed`] as for [`recv`](Self::recv).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TryRecvError, queue};
    ///
    /// let (tx, rx) = queue::unbounded();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    pub fn try_recv(&self) -> Result<S::Value, TryRecvError> {
        self.core.try_recv()
    }

    /// Receives the value that is next; waits for one until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvUntilError::TimedOut`] or [`RecvUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_channels::{RecvUntilError, priority::{self, First}};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = priority::unbounded::<u8, u8>(First::Smallest);
    /// assert_eq!(rx.recv_with(Deadline::NOW, None), Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Value, RecvUntilError> {
        match self.core.try_recv() {
            Ok(value) => {
                self.budget.spend();
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
            Err(TryRecvError::Empty) => self.core.recv_slow(deadline, stop),
        }
    }

    timed_forms! {
        recv_with() -> Result<S::Value, RecvUntilError>:
        recv_until recv_timeout recv_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, queue};
        ///
        /// let (_tx, rx) = queue::unbounded::<u8>();
        "rx." () => Err(RecvUntilError)
    }

    /// Receiving as one of several things that a unit waits for; see [`select!`](crate::select!).
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{priority::{self, First}, queue, select};
    ///
    /// let (urgent, first) = priority::unbounded(First::Smallest);
    /// let (_later, second) = queue::unbounded::<&str>();
    /// urgent.send((0, "now")).unwrap();
    /// let said = select! {
    ///     recv(first) -> item => item.unwrap().1,
    ///     recv(second) -> item => item.unwrap(),
    /// };
    /// assert_eq!(said, Ok("now"));
    /// ```
    #[must_use]
    pub fn recv_arm(&self) -> RecvArm<'_, S::Value> {
        // SAFETY: anybody may receive from a store at any time.
        unsafe { RecvArm::new(&*self.core, &self.budget) }
    }

    /// Receives until the channel is closed and drained, or the caller is canceled.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2]).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2]);
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, S> {
        Iter(self)
    }

    /// Receives what is there, and ends where [`try_recv`](Self::try_recv) would find nothing.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1, 2]);
    /// ```
    #[must_use]
    pub fn try_iter(&self) -> TryIter<'_, S> {
        TryIter(self)
    }

    /// Waits until the channel is closed and everything inside was taken out.
    ///
    /// # Errors
    /// [`WaitError::Canceled`] if the caller is canceled while waiting.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.iter().count(), 1);
    /// assert_eq!(rx.join(), Ok(()), "it is closed, and nothing is left");
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
    /// let (_tx, rx) = queue::unbounded::<u8>();
    /// assert_eq!(rx.join_with(Deadline::NOW, None), Err(WaitError::TimedOut), "it is open");
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
        /// let (_tx, rx) = queue::unbounded::<u8>();
        "rx." () => Err(WaitError)
    }

    /// Closes the channel: nothing more can be sent, by anybody. What is inside stays to be
    /// received, and senders that wait get their values back. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(1).unwrap();
    /// rx.close();
    /// assert!(tx.send(2).is_err());
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn close(&self) {
        self.core.close();
    }

    /// Whether the channel is closed; there may still be something inside.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// How many values are inside: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(rx.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether no value is inside: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room now: a snapshot. Never of a channel without a limit, always of a rendezvous.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(rx.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.capacity()
            .is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many values fit inside; `None` if there is no limit.
    ///
    /// ```
    /// use vitte_channels::priority::{self, First};
    ///
    /// assert_eq!(priority::unbounded::<u8, u8>(First::Smallest).1.capacity(), None);
    /// assert_eq!(priority::bounded::<u8, u8>(8, First::Smallest).1.capacity(), Some(8));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.core.capacity()
    }

    /// Whether the two receive from the same channel.
    ///
    /// ```
    /// let (_tx, rx) = vitte_channels::queue::unbounded::<u8>();
    /// assert!(rx.is_same_channel(&rx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}

impl<S: Store> Clone for Receiver<S> {
    fn clone(&self) -> Self {
        self.core.add_receiver();
        Self::new(self.core.clone())
    }
}

impl<S: Store> Drop for Receiver<S> {
    fn drop(&mut self) {
        self.core.remove_receiver();
    }
}

impl<S: Store> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.core, "Receiver", f)
    }
}
