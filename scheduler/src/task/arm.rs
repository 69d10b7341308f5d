//! The end of a task, as one of several things that somebody waits for.

use crate::{
    id::FiberId,
    task::{
        join::{JoinHandle, Joiner, link, unlink_if_linked},
        join_error::JoinError,
        join_raw::{RawJoinError, try_join_raw},
        slab,
    },
};
use std::{ffi::c_void, fmt, ptr};
use vitte_wait::{
    Node, Reason,
    select::{Arm, Chosen},
};

/// Goes when the task has ended, and then has what a join returns. If another arm goes, the handle
/// can be used again.
///
/// Made by [`JoinHandle::join_arm`].
pub struct JoinArm<'a, T> {
    handle: &'a mut JoinHandle<T>,
    /// Linked into the task while the arm is enlisted.
    joiner: Joiner,
    outcome: Option<Result<T, JoinError>>,
}

impl<T> JoinHandle<T> {
    /// Joining as one of several things that the caller waits for: see [`select`](vitte_wait::select).
    ///
    /// The arm keeps the value that it took until it is asked for, and drops it if it never is. A task
    /// that has not begun is not run on the caller's stack, as [`join`](Self::join) might: the caller
    /// waits for other things, too.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    /// use vitte_wait::{Deadline, select::{Chosen, select}};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let options = SpawnOptions::default();
    /// let mut never = scheduler.spawn(&options, || vitte_scheduler::sleep_until(Deadline::NEVER));
    /// let mut soon = scheduler.spawn(&options, || 7);
    /// let (mut a, mut b) = (never.join_arm(), soon.join_arm());
    /// assert_eq!(select(&mut [&mut a, &mut b], Deadline::NEVER, None), Ok(1));
    /// assert_eq!(b.take().unwrap()?, 7);
    /// drop(a);
    /// never.cancel();
    /// never.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn join_arm(&mut self) -> JoinArm<'_, T> {
        JoinArm {
            handle: self,
            joiner: Joiner::new(),
            outcome: None,
        }
    }
}

// SAFETY: the node itself is put nowhere. The joiner, which holds its ticket, is in the task's list from
// `enlist` to `delist`, or until the end of the task takes it out, and is touched under the lock of
// the task's state. Nothing is lent. Whoever ends the task claims every joiner; the node is not
// marked, for a task that has ended stays so while the arm has its handle.
unsafe impl<T> Arm for JoinArm<'_, T> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = self.handle.try_join();
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Join
    }

    fn object(&self) -> *const () {
        let task = self.handle.joinable();
        task.map_or(ptr::null(), |task| ptr::from_ref(task).cast())
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let Some(task) = self.handle.joinable() else {
            return false;
        };
        // From here whoever ends the task may lock it.
        task.state.set_known();
        let generation = task.state.generation();
        // SAFETY: by the caller the arm, and so the joiner, stays where it is until `delist`, or until
        // the wait was won; and the joiner is in no list, for each enlisting is undone by either.
        unsafe { link(task, generation, &self.joiner, node.ticket()) }
    }

    unsafe fn delist(&self, _: &Node) {
        if let Some(task) = self.handle.joinable() {
            unlink_if_linked(task, task.state.generation(), &self.joiner);
        }
    }
}

impl<T> Chosen for JoinArm<'_, T> {
    type Output = Result<T, JoinError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl<T> fmt::Debug for JoinArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinArm")
            .field("task", &self.handle.id())
            .field("gone", &self.outcome.is_some())
            .finish()
    }
}

/// Goes when [`join_raw`](crate::join_raw) would return at once, and has what it returns: also that the
/// id is stale, or that of the caller. If another arm goes, the task can be joined as before.
pub struct RawJoinArm {
    id: FiberId,
    /// Linked into the task while the arm is enlisted.
    joiner: Joiner,
    outcome: Option<Result<*mut c_void, RawJoinError>>,
}

impl RawJoinArm {
    /// Joining by an id as one of several things that the caller waits for: see
    /// [`select`](vitte_wait::select). A task that has not begun is not run on the caller's stack.
    ///
    /// ```
    /// use vitte_scheduler::{FiberId, RawJoinArm, RawJoinError};
    /// use vitte_wait::{Deadline, select::{Chosen, select}};
    ///
    /// let mut nobody = RawJoinArm::new(FiberId::from_bits(42).unwrap());
    /// assert_eq!(select(&mut [&mut nobody], Deadline::NEVER, None), Ok(0));
    /// assert_eq!(nobody.take(), Some(Err(RawJoinError::Stale)));
    /// ```
    #[must_use]
    pub fn new(id: FiberId) -> Self {
        Self {
            id,
            joiner: Joiner::new(),
            outcome: None,
        }
    }
}

// SAFETY: as for `JoinArm`, but others may take the value, and vacate the record. Whoever does has first
// claimed every joiner, under the lock of the state of this generation; so if that cannot be had any
// more the joiner is in no list. The node is not marked: an id that can be joined, or is stale, stays so.
unsafe impl Arm for RawJoinArm {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = try_join_raw(self.id);
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Join
    }

    fn object(&self) -> *const () {
        slab::find(self.id.slot()).map_or(ptr::null(), |task| ptr::from_ref(task).cast())
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let Some(task) = slab::find(self.id.slot()) else {
            return false;
        };
        // SAFETY: as for `JoinArm`.
        unsafe { link(task, self.id.generation(), &self.joiner, node.ticket()) }
    }

    unsafe fn delist(&self, _: &Node) {
        if let Some(task) = slab::find(self.id.slot()) {
            unlink_if_linked(task, self.id.generation(), &self.joiner);
        }
    }
}

impl Chosen for RawJoinArm {
    type Output = Result<*mut c_void, RawJoinError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl fmt::Debug for RawJoinArm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawJoinArm")
            .field("task", &self.id)
            .field("gone", &self.outcome.is_some())
            .finish()
    }
}
