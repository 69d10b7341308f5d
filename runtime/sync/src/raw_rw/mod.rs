//! The lock under [`RwLock`](crate::RwLock): many readers or one writer, and who of them one is oneself.
//!
//! ```text
//! | poisoned | queued | writer | leans | ... | crowd 24: readers without a place | places 15: which are taken |
//! ```
//!
//! A reader enters by a compare-and-swap that takes the first free *place* and leaves by a
//! subtraction that frees it; in between the place has the mark of its stack (see
//! [`vitte_wait::stack`]). So one who would have to wait can tell whether it reads already, which
//! lets it in beside a waiting writer, whether it would wait for itself, and all that without a
//! thread-local. Readers that find no place are noted under the queue's lock. A lock that is hardly ever written
//! [leans](leaning): its readers then do not write to it.
//!
//! Who waits is never woken to try again: whoever changes the state under the queue's lock settles
//! who enters ([`settle`](RawRwLock::settle)). When a writer leaves, the readers that wait enter,
//! all of them; when the last reader leaves, a writer does. So a reader waits for one writer at most, and
//! a writer for one batch of readers and the writers before it: the phase-fair lock of Brandenburg and
//! Anderson (2009). An upgrader goes before every writer, as none can enter before it leaves.
//!
//! Note \[Inheritance by many\]: those who wait lend to everybody inside, with one [loan](vitte_wait::Loan) for each unit whose
//! mark tells it. What is lent is settled anew, [as a whole](RawRwLock::lend), by everybody who changes who waits or who is
//! inside under the queue's lock: by who queues up, gives up, leaves, or is let in. That leaves him who enters past
//! the queue and has not written his mark when others queue up. So once there are classes he touches the word again after
//! his mark: if `QUEUED` is up he settles what is lent to him himself, and else whoever raises it comes later, and
//! finds the mark. One who leaves has cleared his mark before, and finds `QUEUED`, which stays up while anything is lent,
//! so he goes on only after his loan was taken back. A waiter that becomes more urgent queues up anew; therefore, and
//! for their own sake, the most urgent of the writers comes first, but every eighth time the oldest.
//!
//! **Invariants.** `QUEUED` and the queues change under the queue's lock only; outside it, `QUEUED` is
//! set if and only if somebody is in a queue, without whom nothing is lent. While it is set nobody enters but under that lock, so that the only
//! other change of the word is a reader's leaving. A mark in a place is written after the place is
//! taken and cleared before it is freed, by its reader, or, at entry, by whoever lets the reader in.

mod leaning;
mod lending;
mod waiting;

use crate::{
    forms::const_new,
    raw::{Patience, Refused, Spin},
};
use leaning::Leaning;
use std::{
    cell::Cell,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};
use vitte_wait::{
    WaitQueue, count_here,
    facade::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::*},
    },
    roster::Entry,
    stack,
};
use waiting::{Crowded, Queue, Slip, Waiting};

/// How many readers have places. In models one, so that two make a crowd.
const PLACES: usize = if cfg!(any(loom, shuttle)) { 1 } else { 15 };
const TAKEN: u64 = (1 << PLACES) - 1;
const CROWD_ONE: u64 = 1 << 16;
const CROWD: u64 = ((1 << 24) - 1) << 16;
const READERS: u64 = TAKEN | CROWD;
/// Readers may be in rosters. See Note [Leaning].
const LEANS: u64 = 1 << 59;
const WRITER: u64 = 1 << 60;
/// Somebody waits.
const QUEUED: u64 = 1 << 61;
const POISONED: u64 = 1 << 62;

/// How many readers are inside, but for those in rosters.
fn readers(word: u64) -> u64 {
    u64::from((word & TAKEN).count_ones()) + (word & CROWD) / CROWD_ONE
}

