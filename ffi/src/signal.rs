//! Unparking a fiber from a signal handler.
//!
//! A handler may take no lock, so it cannot look its runtime up in the table of `handle`. It finds
//! what it needs in a table beside that one, of atomics: the same slots, filled by `vt_signal_wakes`
//! and emptied when the runtime's handle becomes stale.
//!
//! **Invariants:** what a port leads to is freed only after the port was emptied, and after nobody
//! who looked before that is still at it. A handler interrupts its thread, so whoever waits for
//! one never waits for himself.

use crate::{
    VT_EDUP, VT_EINVAL, VT_ELIMIT, VT_ESTALE, VT_EUNSUPPORTED,
    boundary::{Answer, ensure, status},
    fiber::{id, vt_fiber},
    handle::{self, SLOTS},
    vt_runtime, vt_status,
};
use std::ptr;
use vitte_scheduler::{SignalSetupError, SignalUnparkError, SignalUnparker};
use vitte_wait::facade::{
    atomic::{AtomicPtr, AtomicU32, Ordering::*},
    thread,
};

/// How a handler comes from a runtime's handle to its scheduler.
struct Port {
    /// The handle that the rest belongs to; null while the port is empty.
    handle: AtomicPtr<vt_runtime>,
    unparker: AtomicPtr<SignalUnparker>,
    /// How many are looking at it.
    visitors: AtomicU32,
}

static PORTS: [Port; SLOTS] = [const {
    Port {
        handle: AtomicPtr::new(ptr::null_mut()),
        unparker: AtomicPtr::new(ptr::null_mut()),
        visitors: AtomicU32::new(0),
    }
}; SLOTS];

impl Port {
    /// Calls `visit` with what handle `rt` leads to. Async-signal-safe if `visit` is.
    fn visit(&self, rt: *mut vt_runtime, visit: impl FnOnce(&SignalUnparker) -> Answer) -> Answer {
        // Ordering: SeqCst, store-load pair: the visitor, the port. Partner: `empty`.
        self.visitors.fetch_add(1, SeqCst);
        let answer = if self.handle.load(SeqCst) == rt {
            // SAFETY: null, or a box that `open` made and that `empty` frees only after it has seen
            // no visitor; we are one, and came before it had cleared `handle`.
            let unparker = unsafe { self.unparker.load(Relaxed).as_ref() };
            unparker.ok_or(VT_ESTALE).and_then(visit)
        } else {
            Err(VT_ESTALE)
        };
        // Ordering: Release. Partner: the SeqCst load in `empty`.
        self.visitors.fetch_sub(1, Release);
        answer
    }

    /// Fills the port, unless it is filled. The caller sees to it that nobody empties it meanwhile.
    fn open(&self, rt: *mut vt_runtime, unparker: SignalUnparker) {
        let new = Box::into_raw(Box::new(unparker));
        // Ordering: Release. Partner: the SeqCst load of `handle` in `visit`, by way of the store below.
        if self
            .unparker
            .compare_exchange(ptr::null_mut(), new, Release, Relaxed)
            .is_ok()
        {
            self.handle.store(rt, SeqCst);
        } else {
            // SAFETY: made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
    }

    /// Empties the port, and waits for those who are at it.
    fn empty(&self) {
        // Ordering: SeqCst, store-load pair: the port, the visitors. Partner: `visit`.
        self.handle.store(ptr::null_mut(), SeqCst);
        while self.visitors.load(SeqCst) != 0 {
            // A handler on another thread, which needs a few instructions.
            thread::yield_now();
        }
        // Ordering: Acquire. Partner: the Release in `open`.
        let old = self.unparker.swap(ptr::null_mut(), Acquire);
        if !old.is_null() {
            // SAFETY: `open` made it, the swap made it ours, and there was no visitor after `handle`
            // was cleared.
            drop(unsafe { Box::from_raw(old) });
        }
    }
}

/// The handle of slot `slot` is stale from now on.
pub(crate) fn forget(slot: usize) {
    if let Some(port) = PORTS.get(slot) {
        port.empty();
    }
}

/// Makes ready for up to `capacity` wake-ups that are under way from signal handlers. `[any]`
///
/// Under way are those that a handler has asked for and no thread of the runtime has come to yet.
/// The number is rounded up to a power of two. Called again with no more than there is room for, it
/// changes nothing. A runtime for which it is never called pays nothing.
///
/// `VT_EINVAL`: `rt` is null, or the capacity is 0 or more than 65536. `VT_EDUP`: it was called before
/// with less, and the room cannot grow. `VT_ESTALE`. `VT_EUNSUPPORTED`: not on this operating system
/// (only on Linux so far).
#[unsafe(no_mangle)]
pub extern "C" fn vt_signal_wakes(rt: *mut vt_runtime, capacity: u32) -> vt_status {
    status(|| {
        ensure(!rt.is_null(), VT_EINVAL)?;
        handle::with(rt, |slot, scheduler| {
            let unparker = scheduler.signal_unparker(capacity as usize);
            PORTS[slot].open(rt, unparker.map_err(|error| not_set_up(&error))?);
            Ok(())
        })
    })
}

/// Gives a fiber its token from a signal handler, soon. `[any]` `[sig]` Never waits.
///
/// Before the handler can be called, `vt_signal_wakes` was. This only leaves the fiber's id to the
/// threads of `rt`, and wakes one if one sleeps; the fiber gets its token as with `vt_unpark` from
/// one that has nothing to do, that has run some fibers, or whose fiber calls `vt_poll_slow`. It may
/// be a fiber of another runtime. `errno` is left as it is.
///
/// `VT_ELIMIT`: there is no room; nothing was done. `VT_ESTALE`: the fiber is gone, or `vt_signal_wakes`
/// was not called for `rt`, or the runtime is gone. `VT_EINVAL`: `rt` is null, or the fiber is 0. A
/// fiber that ends after this has answered `VT_OK` needs no waking, and nobody is told.
#[unsafe(no_mangle)]
pub extern "C" fn vt_unpark_from_signal(rt: *mut vt_runtime, fiber: vt_fiber) -> vt_status {
    status(|| {
        ensure(!rt.is_null(), VT_EINVAL)?;
        let fiber = id(fiber)?;
        let port = handle::slot(rt).and_then(|slot| PORTS.get(slot));
        port.ok_or(VT_ESTALE)?.visit(rt, |unparker| {
            unparker.unpark(fiber).map_err(|error| match error {
                SignalUnparkError::Full => VT_ELIMIT,
                _ => VT_ESTALE,
            })
        })
    })
}

fn not_set_up(error: &SignalSetupError) -> vt_status {
    match error {
        SignalSetupError::Capacity(_) => VT_EINVAL,
        SignalSetupError::Smaller(_) => VT_EDUP,
        _ => VT_EUNSUPPORTED,
    }
}
