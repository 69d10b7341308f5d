//! The stealable stack of a worker: last in, first out for the owner, half at a time for thieves.
//!
//! ```text
//!       top (thieves)                bottom (owner)
//!        │                            │
//!   ─────┼────┬────┬────┬────┬────┬───┼─────
//!        │ t1 │ t2 │ t3 │ t4 │ t5 │t6 │            taken: top <= i < bottom
//!   ─────┴────┴────┴────┴────┴────┴───┴─────
//! ```
//!
//! The owner uses no fence and no read-modify-write. A thief takes a lock, announces what it
//! wants by raising `top`, makes every owner pass a fence ([`fence::heavy`]), and only then looks
//! at `bottom`; what the owner took meanwhile it gives back. The owner lowers `bottom` first and
//! then looks at `top`; if that says a thief wants the same task, the lock decides.
//!
//! While a thief holds more than it will keep, the owner may find the stack empty though it is
//! not. So "empty" is a hint, and a worker looks once more, as a thief would, before it sleeps.
//!
//! A pointer whose lowest bit is set is not a task but the [job](crate::task::job) of a `join`. Of those
//! a thief takes one at a time: the oldest is mostly half of all that is left, so what comes after it
//! is the victim's fair share, who would have to wait for it.
//!
//! Source: the THE protocol of Cilk-5 (Frigo, Leiserson, Randall, PLDI 1998), with the thief's
//! fence made the only one, and stealing of half.

use crate::fence;
use std::{cell::Cell, ptr};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicPtr, AtomicUsize, Ordering::*},
    plain::AtomicUsize as Hint,
};

/// At most this many are stolen at once, so that the lock is not held for long.
const MOST_STOLEN: usize = 256;
const FIRST_CAPACITY: usize = if cfg!(any(loom, shuttle)) { 2 } else { 1 << 8 };

/// The slots, a power of two of them; slot `i` holds task `i & mask`.
struct Buffer<T> {
    slots: Box<[AtomicPtr<T>]>,
}

impl<T> Buffer<T> {
    fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two());
        Self {
            slots: (0..capacity)
                .map(|_| AtomicPtr::new(ptr::null_mut()))
                .collect(),
        }
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> &AtomicPtr<T> {
        let index = index & (self.slots.len() - 1);
        // SAFETY: masked by `len - 1`, and `len` is a power of two.
        unsafe { self.slots.get_unchecked(index) }
    }
}

/// Who offers what he has to others offers no more while so many lie here.
const ENOUGH: usize = 4;

/// Marks a job.
pub(crate) const JOB: usize = 1;

/// See the [module documentation](self).
#[repr(C, align(128))]
pub(crate) struct Lifo<T> {
    /// One above the owner's newest task. Written by the owner only.
    bottom: AtomicUsize,
    /// The owner may push below this without looking at `top` or growing. Owner only.
    room_until: Cell<usize>,
    /// The slots of `buffer`, and their number less one, at hand for the owner. Owner only.
    slots: Cell<*const AtomicPtr<T>>,
    mask: Cell<usize>,
    /// Replaced by the owner, under the lock; read by the owner, and by thieves under the lock.
    buffer: AtomicPtr<Buffer<T>>,
    top: Apart<Top>,
    /// Held by a thief, and by an owner that meets one or grows the buffer.
    lock: Mutex<()>,
}

/// On a cache line of its own.
#[repr(align(128))]
struct Apart<T>(T);

struct Top {
    /// The oldest task. Written under the lock.
    at: AtomicUsize,
    /// With `bottom` here or above the owner [has enough](Lifo::has_enough). Written with `at`, and by whoever asks the owner for
    /// something. A hint, so no model replaces it.
    enough: Hint,
}

impl Top {
    fn new(at: usize) -> Self {
        Self {
            at: AtomicUsize::new(at),
            enough: Hint::new(at.wrapping_add(ENOUGH)),
        }
    }

    fn set(&self, at: usize) {
        self.at.store(at, Relaxed);
        self.enough.store(at.wrapping_add(ENOUGH), Relaxed);
    }
}

