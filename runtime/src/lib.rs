//! Go-class concurrency as an embeddable library: native threads, stackful fibers and channels,
//! driven by a work-stealing scheduler.
//!
//! The opening example: a thread, and a channel to hear from it.
//!
//! ```
//! use vitte_threads::{Channel, Thread};
//!
//! fn main() -> anyhow::Result<()> {
//!     let (tx, rx) = Channel::new();
//!     let greeter = Thread::spawn(move || tx.send("Hello from a thread"));
//!     assert_eq!(rx.recv()?, "Hello from a thread");
//!     greeter.join()??;
//!     Ok(())
//! }
//! ```
//!
//! # Fibers
//! A [`Fiber`] is a task with a stack of its own. It costs a few nanoseconds to start, and when it
//! waits (for a channel, a join, a point in time) its worker thread goes on with others. Fibers
//! live on a [`Runtime`]:
//!
//! ```
//! use vitte_threads::{Channel, Fiber, Runtime};
//!
//! let runtime = Runtime::builder().workers(2).build()?;
//! let sum = runtime.run(|| {
//!     let (tx, rx) = Channel::bounded(16);
//!     for i in 0..1000_u64 {
//!         let tx = tx.clone();
//!         Fiber::spawn(move || tx.send(i).unwrap());
//!     }
//!     drop(tx);
//!     rx.iter().sum::<u64>()
//! });
//! assert_eq!(sum, 499_500);
//! # Ok::<(), vitte_threads::StartError>(())
//! ```
//!
//! Everything here that waits may be called from a fiber, which suspends, and from a plain thread,
//! which sleeps; the two may wait for one another.
//!
//! # Several runtimes, none global
//! A runtime is a value. Any number of them live side by side, and each ends with its value:
//! dropping it cancels what still waits. Nothing is started, installed or printed unless asked for.
//!
//! # Where a fiber runs
//! A fiber may be stolen by another worker until it first runs; from then on it stays on its
//! thread, so it may hold whatever Rust lets it hold. A language VM whose frames are made to move
//! uses [`spawn_migratable`] or the C ABI.
#![deny(unsafe_code)]

mod builder;
mod fiber;
mod runtime;
mod scope;
mod thread;
mod time;

pub use builder::RuntimeBuilder;
pub use fiber::{Fiber, FiberBuilder, park, park_timeout, unpark, yield_now};
pub use runtime::Runtime;
pub use scope::{Scope, ScopedJoinHandle};
pub use thread::{Thread, ThreadBuilder, ThreadHandle};
pub use time::{sleep, sleep_until};

pub use vitte_channels::{
    Channel, Receiver, RecvError, RecvUntilError, SendError, SendUntilError, Sender, TryRecvError,
    TrySendError,
};
pub use vitte_scheduler::{
    FiberId, JoinError, JoinHandle, Panicked, ShutdownError, ShutdownMode, SpawnError, Stale,
    StartError, Stats, spawn_migratable,
};
pub use vitte_wait::{Deadline, Outcome, Priority, StopSource, StopToken};

/// The examples of the project's README are compiled and run, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
