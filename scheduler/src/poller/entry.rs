//! What is known of one descriptor: how many edges there were in each direction, and who waits for the
//! next.
//!
//! ```text
//!   word of a direction:  | edges (29) | lost | closed | ended |
//! ```
//!
//! Note \[Edges\]: who wants something of a descriptor reads the word, tries, and if that would block waits
//! until the word is another. An edge that comes after the reading changes the word, under the lock under
//! which he enlists, so he finds it changed, or is found by whoever delivers the edge. An edge that came before the
//! reading was there before the try. So no edge is missed, and none need ever be taken back: that a
//! descriptor is exhausted is known from a try that failed, or from one that took less than there was room
//! for, and holds for the word that was read before it (see [`Source`](super::source::Source)).
//!
//! What is registered anew is reported anew, as an edge, if it is ready.
//!
//! **Invariants:** words and queues change under the lock. Nobody is in a queue of an entry that is vacant,
//! closed, or lost.

use super::{Poller, system::Signs};
use std::{io, os::fd::RawFd, ptr, sync::Arc};
use vitte_wait::{
    Claimed, Node, Outcome, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicPtr, AtomicU32, Ordering::*},
    },
};

/// The direction has ended or failed: trying is always worth it.
pub(super) const ENDED: u32 = 1;
/// The source was closed.
pub(super) const CLOSED: u32 = 2;
/// The scheduler is gone.
pub(super) const LOST: u32 = 4;
const EDGE: u32 = 8;

/// After so many changes of place an entry stays with the common poller.
const MOST_MOVES: u8 = 4;

/// See the [module documentation](self).
pub(super) struct Entry {
    words: [AtomicU32; 2],
    /// Where it is registered; only to be compared. Written under the lock.
    at: AtomicPtr<Poller>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Of the source that has the entry, or the next that will.
    generation: u32,
    fd: RawFd,
    /// Where it is registered.
    at: Option<Arc<Poller>>,
    moves: u8,
    queues: [WaitQueue; 2],
}

impl Entry {
    pub(super) fn new() -> Self {
        Self {
            words: [AtomicU32::new(0), AtomicU32::new(0)],
            at: AtomicPtr::new(ptr::null_mut()),
            inner: Mutex::new(Inner {
                generation: 0,
                fd: -1,
                at: None,
                moves: 0,
                queues: [WaitQueue::new(), WaitQueue::new()],
            }),
        }
    }

    /// The word of a direction.
    #[inline]
    pub(super) fn word(&self, direction: usize) -> u32 {
        // Ordering: Acquire. Partner: the Release in `set`; what the kernel did before the edge happened
        // before the try that follows in any case.
        self.words[direction].load(Acquire)
    }

    fn set(&self, direction: usize, word: u32) {
        // Ordering: Release. Partner: the Acquire in `word`.
        self.words[direction].store(word, Release);
    }

    /// A vacant entry becomes that of `fd`, in `poller`; returns the generation. `index` is its own.
    pub(super) fn occupy(&self, index: u32, fd: RawFd, poller: &Arc<Poller>) -> io::Result<u32> {
        let mut inner = self.inner.lock();
        for direction in 0..2 {
            self.set(direction, 0);
        }
        inner.fd = fd;
        inner.moves = 0;
        // Whoever has an event for it waits for the lock.
        poller.add(fd, key(index, inner.generation))?;
        self.put(&mut inner, Some(Arc::clone(poller)));
        Ok(inner.generation)
    }

    fn put(&self, inner: &mut Inner, at: Option<Arc<Poller>>) {
        let pointer = at.as_ref().map_or(ptr::null(), Arc::as_ptr);
        self.at.store(pointer.cast_mut(), Relaxed);
        inner.at = at;
    }

    /// Whether it is registered with `poller`; a hint.
    #[inline]
    pub(super) fn is_at(&self, poller: &Arc<Poller>) -> bool {
        ptr::eq(self.at.load(Relaxed), Arc::as_ptr(poller))
    }

