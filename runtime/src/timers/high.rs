//! Timers that are as punctual as the system allows: each has a thread of its own.
//!
//! The thread asks for no slack in its sleeps, sleeps until shortly before the callback is due, and looks
//! at the clock from there. It belongs to no runtime, so no worker need have time for it.
//!
//! Invariants: after a change of the state `changed` is signaled, unless the thread itself made it.

use super::{
    Tick, TimerStats,
    beat::{Beat, Call, nanos},
    forms::timer_forms,
    panic_of,
};
use crate::{Panicked, SpawnError, Thread};
use std::{fmt, hint, sync::Arc, time::Duration};
use vitte_sync::{Canceled, Event, WaitError};
use vitte_wait::{
    Deadline, StopToken, current,
    facade::{Mutex, clock},
    timed_forms,
};

/// A [`Timer`](crate::Timer) with a thread of its own, for periods of a millisecond and less.
///
/// It is started, stopped and started anew as a [`Timer`](crate::Timer) is, and its beats, panics and
/// missed beats are the same. What is different:
///
/// * The callback is called on a plain thread, always the same. It should be short; while it waits for
///   something nothing else is held up.
/// * It is called as soon as the system lets the thread run. For the last moments before it is due, 30
///   microseconds unless the [builder](Self::builder) was told otherwise, the thread looks at the clock
///   instead of sleeping: at a period of a millisecond, three percent of a processor.
/// * It belongs to no runtime, and is not stopped when one is shut down. The thread is started with the
///   timer's first start, sleeps while the timer is stopped, and ends when the timer is dropped. That is
///   not waited for, nor is a callback that runs then; see [`stop`](Self::stop).
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// use vitte_threads::HighResTimer;
///
/// let (tell, told) = mpsc::channel();
/// let timer = HighResTimer::new(move |tick| tell.send(tick.due()).unwrap());
/// timer.start_periodic(Duration::from_micros(500))?;
/// let (first, second) = (told.recv()?, told.recv()?);
/// assert_eq!((second.as_nanos() - first.as_nanos()) % 500_000, 0);
/// timer.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a timer that is dropped is stopped"]
pub struct HighResTimer {
    core: Arc<Core>,
    /// Whether this is the handle by whose end the timer ends.
    is_handle: bool,
}

/// Collects what a [`HighResTimer`] is made with.
#[derive(Clone, Debug)]
#[must_use]
pub struct HighResTimerBuilder {
    name: String,
    spin: Duration,
}

