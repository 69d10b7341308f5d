//! Locks, barriers, events and signals between fibers, between threads, and across the two.
//!
//! Whatever waits here does so through [`vitte_wait`]: a fiber suspends and its worker goes on, a
//! thread sleeps, and neither needs to know what the other is. Every wait has a form that only
//! tries, a form that waits, and a form that waits for a while or until it is stopped, and says
//! which of these ended it.

mod condvar;
mod forms;
mod lock_error;
mod monitor;
mod mutex;
mod named;
#[cfg(not(any(loom, shuttle)))]
mod process_lock;
mod raw;
mod raw_rw;
#[cfg(not(any(loom, shuttle)))]
mod raw_traits;
mod reentrant;
mod rwlock;
mod spin;
mod upgrade_error;
mod word;

pub use condvar::Condvar;
pub use lock_error::{LockError, LockUntilError, Poisoned, TryLockError};
pub use monitor::{Monitor, MonitorGuard};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use named::{LockName, NamedGuard, NamedLocks, ReleaseError};
#[cfg(not(any(loom, shuttle)))]
pub use process_lock::{ProcessLock, ProcessLockError, ProcessLockGuard};
pub use raw::RawMutex;
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use spin::{SpinLock, SpinLockGuard};
pub use upgrade_error::{UpgradeError, UpgradeRefused};
#[doc(hidden)]
pub use word::Table;
pub use word::{WordCondvar, WordError, WordLatch, WordMutex};
