//! Many values at once.
//!
//! A batch is not one value: others may send in between, and each value is on its way before the next
//! is asked for.

use super::{
    Receiver, RecvError, RecvUntilError, SendError, Sender, TryRecvError, receiver::some_yet,
};
use crate::{Unsent, posts::wait_until};
use vitte_wait::{Deadline, StopToken, timed_forms};

impl<T> Sender<T> {
    /// Sends all `values`, in their order, to everybody who is subscribed; returns how many values
    /// that were.
    ///
    /// # Errors
    /// As [`send`](Self::send), with the rest of the values: if the last receiver goes, or the channel
    /// is closed, in between. Those before were sent.
    ///
    /// # Blocking
    /// Never, but for the iterator, and the short locks of other senders.
    ///
    /// # Panics
    /// If the iterator does, or as [`send`](Self::send). What came before was sent.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast;
    ///
    /// let (tx, rx) = broadcast::channel(8);
    /// assert_eq!(tx.send_many([1, 2, 3]).unwrap(), 3);
    /// assert_eq!(rx.len(), 3);
    /// drop(rx);
    /// let unsent = tx.send_many([4, 5]).unwrap_err().into_inner();
    /// assert_eq!((unsent.sent(), unsent.count()), (0, 2));
    /// ```
    pub fn send_many<I: IntoIterator<Item = T>>(
        &self,
        values: I,
    ) -> Result<usize, SendError<Unsent<I::IntoIter>>> {
        let mut unsent = Unsent::new(values.into_iter());
        while let Some(value) = unsent.next() {
            match self.send(value) {
                Ok(_) => unsent.went(1),
                Err(error) => {
                    return Err(error.map(|value| {
                        unsent.put_back(value);
                        unsent
                    }));
                }
            }
        }
        Ok(unsent.sent())
    }
}

impl<T: Clone> Receiver<T> {
    /// Appends what is new to `into`, but no more than `limit` values; waits while there is nothing.
    /// Returns how many it appended: at least one, unless `limit` is 0.
    ///
    /// Values that were missed are never passed over in silence: what was appended came without a gap.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); then nothing was appended.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, RecvError};
    ///
    /// let (tx, rx) = broadcast::channel(2);
    /// tx.send_many(0..5).unwrap();
    /// let mut values = Vec::new();
    /// assert_eq!(rx.recv_many(&mut values, 8), Err(RecvError::Lagged(3)));
    /// assert_eq!(rx.recv_many(&mut values, 8), Ok(2));
    /// assert_eq!(values, [3, 4]);
    /// ```
    pub fn recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, RecvError> {
        self.recv_many_with(into, limit, Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Appends what is new to `into`, but no more than `limit` values, and returns how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv), if there is nothing; then nothing was appended.
    ///
    /// # Blocking
    /// Never, unless the value's `clone` does.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, TryRecvError};
    ///
    /// let (tx, rx) = broadcast::channel(2);
    /// let mut values = Vec::new();
    /// assert_eq!(rx.try_recv_many(&mut values, 8), Err(TryRecvError::Empty));
    /// tx.send('x').unwrap();
    /// assert_eq!(rx.try_recv_many(&mut values, 8), Ok(1));
    /// ```
    pub fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        let mut received = 0;
        while received < limit {
            let cursor = self.cursor.get();
            match self.try_recv() {
                Ok(value) => into.push(value),
                Err(error) if received == 0 => return Err(error),
                Err(_) => {
                    // The next receive finds it again, and counts what will be missed by then.
                    self.cursor.set(cursor);
                    break;
                }
            }
            received += 1;
        }
        Ok(received)
    }

    /// [`recv_many`](Self::recv_many), but waits no longer than until `deadline`, or until `stop` is
    /// triggered.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); then nothing was appended.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::broadcast::{self, RecvUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = broadcast::channel::<u8>(1);
    /// let received = rx.recv_many_with(&mut Vec::new(), 8, Deadline::NOW, None);
    /// assert_eq!(received, Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_many_with(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, RecvUntilError> {
        let mut attempt = || some_yet(self.try_recv_many(into, limit));
        let received = match attempt() {
            Some(received) => {
                self.budget.spend();
                received?
            }
            None => wait_until(self, deadline, stop, attempt)??,
        };
        Ok(received)
    }

    timed_forms! {
        recv_many_with(into: &mut Vec<T>, limit: usize) -> Result<usize, RecvUntilError>:
        recv_many_until recv_many_timeout recv_many_or_stop
        in vitte_wait
        /// use vitte_channels::broadcast::{self, RecvUntilError};
        ///
        /// let (_tx, rx) = broadcast::channel::<u8>(8);
        "rx." ("&mut Vec::new(), 8") => Err(RecvUntilError)
    }
}
