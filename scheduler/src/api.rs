//! What may be asked of a scheduler, from outside and from the fiber that runs.

use crate::{
    cancel::CancelReason,
    config::{Config, MOST_WORKERS, SpawnError, SpawnOptions, StartError},
    cpu::Plan,
    fence,
    id::{FiberId, Stale},
    shared::{Phase, Shared},
    stats::Stats,
    task::{
        Cold, Hot, Task, Traits,
        body::{self, RawBody},
        flags,
        join::JoinHandle,
        slab,
        state::DONE,
    },
    worker::{self, Action, After, Worker, current_task},
};
use std::{cell::Cell, ffi::c_void, fmt, ptr, sync::Arc, thread::panicking};
use vitte_fibers::{StackClass, StackOptions, StackPool, stack_pointer};
use vitte_wait::{
    Deadline, Outcome, Priority, Reason, Unit, Wait, counter,
    facade::{atomic::Ordering::*, clock, thread},
};

/// A scheduler: workers, and the tasks they run. Clones are the same scheduler.
///
/// Dropping the last clone does not end it: tasks may be running. Call
/// [`shutdown`](Scheduler::shutdown); the `Runtime` of `vitte-threads` does so when it is dropped.
#[derive(Clone)]
pub struct Scheduler(pub(crate) Arc<Shared>);

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("name", &self.0.config.name)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Starts the workers; with [`Config::workers`] zero, none, and the caller has it
    /// [driven](Self::driver).
    ///
    /// # Errors
    /// [`StartError::Workers`], [`StartError::StackSize`], [`StartError::Affinity`] if the configuration asks for what cannot
    /// be, [`StartError::Thread`] if the system refuses a thread; then none is left running.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if config.workers > MOST_WORKERS {
            return Err(StartError::Workers(config.workers));
        }
        let class = StackClass::for_size(config.stack_size).map_err(StartError::StackSize)?;
        let plan = Plan::make(&config.affinity, config.workers).map_err(StartError::Affinity)?;
        fence::prepare();
        counter::prepare();
        let stacks = StackPool::new(StackOptions {
            max_stacks: config.max_stacks,
            warm_bytes: config.warm_stack_bytes,
            ..StackOptions::default()
        });
        let seed = config
            .seed
            .unwrap_or_else(|| clock::now() ^ u64::from(std::process::id()) << 32);
        let shared = Shared::new(config, class, stacks, seed);
        let _ = shared.plan.set(plan);
        if let Some(host) = &shared.host {
            host.prepare(&shared);
            return Ok(Self(shared));
        }
        let start_all = || {
            let mut crew = shared.crew.lock();
            for index in 0..shared.config.workers {
                crew.start(&shared, index)?;
            }
            crew.start_pacer(&shared)
        };
        if let Err(error) = start_all() {
            shared.enter_phase(Phase::Stopping);
            shared.idle.wake_all(&shared);
            let threads = shared.crew.lock().take_threads();
            for thread in threads {
                let _ = thread.join();
            }
            return Err(StartError::Thread(error));
        }
        Ok(Self(shared))
    }

    /// The scheduler whose fiber calls, or that the calling thread is [attached](Self::attach) to. `None`
    /// on other threads.
    #[must_use]
    pub fn current() -> Option<Self> {
        match worker::current() {
            Some(worker) => Some(Self(Arc::clone(worker.shared_arc()))),
            None => Self::attached(),
        }
    }

    /// Whether the two are the same scheduler.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether the caller runs on a worker of this scheduler.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.worker().is_some()
    }

    fn worker(&self) -> Option<&'static Worker> {
        worker::current().filter(|worker| worker.shared().is(Arc::as_ptr(&self.0)))
    }

    /// How many threads run fibers at a time; not counting those that are [retired](Self::resize), and
    /// only serve tasks that cannot leave them, nor spare ones. None, if the host [drives](Self::driver) it.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self.0.host {
            Some(_) => 0,
            None => self.0.target(),
        }
    }

    /// What it was started with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What the scheduler has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.0;
        let sum = |count: fn(&crate::stats::Counts) -> u64| {
            shared
                .remotes
                .iter()
                .map(|remote| count(&remote.counts))
                .sum::<u64>()
        };
        let stacks = shared.stacks.stats();
        let (offload_threads, offloaded) = shared.pools.counts();
        // Ordering: SeqCst. Refusals first, for each was counted as a spawn before. Partner: `admit`.
        let refused = shared.refused_outside.load(SeqCst);
        let outside = shared.spawned_outside.load(SeqCst).saturating_sub(refused);
        Stats {
            workers: self.workers(),
            live: shared.live(),
            spawned: sum(|counts| counts.spawned.get()) + outside,
            finished: sum(|counts| counts.finished.get()),
            switches: sum(|counts| counts.switches.get()),
            steals: sum(|counts| counts.steals.get()),
            slices_ended: shared.pacer.ended.get(),
            lowered: sum(|counts| counts.lowered.get()),
            lifted: shared.pacer.lifted.get(),
            blocked: shared.blocked(),
            spare_threads: shared.crew.lock().alive_from(shared.target()),
            offload_threads,
            offloaded,
            timers: shared
                .remotes
                .iter()
                .map(|remote| remote.timers.armed())
                .sum(),
            stacks: stacks.in_use,
            stack_bytes: stacks.reserved_bytes,
            asymmetric_fence: fence::is_asymmetric(),
        }
    }

    /// Spawns a task that runs `body`. It stays on the worker that begins it.
    ///
    /// If it cannot be spawned, the handle's `join` says why.
    ///
    /// # Blocking
    /// Never.
    pub fn spawn<F, T>(&self, options: &SpawnOptions<'_>, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `'static`.
        unsafe { self.spawn_unchecked(options, body) }
    }

    /// As [`spawn`](Self::spawn), for bodies that borrow.
    ///
    /// # Safety
    /// What `body` and its value borrow outlives the task: the caller waits for its end, however
    /// he himself ends.
    pub unsafe fn spawn_unchecked<F, T>(&self, options: &SpawnOptions<'_>, body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        // SAFETY: by the caller.
        unsafe { self.spawn_closure(options, body, |_| None) }
    }

    /// As [`spawn`](Self::spawn), with a companion, which `companion` makes before the task is queued. It is dropped
    /// when the task has ended, in whichever way: on the task, after what it has put off and its locals; or, if the
    /// task never runs, by whoever drops its body, after that. Its destructor does not panic, and waits for nothing.
    /// If no task is spawned `companion` is dropped after the body.
    pub fn spawn_with_companion<F, T>(
        &self,
        options: &SpawnOptions<'_>,
        body: F,
        companion: impl FnOnce(FiberId) -> Option<Box<dyn Send>>,
    ) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `'static`.
        unsafe { self.spawn_closure(options, body, companion) }
    }

    /// As [`spawn_with_companion`](Self::spawn_with_companion), for bodies that borrow.
    ///
    /// # Safety
    /// As for [`spawn_unchecked`](Self::spawn_unchecked).
    unsafe fn spawn_closure<F, T>(
        &self,
        options: &SpawnOptions<'_>,
        body: F,
        companion: impl FnOnce(FiberId) -> Option<Box<dyn Send>>,
    ) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let mut companion = Some(companion);
        let task = self.place(
            options,
            flags::PINNED,
            body::closure_table::<F, T>(),
            |task| {
                // SAFETY: the task was occupied with this table and is not queued.
                unsafe { body::put_closure(task, body) };
                task.accompany(companion.take());
            },
        );
        detach_if(options, JoinHandle::new(task))
    }

    /// Spawns a task that runs a C function. Unless [`SpawnOptions::pinned`] says otherwise it may
    /// move to another thread whenever it is suspended.
    ///
    /// # Errors
    /// [`SpawnError`]; the body's `drop` has run then.
    ///
    /// # Safety
    /// - `entry` may be called with `arg` on any thread, once; `drop` in its place.
    /// - Unless pinned, the code it runs keeps no address of a thread-local (`errno`'s included) and
    ///   no lock that knows its owner across a suspension.
    /// - It does not unwind but by a Rust panic. If it is [killed](crate::kill), or goes on waiting after its
    ///   runtime has canceled it for shutdown, it is stopped for good without being unwound; nothing may then
    ///   depend on its frames being left in order.
    pub unsafe fn spawn_raw(
        &self,
        options: &SpawnOptions<'_>,
        body: RawBody,
    ) -> Result<FiberId, SpawnError> {
        // SAFETY: by the caller.
        unsafe { self.spawn_raw_with(options, body, |_| None) }
    }

    /// As [`spawn_raw`](Self::spawn_raw), with a companion: see [`spawn_with_companion`](Self::spawn_with_companion).
    ///
    /// # Errors
    /// As [`spawn_raw`](Self::spawn_raw).
    ///
    /// # Safety
    /// As [`spawn_raw`](Self::spawn_raw).
    pub unsafe fn spawn_raw_with(
        &self,
        options: &SpawnOptions<'_>,
        body: RawBody,
        companion: impl FnOnce(FiberId) -> Option<Box<dyn Send>>,
    ) -> Result<FiberId, SpawnError> {
        let mut companion = Some(companion);
        let pinned = if options.pinned { flags::PINNED } else { 0 };
        let mut id = None;
        let task = self.place(options, pinned | flags::NO_UNWIND, &body::RAW, |task| {
            // SAFETY: the task was occupied with this table and is not queued.
            unsafe { body::put_closure(task, body) };
            task.accompany(companion.take());
            id = Some(task.id());
            if options.detached {
                task.state.detach();
            }
        });
        match (task, id) {
            (Ok(_), Some(id)) => Ok(id),
            (error, _) => {
                if let Some(drop) = body.drop {
                    // SAFETY: the entry was not and will not be called.
                    unsafe { drop(body.arg) };
                }
                Err(error.err().unwrap_or(SpawnError::ShuttingDown))
            }
        }
    }

    /// Makes a task and queues it.
    fn place(
        &self,
        options: &SpawnOptions<'_>,
        kind: u32,
        table: &'static body::BodyTable,
        fill: impl FnOnce(&'static Task),
    ) -> Result<&'static Task, SpawnError> {
        let shared = &*self.0;
        let first = match options.stack_size {
            None => shared.first_flags,
            Some(size) => shared.first_flags_on(
                StackClass::for_size(size)
                    .map_err(|error| SpawnError::StackSize(Box::new(error)))?,
            ),
        };
        let worker = self.worker();
        let admission = match worker {
            Some(_) if shared.phase_is_at_least(Phase::Canceling) => None,
            Some(_) => Some(None),
            None => shared.admit().map(Some),
        };
        let admission = admission.ok_or(SpawnError::ShuttingDown)?;
        let task = match worker {
            Some(worker) => worker.records.take(&shared.depot),
            None => shared.depot.take_outside(),
        };
        let task = task.ok_or(SpawnError::TooManyTasks)?;
        let traits = Traits {
            flags: kind | first,
            poll: shared.first_poll,
            user: options.user,
        };
        task.occupy(table, traits);
        if let Some(name) = options.name {
            task.set_cold(Cold {
                name: Some(name.into()),
                ..Cold::default()
            });
        }
        task.unit.set_class(options.priority);
        fill(task);
        match worker {
            Some(worker) => {
                worker.remote().counts.spawned.raise();
                if task.unit.is_ordinary() {
                    worker.push_spawned(task);
                } else {
                    shared.inject(task);
                }
            }
            None => shared.inject(task),
        }
        if let Some(admission) = admission {
            admission.used();
        }
        Ok(task)
    }
}

