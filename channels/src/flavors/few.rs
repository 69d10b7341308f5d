//! A capacity of few values, or of none: everything under one short lock.
//!
//! Where little fits in, nearly every value is waited for, by a receiver or with a sender, and then a
//! ring that both ends work on without a lock only adds to what a wait costs. Here the end that comes
//! second finds the first one's node and does the hand-over, in the memory that the first has lent, while
//! it holds the claim on the first one's wait: a value goes from one stack to the other, and only what
//! nobody waits for goes into the buffer. Without capacity (a rendezvous) there is no place in between;
//! Go's unbuffered channel does the same.
//!
//! Cost: a value that finds a receiver takes four read-modify-writes: a lock for each end, and two for the
//! receiver's wait. An end that finds nothing to do sees that by one load.
//!
//! Invariants, under the lock: an open receiver waits only while the buffer is empty, an open sender only
//! while it is full, and not both, unless that is one unit which selects among both ends; `shown` is
//! written only under the lock, and then says what is so.

use super::Flavor;
use crate::{
    error::{TryRecvError, TrySendError},
    lent::Lent,
    spin::TriesFirst,
    waiters::{Side, Waitable, Waiters},
};
use std::collections::VecDeque;
use vitte_wait::{
    Claimed, Outcome, ShortGuard, ShortLock, current,
    facade::{
        atomic::{AtomicUsize, Ordering::*},
        cell::UnsafeCell,
    },
};

/// In `shown`: nothing more comes in.
const CLOSED: usize = 1;
/// In `shown`: a sender may be waiting.
const SENDER: usize = 1 << 1;
/// In `shown`: a receiver may be waiting.
const RECEIVER: usize = 1 << 2;
/// In `shown`: one value. Above the flags is how many are inside.
const ONE: usize = 1 << 3;

/// See the [module documentation](self).
// On cache lines of its own: what is touched here is touched together.
#[repr(align(128))]
pub(crate) struct Few<T> {
    /// What an end can know without the lock: the flags, and how many values are inside.
    shown: AtomicUsize,
    capacity: usize,
    waiters: ShortLock<Waiters>,
    /// Guarded by the lock of `waiters`.
    values: UnsafeCell<VecDeque<T>>,
}

// SAFETY: a value goes from one thread to another, hence `T: Send`; the buffer is touched only under
// the lock.
unsafe impl<T: Send> Send for Few<T> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send> Sync for Few<T> {}

/// Where a value goes.
enum Way<'a> {
    /// To a receiver, at this place.
    Partner(Claimed, *mut ()),
    /// Into the buffer.
    Room(ShortGuard<'a, Waiters>),
    Full,
    Closed,
}

const fn flag_of(side: Side) -> usize {
    match side {
        Side::Senders => SENDER,
        Side::Receivers => RECEIVER,
    }
}

impl<T> Few<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            shown: AtomicUsize::new(0),
            capacity,
            waiters: ShortLock::default(),
            values: UnsafeCell::new(VecDeque::with_capacity(capacity)),
        }
    }

    /// Under the lock, so that a load and a store do.
    #[inline(always)]
    fn show(&self, shown: usize) {
        // Ordering: Release. Partner: the Acquire loads below, so that an end that is known to have
        // come before is seen.
        self.shown.store(shown, Release);
    }

    #[inline(always)]
    fn has_room(&self, shown: usize) -> bool {
        shown / ONE < self.capacity
    }

    /// The oldest waiter of `side` that can be claimed, and its payload.
    #[inline(always)]
    fn partner(&self, side: Side, waiters: &mut Waiters) -> Option<(Claimed, *mut ())> {
        let shown = self.shown.load(Relaxed);
        if shown & flag_of(side) == 0 {
            return None;
        }
        let queue = waiters.of(side);
        let partner = queue.pop(Outcome::Woken);
        if queue.is_empty() {
            self.show(shown & !flag_of(side));
        }
        partner
    }

    /// Where a value goes that is sent now.
    #[inline]
    fn admit(&self) -> Way<'_> {
        // Ordering: Acquire. Partner: the Release in `show`.
        match self.shown.load(Acquire) {
            shown if shown & CLOSED != 0 => return Way::Closed,
            shown if shown & RECEIVER == 0 && !self.has_room(shown) => return Way::Full,
            _ => {}
        }
        let mut waiters = self.waiters.lock();
        if let Some((claimed, payload)) = self.partner(Side::Receivers, &mut waiters) {
            return Way::Partner(claimed, payload);
        }
        match self.shown.load(Relaxed) {
            shown if shown & CLOSED != 0 => Way::Closed,
            shown if !self.has_room(shown) => Way::Full,
            _ => Way::Room(waiters),
        }
    }

    /// # Safety
    /// The lock is held.
    #[inline]
    unsafe fn push(&self, value: T) {
        // SAFETY: by the caller.
        self.values
            .with_mut(|values| unsafe { (*values).push_back(value) });
        self.show(self.shown.load(Relaxed) + ONE);
    }

    /// # Safety
    /// The lock is held.
    #[inline(always)]
    unsafe fn pop(&self) -> Option<T> {
        if self.shown.load(Relaxed) < ONE {
            return None;
        }
        self.show(self.shown.load(Relaxed) - ONE);
        // SAFETY: by the caller.
        self.values
            .with_mut(|values| unsafe { (*values).pop_front() })
    }

    /// Takes the oldest value, if there is one, and lets the sender that has waited longest put his in.
    #[inline(never)]
    fn try_recv_locked(&self) -> Result<T, TryRecvError> {
        let mut waiters = self.waiters.lock();
        // SAFETY: `waiters` holds the lock.
        let oldest = unsafe { self.pop() };
        let Some((claimed, payload)) = self.partner(Side::Senders, &mut waiters) else {
            return match oldest {
                Some(value) => Ok(value),
                None if self.is_closed() => Err(TryRecvError::Closed),
                None => Err(TryRecvError::Empty),
            };
        };
        // SAFETY: the payload of every sender's node here is a `Lent<T>`; we hold the claim.
        let next = unsafe { Lent::take(payload) };
        let next = next.expect("a sender that waits has lent its value");
        let value = match oldest {
            None => next,
            Some(value) => {
                // SAFETY: `waiters` holds the lock; there is room, for one has just gone.
                unsafe { self.push(next) };
                value
            }
        };
        drop(waiters);
        claimed.wake();
        Ok(value)
    }
}

