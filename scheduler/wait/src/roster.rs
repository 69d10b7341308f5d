//! Rosters: where readers of a thing say that they read it, so that they write to nothing that they share.
//!
//! A lock that many threads take for reading has one word that all of them change, and its cache line then goes from core to
//! core for each of them. So a lock that is hardly ever written says so, by a *key*; and as long as it does, a
//! reader enters the key into the roster of its thread, and strikes the entry out when it leaves, each by a plain store. Whoever wants to
//! write first takes back the key, passes the dear half of a pair of fences (see [`fence`](crate::fence)), and then
//! [finds](find) in all rosters who reads. A reader looks at the key again after it has entered, and after it has struck out, with the free
//! half in between: so of a reader and a writer one sees the other. See `Note [Leaning]` in the lock of readers and writers.
//!
//! An entry also has a mark of the reader's, which says who he is, or on whose stack.
//!
//! Source: Dave Dice and Alex Kogan, *BRAVO: Biased Locking for Reader-Writer Locks* (2019), where one table serves all threads, and
//! an entry is made by a compare-and-swap.
//!
//! **Invariants.** A roster has one thread at a time, which alone makes entries, and only where there is none. An entry is struck
//! out by whoever leaves, on whatever thread. A key is given once, and rosters are never freed: so what is left behind by one who never leaves
//! stands for nothing else later, and costs a place.

use crate::{
    budget, current,
    facade::{
        Mutex,
        atomic::{AtomicUsize, Ordering::*},
        plain::AtomicUsize as PlainUsize,
    },
};
use std::ptr;

/// How many things a thread's units read at a time by way of the roster. In models one, so that two are one too many.
const ENTRIES: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };

/// No key: the entry is free.
const FREE: usize = 0;

/// The place of one reader; see the [module documentation](self).
#[derive(Debug)]
pub struct Entry {
    /// What is read. Written by the roster's thread if it is free, and freed by the reader.
    key: AtomicUsize,
    /// Whoever reads it. Written by the roster's thread before the key.
    mark: AtomicUsize,
}

impl Entry {
    /// The key and the mark that it was made with. The reader only.
    #[inline(always)]
    #[must_use]
    pub fn what(&self) -> (usize, usize) {
        (self.key.load(Relaxed), self.mark.load(Relaxed))
    }

    /// Strikes it out. The reader only, once, and then he looks whether the key has been taken back, after a fence.
    #[inline(always)]
    pub fn strike(&self) {
        // Ordering: Release. Partner: the Acquire in `find`, of one who then writes; and that in `enter`, which passes it on.
        self.key.store(FREE, Release);
    }

    /// Whether it is that one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

/// The entries of one thread, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Roster([Entry; ENTRIES]);

impl Roster {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Entry {
            key: AtomicUsize::new(FREE),
            mark: AtomicUsize::new(0),
        }))
    }

    /// Makes an entry if there is place for one. The roster's thread only.
    #[inline(always)]
    pub(crate) fn enter(&'static self, key: usize, mark: usize) -> Option<&'static Entry> {
        // Ordering: Acquire. Partner: the Release in `strike`, of a reader that was on another thread by then.
        let entry = self
            .0
            .iter()
            .find(|entry| entry.key.load(Acquire) == FREE)?;
        // Ordering: Release, of what has struck out the entry before. Partner: the Acquire of the mark in `find`.
        entry.mark.store(mark, Release);
        // Ordering: Release, of the mark. Partner: the Acquire in `find`.
        entry.key.store(key, Release);
        Some(entry)
    }

    /// One for the calling thread: one that an ended thread left, or a new one.
    pub(crate) fn take() -> &'static Self {
        let mut rosters = rosters().lock();
        rosters.free.pop().unwrap_or_else(|| {
            let roster: &'static Self = Box::leak(Box::new(Self::new()));
            rosters.all.push(roster);
            roster
        })
    }

    /// Hands the calling thread's on to a later thread.
    pub(crate) fn give(&'static self) {
        rosters().lock().free.push(self);
    }
}

/// All there are, and those of ended threads.
struct Rosters {
    all: Vec<&'static Roster>,
    free: Vec<&'static Roster>,
}

impl Rosters {
    const NONE: Self = Self {
        all: Vec::new(),
        free: Vec::new(),
    };
}

#[cfg(not(any(loom, shuttle)))]
fn rosters() -> &'static Mutex<Rosters> {
    static ROSTERS: Mutex<Rosters> = Mutex::new(Rosters::NONE);
    &ROSTERS
}

// A model checker's atomics belong to one execution.
#[cfg(any(loom, shuttle))]
crate::facade::lazy_static! {
    static ref ROSTERS: Mutex<Rosters> = Mutex::new(Rosters::NONE);
}
#[cfg(any(loom, shuttle))]
fn rosters() -> &'static Mutex<Rosters> {
    &ROSTERS
}

/// A key that no other thing has, and none had.
#[must_use]
pub fn new_key() -> usize {
    static KEYS: PlainUsize = PlainUsize::new(FREE + 1);
    KEYS.fetch_add(1, Relaxed)
}

/// Enters a reader, who left `mark`, into the calling thread's roster, and counts that on the thread if it `counts`, as
/// [`count_here`](crate::count_here) does. `None`, and nothing is counted: the thread has no roster [yet](open), or no place in it.
///
/// The caller then passes the frequent half of the fences, and looks whether the key is still the one.
#[inline(always)]
#[must_use]
pub fn enter(key: usize, mark: usize, counts: bool) -> Option<(&'static Entry, bool)> {
    let (entry, count) = current::note_reader(key, mark, u32::from(counts))?;
    Some((entry, budget::is_used_up(count)))
}

/// Sees to it that the calling thread has a roster.
pub fn open() {
    current::open_roster();
}

/// Calls `found` with every entry of `key`, and its mark. The key was taken back before, and the rare half of the fences passed.
pub fn find(key: usize, mut found: impl FnMut(&'static Entry, usize)) {
    for roster in &rosters().lock().all {
        for entry in &roster.0 {
            // Ordering: Acquire. Partners: the Release of who has entered, whose mark is seen here; and that of who has struck out, after
            // which the caller, or one whom it lets in, writes what was read.
            if entry.key.load(Acquire) != key {
                continue;
            }
            // Who has left on another thread may have made place for a new entry in between, and this would be the mark of another.
            // Ordering: Acquire. Partner: the Release of a new mark, before which the old entry was struck out: that is read below then.
            let mark = entry.mark.load(Acquire);
            // Ordering: Acquire, as above: he may have struck out only now.
            if entry.key.load(Acquire) == key {
                found(entry, mark);
            }
        }
    }
}
