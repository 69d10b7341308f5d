//! What the handles of one channel share, whatever its flavor.

use crate::{
    flavors::{Flavor, bounded::Bounded, rendezvous::Rendezvous, unbounded::Unbounded},
    select::Source,
};
use vitte_wait::facade::{
    Arc,
    atomic::{AtomicUsize, Ordering::*},
};

/// A flavor, and how many senders it has.
pub(crate) struct Shared<F> {
    pub(crate) senders: AtomicUsize,
    pub(crate) flavor: F,
}

/// A reference to a channel.
pub(crate) enum Link<T> {
    Bounded(Arc<Shared<Bounded<T>>>),
    Unbounded(Arc<Shared<Unbounded<T>>>),
    Rendezvous(Arc<Shared<Rendezvous<T>>>),
}

/// Runs the same expression on whichever flavor `$link` refers to.
macro_rules! on_flavor {
    ($link:expr, $shared:ident => $body:expr) => {
        match $link {
            $crate::link::Link::Bounded($shared) => $body,
            $crate::link::Link::Unbounded($shared) => $body,
            $crate::link::Link::Rendezvous($shared) => $body,
        }
    };
}
pub(crate) use on_flavor;

fn share<F>(flavor: F) -> Arc<Shared<F>> {
    Arc::new(Shared {
        senders: AtomicUsize::new(1),
        flavor,
    })
}

impl<T> Link<T> {
    pub(crate) fn unbounded() -> Self {
        Self::Unbounded(share(Unbounded::new()))
    }

    pub(crate) fn bounded(capacity: usize) -> Self {
        if capacity == 0 {
            Self::Rendezvous(share(Rendezvous::new()))
        } else {
            Self::Bounded(share(Bounded::new(capacity)))
        }
    }

    pub(crate) fn senders(&self) -> &AtomicUsize {
        on_flavor!(self, shared => &shared.senders)
    }

    /// The channel as the arms of a select see it.
    pub(crate) fn source(&self) -> &dyn Source<T> {
        on_flavor!(self, shared => &shared.flavor)
    }

    pub(crate) fn close(&self) {
        on_flavor!(self, shared => shared.flavor.close());
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
            (Self::Rendezvous(a), Self::Rendezvous(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// One sender more.
    pub(crate) fn add_sender(&self) {
        // Ordering: Relaxed, as when cloning an `Arc`: the new handle comes from an old one.
        self.senders().fetch_add(1, Relaxed);
    }

    /// One sender less; without any, the channel is closed.
    pub(crate) fn remove_sender(&self) {
        // Ordering: AcqRel. Partner: the same line of the other senders, whose values are all
        // in before the last one closes.
        if self.senders().fetch_sub(1, AcqRel) == 1 {
            self.close();
        }
    }
}

impl<T> Clone for Link<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Bounded(shared) => Self::Bounded(shared.clone()),
            Self::Unbounded(shared) => Self::Unbounded(shared.clone()),
            Self::Rendezvous(shared) => Self::Rendezvous(shared.clone()),
        }
    }
}
