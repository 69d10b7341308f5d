//! The wait word: one number that says how far a unit's current wait has come, and who ended it.
//!
//! ```text
//! | wait number (44) | rounds (8) | reserved | unwaited token | outcome (2) | liftable | unparkable | cancelable | blocking | done | claimed | parked | waiting |
//!
//!   over (n) ──after the stack is saved──► waiting+parked (n+1)
//!    ▲   │ claim                             │ claim
//!    │   ▼                                   ▼
//!    │  waiting+claimed (n+1) ──(it parks meanwhile)──► +claimed+parked ──ready──► runs
//!    │   │ done                                            │ done (threads)
//!    └───┴─────────────────────────────────────────────────┘
//! ```
//!
//! Note \[The next wait\]: to begin a wait changes nothing in the word. Its number is the one after the
//! number in the word, so a ticket is good for the wait that the word shows and, if that is over, for the
//! one after it. Whoever comes first, the owner who parks or a party with a ticket, writes the number and
//! what he has to say by one compare-and-swap. So a wait that is parked and ended costs two of these, not
//! three. It rests on this: no ticket is out for the number after a wait that is not over, and one that was
//! given out is used up by parking or by withdrawing before the next is. What must be known of a wait
//! before it is in the word (its kind) lies beside it, see `Unit::begun`.
//!
//! `rounds` and `reserved` have nothing to do with waits: see [`change`](crate::change).
//!
//! Invariants: only the owner raises `PARKED`; only the owner gives out the next number, and only
//! he or a party with a ticket of it writes it; only the
//! one party that raised `CLAIMED` may raise `DONE`, later or by the same step; the outcome is written together with
//! `CLAIMED`, by the same compare-and-swap, and so is decided exactly once.

/// The wait with this number has begun. Cleared by the owner when it withdraws.
pub(crate) const WAITING: u64 = 1;
/// The owner is off its stack (a fiber) or about to sleep (a thread). Set once a wait.
pub(crate) const PARKED: u64 = 1 << 1;
/// Somebody has won the wait. No second claim can succeed.
pub(crate) const CLAIMED: u64 = 1 << 2;
/// The winner is finished with the waiter's memory; the owner may go on.
pub(crate) const DONE: u64 = 1 << 3;
/// The owner is a fiber that may not leave its thread now, so it sleeps with it.
pub(crate) const BLOCKING: u64 = 1 << 4;
/// A cancellation may end this wait.
pub(crate) const CANCELABLE: u64 = 1 << 5;
/// The park token may end this wait.
pub(crate) const UNPARKABLE: u64 = 1 << 6;
/// Whoever makes the owner more urgent may end this wait, as woken.
pub(crate) const LIFTABLE: u64 = 1 << 7;
const OUTCOME_SHIFT: u32 = 8;
const OUTCOME_MASK: u64 = 0b11 << OUTCOME_SHIFT;
/// A park token that nobody has consumed. Survives other waits.
pub(crate) const TOKEN: u64 = 1 << 10;
/// One worker changes this word without a read-modify-write.
pub(crate) const RESERVED: u64 = 1 << 11;
/// How often in a row its unit has parked on one worker.
pub(crate) const ROUND_ONE: u64 = 1 << 12;
pub(crate) const ROUNDS: u64 = 0xff * ROUND_ONE;
/// The lowest bit of the wait number. There are numbers for days of one unit that does nothing but wait.
pub(crate) const NUMBER_ONE: u64 = 1 << 20;
const NUMBER_MASK: u64 = !(NUMBER_ONE - 1);
/// What has nothing to do with one wait, and stays when it is over.
const KEPT: u64 = TOKEN | RESERVED | ROUNDS;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Outcome {
    /// What was waited for happened.
    Woken = 0,
    /// The deadline passed first.
    TimedOut = 1,
    /// The waiter itself was canceled, or its runtime shuts down.
    Canceled = 2,
    /// The stop token of this wait was triggered.
    Stopped = 3,
}

impl Outcome {
    pub(crate) const fn bits(self) -> u64 {
        (self as u64) << OUTCOME_SHIFT
    }

    pub(crate) const fn of(word: u64) -> Self {
        match (word & OUTCOME_MASK) >> OUTCOME_SHIFT {
            0 => Self::Woken,
            1 => Self::TimedOut,
            2 => Self::Canceled,
            _ => Self::Stopped,
        }
    }
}

/// The wait number in `word`.
pub(crate) const fn number(word: u64) -> u64 {
    word & NUMBER_MASK
}

/// The word of the wait after the one in `word`.
pub(crate) const fn next_wait(word: u64, kind: u64) -> u64 {
    number(word).wrapping_add(NUMBER_ONE) | (word & KEPT) | WAITING | kind
}

/// The word of a wait that was over, as woken, before it began.
pub(crate) const fn over(word: u64) -> u64 {
    number(word).wrapping_add(NUMBER_ONE) | (word & KEPT) | DONE
}

/// The word of the wait that is begun in `word`, or begins with this; of a wait in it all is kept.
pub(crate) const fn begun(word: u64, wait: u64, kind: u64) -> u64 {
    if number(word) == wait {
        word | kind
    } else {
        next_wait(word, kind)
    }
}

/// The word after a claim of `wait`, which leaves `bits`. `None`: it is not [open](claimable) to one.
#[inline(always)]
pub(crate) const fn claimed(word: u64, wait: u64, bits: u64) -> Option<u64> {
    if number(word) == wait {
        if word & (WAITING | CLAIMED) == WAITING {
            return Some(word | bits);
        }
    } else if number(word).wrapping_add(NUMBER_ONE) == wait {
        return Some(next_wait(word, bits));
    }
    None
}

/// The word after the owner has withdrawn from `wait`.
pub(crate) const fn withdrawn(word: u64, wait: u64) -> u64 {
    wait | (word & KEPT)
}

/// Whether `wait` is still open to a claim: it is in the word, or is the next one.
pub(crate) const fn claimable(word: u64, wait: u64) -> bool {
    if number(word) == wait {
        word & (WAITING | CLAIMED) == WAITING
    } else {
        number(word).wrapping_add(NUMBER_ONE) == wait
    }
}

/// What an onlooker may say about the word.
pub(crate) fn describe(word: u64) -> &'static str {
    if word & WAITING == 0 {
        "running"
    } else if word & CLAIMED != 0 {
        "woken"
    } else if word & PARKED != 0 {
        "parked"
    } else {
        "parking"
    }
}
