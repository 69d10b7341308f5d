//! What a join has instead of a value: the panic of a task, its end by others, or the end of the wait.

use crate::{
    cancel::CancelReason,
    config::SpawnError,
    task::{
        Task,
        body::{self, Payload, panic_text},
        state::PANICKED,
    },
};
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};
use vitte_wait::{Outcome, facade::plain::Mutex};

/// What the storage of an ended task held, if not a value.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The task panicked.
    Panicked(Panicked),
    /// The task was never begun: this is why.
    NotStarted(SpawnError),
    /// The task was ended before it could return a value: by a shutdown, or because somebody wanted it ended.
    Killed(Killed),
    /// The deadline passed first. The task goes on, and can be joined later.
    TimedOut,
    /// The caller was canceled while it waited. The task goes on.
    Canceled,
    /// The caller's stop token was triggered while it waited. The task goes on.
    Stopped,
    /// The value was taken by an earlier call.
    Taken,
}

/// The panic of a task.
pub struct Panicked(Box<Panic>);

struct Panic {
    text: String,
    /// Behind a lock only to be `Sync`.
    payload: Mutex<Payload>,
}

impl Panicked {
    /// A panic with this payload.
    ///
    /// ```
    /// use vitte_scheduler::Panicked;
    ///
    /// let panicked = Panicked::new(Box::new("it is broken"));
    /// assert_eq!(panicked.text(), "it is broken");
    /// ```
    #[must_use]
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = panic_text(&*payload);
        Self(Box::new(Panic {
            text,
            payload: Mutex::new(payload),
        }))
    }

    /// Calls `body`.
    ///
    /// # Errors
    /// Its panic.
    ///
    /// ```
    /// use vitte_scheduler::Panicked;
    ///
    /// assert_eq!(Panicked::catch(|| 6 * 7).unwrap(), 42);
    /// let panicked = Panicked::catch(|| panic!("it is broken")).unwrap_err();
    /// assert_eq!(panicked.text(), "it is broken");
    /// ```
    pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(body)).map_err(Self::new)
    }

    /// The message of the panic.
    ///
    /// ```
    /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let task = scheduler.spawn(&SpawnOptions::default(), || panic!("it is broken"));
    /// match task.join() {
    ///     Err(JoinError::Panicked(panicked)) => assert_eq!(panicked.text(), "it is broken"),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    pub(super) fn into_text(self) -> String {
        self.0.text
    }

    /// What the task panicked with, to be passed on with [`std::panic::resume_unwind`].
    ///
    /// ```
    /// use vitte_scheduler::Panicked;
    ///
    /// let panicked = Panicked::catch(|| std::panic::panic_any(7)).unwrap_err();
    /// assert_eq!(panicked.into_payload().downcast_ref(), Some(&7));
    /// ```
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload.into_inner()
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panicked")
            .field("text", &self.0.text)
            .finish_non_exhaustive()
    }
}

/// The end of a task that neither returned nor panicked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Killed(Option<Box<CancelReason>>);

impl Killed {
    pub(super) fn of(task: &Task) -> Self {
        Self(task.cancel_reason().map(Box::new))
    }

    /// Why it was ended, if anybody asked it to stop.
    ///
    /// ```
    /// use vitte_scheduler::{CancelReason, Config, JoinError, Scheduler, SpawnOptions, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || loop {
    ///     let _ = park(Deadline::NEVER);
    /// });
    /// parked.kill();
    /// match parked.join() {
    ///     Err::<(), _>(JoinError::Killed(killed)) => assert_eq!(killed.reason(), Some(&CancelReason::KILLED)),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    #[must_use]
    pub fn reason(&self) -> Option<&CancelReason> {
        self.0.as_deref()
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was ended before it could return")?;
        match self.reason() {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl JoinError {
    pub(super) fn of(bits: u64, task: &'static Task) -> Self {
        if bits & PANICKED == 0 {
            return Self::Killed(Killed::of(task));
        }
        // SAFETY: it has panicked, and the caller is the one to take the payload.
        Self::of_payload(unsafe { body::take_panic(task) })
    }

    fn of_payload(payload: Payload) -> Self {
        match payload.downcast::<SpawnError>() {
            Ok(error) => Self::NotStarted(*error),
            Err(payload) => Self::Panicked(Panicked::new(payload)),
        }
    }

    pub(super) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::TimedOut | Outcome::Woken => Self::TimedOut,
            Outcome::Canceled => Self::Canceled,
            Outcome::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => write!(f, "the task panicked: {}", panicked.text()),
            Self::NotStarted(error) => write!(f, "the task was never begun: {error}"),
            Self::Killed(killed) => killed.fmt(f),
            Self::TimedOut => f.write_str("the task did not end before the deadline; it goes on"),
            Self::Canceled => f.write_str("the wait for the task was canceled; the task goes on"),
            Self::Stopped => f.write_str("the wait for the task was stopped; the task goes on"),
            Self::Taken => f.write_str("the value of the task was taken before"),
        }
    }
}

impl std::error::Error for JoinError {}
