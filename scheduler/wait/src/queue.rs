//! A queue of waiters, linked through nodes on the waiters' own stacks.
//!
//! Pushing, popping and withdrawing from the middle are O(1) and allocate nothing.

use crate::{Claimed, Outcome, Priority, Ticket, Unit, ahead, current::Here};
use std::{cell::Cell, fmt, marker::PhantomPinned, ptr, ptr::NonNull};

/// A waiter's place in a [`WaitQueue`].
///
/// It lives on the waiter's stack for the time of one wait. `payload` is whatever the waiter
/// lends to its waker, usually the address of a slot.
#[derive(Debug)]
pub struct Node {
    ticket: Ticket,
    payload: *mut (),
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    linked: Cell<bool>,
    /// See [`alone`](Node::alone).
    alone: bool,
    /// Whether the wait was claimed through this node. Written under the queue's lock by the holder
    /// of the claim; read by the waiter once the wait is over.
    won: Cell<bool>,
    _pinned: PhantomPinned,
}

impl Node {
    /// As [`new`](Self::new), for a wait that has no other place, so that nobody asks whether this one
    /// [has won](Self::has_won). The owner does not touch what it lends before it has taken the node out, or the wait has
    /// ended as woken: so a waker may [use it first](WaitQueue::exchange_with_oldest).
    #[must_use]
    pub fn alone(ticket: Ticket, payload: *mut ()) -> Self {
        Self {
            alone: true,
            ..Self::new(ticket, payload)
        }
    }

    /// A place for the holder of `ticket`, not in any queue yet.
    #[must_use]
    pub fn new(ticket: Ticket, payload: *mut ()) -> Self {
        Self {
            ticket,
            payload,
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            linked: Cell::new(false),
            alone: false,
            won: Cell::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// Whether the node is in a queue. To be asked under the queue's lock.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.linked.get()
    }

    /// The wait that the node is a place in.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Whether it was through this node that the wait was ended: a wait may have left nodes in
    /// several queues. To be asked by the waiter, after the wait is over.
    #[must_use]
    pub fn has_won(&self) -> bool {
        self.won.get()
    }

    /// Notes that the wait was ended through this node, for a list of waiters that is no
    /// [`WaitQueue`]. To be called by whoever claimed the ticket, before the [`Claimed`] is dropped.
    pub fn set_won(&self) {
        self.won.set(true);
    }
}

/// First in, first out, with withdrawal from anywhere.
///
/// The queue has no lock of its own: it lives inside the state that its owner's lock guards, and
/// that lock also guards the nodes.
pub struct WaitQueue {
    head: *const Node,
    tail: *const Node,
}

// SAFETY: the queue is a pair of pointers to nodes; those nodes are touched only through
// `&mut self` methods, that is, by whoever has the owner's lock, on whatever thread. A `Ticket` is
// `Send`, and the payload is a mere address whose use is up to the owner.
unsafe impl Send for WaitQueue {}

impl WaitQueue {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    /// Whether nobody waits here. Waiters that another party has claimed count until they are
    /// popped or withdraw.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Puts `node` at the end.
    ///
    /// # Safety
    /// - `node` is in no queue, and stays where it is, alive, until it has left this one: by
    ///   [`remove`](Self::remove), or by being popped.
    /// - It is touched only under the lock that guards this queue for as long as it is linked.
    #[inline]
    pub unsafe fn push(&mut self, node: &Node) {
        debug_assert!(!node.linked.get(), "a node is in at most one queue");
        node.linked.set(true);
        node.prev.set(self.tail);
        node.next.set(ptr::null());
        // SAFETY: a non-null tail is linked, hence alive by the contract of `push`.
        match unsafe { self.tail.as_ref() } {
            None => self.head = node,
            Some(tail) => tail.next.set(node),
        }
        self.tail = node;
    }

