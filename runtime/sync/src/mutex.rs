//! A lock around a value.
//!
//! A panic that unwinds through a guard *poisons* the lock: from then on it is refused, until
//! somebody [recovers](Mutex::recover) it. So nobody sees by accident what a panic left half done.

use crate::{
    LockError, LockUntilError, Poisoned, TryLockError,
    forms::const_new,
    raw::{Patience, RawMutex},
};
use std::{
    fmt,
    marker::PhantomData,
    mem,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
};
use vitte_wait::{
    Budget, Deadline, StopToken, current,
    facade::{cell::UnsafeCell, panicking},
    give_way, timed_forms,
};

/// A lock around a value, for fibers and threads alike.
///
/// Whoever holds it is at least as urgent as the most urgent that waits for it (see
/// [`Priority`](vitte_wait::Priority)): so none of a low class keeps one of a high class waiting for longer than the
/// lock is held. (But a lock that was taken before any unit was given a class lifts nobody.)
///
/// It costs two read-modify-writes while nobody waits for it. It is not fair from one moment to the next,
/// but whoever waits is given it within a millisecond of its releases.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only if
/// the lock is held; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A unit that is canceled while it waits has not taken the lock.
///
/// # Poisoning
/// See [`LockError::Poisoned`] and [`recover`](Self::recover).
///
/// ```
/// use vitte_sync::{LockError, Mutex, TryLockError};
///
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// let held = TOTAL.lock()?;
/// assert_eq!(TOTAL.try_lock().unwrap_err(), TryLockError::Taken);
/// assert_eq!(TOTAL.lock().unwrap_err(), LockError::Deadlock);
/// drop(held);
/// *TOTAL.lock()? += 1;
/// # Ok::<(), LockError>(())
/// ```
#[repr(C)]
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    budget: Budget,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the mutex has the value, alone.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: the lock lets one unit at a time at the value, which is thereby sent from one to the next.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// A panic that leaves the value half changed poisons the lock.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

impl<T> Mutex<T> {
    const_new! {
        /// A free lock around `value`.
        ///
        /// ```
        /// use vitte_sync::Mutex;
        ///
        /// static TOTAL: Mutex<u32> = Mutex::new(0);
        /// *TOTAL.lock().unwrap() += 1;
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                raw: RawMutex::new(),
                budget: Budget::new(),
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
    /// use vitte_sync::Mutex;
    ///
    /// let lock = Mutex::new(vec![1]);
    /// lock.lock().unwrap().push(2);
    /// assert_eq!(lock.into_inner().unwrap(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> Result<T, Poisoned<T>> {
        let poisoned = self.raw.is_poisoned();
        let value = self.value.into_inner();
        Poisoned::unless_sound(value, poisoned)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock; waits while it is held.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] at once if the caller holds it, [`LockError::Poisoned`], and
    /// [`LockError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Blocking
    /// Also without waiting, a fiber lets others run every so many calls.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait.
    ///
    /// ```
    /// use vitte_sync::{LockError, Mutex};
    ///
    /// let total = Mutex::new(0);
    /// std::thread::scope(|scope| {
    ///     for n in 1..=3 {
    ///         let total = &total;
    ///         scope.spawn(move || *total.lock().unwrap() += n);
    ///     }
    /// });
    /// let held = total.lock()?;
    /// assert_eq!(*held, 6);
    /// assert_eq!(total.lock().unwrap_err(), LockError::Deadlock);
    /// # Ok::<(), LockError>(())
    /// ```
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, LockError> {
        match self.raw.try_fast() {
            Some(mark) if !self.budget.count() => Ok(self.guard(mark)),
            taken => self
                .lock_slow(taken, Deadline::NEVER, None)
                .map_err(LockUntilError::of_untimed),
        }
    }

