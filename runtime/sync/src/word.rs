//! A mutex, a condition and a latch of 32 bits each, for C: zero is their initial state, there is
//! nothing to destroy, and they work before any runtime exists.
//!
//! Whoever waits does so in the table of [`vitte_wait::wait_on`], which compares addresses and never
//! follows one: so a word may be freed by whoever knows that nobody will use it any more, even while the last waker
//! is on its way out.
//!
//! The mutex is the third of Ulrich Drepper's "Futexes Are Tricky", with its holder's
//! [number](vitte_wait::Unit::number) for the state "held":
//!
//! ```text
//! | waited for | 0 | the number of the unit that holds it 30, 0 when free |
//! ```
//!
//! That number is the reason why it costs an access to a thread-local, which [`Mutex`](crate::Mutex) does not; it is
//! what makes errors of a second locking and of a foreign unlocking, which C cannot be kept from writing. And it
//! [leads](vitte_wait::Unit::of_number) to the holder, to whom they who wait lend their urgency: see Note
//! [Inheritance at an address].

use crate::{
    forms::const_new,
    lock_error::{CANCELED, DEADLOCK, STOPPED, TAKEN, TIMED_OUT},
    raw::Spin,
};
use std::{error::Error, fmt};
use vitte_wait::{
    Deadline, Outcome, Priority, StopToken, Unit, current,
    facade::atomic::{AtomicU32, Ordering::*},
};

/// Where waiters wait: the process's table, or a model's.
#[doc(hidden)]
#[cfg(any(loom, shuttle))]
pub use vitte_wait::AddressTable as Table;

/// The process's table.
#[doc(hidden)]
#[cfg(not(any(loom, shuttle)))]
#[derive(Debug)]
pub struct Table;

#[cfg(not(any(loom, shuttle)))]
impl Table {
    fn wait_on(
        &self,
        word: &AtomicU32,
        expect: u32,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        vitte_wait::wait_on(word, expect, deadline, stop)
    }

    fn wake(&self, word: *const AtomicU32, count: usize) -> usize {
        vitte_wait::wake(word, count)
    }

    fn wait_for_holder(
        &self,
        word: &AtomicU32,
        expect: u32,
        holder: Option<&'static Unit>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        vitte_wait::wait_for_holder(word, expect, holder, deadline, stop)
    }

    fn wake_next(&self, word: *const AtomicU32, holder: &'static Unit) {
        vitte_wait::wake_next(word, holder);
    }
}

