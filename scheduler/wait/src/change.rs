//! How the wait word is changed: by a read-modify-write, or by a store, by the worker for which it is reserved.
//!
//! Two read-modify-writes, of the one who parks and of the one who claims, are most of what a wait costs, and they are there
//! only for the case that the two meet. Fibers of one worker never do. So a word whose unit has parked so often in a row on
//! one worker, with nobody on another thread ending a wait in between, is reserved for the thread of that worker: it bears
//! the thread's [badge](crate::badge).
//!
//! ```text
//!  free ──parked so often in a row on one worker──► RESERVED ──anybody else wants to change it──► free
//! ```
//!
//! Whoever changes the word says how, and comes here: [`Unit::change`]. So nobody else need know of this: a change is one
//! step, whichever way it is made.
//!
//! Source: Kawachiya, Koseki, Onodera, *Lock Reservation* (2002).
//!
//! Invariants: `RESERVED` is raised only by the one who parks, on the thread that wears the badge `keeper`, by a
//! read-modify-write; it is cleared only by one who [holds](Badge::hold) that badge, and has stopped it or wears it. `keeper` is
//! written only by one who parks, while `RESERVED` is down.

use crate::{
    Unit,
    badge::{Badge, Inside, NONE},
    current,
    facade::atomic::Ordering::*,
    word::{RESERVED, ROUND_ONE, ROUNDS},
};

impl Unit {
    /// Changes the word to what `how` makes of it, in one step, and says what was in it. `None`: there is nothing to change,
    /// says `how`. It may be asked several times. If the word is reserved for nobody, `then` is asked what is to be in it
    /// instead of that.
    #[inline(always)]
    pub(crate) fn change(
        &self,
        how: impl Fn(u64) -> Option<u64>,
        then: impl Fn(&Self, u64) -> u64,
    ) -> Option<u64> {
        // Ordering: Acquire, here and below: what came before the last change. Partner: every change.
        let old = self.word.load(Acquire);
        if old & RESERVED != 0
            && let Some(_inside) = self.enter(current::badge())
        {
            return self.change_inside(old, how);
        }
        self.change_shared(old, how, then)
    }

    /// As [`change`](Self::change), if the word is reserved for the caller, who wears `badge`. `None`: it is not, or there is
    /// nothing to change.
    #[inline(always)]
    pub(crate) fn change_own(
        &self,
        badge: u8,
        how: impl FnOnce(u64) -> Option<u64>,
    ) -> Option<u64> {
        // Ordering: Acquire, as in `change`.
        let old = self.word.load(Acquire);
        if old & RESERVED == 0 {
            return None;
        }
        let _inside = self.enter(badge)?;
        self.change_inside(old, how)
    }

    /// Without a read-modify-write. `old` is still in the word: others change it only once the badge is stopped, and that was
    /// put on before we looked.
    #[inline(always)]
    fn change_inside(&self, old: u64, how: impl FnOnce(u64) -> Option<u64>) -> Option<u64> {
        let new = how(old)?;
        // Ordering: Release: what came before this change. Partner: the Acquire of every other, and of who looks.
        self.word.store(new, Release);
        Some(old)
    }

    #[inline(never)]
    fn change_shared(
        &self,
        mut old: u64,
        how: impl Fn(u64) -> Option<u64>,
        then: impl Fn(&Self, u64) -> u64,
    ) -> Option<u64> {
        loop {
            if old & RESERVED != 0 {
                match self.enter(current::badge()) {
                    Some(_inside) => return self.change_inside(old, how),
                    None => self.put_on_again_or_share(),
                }
                // Ordering: Acquire, as in `change`.
                old = self.word.load(Acquire);
                continue;
            }
            let new = then(self, how(old)?);
            // Ordering: AcqRel, as above.
            match self.word.compare_exchange_weak(old, new, AcqRel, Acquire) {
                Ok(_) => return Some(old),
                Err(now) => old = now,
            }
        }
    }

