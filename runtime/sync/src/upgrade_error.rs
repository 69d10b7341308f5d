//! What can come of a reader's wish to become the writer, other than that.

use crate::{LockUntilError, RwLockReadGuard, lock_error};
use std::{error::Error, fmt};
use vitte_wait::Outcome;

/// Why a reader did not become the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpgradeRefused {
    /// Another reader waits to become the writer, and would wait for this one.
    Conflict,
    /// The calling unit reads more than once, so it would wait for itself.
    Deadlock,
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl UpgradeRefused {
    pub(crate) fn of(outcome: Outcome) -> Self {
        match LockUntilError::of(outcome) {
            LockUntilError::Canceled => Self::Canceled,
            LockUntilError::Stopped => Self::Stopped,
            _ => Self::TimedOut,
        }
    }
}

impl fmt::Display for UpgradeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "another reader waits to become the writer",
            Self::Deadlock => "the caller reads more than once, so it would wait for itself",
            Self::TimedOut => lock_error::TIMED_OUT,
            Self::Canceled => lock_error::CANCELED,
            Self::Stopped => lock_error::STOPPED,
        })
    }
}

impl Error for UpgradeRefused {}

/// A reader that did not become the writer.
pub struct UpgradeError<'a, T: ?Sized> {
    guard: RwLockReadGuard<'a, T>,
    why: UpgradeRefused,
}

impl<'a, T: ?Sized> UpgradeError<'a, T> {
    pub(crate) fn new(guard: RwLockReadGuard<'a, T>, why: UpgradeRefused) -> Self {
        Self { guard, why }
    }

    /// The guard, which still reads.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let (one, _two) = (lock.read().unwrap(), lock.read().unwrap());
    /// let refused = RwLockReadGuard::try_upgrade(one).unwrap_err();
    /// assert_eq!(*refused.into_guard(), 1);
    /// ```
    pub fn into_guard(self) -> RwLockReadGuard<'a, T> {
        self.guard
    }

    /// Why it did not become the writer.
    ///
    /// ```
    /// use vitte_sync::{RwLock, RwLockReadGuard, UpgradeRefused};
    ///
    /// let lock = RwLock::new(1);
    /// let (one, _two) = (lock.read().unwrap(), lock.read().unwrap());
    /// let refused = RwLockReadGuard::upgrade(one).unwrap_err();
    /// assert_eq!(refused.why(), UpgradeRefused::Deadlock);
    /// ```
    #[must_use]
    pub fn why(&self) -> UpgradeRefused {
        self.why
    }
}

impl<T: ?Sized> fmt::Debug for UpgradeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeError")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Display for UpgradeError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T: ?Sized> Error for UpgradeError<'_, T> {}
