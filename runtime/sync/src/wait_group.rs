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
        ///
        /// ```
        /// use vitte_sync::WaitGroup;
        ///
        /// static GROUP: WaitGroup = WaitGroup::new();
        /// assert_eq!(GROUP.wait(), Ok(()), "nothing is to be done");
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self(Count::new(0))
        }
    }

    /// Announces `count` things to be done. To be called before one waits for them, of course.
    ///
    /// # Panics
    /// If it becomes more than a quarter of what a `usize` holds.
    ///
    /// ```
    /// use vitte_sync::WaitGroup;
    ///
    /// static GROUP: WaitGroup = WaitGroup::new();
    /// GROUP.add(2);
    /// for _ in 0..2 {
    ///     std::thread::spawn(|| GROUP.done());
    /// }
    /// assert_eq!(GROUP.wait(), Ok(()));
    /// ```
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
    ///
    /// ```
    /// use vitte_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// group.add(2);
    /// group.done();
    /// assert_eq!(group.count(), 1);
    /// ```
    #[inline]
    pub fn done(&self) {
        self.0.sub(1).expect("there was nothing to be done");
    }

    /// Announces one thing that is done when the member is dropped.
    ///
    /// # Panics
    /// As [`add`](Self::add).
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use vitte_sync::WaitGroup;
    ///
    /// let group = Arc::new(WaitGroup::new());
    /// let member = group.member();
    /// thread::spawn(move || drop(member));
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    pub fn member(self: &Arc<Self>) -> Member {
        self.add(1);
        Member(self.clone())
    }

    /// How many things are to be done.
    ///
    /// ```
    /// use vitte_sync::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// group.add(2);
    /// assert_eq!(group.count(), 2);
    /// ```
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
        ;
        in vitte_wait
        /// use vitte_sync::{WaitError, WaitGroup};
        ///
        /// let group = WaitGroup::new();
        /// group.add(1);
        "group." () => Err(WaitError)
    }

    /// Waits until there is nothing to be done; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead.
    ///
    /// ```
    /// use vitte_sync::{WaitError, WaitGroup};
    /// use vitte_wait::Deadline;
    ///
    /// let group = WaitGroup::new();
    /// group.add(1);
    /// assert_eq!(group.wait_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// ```
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
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_sync::WaitGroup;
    ///
    /// let group = Arc::new(WaitGroup::new());
    /// let member = group.member();
    /// assert!(Arc::ptr_eq(member.group(), &group));
    /// ```
    #[must_use]
    pub fn group(&self) -> &Arc<WaitGroup> {
        &self.0
    }

    /// This one is done; waits for the others.
    ///
    /// # Errors
    /// [`Canceled`](crate::Canceled) if the caller is canceled while it waits.
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use vitte_sync::WaitGroup;
    ///
    /// let group = Arc::new(WaitGroup::new());
    /// let (one, two) = (group.member(), group.member());
    /// let other = thread::spawn(move || one.wait());
    /// assert_eq!(two.wait(), Ok(()), "not before the other one is done");
    /// assert_eq!(other.join().unwrap(), Ok(()));
    /// ```
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
