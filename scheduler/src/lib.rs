//! Tasks, workers, queues, stealing, idling, timers and shutdown.
//!
//! A [`Scheduler`] drives worker threads; each runs tasks on pooled stacks. A task that never
//! blocks is a function call; one that blocks leaves its stack and its worker goes on. The crate
//! `vitte-threads` is the comfortable way to use this one.
//!
//! ```
//! use vitte_scheduler::{Config, Scheduler, ShutdownMode, SpawnOptions};
//! use vitte_wait::Deadline;
//!
//! let scheduler = Scheduler::start(Config { workers: 2, ..Config::default() })?;
//! let task = scheduler.spawn(&SpawnOptions::default(), || {
//!     let child = vitte_scheduler::spawn(|| 20);
//!     vitte_scheduler::yield_now();
//!     child.join().unwrap() + 1
//! });
//! assert_eq!(task.join()?, 21);
//! scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where a task runs
//! Safe code may keep values on a fiber's stack that must not change threads. So a task spawned
//! from a closure may be stolen by another worker only until it first runs; from then on it stays
//! on its worker. [`spawn_migratable`] and [`Scheduler::spawn_raw`] make tasks that may move at any
//! suspension, and say what that asks of the code they run.

mod api;
mod cancel;
mod carrier;
#[cfg(all(test, loom))]
mod check;
mod choice;
mod config;
mod cpu;
mod crew;
mod fork;
mod guard;
mod guests;
mod hooks;
mod host;
mod id;
mod idle;
mod interrupt;
mod keys;
mod native;
mod offload;
mod pace;
mod poller;
mod queue;
mod reach;
mod shared;
mod shown;
mod shutdown;
mod signal;
mod stats;
mod task;
mod timer;
mod unit;
mod worker;

use vitte_wait::fence;

pub use api::{
    FiberInfo, NotInFiber, PinError, Scheduler, current_hot, current_id, current_name, info,
    is_unwinding, park, pin, reserve, set_priority, sleep_until, spawn, spawn_migratable,
    spawn_with, suspend_with, unpark, yield_now,
};
pub use cancel::{
    CancelMask, CancelReason, KillError, cancel, cancel_for, cancel_reason, kill, mask_cancel,
};
pub use config::{Config, MOST_WORKERS, SpawnError, SpawnOptions, StartError};
pub use cpu::{Affinity, AffinityError, Cache, CacheKind, Cpu, Topology};
pub use crew::ResizeError;
pub use fork::{Fork, forking, join, join_with};
pub use guard::{AttachError, Attached, Guard};
pub use guests::Guest;
pub use hooks::{Hooks, Switch};
pub use host::{DriveError, Driver, Ran, Why};
pub use id::{FiberId, Stale};
pub use interrupt::interrupt;
pub use keys::{KeyDestructor, KeyError, local, set_local};
pub use native::{
    GC_SAFE, MAY_BLOCK, call_managed, native_enter, native_leave, native_region,
    stack::call_on_native_stack,
};
pub use offload::{BlockingError, JobKind, OffloadError, offload_with};
#[cfg(not(any(loom, shuttle)))]
pub use poller::number::{descriptor_arm, wait_for_descriptor};
pub use poller::{
    arm::ReadyArm,
    source::{Direction, Seen, Source, SourceError},
    thread::block_on_descriptor,
};
pub use reach::{Reach, Reachable};
pub use shutdown::{ShutdownError, ShutdownMode, Unwinding};
pub use signal::{MOST_SIGNALS, SignalSetupError, SignalUnparkError, SignalUnparker};
pub use stats::Stats;
pub use task::{
    Hot,
    arm::{JoinArm, RawJoinArm},
    body::RawBody,
    future::JoinFuture,
    join::JoinHandle,
    join_error::{JoinError, Killed, Panicked},
    join_raw::{RawJoinError, join_raw},
    slab::MOST_TASKS,
};
pub use timer::alarm::{Alarm, Bell, Ring};
pub use unit::give_up_if_killed;
pub use vitte_wait::{
    Priority,
    local::{FiberLocal, defer},
};
pub use worker::slice::{Poll, SliceEnd, consume, poll, poll_slow};
