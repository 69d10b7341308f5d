//! Channels that many receive from: each value goes to exactly one of them.
//!
//! Every verb is that of [`Sender`](crate::Sender) and [`Receiver`](crate::Receiver); besides,
//! receivers can be cloned and shared. The channel closes with the last of them.
//!
//! ```
//! use vitte_channels::mpmc;
//!
//! let (tx, rx) = mpmc::bounded(4);
//! let workers: Vec<_> = (0..3)
//!     .map(|_| {
//!         let jobs = rx.clone();
//!         std::thread::spawn(move || jobs.iter().map(|n: u32| n * n).sum::<u32>())
//!     })
//!     .collect();
//! drop(rx);
//! for n in 1..=10 {
//!     tx.send(n).unwrap();
//! }
//! drop(tx);
//! let total: u32 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
//! assert_eq!(total, 385);
//! ```

use crate::{Mpmc, channel::ends, link::Link};

/// Sends into a channel that many may receive from.
pub type Sender<T> = crate::Sender<T, Mpmc>;

/// One of the receivers of a channel.
///
/// ```
/// let (tx, rx) = vitte_channels::mpmc::unbounded();
/// let other = rx.clone();
/// tx.send(1).unwrap();
/// drop(rx);
/// assert_eq!(other.recv(), Ok(1));
/// drop(other);
/// assert!(tx.send(2).is_err());
/// ```
pub type Receiver<T> = crate::Receiver<T, Mpmc>;

/// A channel without a limit: sending never waits, and memory is the only bound.
///
/// ```
/// let (tx, rx) = vitte_channels::mpmc::unbounded();
/// tx.send("hello").unwrap();
/// assert_eq!(rx.recv(), Ok("hello"));
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    ends(Link::unbounded())
}

/// A channel with room for `capacity` values: sending waits while it is full. With capacity 0 it is
/// a [`rendezvous`].
///
/// ```
/// use vitte_channels::{TrySendError, mpmc};
///
/// let (tx, _rx) = mpmc::bounded(1);
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// ```
///
/// # Panics
/// If `capacity` slots exceed the address space.
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Link::bounded(capacity))
}

/// A channel that holds nothing: sending waits until a receiver has taken the value.
///
/// ```
/// use vitte_channels::{TrySendError, mpmc};
///
/// let (tx, rx) = mpmc::rendezvous();
/// assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
/// let taker = std::thread::spawn(move || rx.recv());
/// tx.send(2).unwrap();
/// assert_eq!(taker.join().unwrap(), Ok(2));
/// ```
#[must_use]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    bounded(0)
}
