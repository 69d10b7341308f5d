//! One stack: its bounds, and what may be carved off its top.
//!
//! ```text
//!  high  +---------------------+  end of the slot
//!        | colour, 0..=960 B   |  so that fibers parked at the same depth use different cache sets
//!        +---------------------+  base() of a fresh stack
//!        | carved blocks       |  the embedder's, then the fiber's own `Suspender`
//!        +---------------------+  base() once the fiber is made
//!        | frames, growing     |
//!        ~ downwards           ~  pages appear when they are touched
//!        +---------------------+  limit()
//!        | guard page          |  any access is a fault
//!  low   +---------------------+  start of the slot
//! ```

mod advice;
mod arena;
mod class;
mod error;
mod guard;
mod pool;

use std::alloc::Layout;
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

pub use class::StackClass;
pub use error::StackError;
pub use guard::{GuardChoice, GuardKind};
pub use pool::{StackOptions, StackPool, StackStats};

use pool::Shared;

/// What a carved block must leave usable.
const LEAST_USABLE: usize = corosensei::stack::MIN_STACK_SIZE;
const ALIGN: usize = corosensei::stack::STACK_ALIGNMENT;

/// Colours: tops differ by a multiple of a cache line, in this many steps.
///
/// 16 steps of 64 bytes move a top down by at most 960 bytes. A page has 4096, so a fiber that parks with less than
/// 2.5 KiB of live frames (2560) still has 576 bytes for carved blocks before it touches a second page, whatever its
/// colour. 32 steps would not leave that room.
const COLOURS: usize = 16;
const COLOUR_STEP: usize = 64;
const _: () = assert!((COLOURS - 1) * COLOUR_STEP + 2560 + 512 <= 4096);
const _: () = assert!(COLOUR_STEP.is_multiple_of(ALIGN));

/// A stack that one owner may run on. Dropping it gives it back to its pool.
///
/// A `Stack` holds its pool's memory alive. It does not give pages back while it is owned.
pub struct Stack {
    base: usize,
    slot: usize,
    class: StackClass,
    pool: Arc<Shared>,
}

impl Stack {
    fn new(slot: usize, class: StackClass, pool: Arc<Shared>) -> Self {
        Self {
            base: coloured_top(slot, class),
            slot,
            class,
            pool,
        }
    }

    /// The address just above the first byte frames may use: the coloured top, less what was carved.
    #[inline]
    pub fn base(&self) -> usize {
        self.base
    }

    /// The lowest usable address; the guard page lies right below.
    #[inline]
    pub fn limit(&self) -> usize {
        self.slot + self.pool.page()
    }

    /// The addresses of the guard page.
    pub fn guard(&self) -> Range<usize> {
        self.slot..self.limit()
    }

    /// The size class of the slot.
    #[inline]
    pub fn class(&self) -> StackClass {
        self.class
    }

    /// Takes room for `layout` off the top and lowers [`base`](Self::base).
    ///
    /// The block lives in the page that a parked fiber keeps anyway, so a control block costs no memory of its own. Its
    /// contents are unspecified. It is valid until this `Stack` is dropped, or until [`reset`](Self::reset); an owner
    /// that stores the stack itself (or a fiber on it) in there must move it out before dropping it.
    ///
    /// # Panics
    ///
    /// If less than 4 KiB of stack would be left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use vitte_fibers::{StackClass, StackOptions, StackPool};
    /// use std::alloc::Layout;
    ///
    /// let mut stack = StackPool::new(StackOptions::default()).take(StackClass::DEFAULT)?;
    /// let top = stack.base();
    /// let block = stack.carve(Layout::new::<[u64; 4]>()).cast::<[u64; 4]>();
    /// // SAFETY: the block has this layout and nobody else refers to it.
    /// unsafe { block.write([7; 4]) };
    /// assert!(stack.base() <= top - 32);
    /// # Ok::<(), vitte_fibers::StackError>(())
    /// ```
    pub fn carve(&mut self, layout: Layout) -> NonNull<u8> {
        let align = layout.align().max(ALIGN);
        let lowered = self
            .base
            .checked_sub(layout.size())
            .map_or(0, |base| base & !(align - 1));
        assert!(
            lowered >= self.limit() + LEAST_USABLE,
            "carving {} bytes would leave too little of a stack of {} bytes",
            layout.size(),
            self.class.bytes()
        );
        self.base = lowered;
        NonNull::new(std::ptr::with_exposed_provenance_mut(lowered))
            .expect("a stack does not begin at address zero")
    }

