//! Timers that call something: once, or in a steady beat. (Timers to be received from are in
//! [`timer`](crate::timer).)
//!
//! While it waits to be due, a timer is an entry in a worker's wheel and nothing else: no fiber, no
//! stack, no thread. When it is due a fiber is spawned, which calls the callback.
//!
//! Invariants: the state's lock is held over each change of the alarm, so that alarm and state tell the
//! same time; nothing foreign is called or dropped under it.

mod beat;
mod forms;
mod high;
mod slices;

pub use beat::TimerStats;
pub use high::{HighResTimer, HighResTimerBuilder};
pub use slices::{NextSlice, SliceId, TimeSlices};

use crate::{Panicked, SpawnError};
use beat::{Beat, Call, nanos};
use forms::timer_forms;
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Weak},
    time::Duration,
};
use vitte_scheduler::{Alarm, Bell, Ring, Scheduler, SpawnOptions, Unwinding};
use vitte_sync::{Canceled, Event, WaitError};
use vitte_wait::{Deadline, Priority, StopToken, current, facade::Mutex, timed_forms};

/// Calls something at a point in time, or in a steady beat: see [`Runtime::timer`](crate::Runtime::timer).
///
/// A timer is made with its callback, and is not running; it is started, stopped and started anew at any
/// time, by anybody, also from inside its callback.
///
/// # The callback
/// Each call is a fiber of the runtime of its own, so it may wait for whatever it likes: that delays
/// this timer, and no other. A timer's callback never overlaps itself. It is called as a new task would
/// be: never before it is due, up to 229 microseconds after that (a worker looks at its timers together, once in that
/// time), and when a worker has time; where that on which it waits has just risen from sleep, and is kept busy at once, another
/// may take it up 8 milliseconds late. Those that are due together begin one after another on the worker that looked; if one of them
/// goes on for long without waiting, another worker is woken for the rest, within a time slice.
///
/// If it panics the panic is kept, to be [taken](Self::take_panic), and the timer goes on: the next call
/// finds the callback's state as the panic left it.
///
/// # The beat
/// The beats of a period lie on a grid that begins when the timer is started: each is due one period
/// after the one before it was due, however late that was called, so there is no drift. Beats that have
/// come due by the time the callback can be called are one call, for the latest; it says how many before
/// it were [missed](Tick::missed). So after a callback that took more than its period, the next call
/// follows at once, but no heap of calls does.
///
/// # The end
/// Dropping the timer stops it, without waiting for a callback that runs. [`detach`](Self::detach) lets
/// it go on by itself. When its runtime is shut down (in whatever mode) it is stopped, and cannot be
/// started again; a callback that runs is canceled like every fiber.
///
/// A callback that owns its own timer keeps both alive for ever: it should use [`Tick::timer`].
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// use vitte_threads::Runtime;
///
/// let runtime = Runtime::start()?;
/// let (tell, told) = mpsc::channel();
/// let mut beats = 0;
/// let timer = runtime.timer(move |tick| {
///     beats += 1;
///     tell.send(beats).unwrap();
///     if beats == 3 {
///         tick.timer().cancel();
///     }
/// });
/// timer.start_periodic(Duration::from_millis(1))?;
/// assert_eq!(told.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
/// timer.stop()?;
/// assert!(!timer.is_running());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a timer that is dropped is stopped"]
pub struct Timer {
    link: Link,
    /// Whether this is the handle by whose end the timer ends.
    is_handle: bool,
}

/// What a callback is told.
#[derive(Debug)]
pub struct Tick<'a, T = Timer> {
    timer: &'a T,
    due: Deadline,
    missed: u64,
}

impl<'a, T> Tick<'a, T> {
    /// The timer that calls, to be stopped, or started anew.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// let timer = runtime.timer(move |tick| {
    ///     tick.timer().cancel(); // it need not own its timer for that
    ///     tell.send("once").unwrap();
    /// });
    /// timer.start_periodic(Duration::from_millis(1))?;
    /// assert_eq!(told.recv()?, "once");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn timer(&self) -> &'a T {
        self.timer
    }

    /// When this call was due.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_threads::{Deadline, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// let timer = runtime.timer(move |tick| tell.send(tick.due().is_past()).unwrap());
    /// timer.start_at(Deadline::NOW)?;
    /// assert!(told.recv()?, "never called before it is due");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn due(&self) -> Deadline {
        self.due
    }

    /// How many beats between the last call and this one were not called for.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use vitte_threads::{Deadline, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = mpsc::channel();
    /// let timer = runtime.timer(move |tick| _ = tell.send(tick.missed()));
    /// // The first beat was due long ago, and so were many after it.
    /// timer.start_periodic_at(Deadline::from_nanos(1), Duration::from_nanos(1))?;
    /// assert!(told.recv()? > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

