//! A lock for sections of a few instructions: taken by one read-modify-write, or by none by a thread for which it is
//! [reserved](crate::reservation), and released by a store.
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

use crate::{current::Here, facade::cell::UnsafeCell, reservation::me};
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

    /// A free lock around `value`, which is reserved for the calling thread.
    #[cfg(any(loom, shuttle))]
    pub fn reserved(value: T) -> Self {
        Self {
            word: word::Word::reserved(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock.
    ///
    /// # Blocking
    /// The calling thread, while another is in its section.
    #[inline(always)]
    pub fn lock(&self) -> ShortGuard<'_, T> {
        self.guard(self.word.lock(me))
    }

    /// As [`lock`](Self::lock), for a caller that has looked up where it is.
    #[inline(always)]
    pub fn lock_here(&self, here: Here) -> ShortGuard<'_, T> {
        self.guard(self.word.lock(|| here.mark()))
    }

    /// Takes the lock if it is free.
    ///
    /// # Blocking
    /// As [`lock`](Self::lock), the first time that another thread has it than the one for which it is reserved.
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
    use super::wait_while;
    use crate::{
        facade::atomic::Ordering::*,
        reservation::{Raised, Reservation, me},
    };

    #[derive(Default)]
    pub(super) struct Word {
        reservation: Reservation,
    }

    /// One of two flags is up: that of the lock itself, or that of its reservation.
    pub(super) type Held<'a> = Raised<'a>;

    impl Word {
        #[inline(always)]
        pub(super) fn lock(&self, me: impl FnOnce() -> usize) -> Held<'_> {
            if let Some(inside) = self.reservation.enter(me) {
                return inside;
            }
            if !self.take() {
                self.lock_slow();
            }
            self.settled()
        }

        pub(super) fn try_lock(&self) -> Option<Held<'_>> {
            // It may be the caller who has it, and either way.
            if self.is_taken() || self.reservation.is_inside() {
                return None;
            }
            if let Some(inside) = self.reservation.enter(me) {
                return Some(inside);
            }
            self.take().then(|| self.settled())
        }

        #[inline(always)]
        fn settled(&self) -> Held<'_> {
            self.reservation.settle();
            Raised(&self.reservation.taken)
        }

        #[inline(always)]
        fn is_taken(&self) -> bool {
            self.reservation.taken.load(Relaxed)
        }

        #[inline(always)]
        fn take(&self) -> bool {
            // Ordering: Acquire. Partner: the Release of whoever held it.
            !self.reservation.taken.swap(true, Acquire)
        }

        #[cold]
        #[inline(never)]
        fn lock_slow(&self) {
            // Liveness: the holder needs nothing but a processor to get on.
            wait_while(|| self.is_taken() || !self.take());
        }
    }
}

/// Looks again until it is not so: a few times in a row, then with the processor offered to others in between, and then
/// after longer and longer naps.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn wait_while(is_so: impl Fn() -> bool) {
    use crate::facade::{hint, thread};

    /// How often to look in each of the first two ways, and how long to sleep at most between two looks, in
    /// microseconds.
    const LOOKS: u32 = 64;
    const OFFERS: u32 = 32;
    const LONGEST_NAP: u64 = 1_000;
    let (mut looks, mut nap) = (0, 20);
    while is_so() {
        if looks < LOOKS {
            hint::spin_loop();
        } else if looks < LOOKS + OFFERS {
            thread::yield_now();
        } else {
            thread::sleep(std::time::Duration::from_micros(nap));
            nap = (nap * 2).min(LONGEST_NAP);
        }
        looks += 1;
    }
}

#[cfg(any(loom, shuttle))]
pub(crate) fn wait_while(is_so: impl Fn() -> bool) {
    while is_so() {
        crate::facade::thread::yield_now();
    }
}

#[cfg(any(loom, shuttle))]
mod word {
    use crate::{
        facade::{Mutex, MutexGuard},
        reservation::{Raised, Reservation},
    };

    #[derive(Default)]
    pub(super) struct Word {
        taken: Mutex<()>,
        /// Only in the models of reservations: elsewhere it would be there for nothing but more schedules.
        reservation: Option<Reservation>,
    }

    pub(super) enum Held<'a> {
        Taken { _guard: MutexGuard<'a, ()> },
        Inside { _flag: Raised<'a> },
    }

    impl Word {
        pub(super) fn reserved() -> Self {
            Self {
                taken: Mutex::default(),
                reservation: Some(Reservation::for_caller()),
            }
        }

        pub(super) fn lock(&self, me: impl FnOnce() -> usize) -> Held<'_> {
            let reservation = self.reservation.as_ref();
            if let Some(flag) = reservation.and_then(|reservation| reservation.enter(me)) {
                return Held::Inside { _flag: flag };
            }
            let guard = self.taken.lock();
            reservation.inspect(|reservation| reservation.settle());
            Held::Taken { _guard: guard }
        }

        pub(super) fn try_lock(&self) -> Option<Held<'_>> {
            if self
                .reservation
                .as_ref()
                .is_some_and(Reservation::is_inside)
            {
                return None;
            }
            self.taken.try_lock().map(|guard| {
                self.reservation
                    .as_ref()
                    .inspect(|reservation| reservation.settle());
                Held::Taken { _guard: guard }
            })
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
    use crate::facade::atomic::{AtomicUsize, Ordering::Relaxed};

    #[test]
    fn one_at_a_time_holds_it() {
        const TIMES: u64 = 20_000;
        let lock = ShortLock::new(0_u64);
        // All are alive at once, as in the last of these tests.
        let begun = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    begun.fetch_add(1, Relaxed);
                    for _ in 0..TIMES {
                        let mut value = lock.lock();
                        let seen = *value;
                        std::hint::black_box(&seen);
                        *value = seen + 1;
                    }
                    while begun.load(Relaxed) < 4 {
                        std::thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 4 * TIMES);
    }

    /// More often than a thread takes a lock before it reserves it.
    const LONG: u64 = 1_000;

    #[test]
    fn a_taken_one_is_not_to_be_had() {
        crate::fence::prepare();
        let lock = ShortLock::new(1);
        for _ in 0..LONG {
            let held = lock.lock();
            assert!(lock.try_lock().is_none());
            drop(held);
            assert_eq!(lock.try_lock().as_deref(), Some(&1));
        }
    }

    #[test]
    fn a_thread_that_had_it_to_itself_gives_it_to_others() {
        crate::fence::prepare();
        let lock = ShortLock::new(0_u64);
        // All are alive at once: one that began after the first has ended might have its reservation, by a place in memory
        // that the system hands on, of which ThreadSanitizer sees nothing.
        let begun = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            // The first has it reserved, most of the times before the others come, and keeps it busy.
            for early in [true, false, false] {
                let (lock, begun) = (&lock, &begun);
                scope.spawn(move || {
                    begun.fetch_add(1, Relaxed);
                    while !early && *lock.lock() < LONG {
                        std::thread::yield_now();
                    }
                    for _ in 0..20 * LONG {
                        let mut value = lock.lock();
                        let seen = *value;
                        std::hint::black_box(&seen);
                        *value = seen + 1;
                    }
                    while begun.load(Relaxed) < 3 {
                        std::thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 60 * LONG);
    }
}
