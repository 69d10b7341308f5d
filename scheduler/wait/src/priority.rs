//! How urgent a unit is: the class it was given, what it inherits, and what it has lost for a while.
//!
//! ```text
//!  requests of a unit:   | lent: high (3) | lent: normal (3) | lowered (1) | class (2) | raised (1) | requests (6) |
//! ```
//!
//! All of it lies in the unit's word of requests, so that whoever makes the unit ready finds it in a
//! cache line that it has at hand, and one comparison tells that there is nothing to it.
//!
//! Note \[Lent urgency\]: a unit may hold several locks for which more urgent ones wait, and give them back in
//! any order. So it does not keep the highest of what was lent to it, which could not be taken back, but counts
//! how many lend it what. Each lock [lends](Unit::lift) once at a time, and [takes back](Unit::unlift) what it
//! lent. A unit that becomes more urgent while it waits for a lock itself is brought out of that
//! wait: it begins another one, now with its new urgency, and so lends it to the next in the chain. Nobody
//! follows a pointer to what another one waits for, which may be gone. So is a unit that is given a lower class. But one that
//! only loses what was lent to it waits on, and the next in the chain is as urgent as before until somebody gives
//! up there, or the lock is released: else two changes could follow one another round a ring of holders for ever.

use crate::{
    Unit,
    facade::{atomic::Ordering::Relaxed, plain::AtomicUsize},
};

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

/// What makes a unit more or less urgent. Zero: of the normal class, and nothing to be said about it.
const ALL: u16 = !(0b11_1111 | RAISED);
/// How urgent it is has changed in a way that it is to pass on, and it has not begun a wait since in which it would.
const RAISED: u16 = 1 << 6;
const CLASS_SHIFT: u32 = 7;
const TWO_BITS: u16 = 0b11;
/// It has used up a whole slice of a class in which that is not done, and has not waited since.
const LOWERED: u16 = 1 << 9;
/// One that lends the normal class, and one that lends the high class.
const ONE_NORMAL: u16 = 1 << 10;
const ONE_HIGH: u16 = 1 << 13;
/// As many as are counted.
const MOST: u16 = 0b111;

/// All ones if a unit was ever given another class than the normal one: a hint for locks, which then note their
/// holders so that they can be found. It stays.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether priorities matter to anybody in this process.
#[inline(always)]
pub(crate) fn are_used() -> bool {
    USED.load(Relaxed) != 0
}

/// Zero, the word of a free lock, until priorities matter to anybody; then what is no lock's word.
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
pub(crate) fn free_word() -> usize {
    USED.load(Relaxed)
}

impl Priority {
    /// Whether any unit of this process was ever given another class than the normal one: before that no lock
    /// need ask who is how urgent. In a model always, so that all its executions are alike.
    #[inline(always)]
    #[must_use]
    pub fn matters() -> bool {
        cfg!(any(loom, shuttle)) || are_used()
    }

    /// Normal is zero.
    fn code(self) -> u16 {
        match self {
            Self::Normal => 0,
            Self::High => 1,
            Self::Low => 2,
        }
    }

    fn of_code(code: u16) -> Self {
        match code & TWO_BITS {
            1 => Self::High,
            2 => Self::Low,
            _ => Self::Normal,
        }
    }

    /// One more that lends it; `None` for the low class, which is of no use to anybody.
    fn one(self) -> Option<u16> {
        match self {
            Self::High => Some(ONE_HIGH),
            Self::Normal => Some(ONE_NORMAL),
            Self::Low => None,
        }
    }
}

fn class(bits: u16) -> Priority {
    Priority::of_code(bits >> CLASS_SHIFT)
}

/// The highest that is lent.
fn lent(bits: u16) -> Option<Priority> {
    if bits >= ONE_HIGH {
        Some(Priority::High)
    } else if bits >= ONE_NORMAL {
        Some(Priority::Normal)
    } else {
        None
    }
}

/// How many lend what `one` is one of.
fn count(bits: u16, one: u16) -> u16 {
    (bits / one) & MOST
}