    /// Takes `node` out, wherever it is. False: it had left already, and its waiter's claim was
    /// tried by whoever popped it.
    ///
    /// # Safety
    /// If `node` is linked, it is linked into this queue.
    #[inline]
    pub unsafe fn remove(&mut self, node: &Node) -> bool {
        if !node.linked.get() {
            return false;
        }
        node.linked.set(false);
        let (prev, next) = (node.prev.get(), node.next.get());
        // SAFETY: neighbours in the list are linked, hence alive by the contract of `push`.
        match unsafe { prev.as_ref() } {
            None => self.head = next,
            Some(prev) => prev.next.set(next),
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            None => self.tail = prev,
            Some(next) => next.prev.set(prev),
        }
        true
    }

    /// Takes waiters out, oldest first, until one can be claimed with `outcome`; returns it with
    /// its payload. Drop the [`Claimed`] after the lock is released, if that can be had.
    #[inline(always)]
    #[must_use]
    pub fn pop(&mut self, outcome: Outcome) -> Option<(Claimed, *mut ())> {
        self.pop_by(|ticket| ticket.claim(outcome), outcome)
    }

    /// As [`pop`](Self::pop), for a caller that has looked up where it is. Quicker if the waiter has suspended on this thread.
    #[inline(always)]
    #[must_use]
    pub fn pop_here(&mut self, here: Here, outcome: Outcome) -> Option<(Claimed, *mut ())> {
        self.pop_by(|ticket| ticket.claim_here(here, outcome), outcome)
    }

    #[inline(always)]
    fn pop_by(
        &mut self,
        claim: impl FnOnce(Ticket) -> Option<Claimed>,
        outcome: Outcome,
    ) -> Option<(Claimed, *mut ())> {
        // SAFETY: the head is linked, hence alive by the contract of `push`.
        let node = unsafe { self.head.as_ref() }?;
        self.remove_head(node);
        match claim(node.ticket) {
            Some(claimed) => {
                // The waiter does not run before `claimed` is dropped, so the node is still alive.
                node.won.set(true);
                Some((claimed, node.payload))
            }
            None => self.pop_next(outcome),
        }
    }

    /// Takes out the oldest waiter that can be woken, and calls `exchange` with its payload. `None`: nobody can.
    ///
    /// `Some(Some(claim))`: the waiter goes on when the claim is dropped, which is to be done after the lock is released.
    /// `Some(None)`: it goes on already. It is a thread that did not sleep yet, its node is [alone](Node::alone), and one
    /// read-modify-write has ended its wait.
    ///
    /// `exchange` may be called several times: each call undoes the one before.
    #[inline(always)]
    pub fn exchange_with_oldest(
        &mut self,
        here: Here,
        mut exchange: impl FnMut(*mut ()),
    ) -> Option<Option<Claimed>> {
        // SAFETY: the head is linked, hence alive by the contract of `push`.
        let node = unsafe { self.head.as_ref() }?;
        ahead::fetch_to_write(node);
        if node.alone && node.ticket.is_awake() {
            let (ticket, payload) = (node.ticket, node.payload);
            // The payload may be used before the wait is ours: others that may end the wait do not touch it, and the owner
            // first takes the lock that our caller holds.
            exchange(payload);
            node.linked.set(false);
            let next = node.next.get();
            if ticket.end(Outcome::Woken) {
                self.set_head(next);
                return Some(None);
            }
            node.linked.set(true);
            exchange(payload);
        }
        let (claimed, payload) = self.pop_here(here, Outcome::Woken)?;
        exchange(payload);
        Some(Some(claimed))
    }

    /// The head was claimed by others.
    #[cold]
    #[inline(never)]
    fn pop_next(&mut self, outcome: Outcome) -> Option<(Claimed, *mut ())> {
        self.pop_if(outcome, |_| true)
    }

    #[inline(always)]
    fn remove_head(&mut self, node: &Node) {
        node.linked.set(false);
        self.set_head(node.next.get());
    }

    /// The head has left.
    #[inline(always)]
    fn set_head(&mut self, head: *const Node) {
        self.head = head;
        // SAFETY: the next in the list is linked, hence alive by the contract of `push`.
        match unsafe { self.head.as_ref() } {
            None => self.tail = ptr::null(),
            Some(next) => next.prev.set(ptr::null()),
        }
    }

