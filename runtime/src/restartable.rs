//! Threads that can be started again when they have ended: one body, one run of it at a time, and a handle that stays.
//!
//! Each run is a thread of the system's own. The handle's state says whether there is one: from before the system is
//! asked for it until its body has returned, so two are never started at a time.
//!
//! (What such a thread should do is known from JUCE's `Thread`. Unlike there nobody polls, no thread is killed, and
//! what a run ended with is kept.)

use crate::{CancelReason, JoinError, Panicked, ThreadBuilder, thread::Ending};
use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use vitte_scheduler::Reach;
use vitte_sync::{Event, WaitError};
use vitte_wait::{Deadline, Priority, StopSource, StopToken, timed_forms};

/// A native thread that can be started again once it has ended. Made by
/// [`ThreadBuilder::restartable`]. Clones are the same thread.
///
/// Dropping all of them lets a run that is under way run on.
///
/// ```
/// use vitte_threads::{Outcome, StartThreadError, Thread, park};
///
/// let mut runs = 0;
/// let thread = Thread::builder().name("scribe").restartable(move |stop| {
///     runs += 1;
///     while park() == Outcome::Woken {
///         // Somebody has left something to be written.
///     }
///     assert!(stop.is_stopped());
///     runs
/// });
/// thread.start()?;
/// assert!(matches!(thread.start(), Err(StartThreadError::AlreadyRunning)));
/// thread.unpark();
/// thread.stop()?;
/// assert_eq!(thread.take_end().unwrap()?, 1);
///
/// thread.start()?;
/// thread.stop()?;
/// assert_eq!(thread.take_end().unwrap()?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RestartableThread<T = ()>(Arc<Core<T>>);

struct Core<T> {
    name: Option<String>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// With the priority that it is to have from its next start on.
    builder: ThreadBuilder,
    /// `None` while a run has it.
    body: Option<Body<T>>,
    run: Option<Run>,
    /// Of the last run, until somebody takes it or another begins.
    end: Option<Ending<T>>,
}

type Body<T> = Box<dyn FnMut(&StopToken) -> T + Send>;

#[derive(Clone)]
struct Run {
    reach: Arc<Reach>,
    asks: StopSource,
    over: Arc<Event>,
}

/// Why a thread was not started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartThreadError {
    /// It runs already. Nothing has changed: if it was asked to stop, it still is.
    AlreadyRunning,
    /// The system refused it, or refused it its priority.
    System(io::Error),
}

impl fmt::Display for StartThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "the thread runs already: stop it, or wait for its end, before you start it",
            ),
            Self::System(error) => write!(f, "the system refused the thread: {error}"),
        }
    }
}

impl std::error::Error for StartThreadError {}

/// Why a wait for the end of a thread ended before it did. The thread runs on: no thread is ever killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadWaitError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while he would have had to wait.
    Canceled,
    /// The caller's stop token was triggered first.
    Stopped,
    /// The caller is the thread, and would wait for himself. If he has asked himself to stop, he is asked.
    Itself,
}

impl fmt::Display for ThreadWaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => {
                "the thread has not ended before the deadline, and runs on: no thread is ever killed"
            }
            Self::Canceled => "the caller was canceled while he waited for a thread, which runs on",
            Self::Stopped => "the caller was stopped while he waited for a thread, which runs on",
            Self::Itself => "a thread would wait for its own end; let its body return instead",
        })
    }
}

impl std::error::Error for ThreadWaitError {}

impl From<WaitError> for ThreadWaitError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

