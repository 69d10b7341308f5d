//! A lock that processes share, by way of a file.
//!
//! It is the system's lock of a whole file (`flock` on Unix), which belongs to the *open file*. So two
//! `ProcessLock`s of one process exclude each other like those of two processes, closing another
//! file of the same name releases nothing, and the system releases it when its holder dies, however that
//! happens. The file stays when the lock is released: its content means nothing.
//!
//! Who has to wait has a short-lived thread of the system do the waiting, as the system's
//! blocking form can be given neither a deadline nor a fiber; nobody polls. When the
//! wait is given up the thread waits on, is used again by the next who waits through the same
//! `ProcessLock`, and otherwise lets go of the lock as soon as it gets it.

use crate::{
    LockUntilError,
    raw::{Patience, RawMutex},
};
use std::{
    env,
    error::Error,
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
    ptr,
    sync::Arc,
};
use vitte_wait::{
    Claimed, Deadline, Outcome, Reason, StopToken, Ticket, Wait,
    facade::{Mutex, thread},
    timed_forms,
};

/// Why a [`ProcessLock`] was not taken. It is never taken when there is an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProcessLockError {
    /// The file could not be opened or locked.
    Io(io::Error),
    /// Somebody holds it, in this process or in another.
    Taken,
    /// The deadline passed first.
    TimedOut,
    /// The caller holds it already, through the same `ProcessLock`.
    Deadlock,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl From<LockUntilError> for ProcessLockError {
    fn from(error: LockUntilError) -> Self {
        match error {
            LockUntilError::TimedOut => Self::TimedOut,
            LockUntilError::Deadlock => Self::Deadlock,
            LockUntilError::Canceled => Self::Canceled,
            LockUntilError::Stopped => Self::Stopped,
            LockUntilError::Poisoned => unreachable!("nothing poisons it"),
        }
    }
}

impl fmt::Display for ProcessLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the lock's file cannot be used: {error}"),
            Self::Taken => f.write_str(crate::lock_error::TAKEN),
            Self::TimedOut => LockUntilError::TimedOut.fmt(f),
            Self::Deadlock => LockUntilError::Deadlock.fmt(f),
            Self::Canceled => LockUntilError::Canceled.fmt(f),
            Self::Stopped => LockUntilError::Stopped.fmt(f),
        }
    }
}

impl Error for ProcessLockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// A lock that processes share, known by the path of a file.
///
/// It is not re-entrant: a unit that asks for what it holds through the same `ProcessLock` gets
/// [`ProcessLockError::Deadlock`]. Through another `ProcessLock` of the same file it would wait for ever, or until its
/// deadline; so let a process have one of each. Who waits is served in no particular order among processes.
///
/// A child that is forked while the lock is held shares it, until the holder releases it; a program that
/// is executed does not.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep; a thread is started
/// for the wait if another process, or another `ProcessLock`, holds the lock. Opening the file and locking it, if that needs
/// no wait, are system calls that are made on the spot.
///
/// # Cancellation
/// A unit that is canceled while it waits has not taken the lock.
///
/// ```
/// use vitte_sync::{ProcessLock, ProcessLockError};
/// use vitte_wait::Deadline;
///
/// let path = std::env::temp_dir().join(format!("vitte-doctest-{}.lock", std::process::id()));
/// let (one, two) = (ProcessLock::at(&path), ProcessLock::at(&path));
/// let held = one.try_lock()?;
/// assert!(matches!(two.try_lock(), Err(ProcessLockError::Taken)));
/// assert!(matches!(two.lock_until(Deadline::NOW), Err(ProcessLockError::TimedOut)));
/// drop(held);
/// drop(two.lock()?);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), ProcessLockError>(())
/// ```
pub struct ProcessLock {
    path: PathBuf,
    /// Whose turn it is in this process.
    turn: RawMutex,
    /// A thread that waits for the file's lock. Touched by whose turn it is.
    attempt: Mutex<Option<Arc<Attempt>>>,
}

