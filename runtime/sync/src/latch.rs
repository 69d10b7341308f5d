//! Latches: counted down once, open from then on.

use crate::{
    WaitError,
    count::Count,
    forms::{const_new, wait_forms},
    line::object,
};
use std::fmt;
use vitte_wait::{Deadline, StopToken};

/// A number that is counted down to zero, once. Whoever waits goes on then; whoever comes later
/// does not wait.
///
/// What was done before counting down is visible to those who waited.
///
/// # Cancellation
/// Nothing is lost.
///
/// ```
/// use std::{sync::Arc, thread};
/// use vitte_sync::Latch;
///
/// let latch = Arc::new(Latch::new(2));
/// for _ in 0..2 {
///     let latch = latch.clone();
///     thread::spawn(move || latch.count_down());
/// }
/// assert_eq!(latch.wait(), Ok(()));
/// assert!(latch.is_open());
/// ```
pub struct Latch(pub(crate) Count);

impl Latch {
    const_new! {
        /// A latch that is to be counted down `count` times; open at once if that is zero.
        ///
        /// # Panics
        /// If `count` is more than a quarter of what a `usize` holds.
        ///
        /// ```
        /// use vitte_sync::Latch;
        ///
        /// assert!(Latch::new(0).is_open());
        /// assert_eq!(Latch::new(2).count(), 2);
        /// ```
        #[must_use]
        pub fn new(count: usize) -> Self {
            Self(Count::new(count))
        }
    }

    /// Counts down by one. An open latch stays as it is.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::Latch;
    ///
    /// let latch = Latch::new(1);
    /// latch.count_down();
    /// latch.count_down(); // it is open, and stays so
    /// assert_eq!(latch.wait(), Ok(()));
    /// ```
    #[inline]
    pub fn count_down(&self) {
        // It fails only if the latch is open.
        let _ = self.0.sub(1);
    }

    /// Counts down by one, then waits until the latch is open.
    ///
    /// # Errors
    /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits. It stays counted.
    ///
    /// ```
    /// use vitte_sync::Latch;
    ///
    /// let all = Latch::new(2);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| all.count_down_and_wait());
    ///     assert_eq!(all.count_down_and_wait(), Ok(()));
    /// });
    /// ```
    pub fn count_down_and_wait(&self) -> Result<(), crate::Canceled> {
        self.count_down();
        self.wait()
    }

    /// How often it is still to be counted down.
    ///
    /// ```
    /// use vitte_sync::Latch;
    ///
    /// let latch = Latch::new(2);
    /// latch.count_down();
    /// assert_eq!(latch.count(), 1);
    /// ```
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.number()
    }

    /// Whether the latch is open.
    ///
    /// ```
    /// use vitte_sync::Latch;
    ///
    /// let latch = Latch::new(1);
    /// assert!(!latch.is_open());
    /// latch.count_down();
    /// assert!(latch.is_open());
    /// ```
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.count() == 0
    }

    wait_forms! {
        /// Waits until the latch is open.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
        -> ()
        ;
        in vitte_wait
        /// use vitte_sync::{Latch, WaitError};
        ///
        /// let latch = Latch::new(1);
        "latch." () => Err(WaitError)
    }

    /// Waits until the latch is open; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead.
    ///
    /// ```
    /// use vitte_sync::{Latch, WaitError};
    /// use vitte_wait::Deadline;
    ///
    /// let latch = Latch::new(1);
    /// assert_eq!(latch.wait_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// latch.count_down();
    /// assert_eq!(latch.wait_with(Deadline::NOW, None), Ok(()));
    /// ```
    #[inline]
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        self.0.wait(object(self), deadline, stop)
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch")
            .field("count", &self.count())
            .finish()
    }
}
