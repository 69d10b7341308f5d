//! Elements: what a C channel holds, as bytes.
//!
//! Small elements lie in the channel itself; others in a box, one allocation each. Either way
//! they are aligned for any C type, so that an element's destructor can be called in place.

use crate::{VT_ECANCELED, VT_ECLOSED, boundary::Answer, vt_status};
use std::{ffi::c_void, mem::MaybeUninit, ptr};
use vitte_channels::{Channel, Receiver, RecvUntilError, SendUntilError, Sender, TryRecvError};
use vitte_wait::{Deadline, Outcome, Reason, Turn, Wait, current};

/// Sixteen bytes that may hold anything, padding included.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct Chunk([MaybeUninit<u8>; 16]);

const EMPTY: Chunk = Chunk([MaybeUninit::uninit(); 16]);

/// The most bytes that need no box.
pub(crate) const SMALL: usize = size_of::<Chunk>();

/// A way to hold the bytes of one element.
pub(crate) trait Element: Send + 'static {
    /// Room for `len` bytes.
    fn with_room(len: usize) -> Self;
    /// Where they are.
    fn bytes(&mut self) -> *mut c_void;
}

impl Element for Chunk {
    fn with_room(_: usize) -> Self {
        EMPTY
    }
    fn bytes(&mut self) -> *mut c_void {
        ptr::from_mut(self).cast()
    }
}

impl Element for Box<[Chunk]> {
    fn with_room(len: usize) -> Self {
        vec![EMPTY; len.div_ceil(SMALL)].into_boxed_slice()
    }
    fn bytes(&mut self) -> *mut c_void {
        self.as_mut_ptr().cast()
    }
}

/// A channel of elements of one size.
pub(crate) trait Port: Send + Sync {
    /// Copies an element in, waiting for room if it must. The statuses say why it was not sent;
    /// `late` is the one for a deadline that passed.
    ///
    /// # Safety
    /// `from` is readable for the channel's element size.
    unsafe fn send(&self, from: *const c_void, limit: Deadline, late: vt_status) -> Answer;

    /// Copies an element out, waiting for one if it must, with statuses as above.
    ///
    /// # Safety
    /// `to` is writable for the channel's element size.
    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer;

    /// Takes no more elements; those inside stay to be received.
    fn close(&self);

    /// How many elements are inside.
    fn len(&self) -> usize;

    /// Closes the channel and hands what is inside to `each`, in place.
    fn drain(&mut self, each: &mut dyn FnMut(*mut c_void));
}

/// Both ends of a channel. Any number of callers share the one receiver by taking turns.
struct Ends<E> {
    size: usize,
    tx: Sender<E>,
    turn: Turn,
    rx: Receiver<E>,
}

// SAFETY: of the fields only `rx` is not `Sync` by itself; it is used by `recv`, in a turn, which
// excludes other turns and orders them, and by `drain`, which has the value to itself. Elements
// are `Send`, so it does not matter on which thread they come out.
unsafe impl<E: Element> Sync for Ends<E> {}

/// A channel of elements of `size` bytes; `capacity` is `None` for one that grows.
pub(crate) fn port(size: usize, capacity: Option<usize>) -> Box<dyn Port> {
    if size <= SMALL {
        Box::new(ends::<Chunk>(size, capacity))
    } else {
        Box::new(ends::<Box<[Chunk]>>(size, capacity))
    }
}

fn ends<E: Element>(size: usize, capacity: Option<usize>) -> Ends<E> {
    let (tx, rx) = capacity.map_or_else(Channel::new, Channel::bounded);
    let turn = Turn::new();
    Ends { size, tx, turn, rx }
}

impl<E: Element> Port for Ends<E> {
    unsafe fn send(&self, from: *const c_void, limit: Deadline, late: vt_status) -> Answer {
        let mut element = E::with_room(self.size);
        let (from, to) = (from.cast::<u8>(), element.bytes().cast::<u8>());
        // SAFETY: readable by contract; the element has room for as much.
        unsafe { ptr::copy_nonoverlapping(from, to, self.size) };
        // What is not sent comes back here, and is forgotten: the caller still has the original.
        self.tx
            .send_until(element, limit)
            .map_err(|error| match error {
                SendUntilError::TimedOut(_) => late,
                SendUntilError::Closed(_) => VT_ECLOSED,
                SendUntilError::Canceled(_) | SendUntilError::Stopped(_) => VT_ECANCELED,
            })
    }

    unsafe fn recv(&self, to: *mut c_void, limit: Deadline, late: vt_status) -> Answer {
        let mine = self
            .turn
            .take(limit, None)
            .map_err(|outcome| match outcome {
                Outcome::TimedOut => late,
                _ => VT_ECANCELED,
            })?;
        // A canceled fiber that waits again may be stopped for good at the beginning of a wait,
        // if its runtime shuts down; it must not have the turn then, so it does not wait here.
        let received = if current::unit().is_canceled() {
            self.rx.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvUntilError::Canceled,
                TryRecvError::Closed => RecvUntilError::Closed,
            })
        } else {
            self.rx.recv_until(limit)
        };
        drop(mine);
        if matches!(received, Err(RecvUntilError::Canceled)) {
            // But here, without the turn, it may be.
            let _ = Wait::begin(Reason::Recv, ptr::null()).withdraw();
        }
        let mut element = received.map_err(|error| match error {
            RecvUntilError::TimedOut => late,
            RecvUntilError::Closed => VT_ECLOSED,
            RecvUntilError::Canceled | RecvUntilError::Stopped => VT_ECANCELED,
        })?;
        let (from, to) = (element.bytes().cast::<u8>(), to.cast::<u8>());
        // SAFETY: the element has this many bytes; writable by contract.
        unsafe { ptr::copy_nonoverlapping(from, to, self.size) };
        Ok(())
    }

    fn close(&self) {
        self.tx.close();
    }

    fn len(&self) -> usize {
        self.tx.len()
    }

    fn drain(&mut self, each: &mut dyn FnMut(*mut c_void)) {
        self.tx.close();
        loop {
            match self.rx.try_recv() {
                Ok(mut element) => each(element.bytes()),
                Err(TryRecvError::Closed | TryRecvError::Empty) => return,
            }
        }
    }
}
