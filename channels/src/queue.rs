//! Queues that can do more: put at the front, take many, keep values unique, wait for the end.
//!
//! ```
//! use vitte_channels::queue;
//!
//! let (tx, rx) = queue::bounded(8);
//! tx.send("second").unwrap();
//! tx.send_front("first").unwrap();
//! tx.close();
//! assert_eq!(rx.drain(), ["first", "second"]);
//! tx.join().unwrap();
//! ```
//!
//! A queue of unique values takes no value that equals one still inside, and says so:
//!
//! ```
//! use vitte_channels::queue::{self, Sent};
//!
//! let (tx, rx) = queue::unbounded_unique();
//! assert_eq!(tx.send("job"), Ok(Sent::New));
//! assert_eq!(tx.send("job"), Ok(Sent::Duplicate("job")));
//! assert_eq!(rx.recv(), Ok("job"));
//! assert_eq!(tx.send("job"), Ok(Sent::New));
//! ```
//!
//! Closing is out of band: no value has a special meaning, and what is inside is received before
//! anybody hears of the end. Every way of putting values in observes the capacity. The verbs are
//! those of [`store::Sender`] and [`store::Receiver`].

use crate::store::{self, End, Sealed, Store, TwoEnded};
use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hash},
};

/// The sending end of a queue.
///
/// ```
/// use vitte_channels::queue::{self, Sender};
///
/// let (tx, rx) = queue::unbounded();
/// let tx: Sender<i32> = tx;
/// tx.send_many([1, 2, 3]).unwrap();
/// assert_eq!(rx.len(), 3);
/// ```
pub type Sender<T> = store::Sender<Deque<T>>;

/// The receiving end of a queue.
///
/// ```
/// use vitte_channels::{TryRecvError, queue::{self, Receiver}};
///
/// let (tx, rx) = queue::unbounded();
/// let rx: Receiver<i32> = rx;
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// tx.send(1).unwrap();
/// assert_eq!(rx.try_iter().collect::<Vec<i32>>(), [1]);
/// ```
pub type Receiver<T> = store::Receiver<Deque<T>>;

/// The sending end of a queue of unique values.
///
/// ```
/// use vitte_channels::queue::{self, UniqueSender};
///
/// let (tx, _rx) = queue::bounded_unique(8);
/// let tx: UniqueSender<char> = tx;
/// assert_eq!(tx.send_many("abracadabra".chars()).unwrap(), 5);
/// ```
pub type UniqueSender<T> = store::Sender<Unique<T>>;

/// The receiving end of a queue of unique values.
///
/// ```
/// use vitte_channels::queue::{self, UniqueReceiver};
///
/// let (tx, rx) = queue::bounded_unique(8);
/// let rx: UniqueReceiver<char> = rx;
/// tx.send_many("abracadabra".chars()).unwrap();
/// assert_eq!(rx.drain(), ['a', 'b', 'r', 'c', 'd']);
/// ```
pub type UniqueReceiver<T> = store::Receiver<Unique<T>>;

/// A queue without a limit: sending never waits, and memory is the only bound.
///
/// ```
/// let (tx, rx) = vitte_channels::queue::unbounded();
/// tx.send("later").unwrap();
/// tx.send_front("first").unwrap();
/// assert_eq!(rx.drain(), ["first", "later"]);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    store::channel(Deque(VecDeque::new()), None)
}

/// A queue with room for `capacity` values: sending waits while it is full.
///
/// ```
/// use vitte_channels::{TrySendError, queue};
///
/// let (tx, _rx) = queue::bounded(1);
/// tx.send(1).unwrap();
/// assert_eq!(tx.try_send_front(2), Err(TrySendError::Full(2)));
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    store::channel(Deque(VecDeque::new()), Some(capacity))
}

/// As [`unbounded`], with no two equal values inside.
///
/// ```
/// use vitte_channels::queue;
///
/// let (tx, rx) = queue::unbounded_unique();
/// assert!(tx.send("build").unwrap().is_new());
/// assert!(!tx.send("build").unwrap().is_new(), "it is in the queue already");
/// assert_eq!(rx.drain(), ["build"]);
/// ```
#[must_use]
pub fn unbounded_unique<T: Hash + Eq>() -> (UniqueSender<T>, UniqueReceiver<T>) {
    store::channel(Unique::new(), None)
}

