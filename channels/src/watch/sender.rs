//! The end that sets the value.

use super::{
    Receiver, Ref,
    shared::{Event, Shared},
};
use crate::{
    SendError,
    closed::{Closing, closed_forms},
    posts::Post,
};
use std::fmt;
use vitte_wait::{Budget, facade::Arc};

/// The sending end of a watched value; clones set the same value, and one can be used by several
/// threads at once.
///
/// When the last one is dropped the channel is closed: receivers still see the last value.
///
/// ```
/// use vitte_channels::watch;
///
/// let (tx, rx) = watch::channel(1);
/// let other = tx.clone();
/// std::thread::spawn(move || other.send_modify(|n| *n += 1)).join().unwrap();
/// assert_eq!((*tx.borrow(), *rx.borrow()), (2, 2));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    budget: Budget,
}

impl<T> Sender<T> {
    /// Takes over the one sender that a new channel counts.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self {
            shared,
            budget: Budget::begin(),
        }
    }

    /// Sets the value, and tells all receivers.
    ///
    /// # Errors
    /// [`SendError::Closed`] with the value if there is no receiver, or the channel is closed; then nothing
    /// has changed. (See [`send_replace`](Self::send_replace) for a form that does not mind if nobody is
    /// there.)
    ///
    /// # Blocking
    /// Never, but for the short lock of another sender.
    ///
    /// # Panics
    /// If the destructor of the value before panics. The new value is set then.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{SendError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// assert_eq!(tx.send(2), Ok(()));
    /// drop(rx);
    /// assert_eq!(tx.send(3), Err(SendError::Closed(3)));
    /// assert_eq!(*tx.borrow(), 2);
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        {
            let state = self.shared.lock();
            if self.is_closed() {
                return Err(SendError::Closed(value));
            }
            self.shared.replace(state, value);
        }
        self.budget.spend();
        Ok(())
    }

    /// Sets the value, also if there is no receiver, and returns the one before (a clone of it, if
    /// somebody is looking at it). Once the channel is closed it sets nothing, and returns `value`.
    ///
    /// # Examples
    /// ```
    /// let (tx, _) = vitte_channels::watch::channel(1);
    /// assert_eq!(tx.send_replace(2), 1);
    /// ```
    pub fn send_replace(&self, value: T) -> T
    where
        T: Clone,
    {
        let old = match self.shared.exchange(value) {
            Ok(old) => old,
            Err(look) => look.with(T::clone),
        };
        self.budget.spend();
        old
    }

    /// Changes the value, also if there is no receiver, and tells all receivers. Once the channel is closed
    /// it changes nothing.
    ///
    /// What is changed is a clone, which then replaces the value. If another sender comes in
    /// between, it is done again with that one's value; so `modify` may be called several times,
    /// and the last call counts. If it panics, nothing has changed.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(vec![1]);
    /// tx.send_modify(|list| list.push(2));
    /// assert_eq!(*rx.borrow(), [1, 2]);
    /// ```
    pub fn send_modify(&self, mut modify: impl FnMut(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Self::send_modify), if `modify` returns true; if it returns false, its
    /// changes are forgotten, and nobody is told. Returns whether the value was changed.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// let raise = |limit: u8| move |n: &mut u8| std::mem::replace(n, limit.max(*n)) < limit;
    /// assert!(!tx.send_if_modified(raise(1)) && !rx.has_changed());
    /// assert!(tx.send_if_modified(raise(2)) && rx.has_changed());
    /// ```
    pub fn send_if_modified(&self, mut modify: impl FnMut(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        loop {
            let look = self.shared.look();
            let mut value = look.with(T::clone);
            let version = look.stamp();
            drop(look);
            if !modify(&mut value) {
                return false;
            }
            let state = self.shared.lock();
            if self.shared.is_closed() {
                return false;
            }
            if self.shared.version() == version {
                self.shared.replace(state, value);
                break;
            }
            drop(state);
        }
        self.budget.spend();
        true
    }

    /// Looks at the value.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::watch::channel(1);
    /// assert_eq!(*tx.borrow(), 1);
    /// ```
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref {
            look: self.shared.look(),
            is_new: false,
        }
    }

    /// A receiver that has seen the current value.
    ///
    /// # Examples
    /// ```
    /// let (tx, _) = vitte_channels::watch::channel(1);
    /// let rx = tx.subscribe();
    /// assert!(!rx.has_changed());
    /// assert!(tx.send(2).is_ok() && rx.has_changed());
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribed(&self.shared)
    }

    /// How many receivers there are: a snapshot.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// let _second = rx.clone();
    /// assert_eq!(tx.receivers(), 2);
    /// ```
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.shared.receivers()
    }

    /// Closes the channel: the value is the last one, whoever sends. Receivers are told of it if they have not
    /// seen it, and then that it was the last. Closing twice is closing once.
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvError, SendError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// tx.close();
    /// assert_eq!(tx.send(3), Err(SendError::Closed(3)));
    /// assert_eq!((rx.recv(), rx.recv()), (Ok(2), Err(RecvError::Closed)));
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the channel is closed, or there is no receiver now. (Unless it is closed, there may be one
    /// later.)
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// let _second = tx.subscribe();
    /// assert!(!tx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.receivers() == 0 || self.shared.is_closed()
    }

    closed_forms! {
        /// Waits until there is no receiver, or the channel is closed.
        ///
        /// # Examples
        /// ```
        /// use vitte_channels::{WaitError, watch};
        /// use vitte_wait::Deadline;
        ///
        /// let (tx, rx) = watch::channel(1);
        /// assert_eq!(tx.closed_until(Deadline::NOW), Err(WaitError::TimedOut));
        /// let watcher = std::thread::spawn(move || drop(rx));
        /// assert_eq!(tx.closed(), Ok(()));
        /// watcher.join().unwrap();
        /// ```
        self => self; watch, "watch::channel(1)"
    }

    /// Whether the two set the same value.
    ///
    /// ```
    /// let (tx, _rx) = vitte_channels::watch::channel(1);
    /// assert!(tx.is_same_channel(&tx.clone()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Closing for Sender<T> {
    fn is_over(&self) -> bool {
        self.is_closed()
    }

    fn budget(&self) -> &Budget {
        &self.budget
    }
}

// SAFETY: it is one channel, and one queue of it.
unsafe impl<T> Post for Sender<T> {
    type Hall = Shared<T>;

    fn hall(&self) -> &Shared<T> {
        &self.shared
    }

    fn event(&self) -> Event {
        Event::NoReceiver
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self::new(self.shared.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", None, f)
    }
}