/// Why an operation on a word did not do what it was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WordError {
    /// Somebody holds the mutex.
    Taken,
    /// The caller does not hold the mutex.
    NotHolder,
    /// The caller holds the mutex already, so it would wait for ever.
    Deadlock,
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl WordError {
    fn of(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Woken => Ok(()),
            Outcome::TimedOut => Err(Self::TimedOut),
            Outcome::Canceled => Err(Self::Canceled),
            Outcome::Stopped => Err(Self::Stopped),
        }
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => TAKEN,
            Self::NotHolder => "the caller does not hold the lock",
            Self::Deadlock => DEADLOCK,
            Self::TimedOut => TIMED_OUT,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl Error for WordError {}

/// Somebody may wait.
const WAITED: u32 = 1 << 31;
const HOLDER: u32 = (1 << 30) - 1;

/// A lock of 32 bits, free when zero, that knows its holder.
///
/// It belongs to a *unit*, a fiber or a plain thread; one that ends leaves it locked. It is not
/// fair: who comes just as it is released may be first. Of those who wait the most urgent is woken first, and the
/// holder is as urgent as any of them.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only if
/// the lock is held; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A unit that is canceled while it waits has not taken the lock.
///
/// ```
/// use vitte_sync::{WordError, WordMutex};
/// use vitte_wait::Deadline;
///
/// static LOCK: WordMutex = WordMutex::new();
///
/// LOCK.lock_with(Deadline::NEVER, None)?;
/// assert_eq!(LOCK.lock_with(Deadline::NEVER, None), Err(WordError::Deadlock));
/// let foreign = std::thread::spawn(|| LOCK.unlock());
/// assert_eq!(foreign.join().unwrap(), Err(WordError::NotHolder));
/// LOCK.unlock()
/// # as Result<(), WordError>;
/// # Ok::<(), WordError>(())
/// ```
#[derive(Default)]
#[repr(transparent)]
pub struct WordMutex(AtomicU32);

impl WordMutex {
    const_new! {
        /// A free lock.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU32::new(0))
        }
    }

    /// Takes the lock if it is free. Never blocks.
    ///
    /// # Errors
    /// [`WordError::Taken`], also if it is the caller that holds it.
    pub fn try_lock(&self) -> Result<(), WordError> {
        let me = current::unit().number();
        // Ordering: Acquire. Partner: the Release in `unlock_in`.
        match self.0.compare_exchange(0, me, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => Err(WordError::Taken),
        }
    }

    /// Takes the lock; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// [`WordError::Deadlock`] at once if the caller holds it; [`WordError::TimedOut`],
    /// [`WordError::Canceled`] and [`WordError::Stopped`], whichever came first.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait.
    #[cfg(not(any(loom, shuttle)))]
    pub fn lock_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WordError> {
        self.lock_in(&Table, deadline, stop)
    }

    /// Releases the lock.
    ///
    /// # Errors
    /// [`WordError::NotHolder`] if it is free, or another unit's. Then nothing has happened.
    #[cfg(not(any(loom, shuttle)))]
    pub fn unlock(&self) -> Result<(), WordError> {
        self.unlock_in(&Table)
    }

    /// Whether the calling unit holds it.
    #[must_use]
    pub fn is_held_by_caller(&self) -> bool {
        // Ordering: Relaxed. Our own number is there only if we wrote it and have not released since.
        self.0.load(Relaxed) & HOLDER == current::unit().number()
    }

    #[doc(hidden)]
    pub fn lock_in(
        &self,
        table: &Table,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WordError> {
        let me = current::unit().number();
        // Ordering: Acquire, as in `try_lock`.
        match self.0.compare_exchange(0, me, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            Err(now) if now & HOLDER == me => Err(WordError::Deadlock),
            Err(_) => self.lock_slow(me, table, deadline, stop),
        }
    }

    #[cold]
    fn lock_slow(
        &self,
        me: u32,
        table: &Table,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WordError> {
        // Liveness: one who was woken, be it for having become more urgent, takes the lock as one that is waited for, or finds it held and
        // marks it so before it may give up; so there is a next wake-up as long as anybody waits. One
        // who gives up leaves the mark behind, which costs a wake-up of nobody.
        let mut mark = 0;
        let mut spin = Spin::new();
        loop {
            let now = self.0.load(Relaxed);
            if now & HOLDER == 0 {
                // Ordering: Acquire, as in `try_lock`.
                if self
                    .0
                    .compare_exchange_weak(now, now | me | mark, Acquire, Relaxed)
                    .is_ok()
                {
                    return Ok(());
                }
                continue;
            }
            if now & WAITED == 0 && spin.turn() {
                continue;
            }
            let marked = now | WAITED;
            if now != marked
                && self
                    .0
                    .compare_exchange_weak(now, marked, Relaxed, Relaxed)
                    .is_err()
            {
                continue;
            }
            let holder = if Priority::matters() {
                Unit::of_number(now & HOLDER)
            } else {
                None
            };
            WordError::of(table.wait_for_holder(&self.0, marked, holder, deadline, stop))?;
            mark = WAITED;
            spin = Spin::new();
        }
    }

    #[doc(hidden)]
    pub fn unlock_in(&self, table: &Table) -> Result<(), WordError> {
        let me = current::unit();
        // Ordering: Relaxed, as in `is_held_by_caller`.
        if self.0.load(Relaxed) & HOLDER != me.number() {
            return Err(WordError::NotHolder);
        }
        // The word may be gone as soon as it is zero.
        let word = &raw const self.0;
        // Ordering: Release. Partner: the Acquire of whoever takes it next.
        if self.0.swap(0, Release) & WAITED != 0 {
            table.wake_next(word, me);
        }
        Ok(())
    }
}

impl fmt::Debug for WordMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.0.load(Relaxed);
        f.debug_struct("WordMutex")
            .field("locked", &(now & HOLDER != 0))
            .field("waited_for", &(now & WAITED != 0))
            .finish()
    }
}

/// A condition of 32 bits, for what a [`WordMutex`] guards.
///
/// Any value is good as the initial one. A wait may end as if it had been notified although it was not, so
/// it belongs into a loop.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// use vitte_sync::{WordCondvar, WordError, WordMutex};
/// use vitte_wait::Deadline;
///
/// static LOCK: WordMutex = WordMutex::new();
/// static CHANGED: WordCondvar = WordCondvar::new();
/// static DONE: AtomicBool = AtomicBool::new(false);
///
/// let other = std::thread::spawn(|| {
///     LOCK.lock_with(Deadline::NEVER, None)?;
///     DONE.store(true, Relaxed);
///     LOCK.unlock()?;
///     CHANGED.notify(1);
///     Ok::<_, WordError>(())
/// });
/// LOCK.lock_with(Deadline::NEVER, None)?;
/// while !DONE.load(Relaxed) {
///     CHANGED.wait_with(&LOCK, Deadline::NEVER, None)?;
/// }
/// LOCK.unlock()?;
/// other.join().unwrap()
/// # as Result<(), WordError>;
/// # Ok::<(), WordError>(())
/// ```
#[derive(Default)]
#[repr(transparent)]
pub struct WordCondvar(AtomicU32);

