//! Waiting for a point in time.

use std::ptr;
use std::time::Duration;
use vitte_wait::{Deadline, Outcome, Reason, StopToken, Wait};

/// Waits for `duration`: [`Outcome::TimedOut`] when it is over, [`Outcome::Canceled`] if the
/// calling fiber is canceled first.
///
/// Never shorter than asked for. A fiber may sleep up to 229 microseconds longer, for its worker looks at its timers
/// together, once in that time, and until the worker has time.
///
/// # Blocking
/// A fiber suspends, a thread sleeps.
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
///
/// ```
/// use std::time::{Duration, Instant};
/// use vitte_threads::{Outcome, Runtime, sleep};
///
/// let runtime = Runtime::start()?;
/// let start = Instant::now();
/// assert_eq!(runtime.run(|| sleep(Duration::from_millis(2))), Outcome::TimedOut);
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn sleep(duration: Duration) -> Outcome {
    sleep_until(Deadline::after(duration))
}

/// Waits until `deadline`. Otherwise as [`sleep`].
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Deadline, Outcome, sleep_until};
///
/// let soon = Deadline::after(Duration::from_millis(1));
/// assert_eq!(sleep_until(soon), Outcome::TimedOut);
/// assert!(soon.is_past());
/// ```
pub fn sleep_until(deadline: Deadline) -> Outcome {
    vitte_scheduler::sleep_until(deadline)
}

/// Waits until `deadline`, or until `stop` is triggered: then the outcome is [`Outcome::Stopped`]. Otherwise as
/// [`sleep`].
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
///
/// ```
/// use vitte_threads::{Deadline, Outcome, Runtime, StopSource, sleep_with};
///
/// let (runtime, stop) = (Runtime::start()?, StopSource::new());
/// let token = stop.token();
/// let sleeper = runtime.spawn(move || sleep_with(Deadline::NEVER, Some(&token)));
/// stop.stop();
/// assert_eq!(sleeper.join()?, Outcome::Stopped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sleep_with(deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
    Wait::begin(Reason::Sleep, ptr::null()).park(deadline, stop)
}