impl ThreadBuilder {
    /// A thread that runs `body` whenever it is [started](RestartableThread::start), and can be started again when
    /// `body` has returned. It is not started yet.
    ///
    /// `body` is given the token by which its run is asked to stop. A panic ends the run; it is started again
    /// with the same closure, as the panic left it.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let mut runs = 0;
    /// let thread = Thread::builder().name("counter").restartable(move |_stop| {
    ///     runs += 1;
    ///     runs
    /// });
    /// for n in 1..=2 {
    ///     thread.start()?;
    ///     thread.wait()?;
    ///     assert_eq!(thread.take_end().unwrap()?, n);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restartable<F, T>(self, body: F) -> RestartableThread<T>
    where
        F: FnMut(&StopToken) -> T + Send + 'static,
        T: Send + 'static,
    {
        RestartableThread(Arc::new(Core {
            name: self.called().map(str::to_owned),
            state: Mutex::new(State {
                builder: self,
                body: Some(Box::new(body)),
                run: None,
                end: None,
            }),
        }))
    }
}

impl<T> Core<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that panics is done under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run is over, or has not come about: gives the body back, if the run had it. Who waits is to be told next.
    fn end(&self, body: Option<Body<T>>, end: Option<Ending<T>>) {
        let mut state = self.lock();
        if body.is_some() {
            state.body = body;
        }
        state.end = end;
        state.run = None;
    }
}

impl<T: Send + 'static> RestartableThread<T> {
    /// Starts it. When this returns it runs, and is reached by [`unpark`](Self::unpark) and
    /// [`ask_to_stop`](Self::ask_to_stop) though it may not have begun. What the run before ended with, if nobody has
    /// taken it, is dropped.
    ///
    /// # Errors
    /// [`StartThreadError`].
    ///
    /// # Blocking
    /// As [`ThreadBuilder::spawn`].
    ///
    /// ```
    /// use vitte_threads::{StartThreadError, Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// thread.start()?;
    /// assert!(matches!(thread.start(), Err(StartThreadError::AlreadyRunning)));
    /// thread.stop()?;
    /// thread.start()?;
    /// # thread.stop()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(&self) -> Result<(), StartThreadError> {
        let mut state = self.0.lock();
        if state.run.is_some() {
            return Err(StartThreadError::AlreadyRunning);
        }
        let builder = state.builder.clone();
        let run = Run {
            reach: Reach::new(builder.urgency()),
            asks: StopSource::new(),
            over: Arc::new(Event::manual()),
        };
        state.run = Some(run.clone());
        let old = state.end.take();
        drop(state);
        drop(old);
        let core = Arc::clone(&self.0);
        let (stop, over) = (run.asks.token(), Arc::clone(&run.over));
        let started = builder.launch(&run.reach, move |reachable| {
            // It is there while nobody has it.
            let Some(mut body) = core.lock().body.take() else {
                return;
            };
            let end = Panicked::catch(|| body(&stop)).map_err(JoinError::Panicked);
            drop(reachable);
            core.end(Some(body), Some(end));
            // Who is told may be the last to know of it.
            drop(core);
            over.signal();
        });
        match started {
            Ok(_) => Ok(()),
            Err(error) => {
                self.0.end(None, None);
                run.over.signal();
                Err(StartThreadError::System(error))
            }
        }
    }
}

