//! The ring: the last values, in places that receivers look at.
//!
//! Slot `p % capacity` points to the place of the value at position `p`, the last one of those that
//! were sent; the place's stamp is `p`. Senders take turns under the lock, for a few steps without
//! foreign code in them. Receivers take no lock: each has a position of its own, goes by the stamp
//! of the place that it finds, and counts itself as an onlooker while it clones: Note \[Looks\].
//!
//! ```text
//! tail:  | position of the next value | closed |
//! ```
//! Invariants: the tail changes under the lock; it is advanced after the slot was written, so
//! what is before the tail has been written or overwritten; `CLOSED` is raised once and nothing is
//! sent after it.

use super::error::{SendError, TryRecvError};
use crate::{
    hall::{Hall, pop_everybody},
    padded::Padded,
    places::{Look, Owner, Place, Places},
    spin::Spin,
};
use std::{
    fmt,
    ptr::{self, NonNull},
};
use vitte_wait::{
    Node, Reason, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::*},
    },
};

/// In `tail`: nothing more is sent.
const CLOSED: u64 = 1;
/// One position further.
const ONE: u64 = 1 << 1;

/// See the [module documentation](self).
pub(crate) struct Ring<T> {
    tail: Padded<AtomicU64>,
    /// Written under the lock.
    slots: Box<[AtomicPtr<Place<T>>]>,
    senders: AtomicUsize,
    state: Padded<Mutex<State<T>>>,
}

/// What the lock guards, besides writing the tail and the slots.
struct State<T> {
    /// The slot of the next value.
    next: usize,
    receivers: usize,
    places: Places<T>,
    waiting: WaitQueue,
    /// Senders that wait for the last receiver to go, or for the channel to be closed.
    closing: WaitQueue,
}

/// Where a receiver is: a position, and its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    position: u64,
    slot: usize,
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    /// Something at this position.
    After(Cursor),
    /// There is no receiver, or the channel is closed.
    Deserted,
}

