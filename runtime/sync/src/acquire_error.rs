//! Why a semaphore let somebody not through.

use crate::error::{CANCELED, STOPPED, TIMED_OUT};
use std::{error::Error, fmt};
use vitte_wait::Outcome;

/// Why [`Semaphore::acquire`](crate::Semaphore::acquire) has no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcquireError {
    /// The semaphore is closed.
    Closed,
    /// The caller was canceled while it would have had to wait.
    Canceled,
}

/// Why [`Semaphore::try_acquire`](crate::Semaphore::try_acquire) has no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// There are too few permits, or others wait for them already.
    NoPermits,
}

/// Why an acquisition with a deadline or a stop token has no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcquireUntilError {
    /// The deadline passed first.
    TimedOut,
    /// The semaphore is closed.
    Closed,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

const CLOSED: &str = "the semaphore is closed";
const NO_PERMITS: &str = "there are too few permits";

impl AcquireUntilError {
    /// What it means that a wait ended with `outcome` before it was served.
    pub(crate) fn of_ended(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Canceled => Self::Canceled,
            Outcome::Stopped => Self::Stopped,
            Outcome::Woken => unreachable!("who is woken was served, or the semaphore closed"),
        }
    }

    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> AcquireError {
        match self {
            Self::Closed => AcquireError::Closed,
            Self::Canceled => AcquireError::Canceled,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => CLOSED,
            Self::Canceled => CANCELED,
        })
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => CLOSED,
            Self::NoPermits => NO_PERMITS,
        })
    }
}

impl fmt::Display for AcquireUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Closed => CLOSED,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl Error for AcquireError {}
impl Error for TryAcquireError {}
impl Error for AcquireUntilError {}
