//! Fibers: starting them, and what a fiber can do with itself.

use crate::{Tick, Timer};
use vitte_scheduler::{
    CancelReason, FiberId, JoinHandle, KillError, Scheduler, SpawnError, SpawnOptions, Stale,
    cancel, current_id, current_name, spawn, spawn_with,
};
use vitte_wait::{Deadline, Outcome, Priority, StopToken, Wait, timed_forms};

/// A fiber, to be named, woken or canceled by others.
///
/// It does not keep the fiber alive, and the fiber may be gone.
///
/// ```
/// use vitte_threads::{Fiber, Outcome, Runtime, park};
///
/// let runtime = Runtime::builder().workers(1).build()?;
/// let sleeper = runtime.spawn(park);
/// let fiber = Fiber::from_id(sleeper.id().expect("it was started"));
/// assert!(fiber.unpark().is_ok());
/// assert_eq!(sleeper.join()?, Outcome::Woken);
/// assert!(fiber.unpark().is_err(), "the id names nobody now, and never will again");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fiber(FiberId);

impl Fiber {
    /// Spawns a fiber on the runtime whose fiber calls.
    ///
    /// If it cannot be spawned (on a plain thread there is no runtime), the handle's `join` says
    /// why. Dropping the handle lets the fiber run on.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// assert_eq!(runtime.run(|| Fiber::spawn(|| 1).join().unwrap() + 1), 2);
    /// assert!(Fiber::spawn(|| 1).join().is_err(), "this thread is no fiber");
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[inline]
    pub fn spawn<F, T>(body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn(body)
    }

    /// A builder for a fiber with a name, or a stack size of its own, on the runtime whose fiber
    /// calls.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let name = runtime.run(|| {
    ///     let named = Fiber::builder().name("child").spawn(Fiber::current_name);
    ///     named.join().unwrap()
    /// });
    /// assert_eq!(name.as_deref(), Some("child"));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn builder() -> FiberBuilder<'static> {
        FiberBuilder {
            options: SpawnOptions::default(),
            on: None,
        }
    }

    /// The fiber that calls. `None` on plain threads.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.spawn(Fiber::current);
    /// let id = task.id().unwrap();
    /// assert_eq!(task.join()?.map(Fiber::id), Some(id));
    /// assert_eq!(Fiber::current(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        current_id().map(Self)
    }

    /// The name of the fiber that calls, if it has one.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.fiber().name("parser").spawn(Fiber::current_name);
    /// assert_eq!(task.join()?.as_deref(), Some("parser"));
    /// assert_eq!(Fiber::current_name(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn current_name() -> Option<String> {
        current_name()
    }

    /// The fiber that a handle's [`id`](JoinHandle::id) names.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let parked = runtime.spawn(park);
    /// Fiber::from_id(parked.id().unwrap()).unpark()?;
    /// assert_eq!(parked.join()?, Outcome::Woken);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn from_id(id: FiberId) -> Self {
        Self(id)
    }

    /// The number that names this fiber, and no other ever.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.spawn(|| Fiber::current().map(Fiber::id));
    /// let id = task.id();
    /// assert_eq!(task.join()?, id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn id(self) -> FiberId {
        self.0
    }

    /// Gives the fiber its park token. See [`park`].
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let parked = runtime.spawn(park);
    /// let fiber = Fiber::from_id(parked.id().unwrap());
    /// fiber.unpark()?;
    /// assert_eq!(parked.join()?, Outcome::Woken);
    /// assert!(fiber.unpark().is_err(), "it is gone");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unpark(self) -> Result<(), Stale> {
        unpark(self.0)
    }

    /// Asks the fiber to stop: its waits end as canceled, now and from now on, unless it
    /// [masks](crate::CancelMask) that. It ends when its body does.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Channel, Fiber, RecvError, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (_tx, rx) = Channel::new::<u8>();
    /// let waits = runtime.spawn(move || rx.recv());
    /// Fiber::from_id(waits.id().unwrap()).cancel()?;
    /// assert_eq!(waits.join()?, Err(RecvError::Canceled));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(self) -> Result<(), Stale> {
        cancel(self.0)
    }

    /// As [`cancel`](Self::cancel), for a reason: a number, a text, or both. Of several the first one counts.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Outcome, Runtime, cancel_reason, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let parked = runtime.spawn(|| {
    ///     assert_eq!(park(), Outcome::Canceled);
    ///     cancel_reason().unwrap().to_string()
    /// });
    /// Fiber::from_id(parked.id().unwrap()).cancel_for("the client has gone")?;
    /// assert_eq!(parked.join()?, "the client has gone");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_for(self, reason: impl Into<CancelReason>) -> Result<(), Stale> {
        vitte_scheduler::cancel_for(self.0, reason)
    }

    /// Ends the fiber without its consent: its wait ends as canceled, and at the next one it is unwound, so that
    /// its destructors run. One that has not begun does not begin. Prefer [`cancel`](Self::cancel).
    ///
    /// # Errors
    /// [`KillError`].
    ///
    /// ```
    /// use vitte_threads::{Fiber, JoinError, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let stubborn = runtime.spawn(|| loop {
    ///     park();
    /// });
    /// Fiber::from_id(stubborn.id().unwrap()).kill()?;
    /// assert!(matches!(stubborn.join(), Err::<(), _>(JoinError::Killed(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kill(self) -> Result<(), KillError> {
        vitte_scheduler::kill(self.0)
    }

    /// Has the fiber call `action` at its next poll or wait; one that is parked does so at once, and then waits
    /// on. The action must not wait: see [`vitte_scheduler::interrupt`].
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone, or has ended; the action is dropped.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_threads::{Fiber, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let parked = runtime.spawn(park);
    /// let fiber = Fiber::from_id(parked.id().unwrap());
    /// let (sender, who) = mpsc::channel();
    /// fiber.interrupt(move || sender.send(Fiber::current()).unwrap())?;
    /// assert_eq!(who.recv()?, Some(fiber));
    /// fiber.unpark()?;
    /// assert_eq!(parked.join()?, Outcome::Woken);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interrupt(self, action: impl FnOnce() + Send + 'static) -> Result<(), Stale> {
        vitte_scheduler::interrupt(self.0, action)
    }

    /// Why the fiber was asked to stop, `None` if it was not.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let reason = runtime.run(|| {
    ///     let me = Fiber::current().unwrap();
    ///     assert_eq!(me.cancel_reason(), Ok(None));
    ///     me.cancel_for("enough")?;
    ///     me.cancel_reason()
    /// });
    /// assert_eq!(reason?.unwrap().text(), Some("enough"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_reason(self) -> Result<Option<CancelReason>, Stale> {
        Ok(vitte_scheduler::info(self.0)?.cancel_reason)
    }

    /// Gives the fiber another priority, at any time; the caller may mean himself.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Priority, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.fiber().priority(Priority::Low).spawn(|| {
    ///     let me = Fiber::current().unwrap();
    ///     me.set_priority(Priority::High).unwrap();
    ///     me.priority()
    /// });
    /// assert_eq!(task.join()?, Ok(Priority::High));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_priority(self, priority: Priority) -> Result<(), Stale> {
        vitte_scheduler::set_priority(self.0, priority)
    }

    /// The priority that the fiber was given.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Priority, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let low = runtime.fiber().priority(Priority::Low);
    /// let task = low.spawn(|| Fiber::current().unwrap().priority());
    /// assert_eq!(task.join()?, Ok(Priority::Low));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(self) -> Result<Priority, Stale> {
        Ok(vitte_scheduler::info(self.0)?.priority)
    }

    /// What the fiber is called, if it has a name.
    ///
    /// # Errors
    /// [`Stale`] if the fiber is gone.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.fiber().name("parser").spawn(park);
    /// assert_eq!(Fiber::from_id(task.id().unwrap()).name()?.as_deref(), Some("parser"));
    /// task.unpark();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(self) -> Result<Option<String>, Stale> {
        Ok(vitte_scheduler::info(self.0)?.name)
    }
}