/// What a receiver finds at its position.
pub(super) enum Found<'a, T> {
    Value(Look<'a, T, Ring<T>>),
    /// The oldest value that is left is so many further.
    Lagged(u64),
    Nothing(TryRecvError),
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0 && capacity < usize::MAX >> 8,
            "a capacity of {capacity} is out of range"
        );
        Self {
            tail: Padded(AtomicU64::new(0)),
            slots: (0..capacity)
                .map(|_| AtomicPtr::new(ptr::null_mut()))
                .collect(),
            senders: AtomicUsize::new(1),
            state: Padded(Mutex::new(State {
                next: 0,
                receivers: 0,
                places: Places::new(capacity + 1),
                waiting: WaitQueue::new(),
                closing: WaitQueue::new(),
            })),
        }
    }

    /// Returns how many receivers there are.
    #[inline]
    pub(super) fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let mut state = self.state.lock();
        let tail = self.tail.load(Relaxed);
        if tail & CLOSED != 0 {
            return Err(SendError::Closed(value));
        }
        if state.receivers == 0 {
            return Err(SendError::NoReceiver(value));
        }
        let place = state.places.take();
        // SAFETY: it is from the pool, and filled once.
        unsafe { place.as_ref().fill(tail / ONE, value) };
        let slot = &self.slots[state.next];
        let old = slot.load(Relaxed);
        // Ordering: Release. Partner: the Acquire in `find`; with it come the place's contents.
        slot.store(place.as_ptr(), Release);
        // Ordering: Release. Partner: the Acquire loads of the tail. Who sees it sees the slot.
        self.tail.store(tail + ONE, Release);
        state.next = self.after(state.next);
        let overwritten = NonNull::new(old).and_then(|old| {
            // SAFETY: it was filled when it got into the slot, which was its only reference.
            unsafe { state.places.retire(old) }
        });
        let woken = pop_everybody(&mut state.waiting);
        let receivers = state.receivers;
        drop(state);
        drop(woken);
        // Unwind: this is foreign code. It was sent, and everybody was told.
        drop(overwritten);
        Ok(receivers)
    }

    #[inline]
    fn after(&self, slot: usize) -> usize {
        if slot + 1 < self.slots.len() {
            slot + 1
        } else {
            0
        }
    }

    pub(super) fn advanced(&self, cursor: Cursor) -> Cursor {
        Cursor {
            position: cursor.position + 1,
            slot: self.after(cursor.slot),
        }
    }

    /// Past values that were overwritten.
    pub(super) fn skipped(&self, cursor: Cursor, missed: u64) -> Cursor {
        let position = cursor.position + missed;
        Cursor {
            position,
            slot: (position % self.capacity() as u64) as usize,
        }
    }

    /// What is at `cursor`.
    ///
    /// Liveness: it looks again only if a sender has moved on since.
    #[inline]
    pub(super) fn find(&self, cursor: Cursor) -> Found<'_, T> {
        let position = cursor.position;
        let capacity = self.slots.len() as u64;
        let mut spin = Spin::new();
        loop {
            // Ordering: Acquire. Partner: the Release in `send`.
            let place = self.slots[cursor.slot].load(Acquire);
            let mut known = 0;
            if let Some(place) = NonNull::new(place) {
                // SAFETY: places live as long as the ring.
                let stamp = unsafe { place.as_ref().stamp() };
                if stamp == position {
                    // SAFETY: it is from our pool.
                    let look = unsafe { Look::begin(self, place, |at| at.stamp() == position) };
                    if let Some(look) = look {
                        return Found::Value(look);
                    }
                    continue;
                }
                // The successor of our value, whose sender may not have advanced the tail yet: we
                // need not wait for him. (No other stamp says anything: the place may have gone
                // to another slot.)
                if stamp == position + capacity {
                    known = stamp + 1;
                }
            }
            // Ordering: Acquire. Partner: the Release in `send` and in `close`.
            let tail = self.tail.load(Acquire);
            let end = known.max(tail / ONE);
            if end <= position {
                return Found::Nothing(if tail & CLOSED == 0 {
                    TryRecvError::Empty
                } else {
                    TryRecvError::Closed
                });
            }
            if end - position > capacity {
                return Found::Lagged(end - capacity - position);
            }
            spin.contended();
        }
    }

    /// A subscription from the next value on.
    pub(super) fn subscribe(&self) -> Cursor {
        let mut state = self.state.lock();
        state.receivers += 1;
        Cursor {
            position: self.tail.load(Relaxed) / ONE,
            slot: state.next,
        }
    }

    /// One receiver more, where another one is.
    pub(super) fn add_receiver(&self) {
        self.state.lock().receivers += 1;
    }

    /// One receiver less; without any the values are dropped.
    pub(super) fn remove_receiver(&self) {
        let mut values = Vec::new();
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        state.receivers -= 1;
        if state.receivers == 0 {
            woken = pop_everybody(&mut state.closing);
            for slot in &self.slots {
                let place = slot.load(Relaxed);
                slot.store(ptr::null_mut(), Relaxed);
                // SAFETY: it was filled when it got into the slot, which was its only reference.
                values.extend(
                    NonNull::new(place).and_then(|place| unsafe { state.places.retire(place) }),
                );
            }
        }
        drop(state);
        drop(woken);
        // Unwind: this is foreign code. The vector goes on to drop the rest.
        drop(values);
    }

    pub(super) fn add_sender(&self) {
        // Ordering: Relaxed, as when cloning an `Arc`: the new handle comes from an old one.
        self.senders.fetch_add(1, Relaxed);
    }

    /// One sender less; without any the channel is closed.
    pub(super) fn remove_sender(&self) {
        // Ordering: AcqRel. Partner: the same line of the other senders, whose values are all in
        // before the last one closes.
        if self.senders.fetch_sub(1, AcqRel) == 1 {
            self.close();
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        let tail = self.tail.load(Relaxed);
        // Ordering: Release. Partner: the Acquire loads of the tail.
        self.tail.store(tail | CLOSED, Release);
        let woken = [
            pop_everybody(&mut state.waiting),
            pop_everybody(&mut state.closing),
        ];
        drop(state);
        drop(woken);
    }

    pub(super) fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `close`.
        self.tail.load(Acquire) & CLOSED != 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn receivers(&self) -> usize {
        self.state.lock().receivers
    }

    /// Whether nobody is there who would get a value, or none is sent any more.
    pub(super) fn is_deserted(&self) -> bool {
        self.is_closed() || self.receivers() == 0
    }

    /// How many values somebody at `cursor` would get.
    pub(super) fn len(&self, cursor: Cursor) -> usize {
        // Ordering: Acquire. Partner: the Release in `send`.
        let end = self.tail.load(Acquire) / ONE;
        // A receiver may have had a value whose sender has not advanced the tail yet.
        let ahead = end.saturating_sub(cursor.position);
        ahead.min(self.capacity() as u64) as usize
    }

    pub(super) fn debug(
        &self,
        name: &str,
        at: Option<Cursor>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let mut out = f.debug_struct(name);
        out.field("capacity", &self.capacity());
        if let Some(cursor) = at {
            let end = self.tail.load(Relaxed) / ONE;
            let ahead = end.saturating_sub(cursor.position);
            out.field("len", &self.len(cursor))
                .field("missed", &ahead.saturating_sub(self.capacity() as u64));
        }
        out.field("closed", &self.is_closed())
            .field("senders", &self.senders.load(Relaxed));
        // Whoever prints may be anywhere, so do not wait for the lock.
        if let Some(state) = self.state.try_lock() {
            out.field("receivers", &state.receivers)
                .field("waiting_receivers", &state.waiting.len())
                .field("waiting_senders", &state.closing.len());
        }
        out.finish()
    }
}

// SAFETY: each event has one queue, and nodes are pushed, removed and popped under the lock.
unsafe impl<T> Hall for Ring<T> {
    type Event = Event;

    fn reason(event: Event) -> Reason {
        match event {
            Event::After(_) => Reason::Recv,
            Event::Deserted => Reason::Event,
        }
    }

    unsafe fn enlist(&self, event: Event, node: &Node) -> bool {
        let mut state = self.state.lock();
        let tail = self.tail.load(Relaxed);
        // Liveness: tail and receivers change under this lock, by whoever then pops everybody.
        let over = tail & CLOSED != 0
            || match event {
                Event::After(cursor) => tail / ONE > cursor.position,
                Event::Deserted => state.receivers == 0,
            };
        if !over {
            // SAFETY: by the caller; the lock is held.
            unsafe { state.queue(event).push(node) };
        }
        !over
    }

    unsafe fn delist(&self, event: Event, node: &Node) {
        // SAFETY: by the caller it is in this queue or in none.
        unsafe { self.state.lock().queue(event).remove(node) };
    }
}

impl<T> State<T> {
    fn queue(&mut self, event: Event) -> &mut WaitQueue {
        match event {
            Event::After(_) => &mut self.waiting,
            Event::Deserted => &mut self.closing,
        }
    }
}

impl<T> Owner<T> for Ring<T> {
    fn with_places<R>(&self, act: impl FnOnce(&mut Places<T>) -> R) -> R {
        act(&mut self.state.lock().places)
    }
}