    /// Registers it with `poller` in place of the one it is with, or with `common` if that was done often;
    /// not while anybody waits. Says whether it is with `common` now and was not before.
    pub(super) fn move_to(&self, index: u32, poller: &Arc<Poller>, common: &Arc<Poller>) -> bool {
        let mut inner = self.inner.lock();
        let Some(old) = inner.at.clone() else {
            return false;
        };
        let new = if inner.moves < MOST_MOVES {
            poller
        } else {
            common
        };
        if Arc::ptr_eq(&old, new) || inner.queues.iter().any(|queue| !queue.is_empty()) {
            return false;
        }
        let key = key(index, inner.generation);
        old.remove(inner.fd);
        let taken = [new, &old]
            .into_iter()
            .find(|at| at.add(inner.fd, key).is_ok());
        let taken = taken.cloned();
        if taken.is_none() {
            self.end(LOST);
        }
        inner.moves = inner.moves.saturating_add(1);
        let is_common = taken.as_ref().is_some_and(|at| Arc::ptr_eq(at, common));
        self.put(&mut inner, taken);
        is_common
    }

    /// Under the lock: sets a bit of both words.
    fn end(&self, bit: u32) {
        for direction in 0..2 {
            self.set(direction, self.words[direction].load(Relaxed) | bit);
        }
    }

    /// Takes the entry out of its poller, for the reason `bit`, and wakes everybody.
    fn leave(&self, bit: u32, vacate: bool) {
        let woken: [Vec<Claimed>; 2] = {
            let mut inner = self.inner.lock();
            self.end(bit);
            if let Some(at) = inner.at.take() {
                at.remove(inner.fd);
            }
            self.put(&mut inner, None);
            if vacate {
                inner.generation = inner.generation.wrapping_add(1);
            }
            let [read, write] = &mut inner.queues;
            [read, write].map(|queue| queue.pop_all(Outcome::Woken))
        };
        drop(woken);
    }

    /// The source is closed, but somebody may have it still.
    pub(super) fn close(&self) {
        self.leave(CLOSED, false);
    }

    /// The source is gone.
    pub(super) fn vacate(&self) {
        self.leave(CLOSED, true);
    }

    /// The scheduler is gone.
    pub(super) fn lose(&self) {
        self.leave(LOST, false);
    }

    /// There was an event for the source of that generation.
    pub(super) fn deliver(&self, generation: u32, signs: Signs) {
        let mut others = Vec::new();
        let first = {
            let mut inner = self.inner.lock();
            if inner.generation != generation || inner.at.is_none() {
                return;
            }
            [0, 1].map(|direction| {
                if !signs.edges[direction] {
                    return None;
                }
                let ended = if signs.ended[direction] { ENDED } else { 0 };
                let word = self.words[direction].load(Relaxed);
                self.set(direction, word.wrapping_add(EDGE) | ended);
                let queue = &mut inner.queues[direction];
                let first = queue.pop(Outcome::Woken);
                if !queue.is_empty() {
                    others.extend(queue.pop_all(Outcome::Woken));
                }
                first
            })
        };
        // The waiters go on here, after the lock is released.
        drop(first);
        drop(others);
    }

    /// Puts `node` among those who wait for the next edge. False: the word is not `seen` any more, or there will be
    /// no edge.
    ///
    /// # Safety
    /// As for [`WaitQueue::push`]; it leaves by [`delist`](Self::delist), or by being popped.
    pub(super) unsafe fn enlist(&self, direction: usize, seen: u32, node: &Node) -> bool {
        let mut inner = self.inner.lock();
        let word = self.words[direction].load(Relaxed);
        // Whoever looked when it was over already would find no change.
        if word != seen || word & (CLOSED | LOST) != 0 {
            return false;
        }
        // SAFETY: by the caller; the lock is held.
        unsafe { inner.queues[direction].push(node) };
        true
    }

    /// Takes `node` out, if it is still in.
    ///
    /// # Safety
    /// It was [enlisted](Self::enlist) for this direction, or nowhere.
    pub(super) unsafe fn delist(&self, direction: usize, node: &Node) {
        // SAFETY: by the caller; the lock is held.
        unsafe { self.inner.lock().queues[direction].remove(node) };
    }

    /// How many wait, for onlookers.
    pub(super) fn waiters(&self) -> [usize; 2] {
        let inner = self.inner.lock();
        [0, 1].map(|direction| inner.queues[direction].len())
    }
}

fn key(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index)
}
