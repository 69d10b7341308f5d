//! A fiber: a stack, and the point on it where a closure stands.
//!
//! The only file that builds on the switch itself. What it adds: nothing escapes as a panic from [`Fiber::resume`], forced
//! unwinding is bounded, and ambient state is exchanged.

use std::alloc::Layout;
use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use crate::ambient::Resumer;
use crate::point::Point;
use crate::stack::Stack;
use crate::suspender::{ForcedUnwind, Order, Payload, Suspender};
use crate::switch::Switch;

/// How often [`Fiber::unwind`] raises [`ForcedUnwind`] in a fiber that catches it and suspends again.
pub const UNWIND_TRIES: usize = 4;

/// Entries that are larger, or aligned to more, are boxed: the switch copies an entry onto the new stack and takes at most
/// 2 KiB. (An empty entry may be aligned to more than the stack is long.)
const LARGEST_INLINE_ENTRY: usize = 512;

/// What became of a fiber that was resumed.
#[derive(Debug)]
#[must_use = "a panic of the fiber is lost if its payload is dropped"]
pub enum Resumed {
    /// It left its stack and can be resumed.
    Suspended,
    /// Its entry returned.
    Returned,
    /// Its entry panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
}

/// What became of a fiber that was to be unwound.
#[derive(Debug)]
#[must_use = "a refusal leaves the fiber suspended"]
pub enum Unwound {
    /// Its destructors ran, or there was nothing to unwind.
    Done,
    /// It ended with a panic of its own.
    Panicked(Box<dyn Any + Send>),
    /// It is still suspended: it caught the payload [`UNWIND_TRIES`] times, or this thread is panicking, or the program is
    /// built with `panic = "abort"`.
    Refused,
}

/// A closure that runs on its own stack and may leave it in the middle.
///
/// # Threads
///
/// A fiber is neither `Send` nor `Sync`: its frames may hold anything. It may be resumed by different threads in turn if
/// someone vouches for its frames in an `unsafe` wrapper. That someone also sees to it that one thread has let go of it before
/// the next resumes it, and that the hand-over is ordered (release, then acquire).
///
/// ```compile_fail
/// fn needs_send<T: Send>() {}
/// needs_send::<vitte_fibers::Fiber>();
/// ```
///
/// # Moving
///
/// Nothing on the stack points at the `Fiber`, so it may be moved bitwise, even into a block carved off its own stack. It must
/// be moved out of there again before it is dropped or taken apart: that gives the memory it would lie in to others.
///
/// # Dropping
///
/// A fiber that never started drops its closure. A suspended one is unwound, so its destructors run; a panic they end in is
/// dropped, use [`unwind`](Self::unwind) to see it; [`Suspender::user`] is null meanwhile. If unwinding is refused the stack is *leaked*: its destructors never run,
/// its memory stays, and [`StackStats::leaked`](crate::StackStats::leaked) counts it. Dropping never waits for the fiber's
/// consent, but it does run its destructors, and these may block or panic like any others: a panic that leaves a destructor
/// aborts the process, and so does unwinding through foreign frames that cannot unwind. End fibers by asking them to return.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use vitte_fibers::{Fiber, Resumer, StackClass, StackOptions, StackPool};
///
/// let pool = StackPool::new(StackOptions::default());
/// let latest = Rc::new(Cell::new(0));
/// let squares = Rc::clone(&latest);
/// let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT)?, move |me| {
///     for n in 1.. {
///         squares.set(n * n);
///         me.suspend().unwrap();
///     }
/// });
/// let here = Resumer::new(std::ptr::null());
/// let mut sum = 0;
/// for _ in 0..5 {
///     let _ = fiber.resume(&here);
///     sum += latest.get();
/// }
/// assert_eq!(sum, 1 + 4 + 9 + 16 + 25);
///
/// drop(fiber); // unwinds the loop, which drops `squares`
/// assert_eq!(Rc::strong_count(&latest), 1);
/// # Ok::<(), vitte_fibers::StackError>(())
/// ```
pub struct Fiber {
    switch: ManuallyDrop<Switch>,
    /// In a block carved off the stack that `switch` owns, right above the first frame.
    seam: NonNull<Suspender>,
    /// The lowest usable address of that stack.
    limit: usize,
}

const SEAM: Layout = Layout::new::<Suspender>();
const _: () = assert!(
    SEAM.size()
        .is_multiple_of(corosensei::stack::STACK_ALIGNMENT)
        && SEAM.align() <= corosensei::stack::STACK_ALIGNMENT,
    "carving the suspender lowers the base by exactly its size"
);

impl Fiber {
    /// A fiber that will run `entry` on `stack` when it is first resumed.
    ///
    /// # Panics
    ///
    /// If so much was carved off `stack` that less than 4 KiB would be left.
    pub fn new(stack: Stack, entry: impl FnOnce(&Suspender) + 'static) -> Self {
        if size_of_val(&entry).max(align_of_val(&entry)) > LARGEST_INLINE_ENTRY {
            let entry = Box::new(entry);
            return Self::start(stack, move |seam| entry(seam));
        }
        Self::start(stack, entry)
    }

