//! An end that serves one caller at a time, and says so to the second.

use crate::{VT_EBUSY, VT_ECANCELED, boundary::Answer, vt_status};
use std::ptr;
use vitte_wait::{
    Reason, Wait, current,
    facade::{
        atomic::{AtomicU32, Ordering::*},
        thread,
    },
};

/// Nobody's.
const FREE: u32 = 0;
/// Somebody uses it, and may wait meanwhile.
const USED: u32 = 1;
/// Somebody looks at it, which is over in a moment.
const SEEN: u32 = 2;

/// Whether somebody is using an end.
#[derive(Debug)]
pub(super) struct Single(AtomicU32);

/// Proof that one is using it; over when dropped.
#[derive(Debug)]
pub(super) struct Using<'a>(&'a Single);

impl Single {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Begins to use it; `VT_EBUSY` if somebody else does.
    #[inline]
    pub(super) fn begin(&self) -> Answer<Using<'_>> {
        self.begin_as(USED)
    }

    /// Looks at what only a user may touch; `None` if somebody uses it. `look` neither waits nor
    /// calls anything foreign.
    pub(super) fn look<R>(&self, look: impl FnOnce() -> R) -> Option<R> {
        let _using = self.begin_as(SEEN).ok()?;
        Some(look())
    }

    #[inline]
    fn begin_as(&self, what: u32) -> Answer<Using<'_>> {
        loop {
            // Ordering: Acquire. Partner: the Release in `Using::drop`: uses follow one another.
            match self.0.compare_exchange(FREE, what, Acquire, Relaxed) {
                Ok(_) => return Ok(Using(self)),
                Err(SEEN) => thread::yield_now(),
                Err(_) => return Err(VT_EBUSY),
            }
        }
    }
}

impl Drop for Using<'_> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire in `begin_as`.
        self.0.0.store(FREE, Release);
    }
}

/// Whether the caller is a fiber that was canceled. If it waits again its runtime, if that shuts
/// down, may stop it for good where the wait begins; so it must not hold anything then.
#[inline]
pub(crate) fn is_canceled() -> bool {
    current::unit().is_canceled()
}

/// Ends a wait that was not begun because the caller [is canceled](is_canceled): here it may be
/// stopped, for it holds nothing.
#[cold]
pub(crate) fn be_canceled(reason: Reason) -> vt_status {
    let _ = Wait::begin(reason, ptr::null()).withdraw();
    VT_ECANCELED
}