type Callback = dyn FnMut(&Tick<'_>) + Send;

/// What an alarm is to ring. The timer, its entry in a wheel and its callback are one piece of memory.
struct Core<F: ?Sized = Callback> {
    state: Mutex<State>,
    /// What is out of the ordinary about the fibers that call.
    manner: Option<Box<Manner>>,
    /// Locked by whoever calls it, and there is one at a time.
    callback: Mutex<F>,
}

struct Manner {
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    priority: Priority,
}

struct State {
    beat: Beat,
    /// For when the alarm is armed; "never" if it has rung since.
    armed: Deadline,
    /// The runtime has been shut down.
    is_over: bool,
    is_detached: bool,
    /// The timer itself, while it is detached and running.
    keep: Option<Link>,
}

/// A timer as whoever has to do with it holds it.
#[derive(Clone)]
struct Link(Arc<Alarm<Core>>);

impl Link {
    /// Makes a change, and arms the alarm for what follows from it. Returns what `change` said, and
    /// whether the timer can run at all.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> (R, bool) {
        let mut state = self.0.state.lock();
        let result = change(&mut state);
        let next = state.next();
        if next != state.armed {
            state.armed = next;
            if !self.0.arm(next) {
                state.end();
            }
        }
        let keeps = state.is_detached && state.beat.is_on();
        let old = match keeps == state.keep.is_some() {
            true => None,
            false => std::mem::replace(&mut state.keep, keeps.then(|| self.clone())),
        };
        let is_over = state.is_over;
        drop(state);
        drop(old);
        (result, !is_over)
    }

    /// Under no lock; the beat was claimed.
    fn spawn(self) {
        let scheduler = self.0.scheduler().clone();
        let link = self.clone();
        let turn = Turn(Some(self));
        let mut options = SpawnOptions {
            detached: true,
            ..SpawnOptions::default()
        };
        if let Some(manner) = &link.0.manner {
            options.name = manner.name.as_deref();
            options.stack_size = manner.stack_size;
            options.priority = manner.priority;
        }
        // If it cannot be spawned, or does not begin, `turn` is dropped and says so.
        scheduler.spawn(&options, move || turn.run());
    }
}

