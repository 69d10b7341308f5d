//! A lock whose waiters look again and again, for sections of a few instructions.
//!
//! A waiter looks a few times, then lets others run between two looks; after some tens of those it
//! sleeps between two looks, for longer and longer up to a millisecond, so that a holder that lost
//! its processor, or suspended, is not starved by those who wait for it. There is no queue, so
//! there is no order, and a release is one store.
//!
//! A panic that unwinds through a guard poisons the lock, as it does a [`Mutex`](crate::Mutex). Then the word says so where
//! it would say that the lock is free: nobody but one who recovers it takes it from there.

use crate::{LockError, LockUntilError, Poisoned, TryLockError, forms::const_new, raw::Patience};
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
    ptr,
    time::Duration,
};
use vitte_wait::{
    Deadline, Outcome, StopToken, current,
    facade::{
        atomic::{AtomicUsize, Ordering::*},
        cell::UnsafeCell,
        hint, panicking, thread,
    },
    give_way, stack, timed_forms,
};

/// A lock around a value, of one word, for sections that are over in no time.
///
/// It is not re-entrant and not fair. Where a section may wait for anything, take a [`Mutex`](crate::Mutex).
///
/// # Poisoning
/// See [`LockError::Poisoned`] and [`recover`](Self::recover).
///
/// # Blocking
/// A fiber lets other fibers run after a few looks, a thread other threads; both sleep for a short while
/// at a time if that does not help.
///
/// # Cancellation
/// A unit that is canceled while it waits has not taken the lock.
///
/// ```
/// use vitte_sync::{LockError, SpinLock};
///
/// static NEXT: SpinLock<u64> = SpinLock::new(1);
///
/// let mut next = NEXT.lock()?;
/// *next += 1;
/// assert_eq!(NEXT.lock().unwrap_err(), LockError::Deadlock);
/// drop(next);
/// assert_eq!(*NEXT.lock()?, 2);
/// # Ok::<(), LockError>(())
/// ```
pub struct SpinLock<T: ?Sized> {
    /// The mark of the holder's stack; 0 when free, `POISONED` when free for who recovers it.
    word: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value, alone.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}
// SAFETY: the lock lets one unit at a time at the value, which is thereby sent from one to the next.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}

// A panic that leaves the value half changed poisons the lock.
impl<T: ?Sized> UnwindSafe for SpinLock<T> {}
impl<T: ?Sized> RefUnwindSafe for SpinLock<T> {}

/// No mark: those are addresses of stacks.
const POISONED: usize = 1;

/// How often to look in a row, how often then with others let run in between, and how long to
/// sleep at most between two looks after that.
const LOOKS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 20 };
const OFFERS: u32 = if cfg!(any(loom, shuttle)) { 1 } else { 32 };
const LONGEST_NAP: Duration = Duration::from_millis(1);

impl<T> SpinLock<T> {
    const_new! {
        /// A free lock around `value`.
        ///
        /// ```
        /// use vitte_sync::SpinLock;
        ///
        /// static NEXT: SpinLock<u64> = SpinLock::new(1);
        /// *NEXT.lock().unwrap() += 1;
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                word: AtomicUsize::new(0),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The value.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::SpinLock;
    ///
    /// let next = SpinLock::new(1);
    /// *next.lock().unwrap() += 1;
    /// assert_eq!(next.into_inner().unwrap(), 2);
    /// ```
    pub fn into_inner(self) -> Result<T, Poisoned<T>> {
        let poisoned = self.is_poisoned();
        let value = self.value.into_inner();
        Poisoned::unless_sound(value, poisoned)
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Takes the lock; looks for it again and again while it is held.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] if the caller holds it, [`LockError::Poisoned`], and [`LockError::Canceled`] if the
    /// caller is canceled while waiting.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait for long.
    ///
    /// ```
    /// use vitte_sync::{LockError, SpinLock};
    ///
    /// let next = SpinLock::new(1);
    /// let mut held = next.lock().unwrap();
    /// *held += 1;
    /// assert_eq!(next.lock().unwrap_err(), LockError::Deadlock);
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<SpinLockGuard<'_, T>, LockError> {
        self.lock_with(Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Takes the lock if it is free. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`] and [`TryLockError::Poisoned`].
    ///
    /// ```
    /// use vitte_sync::{SpinLock, TryLockError};
    ///
    /// let next = SpinLock::new(1);
    /// let _held = next.try_lock().unwrap();
    /// assert_eq!(next.try_lock().unwrap_err(), TryLockError::Taken);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<SpinLockGuard<'_, T>, TryLockError> {
        self.take_from(0).map_err(|found| match found {
            POISONED => TryLockError::Poisoned,
            _ => TryLockError::Taken,
        })
    }

    /// Takes the lock if its word is `free`, or says what it is.
    #[inline]
    fn take_from(&self, free: usize) -> Result<SpinLockGuard<'_, T>, usize> {
        let mark = stack::mark_of_stack();
        // Ordering: Acquire. Partner: the Release in the guard's `drop`.
        self.word.compare_exchange(free, mark, Acquire, Relaxed)?;
        Ok(SpinLockGuard {
            lock: self,
            panicking: panicking(),
            _not_send: PhantomData,
        })
    }

