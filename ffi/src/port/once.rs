//! One element, once: a place that closes behind the first who sends.

use super::{
    Port,
    case::{AtOnce, Case, RecvCase},
    line::unreceived,
};
use crate::{
    VT_ECLOSED, VT_EDUP, VT_OK,
    boundary::Answer,
    element::{Boxed, Chunk, Element, SMALL},
    vt_status,
};
use std::ffi::c_void;
use vitte_channels::mpmc::{self, Receiver, Sender};
use vitte_wait::{
    Deadline,
    facade::atomic::{AtomicBool, Ordering::*},
};

struct Once<E> {
    size: usize,
    /// Whether somebody has sent, or is about to.
    sent: AtomicBool,
    tx: Sender<E>,
    rx: Receiver<E>,
}

/// A channel for one element of `size` bytes.
pub(crate) fn once(size: usize) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(Once::<Chunk>::new(size))
    } else {
        Box::new(Once::<Boxed>::new(size))
    }
}

impl<E: Element> Once<E> {
    fn new(size: usize) -> Self {
        let (tx, rx) = mpmc::bounded(1);
        let sent = AtomicBool::new(false);
        Self { size, sent, tx, rx }
    }

    /// # Safety
    /// As for [`Port::send`].
    unsafe fn send_once(&self, from: *const c_void) -> Answer {
        // Relaxed: it decides who may send; the element goes through the channel.
        if self.sent.swap(true, Relaxed) {
            return Err(VT_EDUP);
        }
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        if self.tx.try_send(element).is_err() {
            // There is room for the first, so it is closed, and so it shall be called.
            self.sent.store(false, Relaxed);
            return Err(VT_ECLOSED);
        }
        self.tx.close();
        Ok(())
    }
}

impl<E: Element> Port for Once<E> {
    unsafe fn send(&self, from: *const c_void, _: Deadline, _: vt_status) -> Answer {
        // SAFETY: by contract.
        unsafe { self.send_once(from) }
    }

    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let received = self.rx.recv_until(limit);
        let element = received.map_err(|error| unreceived(error, late))?;
        // SAFETY: writable by contract.
        unsafe { element.copy_to(to, self.size) };
        Ok(())
    }

    unsafe fn send_case(&self, from: *const c_void) -> Answer<Box<dyn Case + '_>> {
        Ok(AtOnce::boxed(move || {
            // SAFETY: readable until the case is gone, by contract.
            unsafe { self.send_once(from) }.map_or_else(|status| status, |()| VT_OK)
        }))
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
