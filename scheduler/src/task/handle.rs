//! What a handle does to its task besides joining it, and the forms of a join that name only one of the two that may end it.

use crate::{
    cancel::CancelReason,
    config::SpawnError,
    id::FiberId,
    task::{
        join::{JoinHandle, Which},
        join_error::JoinError,
        state::DONE,
    },
};
use vitte_wait::{Priority, timed_forms};

impl<T> JoinHandle<T> {
    timed_forms! {
        mut join_with() -> Result<T, JoinError>: join_until join_timeout join_or_stop
        in vitte_wait
        /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions, park};
        ///
        /// let scheduler = Scheduler::start(Config::default()).unwrap();
        /// let waits = || park(vitte_wait::Deadline::NEVER);
        /// let mut parked = scheduler.spawn(&SpawnOptions::default(), waits);
        "parked." () => Err(JoinError)
    }

    /// The id of the task's fiber. `None` if the task could not be spawned, or was joined.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, current_id};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let task = scheduler.spawn(&SpawnOptions::default(), current_id);
    /// let id = task.id();
    /// assert_eq!(task.join()?, id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<FiberId> {
        self.task.get().map(|task| task.id())
    }

    /// Whether a join would not wait.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// assert!(!parked.is_finished());
    /// parked.unpark();
    /// while !parked.is_finished() {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task
            .get()
            .is_none_or(|task| task.state.load() & DONE != 0)
    }

    /// Why the task was not spawned, if it was not.
    ///
    /// ```
    /// use vitte_scheduler::{SpawnError, spawn};
    ///
    /// let nowhere = spawn(|| "this thread has no scheduler");
    /// assert!(matches!(nowhere.spawn_error(), Some(SpawnError::NoRuntime)));
    /// ```
    #[must_use]
    pub fn spawn_error(&self) -> Option<&SpawnError> {
        match self.task.which() {
            Which::Not(error) => Some(error),
            _ => None,
        }
    }

    /// Asks the task to stop: its waits end as canceled, now and from now on. See
    /// [`cancel_for`](crate::cancel_for).
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, park};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// parked.cancel();
    /// assert_eq!(parked.join()?, Outcome::Canceled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::UNNAMED);
    }

    /// As [`cancel`](Self::cancel), for a reason. Of several the first one counts.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, cancel_reason, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || {
    ///     let _ = park(Deadline::NEVER);
    ///     cancel_reason().map(|reason| reason.to_string())
    /// });
    /// parked.cancel_for("the client has gone");
    /// assert_eq!(parked.join()?.as_deref(), Some("the client has gone"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_for(&self, reason: impl Into<CancelReason>) {
        if let Some(task) = self.task.get() {
            task.cancel_for(reason.into());
        }
    }

    /// Ends the task without its consent: see [`kill`](crate::kill).
    ///
    /// ```
    /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let stubborn = scheduler.spawn(&SpawnOptions::default(), || loop {
    ///     let _ = park(Deadline::NEVER);
    /// });
    /// stubborn.kill();
    /// assert!(matches!(stubborn.join(), Err::<(), _>(JoinError::Killed(_))));
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    pub fn kill(&self) {
        if let Some(task) = self.task.get() {
            task.kill();
        }
    }

    /// Why the task was asked to stop. `None` if it was not, or was joined.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// assert_eq!(parked.cancel_reason(), None);
    /// parked.cancel_for("enough");
    /// assert_eq!(parked.cancel_reason().unwrap().text(), Some("enough"));
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.task.get()?.cancel_reason()
    }

    /// Gives the task another priority. See [`set_priority`](crate::set_priority).
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, current_id, info, park};
    /// use vitte_wait::{Deadline, Priority};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let task = scheduler.spawn(&SpawnOptions::default(), || {
    ///     let _ = park(Deadline::NEVER);
    ///     info(current_id().unwrap()).unwrap().priority
    /// });
    /// task.set_priority(Priority::High);
    /// task.unpark();
    /// assert_eq!(task.join()?, Priority::High);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_priority(&self, priority: Priority) {
        if let Some(task) = self.task.get() {
            task.unit.set_class(priority);
        }
    }

    /// Gives the task's fiber its park token. See [`unpark`](crate::unpark).
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, park};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// parked.unpark();
    /// assert_eq!(parked.join()?, Outcome::Woken);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unpark(&self) {
        if let Some(task) = self.task.get() {
            task.unit.unpark();
        }
    }

    /// Lets the task run on its own. The same as dropping the handle.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let (tell, told) = mpsc::channel();
    /// scheduler.spawn(&SpawnOptions::default(), move || tell.send("still there")).detach();
    /// assert_eq!(told.recv()?, "still there");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detach(self) {}
}
