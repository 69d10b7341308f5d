//! Alarms: what a wheel rings, when it is not the end of a wait.
//!
//! An alarm lies on the heap and in at most one wheel. While it is armed the wheel holds a reference
//! to it, so its entry stays where it is. It rings on whatever thread looks at the wheel, after the
//! wheel's lock is released; what it then does is short, and the rest a matter for a task.
//!
//! Invariants: `held` and `entry` are touched under the lock of the wheel that `place` names, or, if it
//! names none, by whoever holds the lock of `place`. Locks are taken in this order: `place`, wheel.

use crate::{
    Scheduler,
    shared::{Phase, Shared},
    timer::{Due, Entry, Timers},
    worker,
};
use std::{cell::Cell, fmt, ptr, sync::Arc};
use vitte_wait::{Deadline, ahead::fetch, facade::Mutex};

/// Why an alarm rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    /// Its time has come.
    Due,
    /// Its scheduler ends; it will not ring again, and cannot be armed.
    Ended,
}

/// Something that is called when its time has come. Made with what it calls, then armed any number of
/// times; dropping it disarms it.
///
/// A call may come late, and, if the alarm is disarmed or armed anew at the same time, all the same: so
/// what it calls looks for itself what there is to do.
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// use vitte_scheduler::{Alarm, Bell, Config, Scheduler, ShutdownMode};
/// use vitte_wait::Deadline;
///
/// let scheduler = Scheduler::start(Config::default())?;
/// let (tell, told) = mpsc::channel();
/// let alarm = Alarm::new(&scheduler, move |bell| tell.send(bell).unwrap());
/// assert!(alarm.arm(Deadline::after(Duration::from_millis(1))));
/// assert_eq!(told.recv()?, Bell::Due);
/// assert!(alarm.arm(Deadline::after(Duration::from_secs(3600))));
/// scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
/// assert_eq!(told.recv()?, Bell::Ended);
/// assert!(!alarm.arm(Deadline::NOW));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Alarm(Arc<Clapper>);

/// What a wheel holds of an alarm.
#[repr(C)]
pub(super) struct Clapper {
    /// First, so that a pointer to the entry is a pointer to this.
    entry: Entry,
    /// Itself, while it is in a wheel.
    held: Cell<Option<Arc<Self>>>,
    /// The index of the worker in whose wheel it was put last.
    place: Mutex<Option<usize>>,
    scheduler: Scheduler,
    call: Box<dyn Fn(Bell) + Send + Sync>,
}

// SAFETY: the cells are touched under locks, as the module's invariants say; everything else may be
// shared, for what is called is `Send` and `Sync`.
unsafe impl Send for Clapper {}
// SAFETY: as above.
unsafe impl Sync for Clapper {}

impl Clapper {
    /// The alarm whose entry this is, taken out of the wheel's keeping.
    ///
    /// # Safety
    /// `entry` is the entry of an alarm, and has just been taken out of a wheel whose lock is held.
    pub(super) unsafe fn released(entry: &Entry) -> Option<Arc<Self>> {
        // SAFETY: by the caller the entry is the first field of a clapper, `repr(C)`, which `held`
        // keeps alive.
        unsafe { &*ptr::from_ref(entry).cast::<Self>() }.held.take()
    }

    pub(super) fn ring(&self, bell: Bell) {
        (self.call)(bell);
    }
}

