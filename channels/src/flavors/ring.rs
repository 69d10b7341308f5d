//! One producer, one consumer: a ring of which each end owns its position.
//!
//! An end reads and writes its own position without any read-modify-write, and keeps a copy of the
//! other's, which it renews only when that shows nothing to do. Source of the ring: Lamport,
//! *Proving the correctness of multiprocess programs* (1977); of the copies: Lee, Bu and
//! Chandranmenon, *A lock-free, cache-efficient shared ring buffer for multi-core architectures*
//! (2009).
//!
//! Note \[Flags beside positions\]: an end must not go to sleep just as its partner makes something
//! to do, and here the partner's position is changed by a plain store, so the waiting flag cannot
//! lie in the same word. An end stores its position and then loads `flags`; a waiter stores its
//! flag (`arm`) and then loads the position. If both loads could pass the stores before them, the
//! partner would see no waiter and the waiter no change, and it would sleep for ever. So each has a
//! fence in between, and of the two fences one comes first: if the waiter's, the partner sees the
//! flag; if the partner's, the waiter sees the position. The end that works is frequent and passes
//! [`fence::light`], which costs nothing where the kernel helps; the waiter is rare and passes
//! [`fence::heavy`].
//!
//! Note \[Closing without a position\]: nothing can keep a producer from storing its position just
//! after the consumer closed, for it does so without asking. So closing has the shape of waiting:
//! raise `CLOSING`, pass the heavy fence, and take the position that is seen then for the `end`. The
//! producer looks at the flags after its store. Either the closer saw that store, and `end` is
//! behind the value; or the producer sees `CLOSING`, finds (under the lock) that `end` is before
//! its value, and takes it back, for the consumer goes no further than `end`. He who closes may be neither of the two, and
//! then the consumer may see such a value, too. So it looks at the flags after the position, with a light fence in between: if the
//! closer did not see the store of which the consumer has seen the value, the consumer sees `CLOSING`, and asks for `end`.
//!
//! Invariants: only the producer writes `tail`, only the consumer writes `head`; `head` is at most
//! `end`, and `tail` at most a capacity ahead of `head`; `flags` and `end` are written only under
//! the lock, and `end` before `CLOSED` is raised.

use super::Flavor;
use crate::{
    error::{TryRecvError, TrySendError},
    padded::Padded,
    spin::TriesFirst,
    unsent::Unsent,
    waiters::{Side, Waitable, Waiters, wake_one},
};
use std::mem::MaybeUninit;
use vitte_wait::{
    ShortLock,
    facade::{
        atomic::{AtomicU32, AtomicUsize, Ordering::*},
        cell::UnsafeCell,
    },
    fence,
};

/// The producer waits.
const SENDER: u32 = 1;
/// The consumer waits.
const RECEIVER: u32 = 1 << 1;
/// What the producer has not published yet it must ask about.
const CLOSING: u32 = 1 << 2;
/// `end` is valid.
const CLOSED: u32 = 1 << 3;

/// What an end writes as it gets on, on cache lines of its own.
#[derive(Default)]
struct End {
    /// How many values it has put in, or taken out. Written by it alone.
    position: AtomicUsize,
    /// Where it last saw the other end. It alone uses this.
    other: AtomicUsize,
}

/// See the [module documentation](self).
pub(crate) struct Ring<T> {
    /// The producer's.
    tail: Padded<End>,
    /// The consumer's.
    head: Padded<End>,
    /// Where values end for the consumer, once `CLOSED`.
    end: AtomicUsize,
    /// Who waits, and whether it is closed.
    flags: AtomicU32,
    capacity: usize,
    /// A power of two of them, so that a position becomes an index by masking.
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    waiters: Padded<ShortLock<Waiters>>,
}

