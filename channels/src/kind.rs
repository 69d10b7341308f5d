//! The kinds of channel: how many may use each of its ends.
//!
//! A handle has its kind as a parameter, so that every verb is written, and documented, once; what
//! a kind forbids is not there: the end that only one may use is neither `Clone` nor `Sync`. A kind
//! also says which flavors its channels are made of, for one consumer can be served for less.

use crate::flavors::{
    Flavor,
    bounded::Bounded,
    consumers::{AnyConsumers, OneConsumer},
    ring::Ring,
    unbounded::Unbounded,
};
use std::{cell::Cell, fmt::Debug, marker::PhantomData};

/// An end that only one thread or fiber may use at a time.
#[derive(Debug)]
pub struct One(PhantomData<Cell<()>>);

/// An end that any number may use at once, through clones or by reference.
#[derive(Debug)]
pub struct Many(());

/// How many may use each end of a channel: [`Mpsc`], [`Mpmc`] or [`Spsc`].
///
/// Code that does not care takes a `Sender<T, K>` or a `Receiver<T, K>` for any `K: Kind`. There
/// are no other kinds than these.
///
/// ```
/// use vitte_channels::{Channel, Kind, Receiver, mpmc};
///
/// fn total<K: Kind>(rx: &Receiver<u32, K>) -> u32 {
///     rx.iter().sum()
/// }
///
/// let (tx, rx) = Channel::new();
/// tx.send(1).unwrap();
/// drop(tx);
/// assert_eq!(total(&rx), 1);
/// let (tx, rx) = mpmc::unbounded();
/// tx.send(2).unwrap();
/// drop(tx);
/// assert_eq!(total(&rx), 2);
/// ```
#[expect(private_bounds, reason = "nobody else can make a kind")]
pub trait Kind: Flavors + Debug + 'static {
    /// How many may send: [`One`] or [`Many`].
    type Producers: Send;
    /// How many may receive: [`One`] or [`Many`].
    type Consumers: Send;
}

/// What the channels of a kind are made of.
///
/// # Safety
/// - If the flavors ask that there be one producer, or one consumer, then so does the kind.
/// - The flavors are `Send` and `Sync` for values that are `Send`.
pub(crate) unsafe trait Flavors {
    type Bounded<T>: Flavor<T>;
    type Unbounded<T>: Flavor<T>;

    fn bounded<T>(capacity: usize) -> Self::Bounded<T>;
    fn unbounded<T>() -> Self::Unbounded<T>;
}

/// Many producers, one consumer: what [`Channel`](crate::Channel) makes.
#[derive(Debug)]
pub enum Mpsc {}

/// Many producers, many consumers: see [`mpmc`](crate::mpmc).
#[derive(Debug)]
pub enum Mpmc {}

/// One producer, one consumer: see [`spsc`](crate::spsc).
#[derive(Debug)]
pub enum Spsc {}

impl Kind for Mpsc {
    type Producers = Many;
    type Consumers = One;
}

// SAFETY: `OneConsumer` asks for one consumer, and the kind has one. Both are
// `Send` and `Sync`.
unsafe impl Flavors for Mpsc {
    type Bounded<T> = Bounded<T>;
    type Unbounded<T> = Unbounded<T, OneConsumer>;

    fn bounded<T>(capacity: usize) -> Self::Bounded<T> {
        Bounded::new(capacity)
    }

    fn unbounded<T>() -> Self::Unbounded<T> {
        Unbounded::new()
    }
}

impl Kind for Mpmc {
    type Producers = Many;
    type Consumers = Many;
}

// SAFETY: these flavors serve any number of both, and are `Send` and `Sync`.
unsafe impl Flavors for Mpmc {
    type Bounded<T> = Bounded<T>;
    type Unbounded<T> = Unbounded<T, AnyConsumers>;

    fn bounded<T>(capacity: usize) -> Self::Bounded<T> {
        Bounded::new(capacity)
    }

    fn unbounded<T>() -> Self::Unbounded<T> {
        Unbounded::new()
    }
}

impl Kind for Spsc {
    type Producers = One;
    type Consumers = One;
}

// SAFETY: `Ring` asks for one of each, `OneConsumer` for one consumer, and the kind has
// them. Both are `Send` and `Sync`.
unsafe impl Flavors for Spsc {
    type Bounded<T> = Ring<T>;
    type Unbounded<T> = Unbounded<T, OneConsumer>;

    fn bounded<T>(capacity: usize) -> Self::Bounded<T> {
        Ring::new(capacity)
    }

    fn unbounded<T>() -> Self::Unbounded<T> {
        Unbounded::new()
    }
}
