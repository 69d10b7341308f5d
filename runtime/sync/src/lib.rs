//! Locks, barriers, events and signals between fibers, between threads, and across the two.
//!
//! Whatever waits here does so through [`vitte_wait`]: a fiber suspends and its worker goes on, a
//! thread sleeps, and neither needs to know what the other is. Every wait has a form that only
//! tries, a form that waits, and a form that waits for a while or until it is stopped, and says
//! which of these ended it.
//!
//! # Events
//! [`Event`], [`Latch`], [`WaitGroup`], [`Barrier`], [`Phaser`], [`Semaphore`]; [`Once`], [`OnceCell`]
//! and [`Lazy`]; [`Signal`], which is also what stops other waits, and its relatives; [`atomic`].
//!
//! # Locks
//! [`Mutex`], [`RwLock`], [`ReentrantMutex`], [`SpinLock`]; [`Condvar`] and [`Monitor`]; [`NamedLocks`] and
//! [`ProcessLock`]; and locks of one word for C.

mod acquire_error;
mod arms;
pub mod atomic;
mod barrier;
mod condvar;
mod count;
mod countdown;
mod error;
mod event;
mod forms;
mod latch;
mod lazy;
mod line;
mod lock_error;
mod mapped;
mod monitor;
mod mutex;
mod named;
mod once;
mod once_cell;
mod once_error;
mod permit;
mod phaser;
#[cfg(not(any(loom, shuttle)))]
mod process_lock;
mod raw;
mod raw_rw;
#[cfg(not(any(loom, shuttle)))]
mod raw_traits;
mod reentrant;
mod rwlock;
mod semaphore;
mod signal;
mod spin;
mod till;
mod upgrade_error;
mod wait_group;
mod word;

pub use acquire_error::{AcquireError, AcquireUntilError, TryAcquireError};
pub use arms::{AcquireArm, CountArm, EventArm};
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use countdown::Countdown;
pub use error::{Canceled, WaitError};
pub use event::Event;
pub use latch::Latch;
pub use lazy::Lazy;
pub use lock_error::{LockError, LockUntilError, Poisoned, TryLockError};
pub use mapped::{
    MappedMutexGuard, MappedReentrantMutexGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard,
};
pub use monitor::{Monitor, MonitorGuard};
pub use mutex::{Mutex, MutexGuard};
pub use named::{LockName, NamedGuard, NamedLocks, ReleaseError};
pub use once::Once;
pub use once_cell::OnceCell;
pub use once_error::{InitError, OnceError, OnceUntilError, SetError};
pub use permit::{OwnedPermit, Permit};
pub use phaser::Phaser;
#[cfg(not(any(loom, shuttle)))]
pub use process_lock::{ProcessLock, ProcessLockError, ProcessLockGuard};
pub use raw::RawMutex;
pub use raw_rw::RawRwLock;
#[cfg(not(any(loom, shuttle)))]
pub use raw_traits::UnitNumber;
pub use reentrant::{ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::Semaphore;
pub use signal::Signal;
pub use spin::{SpinLock, SpinLockGuard};
pub use till::Till;
pub use upgrade_error::{UpgradeError, UpgradeRefused};
pub use vitte_wait::Then;
pub use wait_group::{Member, WaitGroup};
#[doc(hidden)]
pub use word::Table;
pub use word::{WordCondvar, WordError, WordLatch, WordMutex};
