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
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::builder().workers(3).build()?;
    /// assert_eq!(runtime.workers(), 3);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn workers(mut self, workers: usize) -> Self {
        self.0.workers = workers;
        self
    }

    /// Bytes of stack of a fiber that does not ask otherwise, its guard page included; rounded up
    /// to a power of two, 16 KiB to 64 MiB. By default 64 KiB.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().stack_size(256 << 10).build()?;
    /// let deep = runtime.run(|| {
    ///     let large = [1_u8; 150_000];
    ///     std::hint::black_box(&large).len()
    /// });
    /// assert_eq!(deep, 150_000);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.0.stack_size = bytes;
        self
    }

    /// What the worker threads are called, followed by a number. By default `vitte`.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().workers(1).name("parser").build()?;
    /// let thread = runtime.run(|| std::thread::current().name().map(str::to_owned));
    /// assert!(thread.unwrap().starts_with("parser"));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// The most stacks that may exist at a time. A fiber that would need one more ends with
    /// [`SpawnError::StackSize`](crate::SpawnError::StackSize). By default only memory is the limit.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().max_stacks(10_000).build()?;
    /// assert_eq!(runtime.run(|| 1), 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn max_stacks(mut self, stacks: usize) -> Self {
        self.0.max_stacks = Some(stacks);
        self
    }

    /// How many bytes of unused stacks are kept for the next fibers. By default 16 MiB.
    ///
    /// ```
    /// use vitte_threads::Runtime;
    ///
    /// // Memory is dear here, and crowds of fibers are rare.
    /// let runtime = Runtime::builder().warm_stack_bytes(1 << 20).build()?;
    /// assert_eq!(runtime.run(|| 1), 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn warm_stack_bytes(mut self, bytes: usize) -> Self {
        self.0.warm_stack_bytes = bytes;
        self
    }

    /// How long a fiber that polls may run while others wait. By default 10 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().timeslice(Duration::from_millis(2)).build()?;
    /// assert_eq!(runtime.run(|| 1), 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn timeslice(mut self, timeslice: Duration) -> Self {
        self.0.timeslice = timeslice;
        self
    }

    /// The most threads that may be started in the places of those that are blocked in
    /// [native regions](crate::native_region). Beyond that fibers wait. By default 256.
    ///
    /// ```
    /// use vitte_threads::{MAY_BLOCK, Runtime, native_region};
    ///
    /// let runtime = Runtime::builder().workers(1).spare_threads(8).build()?;
    /// runtime.run(|| native_region(MAY_BLOCK, || std::thread::yield_now()));
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn spare_threads(mut self, most: usize) -> Self {
        self.0.most_spare_threads = most;
        self
    }

    /// The most threads for [offloaded](Runtime::offload) jobs that wait for the outside world, and for
    /// those that compute; at least one of each. By default 512, and one a CPU.
    ///
    /// ```
    /// use vitte_threads::{Runtime, offload};
    ///
    /// let runtime = Runtime::builder().offload_threads(16, 1).build()?;
    /// assert_eq!(runtime.run(|| offload(|| 6 * 7))?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offload_threads(mut self, io: usize, cpu: usize) -> Self {
        self.0.most_io_threads = io;
        self.0.most_cpu_threads = cpu;
        self
    }

    /// How many threads the rayon pool has that [`Runtime::compute`] starts; at least one. By default one a CPU.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::builder().compute_threads(2).build()?;
    /// assert_eq!(runtime.compute(rayon::current_num_threads)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "rayon")]
    pub fn compute_threads(mut self, threads: usize) -> Self {
        self.0.compute_threads = threads;
        self
    }

    /// How long a thread that was started for what blocks is kept when it has nothing to do. By default
    /// 10 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::Runtime;
    ///
    /// let runtime = Runtime::builder().thread_patience(Duration::from_secs(60)).build()?;
    /// assert_eq!(runtime.offload(|| 6 * 7)?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn thread_patience(mut self, patience: Duration) -> Self {
        self.0.thread_patience = patience;
        self
    }

    /// Bytes of stack of each worker's thread, on which
    /// [`call_on_native_stack`](crate::call_on_native_stack) calls. By default 2 MiB.
    ///
    /// ```
    /// use vitte_threads::{Runtime, call_on_native_stack};
    ///
    /// let runtime = Runtime::builder().thread_stack_size(8 << 20).build()?;
    /// let deep = runtime.run(|| {
    ///     call_on_native_stack(|| {
    ///         let large = [1_u8; 3 << 20];
    ///         std::hint::black_box(&large).len()
    ///     })
    /// });
    /// assert_eq!(deep, 3 << 20);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.0.thread_stack_size = Some(bytes);
        self
    }

    /// The seed of all choices of the scheduler. By default a different one each time.
    ///
    /// ```
    /// let runtime = vitte_threads::Runtime::builder().workers(1).seed(42).build()?;
    /// assert_eq!(runtime.run(|| 1), 1);
    /// # Ok::<(), vitte_threads::StartError>(())
    /// ```
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
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering::SeqCst}};
    /// use vitte_threads::{Deadline, Hooks, Runtime};
    ///
    /// let ended = Arc::new(AtomicUsize::new(0));
    /// let ends = ended.clone();
    /// let hooks = Hooks::default().thread_stop(move |_worker| _ = ends.fetch_add(1, SeqCst));
    /// let runtime = Runtime::builder().workers(2).hooks(hooks).build()?;
    /// runtime.shutdown(Deadline::NEVER)?;
    /// assert_eq!(ended.load(SeqCst), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.0.hooks = hooks;
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    /// [`StartError`]: what was asked for cannot be had, or the system refused a thread.
    ///
    /// ```
    /// use vitte_threads::{Runtime, StartError};
    ///
    /// assert!(Runtime::builder().workers(1).build().is_ok());
    /// let refused = Runtime::builder().workers(1_000_000).build();
    /// assert!(matches!(refused, Err(StartError::Workers(1_000_000))));
    /// ```
    pub fn build(self) -> Result<Runtime, StartError> {
        Ok(Runtime::new(Scheduler::start(self.0)?))
    }
}
