//! Events and the like as one of several things that a unit waits for: see
//! [`vitte_wait::select`].
//!
//! A [`Signal`](crate::Signal) has its arm from what it dereferences to:
//! [`StopToken::stop_arm`](vitte_wait::StopToken::stop_arm).

use crate::{
    AcquireError, Event, Latch, Permit, Semaphore, TryAcquireError, WaitGroup, count::Count,
    line::object, semaphore::Wish,
};
use std::{cell::Cell, fmt, mem, ptr};
use vitte_wait::{
    Node, Reason,
    select::{Arm, Chosen},
};

/// An arm that goes when an [`Event`] lets it through. See [`Event::wait_arm`].
#[derive(Debug)]
pub struct EventArm<'a> {
    event: &'a Event,
    gone: bool,
}

impl Event {
    /// The event as one of several things that a unit waits for. An automatic one has been
    /// consumed when the arm has gone, and only then.
    ///
    /// ```
    /// use vitte_sync::Event;
    /// use vitte_wait::{Deadline, select::{Chosen, select}};
    ///
    /// let (red, green) = (Event::auto(), Event::auto());
    /// green.signal();
    /// let (mut stop, mut go) = (red.wait_arm(), green.wait_arm());
    /// assert_eq!(select(&mut [&mut stop, &mut go], Deadline::NEVER, None), Ok(1));
    /// assert_eq!((stop.take(), go.take()), (None, Some(())));
    /// ```
    #[must_use]
    pub fn wait_arm(&self) -> EventArm<'_> {
        EventArm {
            event: self,
            gone: false,
        }
    }
}

// SAFETY: the node is in the event's line from `enlist` to `delist`, and nothing is lent. A signal
// pops a waiter if one is in line, and none gets into it while the event is set.
unsafe impl Arm for EventArm<'_> {
    fn attempt(&mut self) -> bool {
        self.gone = self.gone || self.event.try_wait();
        self.gone
    }

    fn reason(&self) -> Reason {
        Reason::Event
    }

    fn object(&self) -> *const () {
        object(self.event)
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let event = self.event;
        // SAFETY: by the caller.
        unsafe { event.line().enlist(node, |_| event.arm(|| event.is_set())) }
    }

    unsafe fn delist(&self, node: &Node) {
        let event = self.event;
        // SAFETY: by the caller the node was enlisted with this event.
        unsafe { event.line().delist(node, |inside| event.leave(inside)) };
    }

    fn finish(&mut self) -> bool {
        // The signal was handed over.
        self.gone = true;
        true
    }
}

impl Chosen for EventArm<'_> {
    type Output = ();

    fn take(&mut self) -> Option<()> {
        mem::take(&mut self.gone).then_some(())
    }
}

/// An arm that goes when a [`Latch`] is open, or a [`WaitGroup`] has nothing to be done. See
/// [`Latch::wait_arm`] and [`WaitGroup::wait_arm`].
pub struct CountArm<'a> {
    count: &'a Count,
    gone: bool,
}

impl Latch {
    /// The latch as one of several things that a unit waits for.
    ///
    /// ```
    /// use vitte_sync::Latch;
    /// use vitte_wait::{Deadline, select::select};
    ///
    /// let (loaded, shown) = (Latch::new(1), Latch::new(1));
    /// shown.count_down();
    /// let (mut first, mut second) = (loaded.wait_arm(), shown.wait_arm());
    /// assert_eq!(select(&mut [&mut first, &mut second], Deadline::NEVER, None), Ok(1));
    /// ```
    #[must_use]
    pub fn wait_arm(&self) -> CountArm<'_> {
        CountArm {
            count: &self.0,
            gone: false,
        }
    }
}

impl WaitGroup {
    /// The group as one of several things that a unit waits for.
    ///
    /// ```
    /// use vitte_sync::WaitGroup;
    /// use vitte_wait::{Deadline, select::select};
    ///
    /// let (busy, idle) = (WaitGroup::new(), WaitGroup::new());
    /// busy.add(1);
    /// let (mut first, mut second) = (busy.wait_arm(), idle.wait_arm());
    /// assert_eq!(select(&mut [&mut first, &mut second], Deadline::NEVER, None), Ok(1));
    /// ```
    #[must_use]
    pub fn wait_arm(&self) -> CountArm<'_> {
        CountArm {
            count: &self.0,
            gone: false,
        }
    }
}

