//! Models of waiting, for loom (every schedule up to a bound) and shuttle (random schedules).
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p vitte-wait --release --test model`,
//! or the same with `shuttle`. `LOOM_MAX_PREEMPTIONS` overrides the bounds written here.
#![cfg(any(loom, shuttle))]

mod bed;
mod check;
mod claim;
#[cfg(loom)]
mod flawed;
mod nudged;
mod reserved;
mod reserved_word;
mod roster;
mod select;
mod stop;
mod suspended;
mod token;
mod wakeup;
