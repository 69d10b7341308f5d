//! `join`: two calls of which the second may be run by another worker.
//!
//! The second is pushed on the worker's own stack of fresh tasks as a [job](crate::task::job), the first
//! is called, and mostly the second still lies on top afterwards and is called too. So a join that
//! nobody takes part in costs a push and a pop without a fence, and every job can be stolen at once.
//!
//! Invariants: nothing leaves [`join_on`], by return or by unwinding, while its job is in a queue or in
//! another's hands. Nothing but the caller's own second half ever runs on top of his frames.
//!
//! Source: lazy task creation (Mohr, Kranz, Halstead, 1990), as `rayon::join` does it; with the owner's
//! fence left to the thief.

use crate::{
    carrier::Carrier,
    idle::{Counters, Idle},
    queue::lifo::Lifo,
    task::{
        Task,
        body::Payload,
        flags,
        job::{DECLINED, StackJob},
    },
    worker::{self, Worker, current_task, slice},
};
use std::{
    cell::Cell,
    fmt,
    hint::cold_path,
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
};
use vitte_fibers::stack_pointer;
use vitte_wait::{Priority, confined, fence};

const TOO_DEEP: &str = "joins are nested too deeply for this stack, and there is no other for them: \
                        raise the most stacks of the runtime, or the size of the fiber's";

/// What joins on a stack go by, close together. It lies in the stack's [`Carrier`].
#[derive(Debug)]
pub(crate) struct Ground {
    /// Whoever stands above this joins the quick way. Nobody does where fences cost something.
    quick_above: usize,
    /// The fresh tasks of the worker that resumed the stack last. Written by that worker.
    fresh: Cell<*const Lifo<Task>>,
    counters: *const Counters,
    /// Null where nothing is forked.
    carrier: *const Carrier,
    /// Half of the stack is left above this.
    middle: usize,
}

/// A ground on which nothing is forked.
struct Nowhere(Ground);

// SAFETY: nobody writes to it: no stack's carrier has it.
unsafe impl Sync for Nowhere {}

static NOWHERE: Nowhere = Nowhere(Ground {
    quick_above: usize::MAX,
    fresh: Cell::new(ptr::null()),
    counters: ptr::null(),
    carrier: ptr::null(),
    middle: usize::MAX,
});

impl Ground {
    pub(crate) fn new(carrier: *const Carrier, middle: usize, idle: &Idle) -> Self {
        let quick = fence::is_asymmetric();
        Self {
            quick_above: if quick { middle } else { usize::MAX },
            fresh: Cell::new(ptr::null()),
            counters: idle.counters(),
            carrier,
            middle,
        }
    }

    /// Says whose worker resumes the stack.
    #[inline(always)]
    pub(crate) fn stands_on(&self, fresh: &Lifo<Task>) {
        self.fresh.set(fresh);
    }

    /// The fresh tasks of the worker that runs the caller, who stands here; to be asked again after
    /// anything that may suspend.
    #[inline(always)]
    fn fresh(&self) -> &Lifo<Task> {
        // SAFETY: the stack was resumed, since the caller stands on it, and a worker's part of its
        // scheduler outlives what it runs.
        unsafe { &*self.fresh.get() }
    }

    /// Gives way, if the worker was asked for that.
    fn heed(&self) {
        if self.carrier().is_some() && self.fresh().heed() {
            let _ = slice::poll();
        }
    }

    fn carrier(&self) -> Option<&Carrier> {
        // SAFETY: null, or the carrier that this is part of.
        unsafe { self.carrier.as_ref() }
    }

    /// How urgent whoever forks here is: the task under all frames of the stack.
    ///
    /// # Safety
    /// A job of this ground is alive.
    pub(crate) unsafe fn urgency(&self) -> Priority {
        // SAFETY: whoever offered the job stands on the stack, so its loop has called a task and waits for its end. It wrote
        // down which before the job was pushed.
        let task = self
            .carrier()
            .and_then(|carrier| unsafe { carrier.task.get().as_ref() });
        task.map_or(Priority::Normal, |task| task.unit.priority())
    }

    /// What the flags of a task say that is to run on a stack of this class.
    pub(crate) fn class_bits(&self) -> u32 {
        self.carrier()
            .map_or(0, |carrier| u32::from(carrier.class) << flags::CLASS_SHIFT)
    }
}