// SAFETY: the node is in the line from `enlist` to `delist`, and nothing is lent. Whoever takes the
// number to zero pops everybody, and nobody gets in line while it is zero.
unsafe impl Arm for CountArm<'_> {
    fn attempt(&mut self) -> bool {
        self.gone = self.gone || self.count.number() == 0;
        self.gone
    }

    fn reason(&self) -> Reason {
        Reason::Event
    }

    fn object(&self) -> *const () {
        object(self.count)
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { self.count.line().enlist(node, |_| self.count.arm()) }
    }

    unsafe fn delist(&self, node: &Node) {
        let count = self.count;
        // SAFETY: by the caller the node was enlisted with this line.
        unsafe { count.line().delist(node, |inside| count.leave(inside)) };
    }

    fn finish(&mut self) -> bool {
        // It was zero, and may be more again.
        self.gone = true;
        true
    }
}

impl Chosen for CountArm<'_> {
    type Output = ();

    fn take(&mut self) -> Option<()> {
        mem::take(&mut self.gone).then_some(())
    }
}

impl fmt::Debug for CountArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountArm")
            .field("count", &self.count.number())
            .field("gone", &self.gone)
            .finish()
    }
}

/// An arm that goes when a [`Semaphore`] has permits for it. See [`Semaphore::acquire_arm`].
pub struct AcquireArm<'a> {
    semaphore: &'a Semaphore,
    wish: Wish,
    outcome: Option<Result<Permit<'a>, AcquireError>>,
}

impl Semaphore {
    /// To acquire `permits` permits, as one of several things that a unit waits for. While it waits,
    /// the arm keeps its place in line; it goes also when the semaphore is closed.
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    /// use vitte_wait::{Deadline, select::{Chosen, select}};
    ///
    /// let (full, free) = (Semaphore::new(0), Semaphore::new(3));
    /// let (mut here, mut there) = (full.acquire_arm(1), free.acquire_arm(2));
    /// assert_eq!(select(&mut [&mut here, &mut there], Deadline::NEVER, None), Ok(1));
    /// assert_eq!(there.take().unwrap().unwrap().permits(), 2);
    /// ```
    #[must_use]
    pub fn acquire_arm(&self, permits: usize) -> AcquireArm<'_> {
        AcquireArm {
            semaphore: self,
            wish: Wish {
                permits,
                is_granted: Cell::new(false),
            },
            outcome: None,
        }
    }
}

// SAFETY: the node is in the semaphore's line from `enlist` to `delist`; what is lent is touched by the
// holder of the claim alone, through a cell. Those who add permits serve whoever is in line, as does
// who leaves it.
unsafe impl Arm for AcquireArm<'_> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = match self.semaphore.try_acquire_many(self.wish.permits) {
                Ok(permit) => Some(Ok(permit)),
                Err(TryAcquireError::Closed) => Some(Err(AcquireError::Closed)),
                Err(TryAcquireError::NoPermits) => None,
            };
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        Reason::Lock
    }

    fn object(&self) -> *const () {
        object(self.semaphore)
    }

    fn payload(&self) -> *mut () {
        ptr::from_ref(&self.wish).cast_mut().cast()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let (semaphore, permits) = (self.semaphore, self.wish.permits);
        // SAFETY: by the caller.
        unsafe {
            semaphore
                .line()
                .enlist(node, |inside| semaphore.arm(inside, permits, |_| true))
        }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller the node was enlisted with this semaphore.
        if unsafe { self.semaphore.line().delist(node, |_| {}) } {
            // It may have held up those behind it.
            self.semaphore.serve();
        }
    }

    fn finish(&mut self) -> bool {
        let is_granted = self.wish.is_granted.replace(false);
        self.outcome = Some(if is_granted {
            Ok(Permit::new(self.semaphore, self.wish.permits))
        } else {
            Err(AcquireError::Closed)
        });
        true
    }
}

impl<'a> Chosen for AcquireArm<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    fn take(&mut self) -> Option<Self::Output> {
        self.outcome.take()
    }
}

impl fmt::Debug for AcquireArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireArm")
            .field("permits", &self.wish.permits)
            .field("outcome", &self.outcome)
            .finish()
    }
}
