//! Phasers: barriers whose parties come and go.

use crate::{
    Canceled, WaitError,
    forms::const_new,
    line::{Inside, Line, Waited, object},
};
use std::{fmt, ptr};
use vitte_wait::{Claimed, Deadline, Outcome, Reason, StopToken, Wait, timed_forms};

/// A latch that is used again for phase after phase, by parties that register and leave.
///
/// A phase is over when every registered party has arrived; then the next begins, and those who
/// wait go on. A party may also arrive without waiting, and one that is not registered may wait.
///
/// # Cancellation
/// An arrival is not taken back: one that is canceled, times out or is stopped in
/// [`arrive_and_wait`](Self::arrive_and_wait) may [wait](Self::wait_for) for the same phase again.
///
/// ```
/// use vitte_sync::Phaser;
///
/// let phaser = Phaser::new(1);
/// assert_eq!(phaser.register(), 0);
/// assert_eq!(phaser.arrive(), 0);
/// assert_eq!(phaser.arrive_and_wait(), Ok(1));
/// assert_eq!(phaser.wait_for(0), Ok(1));
/// assert_eq!(phaser.arrive_and_deregister(), 1);
/// assert_eq!((phaser.parties(), phaser.arrived(), phaser.phase()), (1, 0, 1));
/// ```
pub struct Phaser(Line<State>);

#[derive(Clone, Copy)]
struct State {
    phase: u64,
    parties: usize,
    /// How many of them have arrived in this phase; less than all, unless there are none.
    arrived: usize,
}

impl State {
    /// One party arrives, and goes if it `leaves`. Whether that ends the phase.
    fn arrive(&mut self, leaves: bool) -> bool {
        assert!(
            self.arrived < self.parties,
            "every registered party has arrived"
        );
        if leaves {
            self.parties -= 1;
        } else {
            self.arrived += 1;
        }
        if self.arrived < self.parties {
            return false;
        }
        self.arrived = 0;
        self.phase += 1;
        true
    }
}

impl Phaser {
    const_new! {
        /// A phaser with so many parties, in phase 0.
        ///
        /// ```
        /// use vitte_sync::Phaser;
        ///
        /// let phaser = Phaser::new(2);
        /// assert_eq!((phaser.parties(), phaser.phase()), (2, 0));
        /// ```
        #[must_use]
        pub fn new(parties: usize) -> Self {
            Self(Line::new(State {
                phase: 0,
                parties,
                arrived: 0,
            }))
        }
    }

    fn state(&self) -> State {
        self.0.lock().state
    }

    /// The phase that goes on now.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(1);
    /// phaser.arrive();
    /// assert_eq!(phaser.phase(), 1);
    /// ```
    #[must_use]
    pub fn phase(&self) -> u64 {
        self.state().phase
    }

    /// How many parties are registered.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(1);
    /// phaser.register();
    /// assert_eq!(phaser.parties(), 2);
    /// ```
    #[must_use]
    pub fn parties(&self) -> usize {
        self.state().parties
    }

