//! A lock that its holder may take again, and that therefore gives out shared references only.
//!
//! Owner is the *unit*. A task that runs on top of its joiner's stack is another unit, so it is refused
//! what its joiner holds, as it would wait for ever if it ran elsewhere.

use crate::{
    LockError, LockUntilError, Poisoned, TryLockError,
    forms::const_new,
    raw::{Patience, RawMutex},
};
use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
};
use vitte_wait::{
    Deadline, StopToken, current,
    facade::{
        atomic::{AtomicU64, Ordering::*},
        cell::UnsafeCell,
        panicking,
    },
    timed_forms,
};

/// A lock around a value that the unit which holds it may take again.
///
/// What it guards can be read only; put a `Cell` or a `RefCell` inside to change it.
///
/// Blocking and cancellation are those of [`Mutex`](crate::Mutex).
///
/// # Poisoning
/// See [`LockError::Poisoned`] and [`recover`](Self::recover). A panic that unwinds through one of the holder's guards
/// poisons; who holds others still keeps them, and does not get a further one.
///
/// ```
/// use std::cell::Cell;
/// use vitte_sync::{LockError, ReentrantMutex};
///
/// let depth = ReentrantMutex::new(Cell::new(0));
/// let outer = depth.lock()?;
/// let inner = depth.lock()?;
/// inner.set(2);
/// drop(outer);
/// assert!(depth.is_held_by_caller());
/// drop(inner);
/// assert!(!depth.is_held_by_caller());
/// # Ok::<(), LockError>(())
/// ```
pub struct ReentrantMutex<T: ?Sized> {
    core: Core,
    value: UnsafeCell<T>,
}

/// The lock without the value.
struct Core {
    raw: RawMutex,
    /// The life of the unit that holds the lock, 0 if none does. Written by the holder, and cleared before the
    /// release: so a unit that reads its own life here wrote it, and has not released since. Not the unit's
    /// address: a unit that leaks its guard ends, and another begins in its place.
    owner: AtomicU64,
    /// How many guards there are besides the first, and the mark of the first. The owner's.
    more: UnsafeCell<Cell<usize>>,
    mark: UnsafeCell<Cell<usize>>,
}

// SAFETY: the cells are touched by the owner only, and the lock lets one unit at a time be that.
unsafe impl Sync for Core {}

// SAFETY: whoever has the mutex has the value, alone.
unsafe impl<T: ?Sized + Send> Send for ReentrantMutex<T> {}
// SAFETY: the lock lets one unit at a time at the value, which is thereby sent from one to the next; so it need not be
// `Sync`.
unsafe impl<T: ?Sized + Send> Sync for ReentrantMutex<T> {}

// A panic that leaves the value half changed poisons the lock.
impl<T: ?Sized> UnwindSafe for ReentrantMutex<T> {}
impl<T: ?Sized> RefUnwindSafe for ReentrantMutex<T> {}

