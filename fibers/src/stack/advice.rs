//! What the system is asked to do with pages of free stacks, for many stacks in one call.
//!
//! When pages go, the kernel interrupts every processor on which the process runs, once a call: for a stack at a time that was
//! measured at 13 microseconds each (a virtual machine, two busy threads), for 64 in one call at 0.6. Linux takes such calls
//! from a process about itself since 6.13 and interrupts once for all of them since 6.16; where it does not, one call is
//! made for each stack.
//!
//! A guard and the first touch of a page above it were 2.7 microseconds by a call and a fault for each stack (two busy
//! threads that share page tables), and 1.9 by one call for 32 guards and one for 32 pages. With 128 in a call it is 1.75, as
//! two threads then have fewer page tables in common.

use std::ops::Range;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::guard::MADV_GUARD_INSTALL;

/// How many ranges go in one call.
pub(super) const BATCH: usize = 128;

/// See the [module documentation](self).
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// This process, once there was advice about many ranges; `None` if the system does not give such a descriptor.
    process: OnceLock<Option<OwnedFd>>,
    /// The system has refused: to take pages back, to touch them, to guard.
    refused: [AtomicBool; 3],
}

/// What is to be done with pages.
#[derive(Clone, Copy)]
enum Kind {
    GiveBack,
    Touch,
    Guard,
}

impl Kind {
    fn code(self) -> libc::c_int {
        match self {
            Self::GiveBack => libc::MADV_DONTNEED,
            Self::Touch => libc::MADV_POPULATE_WRITE,
            Self::Guard => MADV_GUARD_INSTALL,
        }
    }
}

impl Advice {
    /// Gives the pages in `ranges` back. Afterwards they read as zero when they are touched; guards stay.
    ///
    /// A refusal (locked memory) leaves the pages where they are, which costs memory and nothing else.
    ///
    /// # Safety
    ///
    /// The ranges lie in slots of ours that nobody owns.
    pub(super) unsafe fn release(&self, ranges: &[Range<usize>]) {
        for ranges in ranges.chunks(BATCH) {
            // SAFETY: by the caller.
            if ranges.len() < 2 || !unsafe { self.at_once(ranges, Kind::GiveBack) } {
                for range in ranges {
                    let start = std::ptr::with_exposed_provenance_mut(range.start);
                    // SAFETY: by the caller.
                    unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
                }
            }
        }
    }

    /// Has memory put behind the pages in `ranges`, at most [`BATCH`], if that is quicker than touching them later.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    pub(super) unsafe fn touch(&self, ranges: &[Range<usize>]) {
        // SAFETY: by the caller. Whatever is refused is touched later.
        let _ = unsafe { self.at_once(ranges, Kind::Touch) };
    }

    /// Makes the pages in `ranges`, at most [`BATCH`], inaccessible; false if that was refused, and then some of them may be.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release).
    pub(super) unsafe fn guard(&self, ranges: &[Range<usize>]) -> bool {
        // SAFETY: by the caller.
        unsafe { self.at_once(ranges, Kind::Guard) }
    }

    /// All in one call; false if that was refused, and then it may have been done for some of them.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release). There are at most [`BATCH`].
    unsafe fn at_once(&self, ranges: &[Range<usize>], kind: Kind) -> bool {
        let refused = &self.refused[kind as usize];
        if refused.load(Relaxed) {
            return false;
        }
        let Some(process) = self.process.get_or_init(own_process) else {
            return false;
        };
        let mut vectors = [const {
            libc::iovec {
                iov_base: std::ptr::null_mut(),
                iov_len: 0,
            }
        }; BATCH];
        for (vector, range) in vectors.iter_mut().zip(ranges) {
            vector.iov_base = std::ptr::with_exposed_provenance_mut(range.start);
            vector.iov_len = range.len();
        }
        // SAFETY: as many vectors as said, and by the caller nobody needs what is in those ranges. After a fork the descriptor
        // names another process, and the system refuses.
        let done = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                process.as_raw_fd(),
                vectors.as_ptr(),
                ranges.len(),
                kind.code(),
                0,
            )
        };
        let all: usize = ranges.iter().map(Range::len).sum();
        if usize::try_from(done) == Ok(all) {
            return true;
        }
        if done < 0 {
            refused.store(true, Relaxed);
        }
        false
    }
}

/// A descriptor of the calling process, closed when another program is executed.
fn own_process() -> Option<OwnedFd> {
    // SAFETY: a query about this process; it takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) };
    let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: it was opened just now, and nobody else knows it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages that say 7, and what they say once `release` has had its way with all but the last.
    fn after(release: impl Fn(&[Range<usize>])) -> Vec<u8> {
        const PAGES: usize = 2 * BATCH + 2;
        // SAFETY: a query, and a fresh private mapping at an address the kernel picks.
        let (page, start) = unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap();
            let start = libc::mmap(
                std::ptr::null_mut(),
                PAGES * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            (page, start.cast::<u8>())
        };
        assert_ne!(start.cast(), libc::MAP_FAILED);
        // SAFETY: the mapping has so many bytes, and only this function knows it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(start, PAGES * page) };
        bytes.fill(7);
        let start = start.expose_provenance();
        let ranges: Vec<_> = (0..PAGES - 1)
            .map(|at| start + at * page..start + (at + 1) * page)
            .collect();
        release(&ranges);
        // SAFETY: as above.
        let said = unsafe {
            std::slice::from_raw_parts(std::ptr::with_exposed_provenance(start), PAGES * page)
        };
        let said = said.iter().step_by(page).copied().collect();
        // SAFETY: unmaps what was mapped above.
        unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(start), PAGES * page) };
        said
    }

    #[test]
    fn pages_are_given_back_at_once_or_one_by_one() {
        for refused in [false, true] {
            let advice = Advice::default();
            advice.refused[0].store(refused, Relaxed);
            // SAFETY: the test's own pages, which it looks at afterwards only.
            let mut said = after(|ranges| unsafe { advice.release(ranges) });
            assert_eq!(said.pop(), Some(7), "more was released than asked");
            assert!(said.iter().all(|&byte| byte == 0), "refused: {refused}");
        }
    }
}
