//! The fiber's side of the switch: what a fiber uses to leave its stack.
//!
//! A [`Suspender`] is carved off the top of the fiber's own stack. So its address is known before the fiber starts and stays
//! the same until it ends, and a [`Fiber`](crate::Fiber) may be moved while it points there: nothing on the stack points back.
//!
//! Who may touch a field: the fiber while it runs, the owner of the `Fiber` while it does not. The switch orders the two, and
//! whoever moves a `Fiber` between threads must too.

use std::any::Any;
use std::cell::Cell;
use std::fmt;

use crate::ambient::{Ambient, Resumer};
use crate::point::Point;
use crate::switch::{DIRECT, Gate};

pub(crate) type Payload = Box<dyn Any + Send>;

/// What a fiber shall do when it comes back from a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    Unwind,
}

/// The way out of a fiber's stack, handed to its entry.
///
/// Its address does not change while the fiber lives, and the block lies in the first page of the fiber's stack. A scheduler
/// that keeps the pointer may suspend through it, from that fiber only.
#[repr(C, align(16))]
pub struct Suspender {
    /// First, so that a debugger finds it at offset zero.
    point: Cell<Point>,
    gate: Gate,
    resumer: Cell<*const Resumer>,
    order: Cell<Order>,
    ambient: Ambient,
    outcome: Cell<Option<Payload>>,
    #[cfg(tsan)]
    pub(crate) shadow: crate::shadow::Shadow,
}

// The arithmetic of `stack::COLOURS` and of the README leaves room for this much in the first page.
#[cfg(not(tsan))]
const _: () = assert!(size_of::<Suspender>() <= 96);

