//! Job pools: jobs in a line, done so many at a time, that may ask to be done again, be moved to the front, and be taken out.
//!
//! Each step of a job is a fiber of its own. So nothing waits where there is nothing to do, any worker takes the
//! next step, and a step that is interrupted is a fiber that is canceled, which says nothing about the next one.
//!
//! A job is in the line, or a step of it runs, or it is over; that, and the line, are under one lock, which is
//! never held while a job's body is run or dropped. (What such a pool should do is known from JUCE's `ThreadPool`.
//! Unlike there nobody polls, and no thread is killed.)

mod job;

pub use job::Job;
use job::Shared;

use crate::{FiberLocal, Members, Place, Runtime};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use vitte_scheduler::{
    FiberId, JoinError, Killed, Panicked, Scheduler, SpawnOptions, Unwinding, current_id,
};
use vitte_sync::{Event, WaitError};
use vitte_wait::{Deadline, StopSource, StopToken, timed_forms};

/// What a step of a job says of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStep {
    /// There is to be another, after one of each job that is in line now.
    Again,
    /// The job is finished.
    Finished,
}

/// What became of a job. It can be asked for as often as one likes.
#[derive(Clone, Debug)]
pub enum JobEnd {
    /// It said that it is finished.
    Finished,
    /// It was taken out, or asked to stop, before it was finished.
    Removed,
    /// A step panicked, was killed, or could not be begun.
    Failed(Arc<JoinError>),
}

/// Why a wait for jobs ended before they did. They go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobWaitError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while he would have had to wait.
    Canceled,
    /// The caller's stop token was triggered first.
    Stopped,
    /// The caller is such a job, and would wait for himself. What he asked for is done when his step ends.
    Itself,
}

impl fmt::Display for JobWaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the deadline passed before the job was over",
            Self::Canceled => "the caller was canceled while he waited for a job",
            Self::Stopped => "the caller was stopped while he waited for a job",
            Self::Itself => "a job would wait for itself; let its step end instead",
        })
    }
}

impl std::error::Error for JobWaitError {}

impl From<WaitError> for JobWaitError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

/// Jobs of which so many run at a time, in the order in which they came.
///
/// Dropping it takes out all jobs, asks those that run to stop, and waits until they are over; in a job of its own it
/// does not wait. If it is a panic that drops it on a fiber, the fiber waits for them when it has been unwound, before it ends.
///
/// ```
/// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let pool = JobPool::on(&runtime, 2);
/// let mut left = 3;
/// let counts = pool.add("count down", move || {
///     left -= 1;
///     if left > 0 { JobStep::Again } else { JobStep::Finished }
/// });
/// let fails = pool.add("a bad one", || panic!("a bad job"));
/// assert!(matches!(counts.wait()?, JobEnd::Finished));
/// match fails.wait()? {
///     JobEnd::Failed(error) => assert!(error.to_string().contains("a bad job")),
///     other => unreachable!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JobPool(Arc<Pool>);

struct Pool {
    scheduler: Scheduler,
    /// Each job has a place among them until it is over.
    members: Arc<Members>,
    width: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that are not over, by their numbers.
    jobs: BTreeMap<u64, Entry>,
    /// The line: numbers of jobs by their positions, of which the lowest is next.
    line: BTreeMap<i64, u64>,
    /// How many jobs there ever were.
    added: u64,
    /// How many steps run, or are about to, without those that have [lent](Lent) their room.
    running: usize,
}

struct Entry {
    job: Job,
    /// `None` while a step has it.
    body: Option<Body>,
    phase: Phase,
    /// There is to be no other step.
    last: bool,
    place: Place,
}

#[derive(Clone, Copy)]
enum Phase {
    InLine(i64),
    /// As this fiber, once it has begun.
    Running(Option<FiberId>),
}

type Body = Box<dyn FnMut() -> JobStep + Send>;

impl State {
    fn put_last(&mut self, number: u64) -> Phase {
        let position = self.line.last_key_value().map_or(0, |(last, _)| last + 1);
        self.line.insert(position, number);
        Phase::InLine(position)
    }

    fn take_out_of_line(&mut self, number: u64) -> Option<Over> {
        let Phase::InLine(position) = self.jobs.get(&number)?.phase else {
            return None;
        };
        self.line.remove(&position);
        Some(Over::of(self.jobs.remove(&number)?, JobEnd::Removed))
    }
}