// SAFETY: all fields but `room_until`, `slots` and `mask` are atomics or a lock; those are touched
// only by the methods that are `unsafe` to call from anybody but the owner.
unsafe impl<T> Sync for Lifo<T> {}
// SAFETY: the stack holds addresses; whoever takes one out answers for what it points to.
unsafe impl<T> Send for Lifo<T> {}

impl<T> Lifo<T> {
    pub(crate) fn new() -> Self {
        let buffer = Box::new(Buffer::new(FIRST_CAPACITY));
        let slots = Cell::new(buffer.slots.as_ptr());
        let buffer = Box::into_raw(buffer);
        Self {
            slots,
            mask: Cell::new(FIRST_CAPACITY - 1),
            bottom: AtomicUsize::new(1),
            room_until: Cell::new(1 + FIRST_CAPACITY),
            buffer: AtomicPtr::new(buffer),
            top: Apart(Top::new(1)),
            lock: Mutex::new(()),
        }
    }

    fn buffer(&self) -> &Buffer<T> {
        let buffer = self.buffer.load(Relaxed);
        // SAFETY: never null, and freed only by `grow` and `drop`: `grow` runs on the owner, under
        // the lock, so neither the owner nor a thief (who has the lock) holds a reference then.
        unsafe { &*buffer }
    }

    /// The slot of task `index`, for the owner.
    #[inline(always)]
    fn own_slot(&self, index: usize) -> &AtomicPtr<T> {
        // SAFETY: masked, so within the slots; they are the buffer's, see there.
        unsafe { &*self.slots.get().add(index & self.mask.get()) }
    }

