//! Blocking calls on threads of their own: the fiber waits, its worker goes on.
//!
//! There are two pools, for jobs that mostly wait for the outside world, and for those that compute
//! without polling; they have different limits. A job lies in its caller's frame, so it may borrow, and
//! so a call never returns before its job is over, or taken back before it began; but for jobs that own
//! all that they use, which may be left to themselves. A plain thread is nobody's worker: it runs the job itself.

mod handed;
#[cfg(all(test, loom))]
mod model;
mod pool;

use crate::{Panicked, Scheduler, reach::Reach, shared::Phase, worker};
pub(crate) use pool::Pool;
use pool::{Came, Job, Refused};
use std::{
    cell::Cell,
    fmt, mem,
    ptr::{self, NonNull},
    time::Duration,
};
use vitte_wait::{
    Deadline, Outcome, StopToken, confined, current,
    facade::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread::JoinHandle,
    },
};

/// Which pool of threads a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum JobKind {
    /// Waits for the outside world: files, names, processes, foreign libraries. Many at a time.
    #[default]
    Io,
    /// Computes for long without polling. As many at a time as there are CPUs.
    Cpu,
}

impl JobKind {
    fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Cpu => "cpu",
        }
    }
}

/// The pools of a scheduler.
pub(crate) struct Pools {
    io: Pool,
    cpu: Pool,
    /// How many jobs are in the hands of others' pools.
    handed: AtomicUsize,
}

impl Pools {
    pub(crate) fn new(io: usize, cpu: usize, patience: Duration) -> Self {
        Self {
            io: Pool::new(JobKind::Io, io, patience),
            cpu: Pool::new(JobKind::Cpu, cpu, patience),
            handed: AtomicUsize::new(0),
        }
    }

    pub(crate) fn of(&self, kind: JobKind) -> &Pool {
        match kind {
            JobKind::Io => &self.io,
            JobKind::Cpu => &self.cpu,
        }
    }

    /// How many threads there are, and how many jobs they run.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let (io, cpu) = (self.io.counts(), self.cpu.counts());
        (io.0 + cpu.0, io.1 + cpu.1)
    }

    /// How many jobs are not over.
    pub(crate) fn pending(&self) -> usize {
        self.io.pending() + self.cpu.pending() + self.handed.load(Relaxed)
    }

    /// Takes no more jobs. Returns the threads, which end after those they run.
    pub(crate) fn close(&self) -> Vec<JoinHandle<()>> {
        let mut threads = self.io.close();
        threads.append(&mut self.cpu.close());
        threads
    }
}

/// Why an offloaded job gave no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum OffloadError {
    /// It panicked.
    Panicked(Panicked),
    /// The deadline came before it began. It will not; the closure was dropped. (Here and below: or it had
    /// begun, if it was [owned](Scheduler::offload_owned_with); then it runs on.)
    TimedOut,
    /// The caller was canceled before it began. It will not; the closure was dropped.
    Canceled,
    /// The caller was stopped before it began. It will not; the closure was dropped.
    Stopped,
    /// The runtime has ended, and with it its pools. The closure was dropped.
    ShuttingDown,
    /// The pool has no thread, and the system refused one, with this text. The closure was dropped.
    Thread(Box<str>),
    /// The caller is on no fiber and named no runtime, and so no pool. The closure was dropped.
    NoRuntime,
}

impl OffloadError {
    fn ended(ended: Outcome) -> Self {
        match ended {
            Outcome::TimedOut | Outcome::Woken => Self::TimedOut,
            Outcome::Canceled => Self::Canceled,
            Outcome::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for OffloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => {
                write!(f, "the offloaded job panicked: {}", panicked.text())
            }
            Self::TimedOut => f.write_str(
                "the deadline came before a thread was free for the job, or it was over",
            ),
            Self::Canceled => {
                f.write_str("the caller was canceled before the job began, or was over")
            }
            Self::Stopped => {
                f.write_str("the caller was stopped before the job began, or was over")
            }
            Self::ShuttingDown => {
                f.write_str("the runtime has ended, and runs no offloaded jobs any more")
            }
            Self::Thread(error) => {
                write!(f, "the system refused a thread for the job: {error}")
            }
            Self::NoRuntime => {
                f.write_str("there is no runtime here: call from a fiber, or through a `Runtime`")
            }
        }
    }
}

impl std::error::Error for OffloadError {}

/// Why a blocking call was not left to end by itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockingError<T> {
    /// The caller's wait ended while the call was under way, so it was unblocked. This is what it
    /// returned then.
    Unblocked {
        /// What ended the wait.
        why: Outcome,
        /// What the call returned.
        value: T,
    },
    /// It panicked, or never began.
    Offload(OffloadError),
}