/// A job that is over, which is told once this is dropped and its body is gone.
#[must_use]
struct Over {
    // Dropped in this order.
    _body: Option<Body>,
    _tells: Tells,
}

impl Over {
    fn of(entry: Entry, end: JobEnd) -> Self {
        Self {
            _body: entry.body,
            _tells: Tells {
                job: entry.job,
                end: Some(end),
                _place: entry.place,
            },
        }
    }
}

struct Tells {
    job: Job,
    end: Option<JobEnd>,
    // Given back when the end was told.
    _place: Place,
}

impl Drop for Tells {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // Nobody else sets it: who has this took the job out of the pool.
            let _ = self.job.0.end.set(end);
        }
        self.job.0.over.signal();
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that panics is done under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller is one of the jobs.
    fn has_current(self: &Arc<Self>) -> bool {
        Job::current().is_some_and(|job| Arc::ptr_eq(&job.0.pool, self))
    }

    /// Begins steps, as many as may run.
    fn begin(&self) {
        loop {
            let step = {
                let mut state = self.lock();
                // More run where one has waited for another meanwhile.
                if state.running >= self.width {
                    return;
                }
                let Some((_, number)) = state.line.pop_first() else {
                    return;
                };
                let Some(entry) = state.jobs.get_mut(&number) else {
                    continue;
                };
                entry.phase = Phase::Running(None);
                let (job, body) = (entry.job.clone(), entry.body.take());
                state.running += 1;
                Step { job, body }
            };
            let name = Arc::clone(&step.job.0.name);
            let options = SpawnOptions {
                name: Some(&name),
                ..SpawnOptions::default()
            };
            // It is here that the step is found if the fiber cannot be had.
            let step = Arc::new(Mutex::new(Some(step)));
            let theirs = Arc::clone(&step);
            let take = |from: &Mutex<Option<Step>>| {
                from.lock().unwrap_or_else(PoisonError::into_inner).take()
            };
            let handle = self.scheduler.spawn(&options, move || {
                if let Some(step) = take(&theirs) {
                    step.run();
                }
            });
            if handle.id().is_none()
                && let Some(mut step) = take(&step)
                && let Err(error) = handle.join()
            {
                step.settle(Err(JobEnd::Failed(Arc::new(error))));
            }
        }
    }
}

/// A step that runs or is about to. When it is dropped it is over at the latest, and the next one begins.
struct Step {
    job: Job,
    /// `None` once it was said what became of it.
    body: Option<Body>,
}

static CURRENT: FiberLocal<RefCell<Option<Job>>> = FiberLocal::new(RefCell::default);

impl Step {
    fn run(mut self) {
        let asked = {
            let mut state = self.job.0.pool.lock();
            match state.jobs.get_mut(&self.job.0.number) {
                Some(entry) => {
                    entry.phase = Phase::Running(current_id());
                    entry.last
                }
                None => true,
            }
        };
        if asked {
            return self.settle(Ok(JobStep::Again));
        }
        CURRENT.set(RefCell::new(Some(self.job.clone())));
        let Some(body) = &mut self.body else { return };
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(step) => self.settle(Ok(step)),
            Err(payload) if payload.is::<Unwinding>() => {
                drop(self);
                resume_unwind(payload);
            }
            Err(payload) => self.settle(Err(JobEnd::Failed(Arc::new(JoinError::Panicked(
                Panicked::new(payload),
            ))))),
        }
    }

    /// Says what became of the step.
    fn settle(&mut self, step: Result<JobStep, JobEnd>) {
        let body = self.body.take();
        let number = self.job.0.number;
        let mut state = self.job.0.pool.lock();
        state.running -= 1;
        let over = state.jobs.remove(&number).and_then(|mut entry| {
            entry.body = body;
            let end = match step {
                Ok(JobStep::Again) if !entry.last => {
                    entry.phase = state.put_last(number);
                    state.jobs.insert(number, entry);
                    return None;
                }
                Ok(JobStep::Again) => JobEnd::Removed,
                Ok(JobStep::Finished) => JobEnd::Finished,
                Err(end) => end,
            };
            Some(Over::of(entry, end))
        });
        drop(state);
        drop(over);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.body.is_some() {
            let killed = JoinError::Killed(Killed::default());
            self.settle(Err(JobEnd::Failed(Arc::new(killed))));
        }
        self.job.0.pool.begin();
    }
}