    /// As [`pop`](Self::pop), but only if `accept` agrees to the payload of the oldest waiter that
    /// can be claimed; if it does not, that one stays first.
    #[inline]
    #[must_use]
    pub fn pop_if(
        &mut self,
        outcome: Outcome,
        mut accept: impl FnMut(*mut ()) -> bool,
    ) -> Option<(Claimed, *mut ())> {
        while let Some(node) = NonNull::new(self.head.cast_mut()) {
            // SAFETY: the head is linked, hence alive by the contract of `push`.
            let node = unsafe { node.as_ref() };
            if node.ticket.is_open() && !accept(node.payload) {
                return None;
            }
            // SAFETY: the head is linked into this queue.
            unsafe { self.remove(node) };
            if let Some(claimed) = node.ticket.claim(outcome) {
                // If it was not open when `accept` was to be asked it cannot be claimed either.
                node.won.set(true);
                return Some((claimed, node.payload));
            }
        }
        None
    }

    /// As [`pop`](Self::pop), but takes the most urgent waiter there is, of equals the oldest. O(n).
    #[must_use]
    pub fn pop_most_urgent(&mut self, outcome: Outcome) -> Option<(Claimed, *mut ())> {
        loop {
            let node = NonNull::from(self.find_most_urgent()?);
            // SAFETY: it is linked, hence alive by the contract of `push`, and into this queue.
            let node = unsafe { node.as_ref() };
            // SAFETY: as above.
            unsafe { self.remove(node) };
            if let Some(claimed) = node.ticket.claim(outcome) {
                // As in `pop`.
                node.won.set(true);
                return Some((claimed, node.payload));
            }
        }
    }

    /// How urgent the most urgent waiter is that has not been claimed yet. O(n).
    #[must_use]
    pub fn most_urgent(&self) -> Option<Priority> {
        self.find_most_urgent()
            .map(|node| node.ticket.unit().priority())
    }

    fn find_most_urgent(&self) -> Option<&Node> {
        let (mut at, mut found) = (self.head, None);
        let mut most = None;
        // SAFETY: the head and every successor are linked, hence alive by the contract of `push`.
        while let Some(node) = unsafe { at.as_ref() }
            && most < Some(Priority::High)
        {
            let urgency = Some(node.ticket.unit().priority());
            if urgency > most && node.ticket.is_open() {
                (most, found) = (urgency, Some(node));
            }
            at = node.next.get();
        }
        found
    }

    /// Takes everybody out; returns those who could be claimed with `outcome`, oldest first.
    #[must_use]
    pub fn pop_all(&mut self, outcome: Outcome) -> Vec<Claimed> {
        std::iter::from_fn(|| self.pop(outcome))
            .map(|(claimed, _)| claimed)
            .collect()
    }

    /// The first waiter that has not been claimed yet, with its payload; it stays in the queue.
    #[must_use]
    pub fn peek_open(&self) -> Option<(Ticket, *mut ())> {
        self.peek_open_if(|_| true)
    }

    /// As [`peek_open`](Self::peek_open), but passes over `unit`: one that waits for several things
    /// at once may be in both queues of an object, and is no partner for itself.
    #[must_use]
    pub fn peek_open_but(&self, unit: &'static Unit) -> Option<(Ticket, *mut ())> {
        self.peek_open_if(|ticket| !ptr::eq(ticket.unit(), unit))
    }

    fn peek_open_if(&self, is_meant: impl Fn(Ticket) -> bool) -> Option<(Ticket, *mut ())> {
        let mut at = self.head;
        // SAFETY: the head and every successor are linked, hence alive by the contract of `push`.
        while let Some(node) = unsafe { at.as_ref() } {
            if node.ticket.is_open() && is_meant(node.ticket) {
                return Some((node.ticket, node.payload));
            }
            at = node.next.get();
        }
        None
    }

    /// How many wait here, claimed ones included. O(n), for onlookers.
    #[must_use]
    pub fn len(&self) -> usize {
        let (mut at, mut n) = (self.head, 0);
        // SAFETY: as in `peek_open`.
        while let Some(node) = unsafe { at.as_ref() } {
            n += 1;
            at = node.next.get();
        }
        n
    }
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("waiters", &self.len())
            .finish()
    }
}
