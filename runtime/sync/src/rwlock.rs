//! A lock around a value for many readers or one writer.
//!
//! The rules of who waits for whom are those that JUCE documents for its `ReadWriteLock`, as far as
//! Rust's references allow: the writer's way of reading is its guard, or to become a reader.

use crate::{
    LockError, LockUntilError, Poisoned, TryLockError, UpgradeError, UpgradeRefused,
    forms::const_new,
    raw::{Patience, Refused},
    raw_rw::{NoUpgrade, RawRwLock, Reading},
};
use std::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};
use vitte_wait::{
    Budget, Deadline, StopToken, current,
    facade::{cell::UnsafeCell, panicking},
    give_way, timed_forms,
};

/// A lock around a value for many readers or one writer, for fibers and threads alike.
///
/// * A writer that waits holds back new readers; but a unit that reads already may read again.
/// * When a writer leaves, those readers that wait enter together; when the last reader leaves, one writer: the
///   oldest, or, where fibers have classes, the most urgent, but every eighth time the oldest.
/// * Those inside are as urgent as the most urgent of those who wait.
/// * A reader may become a writer ([`upgrade`](RwLockReadGuard::upgrade)): at once if it is the only one, else when
///   the others have left. Of two that wait for that, the second gets an error.
/// * A writer may become a reader ([`downgrade`](RwLockWriteGuard::downgrade)), and no other writer
///   comes between.
/// * A unit that asks to write what it reads, or to read or write what it writes, gets
///   [`LockError::Deadlock`].
///
/// Reading costs one read-modify-write each way while no writer waits, and so does writing. A lock that was read some thousand
/// times with no writer in between costs readers less: they then do not write to what they share, and the next writer takes
/// some microseconds more, once (where the system has `membarrier`).
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only if
/// the rules say so; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A unit that is canceled while it waits has not taken the lock.
///
/// # Poisoning
/// A panic that unwinds through a *writer's* guard poisons the lock, see [`LockError::Poisoned`] and
/// [`recover`](Self::recover).
///
/// ```
/// use vitte_sync::{LockError, RwLock, TryLockError};
///
/// let list = RwLock::new(vec![1, 2]);
/// let (one, two) = (list.read()?, list.read()?);
/// assert_eq!(one.len() + two.len(), 4);
/// assert_eq!(list.try_write().unwrap_err(), TryLockError::Taken);
/// assert_eq!(list.write().unwrap_err(), LockError::Deadlock);
/// drop((one, two));
/// list.write()?.push(3);
/// # Ok::<(), LockError>(())
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    /// Of writers; readers, who may be many at once, count where they are.
    budget: Budget,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value, alone.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: readers share the value, and writers send it from one to the next.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

