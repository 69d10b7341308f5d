//! How long to look again before doing something dearer.

use vitte_wait::{
    current,
    facade::{clock, hint, thread},
    give_way,
};

/// Growing pauses between attempts that other parties' progress makes fail.
#[derive(Debug)]
pub(crate) struct Spin(u32);

/// How long the loser of a compare-and-swap keeps away, in nanoseconds, and how often that is doubled at most.
const AWAY: u64 = 1_000;
const LONGER: u32 = 3;

/// Up to here a pause is a few processor hints; beyond, the processor is offered to others.
const PAUSES: u32 = 6;

impl Spin {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// After a lost compare-and-swap: keeps out of the way of whoever won it, for so long that he gets on by some tens of
    /// operations with the cache line to himself. To take it from each other for each one is dearer for both.
    #[cold]
    pub(crate) fn contended(&mut self) {
        let until = clock::now() + (AWAY << self.0.min(LONGER));
        self.0 += 1;
        hint::spin_loop();
        while !cfg!(any(loom, shuttle)) && clock::now() < until {
            hint::spin_loop();
        }
    }

    /// While another party is between two steps of an operation. It runs on a processor, unless
    /// the system took that away from it, and then only giving ours up helps.
    #[inline]
    pub(crate) fn unfinished(&mut self) {
        if self.0 < PAUSES {
            pause(self.0);
        } else {
            thread::yield_now();
        }
        self.0 += 1;
    }
}

#[inline]
fn pause(step: u32) {
    for _ in 0..1_u32 << step {
        hint::spin_loop();
    }
}

/// How often to try again before waiting. A thread that goes to sleep costs its partner a system
/// call; between two tries it offers its processor to others, and leaves the partner the time for more than one
/// value. A fiber has little to gain, for to suspend is cheaper than to look for long; but where
/// waiting is dear it lets others run once, of whom one may be its partner.
#[derive(Debug)]
pub(crate) struct Patience {
    left: u32,
    is_thread: bool,
    /// The next try comes at once.
    at_once: bool,
}

/// For whom it pays to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TriesFirst {
    /// For nobody: only a waiter that is queued can be found.
    Nobody,
    /// For threads.
    Threads,
    /// For threads and for fibers.
    Everybody,
}

const PATIENCE: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 16 };

impl Patience {
    pub(crate) fn new(who: TriesFirst) -> Self {
        let is_thread = who != TriesFirst::Nobody && current::unit().is_thread();
        let left = match who {
            _ if is_thread => PATIENCE,
            TriesFirst::Everybody => 1,
            _ => 0,
        };
        Self {
            left,
            is_thread,
            at_once: false,
        }
    }

    /// For one who was just woken, or need not wait: a try at once, and then as many as before.
    pub(crate) fn once_more(who: TriesFirst) -> Self {
        Self {
            at_once: true,
            ..Self::new(who)
        }
    }

    /// Waits a moment and says true, until there have been enough moments.
    #[inline]
    pub(crate) fn is_left(&mut self) -> bool {
        if self.at_once {
            self.at_once = false;
            return true;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        if self.is_thread {
            thread::yield_now();
        } else {
            give_way();
        }
        true
    }
}
