//! When a timer is due next, and who runs its callback: what all kinds of timer share, under a lock of
//! theirs.
//!
//! ```text
//!              claim            begin               finish
//!     Idle ───────────► Queued ───────────► Running ───────────► Idle
//!       ▲                  │ started or stopped meanwhile
//!       └──────────────────┘ begin: the callback is not called
//! ```
//!
//! Beats lie on a grid: each is due one period after the one before it was *due*, so being late once
//! makes none after it late. Of beats that are due together the latest is run, and says for how many it
//! stands.
//!
//! Invariant: whoever made it `Queued` sees to it that it becomes `Idle` again. Between `begin` and `finish` nobody else calls the
//! callback.

use crate::Panicked;
use std::{any::Any, fmt::DebugStruct, sync::Arc, time::Duration};
use vitte_sync::Event;
use vitte_wait::{Deadline, facade::clock};

/// What a timer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimerStats {
    /// How often the callback was called.
    pub fired: u64,
    /// How many beats were not called for, because a later one was due by then.
    pub missed: u64,
    /// How many of the calls panicked.
    pub panicked: u64,
    /// How often the callback should have been called, but no fiber could be had.
    pub unstarted: u64,
}

/// Who runs the callback.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Idle,
    /// Somebody is about to, unless it is revoked.
    Queued {
        revoked: bool,
    },
    /// The unit with this life.
    Running(u64),
}

/// What a call of the callback is told.
pub(super) struct Call {
    pub(super) due: Deadline,
    pub(super) missed: u64,
}

/// See the [module documentation](self).
pub(super) struct Beat {
    /// Whether it will be due.
    is_on: bool,
    /// The point from which the next beat is one period away.
    base: u64,
    /// When the next beat is due.
    due: Deadline,
    /// In nanoseconds; zero if it is to be called once.
    period: u64,
    run: Run,
    /// Signaled when the callback that runs now has ended, if somebody waits for that.
    end: Option<Arc<Event>>,
    /// How often the callback was called.
    fired: u64,
    /// What most timers never have.
    mishaps: Option<Box<Mishaps>>,
}

#[derive(Default)]
struct Mishaps {
    missed: u64,
    panicked: u64,
    unstarted: u64,
    /// The first panic since somebody asked.
    panic: Option<Panicked>,
}

/// How long a call that could not be made is put off.
const PAUSE: Duration = Duration::from_millis(1);

impl Beat {
    pub(super) fn new() -> Self {
        Self {
            is_on: false,
            base: 0,
            due: Deadline::NEVER,
            period: 0,
            run: Run::Idle,
            end: None,
            fired: 0,
            mishaps: None,
        }
    }

    /// When somebody is to look next. Never, while the callback runs: whoever runs it looks then.
    pub(super) fn next(&self) -> Deadline {
        if self.is_on && self.run == Run::Idle {
            self.due
        } else {
            Deadline::NEVER
        }
    }

