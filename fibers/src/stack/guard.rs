//! Guard pages: a page at the low end of a slot that faults when touched.
//!
//! Two ways to make one. `MADV_GUARD_INSTALL` (Linux 6.13) marks the page in the page table and needs no mapping of its own,
//! so a million guarded stacks share a few mappings. `mprotect` works everywhere and splits the mapping: two more for each
//! guard, of the 65,530 a process has by default.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::StackError;

/// `MADV_GUARD_INSTALL` of the kernel's `mman-common.h`.
pub(super) const MADV_GUARD_INSTALL: libc::c_int = 102;

/// How guard pages are to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardChoice {
    /// The cheap way if the kernel has it, else `mprotect`.
    #[default]
    Auto,
    /// `MADV_GUARD_INSTALL` only; without it, taking a stack fails.
    Install,
    /// `mprotect` only.
    Protect,
}

/// How a pool makes its guard pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardKind {
    /// By `MADV_GUARD_INSTALL`.
    Install,
    /// By `mprotect`.
    Protect,
}

/// What one pool found out about guards.
#[derive(Debug)]
pub(super) struct Guards {
    kind: GuardKind,
    may_fall_back: bool,
    budget: Budget,
}

impl Guards {
    pub(super) fn new(choice: GuardChoice, page: usize) -> Self {
        let kind = match choice {
            GuardChoice::Install => GuardKind::Install,
            GuardChoice::Protect => GuardKind::Protect,
            GuardChoice::Auto if installs(page) => GuardKind::Install,
            GuardChoice::Auto => GuardKind::Protect,
        };
        Self {
            kind,
            may_fall_back: choice == GuardChoice::Auto,
            budget: Budget::of_the_kernel(),
        }
    }

    pub(super) fn kind(&self) -> GuardKind {
        self.kind
    }

    /// Makes the `page` bytes at `at` inaccessible. Says whether that cost mappings.
    ///
    /// # Safety
    ///
    /// `at` must be the page-aligned start of a slot of ours that nobody uses yet.
    pub(super) unsafe fn make(&self, at: usize, page: usize) -> Result<GuardKind, StackError> {
        if self.kind == GuardKind::Install {
            // SAFETY: the page is ours and unused.
            match unsafe { install(at, page) } {
                Ok(()) => return Ok(GuardKind::Install),
                // Locked memory (mlockall) is the known case in which a kernel that has the call refuses it.
                Err(libc::EINVAL) if self.may_fall_back => {}
                Err(errno) => {
                    return Err(StackError::Os {
                        call: "madvise(MADV_GUARD_INSTALL)",
                        errno,
                        bytes: page,
                    });
                }
            }
        }
        self.budget.take()?;
        // SAFETY: the page is ours and unused.
        let status = unsafe {
            libc::mprotect(
                std::ptr::with_exposed_provenance_mut(at),
                page,
                libc::PROT_NONE,
            )
        };
        if status == 0 {
            return Ok(GuardKind::Protect);
        }
        let errno = last_errno();
        give_back_protected(1);
        Err(StackError::Os {
            call: "mprotect",
            errno,
            bytes: page,
        })
    }

    #[cfg(test)]
    pub(super) fn set_budget(&mut self, max_map_count: usize) {
        self.budget = Budget { max_map_count };
    }
}

/// Protected guards that exist in this process. The kernel's limit is per process, so this one number is too.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

/// Records that `count` protected guards were unmapped.
pub(super) fn give_back_protected(count: usize) {
    PROTECTED.fetch_sub(count, Ordering::Relaxed);
}

/// How many mappings the kernel allows a process.
#[derive(Debug)]
struct Budget {
    max_map_count: usize,
}

impl Budget {
    /// Of every 100 mappings allowed, at most 45 protected guards, at two mappings each: the last tenth is for the rest of
    /// the process, whose own `mmap` would otherwise be the one to fail.
    const PERCENT: usize = 45;

    fn of_the_kernel() -> Self {
        static READ: OnceLock<usize> = OnceLock::new();
        let max_map_count = *READ.get_or_init(|| {
            std::fs::read_to_string("/proc/sys/vm/max_map_count")
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(65_530)
        });
        Self { max_map_count }
    }

    fn take(&self) -> Result<(), StackError> {
        let limit = self.max_map_count / 100 * Self::PERCENT;
        PROTECTED
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |guards| {
                (guards < limit).then_some(guards + 1)
            })
            .map(drop)
            .map_err(|guards| StackError::MapLimit {
                guards,
                max_map_count: self.max_map_count,
            })
    }
}

/// Whether this kernel knows guard pages, found by making one.
fn installs(page: usize) -> bool {
    // SAFETY: a fresh private mapping at an address the kernel picks.
    let probe = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            page,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if probe == libc::MAP_FAILED {
        return false;
    }
    // SAFETY: the page was mapped above and nobody else knows it.
    let known = unsafe { install(probe.expose_provenance(), page) }.is_ok();
    // SAFETY: unmaps exactly what was mapped above.
    unsafe { libc::munmap(probe, page) };
    known
}

/// # Safety
///
/// The page must be ours and unused.
unsafe fn install(at: usize, page: usize) -> Result<(), i32> {
    loop {
        // SAFETY: the caller owns the page; the call only makes it inaccessible.
        let status = unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut(at),
                page,
                MADV_GUARD_INSTALL,
            )
        };
        if status == 0 {
            return Ok(());
        }
        // The kernel asks for a retry when it kept losing a race against page faults nearby.
        match last_errno() {
            libc::EINTR | libc::EAGAIN => {}
            errno => return Err(errno),
        }
    }
}

pub(super) fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
