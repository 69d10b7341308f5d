//! Time slices: how long a task that polls may go on while others wait.
//!
//! There is no clock tick. Who watches the time is the [pacer](crate::pace), and only while somebody
//! waits: it sets the poll word of a task whose slice is over. A task that asks
//! ([`poll_slow`]) looks at the clock itself too. A slice is named by the worker's turn: whoever finds
//! that the turn has passed on knows that he was meant for another. A task that runs inline shares the
//! slice of the stack it stands on: else a loop of short joins would never use one up.

use crate::{
    FiberId, Scheduler,
    task::{Task, poll as bits, state::Cause},
    worker::{Worker, current_task, find::ROUND},
};
use std::{cell::Cell, mem, ptr, sync::Arc};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
    clock,
};

/// How far the slice of a worker has come.
pub(crate) struct Slice {
    /// Which slice of this worker it is. Written by the worker.
    turn: AtomicU32,
    /// The last turn that was said to be over. Written by the pacer, and by the worker.
    over: AtomicU32,
    /// Since when the stack that runs has polled. Owner only.
    since: Cell<u64>,
    /// How much of it was used up otherwise, in thousandths. Owner only.
    consumed: Cell<u32>,
    /// The turn that these two belong to. Owner only.
    since_turn: Cell<u32>,
}

impl Default for Slice {
    fn default() -> Self {
        Self {
            turn: AtomicU32::new(1),
            over: AtomicU32::new(0),
            since: Cell::new(0),
            consumed: Cell::new(0),
            since_turn: Cell::new(0),
        }
    }
}

impl Slice {
    /// The next slice begins. Owner only.
    #[inline(always)]
    pub(crate) fn end(&self) {
        self.turn
            .store(self.turn.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Which slice it is. Any thread may ask.
    pub(crate) fn turn(&self) -> u32 {
        self.turn.load(Relaxed)
    }

    /// Says that slice `turn` is over. Any thread may; if another has begun, it means nothing.
    pub(crate) fn set_over(&self, turn: u32) {
        self.over.store(turn, Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed) == self.turn()
    }

    /// By the clock, from the first call in a slice on. Owner only.
    fn is_used_up(&self, now: u64, length: u64) -> bool {
        self.begin_to_count(|| now);
        let consumed = u128::from(length) * u128::from(self.consumed.get()) / 1000;
        u128::from(now - self.since.get()) + consumed >= u128::from(length)
    }

    /// Uses up some thousandths of it; true if none is left. Owner only.
    fn consume(&self, permille: u32) -> bool {
        self.begin_to_count(clock::now);
        let consumed = self.consumed.get().saturating_add(permille);
        self.consumed.set(consumed);
        consumed >= 1000
    }

    fn begin_to_count(&self, now: impl FnOnce() -> u64) {
        let turn = self.turn();
        if self.since_turn.replace(turn) != turn {
            self.since.set(now());
            self.consumed.set(0);
        }
    }
}

/// What a poll finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Poll {
    /// Go on.
    Continue,
    /// The fiber was canceled, or its runtime shuts down: stop soon.
    Canceled,
}

/// Asks whether anything is wanted of the calling fiber, and if so does what [`poll_slow`] does.
///
/// What a loop that neither waits nor calls anything calls at each round: it reads one word and no clock.
///
/// # Blocking
/// # Panics
/// As [`poll_slow`].
///
/// ```
/// use vitte_scheduler::{Config, Poll, Scheduler, SpawnOptions, poll};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let looping = scheduler.spawn(&SpawnOptions::default(), || while poll() == Poll::Continue {});
/// // It has the only worker, but not for ever.
/// let other = scheduler.spawn(&SpawnOptions::default(), || 1);
/// assert_eq!(other.join()?, 1);
/// looping.cancel();
/// looping.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn poll() -> Poll {
    match current_task() {
        Some((_, task)) if task.hot.poll.load(Relaxed) != 0 => poll_slow(),
        _ => Poll::Continue,
    }
}

/// Gives way, if the calling fiber was asked to: what joins do that may run inline, for who makes one after the other never waits.
pub(crate) fn give_way_if_asked() {
    if current_task().is_some_and(|(_, task)| task.is_to_give_way()) {
        let _ = poll_slow();
    }
}

/// What generated code calls when its poll word is set, and interpreters now and then.
///
/// Lets the worker look after its timers and the tasks that others left for it, lets others run
/// if the time slice of the calling fiber is used up and somebody waits, and says whether the
/// fiber was canceled. On a plain thread it does nothing.
///
/// # Blocking
/// May suspend the calling fiber for as long as others have their slices.
///
/// # Panics
/// As [`yield_now`](crate::yield_now).
///
/// ```
/// use vitte_scheduler::{Config, Poll, Scheduler, SpawnOptions, poll_slow};
///
/// let scheduler = Scheduler::start(Config::default())?;
/// // An interpreter's loop, which asks every so many instructions.
/// let program = scheduler.spawn(&SpawnOptions::default(), || while poll_slow() == Poll::Continue {});
/// program.cancel();
/// program.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn poll_slow() -> Poll {
    let Some((_, task)) = current_task() else {
        return Poll::Continue;
    };
    let mut asked = task.hot.poll.load(Relaxed) & bits::TRANSIENT;
    if asked != 0 {
        asked = task.hot.poll.fetch_and(!bits::TRANSIENT, Relaxed);
    }
    if task.unit.is_asked() {
        task.heed_interrupts();
    }
    // It may have waited meanwhile.
    let Some(worker) = crate::worker::current() else {
        return Poll::Continue;
    };
    let now = clock::now();
    worker.look_after(now);
    worker.share();
    if now >= worker.lent_until.get() {
        worker.end_round();
        crate::yield_now();
    } else if worker.slice.is_over() || worker.slice.is_used_up(now, worker.shared().slice_nanos())
    {
        worker.slice.end();
        if worker.has_rivals() {
            match worker.shared().slice_handler.ask(task) {
                SliceEnd::Continue => {}
                SliceEnd::Cancel => task.cancel(Cause::Slice),
                SliceEnd::Yield => {
                    worker.lower(task);
                    worker.end_round();
                    crate::yield_now();
                }
            }
        }
    } else if asked & bits::URGENT != 0 && worker.has_more_urgent(task) {
        crate::yield_now();
    }
    if task.unit.is_canceled() {
        Poll::Canceled
    } else {
        Poll::Continue
    }
}

