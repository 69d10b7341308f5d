//! Permits: proof that a semaphore let somebody through; given back when dropped.

use crate::Semaphore;
use std::{mem, sync::Arc};

/// Permits of a [`Semaphore`], given back when this is dropped.
///
/// ```
/// use vitte_sync::Semaphore;
///
/// let semaphore = Semaphore::new(3);
/// let mut permit = semaphore.acquire_many(3).unwrap();
/// let one = permit.split(1).unwrap();
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 2);
/// one.forget();
/// assert_eq!(semaphore.available_permits(), 2);
/// ```
#[derive(Debug)]
#[must_use = "dropped at once it permits nothing"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// Permits of a [`Semaphore`] that may go anywhere, given back when this is dropped.
///
/// ```
/// use std::{sync::Arc, thread};
/// use vitte_sync::Semaphore;
///
/// let semaphore = Arc::new(Semaphore::new(1));
/// let permit = semaphore.acquire_owned().unwrap();
/// thread::spawn(move || drop(permit));
/// assert!(semaphore.acquire().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "dropped at once it permits nothing"]
pub struct OwnedPermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

macro_rules! permit {
    ($name:ident $(<$life:lifetime>)?, $link:ty, $is_same:expr) => {
        impl $(<$life>)? $name $(<$life>)? {
            pub(crate) fn new(semaphore: $link, permits: usize) -> Self {
                Self { semaphore, permits }
            }

            /// How many permits these are.
            ///
            /// ```
            /// use std::sync::Arc;
            /// use vitte_sync::Semaphore;
            ///
            /// let seats = Arc::new(Semaphore::new(4));
            /// assert_eq!(seats.acquire_many(3).unwrap().permits(), 3);
            /// assert_eq!(seats.acquire_many_owned(2).unwrap().permits(), 2);
            /// ```
            #[must_use]
            pub fn permits(&self) -> usize {
                self.permits
            }

            /// Keeps the permits for good: the semaphore has so many less.
            ///
            /// ```
            /// use std::sync::Arc;
            /// use vitte_sync::Semaphore;
            ///
            /// let seats = Arc::new(Semaphore::new(4));
            /// seats.acquire().unwrap().forget();
            /// seats.acquire_owned().unwrap().forget();
            /// assert_eq!(seats.available_permits(), 2);
            /// ```
            pub fn forget(mut self) {
                self.permits = 0;
            }

            /// Splits some of the permits off; `None` if there are not so many.
            ///
            /// ```
            /// use std::sync::Arc;
            /// use vitte_sync::Semaphore;
            ///
            /// let seats = Arc::new(Semaphore::new(4));
            /// let mut ours = seats.acquire_many_owned(3).unwrap();
            /// let theirs = ours.split(2).unwrap();
            /// assert_eq!((ours.permits(), theirs.permits()), (1, 2));
            /// assert!(ours.split(2).is_none());
            /// ```
            #[must_use]
            pub fn split(&mut self, permits: usize) -> Option<Self> {
                let left = self.permits.checked_sub(permits)?;
                self.permits = left;
                Some(Self::new(self.semaphore.clone(), permits))
            }

            /// Takes the other permits in.
            ///
            /// # Panics
            /// If they are of another semaphore.
            ///
            /// ```
            /// use std::sync::Arc;
            /// use vitte_sync::Semaphore;
            ///
            /// let seats = Arc::new(Semaphore::new(4));
            /// let mut all = seats.acquire_owned().unwrap();
            /// all.merge(seats.acquire_many_owned(3).unwrap());
            /// assert_eq!(all.permits(), 4);
            /// ```
            pub fn merge(&mut self, mut other: Self) {
                let is_same: fn(&$link, &$link) -> bool = $is_same;
                assert!(
                    is_same(&self.semaphore, &other.semaphore),
                    "permits of two semaphores"
                );
                self.permits += mem::take(&mut other.permits);
            }
        }

        impl $(<$life>)? Drop for $name $(<$life>)? {
            #[inline]
            fn drop(&mut self) {
                if self.permits > 0 {
                    self.semaphore.add_permits(self.permits);
                }
            }
        }
    };
}

permit!(Permit<'a>, &'a Semaphore, |a, b| std::ptr::eq(*a, *b));
permit!(OwnedPermit, Arc<Semaphore>, Arc::ptr_eq);
