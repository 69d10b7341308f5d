//! What can come of asking for a lock, other than the lock.
//!
//! No error carries a guard, so all of them may be passed on with `?`.

use crate::raw::Refused;
use std::{error::Error, fmt};
use vitte_wait::Outcome;

/// Why a wait for a lock, without deadline or stop token, did not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockError {
    /// A panic unwound while somebody held the lock and could change the value. `recover` takes the
    /// lock nevertheless, and clears the mark.
    Poisoned,
    /// The caller holds the lock itself, so it would wait for ever.
    Deadlock,
    /// The caller was canceled while it would have had to wait.
    Canceled,
}

/// Why an attempt without waiting did not get the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryLockError {
    /// Somebody holds it, maybe the caller itself.
    Taken,
    /// As [`LockError::Poisoned`].
    Poisoned,
}

/// Why a wait with a deadline or a stop token did not get the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockUntilError {
    /// The deadline passed first.
    TimedOut,
    /// As [`LockError::Poisoned`].
    Poisoned,
    /// As [`LockError::Deadlock`].
    Deadlock,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

/// A panic unwound while somebody held the lock of this value; it may be in any state.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Poisoned<T>(T);

impl<T> Poisoned<T> {
    /// The value of a lock, or the error with it in it.
    #[inline]
    pub(crate) fn unless_sound(value: T, poisoned: bool) -> Result<T, Self> {
        if poisoned {
            Err(Self(value))
        } else {
            Ok(value)
        }
    }

    /// The value, as the panic left it.
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
    /// assert_eq!(lock.into_inner().unwrap_err().into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl LockUntilError {
    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> LockError {
        match self {
            Self::Poisoned => LockError::Poisoned,
            Self::Deadlock => LockError::Deadlock,
            Self::Canceled => LockError::Canceled,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }

    /// The error of a wait that ended so.
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Canceled => Self::Canceled,
            Outcome::Stopped => Self::Stopped,
            Outcome::Woken => unreachable!("one who is woken gets the lock, or waits on"),
        }
    }
}

impl From<Refused> for LockUntilError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Deadlock => Self::Deadlock,
            Refused::Ended(outcome) => Self::of(outcome),
        }
    }
}

impl From<LockError> for LockUntilError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Poisoned => Self::Poisoned,
            LockError::Deadlock => Self::Deadlock,
            LockError::Canceled => Self::Canceled,
        }
    }
}

pub(crate) const TAKEN: &str = "the lock is taken";
pub(crate) const POISONED: &str = "a panic unwound while the lock was held";
pub(crate) const DEADLOCK: &str = "the caller holds the lock that it asks for";
pub(crate) const CANCELED: &str = "the waiter was canceled";
pub(crate) const TIMED_OUT: &str = "the deadline passed";
pub(crate) const STOPPED: &str = "the stop token was triggered";

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poisoned => POISONED,
            Self::Deadlock => DEADLOCK,
            Self::Canceled => CANCELED,
        })
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => TAKEN,
            Self::Poisoned => POISONED,
        })
    }
}

impl fmt::Display for LockUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Poisoned => POISONED,
            Self::Deadlock => DEADLOCK,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl<T> fmt::Display for Poisoned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(POISONED)
    }
}

impl<T> fmt::Debug for Poisoned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poisoned(..)")
    }
}

impl Error for LockError {}
impl Error for TryLockError {}
impl Error for LockUntilError {}
impl<T> Error for Poisoned<T> {}
