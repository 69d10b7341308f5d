//! The two loops of a worker: the main loop on its thread's own stack, which finds and switches, and
//! the loop of each carrier, which runs tasks where it stands.
//!
//! Invariants: what a suspended task asked for (to be parked, to be put in line) is done by whoever came up when
//! the task's stack was saved: the main loop, on the thread's stack, or the task that was
//! [left for](super::leave). So nobody is ever put into a queue while he still stands on his stack.

use crate::{
    FiberId,
    carrier::Carrier,
    config::SpawnError,
    hooks::Started,
    idle::sleep_exactly,
    shared::{Phase, Shared},
    task::{Task, body::Ended, flags, job, join},
    worker::{self, Action, Worker},
};
use std::{
    ptr::{self, NonNull},
    sync::Arc,
};
use vitte_fibers::{Resumed, StackClass, StackError};
use vitte_wait::{
    Wearing, current,
    facade::{atomic::Ordering::Relaxed, thread},
};

/// What a worker's thread runs.
pub(crate) fn run(shared: Arc<Shared>, index: usize) {
    let worker = Worker::new(Arc::clone(&shared), index);
    worker.remote().bed.set_thread(thread::current());
    sleep_exactly();
    // SAFETY: the slot of this thread.
    let slot = unsafe { &*current::slot() };
    slot.set_worker(ptr::from_ref(&*worker).cast());
    let _ = slot.seed_dice(worker.choice.seed());
    let badge = Wearing::put_on();
    let at_desk = worker.sit_down();
    if let Some(plan) = shared.plan.get() {
        plan.place(index);
    }
    let started = Started::tell(&shared, index);
    let main_loop = if shared.config.hooks.see_switches() {
        main_loop::<true>
    } else {
        main_loop::<false>
    };
    let leaving = loop {
        main_loop(&worker);
        worker.end_carriers(0, usize::MAX);
        if shared.is_stopping() {
            break None;
        }
        // It may have been the last to have something to do.
        shared.may_be_over();
        let crew = shared.crew.lock();
        // Otherwise the number of workers has grown again meanwhile.
        if worker.is_retired() {
            break Some(crew);
        }
    };
    drop(at_desk);
    drop(started);
    drop(badge);
    slot.clear_unit();
    slot.set_worker(ptr::null());
    let Worker {
        movable, records, ..
    } = *worker;
    // At the end, too: whoever retires the depot comes after what this worker gave back by the lock under which it does so.
    records.leave(&shared.depot);
    if let Some(mut crew) = leaving {
        // What else others may find here (its timers, say) they find in its remote.
        *shared.remotes[index].left.lock() = Some(movable);
        crew.left(index);
    }
}

/// On the thread's own stack: resumes one carrier after the other.
///
/// `SEEN`: somebody wants to see fibers come and go.
fn main_loop<const SEEN: bool>(worker: &Worker) {
    let mut again: Option<&Carrier> = None;
    loop {
        let carrier = match again.take() {
            Some(carrier) => carrier,
            None => match worker.next_carrier::<SEEN>(Worker::find) {
                Some(carrier) => carrier,
                None => return,
            },
        };
        // Else a carrier would run one fresh task after the other, unseen.
        let ticks = SEEN.then(|| worker.narrow(0));
        // SAFETY: this is the main loop, and the carrier came from our pool, is new, or is under a
        // task that we took from a queue.
        again = unsafe { resume::<SEEN>(worker, carrier) };
        if let Some(ticks) = ticks {
            worker.widen(ticks);
        }
    }
}

