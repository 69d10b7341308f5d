//! Every element to every subscriber: a copy each, made while it is handed over.
//!
//! What the channel keeps is counted, so the bytes of an element are copied out of the channel's
//! reach: however long a copy takes, nobody waits for it. The channel's own copy is dropped when the
//! last of those who look at it, and the ring, have let go of it.

use super::{
    Hooks, Port,
    case::{AtOnce, Case},
    single::{Single, Using, be_canceled, is_canceled},
};
use crate::{
    VT_ECANCELED, VT_ECLOSED, VT_EINTERNAL, VT_EINVAL, VT_ELAGGED, VT_ENOBODY, VT_OK,
    boundary::Answer,
    element::{Boxed, Chunk, Element, SMALL},
    vt_status,
};
use std::{ffi::c_void, sync::Arc};
use vitte_channels::{
    broadcast::{self, Receiver, RecvError, RecvUntilError, SendError, Sender, TryRecvError},
    select::{Arm, Chosen},
};
use vitte_wait::{
    Deadline, Reason,
    facade::atomic::{AtomicU64, Ordering::*},
};

/// An element that the channel owns.
struct Piece<E: Element> {
    element: E,
    hooks: Hooks,
}

impl<E: Element> Drop for Piece<E> {
    fn drop(&mut self) {
        if let Some(drop_elem) = self.hooks.drop_elem {
            // SAFETY: it was sent, and so belongs to the channel; nobody will look at it again. The
            // contract of `vt_chan_create` allows it.
            unsafe { drop_elem(self.element.bytes_mut()) };
        }
    }
}

/// The end that sends.
struct Source<E: Element> {
    size: usize,
    hooks: Hooks,
    tx: Sender<Arc<Piece<E>>>,
}

/// A subscription.
struct Tap<E: Element> {
    size: usize,
    hooks: Hooks,
    receiving: Single,
    rx: Receiver<Arc<Piece<E>>>,
    missed: AtomicU64,
}

// SAFETY: of the fields only `rx` is not `Sync` by itself. What moves its position is done by whoever
// has begun to use `receiving`; such uses exclude and order one another, and so does the look of `len`.
unsafe impl<E: Element> Sync for Tap<E> {}

/// A channel that keeps the last `capacity` elements of `size` bytes.
pub(crate) fn broadcast(size: usize, capacity: usize, hooks: Hooks) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(Source::<Chunk>::new(size, capacity, hooks))
    } else {
        Box::new(Source::<Boxed>::new(size, capacity, hooks))
    }
}

impl<E: Element> Source<E> {
    fn new(size: usize, capacity: usize, hooks: Hooks) -> Self {
        let (tx, _) = broadcast::channel(capacity);
        Self { size, hooks, tx }
    }

    /// # Safety
    /// As for [`Port::send`].
    unsafe fn send_to_all(&self, from: *const c_void) -> Answer {
        // SAFETY: readable by contract.
        let element = unsafe { E::copied(from, self.size) };
        let hooks = self.hooks;
        let (mut unsent, status) = match self.tx.send(Arc::new(Piece { element, hooks })) {
            Ok(_) => return Ok(()),
            Err(SendError::Closed(piece)) => (piece, VT_ECLOSED),
            Err(SendError::NoReceiver(piece)) => (piece, VT_ENOBODY),
        };
        // It is still the caller's.
        if let Some(piece) = Arc::get_mut(&mut unsent) {
            piece.hooks.drop_elem = None;
        }
        Err(status)
    }
}

impl<E: Element> Port for Source<E> {
    unsafe fn send(&self, from: *const c_void, _: Deadline, _: vt_status) -> Answer {
        // SAFETY: by contract.
        unsafe { self.send_to_all(from) }
    }

