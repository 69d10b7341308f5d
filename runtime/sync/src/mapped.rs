//! Guards that give out a part of what is locked.
//!
//! What a guard does when it goes (its *hold*) knows nothing of the value's type, so that it can go with a pointer
//! to a part. A part that is read stays read: there is no way from it to a writer's guard, for a reference that only
//! looks must not become one that changes.

use crate::{
    MutexGuard, ReentrantMutexGuard, RwLockReadGuard, RwLockWriteGuard,
    mutex::Held,
    reentrant::Holding,
    rwlock::{ReadHold, WriteHold},
};
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

/// Gives a guard with a `hold_of` its `map` and `filter_map`, and makes the guard of a part, with the same. `mut`: the
/// part may be changed. What follows `of` is for the examples:
/// the lock, its verb, how a part is named, and what an `Option` is taken `as_`.
macro_rules! mapped_guard {
    ($(#[$doc:meta])* $name:ident: $base:ident, $hold:ident [$($mutable:tt)?] of $lock:ident $verb:ident $by:literal $as:literal) => {
        $(#[$doc])*
        #[must_use = "the lock is released when the guard is dropped"]
        pub struct $name<'a, U: ?Sized> {
            hold: $hold<'a>,
            part: NonNull<U>,
            _value: PhantomData<&'a $($mutable)? U>,
        }

        // SAFETY: a shared guard gives out shared references to the part, and nothing else.
        unsafe impl<U: ?Sized + Sync> Sync for $name<'_, U> {}

        impl<'a, T: ?Sized> $base<'a, T> {
            /// The same right, to a part of the value.
            ///
            /// ```
            #[doc = concat!(" ", "use vitte_sync::{", stringify!($lock), ", ", stringify!($base), "};")]
            ///
            #[doc = concat!(" ", "let lock = ", stringify!($lock), "::new((1, 2));")]
            #[doc = concat!(" ", "let first = ", stringify!($base), "::map(lock.", stringify!($verb), "().unwrap(), |pair| ", $by, "pair.0);")]
            #[doc = concat!(" ", "assert_eq!(*first, 1);")]
            /// ```
            pub fn map<U: ?Sized>(
                $($mutable)? guard: Self,
                part: impl FnOnce(&$($mutable)? T) -> &$($mutable)? U,
            ) -> $name<'a, U> {
                let part = NonNull::from(part(&$($mutable)? *guard));
                $name { hold: Self::hold_of(guard), part, _value: PhantomData }
            }

            /// The same right, to a part of the value, if there is such a part.
            ///
            /// # Errors
            /// With the guard, if there is none.
            ///
            /// ```
            #[doc = concat!(" ", "use vitte_sync::{", stringify!($lock), ", ", stringify!($base), "};")]
            ///
            #[doc = concat!(" ", "let lock = ", stringify!($lock), "::new((1, None::<u8>));")]
            #[doc = concat!(" ", "let refused = ", stringify!($base), "::filter_map(lock.", stringify!($verb), "().unwrap(), |pair| pair.1.as_", $as, "());")]
            #[doc = concat!(" ", "assert_eq!(refused.unwrap_err().0, 1);")]
            /// ```
            pub fn filter_map<U: ?Sized>(
                $($mutable)? guard: Self,
                part: impl FnOnce(&$($mutable)? T) -> Option<&$($mutable)? U>,
            ) -> Result<$name<'a, U>, Self> {
                match part(&$($mutable)? *guard).map(NonNull::from) {
                    Some(part) => Ok($name { hold: Self::hold_of(guard), part, _value: PhantomData }),
                    None => Err(guard),
                }
            }
        }

        impl<'a, T: ?Sized> $name<'a, T> {
            /// The same right, to a part of the part.
            ///
            /// ```
            #[doc = concat!(" ", "use vitte_sync::{", stringify!($lock), ", ", stringify!($base), ", ", stringify!($name), "};")]
            ///
            #[doc = concat!(" ", "let lock = ", stringify!($lock), "::new((1, [2, 3]));")]
            #[doc = concat!(" ", "let list = ", stringify!($base), "::map(lock.", stringify!($verb), "().unwrap(), |pair| ", $by, "pair.1);")]
            #[doc = concat!(" ", "let first = ", stringify!($name), "::map(list, |list| ", $by, "list[0]);")]
            #[doc = concat!(" ", "assert_eq!(*first, 2);")]
            /// ```
            pub fn map<U: ?Sized>(
                $($mutable)? guard: Self,
                part: impl FnOnce(&$($mutable)? T) -> &$($mutable)? U,
            ) -> $name<'a, U> {
                let part = NonNull::from(part(&$($mutable)? *guard));
                $name { hold: guard.hold, part, _value: PhantomData }
            }

            /// The same right, to a part of the part, if there is such a part.
            ///
            /// # Errors
            /// With the guard, if there is none.
            ///
            /// ```
            #[doc = concat!(" ", "use vitte_sync::{", stringify!($lock), ", ", stringify!($base), ", ", stringify!($name), "};")]
            ///
            #[doc = concat!(" ", "let lock = ", stringify!($lock), "::new((1, None::<u8>));")]
            #[doc = concat!(" ", "let second = ", stringify!($base), "::map(lock.", stringify!($verb), "().unwrap(), |pair| ", $by, "pair.1);")]
            #[doc = concat!(" ", "assert!(", stringify!($name), "::filter_map(second, |second| second.as_", $as, "()).is_err());")]
            /// ```
            pub fn filter_map<U: ?Sized>(
                $($mutable)? guard: Self,
                part: impl FnOnce(&$($mutable)? T) -> Option<&$($mutable)? U>,
            ) -> Result<$name<'a, U>, Self> {
                match part(&$($mutable)? *guard).map(NonNull::from) {
                    Some(part) => Ok($name { hold: guard.hold, part, _value: PhantomData }),
                    None => Err(guard),
                }
            }
        }

        impl<U: ?Sized> Deref for $name<'_, U> {
            type Target = U;
            fn deref(&self) -> &U {
                // SAFETY: it came from a reference into the value, which we hold the lock of.
                unsafe { self.part.as_ref() }
            }
        }

        mapped_guard! { @deref $name $($mutable)? }

        impl<U: ?Sized + fmt::Debug> fmt::Debug for $name<'_, U> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<U: ?Sized + fmt::Display> fmt::Display for $name<'_, U> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
    (@deref $name:ident) => {};
    (@deref $name:ident mut) => {
        impl<U: ?Sized> DerefMut for $name<'_, U> {
            fn deref_mut(&mut self) -> &mut U {
                // SAFETY: as in `deref`; it came from a reference that was alone, and we have the guard to ourselves.
                unsafe { self.part.as_mut() }
            }
        }
    };
}

