//! Groups: fibers that are over before what they belong to goes on.

use std::ptr;

use vitte::{VT_CANCEL_ABANDONED, VT_CANCEL_LOST, VT_CANCEL_SIBLING, vt_group};

use super::{Fault, Runtime, check};
use crate::state::tick;

/// Why the members of a group are to end.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Because {
    /// One of them has failed.
    Failed = VT_CANCEL_SIBLING,
    /// One of them was first.
    Lost = VT_CANCEL_LOST,
    /// Nobody waits for them any more.
    Abandoned = VT_CANCEL_ABANDONED,
}

/// A group. Dropping it asks its members to end, and waits for them: so no member drops it.
#[derive(Debug)]
pub(crate) struct Group(*mut vt_group);

// SAFETY: every function that takes it may be called from any thread, and from several at once.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

impl Group {
    /// A group of fibers of `runtime`, of any number.
    pub(crate) fn create(runtime: &Runtime) -> Result<Self, Fault> {
        let mut group = ptr::null_mut();
        // SAFETY: `group` is a live local.
        check(unsafe { vitte::vt_group_create(runtime.handle, 0, &raw mut group) })?;
        Ok(Self(group))
    }

    pub(super) fn raw(&self) -> *mut vt_group {
        self.0
    }

    /// Waits until no member lives.
    pub(crate) fn wait(&self, deadline: i64) -> Result<(), Fault> {
        // SAFETY: the group is released when `self` is dropped.
        check(tick::aside(|| unsafe {
            vitte::vt_group_wait(self.0, deadline)
        }))
    }

    /// Asks all members to end but the caller, if he is one.
    pub(crate) fn cancel(&self, why: Because) {
        // SAFETY: as in `wait`. The reason is one that a group understands.
        let _ = unsafe { vitte::vt_group_cancel(self.0, why as i32) };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        let _ = tick::aside(|| unsafe { vitte::vt_group_release(self.0) });
    }
}
