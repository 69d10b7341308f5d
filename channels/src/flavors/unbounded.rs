//! No limit: linked blocks of slots.
//!
//! The senders' half is the algorithm of crossbeam-channel's list flavor, and is written here. The
//! receivers' half is in `consumers.rs`, once for one and once for many. The waiting flag is this
//! project's, see Note [Waiting flags]. One used-up block is kept for the senders to use again.
//!
//! ```text
//! tail:  | block | slot, or LINKING | waits | closed |
//! head:  | block | slot, or LINKING |       | more   |        (LINKING and `more`: many consumers)
//! ```
//!
//! Invariants: only senders advance `tail`, only consumers advance `head`; the sender that
//! takes a block's last slot links the next block before it writes that slot; `CLOSED` is raised
//! once and no position is given to a sender after it.

use super::{
    Flavor,
    block::{Block, SLOTS},
    consumers::Consumers,
};
use crate::{
    error::{TryRecvError, TrySendError},
    padded::Padded,
    spin::{Spin, TriesFirst},
    waiters::{Side, Waitable, Waiters, wake_one},
};
use std::{marker::PhantomData, ptr};
use vitte_wait::ShortLock;
use vitte_wait::facade::atomic::{AtomicPtr, AtomicUsize, Ordering::*};

/// In `tail`: nothing more comes in.
pub(super) const CLOSED: usize = 1;
/// In `tail`: the receiver waits.
const WAITS: usize = 1 << 1;
pub(super) const FLAGS: usize = CLOSED | WAITS;
/// One position further.
pub(super) const ONE: usize = 1 << 2;
/// Positions in a block, the one that stands for linking included.
pub(super) const LAP: usize = SLOTS + 1;
/// The slot number that means: the next block is being linked.
pub(super) const LINKING: usize = SLOTS;
const _: () = assert!(LAP.is_power_of_two(), "positions wrap around");

pub(super) const fn slot_of(position: usize) -> usize {
    position / ONE % LAP
}

/// How many slots come before `position`, of which one in a lap is none.
const fn ordinal(position: usize) -> usize {
    position / ONE - position / ONE / LAP
}

/// A position and its block.
pub(super) struct End<T> {
    pub(super) position: AtomicUsize,
    /// Null until the first value is sent.
    pub(super) block: AtomicPtr<Block<T>>,
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
pub(crate) struct Unbounded<T, C: Consumers> {
    /// Where the next value comes out. Written by consumers (its block first by a sender).
    pub(super) head: Padded<End<T>>,
    /// Where the next value goes in. Written by senders; the flags also under the lock.
    pub(super) tail: Padded<End<T>>,
    /// A block that was used up, for the next sender that needs one; or null.
    spare: AtomicPtr<Block<T>>,
    waiters: Padded<ShortLock<Waiters>>,
    _owns: PhantomData<(T, C)>,
}

// SAFETY: values go in on one thread and come out on another, hence `T: Send`. A slot is touched
// only by the sender that won its position and then by the consumer that did, ordered by `written`.
unsafe impl<T: Send, C: Consumers> Send for Unbounded<T, C> {}
// SAFETY: as above; no reference to a value inside is ever given out.
unsafe impl<T: Send, C: Consumers> Sync for Unbounded<T, C> {}

impl<T, C: Consumers> Unbounded<T, C> {
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
    ///
    /// # Safety
    /// All its slots were written and read, and `head` has moved on.
    #[cold]
    pub(super) unsafe fn retire(&self, block: *mut Block<T>) {
        // SAFETY: by the caller nobody touches the block any more.
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
            // Ordering: Release. Partner: the Acquire in `Consumers::try_recv`.
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
}

impl<T, C: Consumers> Waitable for Unbounded<T, C> {
    fn waiters(&self) -> &ShortLock<Waiters> {
        &self.waiters
    }

    fn arm(&self, _: Side, _: &mut Waiters) -> bool {
        // Ordering: AcqRel. Partner: the AcqRel of `reserve`: Note [Waiting flags].
        let tail = self.tail.position.fetch_or(WAITS, AcqRel);
        // A sender never waits here. If the head is ours alone, it is what we left; if others
        // advance it, one that is out of date looks like a value, and we only try again.
        let head = self.head.position.load(Relaxed);
        tail & CLOSED == 0 && ordinal(tail & !FLAGS) == ordinal(head & !FLAGS)
    }

    fn disarm(&self, side: Side) {
        if side == Side::Receivers {
            // Ordering: AcqRel. Keeps the chain of changes whole for `arm`.
            self.tail.position.fetch_and(!WAITS, AcqRel);
        }
    }
}

impl<T, C: Consumers> Flavor<T> for Unbounded<T, C> {
    fn name(&self) -> &'static str {
        "unbounded"
    }

    fn tries_first(&self) -> TriesFirst {
        TriesFirst::Threads
    }

    /// Any number of producers may call this at once.
    #[inline]
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Some((block, slot, waits)) = self.reserve() else {
            return Err(TrySendError::Closed(value));
        };
        // SAFETY: the slot is ours, and its block lives until the consumer has read all of it.
        unsafe { (*block).put(slot, value) };
        if waits {
            wake_one(self, Side::Receivers);
        }
        Ok(())
    }

    /// # Safety
    /// With [`OneConsumer`](super::consumers::OneConsumer): the caller is the only one.
    #[inline]
    unsafe fn try_recv(&self) -> Result<T, TryRecvError> {
        // SAFETY: by the caller.
        unsafe { C::try_recv(self) }
    }

    fn close(&self) {
        let woken = {
            let mut waiters = self.waiters.lock();
            // Ordering: AcqRel. Partner: the Acquire in `Consumers::try_recv`; also a link in the chain of
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
                return ordinal(tail & !FLAGS).wrapping_sub(ordinal(head & !FLAGS));
            }
        }
    }

    fn capacity(&self) -> Option<usize> {
        None
    }
}

impl<T, C: Consumers> Drop for Unbounded<T, C> {
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