    /// Puts `task` on top of the owner's end; returns where.
    ///
    /// # Safety
    /// The caller is the owner.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, task: *mut T) -> usize {
        let bottom = self.bottom.load(Relaxed);
        if bottom == self.room_until.get() {
            self.make_room(bottom);
        }
        self.own_slot(bottom).store(task, Relaxed);
        // Ordering: Release. A thief that sees the new bottom sees the slot, and the task behind
        // it. Partner: the Acquire load of `bottom` in `steal_behind`.
        self.bottom.store(bottom.wrapping_add(1), Release);
        bottom
    }

    /// Whether so many lie here that others need no more; a hint. False also when the owner was [asked](Self::ask) for
    /// something: so that costs him no look of its own.
    #[inline(always)]
    pub(crate) fn has_enough(&self) -> bool {
        let (enough, bottom) = (self.top.0.enough.load(Relaxed), self.bottom.load(Relaxed));
        bottom.wrapping_sub(enough) as isize >= 0
    }

    /// Asks the owner to look what is wanted of him, when he next looks whether he [has enough](Self::has_enough). A thief that
    /// comes just then may have it forgotten.
    pub(crate) fn ask(&self) {
        let bottom = self.bottom.load(Relaxed);
        let never = bottom.wrapping_add(isize::MAX as usize / 2);
        self.top.0.enough.store(never, Relaxed);
    }

    /// Whether the owner, who calls, was asked; he is not any more.
    pub(crate) fn heed(&self) -> bool {
        let top = &self.top.0;
        let usual = top.at.load(Relaxed).wrapping_add(ENOUGH);
        let is_asked = top.enough.load(Relaxed) != usual;
        if is_asked {
            top.enough.store(usual, Relaxed);
        }
        is_asked
    }

    /// Takes the newest task; null if there is none, or a thief is just taking the last.
    ///
    /// # Safety
    /// The caller is the owner.
    #[inline(always)]
    pub(crate) unsafe fn pop(&self) -> *mut T {
        let bottom = self.bottom.load(Relaxed);
        if self.top.0.at.load(Relaxed) == bottom {
            return ptr::null_mut();
        }
        let bottom = bottom.wrapping_sub(1);
        // Ordering: Release, as in `push`: a thief may see this bottom instead of a pushed one.
        self.bottom.store(bottom, Release);
        // Ordering: store-load pair: `bottom` above, `top` below. Partner: `heavy` in `steal_behind`,
        // between the thief's store to `top` and its load of `bottom`.
        fence::light();
        if below(self.top.0.at.load(Relaxed), bottom.wrapping_add(1)) {
            return self.own_slot(bottom).load(Relaxed);
        }
        self.pop_contended(bottom)
    }

    /// Takes the oldest task; null if there is none, or a thief is at work, who will bring it on.
    ///
    /// # Safety
    /// The caller is the owner.
    pub(crate) unsafe fn pop_oldest(&self) -> *mut T {
        let Some(_lock) = self.lock.try_lock() else {
            return ptr::null_mut();
        };
        // Under the lock no thief is undecided, and we are the owner, so both ends are exact.
        let top = self.top.0.at.load(Relaxed);
        if !below(top, self.bottom.load(Relaxed)) {
            return ptr::null_mut();
        }
        self.top.0.set(top.wrapping_add(1));
        self.own_slot(top).load(Relaxed)
    }

    /// Takes the newest entry if it is the job `job`, which [`push`](Self::push) put at `bottom`; with a
    /// fence that is free if `FREE` says so.
    ///
    /// # Safety
    /// The caller is the owner, and was the one to push the job, here or elsewhere. If `FREE`, fences
    /// [are](fence::is_asymmetric).
    #[inline(always)]
    pub(crate) unsafe fn pop_job<const FREE: bool>(&self, job: *const T, bottom: usize) -> bool {
        // Compared, not counted down: so the processor goes on before the load is done.
        if self.bottom.load(Relaxed) != bottom.wrapping_add(1) {
            return false;
        }
        // What lies in a slot below `top` is stale, and may be this job: then the last look tells.
        if !ptr::eq(self.own_slot(bottom).load(Relaxed), job) {
            return false;
        }
        // Ordering: as in `pop`.
        self.bottom.store(bottom, Release);
        if FREE {
            fence::free();
        } else {
            fence::light();
        }
        bottom.wrapping_sub(self.top.0.at.load(Relaxed)) as isize >= 0
            || !self.pop_contended(bottom).is_null()
    }

    /// Takes the newest task if it is `task` and `may` says so.
    ///
    /// # Safety
    /// The caller is the owner.
    #[inline(always)]
    pub(crate) unsafe fn pop_if(&self, task: *const T, may: impl FnOnce() -> bool) -> bool {
        let bottom = self.bottom.load(Relaxed).wrapping_sub(1);
        // What lies in a slot below `top` is stale, so look there last.
        if !ptr::eq(self.own_slot(bottom).load(Relaxed), task)
            || !below(self.top.0.at.load(Relaxed), bottom.wrapping_add(1))
            || !may()
        {
            return false;
        }
        // Ordering: as in `pop`.
        self.bottom.store(bottom, Release);
        fence::light();
        below(self.top.0.at.load(Relaxed), bottom.wrapping_add(1))
            || !self.pop_contended(bottom).is_null()
    }

    /// Takes `task` out from wherever it lies. False if it is not here.
    ///
    /// # Safety
    /// The caller is the owner.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn remove(&self, task: *const T) -> bool {
        let _lock = self.lock.lock();
        // Under the lock no thief is undecided, and we are the owner, so both ends are exact.
        let (top, bottom) = (self.top.0.at.load(Relaxed), self.bottom.load(Relaxed));
        let mut at = bottom;
        while below(top, at) {
            at = at.wrapping_sub(1);
            if !ptr::eq(self.own_slot(at).load(Relaxed), task) {
                continue;
            }
            let mut above = at.wrapping_add(1);
            while below(above, bottom) {
                let moved = self.own_slot(above).load(Relaxed);
                self.own_slot(above.wrapping_sub(1)).store(moved, Relaxed);
                above = above.wrapping_add(1);
            }
            // Ordering: Release, as in `push`.
            self.bottom.store(bottom.wrapping_sub(1), Release);
            return true;
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn pop_contended(&self, bottom: usize) -> *mut T {
        // Nothing may look taken from either end while we wait for the thief to make up its mind.
        // Ordering: Release, as in `push`.
        self.bottom.store(bottom.wrapping_add(1), Release);
        let _lock = self.lock.lock();
        if below(self.top.0.at.load(Relaxed), bottom.wrapping_add(1)) {
            self.bottom.store(bottom, Release);
            return self.buffer().slot(bottom).load(Relaxed);
        }
        ptr::null_mut()
    }

    /// Learns how far thieves have come; if that frees nothing, doubles the buffer.
    #[cold]
    #[inline(never)]
    fn make_room(&self, bottom: usize) {
        let _lock = self.lock.lock();
        // Under the lock no thief is undecided, so `top` is exact.
        let top = self.top.0.at.load(Relaxed);
        let old = self.buffer();
        let capacity = old.slots.len();
        if bottom.wrapping_sub(top) <= capacity / 2 {
            self.room_until.set(top.wrapping_add(capacity));
            return;
        }
        let new = Box::new(Buffer::new(capacity * 2));
        let mut index = top;
        while index != bottom {
            new.slot(index)
                .store(old.slot(index).load(Relaxed), Relaxed);
            index = index.wrapping_add(1);
        }
        self.room_until.set(top.wrapping_add(capacity * 2));
        self.slots.set(new.slots.as_ptr());
        self.mask.set(capacity * 2 - 1);
        // Ordering: Relaxed. Thieves read it under the lock.
        let old = self.buffer.swap(Box::into_raw(new), Relaxed);
        // SAFETY: it came from `Box::into_raw`, and nobody refers to it: see `buffer`.
        drop(unsafe { Box::from_raw(old) });
    }

    /// Takes whatever may be taken, as [`steal_if`](Self::steal_if) does.
    #[cfg(all(test, loom))]
    pub(crate) fn steal(&self, take: impl FnMut(*mut T)) -> usize {
        self.steal_if(|_| true, take)
    }

    /// Takes the older half, at most [`MOST_STOLEN`], if `may` says so of the oldest one's position (which is another's once the
    /// stack was empty); or one [job](JOB), unasked. Hands each to `take`, the oldest first. Returns how many. Zero if there
    /// is nothing, or another thief is at work.
    pub(crate) fn steal_if(
        &self,
        may: impl FnOnce(usize) -> bool,
        take: impl FnMut(*mut T),
    ) -> usize {
        // Ordering: store-load pair: `top` before, `bottom` after. Partner: `light` in `pop`.
        self.steal_behind(fence::heavy, may, take)
    }

    /// As [`steal_if`](Self::steal_if), with the fence named, so that a model can show what it is for.
    pub(super) fn steal_behind(
        &self,
        heavy: impl FnOnce(),
        may: impl FnOnce(usize) -> bool,
        mut take: impl FnMut(*mut T),
    ) -> usize {
        if self.is_empty() {
            return 0;
        }
        let Some(_lock) = self.lock.try_lock() else {
            return 0;
        };
        let top = self.top.0.at.load(Relaxed);
        // Ordering: Acquire. Partner: the Release in `push`.
        let bottom = self.bottom.load(Acquire);
        if !below(top, bottom) {
            return 0;
        }
        let oldest = self.buffer().slot(top).load(Relaxed);
        let wanted = match oldest.addr() & JOB {
            0 if !may(top) => return 0,
            0 => (bottom.wrapping_sub(top).div_ceil(2)).min(MOST_STOLEN),
            _ => 1,
        };
        let mut end = top.wrapping_add(wanted);
        self.top.0.set(end);
        heavy();
        // Ordering: Acquire. Partner: the Release in `push`.
        let bottom = self.bottom.load(Acquire);
        if below(bottom, end) {
            // The owner took some of these before it could see our claim: give them back.
            end = if below(bottom, top) { top } else { bottom };
            self.top.0.set(end);
        }
        let mut index = top;
        while index != end {
            take(self.buffer().slot(index).load(Relaxed));
            index = index.wrapping_add(1);
        }
        end.wrapping_sub(top)
    }

    /// How many there seem to be; a hint.
    pub(crate) fn len(&self) -> usize {
        let (top, bottom) = (self.top.0.at.load(Relaxed), self.bottom.load(Relaxed));
        if below(top, bottom) {
            bottom.wrapping_sub(top)
        } else {
            0
        }
    }

    /// Whether there seems to be nothing; a hint.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !below(self.top.0.at.load(Relaxed), self.bottom.load(Relaxed))
    }
}

/// `a < b` for counters that may wrap.
#[inline(always)]
fn below(a: usize, b: usize) -> bool {
    (b.wrapping_sub(a) as isize) > 0
}

impl<T> Drop for Lifo<T> {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw`, and we are the last to refer to it.
        drop(unsafe { Box::from_raw(self.buffer.load(Relaxed)) });
    }
}