/// Runs `carrier`, and what its task leaves for, until somebody comes back, and does what he came for. `Some`: the
/// carrier that he left, if what he waits for has come already, so that he goes on at once.
///
/// # Safety
/// The caller is the main loop, and the carrier is suspended and in no other hands.
#[inline(always)]
pub(crate) unsafe fn resume<const SEEN: bool>(
    worker: &Worker,
    carrier: &'static Carrier,
) -> Option<&'static Carrier> {
    worker.carrier.set(carrier);
    worker.remote().counts.switches.raise();
    let seen = if SEEN { worker.see_in(carrier) } else { None };
    // SAFETY: by the caller.
    let resumed = unsafe { carrier.resume(&worker.resumer, worker.remote()) };
    if let Some((task, fiber)) = seen {
        worker.tell_out(task, fiber);
    }
    // SAFETY: whoever came back has left it, and nobody else has heard of that.
    let carrier: &'static Carrier = unsafe { &*worker.carrier.get() };
    let asked = worker.action.replace(Action::None);
    match asked {
        Action::Park | Action::ParkToken | Action::Yield => {
            let task = worker.has_left()?;
            return worker.see_off(task, asked).then_some(carrier);
        }
        Action::Idle => worker.pool_carrier(carrier),
        Action::ParkAfter => {
            if let Some(task) = worker.current() {
                worker.call_after(task);
            }
            let task = worker.has_left()?;
            return worker.see_off(task, asked).then_some(carrier);
        }
        Action::Call => {
            worker.call_for_fiber();
            return Some(carrier);
        }
        Action::Discard => worker.discard(carrier),
        Action::None => lost(&resumed),
    }
    None
}

/// A carrier's loop has panicked, or returned without being told to: no task can do that.
#[cold]
fn lost(resumed: &Resumed) -> ! {
    unreachable!("a carrier left without saying why: {resumed:?}")
}

/// On a carrier: runs fresh tasks one after the other.
pub(crate) fn carrier_loop(carrier: &Carrier) {
    loop {
        // A task may have brought this carrier to another worker.
        let Some(worker) = worker::current() else {
            return;
        };
        if carrier.ends.get() {
            return;
        }
        let next = worker.handoff.take().or_else(|| worker.find_quickly());
        if let Some(task) = next
            && !task.is_started()
            && task.class() == usize::from(carrier.class)
        {
            run_fresh(worker, carrier, task);
            continue;
        }
        worker.next.set(next);
        worker.switch(Action::Idle);
    }
}

#[inline]
fn run_fresh(worker: &Worker, carrier: &Carrier, task: &'static Task) {
    let unwanted = worker.shared().phase_is_at_least(Phase::Canceling) || task.unit.is_unwind_due();
    // What is part of a fiber that runs is run to its end.
    if unwanted && !job::is_of_job(task) {
        worker.end_unrun(task, None);
        return;
    }
    carrier.task.set(task);
    task.hot.lo.store(carrier.lo(), Relaxed);
    task.hot.hi.store(carrier.hi(), Relaxed);
    task.set_flags(task.flags() | flags::STARTED | worker.home_bits());
    worker.enter_settled(task);
    // SAFETY: the task is fresh, and we took it from its queue.
    let ended = unsafe { (task.vtable().run)(task) };
    task.end_locals();
    // It may have ended elsewhere.
    if let Some(worker) = worker::current() {
        worker.leave();
        worker.slice.end();
        worker.remote().counts.finished.raise();
    }
    join::complete(task, ended);
}

