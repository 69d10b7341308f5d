//! Native threads, with the manners of fibers: a value or an error at the end, joins with a
//! deadline or among the arms of a select, and no thread is ever killed.
//!
//! What a thread ended with comes through a channel for one value, which fibers and threads wait for
//! alike. So only a plain [`join`](ThreadHandle::join) of a plain thread asks the system, and then
//! only for a thread that has nothing left to do but to end.

use crate::{
    CancelMask, CancelReason, JoinError, Killed, Panicked, Priority, RecvUntilError, SpawnError,
    oneshot, select::Chosen,
};
use std::{
    cell::Cell,
    fmt, io,
    sync::Arc,
    thread::{self, ThreadId},
};
use vitte_scheduler::{Reach, Reachable};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// Native threads: see [`Thread::spawn`].
#[derive(Debug)]
pub struct Thread(());

pub(crate) type Ending<T> = Result<T, JoinError>;

impl Thread {
    /// Starts a native thread that runs `body`.
    ///
    /// If the system refuses, the handle's `join` says so. Dropping the handle lets the thread run
    /// on.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::spawn(|| 6 * 7);
    /// assert_eq!(thread.join()?, 42);
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    pub fn spawn<F, T>(body: F) -> ThreadHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match Self::builder().spawn(body) {
            Ok(handle) => handle,
            Err(error) => {
                let (ending, end) = oneshot::channel();
                let error = SpawnError::Thread(error.to_string().into());
                // The other end is here, so it is taken.
                let _ = ending.send(Err(JoinError::NotStarted(error)));
                ThreadHandle::new(None, Reach::new(Priority::Normal), end)
            }
        }
    }

    /// A builder for a thread with a name, or a stack size of its own.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().name("scribe").stack_size(1 << 20).spawn(|| 7)?;
    /// assert_eq!(thread.join()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> ThreadBuilder {
        ThreadBuilder::default()
    }

    /// Runs `body`, which may spawn threads that borrow from the caller; returns when all of them
    /// have ended. As [`std::thread::scope`].
    ///
    /// # Panics
    /// With the panic of `body`, or if a thread that was not joined panicked.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let words = ["to", "be", "or", "not"];
    /// let letters: usize = Thread::scope(|scope| {
    ///     let halves = words.chunks(2).map(|half| scope.spawn(|| half.concat().len()));
    ///     let halves: Vec<_> = halves.collect();
    ///     halves.into_iter().map(|half| half.join().unwrap()).sum()
    /// });
    /// assert_eq!(letters, 9);
    /// ```
    pub fn scope<'env, F, T>(body: F) -> T
    where
        F: for<'scope> FnOnce(&'scope thread::Scope<'scope, 'env>) -> T,
    {
        thread::scope(body)
    }
}

/// Collects what a thread is started with.
///
/// ```
/// use vitte_threads::Thread;
///
/// let thread = Thread::builder()
///     .name("scribe")
///     .spawn(|| std::thread::current().name().map(str::to_owned))?;
/// assert_eq!(thread.join()?.as_deref(), Some("scribe"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ThreadBuilder {
    name: Option<String>,
    stack_size: Option<usize>,
    priority: Priority,
}

