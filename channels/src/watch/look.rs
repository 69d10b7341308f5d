//! A look at the value.

use super::shared::Shared;
use crate::places::Look;
use std::{fmt, ops::Deref};

/// A look at the value of a channel. It shows one value, and keeps that from being dropped.
///
/// Nobody waits for it, so it may be held across a suspension. While it is held, each value that is
/// looked at takes up memory of its own.
///
/// ```
/// let (tx, rx) = vitte_channels::watch::channel(String::from("old"));
/// let old = rx.borrow();
/// tx.send(String::from("new")).unwrap();
/// assert_eq!((old.as_str(), rx.borrow().as_str()), ("old", "new"));
/// ```
pub struct Ref<'a, T> {
    pub(super) look: Look<'a, T, Shared<T>>,
    pub(super) is_new: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen this value before it took this look. False for a
    /// sender's look.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// assert!(!rx.borrow_and_update().has_changed());
    /// tx.send(2).unwrap();
    /// assert!(rx.borrow_and_update().has_changed());
    /// ```
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.is_new
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.look
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
