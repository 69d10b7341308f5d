//! Subscriptions: receiving everything that is sent into a broadcast channel.

use crate::{
    boundary::{Out, status, value},
    channel::{owned, vt_chan},
    vt_status,
};

/// Subscribes to a broadcast channel: `*receiver` receives every element that is sent from now on.
/// `[any]`
///
/// The subscription is used like a channel that can be received from, waited for, retained and
/// released, by one fiber or thread at a time: a second is told `VT_EBUSY`. Each receive makes a copy of
/// the element, which belongs to the receiver. A subscriber that is so slow that elements are
/// overwritten is told `VT_ELAGGED`, once, and goes on with the oldest element that is left. It may
/// outlive the channel, and then gets what it has not seen, and `VT_ECLOSED`. Releasing it ends the
/// subscription.
///
/// `VT_EINVAL`: `chan` is null, or not the sending end of a broadcast channel, or `receiver` is null.
///
/// # Safety
/// `chan` is null or a channel that the caller owns for the time of the call. `receiver` is null or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_subscribe(
    chan: *mut vt_chan,
    receiver: *mut *mut vt_chan,
) -> vt_status {
    status(|| {
        let receiver = Out::new(receiver)?;
        // SAFETY: by this function's contract.
        let chan = unsafe { owned(chan) }?;
        let subscription = vt_chan::of(chan.elem, chan.port.subscribe()?);
        // SAFETY: by this function's contract.
        unsafe { receiver.write(subscription.into_handle()) };
        Ok(())
    })
}

/// How many elements a subscription had missed when it last said `VT_ELAGGED`, exactly. `[any]`
///
/// 0 if it never did, and for whatever is no subscription.
///
/// # Safety
/// `receiver` is null or a channel that the caller owns for the time of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_chan_missed(receiver: *mut vt_chan) -> u64 {
    value(0, || {
        // SAFETY: by this function's contract.
        unsafe { owned(receiver) }.map_or(0, |receiver| receiver.port.missed())
    })
}
