//! Locks that are asked for by name.
//!
//! A registry is a value: who shares it shares its names, and nothing is global. A name's lock is made by
//! the first who asks for it, and is gone when nobody holds it or waits for it any more.

use crate::{
    LockError, LockUntilError, TryLockError,
    raw::{Patience, RawMutex},
};
use std::{collections::HashMap, error::Error, fmt, marker::PhantomData, ptr, sync::Arc};
use vitte_wait::{
    Deadline, StopToken, current,
    facade::{
        Mutex,
        atomic::{AtomicUsize, Ordering::*},
    },
    timed_forms,
};

/// The name of a lock: a whole number or a text. `5` and `"5"` are two names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LockName {
    /// A number.
    Number(i64),
    /// A text.
    Text(Box<str>),
}

impl From<i64> for LockName {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for LockName {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for LockName {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for LockName {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Locks by name. Clones share the names.
///
/// A lock guards no value, so a panic does not poison it. Blocking and cancellation are those of
/// [`Mutex`](crate::Mutex).
///
/// ```
/// use vitte_sync::{LockError, NamedLocks, TryLockError};
///
/// let locks = NamedLocks::new();
/// let five = locks.lock(5)?;
/// let _readme = locks.lock("README.md")?;
/// assert_eq!(locks.lock(5).unwrap_err(), LockError::Deadlock);
/// assert_eq!(locks.try_lock(5).unwrap_err(), TryLockError::Taken);
/// assert_eq!(locks.len(), 2);
/// drop(five);
/// assert_eq!(locks.len(), 1);
/// # Ok::<(), LockError>(())
/// ```
#[derive(Clone, Default)]
pub struct NamedLocks(Arc<Mutex<HashMap<LockName, Entry>>>);

/// A name in use.
#[derive(Default)]
struct Entry {
    lock: Arc<Lock>,
    /// How many hold the lock, wait for it, or look at it. At zero the name is gone.
    users: usize,
}

#[derive(Default)]
struct Lock {
    raw: RawMutex,
    /// The unit that holds the lock without a guard, else 0. Written by the holder, who clears it
    /// before the release: so a unit that reads its own address here holds it.
    owner: AtomicUsize,
}

/// Why [`NamedLocks::release`] did not release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Nobody holds a lock of that name.
    NotLocked,
    /// Another unit holds it, or a guard does.
    NotHolder,
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLocked => "nobody holds a lock of this name",
            Self::NotHolder => "another unit holds the lock of this name, or a guard does",
        })
    }
}

impl Error for ReleaseError {}

impl NamedLocks {
    /// A registry without names.
    ///
    /// ```
    /// use vitte_sync::NamedLocks;
    ///
    /// let locks = NamedLocks::new();
    /// let shared = locks.clone();
    /// let _held = locks.lock("a file").unwrap();
    /// assert!(shared.try_lock("a file").is_err());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the lock called `name`; waits while it is held.
    ///
    /// # Errors
    /// [`LockError::Deadlock`] at once if the caller holds it, and [`LockError::Canceled`] if the
    /// caller is canceled while waiting.
    ///
    /// # Panics
    /// As [`Mutex::lock`](crate::Mutex::lock).
    ///
    /// ```
    /// use vitte_sync::{LockError, NamedLocks};
    ///
    /// let locks = NamedLocks::new();
    /// let _held = locks.lock("a file")?;
    /// assert!(locks.lock("another file").is_ok());
    /// assert_eq!(locks.lock("a file").unwrap_err(), LockError::Deadlock);
    /// # Ok::<(), LockError>(())
    /// ```
    pub fn lock(&self, name: impl Into<LockName>) -> Result<NamedGuard<'_>, LockError> {
        self.lock_with(name, Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Takes the lock called `name` if it is free. Never blocks.
    ///
    /// # Errors
    /// [`TryLockError::Taken`].
    ///
    /// ```
    /// use vitte_sync::{NamedLocks, TryLockError};
    ///
    /// let locks = NamedLocks::new();
    /// let _held = locks.try_lock(5).unwrap();
    /// assert_eq!(locks.try_lock(5).unwrap_err(), TryLockError::Taken);
    /// assert!(locks.try_lock("5").is_ok(), "a text is another name");
    /// ```
    pub fn try_lock(&self, name: impl Into<LockName>) -> Result<NamedGuard<'_>, TryLockError> {
        let used = self.enter(name.into());
        match used.lock.raw.try_take() {
            Some(mark) => Ok(NamedGuard::new(used, mark)),
            None => Err(TryLockError::Taken),
        }
    }

    /// Takes the lock called `name`; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`],
    /// whichever came first.
    ///
    /// # Panics
    /// As [`Mutex::lock`](crate::Mutex::lock).
    ///
    /// ```
    /// use vitte_sync::NamedLocks;
    /// use vitte_wait::Deadline;
    ///
    /// let locks = NamedLocks::new();
    /// assert!(locks.lock_with(5, Deadline::NOW, None).is_ok(), "there is no need to wait");
    /// ```
    pub fn lock_with(
        &self,
        name: impl Into<LockName>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<NamedGuard<'_>, LockUntilError> {
        let used = self.enter(name.into());
        let mark = used.lock.raw.take(Patience::with(deadline, stop))?;
        Ok(NamedGuard::new(used, mark))
    }

    timed_forms! {
        lock_with(name: impl Into<LockName>) -> Result<NamedGuard<'_>, LockUntilError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::NamedLocks;
        ///
        /// let locks = NamedLocks::new();
        "locks." ("\"a file\"") => got "assert!(got.is_ok());"
    }