// SAFETY: values go in on one thread and come out on another, hence `T: Send`. The producer touches
// slots from `tail` to a capacity after `head`, the consumer those from `head` to `tail`.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// # Panics
    /// If `capacity` is zero, or too large for the address space.
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0 && capacity <= usize::MAX >> 4,
            "a capacity of {capacity} is out of range"
        );
        fence::prepare();
        Self {
            tail: Padded::default(),
            head: Padded::default(),
            end: AtomicUsize::new(0),
            flags: AtomicU32::new(0),
            capacity,
            slots: (0..capacity.next_power_of_two())
                .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
                .collect(),
            waiters: Padded::default(),
        }
    }

    #[inline]
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        let index = position & (self.slots.len() - 1);
        // SAFETY: the number of slots is a power of two, so the mask keeps the index below it.
        unsafe { self.slots.get_unchecked(index) }
    }

    /// # Safety
    /// The caller is the producer, and `position` is from `tail` to a capacity after `head`.
    #[inline]
    unsafe fn put(&self, position: usize, value: T) {
        let slot = self.slot(position);
        // SAFETY: by the caller the slot is the producer's.
        slot.with_mut(|cell| unsafe { (*cell).write(value) });
    }

    /// # Safety
    /// The slot at `position` was filled, is the caller's, and will not be emptied again.
    #[inline]
    unsafe fn take(&self, position: usize) -> T {
        let slot = self.slot(position);
        // SAFETY: by the caller.
        slot.with_mut(|cell| unsafe { (*cell).assume_init_read() })
    }

    /// How many slots are free from `tail` on; exact if it is fewer than `wanted`. For the producer.
    #[inline]
    fn room(&self, tail: usize, wanted: usize) -> usize {
        let known = self.tail.other.load(Relaxed);
        let room = self.capacity - tail.wrapping_sub(known);
        if room >= wanted {
            return room;
        }
        // Ordering: Acquire. Partner: the Release in `advance`, after which the values are out.
        let head = self.head.position.load(Acquire);
        self.tail.other.store(head, Relaxed);
        self.capacity - tail.wrapping_sub(head)
    }

    /// How many slots are filled from `head` on, exact if it is fewer than `wanted`; or why there
    /// are none. For the consumer.
    #[inline]
    fn filled(&self, head: usize, wanted: usize) -> Result<usize, TryRecvError> {
        let known = self.head.other.load(Relaxed);
        let filled = known.wrapping_sub(head);
        if filled >= wanted {
            return Ok(filled);
        }
        // Ordering: Acquire. Partner: the Release in `set_flags`, with which came `end`.
        let mut closed = self.flags.load(Acquire) & CLOSED != 0;
        let mut tail = 0;
        if !closed {
            // Ordering: Acquire. Partner: the Release in `show`, with which came the values.
            tail = self.tail.position.load(Acquire);
            fence::light();
            // Ordering: Relaxed after the fence: Note [Closing without a position].
            closed = self.flags.load(Relaxed) & CLOSING != 0;
            if closed {
                self.wait_for_end();
            }
        }
        if closed {
            tail = self.end.load(Relaxed);
        }
        self.head.other.store(tail, Relaxed);
        match tail.wrapping_sub(head) {
            0 if closed => Err(TryRecvError::Closed),
            0 => Err(TryRecvError::Empty),
            filled => Ok(filled),
        }
    }

    /// Returns when whoever closes has said where values end.
    #[cold]
    #[inline(never)]
    fn wait_for_end(&self) {
        drop(self.waiters.lock());
    }

    /// Lets the consumer see the values before `to`; then the producer [settles](Self::settle). For the producer.
    #[inline]
    fn show(&self, to: usize) {
        // Ordering: Release. Partner: the Acquire in `filled`.
        self.tail.position.store(to, Release);
    }

    /// Wakes the consumer, if it waits for what was shown. How many of the last `mine` values it will never see: they are the
    /// producer's again. For the producer.
    #[inline]
    fn settle(&self, mine: usize) -> usize {
        fence::light();
        // Ordering: Relaxed after the fence: Note [Flags beside positions].
        if self.flags.load(Relaxed) & (RECEIVER | CLOSING) == 0 {
            return 0;
        }
        self.settle_slowly(mine)
    }

    #[cold]
    #[inline(never)]
    fn settle_slowly(&self, mine: usize) -> usize {
        {
            let _waiters = self.waiters.lock();
            if self.flags.load(Relaxed) & CLOSED != 0 {
                // Note [Closing without a position].
                let tail = self.tail.position.load(Relaxed);
                let refused = tail.wrapping_sub(self.end.load(Relaxed)).min(mine);
                self.tail
                    .position
                    .store(tail.wrapping_sub(refused), Relaxed);
                return refused;
            }
        }
        wake_one(self, Side::Receivers);
        0
    }

    /// Gives slots back to the producer. For the consumer.
    #[inline]
    fn advance(&self, to: usize) {
        // Ordering: Release. Partner: the Acquire in `room`.
        self.head.position.store(to, Release);
        fence::light();
        // Ordering: Relaxed after the fence: Note [Flags beside positions].
        if self.flags.load(Relaxed) & SENDER != 0 {
            wake_one(self, Side::Senders);
        }
    }

    /// Changes the flags. Under the lock, so that a load and a store do.
    fn set_flags(&self, raise: u32, lower: u32) {
        let now = self.flags.load(Relaxed);
        // Ordering: Release. Partner: the Acquire in `filled`.
        self.flags.store((now | raise) & !lower, Release);
    }

    /// `by_producer`: the caller is the producer, so that nothing is on its way.
    fn close_by(&self, by_producer: bool) {
        let woken = {
            let mut waiters = self.waiters.lock();
            if self.flags.load(Relaxed) & CLOSING != 0 {
                return;
            }
            if !by_producer {
                self.set_flags(CLOSING, 0);
                fence::heavy();
            }
            // Ordering: Acquire. Partner: the Release in `show`.
            self.end.store(self.tail.position.load(Acquire), Relaxed);
            let woken = waiters.drain();
            self.set_flags(CLOSING | CLOSED, SENDER | RECEIVER);
            woken
        };
        drop(woken);
    }
}

