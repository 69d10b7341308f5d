//! Runs a loom model of a part of this crate, and says how much of it was explored.
//!
//! The models lie in a file `model.rs` beside what they check. All of them:
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p vitte-scheduler --release --lib`.
//! `LOOM_MAX_PREEMPTIONS` overrides the bounds written there; `-- --nocapture` shows the counts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use vitte_wait::facade::{clock, plain::Mutex, thread};

/// The modelled clock is one for all, so one model runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Checks `model` under every schedule with at most `preemptions` forced switches. The clock
/// stands at 1 when an execution begins.
pub(crate) fn check(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let _one = ONE_AT_A_TIME.lock();
    let mut builder = loom::model::Builder::new();
    let bound = builder.preemption_bound.unwrap_or(preemptions);
    builder.preemption_bound = Some(bound);
    builder.max_branches = 5_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let start = std::time::Instant::now();
    builder.check(move || {
        counter.fetch_add(1, Relaxed);
        thread::begin_execution();
        clock::set(1);
        model();
    });
    println!(
        "{name}: {} schedules, at most {bound} preemptions, {:.1} s",
        runs.load(Relaxed),
        start.elapsed().as_secs_f64()
    );
}
