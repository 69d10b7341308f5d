//! A lock that is hardly ever written leans to its readers, who then do not write to it.
//!
//! Two readers on two processors that change one word wait for its cache line most of the time, however they change
//! it. So a lock that was read some thousand times in a row with no writer in between gives out a key, by which readers enter
//! themselves into the [rosters](vitte_wait::roster) of their threads: two plain stores and two looks at the key. The first writer to come
//! takes the key back, and counts those who are entered as readers without a place: from then on all is as it was without.
//!
//! Note \[Leaning\]: a reader enters the key into the roster, passes the free half of a pair of fences, and is inside if the key is
//! still the lock's. When it leaves it strikes the entry out, passes the free half, and is done if the key is
//! still the lock's; else it takes the queue's lock, and takes itself from the crowd if it is there. A writer, under the queue's
//! lock, takes the key back, passes the dear half, finds all entries of the key, and puts them into the crowd; only then `LEANS` goes, without
//! which nobody writes. Of the fences of the two one is first. If it is the reader's of its entry, the writer finds the entry, unless it was
//! struck out: else the reader sees that the key is gone, strikes out, and goes the common way. If
//! it is the reader's of its leave, the writer finds no entry; else the reader sees that the key is gone, and looks for itself in the
//! crowd. It tells itself by its entry and its mark: another that is in the same entry later, on the thread where the first had entered, is another
//! unit and has another mark.
//!
//! What a writer must pay for the dear half was saved before by readers, and it is asked for ever more seldom: each time
//! that a key is taken back the lock has to be left alone for twice as long before it leans again.
//!
//! Source: Dave Dice and Alex Kogan, *BRAVO: Biased Locking for Reader-Writer Locks* (2019); there a writer waits for the readers
//! it finds by looking again, and here as it does for others, because they may be fibers that wait.

use super::{
    CROWD_ONE, LEANS, POISONED, QUEUED, RawRwLock, Reading, WRITER,
    waiting::{Crowded, Waiting},
};
use vitte_wait::{
    facade::{
        atomic::{AtomicUsize, Ordering::*},
        plain::AtomicU32 as PlainU32,
    },
    fence,
    roster::{self, Entry},
    stack,
};

/// What stands for no key.
const UPRIGHT: usize = 0;

/// How many budgets of reads the lock is to be left alone for before it leans, at first and at most: some thousand reads, and some
/// hundred thousand. What a dear half costs is a few percent of what those took.
const PATIENCE: u32 = 64;
const MOST_PATIENCE: u32 = 4_096;

/// Whether a lock leans.
pub(super) struct Leaning {
    /// By what its readers enter themselves, or [`UPRIGHT`]. Changes under the queue's lock, with [`LEANS`] up.
    key: AtomicUsize,
    /// How many budgets were used up with no writer in between, and what the count of writers was. By any reader, and roughly.
    calm: PlainU32,
    writers: PlainU32,
    /// How many it takes.
    patience: PlainU32,
}

impl Leaning {
    #[cfg(not(any(loom, shuttle)))]
    pub(super) const fn new() -> Self {
        Self {
            key: AtomicUsize::new(UPRIGHT),
            calm: PlainU32::new(0),
            writers: PlainU32::new(0),
            patience: PlainU32::new(PATIENCE),
        }
    }

    #[cfg(any(loom, shuttle))]
    pub(super) fn new() -> Self {
        Self {
            key: AtomicUsize::new(UPRIGHT),
            calm: PlainU32::new(0),
            writers: PlainU32::new(0),
            patience: PlainU32::new(PATIENCE),
        }
    }
}

/// Between a store and a load of a reader. Free, for else no lock leans; but models have no free ones.
#[inline(always)]
fn light() {
    if cfg!(any(loom, shuttle)) {
        fence::light();
    } else {
        fence::free();
    }
}

impl RawRwLock {
    /// Enters as a reader by the lock's key, if it leans; also says whether a budget is used up, if that [counts](roster::enter).
    #[inline(always)]
    pub(super) fn try_read_noted(&self, counts: bool) -> Option<(Reading, bool)> {
        // Ordering: Acquire. Partner: the Release in `lean`, by a reader: what the last writer did is seen.
        let key = self.leaning.key.load(Acquire);
        if key == UPRIGHT {
            return None;
        }
        let (entry, is_used_up) = roster::enter(key, stack::mark(), counts)?;
        // See Note [Leaning].
        light();
        if self.leaning.key.load(Relaxed) == key {
            return Some((Reading::noted(entry), is_used_up));
        }
        self.leave_noted(entry);
        None
    }

