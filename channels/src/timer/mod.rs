//! Receivers of the time: once after a while, at a point, in a steady beat, or never.
//!
//! Nobody sends. A receive is a wait with a deadline, so a timer needs no thread and no scheduler,
//! costs nothing while nobody waits, and may be dropped at any time.
//!
//! ```
//! use std::time::Duration;
//! use vitte_channels::timer;
//!
//! let beat = timer::tick(Duration::from_millis(1));
//! let first = beat.recv()?;
//! let second = beat.recv()?;
//! assert!(second.due > first.due);
//! # Ok::<(), vitte_channels::RecvError>(())
//! ```
//!
//! # The beat
//! The ticks of a period lie on a grid that begins when the timer is made, so being late once makes
//! no later tick late: there is no drift. Ticks that nobody received do not pile up. At most one is
//! there to be received, the latest that is due, and it says how many before it were
//! [missed](Tick::missed). (Go and crossbeam-channel keep the oldest instead, and forget the rest.)
//!
//! # One-shot timers
//! Once it was received, a one-shot timer is silent: a further receive waits until somebody
//! [resets](Timer::reset) it, for ever if nobody does. So it can stay among the things that a loop
//! waits for. It is not closed, for it may go again; [`Timer::close`] closes it.

mod arm;

pub use arm::TimerArm;

use crate::error::{RecvError, RecvUntilError, TryRecvError};
use std::{fmt, ptr, time::Duration};
use vitte_wait::{
    Budget, Deadline, Node, Outcome, Reason, StopToken, Wait, WaitQueue,
    facade::{Arc, Mutex, clock},
    timed_forms,
};

/// What a timer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tick {
    /// The point in time that has come: when it was due, not when it was received.
    pub due: Deadline,
    /// How many ticks were due since the one received last, and were received by nobody.
    pub missed: u64,
}

/// A timer. Clones share it: each tick is received by one of them.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits
/// only if no tick is due; otherwise deadline, stop token and cancellation are not looked at.
///
/// # Cancellation
/// A receiver that is canceled while it waits has taken no tick.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::{TryRecvError, timer};
///
/// let timer = timer::after(Duration::ZERO);
/// assert!(timer.recv().is_ok());
/// assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
/// timer.reset(Duration::from_millis(1));
/// assert!(timer.recv().is_ok());
/// ```
pub struct Timer {
    shared: Arc<Mutex<State>>,
    budget: Budget,
}

struct State {
    /// When the next tick is due; never, if the timer is silent.
    due: Deadline,
    /// In nanoseconds; 0 for a one-shot timer.
    period: u64,
    closed: bool,
    /// Those who wait for a tick. Time ends their waits; changes of the timer do, too.
    waiters: WaitQueue,
}

/// A timer that goes once, `patience` from now.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::timer;
/// use vitte_wait::Deadline;
///
/// let before = Deadline::after(Duration::from_millis(1));
/// let tick = timer::after(Duration::from_millis(1)).recv().unwrap();
/// assert!(tick.due >= before && tick.due.is_past());
/// ```
#[must_use]
pub fn after(patience: Duration) -> Timer {
    at(Deadline::after(patience))
}

/// A timer that goes once, at `deadline`. With [`Deadline::NEVER`] it is [`never()`].
///
/// ```
/// use vitte_channels::timer;
/// use vitte_wait::Deadline;
///
/// assert_eq!(timer::at(Deadline::NOW).recv().unwrap().due, Deadline::NOW);
/// ```
#[must_use]
pub fn at(deadline: Deadline) -> Timer {
    Timer::new(deadline, 0)
}

/// A timer that goes every `period`, first one period from now.
///
/// # Panics
/// If `period` is zero.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::timer;
///
/// let beat = timer::tick(Duration::from_millis(1));
/// let (first, second) = (beat.recv().unwrap(), beat.recv().unwrap());
/// assert_eq!((second.due.as_nanos() - first.due.as_nanos()) % 1_000_000, 0);
/// ```
#[must_use]
pub fn tick(period: Duration) -> Timer {
    tick_from(Deadline::after(period), period)
}