/// A reader inside: where it is. Two words and no more, so that guards stay in registers.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// In a roster, if so; and perhaps in the crowd, too.
    entry: Option<&'static Entry>,
    /// Else the place, if it is less than there are, or the mark of one in the crowd.
    at: usize,
}

impl Reading {
    fn noted(entry: &'static Entry) -> Self {
        let entry = Some(entry);
        Self { entry, at: 0 }
    }

    fn placed(place: usize) -> Self {
        debug_assert!(place < PLACES);
        Self {
            entry: None,
            at: place,
        }
    }

    fn crowded(mark: usize) -> Self {
        debug_assert!(mark >= PLACES, "nobody's stack is at zero");
        Self {
            entry: None,
            at: mark,
        }
    }
}

/// Why a reader does not become a writer.
pub(crate) enum NoUpgrade {
    /// Another reader waits to become one.
    Conflict,
    Refused(Refused),
}

/// A lock without a value for many readers or one writer, for fronts of [`lock_api`].
///
/// The rules are those of [`RwLock`](crate::RwLock): a writer that waits holds back new readers, but whoever
/// reads already may read again. As a front of `lock_api` cannot say that it did not get the lock, its forms without
/// a limit wait on when the calling unit is canceled, and panic if the caller would wait for itself. To upgrade it
/// takes `RwLock`: that of `lock_api` cannot say that another was before.
///
/// ```
/// type RwLock<T> = lock_api::RwLock<vitte_sync::RawRwLock, T>;
///
/// static LIST: RwLock<Vec<u8>> = RwLock::new(Vec::new());
/// LIST.write().push(1);
/// let (one, two) = (LIST.read(), LIST.read());
/// assert!(LIST.try_write().is_none());
/// assert_eq!(one.len() + two.len(), 2);
/// ```
pub struct RawRwLock {
    word: AtomicU64,
    leaning: Leaning,
    /// The mark of the writer inside, 0 if there is none. Written by it, or by whoever lets it in.
    writer: AtomicUsize,
    marks: [AtomicUsize; PLACES],
    waiting: Mutex<Waiting>,
}

#[cfg(not(any(loom, shuttle)))]
const fn no_marks() -> [AtomicUsize; PLACES] {
    [const { AtomicUsize::new(0) }; PLACES]
}

#[cfg(any(loom, shuttle))]
fn no_marks() -> [AtomicUsize; PLACES] {
    std::array::from_fn(|_| AtomicUsize::new(0))
}

impl RawRwLock {
    const_new! {
        /// A free lock.
        #[must_use]
        pub fn new() -> Self {
            Self {
                word: AtomicU64::new(0),
                leaning: Leaning::new(),
                writer: AtomicUsize::new(0),
                marks: no_marks(),
                waiting: Mutex::new(Waiting {
                    readers: WaitQueue::new(),
                    writers: WaitQueue::new(),
                    upgraders: WaitQueue::new(),
                    crowd: Vec::new(),
                    lent: Vec::new(),
                    turns: 0,
                }),
            }
        }
    }

    /// Enters as a reader if nothing is in the way; also says whether a budget is used up, if that [counts](count_here).
    #[inline(always)]
    pub(crate) fn try_read_fast(&self, counts: bool) -> Option<(Reading, bool)> {
        if let Some(noted) = self.try_read_noted(counts) {
            return Some(noted);
        }
        let reading = self.try_read_placed()?;
        Some((reading, counts && count_here()))
    }

    /// Enters as a reader with a place.
    #[inline(always)]
    fn try_read_placed(&self) -> Option<Reading> {
        let now = self.word.load(Relaxed);
        if now != 0 {
            return self.try_read_beside(now);
        }
        // The usual case has no sum to wait for.
        // Ordering: Acquire. Partner: the Release of the writer that left last.
        self.word.compare_exchange(0, 1, Acquire, Relaxed).ok()?;
        self.show(&self.marks[0], stack::mark());
        Some(Reading::placed(0))
    }

