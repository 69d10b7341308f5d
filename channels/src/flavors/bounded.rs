//! Capacity of one or more: a ring of stamped slots.
//!
//! The algorithm is Dmitry Vyukov's bounded MPMC queue, with laps counted in the upper bits of the
//! positions as in crossbeam-channel's array flavor; the waiting flags are this project's, see
//! Note [Waiting flags]. Whoever finds a waiter of the other kind does that waiter's operation for
//! it, so that it returns with its work done and does not have to look again.
//!
//! ```text
//! head, tail:  | lap | index | waits | closed |      stamp:  | lap | index | 0 | written |
//! ```
//! A slot whose stamp is position `p` is free for the sender that gets `p`; with `WRITTEN` added it
//! is full for the receiver that gets `p`; after that it is free for `p` one lap later.
//!
//! Invariants: only senders advance `tail`, only receivers advance `head`; `tail` is at most one
//! lap ahead; `CLOSED` (in `tail`) is raised once and no position is given to a sender after it.

use super::Flavor;
use crate::{
    error::{TryRecvError, TrySendError},
    lent::Lent,
    padded::Padded,
    spin::{Spin, TriesFirst},
    unsent::Unsent,
    waiters::{Side, Waitable, Waiters},
};
use std::mem::MaybeUninit;
use vitte_wait::{
    Claimed, Outcome, ShortLock,
    facade::{
        atomic::{AtomicUsize, Ordering::*},
        cell::UnsafeCell,
    },
};

/// In `tail`: nothing more comes in.
const CLOSED: usize = 1;
/// In `tail`: a receiver waits. In `head`: a sender waits.
pub(super) const WAITS: usize = 1 << 1;
/// What is not position, in `head` and `tail`.
pub(super) const FLAGS: usize = CLOSED | WAITS;
/// One position further.
const ONE: usize = 1 << 2;
/// In a stamp: the slot holds a value.
pub(super) const WRITTEN: usize = 1;

pub(super) struct Slot<T> {
    pub(super) stamp: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// See the [module documentation](self).
pub(crate) struct Bounded<T> {
    /// Where the next value comes out, and whether a sender waits.
    pub(super) head: Padded<AtomicUsize>,
    /// Where the next value goes in, whether a receiver waits, and whether the channel is closed.
    pub(super) tail: Padded<AtomicUsize>,
    slots: Box<[Slot<T>]>,
    /// One lap further: a power of two above every index.
    pub(super) lap: usize,
    waiters: Padded<ShortLock<Waiters>>,
}

// SAFETY: values go in on one thread and come out on another, hence `T: Send`. A slot's value is
// touched only by the one party that won the slot's position, ordered by the slot's stamp.
unsafe impl<T: Send> Send for Bounded<T> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send> Sync for Bounded<T> {}

/// A slot that is ours until we write its stamp.
pub(super) struct Place<'a, T> {
    pub(super) slot: &'a Slot<T>,
    pub(super) position: usize,
    /// Whether a unit of the other side waited when we took the slot.
    pub(super) waits: bool,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Full for a sender, empty for a receiver; or, if asked not to wait, another party is
    /// between two steps.
    NotNow,
    Closed,
}

