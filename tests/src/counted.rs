//! Values that are counted, so that a test sees each of them dropped exactly once.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use vitte_wait::facade::plain::Mutex;

/// Counts the [`Counted`] values that it makes. Clones count together.
///
/// ```
/// use vitte_tests::Census;
///
/// let census = Census::new();
/// let pair = (census.value("a"), census.value("b"));
/// assert_eq!((census.made(), census.live()), (2, 2));
/// assert_eq!(*pair.0, "a");
/// drop(pair);
/// census.assert_all_dropped();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Census(Arc<Mutex<Vec<Arc<AtomicBool>>>>);

/// A value whose end is noticed. Dropping it twice panics, which only a defect can bring about.
#[derive(Debug)]
pub struct Counted<T> {
    value: T,
    dropped: Arc<AtomicBool>,
}

impl Census {
    /// A census of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a value that is counted here.
    pub fn value<T>(&self, value: T) -> Counted<T> {
        let dropped = Arc::new(AtomicBool::new(false));
        self.all().push(Arc::clone(&dropped));
        Counted { value, dropped }
    }

    /// How many values were made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.all().len()
    }

    /// How many of them are left.
    #[must_use]
    pub fn live(&self) -> usize {
        self.all().iter().filter(|gone| !gone.load(Relaxed)).count()
    }

    /// # Panics
    /// If a value is left, saying which, in the order in which they were made.
    #[track_caller]
    pub fn assert_all_dropped(&self) {
        let all = self.all();
        let left: Vec<usize> = (0..all.len())
            .filter(|&at| !all[at].load(Relaxed))
            .collect();
        assert!(left.is_empty(), "never dropped: {left:?} of {}", all.len());
    }

    fn all(&self) -> impl DerefMut<Target = Vec<Arc<AtomicBool>>> {
        // A list that a panic interrupted is still a list.
        self.0.lock()
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        assert!(!self.dropped.swap(true, Relaxed), "dropped twice");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        mem::forget,
        panic::{AssertUnwindSafe, catch_unwind},
    };

    #[test]
    fn a_value_that_is_lost_is_named() {
        let census = Census::new();
        drop(census.value(1));
        forget(census.value(2));
        assert_eq!((census.made(), census.live()), (2, 1));
        let failed = catch_unwind(AssertUnwindSafe(|| census.assert_all_dropped()));
        let text = failed.expect_err("one is left").downcast::<String>();
        assert_eq!(*text.expect("a text"), "never dropped: [1] of 2");
    }
}
