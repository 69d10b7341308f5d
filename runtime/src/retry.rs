//! Trying again, after longer and longer pauses.

use std::{fmt, ptr, time::Duration};
use vitte_wait::{Deadline, Outcome, Reason, StopToken, Wait, current};

/// How often something is tried, and how long the pauses are: see [`run`](Self::run).
///
/// By default four times, with pauses that begin at 50 ms and double up to 10 s, of which a random half
/// may be left out.
#[derive(Clone, Debug)]
#[must_use]
pub struct Retry<'a> {
    attempts: u32,
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: f64,
    seed: Option<u64>,
    deadline: Deadline,
    stop: Option<&'a StopToken>,
}

impl Default for Retry<'_> {
    fn default() -> Self {
        Self {
            attempts: 4,
            base: Duration::from_millis(50),
            factor: 2.0,
            cap: Duration::from_secs(10),
            jitter: 0.5,
            seed: None,
            deadline: Deadline::NEVER,
            stop: None,
        }
    }
}

/// Why there was no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// There were as many as there may be.
    Attempts,
    /// The error is of those for which it is not worth it.
    NotWorthIt,
    /// The next one would have come after the deadline, or at it.
    TimedOut,
    /// The caller was canceled.
    Canceled,
    /// The stop token was triggered.
    Stopped,
}

/// No attempt succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryError<E> {
    /// Why there was no further attempt.
    pub why: GaveUp,
    /// How many there were.
    pub attempts: u32,
    /// What the last one ended with.
    pub last: E,
}

impl<E: fmt::Display> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            GaveUp::Attempts => "all attempts failed",
            GaveUp::NotWorthIt => "it failed in a way that trying again would not mend",
            GaveUp::TimedOut => "no attempt succeeded before the deadline",
            GaveUp::Canceled => "trying was canceled",
            GaveUp::Stopped => "trying was stopped",
        };
        write!(f, "{why} ({} made); the last: {}", self.attempts, self.last)
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for RetryError<E> {}

