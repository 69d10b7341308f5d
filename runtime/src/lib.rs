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
//! # The first of several
//! [`select!`](crate::select!) waits for the first of any mix of receives, sends, joins, stops and
//! points in time:
//!
//! ```
//! use std::time::Duration;
//! use vitte_threads::{Channel, Fiber, Runtime, select};
//!
//! let runtime = Runtime::start()?;
//! let first = runtime.run(|| {
//!     let (_tx, rx) = Channel::new::<&str>();
//!     let mut child = Fiber::spawn(|| "the child's value");
//!     select! {
//!         recv(rx) -> value => value.unwrap_or("closed"),
//!         join(child) -> value => value.unwrap_or("it panicked"),
//!         after(Duration::from_secs(60)) => "nothing for a minute",
//!     }
//! });
//! assert_eq!(first, Ok("the child's value"));
//! # Ok::<(), vitte_threads::StartError>(())
//! ```
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

mod block_on;
mod blocking;
mod builder;
#[cfg(feature = "rayon")]
mod compute;
mod fiber;
mod graph;
mod group;
mod jobs;
mod loops;
mod members;
mod restartable;
mod retry;
mod runtime;
mod scope;
#[doc(hidden)]
pub mod several;
mod thread;
mod time;
mod timers;
mod together;

pub use block_on::{block_on, block_on_or_stop, block_on_timeout, block_on_until, block_on_with};
pub use blocking::{offload, offload_or_stop, offload_timeout, offload_until};
pub use builder::RuntimeBuilder;
#[cfg(feature = "rayon")]
pub use compute::{compute, compute_or_stop, compute_timeout, compute_until, compute_with};
pub use fiber::{
    Fiber, FiberBuilder, park, park_or_stop, park_timeout, park_until, park_with, unpark, yield_now,
};
pub use graph::{GraphError, GraphReport, NodeEnd, TaskGraph};
pub use group::{Group, GroupWaitError, NotSpawned};
pub use jobs::{Job, JobEnd, JobPool, JobStep, JobWaitError};
pub use loops::{
    LoopCanceled, par_chunks_mut, par_for, par_for_each, par_for_each_mut, par_map, par_reduce,
    par_sort, par_sort_by, par_sort_unstable, par_sort_unstable_by,
};
pub use members::{Members, Place};
pub use restartable::{RestartableThread, StartThreadError, ThreadWaitError};
pub use retry::{GaveUp, Retry, RetryError};
pub use runtime::Runtime;
pub use scope::{Scope, ScopedJoinHandle};
pub use thread::{Thread, ThreadBuilder, ThreadHandle};
pub use time::{sleep, sleep_until, sleep_with};
pub use timers::{
    HighResTimer, HighResTimerBuilder, NextSlice, SliceId, Tick, TimeSlices, Timer, TimerStats,
    WeakTimer,
};
pub use together::{
    MemberError, MemberResult, ParallelError, RaceError, Won, parallel, parallel_or_stop,
    parallel_timeout, parallel_until, parallel_with, race, race_or_stop, race_timeout, race_until,
    race_with,
};

/// `select!`, and the module with what it is made of.
pub use vitte_channels::select;
pub use vitte_channels::{broadcast, oneshot, watch};

pub use vitte_channels::{
    Channel, Receiver, RecvError, RecvUntilError, SendError, SendUntilError, Sender, TryRecvError,
    TrySendError, Unsent, mpmc, spsc,
};
pub use vitte_channels::{priority, queue, relay, store, timer};
pub use vitte_scheduler::{
    Affinity, AffinityError, Cache, CacheKind, Cpu, Hooks, Switch, Topology,
};
pub use vitte_scheduler::{AttachError, Attached, Guard};
pub use vitte_scheduler::{
    BlockingError, CancelMask, CancelReason, DriveError, Driver, FiberId, FiberLocal, JobKind,
    JoinArm, JoinError, JoinHandle, KillError, Killed, OffloadError, Panicked, Ran, ResizeError,
    ShutdownError, ShutdownMode, SignalSetupError, SignalUnparkError, SignalUnparker, SpawnError,
    Stale, StartError, Stats, Why, cancel_reason, defer, offload_with, spawn_migratable,
};
pub use vitte_scheduler::{Fork, forking, join, join_with};
pub use vitte_scheduler::{GC_SAFE, MAY_BLOCK, call_managed, call_on_native_stack, native_region};
pub use vitte_scheduler::{Poll, current_hot, poll, poll_slow};
pub use vitte_sync::{Signal, Till, atomic};
pub use vitte_wait::{Deadline, Outcome, Priority, StopSource, StopToken};

/// Sockets, pipes, files, signals and child processes that fibers wait for without blocking their workers.
pub use vitte_io as io;

/// Locks, barriers, events and signals between fibers, between threads, and across the two.
///
/// ```
/// use vitte_threads::{Fiber, Runtime, sync::Mutex};
///
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// runtime.run(|| {
///     let fibers: Vec<_> = (1..=10)
///         .map(|n| Fiber::spawn(move || *TOTAL.lock().unwrap() += n))
///         .collect();
///     fibers.into_iter().for_each(|fiber| fiber.join().unwrap());
/// });
/// assert_eq!(*TOTAL.lock()?, 55);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use vitte_sync as sync;

/// The examples of the project's README are compiled and run, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
