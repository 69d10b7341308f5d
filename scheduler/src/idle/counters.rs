//! How many workers search, and how many sleep, in one word.
//!
//! ```text
//! | searching (16) | pacer asleep (1) | sleeping (15) |
//! ```
//!
//! The pacer, which ends slices, sleeps while nobody waits for a busy worker. Its bit lies where a
//! poster's one comparison sees it as one more sleeper: the last to be woken.
//!
//! Invariants: `searching + sleeping` never exceeds the number of workers. `sleeping` is the length
//! of the list of sleepers, and changes only under its lock.

use vitte_wait::facade::atomic::{AtomicU32, Ordering::*};

const SLEEPING_ONE: u32 = 1;
const SLEEPING_MASK: u32 = 0x7fff;
const PACER_ASLEEP: u32 = 1 << 15;
/// Whoever sleeps.
const ASLEEP_MASK: u32 = SLEEPING_MASK | PACER_ASLEEP;
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
        self.0 != 0 && self.0 <= ASLEEP_MASK
    }

    #[inline(always)]
    pub(crate) fn is_pacer_asleep(self) -> bool {
        self.0 & PACER_ASLEEP != 0
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
        before.searching() == 1 && before.0 & ASLEEP_MASK != 0
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

    /// The pacer is about to sleep.
    pub(crate) fn pacer_falls_asleep(&self) {
        // Ordering: SeqCst. "Register" in Note [Lost wakeups].
        self.0.fetch_or(PACER_ASLEEP, SeqCst);
    }

    /// The pacer is awake, or will be at once; true if it was asleep.
    pub(crate) fn pacer_wakes(&self) -> bool {
        // Ordering: SeqCst, like all changes. Partner: `load`.
        self.0.fetch_and(!PACER_ASLEEP, SeqCst) & PACER_ASLEEP != 0
    }
}
