//! The end that broadcasts.

use super::{
    Receiver, SendError,
    ring::{Event, Ring},
};
use crate::{
    closed::{Closing, closed_forms},
    posts::Post,
};
use std::fmt;
use vitte_wait::{Budget, facade::Arc};

/// The sending end of a broadcast channel; clones send into the same channel, and one can be used
/// by several threads at once.
///
/// When the last one is dropped the channel is closed: receivers still get what they have not seen.
///
/// A fiber that sends a lot lets others run now and then.
///
/// ```
/// use vitte_channels::broadcast;
///
/// let (tx, rx) = broadcast::channel(8);
/// let other = tx.clone();
/// std::thread::spawn(move || other.send(7).unwrap()).join().unwrap();
/// drop(tx);
/// assert_eq!(rx.iter().collect::<Vec<_>>(), [Ok(7)]);
/// ```
pub struct Sender<T> {
    ring: Arc<Ring<T>>,
    budget: Budget,
}

impl<T> Sender<T> {
    /// Takes over the one sender that a new ring counts.
    pub(super) fn new(ring: Arc<Ring<T>>) -> Self {
        Self {
            ring,
            budget: Budget::begin(),
        }
    }

    /// Sends `value` to everybody who is subscribed now, and returns how many they are. Each of
    /// them will see it, unless it lags so far that the value is overwritten before.
    ///
    /// # Errors
    /// [`SendError::NoReceiver`] if nobody is subscribed, [`SendError::Closed`] if the channel is
    /// closed. Either gives the value back.
    ///
    /// # Blocking
    /// Never, but for the short lock of another sender.
    ///
    /// # Panics
    /// If the destructor of the value that is overwritten panics. The new value was sent then.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, SendError};
    ///
    /// let (tx, rx) = broadcast::channel(1);
    /// assert_eq!(tx.send(1), Ok(1));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError::NoReceiver(2)));
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let receivers = self.ring.send(value)?;
        self.budget.spend();
        Ok(receivers)
    }

    /// A receiver of everything that is sent from now on.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, TryRecvError};
    ///
    /// let (tx, first) = broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// let second = tx.subscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!((first.recv(), first.recv()), (Ok(1), Ok(2)));
    /// assert_eq!((second.recv(), second.try_recv()), (Ok(2), Err(TryRecvError::Empty)));
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribed(&self.ring)
    }

    /// Closes the channel: nothing more can be sent, by anybody. Receivers still get what they have
    /// not seen. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, RecvError, SendError};
    ///
    /// let (tx, rx) = broadcast::channel(8);
    /// tx.send(1).unwrap();
    /// tx.close();
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError::Closed)));
    /// ```
    pub fn close(&self) {
        self.ring.close();
    }

    /// Whether the channel is closed.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// drop(rx);
    /// assert!(!tx.is_closed(), "somebody may subscribe yet");
    /// tx.close();
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    closed_forms! {
        /// Waits until nobody is subscribed, or the channel is closed.
        ///
        /// Unless the channel is closed somebody may subscribe later, and then there is a next time.
        ///
        /// # Examples
        /// ```
        /// use vitte_channels::{WaitError, broadcast};
        /// use vitte_wait::Deadline;
        ///
        /// let (tx, rx) = broadcast::channel::<u8>(1);
        /// assert_eq!(tx.closed_until(Deadline::NOW), Err(WaitError::TimedOut));
        /// let listener = std::thread::spawn(move || drop(rx));
        /// assert_eq!(tx.closed(), Ok(()));
        /// listener.join().unwrap();
        /// assert!(!tx.is_closed());
        /// ```
        self => self; broadcast, "broadcast::channel::<u8>(8)"
    }

    /// How many receivers there are: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// let _second = tx.subscribe();
    /// assert_eq!(tx.receivers(), 2);
    /// drop(rx);
    /// assert_eq!(tx.receivers(), 1);
    /// ```
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.ring.receivers()
    }

    /// How many values the channel keeps.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// assert_eq!(tx.capacity(), 8);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Whether the two send into the same channel.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::broadcast::channel::<u8>(8);
    /// assert!(tx.is_same_channel(&tx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ring, &other.ring)
    }
}

impl<T> Closing for Sender<T> {
    fn is_over(&self) -> bool {
        self.ring.is_deserted()
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<T> Post for Sender<T> {
    type Hall = Ring<T>;

    fn hall(&self) -> &Ring<T> {
        &self.ring
    }

    fn event(&self) -> Event {
        Event::Deserted
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.ring.add_sender();
        Self::new(self.ring.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.ring.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ring.debug("Sender", None, f)
    }
}
