//! Alarms: what a wheel rings, when it is not the end of a wait.
//!
//! An alarm lies on the heap, together with what it rings, and in at most one wheel. The wheel does not keep it: an alarm that
//! ends takes itself out first. It rings on whatever thread looks at the wheel, after the wheel's lock is
//! released, and is kept meanwhile; what it then does is short, and the rest a matter for a task.
//!
//! Invariants: `entry` is touched under the lock of the wheel that `place` names, or, if it
//! names none, by whoever holds the lock of `place`. Locks are taken in this order: `place`, wheel. The memory of an alarm that is
//! in a wheel is there while the wheel's lock is held.

use crate::{
    Scheduler,
    shared::{Phase, Shared},
    timer::{Due, Entry, Timers},
    worker,
};
use std::{
    fmt,
    ops::Deref,
    ptr,
    sync::{Arc, Weak},
};
use vitte_wait::{
    Deadline,
    ahead::{fetch, fetch_to_write},
    current,
    facade::Mutex,
};

/// Why an alarm rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    /// Its time has come: it is as late as this, or later.
    Due(Deadline),
    /// Its scheduler ends; it will not ring again, and cannot be armed.
    Ended,
}

/// What is called when an alarm rings.
pub trait Ring: Sized + Send + Sync + 'static {
    /// Runs wherever a timer may be looked at: it must not wait, take long, or panic.
    fn ring(alarm: Arc<Alarm<Self>>, bell: Bell);
}

/// Something that is called when its time has come. Made with what it rings, then armed any number of
/// times; the end of the last reference disarms it.
///
/// A call may come late, and, if the alarm is disarmed or armed anew at the same time, all the same: so
/// what it calls looks for itself what there is to do.
///
/// ```
/// use std::{sync::{Arc, mpsc}, time::Duration};
/// use vitte_scheduler::{Alarm, Bell, Config, Ring, Scheduler, ShutdownMode};
/// use vitte_wait::Deadline;
///
/// struct Tell(mpsc::Sender<Bell>);
///
/// impl Ring for Tell {
///     fn ring(alarm: Arc<Alarm<Self>>, bell: Bell) {
///         alarm.0.send(bell).unwrap();
///     }
/// }
///
/// let scheduler = Scheduler::start(Config::default())?;
/// let (tell, told) = mpsc::channel();
/// let alarm = Alarm::new(&scheduler, Tell(tell));
/// let deadline = Deadline::after(Duration::from_millis(1));
/// assert!(alarm.arm(deadline));
/// assert!(matches!(told.recv()?, Bell::Due(now) if now >= deadline));
/// assert!(alarm.arm(Deadline::after(Duration::from_secs(3600))));
/// scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER)?;
/// assert_eq!(told.recv()?, Bell::Ended);
/// assert!(!alarm.arm(Deadline::NOW));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Alarm<R: ?Sized> {
    /// First, so that a pointer to the entry is a pointer to this.
    head: Head,
    scheduler: Scheduler,
    /// The index of the worker in whose wheel it was put last.
    place: Mutex<Option<u16>>,
    rings: R,
}

/// What a wheel knows of an alarm.
#[repr(C)]
struct Head {
    /// First, too.
    entry: Entry,
    alarm: Weak<dyn Ringing>,
}

/// Any alarm.
pub(super) trait Ringing: Send + Sync {
    fn ring(self: Arc<Self>, bell: Bell);
}

impl<R: Ring> Ringing for Alarm<R> {
    fn ring(self: Arc<Self>, bell: Bell) {
        R::ring(self, bell);
    }
}

// SAFETY: the entry is touched under locks, as the module's invariants say; everything else may be sent and
// shared.
unsafe impl<R: Send + ?Sized> Send for Alarm<R> {}
// SAFETY: as above.
unsafe impl<R: Sync + ?Sized> Sync for Alarm<R> {}

/// How many cache lines of an alarm are asked for before it rings.
const LINES: usize = 5;

