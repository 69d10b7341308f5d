//! A capacity of few values, or of none: everything under one short lock.
//!
//! Where little fits in, nearly every value is waited for, by a receiver or with a sender, and then a
//! ring that both ends work on without a lock only adds to what a wait costs. Here the end that comes
//! second finds the first one's node and does the hand-over, in the memory that the first has lent, before
//! the first can go on: a value goes from one stack to the other, and only what
//! nobody waits for goes into the buffer. Without capacity (a rendezvous) there is no place in between;
//! Go's unbuffered channel does the same.
//!
//! Cost: a value that finds a receiver takes four read-modify-writes: a lock for each end, and two for the
//! receiver's wait, or one if that is a thread that does not sleep yet. An end that finds nothing to do sees that by one
//! load. Between two threads nearly all of the time goes into moving cache lines from core to core, so only three are
//! touched: one with what both ends change here, one with what the waiter shows and lends, and one with its wait word.
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
    Claimed, ShortLock, Unit, ahead,
    current::{self, Here},
    facade::{
        atomic::{AtomicUsize, Ordering::*},
        cell::UnsafeCell,
        plain::AtomicPtr as PlainPtr,
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
// On cache lines of its own, for its fields are touched together; those that a rendezvous touches are in the first line.
#[repr(C, align(128))]
pub(crate) struct Few<T> {
    /// What an end can know without the lock: the flags, and how many values are inside.
    shown: AtomicUsize,
    waiters: ShortLock<Waiters>,
    /// Guarded by the lock of `waiters`.
    values: UnsafeCell<VecDeque<T>>,
    capacity: usize,
    /// Who has queued up last: only a hint which cache line to fetch ahead, so it may be out of date.
    newest: PlainPtr<Unit>,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(std::mem::offset_of!(Few<u64>, values) == 64);

// SAFETY: a value goes from one thread to another, hence `T: Send`; the buffer is touched only under
// the lock.
unsafe impl<T: Send> Send for Few<T> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send> Sync for Few<T> {}

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
            waiters: ShortLock::default(),
            values: UnsafeCell::new(VecDeque::with_capacity(capacity)),
            capacity,
            newest: PlainPtr::default(),
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

    /// Exchanges what is in `own` with what the oldest waiter of `side` lends. `None`: nobody waits there.
    /// `Some(Some(claim))`: the waiter goes on when the claim is dropped, which is to be done after the lock is released.
    /// `Some(None)`: it goes on already.
    #[inline(always)]
    fn exchange(
        &self,
        here: Here,
        side: Side,
        waiters: &mut Waiters,
        own: &mut Option<T>,
    ) -> Option<Option<Claimed>> {
        let shown = self.shown.load(Relaxed);
        if shown & flag_of(side) == 0 {
            return None;
        }
        // Mostly only one waits, and then this is the oldest, too.
        ahead::fetch_to_write(self.newest.load(Relaxed));
        let queue = waiters.of(side);
        // SAFETY: the payload of every node here is a `Lent<T>`.
        let exchange = |payload| unsafe { Lent::exchange(payload, own) };
        let partner = queue.exchange_with_oldest(here, exchange);
        if queue.is_empty() {
            self.show(shown & !flag_of(side));
        }
        partner
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
        // SAFETY: nothing here suspends.
        let here = unsafe { current::here() };
        let mut waiters = self.waiters.lock_here(here);
        // SAFETY: `waiters` holds the lock.
        let oldest = unsafe { self.pop() };
        let mut next = None;
        let Some(claimed) = self.exchange(here, Side::Senders, &mut waiters, &mut next) else {
            return match oldest {
                Some(value) => Ok(value),
                None if self.is_closed() => Err(TryRecvError::Closed),
                None => Err(TryRecvError::Empty),
            };
        };
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
        if let Some(claimed) = claimed {
            claimed.wake_here(here);
        }
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
    fn queued(&self, unit: &'static Unit) {
        self.newest
            .store(std::ptr::from_ref(unit).cast_mut(), Relaxed);
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
        // Whoever finds a partner writes here, for it takes the lock.
        ahead::fetch_to_write(self);
        // Ordering: Acquire. Partner: the Release in `show`.
        match self.shown.load(Acquire) {
            shown if shown & CLOSED != 0 => return Err(TrySendError::Closed(value)),
            shown if shown & RECEIVER == 0 && !self.has_room(shown) => {
                return Err(TrySendError::Full(value));
            }
            _ => {}
        }
        // SAFETY: nothing here suspends.
        let here = unsafe { current::here() };
        let mut waiters = self.waiters.lock_here(here);
        let mut own = Some(value);
        let partner = self.exchange(here, Side::Receivers, &mut waiters, &mut own);
        let Some(value) = own else {
            drop(waiters);
            if let Some(Some(claimed)) = partner {
                claimed.wake_here(here);
            }
            return Ok(());
        };
        match self.shown.load(Relaxed) {
            shown if shown & CLOSED != 0 => Err(TrySendError::Closed(value)),
            shown if !self.has_room(shown) => Err(TrySendError::Full(value)),
            _ => {
                // SAFETY: `waiters` holds the lock.
                unsafe { self.push(value) };
                Ok(())
            }
        }
    }

    /// Any number of consumers may call this at once.
    // Always inlined: who finds nothing, as the receiver of a value that is yet to be sent does, makes no call for that.
    #[inline(always)]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        // Whoever finds a partner writes here, for it takes the lock.
        ahead::fetch_to_write(self);
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
