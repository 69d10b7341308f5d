//! A channel as the arms of a select see it, whatever its flavor.

use crate::{
    error::{TryRecvError, TrySendError},
    flavors::Flavor,
    waiters::Side,
};
use vitte_wait::Node;

/// What an arm asks of a channel. Every flavor is a source.
pub(crate) trait Source<T> {
    /// # Safety
    /// As for the flavor's `try_send`.
    unsafe fn offer(&self, value: T) -> Result<(), TrySendError<T>>;

    /// # Safety
    /// As for the flavor's `try_recv`.
    unsafe fn poll(&self) -> Result<T, TryRecvError>;

    /// Where the channel is.
    fn address(&self) -> *const ();

    /// Queues `node` among the waiters of `side`. False: there is no need to wait.
    ///
    /// # Safety
    /// The node's payload is a `Lent<T>`, with a value in it if `side` sends, empty if it receives;
    /// the rest as for [`Arm::enlist`](vitte_wait::select::Arm::enlist).
    unsafe fn enlist(&self, side: Side, node: &Node) -> bool;

    /// Takes `node` out, if it is still in.
    ///
    /// # Safety
    /// It is in no queue but perhaps that one.
    unsafe fn delist(&self, side: Side, node: &Node);
}

impl<T, F: Flavor<T>> Source<T> for F {
    unsafe fn offer(&self, value: T) -> Result<(), TrySendError<T>> {
        // SAFETY: by the caller.
        unsafe { self.try_send(value) }
    }

    unsafe fn poll(&self) -> Result<T, TryRecvError> {
        // SAFETY: by the caller.
        unsafe { self.try_recv() }
    }

    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    unsafe fn enlist(&self, side: Side, node: &Node) -> bool {
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

    unsafe fn delist(&self, side: Side, node: &Node) {
        let mut waiters = self.waiters().lock();
        let queue = waiters.of(side);
        // SAFETY: by the caller.
        unsafe { queue.remove(node) };
        if queue.is_empty() {
            self.disarm(side);
        }
    }
}