/// Values that the producer has shown and not settled yet. Unwind: that is done then, and what is refused is dropped.
struct Run<'a, T> {
    ring: &'a Ring<T>,
    count: usize,
}

impl<T> Run<'_, T> {
    /// Settles; gives back what was shown after the channel was closed.
    fn settle<I>(&mut self, values: &mut Unsent<I>) -> Result<(), TrySendError<()>>
    where
        I: Iterator<Item = T>,
    {
        let count = self.count;
        let back = self.settle_or_take();
        values.went(count - back.len());
        if back.is_empty() {
            return Ok(());
        }
        values.put_back_all(back);
        Err(TrySendError::Closed(()))
    }

    fn settle_or_take(&mut self) -> Vec<T> {
        let refused = self.ring.settle(std::mem::take(&mut self.count));
        let first = self.ring.tail.position.load(Relaxed);
        // SAFETY: we have filled these slots, and they are ours again.
        let take = |offset| unsafe { self.ring.take(first.wrapping_add(offset)) };
        (0..refused).map(take).collect()
    }
}

impl<T> Drop for Run<'_, T> {
    fn drop(&mut self) {
        if self.count > 0 {
            drop(self.settle_or_take());
        }
    }
}

const fn flag_of(side: Side) -> u32 {
    match side {
        Side::Senders => SENDER,
        Side::Receivers => RECEIVER,
    }
}

impl<T> Waitable for Ring<T> {
    fn waiters(&self) -> &ShortLock<Waiters> {
        &self.waiters
    }

    fn arm(&self, side: Side, _: &mut Waiters) -> bool {
        self.set_flags(flag_of(side), 0);
        fence::heavy();
        // Ordering: Acquire, both. Partner: the Release of the other end. Ours is what we left.
        let head = self.head.position.load(Acquire);
        let tail = self.tail.position.load(Acquire);
        let inside = match side {
            Side::Senders => self.capacity,
            Side::Receivers => 0,
        };
        self.flags.load(Relaxed) & CLOSING == 0 && tail.wrapping_sub(head) == inside
    }

