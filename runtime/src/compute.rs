//! Existing rayon code on a pool that is the runtime's, while the calling fiber waits.
//!
//! Rayon waits by blocking its threads, so on a worker it would hold up every fiber there, and its global pool would be
//! nobody's. Here the pool is made when it is first wanted, of threads that the runtime starts, names, and joins.

use crate::Runtime;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{PoisonError, RwLock};
use vitte_scheduler::{Guest, OffloadError, Panicked, Scheduler};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// The pool of a scheduler. `None`: closed.
struct Pool(RwLock<Option<ThreadPool>>);

impl Pool {
    fn start(scheduler: &Scheduler) -> Result<Self, OffloadError> {
        let refused = |error: &dyn ToString| OffloadError::Thread(error.to_string().into());
        let pool = ThreadPoolBuilder::new()
            .num_threads(scheduler.config().compute_threads.max(1))
            .spawn_handler(|thread| {
                let name = format!("compute-{}", thread.index());
                scheduler.start_thread(&name, thread.stack_size(), || thread.run())
            })
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Self(RwLock::new(Some(pool))))
    }

    /// Calls `with` with the pool, if it is open.
    fn with<T>(&self, with: impl FnOnce(&ThreadPool) -> T) -> Option<T> {
        let pool = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pool.as_ref().map(with)
    }
}

impl Guest for Pool {
    fn close(&self) {
        let pool = self
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Its threads end when they have done what they have; this does not wait for them.
        drop(pool);
    }
}

fn compute_on<F, T>(
    scheduler: &Scheduler,
    job: F,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<T, OffloadError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let pool = scheduler.guest(Pool::start)?;
    let pool = pool.ok_or(OffloadError::ShuttingDown)?;
    if pool.with(|pool| pool.current_thread_index().is_some()) == Some(true) {
        return Ok(Panicked::catch(job)?);
    }
    // A pool that was closed meanwhile drops the job.
    let hand = |job: Box<dyn FnOnce() + Send>| pool.with(|pool| pool.spawn(job)).unwrap_or(());
    scheduler.offload_to(hand, job, deadline, stop)
}

impl Runtime {
    /// Runs `job` on the runtime's rayon pool and returns its value; the calling fiber, or thread, waits. It may
    /// borrow from the caller. Whatever of rayon it uses uses that pool. From a fiber of the runtime the function
    /// [`compute`] does the same.
    ///
    /// The pool is started when it is first wanted, with [as many threads](crate::RuntimeBuilder::compute_threads) as
    /// there are processors; they are called like the workers (`vitte-compute-0`), and end with the runtime. On them
    /// nothing is a fiber: what waits there blocks its thread. Within `job`, `compute` runs in place.
    ///
    /// # Errors
    /// [`OffloadError`]; a panic of `job`, or of what it has rayon do, with its text.
    ///
    /// # Cancellation
    /// A job that has not begun is taken back. One that has is waited for, for it may use what it borrowed, and nobody
    /// can interrupt it: have it look at a [`StopToken`] now and then. A shutdown waits for it in the same way, until
    /// its deadline.
    ///
    /// # Blocking
    /// Until the job has ended.
    ///
    /// # Panics
    /// As [`yield_now`](crate::yield_now), before the job is taken on.
    ///
    /// ```
    /// use rayon::prelude::*;
    /// use vitte_threads::{Runtime, compute};
    ///
    /// let runtime = Runtime::builder().workers(1).compute_threads(2).build()?;
    /// let numbers: Vec<u64> = (0..1000).collect();
    /// let total = runtime.run(|| {
    ///     // Other fibers of this worker run meanwhile.
    ///     compute(|| numbers.par_iter().map(|n| n * n).sum::<u64>()).unwrap()
    /// });
    /// assert_eq!(total, 332_833_500);
    /// assert_eq!(runtime.compute(rayon::current_num_threads)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compute<F, T>(&self, job: F) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.compute_with(job, Deadline::NEVER, None)
    }

    /// As [`compute`](Self::compute), for a job that begins before `deadline`, and before `stop` is triggered, or
    /// never.
    ///
    /// # Errors
    /// As [`compute`](Self::compute).
    ///
    /// ```
    /// use vitte_threads::{Deadline, Runtime};
    ///
    /// let runtime = Runtime::builder().compute_threads(1).build()?;
    /// let sum = runtime.compute_with(|| (1..=10).sum::<u32>(), Deadline::NEVER, None);
    /// assert_eq!(sum?, 55);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compute_with<F, T>(
        &self,
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        compute_on(self.scheduler(), job, deadline, stop)
    }

    timed_forms! {
        compute_with<F: [FnOnce() -> T + Send], T: Send>(job: F) -> Result<T, OffloadError>:
        compute_until compute_timeout compute_or_stop
        in vitte_threads { Runtime }
        ///
        /// let runtime = Runtime::builder().compute_threads(1).build().unwrap();
        "runtime." ("|| (1..=10).sum::<u32>()") => got "assert_eq!(got.unwrap(), 55);"
    }
}

/// [`Runtime::compute`] on the runtime whose fiber calls, or to which the calling thread is attached. On a thread of
/// any rayon pool it runs `job` in place.
///
/// # Errors
/// As [`Runtime::compute`]; on any other thread [`OffloadError::NoRuntime`].
///
/// # Cancellation
/// # Blocking
/// # Panics
/// As [`Runtime::compute`].
///
/// ```
/// use rayon::prelude::*;
/// use vitte_threads::{OffloadError, Runtime, compute};
///
/// let runtime = Runtime::builder().compute_threads(2).build()?;
/// let sum = runtime.run(|| compute(|| (1..=10).into_par_iter().sum::<u32>()));
/// assert_eq!(sum?, 55);
/// assert!(matches!(compute(|| 1), Err(OffloadError::NoRuntime)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compute<F, T>(job: F) -> Result<T, OffloadError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    compute_with(job, Deadline::NEVER, None)
}

/// As [`compute`], for a job that begins before `deadline`, and before `stop` is triggered, or never.
///
/// # Errors
/// As [`compute`].
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Runtime, compute_timeout};
///
/// let runtime = Runtime::builder().workers(1).compute_threads(1).build()?;
/// let sum = runtime.run(|| compute_timeout(|| (1..=10).sum::<u32>(), Duration::from_secs(60)));
/// assert_eq!(sum?, 55);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compute_with<F, T>(
    job: F,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<T, OffloadError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match Scheduler::current() {
        Some(scheduler) => compute_on(&scheduler, job, deadline, stop),
        None if rayon::current_thread_index().is_some() => Ok(Panicked::catch(job)?),
        None => Err(OffloadError::NoRuntime),
    }
}

timed_forms! {
    fn compute_with<F: [FnOnce() -> T + Send], T: Send>(job: F) -> Result<T, OffloadError>:
    compute_until compute_timeout compute_or_stop
    in vitte_threads { Runtime }
    ///
    /// let runtime = Runtime::builder().compute_threads(1).build().unwrap();
    "runtime.run(|| vitte_threads::" ("|| (1..=10).sum::<u32>()") ")" => got "assert_eq!(got.unwrap(), 55);"
}