    /// Forgets everything carved: [`base`](Self::base) is the coloured top again.
    pub fn reset(&mut self) {
        self.base = coloured_top(self.slot, self.class);
    }

    /// Undoes the last carving, of `bytes` bytes.
    pub(crate) fn uncarve(&mut self, bytes: usize) {
        self.base += bytes;
        debug_assert!(self.base <= coloured_top(self.slot, self.class));
    }

    /// The pool this stack goes back to.
    pub fn pool(&self) -> StackPool {
        StackPool::of(Arc::clone(&self.pool))
    }

    /// Gives the stack up for good, because something may still point into it. Its pool's memory is never unmapped.
    pub(crate) fn leak(self) {
        self.pool.count_leak();
        std::mem::forget(self);
    }
}

fn coloured_top(slot: usize, class: StackClass) -> usize {
    let colour = (slot >> class.shift()) % COLOURS;
    slot + class.bytes() - colour * COLOUR_STEP
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.pool.give_back(self.slot, self.class);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("limit", &format_args!("{:#x}", self.limit()))
            .field("base", &format_args!("{:#x}", self.base))
            .field("class", &self.class.bytes())
            .finish()
    }
}

// SAFETY: the slot is owned by this value alone, has an inaccessible page at its low end (`Arena::carve` hands out no slot
// without one), `carve` keeps at least the required minimum usable, and `base` is kept aligned by `carve` and the colours.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> corosensei::stack::StackPointer {
        // SAFETY: a slot is a mapping in user space and never begins at zero.
        unsafe { corosensei::stack::StackPointer::new_unchecked(self.base) }
    }

    #[inline]
    fn limit(&self) -> corosensei::stack::StackPointer {
        // SAFETY: as above. The switch wants the guard page included.
        unsafe { corosensei::stack::StackPointer::new_unchecked(self.slot) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(class: StackClass) -> Stack {
        StackPool::new(StackOptions::default()).take(class).unwrap()
    }

    #[test]
    fn a_fresh_stack_is_aligned_and_lies_above_its_guard() {
        let stack = stack(StackClass::SMALLEST);
        assert_eq!(stack.base() % ALIGN, 0);
        assert_eq!(stack.guard().end, stack.limit());
        assert!(stack.base() - stack.limit() >= 16 * 1024 - 4096 - 960);
    }

    #[test]
    fn carving_lowers_the_base_and_keeps_the_alignment() {
        let mut stack = stack(StackClass::DEFAULT);
        let top = stack.base();
        let block = stack.carve(Layout::from_size_align(100, 128).unwrap());
        assert_eq!(block.as_ptr().addr() % 128, 0);
        assert_eq!(block.as_ptr().addr(), stack.base());
        assert!(block.as_ptr().addr() + 100 <= top);
        stack.reset();
        assert_eq!(stack.base(), top);
    }

    #[test]
    #[should_panic(expected = "too little")]
    fn carving_everything_is_refused() {
        stack(StackClass::SMALLEST).carve(Layout::from_size_align(9 * 1024, 8).unwrap());
    }

    #[test]
    fn neighbouring_stacks_have_different_colours() {
        let pool = StackPool::new(StackOptions::default());
        let stacks: Vec<_> = (0..COLOURS)
            .map(|_| pool.take(StackClass::DEFAULT).unwrap())
            .collect();
        let mut tops: Vec<_> = stacks.iter().map(|s| s.base() % 4096).collect();
        tops.sort_unstable();
        tops.dedup();
        assert_eq!(tops.len(), COLOURS);
    }
}
