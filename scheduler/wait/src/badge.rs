//! Badges: by what words know the worker for which they are reserved, and how that ends.
//!
//! A worker's thread wears a badge, a small number. A [unit's word](crate::change) that only fibers of that worker have to do
//! with bears the number, and the thread then changes it without a read-modify-write: it says that it is inside by a store,
//! looks whether its badge still counts, changes the word by a store, and says that it is out. Between the first two is the
//! free half of a pair of fences (see [`fence`]). Whoever else wants to change one of these words makes the badge count no
//! more, with the dear half, and waits until nobody is inside. So it is the badge that is taken away, for all words at once:
//! who has to do with a hundred thousand of them pays for one. Its wearer puts it on again when he next needs it, but so
//! seldom that the dear fences take no time to speak of.
//!
//! Invariants: `counts` changes only under the lock; it is raised only by the wearer. Of a badge that does not count nobody is
//! inside, but one who is about to see that.

use crate::{
    current,
    facade::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::*},
        clock,
    },
    fence,
    short::wait_while,
};
use std::marker::PhantomData;

/// How many badges there are, with the one that nobody wears. More workers than that have none.
#[cfg(not(any(loom, shuttle)))]
const BADGES: usize = 128;

/// What threads wear that are no workers, or came too late.
pub(crate) const NONE: u8 = 0;

/// In nanoseconds, how long a badge that was taken away stays off: a thousand times what a dear fence takes at best, and
/// some fifty times what it takes while other threads run.
const REST: u64 = 1_000_000;

/// See the [module documentation](self).
// On a cache line of its own: its wearer writes it at every wait.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Badge {
    /// The wearer is in a word that is reserved for it, or about to see that he may not be.
    inside: AtomicBool,
    counts: AtomicBool,
    worn: Mutex<Worn>,
}

#[derive(Debug)]
struct Worn {
    /// By a thread.
    #[cfg(not(any(loom, shuttle)))]
    is: bool,
    /// Since when it counts, in nanoseconds.
    since: u64,
}

#[cfg(not(any(loom, shuttle)))]
static ALL: [Badge; BADGES] = [const { Badge::new() }; BADGES];

impl Badge {
    #[cfg(not(any(loom, shuttle)))]
    const fn new() -> Self {
        Self {
            inside: AtomicBool::new(false),
            counts: AtomicBool::new(false),
            worn: Mutex::new(Worn {
                is: false,
                since: 0,
            }),
        }
    }

    /// One that a thread of a model wears.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn new() -> Self {
        Self {
            inside: AtomicBool::new(false),
            counts: AtomicBool::new(true),
            worn: Mutex::new(Worn { since: 0 }),
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    #[inline(always)]
    pub(crate) fn of(number: u8) -> &'static Self {
        &ALL[usize::from(number) % BADGES]
    }

    /// Lets the wearer in, who calls this, if the badge counts. He is out when the flag that is returned is lowered.
    #[inline(always)]
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        debug_assert!(!self.inside.load(Relaxed), "one word at a time");
        self.inside.store(true, Relaxed);
        let inside = Inside(&self.inside);
        // Of this fence and that in `stop` one is first: we see here that the badge counts no more, or are seen there. It is
        // free, for else nobody would wear a badge; but models have no free ones.
        if cfg!(any(loom, shuttle)) {
            fence::light();
        } else {
            fence::free();
        }
        // Ordering: Relaxed. Others make it count no more before they change anything.
        self.counts.load(Relaxed).then_some(inside)
    }

    /// Whether words may be reserved for it.
    #[inline]
    pub(crate) fn counts(&self) -> bool {
        self.counts.load(Relaxed)
    }

    /// Nobody else takes it away, or puts it on again, while what is returned is kept.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held {
            badge: self,
            _worn: self.worn.lock(),
        }
    }

    /// Makes it count again, if it was off long enough. The wearer only. False: it was not.
    #[cold]
    #[inline(never)]
    pub(crate) fn put_on_again(&self) -> bool {
        let now = clock::now();
        let mut worn = self.worn.lock();
        if now < worn.since + REST && !cfg!(any(loom, shuttle)) {
            return false;
        }
        worn.since = now;
        self.counts.store(true, Relaxed);
        true
    }
}

/// Somebody is inside until this is dropped.
pub(crate) struct Inside<'a>(&'a AtomicBool);

impl Drop for Inside<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire of whoever finds it down.
        self.0.store(false, Release);
    }
}

/// See [`Badge::hold`].
pub(crate) struct Held<'a> {
    badge: &'a Badge,
    _worn: MutexGuard<'a, Worn>,
}

impl Held<'_> {
    /// The badge, which another thread wears, counts no more, and nobody is inside.
    pub(crate) fn stop(&self) {
        let badge = self.badge;
        if badge.counts.load(Relaxed) {
            badge.counts.store(false, Relaxed);
            fence::heavy();
            // Ordering: Acquire, by the load that finds it down. Partner: the Release by which it was lowered: what was done inside
            // comes before what we do. One that looks once more might find it up again, and learn nothing.
            // Liveness: it is raised for a few instructions, or to be lowered at once.
            wait_while(|| badge.inside.load(Acquire));
        }
    }
}

/// A badge on the thread that made this; off when it is dropped, on that thread. The threads of models wear none, unless they
/// say so.
#[derive(Debug)]
#[must_use = "the badge is taken off when this is dropped"]
pub struct Wearing {
    number: u8,
    _not_send: PhantomData<*const ()>,
}

impl Wearing {
    /// Puts a badge on the calling thread, if there is one left, and it would be of any use.
    pub fn put_on() -> Self {
        // Where the frequent half of the fences is not free, either, there is nothing to save.
        let number = match fence::is_asymmetric() {
            true => take(),
            false => NONE,
        };
        // SAFETY: the slot of this thread.
        unsafe { &*current::slot() }.set_badge(number);
        Self {
            number,
            _not_send: PhantomData,
        }
    }
}

impl Drop for Wearing {
    fn drop(&mut self) {
        // SAFETY: the slot of this thread.
        unsafe { &*current::slot() }.set_badge(NONE);
        if self.number != NONE {
            give(self.number);
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
fn take() -> u8 {
    let free = (1..BADGES).find(|number| {
        let badge = &ALL[*number];
        let mut worn = badge.worn.lock();
        let was = std::mem::replace(&mut worn.is, true);
        if !was {
            badge.counts.store(true, Relaxed);
        }
        !was
    });
    free.map_or(NONE, |number| number as u8)
}

/// What is reserved for it is from now on to be had for the asking, or its next wearer's.
#[cfg(not(any(loom, shuttle)))]
fn give(number: u8) {
    let badge = Badge::of(number);
    let mut worn = badge.worn.lock();
    badge.counts.store(false, Relaxed);
    worn.is = false;
}

#[cfg(any(loom, shuttle))]
fn take() -> u8 {
    NONE
}

#[cfg(any(loom, shuttle))]
fn give(_: u8) {}
