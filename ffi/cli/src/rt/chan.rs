//! Channels whose elements are pointers to boxes.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use vitte::{VT_CHAN_BOUNDED, VT_CHAN_UNBOUNDED, vt_chan};

use super::{Fault, check};
use crate::state::tick;

/// One of a channel's owners.
pub(super) struct Owner(*mut vt_chan);

// SAFETY: a channel may be used, and given up, from any thread. What it carries is the business of
// those who hold an owner.
unsafe impl Send for Owner {}
// SAFETY: as above; no function of a channel needs exclusive access.
unsafe impl Sync for Owner {}

impl Owner {
    /// # Safety
    /// `raw` is a channel of which the caller is an owner, and gives that up.
    pub(super) unsafe fn new(raw: *mut vt_chan) -> Owner {
        Owner(raw)
    }

    /// The channel, for as long as this owner lives.
    pub(super) fn raw(&self) -> *mut vt_chan {
        self.0
    }

    /// Nothing can be sent any more; what is inside can be received.
    pub(super) fn close(&self) {
        // SAFETY: `self` is an owner. Closing a channel never fails.
        let _ = unsafe { vitte::vt_chan_close(self.0) };
    }
}

impl Clone for Owner {
    fn clone(&self) -> Self {
        // SAFETY: `self` is an owner.
        unsafe { vitte::vt_chan_retain(self.0) };
        Owner(self.0)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: `self` is an owner, and no longer is after this.
        unsafe { vitte::vt_chan_release(self.0) };
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: `self` is an owner.
        let len = unsafe { vitte::vt_chan_len(self.0) };
        f.debug_struct("Owner")
            .field("len", &len)
            .finish_non_exhaustive()
    }
}

/// A channel that carries boxes.
pub(crate) struct Chan<T: Send> {
    pub(super) owner: Owner,
    carries: PhantomData<fn(T) -> T>,
}

impl<T: Send> Chan<T> {
    /// With room for `capacity` values; with 0, senders wait for a receiver.
    pub(crate) fn bounded(capacity: usize) -> Result<Self, Fault> {
        Self::create(VT_CHAN_BOUNDED, capacity)
    }

    /// With room for everything.
    pub(crate) fn unbounded() -> Result<Self, Fault> {
        Self::create(VT_CHAN_UNBOUNDED, 0)
    }

    fn create(kind: u32, capacity: usize) -> Result<Self, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a live local. Elements are pointers made by `Box::into_raw`; one that is
        // still inside at the end has no other owner, so `drop_element` may free it.
        check(unsafe {
            vitte::vt_chan_create(
                kind,
                size_of::<*mut T>(),
                capacity,
                Some(drop_element::<T>),
                &raw mut raw,
            )
        })?;
        Ok(Chan {
            // SAFETY: it was made just now, for us.
            owner: unsafe { Owner::new(raw) },
            carries: PhantomData,
        })
    }

    /// Sends, waiting until the deadline. What is not sent comes back.
    pub(crate) fn send(&self, value: Box<T>, deadline: i64) -> Result<(), (Fault, Box<T>)> {
        let element = Box::into_raw(value);
        // SAFETY: the channel is owned by `self`; the element is a pointer, as it was created for.
        let status = tick::aside(|| unsafe {
            vitte::vt_chan_send(self.owner.raw(), (&raw const element).cast(), deadline)
        });
        check(status).map_err(|fault| {
            // SAFETY: it was not sent, so it is still ours.
            (fault, unsafe { Box::from_raw(element) })
        })
    }

    /// Receives, waiting until the deadline.
    pub(crate) fn recv(&self, deadline: i64) -> Result<Box<T>, Fault> {
        let mut element: *mut T = ptr::null_mut();
        // SAFETY: the channel is owned by `self`; `element` has room for a pointer.
        check(tick::aside(|| unsafe {
            vitte::vt_chan_recv(self.owner.raw(), (&raw mut element).cast(), deadline)
        }))?;
        // SAFETY: a received element belongs to the receiver, and was made by `Box::into_raw` in
        // `send` or `select`.
        Ok(unsafe { Box::from_raw(element) })
    }

    /// Nothing can be sent any more; what is inside can be received.
    pub(crate) fn close(&self) {
        self.owner.close();
    }
}

unsafe extern "C-unwind" fn drop_element<T>(element: *mut c_void) {
    // SAFETY: it is the address of an element, which is a pointer that the channel owns.
    drop(unsafe { Box::from_raw(element.cast::<*mut T>().read()) });
}

impl<T: Send> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Chan {
            owner: self.owner.clone(),
            carries: PhantomData,
        }
    }
}

impl<T: Send> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.fmt(f)
    }
}