/// What all of it comes to.
fn effective(bits: u16) -> Priority {
    let own = match class(bits) {
        Priority::High if bits & LOWERED != 0 => Priority::Normal,
        own => own,
    };
    lent(bits).map_or(own, |lent| own.max(lent))
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
        if to != Priority::Normal && !are_used() {
            USED.store(usize::MAX, Relaxed);
        }
        self.change_requests(PartialEq::ne, |bits| {
            Some((bits & !(TWO_BITS << CLASS_SHIFT | LOWERED)) | to.code() << CLASS_SHIFT)
        });
    }

    /// Makes the unit at least as urgent as `to`, until [`unlift`](Self::unlift) takes that back: whoever is
    /// about to wait for something that the unit holds lends it his own urgency. Callable from anywhere, for as
    /// long as the unit is known to hold the thing; never blocks.
    ///
    /// False: nothing was lent, because `to` is no help to anybody, or because as many as are counted (7)
    /// lend the same.
    #[must_use = "only what was lent may be taken back"]
    pub fn lift(&'static self, to: Priority) -> bool {
        let Some(one) = to.one() else {
            return false;
        };
        self.change_requests(PartialOrd::gt, |bits| {
            (count(bits, one) < MOST).then(|| bits + one)
        })
    }

    /// Takes back what [`lift`](Self::lift) lent, once for each time. Callable from anywhere.
    pub fn unlift(&'static self, from: Priority) {
        if let Some(one) = from.one() {
            // A later life of the unit has nothing of it.
            self.change_requests(PartialOrd::gt, |bits| {
                (count(bits, one) > 0).then(|| bits - one)
            });
        }
    }

    /// The highest that is lent to the unit now.
    #[must_use]
    pub fn lifted(&self) -> Option<Priority> {
        lent(self.requests.load(Relaxed))
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

    /// Whether the unit is to pass on another urgency than when it was last asked to [heed](Self::heed_raise) that.
    pub(crate) fn is_raised(&self) -> bool {
        self.requests.load(Relaxed) & RAISED != 0
    }

    /// From here on the unit looks at its priority before it waits. Owner only.
    pub(crate) fn heed_raise(&self) {
        if self.is_raised() {
            self.requests.fetch_and(!RAISED, Relaxed);
        }
    }

    /// Changes the bits. Tells the unit's kind if that made it more urgent, and the unit if it is to pass on the new urgency,
    /// which `passes_on` says of it and the old one. False: there was nothing to change.
    fn change_requests(
        &'static self,
        passes_on: fn(&Priority, &Priority) -> bool,
        how: impl Fn(u16) -> Option<u16>,
    ) -> bool {
        let mut old = self.requests.load(Relaxed);
        let new = loop {
            let Some(mut new) = how(old) else {
                return false;
            };
            if passes_on(&effective(new), &effective(old)) {
                new |= RAISED;
            }
            match self
                .requests
                .compare_exchange_weak(old, new, Relaxed, Relaxed)
            {
                Ok(_) => break new,
                Err(now) => old = now,
            }
        };
        let (new, old) = (effective(new), effective(old));
        if new > old
            && let Some(ops) = self.ops()
        {
            (ops.raised)(self);
        }
        if passes_on(&new, &old) {
            self.end_liftable_wait();
        }
        true
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
    fn what_is_lifted_is_never_less_urgent_than_its_class_and_is_taken_back() {
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
            let lent = unit.lift(lift);
            assert_eq!(lent, lift != Low, "the low class is no help");
            assert_eq!(unit.priority(), comes_to, "{class:?} lifted to {lift:?}");
            if lent {
                unit.unlift(lift);
            }
            assert_eq!((unit.priority(), unit.lifted()), (class, None));
        }
    }

    #[test]
    fn of_several_lifts_the_highest_counts_in_whatever_order_they_are_taken_back() {
        let unit = unit();
        unit.set_class(Low);
        for lift in [Normal, High, High, Normal] {
            assert!(unit.lift(lift));
        }
        for (back, comes_to) in [(High, High), (Normal, High), (High, Normal), (Normal, Low)] {
            unit.unlift(back);
            assert_eq!(unit.priority(), comes_to);
        }
    }

    #[test]
    fn what_is_not_counted_is_not_lent_and_nothing_is_taken_back_twice() {
        let unit = unit();
        assert_eq!((0..20).filter(|_| unit.lift(High)).count(), 7);
        assert!(unit.lift(Normal), "it is counted by itself");
        for _ in 0..20 {
            unit.unlift(High);
        }
        assert_eq!(unit.lifted(), Some(Normal));
        unit.unlift(Normal);
        assert!(unit.is_ordinary());
    }

    #[test]
    fn only_the_high_class_is_lowered_and_an_heir_is_not() {
        let unit = unit();
        assert!(!unit.lower());
        unit.set_class(High);
        assert!(unit.lower());
        assert!(!unit.lower(), "once is enough");
        assert_eq!((unit.class(), unit.priority()), (High, Normal));
        assert!(unit.lift(High));
        assert_eq!(unit.priority(), High);
        unit.unlift(High);
        assert_eq!(unit.priority(), Normal);
        unit.recover();
        assert_eq!(unit.priority(), High);
    }

    #[test]
    fn a_new_life_forgets_the_class_of_the_old_one() {
        let unit = unit();
        unit.set_class(High);
        assert!(unit.lift(High));
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
