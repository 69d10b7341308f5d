//! Cancellation: a request with a reason, which every wait of the fiber that is asked reports.
//!
//! The first to ask decides the reason. Where that is said, the state word of the task tells (see
//! `task::state`), so that a request without words, such as a shutdown sends to everybody, costs no memory.
//!
//! Note \[Passed on\]: a fiber whose joined child runs on its stack cannot go on before that is over, so its cancellation
//! is the child's, too: else its join could not be canceled at all. A child that leaves the stack for the first time
//! says so to the fiber below, and that one to the one below it. Whoever cancels asks first, and then looks for who is on top;
//! the child shows itself first, and then looks whether it was asked. What is shown is an id, so it may be stale.

use crate::{
    id::{FiberId, Stale},
    reach::Reach,
    task::{
        Task, flags, poll, slab,
        state::{Cause, DONE},
    },
    worker::current_task,
};
use std::{cell::Cell, fmt, marker::PhantomData, sync::Arc};
use vitte_wait::{
    current,
    facade::atomic::{Ordering::*, fence},
    local::FiberLocal,
};

/// Why a fiber was asked to stop: a number, and perhaps a text.
///
/// Numbers from zero on are the embedder's, and zero is what a request without a reason has; those below
/// are this library's.
///
/// ```
/// use vitte_scheduler::CancelReason;
///
/// let reason = CancelReason::new(7).because("the request timed out");
/// assert_eq!((reason.code(), reason.text()), (7, Some("the request timed out")));
/// assert_eq!(reason.to_string(), "the request timed out (reason 7)");
/// assert_eq!(CancelReason::SHUTDOWN.to_string(), "the runtime shuts down");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CancelReason {
    code: i32,
    text: Option<Arc<str>>,
}

impl CancelReason {
    /// Nothing was said.
    pub const UNNAMED: Self = Self::new(0);
    /// The runtime shuts down.
    pub const SHUTDOWN: Self = Self::new(-1);
    /// It used up a slice, and the slice handler said so.
    pub const SLICE: Self = Self::new(-2);
    /// It is to be ended without its consent.
    pub const KILLED: Self = Self::new(-3);
    /// Another member of its group, scope or race has failed.
    pub const SIBLING: Self = Self::new(-4);
    /// Another was first, so nobody needs it any more.
    pub const LOST: Self = Self::new(-5);
    /// What it belongs to is over, or was dropped.
    pub const ABANDONED: Self = Self::new(-6);

    /// A reason with a number only.
    ///
    /// ```
    /// use vitte_scheduler::CancelReason;
    ///
    /// const QUOTA: CancelReason = CancelReason::new(12);
    /// assert_eq!(QUOTA.code(), 12);
    /// ```
    #[must_use]
    pub const fn new(code: i32) -> Self {
        Self { code, text: None }
    }

    /// The same with a text.
    ///
    /// ```
    /// use vitte_scheduler::CancelReason;
    ///
    /// let reason = CancelReason::new(12).because("too much memory");
    /// assert_eq!(reason.to_string(), "too much memory (reason 12)");
    /// ```
    #[must_use]
    pub fn because(self, text: impl Into<Arc<str>>) -> Self {
        Self {
            text: Some(text.into()),
            ..self
        }
    }

    /// The number.
    ///
    /// ```
    /// use vitte_scheduler::CancelReason;
    ///
    /// assert_eq!(CancelReason::from(7).code(), 7);
    /// assert!(CancelReason::SHUTDOWN.code() < 0, "this library's own");
    /// ```
    #[must_use]
    pub const fn code(&self) -> i32 {
        self.code
    }