    /// Changes the word to what it is, and says what that is: so that this has a place among its changes.
    pub(crate) fn touch(&self) -> u64 {
        if self.word.load(Relaxed) & RESERVED == 0 {
            // Ordering: AcqRel, as above. If the word has become reserved meanwhile this takes nothing from the one who is
            // inside, for it writes what it reads, but has no place among his changes, either.
            let now = self.word.fetch_or(0, AcqRel);
            if now & RESERVED == 0 {
                return now;
            }
        }
        let now = self.change(Some, Self::as_said);
        now.unwrap_or_else(|| unreachable!("there is always something to write"))
    }

    /// Lets the caller in, who wears this badge, if the word, which is reserved, is so for him.
    #[inline(always)]
    fn enter(&self, number: u8) -> Option<Inside<'_>> {
        if self.keeper.load(Relaxed) != number {
            return None;
        }
        self.badge(number).enter()
    }

    #[cold]
    fn put_on_again_or_share(&self) {
        let number = current::badge();
        let is_mine = self.keeper.load(Relaxed) == number;
        if !(is_mine && self.badge(number).put_on_again()) {
            self.share();
        }
    }

    /// Ends the reservation.
    #[cold]
    #[inline(never)]
    fn share(&self) {
        // Ordering: Acquire, here and below. Partner: the Release in `after_round`.
        let number = self.keeper.load(Acquire);
        let held = self.badge(number).hold();
        // Ordering: Acquire, and before the keeper: it is then that of this reservation, or a later one.
        if self.word.load(Acquire) & RESERVED == 0 || self.keeper.load(Acquire) != number {
            return;
        }
        if current::badge() != number {
            held.stop();
        }
        // Ordering: Acquire, both of them, as above.
        let word = self.word.load(Acquire);
        let keeper = self.keeper.load(Acquire);
        if word & RESERVED != 0 && keeper == number {
            let shared = word & !(RESERVED | ROUNDS);
            // Ordering: AcqRel, as in `change`. It fails only if the reservation was another.
            let _ = self.word.compare_exchange(word, shared, AcqRel, Relaxed);
        }
    }

    /// What is to be in the word of a fiber that parks now, instead of `new`: one round more, or the reservation.
    pub(crate) fn after_round(&self, new: u64) -> u64 {
        let number = current::badge();
        if number == NONE {
            return new;
        }
        if self.keeper.load(Relaxed) != number {
            // Ordering: Release. Partner: the Acquire in `share`.
            self.keeper.store(number, Release);
            return new & !ROUNDS;
        }
        if new & ROUNDS != ROUNDS {
            return new + ROUND_ONE;
        }
        let badge = self.badge(number);
        if badge.counts() || badge.put_on_again() {
            new | RESERVED
        } else {
            new & !ROUNDS
        }
    }

    /// What is to be in the word of a wait that the caller ends, instead of `new`: from another worker it begins the rounds anew.
    pub(crate) fn after_claim(&self, new: u64) -> u64 {
        if new & ROUNDS == 0 || self.keeper.load(Relaxed) == current::badge() {
            new
        } else {
            new & !ROUNDS
        }
    }

    /// The word is to be as it was said.
    #[inline(always)]
    pub(crate) fn as_said(&self, new: u64) -> u64 {
        new
    }

    /// Ends the reservation before the unit has another life.
    #[inline]
    pub(crate) fn free_word(&self) {
        // Liveness: nobody parks it, so nobody reserves it anew.
        while self.word.load(Relaxed) & RESERVED != 0 {
            self.share();
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "in a model each unit has one")]
    fn badge(&self, number: u8) -> &Badge {
        Badge::of(number)
    }

    #[cfg(any(loom, shuttle))]
    fn badge(&self, _: u8) -> &Badge {
        &self.badge
    }

    /// Reserves the word for the calling thread, which wears `number`.
    #[cfg(any(loom, shuttle))]
    pub fn reserve_for_caller(&self, number: u8) {
        // SAFETY: the slot of this thread.
        unsafe { &*current::slot() }.set_badge(number);
        // Ordering: Release, then AcqRel, as in `after_round` and `change`. Partner: `share`.
        self.keeper.store(number, Release);
        self.word.fetch_or(RESERVED, AcqRel);
    }
}