impl ThreadBuilder {
    /// What the thread is called. The system shows the first 15 bytes.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().name("scribe").spawn(|| ())?;
    /// assert_eq!(thread.name(), Some("scribe"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Bytes of stack.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::builder().stack_size(8 << 20).spawn(|| {
    ///     let large = [1_u8; 3 << 20];
    ///     std::hint::black_box(&large).len()
    /// })?;
    /// assert_eq!(thread.join()?, 3 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// How urgent the thread is, by default [`Priority::Normal`]: see [`ThreadHandle::set_priority`].
    ///
    /// ```
    /// use vitte_threads::{Priority, Thread};
    ///
    /// let thread = Thread::builder().priority(Priority::Low).spawn(|| "when nobody else wants to")?;
    /// assert_eq!(thread.join()?, "when nobody else wants to");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the system refuses it, or the name has a zero byte. [`PermissionDenied`](io::ErrorKind::PermissionDenied) if
    /// it lets no thread of this process be as urgent as this one is to be; then `body` was not called.
    ///
    /// # Blocking
    /// Never, but with another priority than the normal one until the thread has begun.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use vitte_threads::Thread;
    ///
    /// assert_eq!(Thread::builder().spawn(|| 6 * 7)?.join()?, 42);
    /// let refused = Thread::builder().name("a zero \0 in it").spawn(|| ());
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<F, T>(self, body: F) -> io::Result<ThreadHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (ending, end) = oneshot::channel();
        let reach = Reach::new(self.priority);
        let thread = self.launch(&reach, move |reachable| {
            let ended = Panicked::catch(body).map_err(JoinError::Panicked);
            drop(reachable);
            // The other end is gone if the handle was dropped: then nobody wants to know.
            let _ = ending.send(ended);
        })?;
        Ok(ThreadHandle::new(Some(thread), reach, end))
    }

    pub(crate) fn called(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn urgency(&self) -> Priority {
        self.priority
    }

    /// Starts a thread that is reached by `reach`, and runs `main`.
    pub(crate) fn launch(
        self,
        reach: &Arc<Reach>,
        main: impl FnOnce(Reachable) + Send + 'static,
    ) -> io::Result<thread::JoinHandle<()>> {
        let mut builder = thread::Builder::new();
        if let Some(name) = self.name {
            if name.contains('\0') {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the name of a thread cannot contain a zero byte",
                ));
            }
            builder = builder.name(name);
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let reach = Arc::clone(reach);
        let (tell, told) = oneshot::channel();
        let waits = self.priority != Priority::Normal;
        let thread = builder.spawn(move || {
            // Who does not wait is told nothing.
            match reach.enter() {
                Ok(reachable) => {
                    let _ = tell.send(Ok(()));
                    main(reachable);
                }
                Err(error) => {
                    drop(main);
                    let _ = tell.send(Err(error));
                }
            }
        })?;
        if waits {
            // It tells in a moment, so that nobody need end this.
            let _masked = CancelMask::new();
            told.recv().unwrap_or(Ok(()))?;
        }
        Ok(thread)
    }
}

impl ThreadBuilder {
    /// Starts a thread that belongs to the runtime that `guard` keeps: it is attached from its start to
    /// its end, and the runtime does not end before it. A shutdown that cancels ends its waits as canceled.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    ///
    /// ```
    /// use vitte_threads::{Fiber, Runtime, Thread};
    ///
    /// let runtime = Runtime::start()?;
    /// let thread = Thread::builder().spawn_with(runtime.guard()?, || Fiber::spawn(|| 3).join())?;
    /// assert_eq!(thread.join()??, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn_with<F, T>(self, guard: crate::Guard, body: F) -> io::Result<ThreadHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn(move || {
            // A new thread is attached to nothing.
            let _attached = guard.attach();
            body()
        })
    }
}

/// The right to a thread's value.
///
/// Dropping it lets the thread run on; its value, or panic, is dropped when it ends.
pub struct ThreadHandle<T> {
    /// `None` if it was refused.
    thread: Option<thread::JoinHandle<()>>,
    reach: Arc<Reach>,
    end: oneshot::Receiver<Ending<T>>,
    /// What came out of `end` was given to somebody.
    taken: Cell<bool>,
}

impl<T> ThreadHandle<T> {
    fn new(
        thread: Option<thread::JoinHandle<()>>,
        reach: Arc<Reach>,
        end: oneshot::Receiver<Ending<T>>,
    ) -> Self {
        Self {
            thread,
            reach,
            end,
            taken: Cell::new(false),
        }
    }

    /// Waits for the thread to end and takes its value.
    ///
    /// A plain thread that calls also waits until the system's thread is gone, and with it what that
    /// keeps in thread-locals. A fiber does not, and no other form of join does: they have the value as
    /// soon as the thread's body has returned.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the thread's panic; [`JoinError::NotStarted`] if the system
    /// refused the thread; [`JoinError::Canceled`] if the calling fiber is canceled while it waits;
    /// [`JoinError::Taken`] if an earlier join took the value or the error; [`JoinError::Killed`] if the
    /// thread was ended from outside Rust.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{JoinError, Thread};
    ///
    /// assert_eq!(Thread::spawn(|| 6 * 7).join()?, 42);
    /// match Thread::spawn(|| panic!("it is broken")).join() {
    ///     Err(JoinError::Panicked(panicked)) => assert_eq!(panicked.text(), "it is broken"),
    ///     other => unreachable!("{other:?}"),
    /// }
    /// # Ok::<(), JoinError>(())
    /// ```
    pub fn join(mut self) -> Result<T, JoinError> {
        let ended = self.join_with(Deadline::NEVER, None);
        // A fiber would hold up its worker.
        let may_block = crate::Fiber::current().is_none();
        let is_over = !matches!(ended, Err(JoinError::Canceled));
        if may_block
            && is_over
            && let Some(thread) = self.thread.take()
        {
            // Its panics are caught, but for those of destructors of thread-locals, which have been told.
            let _ = thread.join();
        }
        ended
    }

