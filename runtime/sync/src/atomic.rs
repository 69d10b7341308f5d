//! Atomics: the language's own, and a cell for values of any size.
//!
//! ```
//! use vitte_sync::atomic::{AtomicCell, AtomicUsize, Ordering};
//!
//! static HITS: AtomicUsize = AtomicUsize::new(0);
//! HITS.fetch_add(1, Ordering::Relaxed);
//! let pair = AtomicCell::new(("none", 0));
//! assert_eq!(pair.swap(("one", HITS.load(Ordering::Relaxed))), ("none", 0));
//! assert_eq!(pair.load(), ("one", 1));
//! ```
//!
//! [`AtomicCell`] is crossbeam's: an atomic instruction where the value fits one, else a sequence
//! lock out of a fixed table, which is held for a copy and never across a wait.

pub use core::sync::atomic::*;
pub use crossbeam_utils::atomic::AtomicCell;
