//! Models of locks and events, for loom (every schedule up to a bound) and shuttle (random schedules).
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p vitte-sync --release --test model`,
//! or the same with `shuttle`. `LOOM_MAX_PREEMPTIONS` overrides the bounds written here.
#![cfg(any(loom, shuttle))]

// The same bounds and counting as for the models of what everything here waits through.
#[path = "../../../../scheduler/wait/tests/model/check.rs"]
mod check;
mod condvar;
mod events_barrier;
mod events_event;
#[cfg(loom)]
mod events_flawed;
mod events_once;
mod events_semaphore;
mod events_signal;
#[cfg(loom)]
mod flawed_lock;
mod inherit;
mod leaning;
mod mutex;
mod poison;
mod rwlock;
mod word;
