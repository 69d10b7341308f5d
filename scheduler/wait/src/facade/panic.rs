//! Panics in models. The threads of a model take turns on one thread of the system, whose count of panics is therefore nobody's
//! in particular; so a model says itself which of its threads unwinds.

use std::cell::Cell;

#[cfg(loom)]
use loom::thread_local;
#[cfg(shuttle)]
use shuttle::thread_local;

thread_local! {
    static UNWINDS: Cell<bool> = Cell::new(false);
}

/// Whether the modelled thread that calls is panicking, as the model says, or the model itself has failed.
#[must_use]
pub fn panicking() -> bool {
    std::thread::panicking() || UNWINDS.try_with(Cell::get).unwrap_or(false)
}

/// Calls `destructors` as a panic of the modelled thread would, while it unwinds.
pub fn unwinding<R>(destructors: impl FnOnce() -> R) -> R {
    let before = UNWINDS.with(|unwinds| unwinds.replace(true));
    let result = destructors();
    UNWINDS.with(|unwinds| unwinds.set(before));
    result
}
