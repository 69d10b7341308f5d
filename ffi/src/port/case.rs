//! One of the things that a select waits for.

use super::single::Using;
use crate::{VT_ECLOSED, VT_EINTERNAL, VT_OK, element::Held, vt_status};
use std::ffi::c_void;
use vitte_channels::{
    RecvError,
    select::{Arm, Chosen, RecvArm, SendArm},
};

/// A case: an arm, and what is to be done if it goes.
pub(crate) trait Case {
    /// What the select waits for.
    fn arm(&mut self) -> &mut dyn Arm;

    /// Its arm has gone: does what it stands for, and says what came of it.
    fn settle(&mut self) -> vt_status;
}

/// A send that may have to wait for room.
pub(super) struct SendCase<'a, V> {
    pub(super) arm: SendArm<'a, V>,
    pub(super) _using: Option<Using<'a>>,
}

impl<V> Case for SendCase<'_, V> {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        match self.arm.take() {
            Some(Ok(())) => VT_OK,
            // The value is forgotten: the caller still has the original.
            Some(Err(_)) => VT_ECLOSED,
            None => VT_EINTERNAL,
        }
    }
}

/// A receive of an element that the receiver owns.
pub(super) struct RecvCase<'a, V> {
    pub(super) arm: RecvArm<'a, V>,
    pub(super) to: *mut c_void,
    pub(super) size: usize,
    pub(super) _using: Option<Using<'a>>,
}

impl<V: Held> Case for RecvCase<'_, V> {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        match self.arm.take() {
            Some(Ok(element)) => {
                // SAFETY: `recv_case` has promised the room.
                unsafe { element.copy_to(self.to, self.size) };
                VT_OK
            }
            Some(Err(RecvError::Closed)) => VT_ECLOSED,
            Some(Err(RecvError::Canceled)) | None => VT_EINTERNAL,
        }
    }
}

/// What is done at once if it is chosen, for it never has to wait.
pub(super) struct AtOnce<F> {
    pub(super) arm: vitte_channels::select::At,
    pub(super) act: F,
}

impl<F: FnMut() -> vt_status> AtOnce<F> {
    pub(super) fn boxed<'a>(act: F) -> Box<dyn Case + 'a>
    where
        F: 'a,
    {
        let arm = vitte_channels::select::at(vitte_wait::Deadline::NOW);
        Box::new(Self { arm, act })
    }
}

impl<F: FnMut() -> vt_status> Case for AtOnce<F> {
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        (self.act)()
    }
}
