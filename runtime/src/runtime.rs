//! A runtime: the workers, from start to end.

use crate::{
    Fiber, FiberBuilder, JoinError, JoinHandle, RuntimeBuilder, Scope, Tick, Timer, scope,
};
use std::time::Duration;
use vitte_scheduler::{
    Driver, ResizeError, Scheduler, ShutdownError, ShutdownMode, SignalSetupError, SignalUnparker,
    SpawnError, SpawnOptions, StartError, Stats,
};
use vitte_wait::Deadline;

/// Threads that run fibers. See the [crate documentation](crate).
///
/// Dropping it shuts it down with [`ShutdownMode::Cancel`] and the patience of a second.
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Deadline, Fiber, Runtime};
///
/// let runtime = Runtime::builder().workers(2).name("example").build()?;
/// // What runs there is a fiber, and may start others.
/// let sum = runtime.run(|| Fiber::spawn(|| 40).join().unwrap() + 2);
/// assert_eq!(sum, 42);
/// // One may also go on, and ask for the value later.
/// let later = runtime.spawn(|| "done");
/// assert_eq!(later.join()?, "done");
/// // A drop would do; this says what could not be ended in time.
/// runtime.shutdown(Deadline::after(Duration::from_secs(10)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    scheduler: Scheduler,
}

/// How long a runtime that is dropped waits for its tasks to end.
const PATIENCE: Duration = Duration::from_secs(1);

