//! Deadlines: absolute points on the monotonic clock, and what it means that one ended a wait.

use crate::{VT_EAGAIN, VT_ECANCELED, VT_EINVAL, VT_ETIMEDOUT, boundary::Answer};
use vitte_wait::{Deadline, Outcome, facade::clock};

/// A deadline that is never reached.
pub const VT_FOREVER: i64 = i64::MAX;
/// A deadline that is past: the call only tries, never blocks, and says `VT_EAGAIN`.
pub const VT_NOW: i64 = 0;

/// Nanoseconds on the clock that deadlines count on: `CLOCK_MONOTONIC` on Unix. `[any]` `[sig]`
#[unsafe(no_mangle)]
pub extern "C" fn vt_now() -> i64 {
    // Three hundred years after the machine's start this saturates.
    i64::try_from(clock::now()).unwrap_or(VT_FOREVER)
}

/// The deadline at `nanos`; `VT_EINVAL` if negative, which is a sum that went wrong.
pub(crate) fn deadline(nanos: i64) -> Answer<Deadline> {
    match nanos {
        VT_FOREVER => Ok(Deadline::NEVER),
        _ => u64::try_from(nanos)
            .map(Deadline::from_nanos)
            .map_err(|_| VT_EINVAL),
    }
}

/// What a wait up to `nanos` that ended with `outcome` answers.
pub(crate) fn ended(outcome: Outcome, nanos: i64) -> Answer {
    match outcome {
        Outcome::Woken => Ok(()),
        Outcome::TimedOut => Err(late(nanos)),
        Outcome::Canceled | Outcome::Stopped => Err(VT_ECANCELED),
    }
}

/// What a wait up to `nanos` that took too long answers.
pub(crate) fn late(nanos: i64) -> crate::vt_status {
    if nanos == VT_NOW {
        VT_EAGAIN
    } else {
        VT_ETIMEDOUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_translate_at_their_ends() {
        assert_eq!(deadline(VT_NOW), Ok(Deadline::NOW));
        assert_eq!(deadline(VT_FOREVER), Ok(Deadline::NEVER));
        assert_eq!(deadline(5), Ok(Deadline::from_nanos(5)));
        assert_eq!(deadline(-1), Err(VT_EINVAL));
    }

    #[test]
    fn a_try_that_fails_is_told_from_a_wait_that_took_too_long() {
        assert_eq!(ended(Outcome::TimedOut, VT_NOW), Err(VT_EAGAIN));
        assert_eq!(ended(Outcome::TimedOut, 1), Err(VT_ETIMEDOUT));
    }
}
