//! Several values at a time.
//!
//! As many as there are, or as there is room for, go in under one lock.

use super::{Core, End, Receiver, Sender, Store, TwoEnded, core::TryManyError};
use crate::error::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError,
};
use std::collections::VecDeque;
use vitte_wait::{Deadline, StopToken};

impl<S: Store> Core<S> {
    fn send_many(
        &self,
        mut values: VecDeque<S::Value>,
        end: End,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Vec<S::Value>>> {
        let mut sent = 0;
        loop {
            let (now, result) = self.try_send_many(&mut values, end);
            sent += now;
            match result {
                Ok(()) => return Ok(sent),
                Err(TryManyError::Closed) => return Err(SendUntilError::Closed(values.into())),
                Err(TryManyError::Full) => {}
            }
            let Some(first) = values.pop_front() else {
                return Ok(sent);
            };
            match self.send_slow(first, end, deadline, stop) {
                Ok(receipt) => sent += usize::from(S::went_in(&receipt)),
                Err(error) => {
                    return Err(error.map(|first| {
                        values.push_front(first);
                        values.into()
                    }));
                }
            }
        }
    }
}

impl<S: Store> Sender<S> {
    /// Sends `values` in their order, and waits while there is no room; says how many went in,
    /// which is all but the duplicates that a queue of unique values dropped.
    ///
    /// What there is room for goes in at once; while this sender waits for more, values of others
    /// may come in between.
    ///
    /// # Errors
    /// As [`send`](Self::send), with those values that were not sent. The others were.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{SendError, queue};
    ///
    /// let (tx, rx) = queue::bounded(8);
    /// assert_eq!(tx.send_many([1, 2, 3]), Ok(3));
    /// rx.close();
    /// assert_eq!(tx.send_many([4, 5]), Err(SendError::Closed(vec![4, 5])));
    /// ```
    pub fn send_many(
        &self,
        values: impl IntoIterator<Item = S::Value>,
    ) -> Result<usize, SendError<Vec<S::Value>>> {
        self.send_many_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`send_many`](Self::send_many), but only until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with), with those values that were not sent. The others were.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{SendUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, rx) = queue::bounded(1);
    /// let sent = tx.send_many_with([1, 2, 3], Deadline::NOW, None);
    /// assert_eq!(sent, Err(SendUntilError::TimedOut(vec![2, 3])));
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn send_many_with(
        &self,
        values: impl IntoIterator<Item = S::Value>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Vec<S::Value>>> {
        // The iterator is the user's, so it is not called under the lock.
        let values = values.into_iter().collect();
        let sent = self.core.send_many(values, End::Back, deadline, stop)?;
        self.budget.spend();
        Ok(sent)
    }

    /// Sends as many of `values` as there is room for now, in their order.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send), with those values that were not sent. The others were.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{TrySendError, queue};
    ///
    /// let (tx, _rx) = queue::bounded(2);
    /// assert_eq!(tx.try_send_many([1, 2, 3]), Err(TrySendError::Full(vec![3])));
    /// ```
    pub fn try_send_many(
        &self,
        values: impl IntoIterator<Item = S::Value>,
    ) -> Result<usize, TrySendError<Vec<S::Value>>> {
        let mut values = values.into_iter().collect();
        let (sent, result) = self.core.try_send_many(&mut values, End::Back);
        match result {
            Ok(()) => Ok(sent),
            Err(TryManyError::Full) => Err(TrySendError::Full(values.into())),
            Err(TryManyError::Closed) => Err(TrySendError::Closed(values.into())),
        }
    }
}

impl<S: TwoEnded> Sender<S> {
    /// As [`send_many`](Self::send_many), but each is put at the front, one after the other: the
    /// last of them comes out first.
    ///
    /// # Errors
    /// As [`send_many`](Self::send_many).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(0).unwrap();
    /// tx.send_many_front([1, 2]).unwrap();
    /// assert_eq!(rx.drain(), [2, 1, 0]);
    /// ```
    pub fn send_many_front(
        &self,
        values: impl IntoIterator<Item = S::Value>,
    ) -> Result<usize, SendError<Vec<S::Value>>> {
        self.send_many_front_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`send_many_front`](Self::send_many_front), but only until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`send_many_with`](Self::send_many_with).
    pub fn send_many_front_with(
        &self,
        values: impl IntoIterator<Item = S::Value>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Vec<S::Value>>> {
        let values = values.into_iter().collect();
        let sent = self.core.send_many(values, End::Front, deadline, stop)?;
        self.budget.spend();
        Ok(sent)
    }
}

impl<S: Store> Receiver<S> {
    /// Waits until something is there, and moves up to `most` values to the end of `into`, in the
    /// order in which they would have been received; says how many. With `most` 0 it does nothing.
    ///
    /// They are taken at one moment. In a channel of capacity 0 it is one at a time.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); nothing was taken then.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2, 3]).unwrap();
    /// let mut values = Vec::new();
    /// assert_eq!(rx.recv_many(&mut values, 2), Ok(2));
    /// assert_eq!(values, [1, 2]);
    /// ```
    pub fn recv_many(&self, into: &mut Vec<S::Value>, most: usize) -> Result<usize, RecvError> {
        self.recv_many_with(into, most, Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// As [`recv_many`](Self::recv_many), but waits only until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); nothing was taken then.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = queue::unbounded::<u8>();
    /// let received = rx.recv_many_with(&mut Vec::new(), 2, Deadline::NOW, None);
    /// assert_eq!(received, Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_many_with(
        &self,
        into: &mut Vec<S::Value>,
        most: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, RecvUntilError> {
        match self.core.try_recv_many(into, most) {
            Ok(taken) => {
                self.budget.spend();
                return Ok(taken);
            }
            Err(TryRecvError::Closed) => return Err(RecvUntilError::Closed),
            Err(TryRecvError::Empty) => {}
        }
        into.push(self.core.recv_slow(deadline, stop)?);
        // What else has come since; the one is taken, so nothing more is an error.
        Ok(1 + self.core.try_recv_many(into, most - 1).unwrap_or(0))
    }

    /// Moves up to `most` of the values that are there to the end of `into`; says how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    ///
    /// # Blocking
    /// Never.
    pub fn try_recv_many(
        &self,
        into: &mut Vec<S::Value>,
        most: usize,
    ) -> Result<usize, TryRecvError> {
        self.core.try_recv_many(into, most)
    }

    /// Takes out everything that is inside now, in the order in which it would have been received.
    /// Senders that wait for room then get in.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send_many([1, 2]).unwrap();
    /// assert_eq!(rx.drain(), [1, 2]);
    /// assert!(rx.is_empty());
    /// ```
    pub fn drain(&self) -> Vec<S::Value> {
        let mut values = Vec::new();
        let _ = self.core.try_recv_many(&mut values, usize::MAX);
        values
    }
}
