//! What a host drives its runtime with.

use crate::{
    Scheduler,
    host::{
        Host,
        call::{Limits, drive, drive_while},
        knock,
    },
    shared::Shared,
};
use std::{fmt, io, os::fd::BorrowedFd, sync::Arc};
use vitte_wait::Deadline;

/// Why a runtime cannot be driven now, or here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriveError {
    /// The caller is a fiber, or is called by a worker: only a thread can be lent.
    NotAThread,
    /// Another thread drives it at the moment.
    Busy,
    /// So many fibers have begun on another thread, and must go on there: call from that thread, or
    /// wait until they have ended.
    OtherThread(u64),
    /// The runtime has been shut down.
    ShutDown,
}

impl fmt::Display for DriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAThread => {
                f.write_str("only a plain thread can drive a runtime, and the caller is a fiber")
            }
            Self::Busy => f.write_str("another thread drives the runtime"),
            Self::OtherThread(count) => write!(
                f,
                "{count} fibers have begun on another thread and can go on only there: drive the \
                 runtime from that thread"
            ),
            Self::ShutDown => f.write_str("the runtime has been shut down"),
        }
    }
}

impl std::error::Error for DriveError {}

/// Why a call that drove a runtime came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nothing is ready. From now on the host is woken when something is.
    NothingReady,
    /// The time is over; more may be ready, so call again.
    Deadline,
    /// As many steps were run as were allowed; more may be ready, so call again.
    Steps,
    /// The runtime was shut down meanwhile.
    ShutDown,
}

/// What came of a call that drove a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ran {
    /// How many steps were run: a step is a fiber's turn, until it waits, gives way, ends, or has used
    /// up a time slice.
    pub steps: u64,
    /// Why no more were.
    pub why: Why,
}

/// The way to drive a runtime that has no threads of its own. Clones drive the same runtime.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, Why, yield_now};
/// use vitte_wait::Deadline;
///
/// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
/// let driver = scheduler.driver().unwrap();
/// let task = scheduler.spawn(&SpawnOptions::default(), || {
///     yield_now();
///     42
/// });
/// // Nothing runs but in here.
/// let ran = driver.run(u64::MAX, Deadline::NOW)?;
/// assert_eq!((ran.steps, ran.why), (2, Why::NothingReady));
/// assert_eq!(task.join()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Driver(Arc<Shared>);

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// What drives the scheduler, if its host does: if it was started with no workers.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler};
    ///
    /// let driven = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// assert!(driven.driver().is_some());
    /// let other = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// assert!(other.driver().is_none());
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    #[must_use]
    pub fn driver(&self) -> Option<Driver> {
        self.0.host.as_ref()?;
        Some(Driver(Arc::clone(&self.0)))
    }

    /// Drives the scheduler while `waiting` returns true, until `deadline` at the latest, if the caller's thread is the one that drives it
    /// otherwise, and it does not do so just now. Returns at once if not: then wait in another way.
    ///
    /// What waits for the scheduler's own tasks calls this first, so that the host's thread does not wait
    /// for itself. `waiting` is called between any two steps; what changes its answer must be done by a
    /// task of this scheduler.
    pub fn drive_while(&self, deadline: Deadline, waiting: impl Fn() -> bool) {
        drive_while(&self.0, deadline, &waiting);
    }
}

