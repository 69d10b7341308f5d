//! What the handles share: where the value is, its version, and who waits.
//!
//! ```text
//! version:  | version of the value | closed |
//! ```
//! The value is in a place that onlookers count themselves at, and is replaced by exchanging the
//! pointer to it: Note \[Looks\]. The place's stamp is the version.
//!
//! Invariants: pointer and version change under the lock, the pointer first; so who sees a version
//! finds that value, or a later one.

use crate::{
    hall::{Hall, pop_everybody},
    places::{Look, Owner, Place, Places},
};
use std::{fmt, ptr::NonNull};
use vitte_wait::{
    Claimed, Node, Reason, WaitQueue,
    facade::{
        Mutex, MutexGuard,
        atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::*},
    },
};

/// In `version`: the value changes no more.
const CLOSED: u64 = 1;
/// One version further.
const ONE: u64 = 1 << 1;
/// The version of the first value. Not zero, so that there is one before it.
const FIRST: u64 = 1;

/// See the [module documentation](self).
pub(crate) struct Shared<T> {
    current: AtomicPtr<Place<T>>,
    version: AtomicU64,
    senders: AtomicUsize,
    /// Changed under the lock.
    receivers: AtomicUsize,
    state: Mutex<State<T>>,
}

/// What the lock guards, besides writing what stands above it.
pub(super) struct State<T> {
    places: Places<T>,
    watching: WaitQueue,
    /// Senders that wait for the last receiver to go, or for the channel to be closed.
    closing: WaitQueue,
}

/// Which of the two things is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    /// A version after this one.
    After(u64),
    /// There is no receiver, or the channel is closed.
    NoReceiver,
}

/// What has changed since.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// This version is the latest.
    To(u64),
    None,
    Closed,
}

impl<T> Shared<T> {
    pub(super) fn new(first: T) -> Self {
        let mut places = Places::new(2);
        let place = places.take();
        // SAFETY: it is from the pool, and filled once.
        unsafe { place.as_ref().fill(FIRST, first) };
        Self {
            current: AtomicPtr::new(place.as_ptr()),
            version: AtomicU64::new(FIRST * ONE),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            state: Mutex::new(State {
                places,
                watching: WaitQueue::new(),
                closing: WaitQueue::new(),
            }),
        }
    }

    /// Looks at the latest value.
    ///
    /// Liveness: it looks again only if a sender has moved on since.
    #[inline]
    pub(super) fn look(&self) -> Look<'_, T, Self> {
        loop {
            // Ordering: Acquire. Partner: the Release in `put`.
            let current = self.current.load(Acquire);
            let place = NonNull::new(current).expect("there is always a value");
            // Ordering: Acquire. Partner: the Release in `put`. While we look the place cannot get
            // another value, so if it is still the current one, it is so with the one we see.
            let is_current = |_: &Place<T>| self.current.load(Acquire) == current;
            // SAFETY: it is from our pool.
            if let Some(look) = unsafe { Look::begin(self, place, is_current) } {
                return look;
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock()
    }

    /// Makes `value` the latest. Drop what comes back once the lock is released.
    ///
    /// The place that is replaced must be retired, under the same lock.
    fn put(&self, state: &mut State<T>, value: T) -> (NonNull<Place<T>>, Vec<Claimed>) {
        let version = self.version.load(Relaxed);
        let place = state.places.take();
        // SAFETY: it is from the pool, and filled once.
        unsafe { place.as_ref().fill(version / ONE + 1, value) };
        let old = self.current.load(Relaxed);
        // Ordering: Release. Partner: the Acquire in `look`; with it come the place's contents.
        self.current.store(place.as_ptr(), Release);
        // Ordering: Release. Partner: the Acquire in `change`; who sees it sees the pointer.
        self.version.store(version + ONE, Release);
        let old = NonNull::new(old).expect("there is always a value");
        (old, pop_everybody(&mut state.watching))
    }

    pub(super) fn replace(&self, mut state: MutexGuard<'_, State<T>>, value: T) {
        let (old, woken) = self.put(&mut state, value);
        // SAFETY: it was filled when it became current, which was the only reference to it.
        let old = unsafe { state.places.retire(old) };
        drop(state);
        drop(woken);
        // Unwind: this is foreign code. The new value is in, and everybody was told.
        drop(old);
    }

    /// As [`replace`](Self::replace); gives the value before, or a look at it if others look, too. Of a
    /// closed channel it gives `value`.
    pub(super) fn exchange(&self, value: T) -> Result<T, Look<'_, T, Self>> {
        let mut state = self.lock();
        if self.is_closed() {
            return Ok(value);
        }
        let (old, woken) = self.put(&mut state, value);
        // SAFETY: as in `replace`; and it is from our pool.
        let old = unsafe { state.places.retire_or_look(old, self) };
        drop(state);
        drop(woken);
        old
    }

