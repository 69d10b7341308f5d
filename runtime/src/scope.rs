//! Scopes: fibers that borrow from whoever waits for them.
//!
//! The only file of this crate with `unsafe` code. Its argument, once: a scope does not end before
//! its `pending` count is zero, whatever panics or is canceled. Every body carries a [`Ticking`],
//! which counts it and is dropped last of what the body owns. What a body returns is dropped by the
//! handle, which does not outlive the scope, or by the scope itself, or never.
#![expect(
    unsafe_code,
    reason = "fibers that borrow cannot be spawned safely otherwise"
)]

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::Arc,
};
use vitte_scheduler::{
    CancelReason, FiberId, JoinArm, JoinError, JoinHandle, Scheduler, SpawnOptions,
};
use vitte_wait::{
    Deadline, Outcome, Priority, Reason, StopToken, Ticket, Wait,
    facade::{
        Mutex,
        atomic::{AtomicUsize, Ordering::*},
    },
    timed_forms,
};

/// Fibers that may borrow `'env`: see [`Runtime::scope`](crate::Runtime::scope).
pub struct Scope<'scope, 'env: 'scope> {
    scheduler: &'scope Scheduler,
    shared: Arc<Shared>,
    // Invariant in both, as in std: neither may be lengthened or shortened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

#[derive(Default)]
struct Shared {
    /// Bodies that have not ended.
    pending: AtomicUsize,
    /// Whoever waits for that.
    waiter: Mutex<Option<Ticket>>,
    /// Handles that were dropped without a join. Their values may borrow, so the scope drops them
    /// before it ends; the lifetime is a lie that nobody else is told.
    left: Mutex<Vec<Box<dyn Left>>>,
}

/// Counts a body while it exists.
struct Ticking(Arc<Shared>);

impl Ticking {
    fn start(shared: &Arc<Shared>) -> Self {
        shared.pending.fetch_add(1, Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        // Ordering: AcqRel. All that the body did comes before the end of the scope. Partner: the
        // Acquire in `Shared::wait`.
        if self.0.pending.fetch_sub(1, AcqRel) == 1 {
            let waiter = *self.0.waiter.lock();
            if let Some(waiter) = waiter {
                drop(waiter.claim(Outcome::Woken));
            }
        }
    }
}

impl Shared {
    /// Waits until no body is pending, whatever happens.
    fn wait(&self, scheduler: &Scheduler) {
        // Ordering: Acquire, as below, where it is asked again.
        scheduler.drive_while(Deadline::NEVER, || self.pending.load(Acquire) != 0);
        // Ordering: Acquire. Partner: the AcqRel in `Ticking::drop`.
        while self.pending.load(Acquire) != 0 {
            let wait = Wait::begin_uncancelable(Reason::Scope, ptr::from_ref(self).cast());
            *self.waiter.lock() = Some(wait.ticket());
            if self.pending.load(Acquire) == 0 {
                let _ = wait.withdraw();
            } else {
                let _ = wait.park(Deadline::NEVER, None);
            }
        }
    }
}

/// A handle that was left to the scope.
trait Left: Send {
    /// Waits for the task, and gives back its panic.
    fn finish(self: Box<Self>) -> Option<Box<dyn Any + Send>>;
}

impl<T: Send> Left for JoinHandle<T> {
    fn finish(mut self: Box<Self>) -> Option<Box<dyn Any + Send>> {
        loop {
            // The body has ended; its worker is about to say so.
            match self.join_with(Deadline::NEVER, None) {
                Err(JoinError::Panicked(panicked)) => return Some(panicked.into_payload()),
                Err(JoinError::Canceled) => vitte_scheduler::mask_cancel(true),
                _ => return None,
            };
        }
    }
}

pub(crate) fn scope<'env, F, T>(scheduler: &Scheduler, body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        scheduler,
        shared: Arc::default(),
        scope: PhantomData,
        env: PhantomData,
    };
    let result = catch_unwind(AssertUnwindSafe(|| body(&scope)));
    scope.shared.wait(scheduler);
    let masked = vitte_scheduler::mask_cancel(true);
    let left = std::mem::take(&mut *scope.shared.left.lock());
    let mut panics = left
        .into_iter()
        .filter_map(Left::finish)
        .collect::<Vec<_>>();
    vitte_scheduler::mask_cancel(masked);
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(_) if !panics.is_empty() => resume_unwind(panics.swap_remove(0)),
        Ok(value) => value,
    }
}

