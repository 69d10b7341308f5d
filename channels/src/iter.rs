//! Receiving in a loop.

use crate::{Kind, Mpsc, Receiver};

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T, K: Kind = Mpsc>(pub(crate) &'a Receiver<T, K>);

/// See [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T, K: Kind = Mpsc>(pub(crate) &'a Receiver<T, K>);

/// Receives like [`Receiver::iter`], and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T, K: Kind = Mpsc>(Receiver<T, K>);

impl<T, K: Kind> Iterator for Iter<'_, T, K> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T, K: Kind> Iterator for TryIter<'_, T, K> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T, K: Kind> Iterator for IntoIter<T, K> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T, K: Kind> IntoIterator for &'a Receiver<T, K> {
    type Item = T;
    type IntoIter = Iter<'a, T, K>;
    fn into_iter(self) -> Iter<'a, T, K> {
        self.iter()
    }
}

impl<T, K: Kind> IntoIterator for Receiver<T, K> {
    type Item = T;
    type IntoIter = IntoIter<T, K>;
    fn into_iter(self) -> IntoIter<T, K> {
        IntoIter(self)
    }
}
