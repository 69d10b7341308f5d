//! Channels with one sender and one receiver, which are cheaper for it.
//!
//! Every verb is that of [`Sender`](crate::Sender) and [`Receiver`](crate::Receiver). Neither end
//! can be cloned or shared; each may go to another thread. While neither waits, a send or a receive
//! ends after a fixed number of steps, whatever the other end does, and takes no atomic
//! read-modify-write.
//!
//! ```
//! use vitte_channels::spsc;
//!
//! let (tx, rx) = spsc::channel(128);
//! let producer = std::thread::spawn(move || {
//!     for n in 1..=1_000_u32 {
//!         tx.send(n).unwrap();
//!     }
//! });
//! assert_eq!(rx.iter().sum::<u32>(), 500_500);
//! producer.join().unwrap();
//! ```
//!
//! To wait costs more than in other channels, for then the other end, which uses no fence, must be
//! made to pass one: on Linux by a system call (`membarrier`), elsewhere both always use a fence. Not
//! so with a capacity of 1 or 0, where waiting is what a channel mostly does.

use crate::{Spsc, channel::ends, link::Link};

/// The one sender of a channel.
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// let (tx, _rx) = vitte_channels::spsc::channel::<u8>(1);
/// share(tx);
/// ```
/// ```compile_fail,E0599
/// let (tx, _rx) = vitte_channels::spsc::channel::<u8>(1);
/// let second = tx.clone();
/// ```
pub type Sender<T> = crate::Sender<T, Spsc>;

/// The one receiver of a channel.
///
/// ```compile_fail,E0277
/// fn share<T: Sync>(_: T) {}
/// let (_tx, rx) = vitte_channels::spsc::channel::<u8>(1);
/// share(rx);
/// ```
pub type Receiver<T> = crate::Receiver<T, Spsc>;

/// A channel with room for `capacity` values: sending waits while it is full. With capacity 0 it is
/// a rendezvous, and sending waits until the value was taken.
///
/// Its memory is that of the next power of two.
///
/// ```
/// use vitte_channels::{TrySendError, spsc};
///
/// let (tx, rx) = spsc::channel(1);
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(rx.recv(), Ok(1));
/// ```
///
/// # Panics
/// If `capacity` slots exceed the address space.
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Link::bounded(capacity))
}
