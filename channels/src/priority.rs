//! Channels that give out the most urgent value first, and equals in the order they came.
//!
//! What is sent and received is a pair of priority and value; any type that can be compared is a
//! priority, and none has a special meaning, 0 included. Which end of the scale is urgent is said
//! when the channel is made.
//!
//! ```
//! use vitte_channels::priority::{self, First};
//!
//! let (tx, rx) = priority::unbounded(First::Smallest);
//! tx.send((2, "later")).unwrap();
//! tx.send((0, "first")).unwrap();
//! tx.send((2, "last")).unwrap();
//! drop(tx);
//! let order: Vec<&str> = rx.iter().map(|(_, value)| value).collect();
//! assert_eq!(order, ["first", "later", "last"]);
//! ```
//!
//! Only what is inside is put in order: senders that wait for room are let in first come, first
//! served, whatever they bring. The verbs are those of [`store::Sender`] and [`store::Receiver`];
//! see [`store`] for what comparing priorities must not do.

use crate::store::{self, End, Sealed, Store};
use std::{cmp::Ordering, collections::BinaryHeap};

/// The sending end of a channel of `T` with priorities `P`.
///
/// ```
/// use vitte_channels::{TrySendError, priority::{self, First, Sender}};
///
/// let (tx, _rx) = priority::bounded(1, First::Greatest);
/// let tx: Sender<u8, &str> = tx;
/// tx.send((1, "in")).unwrap();
/// assert_eq!(tx.try_send((9, "out")), Err(TrySendError::Full((9, "out"))));
/// ```
pub type Sender<P, T> = store::Sender<Heap<P, T>>;

/// The receiving end of a channel of `T` with priorities `P`.
///
/// ```
/// use vitte_channels::priority::{self, First, Receiver};
///
/// let (tx, rx) = priority::unbounded(First::Greatest);
/// let rx: Receiver<u32, &str> = rx;
/// tx.send((3, "low")).unwrap();
/// tx.send((7, "high")).unwrap();
/// assert_eq!(rx.recv(), Ok((7, "high")));
/// ```
pub type Receiver<P, T> = store::Receiver<Heap<P, T>>;

/// Which priority comes out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum First {
    /// The smallest, as with nice values and deadlines.
    Smallest,
    /// The greatest, as with scores.
    Greatest,
}

/// A channel without a limit: sending never waits, and memory is the only bound.
///
/// ```
/// use vitte_channels::priority::{self, First};
///
/// let (tx, rx) = priority::unbounded(First::Greatest);
/// tx.send_many([(1, "low"), (9, "high")]).unwrap();
/// assert_eq!(rx.drain(), [(9, "high"), (1, "low")]);
/// ```
#[must_use]
pub fn unbounded<P: Ord, T>(first: First) -> (Sender<P, T>, Receiver<P, T>) {
    store::channel(Heap::new(first), None)
}

/// A channel with room for `capacity` values: sending waits while it is full.
///
/// With capacity 0 nothing is ever inside, so there is nothing to put in order.
///
/// ```
/// use vitte_channels::{TrySendError, priority::{self, First}};
///
/// let (tx, rx) = priority::bounded(1, First::Smallest);
/// tx.send((5, "inside")).unwrap();
/// assert!(matches!(tx.try_send((1, "too late")), Err(TrySendError::Full(_))));
/// assert_eq!(rx.recv(), Ok((5, "inside")));
/// ```
#[must_use]
pub fn bounded<P: Ord, T>(capacity: usize, first: First) -> (Sender<P, T>, Receiver<P, T>) {
    store::channel(Heap::new(first), Some(capacity))
}

/// Where a priority channel keeps its values: a binary heap.
#[derive(Debug)]
pub struct Heap<P, T> {
    values: BinaryHeap<Ranked<P, T>>,
    first: First,
    /// The number of the next value, for the order of equals.
    next: u64,
}

#[derive(Debug)]
struct Ranked<P, T> {
    priority: P,
    number: u64,
    first: First,
    value: T,
}

impl<P: Ord, T> Heap<P, T> {
    fn new(first: First) -> Self {
        Self {
            values: BinaryHeap::new(),
            first,
            next: 0,
        }
    }
}

impl<P: Ord, T> Ord for Ranked<P, T> {
    /// The greater one comes out first.
    fn cmp(&self, other: &Self) -> Ordering {
        let priority = match self.first {
            First::Smallest => other.priority.cmp(&self.priority),
            First::Greatest => self.priority.cmp(&other.priority),
        };
        priority.then(other.number.cmp(&self.number))
    }
}

impl<P: Ord, T> PartialOrd for Ranked<P, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord, T> PartialEq for Ranked<P, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<P: Ord, T> Eq for Ranked<P, T> {}

impl<P, T> Sealed for Heap<P, T> {}

impl<P: Ord, T> Store for Heap<P, T> {
    type Value = (P, T);
    type Receipt = ();
    const NAME: &'static str = "priority";

    fn put(&mut self, (priority, value): (P, T), _: End) {
        let number = self.next;
        self.next += 1;
        self.values.push(Ranked {
            priority,
            number,
            first: self.first,
            value,
        });
    }

    fn take(&mut self) -> Option<(P, T)> {
        let ranked = self.values.pop()?;
        Some((ranked.priority, ranked.value))
    }

    fn count(&self) -> usize {
        self.values.len()
    }

    fn sent() {}

    fn refused(_: (P, T)) {
        unreachable!("a priority channel refuses nothing")
    }
}