impl<T> fmt::Display for BlockingError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unblocked { why, .. } => {
                let why = match why {
                    Outcome::TimedOut | Outcome::Woken => "its deadline came",
                    Outcome::Canceled => "its caller was canceled",
                    Outcome::Stopped => "its caller was stopped",
                };
                write!(f, "the blocking call was unblocked, for {why}")
            }
            Self::Offload(error) => error.fmt(f),
        }
    }
}

impl<T: fmt::Debug> std::error::Error for BlockingError<T> {}

/// A closure, and what came of it.
struct Body<F, T> {
    closure: Cell<Option<F>>,
    ending: Cell<Option<Result<T, Panicked>>>,
}

impl<F: FnOnce() -> T + Send, T: Send> Body<F, T> {
    fn new(closure: F) -> Self {
        Self {
            closure: Cell::new(Some(closure)),
            ending: Cell::new(None),
        }
    }

    fn run(&self) {
        if let Some(closure) = self.closure.take() {
            self.ending.set(Some(Panicked::catch(closure)));
        }
    }

    /// # Safety
    /// `body` is one of this type, and nobody else touches it.
    unsafe fn run_raw(body: *const ()) {
        // SAFETY: by the caller.
        unsafe { &*body.cast::<Self>() }.run();
    }

    /// # Safety
    /// `body` came out of a box of one of this type, and nobody else knows it any more.
    unsafe fn free_raw(body: *const ()) {
        // SAFETY: by the caller.
        let body = unsafe { Box::from_raw(body.cast_mut().cast::<Self>()) };
        // Nobody is there to hear of a panic of what it drops; the hook was told.
        confined(|| drop(body));
    }

    /// What its caller is told.
    fn came(&self, came: Came) -> Result<T, OffloadError> {
        match came {
            Came::Over | Came::Late(_) => self.take(),
            Came::TakenBack(ended) | Came::Left(ended) => Err(OffloadError::ended(ended)),
            Came::Refused(refused) => Err(refused.into()),
        }
    }

    fn take(&self) -> Result<T, OffloadError> {
        match self.ending.take() {
            Some(ending) => Ok(ending?),
            // A job that is over has left its ending.
            None => unreachable!("an offloaded job left nothing"),
        }
    }
}

/// A job that is freed with this, and that may be left before.
struct Owned(NonNull<Job>);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it was made as one that is owned, and is over, or was never queued, or taken back.
        unsafe { Job::free(self.0) };
    }
}