    /// How many of them have arrived in this phase.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(2);
    /// phaser.arrive();
    /// assert_eq!(phaser.arrived(), 1);
    /// phaser.arrive();
    /// assert_eq!(phaser.arrived(), 0, "the next phase has begun");
    /// ```
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.state().arrived
    }

    /// Adds a party, which has not arrived yet, and says in which phase.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(1);
    /// phaser.arrive();
    /// assert_eq!(phaser.register(), 1);
    /// ```
    pub fn register(&self) -> u64 {
        let mut inside = self.0.lock();
        inside.state.parties += 1;
        inside.state.phase
    }

    /// A party arrives and does not wait. Says in which phase.
    ///
    /// # Panics
    /// If every registered party has arrived.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(1);
    /// assert_eq!(phaser.arrive(), 0);
    /// assert_eq!(phaser.arrive(), 1, "there is nobody else, so each arrival ends a phase");
    /// ```
    pub fn arrive(&self) -> u64 {
        self.arrive_as(false)
    }

    /// A party arrives, does not wait, and does not belong to later phases. Says in which phase.
    ///
    /// # Panics
    /// If every registered party has arrived.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(2);
    /// phaser.arrive_and_deregister();
    /// assert_eq!((phaser.parties(), phaser.phase()), (1, 0));
    /// assert_eq!(phaser.arrive_and_wait(), Ok(1));
    /// ```
    pub fn arrive_and_deregister(&self) -> u64 {
        self.arrive_as(true)
    }

    fn arrive_as(&self, leaves: bool) -> u64 {
        let mut inside = self.0.lock();
        let phase = inside.state.phase;
        let woken = advance(&mut inside, leaves);
        drop(inside);
        drop(woken);
        phase
    }

    /// A party arrives and waits for the end of the phase. Says which phase comes next.
    ///
    /// # Errors
    /// [`Canceled`] if the caller is canceled while it waits. It has arrived nevertheless.
    ///
    /// # Panics
    /// If every registered party has arrived.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(2);
    /// std::thread::scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|| {
    ///             assert_eq!(phaser.arrive_and_wait(), Ok(1)); // both have done their first part
    ///             assert_eq!(phaser.arrive_and_wait(), Ok(2));
    ///         });
    ///     }
    /// });
    /// ```
    pub fn arrive_and_wait(&self) -> Result<u64, Canceled> {
        self.arrive_and_wait_with(Deadline::NEVER, None)
            .map_err(WaitError::of_untimed)
    }

    /// [`arrive_and_wait`](Self::arrive_and_wait) until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead. The party has arrived nevertheless.
    ///
    /// # Panics
    /// If every registered party has arrived.
    ///
    /// ```
    /// use vitte_sync::{Phaser, WaitError};
    /// use vitte_wait::Deadline;
    ///
    /// let phaser = Phaser::new(2);
    /// assert_eq!(phaser.arrive_and_wait_with(Deadline::NOW, None), Err(WaitError::TimedOut));
    /// assert_eq!(phaser.arrived(), 1);
    /// ```
    pub fn arrive_and_wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<u64, WaitError> {
        self.wait_for_with(self.arrive(), deadline, stop)
    }

    timed_forms! {
        arrive_and_wait_with() -> Result<u64, WaitError>:
        arrive_and_wait_until arrive_and_wait_timeout arrive_and_wait_or_stop
        in vitte_wait
        /// use vitte_sync::{Phaser, WaitError};
        ///
        /// let phaser = Phaser::new(2);
        "phaser." () => Err(WaitError)
    }

    /// Waits while `phase` goes on. Says which phase comes after, or, if it is over already, which
    /// goes on now.
    ///
    /// # Errors
    /// [`Canceled`] if the caller is canceled while it waits.
    ///
    /// ```
    /// use vitte_sync::Phaser;
    ///
    /// let phaser = Phaser::new(1);
    /// let first = phaser.arrive();
    /// assert_eq!(phaser.wait_for(first), Ok(1), "it is over already");
    /// ```
    pub fn wait_for(&self, phase: u64) -> Result<u64, Canceled> {
        self.wait_for_with(phase, Deadline::NEVER, None)
            .map_err(WaitError::of_untimed)
    }

    /// [`wait_for`](Self::wait_for), until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead, and the phase goes on.
    ///
    /// ```
    /// use vitte_sync::{Phaser, WaitError};
    /// use vitte_wait::Deadline;
    ///
    /// let phaser = Phaser::new(1);
    /// assert_eq!(phaser.wait_for_with(0, Deadline::NOW, None), Err(WaitError::TimedOut));
    /// ```
    pub fn wait_for_with(
        &self,
        phase: u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<u64, WaitError> {
        let wait = Wait::begin(Reason::Event, object(self));
        let mut now = phase;
        let arm = |inside: &mut Inside<State>| {
            now = inside.state.phase;
            now == phase
        };
        let waited = self
            .0
            .wait(wait, ptr::null_mut(), (deadline, stop), arm, |_| {});
        match waited {
            Waited::No => Ok(now),
            // Only the end of the phase takes anybody out of the line.
            Waited::Popped(_) => Ok(phase + 1),
            Waited::Left(outcome) => WaitError::of(outcome).map(|()| phase + 1),
        }
    }

    timed_forms! {
        wait_for_with(phase: u64) -> Result<u64, WaitError>:
        wait_for_until wait_for_timeout wait_for_or_stop
        in vitte_wait
        /// use vitte_sync::{Phaser, WaitError};
        ///
        /// let phaser = Phaser::new(1);
        "phaser." (0) => Err(WaitError)
    }
}

/// One party arrives; if that ends the phase, those who wait are to be woken.
fn advance(inside: &mut Inside<State>, leaves: bool) -> Vec<Claimed> {
    if inside.state.arrive(leaves) {
        inside.queue.pop_all(Outcome::Woken)
    } else {
        Vec::new()
    }
}

impl fmt::Debug for Phaser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State {
            phase,
            parties,
            arrived,
        } = self.state();
        f.debug_struct("Phaser")
            .field("phase", &phase)
            .field("parties", &parties)
            .field("arrived", &arrived)
            .finish()
    }
}