// A panic that leaves the value half changed poisons the lock.
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    const_new! {
        /// A free lock around `value`.
        ///
        /// ```
        /// use vitte_sync::RwLock;
        ///
        /// static LIST: RwLock<Vec<u32>> = RwLock::new(Vec::new());
        /// LIST.write().unwrap().push(1);
        /// ```
        #[must_use]
        pub fn new(value: T) -> Self {
            Self {
                raw: RawRwLock::new(),
                budget: Budget::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Leans from now on, if nobody writes or waits.
    #[cfg(any(loom, shuttle))]
    #[doc(hidden)]
    pub fn lean(&self) {
        self.raw.lean();
    }

    /// The value.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::RwLock;
    ///
    /// let list = RwLock::new(vec![1]);
    /// list.write().unwrap().push(2);
    /// assert_eq!(list.into_inner().unwrap(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> Result<T, Poisoned<T>> {
        let poisoned = self.raw.is_poisoned();
        let value = self.value.into_inner();
        Poisoned::unless_sound(value, poisoned)
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Enters as a reader; waits while a writer is inside, or waits and the caller does not read yet.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] at once if the caller is the writer, [`LockError::Poisoned`], and
    /// [`LockError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Blocking
    /// Also without waiting, a fiber lets others run every so many calls.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait.
    ///
    /// ```
    /// use vitte_sync::RwLock;
    ///
    /// let list = RwLock::new(vec![1, 2]);
    /// let _here = list.read().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert_eq!(list.read().unwrap().len(), 2)); // at the same time
    /// });
    /// ```
    #[inline]
    pub fn read(&self) -> Result<RwLockReadGuard<'_, T>, LockError> {
        match self.raw.try_read_fast(true) {
            Some((reading, false)) => Ok(self.reader(reading)),
            entered => self
                .read_slow(entered, Deadline::NEVER, None)
                .map_err(LockUntilError::of_untimed),
        }
    }

    /// Enters as a reader if that needs no wait. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`] where [`read`](Self::read) would wait or find a deadlock;
    /// [`TryLockError::Poisoned`].
    ///
    /// ```
    /// use vitte_sync::{RwLock, TryLockError};
    ///
    /// let list = RwLock::new(vec![1]);
    /// let _writer = list.write().unwrap();
    /// assert_eq!(list.try_read().unwrap_err(), TryLockError::Taken);
    /// ```
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let guard = self.reader(self.raw.try_read().ok_or(TryLockError::Taken)?);
        if self.raw.is_poisoned() {
            return Err(TryLockError::Poisoned);
        }
        Ok(guard)
    }

    /// Enters as a reader; waits for that until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, RwLock};
    /// use vitte_wait::Deadline;
    ///
    /// let list = RwLock::new(vec![1]);
    /// let _writer = list.write().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let refused = list.read_with(Deadline::NOW, None).unwrap_err();
    ///         assert_eq!(refused, LockUntilError::TimedOut);
    ///     });
    /// });
    /// ```
    #[inline]
    pub fn read_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockReadGuard<'_, T>, LockUntilError> {
        match self.raw.try_read_fast(true) {
            Some((reading, false)) => Ok(self.reader(reading)),
            entered => self.read_slow(entered, deadline, stop),
        }
    }

    timed_forms! {
        read_with() -> Result<RwLockReadGuard<'_, T>, LockUntilError>:
        read_until read_timeout read_or_stop
        in vitte_wait
        /// use vitte_sync::RwLock;
        ///
        /// let lock = RwLock::new(1);
        "lock." () => got "assert_eq!(*got.unwrap(), 1);"
    }

    #[cold]
    fn read_slow(
        &self,
        entered: Option<(Reading, bool)>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockReadGuard<'_, T>, LockUntilError> {
        if entered.is_some() {
            self.raw.note_calm(self.budget.counted());
        }
        let reading = match entered {
            // A thread has nobody to give way to.
            Some((reading, _)) if current::unit().is_thread() => reading,
            entered => {
                if let Some((reading, _)) = entered {
                    // No writer is to wait for us while others run.
                    drop(self.reader(reading));
                    give_way();
                }
                self.raw.read(Patience::with(deadline, stop))?
            }
        };
        let guard = self.reader(reading);
        if self.raw.is_poisoned() {
            return Err(LockUntilError::Poisoned);
        }
        Ok(guard)
    }

    /// Enters as a writer; waits while anybody else is inside, or waits and came before.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] at once if the caller is inside, as writer or reader, [`LockError::Poisoned`], and
    /// [`LockError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Blocking
    /// Also without waiting, a fiber lets others run every so many calls.
    ///
    /// # Panics
    /// As [`Wait::begin`](vitte_wait::Wait::begin), if it has to wait.
    ///
    /// ```
    /// use vitte_sync::{LockError, RwLock};
    ///
    /// let list = RwLock::new(vec![1]);
    /// list.write()?.push(2);
    /// let _reader = list.read()?;
    /// assert_eq!(list.write().unwrap_err(), LockError::Deadlock);
    /// # Ok::<(), LockError>(())
    /// ```
    #[inline]
    pub fn write(&self) -> Result<RwLockWriteGuard<'_, T>, LockError> {
        let entered = self.raw.try_write_fast();
        if entered && !self.budget.count() {
            return Ok(self.writer());
        }
        self.write_slow(entered, Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Enters as a writer if nobody is inside and nobody waits. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`] and [`TryLockError::Poisoned`].
    ///
    /// ```
    /// use vitte_sync::{RwLock, TryLockError};
    ///
    /// let list = RwLock::new(vec![1]);
    /// list.try_write().unwrap().push(2);
    /// let _reader = list.read().unwrap();
    /// assert_eq!(list.try_write().unwrap_err(), TryLockError::Taken);
    /// ```
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        if !self.raw.try_write() {
            return Err(TryLockError::Taken);
        }
        let guard = self.writer();
        if self.raw.is_poisoned() {
            return Err(TryLockError::Poisoned);
        }
        Ok(guard)
    }

    /// Enters as a writer; waits for that until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_sync::{LockUntilError, RwLock};
    /// use vitte_wait::Deadline;
    ///
    /// let list = RwLock::new(vec![1]);
    /// let _reader = list.read().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let refused = list.write_with(Deadline::NOW, None).unwrap_err();
    ///         assert_eq!(refused, LockUntilError::TimedOut);
    ///     });
    /// });
    /// ```
    #[inline]
    pub fn write_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockWriteGuard<'_, T>, LockUntilError> {
        let entered = self.raw.try_write_fast();
        if entered && !self.budget.count() {
            return Ok(self.writer());
        }
        self.write_slow(entered, deadline, stop)
    }

    timed_forms! {
        write_with() -> Result<RwLockWriteGuard<'_, T>, LockUntilError>:
        write_until write_timeout write_or_stop
        in vitte_wait
        /// use vitte_sync::RwLock;
        ///
        /// let lock = RwLock::new(1);
        "lock." () => got "*got.unwrap() += 1;"
    }

    #[cold]
    fn write_slow(
        &self,
        entered: bool,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockWriteGuard<'_, T>, LockUntilError> {
        let stays = entered && current::unit().is_thread();
        if entered && !stays {
            // Nobody is to wait for us while others run.
            drop(self.writer());
            give_way();
        }
        if !stays {
            self.raw.write(Patience::with(deadline, stop))?;
        }
        let guard = self.writer();
        if self.raw.is_poisoned() {
            return Err(LockUntilError::Poisoned);
        }
        Ok(guard)
    }

    /// Enters as a writer whether the lock is poisoned or not, and clears the mark: the caller answers for the
    /// value.
    ///
    /// # Errors
    /// As [`write_with`](Self::write_with), but never poisoned.
    ///
    /// ```
    /// use vitte_sync::{LockError, RwLock};
    /// use vitte_wait::Deadline;
    ///
    /// let pair = RwLock::new((1, 1));
    /// std::thread::scope(|scope| {
    ///     let torn = scope.spawn(|| {
    ///         let mut pair = pair.write().unwrap();
    ///         pair.0 = 2;
    ///         panic!("before the other half was written");
    ///     });
    ///     assert!(torn.join().is_err());
    /// });
    /// assert_eq!(pair.read().unwrap_err(), LockError::Poisoned);
    /// pair.recover(Deadline::NEVER, None).unwrap().1 = 2;
    /// assert_eq!(*pair.read().unwrap(), (2, 2));
    /// ```
    pub fn recover(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockWriteGuard<'_, T>, LockUntilError> {
        self.raw.write(Patience::with(deadline, stop))?;
        let guard = self.writer();
        self.raw.clear_poison();
        Ok(guard)
    }

    /// Whether a panic unwound while a writer was inside, and nobody has recovered it; a snapshot.
    ///
    /// ```
    /// use vitte_sync::RwLock;
    ///
    /// assert!(!RwLock::new(1).is_poisoned());
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.raw.is_poisoned()
    }

    /// The value, for one who has the lock to himself.
    ///
    /// # Errors
    /// With the value, if the lock is poisoned.
    ///
    /// ```
    /// use vitte_sync::RwLock;
    ///
    /// let mut lock = RwLock::new(1);
    /// *lock.get_mut().unwrap() += 1; // nobody else can have it, so nothing is locked
    /// assert_eq!(*lock.read().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> Result<&mut T, Poisoned<&mut T>> {
        // SAFETY: `&mut self` excludes everybody else.
        let value = self.value.with_mut(|value| unsafe { &mut *value });
        Poisoned::unless_sound(value, self.raw.is_poisoned())
    }

    #[inline(always)]
    fn reader(&self, reading: Reading) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard {
            lock: self,
            reading,
            _not_send: PhantomData,
        }
    }

    #[inline(always)]
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard {
            lock: self,
            panicking: panicking(),
            _not_send: PhantomData,
        }
    }
}