impl Driver {
    /// Lends the calling thread: runs what is ready, in turn, until nothing is, `most` steps were run, or
    /// `deadline` has come. With [`Deadline::NOW`] it never waits, however long what is ready takes; with
    /// a later one, it waits for work until then while nothing is ready.
    ///
    /// A fiber that runs when `deadline` comes gives way at its next poll, or when it waits; no fiber is
    /// interrupted otherwise.
    ///
    /// # Errors
    /// [`DriveError`]; nothing was run then.
    ///
    /// # Blocking
    /// As long as the fibers take that are run, and until `deadline`.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, Why};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// let driver = scheduler.driver().unwrap();
    /// let tasks = [1, 2, 3].map(|n| scheduler.spawn(&SpawnOptions::default(), move || n * n));
    /// let ran = driver.run(2, Deadline::NOW)?;
    /// assert_eq!((ran.steps, ran.why), (2, Why::Steps));
    /// assert_eq!(driver.run(u64::MAX, Deadline::NOW)?.why, Why::NothingReady);
    /// assert!(tasks.iter().all(|task| task.is_finished()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self, most: u64, deadline: Deadline) -> Result<Ran, DriveError> {
        let waits = deadline != Deadline::NOW;
        let until = if waits { deadline.as_nanos() } else { u64::MAX };
        self.drive(most, until, waits)
    }

    /// As [`run`](Self::run), but never waits: runs what is ready until nothing is, `most` steps were run, or
    /// `until` has come. At least one step is run, if any fiber is ready.
    ///
    /// # Errors
    /// [`DriveError`]; nothing was run then.
    ///
    /// # Blocking
    /// As long as the fibers take that are run.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, Why, park};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// let driver = scheduler.driver().unwrap();
    /// let parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// // What time a frame has for it; it is not waited for.
    /// let frame = Deadline::after(Duration::from_secs(5));
    /// let ran = driver.run_ready(u64::MAX, frame)?;
    /// assert_eq!((ran.steps, ran.why), (1, Why::NothingReady));
    /// parked.unpark();
    /// assert_eq!(driver.run_ready(u64::MAX, frame)?.steps, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_ready(&self, most: u64, until: Deadline) -> Result<Ran, DriveError> {
        self.drive(most, until.as_nanos(), false)
    }

    fn drive(&self, steps: u64, until: u64, waits: bool) -> Result<Ran, DriveError> {
        let limits = Limits {
            steps,
            until,
            waits,
            done: None,
        };
        drive(&self.0, self.host(), &limits)
    }

    /// When to call [`run`](Self::run) next, if nobody wakes the host before: [`Deadline::NOW`] if
    /// something may be ready, [`Deadline::NEVER`] if only a wake-up can bring something. At times it is
    /// earlier than need be; and as what is due at almost the same time is done together, it may be up to 229
    /// microseconds later than the deadline that somebody waits for. Callable from anywhere.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, sleep_until};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// let driver = scheduler.driver().unwrap();
    /// let minute = Deadline::after(Duration::from_secs(60));
    /// let sleeps = scheduler.spawn(&SpawnOptions::default(), move || sleep_until(minute));
    /// assert_eq!(driver.next_deadline(), Deadline::NOW, "it is to begin");
    /// driver.run(u64::MAX, Deadline::NOW)?;
    /// assert!(driver.next_deadline() > Deadline::NOW && driver.next_deadline() < Deadline::NEVER);
    /// # sleeps.kill();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn next_deadline(&self) -> Deadline {
        let remote = &self.0.remotes[0];
        if self.0.is_stopping() || self.0.has_signals() || !remote.bed.is_asleep() {
            return Deadline::NOW;
        }
        Deadline::from_nanos(self.host().knock.due().min(remote.timers.next()))
    }

    /// A descriptor that is readable while there is something to do: a fiber is ready, a deadline has come,
    /// or more is left than the last call had time for. It is the runtime's: wait until it is readable, with
    /// whatever, but never read, write or close it. It stays the same.
    ///
    /// # Errors
    /// If the system has none to give; always so on other systems than Linux.
    ///
    /// ```
    /// use std::os::fd::AsRawFd;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// let driver = scheduler.driver().unwrap();
    /// let handle = driver.wait_handle()?;
    /// let is_readable = || {
    ///     let mut entry = libc::pollfd { fd: handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    ///     // SAFETY: it is one entry, and alive.
    ///     unsafe { libc::poll(&raw mut entry, 1, 0) == 1 }
    /// };
    /// assert!(!is_readable());
    /// let task = scheduler.spawn(&SpawnOptions::default(), || ());
    /// assert!(is_readable());
    /// task.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_handle(&self) -> io::Result<BorrowedFd<'_>> {
        let shared = &self.0;
        let pollers = [&shared.remotes[0].bed.poller, &shared.reactor.common];
        self.host().knock.handle(|| {
            let [own, common] = pollers.map(|poller| poller.handle());
            Ok([own?, common?])
        })
    }

    /// Has `wake` called once each time there is something to do again after [`Why::NothingReady`], by
    /// whoever brings it; `None`: nobody is called. It is not called for deadlines, for
    /// descriptors that are ready, nor for what a signal handler does, but it may be called once too often. A call of the one before may be under way.
    ///
    /// It is called in the middle of whatever wakes fibers, maybe on a fiber of another runtime: it must
    /// not wait, nor call anything of this runtime. It makes the host's loop come round, and no more. If
    /// it panics, nobody hears of it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    /// use vitte_wait::Deadline;
    ///
    /// let scheduler = Scheduler::start(Config { workers: 0, ..Config::default() })?;
    /// let driver = scheduler.driver().unwrap();
    /// let (wake, woken) = mpsc::channel();
    /// driver.set_wake(Some(move || wake.send(()).unwrap()));
    /// let tasks = [1, 2].map(|n| scheduler.spawn(&SpawnOptions::default(), move || n));
    /// assert_eq!(woken.try_iter().count(), 1, "for both together");
    /// driver.run(u64::MAX, Deadline::NOW)?;
    /// assert!(tasks.iter().all(|task| task.is_finished()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_wake<F: Fn() + Send + Sync + 'static>(&self, wake: Option<F>) {
        let wake = wake.map(|wake| Arc::new(wake) as Arc<knock::Wake>);
        drop(self.host().knock.set_wake(wake));
    }

    fn host(&self) -> &Host {
        let host = self.0.host.as_ref();
        host.unwrap_or_else(|| unreachable!("there is a driver only where there is a host"))
    }
}