    fn start<F: FnOnce(&Suspender) + 'static>(mut stack: Stack, entry: F) -> Self {
        let seam = stack.carve(SEAM).cast::<Suspender>();
        let limit = stack.limit();
        // SAFETY: the block was carved for this type just now.
        unsafe { seam.write(Suspender::fresh()) };
        let body = move || {
            // SAFETY: the block lies in the stack this runs on.
            let seam = unsafe { seam.as_ref() };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| entry(seam))) {
                seam.finish(payload);
            }
        };
        // SAFETY: the gate is part of the block, which stays until the stack is taken back.
        let switch = unsafe { Switch::with_stack(stack, seam.as_ref().gate(), body) };
        Self {
            switch: ManuallyDrop::new(switch),
            seam,
            limit,
        }
    }

    /// Enters the fiber and returns when it suspends or ends.
    ///
    /// `by` stands for the calling thread. In a destructor that runs because of a panic it is one that was made there, or
    /// [told](Resumer::note_panicking): else the fiber cannot suspend, see [`Refused`](crate::Refused).
    ///
    /// # Panics
    ///
    /// If the fiber is finished. Never because the fiber panics.
    #[inline]
    pub fn resume(&mut self, by: &Resumer) -> Resumed {
        // SAFETY: by the borrow nobody else enters it, and it runs nowhere.
        unsafe { self.enter(by) }
    }

    /// As [`resume`](Self::resume). A fiber that was entered so may [leave its stack for another's](Suspender::switch_to), and
    /// then it is that one, or the last of several, of whom the answer tells.
    ///
    /// # Panics
    ///
    /// If the fiber is finished.
    ///
    /// # Safety
    ///
    /// Nobody else enters this fiber or those that it is left for, or ends them, while they run or are about to; what is left on
    /// the way is suspended, and may be entered by others before this returns.
    #[inline]
    pub unsafe fn enter(&self, by: &Resumer) -> Resumed {
        let seam = self.seam();
        if seam.gate().is_done() {
            resumed_finished();
        }
        seam.set_resumer(by);
        let outer = by.set_present(seam);
        by.exchange(seam.ambient());
        #[cfg(tsan)]
        let back = crate::shadow::present();
        // SAFETY: the fiber's own shadow; by the caller the fiber runs nowhere else.
        #[cfg(tsan)]
        unsafe {
            crate::shadow::switch_to(seam.shadow.own());
        }
        // SAFETY: it is its gate; by the caller.
        unsafe { self.switch.resume(seam.gate()) };
        // SAFETY: what ran here before, and goes on now.
        #[cfg(tsan)]
        unsafe {
            crate::shadow::switch_to(back);
        }
        // SAFETY: this fiber's, or that of the last one that was left for, which has just left its stack: by the caller nobody
        // else has it.
        let left = unsafe { &*by.set_present(outer) };
        by.exchange(left.ambient());
        if !left.gate().is_done() {
            return Resumed::Suspended;
        }
        match left.take_outcome() {
            None => Resumed::Returned,
            Some(payload) => Resumed::Panicked(payload),
        }
    }

    #[inline]
    fn seam(&self) -> &Suspender {
        // SAFETY: `switch` owns the stack the block lies in. The fiber, which also refers to it, does so by shared reference.
        unsafe { self.seam.as_ref() }
    }

    /// Ends the fiber by raising [`ForcedUnwind`] where it is suspended, so that its destructors run, here and now.
    ///
    /// A fiber that catches the payload and suspends again is tried [`UNWIND_TRIES`] times. After [`Unwound::Refused`] it is
    /// suspended as before and may be resumed. One that never started drops its closure; one that is finished stays so.
    ///
    /// While this thread is panicking, and [has not done so before](Resumer::may_suspend), the answer is `Refused`, since no
    /// suspension would bring control back here.
    pub fn unwind(&mut self, by: &Resumer) -> Unwound {
        if self.is_finished() {
            return Unwound::Done;
        }
        if !self.is_started() {
            return self.drop_entry();
        }
        if cfg!(panic = "abort") || !by.may_suspend() {
            return Unwound::Refused;
        }
        self.seam().set_order(Order::Unwind);
        // Liveness: at most UNWIND_TRIES rounds.
        for _ in 0..UNWIND_TRIES {
            match self.resume(by) {
                Resumed::Suspended => {}
                Resumed::Returned => return Unwound::Done,
                Resumed::Panicked(payload) => {
                    return if self.is_mine(&payload) {
                        Unwound::Done
                    } else {
                        Unwound::Panicked(payload)
                    };
                }
            }
        }
        self.seam().set_order(Order::Run);
        Unwound::Refused
    }

    fn is_mine(&self, payload: &Payload) -> bool {
        payload
            .downcast_ref::<ForcedUnwind>()
            .is_some_and(|forced| forced.fiber == self.seam.addr().get())
    }

    fn drop_entry(&mut self) -> Unwound {
        let gate = self.seam;
        // SAFETY: as in `seam`.
        let gate = unsafe { gate.as_ref() }.gate();
        match catch_unwind(AssertUnwindSafe(|| self.switch.force_unwind(gate))) {
            Ok(()) => Unwound::Done,
            Err(payload) => {
                // Unwind: the closure is dropped as far as it can be, and must not be dropped again.
                // SAFETY: the fiber never ran, so its stack holds no frames.
                unsafe { self.switch.force_reset(gate) };
                Unwound::Panicked(payload)
            }
        }
    }

    /// Ends the fiber without running anything and gives its stack back: for frames that cannot unwind.
    ///
    /// A fiber that never started drops nothing either: its closure is forgotten.
    ///
    /// # Safety
    ///
    /// * No value on the fiber's stack needs its destructor to run for the program to stay sound.
    /// * Nothing outside points into the fiber's stack.
    pub unsafe fn discard(self) -> Stack {
        let mut this = self;
        if !this.is_finished() {
            // SAFETY: the caller says that the frames may vanish.
            unsafe { this.give_up() };
        }
        this.part()
    }

    /// The stack of a finished fiber, with the base it had when the fiber was made.
    ///
    /// # Errors
    ///
    /// The fiber, if it is not finished.
    pub fn into_stack(self) -> Result<Stack, Self> {
        if self.is_finished() {
            Ok(self.part())
        } else {
            Err(self)
        }
    }

    /// Takes a finished fiber apart.
    fn part(self) -> Stack {
        let mut this = ManuallyDrop::new(self);
        #[cfg(tsan)]
        this.seam().shadow.destroy();
        // SAFETY: `this` is not used afterwards and its destructor does not run.
        let switch = unsafe { ManuallyDrop::take(&mut this.switch) };
        // SAFETY: the block lies in the stack that `switch` owns.
        let mut stack = switch.into_stack(unsafe { this.seam.as_ref() }.gate());
        stack.uncarve(SEAM.size());
        stack
    }

    /// Where the fiber stands, while it is suspended.
    pub fn point(&self) -> Option<Point> {
        self.is_suspended().then(|| self.seam().point())
    }

    /// Whether the fiber was resumed at least once and has not ended. Meaningless while it runs, where nobody can ask without
    /// breaking the borrow that [`resume`](Self::resume) holds.
    #[inline]
    pub fn is_suspended(&self) -> bool {
        self.is_started() && !self.is_finished()
    }

    /// Whether the entry has returned, panicked or been unwound.
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.seam().gate().is_done()
    }

    fn is_started(&self) -> bool {
        self.switch.started(self.seam().gate())
    }

    /// # Safety
    /// As for [`discard`](Self::discard), or the stack is leaked.
    unsafe fn give_up(&mut self) {
        let seam = self.seam;
        // SAFETY: as in `seam`; by the caller.
        unsafe { self.switch.force_reset(seam.as_ref().gate()) };
    }

    /// The lowest usable address of the stack, and the one above the highest that frames use.
    pub fn stack_bounds(&self) -> (usize, usize) {
        (self.limit, self.seam.addr().get())
    }

    /// The suspender this fiber's entry is given, known before it starts. It may be used by the fiber itself, until it ends.
    pub fn suspender(&self) -> NonNull<Suspender> {
        self.seam
    }
}

