//! Once: something is done by one, and the others wait until it is done.
//!
//! ```text
//! | awaited | done | running |
//! ```
//!
//! An attempt that fails leaves the word as if it had not begun, and those who waited for it compete
//! for the next. See Note [Awaited flags].

use crate::{
    OnceError, OnceUntilError,
    forms::const_new,
    line::{Inside, Line, Waited, object},
};
use std::{convert::Infallible, fmt, ptr};
use vitte_wait::{
    Deadline, Reason, StopToken, Unit, Wait, current,
    facade::atomic::{AtomicPtr, AtomicU32, Ordering::*},
    timed_forms,
};

const RUNNING: u32 = 1;
const DONE: u32 = 2;
const AWAITED: u32 = 4;

/// Something to be done once.
///
/// # Blocking
/// While another does it, the caller waits: a fiber suspends, a thread sleeps.
///
/// # Cancellation
/// One that is canceled while it waits for another's attempt leaves it alone.
///
/// ```
/// use vitte_sync::{Once, OnceError};
///
/// static ONCE: Once = Once::new();
/// let mut times = 0;
/// for _ in 0..2 {
///     ONCE.call_once(|| times += 1).unwrap();
/// }
/// assert_eq!(times, 1);
///
/// let knot = Once::new();
/// let inner = knot.call_once(|| assert_eq!(knot.call_once(|| ()), Err(OnceError::Reentrant)));
/// assert_eq!(inner, Ok(()));
/// ```
pub struct Once {
    state: AtomicU32,
    /// Who is at it; null if nobody is. Written by that unit alone.
    runner: AtomicPtr<Unit>,
    line: Line<()>,
}

/// For how long, and how, somebody is willing to wait for another's attempt.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'a> {
    pub(crate) deadline: Deadline,
    pub(crate) stop: Option<&'a StopToken>,
    pub(crate) is_cancelable: bool,
}

impl Patience<'_> {
    pub(crate) const ENDLESS: Self = Self {
        deadline: Deadline::NEVER,
        stop: None,
        is_cancelable: true,
    };
}

