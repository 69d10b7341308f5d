//! A run of slots of the unbounded flavor, and the link to the next.

use std::{mem::MaybeUninit, ptr};
use vitte_wait::facade::{
    atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering::*},
    cell::UnsafeCell,
};

/// Slots in a block. One less than a power of two: the position that is missing stands for "the
/// next block is being linked".
pub(crate) const SLOTS: usize = if cfg!(loom) {
    1
} else if cfg!(shuttle) {
    3
} else {
    63
};

/// In `emptied`: the value was taken out.
const TAKEN: u8 = 1;
/// In `emptied`: whoever takes the value sees to the slots after this one.
const LEFT_TO_YOU: u8 = 1 << 1;

pub(crate) struct Slot<T> {
    written: AtomicBool,
    /// Only for many consumers: which of them is done.
    emptied: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

pub(crate) struct Block<T> {
    /// Written once, by the sender that took the last slot, before it writes that slot.
    pub(crate) next: AtomicPtr<Block<T>>,
    slots: [Slot<T>; SLOTS],
}

impl<T> Block<T> {
    /// A block of empty slots. It is made where it stays: a fiber's stack need not have room for
    /// as many large values.
    pub(crate) fn new() -> Box<Self> {
        let mut block = Box::<Self>::new_uninit();
        let at = block.as_mut_ptr();
        // SAFETY: `at` points to memory for a block, which is ours.
        unsafe { (&raw mut (*at).next).write(AtomicPtr::new(ptr::null_mut())) };
        for index in 0..SLOTS {
            let empty = Slot {
                written: AtomicBool::new(false),
                emptied: AtomicU8::new(0),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            };
            // SAFETY: as above, and the index is in range.
            unsafe { (&raw mut (*at).slots[index]).write(empty) };
        }
        // SAFETY: both fields are written, the slots one by one.
        unsafe { block.assume_init() }
    }

    /// Makes a block whose slots were all emptied as good as new. Nobody else knows it now.
    pub(crate) fn reset(&self) {
        self.next.store(ptr::null_mut(), Relaxed);
        for slot in &self.slots {
            slot.written.store(false, Relaxed);
            slot.emptied.store(0, Relaxed);
        }
    }

    /// Fills slot `index`.
    ///
    /// # Safety
    /// The position of this slot was given to the caller, who fills it once.
    #[inline]
    pub(crate) unsafe fn put(&self, index: usize, value: T) {
        let slot = &self.slots[index];
        // SAFETY: by the caller nobody else writes, and nobody reads before `written` is set.
        slot.value.with_mut(|cell| unsafe { (*cell).write(value) });
        // Ordering: Release. Partner: the Acquire in `is_written`.
        slot.written.store(true, Release);
    }

    #[inline]
    pub(crate) fn is_written(&self, index: usize) -> bool {
        // Ordering: Acquire. Partner: the Release in `put`.
        self.slots[index].written.load(Acquire)
    }

    /// Empties slot `index`.
    ///
    /// # Safety
    /// The slot is written, and the caller, who has its position, empties it once.
    #[inline]
    pub(crate) unsafe fn take(&self, index: usize) -> T {
        // SAFETY: by the caller the value is there, and is read out once.
        self.slots[index]
            .value
            .with_mut(|cell| unsafe { (*cell).assume_init_read() })
    }

    /// Says that slot `index` was emptied. True: so were all others, and the block is the
    /// caller's. Of many consumers the last one to be done is told so: who emptied the last slot
    /// looks at the others from the front, and leaves the rest of that to the first of them that
    /// is not done.
    #[inline]
    pub(crate) fn finish(&self, index: usize) -> bool {
        // Ordering: AcqRel, all of these. Partner: each other; the slots' readers are done before
        // whoever is told so reuses the block.
        let from = if index + 1 == SLOTS {
            0
        } else if self.slots[index].emptied.fetch_or(TAKEN, AcqRel) & LEFT_TO_YOU != 0 {
            index + 1
        } else {
            return false;
        };
        self.slots[from..SLOTS - 1].iter().all(|slot| {
            // Ordering: Acquire. Partner: as above.
            slot.emptied.load(Acquire) & TAKEN != 0
                || slot.emptied.fetch_or(LEFT_TO_YOU, AcqRel) & TAKEN != 0
        })
    }
}
