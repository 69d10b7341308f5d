//! tokio's runtime of several threads, also with one worker.

use std::future::Future;

use ::tokio::runtime::{Builder, Runtime};

/// A runtime whose `run` measures from inside a task, as all bodies do.
#[derive(Debug)]
pub(crate) struct Tokio(Runtime);

impl Tokio {
    /// Starts `workers` workers.
    pub(crate) fn start(workers: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(workers).build();
        Self(runtime.expect("threads can be started"))
    }

    /// As [`start`](Self::start), with what waits for descriptors.
    pub(crate) fn start_with_io(workers: usize) -> Self {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(workers).enable_io().build();
        Self(runtime.expect("threads can be started"))
    }

    /// As [`start`](Self::start), with timers.
    pub(crate) fn start_with_time(workers: usize) -> Self {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(workers).enable_time().build();
        Self(runtime.expect("threads can be started"))
    }

    /// Runs `body` as a task and waits for it.
    pub(crate) fn run<F>(&self, body: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0
            .block_on(async { ::tokio::spawn(body).await.expect("the body does not panic") })
    }
}