pub(crate) fn run<F, T>(scheduler: &Scheduler, body: F) -> Result<T, JoinError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    scope(scheduler, |scope| {
        let mut handle = scope.spawn(body);
        let masked = vitte_scheduler::mask_cancel(true);
        let result = handle.join_with(Deadline::NEVER, None);
        vitte_scheduler::mask_cancel(masked);
        result
    })
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a fiber that may borrow what outlives the scope.
    ///
    /// If it cannot be spawned, the handle's `join` says why. Never blocks.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let (mut left, mut right) = (vec![2, 1], vec![4, 3]);
    /// runtime.scope(|scope| {
    ///     scope.spawn(|| left.sort());
    ///     scope.spawn(|| right.sort());
    /// });
    /// assert_eq!((left, right), (vec![1, 2], vec![3, 4]));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn spawn<F, T>(&'scope self, body: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(&SpawnOptions::default(), body)
    }

    /// As [`spawn`](Self::spawn), for a fiber with a name.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let name = runtime.scope(|scope| scope.spawn_named("sorter", Fiber::current_name).join());
    /// assert_eq!(name?.as_deref(), Some("sorter"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_named<F, T>(&'scope self, name: &str, body: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(
            &SpawnOptions {
                name: Some(name),
                ..SpawnOptions::default()
            },
            body,
        )
    }

    fn spawn_with<F, T>(
        &'scope self,
        options: &SpawnOptions<'_>,
        body: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let ticking = Ticking::start(&self.shared);
        let body = move || {
            // Dropped after the body, which is consumed by the call, also if that unwinds.
            let _ticking = ticking;
            body()
        };
        // SAFETY: the scope waits for `ticking` to be dropped, which happens after the body is
        // gone, so what the body borrows outlives it. What it returns is dropped within `'scope`:
        // see the argument at the top of this file.
        let handle = unsafe { self.scheduler.spawn_unchecked(options, body) };
        ScopedJoinHandle {
            handle: ManuallyDrop::new(handle),
            shared: &self.shared,
        }
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.shared.pending.load(Relaxed);
        f.debug_struct("Scope")
            .field("pending", &pending)
            .finish_non_exhaustive()
    }
}

/// The right to the value of a fiber in a [`Scope`].
///
/// Dropping it lets the fiber run on; the scope waits for it.
pub struct ScopedJoinHandle<'scope, T: Send + 'scope> {
    handle: ManuallyDrop<JoinHandle<T>>,
    shared: &'scope Shared,
}

