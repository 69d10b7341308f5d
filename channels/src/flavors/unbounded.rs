//! No limit: linked blocks of slots.
//!
//! The senders' half is the algorithm of crossbeam-channel's list flavor. The receiver's half is
//! simpler, because there is one consumer: it owns its position, so receiving takes no
//! read-modify-write, and a block is free once its last slot was read. The waiting flag is this
//! project's, see Note [Waiting flags]. One used-up block is kept for the senders to use again.
//!
//! ```text
//! tail:  | block | slot, or LINKING | waits | closed |        head:  | block | slot |
//! ```
//!
//! Invariants: only senders advance `tail`, only the consumer advances `head`; the sender that
//! takes a block's last slot links the next block before it writes that slot; `CLOSED` is raised
//! once and no position is given to a sender after it.

use super::{
    Flavor,
    block::{Block, SLOTS},
};
use crate::{
    error::{TryRecvError, TrySendError},
    padded::Padded,
    spin::Spin,
    waiters::{Side, Waitable, Waiters},
};
use std::{marker::PhantomData, ptr};
use vitte_wait::{
    Outcome,
    facade::{
        Mutex,
        atomic::{AtomicPtr, AtomicUsize, Ordering::*},
    },
};

/// In `tail`: nothing more comes in.
const CLOSED: usize = 1;
/// In `tail`: the receiver waits.
const WAITS: usize = 1 << 1;
const FLAGS: usize = CLOSED | WAITS;
/// One position further.
const ONE: usize = 1 << 2;
/// Positions in a block, the one that stands for linking included.
const LAP: usize = SLOTS + 1;
/// The slot number that means: the next block is being linked.
const LINKING: usize = SLOTS;
const _: () = assert!(LAP.is_power_of_two(), "positions wrap around");

const fn slot_of(position: usize) -> usize {
    position / ONE % LAP
}

/// How many slots come before `position`, of which one in a lap is none.
const fn ordinal(position: usize) -> usize {
    position / ONE - position / ONE / LAP
}

/// A position and its block.
struct End<T> {
    position: AtomicUsize,
    /// Null until the first value is sent.
    block: AtomicPtr<Block<T>>,
}

impl<T> End<T> {
    fn new() -> Padded<Self> {
        Padded(Self {
            position: AtomicUsize::new(0),
            block: AtomicPtr::new(ptr::null_mut()),
        })
    }
}

/// See the [module documentation](self).
pub(crate) struct Unbounded<T> {
    /// Where the next value comes out. Written by the consumer (its block first by a sender).
    head: Padded<End<T>>,
    /// Where the next value goes in. Written by senders; the flags also under the lock.
    tail: Padded<End<T>>,
    /// A block that was used up, for the next sender that needs one; or null.
    spare: AtomicPtr<Block<T>>,
    waiters: Padded<Mutex<Waiters>>,
    _owns: PhantomData<T>,
}

// SAFETY: values go in on one thread and come out on another, hence `T: Send`. A slot is touched
// only by the sender that won its position and then by the one consumer, ordered by `written`.
unsafe impl<T: Send> Send for Unbounded<T> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send> Sync for Unbounded<T> {}

impl<T> Unbounded<T> {
    pub(crate) fn new() -> Self {
        Self {
            head: End::new(),
            tail: End::new(),
            spare: AtomicPtr::new(ptr::null_mut()),
            waiters: Padded::default(),
            _owns: PhantomData,
        }
    }

    fn new_block(&self) -> Box<Block<T>> {
        // Ordering: Acquire. Partner: the Release in `retire`, after the block was reset.
        let spare = self.spare.swap(ptr::null_mut(), Acquire);
        if spare.is_null() {
            Block::new()
        } else {
            // SAFETY: it came from `Box::into_raw`, and the swap made it ours alone.
            unsafe { Box::from_raw(spare) }
        }
    }