impl<T> ReentrantMutex<T> {
    const_new! {
        /// A free lock around `value`.
        ///
        /// ```
        /// use std::cell::Cell;
        /// use vitte_sync::ReentrantMutex;
        ///
        /// static DEPTH: ReentrantMutex<Cell<u32>> = ReentrantMutex::new(Cell::new(0));
        /// DEPTH.lock().unwrap().set(1);
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                core: Core {
                    raw: RawMutex::new(),
                    owner: AtomicU64::new(0),
                    more: UnsafeCell::new(Cell::new(0)),
                    mark: UnsafeCell::new(Cell::new(0)),
                },
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
    /// use std::cell::Cell;
    /// use vitte_sync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(Cell::new(1));
    /// lock.lock().unwrap().set(2);
    /// assert_eq!(lock.into_inner().unwrap().get(), 2);
    /// ```
    pub fn into_inner(self) -> Result<T, Poisoned<T>> {
        let poisoned = self.is_poisoned();
        let value = self.value.into_inner();
        Poisoned::unless_sound(value, poisoned)
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Takes the lock, first or again; waits while another unit holds it.
    ///
    /// # Errors
    /// [`LockError::Canceled`] if the caller is canceled while waiting; [`LockError::Poisoned`];
    /// [`LockError::Deadlock`] if it is held by a unit that waits for the caller, on whose stack the caller runs.
    ///
    /// # Panics
    /// As [`Mutex::lock`](crate::Mutex::lock).
    ///
    /// ```
    /// use std::cell::Cell;
    /// use vitte_sync::ReentrantMutex;
    ///
    /// let total = ReentrantMutex::new(Cell::new(0));
    /// let add = |n| {
    ///     let total = total.lock().unwrap();
    ///     total.set(total.get() + n);
    /// };
    /// let _whole = total.lock().unwrap(); // nobody comes between the two
    /// add(1);
    /// add(2);
    /// assert_eq!(total.lock().unwrap().get(), 3);
    /// ```
    pub fn lock(&self) -> Result<ReentrantMutexGuard<'_, T>, LockError> {
        self.lock_with(Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Takes the lock if it is free, or the caller's already. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`] and [`TryLockError::Poisoned`].
    ///
    /// ```
    /// use vitte_sync::{ReentrantMutex, TryLockError};
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _held = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_ok(), "again");
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert_eq!(lock.try_lock().unwrap_err(), TryLockError::Taken));
    /// });
    /// ```
    pub fn try_lock(&self) -> Result<ReentrantMutexGuard<'_, T>, TryLockError> {
        if !self.core.try_take() {
            return Err(TryLockError::Taken);
        }
        let guard = self.guard();
        if self.is_poisoned() {
            return Err(TryLockError::Poisoned);
        }
        Ok(guard)
    }

    /// Takes the lock, first or again; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`].
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, ReentrantMutex};
    /// use vitte_wait::Deadline;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _held = lock.lock().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let refused = lock.lock_with(Deadline::NOW, None).unwrap_err();
    ///         assert_eq!(refused, LockUntilError::TimedOut);
    ///     });
    /// });
    /// ```
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<ReentrantMutexGuard<'_, T>, LockUntilError> {
        let guard = self.take(deadline, stop)?;
        if self.is_poisoned() {
            return Err(LockUntilError::Poisoned);
        }
        Ok(guard)
    }

    fn take(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<ReentrantMutexGuard<'_, T>, LockUntilError> {
        if !self.core.again() {
            let mark = self.core.raw.take(Patience::with(deadline, stop))?;
            self.core.first(mark);
        }
        Ok(self.guard())
    }

    timed_forms! {
        lock_with() -> Result<ReentrantMutexGuard<'_, T>, LockUntilError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::ReentrantMutex;
        ///
        /// let lock = ReentrantMutex::new(1);
        "lock." () => got "assert_eq!(*got.unwrap(), 1);"
    }

    /// Takes the lock whether it is poisoned or not, and clears the mark: the caller answers for the value.
    ///
    /// # Errors
    /// As [`lock_with`](Self::lock_with), but never poisoned.
    ///
    /// ```
    /// use vitte_sync::{LockError, ReentrantMutex};
    /// use vitte_wait::Deadline;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// std::thread::scope(|scope| {
    ///     let broken = scope.spawn(|| {
    ///         let _held = lock.lock();
    ///         panic!("poisons it");
    ///     });
    ///     assert!(broken.join().is_err());
    /// });
    /// assert_eq!(lock.lock().unwrap_err(), LockError::Poisoned);
    /// assert_eq!(*lock.recover(Deadline::NEVER, None).unwrap(), 1);
    /// assert!(lock.lock().is_ok());
    /// ```
    pub fn recover(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<ReentrantMutexGuard<'_, T>, LockUntilError> {
        let guard = self.take(deadline, stop)?;
        self.core.raw.clear_poison();
        Ok(guard)
    }

    /// Whether a panic unwound while the lock was held, and nobody has recovered it; a snapshot.
    ///
    /// ```
    /// use vitte_sync::ReentrantMutex;
    ///
    /// assert!(!ReentrantMutex::new(1).is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.core.raw.is_poisoned()
    }

    /// Whether the calling unit holds the lock.
    ///
    /// ```
    /// use vitte_sync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _held = lock.lock().unwrap();
    /// assert!(lock.is_held_by_caller());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(!lock.is_held_by_caller()));
    /// });
    /// ```
    #[must_use]
    pub fn is_held_by_caller(&self) -> bool {
        self.core.is_held_by_caller()
    }

    /// Whether somebody holds the lock; a snapshot.
    ///
    /// ```
    /// use vitte_sync::ReentrantMutex;
    ///
    /// let lock = ReentrantMutex::new(1);
    /// let _held = lock.lock().unwrap();
    /// assert!(lock.is_locked());
    /// ```
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.core.raw.is_locked()
    }

    /// The value, for one who has the lock to himself.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::ReentrantMutex;
    ///
    /// let mut lock = ReentrantMutex::new(1);
    /// *lock.get_mut().unwrap() += 1; // nobody else can have it, so nothing is locked
    /// assert_eq!(*lock.lock().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> Result<&mut T, Poisoned<&mut T>> {
        // SAFETY: `&mut self` excludes everybody else.
        let value = self.value.with_mut(|value| unsafe { &mut *value });
        Poisoned::unless_sound(value, self.core.raw.is_poisoned())
    }

    fn guard(&self) -> ReentrantMutexGuard<'_, T> {
        ReentrantMutexGuard {
            holding: Holding {
                core: &self.core,
                panicking: panicking(),
                _not_send: PhantomData,
            },
            value: &self.value,
        }
    }
}

