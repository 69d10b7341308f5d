//! One wait of the calling unit, from its announcement to its outcome.

use crate::{
    Bed, Deadline, Outcome, Reason, StopToken, Ticket, Unit,
    current::{self, Here},
    detour, thread,
    word::{CANCELABLE, LIFTABLE, UNPARKABLE},
};
use std::sync::Arc;

/// A wait that has begun. See the [crate documentation](crate).
///
/// Between [`begin`](Wait::begin) and [`park`](Wait::park) the unit places its
/// [`ticket`](Wait::ticket) and looks once more whether it need wait at all; if not, it
/// [`withdraw`](Wait::withdraw)s. No lock may be held across `park`.
///
/// # Cancellation
/// A wait ends as [`Outcome::Canceled`] when its unit is canceled, before or during the wait,
/// unless it was begun with [`begin_uncancelable`](Wait::begin_uncancelable).
#[derive(Debug)]
#[must_use]
pub struct Wait {
    unit: &'static Unit,
    number: u64,
    cancelable: bool,
}

impl Wait {
    /// Begins a wait of the calling unit for `reason` on the object at `object` (null if there is
    /// none; it is only shown, never followed).
    ///
    /// # Panics
    /// If the unit was told to unwind (a runtime that shuts down does that to fibers which go on
    /// waiting after their cancellation), this is where unwinding starts. So call it while
    /// nothing is locked and no ticket is placed.
    #[inline]
    pub fn begin(reason: Reason, object: *const ()) -> Self {
        Self::begin_kind(CANCELABLE, reason, object)
            .unwrap_or_else(|_| unreachable!("only a wait for the token is over before it began"))
    }

    /// As [`begin`](Wait::begin), and says where the caller is.
    ///
    /// # Safety
    /// As for [`current::here`].
    ///
    /// # Panics
    /// As [`begin`](Wait::begin).
    #[inline(always)]
    pub unsafe fn begin_here(reason: Reason, object: *const ()) -> (Self, Here) {
        // SAFETY: by the caller.
        let begun = unsafe { Self::begin_kind_here(CANCELABLE, reason, object) };
        begun.unwrap_or_else(|_| unreachable!("only a wait for the token is over before it began"))
    }

    /// # Safety
    /// As for [`current::here`].
    #[inline(always)]
    unsafe fn begin_kind_here(
        kind: u64,
        reason: Reason,
        object: *const (),
    ) -> Result<(Self, Here), Outcome> {
        // SAFETY: by the caller; `begin_kind` may suspend, and then it is asked for anew.
        let here = unsafe { current::here() };
        if let Some(unit) = here.unit()
            && !unit.is_asked()
        {
            let wait = Self::begin_on(unit, || here.badge(), kind, reason, object)?;
            return Ok((wait, here));
        }
        let wait = Self::begin_kind(kind, reason, object)?;
        // SAFETY: by the caller.
        Ok((wait, unsafe { current::here() }))
    }

    /// Like [`begin`](Wait::begin), for a wait that must run its course: it ends only by being
    /// woken, timed out or stopped, and never starts unwinding.
    #[inline]
    pub fn begin_uncancelable(reason: Reason, object: *const ()) -> Self {
        Self::begin_kind(0, reason, object)
            .unwrap_or_else(|_| unreachable!("only a wait for the token is over before it began"))
    }

    /// Like [`begin`](Wait::begin), for a wait that may end as canceled, but never starts unwinding: others
    /// use the caller's frame.
    #[inline]
    pub fn begin_rooted(reason: Reason, object: *const ()) -> Self {
        let mut unit = current::unit();
        if unit.is_acting() {
            // As in `attend`.
            unit = current::thread_unit();
        }
        Self::begin_on(unit, current::badge, CANCELABLE, reason, object)
            .unwrap_or_else(|_| unreachable!("only a wait for the token is over before it began"))
    }

    /// As [`begin`](Wait::begin), or if not `cancelable` as [`begin_uncancelable`](Wait::begin_uncancelable), for
    /// a wait for what another unit holds and is lent urgency for. It may also end as woken, without a waker,
    /// because the unit has become more urgent: the caller then takes its ticket away and begins another
    /// wait, in which it lends what it is worth now.
    ///
    /// # Panics
    /// As [`begin`](Wait::begin), if it is cancelable.
    #[inline]
    pub fn begin_liftable(cancelable: bool, reason: Reason, object: *const ()) -> Self {
        let kind = if cancelable { CANCELABLE } else { 0 };
        let wait = Self::begin_kind(kind | LIFTABLE, reason, object)
            .unwrap_or_else(|_| unreachable!("only a wait for the token is over before it began"));
        wait.unit.heed_raise();
        wait
    }

    #[inline]
    fn begin_kind(kind: u64, reason: Reason, object: *const ()) -> Result<Self, Outcome> {
        let mut unit = current::unit();
        if unit.is_asked() {
            unit = Self::attend(unit, kind)?;
        }
        Self::begin_on(unit, current::badge, kind, reason, object)
    }

    #[inline]
    fn begin_on(
        unit: &'static Unit,
        badge: impl FnOnce() -> u8,
        kind: u64,
        reason: Reason,
        object: *const (),
    ) -> Result<Self, Outcome> {
        let number = unit.begin(badge, kind, reason, object);
        let number = number.ok_or(Outcome::Woken)?;
        Ok(Self {
            unit,
            number,
            cancelable: kind & CANCELABLE != 0,
        })
    }

