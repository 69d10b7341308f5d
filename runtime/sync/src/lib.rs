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

mod acquire_error;
mod arms;
pub mod atomic;
mod barrier;
mod count;
mod countdown;
mod error;
mod event;
mod latch;
mod lazy;
mod line;
mod once;
mod once_cell;
mod once_error;
mod permit;
mod phaser;
mod semaphore;
mod signal;
mod till;
mod verbs;
mod wait_group;

pub use acquire_error::{AcquireError, AcquireUntilError, TryAcquireError};
pub use arms::{AcquireArm, CountArm, EventArm};
pub use barrier::{Barrier, BarrierWaitResult};
pub use countdown::Countdown;
pub use error::{Canceled, WaitError};
pub use event::Event;
pub use latch::Latch;
pub use lazy::Lazy;
pub use once::Once;
pub use once_cell::OnceCell;
pub use once_error::{InitError, OnceError, OnceUntilError, SetError};
pub use permit::{OwnedPermit, Permit};
pub use phaser::Phaser;
pub use semaphore::Semaphore;
pub use signal::Signal;
pub use till::Till;
pub use vitte_wait::Then;
pub use wait_group::{Member, WaitGroup};