impl Runtime {
    /// A runtime with one worker a CPU.
    ///
    /// # Errors
    /// [`StartError::Thread`] if the system refuses a thread.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// assert_eq!(runtime.run(|| 6 * 7), 42);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn start() -> Result<Self, StartError> {
        Self::builder().build()
    }

    /// A builder, to ask for more than the defaults.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().workers(2).name("parser").build()?;
    /// assert_eq!(runtime.workers(), 2);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    pub(crate) fn new(scheduler: Scheduler) -> Self {
        Self { scheduler }
    }

    /// Runs `body` as a fiber and returns its value. It may borrow from the caller.
    ///
    /// # Panics
    /// With the panic of `body`; and if the fiber could not be started (see
    /// [`try_run`](Self::try_run)).
    ///
    /// # Blocking
    /// Until `body` has returned. A fiber that calls suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let words = ["to", "be", "or", "not"];
    /// let letters = runtime.run(|| {
    ///     // A fiber: it may borrow, and spawn others.
    ///     Fiber::spawn(|| 1).join().unwrap();
    ///     words.iter().map(|word| word.len()).sum::<usize>()
    /// });
    /// assert_eq!(letters, 9);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn run<F, T>(&self, body: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        match self.try_run(body) {
            Ok(value) => value,
            Err(JoinError::Panicked(panicked)) => {
                std::panic::resume_unwind(panicked.into_payload())
            }
            Err(error) => panic!("the runtime could not run this: {error}"),
        }
    }

    /// Runs `body` as a fiber and returns its value, or what it ended with.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the panic of `body`; [`JoinError::NotStarted`] if there are
    /// too many tasks, or stacks.
    ///
    /// # Blocking
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use vitte_threads::{JoinError, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// assert_eq!(runtime.try_run(|| 6 * 7)?, 42);
    /// match runtime.try_run(|| panic!("it is broken")) {
    ///     Err(JoinError::Panicked(panicked)) => assert_eq!(panicked.text(), "it is broken"),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_run<F, T>(&self, body: F) -> Result<T, JoinError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        scope::run(&self.scheduler, body)
    }

    /// Spawns a fiber. If that cannot be, the handle's `join` says why.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let answer = runtime.spawn(|| 6 * 7);
    /// assert_eq!(answer.join()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<F, T>(&self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.scheduler.spawn(&SpawnOptions::default(), body)
    }

    /// A timer of this runtime that calls `callback`. It is not running; for one with a name or another
    /// priority see [`FiberBuilder::timer`].
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// let timer = runtime.timer(move |_| tell.send("now").unwrap());
    /// timer.start_after(Duration::from_millis(1))?;
    /// assert_eq!(told.recv()?, "now");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timer<F>(&self, callback: F) -> Timer
    where
        F: FnMut(&Tick<'_>) + Send + 'static,
    {
        Timer::new(&self.scheduler, &SpawnOptions::default(), callback)
    }

    /// Calls `callback` once, `patience` from now, on a fiber of its own. Dropping what is returned
    /// takes that back; see [`Timer`].
    ///
    /// # Errors
    /// [`SpawnError::ShuttingDown`].
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// runtime.after(Duration::from_millis(1), move |_| tell.send("now").unwrap())?.detach();
    /// assert_eq!(told.recv(), Ok("now"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn after<F>(&self, patience: Duration, callback: F) -> Result<Timer, SpawnError>
    where
        F: FnOnce(&Tick<'_>) + Send + 'static,
    {
        let mut callback = Some(callback);
        let timer = self.timer(move |tick| {
            if let Some(callback) = callback.take() {
                callback(tick);
            }
        });
        timer.start_after(patience)?;
        Ok(timer)
    }

    /// Calls `callback` every `period`, first one period from now. Dropping what is returned ends that;
    /// see [`Timer`].
    ///
    /// # Errors
    /// [`SpawnError::ShuttingDown`].
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// let beat = runtime.every(Duration::from_millis(1), move |_| _ = tell.send("beat"))?;
    /// assert_eq!(told.iter().take(3).count(), 3);
    /// drop(beat);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn every<F>(&self, period: Duration, callback: F) -> Result<Timer, SpawnError>
    where
        F: FnMut(&Tick<'_>) + Send + 'static,
    {
        let timer = self.timer(callback);
        timer.start_periodic(period)?;
        Ok(timer)
    }

    /// A builder for a fiber of this runtime with a name, or a stack size of its own.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let named = runtime.fiber().name("reader").spawn(Fiber::current_name);
    /// assert_eq!(named.join()?.as_deref(), Some("reader"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fiber(&self) -> FiberBuilder<'_> {
        Fiber::builder().on(&self.scheduler)
    }

    /// Runs `body`, which may spawn fibers of this runtime that borrow from the caller; returns when
    /// all of them have ended.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let words = ["to", "be", "or", "not"];
    /// let total: usize = runtime.scope(|scope| {
    ///     let tasks: Vec<_> = words.iter().map(|word| scope.spawn(|| word.len())).collect();
    ///     tasks.into_iter().map(|task| task.join().unwrap()).sum()
    /// });
    /// assert_eq!(total, 9);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    ///
    /// What ends before the scope cannot be borrowed:
    ///
    /// ```compile_fail
    /// let runtime = vitte_threads::Runtime::start().unwrap();
    /// runtime.scope(|scope| {
    ///     let word = "gone".to_owned();
    ///     scope.spawn(|| word.len());
    /// });
    /// ```
    ///
    /// # Panics
    /// With the panic of `body`, or the first one of a fiber that was not joined; always after all
    /// have ended.
    ///
    /// # Blocking
    /// Until all fibers of the scope have ended. Neither a cancellation nor a kill of the caller cuts that
    /// short.
    pub fn scope<'env, F, T>(&self, body: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        scope::scope(&self.scheduler, body)
    }

    /// Changes the number of workers while they run, to 1 to 1024.
    ///
    /// A worker that is one too many gives away what others may run. It then runs only fibers that
    /// cannot leave its thread (those of safe Rust that have begun); when the last of them has ended,
    /// the thread ends, unless the number has grown again before.
    ///
    /// # Errors
    /// [`ResizeError`]: no such number, or the runtime shuts down, or the system refused a thread.
    ///
    /// # Blocking
    /// Never, but to start threads.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::builder().workers(1).build()?;
    /// runtime.resize(4)?;
    /// assert_eq!(runtime.workers(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resize(&self, workers: usize) -> Result<(), ResizeError> {
        self.scheduler.resize(workers)
    }

    /// How many threads run fibers; those that are [one too many](Self::resize) do not count.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::builder().workers(2).build()?;
    /// assert_eq!(runtime.workers(), 2);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn workers(&self) -> usize {
        self.scheduler.workers()
    }

    /// What the runtime has done so far.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// runtime.run(|| ());
    /// assert_eq!(runtime.stats().spawned, 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.scheduler.stats()
    }

    /// What unparks fibers of this runtime from signal handlers; see [`SignalUnparker`]. `capacity` is
    /// how many wake-ups may be under way from handlers at a time, 1 to 65536.
    ///
    /// # Errors
    /// [`SignalSetupError`], always so where a handler cannot wake a thread: anywhere but on Linux.
    ///
    /// ```
    /// use std::sync::OnceLock;
    /// use vitte_threads::{FiberId, Runtime, SignalUnparker};
    ///
    /// static WAKER: OnceLock<(SignalUnparker, FiberId)> = OnceLock::new();
    ///
    /// extern "C" fn on_signal(_: i32) {
    ///     if let Some((unparker, fiber)) = WAKER.get() {
    ///         let _ = unparker.unpark(*fiber);
    ///     }
    /// }
    ///
    /// let runtime = Runtime::start()?;
    /// let unparker = runtime.signal_unparker(64)?;
    /// let task = runtime.spawn(vitte_threads::park);
    /// WAKER.set((unparker, task.id().unwrap())).unwrap();
    /// on_signal(15); // But it is installed with `sigaction`, and the system calls it.
    /// assert_eq!(task.join()?, vitte_threads::Outcome::Woken);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signal_unparker(&self, capacity: usize) -> Result<SignalUnparker, SignalSetupError> {
        self.scheduler.signal_unparker(capacity)
    }

    /// What drives the runtime, if it was built with no [`workers`](RuntimeBuilder::workers): then no thread
    /// was started, and fibers run only while its host lends a thread. `None` if it has workers.
    ///
    /// The host's thread is the one that drove it last, at first the one that built it. On that thread
    /// [`run`](Self::run), [`scope`](Self::scope), joins and shutting down drive the runtime while they
    /// wait. Whatever else waits there (for a channel, a lock, a point in time) only waits.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Runtime, Why, sleep};
    /// use std::time::Duration;
    ///
    /// let runtime = Runtime::builder().workers(0).build()?;
    /// let driver = runtime.driver().unwrap();
    /// let task = runtime.spawn(|| {
    ///     sleep(Duration::from_millis(1));
    ///     "slept well"
    /// });
    /// while !task.is_finished() {
    ///     // A frame of a game, say: what is ready, for two milliseconds at most.
    ///     let ran = driver.run_ready(u64::MAX, Deadline::after(Duration::from_millis(2)))?;
    ///     if ran.why == Why::NothingReady {
    ///         // Here the host has time for other things.
    ///     }
    /// }
    /// assert_eq!(task.join()?, "slept well");
    /// assert_eq!(runtime.run(|| 6 * 7), 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn driver(&self) -> Option<Driver> {
        self.scheduler.driver()
    }

    /// A guard, which keeps the runtime from ending: a shutdown waits for it, and until then threads may
    /// still spawn fibers.
    ///
    /// # Errors
    /// [`AttachError::ShuttingDown`](crate::AttachError), once a shutdown has begun.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let guard = runtime.guard()?;
    /// assert!(runtime.drain(Deadline::NOW).is_err(), "somebody may still spawn");
    /// drop(guard);
    /// runtime.drain(Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard(&self) -> Result<crate::Guard, crate::AttachError> {
        self.scheduler.guard()
    }

    /// Attaches the calling thread: [`Fiber::spawn`] spawns on this runtime from now on, and the runtime
    /// does not end before the thread is detached, by dropping what this returns.
    ///
    /// # Errors
    /// [`AttachError`](crate::AttachError).
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let attached = runtime.attach()?;
    /// assert_eq!(Fiber::spawn(|| 7).join()?, 7);
    /// drop(attached);
    /// assert!(Fiber::spawn(|| 7).join().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(&self) -> Result<crate::Attached, crate::AttachError> {
        self.scheduler.attach()
    }

    /// The scheduler inside, for layers that build on it.
    ///
    /// ```
    /// use vitte_threads::{Runtime, Timer};
    ///
    /// let runtime = Runtime::start()?;
    /// let timer = Timer::on(runtime.scheduler(), |_| ());
    /// assert!(timer.scheduler().is_same(runtime.scheduler()));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Takes no more tasks from outside, and waits until every fiber has ended.
    ///
    /// # Errors
    /// [`ShutdownError::TimedOut`] with the names of those that are left at the deadline; they run
    /// on until the runtime is shut down.
    ///
    /// # Cancellation
    /// Does not end it.
    ///
    /// # Blocking
    /// Until `deadline` at the latest.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Fiber, Runtime, ShutdownError, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let parked = runtime.fiber().name("parked").spawn(park);
    /// assert!(matches!(runtime.drain(Deadline::NOW), Err(ShutdownError::TimedOut { .. })));
    /// parked.unpark();
    /// runtime.drain(Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&self, deadline: Deadline) -> Result<(), ShutdownError> {
        self.scheduler.shutdown(ShutdownMode::Drain, deadline)
    }

    /// Cancels every fiber, waits for them to end, and ends the workers.
    ///
    /// The first half of the time is for fibers to end by themselves, their waits having ended as
    /// canceled; what waits again after that is unwound.
    ///
    /// # Errors
    /// [`ShutdownError::StillRunning`] with the names of fibers that neither wait nor poll; they
    /// run on, for a thread is never killed.
    ///
    /// # Cancellation
    /// Does not end it.
    ///
    /// # Blocking
    /// Until `deadline` at the latest.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Channel, Deadline, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let (began, begins) = Channel::new();
    /// let parked = runtime.spawn(move || began.send(()).map(|()| park()));
    /// begins.recv()?; // else it would not begin any more
    /// runtime.shutdown(Deadline::after(Duration::from_secs(10)))?;
    /// assert_eq!(parked.join()?, Ok(Outcome::Canceled));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(self, deadline: Deadline) -> Result<(), ShutdownError> {
        self.scheduler.shutdown(ShutdownMode::Cancel, deadline)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Whoever wants to know whether all has ended calls `shutdown`.
        let _ = self
            .scheduler
            .shutdown(ShutdownMode::Cancel, Deadline::after(PATIENCE));
    }
}