impl Alarm {
    /// An alarm of `scheduler` that is not armed.
    ///
    /// `call` runs wherever a timer may be looked at: it must not wait, take long, or panic.
    pub fn new(scheduler: &Scheduler, call: impl Fn(Bell) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Clapper {
            entry: Entry::for_alarm(),
            held: Cell::new(None),
            place: Mutex::new(None),
            scheduler: scheduler.clone(),
            call: Box::new(call),
        }))
    }

    /// Lets it ring at `deadline`, and no more at the one it was armed for before. With
    /// [`Deadline::NEVER`] it is only disarmed. False: the scheduler ends, so it will not ring.
    ///
    /// # Blocking
    /// Never, but for short locks.
    pub fn arm(&self, deadline: Deadline) -> bool {
        let shared = &*self.0.scheduler.0;
        let mut place = self.0.place.lock();
        let old = self.take_out(*place);
        *place = None;
        let is_over = || shared.phase_is_at_least(Phase::Closing);
        if is_over() || deadline == Deadline::NEVER {
            drop(place);
            drop(old);
            return !is_over();
        }
        let index = worker::current()
            .filter(|worker| worker.shared().is(shared) && !worker.is_retired())
            .map_or(0, |worker| worker.index);
        *place = Some(index);
        let armed = shared.remotes[index]
            .timers
            .arm_alarm(&self.0, deadline, is_over);
        drop(place);
        drop(old);
        if armed == Some(true) {
            shared
                .idle
                .timer_armed_for(shared, index, deadline.as_nanos());
        }
        armed.is_some()
    }

    /// Takes the deadline back, if it has not come.
    ///
    /// # Blocking
    /// Never, but for short locks: a call that is under way is not waited for.
    pub fn disarm(&self) {
        let mut place = self.0.place.lock();
        let old = self.take_out(place.take());
        drop(place);
        drop(old);
    }

    /// Under the lock of `place`. What is returned is to be dropped after it.
    fn take_out(&self, place: Option<usize>) -> Option<Arc<Clapper>> {
        let timers = &self.0.scheduler.0.remotes[place?].timers;
        timers.disarm_alarm(&self.0)
    }

    /// The scheduler that it is an alarm of.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.0.scheduler
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").finish_non_exhaustive()
    }
}

impl Timers {
    /// Arms an alarm that is in no wheel; says whether it became the next one to be due. `None`: it
    /// `is_over`, and the alarm is not armed.
    fn arm_alarm(
        &self,
        alarm: &Arc<Clapper>,
        deadline: Deadline,
        is_over: impl Fn() -> bool,
    ) -> Option<bool> {
        let mut wheel = self.wheel.lock();
        // Under the lock, so that either we see the end, or `end_alarms` sees the alarm.
        if is_over() {
            return None;
        }
        alarm.entry.set_deadline(deadline.as_nanos());
        alarm.held.set(Some(Arc::clone(alarm)));
        // SAFETY: it is in no wheel, and `held` keeps it where it is until it is taken out.
        Some(unsafe { self.arm_in(&mut wheel, &alarm.entry) })
    }

    /// Takes the alarm out, if it has not rung. Returns what the wheel held, to be dropped after all locks.
    fn disarm_alarm(&self, alarm: &Clapper) -> Option<Arc<Clapper>> {
        let mut wheel = self.wheel.lock();
        // SAFETY: it was armed here, or is in no wheel.
        unsafe { wheel.remove(&alarm.entry) };
        alarm.held.take()
    }

    fn end_alarms(&self) {
        loop {
            let mut ended = Vec::new();
            self.wheel.lock().take_alarms(&mut |entry| {
                // SAFETY: it is an alarm's, was just taken out, and the lock is ours.
                ended.extend(unsafe { Clapper::released(entry) });
            });
            if ended.is_empty() {
                return;
            }
            for alarm in ended {
                alarm.ring(Bell::Ended);
            }
        }
    }
}

impl Shared {
    /// No alarm rings any more, nor can be armed. After the phase has become [`Phase::Closing`].
    pub(crate) fn end_alarms(&self) {
        for remote in self.remotes.iter() {
            remote.timers.end_alarms();
        }
    }
}

impl Due {
    /// What is to be done for `entry`, which was just taken out of the wheel. `None`: nothing.
    ///
    /// # Safety
    /// The wheel's lock is held.
    pub(super) unsafe fn of(entry: &Entry) -> Option<Self> {
        match entry.ticket() {
            Some(ticket) => {
                fetch(ptr::from_ref(ticket.unit()).addr());
                Some(Self::Open(ticket))
            }
            // SAFETY: entries without a ticket are alarms'; the rest is the caller's promise.
            None => unsafe { Clapper::released(entry) }.map(Self::Alarm),
        }
    }
}
