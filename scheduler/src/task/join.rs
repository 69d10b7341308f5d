//! The end of a task, and those who wait for it.

use crate::{
    config::SpawnError,
    host,
    task::{
        Task,
        body::{self, Ended},
        flags,
        join_error::JoinError,
        poll,
        state::{DETACHED, DONE, HAS_JOINERS, KILLED, LOCKED, Locked, PANICKED},
    },
    worker::{Worker, current_task, slice},
};
use std::{cell::Cell, fmt, marker::PhantomData, mem::ManuallyDrop, ptr, task::Waker};
use vitte_fibers::stack_pointer;
use vitte_wait::{
    Claimed, Deadline, Outcome, Reason, StopToken, Ticket, Wait, confined,
    facade::{atomic::Ordering::*, hint},
};

/// One who waits for a task to end, on his own stack, or on the heap. Touched under the lock of the task's
/// state.
pub(crate) struct Joiner {
    who: Cell<Who>,
    next: Cell<*const Joiner>,
    linked: Cell<bool>,
}

impl Joiner {
    /// In no list, and in no wait.
    pub(crate) fn new() -> Self {
        Self {
            who: Cell::new(Who::Nobody),
            next: Cell::new(ptr::null()),
            linked: Cell::new(false),
        }
    }
}

/// Who is to be told.
enum Who {
    Nobody,
    /// Of the wait in which he is linked.
    Unit(Ticket),
    Future(Waker),
}

/// What is left to be done for a joiner when the lock is released: dropping it tells him.
pub(super) enum Notice {
    Unit { _claimed: Claimed },
    Future(Waker),
}

impl Drop for Notice {
    fn drop(&mut self) {
        if let Self::Future(waker) = self {
            // Foreign code. If it panics nobody is there to be told of it.
            outside_any_task(|| confined(|| waker.wake_by_ref()));
        }
    }
}

/// Claims everybody who waits for the end of `task`; they go on when the result is dropped, which
/// must be after the lock.
pub(super) fn claim_joiners(task: &'static Task, _locked: &Locked<'_>) -> Vec<Notice> {
    let mut joiners = Vec::new();
    let mut at = task.joiner.replace(ptr::null());
    // SAFETY: joiners are linked, hence alive, until they are unlinked under this lock.
    while let Some(joiner) = unsafe { at.as_ref() } {
        at = joiner.next.get();
        joiner.linked.set(false);
        joiners.extend(match joiner.who.replace(Who::Nobody) {
            Who::Nobody => None,
            Who::Unit(ticket) => {
                let claimed = ticket.claim(Outcome::Woken);
                claimed.map(|_claimed| Notice::Unit { _claimed })
            }
            Who::Future(waker) => Some(Notice::Future(waker)),
        });
    }
    joiners
}

/// The body of `task` has ended; its worker has left it.
#[inline]
pub(crate) fn complete(task: &'static Task, ended: Ended) {
    let generation = task.state.generation();
    let seen = task.state.finish(ended as u64);
    // From here the task is the joiner's, who may vacate it at once.
    if seen & (DETACHED | HAS_JOINERS | LOCKED) != 0 {
        complete_noticed(task, generation, seen | ended as u64);
    }
}

#[cold]
#[inline(never)]
fn complete_noticed(task: &'static Task, generation: u32, seen: u64) {
    // If the generation has changed, somebody took the value just now, and either was the only one
    // who waited or has woken the others.
    let joiners = task
        .state
        .lock(generation)
        .map(|locked| claim_joiners(task, &locked));
    if seen & DETACHED != 0 {
        outside_any_task(|| {
            // SAFETY: it has ended as `seen` says, and with the handle gone we are the last.
            unsafe { body::drop_outcome(task, seen) };
        });
        task.vacate();
    }
    drop(joiners);
}

/// Runs foreign destructors on a worker that is between two tasks: what blocks there blocks the
/// thread, for there is no fiber to suspend.
pub(crate) fn outside_any_task(run: impl FnOnce()) {
    if let Some(worker) = crate::worker::current()
        && worker.current().is_none()
    {
        worker.clear_unit();
    }
    run();
}