    /// Leaves as a reader that is in a roster. The reader's unit only.
    #[inline(always)]
    pub(super) fn leave_noted(&self, entry: &'static Entry) {
        let (key, mark) = entry.what();
        entry.strike();
        // See Note [Leaning].
        light();
        if self.leaning.key.load(Relaxed) != key {
            self.leave_found(entry, mark);
        }
    }

    /// Leaves as a reader that is in the crowd, perhaps, for a writer has found its entry.
    #[cold]
    #[inline(never)]
    fn leave_found(&self, entry: &'static Entry, mark: usize) {
        self.leave_crowd(mark, Some(entry));
    }

    /// A budget of the calling reader's was used up, who has entered; `writers` says how many have ever written, roughly. Makes
    /// the lock lean if it was left alone for long.
    #[cold]
    pub(crate) fn note_calm(&self, writers: u32) {
        let Leaning {
            calm,
            writers: seen,
            patience,
            ..
        } = &self.leaning;
        if self.leaning.key.load(Relaxed) != UPRIGHT {
            return roster::open();
        }
        if seen.load(Relaxed) != writers {
            seen.store(writers, Relaxed);
            calm.store(0, Relaxed);
            return;
        }
        let so_long = calm.load(Relaxed) + 1;
        calm.store(so_long, Relaxed);
        if so_long < patience.load(Relaxed) {
            return;
        }
        calm.store(0, Relaxed);
        fence::prepare();
        if fence::is_asymmetric() {
            self.lean();
        } else {
            patience.store(u32::MAX, Relaxed);
        }
    }

    /// Gives out a key, unless somebody writes or waits. Readers inside may stay where they are.
    pub(crate) fn lean(&self) {
        let _waiting = self.waiting.lock();
        let mut now = self.word.load(Relaxed);
        while now & (WRITER | QUEUED | POISONED | LEANS) == 0 {
            // Ordering: Acquire, as in `try_read_fast`.
            match self
                .word
                .compare_exchange_weak(now, now | LEANS, Acquire, Relaxed)
            {
                Ok(_) => {
                    // Ordering: Release. Partner: the Acquire in `try_read_noted`.
                    self.leaning.key.store(roster::new_key(), Release);
                    roster::open();
                    return;
                }
                Err(other) => now = other,
            }
        }
    }

    /// Whoever writes comes here first: takes the key back, if the lock leans.
    #[inline]
    pub(super) fn straighten(&self) {
        if self.word.load(Relaxed) & LEANS != 0 {
            self.straighten_in(&mut self.waiting.lock());
        }
    }

    /// As [`straighten`](Self::straighten), under the queue's lock: nor does the lock lean until that is released.
    pub(super) fn straighten_in(&self, waiting: &mut Waiting) {
        let key = self.leaning.key.load(Relaxed);
        if key == UPRIGHT {
            return;
        }
        let Leaning {
            key: place,
            patience,
            ..
        } = &self.leaning;
        patience.store((patience.load(Relaxed) * 2).min(MOST_PATIENCE), Relaxed);
        place.store(UPRIGHT, Relaxed);
        // See Note [Leaning].
        fence::heavy();
        let before = waiting.crowd.len();
        roster::find(key, |entry, mark| {
            waiting.crowd.push(Crowded {
                mark,
                entry: Some(entry),
            });
        });
        let found = (waiting.crowd.len() - before) as u64;
        // Ordering: Release. Partner: the Acquire of the writer that enters next, who is to see what those did who have struck out.
        self.word
            .fetch_add((found * CROWD_ONE).wrapping_sub(LEANS), Release);
    }

    /// How many readers are in rosters, and not in the word; a snapshot.
    pub(super) fn noted(&self) -> u64 {
        let key = self.leaning.key.load(Relaxed);
        let mut noted = 0;
        if key != UPRIGHT {
            roster::find(key, |_, _| noted += 1);
        }
        noted
    }
}
