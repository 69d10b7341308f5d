//! The boundary: what every exported function's body runs in, and how it touches what the caller
//! lent.
//!
//! A panic that reaches the boundary is a defect of this library; it becomes `VT_EINTERNAL`, and
//! no frame of the caller is unwound.

use crate::{VT_ECANCELED, VT_ECONTEXT, VT_EINTERNAL, VT_EINVAL, VT_OK, vt_status};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};
use vitte_scheduler::{FiberId, Unwinding};

/// What the body of a fallible function comes to: a value, or a status other than `VT_OK`.
pub(crate) type Answer<T = ()> = Result<T, vt_status>;

/// Runs the body of a function that returns a status.
#[inline]
pub(crate) fn status(body: impl FnOnce() -> Answer) -> vt_status {
    match catch(body) {
        Ok(Ok(())) => VT_OK,
        Ok(Err(VT_ECANCELED)) => {
            // All that the call had on the stack is gone, so this is where a fiber can be ended.
            vitte_scheduler::give_up_if_killed();
            VT_ECANCELED
        }
        Ok(Err(status)) => status,
        // Only a fiber written in Rust is unwound, because its runtime ends. Here it cannot be.
        Err(payload) if payload.is::<Unwinding>() => VT_ECANCELED,
        Err(payload) => {
            // Not dropped: its destructor might panic in turn.
            mem::forget(payload);
            VT_EINTERNAL
        }
    }
}

/// Runs the body of a function that returns something else; `fallback` is returned if it panics.
#[inline]
pub(crate) fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or_else(|payload| {
        // Not dropped, as above.
        mem::forget(payload);
        fallback
    })
}

#[inline]
fn catch<T>(body: impl FnOnce() -> T) -> thread::Result<T> {
    // Whatever a panic left half done is behind locks and atomics of the crates below, which
    // say themselves what holds when they unwind.
    catch_unwind(AssertUnwindSafe(body))
}

/// The calling fiber, or the status for a function that only fibers may call.
#[inline]
pub(crate) fn fiber() -> Answer<FiberId> {
    vitte_scheduler::current_id().ok_or(VT_ECONTEXT)
}

/// A place that the caller lent for a result; written only on success.
#[derive(Debug)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// `VT_EINVAL` for a place that is null or misaligned.
    pub(crate) fn new(place: *mut T) -> Answer<Self> {
        if place.is_null() || !place.is_aligned() {
            return Err(VT_EINVAL);
        }
        Ok(Self(place))
    }

    /// As [`new`](Self::new), for a result the caller may do without: null is nowhere.
    pub(crate) fn optional(place: *mut T) -> Answer<Option<Self>> {
        if place.is_null() {
            return Ok(None);
        }
        Self::new(place).map(Some)
    }

    /// Writes the result.
    ///
    /// # Safety
    /// The place is valid for a write of a `T`.
    pub(crate) unsafe fn write(self, value: T) {
        // SAFETY: valid by contract; non-null and aligned by construction.
        unsafe { self.0.write(value) };
    }
}

/// `VT_OK`, or the given status, as an answer.
pub(crate) fn ensure(holds: bool, otherwise: vt_status) -> Answer {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let status = status(|| panic!("a defect"));
        std::panic::set_hook(quiet);
        assert_eq!(status, VT_EINTERNAL);
    }

    #[test]
    fn a_place_is_written_once_asked_and_refused_if_null_or_crooked() {
        let mut place = [0_u64; 2];
        // SAFETY: the place is a live local.
        unsafe { Out::new(&raw mut place[0]).unwrap().write(7) };
        assert_eq!(place[0], 7);
        assert_eq!(
            Out::<u64>::new(std::ptr::null_mut()).unwrap_err(),
            VT_EINVAL
        );
        assert!(
            Out::<u64>::optional(std::ptr::null_mut())
                .unwrap()
                .is_none()
        );
        let crooked = (&raw mut place[0]).wrapping_byte_add(1);
        assert_eq!(Out::optional(crooked).unwrap_err(), VT_EINVAL);
    }
}
