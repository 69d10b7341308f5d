//! Native regions: foreign code that may block its thread, and what becomes of the thread's worker.
//!
//! ```text
//!            enter               the pacer, if it lasts and somebody waits
//!   outside ───────► inside ─────────────────────────────────► taken
//!      ▲               │ leave, nothing happened                 │ leave: one spare too many
//!      └───────────────┴──────────────◄──────────────────────────┘
//! ```
//!
//! A worker whose fiber is inside works on as far as anybody can tell, until the [pacer](crate::pace),
//! which is awake while somebody waits for a busy worker, has seen it inside for a while and takes its
//! place away: one worker more works (see `spare`). What others may run is never where only the blocked
//! thread can reach it: on entering, the task that would run next goes where it can be stolen, and so does
//! what is made ready here while inside. Tasks that are pinned to the thread wait for it.
//!
//! Who comes back to a place that was taken goes on at once, and the highest worker retires; if that is
//! himself, a fiber that may migrate queues itself. So there are at most as many threads with work of
//! their own as there should be, besides those that serve what is pinned to them, or run to the end of
//! what they are just running.
//!
//! **Invariants:** whether it is inside is written by the worker, and whether its place is taken by whoever holds the
//! crew's lock: see Note \[Regions\]. A fiber that waits inside a region has
//! left it for so long: no worker is inside while it looks for tasks.

#[cfg(all(test, loom))]
mod model;
pub(crate) mod spare;
pub(crate) mod stack;

use crate::{
    Poll, poll_slow,
    task::{Task, flags},
    worker::{Worker, current_task},
};
use std::ptr;
use vitte_wait::{
    facade::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    fence,
};

/// The foreign code may block its thread for long.
pub const MAY_BLOCK: u32 = 1;
/// It touches nothing that a garbage collector moves or frees.
pub const GC_SAFE: u32 = 2;

/// The place of a worker, as far as its fiber's foreign code is concerned.
///
/// Note \[Regions\]: whoever leaves writes `word`, passes the light fence and reads `taken`; whoever takes the place
/// writes `taken`, passes the heavy fence and reads `word`. So who leaves sees that his place is taken, or who takes it sees
/// that he has left, and gives it back under the lock under which he took it; or both, and then who leaves finds, under the
/// same lock, nothing to do.
#[repr(align(64))]
pub(crate) struct Region {
    /// `INSIDE` or `OUTSIDE`; how often it was entered stands above. Written by the worker.
    word: AtomicU32,
    /// Written under the crew's lock.
    taken: AtomicBool,
}

const OUTSIDE: u32 = 0;
const INSIDE: u32 = 1;
const ENTERED_ONE: u32 = 2;

// Ordering: Relaxed, all of them, but for the fences. The words carry nothing but themselves: what a worker leaves for
// others it leaves in queues, and how many workers work is decided under the crew's lock.
impl Region {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(OUTSIDE),
            taken: AtomicBool::new(false),
        }
    }

    /// By its worker. False: it was not outside.
    #[inline(always)]
    fn enter(&self) -> bool {
        let word = self.word.load(Relaxed);
        if word & INSIDE != 0 {
            return false;
        }
        self.word
            .store((word + INSIDE).wrapping_add(ENTERED_ONE), Relaxed);
        true
    }

    /// By its worker. False: the place was taken, or it was outside.
    #[inline(always)]
    fn leave(&self) -> bool {
        let word = self.word.load(Relaxed);
        self.word.store(word & !INSIDE, Relaxed);
        // See Note [Regions].
        fence::light();
        word & INSIDE != 0 && !self.taken.load(Relaxed)
    }

    /// By its worker, under the crew's lock. Whether the place had been taken.
    fn come_back(&self) -> bool {
        let word = self.word.load(Relaxed);
        self.word.store(word & !INSIDE, Relaxed);
        let taken = self.taken.load(Relaxed);
        self.taken.store(false, Relaxed);
        taken
    }

    /// What the word is, if somebody is inside and the place is not taken.
    pub(crate) fn inside(&self) -> Option<u32> {
        let word = self.word.load(Relaxed);
        (word & INSIDE != 0 && !self.is_taken()).then_some(word)
    }

    /// Takes the place, if it is as `seen` still. Under the crew's lock.
    fn take(&self, seen: u32) -> bool {
        if self.is_taken() {
            return false;
        }
        self.taken.store(true, Relaxed);
        // See Note [Regions].
        fence::heavy();
        let is_as_seen = self.word.load(Relaxed) == seen;
        if !is_as_seen {
            self.give_back();
        }
        is_as_seen
    }

    /// The place is not to be taken after all. Under the lock that it was taken under.
    fn give_back(&self) {
        self.taken.store(false, Relaxed);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.taken.load(Relaxed)
    }
}

/// How many workers, counted from the first, there must be so that `target` of them have their places;
/// `most` at most.
fn needed<'a>(mut regions: impl Iterator<Item = &'a Region>, target: usize, most: usize) -> usize {
    let (mut count, mut working) = (0, 0);
    while working < target && count < most {
        count += 1;
        // Those who do not exist yet will have their places.
        working += usize::from(!regions.next().is_some_and(Region::is_taken));
    }
    count
}

impl Worker {
    /// The fiber that runs begins to call what may block. Others must find what they may run.
    #[inline]
    fn enter_region(&self) {
        // SAFETY: null or a record.
        if let Some(task) = unsafe { self.lifo_slot.get().as_ref() }
            && !task.is_pinned()
        {
            self.lifo_slot.set(ptr::null());
            self.queue(task);
        }
        if !self.remote().region.enter() {
            // A fiber ended inside.
            self.come_back();
            self.remote().region.enter();
        }
        self.close_slot();
    }

