//! What the bodies of this test need: every flavor, values that are counted, and randomness.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::*},
    time::{SystemTime, UNIX_EPOCH},
};
use vitte_channels::{Channel, Kind, Many, Mpmc, Mpsc, Receiver, Sender, Spsc, mpmc, spsc};
pub(crate) use vitte_tests::units::*;

/// Every flavor, by capacity; `None` is unbounded.
pub(crate) const FLAVORS: [Option<usize>; 5] = [None, Some(0), Some(1), Some(3), Some(128)];

/// The flavors that can be full.
pub(crate) const LIMITED: [usize; 4] = [0, 1, 3, 128];

/// A kind of channel, tried with a kind of unit: what most bodies are generic over.
pub(crate) trait Case: Units {
    type Kind: Kind;

    /// Makes a channel; `None` is unbounded.
    fn channel<T>(capacity: Option<usize>) -> (Sender<T, Self::Kind>, Receiver<T, Self::Kind>);
}

/// A case whose senders can be cloned.
pub(crate) trait ManySend: Case<Kind: Kind<Producers = Many>> {}
impl<C: Case<Kind: Kind<Producers = Many>>> ManySend for C {}

/// A case whose receivers can be cloned.
pub(crate) trait ManyReceive: Case<Kind: Kind<Consumers = Many>> {}
impl<C: Case<Kind: Kind<Consumers = Many>>> ManyReceive for C {}

/// Units of kind `U` with channels of kind `K`.
pub(crate) struct On<U, K>(PhantomData<(U, K)>);

impl<U: Units, K: 'static> Units for On<U, K> {
    type Started = U::Started;

    fn start(body: Body) -> U::Started {
        U::start(body)
    }

    fn end(started: U::Started) -> Returned {
        U::end(started)
    }

    fn run(body: fn()) {
        U::run(body);
    }
}

impl<U: Units> Case for On<U, Mpsc> {
    type Kind = Mpsc;

    fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
        match capacity {
            None => Channel::new(),
            Some(capacity) => Channel::bounded(capacity),
        }
    }
}

impl<U: Units> Case for On<U, Mpmc> {
    type Kind = Mpmc;

    fn channel<T>(capacity: Option<usize>) -> (mpmc::Sender<T>, mpmc::Receiver<T>) {
        match capacity {
            None => mpmc::unbounded(),
            Some(0) => mpmc::rendezvous(),
            Some(capacity) => mpmc::bounded(capacity),
        }
    }
}

impl<U: Units> Case for On<U, Spsc> {
    type Kind = Spsc;

    /// None of them is unbounded, but no body puts as much into one.
    fn channel<T>(capacity: Option<usize>) -> (spsc::Sender<T>, spsc::Receiver<T>) {
        spsc::channel(capacity.unwrap_or(10_000))
    }
}

/// Waits until `handle` shows `state`: a unit announces its wait before it is in the queue, and a
/// test that counts on the order of a queue must know that it is.
pub(crate) fn until_shown(handle: &impl fmt::Debug, state: &str) {
    until(|| format!("{handle:?}").contains(state));
}

/// Counts values made and dropped.
#[derive(Debug, Default)]
pub(crate) struct Census {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// A value whose end is counted. A second drop of the same value is a panic.
pub(crate) struct Counted {
    census: &'static Census,
    alive: bool,
    pub(crate) number: usize,
}

impl Census {
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    pub(crate) fn value(&'static self, number: usize) -> Counted {
        self.made.fetch_add(1, SeqCst);
        Counted {
            census: self,
            alive: true,
            number,
        }
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }
}

impl Counted {
    /// Another one with the same number.
    pub(crate) fn again(&self) -> Self {
        self.census.value(self.number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(std::mem::replace(&mut self.alive, false), "dropped twice");
        self.census.dropped.fetch_add(1, SeqCst);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({})", self.number)
    }
}

/// Xorshift64*, seeded from the clock or from `VITTE_SEED`; the seed is printed.
pub(crate) struct Random(u64);

static SALT: AtomicU64 = AtomicU64::new(0);

impl Random {
    pub(crate) fn new() -> Self {
        let seed = match std::env::var("VITTE_SEED") {
            Ok(seed) => seed.parse().expect("VITTE_SEED is a number"),
            Err(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let nanos = now.expect("after 1970").as_nanos();
                nanos as u64 ^ SALT.fetch_add(0x9E37_79B9, Relaxed)
            }
        };
        println!("VITTE_SEED={seed}");
        Self(seed | 1)
    }

    /// One more generator for another unit, seeded by one whose seed is printed.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.below(1 << 31) as u64 * 2 + 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}
