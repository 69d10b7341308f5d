//! How others reach a plain thread: to give it its park token, to ask it to stop, to say how urgent it is.
//!
//! A thread's unit goes to another thread when it ends, so nobody else may keep it. Who would reach a thread
//! keeps a [`Reach`], in which the thread itself says when it is there, and when no more.
//!
//! **Invariants:** the unit and the system's number are used under the lock only, and the thread ends only after it
//! has taken them out; so neither is another thread's. What was asked before the thread is there is kept for it.

use crate::cancel::CancelReason;
use std::{
    cell::RefCell,
    fmt, io,
    sync::{Arc, OnceLock},
};
use vitte_wait::{Priority, Unit, current, facade::plain::Mutex, local::FiberLocal};

/// The way to one plain thread, from before it begins until after its end.
pub struct Reach {
    place: Mutex<Place>,
    /// Of the first request to stop.
    reason: OnceLock<CancelReason>,
}

enum Place {
    /// The thread is not there yet. Whether it was given its token, and how urgent it is to be.
    Before {
        token: bool,
        priority: Priority,
    },
    There {
        unit: &'static Unit,
        system: System,
    },
    Over,
}

/// That the calling thread can be reached, until this is dropped, on the same thread.
#[derive(Debug)]
#[must_use = "the thread is out of reach when this is dropped"]
pub struct Reachable {
    reach: Arc<Reach>,
    /// It stays on its thread.
    here: std::marker::PhantomData<*const ()>,
}

/// By which the calling thread, if it is one that others reach, is reached.
static MINE: FiberLocal<RefCell<Option<Arc<Reach>>>> = FiberLocal::new(RefCell::default);

impl Reach {
    /// The way to a thread that does not run yet, and is to be as urgent as `priority`.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// assert!(!reach.is_current(), "there is no thread yet");
    /// ```
    #[must_use]
    pub fn new(priority: Priority) -> Arc<Self> {
        Arc::new(Self {
            place: Mutex::new(Place::Before {
                token: false,
                priority,
            }),
            reason: OnceLock::new(),
        })
    }

