//! What the tests of the whole share: a watchdog, seeds, and values that are counted.
//!
//! ```
//! use std::time::Duration;
//! use vitte_tests::{Census, within};
//!
//! let sum = within(Duration::from_secs(10), "adding up", || {
//!     let census = Census::new();
//!     let values = [census.value(1), census.value(2)];
//!     values.iter().map(|value| **value).sum::<i32>()
//! });
//! assert_eq!(sum, 3);
//! ```
#![forbid(unsafe_code)]

mod alone;
mod counted;
mod dice;
mod listed;
mod schedulers;
mod seed;
mod size;
pub mod units;
mod watchdog;

pub use alone::{descriptors, is_alone};
pub use counted::{Census, Counted};
pub use dice::Dice;
pub use listed::{count_threads, live_threads, threads};
pub use schedulers::{after, end, start};
pub use seed::seed;
pub use size::{is_full, rounds};
pub use watchdog::within;
