//! The facade under shuttle. Shuttle's mutex poisons; ours does not, so the wrapper unwraps.

pub use shuttle::{
    hint,
    sync::{Arc, atomic},
    thread,
};
use std::ops::{Deref, DerefMut};

/// A mutex with `parking_lot`'s face over shuttle's.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(shuttle::sync::Mutex<T>);

/// Proof that the mutex is held.
#[derive(Debug)]
pub struct MutexGuard<'a, T: ?Sized>(shuttle::sync::MutexGuard<'a, T>);

impl<T> Mutex<T> {
    /// A new, unlocked mutex.
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks it, blocking the modelled thread.
    ///
    /// # Panics
    /// If the model has failed while the mutex was held.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(self.0.lock().expect("shuttle mutexes are not poisoned"))
    }

    /// Locks it if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(MutexGuard)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
