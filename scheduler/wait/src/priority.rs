//! How urgent a unit is: the class it was given, what it inherits, and what it has lost for a while.
//!
//! ```text
//!  requests of a unit:   | lowered (1) | lift (2) | class (2) | requests (3) |
//! ```
//!
//! All of it lies in the unit's byte of requests, so that whoever makes the unit ready finds it in a
//! cache line that it has at hand, and one comparison tells that there is nothing to it.

use crate::Unit;
use crate::facade::atomic::Ordering::Relaxed;

/// How urgent a unit is. The order is that of urgency.
///
/// ```
/// use vitte_wait::Priority;
///
/// assert!(Priority::Low < Priority::Normal && Priority::Normal < Priority::High);
/// assert_eq!(Priority::default(), Priority::Normal);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Runs when nothing else wants to, and now and then even so.
    Low = 0,
    /// As everything that nobody said anything about.
    #[default]
    Normal = 1,
    /// Runs before all others, but for every so many.
    High = 2,
}

/// Everything in this file. Zero: of the normal class, and nothing to be said about it.
const ALL: u8 = 0b1_1111 << 3;
const CLASS_SHIFT: u32 = 3;
const LIFT_SHIFT: u32 = 5;
const TWO_BITS: u8 = 0b11;
/// It has used up a whole slice of a class in which that is not done, and has not waited since.
const LOWERED: u8 = 1 << 7;

impl Priority {
    /// Normal is zero.
    fn code(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::High => 1,
            Self::Low => 2,
        }
    }

    fn of_code(code: u8) -> Self {
        match code & TWO_BITS {
            1 => Self::High,
            2 => Self::Low,
            _ => Self::Normal,
        }
    }
}

fn class(bits: u8) -> Priority {
    Priority::of_code(bits >> CLASS_SHIFT)
}

/// Nothing is inherited if the two bits are zero; a lift to `Low` is none.
fn lift(bits: u8) -> Option<Priority> {
    match bits >> LIFT_SHIFT & TWO_BITS {
        1 => Some(Priority::High),
        2 => Some(Priority::Normal),
        _ => None,
    }
}

fn lift_bits(lift: Option<Priority>) -> u8 {
    let code = match lift {
        Some(Priority::High) => 1,
        Some(Priority::Normal) => 2,
        Some(Priority::Low) | None => 0,
    };
    code << LIFT_SHIFT
}

/// What all of it comes to.
fn effective(bits: u8) -> Priority {
    let own = match class(bits) {
        Priority::High if bits & LOWERED != 0 => Priority::Normal,
        own => own,
    };
    lift(bits).map_or(own, |lift| own.max(lift))
}

