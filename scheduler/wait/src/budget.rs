//! Budgets: a fiber that gets on without ever waiting lets others run now and then.
//!
//! A handle that is made anew for each operation, such as an end of a channel for one answer, would bring a whole budget
//! each time. So the thread counts the budgets that are made on it: after as many as a budget has operations, each new one
//! has a single operation left, until one has been used up.

use crate::{
    current,
    facade::{atomic::Ordering::Relaxed, plain::AtomicU32},
};
use std::fmt;

/// How many operations a fiber may complete through one handle before it lets others run.
const ALLOWANCE: u32 = 128;

/// Counts what a fiber completes without waiting, and makes it yield every so often. One in each
/// handle of a channel, so that counting costs no thread-local access.
///
/// On a plain thread it does nothing, for the system sees to it there.
pub struct Budget(AtomicU32);

impl Budget {
    /// A whole budget.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The budget of a handle that the caller makes: a whole one, unless very many were made on its thread lately.
    #[must_use]
    pub fn begin() -> Self {
        let is_whole = current::count_budget() < ALLOWANCE;
        Self(AtomicU32::new(if is_whole { 0 } else { ALLOWANCE - 1 }))
    }

    /// Counts one completed operation.
    ///
    /// # Blocking
    /// Every so often the calling fiber yields, if others are ready to run.
    #[inline(always)]
    pub fn spend(&self) {
        if self.count() {
            over();
        }
    }

    /// Counts one completed operation, and says whether it is time to [give way](give_way()). For
    /// one who first has something to let go of.
    #[inline(always)]
    #[must_use]
    pub fn count(&self) -> bool {
        // Two threads with one handle may count one for two: it is a budget, not a ledger.
        let spent = self.0.load(Relaxed).wrapping_add(1);
        self.0.store(spent, Relaxed);
        is_used_up(spent)
    }

    /// How many were counted, modulo 2^32, but for what two threads counted at a time.
    #[must_use]
    pub fn counted(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// Whether the last of so many operations was the last of a budget.
#[inline(always)]
pub(crate) fn is_used_up(count: u32) -> bool {
    count.is_multiple_of(ALLOWANCE)
}

/// As [`Budget::count`], but on the calling thread: for what many threads use at once, all of which would write to its budget.
#[inline]
#[must_use]
pub fn count_here() -> bool {
    is_used_up(current::count_operation().wrapping_add(1))
}

/// A budget is used up.
#[cold]
#[inline(never)]
fn over() {
    current::forget_budgets();
    give_way();
}

/// Lets other fibers run first, if the caller is a fiber and any are ready. On a plain thread it
/// does nothing.
#[cold]
#[inline(never)]
pub fn give_way() {
    let unit = current::unit();
    if let Some(ops) = unit.ops() {
        (ops.give_way)(unit);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spent = self.0.load(Relaxed) % ALLOWANCE;
        f.debug_struct("Budget")
            .field("left", &(ALLOWANCE - spent))
            .finish()
    }
}
