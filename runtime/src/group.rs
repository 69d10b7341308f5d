//! Groups: fibers that end before what they belong to.

use crate::{
    Members, Place, Runtime,
    together::{MemberError, MemberResult},
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use vitte_scheduler::{
    CancelReason, JoinError, Killed, Panicked, Scheduler, SpawnOptions, Unwinding, current_id,
};
use vitte_sync::WaitError;
use vitte_wait::{Deadline, Outcome, StopToken, timed_forms};

/// Fibers whose ends are waited for together. `T` is what a member returns, `E` what it fails with.
///
/// A group does not end before its members, and what they have [put off](crate::defer): dropping it cancels them, with
/// [`CancelReason::ABANDONED`], and waits until they are over. If it is a panic that drops it on a fiber, or that the fiber is
/// killed, the fiber waits for them when it has been unwound, before it ends. If it is one of its own members that drops it,
/// the last of those who share it, the others are canceled and nobody is waited for: he would wait for himself.
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
    members: Arc<Members>,
    ends: Arc<Ends<T, E>>,
    cancels_rest: bool,
}

/// What each ended with, in the order in which they were spawned. `None`: it lives.
struct Ends<T, E>(Mutex<Vec<Option<MemberResult<T, E>>>>);

impl<T, E> Ends<T, E> {
    fn lock(&self) -> MutexGuard<'_, Vec<Option<MemberResult<T, E>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Why not all members of a group are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupWaitError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while he would have had to wait.
    Canceled,
    /// The caller's stop token was triggered first.
    Stopped,
    /// The caller is a member, and would wait for himself.
    Itself,
}

impl fmt::Display for GroupWaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the deadline passed before all members of the group were over",
            Self::Canceled => "the caller was canceled while he waited for a group",
            Self::Stopped => "the caller was stopped while he waited for a group",
            Self::Itself => "a member of a group would wait for itself",
        })
    }
}

impl std::error::Error for GroupWaitError {}

impl From<WaitError> for GroupWaitError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

/// Says what a member ended with, at the latest when it is dropped.
struct Leaving<T, E> {
    ends: Arc<Ends<T, E>>,
    index: usize,
    /// Who is canceled if it failed.
    rest: Option<Arc<Members>>,
    said: bool,
}

impl<T, E> Leaving<T, E> {
    fn say(&mut self, end: MemberResult<T, E>) {
        self.said = true;
        let failed = end.is_err();
        self.ends.lock()[self.index] = Some(end);
        if let Some(rest) = self.rest.as_ref().filter(|_| failed) {
            rest.cancel(CancelReason::SIBLING, None);
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
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime);
    /// group.spawn(|| Ok::<_, ()>(7))?;
    /// assert_eq!(group.join_all()[0].as_ref().unwrap(), &7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on(runtime: &Runtime) -> Self {
        Self::of(runtime.scheduler())
    }

