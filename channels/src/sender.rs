//! The end that puts values in.

use crate::{
    Kind, Many, Mpsc, SendError, SendUntilError, TrySendError,
    closed::{Closing, closed_forms},
    flavors::Flavor,
    link::{Link, on_flavor},
    posts::Post,
    select::SendArm,
    store::End,
};
use std::{fmt, marker::PhantomData, time::Duration};
use vitte_wait::{Budget, Deadline, StopToken};

/// The sending end of a channel.
///
/// `K` is the channel's [kind](Kind). Where that allows many producers, clones send into the same
/// channel, and a sender may be used by reference from several threads. When the last one is
/// dropped the channel is closed: receivers still get what is inside.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits
/// only if there is no room (in a rendezvous: no receiver); otherwise deadline, stop token and
/// cancellation are not looked at.
///
/// A fiber that sends a lot without ever waiting lets others run now and then, except in the forms
/// that only try.
///
/// # Cancellation
/// A sender that is canceled while it waits gets its value back, and nothing was sent.
pub struct Sender<T, K: Kind = Mpsc> {
    pub(crate) link: Link<T, K>,
    pub(crate) budget: Budget,
    /// Whether it is `Sync`.
    _producers: PhantomData<K::Producers>,
}

impl<T, K: Kind> Sender<T, K> {
    /// Takes over one sender that the channel counts.
    pub(crate) fn new(link: Link<T, K>) -> Self {
        Self {
            link,
            budget: Budget::begin(),
            _producers: PhantomData,
        }
    }

