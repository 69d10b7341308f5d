//! Locks of files, which exclude those who have opened them elsewhere, in whatever process.
//!
//! The system lets a lock be waited for by a thread that cannot be told to stop, and what that thread gets in the end belongs to
//! the open file, however often that is duplicated. So nobody waits through the caller's open file, for he might be given
//! the lock after he has given it up. A thread of the pool waits through one of its own, and who is told so tries again; for an
//! exclusive lock another may be quicker.

use super::File;
use crate::{
    examples::{ours, stopped},
    offloaded,
};
use std::{
    fs::{self, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
};
use vitte_wait::{Deadline, StopToken, timed_forms};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Exclusive,
    Shared,
}

impl Kind {
    fn try_lock(self, file: &fs::File) -> Result<(), TryLockError> {
        loop {
            let locked = match self {
                Self::Exclusive => file.try_lock(),
                Self::Shared => file.try_lock_shared(),
            };
            match locked {
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => return locked,
            }
        }
    }

    fn lock(self, file: &fs::File) -> io::Result<()> {
        loop {
            let locked = match self {
                Self::Exclusive => file.lock(),
                Self::Shared => file.lock_shared(),
            };
            match locked {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => return locked,
            }
        }
    }
}

/// What `file` is, opened once more.
fn reopened(file: &fs::File) -> io::Result<fs::File> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let open = |write: bool| {
        let mut options = fs::OpenOptions::new();
        options.read(!write).write(write);
        // It may be a FIFO.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        options.open(&path)
    };
    open(false).or_else(|_| open(true))
}

impl File {
    /// Takes the file's exclusive lock: nobody else has it, or a shared one. It belongs to this opening of the file, clones
    /// included, and is released by [`unlock`](Self::unlock), or when the last of these is closed. Others are
    /// kept only from locking, not from reading and writing.
    ///
    /// A shared lock that this opening has is given up first. An opening that has the exclusive one gets it at once.
    ///
    /// ```
    /// use std::fs::TryLockError;
    /// use vitte_io::fs::{self, File};
    ///
    /// let path = std::env::temp_dir().join(format!("vitte-lock-{}", std::process::id()));
    /// let (one, other) = (File::create(&path)?, File::open(&path)?);
    /// one.lock()?;
    /// assert!(matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)));
    /// one.unlock()?;
    /// other.lock_shared()?;
    /// fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the [module](super) says.
    ///
    /// # Blocking
    /// While another has it: a fiber suspends, a thread blocks. Who waits is served in no particular order.
    ///
    /// # Cancellation
    /// Ends the wait; the lock is not taken. For a moment, when it would have been, it may seem taken to others who try.
    pub fn lock(&self) -> io::Result<()> {
        self.lock_with(Deadline::NEVER, None)
    }

    /// [`lock`](Self::lock), until `deadline` at the latest, or until `stop` is triggered. A plain thread that belongs to no
    /// runtime is told to stop only before it begins to wait.
    ///
    /// # Errors
    /// As [`lock`](Self::lock); a [`WaitError`](crate::WaitError) inside if the wait ended before.
    ///
    #[doc = stopped!(ours!(Locked WaitError), "other.lock_with(")]
    pub fn lock_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<()> {
        self.lock_as(Kind::Exclusive, deadline, stop)
    }

    timed_forms! {
        lock_with() -> io::Result<()>: lock_until lock_timeout lock_or_stop
        in vitte_wait
        #[doc = ours!(Locked WaitError)]
        "other." () => io
    }

    /// Takes a shared lock of the file: others may have shared ones, and nobody has the exclusive one. Otherwise as
    /// [`lock`](Self::lock).
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As [`lock`](Self::lock).
    ///
    /// ```
    /// use vitte_io::fs::File;
    ///
    #[doc = ours!(path)]
    /// let (one, other) = (File::create(&path)?, File::open(&path)?);
    /// one.lock_shared()?;
    /// other.lock_shared()?;
    /// assert!(one.try_lock().is_err(), "the other has a shared one");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock_shared(&self) -> io::Result<()> {
        self.lock_shared_with(Deadline::NEVER, None)
    }

    /// [`lock_shared`](Self::lock_shared), as [`lock_with`](Self::lock_with) is [`lock`](Self::lock).
    ///
    /// # Errors
    /// As [`lock_with`](Self::lock_with).
    ///
    #[doc = stopped!(ours!(Locked WaitError), "other.lock_shared_with(")]
    pub fn lock_shared_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<()> {
        self.lock_as(Kind::Shared, deadline, stop)
    }

    timed_forms! {
        lock_shared_with() -> io::Result<()>: lock_shared_until lock_shared_timeout lock_shared_or_stop
        in vitte_wait
        #[doc = ours!(Locked WaitError)]
        "other." () => io
    }

    fn lock_as(&self, kind: Kind, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<()> {
        loop {
            match kind.try_lock(&self.inner) {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {}
            }
            let ours = self.inner.try_clone()?;
            let wait = move || {
                let theirs = reopened(&ours)?;
                // Or our lock would last as long as this wait.
                drop(ours);
                kind.lock(&theirs)?;
                Ok(theirs)
            };
            let theirs = offloaded::run_owned(deadline, stop, wait)?;
            if matches!(kind, Kind::Exclusive) {
                drop(theirs);
            } else if kind.try_lock(&self.inner).is_ok() {
                return Ok(());
            }
        }
    }

    /// Takes the exclusive lock if nobody has one.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`], or what the system says.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::fs::TryLockError;
    #[doc = ours!(Locked)]
    /// assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    /// drop(one);
    /// assert!(other.try_lock().is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        Kind::Exclusive.try_lock(&self.inner)
    }

    /// Takes a shared lock if nobody has the exclusive one.
    ///
    /// # Errors
    /// # Blocking
    /// As [`try_lock`](Self::try_lock).
    ///
    /// ```
    /// use std::fs::TryLockError;
    #[doc = ours!(Locked)]
    /// assert!(matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)));
    /// one.lock_shared()?;
    /// assert!(other.try_lock_shared().is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        Kind::Shared.try_lock(&self.inner)
    }

    /// Gives the lock back, of whichever kind it is, if this opening of the file has one.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    #[doc = ours!(Locked)]
    /// one.unlock()?;
    /// other.lock()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unlock(&self) -> io::Result<()> {
        self.inner.unlock()
    }
}
