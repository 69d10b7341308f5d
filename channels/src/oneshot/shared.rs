//! What the two ends share: a word, room for the value, and who waits.
//!
//! ```text
//! state:  | sender waits | receiver waits | closed | sender gone | sent |
//! ```
//! Invariants: `SENT` and `CLOSED` are raised by read-modify-writes, so either the value is sent
//! before the receiver closes, and is the receiver's, or it is not sent, and is the sender's; the
//! room is the sender's until `SENT` is raised, and the receiver's from then on. A flag of a waiter
//! is raised under the lock, by a read-modify-write that shows whether the wait is still needed:
//! Note [Waiting flags].

use crate::hall::{Hall, pop_everybody};
use std::{fmt, mem::MaybeUninit};
use vitte_wait::{
    Node, Reason, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicU32, Ordering::*},
        cell::UnsafeCell,
    },
};

/// The value is there, or was.
const SENT: u32 = 1;
/// The sender is gone, and has not sent.
const SENDER_GONE: u32 = 1 << 1;
/// The receiver wants nothing any more.
const CLOSED: u32 = 1 << 2;
/// The receiver may be waiting.
const RECEIVER_WAITS: u32 = 1 << 3;
/// The sender may be waiting for the receiver to go.
const SENDER_WAITS: u32 = 1 << 4;

/// See the [module documentation](self).
pub(crate) struct Shared<T> {
    state: AtomicU32,
    waiting: Mutex<Waiting>,
    value: UnsafeCell<MaybeUninit<T>>,
}

#[derive(Default)]
struct Waiting {
    receiver: WaitQueue,
    sender: WaitQueue,
}

/// One end of the channel.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Sender,
    Receiver,
}

/// What the receiver can know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Sent,
    Pending,
    Over,
}

// SAFETY: a value goes in on one thread and comes out on another, hence `T: Send`. The room is used by
// one end at a time, as the word says.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above; no reference to the value is given out.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            waiting: Mutex::new(Waiting::default()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Sends, unless the receiver is gone.
    ///
    /// # Safety
    /// The caller is the sender, and calls this at most once.
    #[inline]
    pub(super) unsafe fn send(&self, value: T) -> Result<(), T> {
        let mut state = self.state.load(Relaxed);
        if state & CLOSED != 0 {
            return Err(value);
        }
        // SAFETY: `SENT` is not raised, so the room is ours.
        self.value.with_mut(|room| unsafe { (*room).write(value) });
        loop {
            // Ordering: AcqRel. Release: the value; partner: the Acquire in `progress`. Acquire: the
            // receiver's flag, which it raises under the lock that we take then.
            match self
                .state
                .compare_exchange_weak(state, state | SENT, AcqRel, Relaxed)
            {
                Ok(_) => break,
                Err(now) if now & CLOSED != 0 => {
                    // SAFETY: written above, and the room has stayed ours.
                    return Err(self
                        .value
                        .with_mut(|room| unsafe { (*room).assume_init_read() }));
                }
                Err(now) => state = now,
            }
        }
        if state & RECEIVER_WAITS != 0 {
            self.wake(End::Receiver);
        }
        Ok(())
    }

    /// The sender goes without having sent.
    pub(super) fn drop_sender(&self) {
        // Ordering: AcqRel. As in `send`, for what the sender did before.
        let old = self.state.fetch_or(SENDER_GONE, AcqRel);
        if old & RECEIVER_WAITS != 0 {
            self.wake(End::Receiver);
        }
    }

    /// The receiver wants nothing more. What was sent before stays to be taken.
    pub(super) fn close(&self) {
        // Ordering: AcqRel. Release: what the receiver did before; partner: the Acquire in
        // `is_closed`. Acquire: the sender's flag, which it raises under the lock.
        let old = self.state.fetch_or(CLOSED, AcqRel);
        if old & SENDER_WAITS != 0 {
            self.wake(End::Sender);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `close`.
        self.state.load(Acquire) & CLOSED != 0
    }

    #[inline]
    pub(super) fn progress(&self) -> Progress {
        // Ordering: Acquire. Partner: the Release in `send`, with which came the value, and in
        // `drop_sender`.
        match self.state.load(Acquire) {
            state if state & SENT != 0 => Progress::Sent,
            state if state & (SENDER_GONE | CLOSED) != 0 => Progress::Over,
            _ => Progress::Pending,
        }
    }

    /// Takes the value out.
    ///
    /// # Safety
    /// The caller is the receiver, has seen [`Progress::Sent`], and calls this at most once.
    #[inline]
    pub(super) unsafe fn take(&self) -> T {
        // SAFETY: the value was written before `SENT` was raised; since then the room is ours.
        self.value
            .with_mut(|room| unsafe { (*room).assume_init_read() })
    }

    #[cold]
    fn wake(&self, end: End) {
        let woken = pop_everybody(self.waiting.lock().of(end));
        drop(woken);
    }

    pub(super) fn debug(&self, name: &str, taken: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load(Relaxed);
        let mut out = f.debug_struct(name);
        let shown = match state {
            _ if taken => "received",
            state if state & SENT != 0 => "sent",
            state if state & SENDER_GONE != 0 => "abandoned",
            _ => "empty",
        };
        out.field("state", &format_args!("{shown}"))
            .field("closed", &(state & CLOSED != 0));
        // Whoever prints may be anywhere, so do not wait for the lock.
        if let Some(waiting) = self.waiting.try_lock() {
            out.field("receiver_waits", &!waiting.receiver.is_empty())
                .field("sender_waits", &!waiting.sender.is_empty());
        }
        out.finish()
    }
}

// SAFETY: each end has one queue, and nodes are pushed, removed and popped under the lock.
unsafe impl<T> Hall for Shared<T> {
    /// What this end waits for.
    type Event = End;

    fn reason(end: End) -> Reason {
        match end {
            End::Sender => Reason::Event,
            End::Receiver => Reason::Recv,
        }
    }

    unsafe fn enlist(&self, end: End, node: &Node) -> bool {
        let (flag, over) = match end {
            End::Sender => (SENDER_WAITS, CLOSED),
            End::Receiver => (RECEIVER_WAITS, SENT | SENDER_GONE | CLOSED),
        };
        let mut waiting = self.waiting.lock();
        // Ordering: AcqRel. Partner: `send`, `drop_sender` and `close`: either we see what they have
        // done, or they see the flag. It stays raised, for each is done once.
        if self.state.fetch_or(flag, AcqRel) & over != 0 {
            return false;
        }
        // SAFETY: by the caller; the lock is held.
        unsafe { waiting.of(end).push(node) };
        true
    }

    unsafe fn delist(&self, end: End, node: &Node) {
        // SAFETY: by the caller it is in this queue or in none.
        unsafe { self.waiting.lock().of(end).remove(node) };
    }
}

impl Waiting {
    fn of(&mut self, end: End) -> &mut WaitQueue {
        match end {
            End::Sender => &mut self.sender,
            End::Receiver => &mut self.receiver,
        }
    }
}
