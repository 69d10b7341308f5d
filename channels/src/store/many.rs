//! Several values at a time.
//!
//! As many as are known to be there, or as there is room for, go in under one lock.

use super::{Core, End, Receiver, Sender, Store, TwoEnded};
use crate::{
    Unsent,
    error::{RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError},
};
use std::collections::VecDeque;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// How many values at most are asked of an iterator before they are sent.
const CHUNK: usize = 256;

impl<S: Store> Core<S> {
    /// Sends from the front of `unsent` until that must wait.
    fn send_what_fits<I: Iterator<Item = S::Value>>(
        &self,
        unsent: &mut Unsent<I>,
        end: End,
    ) -> Result<(), TrySendError<()>> {
        loop {
            let chunk = unsent.promised().min(CHUNK);
            // The iterator is the user's, so it is not called under the lock.
            let mut values: VecDeque<S::Value> = unsent.by_ref().take(chunk).collect();
            if values.is_empty() {
                return Ok(());
            }
            let (sent, result) = self.try_send_many(&mut values, end);
            unsent.went(sent);
            if let Err(error) = result {
                unsent.put_back_all(values.into());
                return Err(error);
            }
        }
    }

    fn send_many<I: Iterator<Item = S::Value>>(
        &self,
        values: I,
        end: End,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Unsent<I>>> {
        let mut unsent = Unsent::new(values);
        loop {
            match self.send_what_fits(&mut unsent, end) {
                Ok(()) => return Ok(unsent.sent()),
                Err(TrySendError::Closed(())) => return Err(SendUntilError::Closed(unsent)),
                Err(TrySendError::Full(())) => {}
            }
            let Some(value) = unsent.next() else {
                return Ok(unsent.sent());
            };
            match self.send_slow(value, end, deadline, stop) {
                Ok(receipt) => unsent.went(usize::from(S::went_in(&receipt))),
                Err(error) => {
                    return Err(error.map(|value| {
                        unsent.put_back_all(vec![value]);
                        unsent
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
    /// While this sender waits for more room, values of others may come in between. An iterator that
    /// does not say how many values are left may itself wait for them: each value is on its way
    /// before the next is asked for.
    ///
    /// # Errors
    /// As [`send`](Self::send), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// If the iterator does. Some of what it gave last may be dropped then.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::queue;
    ///
    /// let (tx, rx) = queue::bounded(8);
    /// assert_eq!(tx.send_many([1, 2, 3]).unwrap(), 3);
    /// rx.close();
    /// let unsent = tx.send_many([4, 5]).unwrap_err().into_inner();
    /// assert_eq!(unsent.collect::<Vec<i32>>(), [4, 5]);
    /// ```
    pub fn send_many<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
    ) -> Result<usize, SendError<Unsent<I::IntoIter>>> {
        self.send_many_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`send_many`](Self::send_many), but only until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{SendUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, rx) = queue::bounded(1);
    /// let Err(SendUntilError::TimedOut(unsent)) = tx.send_many_with(1..=3, Deadline::NOW, None) else {
    ///     panic!("nobody receives");
    /// };
    /// assert_eq!((unsent.sent(), unsent.count()), (1, 2));
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn send_many_with<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>> {
        let sent = self
            .core
            .send_many(values.into_iter(), End::Back, deadline, stop)?;
        self.budget.spend();
        Ok(sent)
    }

    timed_forms! {
        send_many_with <I: IntoIterator<Item = S::Value>>(values: I) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>>:
        send_many_until send_many_timeout send_many_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, queue};
        ///
        /// let (tx, _rx) = queue::bounded(2);
        "tx." ("0..3") => Err(SendUntilError(_))
    }

    /// Sends as many of `values` as there is room for now, in their order.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::queue;
    ///
    /// let (tx, _rx) = queue::bounded(2);
    /// let unsent = tx.try_send_many([1, 2, 3]).unwrap_err().into_inner();
    /// assert_eq!(unsent.collect::<Vec<i32>>(), [3]);
    /// ```
    pub fn try_send_many<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
    ) -> Result<usize, TrySendError<Unsent<I::IntoIter>>> {
        self.try_send_many_at(values.into_iter(), End::Back)
    }

    fn try_send_many_at<I: Iterator<Item = S::Value>>(
        &self,
        values: I,
        end: End,
    ) -> Result<usize, TrySendError<Unsent<I>>> {
        let mut unsent = Unsent::new(values);
        match self.core.send_what_fits(&mut unsent, end) {
            Ok(()) => Ok(unsent.sent()),
            Err(error) => Err(error.map(|()| unsent)),
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
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded();
    /// tx.send(0).unwrap();
    /// tx.send_many_front([1, 2]).unwrap();
    /// assert_eq!(rx.drain(), [2, 1, 0]);
    /// ```
    pub fn send_many_front<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
    ) -> Result<usize, SendError<Unsent<I::IntoIter>>> {
        self.send_many_front_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// As [`send_many_front`](Self::send_many_front), but only until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with), with those values that were not sent. The others were.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// ```
    /// use vitte_channels::{SendUntilError, queue};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, rx) = queue::bounded(2);
    /// let late = tx.send_many_front_with([1, 2, 3], Deadline::NOW, None);
    /// assert!(matches!(late, Err(SendUntilError::TimedOut(_))));
    /// assert_eq!(rx.drain(), [2, 1]);
    /// ```
    pub fn send_many_front_with<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>> {
        let sent = self
            .core
            .send_many(values.into_iter(), End::Front, deadline, stop)?;
        self.budget.spend();
        Ok(sent)
    }

    timed_forms! {
        send_many_front_with <I: IntoIterator<Item = S::Value>>(values: I) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>>:
        send_many_front_until send_many_front_timeout send_many_front_or_stop
        in vitte_wait
        /// use vitte_channels::{SendUntilError, queue};
        ///
        /// let (tx, _rx) = queue::bounded(2);
        "tx." ("0..3") => Err(SendUntilError(_))
    }

    /// As [`try_send_many`](Self::try_send_many), but each is put at the front, one after the other.
    ///
    /// # Errors
    /// As [`try_send_many`](Self::try_send_many).
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::queue::bounded(2);
    /// let unsent = tx.try_send_many_front([1, 2, 3]).unwrap_err().into_inner();
    /// assert_eq!(unsent.collect::<Vec<i32>>(), [3]);
    /// assert_eq!(rx.drain(), [2, 1]);
    /// ```
    pub fn try_send_many_front<I: IntoIterator<Item = S::Value>>(
        &self,
        values: I,
    ) -> Result<usize, TrySendError<Unsent<I::IntoIter>>> {
        self.try_send_many_at(values.into_iter(), End::Front)
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

    timed_forms! {
        recv_many_with(into: &mut Vec<S::Value>, most: usize) -> Result<usize, RecvUntilError>:
        recv_many_until recv_many_timeout recv_many_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, queue};
        ///
        /// let (_tx, rx) = queue::unbounded::<u8>();
        "rx." ("&mut Vec::new(), 8") => Err(RecvUntilError)
    }

    /// Moves up to `most` of the values that are there to the end of `into`; says how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TryRecvError, queue};
    ///
    /// let ((tx, rx), mut values) = (queue::unbounded(), Vec::new());
    /// assert_eq!(rx.try_recv_many(&mut values, 8), Err(TryRecvError::Empty));
    /// tx.send_many([1, 2, 3]).unwrap();
    /// assert_eq!(rx.try_recv_many(&mut values, 2), Ok(2));
    /// ```
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