impl Once {
    const_new! {
        /// Not done yet.
        ///
        /// ```
        /// use vitte_sync::Once;
        ///
        /// static SETUP: Once = Once::new();
        /// assert!(!SETUP.is_completed());
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self {
                state: AtomicU32::new(0),
                runner: AtomicPtr::new(ptr::null_mut()),
                line: Line::new(()),
            }
        }
    }

    /// Whether it is done; what was done is visible then.
    ///
    /// ```
    /// use vitte_sync::Once;
    ///
    /// let once = Once::new();
    /// once.call_once(|| ()).unwrap();
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_completed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `Attempt::drop`.
        self.state.load(Acquire) & DONE != 0
    }

    /// Does it, unless it is done; if another is at it, waits for that attempt. Afterwards it is
    /// done.
    ///
    /// If `init` panics it is not done, the panic goes on to the caller, and one of those who wait
    /// tries with its own.
    ///
    /// # Errors
    /// [`OnceError::Reentrant`] if the caller is at it already; [`OnceError::Canceled`] if it is
    /// canceled while it waits.
    ///
    /// ```
    /// use vitte_sync::Once;
    ///
    /// let (once, mut times) = (Once::new(), 0);
    /// once.call_once(|| times += 1).unwrap();
    /// once.call_once(|| times += 1).unwrap();
    /// assert_eq!(times, 1);
    /// ```
    #[inline]
    pub fn call_once(&self, init: impl FnOnce()) -> Result<(), OnceError> {
        if self.is_completed() {
            return Ok(());
        }
        self.call_once_with(init, Deadline::NEVER, None)
            .map_err(OnceUntilError::of_untimed)
    }

    /// [`call_once`](Self::call_once); waits for another's attempt until `deadline`, or until
    /// `stop` is triggered. One's own attempt runs its course.
    ///
    /// # Errors
    /// As [`call_once`](Self::call_once), and [`OnceUntilError::TimedOut`] or
    /// [`OnceUntilError::Stopped`].
    ///
    /// ```
    /// use vitte_sync::Once;
    /// use vitte_wait::Deadline;
    ///
    /// let (once, mut times) = (Once::new(), 0);
    /// // Nobody else is at it, so there is nothing to wait for.
    /// once.call_once_with(|| times += 1, Deadline::NOW, None).unwrap();
    /// assert_eq!(times, 1);
    /// ```
    pub fn call_once_with(
        &self,
        init: impl FnOnce(),
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), OnceUntilError> {
        let init = || {
            init();
            Ok(())
        };
        let patience = Patience {
            deadline,
            stop,
            ..Patience::ENDLESS
        };
        let Ok(()) = self.run::<Infallible>(init, patience)?;
        Ok(())
    }

    /// Waits until it is done, by whomever.
    ///
    /// # Errors
    /// As [`call_once`](Self::call_once).
    ///
    /// ```
    /// use vitte_sync::Once;
    ///
    /// static SETUP: Once = Once::new();
    /// std::thread::spawn(|| SETUP.call_once(|| ()));
    /// assert_eq!(SETUP.wait(), Ok(()));
    /// ```
    pub fn wait(&self) -> Result<(), OnceError> {
        self.wait_with(Deadline::NEVER, None)
            .map_err(OnceUntilError::of_untimed)
    }

    /// Waits until it is done, by whomever; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// As [`call_once_with`](Self::call_once_with).
    ///
    /// ```
    /// use vitte_sync::{Once, OnceUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let ended = Once::new().wait_with(Deadline::NOW, None);
    /// assert_eq!(ended, Err(OnceUntilError::TimedOut));
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), OnceUntilError> {
        let patience = Patience {
            deadline,
            stop,
            ..Patience::ENDLESS
        };
        while !self.is_completed() {
            self.wait_in_line(patience, false)?;
        }
        Ok(())
    }

    timed_forms! {
        wait_with() -> Result<(), OnceUntilError>:
        wait_until wait_timeout wait_or_stop
        in vitte_wait
        /// use vitte_sync::{Once, OnceUntilError};
        ///
        /// let once = Once::new();
        "once." () => Err(OnceUntilError)
    }

    /// Begins an attempt, if none is on and it is not done.
    pub(crate) fn try_begin(&self) -> Option<Attempt<'_>> {
        let mut now = self.state.load(Relaxed);
        while now & (RUNNING | DONE) == 0 {
            // Ordering: Acquire. What an attempt that failed has left is visible to the next.
            // Partner: the Release in `Attempt::drop`.
            match self
                .state
                .compare_exchange_weak(now, now | RUNNING, Acquire, Relaxed)
            {
                Ok(_) => {
                    let unit = ptr::from_ref(current::unit()).cast_mut();
                    self.runner.store(unit, Relaxed);
                    return Some(Attempt {
                        once: self,
                        is_done: false,
                    });
                }
                Err(other) => now = other,
            }
        }
        None
    }

    /// Does it with `init`, unless it is or becomes done otherwise. The inner error is `init`'s.
    pub(crate) fn run<E>(
        &self,
        init: impl FnOnce() -> Result<(), E>,
        patience: Patience<'_>,
    ) -> Result<Result<(), E>, OnceUntilError> {
        while !self.is_completed() {
            if let Some(mut attempt) = self.try_begin() {
                // Unwind: the attempt ends as not done.
                let result = init();
                attempt.is_done = result.is_ok();
                return Ok(result);
            }
            self.wait_in_line(patience, true)?;
        }
        Ok(Ok(()))
    }

    /// Waits until it is done, or, for one who would do it, until nobody is at it.
    #[cold]
    fn wait_in_line(&self, patience: Patience<'_>, would_do: bool) -> Result<(), OnceUntilError> {
        // Ordering: Relaxed. If it is us who are at it, we have written that ourselves.
        if ptr::eq(self.runner.load(Relaxed), current::unit()) {
            return Err(OnceUntilError::Reentrant);
        }
        let wait = if patience.is_cancelable {
            Wait::begin(Reason::Lock, object(self))
        } else {
            Wait::begin_uncancelable(Reason::Lock, object(self))
        };
        let arm = |_: &mut Inside<()>| {
            let mut now = self.state.load(Relaxed);
            loop {
                if now & DONE != 0 || (would_do && now & RUNNING == 0) {
                    return false;
                }
                match self
                    .state
                    .compare_exchange_weak(now, now | AWAITED, Relaxed, Relaxed)
                {
                    Ok(_) => return true,
                    Err(other) => now = other,
                }
            }
        };
        let leave = |inside: &mut Inside<()>| {
            if inside.queue.is_empty() {
                self.state.fetch_and(!AWAITED, Relaxed);
            }
        };
        let terms = (patience.deadline, patience.stop);
        match self.line.wait(wait, ptr::null_mut(), terms, arm, leave) {
            Waited::No => Ok(()),
            Waited::Popped(outcome) | Waited::Left(outcome) => OnceUntilError::of_ended(outcome),
        }
    }
}

/// An attempt that is on.
pub(crate) struct Attempt<'a> {
    once: &'a Once,
    pub(crate) is_done: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.once.runner.store(ptr::null_mut(), Relaxed);
        let new = if self.is_done { DONE } else { 0 };
        // Ordering: Release. What was done is visible to whoever sees that it is. Partner: the
        // Acquire in `is_completed`, or in `try_begin`.
        if self.once.state.swap(new, Release) & AWAITED != 0 {
            // Those who still have to wait arm themselves anew.
            self.once.line.wake_all(|()| {});
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.state.load(Relaxed);
        f.debug_struct("Once")
            .field("completed", &(now & DONE != 0))
            .field("running", &(now & RUNNING != 0))
            .finish()
    }
}