    /// The text, if there is one.
    ///
    /// ```
    /// use vitte_scheduler::CancelReason;
    ///
    /// assert_eq!(CancelReason::from("too late").text(), Some("too late"));
    /// assert_eq!(CancelReason::from(7).text(), None);
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn own_text(&self) -> Option<&'static str> {
        Some(match self.code {
            0 => "it was canceled",
            -1 => "the runtime shuts down",
            -2 => "its time was used up",
            -3 => "it was killed",
            -4 => "another of its group failed",
            -5 => "another was first",
            -6 => "what it belonged to is over",
            _ => return None,
        })
    }

    /// What the state of a task says of it; `None` if it was not canceled.
    fn of(task: &Task) -> Option<Self> {
        Some(match task.state.cause() {
            Cause::None => return None,
            Cause::Unnamed => Self::UNNAMED,
            Cause::Shutdown => Self::SHUTDOWN,
            Cause::Slice => Self::SLICE,
            Cause::Killed => Self::KILLED,
            Cause::Named => {
                let said = task.cold().and_then(|cold| cold.reason.get());
                said.cloned().unwrap_or_default()
            }
        })
    }

    fn cause(&self) -> Cause {
        match (self.code, &self.text) {
            (0, None) => Cause::Unnamed,
            (-1, None) => Cause::Shutdown,
            (-2, None) => Cause::Slice,
            (-3, None) => Cause::Killed,
            _ => Cause::Named,
        }
    }
}

impl From<i32> for CancelReason {
    fn from(code: i32) -> Self {
        Self::new(code)
    }
}

impl From<&str> for CancelReason {
    fn from(text: &str) -> Self {
        Self::default().because(text)
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text(), self.own_text()) {
            (Some(text), _) if self.code == 0 => f.write_str(text),
            (Some(text), Some(own)) => write!(f, "{text} ({own})"),
            (Some(text), None) => write!(f, "{text} (reason {})", self.code),
            (None, Some(own)) => f.write_str(own),
            (None, None) => write!(f, "it was canceled (reason {})", self.code),
        }
    }
}

impl Task {
    /// Asks the task to stop, for the reason that has a number. By anybody, see [`State::decide`]; so not those who run on top of
    /// it, whom only its cold part names, which may be freed meanwhile.
    ///
    /// [`State::decide`]: crate::task::state::State::decide
    pub(crate) fn cancel(&'static self, cause: Cause) {
        debug_assert!(!matches!(cause, Cause::None | Cause::Named));
        self.state.decide(cause);
        self.ask_to_stop();
    }

    /// Asks the task to stop, for whatever reason. By whoever runs it, has its handle, or holds the state's
    /// lock.
    pub(crate) fn cancel_for(&'static self, reason: CancelReason) {
        let cause = reason.cause();
        // What another has said there before is as good as decided.
        if cause == Cause::Named && self.state.cause() == Cause::None {
            let _ = self.cold_or_new().reason.set(reason);
        }
        self.state.decide(cause);
        self.ask_to_stop();
        self.pass_on();
    }

    fn ask_to_stop(&'static self) {
        self.hot.poll.fetch_or(poll::CANCEL, Relaxed);
        self.unit.cancel();
    }

    /// Cancels who runs on top of the task, which was canceled just now. As for `cancel_for`.
    fn pass_on(&'static self) {
        // Ordering: SeqCst, store-load pair: the request above, who is on top. Partner: the fence in `show_below`.
        fence(SeqCst);
        let Some(cold) = self.cold().filter(|_| self.unit.is_canceled()) else {
            return;
        };
        if let Some(top) = FiberId::from_bits(cold.on_top.load(Relaxed)) {
            // Who is over need not stop.
            let _ = cancel_for(top, self.cancel_reason().unwrap_or_default());
        }
    }

    /// Whether the joiner knows already that the task is on top of it. On the task itself.
    pub(crate) fn is_shown(&'static self, below: &'static Self) -> bool {
        let bits = self.id().to_bits();
        below
            .cold()
            .is_some_and(|cold| cold.on_top.load(Relaxed) == bits)
    }

    /// The task runs on the stack of its joiner, `below`, and is about to leave it: see Note [Passed on]. On the task
    /// itself.
    #[cold]
    pub(crate) fn show_below(&'static self, below: &'static Self) {
        let (mut top, mut below) = (self, below);
        loop {
            if top.is_shown(below) {
                // So it is for those below.
                return;
            }
            below
                .cold_or_new()
                .on_top
                .store(top.id().to_bits(), Relaxed);
            // Ordering: SeqCst, store-load pair: who is on top, the request. Partner: the fence in `pass_on`.
            fence(SeqCst);
            // Who sees the request and not the reason, which was decided before it, came first: then he is found.
            if below.unit.is_canceled()
                && let Some(reason) = below.cancel_reason()
            {
                top.cancel_for(reason);
            }
            if below.flags() & flags::INLINE == 0 {
                return;
            }
            top = below;
            // SAFETY: the link of a task that runs inline, and has another on top of it, is its joiner.
            let Some(next) = (unsafe { top.link.get().as_ref() }) else {
                return;
            };
            below = next;
        }
    }

