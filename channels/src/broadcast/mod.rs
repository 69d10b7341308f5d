//! Every value to every subscriber: a ring that senders overwrite and never wait for.
//!
//! [`channel()`] makes one [`Sender`], which can be cloned and shared, and one [`Receiver`];
//! further ones come from [`Sender::subscribe`]. Each receiver sees all values that are sent from its
//! subscription on, in one order that is the same for all. The channel keeps the last `capacity` of
//! them. A receiver that is slower is told how many it has missed, exactly, and goes on with the
//! oldest value that is still there.
//!
//! ```
//! use vitte_channels::broadcast::{self, RecvError, TryRecvError};
//!
//! let (tx, fast) = broadcast::channel(2);
//! let slow = tx.subscribe();
//! for n in 1..=3 {
//!     assert_eq!(tx.send(n).unwrap(), 2);
//!     assert_eq!(fast.recv(), Ok(n));
//! }
//! assert_eq!(slow.recv(), Err(RecvError::Lagged(1)));
//! assert_eq!((slow.recv(), slow.recv()), (Ok(2), Ok(3)));
//! assert_eq!(slow.try_recv(), Err(TryRecvError::Empty));
//! ```
//!
//! A value is cloned out for each receiver, while others may do the same; hence the handles go to
//! other threads only if `T` is `Send` and `Sync`. (Wrap what is dear to clone into an `Arc`.)
//! However long that clone takes, and even if it suspends its fiber, no sender waits for it, and
//! no other receiver. If it panics, the receiver has had that value, and goes on with the next.
//!
//! A value stays in the ring until it is overwritten, or the last receiver goes.
//!
//! # Closing
//! The channel is closed by [`Sender::close`], or when the last sender is dropped; receivers still
//! get what they have not seen. It is not closed by the last receiver, for another one may subscribe:
//! until then sending returns the value, as [`SendError::NoReceiver`].

mod error;
mod iter;
mod many;
mod receiver;
mod ring;
mod sender;

pub use error::{Lagged, RecvError, RecvUntilError, SendError, TryRecvError};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

use ring::Ring;
use vitte_wait::facade::Arc;

/// A broadcast channel that keeps the last `capacity` values. See the [module](self).
///
/// # Panics
/// If `capacity` is zero, or so many places exceed the address space.
///
/// # Examples
/// ```
/// let (tx, rx) = vitte_channels::broadcast::channel(16);
/// assert_eq!(tx.send("hello"), Ok(1));
/// assert_eq!(rx.recv(), Ok("hello"));
/// ```
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let ring = Arc::new(Ring::new(capacity));
    let receiver = Receiver::subscribed(&ring);
    (Sender::new(ring), receiver)
}