    /// Says that the calling thread, which is no fiber, is the one, and does to it what was asked before.
    ///
    /// # Errors
    /// If the system does not let it be as urgent as it is to be: then it is out of reach already.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// let reachable = reach.enter()?;
    /// assert!(reach.is_current());
    /// drop(reachable);
    /// assert!(!reach.unpark(), "it is out of reach");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(self: &Arc<Self>) -> io::Result<Reachable> {
        let unit = current::unit();
        let mut place = self.place.lock();
        let Place::Before { token, priority } = *place else {
            unreachable!("a thread is entered once");
        };
        let system = System::here();
        if let Err(error) = system.set(priority) {
            *place = Place::Over;
            return Err(error);
        }
        unit.set_class(priority);
        if token {
            unit.unpark();
        }
        if self.reason.get().is_some() {
            unit.cancel();
        }
        *place = Place::There { unit, system };
        drop(place);
        MINE.set(RefCell::new(Some(Arc::clone(self))));
        Ok(Reachable {
            reach: Arc::clone(self),
            here: std::marker::PhantomData,
        })
    }

    /// Gives the thread its park token. False: it is over.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// assert!(reach.unpark(), "the thread has its token when it begins");
    /// ```
    pub fn unpark(&self) -> bool {
        match &mut *self.place.lock() {
            Place::Before { token, .. } => *token = true,
            Place::There { unit, .. } => unit.unpark(),
            Place::Over => return false,
        }
        true
    }

    /// Asks the thread to stop: its present wait ends as canceled, and so does every later one, unless it
    /// [masks](crate::CancelMask) that. Of several reasons the first one counts. False: it is over.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// assert!(reach.cancel_for("too late"));
    /// assert_eq!(reach.cancel_reason().unwrap().to_string(), "too late");
    /// ```
    pub fn cancel_for(&self, reason: impl Into<CancelReason>) -> bool {
        let reason = reason.into();
        let place = self.place.lock();
        if let Place::Over = *place {
            return false;
        }
        let _ = self.reason.set(reason);
        if let Place::There { unit, .. } = *place {
            unit.cancel();
        }
        true
    }

    /// Why the thread was asked to stop; `None` if it was not.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// assert!(reach.cancel_reason().is_none());
    /// ```
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.reason.get().cloned()
    }

    /// Makes the thread as urgent as `priority`: for those who wait for a lock that it holds or wants, and, on
    /// Linux, for the system, to which a thread of the low class is nicer by ten than the one that started
    /// it, and one of the high class less nice by ten. Nothing happens if it is over.
    ///
    /// # Errors
    /// If the system refuses; then nothing has changed. It lets ordinary processes make threads less urgent
    /// only, and not take that back.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// reach.set_priority(Priority::Low)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_priority(&self, to: Priority) -> io::Result<()> {
        match &mut *self.place.lock() {
            Place::Before { priority, .. } => *priority = to,
            Place::There { unit, system } => {
                system.set(to)?;
                unit.set_class(to);
            }
            Place::Over => {}
        }
        Ok(())
    }

    /// Whether it is the calling thread, and no fiber on it.
    ///
    /// ```
    /// use vitte_scheduler::Reach;
    /// use vitte_wait::Priority;
    ///
    /// let reach = Reach::new(Priority::Normal);
    /// let _reachable = reach.enter()?;
    /// assert!(reach.is_current());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_current(&self) -> bool {
        Self::with_mine(|mine| std::ptr::eq(mine, self)).unwrap_or(false)
    }

    /// Whether others reach the calling thread.
    pub(crate) fn is_here() -> bool {
        Self::with_mine(|_| ()).is_some()
    }

    /// What `look` says of the reach of the calling thread, if it has one.
    fn with_mine<R>(look: impl FnOnce(&Self) -> R) -> Option<R> {
        MINE.with(|mine| mine.borrow().as_deref().map(look))
    }

    /// Cancels the calling thread anew, after that was taken back, if anybody who reaches it asked for it.
    pub(crate) fn renew_here() {
        Self::with_mine(|mine| {
            // Under the lock: who asked before us has said why, and who asks after us cancels himself.
            if let Place::There { unit, .. } = *mine.place.lock()
                && mine.reason.get().is_some()
            {
                unit.cancel();
            }
        });
    }

    /// Why the calling thread was asked to stop, if anybody who reaches it did.
    pub(crate) fn reason_here() -> Option<CancelReason> {
        Self::with_mine(Self::cancel_reason).flatten()
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        *self.reach.place.lock() = Place::Over;
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("cancel_reason", &self.reason.get())
            .finish_non_exhaustive()
    }
}

/// What the system knows of a thread.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy)]
struct System {
    number: rustix::thread::Pid,
    /// How nice it is in the normal class: as the one who started it.
    nice: i32,
}

#[cfg(target_os = "linux")]
impl System {
    fn here() -> Self {
        let number = rustix::thread::gettid();
        let nice = rustix::process::getpriority_process(Some(number));
        Self {
            number,
            nice: nice.unwrap_or(0),
        }
    }

    fn set(self, priority: Priority) -> io::Result<()> {
        let nice = match priority {
            Priority::Low => self.nice + 10,
            Priority::Normal => self.nice,
            Priority::High => self.nice - 10,
        };
        // Linux gives each thread a niceness of its own, though POSIX speaks of processes.
        let now = rustix::process::getpriority_process(Some(self.number));
        let nice = nice.clamp(-20, 19);
        if now != Ok(nice) {
            rustix::process::setpriority_process(Some(self.number), nice)?;
        }
        Ok(())
    }
}

/// Elsewhere a thread's urgency is the process's.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Copy)]
struct System;

#[cfg(not(target_os = "linux"))]
impl System {
    fn here() -> Self {
        Self
    }

    fn set(self, _: Priority) -> io::Result<()> {
        Ok(())
    }
}
