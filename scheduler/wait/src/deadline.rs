//! A point on the monotonic clock up to which somebody is willing to wait.

use crate::{counter, facade::clock};
use std::time::{Duration, Instant};

/// In nanoseconds, what is so long that some microseconds more make no difference.
const LONG: u64 = 1_000_000;

/// An absolute point in monotonic time, in nanoseconds.
///
/// Deadlines are absolute, so a wait that is resumed after a spurious wake-up does not start over.
///
/// ```
/// use vitte_wait::Deadline;
/// use std::time::Duration;
///
/// assert!(Deadline::NOW.is_past());
/// assert!(!Deadline::NEVER.is_past());
/// assert!(Deadline::after(Duration::from_secs(60)) < Deadline::NEVER);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(u64);

impl Deadline {
    /// Already past: a wait with this deadline only tries.
    pub const NOW: Self = Self(0);
    /// Never reached.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `duration` from now. A duration too long to count is [`Deadline::NEVER`]. For one of a millisecond or more it
    /// may be some microseconds later than that.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::Deadline;
    ///
    /// let minute = Deadline::after(Duration::from_secs(60));
    /// assert!(!minute.is_past() && minute < Deadline::NEVER);
    /// assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
    /// ```
    #[must_use]
    #[inline]
    pub fn after(duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let now = if nanos < LONG {
            clock::now()
        } else {
            counter::now_or_later()
        };
        Self(now.saturating_add(nanos))
    }

    /// The point that `instant` names.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use vitte_wait::Deadline;
    ///
    /// assert!(Deadline::at(Instant::now()).is_past());
    /// assert!(!Deadline::at(Instant::now() + Duration::from_secs(60)).is_past());
    /// ```
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self::after(instant.saturating_duration_since(Instant::now()))
    }

    /// The point `nanos` nanoseconds on the monotonic clock.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    ///
    /// assert_eq!(Deadline::from_nanos(0), Deadline::NOW);
    /// assert_eq!(Deadline::from_nanos(u64::MAX), Deadline::NEVER);
    /// ```
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds on the monotonic clock.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    ///
    /// assert_eq!(Deadline::from_nanos(1_000).as_nanos(), 1_000);
    /// ```
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether the point is reached. Reads the clock only if it has to.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    ///
    /// assert!(Deadline::NOW.is_past());
    /// assert!(!Deadline::NEVER.is_past());
    /// ```
    #[must_use]
    pub fn is_past(self) -> bool {
        self.0 == 0 || (self.0 != u64::MAX && self.0 <= clock::now())
    }

    /// The time left, zero when past, `None` for [`Deadline::NEVER`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::Deadline;
    ///
    /// assert_eq!(Deadline::NOW.remaining(), Some(Duration::ZERO));
    /// assert_eq!(Deadline::NEVER.remaining(), None);
    /// ```
    #[must_use]
    pub fn remaining(self) -> Option<Duration> {
        (self.0 != u64::MAX).then(|| Duration::from_nanos(self.0.saturating_sub(clock::now())))
    }
}