    /// Has the task ended at its next wait. By whoever has its handle, or holds the state's lock.
    pub(crate) fn kill(&'static self) {
        self.state.decide(Cause::Killed);
        self.hot.poll.fetch_or(poll::CANCEL, Relaxed);
        self.unit.request_unwind(false);
        self.pass_on();
    }

    /// Why the task was asked to stop, if it was. As for `cancel_for`.
    pub(crate) fn cancel_reason(&self) -> Option<CancelReason> {
        CancelReason::of(self)
    }
}

/// Asks the fiber `id` to stop, without giving a reason: as [`cancel_for`].
///
/// # Errors
/// [`Stale`] if the fiber is gone.
pub fn cancel(id: FiberId) -> Result<(), Stale> {
    cancel_for(id, CancelReason::UNNAMED)
}

/// Asks the fiber `id` to stop, for a reason: its current wait ends as canceled, and so does every
/// later one, and its poll word is set. Of several reasons the first one counts. Callable from anywhere;
/// never blocks.
///
/// It is a request: the fiber ends when its body does. One that has not begun begins all the same, and finds
/// itself canceled, so what it was given is always its own to clean up. If it waits for a task that it joins, and that runs
/// on its stack, that one is asked, too, for it cannot go on before.
///
/// # Errors
/// [`Stale`] if the fiber is gone.
///
/// ```
/// use vitte_scheduler::{CancelReason, Config, Scheduler, SpawnOptions, cancel_for, cancel_reason, park};
/// use vitte_wait::{Deadline, Outcome};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let parked = scheduler.spawn(&SpawnOptions::default(), || {
///     assert_eq!(park(Deadline::NEVER), Outcome::Canceled);
///     cancel_reason()
/// });
/// cancel_for(parked.id().unwrap(), CancelReason::new(3).because("no longer wanted"))?;
/// cancel_for(parked.id().unwrap(), 4)?; // too late
/// let reason = parked.join()?.unwrap();
/// assert_eq!((reason.code(), reason.text()), (3, Some("no longer wanted")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cancel_for(id: FiberId, reason: impl Into<CancelReason>) -> Result<(), Stale> {
    let reason = reason.into();
    let task = slab::find(id.slot()).ok_or(Stale)?;
    let _locked = task.state.lock(id.generation()).ok_or(Stale)?;
    task.cancel_for(reason);
    Ok(())
}

/// Why a fiber cannot be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KillError {
    /// The fiber is gone.
    Stale,
    /// It runs on the stack of the fiber that joins it, and cannot be ended without that: it is canceled.
    OnJoiner,
}

impl fmt::Display for KillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => Stale.fmt(f),
            Self::OnJoiner => f.write_str(
                "the fiber runs on the stack of its joiner, and is only canceled: kill the joiner",
            ),
        }
    }
}

impl std::error::Error for KillError {}