    /// Enters as a reader beside other readers.
    #[inline]
    fn try_read_beside(&self, now: u64) -> Option<Reading> {
        let place = now.trailing_ones() as usize;
        if now & (WRITER | QUEUED | POISONED) != 0 || place >= PLACES {
            return None;
        }
        // Ordering: Acquire, as in `try_read_placed`.
        self.word
            .compare_exchange(now, now | 1 << place, Acquire, Relaxed)
            .ok()?;
        self.show(&self.marks[place], stack::mark());
        Some(Reading::placed(place))
    }

    /// Enters as a reader, if that can be had without waiting.
    #[inline]
    pub(crate) fn try_read(&self) -> Option<Reading> {
        let fast = self.try_read_fast(false).map(|(reading, _)| reading);
        fast.or_else(|| self.try_read_slow())
    }

    #[cold]
    fn try_read_slow(&self) -> Option<Reading> {
        let mut waiting = self.waiting.lock();
        self.try_enter(&mut waiting, stack::mark())
    }

    #[inline]
    pub(crate) fn read(&self, patience: Patience<'_>) -> Result<Reading, Refused> {
        match self.try_read_fast(false) {
            Some((reading, _)) => Ok(reading),
            None => self.read_slow(patience),
        }
    }

    #[cold]
    #[inline(never)]
    fn read_slow(&self, patience: Patience<'_>) -> Result<Reading, Refused> {
        let mark = stack::mark();
        let mut spin = Spin::new();
        while self.word.load(Relaxed) & (WRITER | QUEUED) == WRITER && spin.turn() {}
        if let Some(reading) = self.try_enter(&mut self.waiting.lock(), mark) {
            return Ok(reading);
        }
        if self.is_written_by_caller() {
            return Err(Refused::Deadlock);
        }
        let slip = Slip::new(mark);
        self.wait(Queue::Readers, &slip, patience, |waiting| {
            slip.reading.set(self.try_enter(waiting, mark)?);
            Some(())
        })?;
        Ok(slip.reading.get())
    }

    /// Lets a reader in that need not wait. Under the queue's lock.
    fn try_enter(&self, waiting: &mut Waiting, mark: usize) -> Option<Reading> {
        let now = self.word.load(Relaxed);
        if now & WRITER != 0 || (now & QUEUED != 0 && !self.is_read_by_caller(waiting)) {
            return None;
        }
        self.enter(waiting, mark)
    }

    /// Lets a reader in, unless there is a writer. Under the queue's lock.
    fn enter(&self, waiting: &mut Waiting, mark: usize) -> Option<Reading> {
        let mut now = self.word.load(Relaxed);
        loop {
            if now & WRITER != 0 {
                return None;
            }
            let free = (now & TAKEN).trailing_ones() as usize;
            let has_place = free < PLACES;
            assert!(
                has_place || now & CROWD != CROWD,
                "there are too many readers to count"
            );
            let one = if has_place { 1 << free } else { CROWD_ONE };
            // Ordering: Acquire, as in `try_read_placed`.
            if let Err(other) = self
                .word
                .compare_exchange_weak(now, now + one, Acquire, Relaxed)
            {
                now = other;
                continue;
            }
            if !has_place {
                waiting.crowd.push(Crowded { mark, entry: None });
                return Some(Reading::crowded(mark));
            }
            // Ordering: Release, of the mark. Partners: the Acquire of those who ask whose it is.
            self.marks[free].store(mark, Release);
            return Some(Reading::placed(free));
        }
    }

    /// Leaves. The reader's unit only.
    #[inline(always)]
    pub(crate) fn leave_reading(&self, reading: Reading) {
        match reading.entry {
            Some(entry) => self.leave_noted(entry),
            None if reading.at < PLACES => self.leave_place(reading.at),
            None => self.leave_crowd(reading.at, None),
        }
    }

