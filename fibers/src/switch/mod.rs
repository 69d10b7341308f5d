//! Who leaves one stack for another: our own jump where we have one, else the crate that knows every processor.
//!
//! Both have one face: a `Switch` owns a stack with a body that runs on it, and a `Gate`, which lies where the body finds it,
//! leads back to whoever resumed it. [`DIRECT`]: it also leads to another body. Under `sanitizer` it is corosensei everywhere,
//! for that tells the sanitizer; so the tests of that sanitizer are tests of that half.

#[cfg(any(
    feature = "sanitizer",
    not(all(target_arch = "x86_64", target_os = "linux"))
))]
mod borrowed;
#[cfg(all(
    not(feature = "sanitizer"),
    target_arch = "x86_64",
    target_os = "linux"
))]
mod jump;

#[cfg(any(
    feature = "sanitizer",
    not(all(target_arch = "x86_64", target_os = "linux"))
))]
pub(crate) use borrowed::{Gate, Switch};
#[cfg(all(
    not(feature = "sanitizer"),
    target_arch = "x86_64",
    target_os = "linux"
))]
pub(crate) use jump::{Gate, Switch};

/// Whether a body may leave its stack for another's.
pub(crate) const DIRECT: bool = cfg!(all(
    not(feature = "sanitizer"),
    target_arch = "x86_64",
    target_os = "linux"
));