/// Collects what a fiber is spawned with.
///
/// ```
/// use vitte_threads::{Fiber, Runtime};
///
/// let runtime = Runtime::start()?;
/// let task = runtime.fiber().name("parser").stack_size(1 << 20).spawn(Fiber::current_name);
/// assert_eq!(task.join()?.as_deref(), Some("parser"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct FiberBuilder<'a> {
    options: SpawnOptions<'a>,
    on: Option<&'a Scheduler>,
}

impl<'a> FiberBuilder<'a> {
    pub(crate) fn on<'b>(self, scheduler: &'b Scheduler) -> FiberBuilder<'b>
    where
        'a: 'b,
    {
        FiberBuilder {
            options: self.options,
            on: Some(scheduler),
        }
    }

    /// What the fiber is called in errors and dumps. By default it has only its number.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let task = runtime.fiber().name("parser").spawn(park);
    /// let late = runtime.drain(Deadline::NOW).unwrap_err();
    /// assert!(late.to_string().contains("parser"));
    /// task.unpark();
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn name<'b>(self, name: &'b str) -> FiberBuilder<'b>
    where
        'a: 'b,
    {
        FiberBuilder {
            options: SpawnOptions {
                name: Some(name),
                ..self.options
            },
            on: self.on,
        }
    }

    /// Bytes of stack, guard page included; rounded up to a power of two, 16 KiB to 64 MiB. By
    /// default as the runtime says.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let deep = runtime.fiber().stack_size(1 << 20).spawn(|| {
    ///     let large = [1_u8; 500_000];
    ///     std::hint::black_box(&large).len()
    /// });
    /// assert_eq!(deep.join()?, 500_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.options.stack_size = Some(bytes);
        self
    }

    /// How urgent the fiber is. By default [`Priority::Normal`], whatever its spawner is.
    ///
    /// Nobody starves: of 17 fibers that a worker picks one is not of the high class, and of 384 one is of the low class,
    /// if any waits. Who lies in the low class for too long is put in line with the normal ones, and who uses up a whole
    /// slice in the high class goes with them until he waits for something. The holder of a lock is as urgent as
    /// whoever waits for it.
    ///
    /// ```
    /// use vitte_threads::{Priority, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let urgent = runtime.fiber().priority(Priority::High).spawn(|| "at once");
    /// let whenever = runtime.fiber().priority(Priority::Low).spawn(|| "at last");
    /// assert_eq!((urgent.join()?, whenever.join()?), ("at once", "at last"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = priority;
        self
    }

    /// Spawns the fiber. If that cannot be, the handle's `join` says why.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_threads::{Fiber, JoinError, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// assert_eq!(runtime.fiber().spawn(|| 6 * 7).join()?, 42);
    /// // Nobody said on which runtime, and this thread has none.
    /// assert!(matches!(Fiber::builder().spawn(|| 1).join(), Err(JoinError::NotStarted(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<F, T>(self, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.on {
            Some(scheduler) => scheduler.spawn(&self.options, body),
            None => spawn_with(&self.options, body),
        }
    }

    /// A [`Timer`] whose callback is called on fibers like this one. It is not running.
    ///
    /// # Errors
    /// [`SpawnError::NoRuntime`] if no runtime was named and the caller is no fiber.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Fiber, Priority, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let timer = runtime.fiber().name("beat").priority(Priority::High).timer(move |_| {
    ///     let _ = tell.send(Fiber::current_name());
    /// })?;
    /// timer.start_after(Duration::from_millis(1))?;
    /// assert_eq!(told.recv()?.as_deref(), Some("beat"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timer<F>(self, callback: F) -> Result<Timer, SpawnError>
    where
        F: FnMut(&Tick<'_>) + Send + 'static,
    {
        let current = match self.on {
            Some(_) => None,
            None => Scheduler::current(),
        };
        let scheduler = self.on.or(current.as_ref()).ok_or(SpawnError::NoRuntime)?;
        Ok(Timer::new(scheduler, &self.options, callback))
    }
}

