//! A worker's own queue: first in, first out, linked through the tasks, so it allocates nothing
//! however many wait.

use crate::{shown::Shown, task::Task};
use std::{cell::Cell, ptr};

/// Owner only, but that anybody may ask whether it is empty.
pub(crate) struct Fifo {
    head: Shown,
    tail: Cell<*const Task>,
}

impl Default for Fifo {
    fn default() -> Self {
        Self::new()
    }
}

impl Fifo {
    pub(crate) const fn new() -> Self {
        Self {
            head: Shown::nothing(),
            tail: Cell::new(ptr::null()),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    /// The oldest, which is taken next; null if there is none.
    #[inline(always)]
    pub(crate) fn first(&self) -> *const Task {
        self.head.get()
    }

    /// How many lie here, but no more than `most`.
    pub(crate) fn len_up_to(&self, most: u32) -> u32 {
        let (mut at, mut len) = (self.head.get(), 0);
        while len < most && !at.is_null() {
            // SAFETY: a task that we put here and that is type-stable.
            at = unsafe { &*at }.link.get();
            len += 1;
        }
        len
    }

    #[inline]
    pub(crate) fn push(&self, task: &'static Task) {
        task.link.set(ptr::null());
        let tail = self.tail.replace(task);
        // SAFETY: null, or a task that we put here and that is type-stable.
        match unsafe { tail.as_ref() } {
            None => self.head.set(task),
            Some(tail) => tail.link.set(task),
        }
    }

    /// Takes this very task out, if it is here.
    pub(crate) fn remove(&self, task: &'static Task) -> bool {
        let mut before: *const Task = ptr::null();
        let mut at = self.head.get();
        // SAFETY: null, or a task that we put here and that is type-stable.
        while let Some(here) = unsafe { at.as_ref() } {
            let next = here.link.get();
            if !ptr::eq(here, task) {
                (before, at) = (at, next);
                continue;
            }
            // SAFETY: as above.
            match unsafe { before.as_ref() } {
                None => self.head.set(next),
                Some(before) => before.link.set(next),
            }
            if next.is_null() {
                self.tail.set(before);
            }
            return true;
        }
        false
    }

    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<&'static Task> {
        // SAFETY: null, or a task that we put here and that is type-stable.
        let task = unsafe { self.head.get().as_ref() }?;
        let next = task.link.get();
        self.head.set(next);
        if next.is_null() {
            self.tail.set(ptr::null());
        }
        Some(task)
    }
}