/// Ends the fiber `id` without its consent. Its wait ends as canceled, and at the next one it is unwound, so
/// that its destructors run; one that has not begun does not begin. Callable from anywhere; never blocks.
///
/// The fiber is not ended while it runs and neither waits nor yields, while it [masks](CancelMask) cancellation, while it waits
/// for those who use its frames (of a scope, or the second half of a join), or in a destructor during a panic. Code that catches the panic, [`Unwinding`](crate::Unwinding), is
/// unwound again at the next wait. Its joiner gets [`JoinError::Killed`](crate::JoinError::Killed).
///
/// A fiber of [`spawn_raw`](crate::Scheduler::spawn_raw), whose frames cannot unwind, makes the calls that it has
/// [put off](crate::defer) instead, and then its stack is given up as it is. That it does where it would return
/// into such a frame from a canceled wait, if the code there asks for it (see [`give_up_if_killed`](crate::give_up_if_killed)), and where
/// it would begin another.
///
/// # Errors
/// [`KillError`].
///
/// ```
/// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions, kill, park};
/// use vitte_wait::Deadline;
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let stubborn = scheduler.spawn(&SpawnOptions::default(), || loop {
///     let _ = park(Deadline::NEVER);
/// });
/// kill(stubborn.id().unwrap())?;
/// assert!(matches!(stubborn.join(), Err::<(), _>(JoinError::Killed(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn kill(id: FiberId) -> Result<(), KillError> {
    let task = slab::find(id.slot()).ok_or(KillError::Stale)?;
    let locked = task.state.lock(id.generation());
    let locked = locked.ok_or(KillError::Stale)?;
    let inline = flags::NO_UNWIND | flags::INLINE;
    let on_joiner = || locked.now() & DONE == 0 && task.flags() & inline == inline;
    // Asked before as well: its wait ends by this, and it may be over by the time we look.
    let before = on_joiner();
    task.kill();
    if before || on_joiner() {
        return Err(KillError::OnJoiner);
    }
    Ok(())
}

/// Why the caller, a fiber or a thread, was asked to stop, whether it masks that or not. `None` if it was not.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, cancel_for, cancel_reason, current_id};
///
/// let scheduler = Scheduler::start(Config::default())?;
/// let task = scheduler.spawn(&SpawnOptions::default(), || {
///     assert_eq!(cancel_reason(), None);
///     cancel_for(current_id().unwrap(), "enough").unwrap();
///     cancel_reason()
/// });
/// assert_eq!(task.join()?.unwrap().text(), Some("enough"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn cancel_reason() -> Option<CancelReason> {
    match current_task() {
        Some((_, task)) => task.cancel_reason(),
        // Nobody cancels a thread without saying why, but the scheduler that it is attached to.
        None => Reach::reason_here().or_else(|| {
            let asked = current::unit().is_cancel_requested();
            asked.then_some(CancelReason::SHUTDOWN)
        }),
    }
}

/// Masks or unmasks cancellation for the caller, and returns whether it was masked, to be given back.
/// While it is, waits run their course. See [`CancelMask`].
pub fn mask_cancel(masked: bool) -> bool {
    current::unit().mask_cancel(masked)
}

/// While it lives, the calling fiber does not heed its cancellation: its waits run their course. For code
/// that has to wait while it cleans up. They nest, in whatever order they are dropped.
///
/// ```
/// use vitte_scheduler::{CancelMask, Config, Scheduler, SpawnOptions, sleep_until};
/// use vitte_wait::{Deadline, Outcome};
/// use std::time::Duration;
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let soon = || Deadline::after(Duration::from_millis(1));
/// let task = scheduler.spawn(&SpawnOptions::default(), move || {
///     assert_eq!(sleep_until(Deadline::NEVER), Outcome::Canceled);
///     let masked = CancelMask::new();
///     assert_eq!(sleep_until(soon()), Outcome::TimedOut);
///     drop(masked);
///     assert_eq!(sleep_until(soon()), Outcome::Canceled);
/// });
/// task.cancel();
/// task.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "cancellation is masked until this is dropped"]
pub struct CancelMask {
    /// It belongs to whoever made it.
    _own: PhantomData<*const ()>,
}

/// How many masks of the unit live, and whether it masked cancellation before the first of them.
static MASKS: FiberLocal<Cell<(usize, bool)>> = FiberLocal::new(Cell::default);

impl CancelMask {
    /// Masks cancellation for the caller.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_scheduler::{CancelMask, Config, Scheduler, SpawnOptions, sleep_until};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let tidies = scheduler.spawn(&SpawnOptions::default(), || {
    ///     let _masked = CancelMask::new();
    ///     sleep_until(Deadline::after(Duration::from_millis(1)))
    /// });
    /// tidies.cancel();
    /// assert_eq!(tidies.join()?, Outcome::TimedOut, "it was not canceled");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(clippy::new_without_default, reason = "it does something to its maker")]
    pub fn new() -> Self {
        let masked = mask_cancel(true);
        MASKS.with(|masks| {
            let (count, before) = masks.get();
            masks.set((count + 1, if count == 0 { masked } else { before }));
        });
        Self { _own: PhantomData }
    }
}

impl Drop for CancelMask {
    fn drop(&mut self) {
        let last = MASKS.with(|masks| {
            let (count, before) = masks.get();
            masks.set((count.saturating_sub(1), before));
            (count <= 1).then_some(before)
        });
        if let Some(before) = last {
            mask_cancel(before);
        }
    }
}