#[cold]
#[inline(never)]
fn resumed_finished() -> ! {
    panic!("a finished fiber cannot be resumed");
}

impl Drop for Fiber {
    fn drop(&mut self) {
        let unwound = if self.is_finished() {
            Unwound::Done
        } else if self.is_started() {
            self.unwind(&Resumer::new(std::ptr::null()))
        } else {
            self.drop_entry()
        };
        let refused = matches!(unwound, Unwound::Refused);
        if refused {
            // SAFETY: the stack is leaked below, frames and all, so whatever points into it stays valid.
            unsafe { self.give_up() };
        }
        #[cfg(tsan)]
        self.seam().shadow.destroy();
        // SAFETY: this is the destructor; the field is not used again.
        let switch = unsafe { ManuallyDrop::take(&mut self.switch) };
        // SAFETY: the block lies in the stack that `switch` owns.
        let stack = switch.into_stack(unsafe { self.seam.as_ref() }.gate());
        if refused {
            stack.leak();
        } else {
            drop(stack);
        }
    }
}

impl fmt::Debug for Fiber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_finished() {
            "finished"
        } else if self.is_suspended() {
            "suspended"
        } else {
            "new"
        };
        f.debug_struct("Fiber")
            .field("state", &state)
            .field("point", &self.point())
            .finish_non_exhaustive()
    }
}