    /// What has changed for one who has seen `seen`.
    #[inline]
    pub(super) fn change(&self, seen: u64) -> Change {
        // Ordering: Acquire. Partner: the Release in `put`, and in `close`.
        let version = self.version.load(Acquire);
        // Who looks may have seen a value whose sender has not raised the version yet.
        if version / ONE > seen {
            Change::To(version / ONE)
        } else if version & CLOSED != 0 {
            Change::Closed
        } else {
            Change::None
        }
    }

    pub(super) fn version(&self) -> u64 {
        // Ordering: Acquire. Partner: the Release in `put`.
        self.version.load(Acquire) / ONE
    }

    pub(super) fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `close`.
        self.version.load(Acquire) & CLOSED != 0
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

    /// The value is the last one.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        let version = self.version.load(Relaxed);
        // Ordering: Release. Partner: the Acquire in `change`, and in `is_closed`.
        self.version.store(version | CLOSED, Release);
        let woken = [
            pop_everybody(&mut state.watching),
            pop_everybody(&mut state.closing),
        ];
        drop(state);
        drop(woken);
    }

    /// One receiver more; returns the latest version.
    pub(super) fn add_receiver(&self) -> u64 {
        let _state = self.lock();
        self.receivers.fetch_add(1, Relaxed);
        self.version.load(Relaxed) / ONE
    }

    pub(super) fn remove_receiver(&self) {
        let mut state = self.lock();
        // Ordering: Release. Partner: the Acquire in `receivers`.
        if self.receivers.fetch_sub(1, Release) == 1 {
            let woken = pop_everybody(&mut state.closing);
            drop(state);
            drop(woken);
        }
    }

    pub(super) fn receivers(&self) -> usize {
        // Ordering: Acquire. Partner: the Release in `remove_receiver`.
        self.receivers.load(Acquire)
    }

    pub(super) fn debug(
        &self,
        name: &str,
        seen: Option<u64>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let mut out = f.debug_struct(name);
        out.field("version", &self.version());
        if let Some(seen) = seen {
            out.field("seen", &seen);
        }
        out.field("closed", &self.is_closed())
            .field("senders", &self.senders.load(Relaxed))
            .field("receivers", &self.receivers());
        // Whoever prints may be anywhere, so do not wait for the lock.
        if let Some(state) = self.state.try_lock() {
            out.field("waiting_receivers", &state.watching.len())
                .field("waiting_senders", &state.closing.len());
        }
        out.finish()
    }
}

// SAFETY: each event has one queue, and nodes are pushed, removed and popped under the lock.
unsafe impl<T> Hall for Shared<T> {
    type Event = Event;

    fn reason(event: Event) -> Reason {
        match event {
            Event::After(_) => Reason::Recv,
            Event::NoReceiver => Reason::Event,
        }
    }

    unsafe fn enlist(&self, event: Event, node: &Node) -> bool {
        let mut state = self.lock();
        // Liveness: both change under this lock, by whoever then pops everybody.
        let over = match event {
            Event::After(seen) => self.change(seen) != Change::None,
            Event::NoReceiver => self.receivers() == 0 || self.is_closed(),
        };
        if !over {
            // SAFETY: by the caller; the lock is held.
            unsafe { state.queue(event).push(node) };
        }
        !over
    }

    unsafe fn delist(&self, event: Event, node: &Node) {
        // SAFETY: by the caller it is in this queue or in none.
        unsafe { self.lock().queue(event).remove(node) };
    }
}

impl<T> State<T> {
    fn queue(&mut self, event: Event) -> &mut WaitQueue {
        match event {
            Event::After(_) => &mut self.watching,
            Event::NoReceiver => &mut self.closing,
        }
    }
}

impl<T> Owner<T> for Shared<T> {
    fn with_places<R>(&self, act: impl FnOnce(&mut Places<T>) -> R) -> R {
        act(&mut self.lock().places)
    }
}
