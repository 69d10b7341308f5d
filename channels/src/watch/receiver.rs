//! The end that looks at the value, and waits for changes.

use super::{
    Ref,
    shared::{Change, Event, Shared},
};
use crate::{
    RecvError, RecvUntilError, TryRecvError,
    posts::{Post, PostArm, wait_until},
};
use std::{cell::Cell, fmt, time::Duration};
use vitte_wait::{Budget, Deadline, StopToken, facade::Arc, select::Chosen, timed_forms};

/// A receiving end of a watched value. It remembers which value it has seen.
///
/// It can go to another thread, but serves one at a time. A clone has seen what the original has
/// seen.
///
/// # Blocking
/// A form that waits suspends the calling fiber, or puts the calling thread to sleep. It waits only
/// if nothing has changed; otherwise deadline, stop token and cancellation are not looked at. To
/// look never blocks.
///
/// # Cancellation
/// A receiver that is canceled while it waits has seen nothing new by it.
///
/// ```
/// let (tx, rx) = vitte_channels::watch::channel(1);
/// tx.send(2).unwrap();
/// let clone = rx.clone();
/// assert_eq!(rx.changed(), Ok(()));
/// assert!(!rx.has_changed() && clone.has_changed());
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version of the value that was seen.
    seen: Cell<u64>,
    budget: Budget,
}

impl<T> Receiver<T> {
    pub(super) fn subscribed(shared: &Arc<Shared<T>>) -> Self {
        Self {
            seen: Cell::new(shared.add_receiver()),
            shared: shared.clone(),
            budget: Budget::begin(),
        }
    }

    /// Looks at the value. It does not count as seen by that.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow(), 2);
    /// assert!(rx.has_changed());
    /// ```
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, T> {
        let look = self.shared.look();
        Ref {
            is_new: look.stamp() > self.seen.get(),
            look,
        }
    }

