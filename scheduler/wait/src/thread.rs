//! The thread kind of unit: one a thread, made on first use, handed on when the thread ends.

use crate::{
    Bed, Deadline, Outcome, Ticket, current,
    facade::{Mutex, atomic::Ordering::Relaxed, hint, plain::AtomicU64 as PlainU64, thread},
    local::Locals,
    unit::{ParkKind, Unit},
};
#[cfg(not(any(loom, shuttle)))]
use crate::{facade::atomic::AtomicUsize, stack};
use std::{ptr::NonNull, sync::Arc};

/// A unit with the handle by which its thread is woken.
// On cache lines of its own: its thread looks at the word again and again, and others write there meanwhile.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct ThreadUnit {
    /// First, so that a pointer to the unit is a pointer to this.
    unit: Unit,
    /// The thread that owns the unit now. Written by the owner; read by whoever wakes it.
    handle: Mutex<Option<thread::Thread>>,
    /// Where its thread sleeps in this wait, if not in its handle. Written by the owner, as the handle.
    bed: Mutex<Option<Arc<dyn Bed>>>,
    /// See [`Unit::life`]. Written by the owner when it takes the unit.
    life: PlainU64,
    /// What the thread keeps. Owner only.
    locals: Locals,
    /// The bounds of the thread's stack, once it has asked: `lo`, `hi`. Owner only.
    #[cfg(not(any(loom, shuttle)))]
    stack: [AtomicUsize; 2],
}

/// How often a thread looks at once: few times, for a pause takes between 10 and 60 nanoseconds, by the processor.
/// If the partner waits for this one's processor all of it is lost.
const LOOKS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 6 };

/// How often it then offers its processor to others before it sleeps. A system call takes about as long
/// everywhere, a hand-over between two cores not much longer, and the partner may be among those who wait for
/// a processor. All of them together take as long as putting a thread to sleep and waking it.
const OFFERS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 64 };

impl ThreadUnit {
    fn new() -> Self {
        Self {
            unit: Unit::new(None),
            handle: Mutex::new(None),
            bed: Mutex::new(None),
            life: PlainU64::new(0),
            locals: Locals::default(),
            #[cfg(not(any(loom, shuttle)))]
            stack: [AtomicUsize::new(0), AtomicUsize::new(0)],
        }
    }

    /// # Safety
    /// `unit` is the `unit` field of a live `ThreadUnit`.
    pub(crate) unsafe fn of<'a>(unit: NonNull<Unit>) -> &'a Self {
        // SAFETY: by the caller; the field is first in a `repr(C)` struct.
        unsafe { unit.cast::<Self>().as_ref() }
    }

    /// By what the thread that waits, and whose wait was claimed, is woken.
    pub(crate) fn waker(&self) -> Waker {
        if let Some(bed) = self.bed.lock().clone() {
            return Waker::Bed(bed);
        }
        let handle = self.handle.lock().clone();
        Waker::Thread(handle.expect("a unit that waits has a thread"))
    }

    /// See [`Unit::life`].
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Relaxed)
    }

    pub(crate) fn locals(&self) -> &Locals {
        &self.locals
    }

    /// The bounds of the calling thread's stack, whose unit this is; empty if they cannot be had.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn stack(&self) -> (usize, usize) {
        let [lo, hi] = &self.stack;
        if hi.load(Relaxed) == 0 {
            let bounds = stack::of_thread();
            lo.store(bounds.0, Relaxed);
            // Empty, but asked for.
            hi.store(bounds.1.max(1), Relaxed);
        }
        (lo.load(Relaxed), hi.load(Relaxed))
    }

    pub(crate) fn unit(&'static self) -> &'static Unit {
        &self.unit
    }

    /// A unit for the calling thread: one that an ended thread left, or a new one.
    pub(crate) fn take() -> &'static Self {
        let unit = pool::pop().unwrap_or_else(|| Box::leak(Box::new(Self::new())));
        unit.unit.recycle();
        // The lower half is no fiber's.
        static THREADS: PlainU64 = PlainU64::new(0);
        let turn = THREADS.fetch_add(1, Relaxed);
        unit.life.store(turn << 32 | u64::from(u32::MAX), Relaxed);
        #[cfg(not(any(loom, shuttle)))]
        unit.stack[1].store(0, Relaxed);
        *unit.handle.lock() = Some(thread::current());
        unit
    }

    /// Hands the calling thread's unit on to a later thread.
    pub(crate) fn give(&'static self) {
        *self.handle.lock() = None;
        pool::push(self);
    }
}

