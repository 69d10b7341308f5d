//! Wait groups: those who wait until all work that was announced is done.

use crate::{
    WaitError,
    count::Count,
    forms::{const_new, wait_forms},
    line::object,
};
use std::{fmt, sync::Arc};
use vitte_wait::{Deadline, StopToken};

/// A number of things to be done; whoever waits goes on when none is left. It may be used again.
///
/// Things are announced by [`add`](Self::add) and ended by [`done`](Self::done), or by holding a
/// [`Member`], which is the safer way.
///
/// What was done before an end is visible to those who waited for it.
///
/// # Cancellation
/// Nothing is lost.
///
/// ```
/// use std::{sync::Arc, thread};
/// use vitte_sync::WaitGroup;
///
/// let group = Arc::new(WaitGroup::new());
/// for _ in 0..3 {
///     let member = group.member();
///     thread::spawn(move || drop(member));
/// }
/// assert_eq!(group.wait(), Ok(()));
/// assert_eq!(group.count(), 0);
/// ```
pub struct WaitGroup(pub(crate) Count);

impl WaitGroup {
    const_new! {
        /// Nothing is to be done.
        #[must_use]
        pub fn new() -> Self {
            Self(Count::new(0))
        }
    }

    /// Announces `count` things to be done. To be called before one waits for them, of course.
    ///
    /// # Panics
    /// If it becomes more than a quarter of what a `usize` holds.
    #[inline]
    pub fn add(&self, count: usize) {
        self.0.add(count).expect("too much to be done");
    }

    /// One thing is done.
    ///
    /// # Panics
    /// If none was to be done.
    ///
    /// # Blocking
    /// Never.
    #[inline]
    pub fn done(&self) {
        self.0.sub(1).expect("there was nothing to be done");
    }

    /// Announces one thing that is done when the member is dropped.
    ///
    /// # Panics
    /// As [`add`](Self::add).
    pub fn member(self: &Arc<Self>) -> Member {
        self.add(1);
        Member(self.clone())
    }

    /// How many things are to be done.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.number()
    }

    wait_forms! {
        /// Waits until there is nothing to be done.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
        -> ()
    }

    /// Waits until there is nothing to be done; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead.
    #[inline]
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        self.0.wait(object(self), deadline, stop)
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.count())
            .finish()
    }
}

/// One thing that a [`WaitGroup`] waits for: done when dropped. A clone is one more.
#[derive(Debug)]
#[must_use = "dropped at once it is done at once"]
pub struct Member(Arc<WaitGroup>);

impl Member {
    /// The group.
    #[must_use]
    pub fn group(&self) -> &Arc<WaitGroup> {
        &self.0
    }

    /// This one is done; waits for the others.
    ///
    /// # Errors
    /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
    pub fn wait(self) -> Result<(), crate::Canceled> {
        let group = self.0.clone();
        drop(self);
        group.wait()
    }
}

impl Clone for Member {
    fn clone(&self) -> Self {
        self.0.member()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.done();
    }
}
