//! Groups: fibers that end before what they belong to.

use crate::{
    Runtime,
    together::{Board, MemberError, MemberResult},
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use vitte_scheduler::{
    CancelReason, JoinError, Killed, Panicked, Scheduler, SpawnOptions, Unwinding, mask_cancel,
};
use vitte_sync::{OwnedPermit, Semaphore, WaitError, WaitGroup};
use vitte_wait::{Deadline, Outcome, StopToken};

/// Fibers whose ends are waited for together. `T` is what a member returns, `E` what it fails with.
///
/// A group does not end before its members: dropping it cancels them, with [`CancelReason::ABANDONED`], and
/// waits until they are over.
///
/// ```
/// use vitte_threads::{Group, Runtime};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let group = Group::on(&runtime).limit(2);
/// for n in 0..5 {
///     group.spawn(move || if n == 3 { Err("three") } else { Ok(n) })?;
/// }
/// let ends = group.join_all();
/// assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 4);
/// assert_eq!(ends[3].as_ref().unwrap_err().to_string(), "three");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Group<T: Send + 'static, E: Send + 'static> {
    scheduler: Scheduler,
    core: Arc<Core<T, E>>,
    limit: Option<Arc<Semaphore>>,
    cancels_rest: bool,
}

struct Core<T, E> {
    board: Board,
    live: Arc<WaitGroup>,
    ends: Mutex<Vec<Option<MemberResult<T, E>>>>,
}

impl<T, E> Core<T, E> {
    fn ends(&self) -> MutexGuard<'_, Vec<Option<MemberResult<T, E>>>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A member was not spawned; the body comes back.
pub struct NotSpawned<F> {
    /// The body.
    pub body: F,
    /// Why: what ended the wait for room, or `None` if there is none and nobody waited.
    pub outcome: Option<Outcome>,
}

impl<F> fmt::Debug for NotSpawned<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotSpawned")
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for NotSpawned<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.outcome {
            None => "the group has as many live members as it may have",
            Some(Outcome::TimedOut | Outcome::Woken) => "there was no room in the group in time",
            Some(Outcome::Canceled) => {
                "the caller was canceled while he waited for room in the group"
            }
            Some(Outcome::Stopped) => {
                "the caller was stopped while he waited for room in the group"
            }
        })
    }
}

impl<F> std::error::Error for NotSpawned<F> {}

/// Says what a member ended with, at the latest when it is dropped, and then that it is over.
struct Leaving<T, E> {
    core: Arc<Core<T, E>>,
    index: usize,
    cancels_rest: bool,
    said: bool,
    // Dropped in this order, after the above was done.
    _permit: Option<OwnedPermit>,
    _member: vitte_sync::Member,
}

impl<T, E> Leaving<T, E> {
    fn say(&mut self, end: MemberResult<T, E>) {
        self.said = true;
        let failed = end.is_err();
        self.core.ends()[self.index] = Some(end);
        if failed && self.cancels_rest {
            self.core.board.decide(self.index, CancelReason::SIBLING);
        }
    }
}

impl<T, E> Drop for Leaving<T, E> {
    fn drop(&mut self) {
        if !self.said {
            self.say(Err(MemberError::Ended(
                JoinError::Killed(Killed::default()),
            )));
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> Group<T, E> {
    /// A group of fibers of `runtime`, without a limit, in which members do not mind each other's failures.
    #[must_use]
    pub fn on(runtime: &Runtime) -> Self {
        Self::of(runtime.scheduler().clone())
    }

    /// A group of fibers of the runtime whose fiber calls. `None` on a plain thread.
    #[must_use]
    pub fn here() -> Option<Self> {
        Some(Self::of(Scheduler::current()?))
    }

    fn of(scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            core: Arc::new(Core {
                board: Board::default(),
                live: Arc::new(WaitGroup::new()),
                ends: Mutex::default(),
            }),
            limit: None,
            cancels_rest: false,
        }
    }

    /// At most so many members live at a time: spawning another waits. To be said before the first spawn.
    #[must_use]
    pub fn limit(mut self, members: usize) -> Self {
        self.limit = Some(Arc::new(Semaphore::new(members)));
        self
    }

    /// The first member that fails, by an error or a panic, cancels the others, and those that are spawned
    /// later. To be said before the first spawn.
    #[must_use]
    pub fn cancel_on_failure(mut self) -> Self {
        self.cancels_rest = true;
        self
    }

    /// Spawns a member, once there is room; returns its place among them. What it ended with, also if it could
    /// not be begun, is found by [`join_all`](Self::join_all).
    ///
    /// # Errors
    /// [`NotSpawned`] with the body if the caller is canceled while he waits for room.
    ///
    /// # Blocking
    /// While there are as many live members as the limit says. A fiber suspends, a thread sleeps.
    pub fn spawn<F>(&self, body: F) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.spawn_with(Deadline::NEVER, None, body)
    }

    /// As [`spawn`](Self::spawn), but waits for room no longer than said.
    ///
    /// # Errors
    /// [`NotSpawned`] with the body.
    ///
    /// # Blocking
    /// As [`spawn`](Self::spawn).
    pub fn spawn_with<F>(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
        body: F,
    ) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        use vitte_sync::AcquireUntilError as Error;
        let permit = match &self.limit {
            None => Ok(None),
            Some(limit) => limit.acquire_many_owned_with(1, deadline, stop).map(Some),
        };
        match permit {
            Ok(permit) => Ok(self.begin(permit, body)),
            Err(error) => Err(NotSpawned {
                body,
                outcome: Some(match error {
                    Error::TimedOut => Outcome::TimedOut,
                    Error::Stopped => Outcome::Stopped,
                    _ => Outcome::Canceled,
                }),
            }),
        }
    }

