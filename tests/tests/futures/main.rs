//! Futures on fibers, and fibers as futures, beside tokio: nothing is lost between the two.

mod awaits;
mod blocks;

use std::{sync::OnceLock, time::Duration};
use vitte_threads::Runtime;

/// Longer than any of these takes on the slowest machine.
const LIMIT: Duration = Duration::from_secs(120);

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// The runtime of the fibers.
fn fibers() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    // An unoptimized tokio wants large stacks.
    let builder = || Runtime::builder().workers(3).stack_size(256 << 10);
    RUNTIME.get_or_init(|| builder().build().expect("it starts"))
}

/// The runtime of the futures.
fn tokio() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(2).enable_time();
        builder.build().expect("it starts")
    })
}
