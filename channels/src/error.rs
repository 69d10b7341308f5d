//! What can come of sending and receiving, other than success.
//!
//! Every sending error carries the value back. None asks the value to be printable.

use std::{error::Error, fmt};

/// Why [`Sender::send`](crate::Sender::send) did not send.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendError<T> {
    /// The channel is closed, or nobody is left to receive.
    Closed(T),
    /// The sender was canceled while it would have had to wait.
    Canceled(T),
}

/// Why [`Sender::try_send`](crate::Sender::try_send) did not send.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrySendError<T> {
    /// There is no room, or, in a rendezvous, no receiver waits.
    Full(T),
    /// The channel is closed, or nobody is left to receive.
    Closed(T),
}

/// Why a send with a deadline or a stop token did not send.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendUntilError<T> {
    /// The deadline passed first.
    TimedOut(T),
    /// The channel is closed, or nobody is left to receive.
    Closed(T),
    /// The sender was canceled while it would have had to wait.
    Canceled(T),
    /// The stop token was triggered first.
    Stopped(T),
}

/// Why [`Receiver::recv`](crate::Receiver::recv) has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvError {
    /// The channel is closed, or nobody is left to send, and everything was received.
    Closed,
    /// The receiver was canceled while it would have had to wait.
    Canceled,
}

/// Why [`Receiver::try_recv`](crate::Receiver::try_recv) has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryRecvError {
    /// Nothing is there now, or, in a rendezvous, no sender waits.
    Empty,
    /// The channel is closed, or nobody is left to send, and everything was received.
    Closed,
}

/// Why a receive with a deadline or a stop token has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvUntilError {
    /// The deadline passed first.
    TimedOut,
    /// The channel is closed, or nobody is left to send, and everything was received.
    Closed,
    /// The receiver was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

const FULL: &str = "the channel is full";
const EMPTY: &str = "the channel is empty";
pub(crate) const CLOSED: &str = "the channel is closed";
const TIMED_OUT: &str = "the deadline passed";
const CANCELED: &str = "the waiter was canceled";
const STOPPED: &str = "the stop token was triggered";

/// What the three sending errors have in common: a value, a variant to show, and a sentence.
macro_rules! sending_error {
    ($name:ident $(of $home:ident)? { $first:ident => $says:ident $(, $variant:ident => $text:ident)* }) => {
        $crate::error::sending_error! { @ $name $(of $home)? [$first] { $first => $says $(, $variant => $text)* } }
    };
    (@ $name:ident $(of $home:ident)? [$first:ident] { $($variant:ident => $text:ident),+ }) => {
        impl<T> $name<T> {
            /// The value that was not sent.
            ///
            /// ```
            #[doc = concat!(" use vitte_channels::", $(stringify!($home), "::",)? stringify!($name), ";")]
            ///
            #[doc = concat!(" assert_eq!(", stringify!($name), "::", stringify!($first), "(7).into_inner(), 7);")]
            /// ```
            #[must_use]
            pub fn into_inner(self) -> T {
                match self {
                    $(Self::$variant(value) => value,)+
                }
            }
        }

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant(_) => concat!(stringify!($variant), "(..)"),)+
                })
            }
        }

        impl<T> std::fmt::Display for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant(_) => $text,)+
                })
            }
        }

        impl<T> std::error::Error for $name<T> {}
    };
}
pub(crate) use sending_error;

sending_error!(SendError { Closed => CLOSED, Canceled => CANCELED });
sending_error!(TrySendError { Full => FULL, Closed => CLOSED });
sending_error!(SendUntilError {
    TimedOut => TIMED_OUT,
    Closed => CLOSED,
    Canceled => CANCELED,
    Stopped => STOPPED
});

impl<T> TrySendError<T> {
    /// The same error about something else.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> TrySendError<U> {
        match self {
            Self::Full(value) => TrySendError::Full(change(value)),
            Self::Closed(value) => TrySendError::Closed(change(value)),
        }
    }
}

impl<T> SendUntilError<T> {
    /// The same error about something else.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> SendUntilError<U> {
        match self {
            Self::TimedOut(value) => SendUntilError::TimedOut(change(value)),
            Self::Closed(value) => SendUntilError::Closed(change(value)),
            Self::Canceled(value) => SendUntilError::Canceled(change(value)),
            Self::Stopped(value) => SendUntilError::Stopped(change(value)),
        }
    }

    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> SendError<T> {
        match self {
            Self::Canceled(value) => SendError::Canceled(value),
            Self::Closed(value) => SendError::Closed(value),
            Self::TimedOut(_) | Self::Stopped(_) => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl RecvUntilError {
    /// The error of a wait that had neither a deadline nor a stop token.
    pub(crate) fn of_untimed(self) -> RecvError {
        match self {
            Self::Canceled => RecvError::Canceled,
            Self::Closed => RecvError::Closed,
            Self::TimedOut | Self::Stopped => {
                unreachable!("no deadline and no stop token were given")
            }
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => CLOSED,
            Self::Canceled => CANCELED,
        })
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => EMPTY,
            Self::Closed => CLOSED,
        })
    }
}

impl fmt::Display for RecvUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Closed => CLOSED,
            Self::Canceled => CANCELED,
            Self::Stopped => STOPPED,
        })
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvUntilError {}
