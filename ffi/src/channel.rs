//! Channels: elements of a fixed size, copied in and out, between fibers and threads.

use crate::{
    VT_EINVAL, VT_ELIMIT,
    boundary::{Answer, Out, ensure, status, value},
    callback::{vt_compare, vt_copy, vt_drop},
    deadline::{deadline, late},
    layout,
    port::{self, Compare, Hooks, Port},
    vt_status,
};
use libc::size_t;
use std::{ffi::c_void, fmt, ptr, sync::Arc};

/// A channel, or a subscription to one, or a timer. It is counted: `vt_chan_retain` adds an owner,
/// `vt_chan_release` takes one away.
pub struct vt_chan {
    /// The bytes of an element.
    pub(crate) elem: usize,
    /// For what is inside when the last owner goes.
    drop_elem: vt_drop,
    pub(crate) port: Box<dyn Port>,
}

/// A channel with room for `cap` elements; with `cap` 0, one whose senders wait for a receiver.
pub const VT_CHAN_BOUNDED: u32 = 0;
/// A channel that grows; `cap` is 0.
pub const VT_CHAN_UNBOUNDED: u32 = 1;
/// A channel that gives every element to every subscriber, and keeps the last `cap` of them, at least
/// one: see `vt_chan_subscribe`. Sending never waits.
pub const VT_CHAN_BROADCAST: u32 = 2;
/// A channel for one element, which closes behind it; `cap` is 0. Sending never waits.
pub const VT_CHAN_ONESHOT: u32 = 3;
/// A channel that gives out the smallest element first, and equals in the order in which they came,
/// with room for `cap` elements; with `cap` 0 it grows. What is smaller is said by `compare`, or, if
/// that is null, by the `int64_t` with which elements begin. Senders that wait for room are let in
/// first come, first served.
pub const VT_CHAN_PRIORITY: u32 = 4;
/// As `VT_CHAN_BOUNDED` with a `cap` of at least one, for one sender and one receiver at a time, and
/// cheaper. A second that comes to an end while the first is there, perhaps waiting, is told
/// `VT_EBUSY`.
pub const VT_CHAN_SPSC: u32 = 5;

/// The most bytes an element may have. Send pointers to what is bigger.
pub const VT_CHAN_ELEM_MAX: size_t = 65536;
/// The most elements a channel may have room for.
pub const VT_CHAN_CAP_MAX: size_t = 1_048_576;

/// What a channel is made of. Zero in a field means: as usual.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_chan_options {
    /// `sizeof(vt_chan_options)`.
    pub size: u32,
    /// `VT_CHAN_...`.
    pub kind: u32,
    /// The bytes of an element.
    pub elem: size_t,
    /// How many elements there is room for, as the kind says.
    pub cap: size_t,
    /// Called, on whatever thread, with the address of each element that was sent and that the channel
    /// has no use for any more: because the last owner has released it, and, in a broadcast channel,
    /// because it was overwritten, or nobody is subscribed any more.
    pub drop_elem: vt_drop,
    /// For `VT_CHAN_BROADCAST`: called with each copy before it is handed to a subscriber, who owns the
    /// copy, while the channel still owns the original.
    pub copy_elem: vt_copy,
    /// For `VT_CHAN_PRIORITY`: which element comes out first.
    pub compare: vt_compare,
    /// The last argument of `copy_elem` and `compare`.
    pub user: *mut c_void,
}

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
/// `vt_chan_create_with` with these options, and no others. Elements of up to 16 bytes need no
/// allocation each; `elem` may be 0. `drop_elem` (may be null) is called, on whatever thread, with
/// the address of each element that was sent and is still inside when the last owner releases
/// the channel. The channel belongs to no runtime, and any number of fibers and threads may send
/// and receive.
///
/// `VT_EINVAL`: `out` is null, there is no such kind, or it does not have such a `cap` or `elem`.
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
        let options = vt_chan_options {
            size: 0,
            kind,
            elem,
            cap,
            drop_elem,
            copy_elem: None,
            compare: None,
            user: ptr::null_mut(),
        };
        let out = Out::new(out)?;
        // SAFETY: by this function's contract.
        unsafe { out.write(create(&options)?.into_handle()) };
        Ok(())
    })
}

