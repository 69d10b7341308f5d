//! Where others leave tasks for one worker: many push, the owner takes all at once.
//!
//! Source: R. K. Treiber, *Systems Programming: Coping with Parallelism* (1986). Since the owner
//! takes everything, no pop can meet a reused node (no ABA).

use crate::task::Task;
use std::ptr;
use vitte_wait::facade::atomic::{AtomicPtr, Ordering::*};

/// See the [module documentation](self).
pub(crate) struct Inbox {
    newest: AtomicPtr<Task>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            newest: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Leaves `task`, which is in no other queue.
    pub(crate) fn push(&self, task: &'static Task) {
        let mut newest = self.newest.load(Relaxed);
        loop {
            task.link.set(newest);
            let mine = ptr::from_ref(task).cast_mut();
            // Ordering: SeqCst. Release publishes the link and the task (partner: the Acquire in
            // `drain`); SeqCst for the store-load pair with the idle counters: see the idle README.
            match self
                .newest
                .compare_exchange_weak(newest, mine, SeqCst, Relaxed)
            {
                Ok(_) => return,
                Err(now) => newest = now,
            }
        }
    }

    /// Whether nothing lies here; a hint.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.load(Relaxed).is_null()
    }

    /// Takes everything and hands it to `take`, oldest first.
    pub(crate) fn drain(&self, mut take: impl FnMut(&'static Task)) {
        // Ordering: Acquire. Partner: the Release half of `push`.
        let mut newest: *const Task = self.newest.swap(ptr::null_mut(), Acquire);
        let mut oldest: *const Task = ptr::null();
        // SAFETY: null, or a task that was pushed here and that is type-stable.
        while let Some(task) = unsafe { newest.as_ref() } {
            newest = task.link.replace(oldest);
            oldest = task;
        }
        // SAFETY: as above; `take` may put the task into another queue, so the link is read first.
        while let Some(task) = unsafe { oldest.as_ref() } {
            oldest = task.link.get();
            take(task);
        }
    }
}