type Callback = Box<dyn FnMut(&Tick<'_, HighResTimer>) + Send>;

struct Core {
    state: Mutex<State>,
    /// Locked by the thread while it calls.
    callback: Mutex<Callback>,
    changed: Event,
    name: String,
    spin: u64,
}

struct State {
    beat: Beat,
    /// There is a thread.
    has_thread: bool,
    /// The handle is gone, so the thread is to end.
    is_over: bool,
}

impl HighResTimerBuilder {
    /// What the thread is called. By default `vitte-timer`.
    ///
    /// ```
    /// use vitte_threads::{Deadline, HighResTimer};
    ///
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let timer = HighResTimer::builder()
    ///     .name("metronome")
    ///     .build(move |_| tell.send(std::thread::current().name().map(str::to_owned)).unwrap());
    /// timer.start_at(Deadline::NOW)?;
    /// assert_eq!(told.recv()?.as_deref(), Some("metronome"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long before it is due the thread stops sleeping and looks at the clock: as long as a sleep may
    /// be late on this machine, or nothing, to save the processor.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Deadline, HighResTimer};
    ///
    /// let (tell, told) = std::sync::mpsc::channel();
    /// // It may be late by what a sleep is late, and looks at no clock meanwhile.
    /// let timer = HighResTimer::builder().spin(Duration::ZERO).build(move |_| tell.send(()).unwrap());
    /// timer.start_at(Deadline::NOW)?;
    /// told.recv()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spin(mut self, spin: Duration) -> Self {
        self.spin = spin;
        self
    }

    /// The timer. It is not running, and has no thread yet.
    ///
    /// ```
    /// use vitte_threads::HighResTimer;
    ///
    /// let timer = HighResTimer::builder().name("metronome").build(|_| ());
    /// assert!(!timer.is_running());
    /// ```
    pub fn build<F>(self, callback: F) -> HighResTimer
    where
        F: FnMut(&Tick<'_, HighResTimer>) + Send + 'static,
    {
        let core = Core {
            state: Mutex::new(State {
                beat: Beat::new(),
                has_thread: false,
                is_over: false,
            }),
            callback: Mutex::new(Box::new(callback)),
            changed: Event::auto(),
            name: self.name,
            spin: u64::try_from(self.spin.as_nanos()).unwrap_or(u64::MAX),
        };
        HighResTimer {
            core: Arc::new(core),
            is_handle: true,
        }
    }
}

impl HighResTimer {
    /// A timer that calls `callback`. It is not running.
    ///
    /// ```
    /// use vitte_threads::{Deadline, HighResTimer};
    ///
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let timer = HighResTimer::new(move |_| tell.send("now").unwrap());
    /// timer.start_at(Deadline::NOW)?;
    /// assert_eq!(told.recv()?, "now");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new<F>(callback: F) -> Self
    where
        F: FnMut(&Tick<'_, Self>) + Send + 'static,
    {
        Self::builder().build(callback)
    }

    /// A builder, for a thread with another name, or another weight of punctuality against idleness.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::HighResTimer;
    ///
    /// let builder = HighResTimer::builder().name("metronome").spin(Duration::from_micros(100));
    /// let timer = builder.build(|_| ());
    /// assert!(!timer.is_running());
    /// ```
    pub fn builder() -> HighResTimerBuilder {
        HighResTimerBuilder {
            name: "vitte-timer".to_owned(),
            spin: Duration::from_micros(30),
        }
    }

    fn start(&self, first: Deadline, period: u64) -> Result<(), SpawnError> {
        let mut state = self.core.state.lock();
        if !state.has_thread {
            let core = Arc::clone(&self.core);
            // It waits for the lock that we hold.
            let thread = Thread::builder()
                .name(&*self.core.name)
                .spawn(move || core.run());
            thread.map_err(|error| SpawnError::Thread(error.to_string().into()))?;
            state.has_thread = true;
        }
        state.beat.start(first, period);
        drop(state);
        self.core.changed.signal();
        Ok(())
    }

    fn change<R>(&self, change: impl FnOnce(&mut Beat) -> R) -> R {
        let result = self.look(change);
        self.core.changed.signal();
        result
    }

    fn look<R>(&self, look: impl FnOnce(&mut Beat) -> R) -> R {
        look(&mut self.core.state.lock().beat)
    }

    timer_forms! { HighResTimer, [], "HighResTimer::new" }
}

impl Core {
    /// What the thread does.
    fn run(self: Arc<Self>) {
        lose_no_time();
        let life = current::unit().life();
        let timer = HighResTimer {
            core: Arc::clone(&self),
            is_handle: false,
        };
        loop {
            let next = {
                let state = self.state.lock();
                if state.is_over {
                    break;
                }
                state.beat.next()
            };
            if !self.wait_until(next) {
                continue;
            }
            let call = {
                let mut state = self.state.lock();
                let due = !state.is_over && state.beat.claim(Deadline::from_nanos(clock::now()));
                due.then(|| state.beat.begin(life)).flatten()
            };
            if let Some(call) = call {
                self.call(&timer, call);
            }
        }
    }

    fn call(&self, timer: &HighResTimer, call: Call) {
        let Call { due, missed } = call;
        let tick = Tick { timer, due, missed };
        // On a plain thread nothing but a panic unwinds.
        let (panic, _) = panic_of(|| (self.callback.lock())(&tick));
        let end = self.state.lock().beat.finish(panic);
        if let Some(end) = end {
            end.signal();
        }
    }

    /// False: something was changed meanwhile.
    fn wait_until(&self, due: Deadline) -> bool {
        let awake = due.as_nanos().saturating_sub(self.spin);
        let sleep = if due == Deadline::NEVER {
            due
        } else {
            Deadline::from_nanos(awake)
        };
        if !sleep.is_past() && self.changed.wait_until(sleep).is_ok() {
            return false;
        }
        while clock::now() < due.as_nanos() {
            if self.changed.is_set() {
                return false;
            }
            hint::spin_loop();
        }
        true
    }
}

/// The system may let a thread sleep longer than it asked for, to save power. Not this one.
fn lose_no_time() {
    #[cfg(target_os = "linux")]
    {
        // Where it cannot be had the thread is late more often.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}

impl Drop for HighResTimer {
    fn drop(&mut self) {
        if self.is_handle {
            let mut state = self.core.state.lock();
            state.beat.halt();
            state.is_over = true;
            drop(state);
            self.core.changed.signal();
        }
    }
}

impl fmt::Debug for HighResTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HighResTimer");
        shown.field("name", &self.core.name);
        if let Some(state) = self.core.state.try_lock() {
            state.beat.show(&mut shown);
        }
        shown.finish_non_exhaustive()
    }
}
