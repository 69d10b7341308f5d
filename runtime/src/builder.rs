//! What a runtime is started with.

use crate::Runtime;
use std::time::Duration;
use vitte_scheduler::{Affinity, Config, Hooks, Scheduler, StartError};

/// Collects what a [`Runtime`] is started with. Everything is checked in [`build`](Self::build).
///
/// ```
/// let runtime = vitte_threads::Runtime::builder()
///     .workers(1)
///     .stack_size(128 << 10)
///     .name("interpreter")
///     .build()?;
/// assert_eq!(runtime.workers(), 1);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RuntimeBuilder(Config);

impl RuntimeBuilder {
    /// How many threads run fibers, up to 1024. By default one a CPU. Zero: none, and the host
    /// [drives](Runtime::driver) the runtime.
    pub fn workers(mut self, workers: usize) -> Self {
        self.0.workers = workers;
        self
    }

    /// Bytes of stack of a fiber that does not ask otherwise, its guard page included; rounded up
    /// to a power of two, 16 KiB to 64 MiB. By default 64 KiB.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.0.stack_size = bytes;
        self
    }

    /// What the worker threads are called, followed by a number. By default `vitte`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// The most stacks that may exist at a time. A fiber that would need one more ends with
    /// [`SpawnError::StackSize`](crate::SpawnError::StackSize). By default only memory is the limit.
    pub fn max_stacks(mut self, stacks: usize) -> Self {
        self.0.max_stacks = Some(stacks);
        self
    }

    /// How many bytes of unused stacks are kept for the next fibers. By default 16 MiB.
    pub fn warm_stack_bytes(mut self, bytes: usize) -> Self {
        self.0.warm_stack_bytes = bytes;
        self
    }

    /// How long a fiber that polls may run while others wait. By default 10 ms.
    pub fn timeslice(mut self, timeslice: Duration) -> Self {
        self.0.timeslice = timeslice;
        self
    }

    /// The most threads that may be started in the places of those that are blocked in
    /// [native regions](crate::native_region). Beyond that fibers wait. By default 256.
    pub fn spare_threads(mut self, most: usize) -> Self {
        self.0.most_spare_threads = most;
        self
    }

    /// The most threads for [offloaded](Runtime::offload) jobs that wait for the outside world, and for
    /// those that compute; at least one of each. By default 512, and one a CPU.
    pub fn offload_threads(mut self, io: usize, cpu: usize) -> Self {
        self.0.most_io_threads = io;
        self.0.most_cpu_threads = cpu;
        self
    }

    /// How many threads the rayon pool has that [`Runtime::compute`] starts; at least one. By default one a CPU.
    #[cfg(feature = "rayon")]
    pub fn compute_threads(mut self, threads: usize) -> Self {
        self.0.compute_threads = threads;
        self
    }

    /// How long a thread that was started for what blocks is kept when it has nothing to do. By default
    /// 10 seconds.
    pub fn thread_patience(mut self, patience: Duration) -> Self {
        self.0.thread_patience = patience;
        self
    }

    /// Bytes of stack of each worker's thread, on which
    /// [`call_on_native_stack`](crate::call_on_native_stack) calls. By default 2 MiB.
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.0.thread_stack_size = Some(bytes);
        self
    }

    /// The seed of all choices of the scheduler. By default a different one each time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = Some(seed);
        self
    }

    /// Where the threads of workers may run. By default wherever the system sees fit. What a fiber or a
    /// worker starts itself, by `std::thread::spawn`, say, is where its worker is.
    ///
    /// ```
    /// use vitte_threads::{Affinity, Runtime, StartError, Topology};
    ///
    /// let first = Topology::read().cpus[0].id;
    /// Runtime::builder().affinity(Affinity::Set(vec![first])).build()?;
    /// let nowhere = Runtime::builder().affinity(Affinity::Set(vec![1_000_000])).build();
    /// assert!(matches!(nowhere, Err(StartError::Affinity(_))));
    /// # Ok::<(), StartError>(())
    /// ```
    pub fn affinity(mut self, affinity: Affinity) -> Self {
        self.0.affinity = affinity;
        self
    }

    /// What is called at the turns of a worker's life, and when fibers come and go. By default nothing.
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.0.hooks = hooks;
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    /// [`StartError`]: what was asked for cannot be had, or the system refused a thread.
    pub fn build(self) -> Result<Runtime, StartError> {
        Ok(Runtime::new(Scheduler::start(self.0)?))
    }
}
