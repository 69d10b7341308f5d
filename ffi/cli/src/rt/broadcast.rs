//! Broadcast channels, whose elements are pointers to counted values: every subscriber gets one
//! count more of the same value.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use vitte::{VT_CHAN_BROADCAST, VT_CHAN_CAP_MAX, VT_ELAGGED, vt_chan_options, vt_status};

use super::chan::Owner;
use super::{Fault, check};
use crate::state::tick;

/// The most values a broadcast can keep.
pub(crate) const CAPACITY_MAX: usize = VT_CHAN_CAP_MAX;

/// The end into which values are sent.
pub(crate) struct Source<T: Send + Sync> {
    owner: Owner,
    carries: PhantomData<fn(T) -> T>,
}

/// A subscription. One at a time may receive from it.
pub(crate) struct Tap<T: Send + Sync> {
    pub(super) owner: Owner,
    carries: PhantomData<fn(T) -> T>,
}

impl<T: Send + Sync> Source<T> {
    /// One that keeps the last `capacity` values.
    pub(crate) fn create(capacity: usize) -> Result<Self, Fault> {
        let options = vt_chan_options {
            size: size_of::<vt_chan_options>() as u32,
            kind: VT_CHAN_BROADCAST,
            elem: size_of::<*const T>(),
            cap: capacity,
            drop_elem: Some(drop_element::<T>),
            copy_elem: Some(copy_element::<T>),
            compare: None,
            user: ptr::null_mut(),
        };
        let mut raw = ptr::null_mut();
        // SAFETY: both are live locals. Elements are pointers made by `Arc::into_raw`, each of them
        // one count; values may be shared by threads and dropped on any.
        check(unsafe { vitte::vt_chan_create_with(&raw const options, &raw mut raw) })?;
        Ok(Source {
            // SAFETY: it was made just now, for us.
            owner: unsafe { Owner::new(raw) },
            carries: PhantomData,
        })
    }

    /// Sends to everybody who is subscribed. Never waits.
    pub(crate) fn send(&self, value: Arc<T>) -> Result<(), Fault> {
        let element = Arc::into_raw(value);
        // SAFETY: the channel is owned by `self`; the element is a pointer, as it was created for.
        let sent = check(tick::aside(|| unsafe {
            let element = (&raw const element).cast();
            vitte::vt_chan_send(self.owner.raw(), element, super::TRY)
        }));
        if sent.is_err() {
            // SAFETY: it was not sent, so the count is still ours.
            drop(unsafe { Arc::from_raw(element) });
        }
        sent
    }

    /// A subscription to everything that is sent from now on.
    pub(crate) fn subscribe(&self) -> Result<Tap<T>, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: the channel is owned by `self`; `raw` is a live local.
        check(unsafe { vitte::vt_chan_subscribe(self.owner.raw(), &raw mut raw) })?;
        Ok(Tap {
            // SAFETY: it was made just now, for us.
            owner: unsafe { Owner::new(raw) },
            carries: PhantomData,
        })
    }

    /// Nothing can be sent any more; what subscribers have not seen they can receive.
    pub(crate) fn close(&self) {
        self.owner.close();
    }
}

impl<T: Send + Sync> Tap<T> {
    /// Receives what is there. Never waits: to do so, `select`.
    pub(crate) fn try_recv(&self) -> Result<Arc<T>, Fault> {
        let mut element: *const T = ptr::null();
        // SAFETY: the subscription is owned by `self`; `element` has room for a pointer.
        let status = tick::aside(|| unsafe {
            let element = (&raw mut element).cast();
            vitte::vt_chan_recv(self.owner.raw(), element, super::TRY)
        });
        self.check(status)?;
        // SAFETY: a received element belongs to the receiver; `copy_element` has counted it.
        Ok(unsafe { Arc::from_raw(element) })
    }

    /// What a status of a receive means.
    pub(super) fn check(&self, status: vt_status) -> Result<(), Fault> {
        if status == VT_ELAGGED {
            // SAFETY: the subscription is owned by `self`.
            let missed = unsafe { vitte::vt_chan_missed(self.owner.raw()) };
            return Err(Fault::Lagged(missed));
        }
        check(status)
    }
}

impl<T: Send + Sync> Clone for Tap<T> {
    fn clone(&self) -> Self {
        Tap {
            owner: self.owner.clone(),
            carries: PhantomData,
        }
    }
}

unsafe extern "C-unwind" fn drop_element<T>(element: *mut c_void) {
    // SAFETY: it is the address of an element, which is a pointer and one count of the channel's.
    drop(unsafe { Arc::from_raw(element.cast::<*const T>().read()) });
}

unsafe extern "C-unwind" fn copy_element<T>(copy: *mut c_void, _: *mut c_void) {
    // SAFETY: it is the address of a copy of an element; the channel's own count keeps the value
    // alive during this call.
    unsafe { Arc::increment_strong_count(copy.cast::<*const T>().read()) };
}

impl<T: Send + Sync> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.fmt(f)
    }
}

impl<T: Send + Sync> fmt::Debug for Tap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owner.fmt(f)
    }
}
