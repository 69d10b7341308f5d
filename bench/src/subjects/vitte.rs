//! The library itself.

use vitte_threads::Runtime;

/// Starts `workers` workers, with stacks of the default size.
pub(crate) fn start(workers: usize) -> Runtime {
    Runtime::builder()
        .workers(workers)
        .build()
        .expect("threads can be started")
}
