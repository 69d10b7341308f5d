//! Capacity zero: a value goes from the sender's stack to the receiver's, with both present.
//!
//! Whoever comes second does the hand-over, in the memory that the first has lent, while it holds
//! the claim on the first one's wait; there is no place in between. Go's unbuffered channel does
//! the same.
//!
//! Invariants: not both queues hold an open waiter, unless that is one unit which selects among both; `hints` is written only under the lock, and
//! what it says is checked there again before anybody parks.

use super::Flavor;
use crate::{
    error::{TryRecvError, TrySendError},
    lent::Lent,
    padded::Padded,
    spin::TriesFirst,
    waiters::{Side, Waitable, Waiters},
};
use std::marker::PhantomData;
use vitte_wait::{
    Outcome, current,
    facade::{
        Mutex,
        atomic::{AtomicU32, Ordering::*},
    },
};

/// Nothing more is handed over.
const CLOSED: u32 = 1;
/// A sender may be waiting.
const SENDER: u32 = 1 << 1;
/// A receiver may be waiting.
const RECEIVER: u32 = 1 << 2;

/// See the [module documentation](self).
pub(crate) struct Rendezvous<T> {
    /// What an end can know without the lock.
    hints: AtomicU32,
    waiters: Padded<Mutex<Waiters>>,
    _values: PhantomData<fn(T) -> T>,
}

// SAFETY: a value goes from one thread to another, hence `T: Send`; nothing else is in here that
// is not `Send` (and `PhantomData<fn(T) -> T>` stands for values that pass through).
unsafe impl<T: Send> Send for Rendezvous<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Rendezvous<T> {}

impl<T> Rendezvous<T> {
    pub(crate) fn new() -> Self {
        Self {
            hints: AtomicU32::new(0),
            waiters: Padded::default(),
            _values: PhantomData,
        }
    }

    /// Changes the hints. Under the lock, so that a load and a store do.
    fn hint(&self, raise: u32, lower: u32) {
        let now = self.hints.load(Relaxed);
        // Ordering: Release. Partner: the Acquire loads below, which let an end whose partner is
        // known to wait find it.
        self.hints.store((now | raise) & !lower, Release);
    }
}

const fn hint_of(side: Side) -> u32 {
    match side {
        Side::Senders => SENDER,
        Side::Receivers => RECEIVER,
    }
}

impl<T> Waitable for Rendezvous<T> {
    fn waiters(&self) -> &Mutex<Waiters> {
        &self.waiters
    }

    fn arm(&self, side: Side, waiters: &mut Waiters) -> bool {
        let partners = match side {
            Side::Senders => Side::Receivers,
            Side::Receivers => Side::Senders,
        };
        if self.hints.load(Relaxed) & CLOSED != 0 {
            return false;
        }
        // One unit may select among both ends, and is no partner for itself.
        let partner = waiters.of(partners).peek_open_but(current::unit());
        if partner.is_some() {
            return false;
        }
        self.hint(hint_of(side), 0);
        true
    }

    fn disarm(&self, side: Side) {
        self.hint(0, hint_of(side));
    }
}

impl<T> Flavor<T> for Rendezvous<T> {
    const NAME: &'static str = "rendezvous";
    const TRIES_FIRST: TriesFirst = TriesFirst::Nobody;

    /// Any number of producers may call this at once.
    #[inline]
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        // Ordering: Acquire. Partner: the Release in `hint`.
        match self.hints.load(Acquire) {
            hints if hints & CLOSED != 0 => return Err(TrySendError::Closed(value)),
            hints if hints & RECEIVER == 0 => return Err(TrySendError::Full(value)),
            _ => {}
        }
        let partner = {
            let mut waiters = self.waiters.lock();
            let receivers = waiters.of(Side::Receivers);
            let partner = receivers.pop(Outcome::Woken);
            if receivers.is_empty() {
                self.disarm(Side::Receivers);
            }
            partner
        };
        let Some((claimed, payload)) = partner else {
            return Err(TrySendError::Full(value));
        };
        // SAFETY: the payload of every receiver's node here is a `Lent<T>`; we hold the claim.
        unsafe { Lent::put(payload, value) };
        claimed.wake();
        Ok(())
    }

    /// Any number of consumers may call this at once.
    #[inline]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        // Ordering: Acquire. Partner: the Release in `hint`.
        match self.hints.load(Acquire) {
            hints if hints & CLOSED != 0 => return Err(TryRecvError::Closed),
            hints if hints & SENDER == 0 => return Err(TryRecvError::Empty),
            _ => {}
        }
        let partner = {
            let mut waiters = self.waiters.lock();
            let senders = waiters.of(Side::Senders);
            let partner = senders.pop(Outcome::Woken);
            if senders.is_empty() {
                self.disarm(Side::Senders);
            }
            partner
        };
        let Some((claimed, payload)) = partner else {
            return Err(TryRecvError::Empty);
        };
        // SAFETY: the payload of every sender's node here is a `Lent<T>`; we hold the claim.
        let value = unsafe { Lent::take(payload) };
        claimed.wake();
        Ok(value.expect("a sender that waits has lent its value"))
    }

    fn close(&self) {
        let woken = {
            let mut waiters = self.waiters.lock();
            self.hint(CLOSED, SENDER | RECEIVER);
            waiters.drain()
        };
        drop(woken);
    }

    fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `hint`.
        self.hints.load(Acquire) & CLOSED != 0
    }

    fn len(&self) -> usize {
        0
    }

    fn capacity(&self) -> Option<usize> {
        Some(0)
    }
}