    #[inline(always)]
    fn leave_place(&self, place: usize) {
        // Its maker is the caller.
        let mark = self.marks[place].load(Relaxed);
        self.marks[place].store(0, Relaxed);
        let bit = 1 << place;
        // Ordering: Release. Partner: the Acquire of the writer that enters next, or of whoever
        // lets it in.
        let before = self.word.fetch_sub(bit, Release);
        // Liveness: who waits has set `QUEUED` under the lock while we were inside, so we see it. One
        // reader that is left may be the one that waits for us to become a writer.
        // What is lent to us we must see taken back.
        if before & QUEUED != 0 && (readers(before - bit) <= 1 || stack::tells_maker(mark)) {
            self.settle_after(false);
        }
    }

    /// Leaves by one of the caller's readings, whichever. The reader's unit only.
    #[cfg(not(any(loom, shuttle)))]
    #[inline]
    pub(crate) fn leave_reading_unnamed(&self) {
        let reading = if self.word.load(Relaxed) & READERS == 1 {
            // There is one reader: the caller. (No lock behind `lock_api` ever leans.)
            Reading::placed(0)
        } else {
            self.reading_of_caller()
        };
        self.leave_reading(reading);
    }

    #[cfg(not(any(loom, shuttle)))]
    #[cold]
    fn reading_of_caller(&self) -> Reading {
        let waiting = self.waiting.lock();
        let placed = self.marks.iter().enumerate();
        // Ordering: Acquire, of the marks, as in `marks_of_caller`.
        let placed = placed.map(|(place, mark)| (Reading::placed(place), mark.load(Acquire)));
        let crowd = waiting.crowd.iter();
        let crowd = crowd.map(|reader| (Reading::crowded(reader.mark), reader.mark));
        let mut readings = placed.chain(crowd).filter(|(_, mark)| *mark != 0);
        let own = readings.clone().find(|(_, mark)| stack::is_own(*mark));
        // Where nobody tells the bounds of stacks, marks tell nothing, and one is as good as another.
        own.or_else(|| readings.next())
            .expect("a reader that leaves is inside")
            .0
    }

    /// Leaves as the reader in the crowd that has this mark and this entry; as one that a writer may have found there, if it
    /// has one.
    #[cold]
    fn leave_crowd(&self, mark: usize, entry: Option<&Entry>) {
        let mut waiting = self.waiting.lock();
        let is_it = |other: &Crowded| {
            let is_entered = match (other.entry, entry) {
                (None, None) => true,
                (Some(one), Some(other)) => one.is(other),
                _ => false,
            };
            is_entered && other.mark == mark
        };
        let Some(at) = waiting.crowd.iter().position(is_it) else {
            debug_assert!(entry.is_some(), "a reader that leaves is inside");
            return;
        };
        waiting.crowd.swap_remove(at);
        // Ordering: Release, as in `leave_place`.
        self.word.fetch_sub(CROWD_ONE, Release);
        let entered = self.settle(&mut waiting, false);
        drop(waiting);
        drop(entered);
    }

    /// Enters as a writer if nobody is inside and nobody waits.
    #[inline(always)]
    pub(crate) fn try_write_fast(&self) -> bool {
        // Ordering: Acquire. Partners: the Release of the writer that left last, and of each
        // reader, whose subtractions make one sequence.
        let entered = self
            .word
            .compare_exchange(0, WRITER, Acquire, Relaxed)
            .is_ok();
        if entered {
            self.show(&self.writer, stack::mark());
        }
        entered
    }

    /// Enters as a writer, if that can be had without waiting.
    #[inline]
    pub(crate) fn try_write(&self) -> bool {
        self.try_write_fast() || self.try_write_slow(stack::mark())
    }

    /// As [`try_write_fast`](Self::try_write_fast), whether poisoned or not.
    #[cold]
    fn try_write_slow(&self, mark: usize) -> bool {
        self.straighten();
        let entered = self.try_write_poisoned(mark);
        if entered && stack::tells_maker(mark) {
            self.show_maker();
        }
        entered
    }