    fn disarm(&self, side: Side) {
        self.set_flags(0, flag_of(side));
    }
}

impl<T> Flavor<T> for Ring<T> {
    fn name(&self) -> &'static str {
        "ring"
    }

    /// A waiter makes the kernel interrupt its partner, so a fiber gives way first.
    fn tries_first(&self) -> TriesFirst {
        TriesFirst::Everybody
    }

    /// # Safety
    /// The caller is the only producer at this moment.
    #[inline]
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.flags.load(Relaxed) & CLOSING != 0 {
            return Err(TrySendError::Closed(value));
        }
        let tail = self.tail.position.load(Relaxed);
        if self.room(tail, 1) == 0 {
            return Err(TrySendError::Full(value));
        }
        // SAFETY: the caller is the producer, and there is room for one.
        unsafe { self.put(tail, value) };
        self.show(tail.wrapping_add(1));
        match self.settle(1) {
            0 => Ok(()),
            // SAFETY: we have filled it, and it is ours again.
            _ => Err(TrySendError::Closed(unsafe { self.take(tail) })),
        }
    }

    /// # Safety
    /// The caller is the only consumer at this moment.
    #[inline]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        let head = self.head.position.load(Relaxed);
        self.filled(head, 1)?;
        // SAFETY: the caller is the consumer, the slot is filled, and we advance past it.
        let value = unsafe { self.take(head) };
        self.advance(head.wrapping_add(1));
        Ok(value)
    }

    unsafe fn try_send_many<I: Iterator<Item = T>>(
        &self,
        values: &mut Unsent<I>,
    ) -> Result<(), TrySendError<()>> {
        let mut run = Run {
            ring: self,
            count: 0,
        };
        let mut result = Ok(());
        let mut promised = values.promised();
        while let Some(value) = values.next() {
            // Looked up for each value, and each is shown at once: the iterator may have sent something here itself.
            let tail = self.tail.position.load(Relaxed);
            let refusal = if self.flags.load(Relaxed) & CLOSING != 0 {
                Some(TrySendError::Closed(()))
            } else if self.room(tail, 1) == 0 {
                Some(TrySendError::Full(()))
            } else {
                None
            };
            if let Some(refusal) = refusal {
                values.put_back(value);
                result = Err(refusal);
                break;
            }
            // SAFETY: the caller is the producer, and there is room for one.
            unsafe { self.put(tail, value) };
            self.show(tail.wrapping_add(1));
            run.count += 1;
            promised -= 1;
            if promised == 0 {
                run.settle(values)?;
                promised = values.promised();
            }
        }
        run.settle(values).and(result)
    }

    unsafe fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        let head = self.head.position.load(Relaxed);
        let count = self.filled(head, limit)?.min(limit);
        into.reserve(count);
        for offset in 0..count {
            // SAFETY: the caller is the consumer, the slot is filled, and we advance past it; nothing
            // unwinds before, for there is room for the value.
            into.push(unsafe { self.take(head.wrapping_add(offset)) });
        }
        self.advance(head.wrapping_add(count));
        Ok(count)
    }

    fn close(&self) {
        self.close_by(false);
    }

    unsafe fn last_sender_goes(&self) {
        self.close_by(true);
    }

    fn is_closed(&self) -> bool {
        self.flags.load(Relaxed) & CLOSING != 0
    }

    fn len(&self) -> usize {
        // Ordering: Acquire, here and below, so that each is read before the next. Partner: whoever
        // moves them.
        let tail = || match self.flags.load(Acquire) & CLOSED {
            0 => self.tail.position.load(Acquire),
            _ => self.end.load(Acquire),
        };
        loop {
            let seen = tail();
            let head = self.head.position.load(Acquire);
            // Both belong to one moment if the tail did not move in between.
            if tail() == seen {
                return seen.wrapping_sub(head);
            }
        }
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity)
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the channel any more.
        while unsafe { self.try_recv() }.is_ok() {}
    }
}