    /// Sends `value`; waits while there is no room.
    ///
    /// # Errors
    /// [`SendError::Closed`] if the channel is closed or all receivers are gone, before or
    /// while waiting; [`SendError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, SendError};
    ///
    /// let (tx, rx) = Channel::new();
    /// assert_eq!(tx.send(1), Ok(()));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// ```
    // Inlined, as `send_slow`: every call further out costs a misprediction of its return.
    #[inline(always)]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        // SAFETY: if the flavor asks for one producer then so does the kind, whose senders are
        // neither `Clone` nor `Sync`; so we are alone.
        on_flavor!(&self.link, shared => match unsafe { shared.flavor.try_send(value) } {
            Ok(()) => {
                self.budget.spend();
                Ok(())
            }
            Err(TrySendError::Closed(value)) => Err(SendError::Closed(value)),
            // SAFETY: as above.
            Err(TrySendError::Full(value)) => unsafe {
                shared.flavor.send_slow(value, Deadline::NEVER, None)
            }
            .map_err(SendUntilError::of_untimed),
        })
    }

    /// Sends `value` if that can be done at once.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no room (in a rendezvous: if no receiver waits);
    /// [`TrySendError::Closed`] as for [`send`](Self::send).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, TrySendError};
    ///
    /// let (tx, _rx) = Channel::bounded(0);
    /// assert_eq!(tx.try_send('x').unwrap_err().into_inner(), 'x');
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match &self.link {
            // SAFETY: as in `send`.
            Link::Bounded(shared) => unsafe { shared.flavor.try_send(value) },
            // A call, so that the quickest ring is none.
            _ => self.try_send_other(value),
        }
    }

    #[inline(never)]
    fn try_send_other(&self, value: T) -> Result<(), TrySendError<T>> {
        // SAFETY: as in `send`.
        on_flavor!(&self.link, shared => unsafe { shared.flavor.try_send(value) })
    }

    /// Sends `value`; waits for room until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendUntilError::TimedOut`] or [`SendUntilError::Stopped`],
    /// whichever came first.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, SendUntilError};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (tx, _rx) = Channel::bounded(0);
    /// let source = StopSource::new();
    /// source.stop();
    /// let sent = tx.send_with(7, Deadline::NEVER, Some(&source.token()));
    /// assert_eq!(sent, Err(SendUntilError::Stopped(7)));
    /// ```
    #[inline]
    pub fn send_with(
        &self,
        value: T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SendUntilError<T>> {
        // SAFETY: if the flavor asks for one producer then so does the kind, whose senders are
        // neither `Clone` nor `Sync`; so we are alone.
        on_flavor!(&self.link, shared => match unsafe { shared.flavor.try_send(value) } {
            Ok(()) => {
                self.budget.spend();
                Ok(())
            }
            Err(TrySendError::Closed(value)) => Err(SendUntilError::Closed(value)),
            Err(TrySendError::Full(value)) => self.send_slow(value, deadline, stop),
        })
    }

    #[inline]
    pub(crate) fn send_slow(
        &self,
        value: T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SendUntilError<T>> {
        // SAFETY: as in `send`.
        on_flavor!(&self.link, shared => unsafe {
            shared.flavor.send_slow(value, deadline, stop)
        })
    }

    /// [`send_with`](Self::send_with) a deadline only.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with); never [`SendUntilError::Stopped`].
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, SendUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = Channel::bounded(0);
    /// assert_eq!(tx.send_until(7, Deadline::NOW), Err(SendUntilError::TimedOut(7)));
    /// ```
    #[inline]
    pub fn send_until(&self, value: T, deadline: Deadline) -> Result<(), SendUntilError<T>> {
        self.send_with(value, deadline, None)
    }

    /// [`send_until`](Self::send_until) `patience` from now.
    ///
    /// # Errors
    /// As [`send_until`](Self::send_until).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{Channel, SendUntilError};
    ///
    /// let (tx, _rx) = Channel::bounded(0);
    /// let sent = tx.send_timeout(7, Duration::from_millis(1));
    /// assert_eq!(sent, Err(SendUntilError::TimedOut(7)));
    /// ```
    pub fn send_timeout(&self, value: T, patience: Duration) -> Result<(), SendUntilError<T>> {
        self.send_with(value, Deadline::after(patience), None)
    }

    /// [`send_with`](Self::send_with) a stop token only.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with); never [`SendUntilError::TimedOut`].
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::Channel;
    /// use vitte_wait::StopSource;
    ///
    /// let (tx, rx) = Channel::bounded(1);
    /// assert_eq!(tx.send_or_stop(7, &StopSource::new().token()), Ok(()));
    /// assert_eq!(rx.recv(), Ok(7));
    /// ```
    pub fn send_or_stop(&self, value: T, stop: &StopToken) -> Result<(), SendUntilError<T>> {
        self.send_with(value, Deadline::NEVER, Some(stop))
    }

    /// Sending `value` as one of several things that the caller waits for: see
    /// [`select`](mod@crate::select). If the arm does not go, [`SendArm::unsent`] gives the value back.
    ///
    /// ```
    /// use vitte_channels::{Channel, select::Select};
    ///
    /// let ((tx, _rx), (_tx, rx)) = (Channel::bounded(0), Channel::new::<u8>());
    /// let (mut send, mut recv) = (tx.send_arm(7), rx.recv_arm());
    /// let mut select = Select::new();
    /// select.add(&mut send);
    /// select.add(&mut recv);
    /// assert_eq!(select.try_wait(), None);
    /// assert_eq!(send.unsent(), Some(7));
    /// ```
    #[must_use]
    pub fn send_arm(&self, value: T) -> SendArm<'_, T> {
        // SAFETY: whoever may use the sender may offer; the arm borrows it and cannot leave its thread.
        unsafe {
            SendArm::new(
                self.link.source(),
                End::Back,
                &self.budget,
                Some(value),
                None,
            )
        }
    }

    /// As [`send_arm`](Self::send_arm) for the value in `slot`. It is moved into the arm, and back when
    /// the arm is dropped, unless it was sent or is in an error that was [taken]. An arm without a
    /// value never goes.
    ///
    /// [taken]: crate::select::Chosen::take
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::bounded(0);
    /// let mut slot = Some(7);
    /// drop(tx.offer_arm(&mut slot));
    /// assert_eq!(slot, Some(7));
    /// # drop(rx);
    /// ```
    #[must_use]
    pub fn offer_arm<'a>(&'a self, slot: &'a mut Option<T>) -> SendArm<'a, T> {
        // SAFETY: as in `send_arm`.
        unsafe {
            SendArm::new(
                self.link.source(),
                End::Back,
                &self.budget,
                slot.take(),
                Some(slot),
            )
        }
    }

    /// Closes the channel: nothing more can be sent, by anybody. What is inside stays to be
    /// received, and senders that wait get their values back. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvError};
    ///
    /// let (tx, rx) = Channel::new();
    /// tx.send(1).unwrap();
    /// tx.close();
    /// assert_eq!(tx.send(2).unwrap_err().into_inner(), 2);
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// ```
    pub fn close(&self) {
        self.link.close();
    }

    /// Whether the channel is closed, by [`close`](Self::close) or because no receiver is left.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new::<u8>();
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    closed_forms! {
        /// Waits until the channel is closed, by [`close`](Self::close) or because no receiver is left.
        ///
        /// # Examples
        /// ```
        /// use vitte_channels::{Channel, WaitError};
        /// use vitte_wait::Deadline;
        ///
        /// let (tx, rx) = Channel::new::<u8>();
        /// assert_eq!(tx.closed_until(Deadline::NOW), Err(WaitError::TimedOut));
        /// let receiver = std::thread::spawn(move || drop(rx));
        /// assert_eq!(tx.closed(), Ok(()));
        /// receiver.join().unwrap();
        /// ```
        self => self; Channel, "Channel::new::<u8>()"
    }

    /// How many values are inside: a snapshot.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::Channel::new();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(tx.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.link.len()
    }

    /// Whether no value is inside: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// rx.recv().unwrap();
    /// assert!(tx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room now: a snapshot. Never of a channel without a limit, always of a rendezvous.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::Channel::bounded(1);
    /// assert!(!tx.is_full());
    /// tx.send(1).unwrap();
    /// assert!(tx.is_full());
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
    /// assert_eq!(Channel::new::<u8>().0.capacity(), None);
    /// assert_eq!(Channel::bounded::<u8>(8).0.capacity(), Some(8));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.link.capacity()
    }

    /// Whether the two send into the same channel.
    ///
    /// ```
    /// use vitte_channels::Channel;
    ///
    /// let ((one, _rx), (two, _other)) = (Channel::new::<u8>(), Channel::new());
    /// assert!(one.is_same_channel(&one.clone()));
    /// assert!(!one.is_same_channel(&two));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        self.link.is_same(&other.link)
    }
}

impl<T, K: Kind> Closing for Sender<T, K> {
    fn is_over(&self) -> bool {
        self.is_closed()
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<T, K: Kind> Post for Sender<T, K> {
    type Hall = Link<T, K>;

    fn hall(&self) -> &Link<T, K> {
        &self.link
    }

    fn event(&self) {}
}

impl<T, K: Kind<Producers = Many>> Clone for Sender<T, K> {
    fn clone(&self) -> Self {
        self.link.add_sender();
        Self::new(self.link.clone())
    }
}

impl<T, K: Kind> Drop for Sender<T, K> {
    fn drop(&mut self) {
        self.link.remove_sender();
    }
}

impl<T, K: Kind> fmt::Debug for Sender<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.debug("Sender", f)
    }
}