    /// As [`try_write_slow`](Self::try_write_slow), without having [shown](Self::show_maker) whose the mark is, or under the lock.
    fn try_write_poisoned(&self, mark: usize) -> bool {
        let mut now = self.word.load(Relaxed);
        while now & !POISONED == 0 {
            // Ordering: Acquire, as in `try_write_fast`.
            match self
                .word
                .compare_exchange_weak(now, now | WRITER, Acquire, Relaxed)
            {
                Ok(_) => {
                    // Ordering: Release, as in `enter`.
                    self.writer.store(mark, Release);
                    return true;
                }
                Err(other) => now = other,
            }
        }
        false
    }

    #[inline]
    pub(crate) fn write(&self, patience: Patience<'_>) -> Result<(), Refused> {
        if self.try_write_fast() {
            return Ok(());
        }
        self.write_slow(patience)
    }

    #[cold]
    #[inline(never)]
    fn write_slow(&self, patience: Patience<'_>) -> Result<(), Refused> {
        let mark = stack::mark();
        self.straighten();
        let reads = self.word.load(Relaxed) & READERS != 0;
        if self.is_written_by_caller() || (reads && self.is_read_by_caller(&self.waiting.lock())) {
            return Err(Refused::Deadlock);
        }
        let mut spin = Spin::new();
        loop {
            if self.try_write_slow(mark) {
                return Ok(());
            }
            if self.word.load(Relaxed) & QUEUED != 0 || !spin.turn() {
                break;
            }
        }
        self.wait(Queue::Writers, &Slip::new(mark), patience, |_| {
            self.try_write_poisoned(mark).then_some(())
        })
    }

    /// Leaves. The writer's unit only.
    #[inline(always)]
    pub(crate) fn leave_writing(&self) {
        self.writer.store(0, Relaxed);
        // Ordering: Release. Partner: the Acquire of whoever enters next.
        if self
            .word
            .compare_exchange(WRITER, 0, Release, Relaxed)
            .is_err()
        {
            self.settle_after(true);
        }
    }

    /// Makes the one writer a reader. The writer's unit only.
    pub(crate) fn downgrade(&self) -> Reading {
        self.writer.store(0, Relaxed);
        // Ordering: Release, as in `enter`.
        self.marks[0].store(stack::mark(), Release);
        // Ordering: Release, as in `leave_writing`.
        if self
            .word
            .compare_exchange(WRITER, 1, Release, Relaxed)
            .is_err()
        {
            let mut waiting = self.waiting.lock();
            // Ordering: Release, as in `leave_writing`. One step: it is never without a holder.
            self.word.fetch_sub(WRITER - 1, Release);
            let entered = self.settle(&mut waiting, true);
            drop(waiting);
            drop(entered);
        }
        Reading::placed(0)
    }

    /// Makes a reader the writer, once every other reader has left. The reader's unit only.
    pub(crate) fn upgrade(
        &self,
        reading: Reading,
        patience: Patience<'_>,
    ) -> Result<(), NoUpgrade> {
        self.upgrade_as(self.mark_of(reading), patience)?;
        if let Some(entry) = reading.entry {
            // It was in the crowd, too, so nobody looks for it here any more.
            entry.strike();
        }
        Ok(())
    }

    fn mark_of(&self, reading: Reading) -> usize {
        match reading.entry {
            Some(entry) => entry.what().1,
            None if reading.at < PLACES => self.marks[reading.at].load(Relaxed),
            None => reading.at,
        }
    }