impl WordCondvar {
    const_new! {
        /// A condition nobody waits for.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU32::new(0))
        }
    }

    /// Releases `mutex`, waits for a notification, until `deadline`, or until `stop` is triggered, and
    /// takes `mutex` again, whatever ended the wait.
    ///
    /// # Errors
    /// [`WordError::NotHolder`] if the caller does not hold `mutex`: then nothing has happened. Else
    /// [`WordError::TimedOut`], [`WordError::Canceled`] or [`WordError::Stopped`], with `mutex` held.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps; then again, while others hold the mutex.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin); `mutex` is not held then.
    #[cfg(not(any(loom, shuttle)))]
    pub fn wait_with(
        &self,
        mutex: &WordMutex,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WordError> {
        self.wait_in(&Table, mutex, deadline, stop)
    }

    /// Wakes up to `count` units that wait, oldest first, and says how many. Never blocks.
    #[cfg(not(any(loom, shuttle)))]
    pub fn notify(&self, count: usize) -> usize {
        self.notify_in(&Table, count)
    }

    #[doc(hidden)]
    pub fn wait_in(
        &self,
        table: &Table,
        mutex: &WordMutex,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WordError> {
        // Ordering: Relaxed. Who notifies of a change made under the mutex counts after we have
        // released it, so the count that we wait at is one from before that.
        let count = self.0.load(Relaxed);
        mutex.unlock_in(table)?;
        let ended = WordError::of(table.wait_on(&self.0, count, deadline, stop));
        let unit = current::unit();
        let masked = unit.mask_cancel(true);
        let locked = mutex.lock_in(table, Deadline::NEVER, None);
        unit.mask_cancel(masked);
        locked.and(ended)
    }

    #[doc(hidden)]
    pub fn notify_in(&self, table: &Table, count: usize) -> usize {
        self.0.fetch_add(1, Relaxed);
        table.wake(&raw const self.0, count)
    }
}

impl fmt::Debug for WordCondvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordCondvar").finish_non_exhaustive()
    }
}

/// A latch of 32 bits: closed when zero, and once [set](Self::set) open for ever.
///
/// ```
/// use vitte_sync::WordLatch;
/// use vitte_wait::Deadline;
///
/// static READY: WordLatch = WordLatch::new();
///
/// let waiter = std::thread::spawn(|| READY.wait_with(Deadline::NEVER, None));
/// READY.set();
/// assert_eq!(waiter.join().unwrap(), Ok(()));
/// assert!(READY.is_set());
/// ```
#[derive(Default)]
#[repr(transparent)]
pub struct WordLatch(AtomicU32);

const CLOSED: u32 = 0;
const OPEN: u32 = 1;
const AWAITED: u32 = 2;

impl WordLatch {
    const_new! {
        /// A closed latch.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU32::new(CLOSED))
        }
    }

    /// Whether it is set. What came before `set` is visible then.
    #[must_use]
    pub fn is_set(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `set_in`.
        self.0.load(Acquire) == OPEN
    }

    /// Sets it, and wakes everybody who waits. Doing it twice is the same as once. Never blocks.
    #[cfg(not(any(loom, shuttle)))]
    pub fn set(&self) {
        self.set_in(&Table);
    }

    /// Waits until it is set, until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// [`WordError::TimedOut`], [`WordError::Canceled`] or [`WordError::Stopped`], if it is not set.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait.
    #[cfg(not(any(loom, shuttle)))]
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WordError> {
        self.wait_in(&Table, deadline, stop)
    }

    #[doc(hidden)]
    pub fn set_in(&self, table: &Table) {
        // The word may be gone as soon as it is set.
        let word = &raw const self.0;
        // Ordering: Release. Partner: the Acquire in `is_set`.
        if self.0.swap(OPEN, Release) == AWAITED {
            table.wake(word, usize::MAX);
        }
    }

    #[doc(hidden)]
    pub fn wait_in(
        &self,
        table: &Table,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WordError> {
        while !self.is_set() {
            // If it fails the latch is set, or awaited already.
            let _ = self.0.compare_exchange(CLOSED, AWAITED, Relaxed, Relaxed);
            WordError::of(table.wait_on(&self.0, AWAITED, deadline, stop))?;
        }
        Ok(())
    }
}

impl fmt::Debug for WordLatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordLatch")
            .field("set", &self.is_set())
            .finish()
    }
}
