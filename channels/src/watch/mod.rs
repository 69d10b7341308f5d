//! The latest value, and word of its changes.
//!
//! [`channel()`] makes one [`Sender`], which can be cloned and shared, and one [`Receiver`], of which
//! there can be any number. There is always one value. Receivers look at it by
//! [`Receiver::borrow`], and wait for another one by [`Receiver::changed`], or, where a clone of it will do,
//! by [`Receiver::recv`] and loops; what came and went in between they do not see, but the last value is
//! never missed.
//!
//! ```
//! use vitte_channels::{RecvError, watch};
//!
//! let (tx, rx) = watch::channel("starting");
//! let watcher = std::thread::spawn(move || {
//!     let mut last = *rx.borrow();
//!     while rx.changed().is_ok() {
//!         last = *rx.borrow_and_update();
//!     }
//!     last
//! });
//! tx.send("running").unwrap();
//! tx.send("done").unwrap();
//! drop(tx);
//! assert_eq!(watcher.join().unwrap(), "done");
//! ```
//!
//! # Looking
//! A [`Ref`] is no lock: it keeps the value that it shows from being dropped, and nobody waits for
//! it, neither senders nor others who look. So it may be held for long, and across a suspension; it
//! goes on to show the same value, however old that is by then. In return a value is never changed
//! in its place: [`Sender::send_modify`] works on a clone.
//!
//! Many look at one value at once, hence the handles go to other threads only if `T` is `Send`
//! and `Sync`.
//!
//! # Closing
//! The channel is closed by [`Sender::close`], or when the last sender is dropped. A receiver is told so
//! once it has been told of the last value, which can be looked at for as long as there is a receiver.

mod look;
mod receiver;
mod sender;
mod shared;
mod values;

pub use look::Ref;
pub use receiver::Receiver;
pub use sender::Sender;
pub use values::{IntoIter, Iter};

use shared::Shared;
use vitte_wait::facade::Arc;

/// A channel whose value is `first`. The receiver has seen that one. See the [module](self).
///
/// # Examples
/// ```
/// let (tx, rx) = vitte_channels::watch::channel(1);
/// assert!(!rx.has_changed());
/// tx.send(2).unwrap();
/// assert!(rx.has_changed());
/// assert_eq!(*rx.borrow(), 2);
/// ```
#[must_use]
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(first));
    let receiver = Receiver::subscribed(&shared);
    (Sender::new(shared), receiver)
}
