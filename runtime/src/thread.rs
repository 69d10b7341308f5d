//! Native threads, with the manners of fibers: a value or an error at the end, joins with a
//! deadline, and no thread is ever killed.

use crate::{Channel, JoinError, Panicked, Receiver, RecvUntilError, SpawnError};
use std::{
    any::Any,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use vitte_wait::{Deadline, StopToken};

/// Native threads: see [`Thread::spawn`].
#[derive(Debug)]
pub struct Thread(());

type Ending<T> = Result<T, Box<dyn Any + Send>>;

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
            Err(error) => ThreadHandle {
                state: State::Refused(error),
            },
        }
    }

    /// A builder for a thread with a name, or a stack size of its own.
    pub fn builder() -> ThreadBuilder {
        ThreadBuilder::default()
    }

    /// Runs `body`, which may spawn threads that borrow from the caller; returns when all of them
    /// have ended. As [`std::thread::scope`].
    ///
    /// # Panics
    /// With the panic of `body`, or if a thread that was not joined panicked.
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
}

impl ThreadBuilder {
    /// What the thread is called. The system shows the first 15 bytes.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Bytes of stack.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the system refuses it, or the name has a zero byte.
    pub fn spawn<F, T>(self, body: F) -> io::Result<ThreadHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
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
        let (ending, end) = Channel::bounded(1);
        let thread = builder.spawn(move || {
            // The other end is gone if the handle was dropped: then nobody wants to know.
            let _ = ending.send(catch_unwind(AssertUnwindSafe(body)));
        })?;
        Ok(ThreadHandle {
            state: State::Started { thread, end },
        })
    }
}

/// The right to a thread's value.
///
/// Dropping it lets the thread run on; its value, or panic, is dropped when it ends.
pub struct ThreadHandle<T> {
    state: State<T>,
}

enum State<T> {
    Started {
        thread: thread::JoinHandle<()>,
        end: Receiver<Ending<T>>,
    },
    Refused(io::Error),
    Taken,
}

impl<T> ThreadHandle<T> {
    /// Waits for the thread to end and takes its value.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] with the thread's panic; [`JoinError::NotStarted`] if the system
    /// refused the thread; [`JoinError::Canceled`] if the calling fiber is canceled while it waits.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    pub fn join(mut self) -> Result<T, JoinError> {
        self.join_until(Deadline::NEVER, None)
    }

    /// As [`join_until`](Self::join_until), for `timeout` at the longest.
    ///
    /// # Errors
    /// As [`join_until`](Self::join_until).
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(Deadline::after(timeout), None)
    }

    /// Waits for the thread to end and takes its value, until `deadline` at the latest, or until
    /// `stop` is triggered. If the wait ends first the thread goes on, and the handle can be used
    /// again.
    ///
    /// # Errors
    /// As [`join`](Self::join); [`JoinError::TimedOut`], [`JoinError::Stopped`];
    /// [`JoinError::Taken`] if an earlier call took the value or the error.
    ///
    /// # Blocking
    /// A fiber suspends, a thread sleeps.
    pub fn join_until(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, JoinError> {
        let ending = match &self.state {
            State::Taken => return Err(JoinError::Taken),
            State::Refused(error) => {
                let error = SpawnError::Thread(error.to_string().into());
                self.state = State::Taken;
                return Err(JoinError::NotStarted(error));
            }
            State::Started { end, .. } => match end.recv_with(deadline, stop) {
                Ok(ending) => ending,
                Err(RecvUntilError::TimedOut) => return Err(JoinError::TimedOut),
                Err(RecvUntilError::Canceled) => return Err(JoinError::Canceled),
                Err(RecvUntilError::Stopped) => return Err(JoinError::Stopped),
                // The thread sends its ending before it drops its sender.
                Err(RecvUntilError::Closed) => return Err(JoinError::Killed),
            },
        };
        if let State::Started { thread, .. } = std::mem::replace(&mut self.state, State::Taken) {
            // It has nothing left to do but to end.
            let _ = thread.join();
        }
        ending.map_err(|payload| JoinError::Panicked(Panicked::new(payload)))
    }

    /// Whether a join would not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match &self.state {
            State::Started { thread, end } => !end.is_empty() || thread.is_finished(),
            State::Refused(_) | State::Taken => true,
        }
    }

    /// Lets the thread run on its own. The same as dropping the handle.
    pub fn detach(self) {}
}

impl<T> fmt::Debug for ThreadHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ThreadHandle");
        match &self.state {
            State::Started { thread, .. } => shown
                .field("thread", thread.thread())
                .field("finished", &self.is_finished()),
            State::Refused(error) => shown.field("refused", error),
            State::Taken => shown.field("taken", &true),
        };
        shown.finish()
    }
}
