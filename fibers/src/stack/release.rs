//! Giving pages of free stacks back to the system, those of many stacks in one call.
//!
//! When pages go, the kernel interrupts every processor on which the process runs, once a call: for a stack at a time that was
//! measured at 13 microseconds each (a virtual machine, two busy threads), for 64 in one call at 0.6. Linux takes such calls
//! from a process about itself since 6.13 and interrupts once for all of them since 6.16; where it does not, one call is
//! made for each stack.

use std::ops::Range;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How many ranges go in one call.
pub(super) const BATCH: usize = 64;

/// See the [module documentation](self).
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// This process, once many ranges were released; `None` if the system does not give such a descriptor.
    process: OnceLock<Option<OwnedFd>>,
    /// The system has refused.
    refused: AtomicBool,
}

impl Releases {
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
            if ranges.len() < 2 || !unsafe { self.at_once(ranges) } {
                for range in ranges {
                    let start = std::ptr::with_exposed_provenance_mut(range.start);
                    // SAFETY: by the caller.
                    unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) };
                }
            }
        }
    }

    /// All in one call; false if that was refused, and then some of them may have been released.
    ///
    /// # Safety
    ///
    /// As for [`release`](Self::release). There are at most [`BATCH`].
    unsafe fn at_once(&self, ranges: &[Range<usize>]) -> bool {
        if self.refused.load(Relaxed) {
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
        let released = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                process.as_raw_fd(),
                vectors.as_ptr(),
                ranges.len(),
                libc::MADV_DONTNEED,
                0,
            )
        };
        let all: usize = ranges.iter().map(Range::len).sum();
        if usize::try_from(released) == Ok(all) {
            return true;
        }
        if released < 0 {
            self.refused.store(true, Relaxed);
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
            let releases = Releases::default();
            releases.refused.store(refused, Relaxed);
            // SAFETY: the test's own pages, which it looks at afterwards only.
            let mut said = after(|ranges| unsafe { releases.release(ranges) });
            assert_eq!(said.pop(), Some(7), "more was released than asked");
            assert!(said.iter().all(|&byte| byte == 0), "refused: {refused}");
        }
    }
}
