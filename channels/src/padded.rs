//! A value with a cache line to itself.

use std::ops::Deref;

/// Keeps what producers write away from what consumers write. Two lines of 64 bytes, because
/// processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
