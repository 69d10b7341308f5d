//! Who runs on this thread: the one place in the project that owns a thread-local.
//!
//! A fiber may leave its thread at any suspension, and compilers keep the address of a
//! thread-local across calls (see the hazards in `fibers/README.md`). So every function here is
//! a leaf that is never inlined, returns a value rather than a reference into the thread-local,
//! and must be called again after anything that may suspend. "Never inlined" is load-bearing.
//! ([`slot()`] and [`here`] give pointers to it, to callers that promise as much.)

use crate::{
    Unit,
    badge::NONE,
    counter::Notes,
    dice::Dice,
    roster::{Entry, Roster},
    thread::ThreadUnit,
};
use std::{arch::asm, cell::Cell, ptr};

/// What a thread knows of what runs on it. A scheduler's worker keeps the address of its own
/// thread's slot, and so may write it without a thread-local access.
#[derive(Debug)]
pub struct Slot {
    /// The unit that runs now; null on a thread that has not waited yet.
    unit: Cell<*const Unit>,
    /// The scheduler's worker whose thread this is; null on other threads.
    worker: Cell<*const ()>,
    /// The scheduler that the thread, which is no worker, is attached to; null if there is none.
    attached: Cell<*const ()>,
    /// Where this thread's dice stand; zero before they are first thrown.
    dice: Cell<u64>,
    /// The [badge](crate::badge) that the thread wears.
    badge: Cell<u8>,
    /// How many [budgets](crate::Budget) were made on it since one was used up.
    budgets: Cell<u32>,
    /// How many operations were counted on it, instead of in what they were done to.
    counted: Cell<u32>,
    /// What its units [read](crate::roster); `None` before they first did.
    roster: Cell<Option<&'static Roster>>,
    /// By what it tells the time.
    notes: Notes,
}

