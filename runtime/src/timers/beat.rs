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
//! Invariants: whoever made it `Queued` sees to it that it becomes `Idle` again. The callback is in
//! `callback` unless it is `Running`.

use crate::Panicked;
use std::{any::Any, fmt::DebugStruct, mem, sync::Arc, time::Duration};
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

/// A call of the callback that is due: the callback, which is to be given back to
/// [`Beat::finish`], and what it is told.
pub(super) struct Call<C> {
    pub(super) callback: C,
    pub(super) due: Deadline,
    pub(super) missed: u64,
}

/// See the [module documentation](self).
pub(super) struct Beat<C> {
    /// Whether it will be due.
    is_on: bool,
    /// The point from which the next beat is one period away.
    base: u64,
    /// When the next beat is due.
    due: Deadline,
    /// In nanoseconds; zero if it is to be called once.
    period: u64,
    run: Run,
    callback: Option<C>,
    /// Signaled when the callback that runs now has ended, if somebody waits for that.
    end: Option<Arc<Event>>,
    stats: TimerStats,
    /// The first panic since somebody asked.
    panic: Option<Panicked>,
}

/// How long a call that could not be made is put off.
const PAUSE: Duration = Duration::from_millis(1);

impl<C> Beat<C> {
    pub(super) fn new(callback: C) -> Self {
        Self {
            is_on: false,
            base: 0,
            due: Deadline::NEVER,
            period: 0,
            run: Run::Idle,
            callback: Some(callback),
            end: None,
            stats: TimerStats::default(),
            panic: None,
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

    /// Whether the callback is to be called now; then the caller sees to it.
    pub(super) fn claim(&mut self) -> bool {
        let is_due = self.is_on && self.run == Run::Idle && self.due.is_past();
        if is_due {
            self.run = Run::Queued { revoked: false };
        }
        is_due
    }

    /// The caller, whose unit has this `life`, is about to call the callback. `None`: he need not, for
    /// meanwhile it was stopped or started anew.
    pub(super) fn begin(&mut self, life: u64) -> Option<Call<C>> {
        if self.run != (Run::Queued { revoked: false }) {
            self.run = Run::Idle;
            return None;
        }
        let callback = self.callback.take()?;
        self.run = Run::Running(life);
        self.stats.fired += 1;
        let first = self.due.as_nanos();
        let missed = self.beats_since(first);
        let due = first + missed.unwrap_or(0) * self.period;
        if let Some(missed) = missed {
            self.base = due;
            self.due = Deadline::from_nanos(due.saturating_add(self.period));
            self.stats.missed += missed;
        } else {
            self.is_on = false;
        }
        Some(Call {
            callback,
            due: Deadline::from_nanos(due),
            missed: missed.unwrap_or(0),
        })
    }

    /// How many whole periods have passed since `point`; `None` if there is no period.
    fn beats_since(&self, point: u64) -> Option<u64> {
        let passed = clock::now().saturating_sub(point);
        passed.checked_div(self.period)
    }

    /// The callback that `begin` gave has returned, or panicked. Returns who is to be told, after the lock.
    pub(super) fn finish(
        &mut self,
        callback: C,
        panic: Option<Box<dyn Any + Send>>,
    ) -> Option<Arc<Event>> {
        self.callback = Some(callback);
        self.run = Run::Idle;
        if let Some(panic) = panic {
            self.stats.panicked += 1;
            self.panic.get_or_insert_with(|| Panicked::new(panic));
        }
        self.end.take()
    }

    /// What `claim` asked for could not be had. A beat is left to the next one; a single call is put off.
    pub(super) fn fail(&mut self) {
        let revoked = self.run != (Run::Queued { revoked: false });
        self.run = Run::Idle;
        self.stats.unstarted += 1;
        if revoked {
            return;
        }
        let due = self.due.as_nanos();
        if let Some(missed) = self.beats_since(due) {
            self.stats.missed += missed + 1;
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
            .field("stats", &self.stats);
    }

    pub(super) fn stats(&self) -> TimerStats {
        self.stats
    }

    pub(super) fn take_panic(&mut self) -> Option<Panicked> {
        mem::take(&mut self.panic)
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
