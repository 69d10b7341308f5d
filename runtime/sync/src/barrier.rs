//! Barriers: nobody goes on before so many have come.

use crate::{
    WaitError,
    forms::{const_new, wait_forms},
    line::{Inside, Line, Waited, object},
};
use std::{fmt, ptr};
use vitte_wait::{Claimed, Deadline, Outcome, Reason, StopToken, Wait};

/// A point where a number of units wait for one another, round after round.
///
/// # Blocking
/// All but the last of a round suspend the calling fiber, or put the calling thread to sleep.
///
/// # Cancellation
/// One that is canceled, times out or is stopped takes its arrival back, so the round needs
/// another in its place. If the round is complete by then, it has taken part, and is told so; a
/// cancellation is then noticed by its next wait.
///
/// ```
/// use std::{sync::Arc, thread};
/// use vitte_sync::Barrier;
///
/// let barrier = Arc::new(Barrier::new(3));
/// let waiters: Vec<_> = (0..3)
///     .map(|_| {
///         let barrier = barrier.clone();
///         thread::spawn(move || barrier.wait().unwrap().is_leader())
///     })
///     .collect();
/// let leads = waiters.into_iter().map(|waiter| waiter.join().unwrap());
/// assert_eq!(leads.filter(|&leads| leads).count(), 1);
/// ```
pub struct Barrier {
    parties: usize,
    /// How many of the current round have come.
    line: Line<usize>,
}

/// What one who took part in a round of a [`Barrier`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// True for one of each round: the last to come.
    ///
    /// ```
    /// use vitte_sync::Barrier;
    ///
    /// let alone = Barrier::new(1);
    /// assert!(alone.wait().unwrap().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(self) -> bool {
        self.is_leader
    }
}

impl Barrier {
    const_new! {
        /// A barrier for rounds of `parties` units; none is taken for one.
        ///
        /// ```
        /// use vitte_sync::Barrier;
        ///
        /// static START: Barrier = Barrier::new(2);
        /// std::thread::spawn(|| START.wait());
        /// assert!(START.wait().is_ok());
        /// ```
        #[must_use]
        pub fn new(parties: usize) -> Self {
            Self {
                parties,
                line: Line::new(0),
            }
        }
    }

    /// How many units make a round.
    ///
    /// ```
    /// use vitte_sync::Barrier;
    ///
    /// assert_eq!(Barrier::new(3).parties(), 3);
    /// assert_eq!(Barrier::new(0).parties(), 1);
    /// ```
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties.max(1)
    }

    wait_forms! {
        /// Waits until the round is complete.
        ///
        /// # Errors
        /// [`Canceled`](crate::Canceled) if the caller is canceled before that.
        -> BarrierWaitResult
        ;
        in vitte_wait
        /// use vitte_sync::{Barrier, WaitError};
        ///
        /// let barrier = Barrier::new(2);
        "barrier." () => Err(WaitError)
    }

    /// Waits until the round is complete; leaves it at `deadline`, or when `stop` is triggered.
    ///
    /// The one who completes a round does not wait, and so does not look at either.
    ///
    /// # Errors
    /// What ended the wait instead. The round does not count the caller any more.
    ///
    /// ```
    /// use vitte_sync::{Barrier, WaitError};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (barrier, source) = (Barrier::new(2), StopSource::new());
    /// source.stop();
    /// let ended = barrier.wait_with(Deadline::NEVER, Some(&source.token()));
    /// assert_eq!(ended.unwrap_err(), WaitError::Stopped);
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<BarrierWaitResult, WaitError> {
        let wait = Wait::begin(Reason::Event, object(self));
        let mut others: Vec<Claimed> = Vec::new();
        let arm = |inside: &mut Inside<usize>| {
            inside.state += 1;
            if inside.state < self.parties {
                return true;
            }
            inside.state = 0;
            others = inside.queue.pop_all(Outcome::Woken);
            false
        };
        let leave = |inside: &mut Inside<usize>| inside.state -= 1;
        let waited = self
            .line
            .wait(wait, ptr::null_mut(), (deadline, stop), arm, leave);
        drop(others);
        match waited {
            Waited::No => Ok(BarrierWaitResult { is_leader: true }),
            // Whoever was taken out of the line was counted, whatever else happened to its wait.
            Waited::Popped(_) => Ok(BarrierWaitResult { is_leader: false }),
            Waited::Left(outcome) => {
                WaitError::of(outcome).map(|()| BarrierWaitResult { is_leader: false })
            }
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Barrier");
        out.field("parties", &self.parties());
        if let Some(waiting) = self.line.len() {
            out.field("waiting", &waiting);
        }
        out.finish()
    }
}
