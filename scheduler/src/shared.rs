//! What all workers of one scheduler share.

use crate::{
    config::Config,
    cpu::Plan,
    crew::{Crew, Remotes},
    guests::Guests,
    host::Host,
    id::FiberId,
    idle::{Bed, Idle},
    keys,
    native::Region,
    offload::Pools,
    pace::Pacer,
    poller::Reactor,
    queue::{inbox::Inbox, injector::Injector, lanes::Lanes, lifo::Lifo, ring::Ring},
    stats::Counts,
    task::{Task, flags, poll, slab::Depot},
    timer::Timers,
    worker::{classes::Ready, desk::Desk, slice::SliceHandler},
};
use crossbeam_deque::{Stealer, Worker as Deque};
use std::{
    ptr,
    sync::{Arc, OnceLock},
};
use vitte_fibers::{StackClass, StackPool};
use vitte_wait::{
    Ticket, Unit,
    facade::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*},
    },
};

/// A worker as the other workers, and everybody else, may see it.
pub(crate) struct Remote {
    /// Tasks that its worker spawned and that nobody has begun.
    pub(crate) fresh: Lifo<Task>,
    /// Tasks for this worker alone.
    pub(crate) inbox: Inbox,
    /// Tasks for this worker alone that are not of the normal class.
    pub(crate) lanes: Lanes,
    /// Started tasks that may migrate, from the other end of the worker's queue.
    pub(crate) movable: OnceLock<Stealer<TaskRef>>,
    /// The worker's end of that queue, when its thread has ended.
    pub(crate) left: Mutex<Option<Deque<TaskRef>>>,
    pub(crate) timers: Timers,
    /// How many begun tasks wanted the worker at the end of its last slice: see `worker::balance`.
    pub(crate) line: AtomicU32,
    pub(crate) bed: Bed,
    pub(crate) desk: Desk,
    pub(crate) region: Region,
    /// It was last started in the place of another. Written under the crew's lock.
    pub(crate) spare: AtomicBool,
    pub(crate) counts: Counts,
}

impl Remote {
    pub(crate) fn new() -> Self {
        Self {
            fresh: Lifo::new(),
            inbox: Inbox::new(),
            lanes: Lanes::default(),
            movable: OnceLock::new(),
            left: Mutex::new(None),
            timers: Timers::new(),
            line: AtomicU32::new(0),
            bed: Bed::default(),
            desk: Desk::default(),
            region: Region::new(),
            spare: AtomicBool::new(false),
            counts: Counts::default(),
        }
    }

    /// Whether it has fresh tasks, and more begun ones than `line`: another worker should take some.
    pub(crate) fn is_busier(&self, line: u32) -> bool {
        !self.fresh.is_empty() && self.line.load(Relaxed) > line
    }

    /// Whether any task lies where others than its worker put or take them; a hint.
    pub(crate) fn holds_work(&self) -> bool {
        !self.fresh.is_empty()
            || !self.inbox.is_empty()
            || !self.lanes.are_empty()
            || self
                .movable
                .get()
                .is_some_and(|movable| !movable.is_empty())
    }
}

/// A task in a queue that insists on `Send`.
#[derive(Clone, Copy)]
pub(crate) struct TaskRef(pub(crate) &'static Task);

// SAFETY: a record is `Sync`, and immortal.
unsafe impl Send for TaskRef {}

impl Drop for Shared {
    /// The last worker is gone, and so is everybody who could ask for a task.
    fn drop(&mut self) {
        self.depot.retire();
        keys::forget(self);
    }
}

/// The right to spawn one task from outside. Dropped unused, it counts as refused.
pub(crate) struct Admission<'a>(&'a Shared);

impl Admission<'_> {
    /// The task exists, and is counted from now on as the others are.
    pub(crate) fn used(self) {
        std::mem::forget(self);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        // Ordering: SeqCst. Partner: the loads in `Shared::live`.
        self.0.refused_outside.fetch_add(1, SeqCst);
        // Whoever has looked meanwhile has taken it for a task that lives.
        self.0.may_be_over();
    }
}

/// How far the life of a scheduler has come. It only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Running = 0,
    /// No task is taken from outside any more.
    Closing = 1,
    /// Every wait is canceled, and tasks that have not begun do not.
    Canceling = 2,
    /// Whoever waits again is unwound, or, where frames cannot unwind, never resumed.
    Unwinding = 3,
    /// Workers end.
    Stopping = 4,
}