impl Head {
    /// The alarm whose entry this is. `None`: it is about to end.
    ///
    /// # Safety
    /// `entry` is the entry of an alarm, and has just been taken out of a wheel whose lock is held.
    unsafe fn alarm(entry: &Entry) -> Option<Arc<dyn Ringing>> {
        // SAFETY: by the caller the entry is the first field of a head, `repr(C)`; an alarm that ends waits for the
        // wheel's lock first.
        let head = unsafe { &*ptr::from_ref(entry).cast::<Self>() };
        head.alarm.upgrade()
    }
}

impl<R: Ring> Alarm<R> {
    /// An alarm of `scheduler` that rings `rings`, and is not armed.
    pub fn new(scheduler: &Scheduler, rings: R) -> Arc<Self> {
        Arc::new_cyclic(|alarm: &Weak<Self>| Self {
            head: Head {
                entry: Entry::for_alarm(),
                alarm: alarm.clone(),
            },
            scheduler: scheduler.clone(),
            place: Mutex::new(None),
            rings,
        })
    }
}

impl<R: ?Sized> Alarm<R> {
    /// Lets it ring at `deadline`, and no more at the one it was armed for before. With
    /// [`Deadline::NEVER`] it is only disarmed. False: the scheduler ends, so it will not ring.
    ///
    /// # Blocking
    /// Never, but for short locks.
    pub fn arm(&self, deadline: Deadline) -> bool {
        let shared = &*self.scheduler.0;
        let mut place = self.place.lock();
        self.take_out(place.take());
        let is_over = || shared.phase_is_at_least(Phase::Closing);
        if is_over() || deadline == Deadline::NEVER {
            return !is_over();
        }
        let index = worker::current()
            .filter(|worker| worker.shared().is(shared) && !worker.is_retired())
            .map_or(0, |worker| worker.index);
        *place = Some(index as u16);
        let armed = shared.remotes[index]
            .timers
            .arm_alarm(&self.head.entry, deadline, is_over);
        drop(place);
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
        let mut place = self.place.lock();
        self.take_out(place.take());
    }

    /// Under the lock of `place`.
    fn take_out(&self, place: Option<u16>) {
        if let Some(index) = place {
            let timers = &self.scheduler.0.remotes[usize::from(index)].timers;
            // SAFETY: it was armed there; and where we are is used at once.
            unsafe { timers.disarm(&self.head.entry, current::here()) };
        }
    }

    /// The scheduler that it is an alarm of.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl<R: ?Sized> Deref for Alarm<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.rings
    }
}

impl<R: ?Sized> Drop for Alarm<R> {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl<R: ?Sized> fmt::Debug for Alarm<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").finish_non_exhaustive()
    }
}

impl Timers {
    /// Arms an alarm that is in no wheel; says whether it became the next one to be due. `None`: it
    /// `is_over`, and the alarm is not armed.
    fn arm_alarm(
        &self,
        entry: &Entry,
        deadline: Deadline,
        is_over: impl Fn() -> bool,
    ) -> Option<bool> {
        let mut wheel = self.wheel.lock();
        // Under the lock, so that either we see the end, or `end_alarms` sees the alarm.
        if is_over() {
            return None;
        }
        entry.set_deadline(deadline.as_nanos());
        // SAFETY: it is in no wheel, and its alarm takes it out before it ends.
        Some(unsafe { self.arm_in(&mut wheel, entry) })
    }

    fn end_alarms(&self) {
        loop {
            let mut ended = Vec::new();
            self.wheel.lock().take_alarms(&mut |entry| {
                // SAFETY: it is an alarm's, was just taken out, and the lock is ours.
                ended.extend(unsafe { Head::alarm(entry) });
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
            None => {
                let start = ptr::from_ref(entry).cast::<u8>();
                for line in 1..LINES {
                    fetch_to_write(start.wrapping_add(line * 64));
                }
                // SAFETY: entries without a ticket are alarms'; the rest is the caller's promise.
                unsafe { Head::alarm(entry) }.map(Self::Alarm)
            }
        }
    }
}
