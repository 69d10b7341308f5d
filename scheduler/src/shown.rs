//! A place for a task that its worker alone writes, and others may look into.
//!
//! It costs its owner what a `Cell` would. What an onlooker sees may be out of date; who must not miss
//! a change passes the fences of the idle protocol. But whatever task he sees, he sees as a record: it
//! may have been carved just now. The atomic is one that no model replaces: to the owner this is a cell.

use crate::task::Task;
use std::ptr;
use vitte_wait::facade::{
    atomic::Ordering::{Acquire, Relaxed, Release},
    plain::AtomicPtr,
};

/// See the [module documentation](self).
pub(crate) struct Shown(AtomicPtr<Task>);

impl Shown {
    pub(crate) const fn nothing() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// What an onlooker sees.
    #[inline]
    pub(crate) fn look(&self) -> *const Task {
        // Ordering: Acquire. Partner: the Release in `set`.
        self.0.load(Acquire)
    }

    /// Owner only.
    #[inline(always)]
    pub(crate) fn get(&self) -> *const Task {
        self.0.load(Relaxed)
    }

    /// Owner only.
    #[inline(always)]
    pub(crate) fn set(&self, task: *const Task) {
        // Ordering: Release. Partner: the Acquire in `look`, which must find the record made.
        self.0.store(task.cast_mut(), Release);
    }

    /// Owner only: it is a load and a store.
    #[inline(always)]
    pub(crate) fn replace(&self, task: *const Task) -> *const Task {
        let old = self.get();
        self.set(task);
        old
    }
}