    unsafe fn send_case(&self, from: *const c_void) -> Answer<Box<dyn Case + '_>> {
        Ok(AtOnce::boxed(move || {
            // SAFETY: readable until the case is gone, by contract.
            unsafe { self.send_to_all(from) }.map_or_else(|status| status, |()| VT_OK)
        }))
    }

    fn close(&self) -> Answer {
        self.tx.close();
        Ok(())
    }

    fn len(&self) -> usize {
        0
    }

    fn subscribe(&self) -> Answer<Box<dyn Port>> {
        Ok(Box::new(Tap {
            size: self.size,
            hooks: self.hooks,
            receiving: Single::new(),
            rx: self.tx.subscribe(),
            missed: AtomicU64::new(0),
        }))
    }
}

impl<E: Element> Tap<E> {
    /// Hands over a copy.
    ///
    /// # Safety
    /// `to` is writable for an element.
    unsafe fn give(&self, piece: &Piece<E>, to: *mut c_void) {
        // SAFETY: by contract.
        unsafe { piece.element.copy_to(to, self.size) };
        if let Some(copy_elem) = self.hooks.copy_elem {
            // SAFETY: `to` is a copy that nobody else has yet, as `vt_chan_create_with` says.
            unsafe { copy_elem(to, self.hooks.user) };
        }
    }

    fn lagged(&self, missed: u64) -> vt_status {
        self.missed.store(missed, Relaxed);
        VT_ELAGGED
    }

    /// What came of a receive.
    ///
    /// # Safety
    /// As for [`Port::recv`].
    unsafe fn settle(
        &self,
        received: Result<Arc<Piece<E>>, RecvUntilError>,
        to: *mut c_void,
        late: vt_status,
    ) -> Answer {
        match received {
            Ok(piece) => {
                // SAFETY: by contract.
                unsafe { self.give(&piece, to) };
                Ok(())
            }
            Err(RecvUntilError::Lagged(missed)) => Err(self.lagged(missed)),
            Err(RecvUntilError::Closed) => Err(VT_ECLOSED),
            Err(RecvUntilError::TimedOut) => Err(late),
            Err(RecvUntilError::Canceled | RecvUntilError::Stopped) => Err(VT_ECANCELED),
        }
    }
}

impl<E: Element> Port for Tap<E> {
    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let using = self.receiving.begin()?;
        let received = if is_canceled() {
            match self.rx.try_recv() {
                Ok(piece) => Ok(piece),
                Err(TryRecvError::Lagged(missed)) => Err(RecvUntilError::Lagged(missed)),
                Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
                Err(TryRecvError::Empty) => {
                    drop(using);
                    return Err(be_canceled(Reason::Recv));
                }
            }
        } else {
            self.rx.recv_until(limit)
        };
        // SAFETY: by contract.
        unsafe { self.settle(received, to, late) }
    }

    unsafe fn recv_case(&self, to: *mut c_void) -> Answer<Box<dyn Case + '_>> {
        let using = self.receiving.begin()?;
        Ok(Box::new(TapCase {
            arm: self.rx.recv_arm(),
            tap: self,
            to,
            _using: using,
        }))
    }

    fn close(&self) -> Answer {
        Err(VT_EINVAL)
    }

    fn len(&self) -> usize {
        // Whoever is receiving moves the position, and has seen everything if he waits.
        self.receiving.look(|| self.rx.len()).unwrap_or(0)
    }

    fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }
}

struct TapCase<'a, E: Element, A> {
    arm: A,
    tap: &'a Tap<E>,
    to: *mut c_void,
    _using: Using<'a>,
}

impl<E: Element, A> Case for TapCase<'_, E, A>
where
    A: Chosen<Output = Result<Arc<Piece<E>>, RecvError>>,
{
    fn arm(&mut self) -> &mut dyn Arm {
        &mut self.arm
    }

    fn settle(&mut self) -> vt_status {
        match self.arm.take() {
            Some(Ok(piece)) => {
                // SAFETY: `recv_case` has promised the room.
                unsafe { self.tap.give(&piece, self.to) };
                VT_OK
            }
            Some(Err(RecvError::Lagged(missed))) => self.tap.lagged(missed),
            Some(Err(RecvError::Closed)) => VT_ECLOSED,
            Some(Err(RecvError::Canceled)) | None => VT_EINTERNAL,
        }
    }
}