impl<'scope, T: Send + 'scope> ScopedJoinHandle<'scope, T> {
    /// Waits for the fiber to end and takes its value.
    ///
    /// # Errors
    /// As [`JoinHandle::join`].
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let words = ["to", "be", "or", "not"];
    /// let letters = runtime.scope(|scope| scope.spawn(|| words.concat().len()).join());
    /// assert_eq!(letters?, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn join(mut self) -> Result<T, JoinError> {
        self.join_with(Deadline::NEVER, None)
    }

    /// Waits for the fiber to end and takes its value, until `deadline` at the latest, or until
    /// `stop` is triggered.
    ///
    /// # Errors
    /// As [`JoinHandle::join_with`].
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Deadline, JoinError, Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let mut parked = scope.spawn(park);
    ///     assert!(matches!(parked.join_with(Deadline::NOW, None), Err(JoinError::TimedOut)));
    ///     parked.unpark();
    ///     assert_eq!(parked.join_with(Deadline::NEVER, None).unwrap(), Outcome::Woken);
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn join_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, JoinError> {
        self.handle.join_with(deadline, stop)
    }

    timed_forms! {
        mut join_with() -> Result<T, JoinError>: join_until join_timeout join_or_stop
        in vitte_threads { Runtime }
        ///
        /// let runtime = Runtime::start().unwrap();
        "runtime.scope(|scope| scope.spawn(|| 7)." () ")" => got "assert_eq!(got.unwrap(), 7);"
    }

    /// Joining as one of several things that the caller waits for: see [`select`](mod@crate::select).
    ///
    /// ```
    /// use vitte_threads::{Runtime, park, select};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let (mut quick, mut slow) = (scope.spawn(|| 7), scope.spawn(park));
    ///     let first = select! {
    ///         join(quick) -> value => value.unwrap(),
    ///         join(slow) -> _ => unreachable!("nobody has unparked it"),
    ///     };
    ///     assert_eq!(first, Ok(7));
    ///     slow.unpark();
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn join_arm(&mut self) -> JoinArm<'_, T> {
        self.handle.join_arm()
    }

    /// The id of the fiber. `None` if it could not be spawned, or was joined.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let task = scope.spawn(|| Fiber::current().map(Fiber::id));
    ///     let id = task.id();
    ///     assert_eq!(task.join().unwrap(), id);
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<FiberId> {
        self.handle.id()
    }

    /// Whether a join would not wait.
    ///
    /// ```
    /// use vitte_threads::{Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let parked = scope.spawn(park);
    ///     assert!(!parked.is_finished());
    ///     parked.unpark();
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Gives the fiber its park token. See [`park`](crate::park).
    ///
    /// ```
    /// use vitte_threads::{Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let parked = scope.spawn(park);
    ///     parked.unpark();
    ///     assert_eq!(parked.join().unwrap(), Outcome::Woken);
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn unpark(&self) {
        self.handle.unpark();
    }

    /// Gives the fiber another priority.
    ///
    /// ```
    /// use vitte_threads::{Fiber, Priority, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let task = scope.spawn(|| {
    ///         park();
    ///         Fiber::current().unwrap().priority()
    ///     });
    ///     task.set_priority(Priority::High);
    ///     task.unpark();
    ///     assert_eq!(task.join().unwrap(), Ok(Priority::High));
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn set_priority(&self, priority: Priority) {
        self.handle.set_priority(priority);
    }

    /// Why the fiber was asked to stop. `None` if it was not, or was joined.
    ///
    /// ```
    /// use vitte_threads::{Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let parked = scope.spawn(park);
    ///     assert_eq!(parked.cancel_reason(), None);
    ///     parked.cancel_for("enough");
    ///     assert_eq!(parked.cancel_reason().unwrap().text(), Some("enough"));
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.handle.cancel_reason()
    }

    /// Asks the fiber to stop.
    ///
    /// ```
    /// use vitte_threads::{Outcome, Runtime, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let parked = scope.spawn(park);
    ///     parked.cancel();
    ///     assert_eq!(parked.join().unwrap(), Outcome::Canceled);
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// As [`cancel`](Self::cancel), for a reason. Of several the first one counts.
    ///
    /// ```
    /// use vitte_threads::{Runtime, cancel_reason, park};
    ///
    /// let runtime = Runtime::start()?;
    /// runtime.scope(|scope| {
    ///     let parked = scope.spawn(|| {
    ///         park();
    ///         cancel_reason().map(|reason| reason.to_string())
    ///     });
    ///     parked.cancel_for("enough");
    ///     assert_eq!(parked.join().unwrap().as_deref(), Some("enough"));
    /// });
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn cancel_for(&self, reason: impl Into<CancelReason>) {
        self.handle.cancel_for(reason);
    }
}

impl<T: Send> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this is the destructor, and the handle is not used again.
        let handle = unsafe { ManuallyDrop::take(&mut self.handle) };
        if handle.id().is_some() {
            let left: Box<dyn Left + '_> = Box::new(handle);
            // SAFETY: only the lifetime changes. The scope, which outlives nothing of `'scope`,
            // takes the handle out and drops it, and what the value borrows lives until then.
            let left = unsafe { std::mem::transmute::<Box<dyn Left + '_>, Box<dyn Left>>(left) };
            self.shared.left.lock().push(left);
        }
    }
}

impl<T: Send> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
