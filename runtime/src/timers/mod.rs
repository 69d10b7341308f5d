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
use vitte_scheduler::{Alarm, Bell, Scheduler, SpawnOptions, Unwinding};
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
/// time), and when a worker has time.
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
    core: Arc<Core>,
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
    #[must_use]
    pub fn timer(&self) -> &'a T {
        self.timer
    }

    /// When this call was due.
    #[must_use]
    pub fn due(&self) -> Deadline {
        self.due
    }

    /// How many beats between the last call and this one were not called for.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

type Callback = Box<dyn FnMut(&Tick<'_>) + Send>;

struct Core {
    state: Mutex<State>,
    alarm: Alarm,
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    priority: Priority,
}

struct State {
    beat: Beat<Callback>,
    /// The runtime has been shut down.
    is_over: bool,
    is_detached: bool,
    /// The timer itself, while it is detached and running.
    keep: Option<Arc<Core>>,
}

impl Core {
    /// Makes a change, and arms the alarm for what follows from it. Returns what `change` said, and
    /// whether the timer can run at all.
    fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> (R, bool) {
        let mut state = self.state.lock();
        let result = change(&mut state);
        if !self.alarm.arm(state.next()) {
            state.end();
        }
        let keeps = state.is_detached && state.beat.is_on();
        let new = keeps.then(|| Arc::clone(self));
        let old = std::mem::replace(&mut state.keep, new);
        let is_over = state.is_over;
        drop(state);
        drop(old);
        (result, !is_over)
    }

    /// What the alarm calls: wherever a worker looks at its wheel.
    fn ring(self: &Arc<Self>, bell: Bell) {
        if bell == Bell::Ended {
            self.change(State::end);
            return;
        }
        let due = {
            let mut state = self.state.lock();
            state.beat.claim()
        };
        if due {
            self.spawn();
        }
    }

    /// Under no lock; the beat was claimed.
    fn spawn(self: &Arc<Self>) {
        let turn = Turn(Some(Arc::clone(self)));
        let options = SpawnOptions {
            name: self.name.as_deref(),
            stack_size: self.stack_size,
            priority: self.priority,
            detached: true,
            ..SpawnOptions::default()
        };
        // If it cannot be spawned, or does not begin, `turn` is dropped and says so.
        self.alarm.scheduler().spawn(&options, move || turn.run());
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
struct Turn(Option<Arc<Core>>);

impl Turn {
    fn run(mut self) {
        let Some(core) = self.0.take() else {
            return;
        };
        let life = current::unit().life();
        // If it was revoked, the alarm is armed for what came instead.
        let (Some(call), _) = core.change(|state| state.beat.begin(life)) else {
            return;
        };
        let Call {
            mut callback,
            due,
            missed,
        } = call;
        let timer = Timer {
            core: Arc::clone(&core),
            is_handle: false,
        };
        let tick = Tick {
            timer: &timer,
            due,
            missed,
        };
        let (panic, unwinding) = panic_of(|| callback(&tick));
        let (end, _) = core.change(|state| state.beat.finish(callback, panic));
        // Before whoever waits goes on: if he has the last handle, it is he who drops the callback.
        drop((timer, core));
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
        if let Some(core) = self.0.take() {
            core.change(|state| state.beat.fail());
        }
    }
}

impl Timer {
    /// A timer of this scheduler that calls `callback`, for layers that build on
    /// [`Scheduler`]; others have [`Runtime::timer`](crate::Runtime::timer). It is not running.
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
        let core = Arc::new_cyclic(|core: &Weak<Core>| {
            let core = core.clone();
            let ring = move |bell| {
                if let Some(core) = core.upgrade() {
                    core.ring(bell);
                }
            };
            Core {
                state: Mutex::new(State {
                    beat: Beat::new(Box::new(callback)),
                    is_over: false,
                    is_detached: false,
                    keep: None,
                }),
                alarm: Alarm::new(scheduler, ring),
                name: options.name.map(Into::into),
                stack_size: options.stack_size,
                priority: options.priority,
            }
        });
        Self {
            core,
            is_handle: true,
        }
    }

    fn start(&self, first: Deadline, period: u64) -> Result<(), SpawnError> {
        let ((), can_run) = self.core.change(|state| {
            if !state.is_over {
                state.beat.start(first, period);
            }
        });
        can_run.then_some(()).ok_or(SpawnError::ShuttingDown)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Beat<Callback>) -> R) -> R {
        self.core.change(|state| change(&mut state.beat)).0
    }

    fn look<R>(&self, look: impl FnOnce(&mut Beat<Callback>) -> R) -> R {
        look(&mut self.core.state.lock().beat)
    }

    timer_forms! {}

    /// A name for the timer that does not keep it, and by whose end it does not end.
    #[must_use]
    pub fn downgrade(&self) -> WeakTimer {
        WeakTimer(Arc::downgrade(&self.core))
    }

    /// The scheduler whose fibers call.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        self.core.alarm.scheduler()
    }

    /// Lets the timer go on by itself: until it was due, if it is to be called once; else until the
    /// callback [cancels](Self::cancel) it, or its runtime is shut down.
    pub fn detach(mut self) {
        self.is_handle = false;
        self.core.change(|state| state.is_detached = true);
    }
}

/// A [`Timer`] that may be gone.
#[derive(Clone)]
pub struct WeakTimer(Weak<Core>);

impl WeakTimer {
    /// The timer, if it is there. Dropping this does not stop it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Timer> {
        let core = self.0.upgrade()?;
        Some(Timer {
            core,
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
        shown.field("name", &self.core.name);
        if let Some(state) = self.core.state.try_lock() {
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
