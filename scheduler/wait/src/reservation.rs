//! A lock's reservation for one thread, which then takes it without a read-modify-write.
//!
//! Most of what a [short lock](crate::ShortLock) costs is a read-modify-write, and that is there only for the case that
//! another thread wants the lock, too. Many locks never meet one: that of a channel between fibers of one worker, or that of
//! a worker's timers. So a thread that has taken a lock often in a row, with nobody in between, reserves it for itself. From
//! then on it says that it is inside by a store, looks whether the reservation still stands, and is in; between the two
//! is the free half of a pair of fences (see [`fence`]). Whoever else wants the lock takes the lock itself, then cancels the
//! reservation, with the dear half, and waits until nobody is inside.
//!
//! ```text
//!  NOBODY ──the same thread so often──► that thread's ──another has the lock──► SHARED
//! ```
//!
//! A lock is reserved once in its life: else a thread that was about to go in by a reservation that was canceled meanwhile
//! would meet one that went in by the next. So it costs one dear fence at the most, which was saved before.
//!
//! Source: Kawachiya, Koseki, Onodera, *Lock Reservation* (2002); the fences are those of Dice, Huang, Yang (2001).
//!
//! Invariants: all but `taken` and `inside` is written under the lock itself, `inside` only by the thread for which the lock was
//! reserved. A holder of the lock itself touches what it guards only after [`settle`](Reservation::settle).

use crate::{
    current,
    facade::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*},
    fence,
    short::wait_while,
};

/// In `thread`: it is not reserved, and may be one day.
const NOBODY: usize = 0;
/// In `thread`: it is not reserved, and never will be.
const SHARED: usize = 1;

/// How often in a row a thread takes a lock before it reserves it: what that saves must pay for the dear fence.
const ROUNDS: u32 = 256;

/// See the [module documentation](self).
#[derive(Default)]
pub(crate) struct Reservation {
    /// The lock itself is taken. It lies here, where there is room, so that a lock and two queues fit into one cache line.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) taken: AtomicBool,
    /// The thread that need not take the lock itself, or one of the numbers above.
    thread: AtomicUsize,
    /// That thread holds the lock, or is about to see that it does not.
    inside: AtomicBool,
    /// How often in a row, and which thread has taken the lock, while it is [`NOBODY`]'s.
    rounds: AtomicU32,
    last: AtomicUsize,
}

/// What stands for the calling thread: where its thread-local lies. So one that has ended leaves what is reserved for it to a thread
/// that begins later in the same place, and after it, for the system does not give that memory away before.
#[inline(always)]
pub(crate) fn me() -> usize {
    // SAFETY: it is asked for one thing, at once.
    unsafe { current::here() }.mark()
}

impl Reservation {
    /// From the beginning for the thread that calls.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn for_caller() -> Self {
        Self {
            thread: AtomicUsize::new(me()),
            ..Self::default()
        }
    }

    /// Whether the caller is already in by his reservation.
    pub(crate) fn is_inside(&self) -> bool {
        self.thread.load(Relaxed) == me() && self.inside.load(Relaxed)
    }

    /// Goes in, if the lock is reserved for the caller, who is `me`. The caller is out again when the flag that is returned is
    /// lowered.
    #[inline(always)]
    pub(crate) fn enter(&self, me: impl FnOnce() -> usize) -> Option<Raised<'_>> {
        let thread = self.thread.load(Relaxed);
        if thread <= SHARED || thread != me() {
            return None;
        }
        debug_assert!(!self.inside.load(Relaxed), "a short lock is not re-entrant");
        self.inside.store(true, Relaxed);
        let raised = Raised(&self.inside);
        // Of this fence and that in `cancel` one is first: we see here that it is canceled, or are seen there. It is free,
        // for else nothing would be reserved; but models have no free ones.
        if cfg!(any(loom, shuttle)) {
            fence::light();
        } else {
            fence::free();
        }
        // Ordering: Relaxed. Who held the lock before was the same thread: others cancel first.
        (self.thread.load(Relaxed) == thread).then_some(raised)
    }

    /// To be called by whoever has just taken the lock itself: nobody else is inside afterwards.
    #[inline(always)]
    pub(crate) fn settle(&self) {
        if self.thread.load(Relaxed) != SHARED {
            self.settle_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn settle_slow(&self) {
        match self.thread.load(Relaxed) {
            NOBODY => self.count(),
            _ => self.cancel(),
        }
    }

    fn count(&self) {
        let me = me();
        if self.last.load(Relaxed) != me {
            self.last.store(me, Relaxed);
            self.rounds.store(0, Relaxed);
            return;
        }
        let rounds = self.rounds.load(Relaxed) + 1;
        self.rounds.store(rounds, Relaxed);
        if rounds == ROUNDS {
            // Where the frequent half of the fences is not free, either, there is nothing to save.
            let thread = if fence::is_asymmetric() { me } else { SHARED };
            self.thread.store(thread, Relaxed);
        }
    }

    #[cold]
    fn cancel(&self) {
        self.thread.store(SHARED, Relaxed);
        fence::heavy();
        // Ordering: Acquire. Partner: the Release by which the flag is lowered: what was done inside is seen here.
        // Liveness: it is raised only for a short section, or to be lowered at once.
        wait_while(|| self.inside.load(Acquire));
    }
}

/// A flag that says that somebody is inside, and is lowered when this is dropped.
pub(crate) struct Raised<'a>(pub(crate) &'a AtomicBool);

impl Drop for Raised<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire of whoever finds it down.
        self.0.store(false, Release);
    }
}
