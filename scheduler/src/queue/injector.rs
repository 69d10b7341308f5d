//! The queue that everybody shares: for tasks that come from outside any worker.

use crate::{queue::fifo::Fifo, task::Task};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicUsize, Ordering::*},
};

/// See the [module documentation](self).
pub(crate) struct Injector {
    queue: Mutex<SharedFifo>,
    /// How many lie here. Written under the lock; read by workers that only want to know whether
    /// to take it.
    len: AtomicUsize,
}

struct SharedFifo(Fifo);

// SAFETY: the FIFO is touched only under the lock of the one injector it belongs to; the tasks it
// links are records that any thread may queue.
unsafe impl Send for SharedFifo {}

impl Injector {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::new(SharedFifo(Fifo::new())),
            len: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self, task: &'static Task) {
        let queue = self.queue.lock();
        queue.0.push(task);
        // Ordering: SeqCst, for the store-load pair with the idle counters: see the idle README.
        self.len.fetch_add(1, SeqCst);
    }

    /// Whether nothing lies here; a hint.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Relaxed) == 0
    }

    /// How many lie here; a hint.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Takes the oldest, and hands up to `extra` more to `more`.
    pub(crate) fn pop(
        &self,
        extra: usize,
        mut more: impl FnMut(&'static Task),
    ) -> Option<&'static Task> {
        if self.is_empty() {
            return None;
        }
        let queue = self.queue.lock();
        let first = queue.0.pop()?;
        let mut taken = 1;
        while taken <= extra
            && let Some(task) = queue.0.pop()
        {
            taken += 1;
            more(task);
        }
        self.len.fetch_sub(taken, Relaxed);
        Some(first)
    }
}
