//! Counts: kept by each worker for itself, added up by whoever asks.

use vitte_wait::facade::atomic::{AtomicU64, Ordering::*};

/// A number that one thread raises and any may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Raises it. By its one writer only, so no read-modify-write is needed.
    #[inline(always)]
    pub(crate) fn raise(&self) {
        // Ordering: Release. Partner: the Acquire in `get`; see `Shared::live`.
        self.0.store(self.0.load(Relaxed) + 1, Release);
    }

    /// As [`raise`](Self::raise), by more than one.
    pub(crate) fn add(&self, more: u64) {
        // Ordering: Release, as in `raise`.
        self.0.store(self.0.load(Relaxed) + more, Release);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // Ordering: Acquire. Partner: the Release in `raise`.
        self.0.load(Acquire)
    }
}

/// What a worker counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counts {
    pub(crate) spawned: Count,
    pub(crate) finished: Count,
    pub(crate) switches: Count,
    pub(crate) steals: Count,
    pub(crate) lowered: Count,
}

/// What a scheduler has done so far. Each number is exact, but they are not of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Threads that run fibers at a time; spare ones, and those that are retired, do not count.
    pub workers: usize,
    /// Tasks spawned and not ended.
    pub live: u64,
    /// Tasks ever spawned.
    pub spawned: u64,
    /// Tasks that have ended.
    pub finished: u64,
    /// How often a worker resumed a stack.
    pub switches: u64,
    /// How often a worker took tasks from another.
    pub steals: u64,
    /// How often a fiber's poll word was set because its slice was over and somebody waited.
    pub slices_ended: u64,
    /// How often a fiber of the high class was put in line with the normal ones, because it had used up
    /// a slice.
    pub lowered: u64,
    /// How often a fiber of the low class was put in line with the normal ones, because it had waited too
    /// long.
    pub lifted: u64,
    /// Workers whose places were taken, because their threads are blocked in
    /// [native regions](crate::native_enter).
    pub blocked: usize,
    /// Threads that run fibers in the places of those, or rest since.
    pub spare_threads: usize,
    /// Threads of the pools for [offloaded](crate::Scheduler::offload_with) jobs.
    pub offload_threads: usize,
    /// Jobs that run there.
    pub offloaded: usize,
    /// Waits with a deadline, and alarms, that are armed. (They are counted when they are asked for, one by
    /// one.)
    pub timers: usize,
    /// Stacks in use: those of suspended tasks, and a few a worker.
    pub stacks: usize,
    /// Bytes of address space reserved for stacks.
    pub stack_bytes: usize,
    /// Whether a worker's own queue works without a fence on this machine.
    pub asymmetric_fence: bool,
}