/// Gives the thread's own unit back when the thread ends.
struct OwnUnit(Cell<Option<&'static ThreadUnit>>);

impl Drop for OwnUnit {
    fn drop(&mut self) {
        if cfg!(any(loom, shuttle)) {
            // A checker that gives up drops this outside the model, where its types do not work.
            return;
        }
        let roster = SLOT.try_with(|slot| slot.roster.take());
        if let Ok(Some(roster)) = roster {
            roster.give();
        }
        if let Some(unit) = self.0.get() {
            let _ = SLOT.try_with(|slot| slot.unit.set(unit.unit()));
            // SAFETY: it is ours.
            unsafe { unit.locals().end() };
            self.0.set(None);
            // A wait after this point, in a later destructor, simply takes another unit.
            let _ = SLOT.try_with(|slot| slot.unit.set(ptr::null()));
            unit.give();
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
thread_local! {
    static SLOT: Slot = const { Slot { unit: Cell::new(ptr::null()), worker: Cell::new(ptr::null()), attached: Cell::new(ptr::null()), dice: Cell::new(0), badge: Cell::new(NONE), budgets: Cell::new(0), counted: Cell::new(0), roster: Cell::new(None), notes: Notes::new() } };
    static OWN: OwnUnit = const { OwnUnit(Cell::new(None)) };
}
#[cfg(loom)]
loom::thread_local! {
    static SLOT: Slot = Slot { unit: Cell::new(ptr::null()), worker: Cell::new(ptr::null()), attached: Cell::new(ptr::null()), dice: Cell::new(0), badge: Cell::new(NONE), budgets: Cell::new(0), counted: Cell::new(0), roster: Cell::new(None), notes: Notes::new() };
    static OWN: OwnUnit = OwnUnit(Cell::new(None));
}
#[cfg(shuttle)]
shuttle::thread_local! {
    static SLOT: Slot = Slot { unit: Cell::new(ptr::null()), worker: Cell::new(ptr::null()), attached: Cell::new(ptr::null()), dice: Cell::new(0), badge: Cell::new(NONE), budgets: Cell::new(0), counted: Cell::new(0), roster: Cell::new(None), notes: Notes::new() };
    static OWN: OwnUnit = OwnUnit(Cell::new(None));
}

impl Slot {
    /// Says which unit runs on this thread from now on.
    #[inline]
    pub fn set_unit(&self, unit: &'static Unit) {
        self.unit.set(unit);
    }

    /// Says that no fiber runs on this thread from now on.
    #[inline]
    pub fn clear_unit(&self) {
        self.unit.set(ptr::null());
    }

    /// Says whose thread this is.
    pub fn set_worker(&self, worker: *const ()) {
        self.worker.set(worker);
    }

    /// Says to which scheduler the thread is attached.
    pub fn set_attached(&self, scheduler: *const ()) {
        self.attached.set(scheduler);
    }

    /// Says which badge the thread wears from now on.
    pub(crate) fn set_badge(&self, badge: u8) {
        self.badge.set(badge);
    }

    /// From here on the thread's dice depend on `seed` alone. Returns where they stood, for whoever lends
    /// the thread for a while.
    pub fn seed_dice(&self, seed: u64) -> u64 {
        self.dice.replace(seed)
    }
}

/// Where the caller is: its thread's slot, looked up once for several uses. Good until the caller may suspend.
#[derive(Clone, Copy, Debug)]
pub struct Here(*const Slot);

/// Looks up where the caller is.
///
/// # Safety
/// The answer is not used after anything that may suspend the calling fiber, which may then be on another thread.
#[inline(always)]
#[must_use]
pub unsafe fn here() -> Here {
    Here(slot())
}

impl Here {
    /// For a caller that knows its thread's slot already.
    ///
    /// # Safety
    /// `slot` is that of the calling thread; and as for [`here`].
    #[inline(always)]
    #[must_use]
    pub unsafe fn at(slot: *const Slot) -> Self {
        Self(slot)
    }

    #[inline(always)]
    fn slot(&self) -> &Slot {
        // SAFETY: by the contract of `here` and `at` it is the slot of the thread that calls.
        unsafe { &*self.0 }
    }

    /// As [`worker()`].
    #[inline(always)]
    #[must_use]
    pub fn worker(self) -> *const () {
        self.slot().worker.get()
    }

    /// As [`badge()`].
    #[inline(always)]
    pub(crate) fn badge(self) -> u8 {
        self.slot().badge.get()
    }

    /// As [`unit()`]. `None`: the thread has not waited yet.
    #[inline(always)]
    pub(crate) fn unit(self) -> Option<&'static Unit> {
        // SAFETY: as in `unit`.
        unsafe { self.slot().unit.get().as_ref() }
    }

    /// By what the thread tells the time.
    #[inline(always)]
    pub(crate) fn notes(&self) -> &Notes {
        &self.slot().notes
    }

    /// A number for the thread that no other living thread has.
    #[inline(always)]
    pub(crate) fn mark(self) -> usize {
        self.0.addr()
    }
}

/// The address of the calling thread's slot, valid on this thread until it ends.
#[inline(never)]
#[must_use]
pub fn slot() -> *const Slot {
    let mut slot = SLOT.with(ptr::from_ref);
    // The other functions here read what changes. This one returns the same address each time, as far as a compiler can see,
    // so of two calls with a suspension in between it could leave the second out. The assembly hides what is returned.
    // SAFETY: it is a comment, so it leaves everything as it is.
    unsafe { asm!("/* {0} */", inout(reg) slot, options(nostack, preserves_flags)) };
    slot
}

/// The worker whose thread this is, null on other threads.
#[inline(never)]
#[must_use]
pub fn worker() -> *const () {
    SLOT.with(|slot| slot.worker.get())
}

/// The scheduler that this thread is attached to, null if there is none.
#[inline(never)]
#[must_use]
pub fn attached() -> *const () {
    SLOT.with(|slot| slot.attached.get())
}

/// The badge that the calling thread wears.
#[inline(never)]
pub(crate) fn badge() -> u8 {
    SLOT.with(|slot| slot.badge.get())
}

/// Counts a budget that is made on the calling thread, and says how many were made before it.
#[inline(never)]
pub(crate) fn count_budget() -> u32 {
    SLOT.with(|slot| slot.budgets.replace(slot.budgets.get().saturating_add(1)))
}

/// Counts an operation on the calling thread, and says how many there were before, modulo 2^32.
#[inline(never)]
pub(crate) fn count_operation() -> u32 {
    SLOT.with(|slot| slot.counted.replace(slot.counted.get().wrapping_add(1)))
}

/// Enters a reader into the calling thread's roster, if there is one with a place, and adds `count` to the operations that were counted on
/// it; also says how many there are then, modulo 2^32.
#[inline(never)]
pub(crate) fn note_reader(key: usize, mark: usize, count: u32) -> Option<(&'static Entry, u32)> {
    if cfg!(any(loom, shuttle)) {
        open_roster();
    }
    SLOT.with(|slot| {
        let entry = slot.roster.get()?.enter(key, mark)?;
        let counted = slot.counted.get().wrapping_add(count);
        slot.counted.set(counted);
        Some((entry, counted))
    })
}

/// Gives the calling thread a roster, if it has none, and is not about to end.
#[cold]
#[inline(never)]
pub(crate) fn open_roster() {
    let has_one = SLOT.with(|slot| slot.roster.get().is_some());
    // Who has none in a destructor that runs after `OWN` is gone does without.
    if !has_one && OWN.try_with(|_| ()).is_ok() {
        let roster = Roster::take();
        SLOT.with(|slot| slot.roster.set(Some(roster)));
    }
}

/// A budget was used up on the calling thread: counts from zero again.
#[inline(never)]
pub(crate) fn forget_budgets() {
    SLOT.with(|slot| slot.budgets.set(0));
}

/// Dice for one throw or a few. Every choice that this crate leaves to chance is made with these, so
/// that a run can be repeated by [seeding](Slot::seed_dice) the threads that take part.
#[inline(never)]
pub(crate) fn dice() -> Dice {
    SLOT.with(|slot| {
        let mut state = slot.dice.get();
        if state == 0 && !cfg!(any(loom, shuttle)) {
            // Threads should differ; a model must do the same thing each time.
            state = ptr::from_ref(slot).addr() as u64;
        }
        let (dice, next) = Dice::at(state);
        slot.dice.set(next);
        dice
    })
}

/// The unit that calls.
#[inline(never)]
#[must_use]
pub fn unit() -> &'static Unit {
    let unit = SLOT.with(|slot| slot.unit.get());
    // SAFETY: the slot holds null or a pointer made from a `&'static Unit` in `set_unit`.
    match unsafe { unit.as_ref() } {
        Some(unit) => unit,
        None => own_unit(),
    }
}

/// The calling thread's own unit, whatever runs on the thread.
#[cold]
#[inline(never)]
fn own_unit() -> &'static Unit {
    let unit = thread_unit();
    if OWN.try_with(|_| ()).is_ok() {
        let _ = SLOT.try_with(|slot| slot.unit.set(unit));
    }
    unit
}

/// The calling thread's own unit, though a fiber may run on the thread, and go on doing so.
#[cold]
#[inline(never)]
pub(crate) fn thread_unit() -> &'static Unit {
    let own = OWN.try_with(|own| match own.0.get() {
        Some(unit) => unit,
        None => {
            let unit = ThreadUnit::take();
            own.0.set(Some(unit));
            unit
        }
    });
    // In a destructor that runs after `OWN` is gone the unit is left to nobody: a bounded leak.
    own.unwrap_or_else(|_| ThreadUnit::take()).unit()
}
