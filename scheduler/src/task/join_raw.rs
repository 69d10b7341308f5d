//! Joining a task by its id, which anybody may try: one gets the value, and the id is stale for others.

use crate::{
    config::SpawnError,
    id::{FiberId, Stale},
    task::{
        Task, body, flags,
        join::{claim_joiners, complete, wait_for_end},
        join_error::{JoinError, Killed},
        slab,
        state::{DETACHED, DONE, KILLED, PANICKED},
    },
    worker::{current_task, slice::give_way_if_asked},
};
use std::{ffi::c_void, fmt, ptr};
use vitte_wait::{Deadline, Outcome};

/// Why a task could not be joined by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawJoinError {
    /// The id names no task that can be joined: it was joined before, or never existed.
    Stale,
    /// The task is detached, or is joined through a handle.
    Detached,
    /// The caller is the task, or runs on top of it, and so would wait for ever.
    Deadlock,
    /// The deadline passed first. The task goes on.
    TimedOut,
    /// The caller was canceled while it waited. The task goes on.
    Canceled,
    /// The task panicked with this text.
    Panicked(String),
    /// The task was ended before it could return, or before it began: by a shutdown, or because somebody
    /// wanted it ended.
    Killed(Killed),
    /// The task could not be begun.
    NotStarted(SpawnError),
}

impl fmt::Display for RawJoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => Stale.fmt(f),
            Self::Detached => f.write_str("the task is detached, so nobody can join it by its id"),
            Self::Deadlock => f.write_str("a task cannot wait for its own end"),
            Self::TimedOut => f.write_str("the task did not end before the deadline; it goes on"),
            Self::Canceled => f.write_str("the wait for the task was canceled; the task goes on"),
            Self::Panicked(text) => write!(f, "the task panicked: {text}"),
            Self::Killed(killed) => killed.fmt(f),
            Self::NotStarted(error) => write!(f, "the task was never begun: {error}"),
        }
    }
}

impl std::error::Error for RawJoinError {}

/// Waits until the task that was spawned with [`spawn_raw`](crate::Scheduler::spawn_raw) is over,
/// and takes its value. Only one caller gets it; for all others the id is stale from then on.
///
/// # Errors
/// See [`RawJoinError`]. After [`RawJoinError::TimedOut`] and [`RawJoinError::Canceled`] the task
/// can be joined again.
///
/// # Blocking
/// A fiber suspends, a thread sleeps, until `deadline` at the latest. If the task was not begun yet
/// and is the one that the calling fiber spawned last, it runs on the caller's stack.
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
pub fn join_raw(id: FiberId, deadline: Deadline) -> Result<*mut c_void, RawJoinError> {
    let (task, _) = find_raw(id)?;
    if deadline == Deadline::NEVER
        && let Some((worker, caller)) = current_task()
        && let Some((_, ended)) = worker.run_inline(caller, task)
    {
        complete(task, ended);
    } else {
        give_way_if_asked();
    }
    if task.state.load() & DONE == 0
        && let Some(outcome) = wait_for_end(task, id.generation(), deadline, None)
    {
        return Err(match outcome {
            Outcome::Canceled => RawJoinError::Canceled,
            _ => RawJoinError::TimedOut,
        });
    }
    take_raw(task, id.generation())
}

/// The task that the caller may join by its id, and its state.
fn find_raw(id: FiberId) -> Result<(&'static Task, u64), RawJoinError> {
    let task = slab::find(id.slot()).ok_or(RawJoinError::Stale)?;
    let seen = {
        let locked = task.state.lock(id.generation());
        let locked = locked.ok_or(RawJoinError::Stale)?;
        if !ptr::eq(task.vtable(), &raw const body::RAW) {
            return Err(RawJoinError::Detached);
        }
        match locked.now() & (DETACHED | DONE) {
            DETACHED => return Err(RawJoinError::Detached),
            // Somebody is just taking the value.
            seen if seen & DETACHED != 0 => return Err(RawJoinError::Stale),
            seen => seen,
        }
    };
    if let Some((_, caller)) = current_task()
        && runs_on(caller, task)
    {
        return Err(RawJoinError::Deadlock);
    }
    Ok((task, seen))
}

/// What [`join_raw`] returns, if it would return at once; `None` if it would have to wait.
pub(crate) fn try_join_raw(id: FiberId) -> Option<Result<*mut c_void, RawJoinError>> {
    match find_raw(id) {
        Ok((task, seen)) if seen & DONE != 0 => Some(take_raw(task, id.generation())),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

fn take_raw(task: &'static Task, generation: u32) -> Result<*mut c_void, RawJoinError> {
    let (bits, others) = {
        let locked = task.state.lock(generation).ok_or(RawJoinError::Stale)?;
        let seen = locked.set(DETACHED);
        if seen & DETACHED != 0 {
            return Err(RawJoinError::Stale);
        }
        // Whoever ended the task may not have come to this yet, and finds another generation then.
        (seen, claim_joiners(task, &locked))
    };
    let result = if bits & (PANICKED | KILLED) == 0 {
        // SAFETY: a raw body has returned its pointer, and we are the first to detach.
        Ok(unsafe { body::take_value::<*mut c_void>(task) })
    } else {
        Err(match JoinError::of(bits, task) {
            JoinError::Panicked(panicked) => RawJoinError::Panicked(panicked.into_text()),
            JoinError::NotStarted(error) => RawJoinError::NotStarted(error),
            JoinError::Killed(killed) => RawJoinError::Killed(killed),
            _ => RawJoinError::Killed(Killed::default()),
        })
    };
    task.vacate();
    drop(others);
    result
}

/// Whether `task` is `caller`, or lies under it on the same stack.
fn runs_on(caller: &'static Task, task: &'static Task) -> bool {
    let mut at = caller;
    loop {
        if ptr::eq(at, task) {
            return true;
        }
        if at.flags() & flags::INLINE == 0 {
            return false;
        }
        // SAFETY: the link of a task that runs inline is its joiner.
        match unsafe { at.link.get().as_ref() } {
            Some(below) => at = below,
            None => return false,
        }
    }
}