impl<'a> Retry<'a> {
    /// See [`Retry`].
    ///
    /// ```
    /// use vitte_threads::Retry;
    ///
    /// assert_eq!(Retry::new().run(|attempt| Ok::<_, ()>(attempt)), Ok(1));
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The most attempts, the first one included; at least one is made.
    ///
    /// ```
    /// use vitte_threads::Retry;
    ///
    /// let once = Retry::new().attempts(1).run(|_| Err::<(), _>("no"));
    /// assert_eq!(once.unwrap_err().attempts, 1);
    /// ```
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The pause after the first attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Retry;
    ///
    /// // Pauses of 1, 2 and 4 milliseconds, or of down to half of that.
    /// let retry = Retry::new().base(Duration::from_millis(1));
    /// assert_eq!(retry.run(|attempt| if attempt < 4 { Err("no") } else { Ok("yes") }), Ok("yes"));
    /// ```
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// By what each pause is longer than the one before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Retry;
    ///
    /// // Pauses of one length.
    /// let steady = Retry::new().base(Duration::from_millis(1)).factor(1.0).jitter(0.0);
    /// assert_eq!(steady.run(|attempt| if attempt < 4 { Err("no") } else { Ok("yes") }), Ok("yes"));
    /// ```
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The longest pause.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Retry;
    ///
    /// // Pauses of 1, 2, 2 and 2 milliseconds.
    /// let retry = Retry::new().base(Duration::from_millis(1)).cap(Duration::from_millis(2)).jitter(0.0);
    /// let fifth = retry.attempts(5).run(|attempt| if attempt < 5 { Err("no") } else { Ok("yes") });
    /// assert_eq!(fifth, Ok("yes"));
    /// ```
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Up to which part of a pause, of 0 to 1, is left out by chance, so that those who failed together do
    /// not come back together.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Retry;
    ///
    /// // Pauses of anything between nothing and their whole length.
    /// let retry = Retry::new().base(Duration::from_millis(1)).jitter(1.0);
    /// assert_eq!(retry.run(|attempt| if attempt < 3 { Err("no") } else { Ok("yes") }), Ok("yes"));
    /// ```
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part.clamp(0.0, 1.0);
        self
    }

    /// What decides that chance. By default each fiber and thread has its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Retry;
    ///
    /// // The same pauses in each run of the test.
    /// let retry = Retry::new().base(Duration::from_millis(1)).seed(42);
    /// assert_eq!(retry.run(|attempt| if attempt < 3 { Err("no") } else { Ok("yes") }), Ok("yes"));
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// No further attempt begins after this.
    ///
    /// ```
    /// use vitte_threads::{Deadline, GaveUp, Retry};
    ///
    /// let late = Retry::new().deadline(Deadline::NOW).run(|_| Err::<(), _>("no"));
    /// assert_eq!(late.unwrap_err().why, GaveUp::TimedOut);
    /// ```
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// What ends a pause, and all further attempts.
    ///
    /// ```
    /// use vitte_threads::{GaveUp, Retry, StopSource};
    ///
    /// let source = StopSource::new();
    /// let token = source.token();
    /// let stopped = Retry::new().stop(&token).run(|_| {
    ///     source.stop();
    ///     Err::<(), _>("no")
    /// });
    /// assert_eq!(stopped.unwrap_err().why, GaveUp::Stopped);
    /// ```
    pub fn stop(mut self, stop: &'a StopToken) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Calls `attempt`, with its number from 1 on, until it succeeds, or it is time to give up.
    ///
    /// # Errors
    /// [`RetryError`] with the last error.
    ///
    /// # Cancellation
    /// Ends a pause, and there is no further attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{GaveUp, Retry};
    ///
    /// let retry = Retry::new().attempts(3).base(Duration::from_millis(1));
    /// let third = retry.run(|attempt| if attempt < 3 { Err("too early") } else { Ok(attempt) });
    /// assert_eq!(third, Ok(3));
    /// let never = retry.run(|_| Err::<(), _>("no"));
    /// assert_eq!(never.unwrap_err().why, GaveUp::Attempts);
    /// ```
    pub fn run<T, E>(&self, attempt: impl FnMut(u32) -> Result<T, E>) -> Result<T, RetryError<E>> {
        self.run_if(attempt, |_| true)
    }

    /// As [`run`](Self::run), but an error for which `worth_it` is false ends it at once.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use vitte_threads::{GaveUp, Retry};
    ///
    /// let wrong = Retry::new().run_if(|_| Err::<(), _>("no such user"), |error| *error == "busy");
    /// let wrong = wrong.unwrap_err();
    /// assert_eq!((wrong.why, wrong.attempts), (GaveUp::NotWorthIt, 1));
    /// ```
    pub fn run_if<T, E>(
        &self,
        mut attempt: impl FnMut(u32) -> Result<T, E>,
        mut worth_it: impl FnMut(&E) -> bool,
    ) -> Result<T, RetryError<E>> {
        let mut number = 0;
        loop {
            number += 1;
            let last = match attempt(number) {
                Ok(value) => return Ok(value),
                Err(last) => last,
            };
            let why = if !worth_it(&last) {
                Some(GaveUp::NotWorthIt)
            } else if number >= self.attempts {
                Some(GaveUp::Attempts)
            } else {
                self.pause(number)
            };
            if let Some(why) = why {
                return Err(RetryError {
                    why,
                    attempts: number,
                    last,
                });
            }
        }
    }

    /// Waits after attempt `number`.
    fn pause(&self, number: u32) -> Option<GaveUp> {
        let until = Deadline::after(self.length(number));
        if until > self.deadline {
            return Some(GaveUp::TimedOut);
        }
        match Wait::begin(Reason::Sleep, ptr::null()).park(until, self.stop) {
            // Timers may be late, and so may be whoever waits for one.
            Outcome::TimedOut | Outcome::Woken => {
                self.deadline.is_past().then_some(GaveUp::TimedOut)
            }
            Outcome::Canceled => Some(GaveUp::Canceled),
            Outcome::Stopped => Some(GaveUp::Stopped),
        }
    }

    /// How long the pause after attempt `number` is.
    fn length(&self, number: u32) -> Duration {
        let grown = self.base.as_secs_f64() * self.factor.max(0.0).powf(f64::from(number) - 1.0);
        let whole = grown.min(self.cap.as_secs_f64());
        let seed = self.seed.unwrap_or_else(|| current::unit().life());
        let left_out = whole * self.jitter * fraction(seed, number);
        Duration::try_from_secs_f64(whole - left_out).unwrap_or(self.cap)
    }
}

/// A number of 0 to 1 that the seed and the attempt decide.
///
/// Source: the finalizer of `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
fn fraction(seed: u64, number: u32) -> f64 {
    let mut z = seed.wrapping_add(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_cap_and_shrink_by_chance_that_the_seed_decides() {
        let exact = Retry::new()
            .base(Duration::from_millis(10))
            .cap(Duration::from_millis(35))
            .jitter(0.0);
        let lengths = [1, 2, 3, 4].map(|number| exact.length(number).as_millis());
        assert_eq!(lengths, [10, 20, 35, 35]);
        let by_chance = exact.clone().jitter(0.5).seed(7);
        for number in 1..=4 {
            let (length, whole) = (by_chance.length(number), exact.length(number));
            assert!(length <= whole && length >= whole / 2, "{length:?}");
            assert_eq!(length, by_chance.clone().length(number));
        }
        assert_ne!(by_chance.length(1), by_chance.clone().seed(8).length(1));
    }
}
