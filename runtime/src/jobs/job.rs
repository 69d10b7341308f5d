//! A job, for whoever wants to know of it, have it sooner, or have it end.

use super::{CURRENT, JobEnd, JobWaitError, Lent, Phase, Pool};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};
use vitte_scheduler::{CancelReason, FiberId, cancel_for};
use vitte_sync::Event;
use vitte_wait::{Deadline, StopSource, StopToken, timed_forms};

/// A job of a [`JobPool`](super::JobPool). Clones name the same job; dropping it means nothing to the job.
#[derive(Clone)]
pub struct Job(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) pool: Arc<Pool>,
    pub(super) number: u64,
    pub(super) name: Arc<str>,
    pub(super) asks: StopSource,
    pub(super) over: Event,
    pub(super) end: OnceLock<JobEnd>,
}

impl Job {
    /// The job whose step calls. `None` outside of one, and in fibers that a step spawned.
    ///
    /// ```
    /// use vitte_threads::{Job, JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let job = pool.add("itself", || {
    ///     assert_eq!(Job::current().unwrap().name(), "itself");
    ///     JobStep::Finished
    /// });
    /// job.wait()?;
    /// assert!(Job::current().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// What it is called.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// assert_eq!(pool.add("short", || JobStep::Finished).name(), "short");
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether a step of it runs.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Finished });
    /// let in_line = pool.add("in line", || JobStep::Finished);
    /// assert!(waits.is_running() && !in_line.is_running());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        let state = self.0.pool.lock();
        let entry = state.jobs.get(&self.0.number);
        entry.is_some_and(|entry| matches!(entry.phase, Phase::Running(_)))
    }

    /// What became of it; `None` while it is in line or runs.
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobEnd, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Again });
    /// assert!(waits.end().is_none());
    /// waits.stop_with(Deadline::NEVER, None)?;
    /// assert!(matches!(waits.end(), Some(JobEnd::Removed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn end(&self) -> Option<JobEnd> {
        self.0.end.get().cloned()
    }

    /// Whether it was asked to stop, which a long step looks at.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Job, JobPool, JobStep, Runtime, yield_now};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let long = pool.add("long", || {
    ///     while !Job::current().unwrap().should_stop() {
    ///         yield_now();
    ///     }
    ///     JobStep::Finished
    /// });
    /// long.stop_with(Deadline::NEVER, None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.0.asks.is_stopped()
    }

    /// Triggered when it is asked to stop: for waits, and for whoever wants to be told.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Again });
    /// let token = waits.stop_token();
    /// waits.ask_to_stop();
    /// assert!(token.is_stopped());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn stop_token(&self) -> StopToken {
        self.0.asks.token()
    }

    /// Asks it to stop. In line, it is taken out, and its body is dropped without being called. If it runs, the
    /// waits of its step end as canceled, and there is no other step. Never waits for it.
    ///
    /// ```
    /// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Again });
    /// waits.ask_to_stop();
    /// assert!(matches!(waits.wait()?, JobEnd::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask_to_stop(&self) {
        self.0.asks.stop();
        if let Some(fiber) = self.take_out_or_fiber() {
            // Who is gone need not stop.
            let _ = cancel_for(fiber, CancelReason::ABANDONED);
        }
    }

    /// Takes it out of line. If it runs, this step is the last one, and is not disturbed.
    pub(super) fn take_out(&self) {
        let _ = self.take_out_or_fiber();
    }

    fn take_out_or_fiber(&self) -> Option<FiberId> {
        let mut state = self.0.pool.lock();
        let over = state.take_out_of_line(self.0.number);
        let entry = state.jobs.get_mut(&self.0.number);
        let fiber = entry.and_then(|entry| {
            entry.last = true;
            match entry.phase {
                Phase::Running(fiber) => fiber,
                Phase::InLine(_) => None,
            }
        });
        drop(state);
        drop(over);
        fiber
    }

    /// Has it run before all others that are in line. Returns false, and changes nothing, if it is not in line.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Finished });
    /// let [later, sooner] = ["later", "sooner"].map(|name| pool.add(name, || JobStep::Finished));
    /// assert!(sooner.move_to_front());
    /// assert!(!waits.move_to_front(), "it is not in line");
    /// assert_eq!(pool.jobs(), [waits, sooner, later]);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn move_to_front(&self) -> bool {
        let mut guard = self.0.pool.lock();
        let state = &mut *guard;
        let Some(entry) = state.jobs.get_mut(&self.0.number) else {
            return false;
        };
        let Phase::InLine(position) = entry.phase else {
            return false;
        };
        state.line.remove(&position);
        let first = state
            .line
            .first_key_value()
            .map_or(0, |(first, _)| first - 1);
        state.line.insert(first, self.0.number);
        entry.phase = Phase::InLine(first);
        true
    }

    /// Takes it out of the pool, and waits until it is over: in line at once, else when the step that runs, and is
    /// not disturbed, has ended.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with). It stays in the pool until its step ends, which is the last one.
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobEnd, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Again });
    /// let in_line = pool.add("in line", || JobStep::Again);
    /// assert!(matches!(in_line.remove_with(Deadline::NOW, None)?, JobEnd::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<JobEnd, JobWaitError> {
        self.take_out();
        self.wait_with(deadline, stop)
    }

    /// [`remove_with`](Self::remove_with) neither a deadline nor a stop token.
    ///
    /// # Errors
    /// [`JobWaitError::Canceled`], [`JobWaitError::Itself`].
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Again });
    /// let in_line = pool.add("in line", || unreachable!("it is not called"));
    /// assert!(matches!(in_line.remove()?, JobEnd::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self) -> Result<JobEnd, JobWaitError> {
        self.remove_with(Deadline::NEVER, None)
    }

    timed_forms! {
        remove_with() -> Result<JobEnd, JobWaitError>: remove_until remove_timeout remove_or_stop
        in vitte_threads { JobEnd, JobPool, JobStep, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// pool.add("waits", || { park(); JobStep::Again });
        /// let in_line = pool.add("in line", || JobStep::Again);
        "in_line." () => got "assert!(matches!(got.unwrap(), JobEnd::Removed));"
    }

    /// [Asks it to stop](Self::ask_to_stop), and waits until it is over.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with). It stays in the pool until its step ends, which is the last one.
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobEnd, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Again });
    /// assert!(matches!(waits.stop_with(Deadline::NEVER, None)?, JobEnd::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<JobEnd, JobWaitError> {
        self.ask_to_stop();
        self.wait_with(deadline, stop)
    }

    timed_forms! {
        stop_with() -> Result<JobEnd, JobWaitError>: stop_until stop_timeout stop_or_stop
        in vitte_threads { JobEnd, JobPool, JobStep, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// let waits = pool.add("waits", || { park(); JobStep::Again });
        "waits." () => got "assert!(matches!(got.unwrap(), JobEnd::Removed));"
    }

    /// Waits until it is over, and tells what became of it.
    ///
    /// # Errors
    /// [`JobWaitError`]: what ended the wait first.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps; one that drives the runtime does so meanwhile. While a job waits for another of
    /// its pool, one more of those in line may run.
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobPool, JobStep, JobWaitError, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Finished });
    /// let late = waits.wait_with(Deadline::NOW, None);
    /// assert!(matches!(late, Err(JobWaitError::TimedOut)));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<JobEnd, JobWaitError> {
        loop {
            if let Some(end) = self.end() {
                return Ok(end);
            }
            if Self::current().as_ref() == Some(self) {
                return Err(JobWaitError::Itself);
            }
            let until = stop.map_or(deadline, |stop| stop.deadline().min(deadline));
            let looks = until == Deadline::NOW;
            let _lent = (!looks).then(|| Lent::by_caller(&self.0.pool)).flatten();
            self.0.pool.scheduler.drive_while(until, || {
                self.0.end.get().is_none() && !stop.is_some_and(StopToken::is_stopped)
            });
            self.0.over.wait_with(deadline, stop)?;
        }
    }

    /// [`wait_with`](Self::wait_with) neither a deadline nor a stop token.
    ///
    /// # Errors
    /// [`JobWaitError::Canceled`], [`JobWaitError::Itself`].
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let job = pool.add("short", || JobStep::Finished);
    /// assert!(matches!(job.wait()?, JobEnd::Finished));
    /// assert!(matches!(job.wait()?, JobEnd::Finished), "it can be asked for again");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> Result<JobEnd, JobWaitError> {
        self.wait_with(Deadline::NEVER, None)
    }

    timed_forms! {
        wait_with() -> Result<JobEnd, JobWaitError>: wait_until wait_timeout wait_or_stop
        in vitte_threads { JobPool, JobStep, JobWaitError, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// let waits = pool.add("waits", || { park(); JobStep::Finished });
        "waits." () => Err(JobWaitError)
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Job {}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name())
            .field("end", &self.0.end.get())
            .field("asked_to_stop", &self.should_stop())
            .finish_non_exhaustive()
    }
}
