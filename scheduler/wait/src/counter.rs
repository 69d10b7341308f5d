//! The time by the processor's counter: for the deadlines of long waits, most of which are not reached.
//!
//! To read the system's clock takes 29 ns on a virtual Xeon, more than all else that a deadline costs: it waits for whatever
//! comes before it. To read the counter of which the system makes that clock takes 10. So a thread notes what both show, once a
//! millisecond at most, and in between adds what the counter has come on by.
//!
//! Invariant: what comes out is not before the clock, and some microseconds after it at most. For a note has the clock a little
//! after the counter. And the rate that is used is a 512th higher than the one found, while the system corrects its clock by a
//! 2000th at most, and what is found over ten milliseconds is off by a 5000th at most. A note is good for a millisecond, and only
//! if it agreed with the one before. So what changes a counter (a virtual machine that is moved to another, say) is noticed,
//! and until two notes agree again the clock is read.

use crate::{
    current,
    facade::{atomic::Ordering::Relaxed, clock, plain::AtomicBool},
};
use std::cell::Cell;

/// For how long a note is good, in nanoseconds.
const GOOD_FOR: u64 = 1_000_000;
/// How far two notes lie apart of which the rate is taken, at least, and how far at most if they are to tell anything.
const APART: u64 = 10_000_000;
const TOO_FAR: u64 = 100_000_000;
/// In how many counts both are read, unless the thread was interrupted in between: then nothing is noted.
const BOTH: u64 = 1 << 12;
/// In nanoseconds, what is allowed for that.
const SLACK: u64 = 4_000;

/// Whether the system makes its clock of the counter. A fact about the machine and its kernel.
static IS_CLOCK: AtomicBool = AtomicBool::new(false);

/// Finds out whether the system makes its clock of the processor's counter. Until then the clock is read.
pub fn prepare() {
    const FILE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    if READABLE {
        let source = std::fs::read_to_string(FILE);
        let is_clock = source.is_ok_and(|name| name.trim() == "tsc");
        IS_CLOCK.store(is_clock, Relaxed);
    }
}

/// Whether there is a counter that we can read.
const READABLE: bool = cfg!(all(
    target_arch = "x86_64",
    target_os = "linux",
    not(any(loom, shuttle, miri))
));

#[inline(always)]
fn counter() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it reads a counter that each processor of this kind has, and is called only where that is `READABLE`.
    let shown = unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    let shown = 0;
    shown
}

/// The time on the monotonic clock, in nanoseconds, or some microseconds later.
#[inline]
pub(crate) fn now_or_later() -> u64 {
    if !READABLE {
        return clock::now();
    }
    // SAFETY: nothing below suspends.
    let here = unsafe { current::here() };
    here.notes().now_or_later()
}

/// What a thread knows of counter and clock. See the [module documentation](self).
#[derive(Debug)]
pub(crate) struct Notes {
    /// What the counter showed.
    counter: Cell<u64>,
    /// What the clock showed right after.
    clock: Cell<u64>,
    /// Nanoseconds in 2^32 counts, and a 512th more. Zero: not known yet.
    rate: Cell<u64>,
    /// For how many counts these are good. Zero: they do not agree with those before.
    good_for: Cell<u64>,
}

impl Notes {
    pub(crate) const fn new() -> Self {
        Self {
            counter: Cell::new(0),
            clock: Cell::new(0),
            rate: Cell::new(0),
            good_for: Cell::new(0),
        }
    }

    #[inline]
    fn now_or_later(&self) -> u64 {
        let good_for = self.good_for.get();
        if good_for != 0 {
            let counter = counter();
            if counter.wrapping_sub(self.counter.get()) < good_for {
                return self.at(counter);
            }
        }
        self.read()
    }

    /// The time at which the counter shows `counter`, or later.
    #[inline(always)]
    fn at(&self, counter: u64) -> u64 {
        let passed = counter.wrapping_sub(self.counter.get());
        let nanos = (u128::from(passed) * u128::from(self.rate.get())) >> 32;
        self.clock.get().saturating_add(nanos as u64)
    }

    #[cold]
    #[inline(never)]
    fn read(&self) -> u64 {
        if !IS_CLOCK.load(Relaxed) {
            return clock::now();
        }
        let (before, now, after) = (counter(), clock::now(), counter());
        if after.wrapping_sub(before) < BOTH {
            self.note(before, now, after);
        }
        now
    }

    /// The clock showed `now` while the counter went from `before` to `after`.
    fn note(&self, before: u64, now: u64, after: u64) {
        let rate = self.rate.get();
        let took = now.saturating_sub(self.clock.get());
        let least = if rate == 0 { APART } else { GOOD_FOR / 2 };
        if took < least {
            return;
        }
        self.good_for.set(0);
        if took >= TOO_FAR {
            // They tell nothing of each other. The next ones may agree with these.
        } else if rate == 0 {
            let passed = before.wrapping_sub(self.counter.get()).max(1);
            let found = (u128::from(took) << 32) / u128::from(passed);
            self.rate.set((found + found / 512) as u64);
        } else if self.at(after) >= now && self.at(before) <= now + took / 256 + SLACK {
            self.good_for.set((GOOD_FOR << 32) / rate);
        } else {
            self.rate.set(0);
        }
        self.counter.set(before);
        self.clock.set(now);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_before_the_clock_and_hardly_after_it() {
        prepare();
        let notes = Notes::new();
        let end = clock::now() + 30_000_000;
        loop {
            let before = clock::now();
            let said = notes.now_or_later();
            let after = clock::now();
            assert!(said >= before, "{said} is before {before}");
            assert!(said <= after + 20_000, "{said} is long after {after}");
            if after > end {
                break;
            }
        }
    }

    const COUNTS: u64 = 3;

    /// Notes of a counter that goes on by so many a nanosecond, the last of them at `now`.
    fn agreeing(now: u64) -> Notes {
        let notes = Notes::new();
        for at in [now - 2 * APART, now - APART, now] {
            notes.note(at * COUNTS, at, at * COUNTS + 60);
        }
        assert_ne!(notes.good_for.get(), 0);
        notes
    }

    #[test]
    fn notes_that_agree_are_good_for_a_millisecond() {
        let now = 1 << 40;
        let notes = agreeing(now);
        for passed in [0, 1_000, GOOD_FOR] {
            let said = notes.at((now + passed) * COUNTS);
            assert!(said >= now + passed && said <= now + passed + passed / 256 + 1);
        }
        assert!(notes.good_for.get() <= GOOD_FOR * COUNTS);
    }

    #[test]
    fn a_counter_that_goes_another_way_is_not_believed() {
        let now = 1 << 40;
        for counter in [
            // Slower than before, quicker, stopped, back at the beginning.
            now * COUNTS + APART * COUNTS * 9 / 10,
            now * COUNTS + APART * COUNTS * 11 / 10,
            now * COUNTS,
            7,
        ] {
            let notes = agreeing(now);
            notes.note(counter, now + APART, counter + 60);
            assert_eq!(notes.good_for.get(), 0);
        }
        let notes = agreeing(now);
        notes.note(
            (now + TOO_FAR) * COUNTS,
            now + TOO_FAR,
            (now + TOO_FAR) * COUNTS + 60,
        );
        assert_eq!(notes.good_for.get(), 0, "who asks seldom reads the clock");
        let next = now + TOO_FAR + GOOD_FOR;
        notes.note(next * COUNTS, next, next * COUNTS + 60);
        assert_ne!(notes.good_for.get(), 0);
    }
}
