//! Signals that go by themselves when a time has come.
//!
//! No timer thread runs: whoever waits for one sleeps no longer than until then, and whoever looks
//! at one looks at the clock. So there is nobody who could run a callback at that time, and the
//! type has no `then`; nor an `&`, whose end would depend on the clock only after another signal
//! has gone, when its waiters have gone to sleep already. To run something at a time, start a
//! fiber that waits.

use crate::{Signal, WaitError, forms::wait_forms};
use std::{
    fmt,
    ops::{BitOr, Deref},
    time::Duration,
};
use vitte_wait::{Deadline, StopToken};

/// A signal that is gone from a certain time on, or when another goes before that.
///
/// It costs no more than a number until it is combined, and leaves nothing behind.
///
/// ```
/// use std::time::Duration;
/// use vitte_sync::{Signal, Till};
///
/// let stop = Signal::new();
/// let nap = Till::after(Duration::from_millis(1)) | &stop;
/// assert_eq!(nap.wait(), Ok(()));
/// assert!(nap.is_gone() && !stop.is_gone());
/// ```
#[derive(Clone)]
pub struct Till(StopToken);

impl Till {
    /// Gone at `deadline`.
    ///
    /// ```
    /// use vitte_sync::Till;
    /// use vitte_wait::Deadline;
    ///
    /// assert!(Till::at(Deadline::NOW).is_gone());
    /// ```
    #[must_use]
    pub const fn at(deadline: Deadline) -> Self {
        Self(StopToken::at(deadline))
    }

    /// Gone when `duration` has passed; at once if it is zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::Till;
    ///
    /// assert_eq!(Till::after(Duration::from_millis(1)).wait(), Ok(()));
    /// assert!(!Till::after(Duration::from_secs(60)).is_gone());
    /// ```
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(StopToken::after(duration))
    }

    /// Gone when one of `tokens` is, be they signals, tokens, or others of this kind.
    ///
    /// ```
    /// use vitte_sync::{Signal, Till};
    /// use vitte_wait::Deadline;
    ///
    /// let stop = Signal::new();
    /// let either = Till::any([&*stop, &Till::at(Deadline::NEVER)]);
    /// stop.go();
    /// assert!(either.is_gone());
    /// ```
    #[must_use]
    pub fn any<'a>(tokens: impl IntoIterator<Item = &'a StopToken>) -> Self {
        Self(StopToken::any(tokens))
    }

    /// Whether it is gone.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::Till;
    ///
    /// assert!(Till::after(Duration::ZERO).is_gone());
    /// assert!(!Till::after(Duration::from_secs(60)).is_gone());
    /// ```
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.is_stopped()
    }

    wait_forms! {
        /// Waits until it is gone.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
        -> ()
        ;
        in vitte_wait
        /// use vitte_sync::{Signal, Till, WaitError};
        ///
        /// let signal = Signal::new();
        /// let till = Till::any([&*signal]);
        "till." () => Err(WaitError)
    }

    /// Waits until it is gone; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead.
    ///
    /// ```
    /// use vitte_sync::{Till, WaitError};
    /// use vitte_wait::Deadline;
    ///
    /// let till = Till::at(Deadline::NEVER);
    /// assert_eq!(till.wait_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// ```
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        WaitError::of(self.0.wait(deadline, stop))
    }
}

impl Deref for Till {
    type Target = StopToken;
    fn deref(&self) -> &StopToken {
        &self.0
    }
}

impl From<Till> for StopToken {
    fn from(till: Till) -> Self {
        till.0
    }
}

/// `|` for every pair of which one is a `Till`, by value and by reference.
macro_rules! either {
    ($($left:ty, $right:ty;)*) => {$(
        impl BitOr<$right> for $left {
            type Output = Till;
            fn bitor(self, other: $right) -> Till {
                let (left, right): (&StopToken, &StopToken) = (&self, &other);
                Till::any([left, right])
            }
        }
    )*};
}

either! {
    Till, Till;
    Till, &Till;
    &Till, Till;
    &Till, &Till;
    Till, Signal;
    Till, &Signal;
    &Till, Signal;
    &Till, &Signal;
    Signal, Till;
    Signal, &Till;
    &Signal, Till;
    &Signal, &Till;
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till")
            .field("gone", &self.is_gone())
            .field("left", &self.deadline().remaining())
            .finish()
    }
}