impl<T> Bounded<T> {
    /// # Panics
    /// If `capacity` is zero, or too large for the address space.
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0 && capacity <= usize::MAX >> 4,
            "a capacity of {capacity} is out of range"
        );
        Self {
            head: Padded(AtomicUsize::new(0)),
            tail: Padded(AtomicUsize::new(0)),
            slots: (0..capacity)
                .map(|index| Slot {
                    stamp: AtomicUsize::new(index * ONE),
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                })
                .collect(),
            lap: (capacity * ONE).next_power_of_two(),
            waiters: Padded::default(),
        }
    }

    #[inline]
    pub(super) fn slot(&self, position: usize) -> &Slot<T> {
        let index = (position & (self.lap - 1)) / ONE;
        debug_assert!(index < self.slots.len());
        // SAFETY: `after` gives out only positions whose index is below the number of slots.
        unsafe { self.slots.get_unchecked(index) }
    }

    #[inline]
    pub(super) fn after(&self, position: usize) -> usize {
        if (position & (self.lap - 1)) / ONE + 1 < self.slots.len() {
            position + ONE
        } else {
            (position & !(self.lap - 1)).wrapping_add(self.lap)
        }
    }

    /// Takes the next free slot. `PATIENT`: waits for a receiver that is half-way through.
    #[inline]
    pub(super) fn reserve<const PATIENT: bool>(&self) -> Result<Place<'_, T>, Refusal> {
        let mut spin = Spin::new();
        let mut tail = self.tail.load(Relaxed);
        loop {
            if tail & CLOSED != 0 {
                return Err(Refusal::Closed);
            }
            let position = tail & !FLAGS;
            let slot = self.slot(position);
            // Ordering: Acquire. Partner: the Release in `Place::take`, after which the slot's
            // old value is out.
            let stamp = slot.stamp.load(Acquire);
            if stamp == position {
                let next = self.after(position) | (tail & FLAGS);
                // Ordering: AcqRel. A link in the chain of changes of `tail`, by which a waiting
                // receiver and we learn of each other: Note [Waiting flags]. Partner: `arm`.
                match self.tail.compare_exchange_weak(tail, next, AcqRel, Relaxed) {
                    Ok(_) => {
                        return Ok(Place {
                            slot,
                            position,
                            waits: tail & WAITS != 0,
                        });
                    }
                    Err(now) => {
                        tail = now;
                        spin.contended();
                        continue;
                    }
                }
            }
            let previous = position.wrapping_sub(self.lap);
            if stamp == previous | WRITTEN {
                // Ordering: Acquire. Partner: the AcqRel in `claim`; a receiver whose value was
                // seen by our caller has moved on for us too.
                let head = self.head.load(Acquire);
                if head & !FLAGS == previous || !PATIENT {
                    return Err(Refusal::NotNow);
                }
                spin.unfinished();
            } else {
                // Another sender has taken this position since we looked.
                spin.contended();
            }
            tail = self.tail.load(Relaxed);
        }
    }

    /// Takes the next full slot. `PATIENT`: waits for a sender that is half-way through.
    #[inline]
    pub(super) fn claim<const PATIENT: bool>(&self) -> Result<Place<'_, T>, Refusal> {
        let mut spin = Spin::new();
        let mut head = self.head.load(Relaxed);
        loop {
            let position = head & !FLAGS;
            let slot = self.slot(position);
            // Ordering: Acquire. Partner: the Release in `Place::put`, with which came the value.
            let stamp = slot.stamp.load(Acquire);
            if stamp == position | WRITTEN {
                let next = self.after(position) | (head & FLAGS);
                // Ordering: AcqRel. As in `reserve`, for waiting senders.
                match self.head.compare_exchange_weak(head, next, AcqRel, Relaxed) {
                    Ok(_) => {
                        return Ok(Place {
                            slot,
                            position,
                            waits: head & WAITS != 0,
                        });
                    }
                    Err(now) => {
                        head = now;
                        spin.contended();
                        continue;
                    }
                }
            }
            if stamp == position {
                // Ordering: Acquire. Partner: the AcqRel in `reserve` and in `close`; what our
                // caller knows to be sent is reserved for us too.
                let tail = self.tail.load(Acquire);
                if tail & !FLAGS == position {
                    return Err(if tail & CLOSED != 0 {
                        Refusal::Closed
                    } else {
                        Refusal::NotNow
                    });
                }
                if !PATIENT {
                    return Err(Refusal::NotNow);
                }
                spin.unfinished();
            } else {
                // Another receiver has taken this position since we looked.
                spin.contended();
            }
            head = self.head.load(Relaxed);
        }
    }

    /// Does for waiters of `side` what can now be done, and wakes them.
    ///
    /// Liveness: every advance that saw the flag takes one waiter out, or finds none open; a
    /// waiter whose operation cannot be done for it is woken all the same and looks for itself.
    #[cold]
    #[inline(never)]
    pub(super) fn serve(&self, mut side: Side) {
        loop {
            let mut waiters = self.waiters.lock();
            let (claimed, other_waits) = match side {
                Side::Receivers => self.serve_receiver(&mut waiters),
                Side::Senders => self.serve_sender(&mut waiters),
            };
            if waiters.of(side).is_empty() {
                self.disarm(side);
            }
            drop(waiters);
            drop(claimed);
            if !other_waits {
                return;
            }
            side = match side {
                Side::Receivers => Side::Senders,
                Side::Senders => Side::Receivers,
            };
        }
    }

    fn serve_receiver(&self, waiters: &mut Waiters) -> (Option<Claimed>, bool) {
        let Some((claimed, payload)) = waiters.of(Side::Receivers).pop(Outcome::Woken) else {
            return (None, false);
        };
        let Ok(place) = self.claim::<false>() else {
            return (Some(claimed), false);
        };
        let waits = place.waits;
        // SAFETY: `claim` gave us the place of a written slot.
        let value = unsafe { place.take(self.lap) };
        // SAFETY: the payload of every receiver's node here is a `Lent<T>`; we hold the claim.
        unsafe { Lent::put(payload, value) };
        (Some(claimed), waits)
    }

    fn serve_sender(&self, waiters: &mut Waiters) -> (Option<Claimed>, bool) {
        let Some((claimed, payload)) = waiters.of(Side::Senders).pop(Outcome::Woken) else {
            return (None, false);
        };
        let Ok(place) = self.reserve::<false>() else {
            return (Some(claimed), false);
        };
        let waits = place.waits;
        // SAFETY: the payload of every sender's node here is a `Lent<T>`; we hold the claim.
        let value = unsafe { Lent::take(payload) };
        place.put(value.expect("a sender that waits has lent its value"));
        (Some(claimed), waits)
    }
}

