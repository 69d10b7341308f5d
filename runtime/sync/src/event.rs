//! Events: something happened, and those who wait for it go on.
//!
//! One word holds the state. While it is `AWAITED` it changes only under the line's lock; see
//! Note [Awaited flags].

use crate::{
    WaitError,
    forms::{const_new, wait_forms},
    line::{Inside, Line, Waited, object},
};
use std::fmt;
use vitte_wait::{
    Deadline, Outcome, Reason, StopToken, Wait,
    facade::atomic::{AtomicU32, Ordering::*},
};

const UNSET: u32 = 0;
const SET: u32 = 1;
/// Not set, and somebody may wait.
const AWAITED: u32 = 2;

/// Something that happens, and can be waited for.
///
/// An [automatic](Self::auto) event lets exactly one waiter through for each signal, the one that
/// has waited longest; a signal that nobody waits for is remembered, once. A
/// [manual](Self::manual) one lets everybody through from the signal until it is
/// [reset](Self::reset).
///
/// What was done before a signal is visible to those whom it lets through.
///
/// # Blocking
/// The forms that wait suspend the calling fiber, or put the calling thread to sleep, unless the
/// event is set.
///
/// # Cancellation
/// A waiter that is canceled, times out or is stopped has consumed no signal.
///
/// ```
/// use vitte_sync::{Event, WaitError};
/// use vitte_wait::Deadline;
///
/// let event = Event::auto();
/// event.signal();
/// event.signal();
/// assert_eq!(event.wait(), Ok(()));
/// assert_eq!(event.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
/// ```
pub struct Event {
    state: AtomicU32,
    is_manual: bool,
    line: Line<()>,
}

impl Event {
    const_new! {
        /// An event that is reset by the waiter it lets through; not set.
        ///
        /// ```
        /// use vitte_sync::Event;
        ///
        /// let event = Event::auto();
        /// event.signal();
        /// assert!(event.try_wait());
        /// assert!(!event.try_wait(), "one signal lets one through");
        /// ```
        #[must_use]
        pub fn auto() -> Self {
            Self {
                state: AtomicU32::new(UNSET),
                is_manual: false,
                line: Line::new(()),
            }
        }
    }

    const_new! {
        /// An event that stays set until it is [reset](Self::reset); not set.
        ///
        /// ```
        /// use vitte_sync::Event;
        ///
        /// let event = Event::manual();
        /// event.signal();
        /// assert!(event.try_wait() && event.try_wait());
        /// event.reset();
        /// assert!(!event.try_wait());
        /// ```
        #[must_use]
        pub fn manual() -> Self {
            Self {
                state: AtomicU32::new(UNSET),
                is_manual: true,
                line: Line::new(()),
            }
        }
    }