    /// Keeps a used-up block for the senders, or frees it.
    #[cold]
    fn retire(&self, block: *mut Block<T>) {
        // SAFETY: all its slots were written and read, so no sender touches it any more, and the
        // consumer, who calls, has moved on.
        let block = unsafe { Box::from_raw(block) };
        block.reset();
        // Ordering: AcqRel. Partner: the Acquire in `new_block`, and this very line.
        let other = self.spare.swap(Box::into_raw(block), AcqRel);
        if !other.is_null() {
            // SAFETY: as in `new_block`.
            drop(unsafe { Box::from_raw(other) });
        }
    }

    /// Installs the first block, unless another sender is faster.
    #[cold]
    fn install_first(&self) {
        let block = Box::into_raw(self.new_block());
        // Ordering: Release. Partner: the Acquire loads of `tail.block`.
        match self
            .tail
            .block
            .compare_exchange(ptr::null_mut(), block, Release, Relaxed)
        {
            // Ordering: Release. Partner: the Acquire in `try_recv`.
            Ok(_) => self.head.block.store(block, Release),
            // SAFETY: it came from `Box::into_raw` above and nobody else has seen it.
            Err(_) => drop(unsafe { Box::from_raw(block) }),
        }
    }

    /// Takes the next position, and with it a slot; also says whether the receiver waits.
    /// `None`: closed.
    #[inline]
    fn reserve(&self) -> Option<(*mut Block<T>, usize, bool)> {
        let mut spin = Spin::new();
        let mut next_block = None;
        loop {
            // Ordering: Acquire. Partner: the Release of the advance past a block's end below, so
            // that the block read next is not older than this position.
            let tail = self.tail.position.load(Acquire);
            if tail & CLOSED != 0 {
                return None;
            }
            let slot = slot_of(tail);
            if slot == LINKING {
                spin.unfinished();
                continue;
            }
            // Ordering: Acquire. Partners: the stores of `tail.block`. If the exchange below
            // succeeds the position did not change meanwhile, and so this is its block.
            let block = self.tail.block.load(Acquire);
            if block.is_null() {
                self.install_first();
                continue;
            }
            let is_last = slot + 1 == SLOTS;
            if is_last && next_block.is_none() {
                // Before the exchange, so that the others do not wait for the allocator.
                next_block = Some(self.new_block());
            }
            // Ordering: AcqRel. A link in the chain of changes of `tail`, by which the waiting
            // receiver and we learn of each other: Note [Waiting flags]. Partner: `arm`.
            if self
                .tail
                .position
                .compare_exchange_weak(tail, tail.wrapping_add(ONE), AcqRel, Relaxed)
                .is_err()
            {
                spin.contended();
                continue;
            }
            if is_last && let Some(next) = next_block.take() {
                let next = Box::into_raw(next);
                // Ordering: Release, all three. Partners: the Acquire loads above, and the
                // consumer's load of `next`, which our write of the slot orders.
                self.tail.block.store(next, Release);
                self.tail.position.fetch_add(ONE, AcqRel);
                // SAFETY: we own a slot of this block that is not written yet, so it is alive.
                unsafe { (*block).next.store(next, Release) };
            }
            return Some((block, slot, tail & WAITS != 0));
        }
    }

    /// Wakes a waiting receiver; it takes its value itself.
    #[cold]
    #[inline(never)]
    fn wake_receiver(&self) {
        let claimed = {
            let mut waiters = self.waiters.lock();
            let receivers = waiters.of(Side::Receivers);
            let claimed = receivers.pop(Outcome::Woken);
            if receivers.is_empty() {
                self.disarm(Side::Receivers);
            }
            claimed
        };
        drop(claimed);
    }
}

impl<T> Waitable for Unbounded<T> {
    fn waiters(&self) -> &Mutex<Waiters> {
        &self.waiters
    }

    fn arm(&self, _: Side, _: &mut Waiters) -> bool {
        // Ordering: AcqRel. Partner: the AcqRel of `reserve`: Note [Waiting flags].
        let tail = self.tail.position.fetch_or(WAITS, AcqRel);
        // The head is ours; a sender never waits here.
        tail & CLOSED == 0 && tail & !FLAGS == self.head.position.load(Relaxed)
    }

