//! Sizes of tests that are long: a part of it always, all of it when asked for.

use std::time::Duration;
use vitte_wait::Deadline;

/// Whether the environment asks for the full size of long tests: `VITTE_STORM=full`.
#[must_use]
pub fn is_full() -> bool {
    std::env::var("VITTE_STORM").is_ok_and(|size| size == "full")
}

/// The numbers below `most`: as many as there is time for in `patience`, or all of them if the full size is asked for.
///
/// ```
/// use std::time::Duration;
///
/// assert!(vitte_tests::rounds(100, Duration::from_secs(60)).eq(0..100));
/// ```
pub fn rounds(most: usize, patience: Duration) -> impl Iterator<Item = usize> {
    let end = if is_full() {
        Deadline::NEVER
    } else {
        Deadline::after(patience)
    };
    (0..most).take_while(move |_| !end.is_past())
}
