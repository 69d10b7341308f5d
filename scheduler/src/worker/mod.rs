//! A worker: a thread that runs tasks, and what belongs to it alone.
//!
//! The rest of it, which others may touch, is its [`Remote`].

mod ahead;
pub(crate) mod balance;
pub(crate) mod classes;
pub(crate) mod desk;
pub(crate) mod find;
pub(crate) mod leave;
#[cfg(all(test, loom))]
mod model;
pub(crate) mod ready;
mod retire;
mod ring;
pub(crate) mod run;
pub(crate) mod slice;
pub(crate) mod steal;

use crate::{
    carrier::Carrier,
    choice::Choice,
    native,
    queue::fifo::Fifo,
    shared::{Remote, Shared, TaskRef},
    shown::Shown,
    task::{Task, flags, slab::Records},
    timer::Timers,
};
use std::{
    cell::{Cell, RefCell},
    ptr,
    sync::Arc,
};
use vitte_fibers::{Resumer, StackClass};
use vitte_wait::{
    Unit,
    current::{self, Here, Slot},
    facade::clock,
};

/// What is to be done for the carrier that was just left, by whoever came up instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing was said: a bug, or it is done already.
    None,
    /// Back into the pool; its loop has nothing to do.
    Idle,
    /// The task on it waits.
    Park,
    /// The task on it waits for its park token.
    ParkToken,
    /// The task on it waits, once `after` was called.
    ParkAfter,
    /// The task on it lets others go first.
    Yield,
    /// The task on it wants something called on the thread's stack.
    Call,
    /// The tasks on it are never to run again.
    Discard,
}

/// See the [module documentation](self). Touched by its own thread only.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    pub(crate) index: usize,
    /// Our part of `shared`.
    remote: *const Remote,
    /// This thread's slot.
    slot: *const Slot,
    pub(crate) resumer: Resumer,

    /// The task that runs; null in the loops.
    current: Shown,
    /// The carrier that runs, or was left last for the main loop.
    pub(crate) carrier: Cell<*const Carrier>,
    pub(crate) action: Cell<Action>,
    /// What to call once the stack is saved, for [`Action::ParkAfter`].
    pub(crate) after: Cell<Option<After>>,
    /// What to call, for [`Action::Call`].
    pub(crate) call: Cell<Option<native::stack::Call>>,
    /// The bounds of the thread's stack, once somebody asked; of the stack that was left for it.
    pub(crate) thread_bounds: Cell<(usize, usize)>,
    pub(crate) left_bounds: Cell<(usize, usize)>,
    /// What a carrier's loop found and cannot run where it stands.
    pub(crate) next: Cell<Option<&'static Task>>,
    /// A fresh task for the carrier that is resumed next.
    pub(crate) handoff: Cell<Option<&'static Task>>,

    /// The task that was made ready last; it runs first.
    pub(crate) lifo_slot: Shown,
    /// How often in a row a task came from `lifo_slot`.
    pub(crate) lifo_streak: Cell<u32>,
    /// Started tasks that stay here.
    pub(crate) fifo: Fifo,
    /// Started tasks that may migrate.
    pub(crate) movable: crossbeam_deque::Worker<TaskRef>,
    /// How many tasks alarms have spawned that nobody was told of: see Note \[Rung\]. `None`: everybody is told as usual.
    rung: Cell<Option<usize>>,
    /// How many tasks in line come before fresh ones: timers have just put some there.
    pub(crate) line_first: Cell<u32>,
    /// Many stacks are in use: see Note \[Ahead\].
    crowd: Cell<bool>,
    pub(crate) tick: Cell<u32>,
    pub(crate) choice: Choice,
    /// What this worker saw at each of the others when it last looked for something to steal.
    sights: RefCell<Vec<steal::Sight>>,
    pub(crate) records: Records,
    /// Suspended carriers whose loops have nothing to do, by class.
    pub(crate) pool: [Cell<*const Carrier>; StackClass::COUNT],
    /// How many bytes of stack those have.
    pub(crate) pooled: Cell<usize>,
    /// How many that were at the most, since some of them are to be given back.
    pub(crate) pooled_most: Cell<usize>,
    /// When there are stacks to be given back, `u64::MAX` if there are none.
    pub(crate) chores_at: Cell<u64>,
    pub(crate) slice: slice::Slice,
    /// The last task to run here used up its slice.
    pub(crate) slice_over: Cell<bool>,
    /// How many slices were used up since one began another task.
    pub(crate) slices_since_begin: Cell<u32>,
    /// At the end of the last slice whoever comes from outside came first.
    pub(crate) outside_first: Cell<bool>,
    bound: retire::Bound,
    /// How many tasks of the high class were picked since another had a turn.
    pub(crate) high_streak: Cell<u32>,
    /// How many turns there were of the sources that come last.
    pub(crate) turns: Cell<u32>,
    /// How often a task of the low class was looked for.
    pub(crate) lows: Cell<u32>,
    /// What goes on first in the next call, where the worker is driven by calls: its wait is over already.
    pub(crate) again: Cell<Option<&'static Carrier>>,
    /// The task that runs next, where somebody wants to see it come and go.
    pub(crate) seen: Cell<Option<&'static Task>>,
    /// Who this thread is when it is not a worker; nobody on a thread that is nothing else.
    pub(crate) outer: Cell<Option<&'static Unit>>,
    /// When whoever lent the thread wants it back, in nanoseconds: a task that polls gives way then.
    pub(crate) lent_until: Cell<u64>,
}