impl<T> RestartableThread<T> {
    /// What its threads are called, if it was given a name.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().name("counter").restartable(|_| ());
    /// assert_eq!(thread.name(), Some("counter"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Whether it runs: from its start until its body has returned, or panicked.
    ///
    /// ```
    /// use vitte_threads::{Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// assert!(!thread.is_running());
    /// thread.start()?;
    /// assert!(thread.is_running());
    /// # thread.stop()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run().is_some()
    }

    /// Whether the caller is this thread.
    ///
    /// ```
    /// use std::sync::{Arc, OnceLock};
    /// use vitte_threads::{RestartableThread, Thread};
    ///
    /// let itself = Arc::new(OnceLock::<RestartableThread<bool>>::new());
    /// let its = itself.clone();
    /// let thread = Thread::builder().restartable(move |_| its.get().unwrap().is_current());
    /// itself.set(thread.clone()).unwrap();
    /// assert!(!thread.is_current());
    /// thread.start()?;
    /// thread.wait()?;
    /// assert!(thread.take_end().unwrap()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.run().is_some_and(|run| run.reach.is_current())
    }

    fn run(&self) -> Option<Run> {
        self.0.lock().run.clone()
    }

    /// Gives it its park token, for which its body waits with [`park`](crate::park). One that has not begun, or does
    /// something else, finds it later; tokens do not add up. False: it does not run, and will not find it.
    ///
    /// ```
    /// use vitte_threads::{Outcome, Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// assert!(!thread.unpark(), "it does not run");
    /// thread.start()?;
    /// assert!(thread.unpark());
    /// thread.wait()?;
    /// assert_eq!(thread.take_end().unwrap()?, Outcome::Woken);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::must_use_candidate, reason = "to give it is what is wanted")]
    pub fn unpark(&self) -> bool {
        self.run().is_some_and(|run| run.reach.unpark())
    }

    /// Asks it to stop: the token that its body was given is triggered, and its waits end as canceled, now and
    /// from now on, unless it [masks](crate::CancelMask) that. False: it does not run, and its next run knows
    /// nothing of it. Never waits for it.
    ///
    /// ```
    /// use vitte_threads::{Outcome, Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// thread.start()?;
    /// assert!(thread.ask_to_stop());
    /// thread.wait()?;
    /// assert_eq!(thread.take_end().unwrap()?, Outcome::Canceled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::must_use_candidate, reason = "to ask is what is wanted")]
    pub fn ask_to_stop(&self) -> bool {
        self.ask_to_stop_for(CancelReason::UNNAMED)
    }

    /// As [`ask_to_stop`](Self::ask_to_stop), for a reason, which [`cancel_reason`](crate::cancel_reason) tells
    /// it. Of several the first one counts.
    ///
    /// ```
    /// use vitte_threads::{Thread, cancel_reason, park};
    ///
    /// let thread = Thread::builder().restartable(|_| {
    ///     park();
    ///     cancel_reason().map(|reason| reason.to_string())
    /// });
    /// thread.start()?;
    /// thread.ask_to_stop_for("enough");
    /// thread.wait()?;
    /// assert_eq!(thread.take_end().unwrap()?.as_deref(), Some("enough"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::must_use_candidate, reason = "to ask is what is wanted")]
    pub fn ask_to_stop_for(&self, reason: impl Into<CancelReason>) -> bool {
        let Some(run) = self.run() else { return false };
        run.reach.cancel_for(reason);
        run.asks.stop();
        true
    }

    /// Whether it runs and was asked to stop.
    ///
    /// ```
    /// use vitte_threads::{Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|stop| {
    ///     while !stop.is_stopped() {
    ///         park();
    ///     }
    /// });
    /// thread.start()?;
    /// assert!(!thread.should_stop());
    /// thread.stop()?;
    /// assert!(!thread.should_stop(), "it does not run");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.run().is_some_and(|run| run.asks.is_stopped())
    }

    /// Triggered when the run that is under way is asked to stop, for whoever wants to be told; `None` if it does
    /// not run.
    ///
    /// ```
    /// use vitte_threads::{Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// assert!(thread.stop_token().is_none(), "it does not run");
    /// thread.start()?;
    /// let token = thread.stop_token().unwrap();
    /// thread.stop()?;
    /// assert!(token.is_stopped());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stop_token(&self) -> Option<StopToken> {
        Some(self.run()?.asks.token())
    }

    /// What the last run ended with. `None`: it runs, has never run, or that was taken already.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().restartable(|_| 7);
    /// thread.start()?;
    /// thread.wait()?;
    /// assert_eq!(thread.take_end().unwrap()?, 7);
    /// assert!(thread.take_end().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn take_end(&self) -> Option<Result<T, JoinError>> {
        self.0.lock().end.take()
    }

    /// How urgent it is, now and at its later starts: see [`ThreadHandle::set_priority`](crate::ThreadHandle::set_priority).
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use vitte_threads::{Priority, Thread};
    ///
    /// let thread = Thread::builder().restartable(|_| ());
    /// thread.set_priority(Priority::Low)?; // from its next start on
    /// thread.start()?;
    /// # thread.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_priority(&self, priority: Priority) -> io::Result<()> {
        let mut state = self.0.lock();
        if let Some(run) = &state.run {
            run.reach.set_priority(priority)?;
        }
        let builder = std::mem::take(&mut state.builder);
        state.builder = builder.priority(priority);
        Ok(())
    }

    /// Waits until it does not run. If it does not, there is nothing to wait for.
    ///
    /// # Errors
    /// [`ThreadWaitError`]: what ended the wait first. The thread runs on.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Thread, ThreadWaitError, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// thread.start()?;
    /// assert!(matches!(thread.wait_with(Deadline::NOW, None), Err(ThreadWaitError::TimedOut)));
    /// thread.unpark();
    /// thread.wait_with(Deadline::NEVER, None)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), ThreadWaitError> {
        let Some(run) = self.run() else {
            return Ok(());
        };
        if run.reach.is_current() {
            return Err(ThreadWaitError::Itself);
        }
        Ok(run.over.wait_with(deadline, stop)?)
    }

    /// [`wait_with`](Self::wait_with) neither a deadline nor a stop token.
    ///
    /// # Errors
    /// [`ThreadWaitError::Canceled`], [`ThreadWaitError::Itself`].
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().restartable(|_| ());
    /// thread.wait()?; // it does not run
    /// thread.start()?;
    /// thread.wait()?;
    /// assert!(!thread.is_running());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> Result<(), ThreadWaitError> {
        self.wait_with(Deadline::NEVER, None)
    }

    timed_forms! {
        wait_with() -> Result<(), ThreadWaitError>: wait_until wait_timeout wait_or_stop
        in vitte_threads { Thread, ThreadWaitError, park }
        ///
        /// let thread = Thread::builder().restartable(|_| park());
        /// thread.start().unwrap();
        "thread." () => Err(ThreadWaitError)
    }

    /// [Asks it to stop](Self::ask_to_stop), and waits until it does not run.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with). It stays asked, and runs on until its body returns: nothing is enforced.
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{Deadline, Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// thread.start()?;
    /// thread.stop_with(Deadline::NEVER, None)?;
    /// assert!(!thread.is_running());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), ThreadWaitError> {
        self.ask_to_stop();
        self.wait_with(deadline, stop)
    }

    /// [`stop_with`](Self::stop_with) neither a deadline nor a stop token.
    ///
    /// # Errors
    /// [`ThreadWaitError::Canceled`], [`ThreadWaitError::Itself`].
    ///
    /// # Blocking
    /// As [`wait_with`](Self::wait_with).
    ///
    /// ```
    /// use vitte_threads::{Outcome, Thread, park};
    ///
    /// let thread = Thread::builder().restartable(|_| park());
    /// thread.start()?;
    /// thread.stop()?;
    /// assert_eq!(thread.take_end().unwrap()?, Outcome::Canceled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) -> Result<(), ThreadWaitError> {
        self.stop_with(Deadline::NEVER, None)
    }

    timed_forms! {
        stop_with() -> Result<(), ThreadWaitError>: stop_until stop_timeout stop_or_stop
        in vitte_threads { Thread, park }
        ///
        /// let thread = Thread::builder().restartable(|_| park());
        /// thread.start().unwrap();
        "thread." () => got "assert!(got.is_ok() && !thread.is_running());"
    }
}

impl<T> Clone for RestartableThread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for RestartableThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestartableThread")
            .field("name", &self.name())
            .field("running", &self.is_running())
            .field("asked_to_stop", &self.should_stop())
            .finish_non_exhaustive()
    }
}
