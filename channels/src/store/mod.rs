//! Channels whose values lie in a collection under a lock, and whose order that collection decides.
//!
//! The [`priority`](crate::priority) and [`queue`](crate::queue) channels are made of this: the
//! handles, the waiting and the closing are here, and a [`Store`] says what lies where. They cost
//! a lock for every operation, where the flavors of [`Channel`](crate::Channel) need none; take
//! those if first in, first out is all that is wanted.
//!
//! Each end may have any number of handles. A capacity of 0 holds nothing: a value goes from the
//! sender that waits to the receiver, and the order of the store has nothing to decide.
//!
//! Senders that wait for room are served first come, first served; those that put their value at the
//! front before the others.
//!
//! # Code of the user's under the lock
//! A store may have to compare its values: [`Ord`] of a priority, [`Eq`] and [`Hash`](std::hash::Hash)
//! of a unique value are called under the channel's lock. They must not wait, nor use the channel.
//! If they panic, the channel goes on, and a value that was just moving may be dropped.
//! Values are never dropped under the lock.

mod core;
mod iter;
mod many;
mod receiver;
mod sender;
mod state;

pub(crate) use self::core::Core;
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

mod sealed {
    pub trait Sealed {}
}
pub(crate) use sealed::Sealed;

/// On which end of a store a value is put, if the store has ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum End {
    Back,
    Front,
}

/// A collection that a channel keeps its values in. There are those of this crate, and no others.
///
/// What it does for the channel is hidden here, and called under the channel's lock.
pub trait Store: Sealed {
    /// What is sent and received.
    type Value;

    /// What a sender is told on success.
    type Receipt;

    #[doc(hidden)]
    const NAME: &'static str;

    #[doc(hidden)]
    fn put(&mut self, value: Self::Value, end: End);

    #[doc(hidden)]
    fn take(&mut self) -> Option<Self::Value>;

    #[doc(hidden)]
    fn count(&self) -> usize;

    /// Whether an equal value is inside, and the store wants none twice.
    #[doc(hidden)]
    fn has_twin(&self, _: &Self::Value) -> bool {
        false
    }

    /// What a sender hears of a value that went in.
    #[doc(hidden)]
    fn sent() -> Self::Receipt;

    /// What a sender hears of a value that has a twin inside.
    #[doc(hidden)]
    fn refused(value: Self::Value) -> Self::Receipt;

    /// Which of the two a sender heard.
    #[doc(hidden)]
    fn went_in(_: &Self::Receipt) -> bool {
        true
    }
}

/// A store with two ends, so that a value can be put where it comes out next.
pub trait TwoEnded: Store {}

/// The two ends of a new channel over `store`.
pub(crate) fn channel<S: Store>(store: S, capacity: Option<usize>) -> (Sender<S>, Receiver<S>) {
    let core = Core::share(store, capacity);
    (Sender::new(core.clone()), Receiver::new(core))
}
