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
}

/// What a scheduler has done so far. Each number is exact, but they are not of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Threads that run fibers; those that are retired do not count.
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
    /// Stacks in use: those of suspended tasks, and a few a worker.
    pub stacks: usize,
    /// Bytes of address space reserved for stacks.
    pub stack_bytes: usize,
    /// Whether a worker's own queue works without a fence on this machine.
    pub asymmetric_fence: bool,
}
