//! The end that receives once.

use super::shared::{End, Progress, Shared};
use crate::{
    RecvError, RecvUntilError, TryRecvError,
    posts::{Post, PostArm, wait_until},
};
use std::{cell::Cell, fmt};
use vitte_wait::{Budget, Deadline, StopToken, facade::Arc, select::Chosen, timed_forms};

/// The receiving end of a channel for one value. It can go to another thread, but serves one at a
/// time.
///
/// When it is dropped the sender gets its value back; one that was sent already is dropped with it.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only
/// if the sender has neither sent nor gone.
///
/// # Cancellation
/// A receiver that is canceled while it waits has taken nothing.
///
/// ```
/// use vitte_channels::{RecvError, oneshot};
///
/// let (tx, rx) = oneshot::channel();
/// tx.send("once").unwrap();
/// assert_eq!(rx.recv(), Ok("once"));
/// assert_eq!(rx.recv(), Err(RecvError::Closed));
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Whether the value was here and is no more.
    taken: Cell<bool>,
    budget: Budget,
}

impl<T> Receiver<T> {
    /// There must be one call a channel.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self {
            shared,
            taken: Cell::new(false),
            budget: Budget::begin(),
        }
    }

    /// Receives the value; waits for it.
    ///
    /// # Errors
    /// [`RecvError::Closed`] if the sender went without sending, if the value was received before, or
    /// if [`close`](Self::close) was called before it was sent; [`RecvError::Canceled`] if the caller
    /// is canceled while waiting.
    ///
    /// ```
    /// use vitte_channels::oneshot;
    ///
    /// let (tx, rx) = oneshot::channel();
    /// std::thread::spawn(move || tx.send(6 * 7));
    /// assert_eq!(rx.recv(), Ok(42));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_with(Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if the sender is still at it; [`TryRecvError::Closed`] as for
    /// [`recv`](Self::recv).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{TryRecvError, oneshot};
    ///
    /// let (tx, rx) = oneshot::channel();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.shared.progress() {
            Progress::Sent if !self.taken.replace(true) => {
                // SAFETY: we are the receiver, it was sent, and `taken` has kept this to one call.
                Ok(unsafe { self.shared.take() })
            }
            Progress::Pending => Err(TryRecvError::Empty),
            Progress::Sent | Progress::Over => Err(TryRecvError::Closed),
        }
    }

    /// Receives the value; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvUntilError::TimedOut`] or [`RecvUntilError::Stopped`],
    /// whichever came first.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvUntilError, oneshot};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = oneshot::channel::<u8>();
    /// assert_eq!(rx.recv_with(Deadline::NOW, None), Err(RecvUntilError::TimedOut));
    /// ```
    #[inline]
    pub fn recv_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        let received = match self.poll() {
            Some(received) => received,
            None => wait_until(self, deadline, stop, || self.poll())?,
        };
        if received.is_ok() {
            self.budget.spend();
        }
        received.map_err(|_| RecvUntilError::Closed)
    }

    timed_forms! {
        recv_with() -> Result<T, RecvUntilError>:
        recv_until recv_timeout recv_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, oneshot};
        ///
        /// let (_tx, rx) = oneshot::channel::<u8>();
        "rx." () => Err(RecvUntilError)
    }

    /// Receiving as one of several things that a unit waits for; see [`select`](mod@crate::select).
    /// The error is always [`RecvError::Closed`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{oneshot, select};
    ///
    /// let (tx, rx) = oneshot::channel();
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

    /// Refuses the value, unless it is there already: then it can still be received.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvError, oneshot};
    ///
    /// let (tx, rx) = oneshot::channel();
    /// rx.close();
    /// assert_eq!(tx.send(1).unwrap_err().into_inner(), 1);
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether nothing will ever be received: neither now nor later.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::oneshot::channel::<u8>();
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self.shared.progress() {
            Progress::Sent => self.taken.get(),
            Progress::Pending => false,
            Progress::Over => true,
        }
    }

    /// Whether there is no value to be received now.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::oneshot::channel();
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken.get() || self.shared.progress() != Progress::Sent
    }

    /// How many values can be received now: one, or none.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::oneshot::channel();
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(!self.is_empty())
    }

    /// Receives as [`recv`](Self::recv) does, as a loop that ends after the one value, or without it.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::oneshot::channel();
    /// tx.send(7).unwrap();
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [7]);
    /// assert_eq!(rx.iter().next(), None);
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// `None`: not yet.
    #[inline]
    fn poll(&self) -> Option<Result<T, RecvError>> {
        match self.try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
        }
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<T> Post for Receiver<T> {
    type Hall = Shared<T>;

    fn hall(&self) -> &Shared<T> {
        &self.shared
    }

    fn event(&self) -> End {
        End::Receiver
    }
}

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        self.close();
        // What was sent before stays with us; nothing is sent any more.
        drop(self.try_recv());
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Receiver", self.taken.get(), f)
    }
}