    /// Takes the lock if it is free. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`], also if it is the caller that holds it, and [`TryLockError::Poisoned`].
    ///
    /// ```
    /// use vitte_sync::{Mutex, TryLockError};
    ///
    /// let lock = Mutex::new(1);
    /// if let Ok(mut number) = lock.try_lock() {
    ///     *number += 1;
    ///     assert_eq!(lock.try_lock().unwrap_err(), TryLockError::Taken);
    /// }
    /// assert_eq!(*lock.try_lock().unwrap(), 2);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        if let Some(mark) = self.raw.try_fast() {
            return Ok(self.guard(mark));
        }
        let guard = self.guard(self.raw.try_slow().ok_or(TryLockError::Taken)?);
        if self.raw.is_poisoned() {
            return Err(TryLockError::Poisoned);
        }
        Ok(guard)
    }

    /// Takes the lock; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::{LockUntilError, Mutex};
    ///
    /// let lock = Mutex::new(());
    /// let _held = lock.lock().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let refused = lock.lock_timeout(Duration::from_millis(1)).unwrap_err();
    ///         assert_eq!(refused, LockUntilError::TimedOut);
    ///     });
    /// });
    /// ```
    #[inline]
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MutexGuard<'_, T>, LockUntilError> {
        match self.raw.try_fast() {
            Some(mark) if !self.budget.count() => Ok(self.guard(mark)),
            taken => self.lock_slow(taken, deadline, stop),
        }
    }

    timed_forms! {
        lock_with() -> Result<MutexGuard<'_, T>, LockUntilError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::Mutex;
        ///
        /// let lock = Mutex::new(1);
        "lock." () => got "assert_eq!(*got.unwrap(), 1);"
    }

    /// With the lock taken, when it is time to give way; or without, when it is not to be had at once.
    #[cold]
    fn lock_slow(
        &self,
        taken: Option<usize>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MutexGuard<'_, T>, LockUntilError> {
        let patience = Patience::with(deadline, stop);
        let mark = match taken {
            // A thread has nobody to give way to.
            Some(mark) if current::unit().is_thread() => mark,
            // Nobody is to wait for us while others run.
            Some(mark) => {
                self.raw.release(mark);
                give_way();
                self.raw.take(patience)?
            }
            None => self.raw.take_slow(patience)?,
        };
        let guard = self.guard(mark);
        if self.raw.is_poisoned() {
            return Err(LockUntilError::Poisoned);
        }
        Ok(guard)
    }

    /// Takes the lock whether it is poisoned or not, and clears the mark: the caller answers for the value.
    ///
    /// # Errors
    /// As [`lock_with`](Self::lock_with), but never poisoned.
    ///
    /// ```
    /// use vitte_sync::{LockError, Mutex};
    /// use vitte_wait::Deadline;
    ///
    /// let pair = Mutex::new((1, 1));
    /// std::thread::scope(|scope| {
    ///     let torn = scope.spawn(|| {
    ///         pair.lock().unwrap().0 = 2;
    ///         let mut pair = pair.lock().unwrap();
    ///         pair.0 = 3;
    ///         panic!("before the other half was written");
    ///     });
    ///     assert!(torn.join().is_err());
    /// });
    /// assert_eq!(pair.lock().unwrap_err(), LockError::Poisoned);
    /// let mut found = pair.recover(Deadline::NEVER, None).unwrap();
    /// found.1 = found.0;
    /// drop(found);
    /// assert_eq!(*pair.lock().unwrap(), (3, 3));
    /// ```
    pub fn recover(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MutexGuard<'_, T>, LockUntilError> {
        let guard = self.guard(self.raw.take(Patience::with(deadline, stop))?);
        self.raw.clear_poison();
        Ok(guard)
    }

    /// Whether a panic unwound while the lock was held, and nobody has recovered it; a snapshot.
    ///
    /// ```
    /// use vitte_sync::Mutex;
    ///
    /// let lock = Mutex::new(1);
    /// std::thread::scope(|scope| {
    ///     let broken = scope.spawn(|| {
    ///         let _held = lock.lock();
    ///         panic!("poisons it");
    ///     });
    ///     assert!(broken.join().is_err());
    /// });
    /// assert!(lock.is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.raw.is_poisoned()
    }

    /// Whether somebody holds the lock; a snapshot.
    ///
    /// ```
    /// use vitte_sync::Mutex;
    ///
    /// let lock = Mutex::new(1);
    /// let held = lock.lock().unwrap();
    /// assert!(lock.is_locked());
    /// drop(held);
    /// assert!(!lock.is_locked());
    /// ```
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The value, for one who has the mutex to himself.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::Mutex;
    ///
    /// let mut lock = Mutex::new(1);
    /// *lock.get_mut().unwrap() += 1; // nobody else can have it, so nothing is locked
    /// assert_eq!(lock.into_inner().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> Result<&mut T, Poisoned<&mut T>> {
        // SAFETY: `&mut self` excludes everybody else.
        let value = self.value.with_mut(|value| unsafe { &mut *value });
        Poisoned::unless_sound(value, self.raw.is_poisoned())
    }

    /// The lock was taken with `mark`.
    #[inline(always)]
    fn guard(&self, mark: usize) -> MutexGuard<'_, T> {
        MutexGuard {
            held: Held::new(&self.raw, mark),
            value: &self.value,
        }
    }
}

