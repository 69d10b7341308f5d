//! Stacks, and the switch between them.
//!
//! This crate knows how to leave a stack and come back to it, and nothing else: no worker, no queue, no waiting. A
//! [`StackPool`] hands out guarded [`Stack`]s; a [`Fiber`] runs a closure on one; inside, a [`Suspender`] leaves it; a
//! [`Resumer`] stands for the thread that enters it. The README of this crate shows the layout of a slot and lists what
//! must not be held across a suspension.
//!
//! ```
//! use vitte_fibers::{Fiber, Resumed, Resumer, StackClass, StackOptions, StackPool};
//!
//! let pool = StackPool::new(StackOptions::default());
//! let stack = pool.take(StackClass::DEFAULT)?;
//! let mut fiber = Fiber::new(stack, |me| {
//!     me.suspend().expect("nothing is unwinding here");
//! });
//!
//! let here = Resumer::new(std::ptr::null());
//! assert!(matches!(fiber.resume(&here), Resumed::Suspended));
//! assert!(matches!(fiber.resume(&here), Resumed::Returned));
//! assert!(fiber.is_finished());
//! # Ok::<(), vitte_fibers::StackError>(())
//! ```

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("vitte-fibers supports 64-bit Linux on x86_64 and aarch64");

mod ambient;
mod fiber;
mod point;
#[cfg(tsan)]
mod shadow;
pub mod stack;
mod suspender;
mod switch;

pub use ambient::Resumer;
pub use fiber::{Fiber, Resumed, UNWIND_TRIES, Unwound};
pub use point::{Point, stack_pointer};
pub use stack::{
    GuardChoice, GuardKind, Stack, StackClass, StackError, StackOptions, StackPool, StackStats,
};
pub use suspender::{ForcedUnwind, Refused, Suspender};
