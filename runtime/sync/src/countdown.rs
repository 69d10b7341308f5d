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
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Relaxed)
    }

    /// What goes at zero.
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
