//! chili: a pool of the size a cell asks for, whose caller takes part.

use std::num::NonZero;

use ::chili::{Config, ThreadPool};

/// A pool of `workers` threads, the caller's included.
pub(crate) fn start(workers: usize) -> ThreadPool {
    ThreadPool::with_config(Config {
        thread_count: NonZero::new(workers),
        ..Config::default()
    })
}
