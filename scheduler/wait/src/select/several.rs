//! Arms that are put together at run time.

use super::{Arm, SelectError, select, try_select};
use crate::{Deadline, StopToken};
use std::{fmt, time::Duration};

/// A set of arms, put together at run time. It borrows them: an arm is itself the handle by which its
/// outcome, or what it did not send, is had afterwards.
///
/// Arms are numbered in the order in which they were added. Waiting again waits for all of them again,
/// and an arm that has gone and whose outcome was not taken goes at once.
///
/// ```
/// use std::time::Duration;
/// use vitte_wait::select::{Chosen, Select, after};
///
/// let mut points: Vec<_> = [3600, 0, 3600].map(Duration::from_secs).map(after).into();
/// assert_eq!(Select::among(&mut points).wait(), Ok(1));
/// assert_eq!(points[1].take(), Some(()));
/// ```
#[derive(Default)]
#[must_use = "it waits for nothing until it is told to"]
pub struct Select<'a> {
    arms: Vec<&'a mut dyn Arm>,
}

impl<'a> Select<'a> {
    /// No arms yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of `arms`, numbered as they lie there.
    pub fn among<A: Arm>(arms: &'a mut [A]) -> Self {
        let arms = arms.iter_mut().map(|arm| arm as &mut dyn Arm).collect();
        Self { arms }
    }

    /// Adds an arm and returns its number.
    #[allow(
        clippy::must_use_candidate,
        reason = "who adds them in order knows the number"
    )]
    pub fn add(&mut self, arm: &'a mut dyn Arm) -> usize {
        self.arms.push(arm);
        self.arms.len() - 1
    }

    /// How many arms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arms.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arms.is_empty()
    }

    /// Waits until an arm goes, and returns its number.
    ///
    /// # Errors
    /// [`SelectError::Canceled`] if the caller is canceled while it waits.
    ///
    /// # Blocking
    /// As [`select`](super::select()).
    ///
    /// # Panics
    /// As [`Wait::begin`](crate::Wait::begin).
    ///
    /// ```
    /// use vitte_wait::{Deadline, select::{Select, at}};
    ///
    /// let (mut later, mut now) = (at(Deadline::NEVER), at(Deadline::NOW));
    /// let mut select = Select::new();
    /// select.add(&mut later);
    /// let second = select.add(&mut now);
    /// assert_eq!(select.wait(), Ok(second));
    /// ```
    pub fn wait(&mut self) -> Result<usize, SelectError> {
        self.wait_with(Deadline::NEVER, None)
    }

    /// The number of an arm that goes now; `None` if none can.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_wait::{Deadline, select::{Select, at}};
    ///
    /// let mut arms = [at(Deadline::NEVER), at(Deadline::NEVER)];
    /// assert_eq!(Select::among(&mut arms).try_wait(), None);
    /// ```
    #[must_use]
    pub fn try_wait(&mut self) -> Option<usize> {
        try_select(&mut self.arms)
    }

    /// [`wait_with`](Self::wait_with) a deadline only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with); never [`SelectError::Stopped`].
    ///
    /// ```
    /// use vitte_wait::{Deadline, select::{Select, SelectError, at}};
    ///
    /// let mut arms = [at(Deadline::NEVER)];
    /// assert_eq!(Select::among(&mut arms).wait_until(Deadline::NOW), Err(SelectError::TimedOut));
    /// ```
    pub fn wait_until(&mut self, deadline: Deadline) -> Result<usize, SelectError> {
        self.wait_with(deadline, None)
    }

    /// [`wait_until`](Self::wait_until) `patience` from now.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::{Deadline, select::{Select, SelectError, at}};
    ///
    /// let mut arms = [at(Deadline::NEVER)];
    /// let ended = Select::among(&mut arms).wait_timeout(Duration::from_millis(1));
    /// assert_eq!(ended, Err(SelectError::TimedOut));
    /// ```
    pub fn wait_timeout(&mut self, patience: Duration) -> Result<usize, SelectError> {
        self.wait_with(Deadline::after(patience), None)
    }

    /// [`wait_with`](Self::wait_with) a stop token only.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with); never [`SelectError::TimedOut`].
    ///
    /// ```
    /// use vitte_wait::{Deadline, StopToken, select::{Select, SelectError, at}};
    ///
    /// let mut arms = [at(Deadline::NEVER)];
    /// let ended = Select::among(&mut arms).wait_or_stop(&StopToken::DONE);
    /// assert_eq!(ended, Err(SelectError::Stopped));
    /// ```
    pub fn wait_or_stop(&mut self, stop: &StopToken) -> Result<usize, SelectError> {
        self.wait_with(Deadline::NEVER, Some(stop))
    }

    /// Waits until an arm goes, `deadline` passes, or `stop` is triggered.
    ///
    /// # Errors
    /// [`SelectError`]: no arm went.
    ///
    /// # Blocking
    /// As [`select`](super::select()).
    ///
    /// # Panics
    /// As [`Wait::begin`](crate::Wait::begin).
    pub fn wait_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, SelectError> {
        select(&mut self.arms, deadline, stop)
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.arms.iter().map(|arm| arm.reason());
        f.debug_list().entries(reasons).finish()
    }
}
