//! Fibers in the manner of C.

use std::ffi::c_void;
use vitte_scheduler::{FiberId, RawBody, Scheduler, SpawnError, SpawnOptions};

/// Spawns a closure in the manner of the C ABI: by a function and an address, migratable, with frames that cannot unwind.
pub(crate) fn spawn_raw<F: FnOnce() -> usize + Send + 'static>(
    on: &Scheduler,
    options: &SpawnOptions<'_>,
    body: F,
) -> FiberId {
    try_spawn_raw(on, options, body).unwrap()
}

/// The same, where that may be refused.
pub(crate) fn try_spawn_raw<F: FnOnce() -> usize + Send + 'static>(
    on: &Scheduler,
    options: &SpawnOptions<'_>,
    body: F,
) -> Result<FiberId, SpawnError> {
    unsafe extern "C-unwind" fn entry<F: FnOnce() -> usize>(arg: *mut c_void) -> *mut c_void {
        // SAFETY: the address came from `Box::into_raw` below, and one of the two is called once.
        let body = unsafe { Box::from_raw(arg.cast::<F>()) };
        std::ptr::without_provenance_mut(body())
    }
    unsafe extern "C-unwind" fn never<F>(arg: *mut c_void) {
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(arg.cast::<F>()) });
    }
    let body = RawBody {
        entry: entry::<F>,
        arg: Box::into_raw(Box::new(body)).cast(),
        drop: Some(never::<F>),
    };
    // SAFETY: the closures of these tests are `Send`, keep no address of a thread-local across a
    // suspension, and nothing depends on their frames if they are given up.
    unsafe { on.spawn_raw(options, body) }
}