impl ProcessLock {
    /// The lock of the file at `path`, which is made when it is first asked for.
    ///
    /// The directory must be there. It should be one that others cannot write to, unless they are to share the lock.
    ///
    /// ```
    /// use vitte_sync::ProcessLock;
    ///
    /// let lock = ProcessLock::at("/run/lock/indexer.lock");
    /// assert_eq!(lock.path().to_str(), Some("/run/lock/indexer.lock"));
    /// ```
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            turn: RawMutex::new(),
            attempt: Mutex::new(None),
        }
    }

    /// The lock called `name`, whose file `name.lock` lies in the system's directory for temporary files
    /// ([`std::env::temp_dir`]).
    ///
    /// # Errors
    /// [`ProcessLockError::Io`] if `name` is empty, or is not the name of a file but a path.
    ///
    /// ```
    /// use vitte_sync::{ProcessLock, ProcessLockError};
    ///
    /// let lock = ProcessLock::named("indexer")?;
    /// assert_eq!(lock.path(), std::env::temp_dir().join("indexer.lock"));
    /// assert!(matches!(ProcessLock::named("../indexer"), Err(ProcessLockError::Io(_))));
    /// # Ok::<(), ProcessLockError>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, ProcessLockError> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) {
            let what = "the name of a lock is a plain file name";
            let error = io::Error::new(io::ErrorKind::InvalidInput, what);
            return Err(ProcessLockError::Io(error));
        }
        Ok(Self::at(env::temp_dir().join(format!("{name}.lock"))))
    }

    /// Where the file is.
    ///
    /// ```
    /// use std::path::Path;
    /// use vitte_sync::ProcessLock;
    ///
    /// assert_eq!(ProcessLock::at("my.lock").path(), Path::new("my.lock"));
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock; waits while it is held.
    ///
    /// # Errors
    /// [`ProcessLockError::Io`], [`ProcessLockError::Deadlock`], and [`ProcessLockError::Canceled`] if the
    /// caller is canceled while waiting.
    ///
    /// # Panics
    /// As [`Wait::begin`], if it has to wait.
    ///
    /// ```
    /// use vitte_sync::{ProcessLock, ProcessLockError};
    ///
    /// let lock = ProcessLock::named(&format!("vitte-lock-{}", std::process::id()))?;
    /// let held = lock.lock()?;
    /// assert!(matches!(lock.lock(), Err(ProcessLockError::Deadlock)));
    /// drop(held);
    /// # std::fs::remove_file(lock.path()).unwrap();
    /// # Ok::<(), ProcessLockError>(())
    /// ```
    pub fn lock(&self) -> Result<ProcessLockGuard<'_>, ProcessLockError> {
        self.lock_with(Deadline::NEVER, None)
    }

    /// Takes the lock if it is free. Does not wait.
    ///
    /// It may be taken for a moment by nobody: a wait that was given up, here or in another process, gets
    /// the lock once, and lets go of it at once.
    ///
    /// # Errors
    /// [`ProcessLockError::Io`] and [`ProcessLockError::Taken`].
    ///
    /// ```
    /// use vitte_sync::{ProcessLock, ProcessLockError};
    ///
    /// let name = format!("vitte-try-lock-{}", std::process::id());
    /// let (one, two) = (ProcessLock::named(&name)?, ProcessLock::named(&name)?);
    /// let _held = one.try_lock()?;
    /// assert!(matches!(two.try_lock(), Err(ProcessLockError::Taken)));
    /// # std::fs::remove_file(one.path()).unwrap();
    /// # Ok::<(), ProcessLockError>(())
    /// ```
    pub fn try_lock(&self) -> Result<ProcessLockGuard<'_>, ProcessLockError> {
        let mine = self.turn.try_take().ok_or(ProcessLockError::Taken)?;
        let turn = Turn(self, mine);
        match self.try_file()? {
            Some(file) => Ok(ProcessLockGuard::new(turn, file)),
            None => Err(ProcessLockError::Taken),
        }
    }

    /// Takes the lock; waits for it until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`lock`](Self::lock), and [`ProcessLockError::TimedOut`] or [`ProcessLockError::Stopped`],
    /// whichever came first.
    ///
    /// # Panics
    /// As [`Wait::begin`], if it has to wait.
    ///
    /// ```
    /// use vitte_sync::{ProcessLock, ProcessLockError};
    /// use vitte_wait::Deadline;
    ///
    /// let name = format!("vitte-lock-with-{}", std::process::id());
    /// let (one, two) = (ProcessLock::named(&name)?, ProcessLock::named(&name)?);
    /// let _held = one.lock()?;
    /// assert!(matches!(two.lock_with(Deadline::NOW, None), Err(ProcessLockError::TimedOut)));
    /// # std::fs::remove_file(one.path()).unwrap();
    /// # Ok::<(), ProcessLockError>(())
    /// ```
    pub fn lock_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<ProcessLockGuard<'_>, ProcessLockError> {
        let mine = self
            .turn
            .take(Patience::with(deadline, stop))
            .map_err(LockUntilError::from)?;
        let turn = Turn(self, mine);
        loop {
            if let Some(file) = self.try_file()? {
                return Ok(ProcessLockGuard::new(turn, file));
            }
            if let Some(file) = self.wait(deadline, stop)? {
                return Ok(ProcessLockGuard::new(turn, file));
            }
        }
    }

    timed_forms! {
        lock_with() -> Result<ProcessLockGuard<'_>, ProcessLockError>:
        lock_until lock_timeout lock_or_stop
        in vitte_wait
        /// use vitte_sync::ProcessLock;
        ///
        /// let path = std::env::temp_dir().join(format!("vitte-forms-{}.lock", std::process::id()));
        /// let lock = ProcessLock::at(&path);
        "lock." () => got "assert!(got.is_ok());" "# let _ = std::fs::remove_file(path);"
    }

    /// The file, locked; `None`: somebody else has locked it.
    fn try_file(&self) -> Result<Option<File>, ProcessLockError> {
        loop {
            let file = open(&self.path).map_err(ProcessLockError::Io)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {
                    continue;
                }
                Err(TryLockError::Error(error)) => return Err(ProcessLockError::Io(error)),
            }
            if is_at(&file, &self.path).map_err(ProcessLockError::Io)? {
                return Ok(Some(file));
            }
        }
    }

    /// Waits for a thread to get the lock. `None`: it got that of a file which is no longer at the path.
    fn wait(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Option<File>, ProcessLockError> {
        let wait = Wait::begin(Reason::Lock, ptr::from_ref(self).cast());
        let attempt = match self.join_attempt(wait.ticket()) {
            Ok(attempt) => attempt,
            Err(error) => {
                let _ = wait.withdraw();
                return Err(ProcessLockError::Io(error));
            }
        };
        match wait.park(deadline, stop) {
            Outcome::Woken => {}
            ended => {
                // If the thread has it by now, dropping it releases it.
                drop(attempt.state.lock().leave());
                return Err(LockUntilError::of(ended).into());
            }
        }
        *self.attempt.lock() = None;
        let result = attempt.state.lock().leave();
        match result {
            Some(file) => {
                let file = file.map_err(ProcessLockError::Io)?;
                let is_good = is_at(&file, &self.path).map_err(ProcessLockError::Io)?;
                Ok(is_good.then_some(file))
            }
            None => unreachable!("only one that has a result ends the wait so"),
        }
    }

    /// The thread that waits already, or a new one; it is to end the wait of `ticket`.
    fn join_attempt(&self, ticket: Ticket) -> io::Result<Arc<Attempt>> {
        let mut slot = self.attempt.lock();
        if let Some(attempt) = &*slot
            && attempt.state.lock().join(ticket)
        {
            return Ok(attempt.clone());
        }
        let file = open(&self.path)?;
        let attempt = Arc::new(Attempt {
            state: Mutex::new(State::Wanted(ticket)),
        });
        let theirs = attempt.clone();
        thread::Builder::new()
            .name("process-lock".to_owned())
            .spawn(move || theirs.run(file))?;
        *slot = Some(attempt.clone());
        Ok(attempt)
    }
}