fn detach_if<T>(options: &SpawnOptions<'_>, mut handle: JoinHandle<T>) -> JoinHandle<T> {
    if options.detached {
        handle.let_go();
    }
    handle
}

/// Spawns a task on the scheduler whose fiber calls. It stays on the worker that begins it.
///
/// If it cannot be spawned (outside of any fiber there is no scheduler), the handle's `join` says
/// why. Never blocks.
#[inline]
pub fn spawn<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: `'static`; pinned once begun.
    unsafe { spawn_here(flags::PINNED, body) }
}

/// As [`spawn`], for a task that may move to another thread whenever it is suspended.
///
/// # Safety
/// What the body keeps on its stack across a suspension, in its [locals](crate::FiberLocal), and in what it has
/// [put off](crate::defer), is `Send`: no `Rc`, no address of a
/// thread-local (that of `errno`, or what a `with` closure lends), no lock guard that its owner's
/// thread must drop.
#[inline]
pub unsafe fn spawn_migratable<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: `'static`; the rest is the caller's promise.
    unsafe { spawn_here(0, body) }
}

/// As [`spawn`], with options.
pub fn spawn_with<F, T>(options: &SpawnOptions<'_>, body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Scheduler::current() {
        Some(scheduler) => scheduler.spawn(options, body),
        None => JoinHandle::new(Err(SpawnError::NoRuntime)),
    }
}

