//! What several of these tests use: a bound on time, a way to move a fiber, a counter of drops.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use vitte_fibers::{Fiber, Resumer, StackClass, StackOptions, StackPool, Suspender};

/// Runs `body` on a thread of its own and fails if it takes a minute.
pub(crate) fn bounded(body: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        body();
        let _ = done.send(());
    });
    match wait.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still running after a minute"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            if let Err(payload) = thread.join() {
                std::panic::resume_unwind(payload);
            }
        }
    }
}

pub(crate) fn pool() -> StackPool {
    StackPool::new(StackOptions::default())
}

pub(crate) fn fiber(entry: impl FnOnce(&Suspender) + 'static) -> Fiber {
    Fiber::new(pool().take(StackClass::DEFAULT).unwrap(), entry)
}

pub(crate) fn here() -> Resumer {
    Resumer::new(std::ptr::null())
}

/// A fiber whose frames the test vouches for.
pub(crate) struct Moved(pub(crate) Fiber);

// SAFETY: used only for fibers whose frames hold nothing that belongs to a thread, one thread at a time.
unsafe impl Send for Moved {}

/// Counts its drops.
#[derive(Clone, Default)]
pub(crate) struct Drops(Rc<Cell<usize>>);

impl Drops {
    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }

    pub(crate) fn guard(&self) -> DropGuard {
        DropGuard(Rc::clone(&self.0))
    }
}

pub(crate) struct DropGuard(Rc<Cell<usize>>);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// How many pages of `from..to` have memory behind them.
pub(crate) fn resident_pages(from: usize, to: usize) -> usize {
    let from = from & !4095;
    let mut pages = vec![0_u8; (to - from).div_ceil(4096)];
    // SAFETY: the range lies in a stack the caller knows of; a byte for each page.
    let status = unsafe {
        libc::mincore(
            std::ptr::with_exposed_provenance_mut(from),
            to - from,
            pages.as_mut_ptr(),
        )
    };
    assert_eq!(status, 0, "{}", std::io::Error::last_os_error());
    pages.iter().filter(|&&page| page & 1 != 0).count()
}

/// Whether the kernel can read the byte at `at`.
pub(crate) fn readable(at: usize) -> bool {
    let mut ends = [0; 2];
    // SAFETY: two descriptors are written.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the kernel checks the address and answers EFAULT.
    let written = unsafe { libc::write(ends[1], std::ptr::with_exposed_provenance(at), 1) };
    for end in ends {
        // SAFETY: closes what was opened above.
        unsafe { libc::close(end) };
    }
    written == 1
}
