//! A rayon pool of the size a cell asks for.

use ::rayon::{ThreadPool, ThreadPoolBuilder};

/// Starts `workers` workers.
pub(crate) fn start(workers: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(workers).build();
    pool.expect("threads can be started")
}