/// # Safety
/// What `body` borrows outlives the task. Unless `kind` has `PINNED`, see [`spawn_migratable`].
#[inline(always)]
unsafe fn spawn_here<F: FnOnce() -> T + Send, T: Send>(kind: u32, body: F) -> JoinHandle<T> {
    let Some(worker) = worker::current() else {
        let task = match Scheduler::attached() {
            None => Err(SpawnError::NoRuntime),
            Some(scheduler) => {
                let table = body::closure_table::<F, T>();
                scheduler.place(&SpawnOptions::default(), kind, table, |task| {
                    // SAFETY: the task was occupied with this table and is not queued.
                    unsafe { body::put_closure(task, body) };
                })
            }
        };
        return JoinHandle::new(task);
    };
    let shared = worker.shared();
    if shared.phase_is_at_least(Phase::Canceling) {
        return JoinHandle::new(Err(SpawnError::ShuttingDown));
    }
    let Some(task) = worker.records.take(&shared.depot) else {
        return JoinHandle::new(Err(SpawnError::TooManyTasks));
    };
    let traits = Traits {
        flags: kind | shared.first_flags,
        poll: shared.first_poll,
        user: ptr::null_mut(),
    };
    task.occupy(body::closure_table::<F, T>(), traits);
    // SAFETY: the task was occupied with this table and is not queued.
    unsafe { body::put_closure(task, body) };
    worker.remote().counts.spawned.raise();
    worker.push_fresh(task);
    JoinHandle::new(Ok(task))
}

