//! Waiting for descriptors.

use std::os::fd::{AsRawFd, RawFd};

use vitte::{VT_FD_READ, VT_FD_WRITE, vt_runtime};

use super::{Fault, check};
use crate::state::tick;

/// What somebody waits to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum For {
    Reading,
    Writing,
}

/// Something with a descriptor that does not block, watched by the runtime of the fiber that made it.
#[derive(Debug)]
pub(crate) struct Watched<T: AsRawFd> {
    runtime: *mut vt_runtime,
    inner: T,
}

// SAFETY: the runtime's handle is never followed; every function that takes it may be called from any
// thread.
unsafe impl<T: AsRawFd + Send> Send for Watched<T> {}
// SAFETY: as above.
unsafe impl<T: AsRawFd + Sync> Sync for Watched<T> {}

impl<T: AsRawFd> Watched<T> {
    pub(crate) fn new(inner: T) -> Self {
        Watched {
            runtime: vitte::vt_current(),
            inner,
        }
    }

    pub(crate) fn inner(&self) -> &T {
        &self.inner
    }

    fn fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }

    /// Waits until it is ready, or the deadline.
    pub(crate) fn wait(&self, what: For, deadline: i64) -> Result<(), Fault> {
        let events = match what {
            For::Reading => VT_FD_READ,
            For::Writing => VT_FD_WRITE,
        };
        let (fd, nowhere) = (self.fd() as isize, std::ptr::null_mut());
        // SAFETY: null is allowed for the place.
        check(tick::aside(|| unsafe {
            vitte::vt_fd_wait(fd, events, deadline, nowhere)
        }))
    }

    /// Wakes whoever waits.
    pub(crate) fn forget(&self) {
        // If the runtime is gone, nobody waits.
        let _ = vitte::vt_fd_forget(self.runtime, self.fd() as isize);
    }
}

impl<T: AsRawFd> Drop for Watched<T> {
    fn drop(&mut self) {
        self.forget();
    }
}
