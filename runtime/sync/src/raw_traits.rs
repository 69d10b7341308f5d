//! What fronts of `lock_api` ask of a lock, for [`RawMutex`].

use crate::{
    lock_error::DEADLOCK,
    raw::{Patience, RawMutex, Refused},
};
use std::time::{Duration, Instant};
use vitte_wait::Deadline;

// SAFETY: the word has one holder at a time, by compare-and-swap or by hand-over.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self::new();
    /// The mark is on the stack of the unit that holds it.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        match self.take(Patience::ENDLESS) {
            Ok(_) => {}
            Err(Refused::Deadlock) => panic!("{DEADLOCK}"),
            Err(Refused::Ended(_)) => unreachable!("nothing else ends this wait"),
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.try_take().is_some()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.release_unmarked();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        RawMutex::is_locked(self)
    }
}

// SAFETY: a hand-over leaves the lock held, by somebody else.
unsafe impl lock_api::RawMutexFair for RawMutex {
    #[inline]
    unsafe fn unlock_fair(&self) {
        if self.is_waited_for() {
            self.release_slow(true);
        } else {
            self.release_unmarked();
        }
    }
}

impl RawMutex {
    fn take_until(&self, deadline: Deadline) -> bool {
        let patience = Patience {
            deadline,
            ..Patience::ENDLESS
        };
        match self.take(patience) {
            Ok(_) => true,
            Err(Refused::Deadlock) => panic!("{DEADLOCK}"),
            Err(Refused::Ended(_)) => false,
        }
    }
}

// SAFETY: as for `lock`.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.try_take().is_some() || self.take_until(Deadline::after(timeout))
    }

    #[inline]
    fn try_lock_until(&self, timeout: Instant) -> bool {
        self.try_take().is_some() || self.take_until(Deadline::at(timeout))
    }
}