    /// A group of fibers of the runtime whose fiber calls. `None` on a plain thread.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let ends = runtime.run(|| {
    ///     let group = Group::here().unwrap();
    ///     group.spawn(|| Ok::<_, ()>(7)).unwrap();
    ///     group.join_all()
    /// });
    /// assert_eq!(ends[0].as_ref().unwrap(), &7);
    /// assert!(Group::<(), ()>::here().is_none());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn here() -> Option<Self> {
        Some(Self::of(&Scheduler::current()?))
    }

    fn of(scheduler: &Scheduler) -> Self {
        Self {
            members: Members::of(scheduler, None),
            ends: Arc::new(Ends(Mutex::default())),
            cancels_rest: false,
        }
    }

    /// At most so many members live at a time: spawning another waits. To be said before the first spawn.
    ///
    /// # Panics
    /// If it is zero: whoever spawned would wait for ever.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime).limit(1);
    /// group.spawn(|| Ok::<_, ()>(park()))?;
    /// assert!(group.try_spawn(|| Ok(park())).is_err(), "there is no room");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn limit(mut self, members: usize) -> Self {
        assert!(members > 0, "a group of no room would never do anything");
        self.members = Members::of(self.members.scheduler(), Some(members));
        self
    }

    /// The first member that fails, by an error or a panic, cancels the others, and those that are spawned
    /// later. To be said before the first spawn.
    ///
    /// ```
    /// use vitte_threads::{Group, Outcome, Runtime, cancel_reason, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime).cancel_on_failure();
    /// group.spawn(|| {
    ///     assert_eq!(park(), Outcome::Canceled);
    ///     Ok(cancel_reason())
    /// })?;
    /// group.spawn(|| Err("no network"))?;
    /// let ends = group.join_all();
    /// assert_eq!(ends[1].as_ref().unwrap_err().to_string(), "no network");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// While there are as many live members as the limit says. A fiber suspends, a thread sleeps. A member that spawns
    /// another keeps its own place meanwhile: if all do, all wait, so members use [`try_spawn`](Self::try_spawn), or a deadline,
    /// or a [`JobPool`](crate::JobPool), whose jobs lend theirs.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime).limit(2);
    /// for n in 0..5 {
    ///     assert_eq!(group.spawn(move || Ok::<_, ()>(n * n))?, n); // waits while two live
    /// }
    /// let squares: Vec<_> = group.join_all().into_iter().map(Result::unwrap).collect();
    /// assert_eq!(squares, [0, 1, 4, 9, 16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<F>(&self, body: F) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.spawn_with(body, Deadline::NEVER, None)
    }

    /// As [`spawn`](Self::spawn), but waits for room no longer than said.
    ///
    /// # Errors
    /// [`NotSpawned`] with the body.
    ///
    /// # Blocking
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Group, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime).limit(1);
    /// let parks = || Ok::<_, ()>(park());
    /// group.spawn(parks)?;
    /// let late = group.spawn_timeout(parks, Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(late.outcome, Some(Outcome::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_with<F>(
        &self,
        body: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        match self.members.enter_with(deadline, stop) {
            Ok(place) => Ok(self.begin(place, body)),
            Err(outcome) => Err(NotSpawned {
                body,
                outcome: Some(outcome),
            }),
        }
    }

    timed_forms! {
        spawn_with<F: [FnOnce() -> Result<T, E> + Send + 'static]>(body: F) -> Result<usize, NotSpawned<F>>:
        spawn_until spawn_timeout spawn_or_stop
        in vitte_threads { Group, Outcome, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let group = Group::on(&runtime).limit(1);
        /// group.spawn(|| Ok::<_, ()>(park())).unwrap();
        "group." ("|| Ok(park())") => outcome
    }

    /// As [`spawn`](Self::spawn), but never waits.
    ///
    /// # Errors
    /// [`NotSpawned`] with the body, if there is no room.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime).limit(1);
    /// group.try_spawn(|| Ok::<_, ()>(park()))?;
    /// let refused = group.try_spawn(|| Ok(park())).unwrap_err();
    /// assert_eq!(refused.outcome, None, "nobody has waited");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_spawn<F>(&self, body: F) -> Result<usize, NotSpawned<F>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        match self.members.try_enter() {
            Some(place) => Ok(self.begin(place, body)),
            None => Err(NotSpawned {
                body,
                outcome: None,
            }),
        }
    }

    fn begin<F>(&self, place: Place, body: F) -> usize
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let index = {
            let mut ends = self.ends.lock();
            ends.push(None);
            ends.len() - 1
        };
        let mut leaving = Leaving {
            ends: Arc::clone(&self.ends),
            index,
            rest: self.cancels_rest.then(|| Arc::clone(&self.members)),
            said: false,
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
        let options = SpawnOptions::default();
        let scheduler = self.members.scheduler();
        let handle = scheduler.spawn_with_companion(&options, run, |id| Some(place.companion(id)));
        if handle.id().is_none()
            && let Err(error) = handle.join()
        {
            self.ends.lock()[index] = Some(Err(MemberError::Ended(error)));
        }
        index
    }

    /// How many members live.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime);
    /// group.spawn(|| Ok::<_, ()>(park()))?;
    /// assert_eq!(group.live(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn live(&self) -> usize {
        self.members.live()
    }

    /// Asks all members to stop, those too that are spawned later. Never blocks.
    ///
    /// ```
    /// use vitte_threads::{Group, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime);
    /// group.spawn(|| Ok::<_, ()>(park()))?;
    /// group.cancel("not needed any more");
    /// assert_eq!(group.join_all()[0].as_ref().unwrap(), &Outcome::Canceled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.members.cancel(reason.into(), None);
    }

    /// Whether the members were asked to stop.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::<(), ()>::on(&runtime);
    /// assert!(!group.is_canceled());
    /// group.cancel("not needed any more");
    /// assert!(group.is_canceled());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.members.is_canceled()
    }

    /// Waits until no member lives.
    ///
    /// # Errors
    /// [`GroupWaitError`]: what ended the wait first. The members go on.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps; one that drives the runtime does so meanwhile.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Group, GroupWaitError, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime);
    /// group.spawn(|| Ok::<_, ()>(park()))?;
    /// assert_eq!(group.wait_with(Deadline::NOW, None), Err(GroupWaitError::TimedOut));
    /// group.cancel("not needed any more");
    /// assert_eq!(group.wait_with(Deadline::NEVER, None), Ok(()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), GroupWaitError> {
        if self.members.is_one() {
            return Err(GroupWaitError::Itself);
        }
        Ok(self.members.wait_with(deadline, stop)?)
    }

    timed_forms! {
        wait_with() -> Result<(), GroupWaitError>: wait_until wait_timeout wait_or_stop
        in vitte_threads { Group, GroupWaitError, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let group = Group::on(&runtime);
        /// group.spawn(|| Ok::<_, ()>(park())).unwrap();
        "group." () => Err(GroupWaitError)
    }

    /// Waits until no member lives, whatever happens, and tells what each ended with, in the order in which they
    /// were spawned.
    ///
    /// # Cancellation
    /// Of the caller: the members are canceled too, and waited for.
    ///
    /// # Panics
    /// In a member, which would wait for itself.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Group, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let group = Group::on(&runtime);
    /// group.spawn(|| Ok(1))?;
    /// group.spawn(|| Err("two"))?;
    /// group.spawn(|| panic!("three"))?;
    /// let ends = group.join_all();
    /// assert_eq!(ends[0].as_ref().unwrap(), &1);
    /// assert_eq!(ends[1].as_ref().unwrap_err().to_string(), "two");
    /// assert!(ends[2].as_ref().unwrap_err().to_string().contains("three"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn join_all(self) -> Vec<MemberResult<T, E>> {
        assert!(!self.members.is_one(), "{}", GroupWaitError::Itself);
        if self.wait_with(Deadline::NEVER, None).is_err() {
            self.cancel(crate::together::reason_of(Outcome::Canceled));
        }
        self.members.wait_whatever_happens();
        let ends = std::mem::take(&mut *self.ends.lock());
        ends.into_iter().flatten().collect()
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for Group<T, E> {
    fn drop(&mut self) {
        if self.live() > 0 {
            let own = current_id().filter(|_| self.members.is_one());
            self.members.cancel(CancelReason::ABANDONED, own);
            if own.is_none() {
                self.members.wait_whatever_happens();
            }
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
