//! Models of channels, for loom (every schedule up to a bound) and shuttle (random schedules).
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p vitte-channels --release --test model`,
//! or the same with `shuttle`. `LOOM_MAX_PREEMPTIONS` overrides the bounds written here.
#![cfg(any(loom, shuttle))]

mod broadcast;
// The same bounds and counting as for the models of what channels wait through.
#[path = "../../../scheduler/wait/tests/model/check.rs"]
mod check;
mod close;
mod flags;
mod guarded;
mod hand_over;
mod oneshot;
mod relay;
mod select;
mod timed;
mod watch;
