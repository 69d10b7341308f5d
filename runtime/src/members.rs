//! Who lives in a group: how many may, who they are, and how all are asked to stop and waited for.
//!
//! A place is taken before its member is spawned, and given back when the member is over. So no wait misses a
//! member, and a cancellation finds those who were spawned before it and those who are spawned after it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use vitte_scheduler::{
    CancelReason, FiberId, Scheduler, cancel_for, current_id, defer, is_unwinding, mask_cancel,
};
use vitte_sync::{AcquireUntilError, OwnedPermit, Semaphore, WaitError, WaitGroup};
use vitte_wait::{Deadline, Outcome, StopToken};

/// The members of a group, for layers that spawn them in ways of their own. In Rust use [`Group`](crate::Group).
///
/// ```
/// use vitte_threads::{Members, Runtime};
///
/// let runtime = Runtime::builder().workers(1).build()?;
/// let members = Members::of(runtime.scheduler(), Some(1));
/// let place = members.try_enter().unwrap();
/// assert!(members.try_enter().is_none());
/// let options = vitte_scheduler::SpawnOptions::default();
/// let scheduler = runtime.scheduler();
/// scheduler.spawn_with_companion(&options, || (), |id| Some(place.companion(id))).detach();
/// members.wait_whatever_happens();
/// assert_eq!(members.live(), 0);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub struct Members {
    scheduler: Scheduler,
    live: Arc<WaitGroup>,
    room: Option<Arc<Semaphore>>,
    who: Mutex<Who>,
}

#[derive(Default)]
struct Who {
    /// By the numbers of their places. `None`: it has no fiber yet.
    places: BTreeMap<u64, Option<FiberId>>,
    /// How many places were ever taken.
    taken: u64,
    /// Why all are to stop, if they are.
    reason: Option<CancelReason>,
}

/// A member's place, given back by dropping it, after all that the member does.
#[must_use]
pub struct Place {
    members: Arc<Members>,
    number: u64,
    // Dropped in this order, after the above was done.
    _room: Option<OwnedPermit>,
    _alive: vitte_sync::Member,
}

impl Place {
    /// The place as the companion of `fiber`, which has it from now on, and is asked to stop at once if all are. So the
    /// place is given back after all that the fiber has put off.
    #[must_use]
    pub fn companion(self, fiber: FiberId) -> Box<dyn Send> {
        let reason = {
            let mut who = self.members.who();
            who.places.insert(self.number, Some(fiber));
            who.reason.clone()
        };
        if let Some(reason) = reason {
            let _ = cancel_for(fiber, reason);
        }
        Box::new(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.members.who().places.remove(&self.number);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Members {
    /// Of fibers of `scheduler`. At most `limit` have a place at a time.
    #[must_use]
    pub fn of(scheduler: &Scheduler, limit: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            scheduler: scheduler.clone(),
            live: Arc::new(WaitGroup::new()),
            room: limit.map(|limit| Arc::new(Semaphore::new(limit))),
            who: Mutex::default(),
        })
    }

    fn who(&self) -> MutexGuard<'_, Who> {
        // Nothing that panics is done under it.
        self.who.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scheduler whose fibers they are.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Takes a place, once there is one.
    ///
    /// # Errors
    /// What ended the wait for it first.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    pub fn enter_with(
        self: &Arc<Self>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Place, Outcome> {
        let room = match &self.room {
            None => None,
            Some(room) => Some(room.acquire_many_owned_with(1, deadline, stop).map_err(
                |error| match error {
                    AcquireUntilError::TimedOut => Outcome::TimedOut,
                    AcquireUntilError::Stopped => Outcome::Stopped,
                    _ => Outcome::Canceled,
                },
            )?),
        };
        Ok(self.enter(room))
    }

    /// Takes a place, if there is one. Never waits.
    #[must_use]
    pub fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let room = match &self.room {
            None => None,
            Some(room) => Some(room.try_acquire_many_owned(1).ok()?),
        };
        Some(self.enter(room))
    }

    fn enter(self: &Arc<Self>, room: Option<OwnedPermit>) -> Place {
        let alive = self.live.member();
        let number = {
            let mut who = self.who();
            who.taken += 1;
            let number = who.taken;
            who.places.insert(number, None);
            number
        };
        Place {
            members: Arc::clone(self),
            number,
            _room: room,
            _alive: alive,
        }
    }

    /// Asks all to stop but `except`, for the first reason that is given; those too that come later.
    pub fn cancel(&self, reason: CancelReason, except: Option<FiberId>) {
        let fibers: Vec<_> = {
            let mut who = self.who();
            if who.reason.is_some() {
                return;
            }
            who.reason = Some(reason.clone());
            who.places.values().flatten().copied().collect()
        };
        for fiber in fibers.into_iter().filter(|fiber| Some(*fiber) != except) {
            // Who is gone need not stop.
            let _ = cancel_for(fiber, reason.clone());
        }
    }

    /// Whether all were asked to stop.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.who().reason.is_some()
    }

    /// How many have places.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.count()
    }

    /// Whether the calling fiber is one of them, and so would wait for itself.
    #[must_use]
    pub fn is_one(&self) -> bool {
        let me = current_id();
        me.is_some() && self.who().places.values().any(|fiber| *fiber == me)
    }

    /// Waits until nobody has a place.
    ///
    /// # Errors
    /// [`WaitError`]: what ended the wait first.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps; one that drives the scheduler does so meanwhile.
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        let until = stop.map_or(deadline, |stop| stop.deadline().min(deadline));
        self.scheduler.drive_while(until, || {
            self.live() != 0 && !stop.is_some_and(StopToken::is_stopped)
        });
        self.live.wait_with(deadline, stop)
    }

    /// Waits until nobody has a place, though the caller is canceled. A fiber that is panicking puts that off until
    /// its end: now it would block its worker, to which those that it waits for may be bound.
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    pub fn wait_whatever_happens(self: &Arc<Self>) {
        if is_unwinding() && current_id().is_some() {
            let members = Arc::clone(self);
            return defer(move || members.wait_whatever_happens());
        }
        let masked = mask_cancel(true);
        let _ = self.wait_with(Deadline::NEVER, None);
        mask_cancel(masked);
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("live", &self.live())
            .field("canceled", &self.is_canceled())
            .finish_non_exhaustive()
    }
}