/// The right to look at the value of a [`RwLock`], which ends when this is dropped.
///
/// It belongs to the unit that entered, and cannot leave it.
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    reading: Reading,
    /// The mark is on the stack of the unit that reads.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

/// That a unit is inside as a reader, until this is dropped.
pub(crate) struct ReadHold<'a> {
    raw: &'a RawRwLock,
    reading: Reading,
    _not_send: PhantomData<*const ()>,
}

impl Drop for ReadHold<'_> {
    fn drop(&mut self) {
        self.raw.leave_reading(self.reading);
    }
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    pub(crate) fn hold_of(guard: Self) -> ReadHold<'a> {
        let guard = ManuallyDrop::new(guard);
        ReadHold {
            raw: &guard.lock.raw,
            reading: guard.reading,
            _not_send: PhantomData,
        }
    }

    /// Becomes the writer, once every other reader has left; no writer comes between.
    ///
    /// # Errors
    /// With the guard, which still reads, and why it is not the writer.
    ///
    /// # Blocking
    /// While others read. Meanwhile no new reader enters.
    ///
    /// # Panics
    /// As [`RwLock::write`].
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard, UpgradeRefused};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read().unwrap();
    /// if *reader == 1 {
    ///     let mut writer = RwLockReadGuard::upgrade(reader).unwrap();
    ///     *writer = 2;
    /// }
    /// let (one, _two) = (lock.read().unwrap(), lock.read().unwrap());
    /// let refused = RwLockReadGuard::upgrade(one).unwrap_err();
    /// assert_eq!(refused.why(), UpgradeRefused::Deadlock);
    /// assert_eq!(*refused.into_guard(), 2);
    /// ```
    pub fn upgrade(guard: Self) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        Self::upgrade_with(guard, Deadline::NEVER, None)
    }

    /// Becomes the writer if there is no other reader. Never blocks.
    ///
    /// # Errors
    /// With the guard, which still reads, and [`UpgradeRefused::TimedOut`], or another reason.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read().unwrap();
    /// match RwLockReadGuard::try_upgrade(reader) {
    ///     Ok(mut writer) => *writer += 1,
    ///     Err(refused) => drop(refused.into_guard()),
    /// }
    /// assert_eq!(*lock.read().unwrap(), 2);
    /// ```
    pub fn try_upgrade(guard: Self) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        Self::upgrade_with(guard, Deadline::NOW, None)
    }

    /// Becomes the writer; waits for that until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// With the guard, which still reads, and why it is not the writer.
    ///
    /// # Panics
    /// As [`RwLock::write`].
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard, UpgradeRefused};
    /// use vitte_wait::Deadline;
    ///
    /// let lock = RwLock::new(1);
    /// let _here = lock.read().unwrap();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let reader = lock.read().unwrap();
    ///         let refused = RwLockReadGuard::upgrade_with(reader, Deadline::NOW, None).unwrap_err();
    ///         assert_eq!(refused.why(), UpgradeRefused::TimedOut);
    ///     });
    /// });
    /// ```
    pub fn upgrade_with(
        guard: Self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        let raw = &guard.lock.raw;
        match raw.upgrade(guard.reading, Patience::with(deadline, stop)) {
            Ok(()) => {
                let lock = ManuallyDrop::new(guard).lock;
                Ok(lock.writer())
            }
            Err(why) => {
                let why = match why {
                    NoUpgrade::Conflict => UpgradeRefused::Conflict,
                    NoUpgrade::Refused(Refused::Deadlock) => UpgradeRefused::Deadlock,
                    NoUpgrade::Refused(Refused::Ended(outcome)) => UpgradeRefused::of(outcome),
                };
                Err(UpgradeError::new(guard, why))
            }
        }
    }

    /// [`upgrade_with`](Self::upgrade_with) a deadline only.
    ///
    /// # Errors
    /// As [`upgrade_with`](Self::upgrade_with), but never stopped.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard};
    /// use vitte_wait::Deadline;
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read().unwrap();
    /// let mut writer = RwLockReadGuard::upgrade_until(reader, Deadline::NOW).unwrap();
    /// *writer += 1;
    /// ```
    pub fn upgrade_until(
        guard: Self,
        deadline: Deadline,
    ) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        Self::upgrade_with(guard, deadline, None)
    }

    /// [`upgrade_with`](Self::upgrade_with) a deadline that is `patience` from now.
    ///
    /// # Errors
    /// As [`upgrade_with`](Self::upgrade_with), but never stopped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read().unwrap();
    /// let mut writer = RwLockReadGuard::upgrade_timeout(reader, Duration::from_secs(5)).unwrap();
    /// *writer += 1;
    /// ```
    pub fn upgrade_timeout(
        guard: Self,
        patience: Duration,
    ) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        Self::upgrade_with(guard, Deadline::after(patience), None)
    }

    /// [`upgrade_with`](Self::upgrade_with) a stop token only.
    ///
    /// # Errors
    /// As [`upgrade_with`](Self::upgrade_with), but never timed out.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard};
    /// use vitte_wait::StopSource;
    ///
    /// let (lock, source) = (RwLock::new(1), StopSource::new());
    /// let reader = lock.read().unwrap();
    /// let mut writer = RwLockReadGuard::upgrade_or_stop(reader, &source.token()).unwrap();
    /// *writer += 1;
    /// ```
    pub fn upgrade_or_stop(
        guard: Self,
        stop: &StopToken,
    ) -> Result<RwLockWriteGuard<'a, T>, UpgradeError<'a, T>> {
        Self::upgrade_with(guard, Deadline::NEVER, Some(stop))
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we are inside as a reader, so there is no writer.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.raw.leave_reading(self.reading);
    }
}

