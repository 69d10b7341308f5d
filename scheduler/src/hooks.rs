//! Hooks: what an embedder has called at the turns of a worker's life, and when a fiber comes and goes.
//!
//! All are called on the worker's thread, on its own stack, when no fiber runs there: what waits in a hook
//! blocks the thread. A panic stays in the hook. Who asks for no hook pays for none: which main loop a
//! worker runs is decided when its thread starts, and tasks are told by a bit of their flags that they may not
//! run on each other's stacks, where nobody would see them come and go.

use crate::{
    FiberId, Hot,
    shared::Shared,
    task::Task,
    worker::{self, Worker},
};
use std::{fmt, sync::Arc};
use vitte_wait::confined;

type WorkerHook = Arc<dyn Fn(usize) + Send + Sync>;
type FiberHook = Arc<dyn Fn(&Switch<'_>) + Send + Sync>;

/// A fiber that is about to run on a worker, or has just been left.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Switch<'a> {
    /// The fiber. After it has been left it may be over.
    pub fiber: FiberId,
    /// The number of the worker.
    pub worker: usize,
    /// The fiber's record: the bounds of its stack, and the embedder's word. `None` when it is over.
    pub hot: Option<&'a Hot>,
}

/// What is called when. By default nothing is.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering::SeqCst}};
/// use vitte_scheduler::{Config, Hooks, Scheduler, ShutdownMode, SpawnOptions, yield_now};
/// use vitte_wait::Deadline;
///
/// let (threads, turns) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
/// let (started, came) = (threads.clone(), turns.clone());
/// let hooks = Hooks::default()
///     .thread_start(move |_| _ = started.fetch_add(1, SeqCst))
///     .switch_in(move |_| _ = came.fetch_add(1, SeqCst));
/// let scheduler = Scheduler::start(Config { workers: 1, hooks, ..Config::default() })?;
/// scheduler.spawn(&SpawnOptions::default(), yield_now).join()?;
/// scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
/// assert_eq!((threads.load(SeqCst), turns.load(SeqCst)), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Hooks {
    thread_start: Option<WorkerHook>,
    thread_stop: Option<WorkerHook>,
    before_park: Option<WorkerHook>,
    after_unpark: Option<WorkerHook>,
    switch_in: Option<FiberHook>,
    switch_out: Option<FiberHook>,
}

impl Hooks {
    /// On the thread of a worker, with its number, before it runs any fiber. A number may have several
    /// threads, one after the other. A worker that its host drives has no thread of its own.
    pub fn thread_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.thread_start = Some(Arc::new(hook));
        self
    }

    /// On the thread of a worker after the last fiber, before the thread ends.
    pub fn thread_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.thread_stop = Some(Arc::new(hook));
        self
    }

    /// When a worker has nothing to do, and is about to sleep.
    pub fn before_park(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.before_park = Some(Arc::new(hook));
        self
    }

    /// When a worker has slept, each time [`before_park`](Self::before_park) was called or would have been.
    pub fn after_unpark(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.after_unpark = Some(Arc::new(hook));
        self
    }

    /// Before a fiber runs: when it begins, and each time it goes on. Between this and the next
    /// [`switch_out`](Self::switch_out) on the same thread nothing but that fiber runs there.
    pub fn switch_in(mut self, hook: impl Fn(&Switch<'_>) + Send + Sync + 'static) -> Self {
        self.switch_in = Some(Arc::new(hook));
        self
    }

    /// When a fiber has left its worker, because it waits, gave way, or is over. No other worker runs it
    /// before this has returned.
    pub fn switch_out(mut self, hook: impl Fn(&Switch<'_>) + Send + Sync + 'static) -> Self {
        self.switch_out = Some(Arc::new(hook));
        self
    }

    /// Whether somebody wants to see fibers come and go.
    pub(crate) fn see_switches(&self) -> bool {
        self.switch_in.is_some() || self.switch_out.is_some()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("thread_start", &self.thread_start.is_some())
            .field("thread_stop", &self.thread_stop.is_some())
            .field("before_park", &self.before_park.is_some())
            .field("after_unpark", &self.after_unpark.is_some())
            .field("switch_in", &self.switch_in.is_some())
            .field("switch_out", &self.switch_out.is_some())
            .finish()
    }
}

/// Calls a hook, as the thread and not as the fiber that ran last.
#[cold]
fn call(hook: impl FnOnce()) {
    if let Some(worker) = worker::current() {
        worker.clear_unit();
    }
    // Its panic is none of ours.
    confined(hook);
}

fn call_for(hook: &Option<WorkerHook>, worker: usize) {
    if let Some(hook) = hook {
        call(|| hook(worker));
    }
}

/// A thread has become a worker's, until this is dropped.
pub(crate) struct Started<'a>(&'a Shared, usize);

impl<'a> Started<'a> {
    pub(crate) fn tell(shared: &'a Shared, worker: usize) -> Self {
        call_for(&shared.config.hooks.thread_start, worker);
        Self(shared, worker)
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        call_for(&self.0.config.hooks.thread_stop, self.1);
    }
}

/// A worker sleeps, until this is dropped.
pub(crate) struct Parked<'a>(&'a Shared, usize);

impl<'a> Parked<'a> {
    pub(crate) fn tell(shared: &'a Shared, worker: usize) -> Self {
        call_for(&shared.config.hooks.before_park, worker);
        Self(shared, worker)
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        call_for(&self.0.config.hooks.after_unpark, self.1);
    }
}

impl Worker {
    /// `task` is about to run. Returns its id, for when it has been left.
    #[cold]
    pub(crate) fn tell_in(&self, task: &'static Task) -> FiberId {
        let fiber = task.id();
        if let Some(hook) = &self.shared().config.hooks.switch_in {
            let switch = Switch {
                fiber,
                worker: self.index,
                hot: Some(&task.hot),
            };
            call(|| hook(&switch));
        }
        fiber
    }

    /// The fiber that was announced has left the worker, and nobody runs it yet.
    #[cold]
    pub(crate) fn tell_out(&self, task: &'static Task, fiber: FiberId) {
        if let Some(hook) = &self.shared().config.hooks.switch_out {
            // It is over, or about to be.
            let lives = self.current().is_some();
            let switch = Switch {
                fiber,
                worker: self.index,
                hot: lives.then_some(&task.hot),
            };
            call(|| hook(&switch));
        }
    }
}
