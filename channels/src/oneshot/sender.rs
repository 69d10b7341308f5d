//! The end that sends once.

use super::shared::{End, Shared};
use crate::{
    SendError, WaitError,
    posts::{Post, PostArm, wait_until},
};
use std::{fmt, ptr};
use vitte_wait::{
    Budget, Deadline, Node, Reason, StopToken, facade::Arc, select::Chosen, timed_forms,
};

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
            budget: Budget::new(),
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
    #[inline]
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        // SAFETY: we are the sender, of which there is one, and are used up.
        match unsafe { self.shared.send(value) } {
            Ok(()) => {
                self.sent = true;
                Ok(())
            }
            Err(value) => Err(SendError::Closed(value)),
        }
    }

    /// Whether the receiver is gone, or has closed the channel: then there is no need to go on.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Waits until the receiver is gone, or closes the channel.
    ///
    /// # Errors
    /// [`WaitError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Blocking
    /// Suspends the calling fiber, or puts the calling thread to sleep.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::oneshot;
    ///
    /// let (tx, rx) = oneshot::channel::<u8>();
    /// let asker = std::thread::spawn(move || drop(rx));
    /// assert_eq!(tx.closed(), Ok(()));
    /// asker.join().unwrap();
    /// ```
    pub fn closed(&self) -> Result<(), WaitError> {
        self.closed_with(Deadline::NEVER, None)
    }

    /// As [`closed`](Self::closed), until `deadline` or until `stop` is triggered.
    ///
    /// # Errors
    /// [`WaitError`]: what ended the wait instead.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{WaitError, oneshot};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = oneshot::channel::<u8>();
    /// assert_eq!(tx.closed_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// ```
    pub fn closed_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WaitError> {
        match self.poll_closed() {
            Some(()) => Ok(()),
            None => wait_until(self, deadline, stop, || self.poll_closed()),
        }
    }

    timed_forms! {
        closed_with() -> Result<(), WaitError>:
        closed_until closed_timeout closed_or_stop
    }

    /// [`closed`](Self::closed) as one of several things that a unit waits for; see
    /// [`select`](mod@crate::select).
    ///
    /// ```
    /// use vitte_channels::{Channel, oneshot, select};
    ///
    /// let ((tx, rx), (_work, jobs)) = (oneshot::channel::<u8>(), Channel::new::<u8>());
    /// drop(rx);
    /// select! {
    ///     arm(tx.closed_arm()) => {}
    ///     recv(jobs) -> _ => unreachable!("nobody has sent a job"),
    /// }?;
    /// # Ok::<(), select::SelectError>(())
    /// ```
    pub fn closed_arm(&self) -> impl Chosen<Output = ()> + '_ {
        PostArm::new(self, &self.budget, || self.poll_closed())
    }

    fn poll_closed(&self) -> Option<()> {
        self.is_closed().then_some(())
    }
}

// SAFETY: the node is queued under the channel's lock, and taken out under it.
unsafe impl<T> Post for Sender<T> {
    const REASON: Reason = Reason::Event;

    fn object(&self) -> *const () {
        ptr::from_ref(&*self.shared).cast()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { self.shared.enlist(End::Sender, node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller it was enlisted above.
        unsafe { self.shared.delist(End::Sender, node) };
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