/// Ends a task whose body did not run: drops the body, and keeps `why` for the joiner.
pub(crate) fn end_unrun(task: &'static Task, why: Option<SpawnError>) -> Ended {
    outside_any_task(|| {
        confined(|| {
            // SAFETY: the body is there, and will not run.
            unsafe { (task.vtable().drop_body)(task) };
        });
        if let Some(cold) = task.cold() {
            cold.companion.part();
        }
    });
    match why {
        None => Ended::Killed,
        Some(why) => {
            // SAFETY: the body is gone; the task is ours.
            unsafe { body::put_payload(task, Box::new(why)) };
            Ended::Panicked
        }
    }
}

/// How often a joiner looks whether a task that runs on another worker ends, before it waits: about
/// as long as waiting and being woken across workers takes.
const LOOKS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 16 };

/// The state of `task`, after a while if it is just being run by another worker.
#[inline]
fn look_a_while(task: &'static Task) -> u64 {
    let bits = task.state.load();
    if bits & DONE != 0 || !task.is_started() {
        return bits;
    }
    match crate::worker::current() {
        Some(worker) if worker.index != task.home() => {}
        _ => return bits,
    }
    for _ in 0..LOOKS {
        hint::spin_loop();
        let bits = task.state.load();
        if bits & DONE != 0 {
            return bits;
        }
    }
    bits
}