/// As [`bounded`], with no two equal values inside.
///
/// A duplicate does not wait for room. A sender that waits already when the twin of its value goes
/// in waits for its turn, and then its value goes in, or has a twin inside.
///
/// ```
/// use vitte_channels::{TrySendError, queue};
///
/// let (tx, _rx) = queue::bounded_unique(1);
/// tx.send("build").unwrap();
/// assert!(!tx.try_send("build").unwrap().is_new());
/// assert_eq!(tx.try_send("test"), Err(TrySendError::Full("test")));
/// ```
#[must_use]
pub fn bounded_unique<T: Hash + Eq>(capacity: usize) -> (UniqueSender<T>, UniqueReceiver<T>) {
    store::channel(Unique::new(), Some(capacity))
}

/// What became of a value sent to a queue of unique values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sent<T> {
    /// It went in, or to a receiver.
    New,
    /// An equal value is inside. Here is the one that was sent.
    Duplicate(T),
}

impl<T> Sent<T> {
    /// Whether the value went in.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::queue::unbounded_unique();
    /// assert!(tx.send(7).unwrap().is_new());
    /// assert!(!tx.send(7).unwrap().is_new());
    /// rx.recv().unwrap();
    /// assert!(tx.send(7).unwrap().is_new(), "it has been taken out");
    /// ```
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New)
    }
}

impl<T> fmt::Debug for Sent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::Duplicate(_) => "Duplicate(..)",
        })
    }
}

/// Where a queue keeps its values.
#[derive(Debug)]
pub struct Deque<T>(VecDeque<T>);

impl<T> Sealed for Deque<T> {}
impl<T> TwoEnded for Deque<T> {}

impl<T> Store for Deque<T> {
    type Value = T;
    type Receipt = ();
    const NAME: &'static str = "queue";

    fn put(&mut self, value: T, end: End) {
        match end {
            End::Back => self.0.push_back(value),
            End::Front => self.0.push_front(value),
        }
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn sent() {}

    fn refused(_: T) {
        unreachable!("a queue that takes duplicates refuses nothing")
    }
}

/// Where a queue of unique values keeps them: in a queue, with an index by hash.
///
/// Each value has a place, one more or one less than its neighbour's, so that the index can name
/// it while the queue moves, and values need not be cloned.
#[derive(Debug)]
pub struct Unique<T> {
    values: VecDeque<T>,
    /// The place of the first value.
    first: i64,
    /// The places of the values that have this hash.
    places: HashMap<u64, Vec<i64>>,
    hasher: RandomState,
}

impl<T: Hash + Eq> Unique<T> {
    fn new() -> Self {
        Self {
            values: VecDeque::new(),
            first: 0,
            places: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    fn at(&self, place: i64) -> Option<&T> {
        let index = usize::try_from(place.wrapping_sub(self.first)).ok()?;
        self.values.get(index)
    }
}

impl<T> Sealed for Unique<T> {}
impl<T: Hash + Eq> TwoEnded for Unique<T> {}

impl<T: Hash + Eq> Store for Unique<T> {
    type Value = T;
    type Receipt = Sent<T>;
    const NAME: &'static str = "unique queue";

    fn put(&mut self, value: T, end: End) {
        let hash = self.hasher.hash_one(&value);
        let place = match end {
            End::Back => {
                self.values.push_back(value);
                self.first + self.values.len() as i64 - 1
            }
            End::Front => {
                self.values.push_front(value);
                self.first -= 1;
                self.first
            }
        };
        self.places.entry(hash).or_default().push(place);
    }

    fn take(&mut self) -> Option<T> {
        // Before anything changes, for it may panic.
        let hash = self.hasher.hash_one(self.values.front()?);
        if let Some(places) = self.places.get_mut(&hash) {
            places.retain(|place| *place != self.first);
            if places.is_empty() {
                self.places.remove(&hash);
            }
        }
        self.first += 1;
        self.values.pop_front()
    }

    fn count(&self) -> usize {
        self.values.len()
    }

    fn has_twin(&self, value: &T) -> bool {
        let hash = self.hasher.hash_one(value);
        let places = self.places.get(&hash).map_or(&[][..], Vec::as_slice);
        places.iter().any(|place| self.at(*place) == Some(value))
    }

    fn sent() -> Sent<T> {
        Sent::New
    }

    fn refused(value: T) -> Sent<T> {
        Sent::Duplicate(value)
    }

    fn went_in(receipt: &Sent<T>) -> bool {
        receipt.is_new()
    }
}
