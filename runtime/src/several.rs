//! `parallel!` and `race!`: blocks of bodies that return different things.
//!
//! Each body leaves its value in a place of its own, and the functions of [`together`](fn@crate::parallel) do the rest.

use crate::{ParallelError, RaceError, parallel_with, race_with};
use vitte_wait::{Deadline, StopToken};

/// What the functions make of a body: its value is where it was told to leave it.
type Left<'a, E> = Box<dyn FnOnce(&StopToken) -> Result<(), E> + Send + 'a>;

/// Gives a closure the type of a body.
#[doc(hidden)]
pub fn body<T, E, F>(body: F) -> F
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
{
    body
}

/// Gives closures the types of a body, and of what becomes of its value.
#[doc(hidden)]
pub fn branch<T, R, E, F, H>(body: F, then: H) -> (F, H)
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    H: FnOnce(T) -> R,
{
    (body, then)
}

/// A tuple of bodies.
#[doc(hidden)]
pub trait Parallel<E> {
    /// What they return.
    type Values;

    /// # Errors
    /// As [`parallel`](crate::parallel).
    fn run(
        self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Self::Values, ParallelError<(), E>>;
}

/// A tuple of bodies, each with what becomes of its value.
#[doc(hidden)]
pub trait Race<R, E> {
    /// # Errors
    /// As [`race`](crate::race).
    fn run(self, deadline: Deadline, stop: Option<&StopToken>) -> Result<R, RaceError<E>>;
}

/// A body that leaves its value in `place`.
fn leaving<'a, T: Send, E>(
    place: &'a mut Option<T>,
    body: impl FnOnce(&StopToken) -> Result<T, E> + Send + 'a,
) -> Left<'a, E> {
    Box::new(move |token| {
        *place = Some(body(token)?);
        Ok(())
    })
}

macro_rules! tuples {
    ($(($($body:ident $value:ident $then:ident $place:ident $index:literal),+))+) => {$(
        impl<E: Send, $($value: Send, $body),+> Parallel<E> for ($($body,)+)
        where
            $($body: FnOnce(&StopToken) -> Result<$value, E> + Send),+
        {
            type Values = ($($value,)+);

            #[allow(non_snake_case, reason = "a body is called as its type")]
            fn run(
                self,
                deadline: Deadline,
                stop: Option<&StopToken>,
            ) -> Result<Self::Values, ParallelError<(), E>> {
                let ($($body,)+) = self;
                $(let mut $place = None;)+
                parallel_with(vec![$(leaving(&mut $place, $body)),+], deadline, stop)?;
                match ($($place,)+) {
                    ($(Some($place),)+) => Ok(($($place,)+)),
                    _ => unreachable!("a body that succeeded left nothing"),
                }
            }
        }

        impl<R, E: Send, $($value: Send, $body, $then),+> Race<R, E> for ($(($body, $then),)+)
        where
            $($body: FnOnce(&StopToken) -> Result<$value, E> + Send, $then: FnOnce($value) -> R),+
        {
            #[allow(non_snake_case, reason = "a body is called as its type")]
            fn run(self, deadline: Deadline, stop: Option<&StopToken>) -> Result<R, RaceError<E>> {
                let ($(($body, $then),)+) = self;
                $(let mut $place = None;)+
                let won = race_with(vec![$(leaving(&mut $place, $body)),+], deadline, stop)?;
                // Others may have come to an end, too, but too late.
                $(if won.index == $index && let Some(value) = $place {
                    return Ok($then(value));
                })+
                unreachable!("the body that won left nothing")
            }
        }
    )+};
}

tuples! {
    (A TA HA a 0)
    (A TA HA a 0, B TB HB b 1)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2, D TD HD d 3)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2, D TD HD d 3, F TF HF f 4)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2, D TD HD d 3, F TF HF f 4, G TG HG g 5)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2, D TD HD d 3, F TF HF f 4, G TG HG g 5, H TH HH h 6)
    (A TA HA a 0, B TB HB b 1, C TC HC c 2, D TD HD d 3, F TF HF f 4, G TG HG g 5, H TH HH h 6, I TI HI i 7)
}

/// As the function [`parallel`](fn@crate::parallel), for up to eight bodies that return different things: the values are a
/// tuple. All fail with the same type of error. Behind a semicolon may follow a deadline and an optional stop token.
///
/// # Errors
/// # Cancellation
/// # Blocking
/// As the function.
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Deadline, Runtime, parallel};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// runtime.run(|| {
///     let text = "to be or not to be";
///     let (length, words) = parallel!(
///         |_| Ok::<_, String>(text.len()),
///         |_| Ok(text.split(' ').collect::<Vec<_>>()),
///     )
///     .unwrap();
///     assert_eq!((length, words[3]), (18, "not"));
///     let error = parallel!(
///         |_| Ok(1),
///         |_| Err::<u8, _>("it fails");
///         Deadline::after(Duration::from_secs(60)), None
///     );
///     assert_eq!(error.unwrap_err().first, Some(1));
/// });
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
#[macro_export]
macro_rules! parallel {
    ($($body:expr),+ $(,)?) => {
        $crate::parallel!($($body),+; $crate::Deadline::NEVER, ::core::option::Option::None)
    };
    ($($body:expr),+ $(,)?; $deadline:expr, $stop:expr $(,)?) => {
        $crate::several::Parallel::run(($($crate::several::body($body),)+), $deadline, $stop)
    };
}

/// As the function [`race`](fn@crate::race), for up to eight bodies that return different things: behind each stands what is
/// made of its value if it wins, by the caller, when all are over. All fail with the same type of error. Behind a semicolon
/// may follow a deadline and an optional stop token.
///
/// # Errors
/// # Cancellation
/// # Blocking
/// As the function.
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Runtime, race, sleep};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let said = runtime.run(|| {
///     race! {
///         |_| Ok::<_, &str>(sleep(Duration::from_secs(3600))) => |_| "an hour has gone".to_owned(),
///         |_| Ok(6 * 7) => |number| format!("the answer is {number}"),
///     }
/// });
/// assert_eq!(said.unwrap(), "the answer is 42");
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
#[macro_export]
macro_rules! race {
    ($($body:expr => $then:expr),+ $(,)?) => {
        $crate::race!($($body => $then),+; $crate::Deadline::NEVER, ::core::option::Option::None)
    };
    ($($body:expr => $then:expr),+ $(,)?; $deadline:expr, $stop:expr $(,)?) => {
        $crate::several::Race::run(
            ($($crate::several::branch($body, $then),)+),
            $deadline,
            $stop,
        )
    };
}
