//! What ended a wait that did not end as it was meant to.

use std::{error::Error, fmt};
use vitte_wait::Outcome;

/// The waiter was canceled while it would have had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Canceled;

/// Why a wait with a deadline or a stop token ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitError {
    /// The deadline passed first.
    TimedOut,
    /// The waiter was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

pub(crate) const TIMED_OUT: &str = "the deadline passed";
pub(crate) const CANCELED: &str = "the waiter was canceled";
pub(crate) const STOPPED: &str = "the stop token was triggered";

impl WaitError {
    /// What `outcome` means to one who waited; nothing bad if it was woken.
    pub(crate) fn of(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Woken => Ok(()),
            Outcome::TimedOut => Err(Self::TimedOut),
            Outcome::Canceled => Err(Self::Canceled),
            Outcome::Stopped => Err(Self::Stopped),
        }
    }

    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> Canceled {
        match self {
            Self::Canceled => Canceled,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl fmt::Display for Canceled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CANCELED)
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl Error for Canceled {}
impl Error for WaitError {}
