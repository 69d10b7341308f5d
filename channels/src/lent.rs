//! A place on a waiter's stack that it lends to whoever ends its wait.

use std::mem;
use vitte_wait::facade::cell::UnsafeCell;

/// Holds the value of a blocked sender, or receives the value for a blocked receiver.
///
/// Its address is the payload of the waiter's node. Whoever claims the wait may use it until it
/// drops the claim; before the node is linked and after the wait is over it is the waiter's.
#[derive(Debug)]
pub(crate) struct Lent<T>(UnsafeCell<Option<T>>);

impl<T> Lent<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The payload by which a waker finds this place.
    pub(crate) fn payload(&self) -> *mut () {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// The place, while it is lent to nobody.
    pub(crate) fn own<R>(&mut self, with: impl FnOnce(&mut Option<T>) -> R) -> R {
        // SAFETY: `&mut self` says that nobody else uses the place.
        self.0.with_mut(|place| with(unsafe { &mut *place }))
    }

    /// What is in the place now, and to whom it belongs.
    ///
    /// # Safety
    /// The caller is the waiter, its node is in no queue, and no claim on its wait is held, or can still succeed.
    pub(crate) unsafe fn reclaim(&self) -> Option<T> {
        // SAFETY: by the caller nobody else uses the place.
        self.0.with_mut(|place| unsafe { (*place).take() })
    }

    /// Exchanges what is in `own` with what the waiter lends: a blocked receiver gets the value, or that of a blocked sender
    /// is taken. A second call undoes the first.
    ///
    /// # Safety
    /// `payload` is that of a `Lent<T>` that is lent to the caller: by a claim, or by
    /// [`exchange_with_oldest`](vitte_wait::WaitQueue::exchange_with_oldest).
    pub(crate) unsafe fn exchange(payload: *mut (), own: &mut Option<T>) {
        // SAFETY: the waiter does not go on while its place is lent, so that is alive.
        let lent = unsafe { &*payload.cast::<Self>() };
        // SAFETY: by the caller nobody else uses it.
        lent.0
            .with_mut(|place| mem::swap(unsafe { &mut *place }, own));
    }

    /// Takes the value of a blocked sender.
    ///
    /// # Safety
    /// `payload` is that of a `Lent<T>` whose waiter's claim the caller holds.
    pub(crate) unsafe fn take(payload: *mut ()) -> Option<T> {
        // SAFETY: the waiter does not run before the claim is dropped, so the place is alive.
        let lent = unsafe { &*payload.cast::<Self>() };
        // SAFETY: as the one holder of the claim the caller is alone here.
        lent.0.with_mut(|place| unsafe { (*place).take() })
    }

    /// Gives a blocked receiver its value.
    ///
    /// # Safety
    /// As for [`take`](Self::take).
    pub(crate) unsafe fn put(payload: *mut (), value: T) {
        // SAFETY: as in `take`.
        let lent = unsafe { &*payload.cast::<Self>() };
        // The place is empty, so no destructor runs here.
        // SAFETY: as in `take`.
        lent.0.with_mut(|place| unsafe { *place = Some(value) });
    }
}
