//! The form of select whose arms are known when the program is written.

/// Waits for the first of several things, and runs what was written for it.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::{Channel, SendError, select, select::SelectError};
/// use vitte_wait::StopSource;
///
/// fn relay(source: StopSource) -> Result<u32, SelectError> {
///     let ((tx, rx), (out, end)) = (Channel::new(), Channel::bounded(1));
///     (1..=4).try_for_each(|n| tx.send(n)).unwrap();
///     let (stop, mut next, mut sum) = (source.token(), None, 0);
///     loop {
///         select! {
///             // Only while nothing is to be passed on.
///             recv(rx) -> n if next.is_none() => next = n.ok(),
///             // Only while something is: an empty slot is never sent.
///             offer(out, next) -> sent => sent.unwrap(),
///             recv(end) -> n => {
///                 sum += n.unwrap();
///                 if sum == 10 {
///                     source.stop();
///                 }
///             }
///             stop(stop) => return Ok(sum),
///             after(Duration::from_secs(60)) => panic!("{next:?} {sum}"),
///         }?;
///     }
/// }
/// assert_eq!(relay(StopSource::new()), Ok(10));
/// ```
///
/// # Arms
/// | | goes when | and yields |
/// |---|---|---|
/// | `recv(rx)` | there is a value, or the channel is closed and drained | `Result<T, RecvError>` |
/// | `send(tx, value)` | the value is sent, or the channel is closed | `Result<(), SendError<T>>` |
/// | `offer(tx, slot)` | the same, with the value in the place `slot: Option<T>`; it stays there unless it is sent | as `send` |
/// | `after(duration)`, `at(deadline)` | it is time | `()` |
/// | `stop(token)` | the stop was requested | `()` |
/// | `readable(it)`, `writable(it)` | a socket or the like, and whatever else has a `readable_arm` or a `writable_arm`, would not make the next call wait | `Ok`, or why that will never be known |
/// | `join(handle)` | the task, or the native thread, has ended | what a join returns |
/// | `arm(arm)` | as the [`Arm`](crate::select::Arm) says; `&mut arm` is one, too | what it says |
///
/// An arm is followed by `-> pattern` for what it yields, if that is wanted; by `if condition`, if it is
/// to take part only then; and by `=> expression,`. As in `match`, the comma may be left out after a
/// block. First all conditions are evaluated, then the expressions within all arms (also of those
/// that do not take part), each once and in the order of the text, and then arms are tried.
///
/// When an arm has gone, all arms are dropped (values that were not sent go with them, but for those
/// offered from a slot), and then its expression is evaluated: it may `return`, `break` or `?`. All have
/// one type.
///
/// Last there may be `default => expression`: then the select never waits, and if no arm can go at
/// once this is evaluated. Or `default(duration) => expression`, for when none could for so long.
///
/// # Value
/// That of the expression, in a `Result`; or, in the form with `default =>`, which cannot fail, the value
/// itself.
///
/// # Errors
/// [`SelectError::Canceled`](crate::select::SelectError::Canceled) if the calling unit is canceled while
/// it waits; never another one.
///
/// # Blocking
/// While no arm can go, a fiber suspends and a thread sleeps; not in the form with `default =>`.
///
/// # Cancellation
/// No arm went.
///
/// # Panics
/// As [`Wait::begin`](vitte_wait::Wait::begin).
#[macro_export]
macro_rules! select {
    // How each arm is made. Places are borrowed, and what is no place lives as long as the arm.
    (@make $arm:ident recv($rx:expr $(,)?)) => {
        let from = &$rx;
        let mut $arm = from.recv_arm();
    };
    (@make $arm:ident send($tx:expr, $value:expr $(,)?)) => {
        let to = &$tx;
        let mut $arm = to.send_arm($value);
    };
    (@make $arm:ident offer($tx:expr, $slot:expr $(,)?)) => {
        let to = &$tx;
        let mut $arm = to.offer_arm(&mut $slot);
    };
    (@make $arm:ident after($patience:expr $(,)?)) => {
        let mut $arm = $crate::select::after($patience);
    };
    (@make $arm:ident at($deadline:expr $(,)?)) => {
        let mut $arm = $crate::select::at($deadline);
    };
    (@make $arm:ident stop($token:expr $(,)?)) => {
        let on = &$token;
        let mut $arm = on.stop_arm();
    };
    (@make $arm:ident readable($it:expr $(,)?)) => {
        let on = &$it;
        let mut $arm = on.readable_arm();
    };
    (@make $arm:ident writable($it:expr $(,)?)) => {
        let on = &$it;
        let mut $arm = on.writable_arm();
    };
    (@make $arm:ident join($handle:expr $(,)?)) => {
        let mut $arm = $handle.join_arm();
    };
    (@make $arm:ident arm($made:expr $(,)?)) => {
        let mut $arm = $made;
    };
    (@make $arm:ident $other:ident $arguments:tt) => {
        ::std::compile_error!(::std::concat!(
            "no such arm of `select!`: `",
            ::std::stringify!($other $arguments),
            "`; there are recv(rx), send(tx, value), offer(tx, slot), after(duration), at(deadline), ",
            "stop(token), readable(it), writable(it), join(handle) and arm(arm)"
        ));
    };

    // What switches an arm off was evaluated before any arm was made, for it may look at the same places.
    (@switch $arm:ident $on:ident $when:expr) => {
        let mut $arm = $crate::select::When::new($on, $arm);
    };

    // All arms are read: asks the engine for one. If none has gone, `$otherwise` is evaluated.
    (@run $result:ident
        [$({$arm:ident $gone:ident $on:ident $what:ident $arguments:tt [$($out:pat)?] [$($when:expr)?] ($body:expr)})*]
        $engine:path[$($limit:expr)?], $otherwise:expr
    ) => {{
        let (which, $($gone,)*) = {
            $($(let $on: bool = $when;)?)*
            $(
                $crate::select!(@make $arm $what $arguments);
                $($crate::select!(@switch $arm $on $when);)?
            )*
            let which = $engine(&mut [$(&mut $arm),*] $(, $limit)?);
            (which, $($crate::select::Chosen::take(&mut $arm),)*)
        };
        $crate::select!(@$result which,
            $(if let ::std::option::Option::Some($($out,)? ..) = $gone { $body } else)* {
                // Not of type `!`, lest the compiler warn of what follows if all expressions are.
                match ::std::option::Option::None {
                    ::std::option::Option::None => $otherwise,
                    ::std::option::Option::Some(value) => value,
                }
            }
        )
    }};
    (@fallible $which:ident, $value:expr) => {
        match $which {
            ::std::result::Result::Ok(_) => ::std::result::Result::Ok($value),
            ::std::result::Result::Err(error) => ::std::result::Result::Err(error),
        }
    };
    (@infallible $which:ident, $value:expr) => {{
        let _ = $which;
        $value
    }};

    // Reads one arm after the other. The names in each are new ones: they are this expansion's.
    (@read $arms:tt default => $instead:expr $(,)?) => {
        $crate::select!(@run infallible $arms $crate::select::try_select[], $instead)
    };
    (@read $arms:tt default($patience:expr $(,)?) => $instead:expr $(,)?) => {
        $crate::select!(@run fallible $arms $crate::select::select_for[$patience], $instead)
    };
    (@read $arms:tt) => {
        $crate::select!(@run fallible $arms $crate::select::select_for_ever[],
            ::std::unreachable!("a select that does not fail has gone by an arm"))
    };
    (@read [$($arms:tt)*]
        $what:ident $arguments:tt $(-> $out:pat)? $(if $when:expr)? => $body:expr, $($rest:tt)*
    ) => {
        $crate::select!(@read
            [$($arms)* {arm gone on $what $arguments [$($out)?] [$($when)?] ($body)}] $($rest)*)
    };
    (@read [$($arms:tt)*]
        $what:ident $arguments:tt $(-> $out:pat)? $(if $when:expr)? => $body:block $($rest:tt)*
    ) => {
        $crate::select!(@read
            [$($arms)* {arm gone on $what $arguments [$($out)?] [$($when)?] ($body)}] $($rest)*)
    };
    (@read [$($arms:tt)*]
        $what:ident $arguments:tt $(-> $out:pat)? $(if $when:expr)? => $body:expr
    ) => {
        $crate::select!(@read
            [$($arms)* {arm gone on $what $arguments [$($out)?] [$($when)?] ($body)}])
    };
    (@read $arms:tt $($rest:tt)*) => {
        ::std::compile_error!(::std::concat!(
            "`select!` expected `what(..) -> pattern if condition => expression,` (with or without the \
             pattern and the condition), or `default` last, at: ",
            ::std::stringify!($($rest)*)
        ));
    };

    ($($arms:tt)*) => { $crate::select!(@read [] $($arms)*) };
}
