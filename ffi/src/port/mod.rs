//! Ports: what every kind of C channel can do, whatever it is made of.

mod broadcast;
mod case;
mod line;
mod once;
mod pair;
mod priority;
mod single;
mod timer;

pub(crate) use broadcast::broadcast;
pub(crate) use case::Case;
pub(crate) use line::line;
pub(crate) use once::once;
pub(crate) use pair::pair;
pub(crate) use priority::{Compare, priority};
pub(crate) use single::{be_canceled, is_canceled};
pub(crate) use timer::timer;

use crate::{
    VT_EINVAL,
    boundary::Answer,
    callback::{vt_copy, vt_drop},
    vt_status,
};
use std::ffi::c_void;
use vitte_wait::Deadline;

/// What a channel is used through. What a kind cannot do it answers with `VT_EINVAL`.
pub(crate) trait Port: Send + Sync {
    /// Copies an element in, waiting for room if it must. The statuses say why it was not sent;
    /// `late` is the one for a deadline that passed.
    ///
    /// # Safety
    /// `from` is readable for the channel's element size.
    unsafe fn send(&self, _from: *const c_void, _limit: Deadline, _late: vt_status) -> Answer {
        Err(VT_EINVAL)
    }

    /// Copies an element out, waiting for one if it must, with statuses as above.
    ///
    /// # Safety
    /// `to` is writable for the channel's element size.
    unsafe fn recv(&self, _to: *mut c_void, _limit: Deadline, _late: vt_status) -> Answer {
        Err(VT_EINVAL)
    }

    /// Sending as one of several things. The element is copied now.
    ///
    /// # Safety
    /// `from` is readable for the channel's element size, until the case is gone.
    unsafe fn send_case(&self, _from: *const c_void) -> Answer<Box<dyn Case + '_>> {
        Err(VT_EINVAL)
    }

    /// Receiving as one of several things. The element is copied out when the case is settled.
    ///
    /// # Safety
    /// `to` is writable for the channel's element size, until the case is gone.
    unsafe fn recv_case(&self, _to: *mut c_void) -> Answer<Box<dyn Case + '_>> {
        Err(VT_EINVAL)
    }

    /// Takes no more elements; those inside stay to be received.
    fn close(&self) -> Answer;

    /// How many elements are inside.
    fn len(&self) -> usize;

    /// A port that receives everything from now on.
    fn subscribe(&self) -> Answer<Box<dyn Port>> {
        Err(VT_EINVAL)
    }

    /// How many elements the last `VT_ELAGGED` was about.
    fn missed(&self) -> u64 {
        0
    }

    /// Closes the channel and hands what is inside to `each`, in place.
    fn drain(&mut self, _each: &mut dyn FnMut(*mut c_void)) {}
}

/// What is to be done with elements besides copying their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hooks {
    pub(crate) drop_elem: vt_drop,
    pub(crate) copy_elem: vt_copy,
    pub(crate) user: *mut c_void,
}

// SAFETY: whoever made the channel allows the hooks to be called on any thread.
unsafe impl Send for Hooks {}
// SAFETY: as above.
unsafe impl Sync for Hooks {}