/// Uses up so many thousandths of the calling fiber's slice at once, for work that its polls do not
/// show, a long operation of the host's, say. When none is left, its poll word is set: it gives way at
/// its next poll if anybody waits. On a plain thread it does nothing.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, consume, poll};
///
/// let scheduler = Scheduler::start(Config::default())?;
/// let host = scheduler.spawn(&SpawnOptions::default(), || {
///     consume(1000); // a long operation: whoever waits has his turn next
///     poll()
/// });
/// host.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn consume(permille: u32) {
    if let Some((worker, task)) = current_task()
        && worker.slice.consume(permille)
    {
        worker.slice.set_over(worker.slice.turn());
        task.hot.poll.fetch_or(bits::SLICE, Relaxed);
    }
}

/// What becomes of a fiber whose slice is over while others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceEnd {
    /// It goes on, with another slice. Whoever always says so lets the others starve.
    Continue,
    /// It goes into line behind the others.
    Yield,
    /// It is canceled, and goes on to find that out.
    Cancel,
}

type Handler = dyn Fn(FiberId) -> SliceEnd + Send + Sync;

/// Who is asked at the end of a slice, if anybody is.
#[derive(Default)]
pub(crate) struct SliceHandler {
    handler: Mutex<Option<Arc<Handler>>>,
}

impl SliceHandler {
    /// Returns the one before, for the caller to drop.
    fn set(&self, handler: Option<Arc<Handler>>) -> Option<Arc<Handler>> {
        mem::replace(&mut *self.handler.lock(), handler)
    }

    fn ask(&self, task: &'static Task) -> SliceEnd {
        let handler = self.handler.lock().clone();
        handler.map_or(SliceEnd::Yield, |handler| handler(task.id()))
    }
}

impl Scheduler {
    /// Has `handler` asked, on the fiber itself, what becomes of a fiber whose slice is over while others
    /// wait. `None`: it yields, as it does in the beginning. A call of the one before may be under way.
    ///
    /// The handler must not wait: it is called in the middle of whatever polls.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Poll, Scheduler, SliceEnd, SpawnOptions, poll};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// // Whoever computes for a slice has computed for too long.
    /// scheduler.set_slice_handler(Some(|_| SliceEnd::Cancel));
    /// let looping = scheduler.spawn(&SpawnOptions::default(), || while poll() == Poll::Continue {});
    /// scheduler.spawn(&SpawnOptions::default(), || ()).join()?;
    /// looping.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_slice_handler<F>(&self, handler: Option<F>)
    where
        F: Fn(FiberId) -> SliceEnd + Send + Sync + 'static,
    {
        let handler = handler.map(|handler| Arc::new(handler) as Arc<Handler>);
        drop(self.0.slice_handler.set(handler));
    }
}

/// `ended`, which ran on top of `joiner`, may have been asked to give way just then: the slice is of both.
#[cold]
pub(crate) fn pass_on(ended: &Task, joiner: &Task) {
    let asked = ended.hot.poll.load(Relaxed) & bits::TRANSIENT;
    if asked != 0 {
        joiner.hot.poll.fetch_or(asked, Relaxed);
    }
}

impl Worker {
    /// A whole slice counts as many short tasks do: whoever waited for it in the LIFO slot goes
    /// into the line, and the next source in turn comes first. Else a few tasks that use up
    /// their slices would keep what comes from elsewhere waiting for seconds.
    fn end_round(&self) {
        // SAFETY: null or a record.
        if let Some(task) = unsafe { self.lifo_slot.replace(ptr::null()).as_ref() } {
            self.queue(task);
        }
        let tick = self.tick.get();
        self.tick.set(tick.wrapping_add(ROUND - 1 - tick % ROUND));
        self.slice_over.set(true);
    }

    /// This worker is retired: the task that runs, which may move, goes where others take it.
    #[cold]
    pub(crate) fn leave_to_others(&self) {
        self.end_round();
        crate::yield_now();
    }

    /// If somebody has nothing to do, leaves it the task that would run next here, if that may
    /// move: the present one may go on for long.
    fn share(&self) {
        // SAFETY: null or a record.
        let Some(task) = (unsafe { self.lifo_slot.get().as_ref() }) else {
            return;
        };
        if !task.is_pinned() && self.shared().idle.has_idle() {
            self.lifo_slot.set(ptr::null());
            self.queue(task);
        }
    }
}