    /// As [`spawn`](Self::spawn), but never waits.
    ///
    /// # Errors
    /// [`NotSpawned`] with the body, if there is no room.
    pub fn try_spawn<F>(&self, body: F) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let permit = match &self.limit {
            None => None,
            Some(limit) => match limit.try_acquire_many_owned(1) {
                Ok(permit) => Some(permit),
                Err(_) => {
                    return Err(NotSpawned {
                        body,
                        outcome: None,
                    });
                }
            },
        };
        Ok(self.begin(permit, body))
    }

    fn begin<F>(&self, permit: Option<OwnedPermit>, body: F) -> usize
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let index = {
            let mut ends = self.core.ends();
            ends.push(None);
            ends.len() - 1
        };
        let mut leaving = Leaving {
            core: Arc::clone(&self.core),
            index,
            cancels_rest: self.cancels_rest,
            said: false,
            _permit: permit,
            _member: self.core.live.member(),
        };
        let run = move || match catch_unwind(AssertUnwindSafe(body)) {
            Ok(result) => leaving.say(result.map_err(MemberError::Failed)),
            Err(payload) if payload.is::<Unwinding>() => {
                drop(leaving);
                resume_unwind(payload);
            }
            Err(payload) => leaving.say(Err(MemberError::Ended(JoinError::Panicked(
                Panicked::new(payload),
            )))),
        };
        let handle = self.scheduler.spawn(&SpawnOptions::default(), run);
        match handle.id() {
            Some(id) => self.core.board.enter(id),
            None => {
                if let Err(error) = handle.join() {
                    self.core.ends()[index] = Some(Err(MemberError::Ended(error)));
                }
            }
        }
        index
    }

    /// How many members live.
    #[must_use]
    pub fn live(&self) -> usize {
        self.core.live.count()
    }

    /// Asks all members to stop, those too that are spawned later. Never blocks.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.core.board.end(reason.into());
    }

    /// Whether the members were asked to stop.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.core.board.is_over()
    }

    /// Waits until no member lives.
    ///
    /// # Errors
    /// [`WaitError`]: what ended the wait first. The members go on.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        self.core.live.wait_with(deadline, stop)
    }

    vitte_wait::timed_forms! { wait_with() -> Result<(), WaitError>: wait_until wait_timeout wait_or_stop }

    /// Waits until no member lives, whatever happens, and tells what each ended with, in the order in which they
    /// were spawned.
    ///
    /// # Cancellation
    /// Of the caller: the members are canceled too, and waited for.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    #[must_use]
    pub fn join_all(self) -> Vec<MemberResult<T, E>> {
        if self.wait_with(Deadline::NEVER, None).is_err() {
            self.cancel(crate::together::reason_of(Outcome::Canceled));
        }
        self.wait_whatever_happens();
        let ends = std::mem::take(&mut *self.core.ends());
        ends.into_iter().flatten().collect()
    }

    fn wait_whatever_happens(&self) {
        let masked = mask_cancel(true);
        let _ = self.wait_with(Deadline::NEVER, None);
        mask_cancel(masked);
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for Group<T, E> {
    fn drop(&mut self) {
        if self.live() > 0 {
            self.cancel(CancelReason::ABANDONED);
            self.wait_whatever_happens();
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> fmt::Debug for Group<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("live", &self.live())
            .field("canceled", &self.is_canceled())
            .finish_non_exhaustive()
    }
}
