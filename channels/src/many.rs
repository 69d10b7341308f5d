//! Many values at once: what goes goes in order, and the rest is given back.
//!
//! A batch is not one value: others may send or receive in between. What it saves is looking for
//! waiters after every value, and in some flavors more.

use crate::{
    Kind, Receiver, RecvError, RecvUntilError, SendError, SendUntilError, Sender, TryRecvError,
    TrySendError, Unsent, flavors::Flavor, link::on_flavor,
};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// Sending many.
impl<T, K: Kind> Sender<T, K> {
    /// Sends all `values`; waits whenever there is no room. Returns how many that were.
    ///
    /// An iterator that does not say how many values are left (its
    /// [`size_hint`](Iterator::size_hint)) may itself wait for them, as a receiver's does: each
    /// value is on its way before the next is asked for.
    ///
    /// # Errors
    /// As [`send`](Self::send), with the rest of the values. Those before were sent.
    ///
    /// # Panics
    /// If the iterator does. What it gave before was sent, but for the last few if the channel was
    /// closed meanwhile.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// assert_eq!(tx.send_many([1, 2, 3]).unwrap(), 3);
    /// rx.close();
    /// let unsent = tx.send_many([4, 5]).unwrap_err().into_inner();
    /// assert_eq!((unsent.sent(), unsent.count()), (0, 2));
    /// ```
    pub fn send_many<I: IntoIterator<Item = T>>(
        &self,
        values: I,
    ) -> Result<usize, SendError<Unsent<I::IntoIter>>> {
        self.send_many_with(values, Deadline::NEVER, None)
            .map_err(SendUntilError::of_untimed)
    }

    /// Sends those first of `values` that can be sent at once; returns how many, if that is all.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send), with the rest of the values. Those before were sent.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = vitte_channels::Channel::bounded(2);
    /// let unsent = tx.try_send_many("word".chars()).unwrap_err().into_inner();
    /// assert_eq!(unsent.collect::<String>(), "rd");
    /// ```
    pub fn try_send_many<I: IntoIterator<Item = T>>(
        &self,
        values: I,
    ) -> Result<usize, TrySendError<Unsent<I::IntoIter>>> {
        let mut unsent = Unsent::new(values.into_iter());
        match self.send_what_fits(&mut unsent) {
            Ok(()) => Ok(unsent.sent()),
            Err(error) => Err(error.map(|()| unsent)),
        }
    }

    /// [`send_many`](Self::send_many) until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send_with`](Self::send_with), with the rest of the values. Those before were sent.
    ///
    /// # Panics
    /// As [`send_many`](Self::send_many).
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, SendUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (tx, _rx) = Channel::bounded(2);
    /// let Err(SendUntilError::TimedOut(unsent)) = tx.send_many_with(0..3, Deadline::NOW, None) else {
    ///     panic!("nobody receives");
    /// };
    /// assert_eq!(unsent.sent(), 2);
    /// ```
    pub fn send_many_with<I: IntoIterator<Item = T>>(
        &self,
        values: I,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>> {
        let mut unsent = Unsent::new(values.into_iter());
        loop {
            match self.send_what_fits(&mut unsent) {
                Ok(()) => {
                    self.budget.spend();
                    return Ok(unsent.sent());
                }
                Err(TrySendError::Closed(())) => return Err(SendUntilError::Closed(unsent)),
                Err(TrySendError::Full(())) => {}
            }
            let Some(value) = unsent.next() else {
                return Ok(unsent.sent());
            };
            match self.send_slow(value, deadline, stop) {
                Ok(()) => unsent.went(1),
                Err(error) => {
                    return Err(error.map(|value| {
                        unsent.put_back(value);
                        unsent
                    }));
                }
            }
        }
    }

    timed_forms! {
        send_many_with <I: IntoIterator<Item = T>>(values: I) -> Result<usize, SendUntilError<Unsent<I::IntoIter>>>:
        send_many_until send_many_timeout send_many_or_stop
        in vitte_wait
        /// use vitte_channels::{Channel, SendUntilError};
        ///
        /// let (tx, _rx) = Channel::bounded(2);
        "tx." ("0..3") => Err(SendUntilError(_))
    }

    fn send_what_fits<I: Iterator<Item = T>>(
        &self,
        values: &mut Unsent<I>,
    ) -> Result<(), TrySendError<()>> {
        // SAFETY: as in `send`.
        on_flavor!(&self.link, shared => unsafe { shared.flavor.try_send_many(values) })
    }
}

/// Receiving many.
impl<T, K: Kind> Receiver<T, K> {
    /// Appends what is there to `into`, but no more than `limit` values; waits while there is none.
    /// Returns how many it appended: at least one, unless `limit` is 0.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); then nothing was appended.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::Channel::new();
    /// tx.send_many(0..10).unwrap();
    /// let mut values = Vec::new();
    /// assert_eq!(rx.recv_many(&mut values, 4), Ok(4));
    /// assert_eq!(rx.recv_many(&mut values, 100), Ok(6));
    /// assert!(values.into_iter().eq(0..10));
    /// ```
    pub fn recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, RecvError> {
        self.recv_many_with(into, limit, Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Appends what is there to `into`, but no more than `limit` values, and returns how many.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv), if there is none.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, TryRecvError};
    ///
    /// let (tx, rx) = Channel::new();
    /// let mut values = Vec::new();
    /// assert_eq!(rx.try_recv_many(&mut values, 8), Err(TryRecvError::Empty));
    /// tx.send('x').unwrap();
    /// assert_eq!(rx.try_recv_many(&mut values, 8), Ok(1));
    /// ```
    pub fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        if limit == 0 {
            return Ok(0);
        }
        // SAFETY: as in `try_recv`.
        on_flavor!(&self.link, shared => unsafe { shared.flavor.try_recv_many(into, limit) })
    }

    /// [`recv_many`](Self::recv_many), but waits no longer than until `deadline`, or until `stop`
    /// is triggered.
    ///
    /// # Errors
    /// As [`recv_with`](Self::recv_with); then nothing was appended.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{Channel, RecvUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = Channel::new::<u8>();
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
        match self.try_recv_many(into, limit) {
            Ok(received) => {
                self.budget.spend();
                Ok(received)
            }
            Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
            Err(TryRecvError::Empty) => {
                // What cannot be had should be known before there is a value to lose.
                into.reserve(1);
                into.push(self.recv_slow(deadline, stop)?);
                // Whatever ends it, there was one.
                Ok(1 + self.try_recv_many(into, limit - 1).unwrap_or(0))
            }
        }
    }

    timed_forms! {
        recv_many_with(into: &mut Vec<T>, limit: usize) -> Result<usize, RecvUntilError>:
        recv_many_until recv_many_timeout recv_many_or_stop
        in vitte_wait
        /// use vitte_channels::{Channel, RecvUntilError};
        ///
        /// let (_tx, rx) = Channel::new::<u8>();
        "rx." ("&mut Vec::new(), 8") => Err(RecvUntilError)
    }
}
