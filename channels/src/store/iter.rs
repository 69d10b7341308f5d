//! Receiving in a loop.

use super::{Receiver, Store};

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, S: Store>(pub(super) &'a Receiver<S>);

/// See [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, S: Store>(pub(super) &'a Receiver<S>);

/// Receives like [`Receiver::iter`], and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<S: Store>(Receiver<S>);

impl<S: Store> Iterator for Iter<'_, S> {
    type Item = S::Value;
    fn next(&mut self) -> Option<S::Value> {
        self.0.recv().ok()
    }
}

impl<S: Store> Iterator for TryIter<'_, S> {
    type Item = S::Value;
    fn next(&mut self) -> Option<S::Value> {
        self.0.try_recv().ok()
    }
}

impl<S: Store> Iterator for IntoIter<S> {
    type Item = S::Value;
    fn next(&mut self) -> Option<S::Value> {
        self.0.recv().ok()
    }
}

impl<'a, S: Store> IntoIterator for &'a Receiver<S> {
    type Item = S::Value;
    type IntoIter = Iter<'a, S>;
    fn into_iter(self) -> Iter<'a, S> {
        self.iter()
    }
}

impl<S: Store> IntoIterator for Receiver<S> {
    type Item = S::Value;
    type IntoIter = IntoIter<S>;
    fn into_iter(self) -> IntoIter<S> {
        IntoIter(self)
    }
}