/// A timer that goes every `period`, first at `first`.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::timer;
/// use vitte_wait::Deadline;
///
/// // A grid that began when the clock did: all but the latest tick were missed.
/// let second = Duration::from_secs(1);
/// let tick = timer::tick_from(Deadline::NOW, second).recv().unwrap();
/// assert_eq!(tick.due.as_nanos(), tick.missed * 1_000_000_000);
/// ```
///
/// # Panics
/// If `period` is zero.
#[must_use]
pub fn tick_from(first: Deadline, period: Duration) -> Timer {
    Timer::new(first, beat(period))
}

/// A timer that does not go, in place of one that does: for a timeout that is an option.
///
/// ```
/// use vitte_channels::{RecvUntilError, timer};
/// use vitte_wait::Deadline;
///
/// let limit = None;
/// let timer = limit.map_or_else(timer::never, timer::after);
/// assert_eq!(timer.recv_until(Deadline::NOW), Err(RecvUntilError::TimedOut));
/// ```
#[must_use]
pub fn never() -> Timer {
    at(Deadline::NEVER)
}

/// A period in nanoseconds. One too long to count is so long that its second tick never comes.
fn beat(period: Duration) -> u64 {
    assert!(!period.is_zero(), "a timer cannot tick without a pause");
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

impl State {
    fn take(&mut self) -> Result<Tick, TryRecvError> {
        if self.closed {
            return Err(TryRecvError::Closed);
        }
        if !self.due.is_past() {
            return Err(TryRecvError::Empty);
        }
        if self.period == 0 {
            let due = std::mem::replace(&mut self.due, Deadline::NEVER);
            return Ok(Tick { due, missed: 0 });
        }
        let first = self.due.as_nanos();
        let missed = clock::now().saturating_sub(first) / self.period;
        let due = first + missed * self.period;
        self.due = Deadline::from_nanos(due.saturating_add(self.period));
        Ok(Tick {
            due: Deadline::from_nanos(due),
            missed,
        })
    }

    fn is_armed(&self) -> bool {
        !self.closed && self.due != Deadline::NEVER
    }
}

impl Timer {
    fn new(due: Deadline, period: u64) -> Self {
        Self::of(Arc::new(Mutex::new(State {
            due,
            period,
            closed: false,
            waiters: WaitQueue::new(),
        })))
    }

    fn of(shared: Arc<Mutex<State>>) -> Self {
        Self {
            shared,
            budget: Budget::begin(),
        }
    }

    /// Makes a change that those who wait must hear of.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.shared.lock();
        let result = change(&mut state);
        let woken = state.waiters.pop_all(Outcome::Woken);
        drop(state);
        drop(woken);
        result
    }

    /// Waits for the next tick.
    ///
    /// # Errors
    /// [`RecvError::Closed`] if the timer is closed; [`RecvError::Canceled`] if the caller is
    /// canceled while waiting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::timer;
    ///
    /// let tick = timer::after(Duration::from_millis(1)).recv().unwrap();
    /// assert!(tick.due.is_past());
    /// ```
    pub fn recv(&self) -> Result<Tick, RecvError> {
        self.recv_with(Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Takes the tick that is due, if one is.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if none is due; [`TryRecvError::Closed`] if the timer is closed.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{TryRecvError, timer};
    /// use vitte_wait::Deadline;
    ///
    /// let timer = timer::at(Deadline::NOW);
    /// assert!(timer.try_recv().is_ok());
    /// assert_eq!(timer.try_recv(), Err(TryRecvError::Empty), "it goes once");
    /// ```
    pub fn try_recv(&self) -> Result<Tick, TryRecvError> {
        self.shared.lock().take()
    }

    /// Waits for the next tick until `deadline`, or until `stop` is triggered.
    ///
    /// A tick that is due at the deadline is received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`RecvUntilError::TimedOut`] or [`RecvUntilError::Stopped`],
    /// whichever came first.
    ///
    /// ```
    /// use vitte_channels::{RecvUntilError, timer};
    /// use vitte_wait::Deadline;
    ///
    /// let ended = timer::never().recv_with(Deadline::NOW, None);
    /// assert_eq!(ended, Err(RecvUntilError::TimedOut));
    /// ```
    pub fn recv_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Tick, RecvUntilError> {
        loop {
            match self.try_recv() {
                Ok(tick) => {
                    self.budget.spend();
                    return Ok(tick);
                }
                Err(TryRecvError::Closed) => return Err(RecvUntilError::Closed),
                Err(TryRecvError::Empty) => {}
            }
            match self.wait(deadline, stop) {
                None | Some(Outcome::Woken) => {}
                Some(Outcome::TimedOut) => return Err(RecvUntilError::TimedOut),
                Some(Outcome::Canceled) => return Err(RecvUntilError::Canceled),
                Some(Outcome::Stopped) => return Err(RecvUntilError::Stopped),
            }
        }
    }

    timed_forms! {
        recv_with() -> Result<Tick, RecvUntilError>:
        recv_until recv_timeout recv_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, timer};
        ///
        /// let timer = timer::never();
        "timer." () => Err(RecvUntilError)
    }

    /// Parks the calling unit until a tick may be due, or for as long as it has patience; `None` if
    /// one may be due now.
    fn wait(&self, deadline: Deadline, stop: Option<&StopToken>) -> Option<Outcome> {
        let wait = Wait::begin(Reason::Sleep, Arc::as_ptr(&self.shared).cast());
        let node = Node::new(wait.ticket(), ptr::null_mut());
        let due = {
            let mut state = self.shared.lock();
            if state.closed || state.due.is_past() {
                drop(state);
                // A cancellation that came in between is noticed by the next wait, if any.
                let _ = wait.withdraw();
                return None;
            }
            // SAFETY: `node` is in no queue, stays in this frame until it is popped or `linked`
            // has taken it out (also when `park` unwinds), and is touched only under this lock.
            unsafe { state.waiters.push(&node) };
            state.due
        };
        let linked = Linked {
            shared: &self.shared,
            node: &node,
        };
        let outcome = wait.park(due.min(deadline), stop);
        drop(linked);
        // Of a clone that was faster the next look tells.
        (outcome != Outcome::TimedOut || deadline < due).then_some(outcome)
    }

    /// Begins anew: a one-shot timer goes `patience` from now, and one that ticks takes `patience`
    /// for its period, whose first tick is one period from now. A tick that was due is forgotten.
    ///
    /// True: the timer would have gone otherwise. A closed timer stays closed.
    ///
    /// # Panics
    /// If the timer ticks and `patience` is zero.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::timer;
    ///
    /// // A timeout that begins anew whenever something is heard.
    /// let silence = timer::after(Duration::from_secs(60));
    /// assert!(silence.reset(Duration::from_millis(1)), "it had not gone");
    /// assert!(silence.recv().is_ok());
    /// assert!(!silence.reset(Duration::from_secs(60)), "it had");
    /// ```
    pub fn reset(&self, patience: Duration) -> bool {
        let due = Deadline::after(patience);
        self.change(|state| {
            let was_armed = state.is_armed();
            if state.period != 0 {
                state.period = beat(patience);
            }
            state.due = due;
            was_armed
        })
    }

    /// Lets the timer go at `deadline`, and from there on with its period, if it has one. Otherwise
    /// as [`reset`](Self::reset).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::timer;
    /// use vitte_wait::Deadline;
    ///
    /// let timer = timer::never();
    /// assert!(!timer.reset_at(Deadline::NOW), "it would not have gone");
    /// assert!(timer.try_recv().is_ok());
    /// ```
    pub fn reset_at(&self, deadline: Deadline) -> bool {
        self.change(|state| {
            let was_armed = state.is_armed();
            state.due = deadline;
            was_armed
        })
    }

    /// Silences the timer until it is reset. A tick that was due is forgotten: once this has
    /// returned, no receive that begins gives one from before.
    ///
    /// True: the timer would have gone otherwise.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{TryRecvError, timer};
    /// use vitte_wait::Deadline;
    ///
    /// let timer = timer::at(Deadline::NOW);
    /// assert!(timer.stop());
    /// assert!(!timer.stop());
    /// assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
    /// ```
    pub fn stop(&self) -> bool {
        self.reset_at(Deadline::NEVER)
    }

    /// Closes the timer, for all its clones and for good: receivers that wait get
    /// [`RecvError::Closed`], and loops end. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_channels::{RecvError, timer};
    ///
    /// let timer = timer::never();
    /// let other = timer.clone();
    /// timer.close();
    /// assert_eq!(other.recv(), Err(RecvError::Closed));
    /// ```
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Whether the timer is closed.
    ///
    /// ```
    /// let timer = vitte_channels::timer::never();
    /// assert!(!timer.is_closed());
    /// timer.close();
    /// assert!(timer.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Whether a tick is due: a snapshot.
    ///
    /// ```
    /// use vitte_channels::timer;
    /// use vitte_wait::Deadline;
    ///
    /// assert!(timer::at(Deadline::NOW).is_due());
    /// assert!(!timer::never().is_due());
    /// ```
    #[must_use]
    pub fn is_due(&self) -> bool {
        let state = self.shared.lock();
        !state.closed && state.due.is_past()
    }

    /// When the next tick is due, or was; `None` if the timer is silent or closed.
    ///
    /// ```
    /// use vitte_channels::timer;
    /// use vitte_wait::Deadline;
    ///
    /// assert_eq!(timer::at(Deadline::NOW).due(), Some(Deadline::NOW));
    /// assert_eq!(timer::never().due(), None);
    /// ```
    #[must_use]
    pub fn due(&self) -> Option<Deadline> {
        let state = self.shared.lock();
        state.is_armed().then_some(state.due)
    }

    /// The time between two ticks; `None` for a one-shot timer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::timer;
    ///
    /// let second = Duration::from_secs(1);
    /// assert_eq!(timer::tick(second).period(), Some(second));
    /// assert_eq!(timer::after(second).period(), None);
    /// ```
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        let period = self.shared.lock().period;
        (period != 0).then(|| Duration::from_nanos(period))
    }

    /// Whether the two are the same timer.
    ///
    /// ```
    /// use vitte_channels::timer;
    ///
    /// let timer = timer::never();
    /// assert!(timer.is_same_timer(&timer.clone()));
    /// assert!(!timer.is_same_timer(&timer::never()));
    /// ```
    #[must_use]
    pub fn is_same_timer(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The next tick as one of several things that a unit waits for; see
    /// [`select!`](crate::select!), which takes a timer where it takes a receiver.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{Channel, select, timer};
    ///
    /// let (_tx, rx) = Channel::new::<u8>();
    /// let beat = timer::tick(Duration::from_millis(1));
    /// let ticked = select! {
    ///     recv(rx) -> _ => false,
    ///     recv(beat) -> tick => tick.is_ok(),
    /// };
    /// assert_eq!(ticked, Ok(true));
    /// ```
    #[must_use]
    pub fn recv_arm(&self) -> TimerArm<'_> {
        TimerArm::new(self)
    }

    /// Receives until the timer is closed, or the caller is canceled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::timer;
    ///
    /// let beat = timer::tick(Duration::from_millis(1));
    /// assert_eq!(beat.iter().take(3).count(), 3);
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }
}

impl Clone for Timer {
    fn clone(&self) -> Self {
        Self::of(self.shared.clone())
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Timer");
        // Whoever prints may be anywhere, so do not wait for the lock.
        let Some(state) = self.shared.try_lock() else {
            return out.finish_non_exhaustive();
        };
        if state.period != 0 {
            out.field("period", &Duration::from_nanos(state.period));
        }
        if state.is_armed() {
            out.field("due_in", &state.due.remaining());
        }
        out.field("closed", &state.closed)
            .field("waiting", &state.waiters.len())
            .finish()
    }
}

/// Takes a waiter out of its queue, however its wait ends.
struct Linked<'a> {
    shared: &'a Mutex<State>,
    node: &'a Node,
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        // SAFETY: the node was pushed into this queue and into no other.
        unsafe { self.shared.lock().waiters.remove(self.node) };
    }
}

/// See [`Timer::iter`].
#[derive(Debug)]
pub struct Iter<'a>(&'a Timer);

impl Iterator for Iter<'_> {
    type Item = Tick;
    fn next(&mut self) -> Option<Tick> {
        self.0.recv().ok()
    }
}

impl<'a> IntoIterator for &'a Timer {
    type Item = Tick;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