/// The file, for locking only.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Whether `file` is the one at `path`. If somebody has removed that, others lock another one.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// An open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// A thread's wait for the lock of a file.
struct Attempt {
    state: Mutex<State>,
}

enum State {
    /// The thread waits, and so does somebody for it.
    Wanted(Ticket),
    /// The thread waits, and nobody wants the lock for now.
    Unwanted,
    /// The thread has ended, with this.
    Got(io::Result<File>),
    /// The thread has ended, and what it got was taken or given up.
    Over,
}

impl State {
    /// Somebody waits for it from now on; false: it is too late for that.
    fn join(&mut self, ticket: Ticket) -> bool {
        let waits = matches!(self, Self::Unwanted);
        if waits {
            *self = Self::Wanted(ticket);
        }
        waits
    }

    /// Nobody waits for it any more; what it got.
    fn leave(&mut self) -> Option<io::Result<File>> {
        match std::mem::replace(self, Self::Over) {
            Self::Got(result) => Some(result),
            Self::Over => None,
            Self::Wanted(_) | Self::Unwanted => {
                *self = Self::Unwanted;
                None
            }
        }
    }
}

impl Attempt {
    /// What the thread runs.
    fn run(&self, file: File) {
        let locked = loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let woken = self.finish(locked.map(|()| file));
        drop(woken);
    }

    /// Leaves the result with whoever waits; if nobody does, lets go of it.
    fn finish(&self, result: io::Result<File>) -> Option<Claimed> {
        let mut state = self.state.lock();
        if let State::Wanted(ticket) = *state
            && let Some(claimed) = ticket.claim(Outcome::Woken)
        {
            *state = State::Got(result);
            return Some(claimed);
        }
        *state = State::Over;
        None
    }
}

/// One's turn in this process.
struct Turn<'a>(&'a ProcessLock, usize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turn.release(self.1);
    }
}

/// A held [`ProcessLock`], which is released when this is dropped.
///
/// It belongs to the unit that took it, and cannot leave it.
#[must_use = "the lock is released when the guard is dropped"]
pub struct ProcessLockGuard<'a> {
    /// Closed first, which releases it.
    file: File,
    turn: Turn<'a>,
    /// The turn's mark is on the stack of the unit that holds the lock.
    _not_send: PhantomData<*const ()>,
}

impl<'a> ProcessLockGuard<'a> {
    fn new(turn: Turn<'a>, file: File) -> Self {
        Self {
            file,
            turn,
            _not_send: PhantomData,
        }
    }
}

impl Drop for ProcessLockGuard<'_> {
    fn drop(&mut self) {
        // Closing would do, but for a child that was forked meanwhile.
        let _ = self.file.unlock();
    }
}

impl fmt::Debug for ProcessLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessLock")
            .field("path", &self.path)
            .field("held_here", &self.turn.is_locked())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ProcessLockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProcessLockGuard")
            .field(&self.turn.0.path)
            .finish()
    }
}
