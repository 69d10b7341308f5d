//! Interrupts: calls that others leave with a fiber, for it to make at its next poll or wait.
//!
//! They lie in the cold part of its record, in their order. A fiber that is parked comes back for them, and
//! then waits on (see Note \[Nudges\] in `vitte-wait`): so such a call is the one thing besides an inline join that
//! runs on top of a frame that waits, and may not wait itself.

use crate::{
    id::{FiberId, Stale},
    task::{Task, poll, slab, state::DONE},
};
use std::{collections::VecDeque, fmt};
use vitte_wait::{
    confined,
    facade::{Mutex, atomic::Ordering::Relaxed},
};

type Action = Box<dyn FnOnce() + Send>;

/// What was left with one fiber and not done yet. What is left when the fiber ends is dropped.
#[derive(Default)]
pub(crate) struct Interrupts(Mutex<VecDeque<Action>>);

impl fmt::Debug for Interrupts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupts").finish_non_exhaustive()
    }
}

impl Interrupts {
    fn push(&self, action: Action) {
        self.0.lock().push_back(action);
    }

    fn pop(&self) -> Option<Action> {
        self.0.lock().pop_front()
    }

    /// Drops all of it.
    pub(crate) fn clear(&self) {
        while let Some(action) = self.pop() {
            // A panic of what it captures has nobody to go to.
            confined(|| drop(action));
        }
    }
}

impl Task {
    /// Does what others have left for the task, on the task itself.
    #[cold]
    pub(crate) fn heed_interrupts(&'static self) {
        if self.unit.is_acting() || !self.unit.take_interrupt() {
            return;
        }
        self.hot.poll.fetch_and(!poll::INTERRUPT, Relaxed);
        let Some(cold) = self.cold() else { return };
        while let Some(action) = cold.interrupts.pop() {
            // Its panic, of which the hook has told, has nobody to go to: what it interrupts goes on.
            confined(action);
        }
    }

    /// As [`heed_interrupts`](Self::heed_interrupts), while a wait of the task is open.
    #[cold]
    pub(crate) fn heed_interrupts_parked(&'static self) {
        self.unit.set_acting(true);
        let interrupted = self.unit.take_interrupt();
        if interrupted {
            self.hot.poll.fetch_and(!poll::INTERRUPT, Relaxed);
        }
        if let Some(cold) = self.cold().filter(|_| interrupted) {
            while let Some(action) = cold.interrupts.pop() {
                confined(action);
            }
        }
        self.unit.set_acting(false);
    }
}

/// Has the fiber `id` call `action` at its next poll or wait. If it is parked, it does so at once, and then
/// waits on, for what it waited for and until the same deadline. Several are called in their order.
/// Callable from anywhere; never blocks.
///
/// If the fiber ends first, the action is dropped without being called. A panic of it goes no further than
/// the panic hook. The action runs on the fiber, with its name and its locals, but possibly in the
/// middle of a wait: it should not wait itself. If it does all the same, it may block the thread.
/// While it runs [`park`](crate::park) is canceled.
///
/// # Errors
/// [`Stale`] if the fiber is gone, or has ended; the action is dropped.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, current_id, interrupt, park, unpark};
/// use vitte_wait::{Deadline, Outcome};
/// use std::sync::mpsc;
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
/// let id = parked.id().unwrap();
/// let (sender, who) = mpsc::channel();
/// interrupt(id, move || sender.send(current_id()).unwrap())?;
/// assert_eq!(who.recv()?, Some(id));
/// unpark(id)?; // It has parked all the time.
/// assert_eq!(parked.join()?, Outcome::Woken);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn interrupt(id: FiberId, action: impl FnOnce() + Send + 'static) -> Result<(), Stale> {
    let action: Action = Box::new(action);
    let task = slab::find(id.slot()).ok_or(Stale)?;
    let locked = task.state.lock(id.generation()).ok_or(Stale)?;
    if locked.now() & DONE != 0 {
        drop(locked);
        return Err(Stale);
    }
    task.cold_or_new().interrupts.push(action);
    task.hot.poll.fetch_or(poll::INTERRUPT, Relaxed);
    task.unit.interrupt();
    Ok(())
}