/// Lets other tasks run first; on a plain thread, other threads.
///
/// # Panics
/// If the runtime shuts down and the fiber, canceled, goes on: then it is unwound from here, with
/// [`Unwinding`](crate::Unwinding).
#[inline(always)]
pub fn yield_now() {
    let Some((worker, task)) = current_task() else {
        thread::yield_now();
        return;
    };
    if task.unit.is_asked() && !task.unit.is_acting() {
        (crate::unit::OPS.attend)(&task.unit);
    }
    let _ = worker.switch_task(task, Action::Yield);
}

/// Waits until `deadline`: [`Outcome::TimedOut`] when it has come, [`Outcome::Canceled`] if the
/// fiber is canceled first. A fiber suspends, a thread sleeps.
///
/// # Panics
/// As [`yield_now`].
pub fn sleep_until(deadline: Deadline) -> Outcome {
    Wait::begin(Reason::Sleep, ptr::null()).park(deadline, None)
}

/// Waits for the caller's park token, and consumes it. A token that was given before the call
/// counts; tokens do not add up.
///
/// [`Outcome::Woken`]: there was one. A fiber suspends, a thread sleeps.
///
/// # Panics
/// As [`yield_now`].
// Always inlined, down to the switch: when a fiber comes back, the processor's predictor of return
// addresses has been used by others, so every frame between the switch and the caller costs a
// misprediction, and so does the next switch.
#[inline(always)]
pub fn park(deadline: Deadline) -> Outcome {
    if deadline == Deadline::NEVER
        && let Some((worker, task)) = current_task()
        && let Some(outcome) = worker.park_token(task)
    {
        return outcome;
    }
    Wait::park_token(deadline, None)
}