    /// Looks at the value, and counts it as seen.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert!(rx.borrow_and_update().has_changed());
    /// assert!(!rx.has_changed());
    /// ```
    #[must_use]
    pub fn borrow_and_update(&self) -> Ref<'_, T> {
        let look = self.shared.look();
        Ref {
            is_new: self.seen.replace(look.stamp()) < look.stamp(),
            look,
        }
    }

    /// Whether there is a value that this receiver has not seen.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// assert!(!rx.has_changed());
    /// tx.send(2).unwrap();
    /// assert!(rx.has_changed());
    /// ```
    #[must_use]
    pub fn has_changed(&self) -> bool {
        matches!(self.shared.change(self.seen.get()), Change::To(_))
    }

    /// Counts the current value as not seen.
    ///
    /// ```
    /// let (_tx, rx) = vitte_channels::watch::channel(1);
    /// rx.mark_changed(); // so that a loop over changes begins with the first value
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn mark_changed(&self) {
        self.seen.set(self.shared.version() - 1);
    }

    /// Counts the current value as seen.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// tx.send(2).unwrap();
    /// rx.mark_unchanged();
    /// assert!(!rx.has_changed());
    /// ```
    pub fn mark_unchanged(&self) {
        self.seen.set(self.seen.get().max(self.shared.version()));
    }

    /// Waits for a value that this receiver has not seen, and counts it as seen. It is had from
    /// [`borrow_and_update`](Self::borrow_and_update), which may show a later one.
    ///
    /// # Errors
    /// [`RecvError::Closed`] if the channel is closed, or all senders are gone, and the last value was seen;
    /// [`RecvError::Canceled`] if the caller is canceled while waiting.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.changed(), Ok(()));
    /// assert_eq!(rx.changed(), Err(RecvError::Closed));
    /// ```
    pub fn changed(&self) -> Result<(), RecvError> {
        self.changed_with(Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// Counts a new value as seen, if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is nothing new; [`TryRecvError::Closed`] as for
    /// [`changed`](Self::changed).
    ///
    /// # Blocking
    /// Never.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{TryRecvError, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// assert_eq!(rx.try_changed(), Err(TryRecvError::Empty));
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.try_changed(), Ok(()));
    /// ```
    #[inline]
    pub fn try_changed(&self) -> Result<(), TryRecvError> {
        match self.shared.change(self.seen.get()) {
            Change::To(version) => {
                self.seen.set(version);
                Ok(())
            }
            Change::None => Err(TryRecvError::Empty),
            Change::Closed => Err(TryRecvError::Closed),
        }
    }

    /// As [`changed`](Self::changed), until `deadline` or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`changed`](Self::changed), and [`RecvUntilError::TimedOut`] or
    /// [`RecvUntilError::Stopped`], whichever came first.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::{RecvUntilError, watch};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = watch::channel(1);
    /// assert_eq!(rx.changed_with(Deadline::NOW, None), Err(RecvUntilError::TimedOut));
    /// ```
    pub fn changed_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), RecvUntilError> {
        let changed = match self.poll() {
            Some(changed) => {
                self.budget.spend();
                changed
            }
            None => wait_until(self, deadline, stop, || self.poll())?,
        };
        changed.map_err(|_| RecvUntilError::Closed)
    }

    timed_forms! {
        changed_with() -> Result<(), RecvUntilError>:
        changed_until changed_timeout changed_or_stop
        in vitte_wait
        /// use vitte_channels::{RecvUntilError, watch};
        ///
        /// let (_tx, rx) = watch::channel(1);
        "rx." () => Err(RecvUntilError)
    }

    /// [`changed`](Self::changed) as one of several things that a unit waits for; see
    /// [`select`](mod@crate::select). The error is always [`RecvError::Closed`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{select, watch};
    ///
    /// let (tx, rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// let n = select! {
    ///     arm(rx.changed_arm()) -> changed => changed.map(|()| *rx.borrow()).unwrap(),
    ///     after(Duration::from_secs(60)) => 0,
    /// };
    /// assert_eq!(n, Ok(2));
    /// ```
    pub fn changed_arm(&self) -> impl Chosen<Output = Result<(), RecvError>> + '_ {
        PostArm::new(self, &self.budget, || self.poll())
    }

    /// Waits until the value, the current one or a later one, passes the test, and counts it and
    /// all before as seen. Not every value is tested, but the last one always is.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Panics
    /// If the test does. The value that it looked at counts as seen.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(0);
    /// let counter = std::thread::spawn(move || (1..=9).try_for_each(|n| tx.send(n)));
    /// assert!(*rx.wait_for(|n| *n >= 5).unwrap() >= 5);
    /// counter.join().unwrap().unwrap();
    /// ```
    pub fn wait_for(&self, test: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        self.wait_for_with(test, Deadline::NEVER, None)
            .map_err(RecvUntilError::of_untimed)
    }

    /// As [`wait_for`](Self::wait_for), until `deadline` or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`changed_with`](Self::changed_with).
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    ///
    /// ```
    /// use vitte_channels::{RecvUntilError, watch};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = watch::channel(1);
    /// let late = rx.wait_for_with(|n| *n > 5, Deadline::NOW, None);
    /// assert!(matches!(late, Err(RecvUntilError::TimedOut)));
    /// ```
    pub fn wait_for_with(
        &self,
        mut test: impl FnMut(&T) -> bool,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Ref<'_, T>, RecvUntilError> {
        loop {
            let value = self.borrow_and_update();
            if test(&value) {
                return Ok(value);
            }
            drop(value);
            self.changed_with(deadline, stop)?;
        }
    }

    /// [`wait_for_with`](Self::wait_for_with) a deadline only.
    ///
    /// # Errors
    /// As [`changed_until`](Self::changed_until).
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    ///
    /// ```
    /// use vitte_channels::{RecvUntilError, watch};
    /// use vitte_wait::Deadline;
    ///
    /// let (_tx, rx) = watch::channel(1);
    /// assert_eq!(*rx.wait_for_until(|n| *n < 5, Deadline::NOW).unwrap(), 1);
    /// let late = rx.wait_for_until(|n| *n > 5, Deadline::NOW);
    /// assert!(matches!(late, Err(RecvUntilError::TimedOut)));
    /// ```
    pub fn wait_for_until(
        &self,
        test: impl FnMut(&T) -> bool,
        deadline: Deadline,
    ) -> Result<Ref<'_, T>, RecvUntilError> {
        self.wait_for_with(test, deadline, None)
    }

    /// [`wait_for_with`](Self::wait_for_with) a deadline `patience` from now.
    ///
    /// # Errors
    /// As [`changed_until`](Self::changed_until).
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_channels::{RecvUntilError, watch};
    ///
    /// let (_tx, rx) = watch::channel(1);
    /// let late = rx.wait_for_timeout(|n| *n > 5, Duration::from_millis(1));
    /// assert!(matches!(late, Err(RecvUntilError::TimedOut)));
    /// ```
    pub fn wait_for_timeout(
        &self,
        test: impl FnMut(&T) -> bool,
        patience: Duration,
    ) -> Result<Ref<'_, T>, RecvUntilError> {
        self.wait_for_with(test, Deadline::after(patience), None)
    }

    /// [`wait_for_with`](Self::wait_for_with) a stop token only.
    ///
    /// # Errors
    /// As [`changed_or_stop`](Self::changed_or_stop).
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    ///
    /// ```
    /// use vitte_channels::{RecvUntilError, watch};
    /// use vitte_wait::StopSource;
    ///
    /// let ((_tx, rx), source) = (watch::channel(1), StopSource::new());
    /// source.stop();
    /// let stopped = rx.wait_for_or_stop(|n| *n > 5, &source.token());
    /// assert!(matches!(stopped, Err(RecvUntilError::Stopped)));
    /// ```
    pub fn wait_for_or_stop(
        &self,
        test: impl FnMut(&T) -> bool,
        stop: &StopToken,
    ) -> Result<Ref<'_, T>, RecvUntilError> {
        self.wait_for_with(test, Deadline::NEVER, Some(stop))
    }

    /// Whether the channel is closed, or all senders are gone. There may still be a value that this receiver has not seen.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether the two watch the same value.
    ///
    /// ```
    /// let (tx, rx) = vitte_channels::watch::channel(1);
    /// assert!(rx.is_same_channel(&tx.subscribe()));
    /// ```
    #[must_use]
    pub fn is_same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// `None`: nothing has changed.
    #[inline]
    fn poll(&self) -> Option<Result<(), RecvError>> {
        match self.try_changed() {
            Ok(()) => Some(Ok(())),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
        }
    }
}

// SAFETY: it is one channel, and one queue for all versions.
unsafe impl<T> Post for Receiver<T> {
    type Hall = Shared<T>;

    fn hall(&self) -> &Shared<T> {
        &self.shared
    }

    fn event(&self) -> Event {
        Event::After(self.seen.get())
    }
}

impl<T> Clone for Receiver<T> {
    /// Has seen what this one has seen.
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Self {
            shared: self.shared.clone(),
            seen: self.seen.clone(),
            budget: Budget::begin(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Receiver", Some(self.seen.get()), f)
    }
}
