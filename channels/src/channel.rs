//! Where channels are made.

use crate::{Kind, Receiver, Sender, link::Link};

/// Makes channels. See the [crate documentation](crate).
#[derive(Clone, Copy, Debug)]
pub struct Channel;

impl Channel {
    /// A channel without a limit: sending never waits, and memory is the only bound.
    ///
    /// ```
    /// use vitte_channels::Channel;
    ///
    /// let (tx, rx) = Channel::new();
    /// tx.send("hello").unwrap();
    /// assert_eq!(rx.recv(), Ok("hello"));
    /// ```
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "a channel is its two ends; the type only names the place where they are made"
    )]
    pub fn new<T>() -> (Sender<T>, Receiver<T>) {
        ends(Link::unbounded())
    }

    /// A channel with room for `capacity` values: sending waits while it is full.
    ///
    /// With capacity 0 it is a rendezvous: it holds nothing, and sending waits until the receiver
    /// has taken the value.
    ///
    /// ```
    /// use vitte_channels::{Channel, TrySendError};
    ///
    /// let (tx, rx) = Channel::bounded(1);
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    ///
    /// # Panics
    /// If `capacity` slots exceed the address space.
    #[must_use]
    pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        ends(Link::bounded(capacity))
    }
}

/// Both ends of a new channel.
pub(crate) fn ends<T, K: Kind>(link: Link<T, K>) -> (Sender<T, K>, Receiver<T, K>) {
    (Sender::new(link.clone()), Receiver::new(link))
}