/// See the [module documentation](self).
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) class: StackClass,
    /// What the poll word of a new task is.
    pub(crate) first_poll: u32,
    /// What the flags of a new task are, but for its kind, if its stack is of the usual class.
    pub(crate) first_flags: u32,
    pub(crate) stacks: StackPool,
    pub(crate) remotes: Remotes,
    /// How many workers there should be. Written under the crew's lock.
    target: AtomicUsize,
    /// How many workers work, spare ones included; those with higher numbers are retired. Written under
    /// the crew's lock.
    active: AtomicUsize,
    /// How often that was changed. Written under the crew's lock.
    resizings: AtomicUsize,
    pub(crate) injector: Injector,
    /// What signal handlers ask for, once somebody wants to ask from one.
    pub(crate) signals: OnceLock<Ring>,
    /// Tasks for any worker that are not of the normal class.
    pub(crate) lanes: Lanes,
    /// How many tasks lie in all lanes of the high class, those of the workers included.
    pub(crate) high_waiting: AtomicU32,
    /// The same for the low class.
    pub(crate) low_waiting: AtomicU32,
    pub(crate) idle: Idle,
    pub(crate) pacer: Pacer,
    /// Threads for what blocks.
    pub(crate) pools: Pools,
    pub(crate) guests: Guests,
    pub(crate) reactor: Arc<Reactor>,
    /// Descriptors that are known by their numbers.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) numbers: crate::poller::number::Numbers,
    pub(crate) slice_handler: SliceHandler,
    pub(crate) depot: Depot,
    pub(crate) seed: u64,
    /// How many bytes of stack the idle carriers of a worker may have when it has nothing to do.
    pub(crate) pooled_bytes: usize,
    phase: AtomicU32,
    /// Tasks that were spawned from outside any worker.
    pub(crate) spawned_outside: AtomicU64,
    /// Those that were counted, but refused.
    pub(crate) refused_outside: AtomicU64,
    /// Who waits for all tasks to end. Poked whenever a worker has nothing to do.
    pub(crate) watcher: Mutex<Option<Ticket>>,
    /// How many guards keep it from ending.
    pub(crate) guards: AtomicU64,
    /// The threads that are attached, which a shutdown may cancel, by their units.
    pub(crate) attached: Mutex<Vec<(&'static Unit, String)>>,
    pub(crate) crew: Mutex<Crew>,
    /// Where its threads run.
    pub(crate) plan: OnceLock<Plan>,
    /// If the host drives the scheduler, instead of a crew.
    pub(crate) host: Option<Host>,
    /// Nobody waits for the last task: the worker that rests after it ends the scheduler.
    pub(crate) abandoned: AtomicBool,
    /// Somebody is shutting the scheduler down.
    pub(crate) shutting_down: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        class: StackClass,
        stacks: StackPool,
        seed: u64,
    ) -> Arc<Self> {
        // A worker without a thread of its own is one, too.
        let workers = config.workers.max(1);
        let host = (config.workers == 0).then(Host::new);
        let first_poll = if host.is_some() { poll::HOST } else { 0 };
        let pooled_bytes = config.warm_stack_bytes / workers;
        let shared = Arc::new(Self {
            guests: Guests::new(),
            pools: Pools::new(
                config.most_io_threads,
                config.most_cpu_threads,
                config.thread_patience,
            ),
            pooled_bytes: pooled_bytes.max(16 * class.bytes()),
            first_poll,
            first_flags: Task::class_bits(class)
                | if config.hooks.see_switches() {
                    flags::SEEN
                } else {
                    0
                },
            plan: OnceLock::new(),
            remotes: Remotes::new(workers),
            target: AtomicUsize::new(workers),
            active: AtomicUsize::new(workers),
            resizings: AtomicUsize::new(0),
            config,
            class,
            stacks,
            injector: Injector::new(),
            signals: OnceLock::new(),
            lanes: Lanes::default(),
            high_waiting: AtomicU32::new(0),
            low_waiting: AtomicU32::new(0),
            idle: Idle::new(),
            pacer: Pacer::default(),
            reactor: Reactor::new(),
            #[cfg(not(any(loom, shuttle)))]
            numbers: Default::default(),
            slice_handler: SliceHandler::default(),
            depot: Depot::new(&crate::unit::OPS),
            seed,
            phase: AtomicU32::new(Phase::Running as u32),
            spawned_outside: AtomicU64::new(0),
            refused_outside: AtomicU64::new(0),
            watcher: Mutex::new(None),
            guards: AtomicU64::new(0),
            attached: Mutex::default(),
            crew: Mutex::default(),
            host,
            abandoned: AtomicBool::new(false),
            shutting_down: AtomicBool::new(false),
        });
        shared.depot.set_owner(Arc::as_ptr(&shared));
        shared
    }

    #[inline]
    pub(crate) fn phase_is_at_least(&self, phase: Phase) -> bool {
        // Ordering: Acquire. Partner: the SeqCst in `enter_phase`.
        self.phase.load(Acquire) >= phase as u32
    }

    pub(crate) fn enter_phase(&self, phase: Phase) {
        // Ordering: SeqCst. Store-load pair: the phase here, the spawns in `live`. Partner: `admit`.
        self.phase.fetch_max(phase as u32, SeqCst);
    }

    /// How long a slice is, in nanoseconds.
    pub(crate) fn slice_nanos(&self) -> u64 {
        u64::try_from(self.config.timeslice.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether any task lies where every worker may take it; a hint.
    pub(crate) fn holds_work(&self) -> bool {
        !self.injector.is_empty() || !self.lanes.are_empty()
    }

    /// Whether a task lies anywhere but in the hands of the worker that will run it; a hint.
    pub(crate) fn anything_waits(&self) -> bool {
        self.holds_work()
            || self
                .remotes
                .iter()
                .any(|remote| remote.holds_work() || remote.desk.has_work_in_hand())
    }

    /// Whether anybody may want the worker that `remote` is, besides the task that runs; a hint.
    pub(crate) fn is_wanted(&self, remote: &Remote) -> bool {
        let line = remote.line.load(Relaxed);
        self.holds_work()
            || remote.holds_work()
            || remote.desk.has_work_in_hand()
            || self.remotes.iter().any(|other| other.is_busier(line))
    }

    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase_is_at_least(Phase::Stopping)
    }

    /// How many workers there should be.
    #[inline]
    pub(crate) fn target(&self) -> usize {
        self.target.load(Relaxed)
    }

    /// Under the lock of the crew, which is then to be adjusted.
    pub(crate) fn set_target(&self, workers: usize) {
        self.target.store(workers, Relaxed);
    }

    /// How many workers have lost their places to spare ones.
    pub(crate) fn blocked(&self) -> usize {
        let remotes = self.remotes.iter();
        remotes.filter(|remote| remote.region.is_taken()).count()
    }

    /// How many workers work, those that are blocked and their spares included.
    #[inline]
    pub(crate) fn active(&self) -> usize {
        // Ordering: Relaxed. Who sleeps and is told of a change is told by `Idle::post_to`, with its
        // fences; who is awake looks again soon.
        self.active.load(Relaxed)
    }

    /// Under the lock of the crew.
    pub(crate) fn set_active(&self, workers: usize) {
        self.active.store(workers, Relaxed);
        self.resizings.fetch_add(1, Relaxed);
    }

    /// How often the number of workers was changed.
    #[inline]
    pub(crate) fn resizings(&self) -> usize {
        self.resizings.load(Relaxed)
    }

    /// Makes a started or fresh task runnable from outside any worker of this scheduler.
    pub(crate) fn inject(&self, task: &'static Task) {
        if task.unit.is_ordinary() || !self.put_into_lane(task, Ready::Woken) {
            self.inject_normal(task);
        }
    }

    /// As [`inject`](Self::inject), whatever class the task is of.
    pub(crate) fn inject_normal(&self, task: &'static Task) {
        if task.is_started() && task.is_pinned() {
            let home = task.home();
            self.remotes[home].inbox.push(task);
            self.idle.post_to(self, home);
        } else {
            self.injector.push(task);
            self.idle.post(self);
        }
    }

    /// Whether a signal handler has asked for something; a hint.
    #[inline]
    pub(crate) fn has_signals(&self) -> bool {
        self.signals.get().is_some_and(Ring::is_ready)
    }

    /// Does what signal handlers have asked for; says whether that may have made a task ready.
    #[inline]
    pub(crate) fn heed_signals(&self) -> bool {
        self.has_signals() && self.unpark_signaled()
    }

    #[cold]
    fn unpark_signaled(&self) -> bool {
        let Some(ring) = self.signals.get() else {
            return false;
        };
        let mut any = false;
        // A round at most, so that a storm cannot keep us here: what comes after we began was
        // pushed by somebody who wakes another sleeper, or finds that all are awake.
        for _ in 0..ring.capacity() {
            let Some(bits) = ring.pop() else {
                break;
            };
            any = true;
            if let Some(id) = FiberId::from_bits(bits) {
                // One that has ended since needs no waking.
                let _ = crate::unpark(id);
            }
        }
        any
    }

    /// Counts a task that is to be spawned from outside. `None`: the scheduler takes none any more.
    ///
    /// It is counted first, so that either a shutdown that begins now waits for it, or it is refused:
    /// else it might be left in a queue that no worker looks at again.
    pub(crate) fn admit(&self) -> Option<Admission<'_>> {
        // Ordering: SeqCst, store-load pair: the count, the phase. Partner: `enter_phase`, and `live`
        // after it.
        self.spawned_outside.fetch_add(1, SeqCst);
        let admission = Admission(self);
        let phase = self.phase.load(SeqCst);
        let kept = phase == Phase::Closing as u32 && self.is_kept();
        (phase < Phase::Closing as u32 || kept).then_some(admission)
    }

    /// How many tasks have not ended.
    pub(crate) fn live(&self) -> u64 {
        // Ends are counted first: if they equal the spawns counted later, there was a moment
        // between at which nothing was left.
        let finished: u64 = self
            .remotes
            .iter()
            .map(|remote| remote.counts.finished.get())
            .sum();
        // Ordering: SeqCst, so that no spawn is read before an end. Partner: the counting in `admit`.
        let finished = finished + self.refused_outside.load(SeqCst);
        let spawned: u64 = self
            .remotes
            .iter()
            .map(|remote| remote.counts.spawned.get())
            .sum();
        // Ordering: SeqCst. See above, and `enter_phase`.
        (spawned + self.spawned_outside.load(SeqCst)).saturating_sub(finished)
    }

    /// As `first_flags`, if its stack is of `class`.
    pub(crate) fn first_flags_on(&self, class: StackClass) -> u32 {
        self.first_flags & flags::SEEN | Task::class_bits(class)
    }

    /// A worker has nothing to do, or something else is over for which a shutdown waits: tells whoever waits for the
    /// end, or brings it about.
    pub(crate) fn may_be_over(&self) {
        if self.phase_is_at_least(Phase::Closing) {
            self.poke_watcher();
            self.end_if_abandoned();
        }
    }

    /// Ends the scheduler if nobody waits for its end, and there is nothing left.
    fn end_if_abandoned(&self) {
        // Ordering: SeqCst, store-load pair with `is_kept` and `live`. Partner: the store in `abandon`.
        if self.abandoned.load(SeqCst) && !self.is_kept() && self.live() == 0 {
            self.enter_phase(Phase::Stopping);
            self.idle.wake_all(self);
            drop(self.pools.close());
            drop(self.guests.close());
            self.reactor.close();
        }
    }

    /// Whether there is nothing left that a shutdown waits for.
    pub(crate) fn is_empty(&self) -> bool {
        // Guards first: whoever held the last has spawned by then what he spawns.
        !self.is_kept() && self.live() == 0 && self.pools.pending() == 0
    }

    /// The worker was taken off the list of sleepers, or is to look again: if it has no thread that sleeps,
    /// its host is told. Without a lock, for what the host asked to be called may do anything.
    pub(crate) fn knock(&self) {
        if let Some(host) = &self.host {
            host.knock.knock();
        }
    }

    #[cold]
    pub(crate) fn poke_watcher(&self) {
        let ticket = *self.watcher.lock();
        if let Some(ticket) = ticket {
            drop(ticket.claim(vitte_wait::Outcome::Woken));
        }
    }

    pub(crate) fn is(&self, other: *const Self) -> bool {
        ptr::eq(self, other)
    }
}
