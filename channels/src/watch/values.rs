//! The verbs of other channels: each new value as a clone, one by one or in a loop.

use super::Receiver;
use crate::{RecvError, RecvUntilError, TryRecvError};
use vitte_wait::{Deadline, StopToken, select::Chosen, timed_forms};

impl<T: Clone> Receiver<T> {
    /// Waits for a value that this receiver has not seen, and receives a clone of it; of several that is
    /// the latest.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Panics
    /// If the value's `clone` does. The value counts as seen.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// tx.send(3).unwrap();
    /// drop(tx);
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(3), Err(RecvError::Closed)));
    /// ```
    pub fn recv(&self) -> Result<T, RecvError> {
        self.changed().map(|()| self.latest())
    }

    /// Receives a clone of the value if this receiver has not seen it.
    ///
    /// # Errors
    /// As [`try_changed`](Self::try_changed).
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// # Blocking
    /// Never, unless the value's `clone` does.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{TryRecvError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.try_changed().map(|()| self.latest())
    }

    /// As [`recv`](Self::recv), until `deadline` or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`changed_with`](Self::changed_with).
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvUntilError, watch};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = watch::channel(1);
    /// assert_eq!(rx.recv_with(Deadline::NOW, None), Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        self.changed_with(deadline, stop).map(|()| self.latest())
    }

    timed_forms! {
        recv_with() -> Result<T, RecvUntilError>:
        recv_until recv_timeout recv_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, watch};
        ///
        /// let (_tx, rx) = watch::channel(1);
        "rx." () => Err(RecvUntilError)
    }

    /// Receiving as one of several things that a unit waits for; see [`select`](mod@crate::select). The
    /// error is always [`RecvError::Closed`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{select, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// let n = select! {
    ///     recv(rx) -> n => n,
    ///     after(Duration::from_secs(60)) => Ok(0),
    /// };
    /// assert_eq!(n, Ok(Ok(2)));
    /// ```
    pub fn recv_arm(&self) -> impl Chosen<Output = Result<T, RecvError>> + '_ {
        self.changed_arm()
            .map(|changed| changed.map(|()| self.latest()))
    }

    /// Receives until the channel is closed and the last value was seen, or the caller is canceled.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(0);
    /// let counter = std::thread::spawn(move || (1..=9).try_for_each(|n| tx.send(n)));
    /// assert_eq!(rx.iter().last(), Some(9));
    /// counter.join().unwrap().unwrap();
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    fn latest(&self) -> T {
        // Unwind: it is seen before it is cloned.
        let value = self.borrow_and_update();
        T::clone(&value)
    }
}

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

/// Receives like [`Receiver::iter`], and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T: Clone> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T: Clone> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T: Clone> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Clone> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
