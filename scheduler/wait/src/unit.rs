//! A unit: whatever can wait, be it a fiber or a plain thread.
//!
//! Invariants: a unit is type-stable. Its memory is a unit until the process ends, so a stale
//! [`Ticket`] may be claimed at any time and simply loses.

use crate::{
    Deadline, Outcome, Reason,
    asks::ASKED,
    badge::NONE,
    current::{self, Here},
    facade::{
        atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::*},
        thread::{self, Thread},
    },
    local::Locals,
    numbers,
    thread::{ThreadUnit, Waker},
    word::{
        self, BLOCKING, CANCELABLE, CLAIMED, DONE, LIFTABLE, PARKED, TOKEN, UNPARKABLE, WAITING,
    },
};
use std::{cell::Cell, fmt, mem::ManuallyDrop, ptr::NonNull};

/// How a kind of unit other than a plain thread suspends and is made ready.
///
/// The scheduler installs one of these for fibers. All functions are called on the thread that
/// the sentence names, with no lock of this crate held.
#[derive(Debug)]
pub struct UnitOps {
    /// Suspends the calling unit until its wait is over: called by [`Wait::park`](crate::Wait::park)
    /// on the unit itself, after all tickets are placed. It must let the wait time out at the
    /// deadline (by claiming the ticket), and must not return before the wait is resolved. `here` is good until the unit
    /// suspends.
    pub park: unsafe fn(unit: &'static Unit, here: Here, ticket: Ticket, deadline: Deadline),
    /// Makes a parked unit runnable: called once a wait by the winner of the claim, anywhere, which is `here`.
    pub ready: unsafe fn(unit: &'static Unit, here: Here),
    /// The thread that a unit which blocks its thread (see [`Wait::block_thread`](crate::Wait::block_thread)) sleeps
    /// on: called by the winner of the claim, anywhere.
    pub thread: unsafe fn(unit: &'static Unit) -> Thread,
    /// Lets other units run first, if any are ready: called on the unit itself, between two
    /// operations. Never unwinds.
    pub give_way: fn(unit: &'static Unit),
    /// Called on the unit itself at the beginning of a wait when [something is asked](Unit::is_asked) of it:
    /// does that, which may be to start unwinding, or returns if it cannot be done now.
    pub attend: fn(unit: &'static Unit),
    /// Where the unit keeps what is its own: see [`local`](crate::local). Called on the unit itself; good
    /// until its end.
    pub locals: fn(unit: &'static Unit) -> *const Locals,
    /// Called after the unit has become more urgent, by whoever made it so, anywhere: if it lies in a
    /// queue of the less urgent, it may be moved.
    pub raised: fn(unit: &'static Unit),
    /// Whether the address lies on a stack that frames of the calling unit stand on. Called on the unit
    /// itself.
    pub is_on_stack: fn(unit: &'static Unit, address: usize) -> bool,
    /// An address on the stack that the unit's frames stand on. Called anywhere, on a unit that has begun and
    /// not ended; what it says of another one is of use only as something to be compared.
    pub place: fn(unit: &'static Unit) -> usize,
    /// A number that the unit has until it is recycled, and that no unit with this table had before or
    /// will have. Its lower half is not [`u32::MAX`]. Called on the unit itself.
    pub life: fn(unit: &'static Unit) -> u64,
}

/// Whatever can wait. See the [crate documentation](crate).
// Aligned so that a mark of a unit has its free bits: see `stack`.
#[repr(C, align(16))]
pub struct Unit {
    /// See the `word` module: written by the owner and by whoever claims or finishes a wait.
    pub(crate) word: AtomicU64,
    /// Null for a plain thread. Written once, before the unit is shared.
    ops: AtomicPtr<UnitOps>,
    /// What the unit waits on, and above it, from [`REASON_SHIFT`] on, a [`Reason`]. Written by the owner; read by onlookers.
    shown: AtomicU64,
    /// See [`number`](Self::number). Written once, by an owner; zero before.
    number: AtomicU32,
    /// `CANCEL`, `MASKED`: requests to the owner, and whether it honours them. The bits above say what else
    /// is asked of it, and how urgent it is: see the `asks` and the `priority` module.
    pub(crate) requests: AtomicU16,
    /// On which thread the unit parked last, and for which its word may be reserved: see [`change`](crate::change).
    pub(crate) keeper: AtomicU8,
    /// The wait that was begun and is not over yet: its kind, `BEGUN`, and `ODD` if its number is. 0: none.
    /// Written by the owner, read also by whoever saves his stack, and by onlookers.
    begun: AtomicU8,
    /// The one badge of a model.
    #[cfg(any(loom, shuttle))]
    pub(crate) badge: crate::badge::Badge,
    /// Loom's atomics are handles without a cell in them. Without this the compiler would take a
    /// `&Unit` for a promise that nothing is written through it, and whatever a unit is the first
    /// field of (a thread's unit, a task) is written through it.
    #[cfg(loom)]
    _shared: std::cell::UnsafeCell<()>,
}

// SAFETY: the cell is empty; everything else is an atomic.
#[cfg(loom)]
unsafe impl Sync for Unit {}

/// Every cancelable wait ends, from now on.
pub(crate) const CANCEL: u16 = 1;
/// The owner does not want to see `CANCEL` for now.
pub(crate) const MASKED: u16 = 1 << 1;

/// In `begun`: a wait has begun.
pub(crate) const BEGUN: u8 = 1;
/// In `begun`: the lowest bit of its number, which tells it from the wait before.
const ODD: u8 = 1 << 1;
/// In `begun`: those bits of the word that say which kind of wait it is.
const KIND: u8 = (CANCELABLE | UNPARKABLE | LIFTABLE) as u8;

/// In `shown`: where the reason begins. Below it is an address, which has no more bits for a program.
const REASON_SHIFT: u32 = 48;
const OBJECT: u64 = (1 << REASON_SHIFT) - 1;
const NOTHING: u64 = (Reason::None as u64) << REASON_SHIFT;

/// Whether the wait of which `begun` tells is in `word` already, and not the one before.
const fn is_in_word(begun: u8, word: u64) -> bool {
    (word & word::NUMBER_ONE != 0) == (begun & ODD != 0)
}

/// The kind of that wait, as it is in a word.
const fn kind_of(begun: u8) -> u64 {
    (begun & KIND) as u64
}

/// The word once the owner has parked in the wait of which `begun` tells. `None`: it is over already.
#[inline(always)]
const fn parked(begun: u8, how: ParkKind, word: u64) -> Option<u64> {
    let bits = PARKED | how as u64 | kind_of(begun);
    if !is_in_word(begun, word) {
        Some(word::next_wait(word, bits))
    } else if word & (WAITING | DONE) == WAITING {
        Some(word | bits)
    } else {
        None
    }
}

/// The number of the wait in which the owner has parked, if `word` is what it found.
const fn number_parked(begun: u8, word: u64) -> u64 {
    if is_in_word(begun, word) {
        word::number(word)
    } else {
        word::number(word).wrapping_add(word::NUMBER_ONE)
    }
}

/// Whether the owner of the wait in `word` has left its stack. Threads, and fibers that keep their thread, block instead.
const fn is_suspended(word: u64) -> bool {
    word & (PARKED | BLOCKING) == PARKED
}

/// Whether the token may end the wait in `word`.
const fn is_open_to_token(word: u64) -> bool {
    word & (WAITING | CLAIMED | UNPARKABLE) == WAITING | UNPARKABLE
}

impl Unit {
    /// A unit that is not waiting; `ops` is `None` for a plain thread.
    #[must_use]
    pub fn new(ops: Option<&'static UnitOps>) -> Self {
        let ops = ops.map_or(std::ptr::null_mut(), |ops| {
            std::ptr::from_ref(ops).cast_mut()
        });
        Self {
            word: AtomicU64::new(0),
            ops: AtomicPtr::new(ops),
            shown: AtomicU64::new(NOTHING),
            number: AtomicU32::new(0),
            keeper: AtomicU8::new(NONE),
            requests: AtomicU16::new(0),
            begun: AtomicU8::new(0),
            #[cfg(any(loom, shuttle))]
            badge: crate::badge::Badge::new(),
            #[cfg(loom)]
            _shared: std::cell::UnsafeCell::new(()),
        }
    }

    /// Begins a new life of the unit: forgets the requests and the park token of the previous one.
    ///
    /// The wait number goes on, so tickets of the previous life stay stale. To be called by the
    /// owner, before the unit is known to anybody new.
    #[inline]
    pub fn recycle(&self) {
        self.free_word();
        let old = self.word.load(Relaxed);
        // Ordering: Release. Partner: the Acquire in `change`, for `unpark_if`, which must not take the new
        // life's word for the old one's.
        self.word
            .store(word::number(old).wrapping_add(word::NUMBER_ONE), Release);
        self.requests.store(0, Relaxed);
        self.begun.store(0, Relaxed);
    }

    /// Whether this is a plain thread, which may spin a little where a fiber had better suspend.
    #[inline]
    #[must_use]
    pub fn is_thread(&self) -> bool {
        self.ops().is_none()
    }

    /// A number below 2^30 that no other unit has, and not zero: for locks of one small word. A unit
    /// keeps it when it is recycled. Owner only.
    ///
    /// # Panics
    /// If a thousand million units have asked for one.
    #[inline]
    #[must_use]
    pub fn number(&'static self) -> u32 {
        match self.number.load(Relaxed) {
            0 => self.take_number(),
            number => number,
        }
    }

    /// A number that no other unit has or had, and this one neither before it was last recycled; not
    /// zero. For what must not take a later unit in the same place for an earlier one. Owner only.
    #[must_use]
    pub fn life(&'static self) -> u64 {
        match self.ops() {
            Some(ops) => (ops.life)(self),
            // SAFETY: units without a table are the `unit` fields of thread units, which are immortal.
            None => unsafe { ThreadUnit::of(NonNull::from(self)) }.life(),
        }
    }

    #[cold]
    fn take_number(&'static self) -> u32 {
        let number = numbers::give(self);
        self.number.store(number, Relaxed);
        number
    }

    /// The unit that has `number`, if one has: it is the same for ever.
    #[must_use]
    pub fn of_number(number: u32) -> Option<&'static Self> {
        numbers::unit_of(number)
    }

    /// Says what the owner is about to wait for. Owner only.
    #[inline(always)]
    pub fn announce(&self, reason: Reason, object: *const ()) {
        let object = object.addr() as u64 & OBJECT;
        self.shown
            .store(object | (reason as u64) << REASON_SHIFT, Relaxed);
    }

    #[inline]
    pub(crate) fn ops(&self) -> Option<&'static UnitOps> {
        // Ordering: Relaxed. Written before the unit was shared, by whatever shared it.
        let ops = self.ops.load(Relaxed);
        // SAFETY: the pointer is null or came from a `&'static UnitOps` in `new`.
        unsafe { ops.as_ref() }
    }

    /// Begins a wait of the given kind and returns its number: Note [The next wait]. Owner only, whose thread wears `badge`.
    ///
    /// `None`: `kind` has `UNPARKABLE` and there was a token, which is now consumed.
    #[inline]
    pub(crate) fn begin(
        &self,
        badge: impl FnOnce() -> u8,
        kind: u64,
        reason: Reason,
        object: *const (),
    ) -> Option<u64> {
        if self.begun.load(Relaxed) != 0 {
            self.abandon();
        }
        self.announce(reason, object);
        if kind & UNPARKABLE == 0 {
            let number = word::number(self.word.load(Relaxed)).wrapping_add(word::NUMBER_ONE);
            self.set_begun(number, kind);
            return Some(number);
        }
        // Such a wait must be in the word from the beginning, for whoever gives the token holds
        // no ticket, and tells by the word alone whether somebody waits for it.
        let begin = move |old| {
            Some(match old & TOKEN {
                0 => word::next_wait(old, kind),
                _ => old & !TOKEN,
            })
        };
        let old = self
            .change_own(badge(), begin)
            .or_else(|| self.change(begin, Self::as_said))?;
        if old & TOKEN != 0 {
            return None;
        }
        let number = word::number(old).wrapping_add(word::NUMBER_ONE);
        self.set_begun(number, kind);
        Some(number)
    }

    /// Notes that wait `number` has begun. Owner only.
    #[inline]
    pub(crate) fn set_begun(&self, number: u64, kind: u64) {
        let odd = u8::from(number & word::NUMBER_ONE != 0) * ODD;
        self.begun.store(kind as u8 & KIND | BEGUN | odd, Relaxed);
    }

    /// The number of the wait that has begun, and its kind, given what is in the word. Owner only.
    #[inline]
    fn begun(&self, word: u64) -> (u64, u64) {
        let begun = self.begun.load(Relaxed);
        let number = word::number(word);
        let number = if is_in_word(begun, word) {
            number
        } else {
            number.wrapping_add(word::NUMBER_ONE)
        };
        (number, kind_of(begun))
    }

    /// A wait was begun and neither parked nor withdrawn, because its `Wait` was dropped: by a panic,
    /// say. Nobody may hold the next number before its tickets are stale. Owner only.
    #[cold]
    fn abandon(&self) {
        let (number, _) = self.begun(self.word.load(Relaxed));
        if !self.withdraw(number) {
            // Liveness: who has claimed it is about to finish. One who was found parked is made ready
            // instead, and so it was, for it runs.
            while self.word.load(Relaxed) & (CLAIMED | PARKED | DONE) == CLAIMED {
                thread::yield_now();
            }
            self.begun.store(0, Relaxed);
        }
    }

    /// Withdraws from wait `number`; false if somebody claimed it first. Owner only.
    #[inline]
    pub(crate) fn withdraw(&self, number: u64) -> bool {
        // `claim` loses to it.
        let withdraw = |old| word::claimable(old, number).then_some(word::withdrawn(old, number));
        let withdrawn = self.change(withdraw, Self::as_said).is_some();
        if withdrawn {
            self.begun.store(0, Relaxed);
        }
        withdrawn
    }

    /// Consumes the park token, if it is there. Owner only.
    #[inline(always)]
    #[must_use]
    pub fn take_token(&self) -> bool {
        let take = move |old: u64| (old & TOKEN != 0).then_some(old & !TOKEN);
        self.word.load(Relaxed) & TOKEN != 0 && self.change(take, Self::as_said).is_some()
    }

    /// Begins a wait for the token on behalf of an owner that is off its stack already: one
    /// compare-and-swap in place of the two of `begin` and [`commit_park`](Self::commit_park).
    /// False: the wait is over already, and the owner is to go on at once.
    ///
    /// As with `commit_park`, after `true` the owner may be running elsewhere.
    #[inline]
    pub fn commit_park_token(&'static self, here: Here) -> bool {
        let park = |old| {
            (old & TOKEN == 0).then(|| word::next_wait(old, PARKED | CANCELABLE | UNPARKABLE))
        };
        match self.change_own(here.badge(), park) {
            None => self.commit_park_token_slowly(),
            Some(old) => {
                self.look_again(CANCELABLE, || word::number(word::next_wait(old, 0)));
                true
            }
        }
    }

    #[inline(never)]
    fn commit_park_token_slowly(&'static self) -> bool {
        // Partners: `claim`, `cancel`, `unpark`.
        let park = move |old| {
            Some(match old & TOKEN {
                0 => word::next_wait(old, PARKED | CANCELABLE | UNPARKABLE),
                // Consumed here: the wait is over, as woken, before it began.
                _ => word::over(old & !TOKEN),
            })
        };
        match self.change(park, Self::after_round) {
            Some(old) if old & TOKEN == 0 => {
                self.look_again(CANCELABLE, || word::number(word::next_wait(old, 0)));
                true
            }
            _ => false,
        }
    }

    /// Records that the owner is off its stack, or about to sleep with its thread: his wait is in the
    /// word from now on. False: it is over already, and the owner is to go on at once.
    ///
    /// For a fiber this must be called once its stack is saved, by whoever saved it; after `true`
    /// the caller must not touch the fiber any more, for it may be running elsewhere.
    #[inline]
    pub fn commit_park(&'static self, here: Here, how: ParkKind) -> bool {
        let begun = self.begun.load(Relaxed);
        match self.change_own(here.badge(), |old| parked(begun, how, old)) {
            None => self.commit_park_slowly(how),
            Some(old) => {
                self.look_again(kind_of(begun), || number_parked(begun, old));
                true
            }
        }
    }

    /// As [`commit_park`](Self::commit_park), in any case: also if the wait is over already.
    #[inline(never)]
    fn commit_park_slowly(&'static self, how: ParkKind) -> bool {
        let begun = self.begun.load(Relaxed);
        // Release, so that whoever claims the wait sees the saved stack. Partner: the change in
        // `Ticket::claim`, or in `Claimed::finish` if the claim came first. Acquire, and also Release: the
        // change of this word in `cancel`. If ours comes first there, `cancel` sees this wait; if it comes
        // second, we see the request below.
        let park = move |old| parked(begun, how, old);
        let parked = match how {
            ParkKind::Suspended => self.change(park, Self::after_round),
            ParkKind::Blocked => self.change(park, Self::as_said),
        };
        let Some(old) = parked else {
            return false;
        };
        self.look_again(kind_of(begun), || number_parked(begun, old));
        true
    }

    /// A request that came before the wait, of this number, was in the word saw nothing to end.
    #[inline(always)]
    fn look_again(&'static self, kind: u64, number: impl Fn() -> u64) {
        if self.requests.load(Relaxed) & (CANCEL | ASKED) != 0 || kind & LIFTABLE != 0 {
            self.asked_while_parking(number(), kind);
        }
    }

    #[cold]
    fn asked_while_parking(&'static self, number: u64, kind: u64) {
        if kind & CANCELABLE != 0 && self.is_canceled() {
            drop(Ticket::new(self, number).claim(Outcome::Canceled));
        } else if kind & LIFTABLE != 0 && self.is_raised() {
            drop(Ticket::new(self, number).claim(Outcome::Woken));
        } else {
            self.nudge_if_interrupted();
        }
    }

    /// Whether the wait is over and the waker is finished with the waiter's memory. Owner only, from the
    /// beginning of the wait until its outcome is asked for.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        // Ordering: Acquire. Partner: the AcqRel that raised `DONE` in `finish`.
        let word = self.word.load(Acquire);
        word & DONE != 0 && word::number(word) == self.begun(word).0
    }

    /// How the last wait ended. Owner only, after the wait is over.
    ///
    /// For a scheduler that parks a unit without a [`Wait`](crate::Wait), with
    /// [`announce`](Self::announce) and [`commit_park_token`](Self::commit_park_token).
    #[inline(always)]
    pub fn outcome(&self) -> Outcome {
        self.shown.store(NOTHING, Relaxed);
        self.begun.store(0, Relaxed);
        // Ordering: Acquire. Partner: the AcqRel of the claim, whose effects the waiter may rely on.
        Outcome::of(self.word.load(Acquire))
    }

    /// Gives the unit its park token: a unit in `Wait::park_token` wakes, any other will not
    /// block in its next one.
    ///
    /// Tokens do not add up. What happened before this call is visible to the unit once the token
    /// is consumed. Callable from anywhere; never blocks.
    #[inline]
    pub fn unpark(&'static self) {
        self.unpark_if(|| true);
    }

    /// As [`unpark`](Self::unpark), if the unit is still the one that is meant: `is_meant` is asked
    /// before each attempt, and an attempt fails if the unit was [recycled](Self::recycle) since.
    /// Returns whether it was given the token.
    #[inline]
    pub fn unpark_if(&'static self, is_meant: impl Fn() -> bool) -> bool {
        let unpark = move |old| {
            // It looks after us. Partner: the Release in `recycle`.
            is_meant().then(|| match is_open_to_token(old) {
                true => old | CLAIMED,
                // A change, also when the token is there already, so that the consumer sees what came before.
                false => old | TOKEN,
            })
        };
        let Some(old) = self.change(unpark, Self::after_claim) else {
            return false;
        };
        if is_open_to_token(old) {
            Claimed {
                unit: self,
                suspended: is_suspended(old),
            }
            .wake();
        }
        true
    }

    /// Asks the unit to stop: its current cancelable wait ends as canceled, and so does every
    /// later one. Callable from anywhere; never blocks.
    pub fn cancel(&'static self) {
        self.requests.fetch_or(CANCEL, Relaxed);
        // A change that writes what it reads, so that it has a place in the order of the word's changes.
        // Release: the request above. Acquire: the mask, which the owner sets before it begins a wait.
        // Partner: `commit_park`.
        let now = self.touch();
        if now & (WAITING | CLAIMED | CANCELABLE) == WAITING | CANCELABLE
            && self.requests.load(Relaxed) & MASKED == 0
        {
            let ticket = Ticket {
                unit: self,
                number: word::number(now),
            };
            drop(ticket.claim(Outcome::Canceled));
        }
    }

    /// Takes back what [`cancel`](Self::cancel) asked. Owner only, while nobody cancels.
    pub fn forget_cancel(&self) {
        // Ordering: Relaxed. Nobody else has anything to do with it any more.
        self.requests.fetch_and(!CANCEL, Relaxed);
    }

    /// Ends the unit's present wait as woken, if it is one that was
    /// [begun](crate::Wait::begin_liftable) to be ended so: the unit has become more urgent, and is to tell
    /// whoever it waits for. Callable from anywhere; never blocks.
    pub(crate) fn end_liftable_wait(&'static self) {
        // As in `cancel`. Partner: `commit_park`. If ours comes first there, it sees that the unit was raised;
        // else we see the wait.
        let now = self.touch();
        if now & (WAITING | CLAIMED | LIFTABLE) == WAITING | LIFTABLE {
            drop(Ticket::new(self, word::number(now)).claim(Outcome::Woken));
        }
    }

    /// Whether the unit is asked to stop, and has not masked that.
    #[inline]
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        // Ordering: Relaxed. In a wait that is parked, `commit_park` made the request visible.
        self.requests.load(Relaxed) & (CANCEL | MASKED) == CANCEL
    }

    /// Whether the unit is asked to stop, masked or not.
    #[must_use]
    pub fn is_cancel_requested(&self) -> bool {
        self.requests.load(Relaxed) & CANCEL != 0
    }

    /// Masks or unmasks cancellation and returns whether it was masked. Owner only.
    pub fn mask_cancel(&self, masked: bool) -> bool {
        // Ordering: Relaxed. Published by the next `commit_park`; see `cancel`.
        let old = if masked {
            self.requests.fetch_or(MASKED, Relaxed)
        } else {
            self.requests.fetch_and(!MASKED, Relaxed)
        };
        old & MASKED != 0
    }

    /// The word as it would be if beginning a wait were written into it; a snapshot, for onlookers.
    fn shown(&self) -> u64 {
        let word = self.word.load(Relaxed);
        match self.begun.load(Relaxed) {
            0 => word,
            _ => word::begun(word, self.begun(word).0, 0),
        }
    }

    /// What the unit waits for, and the address of what it waits on; a snapshot. Until its wait is
    /// over, that is: what it waited for before is nobody's business any more.
    #[must_use]
    pub fn waits_for(&self) -> (Reason, *const ()) {
        if self.shown() & (WAITING | DONE) != WAITING {
            return (Reason::None, std::ptr::null());
        }
        let shown = self.shown.load(Relaxed);
        (
            Reason::from_code((shown >> REASON_SHIFT) as u32),
            std::ptr::without_provenance((shown & OBJECT) as usize),
        )
    }
}

/// How a unit stops running while it waits.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum ParkKind {
    /// A fiber, whose stack is saved.
    Suspended = 0,
    /// A thread, or a fiber that may not be suspended now.
    Blocked = BLOCKING,
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.shown();
        f.debug_struct("Unit")
            .field(
                "kind",
                &if self.ops().is_some() {
                    "fiber"
                } else {
                    "thread"
                },
            )
            .field("state", &word::describe(now))
            .field("reason", &self.waits_for().0)
            .field("token", &(now & TOKEN != 0))
            .field("canceled", &self.is_canceled())
            .finish_non_exhaustive()
    }
}

/// The right to try to end one particular wait of one unit.
///
/// Copies may be left with any number of parties; at most one claim succeeds.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    unit: &'static Unit,
    number: u64,
}

impl Ticket {
    pub(crate) fn new(unit: &'static Unit, number: u64) -> Self {
        Self { unit, number }
    }

    /// Tries to end the wait with `outcome`. `None`: it is over, or another party was first.
    ///
    /// The winner may go on to touch memory that the waiter lends to its waker (a slot on its
    /// stack, say), for the waiter does not run again before the [`Claimed`] is dropped.
    #[inline]
    #[must_use]
    pub fn claim(self, outcome: Outcome) -> Option<Claimed> {
        // Acquire: what the waiter wrote before it parked (partner: `commit_park`; before that, whatever gave us
        // the ticket); Release: what the winner wrote (partner: `outcome`).
        let claim = move |old| word::claimed(old, self.number, CLAIMED | outcome.bits());
        let old = self.unit.change(claim, Unit::after_claim)?;
        // A wait that was not in the word was not parked.
        let suspended = word::number(old) == self.number && is_suspended(old);
        Some(Claimed {
            unit: self.unit,
            suspended,
        })
    }

    /// Whether [`end`](Self::end) could succeed; a hint.
    #[inline(always)]
    pub(crate) fn is_awake(self) -> bool {
        let may_be_ended = || self.ended(self.unit.word.load(Relaxed), Outcome::Woken);
        self.unit.is_thread() && may_be_ended().is_some()
    }

    /// Claims the wait and lets the waiter go on, in one step, if that is a thread which does not sleep yet. What the waiter
    /// lends must be used before. False: nothing has changed.
    #[inline(always)]
    pub(crate) fn end(self, outcome: Outcome) -> bool {
        // Acquire and Release, as in `claim`; what the waiter goes on with lies before. Partner: `is_done`, `commit_park`.
        let end = move |old| self.ended(old, outcome);
        self.unit.is_thread() && self.unit.change(end, Unit::after_claim).is_some()
    }

    /// The word after [`end`](Self::end).
    #[inline(always)]
    fn ended(self, word: u64, outcome: Outcome) -> Option<u64> {
        let sleeps = word::number(word) == self.number && word & PARKED != 0;
        let ended = word::claimed(word, self.number, CLAIMED | DONE | outcome.bits());
        ended.filter(|_| !sleeps)
    }

    /// As [`claim`](Self::claim), for a caller that has looked up where it is. Quicker if the waiter has suspended on this
    /// thread.
    #[inline(always)]
    pub(crate) fn claim_here(self, here: Here, outcome: Outcome) -> Option<Claimed> {
        const OFF: u64 = WAITING | PARKED;
        let claim = |old| {
            let is_off = old & (OFF | CLAIMED | BLOCKING) == OFF;
            (word::number(old) == self.number && is_off).then(|| old | CLAIMED | outcome.bits())
        };
        match self.unit.change_own(here.badge(), claim) {
            None => self.claim_slowly(outcome),
            Some(_) => Some(Claimed {
                unit: self.unit,
                suspended: true,
            }),
        }
    }

    #[inline(never)]
    fn claim_slowly(self, outcome: Outcome) -> Option<Claimed> {
        self.claim(outcome)
    }

    /// Whether a claim could still succeed; a hint.
    #[inline]
    #[must_use]
    pub fn is_open(self) -> bool {
        word::claimable(self.unit.word.load(Relaxed), self.number)
    }

    /// The unit that waits.
    #[must_use]
    pub fn unit(self) -> &'static Unit {
        self.unit
    }
}

/// Evidence of a won wait. Dropping it lets the waiter go on.
#[derive(Debug)]
#[must_use = "the waiter goes on when this is dropped; say `drop` or `wake` where that is meant"]
pub struct Claimed {
    unit: &'static Unit,
    /// Whether the waiter is a fiber that was off its stack already when the claim was made.
    suspended: bool,
}

impl Claimed {
    /// Lets the waiter go on. Never blocks.
    #[inline]
    pub fn wake(self) {}

    /// As [`wake`](Self::wake), for a caller that has looked up where it is.
    #[inline(always)]
    pub fn wake_here(self, here: Here) {
        ManuallyDrop::new(self).let_go(|| here);
    }

    /// Lets the waiter go on. To be called once.
    #[inline(always)]
    fn let_go(&self, here: impl FnOnce() -> Here) {
        // A fiber that was parked before the claim runs again only if we say so, unless it
        // blocks its thread, and nobody looks for `DONE`.
        if self.suspended {
            self.ready(here());
        } else {
            self.finish();
        }
    }

    /// The unit that was waiting.
    #[must_use]
    pub fn unit(&self) -> &'static Unit {
        self.unit
    }

    /// Raises `DONE`, and wakes the unit if it sleeps already.
    #[cold]
    fn finish(&self) {
        // Release: what the winner wrote into the waiter's memory (partner: `is_done`, `commit_park`); Acquire: the
        // saved stack (partner: `commit_park`).
        let waker = Cell::new(None);
        let raise = |old| {
            // The waker must be had before `DONE` is raised: after that a thread may go on,
            // end, and leave its unit to another thread.
            let sleeps = old & PARKED != 0 && (self.unit.ops().is_none() || old & BLOCKING != 0);
            waker.set(sleeps.then(|| self.waker()));
            Some(old | DONE)
        };
        let old = self.unit.change(raise, Unit::as_said);
        match waker.take() {
            Some(waker) => waker.wake(),
            None if old.is_some_and(|old| old & PARKED != 0) => {
                // SAFETY: it is used at once.
                self.ready(unsafe { current::here() });
            }
            None => {}
        }
    }

    fn waker(&self) -> Waker {
        match self.unit.ops() {
            // SAFETY: we hold the claim on a wait of this unit, as `UnitOps::thread` asks.
            Some(ops) => Waker::Thread(unsafe { (ops.thread)(self.unit) }),
            // SAFETY: every unit without ops is the first field of a `ThreadUnit` (the only
            // place that makes such units), and is as long-lived.
            None => unsafe { ThreadUnit::of(NonNull::from(self.unit)) }.waker(),
        }
    }

    #[inline(always)]
    fn ready(&self, here: Here) {
        if let Some(ops) = self.unit.ops() {
            // SAFETY: the unit is parked, and we are the one winner of its wait.
            unsafe { (ops.ready)(self.unit, here) }
        }
    }
}

impl Drop for Claimed {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is used at once.
        self.let_go(|| unsafe { current::here() });
    }
}
