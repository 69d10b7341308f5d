//! The lock under the locks: one word, and a queue that is touched only when somebody waits.
//!
//! ```text
//! | mark of the holder's stack, 0 when free | woken 4 | poisoned 2 | parked 1 |
//! ```
//!
//! Taking it is one compare-and-swap from 0 to the mark, releasing it one from the mark to 0; both fail
//! into the slow path when a bit is set, the first also [once there are classes](vitte_wait::stack). The mark (see [`vitte_wait::stack`]) is what says, to one who
//! would have to wait, that it would wait for itself.
//!
//! A release wakes the oldest waiter and leaves the lock free: whoever comes first has it, so a
//! lock that is asked for in bursts is not handed to and fro. Now and then, and when asked to, it is
//! *handed over* instead: the releaser writes the waiter's mark into the word. That is the eventual
//! fairness of `WTF::Lock` (Filip Pizlo, 2016) as Amanieu d'Antras's `parking_lot` refines it, with
//! a random time of half a millisecond on average between two hand-overs; the dice here are
//! the low digits of the clock.
//!
//! Note \[One is enough\]: while one who was woken has not looked again, a release wakes no other, for only one can have
//! the lock. Else a burst of short holds would wake all who wait, and all would find the lock taken and queue up again.
//! `WOKEN` says so, as in Go's `sync.Mutex`. It is raised by the release that wakes, under the queue's lock, and lowered by
//! the woken one before he looks, and by everybody who queues up, who may lend. A release that finds it leaves the lock
//! free without the queue's lock: he who was woken then takes it, and leaves `PARKED` for his own release, or finds it held
//! by one whose release does not find `WOKEN`. As his thread may be busy for long, of [`MOST_PASSED`] releases one
//! wakes another all the same. Where waiters are of different classes every release wakes, for the next may be more urgent.
//!
//! Note \[Inheritance\]: who begins to wait lends his urgency to the holder, if the mark tells who that is, and
//! does so under the queue's lock with `PARKED` set: so the holder cannot release the lock before, and will find
//! what was lent when he does, under the same lock. What was lent by this lock is noted there once, at its highest,
//! and taken back by the release, or as far as nobody else lends it by a waiter that gives up or has become less urgent. As the releaser wakes the most urgent
//! waiter where they differ, and a woken one that finds the lock taken again lends anew, no less urgent one is
//! ever what a more urgent one waits for without being as urgent; but it may be that the lock is handed over to the
//! oldest, who then inherits from those that are left. A holder that waits for another lock is brought out of that
//! wait by the lift, and lends on in its next one: so a chain is lifted link by link, each once for every class at
//! the most, and a ring of them ends, too.
//!
//! **Invariants.** `PARKED` changes only under the queue's lock, and is set whenever the queue
//! holds an open waiter, or something is lent. While the lock is held and `PARKED` is set nobody but the holder,
//! under the queue's lock or where he finds `WOKEN`, changes the mark. While something is lent `WOKEN` is down.
//! `POISONED` is changed by the holder alone.

use crate::forms::const_new;
use std::{
    cell::Cell,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr,
};
use vitte_wait::{
    Deadline, Node, Outcome, Priority, Reason, StopToken, Unit, Wait, WaitQueue, current,
    facade::{
        Mutex,
        atomic::{AtomicUsize, Ordering::*},
        clock, hint,
        plain::AtomicU32 as PlainU32,
        thread,
    },
    stack,
};

/// The queue may hold somebody.
const PARKED: usize = 1;
/// For whoever owns the lock: keeps the fast paths from succeeding, and means nothing here.
const POISONED: usize = 1 << 1;
/// One who was woken has not looked again.
const WOKEN: usize = 1 << 2;
const HOLDER: usize = !((1 << stack::FREE_BITS) - 1);

/// Between two hand-overs there is at most this, and on average half of it, in nanoseconds.
const FAIR_WITHIN: u64 = 1 << 20;

/// How many releases in a row may leave the waking to one who was woken before.
const MOST_PASSED: u32 = 64;

/// Why a lock was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The caller holds it.
    Deadlock,
    /// The wait ended, not as woken.
    Ended(Outcome),
}