/// Why a suspension did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A panic is unwinding on this thread, so this call comes from a destructor. The thread counts its panics; if the fiber
    /// left now, the count would stay behind, and if it moved, the count of two threads would be wrong for ever.
    Panicking,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicking => f.write_str(
                "a fiber cannot suspend while its thread is panicking; block the thread instead",
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// The payload that ends a suspended fiber: [`Fiber::unwind`](crate::Fiber::unwind) makes the pending suspension raise it.
///
/// Code that catches panics on a fiber should look for it and pass it on with [`std::panic::resume_unwind`]. No panic hook
/// runs for it.
///
/// ```
/// # use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
/// # use vitte_fibers::{Fiber, ForcedUnwind, Resumer, StackClass, StackOptions, StackPool, Unwound};
/// # let pool = StackPool::new(StackOptions::default());
/// let mut fiber = Fiber::new(pool.take(StackClass::DEFAULT)?, |me| {
///     if let Err(payload) = catch_unwind(AssertUnwindSafe(|| me.suspend())) {
///         assert!(payload.is::<ForcedUnwind>());
///         resume_unwind(payload);
///     }
/// });
/// let here = Resumer::new(std::ptr::null());
/// fiber.resume(&here);
/// assert!(matches!(fiber.unwind(&here), Unwound::Done));
/// # Ok::<(), vitte_fibers::StackError>(())
/// ```
#[derive(Debug)]
pub struct ForcedUnwind {
    /// Which fiber it is meant for: the address of its suspender.
    pub(crate) fiber: usize,
}

impl Suspender {
    pub(crate) const fn fresh() -> Self {
        Self {
            point: Cell::new(Point {
                ip: 0,
                sp: 0,
                fp: 0,
                rest: 0,
            }),
            gate: Gate::fresh(),
            resumer: Cell::new(std::ptr::null()),
            order: Cell::new(Order::Run),
            ambient: Ambient::fresh(),
            outcome: Cell::new(None),
            #[cfg(tsan)]
            shadow: crate::shadow::Shadow::unmade(),
        }
    }

    /// Whether a suspension would happen now: see [`Resumer::may_suspend`].
    #[inline]
    pub fn may_suspend(&self) -> bool {
        self.by().may_suspend()
    }

    /// Leaves this stack: the call of [`Fiber::resume`](crate::Fiber::resume) that entered it returns
    /// [`Suspended`](crate::Resumed::Suspended). Returns when the fiber is resumed, with the user pointer of the
    /// [`Resumer`] that did, which may stand for another thread.
    ///
    /// `errno` and the C++ exception globals are the fiber's own again afterwards. This reads no thread-local, but the caller
    /// may: see "What must not be held" in the README of this crate.
    ///
    /// # Errors
    ///
    /// [`Refused::Panicking`] at once, without having left, while the thread is panicking, unless it did before it entered anybody.
    ///
    /// # Panics
    ///
    /// With the payload [`ForcedUnwind`] if the fiber is ended by [`Fiber::unwind`](crate::Fiber::unwind) or by dropping it.
    #[inline]
    pub fn suspend(&self) -> Result<*const (), Refused> {
        if !self.may_suspend() {
            return Err(Refused::Panicking);
        }
        self.point.set(Point::here());
        // SAFETY: whoever calls this is the fiber that runs, which was given this gate.
        unsafe { self.gate.suspend() };
        if self.order.get() == Order::Unwind {
            self.raise();
        }
        Ok(self.user())
    }

    /// Whether a fiber can leave its stack for another's on this system: see [`switch_to`](Self::switch_to).
    pub const DIRECT: bool = DIRECT;

    /// Leaves this stack for that of `next`, as [`suspend`](Self::suspend) does for the resumer's, who stays where he is: he is
    /// from now on the resumer of `next`, and his call of [`Fiber::enter`](crate::Fiber::enter) returns when the last of
    /// those who were so left one for another leaves for him. Returns when the fiber that calls is entered again, or left for.
    ///
    /// # Safety
    /// * [`DIRECT`](Self::DIRECT) is true, and [`may_suspend`](Self::may_suspend).
    /// * The caller is the fiber of this suspender; it was entered by [`Fiber::enter`](crate::Fiber::enter), or left for, and
    ///   whoever called `enter` knows who may come back to him.
    /// * `next` is that of a suspended fiber which may run on this thread, and which nobody else enters or ends meanwhile.
    #[inline(always)]
    pub unsafe fn switch_to(&self, next: &Self) -> *const () {
        let by = self.by();
        next.resumer.set(by);
        by.set_present(next);
        by.pass(&self.ambient, &next.ambient);
        self.point.set(Point::here());
        // SAFETY: the shadow of a fiber which by the caller runs nowhere.
        #[cfg(tsan)]
        unsafe {
            crate::shadow::switch_to(next.shadow.own());
        }
        // SAFETY: by the caller; a suspended fiber has left by its gate.
        unsafe { self.gate.pass(&next.gate) };
        self.user()
    }

    /// The user pointer of the [`Resumer`] that entered this fiber last.
    #[inline]
    pub fn user(&self) -> *const () {
        self.by().user()
    }

    /// While the fiber runs.
    #[inline(always)]
    fn by(&self) -> &Resumer {
        // SAFETY: a fiber runs only within a call of `Fiber::enter`, which borrows its resumer, and whoever let it run noted it here.
        unsafe { &*self.resumer.get() }
    }

    #[cold]
    #[inline(never)]
    fn raise(&self) -> ! {
        std::panic::resume_unwind(Box::new(ForcedUnwind {
            fiber: std::ptr::from_ref(self).addr(),
        }))
    }

    #[inline]
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn finish(&self, payload: Payload) {
        self.outcome.set(Some(payload));
    }

    pub(crate) fn take_outcome(&self) -> Option<Payload> {
        self.outcome.take()
    }

    #[inline]
    pub(crate) fn set_resumer(&self, by: &Resumer) {
        self.resumer.set(by);
    }

    #[inline]
    pub(crate) fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    pub(crate) fn set_order(&self, order: Order) {
        self.order.set(order);
    }

    /// Where the fiber stood when it was left last; all zero before that. While it runs, for the fiber itself only.
    #[inline]
    pub fn point(&self) -> Point {
        self.point.get()
    }
}

impl fmt::Debug for Suspender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspender")
            .field("order", &self.order.get())
            .finish_non_exhaustive()
    }
}
