//! Channels: elements of a fixed size, copied in and out, between fibers and threads.

use crate::{
    VT_EINVAL, VT_ELIMIT,
    boundary::{Answer, Out, ensure, status, value},
    callback::vt_drop,
    deadline::{deadline, late},
    element::{Port, port},
    vt_status,
};
use libc::size_t;
use std::{ffi::c_void, fmt, sync::Arc};

/// A channel. It is counted: `vt_chan_retain` adds an owner, `vt_chan_release` takes one away.
pub struct vt_chan {
    /// The bytes of an element.
    elem: usize,
    drop_elem: vt_drop,
    port: Box<dyn Port>,
}

/// A channel with room for `cap` elements; with `cap` 0, one whose senders wait for a receiver.
pub const VT_CHAN_BOUNDED: u32 = 0;
/// A channel that grows; `cap` is 0.
pub const VT_CHAN_UNBOUNDED: u32 = 1;

/// The most bytes an element may have. Send pointers to what is bigger.
pub const VT_CHAN_ELEM_MAX: size_t = 65536;
/// The most elements a bounded channel may have room for.
pub const VT_CHAN_CAP_MAX: size_t = 1_048_576;

impl Drop for vt_chan {
    fn drop(&mut self) {
        if let Some(drop_elem) = self.drop_elem {
            // SAFETY: what is inside was sent, and so belongs to the channel; it leaves the
            // channel here and is dropped once, as the contract of `vt_chan_create` allows.
            self.port
                .drain(&mut |element| unsafe { drop_elem(element) });
        }
    }
}

impl fmt::Debug for vt_chan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("vt_chan")
            .field("elem", &self.elem)
            .field("len", &self.port.len())
            .finish_non_exhaustive()
    }
}

/// Makes a channel of elements of `elem` bytes. `[any]`
///
/// `kind` is `VT_CHAN_BOUNDED` or `VT_CHAN_UNBOUNDED`. Elements of up to 16 bytes need no
/// allocation each; `elem` may be 0. `drop_elem` (may be null) is called, on whatever thread, with
/// the address of each element that was sent and is still inside when the last owner releases
/// the channel. The channel belongs to no runtime, and any number of fibers and threads may send
/// and receive.
///
/// `VT_EINVAL`: `out` is null, there is no such kind, or an unbounded channel has a `cap`.
/// `VT_ELIMIT`: `elem` is above `VT_CHAN_ELEM_MAX`, or `cap` above `VT_CHAN_CAP_MAX`.
///
/// # Safety
/// `out` is null or writable. `drop_elem` may be called with the address of an element.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_create(
    kind: u32,
    elem: size_t,
    cap: size_t,
    drop_elem: vt_drop,
    out: *mut *mut vt_chan,
) -> vt_status {
    status(|| {
        let out = Out::new(out)?;
        let capacity = capacity(kind, cap)?;
        ensure(
            elem <= VT_CHAN_ELEM_MAX && cap <= VT_CHAN_CAP_MAX,
            VT_ELIMIT,
        )?;
        let port = port(elem, capacity);
        let channel = Arc::new(vt_chan {
            elem,
            drop_elem,
            port,
        });
        // SAFETY: by this function's contract.
        unsafe { out.write(Arc::into_raw(channel).cast_mut()) };
        Ok(())
    })
}

/// Copies the element at `elem` into a channel, waiting for room if it must. `[any]` (A thread
/// sleeps.)
///
/// On `VT_OK` the element belongs to the channel. Otherwise it is still the caller's.
///
/// `VT_ECLOSED`: the channel is closed. `VT_ETIMEDOUT`, or `VT_EAGAIN` with `VT_NOW`: there is no
/// room. `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`:
/// `chan` is null, `elem` is null though elements have bytes, or the deadline is negative.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call. `elem` is null or
/// points to an element.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_send(
    chan: *mut vt_chan,
    elem: *const c_void,
    until: i64,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let chan = unsafe { owned(chan) }?;
        ensure(!elem.is_null() || chan.elem == 0, VT_EINVAL)?;
        // SAFETY: by this function's contract.
        unsafe { chan.port.send(elem, deadline(until)?, late(until)) }
    })
}

/// Copies the oldest element out to `elem`, waiting for one if it must. `[any]` (A thread
/// sleeps.)
///
/// On `VT_OK` the element belongs to the caller. Otherwise `*elem` is as before.
///
/// `VT_ECLOSED`: the channel is closed, and everything in it was received. `VT_ETIMEDOUT`, or
/// `VT_EAGAIN` with `VT_NOW`: there is none, or another receiver is just taking one.
/// `VT_ECANCELED`: the caller was canceled while it would have had to wait. `VT_EINVAL`: as for
/// `vt_chan_send`.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call. `elem` is null or
/// has room for an element.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_recv(
    chan: *mut vt_chan,
    elem: *mut c_void,
    until: i64,
) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        let chan = unsafe { owned(chan) }?;
        ensure(!elem.is_null() || chan.elem == 0, VT_EINVAL)?;
        // SAFETY: by this function's contract.
        unsafe { chan.port.recv(elem, deadline(until)?, late(until)) }
    })
}

/// Closes a channel: nothing more can be sent; what is inside can be received. `[any]` Never
/// waits.
///
/// Those who wait for room get `VT_ECLOSED`, and so do receivers, when it is empty. Doing it twice
/// is the same as once. `VT_EINVAL`: `chan` is null.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_close(chan: *mut vt_chan) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        unsafe { owned(chan) }?.port.close();
        Ok(())
    })
}

/// How many elements are inside; 0 if `chan` is null. `[any]` A moment's impression.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_len(chan: *mut vt_chan) -> size_t {
    value(0, || {
        // SAFETY: by this function's contract.
        unsafe { owned(chan) }.map_or(0, |chan| chan.port.len())
    })
}

/// Adds an owner. `[any]` Does nothing if `chan` is null.
///
/// # Safety
/// `chan` is null or a channel that the caller owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_retain(chan: *mut vt_chan) {
    if !chan.is_null() {
        // SAFETY: the pointer came from `Arc::into_raw`, and the count is not zero, for the
        // caller is an owner.
        value((), || unsafe { Arc::increment_strong_count(chan) });
    }
}

/// Takes an owner away. With the last, the channel is freed, and what is inside is dropped.
/// `[any]` Does nothing if `chan` is null.
///
/// It does not close the channel for those who still own it.
///
/// # Safety
/// `chan` is null or a channel that the caller owns, and no longer does after this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_release(chan: *mut vt_chan) {
    if !chan.is_null() {
        // SAFETY: as in `vt_chan_retain`; the count that is taken away is the caller's.
        value((), || unsafe { Arc::decrement_strong_count(chan) });
    }
}

/// The channel that the caller owns for now.
///
/// # Safety
/// `chan` is null or came from `vt_chan_create` and has an owner for `'a`.
unsafe fn owned<'a>(chan: *mut vt_chan) -> Answer<&'a vt_chan> {
    // SAFETY: null or live by contract; a channel is only accessed through shared references.
    unsafe { chan.as_ref() }.ok_or(VT_EINVAL)
}

/// What `kind` and `cap` say: room for so many, or, `None`, for any number.
fn capacity(kind: u32, cap: usize) -> Answer<Option<usize>> {
    match (kind, cap) {
        (VT_CHAN_BOUNDED, _) => Ok(Some(cap)),
        (VT_CHAN_UNBOUNDED, 0) => Ok(None),
        _ => Err(VT_EINVAL),
    }
}
