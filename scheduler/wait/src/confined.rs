//! Calls of foreign code whose panic has nobody to go to.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Calls it; a panic, of which the hook has told, goes no further, and neither does one of what it was thrown with. (If that
/// throws another thing when it is dropped, that one is never dropped: it might do the same, and so on.)
///
/// ```
/// struct Bomb;
/// impl Drop for Bomb {
///     fn drop(&mut self) {
///         std::panic::panic_any(Bomb);
///     }
/// }
/// vitte_wait::confined(|| drop(Bomb));
/// ```
pub fn confined(call: impl FnOnce()) {
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(call))
        && let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(thrown)))
    {
        mem::forget(again);
    }
}
