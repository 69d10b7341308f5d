//! Signals: something has happened, for good.
//!
//! A signal is a stop source with a friendlier face, and so it is what every wait of the
//! project takes to be stopped by. The semantics are those of `Signal` in mo-threads (Kyle Lahnakoski), without
//! its defects: a wait says who ended it, and combined signals leave nothing behind.

use crate::{Till, WaitError, forms::wait_forms};
use std::{
    any::Any,
    fmt,
    ops::{BitAnd, BitOr, Deref},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use vitte_wait::{Deadline, StopSource, StopToken, Then};

/// A flag that is raised once, by [`go`](Self::go), and stays up. Clones are the same signal.
///
/// `a | b` is a signal that goes when either does, `a & b` one that goes when both have. The two
/// know it only as long as somebody holds it, or something that was made of it.
///
/// It dereferences to a [`StopToken`], so any wait of the project can be stopped by it.
///
/// What was done before `go` is visible to those who see that the signal is gone.
///
/// # Blocking
/// The forms that wait suspend the calling fiber, or put the calling thread to sleep, unless the
/// signal is gone.
///
/// # Cancellation
/// Nothing is lost.
///
/// ```
/// use vitte_sync::{Event, Signal, WaitError};
///
/// let (ready, failed) = (Signal::new(), Signal::new());
/// let either = &ready | &failed;
/// assert!(!either.is_gone());
/// failed.go();
/// assert_eq!(either.wait(), Ok(()));
///
/// // As a stop token.
/// assert_eq!(Event::auto().wait_or_stop(&either), Err(WaitError::Stopped));
/// ```
#[derive(Clone, Default)]
pub struct Signal(StopSource);

impl Signal {
    /// Gone from the beginning.
    pub const DONE: Self = Self(StopSource::DONE);
    /// Never gone; [`go`](Self::go) does nothing.
    pub const NEVER: Self = Self(StopSource::NEVER);

    /// A signal that is not gone yet.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let signal = Signal::new();
    /// assert!(!signal.is_gone());
    /// assert!(signal.go().is_gone());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A signal that goes by itself when `duration` has passed. See [`Till`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_sync::Signal;
    ///
    /// let stop = Signal::new();
    /// let over = &stop | Signal::after(Duration::from_millis(1));
    /// assert_eq!(over.wait(), Ok(()));
    /// ```
    #[must_use]
    pub fn after(duration: Duration) -> Till {
        Till::after(duration)
    }

    /// A signal that goes by itself at `deadline`. See [`Till`].
    ///
    /// ```
    /// use vitte_sync::Signal;
    /// use vitte_wait::Deadline;
    ///
    /// assert!(Signal::at(Deadline::NOW).is_gone());
    /// assert!(!Signal::at(Deadline::NEVER).is_gone());
    /// ```
    #[must_use]
    pub fn at(deadline: Deadline) -> Till {
        Till::at(deadline)
    }

    /// A signal that goes when one of `signals` does; [`NEVER`](Self::NEVER) if there are none.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let parts = [Signal::new(), Signal::new()];
    /// let first = Signal::any(&parts);
    /// parts[1].go();
    /// assert!(first.is_gone());
    /// ```
    #[must_use]
    pub fn any<'a>(signals: impl IntoIterator<Item = &'a Self>) -> Self {
        Self(StopSource::any(signals.into_iter().map(|signal| &signal.0)))
    }

    /// A signal that goes when all of `signals` have; [`DONE`](Self::DONE) if there are none.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let parts = [Signal::new(), Signal::new()];
    /// let all = Signal::all(&parts);
    /// parts[1].go();
    /// assert!(!all.is_gone());
    /// parts[0].go();
    /// assert!(all.is_gone());
    /// ```
    #[must_use]
    pub fn all<'a>(signals: impl IntoIterator<Item = &'a Self>) -> Self {
        Self(StopSource::all(signals.into_iter().map(|signal| &signal.0)))
    }

    /// Lets the signal go: wakes everybody who waits for it, or for a signal made of it, then runs
    /// what was left by [`then`](Self::then), here, in the order of registration. Doing it twice
    /// is the same as once.
    ///
    /// # Blocking
    /// Never, but for what those callbacks do.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let ready = Signal::new();
    /// let theirs = ready.clone();
    /// let waiter = std::thread::spawn(move || theirs.wait());
    /// ready.go();
    /// assert_eq!(waiter.join().unwrap(), Ok(()));
    /// ```
    pub fn go(&self) -> &Self {
        self.0.stop();
        self
    }

    /// Whether the signal is gone.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// assert!(Signal::DONE.is_gone());
    /// assert!(!Signal::NEVER.go().is_gone());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.is_stopped()
    }

    wait_forms! {
        /// Waits until the signal is gone.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
        -> ()
        ;
        in vitte_wait
        /// use vitte_sync::{Signal, WaitError};
        ///
        /// let signal = Signal::new();
        "signal." () => Err(WaitError)
    }

    /// Waits until the signal is gone; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead.
    ///
    /// ```
    /// use vitte_sync::{Signal, WaitError};
    /// use vitte_wait::Deadline;
    ///
    /// let signal = Signal::new();
    /// assert_eq!(signal.wait_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// assert_eq!(signal.go().wait_with(Deadline::NOW, None), Ok(()));
    /// ```
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        WaitError::of(self.0.wait(deadline, stop))
    }

    /// Runs `callback` once the signal is gone: by whoever lets it go, or here and now if it is
    /// gone. What is returned can take it away again.
    ///
    /// If it panics, the others run nevertheless, and so does the one who let the signal go; the
    /// panic is kept for [`take_panics`](Self::take_panics) of this signal. ([`DONE`](Self::DONE) keeps
    /// nothing: there it is the caller's.) A callback that blocks delays those after it.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use vitte_sync::Signal;
    ///
    /// let (signal, (tell, told)) = (Signal::new(), channel());
    /// let other = tell.clone();
    /// signal.then(move || tell.send(1).unwrap());
    /// let second = signal.then(move || other.send(2).unwrap());
    /// assert!(second.remove());
    /// signal.go().go();
    /// assert_eq!(told.iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) -> Then {
        self.0.then(callback)
    }

    /// [`then`](Self::then), and a panic of `callback` goes to `on_panic`.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use vitte_sync::Signal;
    ///
    /// let (signal, (tell, told)) = (Signal::new(), channel());
    /// signal.then_or(|| panic!("it is broken"), move |panic| {
    ///     tell.send(*panic.downcast::<&str>().unwrap()).unwrap();
    /// });
    /// signal.go();
    /// assert_eq!(told.recv(), Ok("it is broken"));
    /// ```
    pub fn then_or(
        &self,
        callback: impl FnOnce() + Send + 'static,
        on_panic: impl FnOnce(Box<dyn Any + Send>) + Send + 'static,
    ) -> Then {
        self.0.then(move || {
            // Unwind: the callback is gone with what it captured.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(callback)) {
                on_panic(panic);
            }
        })
    }

    /// What panicking callbacks left since this was called last. Each is given once.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let signal = Signal::new();
    /// signal.then(|| panic!("it is broken"));
    /// signal.go();
    /// assert_eq!(signal.take_panics().len(), 1);
    /// assert_eq!(signal.take_panics().len(), 0);
    /// ```
    #[must_use]
    pub fn take_panics(&self) -> Vec<Box<dyn Any + Send>> {
        self.0.take_panics()
    }

    /// How many callbacks, and signals that were made of this one, hang on it; for onlookers.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let signal = Signal::new();
    /// let then = signal.then(|| ());
    /// assert_eq!(signal.callbacks(), 1);
    /// then.remove();
    /// assert_eq!(signal.callbacks(), 0);
    /// ```
    #[must_use]
    pub fn callbacks(&self) -> usize {
        self.0.callbacks()
    }

    /// Whether the two are the same signal.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let signal = Signal::new();
    /// assert!(signal.is_same(&signal.clone()));
    /// assert!(!signal.is_same(&Signal::new()));
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// This signal, as what a wait is stopped by.
    ///
    /// ```
    /// use vitte_sync::Signal;
    ///
    /// let signal = Signal::new();
    /// let token = signal.token();
    /// signal.go();
    /// assert!(token.is_stopped());
    /// ```
    #[must_use]
    pub fn token(&self) -> StopToken {
        self.0.token()
    }
}

