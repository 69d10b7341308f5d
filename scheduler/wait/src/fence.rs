//! A pair of fences of which one costs nothing.
//!
//! Two threads that each store to one place and then load from the other's need a full fence in
//! between, or both may read the old value. If one side runs a million times as often as the
//! other, the frequent side can do with a compiler fence: the rare side asks the kernel to make
//! every running thread of the process pass a full fence (`membarrier`, Linux 4.14 and later).
//! Where that is missing, or a sandbox forbids it, both sides use an ordinary fence.
//!
//! Source of the technique: Dice, Huang, Yang, *Asymmetric Dekker Synchronization* (2001).

use crate::facade::atomic::{AtomicU8, Ordering::*, fence};

const UNKNOWN: u8 = 0;
const ORDINARY: u8 = 1;
const ASYMMETRIC: u8 = 2;

/// Which kind is in use. A fact about the process and its kernel, found out once.
static KIND: KindCell = KindCell::new();

#[cfg(not(any(loom, shuttle)))]
struct KindCell(AtomicU8);
#[cfg(not(any(loom, shuttle)))]
impl KindCell {
    const fn new() -> Self {
        Self(AtomicU8::new(UNKNOWN))
    }
    #[inline]
    fn get(&self) -> u8 {
        self.0.load(Relaxed)
    }
    fn set(&self, kind: u8) {
        self.0.store(kind, Relaxed);
    }
}

/// A model checker knows nothing of `membarrier`, so models use ordinary fences.
#[cfg(any(loom, shuttle))]
struct KindCell(std::marker::PhantomData<AtomicU8>);
#[cfg(any(loom, shuttle))]
impl KindCell {
    const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
    fn get(&self) -> u8 {
        ORDINARY
    }
    fn set(&self, _: u8) {}
}

/// Finds out which kind of fence to use. Must be called before the first [`light`] of the
/// process; later calls change nothing.
pub fn prepare() {
    if KIND.get() == UNKNOWN {
        KIND.set(if os::register() { ASYMMETRIC } else { ORDINARY });
    }
}

/// The frequent side: between its store and its load.
#[inline(always)]
pub fn light() {
    if KIND.get() == ASYMMETRIC {
        // Ordering: SeqCst for the compiler; `heavy` makes the processor follow. Partner: `heavy`.
        std::sync::atomic::compiler_fence(SeqCst);
    } else {
        // Ordering: SeqCst. Partner: `heavy`, of which one must come first.
        fence(SeqCst);
    }
}

/// As [`light`], for a caller who knows that it [is free](is_asymmetric).
#[inline(always)]
pub fn free() {
    debug_assert!(is_asymmetric());
    // Ordering: SeqCst for the compiler; `heavy` makes the processor follow. Partner: `heavy`.
    std::sync::atomic::compiler_fence(SeqCst);
}

/// The rare side: between its store and its load. Costs about half a microsecond.
///
/// # Panics
/// If the process has entered a sandbox since [`prepare`] that forbids what this needs.
pub fn heavy() {
    if KIND.get() == ASYMMETRIC && os::barrier() {
        return;
    }
    // Ordering: SeqCst. Partner: `light`.
    fence(SeqCst);
}

/// Whether the frequent side is free.
#[must_use]
pub fn is_asymmetric() -> bool {
    KIND.get() == ASYMMETRIC
}

#[cfg(target_os = "linux")]
mod os {
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: `membarrier` takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED)
    }

    /// After `register` this cannot fail unless a sandbox was entered since; then owners that use
    /// no fence could lose a task to a thief, so the process must not go on.
    pub(super) fn barrier() -> bool {
        assert!(
            membarrier(PRIVATE_EXPEDITED),
            "membarrier was allowed when the runtime started and is forbidden now; \
             enter the sandbox before starting the runtime"
        );
        true
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn barrier() -> bool {
        false
    }
}
