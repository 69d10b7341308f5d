//! Guards and attached threads: who keeps a scheduler from ending from outside.
//!
//! A shutdown waits for guards as it does for tasks, and gives none out once it has begun. An attached
//! thread holds one, and knows which scheduler it belongs to. (That a runtime stays until its guards
//! are gone is how Python's PEP 788 makes native threads safe at the end of an interpreter.)
//!
//! **Invariants:** guards are counted before it is asked whether the scheduler ends, so it waits for each, or
//! the guard is refused. A thread that says to whom it is attached holds a guard of that scheduler. A unit is
//! in the list of the attached only while its thread is, so nobody else's is canceled.

use crate::{
    Scheduler,
    reach::Reach,
    shared::{Phase, Shared},
    worker,
};
use std::{fmt, marker::PhantomData, mem::ManuallyDrop, ptr, sync::Arc};
use vitte_wait::{
    current,
    facade::{atomic::Ordering::SeqCst, thread},
};

/// Keeps a scheduler from ending. Dropping it lets it.
///
/// While there is one, a shutdown that has begun waits, and threads may still spawn.
pub struct Guard(Scheduler);

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").finish()
    }
}

/// Why there is no guard, or why a thread was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The scheduler is being shut down, or has ended.
    ShuttingDown,
    /// The thread is a worker, or attached already.
    Already,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShuttingDown => "the runtime is being shut down, and nothing keeps it any more",
            Self::Already => "the thread belongs to a runtime already: detach it first",
        })
    }
}

impl std::error::Error for AttachError {}

impl Guard {
    /// The scheduler that it keeps.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let guard = scheduler.guard()?;
    /// assert_eq!(guard.scheduler().spawn(&SpawnOptions::default(), || 7).join()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.0
    }

    /// Attaches the calling thread, by the name that it has.
    ///
    /// # Errors
    /// [`AttachError::Already`]; the guard is dropped.
    ///
    /// # Cancellation
    /// As for [`Scheduler::attach`].
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, spawn};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let guard = scheduler.guard()?;
    /// let thread = std::thread::spawn(move || {
    ///     let _attached = guard.attach().unwrap();
    ///     spawn(|| 7).join().unwrap()
    /// });
    /// assert_eq!(thread.join().unwrap(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(self) -> Result<Attached, AttachError> {
        self.attach_as(thread::current().name().unwrap_or("unnamed"))
    }

    /// As [`attach`](Self::attach), by this name: a shutdown that waits in vain [tells](crate::ShutdownError::StillRunning) it.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, ShutdownMode};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let attached = scheduler.guard()?.attach_as("the plugin")?;
    /// let late = scheduler.shutdown(ShutdownMode::Drain, Deadline::NOW).unwrap_err();
    /// assert!(late.to_string().contains("the plugin"));
    /// # drop(attached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach_as(self, name: &str) -> Result<Attached, AttachError> {
        if worker::current().is_some() || !current::attached().is_null() {
            return Err(AttachError::Already);
        }
        let shared: *const Shared = Arc::as_ptr(&self.0.0);
        // SAFETY: the slot of this thread.
        unsafe { &*current::slot() }.set_attached(shared.cast());
        let known = (current::unit(), name.to_owned());
        self.0.0.attached.lock().push(known);
        Ok(Attached {
            guard: self,
            here: PhantomData,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let shared = &self.0.0;
        // Ordering: SeqCst. Partner: the load in `Shared::is_kept`.
        shared.guards.fetch_sub(1, SeqCst);
        shared.may_be_over();
    }
}

/// That the calling thread belongs to a scheduler, until this is dropped, on the same thread.
///
/// It keeps the scheduler from ending, and is where [`spawn`](crate::spawn) and
/// [`Scheduler::current`] find it.
#[derive(Debug)]
pub struct Attached {
    guard: Guard,
    /// It stays on its thread.
    here: PhantomData<*const ()>,
}

impl Attached {
    /// The scheduler that the thread belongs to.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let attached = scheduler.attach()?;
    /// assert!(attached.scheduler().is_same(&scheduler));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        self.guard.scheduler()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: the slot of this thread, which attached itself, for the value cannot leave it.
        unsafe { &*current::slot() }.set_attached(ptr::null());
        let me = current::unit();
        let shared = &self.guard.0.0;
        shared
            .attached
            .lock()
            .retain(|(unit, _)| !ptr::eq(*unit, me));
        // What was asked of a thread of this scheduler is not asked of who it is now; what others asked is.
        me.forget_cancel();
        Reach::renew_here();
    }
}

impl Scheduler {
    /// A guard, which keeps the scheduler from ending.
    ///
    /// # Errors
    /// [`AttachError::ShuttingDown`], once a shutdown has begun.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_scheduler::{AttachError, Config, Scheduler, ShutdownMode, SpawnOptions};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let guard = scheduler.guard()?;
    /// let soon = || Deadline::after(Duration::from_millis(20));
    /// assert!(scheduler.shutdown(ShutdownMode::Drain, soon()).is_err(), "it is kept");
    /// assert_eq!(guard.scheduler().spawn(&SpawnOptions::default(), || 1).join()?, 1);
    /// assert_eq!(scheduler.guard().unwrap_err(), AttachError::ShuttingDown);
    /// drop(guard);
    /// scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard(&self) -> Result<Guard, AttachError> {
        let shared = &self.0;
        // Ordering: SeqCst, store-load pair: the count, the phase. Partner: `enter_phase`, and `is_kept`
        // after it.
        shared.guards.fetch_add(1, SeqCst);
        let guard = Guard(self.clone());
        if shared.phase_is_at_least(Phase::Closing) {
            return Err(AttachError::ShuttingDown);
        }
        Ok(guard)
    }

    /// Attaches the calling thread: [`Scheduler::current`] is this one from now on, and the scheduler does
    /// not end before it is detached.
    ///
    /// # Errors
    /// [`AttachError`].
    ///
    /// # Cancellation
    /// A shutdown that cancels ends the present wait of the thread as canceled, and every later one, until it is
    /// detached. A [`CancelMask`](crate::CancelMask) holds that off.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, spawn};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let attached = scheduler.attach()?;
    /// assert_eq!(spawn(|| 2).join()?, 2);
    /// drop(attached);
    /// assert!(spawn(|| 2).join().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(&self) -> Result<Attached, AttachError> {
        self.guard()?.attach()
    }

    /// The scheduler that the calling thread, which is no worker, is attached to.
    pub(crate) fn attached() -> Option<Self> {
        let shared = current::attached().cast::<Shared>();
        if shared.is_null() {
            return None;
        }
        // SAFETY: the thread's guard holds a count of this address for as long as it is here.
        let guarded = ManuallyDrop::new(unsafe { Arc::from_raw(shared) });
        Some(Self(Arc::clone(&guarded)))
    }
}

impl Shared {
    /// Asks the threads that are attached to stop.
    pub(crate) fn cancel_attached(&self) {
        self.attached
            .lock()
            .iter()
            .for_each(|(unit, _)| unit.cancel());
    }

    /// Whether anybody keeps it from ending.
    pub(crate) fn is_kept(&self) -> bool {
        // Ordering: SeqCst, store-load pair: the phase, the guards. Partner: `Scheduler::guard`.
        self.guards.load(SeqCst) != 0
    }
}
