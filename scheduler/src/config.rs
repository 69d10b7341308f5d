//! What a scheduler, and a task, is started with; and what can be wrong with that.

use crate::{
    cpu::{Affinity, AffinityError},
    hooks::Hooks,
};
use std::{fmt, io, num::NonZeroUsize, ptr, thread::available_parallelism, time::Duration};
use vitte_fibers::{StackClass, StackError};
use vitte_wait::Priority;

/// The most workers a scheduler can have.
pub const MOST_WORKERS: usize = 1024;

/// What a scheduler is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many threads run fibers, up to [`MOST_WORKERS`]. By default one a CPU. Zero: no thread is started,
    /// and fibers run only while the host [drives](crate::Scheduler::driver) the scheduler.
    pub workers: usize,
    /// Bytes of stack of a fiber that does not ask otherwise, guard page included; rounded up to
    /// a power of two. By default 64 KiB.
    pub stack_size: usize,
    /// What its threads are called, followed by a number. By default `vitte`.
    pub name: String,
    /// The most stacks that may exist at a time; a task that would need one more ends with an
    /// error. By default only memory sets a limit.
    pub max_stacks: Option<usize>,
    /// How many bytes of unused stacks are kept warm. By default 16 MiB.
    pub warm_stack_bytes: usize,
    /// How long a fiber that polls may run while others wait. By default 10 ms.
    pub timeslice: Duration,
    /// The most workers that may be started in the places of those whose threads are blocked in
    /// [native regions](crate::native_enter). Beyond that fibers wait. By default 256.
    pub most_spare_threads: usize,
    /// The most threads for [offloaded](crate::Scheduler::offload_with) jobs that wait for the outside world;
    /// at least one. By default 512.
    pub most_io_threads: usize,
    /// The most threads for offloaded jobs that compute; at least one. By default one a CPU.
    pub most_cpu_threads: usize,
    /// How many threads a layer above starts for computations that divide themselves, such as those of rayon.
    pub compute_threads: usize,
    /// How long a thread that was started for what blocks is kept when it has nothing to do. By default
    /// 10 seconds.
    pub thread_patience: Duration,
    /// Bytes of stack of each worker's thread, on which [`call_on_native_stack`](crate::call_on_native_stack)
    /// calls. `None`: what the standard library gives a thread, 2 MiB unless the environment says
    /// otherwise.
    pub thread_stack_size: Option<usize>,
    /// The seed of all the scheduler's choices. By default a different one each time.
    pub seed: Option<u64>,
    /// Where the threads of workers may run. By default wherever the system sees fit.
    pub affinity: Affinity,
    /// What is called at the turns of a worker's life. By default nothing.
    pub hooks: Hooks,
}

impl Default for Config {
    fn default() -> Self {
        let cpus = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            workers: cpus.min(MOST_WORKERS),
            most_spare_threads: 256,
            most_io_threads: 512,
            most_cpu_threads: cpus,
            compute_threads: cpus,
            thread_patience: Duration::from_secs(10),
            thread_stack_size: None,
            stack_size: StackClass::DEFAULT.bytes(),
            name: "vitte".to_owned(),
            max_stacks: None,
            warm_stack_bytes: 16 << 20,
            timeslice: Duration::from_millis(10),
            seed: None,
            affinity: Affinity::None,
            hooks: Hooks::default(),
        }
    }
}

/// Why a scheduler could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// [`Config::workers`] is more than [`MOST_WORKERS`].
    Workers(usize),
    /// [`Config::stack_size`] is out of range.
    StackSize(StackError),
    /// Workers cannot be where [`Config::affinity`] wants them.
    Affinity(AffinityError),
    /// The system refused to start a thread.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers(n) => {
                write!(
                    f,
                    "{n} workers were asked for; choose at most {MOST_WORKERS}"
                )
            }
            Self::StackSize(error) => write!(f, "the default stack size cannot be had: {error}"),
            Self::Affinity(error) => error.fmt(f),
            Self::Thread(error) => write!(
                f,
                "the system refused to start a worker thread: {error}; ask for fewer workers, \
                 or raise the limit on processes"
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// What a task is spawned with.
#[derive(Clone, Copy, Debug)]
pub struct SpawnOptions<'a> {
    /// Bytes of stack, guard page included; rounded up to a power of two. `None`: as the
    /// scheduler's configuration says.
    pub stack_size: Option<usize>,
    /// What it is called in errors and dumps.
    pub name: Option<&'a str>,
    /// Whether it stays on its worker once it has begun to run. Closures always do.
    pub pinned: bool,
    /// How urgent it is. By default [`Priority::Normal`], whatever its spawner is.
    pub priority: Priority,
    /// Whether nobody will join it.
    pub detached: bool,
    /// The embedder's word in [`Hot::user`](crate::Hot::user).
    pub user: *mut (),
}

impl Default for SpawnOptions<'_> {
    fn default() -> Self {
        Self {
            stack_size: None,
            name: None,
            pinned: false,
            priority: Priority::Normal,
            detached: false,
            user: ptr::null_mut(),
        }
    }
}

/// Why a task could not be spawned.
///
/// Small, for it is part of what every join returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// The caller is no fiber, and named no runtime.
    NoRuntime,
    /// The runtime shuts down, or has.
    ShuttingDown,
    /// The process has [`MOST_TASKS`](crate::MOST_TASKS) tasks already.
    TooManyTasks,
    /// A stack of this size cannot be had.
    StackSize(Box<StackError>),
    /// The system refused a thread, with this text.
    Thread(Box<str>),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime => {
                f.write_str("there is no runtime here: spawn from a fiber, or through a `Runtime`")
            }
            Self::ShuttingDown => f.write_str("the runtime is shutting down and takes no tasks"),
            Self::TooManyTasks => write!(
                f,
                "the process has {} tasks already; join or detach some first",
                crate::MOST_TASKS
            ),
            Self::StackSize(error) => write!(f, "no stack can be had: {error}"),
            Self::Thread(error) => write!(f, "the system refused a thread: {error}"),
        }
    }
}

impl std::error::Error for SpawnError {}

const _: () = assert!(size_of::<SpawnError>() <= 24);