impl Scheduler {
    /// Runs `job` on a thread of the pool that `kind` names and returns its value; the calling fiber waits. It
    /// may borrow from the caller. The job begins before `deadline`, and before `stop` is triggered, or never.
    ///
    /// The pool starts threads as they are needed, up to its limit; beyond that jobs wait in line. A
    /// thread that has had nothing to do for a while ends. A plain thread runs the job itself.
    ///
    /// The shorter forms of this and the other calls here are the runtime's, in the crate above.
    ///
    /// # Errors
    /// [`OffloadError`]. To keep a closure that may not begin, lend it: `&mut job`.
    ///
    /// # Cancellation
    /// A job that has not begun is taken back, and one who is canceled already begins none. One that has is waited for: it may
    /// use what it borrowed, and no thread is ever killed. [`call_blocking_with`](Self::call_blocking_with) can end it sooner.
    ///
    /// # Blocking
    /// Until the job has ended.
    ///
    /// # Panics
    /// As [`yield_now`](crate::yield_now), before the job is taken on.
    ///
    /// ```
    /// use vitte_scheduler::{Config, JobKind, OffloadError, Scheduler, SpawnOptions};
    /// use vitte_wait::{Deadline, StopToken};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (on, path) = (scheduler.clone(), std::env::current_exe()?);
    /// let task = scheduler.spawn(&SpawnOptions::default(), move || {
    ///     let length = || std::fs::metadata(&path).map(|found| found.len());
    ///     on.offload_with(JobKind::Io, length, Deadline::NEVER, None)
    /// });
    /// assert!(task.join()??? > 0);
    ///
    /// let late = || unreachable!("it does not begin");
    /// let never = scheduler.offload_with(JobKind::Cpu, late, Deadline::NEVER, Some(&StopToken::DONE));
    /// assert!(matches!(never, Err::<(), _>(OffloadError::Stopped)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offload_with<F, T>(
        &self,
        kind: JobKind,
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        if worker::current_task().is_none() {
            return here_before(deadline, stop, job);
        }
        let body = Body::new(job);
        body.came(self.call(kind, &body, deadline, stop, || {}))
    }

    /// As [`offload_with`](Self::offload_with), of a job that owns all that it uses. So it need not be waited
    /// for: if the caller is canceled while it runs, or `deadline` comes, or `stop` is triggered, it runs on, and what it
    /// returns is dropped. For calls that nobody can end, and whose effect nobody regrets.
    ///
    /// A plain thread that names a deadline or a token, or that others can cancel, for it is attached or has a handle,
    /// waits for a thread of the pool, too; any other runs the job itself.
    ///
    /// # Errors
    /// As [`offload_with`](Self::offload_with).
    ///
    /// # Cancellation
    /// Ends the call. A shutdown of the scheduler waits for the job, until its own deadline.
    ///
    /// # Blocking
    /// Until the job or the wait has ended.
    ///
    /// # Panics
    /// As [`offload_with`](Self::offload_with).
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use vitte_scheduler::{Config, JobKind, OffloadError, Scheduler, SpawnOptions};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (on, (go, gone)) = (scheduler.clone(), mpsc::channel::<()>());
    /// let task = scheduler.spawn(&SpawnOptions::default(), move || {
    ///     let soon = Deadline::after(Duration::from_millis(10));
    ///     on.offload_owned_with(JobKind::Io, move || gone.recv(), soon, None)
    /// });
    /// assert!(matches!(task.join()?, Err(OffloadError::TimedOut)));
    /// drop(go); // Lets it end, if it has begun.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offload_owned_with<F, T>(
        &self,
        kind: JobKind,
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_nobody_to_end(deadline, stop) {
            return here(job);
        }
        let body = Box::into_raw(Box::new(Body::new(job)));
        // SAFETY: the body is in a box of its own; it, its closure and its value may be on any thread, and it
        // catches panics.
        let job =
            unsafe { Job::new_owned(Body::<F, T>::run_raw, body.cast(), Body::<F, T>::free_raw) };
        let owned = Owned(NonNull::from(Box::leak(job)));
        // SAFETY: it is freed when this returns, or by its thread once that was left.
        let job = unsafe { owned.0.as_ref() };
        let came = self.call_job(kind, job, deadline, stop, || {});
        if let Came::Left(ended) = came {
            mem::forget(owned);
            return Err(OffloadError::ended(ended));
        }
        // SAFETY: the job is over, or will not begin, so nobody else touches its body.
        unsafe { &*body }.came(came)
    }

    /// As [`offload_with`](Self::offload_with), on another library's pool: `hand` gives that what it is given, to run
    /// it or to drop it, at any time. A plain thread waits, too.
    ///
    /// # Errors
    /// As [`offload_with`](Self::offload_with). [`OffloadError::ShuttingDown`]: the pool has dropped it, or the
    /// scheduler has ended.
    ///
    /// # Panics
    /// With the panic of `hand`.
    pub fn offload_to<F, T>(
        &self,
        hand: impl FnOnce(Box<dyn FnOnce() + Send>),
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let body = Body::new(job);
        if let Some(refusal) = self.refusal() {
            return body.came(refusal);
        }
        let at = ptr::from_ref(&body).cast();
        // SAFETY: the body lies here, and nobody touches it any more when this returns. The closure and its value
        // may be on any thread, and the closure's panics are caught.
        let came =
            unsafe { handed::call(&self.0, Body::<F, T>::run_raw, at, hand, deadline, stop) };
        body.came(came)
    }

    /// Whether the calling thread is attached to this scheduler.
    fn is_attached(&self) -> bool {
        Self::attached().is_some_and(|its| its.is_same(self))
    }

    /// Whether the caller is a plain thread whose wait nothing and nobody would end, so that it can do itself
    /// what it would wait for.
    fn is_nobody_to_end(&self, deadline: Deadline, stop: Option<&StopToken>) -> bool {
        worker::current_task().is_none()
            && deadline == Deadline::NEVER
            && stop.is_none()
            && !Reach::is_here()
            && !self.is_attached()
    }

    /// Why no job is begun for the caller, if so.
    fn refusal(&self) -> Option<Came> {
        let belongs = self.is_current() || self.is_attached();
        if self.0.phase_is_at_least(Phase::Closing) && !belongs {
            return Some(Came::Refused(Refused::Closed));
        }
        // Who is canceled already has nothing begun; else that would be up to chance.
        let unit = current::unit();
        (unit.is_canceled() && !unit.is_unwind_due()).then_some(Came::TakenBack(Outcome::Canceled))
    }

    /// As [`offload_with`](Self::offload_with) of a call that blocks for the outside world, with a way to end it:
    /// if the caller is canceled meanwhile (a fiber, an attached thread, or one with a handle; its runtime's shutdown does that,
    /// too), `deadline` comes, or `stop` is triggered, it calls `unblock`, and then waits for the call to return.
    ///
    /// `unblock` is called once at most, while the call is under way, or has just returned but its thread
    /// has not gone on to anything else. So it may signal that thread, or close or shut down what the
    /// call waits on; neither of the two runs any more when this returns.
    ///
    /// Plain threads are treated as by [`offload_owned_with`](Self::offload_owned_with).
    ///
    /// # Errors
    /// [`BlockingError::Unblocked`] with what the call returned all the same; or as
    /// [`offload_with`](Self::offload_with).
    ///
    /// # Blocking
    /// Until the call has returned.
    ///
    /// # Panics
    /// As [`offload_with`](Self::offload_with). A panic of `unblock` is dropped.
    ///
    /// ```
    /// use std::{io::Read, net::Shutdown, os::unix::net::UnixStream};
    /// use vitte_scheduler::{BlockingError, Config, Scheduler, SpawnOptions};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let (stream, _other) = UnixStream::pair()?;
    /// let on = scheduler.clone();
    /// let task = scheduler.spawn(&SpawnOptions::default(), move || {
    ///     let read = || (&stream).read(&mut [0]).unwrap();
    ///     let unblock = || stream.shutdown(Shutdown::Both).unwrap();
    ///     on.call_blocking_with(read, unblock, Deadline::NEVER, None)
    /// });
    /// task.cancel();
    /// match task.join()? {
    ///     Err(BlockingError::Unblocked { why, value }) => assert_eq!((why, value), (Outcome::Canceled, 0)),
    ///     // It had not begun.
    ///     other => assert!(other.is_err()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_blocking_with<F, T, U>(
        &self,
        call: F,
        unblock: U,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, BlockingError<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
        U: FnOnce(),
    {
        if self.is_nobody_to_end(deadline, stop) {
            return here(call).map_err(BlockingError::Offload);
        }
        let body = Body::new(call);
        match self.call(JobKind::Io, &body, deadline, stop, unblock) {
            Came::Over => body.take().map_err(BlockingError::Offload),
            Came::Late(why) => match body.take() {
                Ok(value) => Err(BlockingError::Unblocked { why, value }),
                Err(error) => Err(BlockingError::Offload(error)),
            },
            Came::TakenBack(ended) | Came::Left(ended) => {
                Err(BlockingError::Offload(OffloadError::ended(ended)))
            }
            Came::Refused(refused) => Err(BlockingError::Offload(refused.into())),
        }
    }

    fn call<F, T>(
        &self,
        kind: JobKind,
        body: &Body<F, T>,
        deadline: Deadline,
        stop: Option<&StopToken>,
        unblock: impl FnOnce(),
    ) -> Came
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        // SAFETY: the body lies in our caller's frame, and the pool is done with it when `call_job` returns.
        // Until then nobody else touches it, and the closure and its value may be on any thread. The
        // closure's panics are caught.
        let job = unsafe { Job::new(Body::<F, T>::run_raw, ptr::from_ref(body).cast()) };
        self.call_job(kind, &job, deadline, stop, unblock)
    }

    fn call_job(
        &self,
        kind: JobKind,
        job: &Job,
        deadline: Deadline,
        stop: Option<&StopToken>,
        unblock: impl FnOnce(),
    ) -> Came {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        let pool = self.0.pools.of(kind);
        pool.call(&self.0, job, deadline, stop, unblock)
    }
}