mapped_guard! {
    /// The right to a part of the value of a [`Mutex`](crate::Mutex).
    ///
    /// ```
    /// use vitte_sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, "one"));
    /// let mut number: MappedMutexGuard<'_, i32> =
    ///     MutexGuard::map(lock.lock().unwrap(), |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(lock.lock().unwrap().0, 2);
    /// ```
    MappedMutexGuard: MutexGuard, Held [mut] of Mutex lock "&mut " "mut"
}

mapped_guard! {
    /// The right to look at a part of the value of a [`RwLock`](crate::RwLock).
    ///
    /// ```
    /// use vitte_sync::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(vec![1, 2]);
    /// let first: MappedRwLockReadGuard<'_, i32> =
    ///     RwLockReadGuard::filter_map(lock.read().unwrap(), |list| list.first()).unwrap();
    /// assert_eq!(*first, 1);
    /// assert!(RwLockReadGuard::filter_map(lock.read().unwrap(), |list| list.get(2)).is_err());
    /// ```
    MappedRwLockReadGuard: RwLockReadGuard, ReadHold [] of RwLock read "&" "ref"
}

mapped_guard! {
    /// The right to change a part of the value of a [`RwLock`](crate::RwLock).
    ///
    /// ```
    /// use vitte_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![1, 2]);
    /// let mut last: MappedRwLockWriteGuard<'_, i32> =
    ///     RwLockWriteGuard::filter_map(lock.write().unwrap(), |list| list.last_mut()).unwrap();
    /// *last = 3;
    /// drop(last);
    /// assert_eq!(*lock.read().unwrap(), [1, 3]);
    /// ```
    MappedRwLockWriteGuard: RwLockWriteGuard, WriteHold [mut] of RwLock write "&mut " "mut"
}

mapped_guard! {
    /// The right to look at a part of the value of a [`ReentrantMutex`](crate::ReentrantMutex).
    ///
    /// ```
    /// use std::cell::Cell;
    /// use vitte_sync::{MappedReentrantMutexGuard, ReentrantMutex, ReentrantMutexGuard};
    ///
    /// let lock = ReentrantMutex::new((Cell::new(1), "one"));
    /// let number: MappedReentrantMutexGuard<'_, Cell<i32>> =
    ///     ReentrantMutexGuard::map(lock.lock().unwrap(), |pair| &pair.0);
    /// number.set(2);
    /// assert_eq!(lock.lock().unwrap().0.get(), 2);
    /// ```
    MappedReentrantMutexGuard: ReentrantMutexGuard, Holding [] of ReentrantMutex lock "&" "ref"
}
