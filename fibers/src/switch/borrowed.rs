//! corosensei's switch, with the face of our own. A body leaves its stack only for its resumer.

use std::cell::{Cell, UnsafeCell};

use corosensei::{Coroutine, Yielder};

use crate::stack::Stack;

/// The way out for a body.
pub(crate) struct Gate {
    /// Null until the body begins.
    way: Cell<*const Yielder<(), ()>>,
    done: Cell<bool>,
}

impl Gate {
    /// Of no body yet.
    pub(crate) const fn fresh() -> Self {
        Self {
            way: Cell::new(std::ptr::null()),
            done: Cell::new(false),
        }
    }

    /// Leaves the stack; returns when the body is resumed.
    ///
    /// # Safety
    /// The caller is the body that was given this gate.
    #[inline(always)]
    pub(crate) unsafe fn suspend(&self) {
        // SAFETY: set when the body began, which by the caller it did; it lies on the body's stack above all frames.
        unsafe { &*self.way.get() }.suspend(());
    }

    /// Never called: see [`DIRECT`](super::DIRECT).
    ///
    /// # Safety
    /// None.
    pub(crate) unsafe fn pass(&self, _: &Self) {
        unreachable!("this switch leads back to the resumer only");
    }

    /// Whether the body has returned, or was given up.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.done.get()
    }
}

/// A body on a stack of its own. Its gate lies elsewhere, and is as long-lived.
pub(crate) struct Switch(UnsafeCell<Coroutine<(), (), (), Stack>>);

impl Switch {
    /// Puts `body` onto `stack`. It must not unwind.
    ///
    /// # Safety
    /// `gate` stays where it is until this is taken apart, and is given to no other body.
    pub(crate) unsafe fn with_stack<F: FnOnce() + 'static>(
        stack: Stack,
        gate: &Gate,
        body: F,
    ) -> Self {
        let gate = std::ptr::from_ref(gate);
        let body = Coroutine::with_stack(stack, move |way: &Yielder<(), ()>, ()| {
            // SAFETY: by the caller it is still there.
            unsafe { &*gate }.way.set(way);
            body();
        });
        Self(UnsafeCell::new(body))
    }

    /// Runs the body until it leaves or returns.
    ///
    /// # Safety
    /// `gate` is its own; it has not returned yet, and nobody else resumes it.
    #[inline(always)]
    pub(crate) unsafe fn resume(&self, gate: &Gate) {
        // SAFETY: by the caller nobody else uses it meanwhile.
        let _ = unsafe { &mut *self.0.get() }.resume(());
        // SAFETY: as above.
        gate.done.set(unsafe { &*self.0.get() }.done());
    }

    /// Whether it was ever resumed.
    #[inline]
    pub(crate) fn started(&self, _: &Gate) -> bool {
        // SAFETY: whoever asks does so while nobody resumes it.
        unsafe { &*self.0.get() }.started()
    }

    /// Drops a body that was never resumed.
    pub(crate) fn force_unwind(&mut self, gate: &Gate) {
        gate.done.set(true);
        self.0.get_mut().force_unwind();
    }

    /// Gives it up, frames and all.
    ///
    /// # Safety
    /// No value on the stack needs its destructor to run for the program to stay sound.
    pub(crate) unsafe fn force_reset(&mut self, gate: &Gate) {
        gate.done.set(true);
        // SAFETY: by the caller.
        unsafe { self.0.get_mut().force_reset() };
    }

    /// The stack of a finished body.
    ///
    /// # Panics
    /// If it is not finished.
    pub(crate) fn into_stack(self, _: &Gate) -> Stack {
        self.0.into_inner().into_stack()
    }
}