impl<T> Waitable for Few<T> {
    fn waiters(&self) -> &ShortLock<Waiters> {
        &self.waiters
    }

    #[inline]
    fn arm(&self, side: Side, waiters: &mut Waiters) -> bool {
        let shown = self.shown.load(Relaxed);
        let (goes, partners) = match side {
            Side::Senders => (self.has_room(shown), Side::Receivers),
            Side::Receivers => (shown >= ONE, Side::Senders),
        };
        if goes || shown & CLOSED != 0 {
            return false;
        }
        if shown & flag_of(partners) != 0 {
            // One unit may select among both ends, and is no partner for itself.
            let partner = waiters.of(partners).peek_open_but(current::unit());
            if partner.is_some() {
                return false;
            }
        }
        self.show(shown | flag_of(side));
        true
    }

    #[inline]
    fn disarm(&self, side: Side) {
        self.show(self.shown.load(Relaxed) & !flag_of(side));
    }
}

impl<T> Flavor<T> for Few<T> {
    fn name(&self) -> &'static str {
        match self.capacity {
            0 => "rendezvous",
            _ => "bounded",
        }
    }

    fn tries_first(&self) -> TriesFirst {
        // Two that both look for the other would never meet; and who is queued is handed a value, where one that
        // only tries again takes one for each time that the other fills the buffer.
        TriesFirst::Nobody
    }

    /// Any number of producers may call this at once.
    #[inline]
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.admit() {
            Way::Partner(claimed, payload) => {
                // SAFETY: the payload of every receiver's node here is a `Lent<T>`; we hold the claim.
                unsafe { Lent::put(payload, value) };
                claimed.wake();
                Ok(())
            }
            Way::Room(waiters) => {
                // SAFETY: `waiters` holds the lock.
                unsafe { self.push(value) };
                drop(waiters);
                Ok(())
            }
            Way::Full => Err(TrySendError::Full(value)),
            Way::Closed => Err(TrySendError::Closed(value)),
        }
    }

    /// Any number of consumers may call this at once.
    // Always inlined: who finds nothing, as the receiver of a value that is yet to be sent does, makes no call for that.
    #[inline(always)]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        // Ordering: Acquire. Partner: the Release in `show`.
        match self.shown.load(Acquire) {
            shown if shown & SENDER != 0 || shown >= ONE => self.try_recv_locked(),
            shown if shown & CLOSED != 0 => Err(TryRecvError::Closed),
            _ => Err(TryRecvError::Empty),
        }
    }

    fn close(&self) {
        let woken = {
            let mut waiters = self.waiters.lock();
            self.show((self.shown.load(Relaxed) | CLOSED) & !(SENDER | RECEIVER));
            waiters.drain()
        };
        drop(woken);
    }

    fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `show`.
        self.shown.load(Acquire) & CLOSED != 0
    }

    fn len(&self) -> usize {
        // Ordering: Acquire. Partner: the Release in `show`.
        self.shown.load(Acquire) / ONE
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity)
    }
}