    /// When the next beat is due; `None` if it is off.
    pub(super) fn due(&self) -> Option<Deadline> {
        self.is_on.then_some(self.due)
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// The period of a timer that is on, and periodic.
    pub(super) fn period(&self) -> Option<Duration> {
        (self.is_on && self.period != 0).then(|| Duration::from_nanos(self.period))
    }

    /// Begins anew: due at `first`, and every `period` from there if that is not zero.
    pub(super) fn start(&mut self, first: Deadline, period: u64) {
        self.revoke();
        self.is_on = true;
        self.period = period;
        self.due = first;
        self.base = first.as_nanos().saturating_sub(period);
    }

    pub(super) fn halt(&mut self) {
        self.revoke();
        self.is_on = false;
    }

    fn revoke(&mut self) {
        if let Run::Queued { revoked } = &mut self.run {
            *revoked = true;
        }
    }

    /// The next beat is due `period` after the one before it, and so on from there. False: it is off, or
    /// not periodic.
    pub(super) fn set_period(&mut self, period: u64) -> bool {
        if !self.is_on || self.period == 0 {
            return false;
        }
        self.period = period;
        self.due = Deadline::from_nanos(self.base.saturating_add(period));
        true
    }

    /// Whether the callback is to be called, as it is `now`; then the caller sees to it.
    pub(super) fn claim(&mut self, now: Deadline) -> bool {
        let is_due = self.is_on && self.run == Run::Idle && self.due <= now;
        if is_due {
            self.run = Run::Queued { revoked: false };
        }
        is_due
    }

    /// The caller, whose unit has this `life`, is about to call the callback. `None`: he need not, for
    /// meanwhile it was stopped or started anew.
    pub(super) fn begin(&mut self, life: u64) -> Option<Call> {
        if self.run != (Run::Queued { revoked: false }) {
            self.run = Run::Idle;
            return None;
        }
        self.run = Run::Running(life);
        self.fired += 1;
        let first = self.due.as_nanos();
        let missed = self.beats_since(first);
        let due = first + missed.unwrap_or(0) * self.period;
        if let Some(missed) = missed {
            self.base = due;
            self.due = Deadline::from_nanos(due.saturating_add(self.period));
            self.miss(missed);
        } else {
            self.is_on = false;
        }
        Some(Call {
            due: Deadline::from_nanos(due),
            missed: missed.unwrap_or(0),
        })
    }

    /// How many whole periods have passed since `point`; `None` if there is no period.
    fn beats_since(&self, point: u64) -> Option<u64> {
        (self.period != 0).then(|| clock::now().saturating_sub(point) / self.period)
    }

    /// The callback has returned, or panicked. Returns who is to be told, after the lock.
    pub(super) fn finish(&mut self, panic: Option<Box<dyn Any + Send>>) -> Option<Arc<Event>> {
        self.run = Run::Idle;
        if let Some(panic) = panic {
            let mishaps = self.mishaps();
            mishaps.panicked += 1;
            mishaps.panic.get_or_insert_with(|| Panicked::new(panic));
        }
        self.end.take()
    }

    /// What `claim` asked for could not be had. A beat is left to the next one; a single call is put off.
    pub(super) fn fail(&mut self) {
        let revoked = self.run != (Run::Queued { revoked: false });
        self.run = Run::Idle;
        self.mishaps().unstarted += 1;
        if revoked {
            return;
        }
        let due = self.due.as_nanos();
        if let Some(missed) = self.beats_since(due) {
            self.miss(missed + 1);
            self.base = due + missed * self.period;
            self.due = Deadline::from_nanos(self.base.saturating_add(self.period));
        } else {
            self.due = Deadline::after(PAUSE);
        }
    }

    /// What is signaled when the callback that runs now has ended. `None`: none runs, or the caller is it.
    pub(super) fn end_of_run(&mut self, life: u64) -> Option<Arc<Event>> {
        match self.run {
            Run::Running(runs) if runs != life => {
                let end = self.end.get_or_insert_with(|| Arc::new(Event::manual()));
                Some(Arc::clone(end))
            }
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.run, Run::Running(_))
    }

    pub(super) fn show(&self, shown: &mut DebugStruct<'_, '_>) {
        shown
            .field("due_in", &self.due().and_then(Deadline::remaining))
            .field("period", &self.period())
            .field("in_callback", &self.is_running())
            .field("stats", &self.stats());
    }

    pub(super) fn stats(&self) -> TimerStats {
        let mishaps = self.mishaps.as_deref();
        let count = |of: fn(&Mishaps) -> u64| mishaps.map_or(0, of);
        TimerStats {
            fired: self.fired,
            missed: count(|mishaps| mishaps.missed),
            panicked: count(|mishaps| mishaps.panicked),
            unstarted: count(|mishaps| mishaps.unstarted),
        }
    }

    pub(super) fn take_panic(&mut self) -> Option<Panicked> {
        self.mishaps.as_mut()?.panic.take()
    }

    fn mishaps(&mut self) -> &mut Mishaps {
        self.mishaps.get_or_insert_default()
    }

    fn miss(&mut self, beats: u64) {
        if beats > 0 {
            self.mishaps().missed += beats;
        }
    }
}

/// A period in nanoseconds. One too long to count is so long that its second beat never comes.
///
/// # Panics
/// If it is zero.
pub(super) fn nanos(period: Duration) -> u64 {
    assert!(
        !period.is_zero(),
        "a timer cannot be due again without a pause: its period is zero"
    );
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}
