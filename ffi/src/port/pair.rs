//! First in, first out, with one caller at each end, who is told if he is not alone.

use super::{
    Port,
    case::{Case, RecvCase, SendCase},
    line::{unreceived, unsent},
    single::{Single, be_canceled, is_canceled},
};
use crate::{
    VT_ECLOSED,
    boundary::Answer,
    element::{Boxed, Chunk, Element, SMALL},
    vt_status,
};
use std::ffi::c_void;
use vitte_channels::{
    TryRecvError, TrySendError,
    spsc::{self, Receiver, Sender},
};
use vitte_wait::{Deadline, Reason};

struct Pair<E> {
    size: usize,
    sending: Single,
    tx: Sender<E>,
    receiving: Single,
    rx: Receiver<E>,
}

// SAFETY: values are sent by whoever has begun to use `sending`, and received by whoever has begun to
// use `receiving`; such uses exclude and order one another. `close` and `len` are functions of both
// ends, so either end allows them at any time beside all others. `drain` has the value to itself.
// Elements are `Send`, so it does not matter on which thread they come out.
unsafe impl<E: Element> Sync for Pair<E> {}

/// A channel of elements of `size` bytes, with room for `capacity`.
pub(crate) fn pair(size: usize, capacity: usize) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(Pair::<Chunk>::new(size, capacity))
    } else {
        Box::new(Pair::<Boxed>::new(size, capacity))
    }
}

impl<E> Pair<E> {
    fn new(size: usize, capacity: usize) -> Self {
        let (tx, rx) = spsc::channel(capacity);
        Self {
            size,
            sending: Single::new(),
            tx,
            receiving: Single::new(),
            rx,
        }
    }
}

impl<E: Element> Port for Pair<E> {
    unsafe fn send(&self, from: *const c_void, limit: Deadline, late: vt_status) -> Answer {
        let using = self.sending.begin()?;
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        if !is_canceled() {
            let sent = self.tx.send_until(element, limit);
            return sent.map_err(|error| unsent(error, late));
        }
        match self.tx.try_send(element) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(VT_ECLOSED),
            Err(TrySendError::Full(element)) => {
                drop((using, element));
                Err(be_canceled(Reason::Send))
            }
        }
    }

    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let using = self.receiving.begin()?;
        let received = if is_canceled() {
            match self.rx.try_recv() {
                Ok(element) => Ok(element),
                Err(TryRecvError::Closed) => Err(VT_ECLOSED),
                Err(TryRecvError::Empty) => {
                    drop(using);
                    Err(be_canceled(Reason::Recv))
                }
            }
        } else {
            let received = self.rx.recv_until(limit);
            received.map_err(|error| unreceived(error, late))
        };
        // SAFETY: writable by contract.
        unsafe { received?.copy_to(to, self.size) };
        Ok(())
    }

    unsafe fn send_case(&self, from: *const c_void) -> Answer<Box<dyn Case + '_>> {
        let using = self.sending.begin()?;
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        Ok(Box::new(SendCase {
            arm: self.tx.send_arm(element),
            _using: Some(using),
        }))
    }

    unsafe fn recv_case(&self, to: *mut c_void) -> Answer<Box<dyn Case + '_>> {
        let using = self.receiving.begin()?;
        Ok(Box::new(RecvCase {
            arm: self.rx.recv_arm(),
            to,
            size: self.size,
            _using: Some(using),
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