    /// Sets the event: wakes one waiter or lets the next one through (automatic), or wakes and
    /// lets through everybody (manual).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use vitte_sync::Event;
    ///
    /// let ready = Arc::new(Event::manual());
    /// let theirs = ready.clone();
    /// let waiter = thread::spawn(move || theirs.wait());
    /// ready.signal();
    /// assert_eq!(waiter.join().unwrap(), Ok(()));
    /// ```
    #[inline]
    pub fn signal(&self) {
        let mut now = UNSET;
        while now != AWAITED {
            // Ordering: Release, also if it is set already, so that whoever goes on sees what came
            // before each signal. Partner: the Acquire in `try_wait`.
            match self.state.compare_exchange(now, SET, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
        self.signal_awaited();
    }

    #[cold]
    fn signal_awaited(&self) {
        let mut inside = self.line.lock();
        if self.state.load(Relaxed) != AWAITED {
            drop(inside);
            // Whoever waited has gone, and left the word to everybody.
            return self.signal();
        }
        if self.is_manual {
            // Ordering: Release. Partner: the Acquire in `try_wait`.
            self.state.store(SET, Release);
            let woken = inside.queue.pop_all(Outcome::Woken);
            drop(inside);
            drop(woken);
            return;
        }
        let woken = inside.queue.pop(Outcome::Woken);
        if woken.is_none() {
            // Ordering: Release. Partner: the Acquire in `try_wait`.
            self.state.store(SET, Release);
        } else if inside.queue.is_empty() {
            self.state.store(UNSET, Relaxed);
        }
        drop(inside);
        drop(woken);
    }

    /// Takes the signal back, if there is one that nobody has consumed. Nobody is woken.
    ///
    /// ```
    /// use vitte_sync::Event;
    ///
    /// let event = Event::auto();
    /// event.signal();
    /// event.reset();
    /// assert!(!event.is_set());
    /// ```
    pub fn reset(&self) {
        // Ordering: Acquire. Whoever resets an event has seen what led to it. Partner: `signal`.
        let _ = self.state.compare_exchange(SET, UNSET, Acquire, Relaxed);
    }

    /// Whether the event is set now; nothing is consumed.
    ///
    /// ```
    /// use vitte_sync::Event;
    ///
    /// let event = Event::auto();
    /// event.signal();
    /// assert!(event.is_set() && event.is_set());
    /// ```
    #[must_use]
    pub fn is_set(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `signal`.
        self.state.load(Acquire) == SET
    }

    /// Goes through if the event is set: an automatic one is not, after that.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::Event;
    ///
    /// let event = Event::auto();
    /// assert!(!event.try_wait());
    /// event.signal();
    /// assert!(event.try_wait());
    /// ```
    #[inline]
    #[must_use = "it says whether the event was set"]
    pub fn try_wait(&self) -> bool {
        if self.is_manual {
            return self.is_set();
        }
        // Ordering: Acquire. Partner: the Release in `signal`.
        self.state
            .compare_exchange(SET, UNSET, Acquire, Relaxed)
            .is_ok()
    }

    wait_forms! {
        /// Waits until the event is set.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
        -> ()
        ;
        in vitte_wait
        /// use vitte_sync::{Event, WaitError};
        ///
        /// let event = Event::auto();
        "event." () => Err(WaitError)
    }

    /// Waits until the event is set; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead. The event was not set then, or its signal went to another.
    ///
    /// ```
    /// use vitte_sync::{Event, WaitError};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (event, source) = (Event::auto(), StopSource::new());
    /// source.stop();
    /// let ended = event.wait_with(Deadline::NEVER, Some(&source.token()));
    /// assert_eq!(ended, Err(WaitError::Stopped));
    /// ```
    #[inline]
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        if self.try_wait() {
            return Ok(());
        }
        self.wait_in_line(deadline, stop)
    }

    /// Raises the flag, unless `goes` says, while the event is set, that there is no need to wait.
    /// Called under the lock.
    pub(crate) fn arm(&self, mut goes: impl FnMut() -> bool) -> bool {
        loop {
            // Ordering: Relaxed. What a signal brings, `goes` acquires.
            match self
                .state
                .compare_exchange(UNSET, AWAITED, Relaxed, Relaxed)
            {
                Ok(_) | Err(AWAITED) => return true,
                Err(_) if goes() => return false,
                Err(_) => {}
            }
        }
    }

    /// One who was in line has left it. Called under the lock.
    pub(crate) fn leave(&self, inside: &mut Inside<()>) {
        if inside.queue.is_empty() {
            // Only those who have the lock change the word while it says that somebody waits.
            self.state.store(UNSET, Relaxed);
        }
    }

    pub(crate) fn line(&self) -> &Line<()> {
        &self.line
    }

    #[cold]
    fn wait_in_line(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        let wait = Wait::begin(Reason::Event, object(self));
        let arm = |_: &mut Inside<()>| self.arm(|| self.try_wait());
        let leave = |inside: &mut Inside<()>| self.leave(inside);
        let no_payload = std::ptr::null_mut();
        match self
            .line
            .wait(wait, no_payload, (deadline, stop), arm, leave)
        {
            Waited::No => Ok(()),
            Waited::Popped(outcome) | Waited::Left(outcome) => WaitError::of(outcome),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Event");
        out.field("manual", &self.is_manual)
            .field("set", &self.is_set());
        if let Some(waiting) = self.line.len() {
            out.field("waiting", &waiting);
        }
        out.finish()
    }
}
