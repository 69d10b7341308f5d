//! The end that sends once.

use super::shared::{End, Shared};
use crate::{
    SendError,
    closed::{Closing, closed_forms},
    posts::Post,
};
use std::fmt;
use vitte_wait::{Budget, facade::Arc};

/// The sending end of a channel for one value.
///
/// When it is dropped without having sent, the receiver is told that the channel is closed.
///
/// ```
/// use vitte_channels::{SendError, oneshot};
///
/// let (tx, rx) = oneshot::channel();
/// drop(rx);
/// assert_eq!(tx.send(1), Err(SendError::Closed(1)));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    sent: bool,
    budget: Budget,
}

impl<T> Sender<T> {
    /// There must be one call a channel.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self {
            shared,
            sent: false,
            budget: Budget::begin(),
        }
    }

    /// Sends the value.
    ///
    /// # Errors
    /// [`SendError::Closed`] with the value if the receiver is gone, or has closed the channel. That
    /// it succeeds does not say that the value will be looked at.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{SendError, oneshot};
    ///
    /// let (tx, rx) = oneshot::channel();
    /// assert_eq!(tx.send(1), Ok(()));
    /// assert_eq!(rx.recv(), Ok(1));
    ///
    /// let (tx, rx) = oneshot::channel();
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// ```
    #[inline]
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        // SAFETY: we are the sender, of which there is one, and are used up.
        match unsafe { self.shared.send(value) } {
            Ok(()) => {
                self.sent = true;
                self.budget.spend();
                Ok(())
            }
            Err(value) => Err(SendError::Closed(value)),
        }
    }

    /// Whether the receiver is gone, or has closed the channel: then there is no need to go on.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::oneshot::channel::<u8>();
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    closed_forms! {
        /// Waits until the receiver is gone, or closes the channel.
        ///
        /// # Examples
        /// ```
        /// use vitte_channels::{Channel, WaitError, oneshot, select};
        /// use vitte_wait::Deadline;
        ///
        /// let ((tx, rx), (_work, jobs)) = (oneshot::channel::<u8>(), Channel::new::<u8>());
        /// assert_eq!(tx.closed_until(Deadline::NOW), Err(WaitError::TimedOut));
        /// let asker = std::thread::spawn(move || drop(rx));
        /// select! {
        ///     arm(tx.closed_arm()) => {}
        ///     recv(jobs) -> _ => unreachable!("nobody has sent a job"),
        /// }?;
        /// assert_eq!(tx.closed(), Ok(()));
        /// asker.join().unwrap();
        /// # Ok::<(), select::SelectError>(())
        /// ```
        self => self; oneshot, "oneshot::channel::<u8>()"
    }
}

impl<T> Closing for Sender<T> {
    fn is_over(&self) -> bool {
        self.is_closed()
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<T> Post for Sender<T> {
    type Hall = Shared<T>;

    fn hall(&self) -> &Shared<T> {
        &self.shared
    }

    fn event(&self) -> End {
        End::Sender
    }
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.sent {
            self.shared.drop_sender();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", false, f)
    }
}
