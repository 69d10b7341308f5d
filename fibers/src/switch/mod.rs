//! Who leaves one stack for another: our own jump where we have one, else the crate that knows every processor.
//!
//! Both have one face, which is corosensei's: `Switch` owns a stack with a body that runs on it, and a `Gate`, which the
//! body is given, leads back to whoever resumed it. Under `sanitizer` it is corosensei everywhere, for that tells the
//! sanitizer; so the tests of the sanitizers are tests of that half.

#[cfg(any(
    feature = "sanitizer",
    not(all(target_arch = "x86_64", target_os = "linux"))
))]
mod borrowed {
    use crate::stack::Stack;

    pub(crate) use corosensei::CoroutineResult as Switched;
    pub(crate) type Switch = corosensei::Coroutine<(), (), (), Stack>;
    pub(crate) type Gate = corosensei::Yielder<(), ()>;
}
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
pub(crate) use borrowed::{Gate, Switch, Switched};
#[cfg(all(
    not(feature = "sanitizer"),
    target_arch = "x86_64",
    target_os = "linux"
))]
pub(crate) use jump::{Gate, Switch, Switched};
