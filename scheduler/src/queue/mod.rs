//! Where runnable tasks lie until a worker takes them.
//!
//! | queue | pushed by | taken by | holds |
//! |---|---|---|---|
//! | [`lifo`] | its worker | its worker at one end, thieves at the other | tasks that never ran |
//! | [`fifo`] | its worker | its worker | started tasks that may not leave their thread |
//! | [`inbox`] | anyone | its worker, all at once | tasks pinned to that worker, made ready elsewhere |
//! | [`lanes`] | anyone | any worker, or the one they are pinned to | tasks of the high and the low class |
//! | [`injector`] | anyone | any worker | tasks from outside, and overflow |
//! | [`ring`] | signal handlers | any worker | ids of fibers to be unparked |
//!
//! Started tasks that may migrate lie in a FIFO deque of `crossbeam`, beside these.

pub(crate) mod fifo;
pub(crate) mod inbox;
pub(crate) mod injector;
pub(crate) mod lanes;
pub(crate) mod lifo;
#[cfg(all(test, loom))]
mod model;
pub(crate) mod ring;