    /// Something is asked of the caller before it waits. Returns as whom it waits.
    #[cold]
    fn attend(unit: &'static Unit, kind: u64) -> Result<&'static Unit, Outcome> {
        if unit.is_acting() {
            // Its own wait is open below, and it has no other.
            return match kind & UNPARKABLE {
                0 => Ok(current::thread_unit()),
                _ => Err(Outcome::Canceled),
            };
        }
        if kind & CANCELABLE != 0
            && let Some(ops) = unit.ops()
        {
            (ops.attend)(unit);
        }
        Ok(unit)
    }

    /// The right to end this wait, to be left with a waker.
    #[inline]
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket::new(self.unit, self.number)
    }

    /// The unit that waits: the caller.
    #[inline]
    #[must_use]
    pub fn unit(&self) -> &'static Unit {
        self.unit
    }

    /// Ends the wait without blocking. `Err`: somebody claimed it first, and `outcome` is what
    /// they made of it; what a waker handed over is then there to be taken.
    ///
    /// # Errors
    /// The outcome, if the wait was claimed before it could be withdrawn.
    ///
    /// # Blocking
    /// Only for as long as the party that claimed the wait takes to finish.
    #[inline]
    pub fn withdraw(self) -> Result<(), Outcome> {
        if self.unit.withdraw(self.number) {
            return Ok(());
        }
        Err(self.suspend(Deadline::NEVER))
    }

    /// Blocks the calling unit until the wait is claimed, the deadline passes, the unit is
    /// canceled, or `stop` is triggered, and says which.
    ///
    /// A fiber suspends and its worker goes on; a thread sleeps. The ticket may still lie where
    /// it was placed; unless the outcome is [`Outcome::Woken`] the caller takes it away.
    // Always inlined: every frame between a switch and its caller costs a misprediction of its return.
    #[inline(always)]
    pub fn park(self, deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
        self.park_by(deadline, stop, Self::suspend)
    }

    /// As [`park`](Self::park), for a caller that has looked up where it is.
    #[inline(always)]
    pub fn park_here(self, here: Here, deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
        self.park_by(deadline, stop, |wait, until| {
            wait.suspend_at(|| here, until)
        })
    }

    /// As [`park`](Self::park), of a thread, which sleeps in `bed` and wakes by itself, as woken, when there is something to
    /// see of `what`.
    pub(crate) fn park_in_bed(
        self,
        bed: &Arc<dyn Bed>,
        what: &[u64],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        self.park_by(deadline, stop, |wait, until| {
            debug_assert!(wait.unit.is_thread(), "a fiber does not sleep in a bed");
            thread::block_in_bed(wait.unit, wait.ticket(), until, bed, what);
            wait.unit.outcome()
        })
    }

    #[inline(always)]
    fn park_by(
        self,
        deadline: Deadline,
        stop: Option<&StopToken>,
        suspend: impl FnOnce(Self, Deadline) -> Outcome,
    ) -> Outcome {
        let early = if self.cancelable && self.unit.is_canceled() {
            Some(Outcome::Canceled)
        } else if deadline.as_nanos() == 0 {
            Some(Outcome::TimedOut)
        } else {
            None
        };
        if let Some(early) = early {
            return match self.withdraw() {
                Ok(()) => early,
                Err(outcome) => outcome,
            };
        }
        match stop {
            None => suspend(self, deadline),
            Some(stop) => stop.watch(self.ticket(), deadline, |until| suspend(self, until)),
        }
    }

    #[inline(always)]
    fn suspend(self, deadline: Deadline) -> Outcome {
        // SAFETY: it is passed on at once.
        self.suspend_at(|| unsafe { current::here() }, deadline)
    }

    #[inline(always)]
    fn suspend_at(self, here: impl FnOnce() -> Here, deadline: Deadline) -> Outcome {
        match self.unit.ops() {
            // SAFETY: we are the unit that runs on this thread, in a wait that we have begun.
            Some(ops) => unsafe { (ops.park)(self.unit, here(), self.ticket(), deadline) },
            None => thread::block_thread(self.unit, self.ticket(), deadline),
        }
        self.unit.outcome()
    }

    /// Blocks until the calling unit has its park token (see [`Unit::unpark`]), and consumes it.
    ///
    /// Note \[Token consumption\]: the token is consumed by a read-modify-write. A load and a
    /// store would lose the token that is given between them, and on x86 even a token given just
    /// before, whose store the load may pass.
    ///
    /// # Panics
    /// As [`begin`](Wait::begin).
    // Always inlined, up to the detour: every call further out costs a misprediction of its return.
    #[inline(always)]
    pub fn park_token(deadline: Deadline, stop: Option<&StopToken>) -> Outcome {
        Self::park_token_begun(deadline, stop, || {})
    }

    /// As [`park_token`](Self::park_token), and calls `begun` once the wait has begun: nothing is asked of the unit any more
    /// before it leaves, and it leaves from where it is then. `begun` must not suspend. It is not called if the wait is over
    /// before it begins.
    ///
    /// # Panics
    /// As [`begin`](Wait::begin).
    #[inline(always)]
    pub fn park_token_begun(
        deadline: Deadline,
        stop: Option<&StopToken>,
        begun: impl FnOnce(),
    ) -> Outcome {
        detour::call(|| {
            let kind = CANCELABLE | UNPARKABLE;
            // SAFETY: it is used for the wait that it was asked for with, and `begun` does not suspend.
            match unsafe { Self::begin_kind_here(kind, Reason::Park, std::ptr::null()) } {
                Err(outcome) => outcome,
                Ok((wait, here)) => {
                    begun();
                    wait.park_here(here, deadline, stop)
                }
            }
        })
    }

    /// For a unit kind whose `park` finds that it may not suspend now: blocks the thread instead.
    pub fn block_thread(unit: &'static Unit, ticket: Ticket, deadline: Deadline) {
        thread::block_thread(unit, ticket, deadline);
    }
}