/// By what a thread is woken.
#[derive(Debug)]
pub(crate) enum Waker {
    Thread(thread::Thread),
    Bed(Arc<dyn Bed>),
}

impl Waker {
    pub(crate) fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Bed(bed) => bed.strike(),
        }
    }
}

/// Units of ended threads. Units are type-stable, so they are never freed.
#[cfg(not(any(loom, shuttle)))]
mod pool {
    use super::{Mutex, ThreadUnit};
    static POOL: Mutex<Vec<&'static ThreadUnit>> = Mutex::new(Vec::new());

    pub(super) fn pop() -> Option<&'static ThreadUnit> {
        POOL.lock().pop()
    }

    pub(super) fn push(unit: &'static ThreadUnit) {
        POOL.lock().push(unit);
    }
}

/// A model checker's atomics belong to one execution, so nothing is handed on there.
#[cfg(any(loom, shuttle))]
mod pool {
    use super::ThreadUnit;

    pub(super) fn pop() -> Option<&'static ThreadUnit> {
        None
    }

    pub(super) fn push(_: &'static ThreadUnit) {}
}

/// Blocks the calling thread until the wait is over; at the deadline, times it out itself.
///
/// A plain thread waits so, and a fiber that may not be suspended now.
pub(crate) fn block_thread(unit: &'static Unit, ticket: Ticket, deadline: Deadline) {
    let mut looks = LOOKS;
    while looks > 0 {
        if unit.is_done() {
            return;
        }
        hint::spin_loop();
        looks -= 1;
    }
    let mut offers = OFFERS;
    while offers > 0 {
        thread::yield_now();
        if unit.is_done() {
            return;
        }
        offers -= 1;
    }
    // SAFETY: it is used at once.
    if !unit.commit_park(unsafe { current::here() }, ParkKind::Blocked) {
        return;
    }
    // Liveness: `Claimed::finish` raises `DONE` before it unparks, and the unpark is remembered,
    // so a thread that saw no `DONE` here cannot sleep through it.
    while !unit.is_done() {
        match deadline.remaining() {
            None => thread::park(),
            Some(left) if left.is_zero() => {
                drop(ticket.claim(Outcome::TimedOut));
                // If another party holds the claim, it is about to finish, and will unpark us.
                if !unit.is_done() {
                    thread::park();
                }
            }
            Some(left) => thread::park_timeout(left),
        }
    }
}

/// As [`block_thread`], in a bed, and wakes by itself when there is something to see of `what`. `unit` is a thread's.
pub(crate) fn block_in_bed(
    unit: &'static Unit,
    ticket: Ticket,
    deadline: Deadline,
    bed: &Arc<dyn Bed>,
    what: &[u64],
) {
    // SAFETY: a unit without a table is the `unit` field of a thread unit, which is immortal.
    let own = unsafe { ThreadUnit::of(NonNull::from(unit)) };
    // Before the wait is parked: who finds it parked finds the bed.
    *own.bed.lock() = Some(Arc::clone(bed));
    // SAFETY: as in `block_thread`.
    if unit.commit_park(unsafe { current::here() }, ParkKind::Blocked) {
        // Liveness: as in `block_thread`, with a stroke in place of the unpark: it is remembered, too.
        let mut what = what;
        while !unit.is_done() {
            let seen = bed.sleep(what, deadline);
            if seen || deadline.is_past() {
                let outcome = if seen {
                    Outcome::Woken
                } else {
                    Outcome::TimedOut
                };
                drop(ticket.claim(outcome));
                // If another party holds the claim, it is about to finish, and will strike the bed.
                if !unit.is_done() {
                    what = &[];
                    bed.sleep(what, Deadline::NEVER);
                }
            }
        }
    }
    *own.bed.lock() = None;
}
