//! Why something that is done once was not done, or not seen done.

use crate::error::{CANCELED, STOPPED, TIMED_OUT};
use std::{error::Error, fmt};
use vitte_wait::Outcome;

/// Why [`Once::call_once`](crate::Once::call_once) and its like did not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnceError {
    /// The caller is at it already: to wait for itself would be to wait for ever.
    Reentrant,
    /// The caller was canceled while it would have had to wait for another's attempt.
    Canceled,
}

/// Why something done once, with a deadline or a stop token, did not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnceUntilError {
    /// The caller is at it already: to wait for itself would be to wait for ever.
    Reentrant,
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait for another's attempt.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

/// Why [`OnceCell::set`](crate::OnceCell::set) did not set, with the value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetError<T> {
    /// There is a value already.
    AlreadySet(T),
    /// Somebody is about to set one.
    Initializing(T),
}

/// Why [`OnceCell::get_or_try_init`](crate::OnceCell::get_or_try_init) has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitError<E> {
    /// The initializer's own error.
    Failed(E),
    /// The caller did not come to call its initializer.
    Once(OnceError),
}

const REENTRANT: &str = "the initializer asks for what it initializes";
const ALREADY_SET: &str = "there is a value already";
const INITIALIZING: &str = "a value is about to be set";

impl OnceUntilError {
    /// What it means that a wait ended with `outcome`; nothing bad if it was woken.
    pub(crate) fn of_ended(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Woken => Ok(()),
            Outcome::TimedOut => Err(Self::TimedOut),
            Outcome::Canceled => Err(Self::Canceled),
            Outcome::Stopped => Err(Self::Stopped),
        }
    }

    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> OnceError {
        match self {
            Self::Reentrant => OnceError::Reentrant,
            Self::Canceled => OnceError::Canceled,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl<T> SetError<T> {
    /// The value that was not set.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// let cell = OnceCell::from("first");
    /// assert_eq!(cell.set("second").unwrap_err().into_inner(), "second");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::AlreadySet(value) | Self::Initializing(value) => value,
        }
    }
}

impl fmt::Display for OnceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reentrant => REENTRANT,
            Self::Canceled => CANCELED,
        })
    }
}

impl fmt::Display for OnceUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reentrant => REENTRANT,
            Self::TimedOut => TIMED_OUT,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "AlreadySet(..)",
            Self::Initializing(_) => "Initializing(..)",
        })
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => ALREADY_SET,
            Self::Initializing(_) => INITIALIZING,
        })
    }
}

impl<E: fmt::Display> fmt::Display for InitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Once(error) => error.fmt(f),
        }
    }
}

impl Error for OnceError {}
impl Error for OnceUntilError {}
impl<T> Error for SetError<T> {}
impl<E: Error> Error for InitError<E> {}