    #[inline]
    fn leave_region(&self) {
        if !self.remote().region.leave() {
            self.come_back();
        }
        self.open_slot();
    }

    #[cold]
    #[inline(never)]
    fn come_back(&self) {
        let mut crew = self.shared().crew.lock();
        if self.remote().region.come_back() {
            // It shrinks: nothing can be refused.
            let _ = crew.adjust(self.shared_arc());
        }
    }

    /// Leaves the stack of a fiber that is inside a region, which is left for so long.
    #[cold]
    pub(crate) fn suspend_inside(
        &self,
        switch: impl FnOnce() -> Option<&'static Self>,
    ) -> Option<&'static Self> {
        self.leave_region();
        let worker = switch();
        worker.unwrap_or(self).enter_region();
        worker
    }

    /// The fiber that runs stops for ever inside a region.
    #[cold]
    pub(crate) fn stop_inside(&self) {
        self.leave_region();
    }

    fn set_native(&self, task: &'static Task, kinds: u32) -> u32 {
        let now = task.flags();
        let old = (now & flags::NATIVE_MASK) >> flags::NATIVE_SHIFT;
        task.set_flags(
            now & !flags::NATIVE_MASK | (kinds & (MAY_BLOCK | GC_SAFE)) << flags::NATIVE_SHIFT,
        );
        if (old ^ kinds) & MAY_BLOCK != 0 {
            if kinds & MAY_BLOCK != 0 {
                self.enter_region();
            } else {
                self.leave_region();
            }
        }
        old
    }
}

/// Says that the calling fiber runs foreign code from now on, of the kinds in `kinds` ([`MAY_BLOCK`],
/// [`GC_SAFE`]), and returns the kinds before, for [`native_leave`]. No kinds: code that is not foreign,
/// called back from a region. Outside of fibers it does nothing and returns 0.
///
/// While it is inside a region that may block, and others wait, another thread works in its worker's
/// place. Regions nest. Whoever waits inside one has left it until the wait is over. A fiber leaves its
/// regions before it ends.
///
/// ```
/// use vitte_scheduler::{Config, MAY_BLOCK, Scheduler, SpawnOptions, native_enter, native_leave};
/// use std::{sync::mpsc::channel, thread::sleep, time::Duration};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// let (go, gone) = channel();
/// let blocked = scheduler.spawn(&SpawnOptions::default(), move || {
///     let outside = native_enter(MAY_BLOCK);
///     let value: u32 = gone.recv().unwrap();
///     let _ = native_leave(outside);
///     value
/// });
/// // It has the only worker, but what others wait for is done.
/// scheduler.spawn(&SpawnOptions::default(), move || go.send(5).unwrap()).join()?;
/// assert_eq!(blocked.join()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn native_enter(kinds: u32) -> u32 {
    match current_task() {
        Some((worker, task)) => worker.set_native(task, kinds),
        None => 0,
    }
}

/// Ends the region that [`native_enter`] began, which returned `old`. Back in code that is not foreign,
/// it polls.
///
/// # Blocking
/// # Panics
/// As [`poll_slow`].
#[inline]
pub fn native_leave(old: u32) -> Poll {
    let Some((worker, task)) = current_task() else {
        return Poll::Continue;
    };
    worker.set_native(task, old);
    if old != 0 {
        return Poll::Continue;
    }
    if worker.shared().resizings() != 0 && worker.is_retired() && !task.is_pinned() {
        worker.leave_to_others();
    }
    if task.hot.poll.load(Relaxed) != 0 {
        return poll_slow();
    }
    Poll::Continue
}

/// Leaves a region, whatever happens.
struct Leave(u32);

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some((worker, task)) = current_task() {
            worker.set_native(task, self.0);
        }
    }
}

/// Runs `call` in a native region of the kinds in `kinds`; see [`native_enter`].
///
/// # Blocking
/// Whatever `call` does; and as [`poll_slow`], afterwards.
///
/// # Panics
/// With the panic of `call`; and as [`poll_slow`], afterwards.
///
/// ```
/// use vitte_scheduler::{MAY_BLOCK, native_region};
///
/// let found = native_region(MAY_BLOCK, || std::fs::metadata("/"));
/// assert!(found.is_ok());
/// ```
#[inline]
pub fn native_region<R>(kinds: u32, call: impl FnOnce() -> R) -> R {
    let leave = Leave(native_enter(kinds));
    let result = call();
    let old = leave.0;
    std::mem::forget(leave);
    let _ = native_leave(old);
    result
}

/// Runs `call`, which is not foreign code, called back from a native region: outside of the region, to
/// which it returns. It polls first, and may wait.
///
/// # Blocking
/// As [`poll_slow`], and whatever `call` does.
///
/// # Panics
/// With the panic of `call`; and as [`poll_slow`].
///
/// ```
/// use vitte_scheduler::{GC_SAFE, MAY_BLOCK, call_managed, native_region, yield_now};
///
/// let sum = native_region(MAY_BLOCK | GC_SAFE, || 1 + call_managed(|| { yield_now(); 2 }));
/// assert_eq!(sum, 3);
/// ```
pub fn call_managed<R>(call: impl FnOnce() -> R) -> R {
    let _back = Leave(native_enter(0));
    if let Some((_, task)) = current_task()
        && task.hot.poll.load(Relaxed) != 0
    {
        let _ = poll_slow();
    }
    call()
}