    fn disarm(&self, side: Side) {
        if side == Side::Receivers {
            // Ordering: AcqRel. Keeps the chain of changes whole for `arm`.
            self.tail.position.fetch_and(!WAITS, AcqRel);
        }
    }
}

impl<T> Flavor<T> for Unbounded<T> {
    const NAME: &'static str = "unbounded";
    const TRIES_FIRST: bool = true;

    #[inline]
    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Some((block, slot, waits)) = self.reserve() else {
            return Err(TrySendError::Closed(value));
        };
        // SAFETY: the slot is ours, and its block lives until the consumer has read all of it.
        unsafe { (*block).put(slot, value) };
        if waits {
            self.wake_receiver();
        }
        Ok(())
    }

    /// # Safety
    /// The caller is the only consumer at this moment.
    #[inline]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut spin = Spin::new();
        let position = self.head.position.load(Relaxed);
        let slot = slot_of(position);
        let block = loop {
            // Ordering: Acquire. Partner: the Release in `install_first`. (Later blocks the
            // consumer stores itself.)
            let block = self.head.block.load(Acquire);
            // SAFETY: a block is alive until the consumer, who calls, retires it.
            if let Some(block) = unsafe { block.as_ref() }
                && block.is_written(slot)
            {
                break block;
            }
            // Ordering: Acquire. Partner: the AcqRel in `reserve` and in `close`; what our
            // caller knows to be sent is reserved for us too.
            let tail = self.tail.position.load(Acquire);
            if tail & !FLAGS == position {
                return Err(if tail & CLOSED != 0 {
                    TryRecvError::Closed
                } else {
                    TryRecvError::Empty
                });
            }
            spin.unfinished();
        };
        // SAFETY: the slot is written, and by the caller we alone take it, once.
        let value = unsafe { block.take(slot) };
        // Ordering of the position's stores: Release. Partner: the Acquire in `len`.
        if slot + 1 == SLOTS {
            // Ordering: Relaxed. Stored before the slot was written, which we have seen.
            let next = block.next.load(Relaxed);
            // Ordering: Release. Partner: a later consumer's Acquire above.
            self.head.block.store(next, Release);
            self.head
                .position
                .store(position.wrapping_add(2 * ONE), Release);
            self.retire(ptr::from_ref(block).cast_mut());
        } else {
            self.head
                .position
                .store(position.wrapping_add(ONE), Release);
        }
        Ok(value)
    }

    fn close(&self) {
        let woken = {
            let mut waiters = self.waiters.lock();
            // Ordering: AcqRel. Partner: the Acquire in `try_recv`; also a link in the chain of
            // changes, after which no position is given out.
            if self.tail.position.fetch_or(CLOSED, AcqRel) & CLOSED != 0 {
                return;
            }
            let woken = waiters.drain();
            self.disarm(Side::Receivers);
            woken
        };
        drop(woken);
    }

    fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: `close`.
        self.tail.position.load(Acquire) & CLOSED != 0
    }

    fn len(&self) -> usize {
        loop {
            // Ordering: Acquire, so that each is read before the next. Partner: whoever moves them.
            let tail = self.tail.position.load(Acquire);
            let head = self.head.position.load(Acquire);
            // Both belong to one moment if the tail did not move in between.
            if self.tail.position.load(Acquire) & !FLAGS == tail & !FLAGS {
                return ordinal(tail & !FLAGS).wrapping_sub(ordinal(head));
            }
        }
    }

    fn capacity(&self) -> Option<usize> {
        None
    }
}

impl<T> Drop for Unbounded<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the channel any more.
        while unsafe { self.try_recv() }.is_ok() {}
        for block in [&self.head.block, &self.spare] {
            let block = block.load(Relaxed);
            if !block.is_null() {
                // SAFETY: it came from `Box::into_raw`, and is the channel's alone.
                drop(unsafe { Box::from_raw(block) });
            }
        }
    }
}
