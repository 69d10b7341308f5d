//! may, whose one scheduler is global and is configured before its first use.
//!
//! This is the only file with unsafe code: may's `spawn` asks for it.
#![allow(unsafe_code, reason = "may's spawn is unsafe to call")]

use ::may::coroutine::{self, JoinHandle};

/// Sets the number of workers; a cell has its process to itself, so nothing was started before.
pub(crate) fn start(workers: usize) {
    ::may::config().set_workers(workers);
}

/// Spawns `body`.
pub(crate) fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: may asks that a body keeps no address of a thread-local across a suspension and does not overflow its
    // stack. The bodies in this crate use no thread-locals of their own, and do not recurse.
    unsafe { coroutine::spawn(body) }
}

/// Runs `body` on a worker and waits for it.
pub(crate) fn run<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    spawn(body).join().expect("the body does not panic")
}