/// How long, and how, somebody is willing to wait.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'a> {
    pub(crate) deadline: Deadline,
    pub(crate) stop: Option<&'a StopToken>,
    /// Whether the wait ends when the unit is canceled.
    pub(crate) cancelable: bool,
}

impl<'a> Patience<'a> {
    /// Until the deadline, the stop, or the cancellation.
    pub(crate) fn with(deadline: Deadline, stop: Option<&'a StopToken>) -> Self {
        Self {
            deadline,
            stop,
            cancelable: true,
        }
    }

    /// As long as it takes, whatever becomes of the unit.
    pub(crate) const ENDLESS: Self = Self {
        deadline: Deadline::NEVER,
        stop: None,
        cancelable: false,
    };

    pub(crate) fn begin(&self, object: *const ()) -> Wait {
        if self.cancelable {
            Wait::begin(Reason::Lock, object)
        } else {
            Wait::begin_uncancelable(Reason::Lock, object)
        }
    }

    /// As [`begin`](Self::begin), for a wait that ends if the unit has become more urgent.
    pub(crate) fn begin_liftable(&self, object: *const ()) -> Wait {
        Wait::begin_liftable(self.cancelable, Reason::Lock, object)
    }
}

/// A lock without a value, for fronts of [`lock_api`] and for those of this crate.
///
/// As a front of `lock_api` cannot say that it did not get the lock, its `lock` waits on when the
/// calling unit is canceled, and panics if the caller holds the lock already.
///
/// ```
/// type Mutex<T> = lock_api::Mutex<vitte_sync::RawMutex, T>;
///
/// static COUNT: Mutex<u32> = Mutex::new(0);
/// *COUNT.lock() += 1;
/// let held = COUNT.lock();
/// assert!(COUNT.try_lock().is_none());
/// assert_eq!(*held, 1);
/// ```
#[repr(C)]
pub struct RawMutex {
    waiters: Mutex<Waiters>,
    /// How many releases have found `WOKEN` since the last that woke somebody. Written by the holder.
    passed: PlainU32,
    /// At the end, so that it mostly shares a cache line with what the lock is for.
    word: AtomicUsize,
}

struct Waiters {
    queue: WaitQueue,
    /// From when on a release hands over.
    fair_at: u64,
    /// Whether some who wait may be of another class than the normal one.
    mixed: bool,
    /// Who was lent what by this lock: its present holder.
    lent: Option<(&'static Unit, Priority)>,
}

/// What a waiter lends to whoever releases the lock.
struct Place {
    mark: usize,
    /// The lock was handed over: the word has our mark.
    handed: Cell<bool>,
}

impl RawMutex {
    const_new! {
        /// A free lock.
        #[must_use]
        pub fn new() -> Self {
            Self {
                waiters: Mutex::new(Waiters {
                    queue: WaitQueue::new(),
                    fair_at: 0,
                    mixed: false,
                    lent: None,
                }),
                passed: PlainU32::new(0),
                word: AtomicUsize::new(0),
            }
        }
    }

    /// Takes the lock if it is free, sound, nobody waits for it, and there are no classes; returns the mark to release
    /// it with.
    #[inline(always)]
    pub(crate) fn try_fast(&self) -> Option<usize> {
        let (free, mark) = stack::free_and_mark();
        // Ordering: Acquire. Partner: the Release of whoever released it last.
        match self.word.compare_exchange(free, mark, Acquire, Relaxed) {
            Ok(_) => Some(mark),
            Err(_) => None,
        }
    }

    /// Takes the lock if it is free. What is returned has the flags beside the mark that were up then: see
    /// [`release`](Self::release).
    #[inline(always)]
    pub(crate) fn try_take(&self) -> Option<usize> {
        self.try_fast().or_else(|| self.try_slow())
    }

    #[cold]
    pub(crate) fn try_slow(&self) -> Option<usize> {
        let mark = stack::mark();
        let mut now = self.word.load(Relaxed);
        while now & HOLDER == 0 {
            // Ordering: Acquire, as in `try_fast`; Release, of the mark. Partners: the Acquire of those who ask whose that is.
            match self
                .word
                .compare_exchange_weak(now, now | mark, AcqRel, Relaxed)
            {
                Ok(_) => return Some(now | mark),
                Err(other) => now = other,
            }
        }
        None
    }

