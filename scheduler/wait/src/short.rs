//! A lock for sections of a few instructions: taken by one read-modify-write, released by a store.
//!
//! A mutex that puts its waiters to sleep must learn at its release whether any sleep, which takes a
//! second read-modify-write. Here nobody sleeps in a queue. Who finds the lock taken looks again; after
//! some looks he offers his processor to others, and after some tens of those he sleeps between two
//! looks, for longer and longer up to a millisecond, so that a holder that lost its processor gets it
//! back. A holder never waits for anything, and no fiber is suspended with the lock held, so that is rare.
//!
//! It is not re-entrant, not fair, and not poisoned: what it guards is valid after each instruction.
//!
//! A model checker cannot tell looking again from getting nowhere, so in models a mutex stands in for the
//! word; what the lock guards is checked all the same.

use crate::facade::cell::UnsafeCell;
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

/// See the [module documentation](self).
pub struct ShortLock<T> {
    word: word::Word,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value, alone.
unsafe impl<T: Send> Send for ShortLock<T> {}
// SAFETY: the lock lets one thread at a time at the value, which is thereby sent from one to the next.
unsafe impl<T: Send> Sync for ShortLock<T> {}

impl<T> ShortLock<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Self {
        Self {
            word: word::Word::default(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock.
    ///
    /// # Blocking
    /// The calling thread, while another is in its section.
    #[inline(always)]
    pub fn lock(&self) -> ShortGuard<'_, T> {
        self.guard(self.word.lock())
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<ShortGuard<'_, T>> {
        self.word.try_lock().map(|held| self.guard(held))
    }

    #[inline(always)]
    fn guard<'a>(&'a self, held: word::Held<'a>) -> ShortGuard<'a, T> {
        ShortGuard {
            _held: held,
            value: &self.value,
            _not_send: PhantomData,
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
mod word {
    use crate::facade::{
        atomic::{AtomicBool, Ordering::*},
        hint, thread,
    };
    use std::time::Duration;

    /// How often to look in a row, how often then with the processor offered to others in between, and
    /// how long to sleep at most between two looks after that, in microseconds.
    const LOOKS: u32 = 64;
    const OFFERS: u32 = 32;
    const LONGEST_NAP: u64 = 1_000;

    #[derive(Default)]
    pub(super) struct Word(AtomicBool);

    pub(super) struct Held<'a>(&'a Word);

    impl Word {
        #[inline(always)]
        pub(super) fn lock(&self) -> Held<'_> {
            if !self.take() {
                self.lock_slow();
            }
            Held(self)
        }

        pub(super) fn try_lock(&self) -> Option<Held<'_>> {
            self.take().then_some(Held(self))
        }

        #[inline(always)]
        fn take(&self) -> bool {
            // Ordering: Acquire. Partner: the Release of whoever held it.
            !self.0.swap(true, Acquire)
        }

        #[cold]
        #[inline(never)]
        fn lock_slow(&self) {
            let (mut looks, mut nap) = (0, 20);
            // Liveness: the holder needs nothing but a processor to get on.
            loop {
                if looks < LOOKS {
                    hint::spin_loop();
                } else if looks < LOOKS + OFFERS {
                    thread::yield_now();
                } else {
                    thread::sleep(Duration::from_micros(nap));
                    nap = (nap * 2).min(LONGEST_NAP);
                }
                looks += 1;
                if !self.0.load(Relaxed) && self.take() {
                    return;
                }
            }
        }
    }

    impl Drop for Held<'_> {
        #[inline(always)]
        fn drop(&mut self) {
            // Ordering: Release. Partner: the Acquire in `take`.
            self.0.0.store(false, Release);
        }
    }
}

#[cfg(any(loom, shuttle))]
mod word {
    use crate::facade::{Mutex, MutexGuard};

    #[derive(Default)]
    pub(super) struct Word(Mutex<()>);

    pub(super) type Held<'a> = MutexGuard<'a, ()>;

    impl Word {
        pub(super) fn lock(&self) -> Held<'_> {
            self.0.lock()
        }

        pub(super) fn try_lock(&self) -> Option<Held<'_>> {
            self.0.try_lock()
        }
    }
}

/// The right to the value of a [`ShortLock`], which ends when this is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct ShortGuard<'a, T> {
    _held: word::Held<'a>,
    value: &'a UnsafeCell<T>,
    /// Nobody gets the value by way of a guard who may not have it otherwise.
    _not_send: PhantomData<*mut T>,
}

impl<T> Deref for ShortGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we hold the lock.
        self.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ShortGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock, and have the guard to ourselves.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: Default> Default for ShortLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for ShortGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_it() {
        const TIMES: u64 = 20_000;
        let lock = ShortLock::new(0_u64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..TIMES {
                        let mut value = lock.lock();
                        let seen = *value;
                        std::hint::black_box(&seen);
                        *value = seen + 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * TIMES);
    }

    #[test]
    fn a_taken_one_is_not_to_be_had() {
        let lock = ShortLock::new(1);
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(held);
        assert_eq!(lock.try_lock().as_deref(), Some(&1));
    }
}
