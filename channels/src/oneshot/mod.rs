//! One value, once.
//!
//! [`channel()`] makes a [`Sender`], which is used up by sending, and a [`Receiver`]. Either sees when
//! the other is gone: the receiver by [`RecvError::Closed`](crate::RecvError::Closed), the sender by
//! getting its value back, or by [`Sender::closed`] if it wants to know while it is still at work.
//!
//! ```
//! use vitte_channels::oneshot;
//!
//! let (tx, rx) = oneshot::channel();
//! let worker = std::thread::spawn(move || tx.send(6 * 7));
//! assert_eq!(rx.recv(), Ok(42));
//! worker.join().unwrap().unwrap();
//! ```
//!
//! The two share one allocation, and no lock is taken unless one of them waits.

mod receiver;
mod sender;
mod shared;

pub use receiver::{Iter, Receiver};
pub use sender::Sender;

use shared::Shared;
use vitte_wait::facade::Arc;

/// A channel for one value. See the [module](self).
///
/// # Examples
/// ```
/// use vitte_channels::{RecvError, oneshot};
///
/// let (tx, rx) = oneshot::channel::<u8>();
/// drop(tx);
/// assert_eq!(rx.recv(), Err(RecvError::Closed));
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new());
    (Sender::new(shared.clone()), Receiver::new(shared))
}
