//! What a batch has not sent.

use std::{fmt, vec};

/// The rest of a batch that was sent in part: an iterator over the values that did not go, in their
/// order.
///
/// ```
/// use vitte_channels::{Channel, TrySendError};
///
/// let (tx, _rx) = Channel::bounded(2);
/// let Err(TrySendError::Full(unsent)) = tx.try_send_many(1..=5) else {
///     panic!("five do not fit");
/// };
/// assert_eq!(unsent.sent(), 2);
/// assert_eq!(unsent.collect::<Vec<i32>>(), [3, 4, 5]);
/// ```
pub struct Unsent<I: Iterator> {
    sent: usize,
    /// Those that had gone in and were refused after all.
    back: vec::IntoIter<I::Item>,
    /// The one that there was no room for.
    refused: Option<I::Item>,
    rest: I,
}

impl<I: Iterator> Unsent<I> {
    pub(crate) fn new(values: I) -> Self {
        Self {
            sent: 0,
            back: Vec::new().into_iter(),
            refused: None,
            rest: values,
        }
    }

    /// How many values went before these.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::Channel::bounded(2);
    /// let unsent = tx.try_send_many(0..5).unwrap_err().into_inner();
    /// assert_eq!((unsent.sent(), unsent.count()), (2, 3));
    /// ```
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// How many values one may ask for before those that were had should be on their way, at least
    /// one. An iterator that does not know how many are left may have to wait for the next.
    #[inline]
    pub(crate) fn promised(&self) -> usize {
        self.size_hint().0.max(1)
    }

    /// `count` more went.
    #[inline]
    pub(crate) fn went(&mut self, count: usize) {
        self.sent += count;
    }

    /// The value that [`next`](Iterator::next) gave last did not go.
    #[inline]
    pub(crate) fn put_back(&mut self, value: I::Item) {
        debug_assert!(self.refused.is_none());
        self.refused = Some(value);
    }

    /// The values before that did not go either.
    pub(crate) fn put_back_all(&mut self, mut values: Vec<I::Item>) {
        values.extend(&mut self.back);
        self.back = values.into_iter();
    }
}

impl<I: Iterator> Unsent<I> {
    /// The same of what the values were made from: of each value, and of the iterator.
    pub(crate) fn origin<J: Iterator>(
        self,
        value: impl FnMut(I::Item) -> J::Item,
        rest: impl FnOnce(I) -> J,
    ) -> Unsent<J> {
        let back: Vec<J::Item> = self.back.chain(self.refused).map(value).collect();
        Unsent {
            sent: self.sent,
            back: back.into_iter(),
            refused: None,
            rest: rest(self.rest),
        }
    }
}

impl<I: Iterator> Iterator for Unsent<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        if let Some(value) = self.back.next() {
            return Some(value);
        }
        self.refused.take().or_else(|| self.rest.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = self.back.len() + usize::from(self.refused.is_some());
        let (least, most) = self.rest.size_hint();
        let most = most.and_then(|most| most.checked_add(held));
        (least.saturating_add(held), most)
    }
}

impl<I: Iterator> fmt::Debug for Unsent<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsent")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