/// Waits until the task is over. `None`: it is; else what ended the wait first.
pub(super) fn wait_for_end(
    task: &'static Task,
    generation: u32,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Option<Outcome> {
    if task.hot.poll.load(Relaxed) & poll::HOST != 0 && crate::worker::current().is_none() {
        host::drive_for_task(task, deadline, stop, || {
            task.state.generation_now() != generation || task.state.load() & DONE != 0
        });
    }
    let wait = Wait::begin(Reason::Join, ptr::from_ref(task).cast());
    let joiner = Joiner::new();
    // SAFETY: the joiner stays in this frame until it is unlinked: by whoever wakes us, or below.
    if !unsafe { link(task, generation, &joiner, wait.ticket()) } {
        // Over already. A claim that came in between changes nothing.
        let _ = wait.withdraw();
        return None;
    }
    let outcome = wait.park(deadline, stop);
    if outcome == Outcome::Woken {
        return None;
    }
    let locked = task.state.lock(generation)?;
    if joiner.linked.get() {
        unlink(task, &joiner);
    }
    (locked.now() & DONE == 0).then_some(outcome)
}

/// Puts `joiner`, who holds `ticket`, among those who wait for the end of `task`. False: it is over
/// already.
///
/// # Safety
/// The joiner is in no list, and stays where it is, alive, until it is unlinked.
pub(crate) unsafe fn link(
    task: &'static Task,
    generation: u32,
    joiner: &Joiner,
    ticket: Ticket,
) -> bool {
    joiner.who.set(Who::Unit(ticket));
    match task.state.lock(generation) {
        Some(locked) if locked.now() & DONE == 0 => {
            put_in(task, joiner, &locked);
            true
        }
        _ => false,
    }
}

/// As [`link`], for a future that `waker` wakes. It may be in the list already: then this waker replaces the
/// one it has.
///
/// # Safety
/// The joiner is in no list or in this task's, and stays where it is, alive, until it is unlinked.
pub(crate) unsafe fn link_waker(
    task: &'static Task,
    generation: u32,
    joiner: &Joiner,
    waker: &Waker,
) -> bool {
    // Made and dropped outside of the lock: both are foreign code.
    let waker = Who::Future(waker.clone());
    let old = {
        let Some(locked) = task.state.lock(generation) else {
            return false;
        };
        if locked.now() & DONE != 0 {
            return false;
        }
        let old = joiner.who.replace(waker);
        if !joiner.linked.get() {
            put_in(task, joiner, &locked);
        }
        old
    };
    drop(old);
    true
}

fn put_in(task: &'static Task, joiner: &Joiner, locked: &Locked<'_>) {
    joiner.next.set(task.joiner.replace(joiner));
    joiner.linked.set(true);
    locked.set(HAS_JOINERS);
}

/// Takes `joiner` out again, if it is still in. If the record is of another generation by now, whoever
/// ended this one has taken it out.
pub(crate) fn unlink_if_linked(task: &'static Task, generation: u32, joiner: &Joiner) {
    let Some(_locked) = task.state.lock(generation) else {
        return;
    };
    if joiner.linked.replace(false) {
        unlink(task, joiner);
    }
}

/// Takes `joiner` out of the list. Under the state's lock.
fn unlink(task: &'static Task, joiner: &Joiner) {
    let mut place = &task.joiner;
    // SAFETY: joiners in the list are alive until they are unlinked under the lock, which is ours.
    while let Some(at) = unsafe { place.get().as_ref() } {
        if ptr::eq(at, joiner) {
            place.set(joiner.next.get());
            return;
        }
        place = &at.next;
    }
}

/// The right to a task's value.
///
/// Dropping it detaches the task: it runs on, and its value is dropped when it ends. A panic of a
/// detached task is dropped too.
pub struct JoinHandle<T> {
    pub(super) task: Started,
    value: PhantomData<T>,
}

/// The task of a handle, or why there is none, in one word: a record, a boxed error with the
/// lowest bit set, or null once the value is taken.
pub(super) struct Started(*mut ());

/// What a [`Started`] is.
pub(super) enum Which<'a> {
    Task(&'static Task),
    Not(&'a SpawnError),
    Taken,
}

impl Started {
    const TAKEN: Self = Self(ptr::null_mut());

    #[inline(always)]
    fn task(task: &'static Task) -> Self {
        Self(ptr::from_ref(task).cast_mut().cast())
    }

    #[cold]
    fn not(error: SpawnError) -> Self {
        Self(Box::into_raw(Box::new(error)).map_addr(|at| at | 1).cast())
    }

    #[inline(always)]
    pub(super) fn which(&self) -> Which<'_> {
        if self.0.addr() & 1 != 0 {
            // SAFETY: a tagged pointer came from `not`, and is freed only when it is replaced.
            Which::Not(unsafe { &*self.0.map_addr(|at| at & !1).cast() })
        } else {
            // SAFETY: else it is null or a record, and records are immortal.
            unsafe { self.0.cast::<Task>().as_ref() }.map_or(Which::Taken, Which::Task)
        }
    }

    /// The task, if that is what it is.
    #[inline(always)]
    pub(super) fn get(&self) -> Option<&'static Task> {
        match self.which() {
            Which::Task(task) => Some(task),
            _ => None,
        }
    }
}

impl Drop for Started {
    #[inline]
    fn drop(&mut self) {
        if self.0.addr() & 1 != 0 {
            // SAFETY: it came from `Box::into_raw` in `not`.
            drop(unsafe { Box::from_raw(self.0.map_addr(|at| at & !1).cast::<SpawnError>()) });
        }
    }
}

