//! The end that takes values out.

use crate::{
    Iter, Kind, Many, Mpsc, RecvError, RecvUntilError, TryIter, TryRecvError,
    flavors::Flavor,
    link::{Link, on_flavor},
    select::RecvArm,
};
use std::{fmt, marker::PhantomData, time::Duration};
use vitte_wait::{Budget, Deadline, StopToken};

/// The receiving end of a channel.
///
/// `K` is the channel's [kind](Kind). Where that allows many consumers, clones receive from the
/// same channel, and each value goes to exactly one of them. Else the receiver can go to another
/// thread, but serves one at a time:
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// let (_tx, rx) = vitte_channels::Channel::new::<u8>();
/// share(rx);
/// ```
///
/// When the last one is dropped the channel is closed, and what is inside is dropped.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits
/// only if nothing is there (in a rendezvous: no sender); otherwise deadline, stop token and
/// cancellation are not looked at.
///
/// # Cancellation
/// A receiver that is canceled while it waits has taken nothing.
pub struct Receiver<T, K: Kind = Mpsc> {
    pub(crate) link: Link<T, K>,
    pub(crate) budget: Budget,
    /// Whether it is `Sync`.
    _consumers: PhantomData<K::Consumers>,
}

impl<T, K: Kind> Receiver<T, K> {
    /// Takes over one receiver that the channel counts.
    pub(crate) fn new(link: Link<T, K>) -> Self {
        Self {
            link,
            budget: Budget::begin(),
            _consumers: PhantomData,
        }
    }

    /// Receives a value; waits while there is none.
    ///
    /// # Errors
    /// [`RecvError::Closed`] if the channel is closed or all senders are gone, and everything
    /// was received; [`RecvError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvError};
    ///
    /// let (tx, rx) = Channel::new();
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// ```
    // Inlined, as `recv_slow`: every call further out costs a misprediction of its return.
    #[inline(always)]
    pub fn recv(&self) -> Result<T, RecvError> {
        // SAFETY: as in `try_recv`.
        on_flavor!(&self.link, shared => match unsafe { shared.flavor.try_recv() } {
            Ok(value) => {
                self.budget.spend();
                Ok(value)
            }
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
            // SAFETY: as in `try_recv`.
            Err(TryRecvError::Empty) => unsafe { shared.flavor.recv_slow(Deadline::NEVER, None) }
                .map_err(RecvUntilError::of_untimed),
        })
    }

    /// Receives a value if one is there.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if nothing is there (in a rendezvous: if no sender waits);
    /// [`TryRecvError::Closed`] as for [`recv`](Self::recv).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, TryRecvError};
    ///
    /// let (tx, rx) = Channel::new();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        // SAFETY: if the flavor asks for one consumer then so does the kind, whose receivers are
        // neither `Clone` nor `Sync`; so we are alone.
        on_flavor!(&self.link, shared => unsafe { shared.flavor.try_recv() })
    }

    /// Receives a value; waits for one until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvUntilError::TimedOut`] or [`RecvUntilError::Stopped`],
    /// whichever came first.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvUntilError};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (_tx, rx) = Channel::bounded::<u8>(0);
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
            Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
            Err(TryRecvError::Empty) => self.recv_slow(deadline, stop),
        }
    }

    #[inline]
    pub(crate) fn recv_slow(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        // SAFETY: as in `try_recv`.
        on_flavor!(&self.link, shared => unsafe { shared.flavor.recv_slow(deadline, stop) })
    }

    /// [`recv_with`](Self::recv_with) a deadline only.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); never [`RecvUntilError::Stopped`].
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = Channel::new::<u8>();
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
    /// use vitte_channels::{Channel, RecvUntilError};
    ///
    /// let (_tx, rx) = Channel::new::<u8>();
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
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvUntilError};
    /// use vitte_wait::StopSource;
    ///
    /// let (_tx, rx) = Channel::new::<u8>();
    /// let source = StopSource::new();
    /// source.stop();
    /// assert_eq!(rx.recv_or_stop(&source.token()), Err(RecvUntilError::Stopped));
    /// ```
    pub fn recv_or_stop(&self, stop: &StopToken) -> Result<T, RecvUntilError> {
        self.recv_with(Deadline::NEVER, Some(stop))
    }

    /// Receiving as one of several things that the caller waits for: see [`select`](mod@crate::select).
    ///
    /// ```
    /// use vitte_channels::{Channel, RecvError, select::{Chosen, Select}};
    ///
    /// let (ends, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| Channel::new::<u8>()).unzip();
    /// ends[1].send(7).unwrap();
    /// let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
    /// assert_eq!(Select::among(&mut arms).wait(), Ok(1));
    /// assert_eq!(arms[1].take(), Some(Ok(7)));
    /// ```
    #[must_use]
    pub fn recv_arm(&self) -> RecvArm<'_, T> {
        // SAFETY: whoever may use the receiver may poll; the arm borrows it and cannot leave its thread.
        unsafe { RecvArm::new(self.link.source(), &self.budget) }
    }

    /// Receives until the channel is closed and drained, or the caller is canceled.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.iter().sum::<i32>(), 3);
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T, K> {
        Iter(self)
    }

    /// Receives what is there, and ends where [`try_recv`](Self::try_recv) would find nothing.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_iter().count(), 1);
    /// ```
    #[must_use]
    pub fn try_iter(&self) -> TryIter<'_, T, K> {
        TryIter(self)
    }

    /// Closes the channel: nothing more can be sent, by anybody. What is inside stays to be
    /// received, and senders that wait get their values back. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send(1).unwrap();
    /// rx.close();
    /// assert!(tx.is_closed());
    /// assert_eq!(rx.iter().collect::<Vec<i32>>(), [1]);
    /// ```
    pub fn close(&self) {
        self.link.close();
    }

    /// Whether the channel is closed; there may still be something inside.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send(1).unwrap();
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    /// How many values are inside: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(rx.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.link.len()
    }

    /// Whether no value is inside: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
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
    /// let (tx, rx) = vitte_channels::Channel::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(rx.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.capacity()
            .is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many values fit inside; `None` if there is no limit, 0 for a rendezvous.
    ///
    /// ```
    /// use vitte_channels::Channel;
    ///
    /// assert_eq!(Channel::new::<u8>().1.capacity(), None);
    /// assert_eq!(Channel::bounded::<u8>(8).1.capacity(), Some(8));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.link.capacity()
    }

    /// Whether the two receive from the same channel.
    ///
    /// ```
    /// let (_tx, rx) = vitte_channels::mpmc::unbounded::<u8>();
    /// assert!(rx.is_same_channel(&rx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        self.link.is_same(&other.link)
    }
}

impl<T, K: Kind<Consumers = Many>> Clone for Receiver<T, K> {
    fn clone(&self) -> Self {
        self.link.add_receiver();
        Self::new(self.link.clone())
    }
}

impl<T, K: Kind> Drop for Receiver<T, K> {
    fn drop(&mut self) {
        self.link.remove_receiver();
    }
}

impl<T, K: Kind> fmt::Debug for Receiver<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.debug("Receiver", f)
    }
}