/// What comes of `job` on a thread that nobody need wait for.
fn here<T>(job: impl FnOnce() -> T) -> Result<T, OffloadError> {
    Ok(Panicked::catch(job)?)
}

/// As [`here`], if it is not too late to begin.
fn here_before<T>(
    deadline: Deadline,
    stop: Option<&StopToken>,
    job: impl FnOnce() -> T,
) -> Result<T, OffloadError> {
    if current::unit().is_canceled() {
        Err(OffloadError::Canceled)
    } else if stop.is_some_and(StopToken::is_stopped) {
        Err(OffloadError::Stopped)
    } else if deadline.is_past() {
        Err(OffloadError::TimedOut)
    } else {
        here(job)
    }
}

impl From<Panicked> for OffloadError {
    fn from(panicked: Panicked) -> Self {
        Self::Panicked(panicked)
    }
}

impl From<Refused> for OffloadError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::ShuttingDown,
            Refused::Thread(error) => Self::Thread(error.to_string().into()),
        }
    }
}

/// [`Scheduler::offload_with`] to the scheduler whose fiber calls. A plain thread runs the job itself.
///
/// # Errors
/// # Cancellation
/// # Blocking
/// # Panics
/// As [`Scheduler::offload_with`].
///
/// ```
/// use vitte_scheduler::{JobKind, offload_with};
/// use vitte_wait::Deadline;
///
/// let sum = offload_with(JobKind::Cpu, || (1..=100).sum::<u32>(), Deadline::NEVER, None);
/// assert_eq!(sum.unwrap(), 5050);
/// ```
pub fn offload_with<F, T>(
    kind: JobKind,
    job: F,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<T, OffloadError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match Scheduler::current() {
        Some(scheduler) => scheduler.offload_with(kind, job, deadline, stop),
        None => here_before(deadline, stop, job),
    }
}