// SAFETY: the handle is the right to take a `T` from whatever thread it is on.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through a shared handle one can only ask for the id, whether the task is over, and
// cancel it.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    #[inline(always)]
    pub(crate) fn new(task: Result<&'static Task, SpawnError>) -> Self {
        Self {
            task: task.map_or_else(Started::not, Started::task),
            value: PhantomData,
        }
    }

    /// Waits for the task to end and takes its value.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the panic, [`JoinError::NotStarted`] if the task could not be
    /// spawned, [`JoinError::Killed`] if shutdown ended it; [`JoinError::Canceled`] if the caller
    /// was canceled while waiting: then the task is detached.
    ///
    /// # Cancellation
    /// Of the caller: if the task runs on the caller's stack (see below) it is canceled with him, for the same reason,
    /// and what it ends with is returned.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps. If the task was not begun yet and is the one that the
    /// calling fiber spawned last, it runs right here, on the caller's stack, as a task of its own, unless the caller's slice is
    /// over: then he gives way.
    ///
    /// # Panics
    /// As [`yield_now`](crate::yield_now).
    ///
    /// ```
    /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// assert_eq!(scheduler.spawn(&SpawnOptions::default(), || 6 * 7).join()?, 42);
    /// let broken = scheduler.spawn(&SpawnOptions::default(), || panic!("it is broken"));
    /// assert!(matches!(broken.join(), Err::<(), _>(JoinError::Panicked(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn join(self) -> Result<T, JoinError> {
        if let Some(task) = self.task.get()
            && let Some((worker, caller)) = current_task()
            && let Some((worker, ended)) = worker.run_inline(caller, task)
        {
            let _over = ManuallyDrop::new(self);
            return take_inline(worker, task, ended);
        }
        self.join_slow()
    }

    #[inline(never)]
    fn join_slow(mut self) -> Result<T, JoinError> {
        slice::give_way_if_asked();
        self.join_with(Deadline::NEVER, None)
    }

    /// Waits for the task to end and takes its value, until `deadline` at the latest, or until
    /// `stop` is triggered. If the wait ends first, the handle can be used again.
    ///
    /// # Errors
    /// As [`join`](Self::join); [`JoinError::TimedOut`], [`JoinError::Canceled`] and
    /// [`JoinError::Stopped`] leave the task as it was; [`JoinError::Taken`] if the value, or the
    /// error, was taken by an earlier call.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// # Panics
    /// As [`yield_now`](crate::yield_now).
    ///
    /// ```
    /// use vitte_scheduler::{Config, JoinError, Scheduler, SpawnOptions, park};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let mut parked = scheduler.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
    /// assert!(matches!(parked.join_with(Deadline::NOW, None), Err(JoinError::TimedOut)));
    /// parked.unpark();
    /// assert_eq!(parked.join_with(Deadline::NEVER, None)?, Outcome::Woken);
    /// assert!(matches!(parked.join_with(Deadline::NEVER, None), Err(JoinError::Taken)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, JoinError> {
        let task = self.begun()?;
        let mut bits = look_a_while(task);
        if bits & DONE == 0 {
            // From here whoever ends the task may lock it.
            task.state.set_known();
            let ended = wait_for_end(task, task.state.generation(), deadline, stop);
            if let Some(outcome) = ended {
                return Err(JoinError::of_outcome(outcome));
            }
            bits = task.state.load();
        }
        self.take_end(task, bits)
    }

    /// The task, or why there is none (any more).
    fn begun(&mut self) -> Result<&'static Task, JoinError> {
        match self.task.which() {
            Which::Task(task) => Ok(task),
            Which::Taken => Err(JoinError::Taken),
            Which::Not(error) => {
                let error = error.clone();
                self.task = Started::TAKEN;
                Err(JoinError::NotStarted(error))
            }
        }
    }

    /// Takes what the task ended with, if it has ended.
    pub(crate) fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        let task = match self.begun() {
            Ok(task) => task,
            Err(error) => return Some(Err(error)),
        };
        let bits = task.state.load();
        (bits & DONE != 0).then(|| self.take_end(task, bits))
    }

    /// The task, while the handle has one.
    pub(crate) fn joinable(&self) -> Option<&'static Task> {
        self.task.get()
    }

    /// Takes what the task ended with. `bits` are its state, with `DONE`.
    fn take_end(&mut self, task: &'static Task, bits: u64) -> Result<T, JoinError> {
        self.task = Started::TAKEN;
        let result = if bits & (PANICKED | KILLED) == 0 {
            // SAFETY: it has returned a `T`, and the one handle takes it.
            Ok(unsafe { body::take_value::<T>(task) })
        } else {
            Err(JoinError::of(bits, task))
        };
        task.vacate();
        result
    }

    /// Detaches the task. The handle stays, and is good for nothing.
    pub(crate) fn let_go(&mut self) {
        let Some(task) = self.task.get() else { return };
        self.task = Started::TAKEN;
        let seen = task.state.detach();
        if seen & DONE != 0 {
            // SAFETY: it has ended as `seen` says, and we held the handle.
            unsafe { body::drop_outcome(task, seen) };
            task.vacate();
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("JoinHandle");
        match self.task.which() {
            Which::Task(task) => shown
                .field("id", &task.id())
                .field("finished", &self.is_finished())
                .finish(),
            Which::Not(error) => shown.field("not_started", error).finish(),
            Which::Taken => shown.field("taken", &true).finish(),
        }
    }
}