impl Deref for Signal {
    type Target = StopToken;
    fn deref(&self) -> &StopToken {
        &self.0
    }
}

impl From<StopSource> for Signal {
    fn from(source: StopSource) -> Self {
        Self(source)
    }
}

impl From<Signal> for StopToken {
    fn from(signal: Signal) -> Self {
        signal.0.into()
    }
}

impl From<bool> for Signal {
    /// [`DONE`](Self::DONE) or [`NEVER`](Self::NEVER).
    fn from(is_gone: bool) -> Self {
        if is_gone { Self::DONE } else { Self::NEVER }
    }
}

/// What may stand beside a signal in `|` and `&`: the operators, by value and by reference.
macro_rules! operators {
    ($($left:ty, $right:ty;)*) => {$(
        impl BitOr<$right> for $left {
            type Output = Signal;
            fn bitor(self, other: $right) -> Signal {
                Signal::any([self.as_signal(), other.as_signal()])
            }
        }

        impl BitAnd<$right> for $left {
            type Output = Signal;
            fn bitand(self, other: $right) -> Signal {
                Signal::all([self.as_signal(), other.as_signal()])
            }
        }
    )*};
}

impl Signal {
    fn as_signal(&self) -> &Self {
        self
    }
}

operators! {
    Signal, Signal;
    Signal, &Signal;
    &Signal, Signal;
    &Signal, &Signal;
}

/// A condition that is known already: `a | true` is gone, `a & true` is `a`.
macro_rules! with_known {
    ($($left:ty),*) => {$(
        impl BitOr<bool> for $left {
            type Output = Signal;
            fn bitor(self, other: bool) -> Signal {
                self | Signal::from(other)
            }
        }

        impl BitAnd<bool> for $left {
            type Output = Signal;
            fn bitand(self, other: bool) -> Signal {
                self & Signal::from(other)
            }
        }

        /// No signal at all adds nothing.
        impl BitOr<Option<&Signal>> for $left {
            type Output = Signal;
            fn bitor(self, other: Option<&Signal>) -> Signal {
                match other {
                    Some(other) => self | other,
                    None => self.as_signal().clone(),
                }
            }
        }

        /// No signal at all adds nothing.
        impl BitAnd<Option<&Signal>> for $left {
            type Output = Signal;
            fn bitand(self, other: Option<&Signal>) -> Signal {
                match other {
                    Some(other) => self & other,
                    None => self.as_signal().clone(),
                }
            }
        }
    )*};
}

with_known!(Signal, &Signal);

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}