impl Core {
    fn is_held_by_caller(&self) -> bool {
        // Ordering: Relaxed. See `owner`.
        self.owner.load(Relaxed) == own()
    }

    /// Counts one guard more, if the caller has some already.
    fn again(&self) -> bool {
        let held = self.is_held_by_caller();
        if held {
            self.more().set(self.more().get() + 1);
        }
        held
    }

    /// The lock was taken with `mark`.
    fn first(&self, mark: usize) {
        self.owner.store(own(), Relaxed);
        // SAFETY: we hold the lock.
        self.mark.with(|cell| unsafe { &*cell }).set(mark);
    }

    fn try_take(&self) -> bool {
        self.again() || self.raw.try_take().map(|mark| self.first(mark)).is_some()
    }

    /// Holder only.
    fn more(&self) -> &Cell<usize> {
        // SAFETY: by the caller, who holds the lock.
        self.more.with(|cell| unsafe { &*cell })
    }

    /// A guard of the holder's goes.
    fn release(&self) {
        let more = self.more();
        match more.get() {
            0 => {
                self.owner.store(0, Relaxed);
                // SAFETY: we hold the lock.
                let mark = self.mark.with(|cell| unsafe { &*cell }).get();
                self.raw.release(mark);
            }
            n => more.set(n - 1),
        }
    }
}

fn own() -> u64 {
    current::unit().life()
}

/// The right to look at the value of a [`ReentrantMutex`]. The lock is released with its last guard.
#[must_use = "the lock is released when the last guard is dropped"]
pub struct ReentrantMutexGuard<'a, T: ?Sized> {
    holding: Holding<'a>,
    value: &'a UnsafeCell<T>,
}

// SAFETY: a shared guard gives out shared references to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for ReentrantMutexGuard<'_, T> {}

impl<T: ?Sized> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: our unit holds the lock, and gives out shared references only.
        self.value.with(|value| unsafe { &*value })
    }
}

/// One of the holder's guards, without the value.
pub(crate) struct Holding<'a> {
    core: &'a Core,
    /// The thread panicked already when the lock was taken, so that it still does proves nothing.
    panicking: bool,
    /// The guard belongs to its unit.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        if panicking() && !self.panicking {
            self.core.raw.poison();
        }
        self.core.release();
    }
}

impl<'a, T: ?Sized> ReentrantMutexGuard<'a, T> {
    pub(crate) fn hold_of(guard: Self) -> Holding<'a> {
        guard.holding
    }
}

impl<T: Default> Default for ReentrantMutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    /// Shows the value if the lock is free, or the caller's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReentrantMutex");
        match self.try_lock() {
            Ok(guard) => shown.field("value", &&*guard),
            Err(TryLockError::Poisoned) => shown.field("value", &format_args!("<poisoned>")),
            Err(TryLockError::Taken) => shown.field("value", &format_args!("<locked>")),
        };
        shown
            .field("waited_for", &self.core.raw.is_waited_for())
            .finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