impl Unit {
    /// Whether the unit is of the normal class and nothing else is to be said about its priority: one
    /// load and one comparison.
    #[inline(always)]
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.requests.load(Relaxed) & ALL == 0
    }

    /// How urgent the unit is now: its class, less what it was lowered by, but no less than what it
    /// inherits. A snapshot.
    #[must_use]
    pub fn priority(&self) -> Priority {
        effective(self.requests.load(Relaxed))
    }

    /// The class that the unit was given.
    #[must_use]
    pub fn class(&self) -> Priority {
        class(self.requests.load(Relaxed))
    }

    /// Gives the unit a class. Callable from anywhere; never blocks.
    pub fn set_class(&'static self, to: Priority) {
        self.change(|bits| {
            (bits & !(TWO_BITS << CLASS_SHIFT | LOWERED)) | to.code() << CLASS_SHIFT
        });
    }

    /// Makes the unit at least as urgent as `to`, until [`restore`](Self::restore): whoever is about to
    /// wait for something that the unit holds lends it his own urgency. Callable from anywhere, for as
    /// long as the unit is known to hold the thing; never blocks.
    ///
    /// A plain thread remembers it, and nothing comes of it.
    pub fn lift(&'static self, to: Priority) {
        self.change(|bits| {
            let lift = lift(bits).map_or(to, |lift| lift.max(to));
            (bits & !(TWO_BITS << LIFT_SHIFT)) | lift_bits(Some(lift))
        });
    }

    /// What the unit inherits now.
    #[must_use]
    pub fn lifted(&self) -> Option<Priority> {
        lift(self.requests.load(Relaxed))
    }

    /// Sets what the unit inherits: to what [`lifted`](Self::lifted) was before it took the thing that
    /// it now gives back. `None` if it holds nothing else that anybody waits for. Owner only.
    pub fn restore(&'static self, to: Option<Priority>) {
        self.change(|bits| (bits & !(TWO_BITS << LIFT_SHIFT)) | lift_bits(to));
    }

    /// Lowers a unit of the high class to the normal one, until [`recover`](Self::recover). False if it
    /// is of another class, or lowered already. For a scheduler.
    pub fn lower(&self) -> bool {
        class(self.requests.load(Relaxed)) == Priority::High
            && self.requests.fetch_or(LOWERED, Relaxed) & LOWERED == 0
    }

    /// Undoes [`lower`](Self::lower): the unit has waited. For a scheduler.
    pub fn recover(&self) {
        if self.requests.load(Relaxed) & LOWERED != 0 {
            self.requests.fetch_and(!LOWERED, Relaxed);
        }
    }

    /// Changes the bits, and tells the unit's kind if that made it more urgent.
    fn change(&'static self, how: impl Fn(u8) -> u8) {
        let mut old = self.requests.load(Relaxed);
        let new = loop {
            let new = how(old);
            match self
                .requests
                .compare_exchange_weak(old, new, Relaxed, Relaxed)
            {
                Ok(_) => break new,
                Err(now) => old = now,
            }
        };
        if effective(new) > effective(old)
            && let Some(ops) = self.ops()
        {
            (ops.raised)(self);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use Priority::{High, Low, Normal};

    fn unit() -> &'static Unit {
        Box::leak(Box::new(Unit::new(None)))
    }

    #[test]
    fn a_unit_is_ordinary_until_something_is_said_about_it() {
        let unit = unit();
        assert!(unit.is_ordinary());
        assert_eq!(unit.priority(), Normal);
        for class in [High, Low] {
            unit.set_class(class);
            assert!(!unit.is_ordinary());
            assert_eq!((unit.class(), unit.priority()), (class, class));
        }
        unit.set_class(Normal);
        assert!(unit.is_ordinary());
    }

    #[test]
    fn what_is_lifted_is_never_less_urgent_than_its_class_and_is_restored() {
        let unit = unit();
        for (class, lift, comes_to) in [
            (Low, Low, Low),
            (Low, Normal, Normal),
            (Low, High, High),
            (Normal, Low, Normal),
            (Normal, High, High),
            (High, Normal, High),
        ] {
            unit.set_class(class);
            unit.lift(lift);
            assert_eq!(unit.priority(), comes_to, "{class:?} lifted to {lift:?}");
            unit.restore(None);
            assert_eq!(unit.priority(), class);
        }
    }

    #[test]
    fn of_several_lifts_the_highest_counts_and_an_inner_one_leaves_the_outer() {
        let unit = unit();
        unit.set_class(Low);
        unit.lift(Normal);
        let before = unit.lifted();
        unit.lift(High);
        unit.lift(Normal);
        assert_eq!(unit.priority(), High);
        unit.restore(before);
        assert_eq!(unit.priority(), Normal);
        unit.restore(None);
        assert_eq!(unit.priority(), Low);
    }

    #[test]
    fn only_the_high_class_is_lowered_and_an_heir_is_not() {
        let unit = unit();
        assert!(!unit.lower());
        unit.set_class(High);
        assert!(unit.lower());
        assert!(!unit.lower(), "once is enough");
        assert_eq!((unit.class(), unit.priority()), (High, Normal));
        unit.lift(High);
        assert_eq!(unit.priority(), High);
        unit.restore(None);
        unit.recover();
        assert_eq!(unit.priority(), High);
    }

    #[test]
    fn a_new_life_forgets_the_class_of_the_old_one() {
        let unit = unit();
        unit.set_class(High);
        unit.lift(High);
        unit.recycle();
        assert!(unit.is_ordinary());
    }

    #[test]
    fn classes_do_not_disturb_requests() {
        let unit = unit();
        unit.set_class(High);
        unit.cancel();
        assert!(unit.is_canceled());
        unit.set_class(Low);
        assert!(unit.is_canceled());
        unit.mask_cancel(true);
        assert!(!unit.is_canceled());
        assert_eq!(unit.priority(), Low);
    }
}
