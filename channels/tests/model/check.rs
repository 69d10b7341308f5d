//! Runs a model, and says how much of it was explored.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Checks `model` under every schedule with at most `preemptions` forced switches.
#[cfg(loom)]
pub(crate) fn check(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let bound = builder.preemption_bound.unwrap_or(preemptions);
    builder.preemption_bound = Some(bound);
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    builder.check(move || {
        counter.fetch_add(1, Relaxed);
        model();
    });
    println!(
        "{name}: {} schedules, at most {bound} preemptions",
        runs.load(Relaxed)
    );
}

/// Checks `model` under some thousand random schedules.
#[cfg(shuttle)]
pub(crate) fn check(name: &str, _: usize, model: impl Fn() + Send + Sync + 'static) {
    const SCHEDULES: usize = 3_000;
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    shuttle::check_random(
        move || {
            counter.fetch_add(1, Relaxed);
            model();
        },
        SCHEDULES,
    );
    println!("{name}: {} random schedules", runs.load(Relaxed));
}
