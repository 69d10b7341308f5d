//! How the host learns that there is something to do: a callback, and a descriptor that is readable.
//!
//! Note \[Knock\]: before its worker registers as a sleeper, a host that goes home makes the descriptor
//! quiet, then forgets that it was told of anything, then says that it is outside. Who takes the worker
//! off the list of sleepers does so under the lock under which it registered, so he sees the host outside,
//! and knocks: the first to do so makes the descriptor readable and calls. A knock from before, that comes
//! late, was for what the last look has found; at worst it calls once too often. It cannot swallow a
//! later one: if it found the host told already it did nothing, and if it did not, it either came before
//! the host forgot, or is a knock of its own.

use crate::host::handle::Handle;
use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Arc, OnceLock},
};
use vitte_wait::{
    confined,
    facade::{
        Mutex,
        atomic::{AtomicBool, Ordering::*, fence},
    },
};

/// What is called.
pub(crate) type Wake = dyn Fn() + Send + Sync;

/// See the [module documentation](self).
pub(crate) struct Knock {
    /// The host is in no call. Written by who drives, or is about to.
    outside: AtomicBool,
    /// It was told that there is something to do, since it went home.
    told: AtomicBool,
    wake: Mutex<Option<Arc<Wake>>>,
    /// When the worker has something to do though nobody knocks; the descriptor knows it, too.
    due: Mutex<u64>,
    /// Made when it is asked for, under the lock of `due`.
    handle: OnceLock<Handle>,
}

impl Default for Knock {
    fn default() -> Self {
        Self {
            outside: AtomicBool::new(false),
            told: AtomicBool::new(false),
            wake: Mutex::new(None),
            due: Mutex::new(u64::MAX),
            handle: OnceLock::new(),
        }
    }
}

impl Knock {
    /// The host is about to go home, with nothing to do.
    pub(crate) fn leave(&self) {
        if let Some(handle) = self.handle.get() {
            handle.quiet();
        }
        // Ordering: Release, after the descriptor is quiet. Partner: the swap in `show`.
        self.told.store(false, Release);
        // Ordering: Release. Partner: the Acquire in `knock`, behind the lock of the sleepers.
        self.outside.store(true, Release);
    }

    /// The host is in a call.
    pub(crate) fn enter(&self) {
        self.outside.store(false, Relaxed);
    }

    /// Tells the host, if it is outside, and was not told yet.
    pub(crate) fn knock(&self) {
        // Ordering: Acquire. Partner: the Release in `leave`.
        if self.outside.load(Acquire) && self.show() {
            let wake = self.wake.lock().clone();
            if let Some(wake) = wake {
                // Its panic is none of ours; it may be anybody who knocks.
                confined(|| wake());
            }
        }
    }

    /// There is something to do: the descriptor says so. False: it did already.
    pub(crate) fn show(&self) -> bool {
        // Ordering: SeqCst, store-load pair: the word, the descriptor. Partner: `handle`.
        let first = !self.told.swap(true, SeqCst);
        fence(SeqCst);
        if first && let Some(handle) = self.handle.get() {
            handle.raise();
        }
        first
    }

    /// A signal handler has asked for something. It may call nobody, so the word stays as it is.
    pub(crate) fn signaled(&self) {
        if let Some(handle) = self.handle.get() {
            handle.raise();
        }
    }

    /// The host goes home, and there will be something to do at `due`, in nanoseconds.
    pub(crate) fn expect(&self, due: u64) {
        let mut known = self.due.lock();
        *known = due;
        if let Some(handle) = self.handle.get() {
            handle.raise_at(due);
        }
    }

    pub(crate) fn due(&self) -> u64 {
        *self.due.lock()
    }

    /// Who is called from now on. Returns who was, for the caller to drop.
    pub(crate) fn set_wake(&self, wake: Option<Arc<Wake>>) -> Option<Arc<Wake>> {
        std::mem::replace(&mut *self.wake.lock(), wake)
    }

    /// The descriptor. It is readable, too, while one of `others` is, which are always the same.
    pub(crate) fn handle(
        &self,
        others: impl FnOnce() -> io::Result<[i32; 2]>,
    ) -> io::Result<BorrowedFd<'_>> {
        let due = self.due.lock();
        if let Some(handle) = self.handle.get() {
            return Ok(handle.lend());
        }
        let handle = Handle::new(others()?)?;
        handle.raise_at(*due);
        let handle = self.handle.get_or_init(|| handle);
        // Ordering: SeqCst, store-load pair: the descriptor, the word. Partner: `show`.
        fence(SeqCst);
        if self.told.load(Relaxed) || !self.outside.load(Relaxed) {
            handle.raise();
        }
        Ok(handle.lend())
    }
}
