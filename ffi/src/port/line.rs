//! First in, first out, with any number of callers at both ends.

use super::{
    Port,
    case::{Case, RecvCase, SendCase},
};
use crate::{
    VT_ECANCELED, VT_ECLOSED,
    boundary::Answer,
    element::{Boxed, Chunk, Element, SMALL},
    vt_status,
};
use std::ffi::c_void;
use vitte_channels::{
    RecvUntilError, SendUntilError,
    mpmc::{self, Receiver, Sender},
};
use vitte_wait::Deadline;

/// Both ends of a channel.
struct Line<E> {
    size: usize,
    tx: Sender<E>,
    rx: Receiver<E>,
}

/// A channel of elements of `size` bytes; `capacity` is `None` for one that grows.
pub(crate) fn line(size: usize, capacity: Option<usize>) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(Line::<Chunk>::new(size, capacity))
    } else {
        Box::new(Line::<Boxed>::new(size, capacity))
    }
}

impl<E> Line<E> {
    fn new(size: usize, capacity: Option<usize>) -> Self {
        let (tx, rx) = capacity.map_or_else(mpmc::unbounded, mpmc::bounded);
        Self { size, tx, rx }
    }
}

/// The status of a send that failed. The value is forgotten: the caller still has the original.
pub(super) fn unsent<V>(error: SendUntilError<V>, late: vt_status) -> vt_status {
    match error {
        SendUntilError::TimedOut(_) => late,
        SendUntilError::Closed(_) => VT_ECLOSED,
        SendUntilError::Canceled(_) | SendUntilError::Stopped(_) => VT_ECANCELED,
    }
}

/// The status of a receive that failed.
pub(super) fn unreceived(error: RecvUntilError, late: vt_status) -> vt_status {
    match error {
        RecvUntilError::TimedOut => late,
        RecvUntilError::Closed => VT_ECLOSED,
        RecvUntilError::Canceled | RecvUntilError::Stopped => VT_ECANCELED,
    }
}

impl<E: Element> Port for Line<E> {
    unsafe fn send(&self, from: *const c_void, limit: Deadline, late: vt_status) -> Answer {
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        let sent = self.tx.send_until(element, limit);
        sent.map_err(|error| unsent(error, late))
    }

    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let received = self.rx.recv_until(limit);
        let element = received.map_err(|error| unreceived(error, late))?;
        // SAFETY: writable by contract.
        unsafe { element.copy_to(to, self.size) };
        Ok(())
    }

    unsafe fn send_case(&self, from: *const c_void) -> Answer<Box<dyn Case + '_>> {
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        let arm = self.tx.send_arm(element);
        Ok(Box::new(SendCase { arm, _using: None }))
    }

    unsafe fn recv_case(&self, to: *mut c_void) -> Answer<Box<dyn Case + '_>> {
        Ok(Box::new(RecvCase {
            arm: self.rx.recv_arm(),
            to,
            size: self.size,
            _using: None,
        }))
    }

    fn close(&self) -> Answer {
        self.tx.close();
        Ok(())
    }

    fn len(&self) -> usize {
        self.tx.len()
    }

    fn drain(&mut self, each: &mut dyn FnMut(*mut c_void)) {
        self.tx.close();
        while let Ok(mut element) = self.rx.try_recv() {
            each(element.bytes_mut());
        }
    }
}
