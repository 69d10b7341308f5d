//! Calls that block their thread, made where no other fiber waits for it.
//!
//! Three ways, from cheap to thorough: a call that seldom blocks for long stays where it is, in a
//! [`native_region`](crate::native_region), so that another thread takes over if it does; one that
//! mostly does goes to a pool by [`Runtime::offload`], and keeps not even those waiting that are pinned to
//! the worker; what blocks for ever has a [`Thread`](crate::Thread).

use crate::Runtime;
use vitte_scheduler::{BlockingError, JobKind, OffloadError, offload_with};
use vitte_wait::{Deadline, StopToken, timed_forms};

impl Runtime {
    /// Runs `job`, which waits for the outside world, on a thread of the runtime's pool and returns its
    /// value; the calling fiber waits, and its worker goes on. It may borrow from the caller. A plain
    /// thread runs the job itself. From a fiber of the runtime the function [`offload`]
    /// does the same.
    ///
    /// # Errors
    /// [`OffloadError`].
    ///
    /// # Cancellation
    /// A job that has not begun is taken back, and one who is canceled already begins none; one that has begun is waited for.
    ///
    /// # Blocking
    /// Until the job has ended.
    ///
    /// # Panics
    /// As [`yield_now`](crate::yield_now), before the job is taken on.
    ///
    /// ```
    /// use vitte_threads::{Runtime, offload};
    ///
    /// let runtime = Runtime::start()?;
    /// let hosts = runtime.run(|| {
    ///     // Other fibers of this worker run meanwhile.
    ///     offload(|| std::fs::read_to_string("/etc/hosts")).unwrap()
    /// });
    /// assert_eq!(hosts.is_ok(), std::path::Path::new("/etc/hosts").exists());
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn offload<F, T>(&self, job: F) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.offload_with(JobKind::Io, job, Deadline::NEVER, None)
    }

    /// As [`offload`](Self::offload), to the pool that `kind` names, for a job that begins before
    /// `deadline`, and before `stop` is triggered, or never.
    ///
    /// # Errors
    /// As [`offload`](Self::offload).
    ///
    /// ```
    /// use vitte_threads::{Deadline, JobKind, OffloadError, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let sum = runtime.run(|| {
    ///     // From a fiber it goes to the pool; this one would not begin after the deadline.
    ///     runtime.offload_with(JobKind::Cpu, || (1..=100).sum::<u32>(), Deadline::NEVER, None)
    /// });
    /// assert_eq!(sum?, 5050);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offload_with<F, T>(
        &self,
        kind: JobKind,
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        self.scheduler().offload_with(kind, job, deadline, stop)
    }

    timed_forms! {
        offload_with<F: [FnOnce() -> T + Send], T: Send>(kind: JobKind, job: F) -> Result<T, OffloadError>:
        offload_until offload_timeout offload_or_stop
        in vitte_threads { JobKind, Runtime }
        ///
        /// let runtime = Runtime::start().unwrap();
        "runtime." ("JobKind::Cpu, || (1..=100).sum::<u32>()") => got "assert_eq!(got.unwrap(), 5050);"
    }

    /// As [`offload`](Self::offload), to the pool that `kind` names, of a job that owns all that it uses: if the caller is
    /// canceled while it runs, it is left to itself, and what it returns is dropped.
    ///
    /// A plain thread that others can cancel, for it is attached or has a handle, waits for a thread of the
    /// pool, too; any other runs the job itself.
    ///
    /// # Errors
    /// # Panics
    /// As [`offload`](Self::offload).
    ///
    /// # Cancellation
    /// Ends the call. A shutdown of the runtime waits for the job, until its own deadline.
    ///
    /// # Blocking
    /// Until the job or the wait has ended.
    ///
    /// ```
    /// use vitte_threads::{JobKind, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let words = vec!["to", "be", "or", "not"];
    /// let text = runtime.run(|| runtime.offload_owned(JobKind::Cpu, move || words.concat()));
    /// assert_eq!(text?, "tobeornot");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offload_owned<F, T>(&self, kind: JobKind, job: F) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.offload_owned_with(kind, job, Deadline::NEVER, None)
    }

    /// As [`offload_owned`](Self::offload_owned); it is also left if `deadline` comes or `stop` is triggered while it
    /// runs. Any plain thread that names either waits for a thread of the pool.
    ///
    /// # Errors
    /// As [`offload`](Self::offload).
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// use vitte_threads::{JobKind, OffloadError, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (go, gone) = mpsc::channel::<()>();
    /// let soon = Duration::from_millis(5);
    /// let left = runtime.offload_owned_timeout(JobKind::Io, move || gone.recv(), soon);
    /// assert!(matches!(left, Err(OffloadError::TimedOut)));
    /// drop(go); // Lets it end, if it has begun.
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn offload_owned_with<F, T>(
        &self,
        kind: JobKind,
        job: F,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, OffloadError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.scheduler()
            .offload_owned_with(kind, job, deadline, stop)
    }

    timed_forms! {
        offload_owned_with<F: [FnOnce() -> T + Send + 'static], T: [Send + 'static]>(kind: JobKind, job: F) -> Result<T, OffloadError>:
        offload_owned_until offload_owned_timeout offload_owned_or_stop
        in vitte_threads { JobKind, Runtime }
        ///
        /// let runtime = Runtime::start().unwrap();
        "runtime." ("JobKind::Cpu, || (1..=100).sum::<u32>()") => got "assert_eq!(got.unwrap(), 5050);"
    }

    /// As [`offload`](Self::offload) of `call`, with a way to end it: if the caller is canceled meanwhile (a fiber, an
    /// attached thread, or one with a handle; the runtime's shutdown does that, too), `unblock` is called, once, and then
    /// the call is waited for.
    ///
    /// # Errors
    /// [`BlockingError::Unblocked`] with what the call returned all the same; or as
    /// [`offload`](Self::offload).
    ///
    /// # Blocking
    /// Until the call has returned.
    ///
    /// # Panics
    /// As [`offload`](Self::offload). A panic of `unblock` is dropped.
    ///
    /// ```
    /// use std::{io::Read, net::Shutdown, os::unix::net::UnixStream};
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::start()?;
    /// let (stream, _other) = UnixStream::pair()?;
    /// runtime.scope(|scope| {
    ///     let reader = scope.spawn(|| {
    ///         let shutdown = || stream.shutdown(Shutdown::Both).unwrap();
    ///         runtime.call_blocking(|| (&stream).read(&mut [0]), shutdown)
    ///     });
    ///     reader.cancel(); // which ends the read
    ///     assert!(reader.join().unwrap().is_err());
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_blocking<F, T, U>(&self, call: F, unblock: U) -> Result<T, BlockingError<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
        U: FnOnce(),
    {
        self.call_blocking_with(call, unblock, Deadline::NEVER, None)
    }

    /// As [`call_blocking`](Self::call_blocking); the call is also unblocked when `deadline` comes, or
    /// `stop` is triggered. A plain thread that names either waits for a thread of the pool, too.
    ///
    /// # Errors
    /// As [`call_blocking`](Self::call_blocking).
    ///
    /// ```
    /// use std::{io::Read, net::Shutdown, os::unix::net::UnixStream, time::Duration};
    /// use vitte_threads::{BlockingError, Outcome, Runtime};
    ///
    /// let runtime = Runtime::start()?;
    /// let (stream, _other) = UnixStream::pair()?;
    /// let read = runtime.call_blocking_timeout(
    ///     || (&stream).read(&mut [0]),
    ///     || stream.shutdown(Shutdown::Both).unwrap(),
    ///     Duration::from_millis(50),
    /// );
    /// assert!(matches!(read, Err(BlockingError::Unblocked { why: Outcome::TimedOut, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_blocking_with<F, T, U>(
        &self,
        call: F,
        unblock: U,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, BlockingError<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
        U: FnOnce(),
    {
        self.scheduler()
            .call_blocking_with(call, unblock, deadline, stop)
    }

    timed_forms! {
        call_blocking_with<F: [FnOnce() -> T + Send], T: Send, U: [FnOnce()]>(call: F, unblock: U) -> Result<T, BlockingError<T>>:
        call_blocking_until call_blocking_timeout call_blocking_or_stop
        in vitte_threads { Runtime }
        ///
        /// let runtime = Runtime::start().unwrap();
        "runtime." ("|| \"in time\", || unreachable!(\"nobody waits\")") => got "assert_eq!(got.unwrap(), \"in time\");"
    }
}

/// [`Runtime::offload`] to the runtime whose fiber calls. A plain thread runs the job itself.
///
/// # Errors
/// # Cancellation
/// # Blocking
/// # Panics
/// As [`Runtime::offload`].
///
/// ```
/// use vitte_threads::{Runtime, offload};
///
/// let runtime = Runtime::start()?;
/// let exists = runtime.run(|| offload(|| std::path::Path::new("/").exists()));
/// assert_eq!(exists?, true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn offload<F, T>(job: F) -> Result<T, OffloadError>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    offload_with(JobKind::Io, job, Deadline::NEVER, None)
}

timed_forms! {
    fn offload_with<F: [FnOnce() -> T + Send], T: Send>(kind: JobKind, job: F) -> Result<T, OffloadError>:
    offload_until offload_timeout offload_or_stop
    in vitte_threads { JobKind }
    ///
    "vitte_threads::" ("JobKind::Cpu, || (1..=100).sum::<u32>()") => got "assert_eq!(got.unwrap(), 5050);"
}