    fn upgrade_as(&self, mark: usize, patience: Patience<'_>) -> Result<(), NoUpgrade> {
        let conflict = Cell::new(false);
        let slip = Slip::new(mark);
        let alone = |waiting: &mut Waiting| self.become_writer(waiting, mark).then_some(());
        {
            let mut waiting = self.waiting.lock();
            self.straighten_in(&mut waiting);
            if alone(&mut waiting).is_some() {
                return Ok(());
            }
            if self.marks_of_caller(&waiting) > 1 {
                return Err(NoUpgrade::Refused(Refused::Deadlock));
            }
            // Looked at before a wait begins, which may unwind, and again in it.
            conflict.set(waiting.upgraders.peek_open().is_some());
        }
        if conflict.get() {
            return Err(NoUpgrade::Conflict);
        }
        self.wait(Queue::Upgraders, &slip, patience, |waiting| {
            conflict.set(waiting.upgraders.peek_open().is_some());
            if conflict.get() {
                Some(())
            } else {
                alone(waiting)
            }
        })
        .map_err(NoUpgrade::Refused)?;
        if conflict.get() {
            Err(NoUpgrade::Conflict)
        } else {
            Ok(())
        }
    }

    /// Makes a reader the writer if it is the only one. Under the queue's lock, and on behalf of the reader.
    fn become_writer(&self, waiting: &mut Waiting, mark: usize) -> bool {
        let mut now = self.word.load(Relaxed);
        while readers(now) == 1 {
            let next = (now & !READERS) | WRITER;
            // Ordering: Acquire, as in `try_write_fast`.
            match self.word.compare_exchange_weak(now, next, Acquire, Relaxed) {
                Ok(_) => {
                    waiting.crowd.clear();
                    // Those of all other readers are clear.
                    for place in &self.marks {
                        place.store(0, Relaxed);
                    }
                    // Ordering: Release, as in `enter`.
                    self.writer.store(mark, Release);
                    return true;
                }
                Err(other) => now = other,
            }
        }
        false
    }

    /// Whether the caller, or one on whose stack it runs, is the writer.
    pub(crate) fn is_written_by_caller(&self) -> bool {
        // Ordering: Acquire, of the mark. Partner: the Release of the writer, or of whoever has let it in.
        let writer = self.writer.load(Acquire);
        writer != 0 && stack::is_own(writer)
    }

    fn is_read_by_caller(&self, waiting: &Waiting) -> bool {
        self.marks_of_caller(waiting) > 0
    }

    /// How many readers are the caller, or one on whose stack it runs. What others write
    /// meanwhile are marks of other stacks.
    fn marks_of_caller(&self, waiting: &Waiting) -> usize {
        // Ordering: Acquire, of the marks. Partners: the Release of the readers, or of whoever has let them in.
        let placed = self.marks.iter().map(|mark| mark.load(Acquire));
        placed
            .chain(waiting.crowd.iter().map(|reader| reader.mark))
            .filter(|mark| *mark != 0 && stack::is_own(*mark))
            .count()
    }

    /// Whether anybody is inside, as reader or writer; a snapshot.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Relaxed) & (READERS | WRITER) != 0 || self.noted() > 0
    }

    /// Whether a writer is inside; a snapshot.
    #[must_use]
    pub fn is_locked_exclusive(&self) -> bool {
        self.word.load(Relaxed) & WRITER != 0
    }

    /// Sets the poison mark. Writer only.
    #[cold]
    pub(crate) fn poison(&self) {
        self.word.fetch_or(POISONED, Relaxed);
    }

    /// Clears the poison mark. Writer only.
    pub(crate) fn clear_poison(&self) {
        self.word.fetch_and(!POISONED, Relaxed);
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.word.load(Relaxed) & POISONED != 0
    }
}

impl UnwindSafe for RawRwLock {}
impl RefUnwindSafe for RawRwLock {}

impl Default for RawRwLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.word.load(Relaxed);
        f.debug_struct("RawRwLock")
            .field("readers", &(readers(now) + self.noted()))
            .field("writer", &(now & WRITER != 0))
            .field("waited_for", &(now & QUEUED != 0))
            .field("leans", &(now & LEANS != 0))
            .finish_non_exhaustive()
    }
}
