//! What fronts of `lock_api` ask of a lock, for [`RawMutex`] and [`RawRwLock`].

use crate::{
    RawMutex, RawRwLock,
    lock_error::DEADLOCK,
    raw::{Patience, Refused},
};
use std::{
    num::NonZeroUsize,
    ptr,
    time::{Duration, Instant},
};
use vitte_wait::{Deadline, current};

/// Patience until `deadline`, and as long as it takes otherwise.
fn until(deadline: Deadline) -> Patience<'static> {
    Patience {
        deadline,
        ..Patience::ENDLESS
    }
}

/// Whether it was given. A front has no way to say that the caller would wait for itself.
fn given<T>(taken: Result<T, Refused>) -> bool {
    match taken {
        Ok(_) => true,
        Err(Refused::Deadlock) => panic!("{DEADLOCK}"),
        Err(Refused::Ended(_)) => false,
    }
}

// SAFETY: the word has one holder at a time, by compare-and-swap or by hand-over.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self::new();
    /// The mark is on the stack of the unit that holds it.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        let taken = given(self.take(Patience::ENDLESS));
        debug_assert!(taken, "nothing else ends this wait");
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

// SAFETY: as for `lock`.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.try_take().is_some() || given(self.take(until(Deadline::after(timeout))))
    }

    #[inline]
    fn try_lock_until(&self, timeout: Instant) -> bool {
        self.try_take().is_some() || given(self.take(until(Deadline::at(timeout))))
    }
}

// SAFETY: writers exclude each other and readers, by the word or by whoever lets them in.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: Self = Self::new();

    /// Marks are on the stacks of the units that are inside.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock_shared(&self) {
        let taken = given(self.read(Patience::ENDLESS));
        debug_assert!(taken, "nothing else ends this wait");
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.try_read().is_some()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        self.leave_reading_unnamed();
    }

    #[inline]
    fn lock_exclusive(&self) {
        let taken = given(self.write(Patience::ENDLESS));
        debug_assert!(taken, "nothing else ends this wait");
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.try_write()
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.leave_writing();
    }

    #[inline]
    fn is_locked(&self) -> bool {
        RawRwLock::is_locked(self)
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        RawRwLock::is_locked_exclusive(self)
    }
}

// SAFETY: who leaves lets in those who wait, if it is their turn, whatever form he leaves by.
unsafe impl lock_api::RawRwLockFair for RawRwLock {
    #[inline]
    unsafe fn unlock_shared_fair(&self) {
        self.leave_reading_unnamed();
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self) {
        self.leave_writing();
    }
}

// SAFETY: the writer becomes a reader in one step.
unsafe impl lock_api::RawRwLockDowngrade for RawRwLock {
    #[inline]
    unsafe fn downgrade(&self) {
        // It is found again by its mark.
        let _ = RawRwLock::downgrade(self);
    }
}

// SAFETY: one who reads already enters beside a writer that waits, by whatever form he asks.
unsafe impl lock_api::RawRwLockRecursive for RawRwLock {
    #[inline]
    fn lock_shared_recursive(&self) {
        lock_api::RawRwLock::lock_shared(self);
    }

    #[inline]
    fn try_lock_shared_recursive(&self) -> bool {
        self.try_read().is_some()
    }
}

// SAFETY: as for the forms without a limit.
unsafe impl lock_api::RawRwLockTimed for RawRwLock {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        given(self.read(until(Deadline::after(timeout))))
    }

    #[inline]
    fn try_lock_shared_until(&self, timeout: Instant) -> bool {
        given(self.read(until(Deadline::at(timeout))))
    }

    #[inline]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        given(self.write(until(Deadline::after(timeout))))
    }

    #[inline]
    fn try_lock_exclusive_until(&self, timeout: Instant) -> bool {
        given(self.write(until(Deadline::at(timeout))))
    }
}

// SAFETY: as for `RawRwLockRecursive`.
unsafe impl lock_api::RawRwLockRecursiveTimed for RawRwLock {
    #[inline]
    fn try_lock_shared_recursive_for(&self, timeout: Duration) -> bool {
        lock_api::RawRwLockTimed::try_lock_shared_for(self, timeout)
    }

    #[inline]
    fn try_lock_shared_recursive_until(&self, timeout: Instant) -> bool {
        lock_api::RawRwLockTimed::try_lock_shared_until(self, timeout)
    }
}

/// Tells fibers and threads apart, for `lock_api`'s lock that its holder may take again.
///
/// ```
/// type Reentrant<T> = lock_api::ReentrantMutex<vitte_sync::RawMutex, vitte_sync::UnitNumber, T>;
///
/// static TWICE: Reentrant<u8> = Reentrant::new(7);
/// let (one, two) = (TWICE.lock(), TWICE.lock());
/// assert_eq!(*one + *two, 14);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct UnitNumber;

// SAFETY: no two units that live have one address, and none has zero.
unsafe impl lock_api::GetThreadId for UnitNumber {
    const INIT: Self = Self;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        ptr::NonNull::from(current::unit()).addr()
    }
}
