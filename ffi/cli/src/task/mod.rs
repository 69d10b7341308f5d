//! Tasks: what `async` starts, and what a handle can do with one.

mod body;
mod handle;
pub(crate) mod priority;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::host::Host;
use crate::parcel::Parcel;
use crate::rt::{self, Chan, Fault, FiberId, Priority};
use crate::together::Member;

pub(crate) use body::{main_body, start, start_in};
pub(crate) use handle::{METHODS, RES_CALL, RES_METHODS, awaitable, result, spawn, stream};

/// How a task ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// With these values.
    Done(Arc<Parcel>),
    /// With an error.
    Failed(Arc<Failure>),
    /// Because it was killed.
    Killed,
}

/// An error that ended a task.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The error value as text.
    pub(crate) message: Vec<u8>,
    /// Where it was raised.
    pub(crate) traceback: String,
    /// The error value itself, if it could be copied.
    pub(crate) value: Option<Parcel>,
}

/// A task, as everybody who holds its handle sees it.
#[derive(Debug)]
pub(crate) struct Task {
    id: u64,
    /// Closed when the outcome is known. Nothing is ever sent.
    done: Chan<()>,
    /// Its own fiber; not set before it runs or is killed.
    fiber: OnceLock<FiberId>,
    /// The same, known as soon as there is a handle. Not for `kill`: who is canceled before he runs
    /// would publish no outcome. Not set for the main script.
    spawned: OnceLock<FiberId>,
    kill: AtomicBool,
    state: Mutex<TaskState>,
    /// Held while the runtime is told, so that the last word is the same here and there.
    priority: Mutex<Priority>,
    /// What it decides by its end.
    member: Option<Member>,
}

#[derive(Debug, Default)]
struct TaskState {
    outcome: Option<Outcome>,
    /// The handle was cleaned: the outcome is not wanted.
    cleaned: bool,
    /// What it sends to its parent; made when first used.
    stream: Option<Chan<Parcel>>,
}

impl Task {
    pub(crate) fn new(
        host: &Host,
        priority: Priority,
        member: Option<Member>,
    ) -> Result<Task, Fault> {
        Ok(Task {
            id: host.next_id(),
            done: Chan::bounded(1)?,
            fiber: OnceLock::new(),
            spawned: OnceLock::new(),
            kill: AtomicBool::new(false),
            state: Mutex::default(),
            priority: Mutex::new(priority),
            member,
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Closed when the outcome is known.
    pub(crate) fn done(&self) -> &Chan<()> {
        &self.done
    }

    fn priority(&self) -> Priority {
        *self.priority.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the task another priority; returns what it had.
    fn set_priority(&self, priority: Priority) -> Priority {
        let mut now = self.priority.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&fiber) = self.spawned.get().or_else(|| self.fiber.get()) {
            rt::set_priority(fiber, priority);
        }
        std::mem::replace(&mut *now, priority)
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state().outcome.clone()
    }

    /// Publishes the outcome, once. False if there was one already.
    fn finish(&self, outcome: Outcome) -> bool {
        let success = matches!(outcome, Outcome::Done(_));
        let stream = {
            let mut state = self.state();
            if state.outcome.is_some() {
                return false;
            }
            state.outcome = Some(match outcome {
                Outcome::Done(_) if state.cleaned => Outcome::Done(Arc::default()),
                outcome => outcome,
            });
            state.stream.clone()
        };
        if let Some(stream) = stream {
            stream.close();
        }
        self.done.close();
        if let Some(member) = &self.member {
            member.ended(success);
        }
        true
    }

    /// Asks the task to end. False if it has ended.
    fn kill(&self) -> bool {
        if self.outcome().is_some() {
            return false;
        }
        // Ordering: SeqCst, here and in `run_as`. Each side writes its own word and then reads the
        // other's (`kill`, `fiber`), so at least one of them sees that both are set.
        self.kill.store(true, Ordering::SeqCst);
        if let Some(&fiber) = self.fiber.get() {
            rt::cancel(fiber);
        }
        true
    }

    /// Tells the task which fiber it is, and says whether it was killed before.
    fn run_as(&self, fiber: FiberId) -> bool {
        let _ = self.fiber.set(fiber);
        // Ordering: SeqCst, see `kill`.
        self.kill.load(Ordering::SeqCst)
    }

    /// The stream to the parent; `None` if it was never used and now never will be.
    fn stream(&self) -> Result<Option<Chan<Parcel>>, Fault> {
        let mut state = self.state();
        if state.stream.is_none() {
            if state.outcome.is_some() {
                return Ok(None);
            }
            state.stream = Some(Chan::unbounded()?);
        }
        Ok(state.stream.clone())
    }

    /// Never held across a wait.
    fn state(&self) -> MutexGuard<'_, TaskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