impl Worker {
    /// The carrier to resume next. `None`: `find` found no task; if that is [`Worker::find`], the worker is
    /// to end, or is retired and has served.
    #[inline]
    pub(crate) fn next_carrier<const SEEN: bool>(
        &self,
        find: impl Fn(&Self) -> Option<&'static Task>,
    ) -> Option<&'static Carrier> {
        loop {
            let task = self.next.take().or_else(|| find(self))?;
            if SEEN {
                self.seen.set(Some(task));
            }
            if task.is_started() {
                // SAFETY: the task has started, and since it was in a queue it has not ended.
                return Some(unsafe { Carrier::under(task.hot.hi.load(Relaxed)) });
            }
            match self.carrier_for(task) {
                Ok(carrier) => {
                    self.handoff.set(Some(task));
                    return Some(carrier);
                }
                Err(error) => self.end_unrun(task, Some(SpawnError::StackSize(Box::new(error)))),
            }
        }
    }

    /// The task that `carrier` is about to run is announced. It is the one that was found for it, or that
    /// goes on at once.
    fn see_in(&self, carrier: &Carrier) -> Option<(&'static Task, FiberId)> {
        let task = self.seen.get()?;
        if !task.is_started() {
            task.hot.lo.store(carrier.lo(), Relaxed);
            task.hot.hi.store(carrier.hi(), Relaxed);
        }
        Some((task, self.tell_in(task)))
    }

    /// A carrier whose stack is of the class that a fresh task asks for.
    fn carrier_for(&self, task: &'static Task) -> Result<&'static Carrier, StackError> {
        let class = task.class();
        let pool = &self.pool[class];
        // SAFETY: null or a carrier that we pooled.
        if let Some(carrier) = unsafe { pool.get().as_ref() } {
            pool.set(carrier.next.get());
            self.pooled.set(self.pooled.get() - carrier.bytes());
            return Ok(carrier);
        }
        let class = StackClass::from_index(class).unwrap_or(self.shared().class);
        let carrier = Carrier::create(self.shared(), class)?;
        // SAFETY: just created; a carrier is taken apart only when it is in no other hands.
        Ok(unsafe { carrier.as_ref() })
    }

    /// The task that ran has left for the main loop.
    #[inline(always)]
    fn has_left(&self) -> Option<&'static Task> {
        let task = self.current()?;
        self.leave();
        self.slice.end();
        Some(task)
    }

    /// Calls what `task`, which is still the one that runs, said it wants called, if it was not called yet.
    ///
    /// That must not wait. If it does all the same it waits as its thread, as an interrupt's action does: the wait of
    /// the task is open, and on the main loop's stack there is none that could be left.
    #[cold]
    pub(crate) fn call_after(&self, task: &'static Task) {
        if let Some(after) = self.after.take() {
            let (acting, native) = (task.unit.is_acting(), task.flags() & flags::ON_NATIVE);
            task.unit.set_acting(true);
            task.set_flags(task.flags() | flags::ON_NATIVE);
            // SAFETY: whoever called `suspend_with` answers for the function and its argument.
            unsafe { (after.call)(task.id().to_bits(), after.arg) };
            task.set_flags(task.flags() & !flags::ON_NATIVE | native);
            task.unit.set_acting(acting);
        }
    }

    #[inline]
    fn pool_carrier(&self, carrier: &'static Carrier) {
        let pooled = self.pooled.get() + carrier.bytes();
        let pool = &self.pool[usize::from(carrier.class)];
        carrier.next.set(pool.replace(carrier));
        self.pooled.set(pooled);
    }

    /// Ends pooled carriers until they have no more than `keep` bytes, `most` at a time. In the main loop only.
    pub(crate) fn end_carriers(&self, keep: usize, most: usize) {
        let mut left = most;
        for pool in &self.pool {
            while self.pooled.get() > keep && left > 0 {
                // SAFETY: null or a carrier that we pooled.
                let Some(carrier) = (unsafe { pool.get().as_ref() }) else {
                    break;
                };
                pool.set(carrier.next.get());
                self.pooled.set(self.pooled.get() - carrier.bytes());
                self.end_carrier(carrier);
                left -= 1;
            }
        }
    }

    /// Lets an idle carrier's loop return, and gives its stack back. In the main loop only.
    fn end_carrier(&self, carrier: &'static Carrier) {
        carrier.ends.set(true);
        self.carrier.set(carrier);
        // SAFETY: this is the main loop, and the carrier is idle and in no pool.
        let resumed = unsafe { carrier.resume(&self.resumer, self.remote()) };
        debug_assert!(matches!(resumed, Resumed::Returned));
        // SAFETY: its loop has returned, and nobody else knows of it.
        unsafe { Carrier::destroy(NonNull::from(carrier)) };
    }

    /// A fresh task will not run: the scheduler shuts down, or `why`.
    #[cold]
    fn end_unrun(&self, task: &'static Task, why: Option<SpawnError>) {
        let ended = join::end_unrun(task, why);
        self.remote().counts.finished.raise();
        join::complete(task, ended);
    }

    /// The task that runs, and those it runs on top of, are over, without having been unwound.
    #[cold]
    fn discard(&self, carrier: &'static Carrier) {
        let mut next = self.current();
        self.leave();
        self.slice.end();
        while let Some(task) = next {
            let below = task.link.get();
            let inline = task.flags() & flags::INLINE != 0;
            next = None;
            if inline {
                // SAFETY: the link of a task that runs inline is its joiner.
                next = unsafe { below.as_ref() };
            }
            self.remote().counts.finished.raise();
            join::complete(task, Ended::Killed);
        }
        // SAFETY: it is suspended, and its tasks, which have frames that cannot unwind, were given
        // up; that is what `spawn_raw` asks its caller to be ready for.
        unsafe { Carrier::discard(NonNull::from(carrier)) };
    }
}