    /// Takes the lock; looks for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`].
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, SpinLock};
    /// use vitte_wait::Deadline;
    ///
    /// let next = SpinLock::new(1);
    /// let _held = next.lock().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let refused = next.lock_with(Deadline::NOW, None).unwrap_err();
    ///         assert_eq!(refused, LockUntilError::TimedOut);
    ///     });
    /// });
    /// ```
    #[inline]
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<SpinLockGuard<'_, T>, LockUntilError> {
        match self.try_lock() {
            Ok(guard) => Ok(guard),
            Err(_) => self.lock_slow(false, deadline, stop),
        }
    }

    timed_forms! {
        lock_with() -> Result<SpinLockGuard<'_, T>, LockUntilError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::SpinLock;
        ///
        /// let lock = SpinLock::new(1);
        "lock." () => got "assert_eq!(*got.unwrap(), 1);"
    }

    /// Takes the lock whether it is poisoned or not, and clears the mark: the caller answers for the value.
    ///
    /// # Errors
    /// As [`lock_with`](Self::lock_with), but never poisoned.
    ///
    /// ```
    /// use vitte_sync::{LockError, SpinLock};
    /// use vitte_wait::Deadline;
    ///
    /// let next = SpinLock::new(1);
    /// std::thread::scope(|scope| {
    ///     let broken = scope.spawn(|| {
    ///         let _held = next.lock();
    ///         panic!("poisons it");
    ///     });
    ///     assert!(broken.join().is_err());
    /// });
    /// assert_eq!(next.lock().unwrap_err(), LockError::Poisoned);
    /// *next.recover(Deadline::NEVER, None).unwrap() = 2;
    /// assert_eq!(*next.lock().unwrap(), 2);
    /// ```
    pub fn recover(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<SpinLockGuard<'_, T>, LockUntilError> {
        self.lock_slow(true, deadline, stop)
    }

    #[cold]
    fn lock_slow(
        &self,
        recovers: bool,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<SpinLockGuard<'_, T>, LockUntilError> {
        let holder = self.word.load(Relaxed);
        if is_mark(holder) && stack::is_own(holder) {
            return Err(LockUntilError::Deadlock);
        }
        let unit = current::unit();
        let (mut looks, mut offers) = (LOOKS, OFFERS);
        let mut nap = Duration::from_micros(20);
        loop {
            let found = self.word.load(Relaxed);
            if found == POISONED && !recovers {
                return Err(LockUntilError::Poisoned);
            }
            if !is_mark(found)
                && let Ok(guard) = self.take_from(found)
            {
                return Ok(guard);
            }
            if looks > 0 {
                looks -= 1;
                hint::spin_loop();
                continue;
            }
            if unit.is_canceled() {
                return Err(LockUntilError::Canceled);
            }
            if stop.is_some_and(StopToken::is_stopped) {
                return Err(LockUntilError::Stopped);
            }
            if deadline.is_past() {
                return Err(LockUntilError::TimedOut);
            }
            if offers > 0 || cfg!(any(loom, shuttle)) {
                offers = offers.saturating_sub(1);
                if unit.is_thread() {
                    thread::yield_now();
                } else {
                    give_way();
                }
                continue;
            }
            let until = Deadline::after(nap).min(deadline);
            let wait = Patience::with(until, stop).begin(ptr::from_ref(self).cast());
            match wait.park(until, stop) {
                Outcome::TimedOut => nap = (nap * 2).min(LONGEST_NAP),
                ended => return Err(LockUntilError::of(ended)),
            }
        }
    }

    /// Whether somebody holds the lock; a snapshot.
    ///
    /// ```
    /// use vitte_sync::SpinLock;
    ///
    /// let next = SpinLock::new(1);
    /// let _held = next.lock().unwrap();
    /// assert!(next.is_locked());
    /// ```
    #[must_use]
    pub fn is_locked(&self) -> bool {
        is_mark(self.word.load(Relaxed))
    }

    /// Whether a panic unwound while the lock was held, and nobody has recovered it; a snapshot.
    ///
    /// ```
    /// use vitte_sync::SpinLock;
    ///
    /// assert!(!SpinLock::new(1).is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.word.load(Relaxed) == POISONED
    }

    /// The value, for one who has the lock to himself.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::SpinLock;
    ///
    /// let mut next = SpinLock::new(1);
    /// *next.get_mut().unwrap() += 1; // nobody else can have it, so nothing is locked
    /// assert_eq!(*next.lock().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> Result<&mut T, Poisoned<&mut T>> {
        let poisoned = self.is_poisoned();
        // SAFETY: `&mut self` excludes everybody else.
        let value = self.value.with_mut(|value| unsafe { &mut *value });
        Poisoned::unless_sound(value, poisoned)
    }
}

/// Whether the lock is held with this word.
fn is_mark(word: usize) -> bool {
    word > POISONED
}

/// The right to the value of a [`SpinLock`], which ends when this is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct SpinLockGuard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
    /// The thread panicked already when the lock was taken, so that it still does proves nothing.
    panicking: bool,
    /// The mark is on the stack of the unit that holds the lock.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for SpinLockGuard<'_, T> {}

impl<T: ?Sized> Deref for SpinLockGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we hold the lock.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for SpinLockGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock, and have the guard to ourselves.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for SpinLockGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let torn = panicking() && !self.panicking;
        let free = if torn { POISONED } else { 0 };
        // Ordering: Release. Partner: the Acquire in `take_from`.
        self.lock.word.store(free, Release);
    }
}

impl<T: Default> Default for SpinLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for SpinLock<T> {
    /// Shows the value if the lock is free.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SpinLock");
        match self.try_lock() {
            Ok(guard) => shown.field("value", &&*guard),
            Err(TryLockError::Poisoned) => shown.field("value", &format_args!("<poisoned>")),
            Err(TryLockError::Taken) => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for SpinLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