impl<T> Place<'_, T> {
    /// Fills a slot that `reserve` gave us.
    #[inline]
    pub(super) fn put(self, value: T) {
        // SAFETY: the slot is ours from winning its position to writing its stamp.
        self.slot
            .value
            .with_mut(|cell| unsafe { (*cell).write(value) });
        // Ordering: Release. Partner: the Acquire in `claim`.
        self.slot.stamp.store(self.position | WRITTEN, Release);
    }

    /// Empties a slot.
    ///
    /// # Safety
    /// The place came from `claim`.
    #[inline]
    pub(super) unsafe fn take(self, lap: usize) -> T {
        // SAFETY: the slot is ours, and its sender has written it.
        let value = self
            .slot
            .value
            .with_mut(|cell| unsafe { (*cell).assume_init_read() });
        // Ordering: Release. Partner: the Acquire in `reserve`.
        self.slot
            .stamp
            .store(self.position.wrapping_add(lap), Release);
        value
    }
}

impl<T> Waitable for Bounded<T> {
    fn waiters(&self) -> &ShortLock<Waiters> {
        &self.waiters
    }

    fn arm(&self, side: Side, _: &mut Waiters) -> bool {
        match side {
            Side::Senders => {
                // Ordering: AcqRel. Partner: the AcqRel of `claim`: Note [Waiting flags].
                let head = self.head.fetch_or(WAITS, AcqRel);
                // `close` raises its flag under the lock that we hold, so we cannot miss it. A
                // position that is out of date looks like room, and we only try again.
                let tail = self.tail.load(Acquire);
                tail & CLOSED == 0 && tail & !FLAGS == (head & !FLAGS).wrapping_add(self.lap)
            }
            Side::Receivers => {
                // Ordering: AcqRel. Partner: the AcqRel of `reserve`: Note [Waiting flags].
                let tail = self.tail.fetch_or(WAITS, AcqRel);
                let head = self.head.load(Acquire);
                tail & CLOSED == 0 && tail & !FLAGS == head & !FLAGS
            }
        }
    }

    fn disarm(&self, side: Side) {
        let word = match side {
            Side::Senders => &self.head,
            Side::Receivers => &self.tail,
        };
        // Ordering: AcqRel. Keeps the chain of changes whole for `arm`.
        word.fetch_and(!WAITS, AcqRel);
    }
}

impl<T> Flavor<T> for Bounded<T> {
    fn name(&self) -> &'static str {
        "bounded"
    }

    fn tries_first(&self) -> TriesFirst {
        TriesFirst::Threads
    }

    /// Any number of producers may call this at once.
    #[inline]
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.reserve::<true>() {
            Ok(place) => {
                let waits = place.waits;
                place.put(value);
                if waits {
                    self.serve(Side::Receivers);
                }
                Ok(())
            }
            Err(Refusal::NotNow) => Err(TrySendError::Full(value)),
            Err(Refusal::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Any number of consumers may call this at once.
    #[inline]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.claim::<true>() {
            Ok(place) => {
                let waits = place.waits;
                // SAFETY: the place came from `claim`.
                let value = unsafe { place.take(self.lap) };
                if waits {
                    self.serve(Side::Senders);
                }
                Ok(value)
            }
            Err(Refusal::NotNow) => Err(TryRecvError::Empty),
            Err(Refusal::Closed) => Err(TryRecvError::Closed),
        }
    }

    unsafe fn try_send_many<I: Iterator<Item = T>>(
        &self,
        values: &mut Unsent<I>,
    ) -> Result<(), TrySendError<()>> {
        self.send_run(values)
    }

    unsafe fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        self.recv_run(into, limit)
    }

    fn close(&self) {
        let woken = {
            let mut waiters = self.waiters.lock();
            // Ordering: AcqRel. Partner: the Acquire in `claim`; also a link in the chain of
            // changes, after which no position is given out.
            if self.tail.fetch_or(CLOSED, AcqRel) & CLOSED != 0 {
                return;
            }
            let woken = waiters.drain();
            self.disarm(Side::Senders);
            self.disarm(Side::Receivers);
            woken
        };
        drop(woken);
    }

    fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: `close`.
        self.tail.load(Acquire) & CLOSED != 0
    }

    fn len(&self) -> usize {
        let index = |position: usize| (position & (self.lap - 1)) / ONE;
        loop {
            // Ordering: Acquire, so that each is read before the next. Partner: whoever moves them.
            let tail = self.tail.load(Acquire) & !FLAGS;
            let head = self.head.load(Acquire) & !FLAGS;
            // Both belong to one moment if the tail did not move in between.
            if self.tail.load(Acquire) & !FLAGS != tail {
                continue;
            }
            return if tail == head {
                0
            } else if tail == head.wrapping_add(self.lap) {
                self.slots.len()
            } else if index(head) < index(tail) {
                index(tail) - index(head)
            } else {
                self.slots.len() - index(head) + index(tail)
            };
        }
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.slots.len())
    }
}

impl<T> Drop for Bounded<T> {
    fn drop(&mut self) {
        // Nobody is left who could be half-way through.
        while let Ok(place) = self.claim::<false>() {
            // SAFETY: the place came from `claim`.
            drop(unsafe { place.take(self.lap) });
        }
    }
}
