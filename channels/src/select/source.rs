//! A channel as the arms of a select see it, whatever its flavor.

use crate::{
    error::{TryRecvError, TrySendError},
    flavors::Flavor,
    store::End,
    waiters::Side,
};
use vitte_wait::Node;

/// Where an arm waits in a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// With a value. A flavor knows no front.
    In(End),
    Out,
}

impl From<Way> for Side {
    fn from(way: Way) -> Self {
        match way {
            Way::In(_) => Self::Senders,
            Way::Out => Self::Receivers,
        }
    }
}

/// What an arm asks of a channel. Every flavor is a source.
pub(crate) trait Source<T> {
    /// # Safety
    /// As for the flavor's `try_recv`.
    unsafe fn poll(&self) -> Result<T, TryRecvError>;

    /// Where the channel is.
    fn address(&self) -> *const ();

    /// Queues `node` among those who wait there. False: there is no need to wait.
    ///
    /// # Safety
    /// The node's payload is a `Lent<T>`, with a value in it on the way in, empty on the way out;
    /// the rest as for [`Arm::enlist`](vitte_wait::select::Arm::enlist).
    unsafe fn enlist(&self, way: Way, node: &Node) -> bool;

    /// Takes `node` out, if it is still in.
    ///
    /// # Safety
    /// It is in no queue but perhaps that one.
    unsafe fn delist(&self, way: Way, node: &Node);
}

/// What an arm that sends asks besides. Who has sent gets an `R`.
pub(crate) trait Sink<T, R>: Source<T> {
    /// # Safety
    /// As for the flavor's `try_send`.
    unsafe fn offer(&self, value: T, end: End) -> Result<R, TrySendError<T>>;

    /// What a sender gets whose value was taken from where it waited.
    fn receipt(&self) -> R;
}

impl<T, F: Flavor<T>> Source<T> for F {
    unsafe fn poll(&self) -> Result<T, TryRecvError> {
        // SAFETY: by the caller.
        unsafe { self.try_recv() }
    }

    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    unsafe fn enlist(&self, way: Way, node: &Node) -> bool {
        let side = way.into();
        let mut waiters = self.waiters().lock();
        let waits = self.arm(side, &mut waiters);
        let queue = waiters.of(side);
        if waits {
            // SAFETY: by the caller; the lock is held.
            unsafe { queue.push(node) };
        } else if queue.is_empty() {
            self.disarm(side);
        }
        waits
    }

    unsafe fn delist(&self, way: Way, node: &Node) {
        let side = way.into();
        let mut waiters = self.waiters().lock();
        let queue = waiters.of(side);
        // SAFETY: by the caller.
        unsafe { queue.remove(node) };
        if queue.is_empty() {
            self.disarm(side);
        }
    }
}

impl<T, F: Flavor<T>> Sink<T, ()> for F {
    unsafe fn offer(&self, value: T, _: End) -> Result<(), TrySendError<T>> {
        // SAFETY: by the caller.
        unsafe { self.try_send(value) }
    }

    fn receipt(&self) {}
}
