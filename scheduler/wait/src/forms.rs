//! The forms of a wait that are made of the one that takes everything.
//!
//! A verb `x` that waits has `x_with(.., deadline, stop)`. What else a caller may say (until when, for
//! how long, or until he is stopped) is the same for every verb of every crate, so it is written here,
//! and so is what an example of each looks like.

/// Gives a type that has `x_with(&self, .., Deadline, Option<&StopToken>)` the forms that name only one of
/// the two: until a deadline, for a while, and until a stop. What takes itself otherwise says so first: `mut` for `&mut
/// self`, `self`, or `static` for an associated function; `fn` makes free functions of one. Generic parameters stand in
/// angle brackets, each with a bound; several bounds of one stand in brackets: `<T: [Send + 'static]>`.
///
/// Each has an example, if the end says what it is made of: the crate that `Deadline` and `StopToken` are imported from, with
/// what else is imported from there; what is there before the call; what comes before the verb, between its parentheses, and
/// after them; and what the call, which waits in vain, ends in. That is `Err(E)` for an error `E::TimedOut` or `E::Stopped` (with
/// what was not sent: `Err(E(_))`), an `Outcome`, `outcome` for an error that has one, or `io` for one that `WaitError::of` knows. Of a call that gets what it waits
/// for, lines say instead what is `got`, or `got io` if that may be an error of the system.
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
///     timed_forms! {
///         take_with() -> Outcome: take_until take_timeout take_or_stop
///         in vitte_wait { Outcome }
///         /// use naps::Nap;
///         "Nap." () => Outcome
///     }
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
        $(
            in $home:ident $({ $($item:ident),+ })?
            $(#[doc = $setup:expr])*
            $on:literal ($($given:expr)?) $($then:literal)? => $($fate:tt)+
        )?
    ) => {
        #[doc = concat!("[`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, " a deadline only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`]" $(, "(", $path, stringify!($with), ")")?, ", but never stopped.")]
        $(
            #[doc = ""]
            #[doc = " ```"]
            #[doc = $crate::timed_forms!(@uses until $home [$($($item)+)?] $($fate)+)]
            $(#[doc = $setup])*
            #[doc = concat!(
                $crate::timed_forms!(@let $($fate)+), $on, stringify!($until), "(", $($given, ", ",)?
                $crate::timed_forms!(@until $($fate)+), ")", $($then,)? ";"
            )]
            #[doc = $crate::timed_forms!(@ended "TimedOut" $($fate)+)]
            #[doc = " ```"]
        )?
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
        $(
            #[doc = ""]
            #[doc = " ```"]
            #[doc = $crate::timed_forms!(@uses timeout $home [$($($item)+)?] $($fate)+)]
            $(#[doc = $setup])*
            #[doc = concat!(
                $crate::timed_forms!(@let $($fate)+), $on, stringify!($timeout), "(", $($given, ", ",)?
                $crate::timed_forms!(@timeout $($fate)+), ")", $($then,)? ";"
            )]
            #[doc = $crate::timed_forms!(@ended "TimedOut" $($fate)+)]
            #[doc = " ```"]
        )?
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
        $(
            #[doc = ""]
            #[doc = " ```"]
            #[doc = $crate::timed_forms!(@uses or_stop $home [$($($item)+)?] $($fate)+)]
            $(#[doc = $setup])*
            #[doc = $crate::timed_forms!(@source $($fate)+)]
            #[doc = concat!(
                $crate::timed_forms!(@let $($fate)+), $on, stringify!($or_stop), "(", $($given, ", ",)?
                $crate::timed_forms!(@or_stop $($fate)+), ")", $($then,)? ";"
            )]
            #[doc = $crate::timed_forms!(@ended "Stopped" $($fate)+)]
            #[doc = " ```"]
        )?
        #[inline]
        pub fn $or_stop $(<$($generic: $(?$relaxed)? $($bound)? $($($bounds)+)?),+>)? (
            $($me)*
            $($arg: $of,)*
            stop: &$crate::StopToken,
        ) -> $value {
            $($call)* $with($($arg,)* $crate::Deadline::NEVER, Some(stop))
        }
    };
    // Lines of an example.
    (@uses until $home:ident $items:tt got $($rest:tt)+) => {
        concat!(" use std::time::Duration;\n", $crate::timed_forms!(@use $home "Deadline", $items))
    };
    (@uses until $home:ident $items:tt $($fate:tt)+) => { $crate::timed_forms!(@use $home "Deadline", $items) };
    (@uses timeout $home:ident [] $($fate:tt)+) => { " use std::time::Duration;" };
    (@uses timeout $home:ident [$item:ident] $($fate:tt)+) => {
        concat!(" use std::time::Duration;\n use ", stringify!($home), "::", stringify!($item), ";")
    };
    (@uses timeout $home:ident [$first:ident $($item:ident)+] $($fate:tt)+) => {
        concat!(" use std::time::Duration;\n", $crate::timed_forms!(@use $home stringify!($first), [$($item)+]))
    };
    (@uses or_stop $home:ident $items:tt $($fate:tt)+) => { $crate::timed_forms!(@use $home "StopSource", $items) };
    (@use $home:ident $name:expr, []) => { concat!(" use ", stringify!($home), "::", $name, ";") };
    (@use $home:ident $name:expr, [$($item:ident)+]) => {
        concat!(" use ", stringify!($home), "::{", $name, $(", ", stringify!($item),)+ "};")
    };
    (@source got $($rest:tt)+) => { " let source = StopSource::new();" };
    (@source $($fate:tt)+) => { " let source = StopSource::new();\n source.stop();" };
    (@let got $($rest:tt)+) => { " let got = " };
    (@let $($fate:tt)+) => { " let ended = " };
    (@until got $($rest:tt)+) => { "Deadline::after(Duration::from_secs(5))" };
    (@until $($fate:tt)+) => { "Deadline::NOW" };
    (@timeout got $($rest:tt)+) => { "Duration::from_secs(5)" };
    // A file is never waited for, so a call of one ends in vain only if there is no time at all.
    (@timeout io) => { "Duration::ZERO" };
    (@timeout $($fate:tt)+) => { "Duration::from_millis(1)" };
    (@or_stop $($fate:tt)+) => { "&source.token()" };
    (@ended $end:literal got $first:literal $($line:literal)*) => { concat!(" ", $first $(, "\n ", $line)*) };
    (@ended $end:literal got io $($line:literal)+) => {
        concat!($(" ", $line, "\n",)+ " # Ok::<(), std::io::Error>(())")
    };
    (@ended $end:literal io) => {
        concat!(
            " assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::", $end, "));\n",
            " # Ok::<(), std::io::Error>(())"
        )
    };
    (@ended $end:literal outcome) => {
        concat!(" assert_eq!(ended.unwrap_err().outcome, Some(Outcome::", $end, "));")
    };
    (@ended $end:literal Err($error:ident(_))) => {
        concat!(" assert!(matches!(ended, Err(", stringify!($error), "::", $end, "(_))));")
    };
    (@ended $end:literal Err($error:ident)) => {
        concat!(" assert!(matches!(ended, Err(", stringify!($error), "::", $end, ")));")
    };
    (@ended $end:literal $outcome:ident) => { concat!(" assert_eq!(ended, ", stringify!($outcome), "::", $end, ");") };
    // A verb is none of the words of the language, so these are told apart.
    (fn $($form:tt)*) => { $crate::timed_forms! { @as [] [] [] $($form)* } };
    (static $($form:tt)*) => { $crate::timed_forms! { @as [Self::] [] ["Self::"] $($form)* } };
    (mut $($form:tt)*) => { $crate::timed_forms! { @as [self.] [&mut self,] ["Self::"] $($form)* } };
    (self $($form:tt)*) => { $crate::timed_forms! { @as [self.] [self,] ["Self::"] $($form)* } };
    ($($form:tt)*) => { $crate::timed_forms! { @as [self.] [&self,] ["Self::"] $($form)* } };
}
