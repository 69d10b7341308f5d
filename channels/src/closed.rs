//! Waiting, as a sender, for the channel to be closed or for nobody to be left at the other end.
//!
//! Each kind says when that is so, and where who waits for it is queued; the forms are the same for all.

use crate::posts::Post;
use vitte_wait::Budget;

/// Where a sender waits for the end.
pub(crate) trait Closing: Post {
    /// Whether it has come.
    fn is_over(&self) -> bool;

    fn budget(&self) -> &Budget;

    fn poll_over(&self) -> Option<()> {
        self.is_over().then_some(())
    }
}

/// Gives a sender `closed`, documented as it is told, and the forms of that. `$post` of the sender is a
/// [`Closing`]. Of their examples it is said what opens the channel, and what is imported for that.
macro_rules! closed_forms {
    ($(#[$doc:meta])* $me:ident => $post:expr; $used:ident, $open:literal) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`WaitError::Canceled`](crate::WaitError::Canceled) if the caller is canceled while waiting.
        ///
        /// # Blocking
        /// Suspends the calling fiber, or puts the calling thread to sleep.
        pub fn closed(&self) -> Result<(), $crate::WaitError> {
            self.closed_with(vitte_wait::Deadline::NEVER, None)
        }

        /// As [`closed`](Self::closed), until `deadline` or until `stop` is triggered.
        ///
        /// # Errors
        /// [`WaitError`](crate::WaitError): what ended the wait instead.
        ///
        /// ```
        #[doc = concat!(" use vitte_channels::{", stringify!($used), ", WaitError};")]
        /// use vitte_wait::Deadline;
        ///
        #[doc = concat!(" let (tx, rx) = ", $open, ";")]
        /// assert_eq!(tx.closed_with(Deadline::NOW, None), Err(WaitError::TimedOut));
        /// drop(rx);
        /// assert_eq!(tx.closed_with(Deadline::NOW, None), Ok(()));
        /// ```
        pub fn closed_with(
            &$me,
            deadline: vitte_wait::Deadline,
            stop: Option<&vitte_wait::StopToken>,
        ) -> Result<(), $crate::WaitError> {
            let post = $post;
            match $crate::closed::Closing::poll_over(post) {
                Some(()) => Ok(()),
                None => $crate::posts::wait_until(post, deadline, stop, || {
                    $crate::closed::Closing::poll_over(post)
                }),
            }
        }

        vitte_wait::timed_forms! {
            closed_with() -> Result<(), $crate::WaitError>:
            closed_until closed_timeout closed_or_stop
            in vitte_wait
            #[doc = concat!(" use vitte_channels::{", stringify!($used), ", WaitError};")]
            ///
            #[doc = concat!(" let (tx, _rx) = ", $open, ";")]
            "tx." () => Err(WaitError)
        }

        /// [`closed`](Self::closed) as one of several things that a unit waits for; see
        /// [`select`](mod@crate::select). It goes into `select!` as `arm(..)`.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_channels::{", stringify!($used), ", select};")]
        ///
        #[doc = concat!(" let (tx, rx) = ", $open, ";")]
        /// drop(rx);
        /// let is_wanted = select! {
        ///     arm(tx.closed_arm()) => false,
        ///     after(Duration::from_secs(60)) => true,
        /// };
        /// assert_eq!(is_wanted, Ok(false));
        /// ```
        pub fn closed_arm(&$me) -> impl vitte_wait::select::Chosen<Output = ()> + '_ {
            let post = $post;
            $crate::posts::PostArm::new(post, $crate::closed::Closing::budget(post), || {
                $crate::closed::Closing::poll_over(post)
            })
        }
    };
}
pub(crate) use closed_forms;
