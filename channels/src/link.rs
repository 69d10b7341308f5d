//! What the handles of one channel share, whatever its flavor.

use crate::{
    flavors::{Flavor, few::Few},
    hall::{Hall, pop_everybody},
    kind::Kind,
    select::Sink,
};
use vitte_wait::{
    Node, Reason, WaitQueue,
    facade::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::*},
    },
};

/// Up to here a channel holds few values.
const FEW: usize = 1;

/// A flavor, and how many handles each end has.
pub(crate) struct Shared<F> {
    pub(crate) senders: AtomicUsize,
    pub(crate) receivers: AtomicUsize,
    /// Senders that wait for the channel to be closed.
    closing: Mutex<WaitQueue>,
    pub(crate) flavor: F,
}

/// A reference to a channel.
pub(crate) enum Link<T, K: Kind> {
    Bounded(Arc<Shared<K::Bounded<T>>>),
    Unbounded(Arc<Shared<K::Unbounded<T>>>),
    Few(Arc<Shared<Few<T>>>),
}

// SAFETY: by the contract of `Flavors` what it refers to may be shared between threads. (The
// compiler sees that for each kind, but not for all of them.)
unsafe impl<T: Send, K: Kind> Send for Link<T, K> {}
// SAFETY: as above.
unsafe impl<T: Send, K: Kind> Sync for Link<T, K> {}

/// Runs the same expression on whichever flavor `$link` refers to.
macro_rules! on_flavor {
    ($link:expr, $shared:ident => $body:expr) => {
        match $link {
            $crate::link::Link::Bounded($shared) => $body,
            $crate::link::Link::Unbounded($shared) => $body,
            $crate::link::Link::Few($shared) => $body,
        }
    };
}
pub(crate) use on_flavor;

fn share<F>(flavor: F) -> Arc<Shared<F>> {
    Arc::new(Shared {
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
        closing: Mutex::new(WaitQueue::new()),
        flavor,
    })
}

impl<T, K: Kind> Link<T, K> {
    pub(crate) fn unbounded() -> Self {
        Self::Unbounded(share(K::unbounded()))
    }

    pub(crate) fn bounded(capacity: usize) -> Self {
        if capacity <= FEW {
            Self::Few(share(Few::new(capacity)))
        } else {
            Self::Bounded(share(K::bounded(capacity)))
        }
    }

    pub(crate) fn senders(&self) -> &AtomicUsize {
        on_flavor!(self, shared => &shared.senders)
    }

    pub(crate) fn receivers(&self) -> &AtomicUsize {
        on_flavor!(self, shared => &shared.receivers)
    }

    /// The channel as the arms of a select see it.
    pub(crate) fn source(&self) -> &dyn Sink<T, ()> {
        on_flavor!(self, shared => &shared.flavor)
    }

    pub(crate) fn close(&self) {
        on_flavor!(self, shared => shared.flavor.close());
        let woken = pop_everybody(&mut self.closing().lock());
        drop(woken);
    }

    fn closing(&self) -> &Mutex<WaitQueue> {
        on_flavor!(self, shared => &shared.closing)
    }

    pub(crate) fn is_closed(&self) -> bool {
        on_flavor!(self, shared => shared.flavor.is_closed())
    }

    pub(crate) fn len(&self) -> usize {
        on_flavor!(self, shared => shared.flavor.len())
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        on_flavor!(self, shared => shared.flavor.capacity())
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bounded(a), Self::Bounded(b)) => Arc::ptr_eq(a, b),
            (Self::Unbounded(a), Self::Unbounded(b)) => Arc::ptr_eq(a, b),
            (Self::Few(a), Self::Few(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// One sender more.
    pub(crate) fn add_sender(&self) {
        // Ordering: Relaxed, as when cloning an `Arc`: the new handle comes from an old one.
        self.senders().fetch_add(1, Relaxed);
    }

    /// One receiver more.
    pub(crate) fn add_receiver(&self) {
        // Ordering: Relaxed, as in `add_sender`.
        self.receivers().fetch_add(1, Relaxed);
    }

    /// One sender less; without any, the channel is closed.
    pub(crate) fn remove_sender(&self) {
        // Ordering: AcqRel. Partner: the same line of the other senders, whose values are all
        // in before the last one closes.
        if self.senders().fetch_sub(1, AcqRel) == 1 {
            // SAFETY: there was one sender left, and it is the one that calls.
            on_flavor!(self, shared => unsafe { shared.flavor.last_sender_goes() });
        }
    }

    /// One receiver less; without any, the channel is closed and emptied.
    pub(crate) fn remove_receiver(&self) {
        // Ordering: AcqRel. Partner: the same line of the other receivers, which have taken
        // whatever they will take before the last one empties the channel.
        if self.receivers().fetch_sub(1, AcqRel) == 1 {
            self.close();
            // Until every sender that was let in has finished, so that nothing is left behind in
            // a channel that only senders keep alive.
            // SAFETY: there was one receiver left, and it is the one that calls.
            on_flavor!(self, shared => while unsafe { shared.flavor.try_recv() }.is_ok() {});
        }
    }
}

// SAFETY: there is one queue, in which nodes are pushed, removed and popped under its lock.
unsafe impl<T, K: Kind> Hall for Link<T, K> {
    /// The channel's end.
    type Event = ();

    fn reason((): ()) -> Reason {
        Reason::Event
    }

    fn object(&self) -> *const () {
        self.source().address()
    }

    unsafe fn enlist(&self, (): (), node: &Node) -> bool {
        let mut closing = self.closing().lock();
        // Liveness: who closes raises the flag before he takes this lock. So either he finds the node, or
        // we see the flag.
        let waits = !self.is_closed();
        if waits {
            // SAFETY: by the caller; the lock is held.
            unsafe { closing.push(node) };
        }
        waits
    }

    unsafe fn delist(&self, (): (), node: &Node) {
        // SAFETY: by the caller it is in this queue or in none.
        unsafe { self.closing().lock().remove(node) };
    }
}

impl<T, K: Kind> Clone for Link<T, K> {
    fn clone(&self) -> Self {
        match self {
            Self::Bounded(shared) => Self::Bounded(shared.clone()),
            Self::Unbounded(shared) => Self::Unbounded(shared.clone()),
            Self::Few(shared) => Self::Few(shared.clone()),
        }
    }
}