/// The step that calls waits for another job of its pool, and lends the room that it has there to those in line, of which
/// that job may be one. When this is dropped it has it again, though the pool may then be too full until a step ends.
struct Lent<'a>(&'a Pool);

impl<'a> Lent<'a> {
    fn by_caller(pool: &'a Arc<Pool>) -> Option<Self> {
        if !pool.has_current() {
            return None;
        }
        pool.lock().running -= 1;
        let lent = Self(pool);
        pool.begin();
        Some(lent)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.lock().running += 1;
    }
}

impl JobPool {
    /// A pool of which at most `width` jobs run at a time, each on a fiber of `runtime`. One that waits for another does not
    /// count meanwhile, so that jobs may add others and wait for them.
    ///
    /// # Panics
    /// If `width` is zero.
    ///
    /// ```
    /// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 2);
    /// let job = pool.add("short", || JobStep::Finished);
    /// assert!(matches!(job.wait()?, JobEnd::Finished));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on(runtime: &Runtime, width: usize) -> Self {
        Self::of(runtime.scheduler(), width)
    }

    /// The same, on the runtime whose fiber calls. `None` on a plain thread.
    ///
    /// # Panics
    /// If `width` is zero.
    ///
    /// ```
    /// use vitte_threads::{JobEnd, JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let end = runtime.run(|| {
    ///     let pool = JobPool::here(2).unwrap();
    ///     pool.add("short", || JobStep::Finished).wait()
    /// });
    /// assert!(matches!(end?, JobEnd::Finished));
    /// assert!(JobPool::here(2).is_none(), "this thread has no runtime");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn here(width: usize) -> Option<Self> {
        Some(Self::of(&Scheduler::current()?, width))
    }

    fn of(scheduler: &Scheduler, width: usize) -> Self {
        assert!(width > 0, "a pool of no width would never do anything");
        Self(Arc::new(Pool {
            scheduler: scheduler.clone(),
            members: Members::of(scheduler, None),
            width,
            state: Mutex::default(),
        }))
    }

    /// Puts a job at the end of the line; its fibers are called `name`. `body` is called for each step.
    /// Never blocks.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let mut pages = vec!["three", "two", "one"].into_iter();
    /// let prints = pool.add("print", move || match pages.next() {
    ///     Some(_page) => JobStep::Again, // another job may have its turn in between
    ///     None => JobStep::Finished,
    /// });
    /// prints.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add<F>(&self, name: impl Into<Arc<str>>, body: F) -> Job
    where
        F: FnMut() -> JobStep + Send + 'static,
    {
        // Without a limit there is always room.
        let Some(place) = self.0.members.try_enter() else {
            unreachable!("a pool has room for any number of jobs");
        };
        let mut state = self.0.lock();
        let number = state.added;
        state.added += 1;
        let job = Job(Arc::new(Shared {
            pool: Arc::clone(&self.0),
            number,
            name: name.into(),
            asks: StopSource::new(),
            over: Event::manual(),
            end: OnceLock::new(),
        }));
        let entry = Entry {
            job: job.clone(),
            body: Some(Box::new(body)),
            phase: state.put_last(number),
            last: false,
            place,
        };
        state.jobs.insert(number, entry);
        drop(state);
        self.0.begin();
        job
    }

    /// How many jobs run at a time at most.
    ///
    /// ```
    /// use vitte_threads::{JobPool, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// assert_eq!(JobPool::on(&runtime, 2).width(), 2);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// How many jobs are in line or run.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Finished });
    /// pool.add("in line", || JobStep::Finished);
    /// assert_eq!(pool.len(), 2);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().jobs.len()
    }

    /// Whether no job is in line, and none runs.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("short", || JobStep::Finished).wait()?;
    /// assert!(pool.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many run, without those that wait for others of the pool.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Finished });
    /// pool.add("in line", || JobStep::Finished);
    /// assert_eq!(pool.running(), 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.lock().running
    }

    /// Those that run, and then those in line, in its order.
    ///
    /// ```
    /// use vitte_threads::{JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Finished });
    /// pool.add("in line", || JobStep::Finished);
    /// let names: Vec<_> = pool.jobs().iter().map(|job| job.name().to_owned()).collect();
    /// assert_eq!(names, ["waits", "in line"]);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        let state = self.0.lock();
        let runs = |entry: &&Entry| matches!(entry.phase, Phase::Running(_));
        let running = state.jobs.values().filter(runs);
        let in_line = state
            .line
            .values()
            .filter_map(|number| state.jobs.get(number));
        running
            .chain(in_line)
            .map(|entry| entry.job.clone())
            .collect()
    }

    /// [Removes](Job::remove) all jobs that `choose` returns true for, and waits until they are over.
    ///
    /// # Errors
    /// [`JobWaitError`]: what ended the wait for one that runs. All were asked, and those that remain are in the
    /// pool until their steps end.
    ///
    /// # Blocking
    /// As [`Job::wait_with`].
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Finished });
    /// pool.add("in line", || JobStep::Finished);
    /// pool.remove_all_with(|job| job != &waits, Deadline::NEVER, None)?;
    /// assert_eq!(pool.jobs(), [waits]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_all_with<F: FnMut(&Job) -> bool>(
        &self,
        choose: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), JobWaitError> {
        self.each_with(choose, Job::take_out, deadline, stop)
    }

    timed_forms! {
        remove_all_with<F: FnMut(&Job) -> bool>(choose: F) -> Result<(), JobWaitError>: remove_all_until remove_all_timeout remove_all_or_stop
        in vitte_threads { JobPool, JobStep, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// pool.add("waits", || { park(); JobStep::Again });
        /// pool.add("in line", || JobStep::Again);
        "pool." ("|job| job.name() == \"in line\"") => got "assert!(got.is_ok() && pool.len() == 1);"
    }

    /// [Asks](Job::ask_to_stop) all jobs to stop that `choose` returns true for, and waits until they are over.
    ///
    /// # Errors
    /// As [`remove_all_with`](Self::remove_all_with).
    ///
    /// # Blocking
    /// As [`Job::wait_with`].
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobPool, JobStep, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// pool.add("waits", || { park(); JobStep::Again });
    /// pool.stop_all_with(|_| true, Deadline::NEVER, None)?;
    /// assert!(pool.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_all_with<F: FnMut(&Job) -> bool>(
        &self,
        choose: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), JobWaitError> {
        self.each_with(choose, Job::ask_to_stop, deadline, stop)
    }

    timed_forms! {
        stop_all_with<F: FnMut(&Job) -> bool>(choose: F) -> Result<(), JobWaitError>: stop_all_until stop_all_timeout stop_all_or_stop
        in vitte_threads { JobPool, JobStep, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// pool.add("waits", || { park(); JobStep::Again });
        "pool." ("|_| true") => got "assert!(got.is_ok() && pool.is_empty());"
    }

    fn each_with(
        &self,
        choose: impl FnMut(&Job) -> bool,
        ask: fn(&Job),
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), JobWaitError> {
        let mut chosen = self.jobs();
        chosen.retain(choose);
        // From the end, so that none begins because another makes room.
        chosen.iter().rev().for_each(ask);
        let waits = |job: &Job| job.wait_with(deadline, stop).map(drop);
        chosen.iter().map(waits).fold(Ok(()), Result::and)
    }

    /// Waits until no job is left.
    ///
    /// # Errors
    /// [`JobWaitError`]: what ended the wait first.
    ///
    /// # Blocking
    /// As [`Job::wait_with`].
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobPool, JobStep, JobWaitError, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let pool = JobPool::on(&runtime, 1);
    /// let waits = pool.add("waits", || { park(); JobStep::Finished });
    /// assert!(matches!(pool.wait_with(Deadline::NOW, None), Err(JobWaitError::TimedOut)));
    /// waits.ask_to_stop();
    /// pool.wait_with(Deadline::NEVER, None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), JobWaitError> {
        if self.0.has_current() {
            return Err(JobWaitError::Itself);
        }
        Ok(self.0.members.wait_with(deadline, stop)?)
    }

    timed_forms! {
        wait_with() -> Result<(), JobWaitError>: wait_until wait_timeout wait_or_stop
        in vitte_threads { JobPool, JobStep, JobWaitError, Runtime, park }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let pool = JobPool::on(&runtime, 1);
        /// pool.add("waits", || { park(); JobStep::Finished });
        "pool." () => Err(JobWaitError)
    }
}

impl Drop for JobPool {
    fn drop(&mut self) {
        self.jobs().iter().rev().for_each(Job::ask_to_stop);
        if !self.0.has_current() {
            self.0.members.wait_whatever_happens();
        }
    }
}

impl fmt::Debug for JobPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("JobPool")
            .field("width", &self.0.width)
            .field("running", &state.running)
            .field("in_line", &state.line.len())
            .finish_non_exhaustive()
    }
}
