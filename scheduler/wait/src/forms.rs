//! The forms of a wait that are made of the one that takes everything.
//!
//! A verb `x` that waits has `x_with(.., deadline, stop)`. What else a caller may say (until when, for
//! how long, or until he is stopped) is the same for every verb of every crate, so it is written here.

/// Gives a type that has `x_with(&self, .., Deadline, Option<&StopToken>)` the forms that name only one of
/// the two: until a deadline, for a while, and until a stop. What takes itself otherwise says so first: `mut` for `&mut
/// self`, `self`, or `static` for an associated function; `fn` makes free functions of one. Generic parameters stand in
/// angle brackets, each with a bound; several bounds of one stand in brackets: `<T: [Send + 'static]>`.
///
/// ```
/// use vitte_wait::{Deadline, Outcome, StopToken, Wait, timed_forms};
/// use std::time::Duration;
///
/// struct Nap;
///
/// impl Nap {
///     fn take_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
///         Wait::park_token(deadline, stop)
///     }
///
///     timed_forms! { take_with() -> Outcome: take_until take_timeout take_or_stop }
/// }
///
/// assert_eq!(Nap.take_timeout(Duration::from_millis(1)), Outcome::TimedOut);
/// ```
#[macro_export]
macro_rules! timed_forms {
    (
        @as [$($call:tt)*] [$($me:tt)*] [$($path:literal)?]
        $with:ident $(<$($generic:ident: $(?$relaxed:ident)? $($bound:path)? $([$($bounds:tt)+])?),+>)? ($($arg:ident: $of:ty),*) -> $value:ty:
        $until:ident $timeout:ident $or_stop:ident
    ) => {
        #[doc = concat!("[`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, " a deadline only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, ", but never stopped.")]
        #[inline]
        pub fn $until $(<$($generic: $(?$relaxed)? $($bound)? $($($bounds)+)?),+>)? (
            $($me)*
            $($arg: $of,)*
            deadline: $crate::Deadline,
        ) -> $value {
            $($call)* $with($($arg,)* deadline, None)
        }

        #[doc = concat!("[`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, " a deadline that is `patience` from now.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, ", but never stopped.")]
        #[inline]
        pub fn $timeout $(<$($generic: $(?$relaxed)? $($bound)? $($($bounds)+)?),+>)? (
            $($me)*
            $($arg: $of,)*
            patience: std::time::Duration,
        ) -> $value {
            $($call)* $with($($arg,)* $crate::Deadline::after(patience), None)
        }

        #[doc = concat!("[`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, " a stop token only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, ", but never timed out.")]
        #[inline]
        pub fn $or_stop $(<$($generic: $(?$relaxed)? $($bound)? $($($bounds)+)?),+>)? (
            $($me)*
            $($arg: $of,)*
            stop: &$crate::StopToken,
        ) -> $value {
            $($call)* $with($($arg,)* $crate::Deadline::NEVER, Some(stop))
        }
    };
    // A verb is none of the words of the language, so these are told apart.
    (fn $($form:tt)*) => { $crate::timed_forms! { @as [] [] [] $($form)* } };
    (static $($form:tt)*) => { $crate::timed_forms! { @as [Self::] [] ["Self::"] $($form)* } };
    (mut $($form:tt)*) => { $crate::timed_forms! { @as [self.] [&mut self,] ["Self::"] $($form)* } };
    (self $($form:tt)*) => { $crate::timed_forms! { @as [self.] [self,] ["Self::"] $($form)* } };
    ($($form:tt)*) => { $crate::timed_forms! { @as [self.] [&self,] ["Self::"] $($form)* } };
}
