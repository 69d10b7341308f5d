//! How a scheduler ends: in phases, each harder than the one before, and never by killing a thread.
//!
//! Note \[Shutdown\]: [`Phase::Closing`] takes no more tasks from outside, and ends all alarms. [`Phase::Canceling`] begins
//! no more tasks and cancels every wait, of attached threads too, so that code which heeds errors ends by itself.
//! [`Phase::Unwinding`] ends what waits once more all the same: closures are unwound, frames that
//! cannot unwind are never resumed; threads are only canceled. [`Phase::Stopping`] ends the workers, when no task is left. A
//! task that runs and neither waits nor polls, or whose blocking job goes on, cannot be ended; then the
//! answer is its name, and it runs on as if abandoned.

use crate::{
    Scheduler, host, keys,
    shared::{Phase, Shared},
    task::state::{Cause, DONE, OCCUPIED},
};
use std::{fmt, ptr, sync::Arc, time::Duration};
use vitte_wait::{
    Deadline, Reason, Wait,
    facade::{atomic::Ordering::*, clock},
};

/// What unwinds a closure that waits again though its runtime shuts down. It is caught at the
/// task's end; code that catches panics should pass it on.
#[derive(Debug)]
pub struct Unwinding;

/// How hard a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Waits for every task to end by itself.
    Drain,
    /// Cancels every task and waits for them to end.
    Cancel,
    /// Waits for nothing: tasks that are left run on, and the threads that run them end after the
    /// last of them.
    Abandon,
}

/// Why a shutdown is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownError {
    /// The deadline of a [`ShutdownMode::Drain`] passed; these tasks are left, and the scheduler runs
    /// on, but takes no new ones from outside. Shut it down once more, with
    /// [`ShutdownMode::Cancel`], say.
    TimedOut(Vec<String>),
    /// These tasks run without waiting or polling, or wait for a job that was offloaded, so they could
    /// not be ended. They run on.
    StillRunning(Vec<String>),
    /// The caller is a fiber of the scheduler that it wants to end.
    InsideOwnFiber,
    /// Another thread is shutting it down.
    InProgress,
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(names) => {
                write!(f, "tasks were left at the deadline: {}", names.join(", "))
            }
            Self::StillRunning(names) => write!(
                f,
                "tasks neither wait nor poll, or wait for blocking jobs, so they could not be ended and \
                 run on: {}",
                names.join(", ")
            ),
            Self::InsideOwnFiber => {
                f.write_str("a fiber cannot shut down the runtime that it runs on")
            }
            Self::InProgress => f.write_str("the runtime is being shut down by another thread"),
        }
    }
}

impl std::error::Error for ShutdownError {}

/// The right to shut a scheduler down. Not a lock, for its holder waits.
struct Claim<'a>(&'a Shared);

impl<'a> Claim<'a> {
    fn take(shared: &'a Shared) -> Option<Self> {
        // Ordering: Acquire. Partner: the Release in `drop`.
        (!shared.shutting_down.swap(true, Acquire)).then_some(Self(shared))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire in `take`.
        self.0.shutting_down.store(false, Release);
    }
}

/// How many tasks an error names.
const MOST_NAMES: usize = 8;
/// How long a shutdown waits before it looks again for tasks that were spawned meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

impl Scheduler {
    /// Ends the scheduler. Ending it twice is the same as once.
    ///
    /// # Errors
    /// [`ShutdownError::InProgress`] while another call is at it;
    /// [`ShutdownError::InsideOwnFiber`] on a fiber of this scheduler; [`ShutdownError::TimedOut`]
    /// when [`ShutdownMode::Drain`] meets its deadline; [`ShutdownError::StillRunning`] when tasks
    /// could not be ended before the deadline.
    ///
    /// # Cancellation
    /// Does not end it, for half a shutdown is none: only the deadline does.
    ///
    /// # Blocking
    /// Until every task and every worker has ended, or the deadline has come. The first half of the
    /// time is for tasks to end by themselves, after their waits were canceled.
    pub fn shutdown(&self, mode: ShutdownMode, deadline: Deadline) -> Result<(), ShutdownError> {
        let shared = &self.0;
        if self.is_current() {
            return Err(ShutdownError::InsideOwnFiber);
        }
        let Some(_one_at_a_time) = Claim::take(shared) else {
            return Err(ShutdownError::InProgress);
        };
        if shared.is_stopping() {
            return Ok(());
        }
        shared.enter_phase(Phase::Closing);
        shared.end_alarms();
        let ended = match mode {
            ShutdownMode::Drain => {
                if !wait_until_empty(shared, deadline, || {}) {
                    return Err(ShutdownError::TimedOut(names(shared)));
                }
                true
            }
            ShutdownMode::Cancel => cancel_all(shared, deadline),
            ShutdownMode::Abandon => {
                if !abandon(shared) {
                    return Ok(());
                }
                true
            }
        };
        let left = if ended { Vec::new() } else { names(shared) };
        // Those that wait for a job of a pool go on when that is over, so somebody must be there.
        if !ended && !abandon(shared) {
            return Err(ShutdownError::StillRunning(left));
        }
        shared.enter_phase(Phase::Stopping);
        shared.idle.wake_all(shared);
        let mut threads = shared.crew.lock().take_threads();
        let mut pooled = shared.pools.close();
        pooled.append(&mut shared.guests.close());
        // A job of somebody else's is waited for until the deadline only.
        let jobs_are_left = shared.pools.pending() != 0;
        if !jobs_are_left {
            threads.extend(pooled);
        }
        if let Some(host) = &shared.host {
            // Who drives it comes back from his call at once.
            wait_until(shared, Deadline::NEVER, || {}, || host.end());
        }
        // Nobody of its own waits for a descriptor any more.
        shared.reactor.close();
        for thread in threads {
            // A worker's thread cannot panic but by a bug, which the panic hook has reported.
            let _ = thread.join();
        }
        shared.depot.retire();
        keys::forget(&raw const **shared);
        if jobs_are_left && !left.is_empty() {
            return Err(ShutdownError::StillRunning(left));
        }
        Ok(())
    }
}

