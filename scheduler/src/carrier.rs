//! Carriers: pooled stacks on which scheduling loops run tasks.
//!
//! ```text
//!   top of the slot ── colour ── Carrier ── suspender ── carrier loop ── task ── ... ── guard
//! ```
//!
//! A carrier's loop calls a fresh task right where it stands. If the task suspends, the whole
//! stack waits with it, and the worker steps to another carrier; when the task ends, its carrier's
//! loop goes on. So a task that never blocks costs no stack and no switch.
//!
//! Invariants: only [`worker::run`](crate::worker::run) resumes a carrier, and only in
//! [`worker::leave`](crate::worker::leave) is one left for another. A carrier's struct lies on its own stack, above the
//! first frame, so it costs no memory of its own.

use crate::{
    fork::Ground,
    shared::{Remote, Shared},
    task::Task,
    worker::run::carrier_loop,
};
use std::{
    alloc::Layout,
    cell::{Cell, UnsafeCell},
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};
use vitte_fibers::{Fiber, Resumed, Resumer, Stack, StackClass, StackError, Suspender};

/// See the [module documentation](self).
pub(crate) struct Carrier {
    fiber: UnsafeCell<ManuallyDrop<Fiber>>,
    suspender: NonNull<Suspender>,
    /// The next in a worker's pool.
    pub(crate) next: Cell<*const Carrier>,
    pub(crate) class: u8,
    /// The loop is to return when it is resumed.
    pub(crate) ends: Cell<bool>,
    /// What its loop has called last. Written by its worker, while nobody else knows of frames of that task.
    pub(crate) task: Cell<*const Task>,
    lo: usize,
    /// What joins on this stack go by.
    pub(crate) ground: Ground,
}

impl Carrier {
    /// A carrier of a worker of `shared`, not started.
    pub(crate) fn create(shared: &Shared, class: StackClass) -> Result<NonNull<Self>, StackError> {
        let mut stack = shared.stacks.take(class)?;
        let place = stack.carve(Layout::new::<Self>()).cast::<Self>();
        let address = Sendable(place);
        let fiber = Fiber::new(stack, move |_: &Suspender| {
            let address = address;
            // SAFETY: the carrier is written below, before its fiber is first resumed, and lies
            // on the stack this runs on.
            carrier_loop(unsafe { address.0.as_ref() });
        });
        let (lo, hi) = fiber.stack_bounds();
        let carrier = Self {
            suspender: fiber.suspender(),
            fiber: UnsafeCell::new(ManuallyDrop::new(fiber)),
            next: Cell::new(ptr::null()),
            class: class.index() as u8,
            ends: Cell::new(false),
            task: Cell::new(ptr::null()),
            lo,
            ground: Ground::new(place.as_ptr(), lo + (hi - lo) / 2, &shared.idle),
        };
        // SAFETY: the place was carved for this type just now.
        unsafe { place.write(carrier) };
        Ok(place)
    }

    /// How many bytes of stack it has.
    pub(crate) fn bytes(&self) -> usize {
        self.hi() - self.lo
    }

    /// The lowest address that frames may use.
    pub(crate) fn lo(&self) -> usize {
        self.lo
    }

    /// One above the highest.
    pub(crate) fn hi(&self) -> usize {
        ptr::from_ref(self).expose_provenance()
    }

    /// The carrier under a task whose `Hot::hi` is `hi`.
    ///
    /// # Safety
    /// The task has started and not ended, so `hi` came from [`hi`](Self::hi), and the carrier is
    /// alive.
    #[inline(always)]
    pub(crate) unsafe fn under<'a>(hi: usize) -> &'a Self {
        // SAFETY: by the caller.
        unsafe { &*ptr::with_exposed_provenance::<Self>(hi) }
    }

    /// Runs it, on the worker whose part `here` is, until it suspends or its loop returns; or until one that it was left for
    /// does.
    ///
    /// # Safety
    /// The caller is a worker, on its thread's own stack, and has the carrier to itself: it is
    /// suspended, in its pool or under a task that the worker took from a queue, or new.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self, by: &Resumer, here: &Remote) -> Resumed {
        self.ground.stands_on(&here.fresh);
        // SAFETY: by the caller nobody else touches the fiber, until it is left.
        unsafe { (*self.fiber.get()).enter(by) }
    }

    /// Leaves it for `next`, on the same worker, whose part `here` is. Returns, with the user pointer of whoever's resumer that
    /// is, when it is resumed or left for.
    ///
    /// # Safety
    /// The caller stands on this one, which a worker resumed or which was left for, and may leave it;
    /// [`Suspender::DIRECT`] is true. `next` is suspended under a task that the caller took from a queue.
    #[inline(always)]
    pub(crate) unsafe fn leave_for(&self, next: &Self, here: &Remote) -> *const () {
        next.ground.stands_on(&here.fresh);
        // SAFETY: by the caller; a worker knows that another carrier may come back to it.
        unsafe { self.suspender().switch_to(next.suspender()) }
    }

    /// What leaves this stack. To be used on it only.
    #[inline(always)]
    pub(crate) fn suspender(&self) -> &Suspender {
        // SAFETY: it lies on this carrier's stack, as long as the fiber does.
        unsafe { self.suspender.as_ref() }
    }

    /// Takes apart a carrier whose loop has returned; its stack goes back to the pool.
    ///
    /// # Safety
    /// The caller has the carrier to itself, and its fiber is finished.
    pub(crate) unsafe fn destroy(carrier: NonNull<Self>) {
        // SAFETY: by the caller; the fiber is moved out of the stack that it owns before it is
        // dropped, and the carrier is not touched again.
        let fiber = unsafe { ManuallyDrop::into_inner(carrier.as_ref().fiber.get().read()) };
        drop(fiber);
    }

    /// Takes apart a carrier whatever stands on its stack, without unwinding it.
    ///
    /// # Safety
    /// The caller has the carrier to itself, it is suspended, and the frames on it may vanish.
    pub(crate) unsafe fn discard(carrier: NonNull<Self>) {
        // SAFETY: as in `destroy`.
        let fiber = unsafe { ManuallyDrop::into_inner(carrier.as_ref().fiber.get().read()) };
        // SAFETY: by the caller.
        let stack: Stack = unsafe { fiber.discard() };
        drop(stack);
    }
}

/// A pointer that a closure may carry.
#[derive(Clone, Copy)]
struct Sendable<T>(NonNull<T>);
