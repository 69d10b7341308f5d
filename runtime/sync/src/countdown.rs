//! A signal that goes when so many things are done.

use crate::Signal;
use std::fmt;
use vitte_wait::facade::atomic::{AtomicUsize, Ordering::*};

/// Counts down, and lets a signal go at zero.
///
/// Where nobody needs a signal, a [`Latch`](crate::Latch) is cheaper.
///
/// ```
/// use vitte_sync::Countdown;
///
/// let parts = Countdown::new(2);
/// let all = parts.signal().clone();
/// parts.done();
/// assert!(!all.is_gone());
/// parts.done();
/// assert!(all.is_gone() && Countdown::new(0).signal().is_gone());
/// ```
pub struct Countdown {
    left: AtomicUsize,
    signal: Signal,
}

impl Countdown {
    /// Goes after `count` things; at once if there are none.
    ///
    /// ```
    /// use vitte_sync::Countdown;
    ///
    /// assert!(Countdown::new(0).signal().is_gone());
    /// assert!(!Countdown::new(1).signal().is_gone());
    /// ```
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            left: AtomicUsize::new(count),
            signal: if count == 0 {
                Signal::DONE
            } else {
                Signal::new()
            },
        }
    }

    /// One thing is done. Once all are, this does nothing.
    ///
    /// # Blocking
    /// As [`Signal::go`].
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use vitte_sync::Countdown;
    ///
    /// let parts = Arc::new(Countdown::new(2));
    /// for _ in 0..2 {
    ///     let parts = parts.clone();
    ///     thread::spawn(move || parts.done());
    /// }
    /// assert_eq!(parts.signal().wait(), Ok(()));
    /// ```
    pub fn done(&self) {
        let mut now = self.left.load(Relaxed);
        while now > 0 {
            // Ordering: AcqRel. Partner: the same line of the others, so that whoever sees the
            // signal gone sees what all of them have done.
            match self
                .left
                .compare_exchange_weak(now, now - 1, AcqRel, Relaxed)
            {
                Ok(1) => {
                    self.signal.go();
                    return;
                }
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// How many things are left.
    ///
    /// ```
    /// use vitte_sync::Countdown;
    ///
    /// let parts = Countdown::new(2);
    /// parts.done();
    /// assert_eq!(parts.left(), 1);
    /// ```
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Relaxed)
    }

    /// What goes at zero.
    ///
    /// ```
    /// use vitte_sync::{Countdown, Signal};
    ///
    /// let (parts, abort) = (Countdown::new(2), Signal::new());
    /// let over = parts.signal() | &abort;
    /// abort.go();
    /// assert!(over.is_gone() && !parts.signal().is_gone());
    /// ```
    #[must_use]
    pub fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl fmt::Debug for Countdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Countdown")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