    /// Waits for the thread to end and takes its value, until `deadline` at the latest, or until
    /// `stop` is triggered. If the wait ends first the thread goes on, and the handle can be used
    /// again.
    ///
    /// # Errors
    /// As [`join`](Self::join); [`JoinError::TimedOut`], [`JoinError::Stopped`].
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Deadline, JoinError, Outcome, Thread, park};
    ///
    /// let mut parked = Thread::spawn(park);
    /// assert!(matches!(parked.join_with(Deadline::NOW, None), Err(JoinError::TimedOut)));
    /// parked.unpark();
    /// assert_eq!(parked.join_with(Deadline::NEVER, None)?, Outcome::Woken);
    /// # Ok::<(), JoinError>(())
    /// ```
    pub fn join_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, JoinError> {
        match self.end.recv_with(deadline, stop) {
            Ok(ending) => ended(Ok(ending), &self.taken),
            Err(RecvUntilError::Closed) => ended(Err(()), &self.taken),
            Err(RecvUntilError::TimedOut) => Err(JoinError::TimedOut),
            Err(RecvUntilError::Canceled) => Err(JoinError::Canceled),
            Err(RecvUntilError::Stopped) => Err(JoinError::Stopped),
        }
    }

    timed_forms! {
        mut join_with() -> Result<T, JoinError>: join_until join_timeout join_or_stop
        in vitte_threads { JoinError, Thread, park }
        ///
        /// let mut thread = Thread::spawn(park);
        "thread." () => Err(JoinError)
    }

    /// Joining as one of several things that the caller waits for: see [`select`](mod@crate::select). Yields
    /// what [`join`](Self::join) returns, without its errors of waiting. If another arm goes, the handle
    /// can be used again.
    ///
    /// The arm keeps the value that it took until it is asked for, and drops it if it never is.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Thread, select};
    ///
    /// let mut quick = Thread::spawn(|| 7);
    /// let mut slow = Thread::spawn(std::thread::park);
    /// let first = select! {
    ///     join(quick) -> value => value.unwrap(),
    ///     join(slow) -> _ => unreachable!("nobody unparks it"),
    ///     after(Duration::from_secs(60)) => 0,
    /// };
    /// assert_eq!(first, Ok(7));
    /// ```
    pub fn join_arm(&mut self) -> impl Chosen<Output = Result<T, JoinError>> + '_ {
        let taken = &self.taken;
        let arm = self.end.recv_arm();
        arm.map(move |received| ended(received.map_err(drop), taken))
    }

    /// Whether a join would not wait.
    ///
    /// ```
    /// use vitte_threads::{Thread, park};
    ///
    /// let parked = Thread::spawn(park);
    /// assert!(!parked.is_finished());
    /// parked.unpark();
    /// while !parked.is_finished() {
    ///     std::thread::yield_now();
    /// }
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.end.is_empty() || self.end.is_closed()
    }

    /// What the system knows the thread by; `None` if it refused it.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// let thread = Thread::spawn(|| std::thread::current().id());
    /// let id = thread.id();
    /// assert_eq!(Some(thread.join()?), id);
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<ThreadId> {
        Some(self.thread.as_ref()?.thread().id())
    }

    /// What the thread is called, if it was given a name.
    ///
    /// ```
    /// use vitte_threads::Thread;
    ///
    /// assert_eq!(Thread::builder().name("scribe").spawn(|| ())?.name(), Some("scribe"));
    /// assert_eq!(Thread::spawn(|| ()).name(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.thread.as_ref()?.thread().name()
    }

    /// Gives the thread its park token, for which it waits with [`park`](crate::park). Callable at any time: a
    /// thread that has not begun finds it, and one that has ended needs none.
    ///
    /// ```
    /// use vitte_threads::{Outcome, Thread, park};
    ///
    /// let parked = Thread::spawn(park);
    /// parked.unpark();
    /// assert_eq!(parked.join()?, Outcome::Woken);
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    pub fn unpark(&self) {
        self.reach.unpark();
    }

    /// Asks the thread to stop: its waits end as canceled, now and from now on, unless it
    /// [masks](crate::CancelMask) that. It ends when its body does. Only the waits of this library hear of it;
    /// [`call_blocking`](crate::Runtime::call_blocking) unblocks others.
    ///
    /// ```
    /// use vitte_threads::{Outcome, Thread, cancel_reason, park};
    ///
    /// let thread = Thread::spawn(|| {
    ///     assert_eq!(park(), Outcome::Canceled);
    ///     cancel_reason().unwrap().to_string()
    /// });
    /// thread.cancel_for("the connection was closed");
    /// assert_eq!(thread.join()?, "the connection was closed");
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::UNNAMED);
    }

    /// As [`cancel`](Self::cancel), for a reason: a number, a text, or both. Of several the first one counts.
    ///
    /// ```
    /// use vitte_threads::{Thread, cancel_reason, park};
    ///
    /// let thread = Thread::spawn(|| {
    ///     park();
    ///     cancel_reason().map(|reason| reason.to_string())
    /// });
    /// thread.cancel_for("the client has gone");
    /// assert_eq!(thread.join()?.as_deref(), Some("the client has gone"));
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    pub fn cancel_for(&self, reason: impl Into<CancelReason>) {
        self.reach.cancel_for(reason);
    }

    /// Why the thread was asked to stop; `None` if it was not.
    ///
    /// ```
    /// use vitte_threads::{Thread, park};
    ///
    /// let parked = Thread::spawn(park);
    /// assert_eq!(parked.cancel_reason(), None);
    /// parked.cancel_for("enough");
    /// assert_eq!(parked.cancel_reason().unwrap().text(), Some("enough"));
    /// ```
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.reach.cancel_reason()
    }

    /// [Cancels](Self::cancel) the thread, and joins it.
    ///
    /// # Errors
    /// As [`join_with`](Self::join_with). [`JoinError::TimedOut`]: it runs on, for no thread is ever killed.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Deadline, Outcome, Thread, park};
    ///
    /// let mut parked = Thread::spawn(park);
    /// assert_eq!(parked.stop_with(Deadline::NEVER, None)?, Outcome::Canceled);
    /// # Ok::<(), vitte_threads::JoinError>(())
    /// ```
    pub fn stop_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, JoinError> {
        self.cancel();
        self.join_with(deadline, stop)
    }

    timed_forms! {
        mut stop_with() -> Result<T, JoinError>: stop_until stop_timeout stop_or_stop
        in vitte_threads { Outcome, Thread, park }
        ///
        /// let mut thread = Thread::spawn(park);
        "thread." () => got "assert_eq!(got.unwrap(), Outcome::Canceled);"
    }

    /// Makes the thread more or less urgent: for those who wait for a lock that it holds, as with fibers, and, on
    /// Linux, for the system. There a thread of the low class is nicer by ten than the one that
    /// started it, and one of the high class less nice by ten. One that has ended is left alone.
    ///
    /// # Errors
    /// If the system refuses; then nothing has changed. It lets ordinary processes only make threads less
    /// urgent, and not take that back.
    ///
    /// ```
    /// use vitte_threads::{Priority, Thread, park};
    ///
    /// let parked = Thread::spawn(park);
    /// parked.set_priority(Priority::Low)?;
    /// parked.unpark();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_priority(&self, priority: Priority) -> io::Result<()> {
        self.reach.set_priority(priority)
    }

    /// Lets the thread run on its own. The same as dropping the handle.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_threads::Thread;
    ///
    /// let (tell, told) = mpsc::channel();
    /// Thread::spawn(move || tell.send("still there")).detach();
    /// assert_eq!(told.recv(), Ok("still there"));
    /// ```
    pub fn detach(self) {}
}

/// What a join returns for what came out of the channel, or for that nothing ever will.
fn ended<T>(received: Result<Ending<T>, ()>, taken: &Cell<bool>) -> Result<T, JoinError> {
    match received {
        Ok(ending) => {
            taken.set(true);
            ending
        }
        Err(()) if taken.get() => Err(JoinError::Taken),
        // A thread sends its ending before it drops its sender, unless it is made to end in its body.
        Err(()) => Err(JoinError::Killed(Killed::default())),
    }
}

impl<T> fmt::Debug for ThreadHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ThreadHandle");
        if let Some(thread) = &self.thread {
            shown.field("thread", thread.thread());
        }
        shown
            .field("refused", &self.thread.is_none())
            .field("finished", &self.is_finished())
            .field("taken", &self.taken.get())
            .finish()
    }
}
