//! Channels between fibers, between threads, and across the two.
//!
//! A channel has two kinds of ends: a [`Sender`] puts values in, a [`Receiver`] takes them out, each
//! producer's in the order in which it sent them. How many there may be of each is the channel's
//! [kind](Kind):
//!
//! | kind | senders | receivers | made by |
//! |---|---|---|---|
//! | [`Mpsc`] | any number | one | [`Channel`] |
//! | [`Mpmc`] | any number | any number; a value goes to one of them | [`mpmc`] |
//! | [`Spsc`] | one | one | [`spsc`] |
//!
//! Flavors differ in what happens when receivers are slower: an unbounded channel grows, a bounded
//! one makes its senders wait for room, and a rendezvous (capacity zero) makes them wait for the
//! taker.
//!
//! ```
//! use vitte_channels::Channel;
//!
//! let (tx, rx) = Channel::new();
//! let producer = std::thread::spawn(move || {
//!     for i in 0..3 {
//!         tx.send(i).unwrap();
//!     }
//! });
//! assert_eq!(rx.iter().collect::<Vec<i32>>(), [0, 1, 2]);
//! producer.join().unwrap();
//! ```
//!
//! Every verb has a form that only tries, a form that waits, and a form that waits for a while or
//! until it is stopped, and each says which of these ended it; a value that was not sent comes
//! back in the error. Closing is out of band: it can be done from either end, whatever is inside
//! stays to be received, and senders that wait for room get their values back.
//!
//! Other kinds have modules of their own: every value to every subscriber ([`broadcast`]), one value once
//! ([`oneshot`]), the latest value with word of its changes ([`watch`]), [`priority`] channels, [`queue`]s with two
//! ends and unique values, [`timer`]s that are received from, and the [`relay`] that passes values on in batches.
//! Their verbs are the same, as far as there is something for them to do:
//!
//! | kind | sending waits | many at a time | a loop gives | what it has besides |
//! |---|---|---|---|---|
//! | [`Mpsc`], [`Mpmc`], [`Spsc`] | while it is full | both ways | values | |
//! | [`queue`] | while it is full | both ways | values | the front, unique values, `drain`, `join` |
//! | [`priority`] | while it is full | both ways | values, the first in order first | `drain`, `join` |
//! | [`broadcast`] | never: the oldest goes | both ways | values, and how many were missed | `subscribe` |
//! | [`watch`] | never: the older goes | no: there is one | the latest value, whenever it is new | looks, changes in place, `wait_for` |
//! | [`oneshot`] | never | no: there is one | one value, or none | |
//! | [`timer`] | nobody sends | ticks missed are one | ticks | `reset`, `stop` |
//! | [`relay`] | while it is full | in | the loop is the relay's own | `flush` |
//!
//! Every sender can also wait until there is no sense in going on: `closed`. Every kind that may hold several values
//! says how many those are, and how many fit (`len`, `capacity`). A oneshot, a watched value and a timer hold one at
//! most: there `is_empty`, `has_changed` and `is_due` say all that a count could, and there is no capacity to ask for.
//!
//! Whoever waits for several channels, or for something else at the same time, says [`select!`].
//!
//! Whatever waits does so through [`vitte_wait`]: a fiber suspends, a thread sleeps, and neither
//! end needs to know what the other is.

pub mod broadcast;
mod channel;
mod closed;
mod debug;
mod error;
mod flavors;
mod hall;
mod iter;
mod kind;
mod lent;
mod link;
mod many;
pub mod mpmc;
pub mod oneshot;
mod padded;
mod places;
mod posts;
pub mod priority;
pub mod queue;
mod receiver;
pub mod relay;
pub mod select;
mod sender;
mod spin;
pub mod spsc;
pub mod store;
pub mod timer;
mod unsent;
mod waiters;
pub mod watch;

pub use channel::Channel;
pub use error::{RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError};
pub use iter::{IntoIter, Iter, TryIter};
pub use kind::{Kind, Many, Mpmc, Mpsc, One, Spsc};
pub use posts::WaitError;
pub use receiver::Receiver;
pub use sender::Sender;
pub use unsent::Unsent;
