//! Deadlines of waiting fibers, and alarms: one wheel a worker.
//!
//! An [`Entry`] lies on the waiter's own stack, so arming allocates nothing, and disarming is O(1)
//! from any worker. A worker looks at its own wheel now and then, and at everybody's when it has
//! nothing to do; a sleeping one sleeps no longer than until the next deadline it answers for.

pub(crate) mod alarm;
mod wheel;

use crate::task::join::outside_any_task;
use alarm::{Bell, Ringing};
use std::sync::Arc;
use vitte_wait::{
    Claimed, Deadline, Outcome, ShortLock, Ticket,
    current::Here,
    facade::{
        atomic::{AtomicU64, Ordering::*},
        clock,
    },
};
pub(crate) use wheel::Entry;
use wheel::Wheel;

/// How many entries are taken out of a wheel at a time.
const PORTION: usize = 32;

/// A worker's timers.
pub(crate) struct Timers {
    wheel: ShortLock<Wheel>,
    /// When to look at the wheel next, or earlier; `u64::MAX` if it is empty. Written under the lock.
    next: AtomicU64,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self {
            wheel: ShortLock::new(Wheel::new(clock::now())),
            next: AtomicU64::new(u64::MAX),
        }
    }

    /// When to look at them next, or earlier, in nanoseconds; `u64::MAX` if there are none.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// How many entries are armed.
    pub(crate) fn armed(&self) -> usize {
        self.wheel.lock().len()
    }

    /// Arms `entry`; true if it became the next one to be due. `here` is where the caller is.
    ///
    /// # Safety
    /// The entry is not armed, and stays where it is, alive, until [`disarm`](Self::disarm) has
    /// returned.
    pub(crate) unsafe fn arm(&self, entry: &Entry, here: Here) -> bool {
        let mut wheel = self.wheel.lock_here(here);
        // SAFETY: by the caller.
        unsafe { self.arm_in(&mut wheel, entry) }
    }

    /// As [`arm`](Self::arm), under the lock.
    ///
    /// # Safety
    /// As there.
    unsafe fn arm_in(&self, wheel: &mut Wheel, entry: &Entry) -> bool {
        // SAFETY: by the caller; the wheel's lock is ours.
        let due = unsafe { wheel.insert(entry) };
        // What is due later leaves the bound as it is, too low perhaps.
        let earlier = due < self.next();
        if earlier {
            self.publish(due);
        }
        earlier
    }

    /// Disarms `entry`, if it has not fired. `here` is where the caller is.
    ///
    /// # Safety
    /// The entry was armed here.
    pub(crate) unsafe fn disarm(&self, entry: &Entry, here: Here) {
        let mut wheel = self.wheel.lock_here(here);
        // SAFETY: by the caller; the wheel's lock is ours.
        unsafe { wheel.remove(entry) };
        // The bound may now be too low. It is put right when it comes due.
    }

    /// Ends the waits whose deadline is past at `now`, and rings the alarms. Returns whether there were
    /// any.
    ///
    /// The unit of whoever slept for long is in no cache any more. So units are asked for while the entries are gathered, and
    /// looked at afterwards.
    pub(crate) fn fire(&self, now: u64) -> bool {
        let mut any = false;
        // In portions, so that the lock is not held, nor memory used, for a million at a time.
        loop {
            let mut due: [Option<Due>; PORTION] = [const { None }; PORTION];
            let mut len = 0;
            let more = {
                let mut wheel = self.wheel.lock();
                let more = wheel.expire(now, PORTION, &mut |entry| {
                    // SAFETY: the wheel's lock is ours.
                    due[len] = unsafe { Due::of(entry) };
                    len += usize::from(due[len].is_some());
                });
                for due in &mut due[..len] {
                    *due = due.take().and_then(Due::claim);
                }
                self.publish(wheel.next());
                more
            };
            // The waiters go on here, after the lock is released.
            for due in due.into_iter().take(len).flatten() {
                any = true;
                due.let_go(now);
            }
            if !more {
                return any;
            }
        }
    }

    /// Under the lock.
    fn publish(&self, next: u64) {
        // Ordering: Relaxed under the lock; whoever must not miss it uses the fences of the idle
        // protocol.
        self.next.store(next, Relaxed);
    }
}

/// What was due, after it was taken out of a wheel.
enum Due {
    /// A wait that may be over already.
    Open(Ticket),
    Wait(Claimed),
    Alarm(Arc<dyn Ringing>),
}

impl Due {
    /// Under the wheel's lock. `None`: there is nothing to be done.
    fn claim(self) -> Option<Self> {
        match self {
            Self::Open(ticket) => ticket.claim(Outcome::TimedOut).map(Self::Wait),
            other => Some(other),
        }
    }

    /// After the wheel's lock is released.
    fn let_go(self, now: u64) {
        match self {
            Self::Open(_) => unreachable!("it was claimed, or there was nothing to be done"),
            Self::Wait(claimed) => drop(claimed),
            // With the alarm may end what it is part of.
            Self::Alarm(alarm) => {
                let bell = Bell::Due(Deadline::from_nanos(now));
                outside_any_task(move || alarm.ring(bell));
            }
        }
    }
}

/// The entry for a wait with this ticket and deadline.
pub(crate) fn entry(ticket: Ticket, deadline: Deadline) -> Entry {
    Entry::new(ticket, deadline.as_nanos())
}
