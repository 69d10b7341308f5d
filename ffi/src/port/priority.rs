//! The smallest first, by a comparison in C or by the number that elements begin with.

use super::{
    Port,
    case::{Case, RecvCase, SendCase},
    line::{unreceived, unsent},
};
use crate::{
    boundary::Answer,
    callback::vt_compare,
    element::{Boxed, Chunk, Element, Held, SMALL},
    vt_status,
};
use std::{cmp::Ordering, ffi::c_void};
use vitte_channels::priority::{self, First, Receiver, Sender};
use vitte_wait::Deadline;

/// How elements are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compare {
    pub(crate) compare: vt_compare,
    pub(crate) user: *mut c_void,
}

// SAFETY: whoever made the channel allows it to be called on any thread.
unsafe impl Send for Compare {}
// SAFETY: as above.
unsafe impl Sync for Compare {}

/// An element that knows how it is compared.
struct Ranked<E> {
    element: E,
    by: Compare,
}

impl<E: Element> Ord for Ranked<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.element.bytes(), other.element.bytes());
        if let Some(compare) = self.by.compare {
            // SAFETY: two elements, as the contract of `vt_chan_create_with` allows.
            return unsafe { compare(a, b, self.by.user) }.cmp(&0);
        }
        // SAFETY: without a comparison elements begin with an `int64_t`; they are aligned for it.
        let (a, b) = unsafe { (a.cast::<i64>().read(), b.cast::<i64>().read()) };
        a.cmp(&b)
    }
}

impl<E: Element> PartialOrd for Ranked<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E: Element> PartialEq for Ranked<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E: Element> Eq for Ranked<E> {}

impl<E: Element> Held for (Ranked<E>, ()) {
    fn bytes(&self) -> *const c_void {
        self.0.element.bytes()
    }
    fn bytes_mut(&mut self) -> *mut c_void {
        self.0.element.bytes_mut()
    }
}

struct Heap<E: Element> {
    size: usize,
    by: Compare,
    tx: Sender<Ranked<E>, ()>,
    rx: Receiver<Ranked<E>, ()>,
}

/// A channel of elements of `size` bytes; `capacity` is `None` for one that grows. Without a
/// comparison `size` is at least that of an `i64`.
pub(crate) fn priority(size: usize, capacity: Option<usize>, by: Compare) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(Heap::<Chunk>::new(size, capacity, by))
    } else {
        Box::new(Heap::<Boxed>::new(size, capacity, by))
    }
}

impl<E: Element> Heap<E> {
    fn new(size: usize, capacity: Option<usize>, by: Compare) -> Self {
        let (tx, rx) = match capacity {
            Some(capacity) => priority::bounded(capacity, First::Smallest),
            None => priority::unbounded(First::Smallest),
        };
        Self { size, by, tx, rx }
    }

    /// # Safety
    /// As for [`Port::send`].
    unsafe fn ranked(&self, from: *const c_void) -> (Ranked<E>, ()) {
        // SAFETY: by contract.
        let element = unsafe { E::copied(from, self.size) };
        let by = self.by;
        (Ranked { element, by }, ())
    }
}

impl<E: Element> Port for Heap<E> {
    unsafe fn send(&self, from: *const c_void, limit: Deadline, late: vt_status) -> Answer {
        // SAFETY: by contract.
        let sent = self.tx.send_until(unsafe { self.ranked(from) }, limit);
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
        // SAFETY: by contract.
        let arm = self.tx.send_arm(unsafe { self.ranked(from) });
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