/// Where a half of a [`join`] runs: what its own joins start from.
///
/// [`join`] finds out at each call which worker runs it. With a `Fork` this is known, and most of its
/// joins cost little more than two calls.
#[derive(Clone, Copy)]
pub struct Fork<'a> {
    ground: &'a Ground,
    /// Bound to the stack.
    stays: PhantomData<*const ()>,
}

impl<'a> Fork<'a> {
    const fn on(ground: &'a Ground) -> Self {
        Self {
            ground,
            stays: PhantomData,
        }
    }

    /// Where the caller stands.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        current_task().map_or(Self::on(&NOWHERE.0), |(worker, task)| {
            Self::of(worker, task)
        })
    }

    /// As [`here`](Self::here), for one who is about to join, and gives way first if he was asked to.
    #[inline(always)]
    fn begin() -> Self {
        let Some((worker, task)) = current_task() else {
            return Self::on(&NOWHERE.0);
        };
        let fork = Self::of(worker, task);
        if task.is_to_give_way() {
            let _ = slice::poll_slow();
        }
        fork
    }

    /// Where `task` stands, which runs on `worker`.
    #[inline(always)]
    fn of(worker: &Worker, task: &Task) -> Self {
        // Frames that cannot unwind may vanish, and a job must not.
        if task.flags() & flags::NO_UNWIND != 0 {
            return Self::on(&NOWHERE.0);
        }
        // SAFETY: a task runs, so the carrier is under it, alive while its frames are.
        Self::on(unsafe { &(*worker.carrier.get()).ground })
    }

    /// Runs both, perhaps at the same time, and returns what they return.
    ///
    /// As [`join`], but `b` is offered to other workers only while few tasks lie there for them to take;
    /// those are older, and so mostly larger parts of the same work. So `a` must not wait for anything that
    /// only `b` does.
    ///
    /// # Panics
    /// As [`join`].
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, forking};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let both = scheduler.spawn(&SpawnOptions::default(), || {
    ///     forking(|fork| fork.join(|_| 6 * 7, |_| "at the same time"))
    /// });
    /// assert_eq!(both.join()?, (42, "at the same time"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn join<A, B, RA, RB>(self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(Fork<'_>) -> RA + Send,
        B: FnOnce(Fork<'_>) -> RB + Send,
        RA: Send,
        RB: Send,
    {
        // Whatever else there is lies out of line, so that no jump is on the frequent way: a processor predicts branches by
        // those that were taken before.
        if stack_pointer() > self.ground.quick_above && self.ground.fresh().has_enough() {
            return one_by_one(self.ground, a, b);
        }
        cold_path();
        offer_apart(self, a, b)
    }

    #[inline(always)]
    fn offer<A, B, RA, RB>(self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce(Fork<'_>) -> RA,
        B: FnOnce(Fork<'_>) -> RB,
    {
        if stack_pointer() > self.ground.quick_above {
            return join_on::<true, _, _, _, _>(self.ground, a, b);
        }
        join_slow(self.ground, a, b)
    }

    /// How many workers could take part.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, forking};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 2, ..Config::default() })?;
    /// let workers = scheduler.spawn(&SpawnOptions::default(), || forking(|fork| fork.workers()));
    /// assert_eq!(workers.join()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn workers(self) -> usize {
        match self.ground.carrier() {
            Some(_) => worker::current().map_or(1, |worker| worker.shared().active()),
            None => 1,
        }
    }

    /// Whether what was pushed here last has been taken away, or nothing was: a hint that others want
    /// work.
    #[must_use]
    pub fn is_wanted(self) -> bool {
        self.ground.carrier().is_some() && self.ground.fresh().is_empty()
    }
}

impl fmt::Debug for Fork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fork")
            .field("forks", &self.ground.carrier().is_some())
            .finish()
    }
}

/// Runs both, perhaps at the same time, and returns what they return.
///
/// `a` is called here and now. `b` is called here after it, as part of the calling fiber, unless another
/// worker has taken it meanwhile: then it runs as a fiber of its own, and the caller waits for that. Both
/// may borrow. On a plain thread, and in a fiber whose frames cannot unwind, `a` and then `b` are called.
/// If less than half of the fiber's stack is left, both run as a fiber of their own, on a new stack, so
/// joins may be nested as deeply as memory allows.
///
/// # Panics
/// With the panic of `a`, always after `b` is over, or was dropped because it had not begun; else with
/// that of `b`. If both panic, that of `b` is dropped. And if the stack is all but used up and there is no
/// other.
///
/// # Cancellation
/// If the caller is canceled while he waits for `b`, so is the fiber that runs it. He waits on: `b` may
/// use what is his.
///
/// # Blocking
/// The caller waits only for a `b` that another worker runs, and gives way if his slice is over.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, join};
///
/// fn sum(of: &[u64]) -> u64 {
///     if of.len() <= 1000 {
///         return of.iter().sum();
///     }
///     let (left, right) = of.split_at(of.len() / 2);
///     let (left, right) = join(|| sum(left), || sum(right));
///     left + right
/// }
///
/// let scheduler = Scheduler::start(Config { workers: 2, ..Config::default() })?;
/// let numbers: Vec<u64> = (0..100_000).collect();
/// let total = scheduler.spawn(&SpawnOptions::default(), move || sum(&numbers)).join()?;
/// assert_eq!(total, 4_999_950_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline(always)]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    Fork::begin().offer(|_| a(), |_| b())
}

/// As [`join`], and tells both where they run, which makes their [own joins](Fork::join) cheaper.
///
/// ```
/// use vitte_scheduler::{Config, Fork, Scheduler, SpawnOptions, join_with};
///
/// fn fib(fork: Fork<'_>, n: u64) -> u64 {
///     if n < 2 {
///         return n;
///     }
///     let (a, b) = fork.join(|fork| fib(fork, n - 1), |fork| fib(fork, n - 2));
///     a + b
/// }
///
/// let scheduler = Scheduler::start(Config { workers: 2, ..Config::default() })?;
/// let task = scheduler.spawn(&SpawnOptions::default(), || {
///     join_with(|fork| fib(fork, 20), |fork| fib(fork, 10))
/// });
/// assert_eq!(task.join()?, (6765, 55));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// As [`join`].
#[inline(always)]
pub fn join_with<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA + Send,
    B: FnOnce(Fork<'_>) -> RB + Send,
    RA: Send,
    RB: Send,
{
    Fork::begin().offer(a, b)
}

/// Tells `body` where it runs: what joins of its own start from.
///
/// ```
/// use vitte_scheduler::{Config, Fork, Scheduler, SpawnOptions, forking};
///
/// fn sum(fork: Fork<'_>, of: &[u64]) -> u64 {
///     if of.len() <= 1000 {
///         return of.iter().sum();
///     }
///     let (left, right) = of.split_at(of.len() / 2);
///     let (left, right) = fork.join(|fork| sum(fork, left), |fork| sum(fork, right));
///     left + right
/// }
///
/// let scheduler = Scheduler::start(Config::default())?;
/// let numbers: Vec<u64> = (0..10_000).collect();
/// let total = scheduler.spawn(&SpawnOptions::default(), move || forking(|fork| sum(fork, &numbers)));
/// assert_eq!(total.join()?, 49_995_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn forking<R>(body: impl FnOnce(Fork<'_>) -> R) -> R {
    body(Fork::here())
}

#[inline(always)]
fn join_on<const FREE: bool, A, B, RA, RB>(ground: &Ground, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA,
    B: FnOnce(Fork<'_>) -> RB,
{
    let mut place = MaybeUninit::uninit();
    let job = StackJob::init(&mut place, ground, b);
    // SAFETY: we run on the worker whose stack this is.
    let at = unsafe { ground.fresh().push(job.queued()) };
    // Ordering: store-load pair: the push above, the counters below. See Note [Lost wakeups].
    if FREE {
        fence::free();
    } else {
        fence::light();
    }
    // SAFETY: it lives as long as the scheduler.
    if unsafe { &*ground.counters }.load().wants_wake() {
        post();
    }
    // Unwind: caught, for the job may be in others' hands.
    let first = match catch_unwind(AssertUnwindSafe(|| a(Fork::on(ground)))) {
        Ok(first) => first,
        Err(panic) => give_up(ground, job, panic),
    };
    // SAFETY: pushed above, and this is its owner. `FREE` only where fences are.
    if unsafe { ground.fresh().pop_job::<FREE>(job.queued(), at) } {
        // SAFETY: nobody else has it.
        let b = unsafe { job.take_body() };
        return (first, b(Fork::on(ground)));
    }
    let second = end(ground, job);
    (first, second)
}

/// [`Fork::offer`], out of line: for those who come here seldom. Also when they are to give way.
#[inline(never)]
fn offer_apart<A, B, RA, RB>(fork: Fork<'_>, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA,
    B: FnOnce(Fork<'_>) -> RB,
{
    fork.ground.heed();
    fork.offer(a, b)
}

#[cold]
#[inline(never)]
fn post() {
    if let Some(worker) = worker::current() {
        worker.shared().idle.post(worker.shared());
    }
}

/// The job is not on top any more: what becomes of it.
#[cold]
#[inline(never)]
fn end<B, R>(ground: &Ground, job: &StackJob<B, R>) -> R
where
    B: FnOnce(Fork<'_>) -> R,
{
    // SAFETY: we run on the worker whose stack this is. What `a` spawned may lie on top of the job.
    if unsafe { ground.fresh().remove(job.queued()) } {
        // SAFETY: we have it back.
        return unsafe { job.take_body() }(Fork::on(ground));
    }
    wait_for(ground, job)
}

fn wait_for<B, R>(ground: &Ground, job: &StackJob<B, R>) -> R
where
    B: FnOnce(Fork<'_>) -> R,
{
    if job.wait() == DECLINED {
        // SAFETY: we have it back.
        return unsafe { job.take_body() }(Fork::on(ground));
    }
    // SAFETY: it is over, and was not declined.
    match unsafe { job.take_result() } {
        Ok(value) => value,
        Err(panic) => resume_unwind(panic),
    }
}

/// The first half has panicked: waits until the second is over, or drops it unrun.
#[cold]
#[inline(never)]
fn give_up<B, R>(ground: &Ground, job: &StackJob<B, R>, panic: Payload) -> !
where
    B: FnOnce(Fork<'_>) -> R,
{
    // SAFETY: we run on the worker whose stack this is.
    let back = unsafe { ground.fresh().remove(job.queued()) };
    // A destructor that panics now has nobody to tell but the panic hook: the first panic wins.
    confined(|| {
        if back || job.wait() == DECLINED {
            // SAFETY: we have it back.
            drop(unsafe { job.take_body() });
        } else {
            // SAFETY: it is over, and was not declined.
            drop(unsafe { job.take_result() });
        }
    });
    resume_unwind(panic)
}

/// A join where the quick way is not to be had: nothing is forked here, fences cost something, or half
/// of the stack is used up.
#[cold]
#[inline(never)]
fn join_slow<A, B, RA, RB>(ground: &Ground, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA,
    B: FnOnce(Fork<'_>) -> RB,
{
    match ground.carrier() {
        Some(_) if stack_pointer() > ground.middle => join_on::<false, _, _, _, _>(ground, a, b),
        // While the thread is panicking nobody would come here to take a job.
        Some(carrier) if carrier.suspender().may_suspend() => join_elsewhere(carrier, a, b),
        _ => one_by_one(ground, a, b),
    }
}

#[inline(always)]
fn one_by_one<A, B, RA, RB>(ground: &Ground, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA,
    B: FnOnce(Fork<'_>) -> RB,
{
    let first = a(Fork::on(ground));
    (first, b(Fork::on(ground)))
}

/// A join on a stack that is half used up: both halves go on on another.
fn join_elsewhere<A, B, RA, RB>(carrier: &Carrier, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(Fork<'_>) -> RA,
    B: FnOnce(Fork<'_>) -> RB,
{
    let ground = &carrier.ground;
    let both = |here: Fork<'_>| {
        if stack_pointer() > here.ground.middle {
            return here.offer(a, b);
        }
        // Handed back, for want of another stack. (Below all of this one lies, perhaps, the thread's own.)
        if stack_pointer().wrapping_sub(carrier.lo()) < carrier.bytes() / 4 {
            // Not by the macro: the panic hook would not have the stack that it needs.
            resume_unwind(Box::new(TOO_DEEP));
        }
        one_by_one(here.ground, a, b)
    };
    let mut place = MaybeUninit::uninit();
    let job = StackJob::init(&mut place, ground, both);
    // SAFETY: we run on the worker whose stack this is.
    unsafe { ground.fresh().push(job.queued()) };
    post();
    wait_for(ground, job)
}