/// Makes the channel that `options` describes. `[any]`
///
/// As `vt_chan_create`; besides, `VT_EINVAL`: `options` is null, or has a `copy_elem` or `compare` for a
/// kind that has none. `VT_EUNSUPPORTED`: an option this version does not know.
///
/// # Safety
/// `options` is null or points to as many readable bytes as its size field says. `out` is null or
/// writable. The functions in the options may be called on any thread, at any time until the channel
/// and all subscriptions to it are freed, with addresses of elements and with `user`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_create_with(
    options: *const vt_chan_options,
    out: *mut *mut vt_chan,
) -> vt_status {
    status(|| {
        let out = Out::new(out)?;
        ensure(!options.is_null(), VT_EINVAL)?;
        // SAFETY: by this function's contract.
        let options = unsafe { layout::read(options) }?;
        // SAFETY: by this function's contract.
        unsafe { out.write(create(&options)?.into_handle()) };
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
/// `chan` is null, `elem` is null though elements have bytes, or the deadline is negative; or `chan` is
/// a subscription or a timer. Only for some kinds: `VT_ENOBODY`: broadcast, and nobody is subscribed.
/// `VT_EDUP`: oneshot, and something was sent before. `VT_EBUSY`: one sender and one receiver, and
/// there is another sender.
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

/// Copies the next element out to `elem`, waiting for one if it must. `[any]` (A thread sleeps.)
///
/// The next is the oldest, but of a priority channel the smallest. On `VT_OK` the element belongs to
/// the caller. Otherwise `*elem` is as before.
///
/// `VT_ECLOSED`: the channel is closed, and everything in it was received. `VT_ETIMEDOUT`, or
/// `VT_EAGAIN` with `VT_NOW`: there is none. `VT_ECANCELED`: the caller was canceled while it would
/// have had to wait. `VT_EINVAL`: as for `vt_chan_send`, or `chan` is the sending end of a broadcast
/// channel. Only for some kinds: `VT_ELAGGED`: a subscription that has missed elements, and says so
/// once. `VT_EBUSY`: a subscription, or a channel of one sender and one receiver, and there is another
/// receiver.
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
/// Those who wait for room get `VT_ECLOSED`, and so do receivers, when it is empty. A timer that is
/// closed gives no more ticks. Doing it twice is the same as once. `VT_EINVAL`: `chan` is null, or a
/// subscription, which is ended by releasing it.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_close(chan: *mut vt_chan) -> vt_status {
    status(|| {
        // SAFETY: by this function's contract.
        unsafe { owned(chan) }?.port.close()
    })
}

/// How many elements are inside; 0 if `chan` is null. `[any]` A moment's impression.
///
/// Of a subscription: how many it could receive now. Of the sending end of a broadcast channel, and of a
/// subscription that somebody is just receiving from: 0. Of a timer: 1 if a tick is due.
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
/// It does not close the channel for those who still own it. A broadcast channel that is freed is
/// closed, and those who are subscribed get what they have not seen yet.
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
/// `chan` is null or came from [`vt_chan::into_handle`] and has an owner for `'a`.
pub(crate) unsafe fn owned<'a>(chan: *mut vt_chan) -> Answer<&'a vt_chan> {
    // SAFETY: null or live by contract; a channel is only accessed through shared references.
    unsafe { chan.as_ref() }.ok_or(VT_EINVAL)
}

impl vt_chan {
    /// A channel whose port drops its elements by itself, or has none.
    pub(crate) fn of(elem: usize, port: Box<dyn Port>) -> Self {
        Self {
            elem,
            drop_elem: None,
            port,
        }
    }

    /// Gives it its first owner.
    pub(crate) fn into_handle(self) -> *mut Self {
        Arc::into_raw(Arc::new(self)).cast_mut()
    }
}

fn create(options: &vt_chan_options) -> Answer<vt_chan> {
    let &vt_chan_options {
        kind, elem, cap, ..
    } = options;
    let &vt_chan_options {
        drop_elem,
        copy_elem,
        compare,
        user,
        ..
    } = options;
    ensure(
        elem <= VT_CHAN_ELEM_MAX && cap <= VT_CHAN_CAP_MAX,
        VT_ELIMIT,
    )?;
    ensure(copy_elem.is_none() || kind == VT_CHAN_BROADCAST, VT_EINVAL)?;
    ensure(compare.is_none() || kind == VT_CHAN_PRIORITY, VT_EINVAL)?;
    let port = match (kind, cap) {
        (VT_CHAN_BOUNDED, _) => port::line(elem, Some(cap)),
        (VT_CHAN_UNBOUNDED, 0) => port::line(elem, None),
        (VT_CHAN_BROADCAST, 1..) => {
            let hooks = Hooks {
                drop_elem,
                copy_elem,
                user,
            };
            return Ok(vt_chan::of(elem, port::broadcast(elem, cap, hooks)));
        }
        (VT_CHAN_ONESHOT, 0) => port::once(elem),
        (VT_CHAN_PRIORITY, _) => {
            let keyed = compare.is_some() || elem >= size_of::<i64>();
            ensure(keyed, VT_EINVAL)?;
            let room = (cap != 0).then_some(cap);
            port::priority(elem, room, Compare { compare, user })
        }
        (VT_CHAN_SPSC, 1..) => port::pair(elem, cap),
        _ => return Err(VT_EINVAL),
    };
    Ok(vt_chan {
        elem,
        drop_elem,
        port,
    })
}
