//! The facade as it is outside a model checker: std's atomics and threads, `parking_lot`'s mutex.

pub use parking_lot::{Mutex, MutexGuard};
pub use std::{
    hint,
    sync::{Arc, atomic},
    thread,
};