/// Gives the fiber `id` its park token. Callable from anywhere; never blocks.
///
/// # Errors
/// [`Stale`] if the fiber is gone.
#[inline]
pub fn unpark(id: FiberId) -> Result<(), Stale> {
    let task = slab::find(id.slot()).ok_or(Stale)?;
    let generation = id.generation();
    let alive = || task.state.generation_now() == generation;
    if task.unit.unpark_if(alive) {
        Ok(())
    } else {
        Err(Stale)
    }
}

/// As [`park`], but calls `after` with the fiber's id (as a number) and `arg` once the fiber's stack
/// is saved, so that whoever learns the id from it may unpark the fiber at once. `after` is called
/// exactly once, also where the fiber need not suspend. On a plain thread it does not suspend
/// and is not called: [`NotInFiber`].
///
/// # Errors
/// [`NotInFiber`].
///
/// # Safety
/// `after` may be called with `arg`, on the calling thread. It does not block, suspend or unwind.
///
/// # Panics
/// As [`yield_now`].
pub unsafe fn suspend_with(
    after: unsafe extern "C" fn(u64, *mut c_void),
    arg: *mut c_void,
    deadline: Deadline,
) -> Result<Outcome, NotInFiber> {
    let (_, task) = current_task().ok_or(NotInFiber)?;
    let after = Cell::new(Some(After { call: after, arg }));
    let on_worker = |after: Option<After>| {
        if let Some(worker) = worker::current() {
            worker.after.set(after);
        }
    };
    // Not before the wait has begun: what others have left for the fiber to do comes first, may let others run, who would
    // find it, and may bring the fiber to another worker.
    let outcome = Wait::park_token_begun(deadline, None, || on_worker(after.take()));
    if let Some(after) = after.take() {
        // The wait was over before it began.
        on_worker(Some(after));
    }
    // Where it has not left its stack it is still on that worker.
    if let Some(worker) = worker::current() {
        worker.call_after(task);
    }
    Ok(outcome)
}

/// Gives the fiber `id` a priority, at any time, also to the caller himself. Callable from anywhere;
/// never blocks.
///
/// A fiber that runs goes on; one that waits, or is spawned but has not begun, is of the new class from
/// its next turn on. One that lies ready has its next turn where it lies; but in the low class, if it is raised, it is put in
/// line anew at once.
///
/// # Errors
/// [`Stale`] if the fiber is gone.
///
/// ```
/// use vitte_scheduler::{Config, Priority, Scheduler, SpawnOptions, current_id, info, set_priority};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let options = SpawnOptions { priority: Priority::Low, ..SpawnOptions::default() };
/// let task = scheduler.spawn(&options, || {
///     let me = current_id().unwrap();
///     let before = info(me).unwrap().priority;
///     set_priority(me, Priority::High).unwrap();
///     (before, info(me).unwrap().priority)
/// });
/// assert_eq!(task.join()?, (Priority::Low, Priority::High));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_priority(id: FiberId, priority: Priority) -> Result<(), Stale> {
    let task = slab::find(id.slot()).ok_or(Stale)?;
    let _locked = task.state.lock(id.generation()).ok_or(Stale)?;
    task.unit.set_class(priority);
    Ok(())
}

/// The fiber that calls. `None` on plain threads.
#[inline]
#[must_use]
pub fn current_id() -> Option<FiberId> {
    Some(current_task()?.1.id())
}

/// Whether a panic is unwinding the caller. A fiber that is driven by a host's destructor, because of the host's panic, is not
/// unwound by that, though its [thread is panicking](std::thread::panicking).
#[must_use]
pub fn is_unwinding() -> bool {
    let of_worker = |worker: &Worker| !worker.resumer.may_suspend();
    worker::current().map_or_else(panicking, of_worker)
}