    /// Takes the lock, and waits for it as long as `patience` says. Returns what [`try_take`](Self::try_take) does.
    #[inline(always)]
    pub(crate) fn take(&self, patience: Patience<'_>) -> Result<usize, Refused> {
        match self.try_fast() {
            Some(mark) => Ok(mark),
            None => self.take_slow(patience),
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn take_slow(&self, patience: Patience<'_>) -> Result<usize, Refused> {
        match self.try_slow() {
            Some(mark) => Ok(mark),
            None => self.take_held(patience),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_held(&self, patience: Patience<'_>) -> Result<usize, Refused> {
        let mark = stack::mark();
        let mut spin = None;
        loop {
            // Ordering: Acquire, of the mark. Partner: the Release of the holder, or of whoever has handed it the lock.
            let now = self.word.load(Acquire);
            if now & HOLDER == 0 {
                // Ordering: as in `try_slow`.
                if self
                    .word
                    .compare_exchange_weak(now, now | mark, AcqRel, Relaxed)
                    .is_ok()
                {
                    return Ok(now | mark);
                }
                continue;
            }
            // Who finds others waiting waits as well: the holder is slow, or there are many.
            if now & PARKED == 0 && spin.get_or_insert_with(Spin::new).turn() {
                continue;
            }
            // If the word has our mark we wrote it and have not released it: nobody else's mark is on
            // our stack, and our own release came before this load.
            if stack::is_own(now & HOLDER) {
                return Err(Refused::Deadlock);
            }
            if self.wait(mark, patience)? {
                return Ok(mark);
            }
            spin = None;
        }
    }

    /// Waits once. True: the lock was handed over; false: it is worth another try.
    fn wait(&self, mark: usize, patience: Patience<'_>) -> Result<bool, Refused> {
        let wait = patience.begin_liftable(ptr::from_ref(self).cast());
        let unit = wait.unit();
        let urgency = unit.priority();
        let place = Place {
            mark,
            handed: Cell::new(false),
        };
        let node = Node::new(wait.ticket(), ptr::from_ref(&place).cast_mut().cast());
        {
            let mut waiters = self.waiters.lock();
            // Liveness: the flag is raised by a read-modify-write that finds the lock held. Whoever
            // holds it then releases it by one that finds the flag, takes the queue's lock
            // after us, and finds our node.
            let Some(holder) = self.raise_parked() else {
                drop(waiters);
                // A cancellation that came in between is noticed by the next wait, if there is one.
                let _ = wait.withdraw();
                return Ok(false);
            };
            // SAFETY: `node` is in no queue, stays in this frame until it is popped or `linked`
            // has taken it out (also when `park` unwinds), and is touched only under this lock.
            unsafe { waiters.queue.push(&node) };
            waiters.note(holder, urgency);
        }
        let linked = Linked {
            lock: self,
            node: &node,
            urgency,
        };
        match wait.park(patience.deadline, patience.stop) {
            Outcome::Woken if node.has_won() => {
                // `release_slow` has popped the node.
                std::mem::forget(linked);
                let handed = place.handed.get();
                if !handed {
                    self.word.fetch_and(!WOKEN, Relaxed);
                }
                Ok(handed)
            }
            // We have become more urgent, or less: once more, with that.
            Outcome::Woken => {
                linked.retire(unit.priority());
                Ok(false)
            }
            ended => Err(Refused::Ended(ended)),
        }
    }

    /// Raises `PARKED` and lowers `WOKEN` if the lock is held, and returns by whom. Under the queue's lock.
    fn raise_parked(&self) -> Option<usize> {
        let mut now = self.word.load(Relaxed);
        loop {
            if now & HOLDER == 0 {
                return None;
            }
            // Ordering: Acquire, of the mark, as in `take_held`.
            match self
                .word
                .compare_exchange_weak(now, (now | PARKED) & !WOKEN, Acquire, Relaxed)
            {
                Ok(_) => return Some(now & HOLDER),
                Err(other) => now = other,
            }
        }
    }

    /// Releases the lock that was taken with `mark`. Holder only.
    ///
    /// If flags are in it the short way is not tried: they were up when the lock was taken, and mostly still are.
    #[inline(always)]
    pub(crate) fn release(&self, mark: usize) {
        // Ordering: Release. Partner: the Acquire of whoever takes it next.
        if mark & !HOLDER != 0
            || self
                .word
                .compare_exchange(mark, 0, Release, Relaxed)
                .is_err()
        {
            self.release_slow(false);
        }
    }

    /// Releases a lock whose mark is not at hand. Holder only.
    #[inline]
    pub(crate) fn release_unmarked(&self) {
        self.release(self.word.load(Relaxed) & HOLDER);
    }

    /// Releases the lock; if `fair`, to the oldest waiter. Holder only.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_slow(&self, fair: bool) {
        if !fair && self.leave_to_woken() {
            return;
        }
        self.passed.store(0, Relaxed);
        let (woken, lent) = {
            let mut waiters = self.waiters.lock();
            let lent = waiters.lent.take();
            let keep = self.word.load(Relaxed) & POISONED;
            let hand_over = !waiters.queue.is_empty() && (waiters.is_fair_due() || fair);
            let popped = if waiters.mixed && !hand_over {
                waiters.queue.pop_most_urgent(Outcome::Woken)
            } else {
                waiters.queue.pop(Outcome::Woken)
            };
            let one_is_enough = popped.is_some() && !waiters.queue.is_empty() && !waiters.mixed;
            let mut next = if one_is_enough { keep | WOKEN } else { keep };
            if let Some((_, place)) = popped
                && hand_over
            {
                // SAFETY: every payload is the `Place` of a waiter, who does not go on before the
                // claim is dropped.
                let place = unsafe { &*place.cast::<Place>() };
                place.handed.set(true);
                next = keep | place.mark;
                waiters.lend_by_all(place.mark);
            }
            if waiters.is_on_record() {
                next |= PARKED;
            }
            // A plain store will do: see the invariants. Who lowers `WOKEN` meanwhile is one who was woken before.
            // Ordering: Release, as in `release`, and of the mark, as in `try_slow`.
            self.word.store(next, Release);
            (popped, lent)
        };
        // The claim is dropped after the queue's lock.
        drop(woken);
        if let Some((unit, priority)) = lent {
            unit.unlift(priority);
        }
    }

    /// Releases the lock if one who was woken has still to look at it. Holder only.
    fn leave_to_woken(&self) -> bool {
        let passed = self.passed.load(Relaxed) + 1;
        let mut now = self.word.load(Relaxed);
        while now & WOKEN != 0 && passed <= MOST_PASSED {
            self.passed.store(passed, Relaxed);
            // Ordering: Release, as in `release`.
            match self
                .word
                .compare_exchange_weak(now, now & !HOLDER, Release, Relaxed)
            {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Whether somebody holds it; a snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Relaxed) & HOLDER != 0
    }

    /// Whether the caller holds it, or one on whose stack the caller runs.
    #[must_use]
    pub fn is_held_by_caller(&self) -> bool {
        // Ordering: Acquire, of the mark, as in `take_held`.
        let holder = self.word.load(Acquire) & HOLDER;
        holder != 0 && stack::is_own(holder)
    }

    /// Sets the poison mark. Holder only.
    #[cold]
    pub(crate) fn poison(&self) {
        self.word.fetch_or(POISONED, Relaxed);
    }

    /// Clears the poison mark. Holder only.
    pub(crate) fn clear_poison(&self) {
        self.word.fetch_and(!POISONED, Relaxed);
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.word.load(Relaxed) & POISONED != 0
    }

    /// Whether somebody waits; a snapshot.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.word.load(Relaxed) & PARKED != 0
    }
}

impl Waiters {
    /// Whether a release is to hand over now. Asked once a release, under the lock.
    fn is_fair_due(&mut self) -> bool {
        let now = clock::now();
        if now < self.fair_at {
            return false;
        }
        // The first time somebody waits is not too early to be fair.
        self.fair_at = now + now.wrapping_mul(0x9E37_79B9_7F4A_7C15) % FAIR_WITHIN;
        true
    }

    /// Somebody of that urgency waits for the holder. Under the lock, with `PARKED` set.
    fn note(&mut self, mark: usize, urgency: Priority) {
        self.mixed |= urgency != Priority::Normal;
        if let Some(holder) = stack::maker(mark) {
            self.lend(holder, urgency);
        }
    }

    /// Lends the holder `urgency`.
    fn lend(&mut self, holder: &'static Unit, urgency: Priority) {
        if self.lent.is_some_and(|(_, lent)| lent >= urgency) {
            return;
        }
        // A normal one is no help to others of its class. A holder of the high class is, for he may lose it
        // for a while.
        if urgency == Priority::Normal && holder.class() != Priority::Low {
            return;
        }
        if holder.lift(urgency)
            && let Some((before, less)) = self.lent.replace((holder, urgency))
        {
            before.unlift(less);
        }
    }

    /// One who waited has gone, without the lock: takes back what nobody who is left lends. Under the lock.
    fn take_back(&mut self) {
        let Some((holder, lent)) = self.lent else {
            return;
        };
        let most = self.queue.most_urgent();
        if most < Some(lent) {
            self.lent = None;
            // First, so that he is not less urgent in between.
            if let Some(most) = most {
                self.lend(holder, most);
            }
            holder.unlift(lent);
        }
    }

    /// Those who are left lend to whom the lock is handed over. Under the lock.
    fn lend_by_all(&mut self, mark: usize) {
        if self.mixed
            && let Some(most) = self.queue.most_urgent()
        {
            self.note(mark, most);
        }
    }

    /// Whether the holder must look here when he releases the lock: else `PARKED` is to be down. Under the lock.
    fn is_on_record(&mut self) -> bool {
        self.mixed &= !self.queue.is_empty();
        !self.queue.is_empty() || self.lent.is_some()
    }
}

/// Takes a waiter out of the queue, however its wait ends.
struct Linked<'a> {
    lock: &'a RawMutex,
    node: &'a Node,
    /// What it lends.
    urgency: Priority,
}

impl Linked<'_> {
    /// Takes it out, though it is about to wait again with that urgency. What it lends now is taken back only if that is
    /// less: else the holder, less urgent for a moment, would become more urgent anew, and a ring of holders would pass
    /// that round for ever.
    fn retire(self, comes_back: Priority) {
        self.leave(comes_back < self.urgency);
        std::mem::forget(self);
    }

    fn leave(&self, takes_back: bool) {
        let mut waiters = self.lock.waiters.lock();
        // SAFETY: the node was pushed into this queue and into no other.
        unsafe { waiters.queue.remove(self.node) };
        if takes_back {
            waiters.take_back();
        }
        if !waiters.is_on_record() {
            self.lock.word.fetch_and(!PARKED, Relaxed);
        }
    }
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        self.leave(true);
    }
}

/// A few looks before waiting, by threads only: the holder of a lock that a fiber wants may well be
/// a fiber of the same worker.
pub(crate) struct Spin {
    turns_left: u32,
}

impl Spin {
    /// How often to look; after the first few looks the processor is offered to others in between.
    const TURNS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 10 };
    const QUICK: u32 = 3;
    /// How many nanoseconds pass before the first look, and twice as many before each next one. Every look takes the word
    /// away from the holder's core, so who looks less lets him get more done. By the clock, as pauses differ by their processor.
    const FIRST: u64 = 256;

    pub(crate) fn new() -> Self {
        let looks = Self::TURNS > 0 && current::unit().is_thread();
        Self {
            turns_left: if looks { Self::TURNS } else { 0 },
        }
    }

    /// Lets some time pass; false: enough of that.
    pub(crate) fn turn(&mut self) -> bool {
        if self.turns_left == 0 {
            return false;
        }
        let turn = Self::TURNS - self.turns_left;
        self.turns_left -= 1;
        if turn < Self::QUICK {
            let until = clock::now() + (Self::FIRST << turn);
            while clock::now() < until {
                hint::spin_loop();
            }
        } else {
            thread::yield_now();
        }
        true
    }
}

// No foreign code runs while its queue is changed.
impl UnwindSafe for RawMutex {}
impl RefUnwindSafe for RawMutex {}

impl Default for RawMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex")
            .field("locked", &self.is_locked())
            .field("waited_for", &self.is_waited_for())
            .finish_non_exhaustive()
    }
}