/// Leaves it to the worker that rests after the last task to end the scheduler. True: there is no task.
fn abandon(shared: &Shared) -> bool {
    // Ordering: SeqCst, store-load pair: this, the number of the living. Partner:
    // `Shared::may_be_over`.
    shared.abandoned.store(true, SeqCst);
    !shared.is_kept() && shared.live() == 0
}

fn cancel_all(shared: &Arc<Shared>, deadline: Deadline) -> bool {
    shared.enter_phase(Phase::Canceling);
    let now = clock::now();
    let half = deadline.as_nanos().saturating_sub(now) / 2;
    let patience = half.min(500_000_000);
    let cancel = || {
        shared.depot.each(|task| task.cancel(Cause::Shutdown));
        shared.cancel_attached();
    };
    if wait_until_empty(shared, Deadline::from_nanos(now + patience), cancel) {
        return true;
    }
    shared.enter_phase(Phase::Unwinding);
    let unwind = || {
        shared.depot.each(|task| {
            task.cancel(Cause::Shutdown);
            task.unit.request_unwind(true);
        });
        shared.cancel_attached();
    };
    wait_until_empty(shared, deadline, unwind)
}

/// False if the deadline came first. `urge` is called now and then.
fn wait_until_empty(shared: &Arc<Shared>, deadline: Deadline, urge: impl Fn()) -> bool {
    let is_empty = || shared.is_empty();
    // If the host drives nobody else may run the tasks: so we do, if this is a thread that can.
    let drive = || {
        let again = Deadline::after(LOOK_AGAIN).min(deadline);
        host::drive_to_the_end(shared, again, &is_empty)
    };
    let urge = || {
        urge();
        while !is_empty() && !deadline.is_past() && drive() {
            urge();
        }
    };
    wait_until(shared, deadline, urge, is_empty)
}

/// As [`wait_until_empty`], until `is_over`, of which the watcher is told.
fn wait_until(
    shared: &Shared,
    deadline: Deadline,
    urge: impl Fn(),
    is_over: impl Fn() -> bool,
) -> bool {
    loop {
        urge();
        if is_over() {
            return true;
        }
        if deadline.is_past() {
            return false;
        }
        let wait = Wait::begin_uncancelable(Reason::Shutdown, ptr::from_ref(shared).cast());
        *shared.watcher.lock() = Some(wait.ticket());
        let again = Deadline::after(LOOK_AGAIN).min(deadline);
        if is_over() {
            let _ = wait.withdraw();
        } else {
            let _ = wait.park(again, None);
        }
        *shared.watcher.lock() = None;
    }
}

/// What to call the tasks that are left.
fn names(shared: &Shared) -> Vec<String> {
    let mut names = Vec::new();
    let mut left = 0;
    shared.depot.each(|task| {
        if task.state.load() & (OCCUPIED | DONE) != OCCUPIED {
            return;
        }
        left += 1;
        if names.len() < MOST_NAMES {
            let id = task.id_unknown();
            // What cannot be locked has no name.
            let locked = task.state.lock(id.generation());
            let name = locked.as_ref().and_then(|_| task.name().map(str::to_owned));
            names.push(name.unwrap_or_else(|| format!("fiber {id}")));
        }
    });
    if left > names.len() {
        names.push(format!("and {} more", left - names.len()));
    }
    let attached = shared.attached.lock();
    for (_, name) in attached.iter().take(MOST_NAMES) {
        names.push(format!("attached thread {name}"));
    }
    let guards = shared.guards.load(Relaxed);
    if guards > 0 {
        names.push(format!("guards and attached threads: {guards}"));
    }
    let jobs = shared.pools.pending();
    if jobs > 0 {
        names.push(format!("offloaded jobs: {jobs}"));
    }
    names
}