/// Takes the outcome of a task that ran inline, and that nobody but its handle knows.
#[inline(always)]
fn take_inline<T>(worker: &Worker, task: &'static Task, ended: Ended) -> Result<T, JoinError> {
    if ended == Ended::Returned {
        // SAFETY: it has returned a `T`, and its one handle takes it.
        let value = unsafe { body::take_value::<T>(task) };
        task.vacate_on(worker);
        // Made last, where it is returned: made earlier it would be copied, in wider pieces than
        // it was written in, which stalls.
        return Ok(value);
    }
    let error = JoinError::of(ended as u64, task);
    task.vacate_on(worker);
    Err(error)
}

impl Worker {
    /// Runs `task` here and now, on top of `caller`'s frames, if it is the fresh task on top of
    /// our stack of them, enough of the caller's stack is left, and he need not give way; returns the worker on which it
    /// ended. `None`: it is not.
    ///
    /// Nothing else ever runs on top of a frame that waits: that could deadlock.
    #[inline(always)]
    pub(super) fn run_inline(
        &self,
        caller: &'static Task,
        task: &'static Task,
    ) -> Option<(&'static Self, Ended)> {
        let may = || Self::may_run_inline(caller, task);
        // SAFETY: we are the owner.
        if caller.is_to_give_way() || !unsafe { self.remote().fresh.pop_if(task, may) } {
            return None;
        }
        task.hot.lo.store(caller.hot.lo.load(Relaxed), Relaxed);
        task.hot.hi.store(caller.hot.hi.load(Relaxed), Relaxed);
        // What stands on a stack that may not leave its thread may not leave it either.
        let pinned = if caller.is_pinned() { flags::PINNED } else { 0 };
        let begun = flags::STARTED | flags::INLINE | self.home_bits();
        task.set_flags(task.flags() | begun | pinned);
        task.link.set(caller);
        self.enter_settled(task);
        // SAFETY: the task is fresh, and we took it from its queue.
        let ended = unsafe { (task.vtable().run)(task) };
        task.end_locals();
        // It may have been suspended, and have come back elsewhere.
        let worker =
            crate::worker::current().unwrap_or_else(|| unreachable!("fibers run on workers only"));
        worker.remote().counts.finished.raise();
        if task.hot.poll.load(Relaxed) != 0 {
            slice::pass_on(task, caller);
        }
        if ptr::eq(worker, self) {
            worker.enter_settled(caller);
        } else {
            worker.enter(caller);
        }
        Some((worker, ended))
    }

    #[inline(always)]
    fn may_run_inline(caller: &'static Task, task: &'static Task) -> bool {
        let (lo, hi) = (caller.hot.lo.load(Relaxed), caller.hot.hi.load(Relaxed));
        // A task that runs inline has at least half of the caller's stack, and its class at least.
        let roomy = stack_pointer() > lo + (hi - lo) / 2;
        let (of_caller, of_task) = (caller.flags(), task.flags());
        let class = of_task & (flags::CLASS_MASK | flags::SEEN);
        let fits = class <= of_caller & flags::CLASS_MASK;
        // Frames that cannot unwind must not lie on frames whose destructors matter.
        let unwinds = of_task & flags::NO_UNWIND == 0 || of_caller & flags::NO_UNWIND != 0;
        // No worker is inside a native region, or on its thread's stack, while it runs another task.
        let outside = of_caller & (flags::MAY_BLOCK | flags::ON_NATIVE) == 0;
        // Of whom something is asked already, he may be to end before he begins.
        roomy && fits && unwinds && outside && !task.unit.is_asked()
    }
}

const _: () = assert!(
    size_of::<JoinError>() <= 24,
    "it is part of what every join returns"
);
