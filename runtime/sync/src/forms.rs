//! What the types of this crate repeat: the forms of a wait, and constructors that are `const`
//! except under a model checker, whose types cannot be made at compile time.

/// Gives a type that has `wait_with(deadline, stop) -> Result<$done, WaitError>` the other forms.
/// The documentation of the plain form is the caller's; what comes last makes examples of the others, as in
/// [`timed_forms!`](vitte_wait::timed_forms).
macro_rules! wait_forms {
    ($(#[$doc:meta])* -> $done:ty; $($example:tt)*) => {
        $(#[$doc])*
        #[inline]
        pub fn wait(&self) -> Result<$done, $crate::Canceled> {
            self.wait_with(vitte_wait::Deadline::NEVER, None)
                .map_err($crate::WaitError::of_untimed)
        }

        vitte_wait::timed_forms! {
            wait_with() -> Result<$done, $crate::WaitError>:
            wait_until wait_timeout wait_or_stop
            $($example)*
        }
    };
}

/// A constructor that is `const` where no model checker runs.
macro_rules! const_new {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> Self $body:block) => {
        #[cfg(not(any(loom, shuttle)))]
        $(#[$doc])*
        $vis const fn $name($($arg: $ty),*) -> Self $body

        #[cfg(any(loom, shuttle))]
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) -> Self $body
    };
}

pub(crate) use {const_new, wait_forms};