/// A held lock, which is released, and poisoned if need be, when this is dropped.
pub(crate) struct Held<'a> {
    raw: &'a RawMutex,
    mark: usize,
    /// The thread panicked already when the lock was taken, so that it still does proves nothing.
    panicking: bool,
    /// The mark is on the stack of the unit that holds it.
    _not_send: PhantomData<*const ()>,
}

impl<'a> Held<'a> {
    #[inline(always)]
    fn new(raw: &'a RawMutex, mark: usize) -> Self {
        Self {
            raw,
            mark,
            panicking: panicking(),
            _not_send: PhantomData,
        }
    }

    #[inline(always)]
    fn note_panic(&self) {
        if panicking() && !self.panicking {
            self.raw.poison();
        }
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.note_panic();
        self.raw.release(self.mark);
    }
}

/// The right to the value of a [`Mutex`], which ends when this is dropped.
///
/// It belongs to the unit that took the lock, and cannot leave it.
///
/// ```compile_fail
/// fn needs_send<T: Send>(_: T) {}
/// needs_send(vitte_sync::Mutex::new(1).lock().unwrap());
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    held: Held<'a>,
    value: &'a UnsafeCell<T>,
}

// SAFETY: a shared guard gives out shared references to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    pub(crate) fn hold_of(guard: Self) -> Held<'a> {
        guard.held
    }

    /// Releases the lock to the unit that has waited longest, if any waits.
    ///
    /// ```
    /// use vitte_sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new(1);
    /// let held = lock.lock().unwrap();
    /// MutexGuard::unlock_fair(held);
    /// assert!(!lock.is_locked(), "nobody waited");
    /// ```
    pub fn unlock_fair(guard: Self) {
        guard.held.note_panic();
        let held = mem::ManuallyDrop::new(guard.held);
        if held.raw.is_waited_for() {
            held.raw.release_slow(true);
        } else {
            held.raw.release(held.mark);
        }
    }

    /// Releases the lock while `wait` runs, and takes it again, whatever becomes of the unit.
    pub(crate) fn without<R>(guard: &mut Self, wait: impl FnOnce(&dyn Fn()) -> R) -> R {
        let held = &mut guard.held;
        let (raw, mark) = (held.raw, held.mark);
        held.note_panic();
        let again = Again { held };
        let result = wait(&move || raw.release(mark));
        drop(again);
        result
    }

    /// Whether a panic unwound while somebody else held the lock since this guard was made.
    pub(crate) fn is_poisoned(guard: &Self) -> bool {
        guard.held.raw.is_poisoned()
    }
}

/// Takes a lock again, also when what ran without it unwinds.
struct Again<'a, 'b> {
    held: &'a mut Held<'b>,
}

impl Drop for Again<'_, '_> {
    fn drop(&mut self) {
        let Ok(mark) = self.held.raw.take(Patience::ENDLESS) else {
            unreachable!("nobody else's mark is on our stack, and nothing ends this wait")
        };
        self.held.mark = mark;
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we hold the lock.
        self.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock, and have the guard to ourselves.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    /// Shows the value if the lock is free.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("value", &&*guard),
            Err(TryLockError::Poisoned) => shown.field("value", &format_args!("<poisoned>")),
            Err(TryLockError::Taken) => shown.field("value", &format_args!("<locked>")),
        };
        shown
            .field("waited_for", &self.raw.is_waited_for())
            .field("poisoned", &self.raw.is_poisoned())
            .finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