/// The right to change the value of a [`RwLock`], which ends when this is dropped.
///
/// It belongs to the unit that entered, and cannot leave it.
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// The thread panicked already when the writer entered, so that it still does proves nothing.
    panicking: bool,
    /// The mark is on the stack of the unit that writes.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out shared references to the value, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

/// That a unit is inside as the writer, until this is dropped.
pub(crate) struct WriteHold<'a> {
    raw: &'a RawRwLock,
    panicking: bool,
    _not_send: PhantomData<*const ()>,
}

impl WriteHold<'_> {
    #[inline(always)]
    fn note_panic(raw: &RawRwLock, panicking_before: bool) {
        if panicking() && !panicking_before {
            raw.poison();
        }
    }
}

impl Drop for WriteHold<'_> {
    fn drop(&mut self) {
        Self::note_panic(self.raw, self.panicking);
        self.raw.leave_writing();
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    pub(crate) fn hold_of(guard: Self) -> WriteHold<'a> {
        let guard = ManuallyDrop::new(guard);
        WriteHold {
            raw: &guard.lock.raw,
            panicking: guard.panicking,
            _not_send: PhantomData,
        }
    }

    /// Becomes a reader; no other writer comes between. Never blocks.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.write().unwrap();
    /// *writer = 2;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!(*reader + *lock.read().unwrap(), 4);
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        guard.note_panic();
        let lock = ManuallyDrop::new(guard).lock;
        lock.reader(lock.raw.downgrade())
    }

    #[inline(always)]
    fn note_panic(&self) {
        WriteHold::note_panic(&self.lock.raw, self.panicking);
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we are inside as the writer.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we are inside as the writer, and have the guard to ourselves.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.note_panic();
        self.lock.raw.leave_writing();
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    /// Shows the value unless there is a writer, or one waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        shown.field("state", &self.raw);
        match self.try_read() {
            Ok(guard) => shown.field("value", &&*guard),
            Err(TryLockError::Poisoned) => shown.field("value", &format_args!("<poisoned>")),
            Err(TryLockError::Taken) => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