    /// As [`lock_with`](Self::lock_with), without a guard: for a host whose programs lock and
    /// unlock by name. The calling unit holds the lock until it [releases](Self::release) it; if it ends
    /// before that, the lock stays taken.
    ///
    /// # Errors
    /// As [`lock_with`](Self::lock_with).
    ///
    /// # Panics
    /// As [`Mutex::lock`](crate::Mutex::lock).
    ///
    /// ```
    /// use vitte_sync::{NamedLocks, ReleaseError};
    /// use vitte_wait::Deadline;
    ///
    /// let locks = NamedLocks::new();
    /// assert_eq!(locks.release(5), Err(ReleaseError::NotLocked));
    /// locks.acquire(5, Deadline::NEVER, None).unwrap();
    /// let other = locks.clone();
    /// let foreign = std::thread::spawn(move || other.release(5));
    /// assert_eq!(foreign.join().unwrap(), Err(ReleaseError::NotHolder));
    /// assert_eq!(locks.release(5), Ok(()));
    /// ```
    pub fn acquire(
        &self,
        name: impl Into<LockName>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        let guard = self.lock_with(name, deadline, stop)?;
        guard.used.lock.owner.store(own(), Relaxed);
        // One use is left for `release` to end, and the lock stays taken.
        guard.keep();
        Ok(())
    }

    /// Releases the lock called `name`, which the calling unit has [acquired](Self::acquire).
    ///
    /// # Errors
    /// [`ReleaseError::NotLocked`] if nobody holds it, [`ReleaseError::NotHolder`] if another unit does, or
    /// a guard. Then nothing has happened.
    ///
    /// ```
    /// use vitte_sync::{NamedLocks, ReleaseError};
    /// use vitte_wait::Deadline;
    ///
    /// let locks = NamedLocks::new();
    /// locks.acquire("a file", Deadline::NEVER, None).unwrap();
    /// assert_eq!(locks.release("a file"), Ok(()));
    /// assert_eq!(locks.release("a file"), Err(ReleaseError::NotLocked));
    /// ```
    pub fn release(&self, name: impl Into<LockName>) -> Result<(), ReleaseError> {
        // While we look at it the name is in use.
        let used = self.enter(name.into());
        if !used.lock.raw.is_locked() {
            return Err(ReleaseError::NotLocked);
        }
        // Ordering: Relaxed. See `Lock::owner`.
        if used.lock.owner.load(Relaxed) != own() {
            return Err(ReleaseError::NotHolder);
        }
        used.lock.owner.store(0, Relaxed);
        used.lock.raw.release_unmarked();
        // The use that `acquire` left.
        used.end();
        Ok(())
    }

    /// How many names are in use; a snapshot.
    ///
    /// ```
    /// use vitte_sync::NamedLocks;
    ///
    /// let locks = NamedLocks::new();
    /// let held = locks.lock(5).unwrap();
    /// assert_eq!(locks.len(), 1);
    /// drop(held);
    /// assert_eq!(locks.len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether no name is in use; a snapshot.
    ///
    /// ```
    /// use vitte_sync::NamedLocks;
    ///
    /// let locks = NamedLocks::new();
    /// drop(locks.lock(5));
    /// assert!(locks.is_empty(), "a name that is not in use is forgotten");
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn enter(&self, name: LockName) -> Used<'_> {
        let mut entries = self.0.lock();
        let entry = entries.entry(name.clone()).or_default();
        entry.users += 1;
        Used {
            locks: self,
            name,
            lock: entry.lock.clone(),
        }
    }
}

fn own() -> usize {
    ptr::from_ref(current::unit()).addr()
}

/// A name that is in use for as long as this is there.
struct Used<'a> {
    locks: &'a NamedLocks,
    name: LockName,
    lock: Arc<Lock>,
}

impl Used<'_> {
    /// Ends one use.
    fn end(&self) {
        let mut entries = self.locks.0.lock();
        if let Some(entry) = entries.get_mut(&self.name) {
            entry.users -= 1;
            if entry.users == 0 {
                entries.remove(&self.name);
            }
        }
    }
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A held lock of a [`NamedLocks`], which is released when this is dropped.
///
/// It belongs to the unit that took it, and cannot leave it.
#[must_use = "the lock is released when the guard is dropped"]
pub struct NamedGuard<'a> {
    /// Released first; then nobody uses the name on our behalf.
    used: Used<'a>,
    mark: usize,
    /// The mark is on the stack of the unit that holds the lock.
    _not_send: PhantomData<*const ()>,
}

impl<'a> NamedGuard<'a> {
    fn new(used: Used<'a>, mark: usize) -> Self {
        Self {
            used,
            mark,
            _not_send: PhantomData,
        }
    }

    /// Leaves the lock taken, and the name in use.
    fn keep(mut self) {
        let mut entries = self.used.locks.0.lock();
        if let Some(entry) = entries.get_mut(&self.used.name) {
            entry.users += 1;
        }
        drop(entries);
        self.mark = 0;
    }

    /// The name of the lock.
    ///
    /// ```
    /// use vitte_sync::{LockName, NamedLocks};
    ///
    /// let locks = NamedLocks::new();
    /// let held = locks.lock(5).unwrap();
    /// assert_eq!(held.name(), &LockName::Number(5));
    /// ```
    #[must_use]
    pub fn name(&self) -> &LockName {
        &self.used.name
    }
}

impl Drop for NamedGuard<'_> {
    fn drop(&mut self) {
        // Zero if it is to stay taken.
        if self.mark != 0 {
            self.used.lock.raw.release(self.mark);
        }
    }
}

impl fmt::Debug for NamedLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedLocks")
            .field("len", &self.len())
            .finish()
    }
}

impl fmt::Debug for NamedGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedGuard").field(self.name()).finish()
    }
}
