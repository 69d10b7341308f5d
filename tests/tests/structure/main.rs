//! Structure: joins, loops, groups, graphs, and whatever else ends before the one who began it.

mod cases;
mod compute;
mod from_juce;
mod groups;
mod joins;
mod loops;
mod scopes;
mod threads;

use std::time::Duration;
use vitte_threads::Runtime;

/// Ten times what a slow machine takes for any of these.
const LIMIT: Duration = Duration::from_secs(120);

fn start(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}
