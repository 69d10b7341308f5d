//! Atomics, locks, threads and clocks, in one place, so that loom and shuttle can replace them.
//!
//! No crate from `vitte-wait` upwards names `std::sync::atomic`, a lock, a thread or a clock
//! except through this module. Under `--cfg loom` or `--cfg shuttle` the same code runs on the
//! checker's types and on a clock that only moves when a test moves it.

pub mod clock;

#[cfg(not(loom))]
pub mod cell;
#[cfg(loom)]
mod model_loom;
#[cfg(shuttle)]
mod model_shuttle;
#[cfg(any(loom, shuttle))]
mod panic;
#[cfg(not(any(loom, shuttle)))]
mod real;

/// Statics that belong to one execution of a model.
#[cfg(loom)]
pub use loom::lazy_static;
#[cfg(loom)]
pub use model_loom::{Arc, Mutex, MutexGuard, atomic, cell, hint, thread};
#[cfg(shuttle)]
pub use model_shuttle::{Arc, Mutex, MutexGuard, atomic, hint, thread};
#[cfg(any(loom, shuttle))]
pub use panic::{panicking, unwinding};
/// Statics that belong to one execution of a model.
#[cfg(shuttle)]
pub use shuttle::lazy_static;
#[cfg(not(any(loom, shuttle)))]
pub use std::thread::panicking;

#[cfg(not(any(loom, shuttle)))]
pub use real::{Arc, Mutex, MutexGuard, atomic, hint, thread};

/// What no model replaces: for statics, which outlive the executions of a model.
pub mod plain {
    pub use parking_lot::Mutex;
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
}
