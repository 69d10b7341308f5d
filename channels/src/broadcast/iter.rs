//! Receiving what is broadcast in a loop.

use super::{Lagged, Receiver, RecvError, TryRecvError};

/// See [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(pub(super) &'a Receiver<T>);

/// See [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(pub(super) &'a Receiver<T>);

/// Receives like [`Receiver::iter`], and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

fn next<T: Clone>(receiver: &Receiver<T>) -> Option<Result<T, Lagged>> {
    match receiver.recv() {
        Ok(value) => Some(Ok(value)),
        Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
        Err(RecvError::Closed | RecvError::Canceled) => None,
    }
}

impl<T: Clone> Iterator for Iter<'_, T> {
    type Item = Result<T, Lagged>;
    fn next(&mut self) -> Option<Self::Item> {
        next(self.0)
    }
}

impl<T: Clone> Iterator for TryIter<'_, T> {
    type Item = Result<T, Lagged>;
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.try_recv() {
            Ok(value) => Some(Ok(value)),
            Err(TryRecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl<T: Clone> Iterator for IntoIter<T> {
    type Item = Result<T, Lagged>;
    fn next(&mut self) -> Option<Self::Item> {
        next(&self.0)
    }
}

impl<'a, T: Clone> IntoIterator for &'a Receiver<T> {
    type Item = Result<T, Lagged>;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T: Clone> IntoIterator for Receiver<T> {
    type Item = Result<T, Lagged>;
    type IntoIter = IntoIter<T>;
    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
