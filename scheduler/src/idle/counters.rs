//! How many workers search, and how many sleep, in one word.
//!
//! ```text
//! | searching (16) | sleeping (16) |
//! ```
//!
//! Invariants: `searching + sleeping` never exceeds the number of workers. `sleeping` is the length
//! of the list of sleepers, and changes only under its lock.

use vitte_wait::facade::atomic::{AtomicU32, Ordering::*};

const SLEEPING_ONE: u32 = 1;
const SLEEPING_MASK: u32 = 0xffff;
const SEARCHING_ONE: u32 = 1 << 16;
const _: () = assert!(crate::MOST_WORKERS <= SLEEPING_MASK as usize);

/// See the [module documentation](self).
pub(crate) struct Counters(AtomicU32);

/// The counters at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen(u32);

impl Seen {
    #[inline(always)]
    pub(crate) fn sleeping(self) -> u32 {
        self.0 & SLEEPING_MASK
    }

    #[inline(always)]
    pub(crate) fn searching(self) -> u32 {
        self.0 / SEARCHING_ONE
    }

    /// Whether a poster must wake somebody.
    #[inline(always)]
    pub(crate) fn wants_wake(self) -> bool {
        // Nobody searches exactly if the number is small.
        self.0 != 0 && self.0 <= SLEEPING_MASK
    }
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline(always)]
    pub(crate) fn load(&self) -> Seen {
        // Ordering: Relaxed. The fences of Note [Lost wakeups] stand around it.
        Seen(self.0.load(Relaxed))
    }

    /// A worker begins to search, unless `limit` do already.
    pub(crate) fn start_search(&self, limit: u32) -> bool {
        if self.load().searching() >= limit {
            return false;
        }
        // Ordering: SeqCst, like all changes, so that they have one order. Partner: `load`.
        self.0.fetch_add(SEARCHING_ONE, SeqCst);
        true
    }

    /// A searcher has found something. True: it was the last, and somebody sleeps.
    pub(crate) fn end_search(&self) -> bool {
        // Ordering: SeqCst. "Last one searching" is decided by the one order of all changes.
        let before = Seen(self.0.fetch_sub(SEARCHING_ONE, SeqCst));
        before.searching() == 1 && before.sleeping() > 0
    }

    /// A worker goes on the list of sleepers. Under its lock.
    pub(crate) fn fall_asleep(&self, searching: bool) {
        let searching = if searching { SEARCHING_ONE } else { 0 };
        // Ordering: SeqCst. "Register" in Note [Lost wakeups].
        self.0
            .fetch_add(SLEEPING_ONE.wrapping_sub(searching), SeqCst);
    }

    /// A worker leaves the list of sleepers. Under its lock.
    pub(crate) fn wake_up(&self, searching: bool) {
        let searching = if searching { SEARCHING_ONE } else { 0 };
        // Ordering: SeqCst. Partner: `load`, between whose fences a sleeper is seen or gone.
        self.0
            .fetch_add(searching.wrapping_sub(SLEEPING_ONE), SeqCst);
    }
}