/// Lets other fibers of this worker run first; on a plain thread, other threads.
///
/// # Panics
/// If the runtime shuts down and the fiber, canceled, goes on all the same: then it is unwound.
///
/// ```
/// use vitte_threads::{Fiber, Runtime, yield_now};
///
/// let runtime = Runtime::builder().workers(1).build()?;
/// runtime.run(|| {
///     let other = Fiber::spawn(|| 7);
///     while !other.is_finished() {
///         yield_now();
///     }
/// });
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
#[inline]
pub fn yield_now() {
    vitte_scheduler::yield_now();
}

/// Waits for the caller's park token, and consumes it.
///
/// A token given by [`unpark`] before the call counts; tokens do not add up. The outcome is
/// [`Outcome::Woken`], or [`Outcome::Canceled`] if the fiber is canceled.
///
/// # Blocking
/// A fiber suspends, a thread sleeps.
///
/// # Panics
/// As [`yield_now`].
///
/// ```
/// use vitte_threads::{Outcome, Runtime, park};
///
/// let runtime = Runtime::start()?;
/// let parked = runtime.spawn(park);
/// parked.unpark();
/// assert_eq!(parked.join()?, Outcome::Woken);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn park() -> Outcome {
    vitte_scheduler::park(Deadline::NEVER)
}

/// As [`park`], until `deadline` at the latest, or until `stop` is triggered: then the outcome is
/// [`Outcome::TimedOut`], or [`Outcome::Stopped`].
///
/// # Panics
/// As [`yield_now`].
///
/// ```
/// use vitte_threads::{Deadline, Outcome, StopSource, Thread, park_with};
///
/// let stop = StopSource::new();
/// let token = stop.token();
/// let parked = Thread::spawn(move || {
///     let woken = park_with(Deadline::NEVER, Some(&token));
///     (woken, park_with(Deadline::NEVER, Some(&token)))
/// });
/// parked.unpark();
/// stop.stop();
/// assert_eq!(parked.join()?.1, Outcome::Stopped);
/// # Ok::<(), vitte_threads::JoinError>(())
/// ```
#[inline]
pub fn park_with(deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
    Wait::park_token(deadline, stop)
}

timed_forms! {
    fn park_with() -> Outcome: park_until park_timeout park_or_stop
    in vitte_threads { Outcome }
    "vitte_threads::" () => Outcome
}

/// Gives a fiber its park token. What happened before is visible to it once it has consumed the
/// token. Callable from anywhere; never blocks.
///
/// # Errors
/// [`Stale`] if the fiber is gone.
///
/// ```
/// use vitte_threads::{Outcome, Runtime, park, unpark};
///
/// let runtime = Runtime::start()?;
/// let parked = runtime.spawn(park);
/// unpark(parked.id().unwrap())?;
/// assert_eq!(parked.join()?, Outcome::Woken);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn unpark(id: FiberId) -> Result<(), Stale> {
    vitte_scheduler::unpark(id)
}
