//! The whole runtime under a checker that decides every switch between threads: the scheduler's
//! workers are modelled threads, the fibers on them are real.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test -p vitte-tests --release --test explore`; without the flag
//! there is nothing here.
#![cfg(shuttle)]

mod broadcast;
mod channels;
mod explore;
mod select;
mod tasks;
