//! What can come of broadcasting, other than success.

use crate::{
    WaitError,
    error::{CLOSED, sending_error},
};
use std::{error::Error, fmt};

/// Why [`Sender::send`](super::Sender::send) did not send. It gives the value back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendError<T> {
    /// Nobody is subscribed now; somebody may be later.
    NoReceiver(T),
    /// The channel is closed.
    Closed(T),
}

const NO_RECEIVER: &str = "nobody is subscribed";

impl<T> SendError<T> {
    /// The same error about something else.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> SendError<U> {
        match self {
            Self::NoReceiver(value) => SendError::NoReceiver(change(value)),
            Self::Closed(value) => SendError::Closed(change(value)),
        }
    }
}

sending_error!(SendError of broadcast { NoReceiver => NO_RECEIVER, Closed => CLOSED });

/// How many values a receiver has missed, because they were overwritten before it came for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lagged(pub u64);

/// Why [`Receiver::recv`](super::Receiver::recv) has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvError {
    /// So many values were overwritten. The next receive gives the oldest one that is left.
    Lagged(u64),
    /// The channel is closed, and this receiver has seen everything.
    Closed,
    /// The receiver was canceled while it would have had to wait.
    Canceled,
}

/// Why [`Receiver::try_recv`](super::Receiver::try_recv) has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryRecvError {
    /// Nothing new is there.
    Empty,
    /// As [`RecvError::Lagged`].
    Lagged(u64),
    /// The channel is closed, and this receiver has seen everything.
    Closed,
}

/// Why a receive with a deadline or a stop token has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvUntilError {
    /// As [`RecvError::Lagged`].
    Lagged(u64),
    /// The deadline passed first.
    TimedOut,
    /// The channel is closed, and this receiver has seen everything.
    Closed,
    /// The receiver was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl From<RecvError> for RecvUntilError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Lagged(missed) => Self::Lagged(missed),
            RecvError::Closed => Self::Closed,
            RecvError::Canceled => Self::Canceled,
        }
    }
}

impl From<WaitError> for RecvUntilError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

impl RecvUntilError {
    /// The error of a wait that had neither a deadline nor a stop token.
    pub(super) fn of_untimed(self) -> RecvError {
        match self {
            Self::Lagged(missed) => RecvError::Lagged(missed),
            Self::Closed => RecvError::Closed,
            Self::Canceled => RecvError::Canceled,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver has missed {} values", self.0)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Lagged(missed) => Lagged(missed).fmt(f),
            Self::Closed => crate::RecvError::Closed.fmt(f),
            Self::Canceled => crate::RecvError::Canceled.fmt(f),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => crate::TryRecvError::Empty.fmt(f),
            Self::Lagged(missed) => Lagged(missed).fmt(f),
            Self::Closed => crate::TryRecvError::Closed.fmt(f),
        }
    }
}

impl fmt::Display for RecvUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Lagged(missed) => Lagged(missed).fmt(f),
            Self::TimedOut => WaitError::TimedOut.fmt(f),
            Self::Closed => crate::RecvError::Closed.fmt(f),
            Self::Canceled => WaitError::Canceled.fmt(f),
            Self::Stopped => WaitError::Stopped.fmt(f),
        }
    }
}

impl Error for Lagged {}
impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvUntilError {}