/// The record of the fiber that calls; null on plain threads. It stays where it is while the fiber
/// lives.
#[inline]
#[must_use]
pub fn current_hot() -> *const Hot {
    current_task().map_or(ptr::null(), |(_, task)| &raw const task.hot)
}

/// The name of the fiber that calls, if it has one.
#[must_use]
pub fn current_name() -> Option<String> {
    current_task()?.1.name().map(str::to_owned)
}

/// Whether `bytes` of stack are left for the caller. A plain thread is always told yes.
#[inline]
#[must_use]
pub fn reserve(bytes: usize) -> bool {
    current_task()
        .is_none_or(|(_, task)| stack_pointer().saturating_sub(task.hot.lo.load(Relaxed)) >= bytes)
}

/// What only a fiber can do was asked of a plain thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotInFiber;

impl fmt::Display for NotInFiber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only a fiber can do this, and the caller is a plain thread")
    }
}

impl std::error::Error for NotInFiber {}

/// Why a fiber could not be pinned, or a pin not be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinError {
    /// The caller is a plain thread.
    NotInFiber,
    /// The fiber is pinned 15 times already, and cannot count more.
    TooMany,
    /// There is no pin left to undo.
    NotPinned,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInFiber => NotInFiber.fmt(f),
            Self::TooMany => f.write_str("the fiber is pinned 15 times already: undo some pins"),
            Self::NotPinned => f.write_str("the fiber has no pin to undo"),
        }
    }
}

impl std::error::Error for PinError {}

/// Keeps the calling fiber on its thread, or undoes that; calls add up, to 15 at most.
///
/// # Errors
/// [`PinError`]; nothing has changed then.
pub fn pin(on: bool) -> Result<(), PinError> {
    let (worker, task) = current_task().ok_or(PinError::NotInFiber)?;
    let now = task.flags();
    let count = now & flags::PINS_MASK;
    let new = match on {
        true if count == flags::PINS_MASK => return Err(PinError::TooMany),
        true => now + flags::PIN_ONE,
        false if count == 0 => return Err(PinError::NotPinned),
        false => now - flags::PIN_ONE,
    };
    task.set_flags(new);
    if !task.is_pinned() {
        worker.let_go();
    }
    Ok(())
}

/// A fiber as an onlooker sees it at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FiberInfo {
    /// Whether it has begun to run.
    pub started: bool,
    /// Whether it has ended, and waits to be joined.
    pub finished: bool,
    /// Whether it was asked to stop, and heeds that.
    pub canceled: bool,
    /// Why it was asked to stop, whether it heeds that or not; `None` if it was not.
    pub cancel_reason: Option<CancelReason>,
    /// The lowest address of its stack, zero before it began.
    pub lo: usize,
    /// One above the highest.
    pub hi: usize,
    /// The embedder's word.
    pub user: *mut (),
    /// The worker it ran on last.
    pub worker: usize,
    /// The priority it was given.
    pub priority: Priority,
    /// What it waits for.
    pub reason: Reason,
    /// The address of what it waits on.
    pub object: usize,
    /// Its name.
    pub name: Option<String>,
}

/// What the fiber `id` does. It may do something else by the time this returns.
///
/// # Errors
/// [`Stale`] if the fiber is gone.
pub fn info(id: FiberId) -> Result<FiberInfo, Stale> {
    let task = slab::find(id.slot()).ok_or(Stale)?;
    let locked = task.state.lock(id.generation()).ok_or(Stale)?;
    let unit: &Unit = &task.unit;
    let (reason, object) = unit.waits_for();
    Ok(FiberInfo {
        started: task.is_started(),
        finished: locked.now() & DONE != 0,
        canceled: unit.is_canceled(),
        cancel_reason: task.cancel_reason(),
        lo: task.hot.lo.load(Relaxed),
        hi: task.hot.hi.load(Relaxed),
        user: task.hot.user.load(Relaxed),
        worker: task.home(),
        priority: unit.class(),
        reason,
        object: object.addr(),
        name: task.name().map(str::to_owned),
    })
}