impl<F: FnMut(&Tick<'_>) + Send + 'static> Ring for Core<F> {
    /// Wherever a worker looks at its wheel.
    fn ring(alarm: Arc<Alarm<Self>>, bell: Bell) {
        let link = Link(alarm);
        let Bell::Due(now) = bell else {
            link.change(State::end);
            return;
        };
        let due = {
            let mut state = link.0.state.lock();
            if state.armed <= now {
                state.armed = Deadline::NEVER;
            }
            state.beat.claim(now)
        };
        if due {
            link.spawn();
        }
    }
}

/// When a timer that is never due is armed for: in some centuries.
const LATEST: Deadline = Deadline::from_nanos(u64::MAX - 1);

impl State {
    /// When the alarm is to ring. It is armed as long as the timer is on and not called, however late it is due, for it has to
    /// hear of the runtime's end.
    fn next(&self) -> Deadline {
        if self.beat.due() == Some(Deadline::NEVER) {
            LATEST
        } else {
            self.beat.next()
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.beat.halt();
    }
}

/// The duty to call the callback once, or to say that it could not be called.
struct Turn(Option<Link>);

impl Turn {
    fn run(mut self) {
        let Some(link) = self.0.take() else {
            return;
        };
        let life = current::unit().life();
        // If it was revoked, the alarm is armed for what came instead.
        let (Some(call), _) = link.change(|state| state.beat.begin(life)) else {
            return;
        };
        let Call { due, missed } = call;
        let timer = Timer {
            link,
            is_handle: false,
        };
        let tick = Tick {
            timer: &timer,
            due,
            missed,
        };
        let (panic, unwinding) = panic_of(|| (timer.link.0.callback.lock())(&tick));
        let (end, _) = timer.link.change(|state| state.beat.finish(panic));
        // Before whoever waits goes on: if he has the last handle, it is he who drops the callback.
        drop(timer);
        if let Some(end) = end {
            end.signal();
        }
        if let Some(unwinding) = unwinding {
            resume_unwind(unwinding);
        }
    }
}

type Panic = Box<dyn Any + Send>;

/// Runs foreign code: its panic, and the runtime's own unwinding, which is nobody's fault and is to go on.
fn panic_of(run: impl FnOnce()) -> (Option<Panic>, Option<Panic>) {
    match catch_unwind(AssertUnwindSafe(run)).err() {
        Some(panic) if panic.is::<Unwinding>() => (None, Some(panic)),
        panic => (panic, None),
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(link) = self.0.take() {
            link.change(|state| state.beat.fail());
        }
    }
}

impl Timer {
    /// A timer of this scheduler that calls `callback`, for layers that build on
    /// [`Scheduler`]; others have [`Runtime::timer`](crate::Runtime::timer). It is not running.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Runtime, Timer};
    ///
    /// let runtime = Runtime::start()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let timer = Timer::on(runtime.scheduler(), move |_| tell.send("now").unwrap());
    /// timer.start_at(Deadline::NOW)?;
    /// assert_eq!(told.recv()?, "now");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on<F>(scheduler: &Scheduler, callback: F) -> Self
    where
        F: FnMut(&Tick<'_>) + Send + 'static,
    {
        Self::new(scheduler, &SpawnOptions::default(), callback)
    }

    pub(crate) fn new(
        scheduler: &Scheduler,
        options: &SpawnOptions<'_>,
        callback: impl FnMut(&Tick<'_>) + Send + 'static,
    ) -> Self {
        let is_ordinary = options.name.is_none()
            && options.stack_size.is_none()
            && options.priority == Priority::default();
        let core = Core {
            state: Mutex::new(State {
                beat: Beat::new(),
                armed: Deadline::NEVER,
                is_over: false,
                is_detached: false,
                keep: None,
            }),
            manner: (!is_ordinary).then(|| {
                Box::new(Manner {
                    name: options.name.map(Into::into),
                    stack_size: options.stack_size,
                    priority: options.priority,
                })
            }),
            callback: Mutex::new(callback),
        };
        Self {
            link: Link(Alarm::new(scheduler, core)),
            is_handle: true,
        }
    }

    fn start(&self, first: Deadline, period: u64) -> Result<(), SpawnError> {
        let ((), can_run) = self.link.change(|state| {
            if !state.is_over {
                state.beat.start(first, period);
            }
        });
        can_run.then_some(()).ok_or(SpawnError::ShuttingDown)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Beat) -> R) -> R {
        self.link.change(|state| change(&mut state.beat)).0
    }

    fn look<R>(&self, look: impl FnOnce(&mut Beat) -> R) -> R {
        look(&mut self.link.0.state.lock().beat)
    }

    timer_forms! { Runtime, ["let runtime = Runtime::start().unwrap();"], "runtime.timer" }

    /// A name for the timer that does not keep it, and by whose end it does not end.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let timer = runtime.timer(|_| ());
    /// let weak = timer.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(timer);
    /// assert!(weak.upgrade().is_none());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn downgrade(&self) -> WeakTimer {
        WeakTimer(Arc::downgrade(&self.link.0))
    }

    /// The scheduler whose fibers call.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// assert!(runtime.timer(|_| ()).scheduler().is_same(runtime.scheduler()));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        self.link.0.scheduler()
    }

    /// Lets the timer go on by itself: until it was due, if it is to be called once; else until the
    /// callback [cancels](Self::cancel) it, or its runtime is shut down.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let timer = runtime.timer(move |_| tell.send("still").unwrap());
    /// timer.start_after(Duration::from_millis(1))?;
    /// timer.detach();
    /// assert_eq!(told.recv()?, "still");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detach(mut self) {
        self.is_handle = false;
        self.link.change(|state| state.is_detached = true);
    }
}

/// A [`Timer`] that may be gone.
#[derive(Clone)]
pub struct WeakTimer(Weak<Alarm<Core>>);

impl WeakTimer {
    /// The timer, if it is there. Dropping this does not stop it.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::start()?;
    /// let timer = runtime.timer(|_| ());
    /// let weak = timer.downgrade();
    /// weak.upgrade().unwrap().cancel();
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Timer> {
        let link = Link(self.0.upgrade()?);
        Some(Timer {
            link,
            is_handle: false,
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.is_handle {
            self.cancel();
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Timer");
        let manner = self.link.0.manner.as_deref();
        shown.field("name", &manner.and_then(|manner| manner.name.as_deref()));
        if let Some(state) = self.link.0.state.try_lock() {
            state.beat.show(&mut shown);
        }
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakTimer").field(&self.upgrade()).finish()
    }
}