/// A function to call with the task's id, and its argument.
#[derive(Clone, Copy)]
pub(crate) struct After {
    pub(crate) call: unsafe extern "C" fn(u64, *mut std::ffi::c_void),
    pub(crate) arg: *mut std::ffi::c_void,
}

/// The worker whose thread this is.
///
/// The reference is good until the next suspension of the calling fiber: after that it may be the
/// wrong worker's, so ask again.
#[inline(always)]
pub(crate) fn current() -> Option<&'static Worker> {
    // SAFETY: as said in `at`.
    unsafe { current::worker().cast::<Worker>().as_ref() }
}

/// As [`current()`], for a caller that has looked up where it is.
#[inline(always)]
pub(crate) fn at(here: Here) -> Option<&'static Worker> {
    let worker = here.worker().cast::<Worker>();
    // SAFETY: the slot holds null or the worker that lives in this thread's `run`, which clears it
    // before it ends.
    unsafe { worker.as_ref() }
}

/// The worker whose thread this is, and the task that runs on it.
#[inline(always)]
pub(crate) fn current_task() -> Option<(&'static Worker, &'static Task)> {
    let worker = current()?;
    Some((worker, worker.current()?))
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Box<Self> {
        let remote = ptr::from_ref(&shared.remotes[index]);
        let left = shared.remotes[index].left.lock().take();
        let movable = left.unwrap_or_else(|| {
            let movable = crossbeam_deque::Worker::new_fifo();
            let stealer = movable.stealer();
            assert!(
                shared.remotes[index].movable.set(stealer).is_ok(),
                "one worker an index"
            );
            movable
        });
        let choice = Choice::new(shared.seed, index);
        let worker = Box::new(Self {
            shared,
            index,
            remote,
            slot: current::slot(),
            resumer: Resumer::new(ptr::null()),
            current: Shown::nothing(),
            carrier: Cell::new(ptr::null()),
            action: Cell::new(Action::None),
            after: Cell::new(None),
            call: Cell::new(None),
            thread_bounds: Cell::new((0, 0)),
            left_bounds: Cell::new((0, 0)),
            next: Cell::new(None),
            handoff: Cell::new(None),
            lifo_slot: Shown::nothing(),
            lifo_streak: Cell::new(0),
            fifo: Fifo::new(),
            movable,
            rung: Cell::new(None),
            line_first: Cell::new(0),
            crowd: Cell::new(false),
            tick: Cell::new(0),
            choice,
            sights: RefCell::default(),
            records: Records::default(),
            pool: [const { Cell::new(ptr::null()) }; StackClass::COUNT],
            pooled: Cell::new(0),
            pooled_most: Cell::new(0),
            chores_at: Cell::new(u64::MAX),
            slice: slice::Slice::default(),
            slice_over: Cell::new(false),
            slices_since_begin: Cell::new(0),
            outside_first: Cell::new(false),
            bound: retire::Bound::new(),
            high_streak: Cell::new(0),
            turns: Cell::new(0),
            lows: Cell::new(0),
            again: Cell::new(None),
            seen: Cell::new(None),
            outer: Cell::new(None),
            lent_until: Cell::new(u64::MAX),
        });
        worker.resumer.set_user(ptr::from_ref(&*worker).cast());
        worker
    }

    /// From now on the worker lives on the calling thread. No task that runs elsewhere may be bound to the
    /// thread before.
    pub(crate) fn move_here(&mut self) {
        self.slot = current::slot();
        self.resumer = Resumer::new(ptr::from_ref(self).cast());
    }

    #[inline(always)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn shared_arc(&self) -> &Arc<Shared> {
        &self.shared
    }

    #[inline(always)]
    pub(crate) fn remote(&self) -> &Remote {
        // SAFETY: it points into `shared`, which we keep.
        unsafe { &*self.remote }
    }

    #[inline(always)]
    pub(crate) fn slot(&self) -> &Slot {
        // SAFETY: the slot of the thread we live on.
        unsafe { &*self.slot }
    }

    /// The thread that we live on, which calls.
    #[inline(always)]
    pub(crate) fn here(&self) -> Here {
        // SAFETY: it is used, by its own, for one step that does not suspend.
        unsafe { Here::at(self.slot) }
    }

    /// The task that runs.
    #[inline(always)]
    pub(crate) fn current(&self) -> Option<&'static Task> {
        // SAFETY: null or a record, and records are immortal.
        unsafe { self.current.get().as_ref() }
    }

    /// The task that runs, as onlookers see it.
    fn shows(&self) -> Option<&'static Task> {
        // SAFETY: null or a record, and records are immortal.
        unsafe { self.current.look().as_ref() }
    }

    /// `task` runs on this worker from now on: it begins, comes back from a suspension, or goes on
    /// after a task that ran inline.
    #[inline(always)]
    pub(crate) fn enter(&self, task: &'static Task) {
        self.enter_settled(task);
        if task.home() != self.index {
            self.settle(task);
        }
    }

    /// As [`enter`](Self::enter), for a task whose flags say already that it is here.
    #[inline(always)]
    pub(crate) fn enter_settled(&self, task: &'static Task) {
        self.current.set(task);
        self.slot().set_unit(&task.unit);
    }

    /// What the flags of a task that is here say of that.
    #[inline(always)]
    pub(crate) fn home_bits(&self) -> u32 {
        (self.index as u32) << flags::HOME_SHIFT
    }

    #[cold]
    fn settle(&self, task: &'static Task) {
        let rest = task.flags() & ((1 << flags::HOME_SHIFT) - 1);
        task.set_flags(rest | self.home_bits());
    }

    /// No task runs on this worker any more.
    #[inline(always)]
    pub(crate) fn leave(&self) {
        self.current.set(ptr::null());
    }

    /// Whatever runs on this thread until the next task is no fiber.
    pub(crate) fn clear_unit(&self) {
        match self.outer.get() {
            Some(unit) => self.slot().set_unit(unit),
            None => self.slot().clear_unit(),
        }
    }

    /// Whether anything waits for this worker; a hint.
    pub(crate) fn has_work(&self) -> bool {
        self.has_work_in_hand() || self.remote().holds_work() || self.shared.holds_work()
    }

    /// Whether whoever lent the thread wants it back.
    pub(crate) fn is_called_back(&self) -> bool {
        let until = self.lent_until.get();
        until != u64::MAX && clock::now() >= until
    }

    /// Whether anything lies where only this worker puts and takes tasks. Any thread may ask.
    fn has_work_in_hand(&self) -> bool {
        !self.fifo.is_empty() || !self.lifo_slot.look().is_null()
    }

    /// What a worker does between tasks, and within a long one if that polls: ends waits that are
    /// due, and takes in what others left for it, signal handlers included.
    pub(crate) fn look_after(&self, now: u64) {
        self.look_after_and(now, |timers| timers.fire(now));
    }

    /// As [`look_after`](Self::look_after), when it is about to run what it finds.
    pub(crate) fn look_after_idly(&self, now: u64) {
        self.look_after_and(now, |timers| self.ring(timers, now));
    }

    #[inline(always)]
    fn look_after_and(&self, now: u64, fire: impl FnOnce(&Timers) -> bool) {
        self.shared.heed_signals();
        if self.shared.resizings() != 0 {
            self.look_after_retired();
        }
        if self.remote().timers.next() <= now && fire(&self.remote().timers) {
            self.line_first.set(find::ROUND / 2);
        }
        self.look_for_descriptors(now);
        self.empty_inbox();
    }

    /// Whether descriptors are watched that this worker looks for while it is awake.
    #[inline]
    pub(crate) fn watches(&self) -> bool {
        self.remote().bed.poller.has_sources() || self.shared.reactor.common.has_sources()
    }

    /// As one does who has nothing else to do. Says whether any were ready.
    ///
    /// In the common poller the keeper sleeps, who is the caller soon if there is none. But a host's worker goes
    /// home instead.
    #[cold]
    pub(crate) fn look_for_all_descriptors(&self) -> bool {
        let (shared, now) = (self.shared(), clock::now());
        let own = &self.remote().bed.poller;
        let any = own.has_sources() && own.glance(&shared.reactor, now);
        let common = &shared.reactor.common;
        let looks = common.has_sources() && (shared.host.is_some() || common.is_due(now));
        looks && common.look(&shared.reactor, now, true) || any
    }

    fn look_for_descriptors(&self, now: u64) {
        let reactor = &self.shared.reactor;
        let own = &self.remote().bed.poller;
        if own.is_due(now) {
            own.look(reactor, now, true);
        }
        if reactor.common.is_due(now) {
            reactor.common.look(reactor, now, true);
        }
    }
}
