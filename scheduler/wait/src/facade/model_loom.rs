//! The facade under loom. Loom's mutex poisons; ours does not, so the wrapper unwraps.

pub use loom::{
    cell, hint,
    sync::{Arc, atomic},
};
use std::ops::{Deref, DerefMut};

/// Loom's threads, with park tokens of our own: loom forgets the token that a thread is given while
/// it waits for a mutex, and then calls a deadlock what is none.
pub mod thread {
    use crate::facade::{clock, plain::Mutex};
    use loom::sync::Notify;
    pub use loom::thread::{Builder, JoinHandle, spawn, yield_now};
    use std::{fmt, sync::Arc, time::Duration};

    /// A modelled thread, to be unparked.
    #[derive(Clone)]
    pub struct Thread(Arc<Notify>);

    loom::thread_local! {
        static OWN: Thread = Thread(Arc::new(Notify::new()));
    }

    /// The thread that calls.
    #[must_use]
    pub fn current() -> Thread {
        OWN.with(Clone::clone)
    }

    /// Waits for the token of the thread that calls; at times returns without.
    pub fn park() {
        current().0.wait();
    }

    /// Who sleeps until when. Not part of the model, as the clock is not.
    static SLEEPERS: Mutex<Vec<(u64, Thread)>> = Mutex::new(Vec::new());

    /// As [`park`], but also returns when the modelled clock has moved on by `duration`.
    pub fn park_timeout(duration: Duration) {
        let until = clock::now() + u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let own = current();
        SLEEPERS.lock().push((until, own.clone()));
        own.0.wait();
        SLEEPERS
            .lock()
            .retain(|(_, other)| !Arc::ptr_eq(&other.0, &own.0));
    }

    /// Wakes those who sleep until `now` at most: the clock has moved.
    pub(crate) fn clock_moved(now: u64) {
        let sleepers = SLEEPERS.lock().clone();
        for (until, thread) in sleepers {
            if until <= now {
                thread.unpark();
            }
        }
    }

    /// Forgets what the last execution of a model left.
    pub fn begin_execution() {
        SLEEPERS.lock().clear();
    }

    impl Thread {
        /// No thread of a model has one.
        #[must_use]
        pub fn name(&self) -> Option<&str> {
            None
        }

        /// Gives the thread its token.
        pub fn unpark(&self) {
            self.0.notify();
        }
    }

    impl fmt::Debug for Thread {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Thread").finish_non_exhaustive()
        }
    }
}

/// A mutex with `parking_lot`'s face over loom's.
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

/// Proof that the mutex is held.
#[derive(Debug)]
pub struct MutexGuard<'a, T>(loom::sync::MutexGuard<'a, T>);

impl<T> Mutex<T> {
    /// A new, unlocked mutex.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Locks it, blocking the modelled thread.
    ///
    /// # Panics
    /// If the model has failed while the mutex was held.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(self.0.lock().expect("loom mutexes are not poisoned"))
    }

    /// Locks it if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(MutexGuard)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
