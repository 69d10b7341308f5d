//! What others ask of a unit besides to stop: to do something when it next polls or waits, and to unwind.
//!
//! Some bits of the unit's requests (`ASKED`) tell the owner, who looks there anyway:
//! whether he is to look at what was left for him (`INTERRUPT`), to unwind (`UNWIND`, or
//! `FORCE` also where he masks that), and whether he is just doing the former (`ACTING`).
//!
//! Note \[Nudges\]: a unit that is parked is brought back to its stack without its wait being ended.
//! Whoever nudges it takes `PARKED` out of the wait word, by compare-and-swap, and makes it ready. The wait
//! stays open, so its tickets, nodes and timers stay good. Whoever claims it meanwhile finds a waiter that
//! is not parked, and so raises `DONE` in the end, as for one who is about to park. The unit comes back,
//! finds neither `PARKED` nor `DONE`, does what it is asked, and parks once more, in the same wait. It is
//! made ready by one party only: either the nudge took `PARKED` away before there was a claim, or the claim came
//! first, and then there is no nudge. Nothing is asked in vain: who asks changes the word (by writing what he reads)
//! after he has asked, and who parks looks for requests after he has changed the word.

use crate::{
    Unit, current,
    facade::atomic::Ordering::*,
    unit::MASKED,
    word::{self, BLOCKING, CLAIMED, DONE, PARKED, WAITING},
};

/// Something was left for the owner to be done at his next poll or wait.
const INTERRUPT: u16 = 1 << 2;
/// The next wait starts unwinding, unless that is masked.
const UNWIND: u16 = 1 << 3;
/// The next wait starts unwinding.
const FORCE: u16 = 1 << 4;
/// The owner does what was left for him, while a wait of his is open.
const ACTING: u16 = 1 << 5;
/// Any of these.
pub(crate) const ASKED: u16 = INTERRUPT | UNWIND | FORCE | ACTING;

impl Unit {
    /// Whether anything is asked of the unit but to stop: then it is to be attended to at the beginning of
    /// its next wait.
    #[inline(always)]
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.requests.load(Relaxed) & ASKED != 0
    }

    fn ask(&self, what: u16) {
        // Ordering: Release: what was left for the unit. Partner: the Acquire in `settle_asks`.
        self.requests.fetch_or(what, Release);
    }

    /// What is asked by now, of which `what` is not asked any more. Owner only, who is about to see to it.
    fn settle_asks(&self, what: u16) -> u16 {
        // Ordering: Acquire. Partner: the Release in `ask`. What is asked after this is noted anew.
        self.requests.fetch_and(!what, Acquire)
    }

    /// Asks the unit to unwind at the beginning of its next wait, and cancels the current one. If it masks
    /// cancellation, then only once it does not any more, unless `force` is set.
    pub fn request_unwind(&'static self, force: bool) {
        self.ask(if force { FORCE | UNWIND } else { UNWIND });
        self.cancel();
    }

    /// Whether the unit is to unwind at its next wait.
    #[inline]
    #[must_use]
    pub fn is_unwind_due(&self) -> bool {
        self.is_asked() && {
            let asks = self.requests.load(Relaxed);
            asks & FORCE != 0 || asks & (UNWIND | MASKED) == UNWIND
        }
    }

    /// Whether the unit is to unwind whatever it masks.
    #[must_use]
    pub fn is_unwind_forced(&self) -> bool {
        self.requests.load(Relaxed) & FORCE != 0
    }

    /// Tells the unit, of a kind that has operations, that something was left for it to be done at its next
    /// poll or wait. One that is parked comes back for it, and waits on: Note \[Nudges\].
    pub fn interrupt(&'static self) {
        self.ask(INTERRUPT);
        // A change that writes what it reads. If it comes before that of `commit_park`, that sees the
        // request; if after, we see the unit parked.
        self.touch();
        self.nudge();
    }

    /// Whether something was left for the unit. Owner only; it is so no more afterwards.
    pub fn take_interrupt(&self) -> bool {
        self.requests.load(Relaxed) & INTERRUPT != 0 && self.settle_asks(INTERRUPT) & INTERRUPT != 0
    }

    /// For the owner's parker, once the wait is in the word.
    pub(crate) fn nudge_if_interrupted(&'static self) {
        if self.requests.load(Relaxed) & INTERRUPT != 0 {
            self.nudge();
        }
    }

    fn nudge(&'static self) {
        // Acquire: the saved stack (partner: `commit_park`); Release: so that whoever claims the wait afterwards sees what
        // came before.
        let nudge = |old| {
            let is_parked = old & (WAITING | PARKED | CLAIMED | BLOCKING) == WAITING | PARKED;
            is_parked.then_some(old & !PARKED)
        };
        if self.change(nudge, Self::as_said).is_some()
            && let Some(ops) = self.ops()
        {
            // SAFETY: the unit was parked, and we alone took that from it; its wait is open,
            // so nobody else makes it ready before it has parked again.
            unsafe { (ops.ready)(self, current::here()) }
        }
    }

    /// Whether the unit came back though its wait is not over: it was nudged, and is to park again once it
    /// has attended to what it is asked. Owner only, after it parked.
    #[inline(always)]
    #[must_use]
    pub fn is_nudged(&self) -> bool {
        // Ordering: Acquire. Partner: the AcqRel that raised `DONE`, or that of the claim.
        self.word.load(Acquire) & (PARKED | DONE) == 0
    }

    /// Notes that the wait in the word goes on, for an owner who parked without having begun it: see
    /// [`commit_park_token`](Self::commit_park_token). Owner only, after a nudge.
    pub fn wait_on(&self) {
        let now = self.word.load(Relaxed);
        self.set_begun(word::number(now), now);
    }

    /// Says that the owner does what was left for him, while a wait of his is open; or that he is done with
    /// it. Meanwhile he waits, if at all, as the thread he is on. Owner only.
    pub fn set_acting(&self, acting: bool) {
        if acting {
            self.ask(ACTING);
        } else {
            self.settle_asks(ACTING);
        }
    }

    /// Whether he does.
    #[must_use]
    pub fn is_acting(&self) -> bool {
        self.requests.load(Relaxed) & ACTING != 0
    }
}
