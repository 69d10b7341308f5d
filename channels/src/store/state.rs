//! The state of a channel under its lock: what is inside, who waits, and what follows from what.
//!
//! Invariants, whenever the lock is free: an open receiver waits only while nothing is inside and
//! no open sender waits; an open sender waits only while there is no room; open joiners wait only
//! until the channel is closed and empty. Whoever finds a waiter of the other kind does that
//! waiter's operation for it, through the place that the waiter has lent; claimed waiters are woken
//! after the lock is released.

use super::{End, Store};
use crate::{
    error::{TryRecvError, TrySendError},
    lent::Lent,
    waiters::{Side, Waiters},
};
use vitte_wait::{Claimed, Outcome, WaitQueue, current};

/// What the lock guards.
pub(super) struct State<S> {
    pub(super) store: S,
    pub(super) closed: bool,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    /// Those of the senders here put their values at the back.
    waiters: Waiters,
    /// Senders that put their values at the front.
    front: WaitQueue,
    joiners: WaitQueue,
    /// Senders that wait for the channel to be closed.
    closers: WaitQueue,
}

/// What a unit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Senders(End),
    Receivers,
    /// Those who wait for the channel to be closed and empty.
    Joiners,
    /// Senders that wait for the channel to be closed.
    Closers,
}

/// Those whose waits have ended, to be woken when the lock is free. Nearly always one at most.
#[derive(Default)]
pub(super) struct Woken {
    one: Option<Claimed>,
    more: Vec<Claimed>,
}

impl Woken {
    fn add(&mut self, claimed: Claimed) {
        if self.one.is_none() {
            self.one = Some(claimed);
        } else {
            self.more.push(claimed);
        }
    }
}

/// A sender whose wait was claimed.
struct Waiting<T> {
    claimed: Claimed,
    /// Where it gets its value back, before it is woken.
    payload: *mut (),
    value: T,
    end: End,
}

impl<S: Store> State<S> {
    /// Of a new channel: with one sender and one receiver.
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            closed: false,
            senders: 1,
            receivers: 1,
            waiters: Waiters::default(),
            front: WaitQueue::new(),
            joiners: WaitQueue::new(),
            closers: WaitQueue::new(),
        }
    }

    /// Lets `value` in if that can be done now.
    pub(super) fn admit(
        &mut self,
        value: S::Value,
        end: End,
        capacity: usize,
        woken: &mut Woken,
    ) -> Result<S::Receipt, TrySendError<S::Value>> {
        if self.closed {
            return Err(TrySendError::Closed(value));
        }
        if self.store.has_twin(&value) {
            return Ok(S::refused(value));
        }
        if let Some((claimed, payload)) = self.waiters.of(Side::Receivers).pop(Outcome::Woken) {
            // SAFETY: the payload of a receiver's node here is a `Lent<S::Value>`; we hold the
            // claim.
            unsafe { Lent::put(payload, value) };
            woken.add(claimed);
            return Ok(S::sent());
        }
        if self.store.count() >= capacity {
            return Err(TrySendError::Full(value));
        }
        self.store.put(value, end);
        Ok(S::sent())
    }

    /// Gives out up to `most` of the values inside, and lets those in who waited for it.
    pub(super) fn discharge(
        &mut self,
        most: usize,
        mut give: impl FnMut(S::Value),
        capacity: usize,
        woken: &mut Woken,
    ) -> Result<usize, TryRecvError> {
        let mut taken = 0;
        while taken < most
            && let Some(value) = self.store.take()
        {
            give(value);
            taken += 1;
        }
        if taken == 0 && most > 0 {
            // Only where there is never room does somebody wait while nothing is inside.
            let Some(sender) = self.pop_sender() else {
                return Err(if self.closed {
                    TryRecvError::Closed
                } else {
                    TryRecvError::Empty
                });
            };
            woken.add(sender.claimed);
            give(sender.value);
            taken = 1;
        }
        while self.store.count() < capacity
            && let Some(sender) = self.pop_sender()
        {
            woken.add(sender.claimed);
            if self.store.has_twin(&sender.value) {
                // It is woken with its value, tries again, and is told.
                // SAFETY: the payload is that of a `Lent<S::Value>`, and we hold the claim.
                unsafe { Lent::put(sender.payload, sender.value) };
            } else {
                self.store.put(sender.value, sender.end);
            }
        }
        self.wake_joiners(woken);
        Ok(taken)
    }

    /// Claims the sender whose turn it is, and takes its value.
    fn pop_sender(&mut self) -> Option<Waiting<S::Value>> {
        let (end, (claimed, payload)) = match self.front.pop(Outcome::Woken) {
            Some(first) => (End::Front, first),
            None => (
                End::Back,
                self.waiters.of(Side::Senders).pop(Outcome::Woken)?,
            ),
        };
        // SAFETY: the payload of a sender's node here is a `Lent<S::Value>`; we hold the claim.
        let value = unsafe { Lent::take(payload) };
        Some(Waiting {
            claimed,
            payload,
            value: value.expect("a sender that waits has lent its value"),
            end,
        })
    }

    /// Whether the channel is closed and empty.
    pub(super) fn is_over(&self) -> bool {
        self.closed && self.store.count() == 0
    }

    pub(super) fn wake_joiners(&mut self, woken: &mut Woken) {
        if self.is_over() {
            woken.more.extend(self.joiners.pop_all(Outcome::Woken));
        }
    }

    /// Lets nothing more in, and wakes all who wait.
    pub(super) fn close(&mut self, woken: &mut Woken) {
        if !self.closed {
            self.closed = true;
            let others = self.waiters.drain();
            woken.more.extend(self.front.pop_all(Outcome::Woken));
            woken.more.extend(self.closers.pop_all(Outcome::Woken));
            woken.more.extend(others.into_iter().flatten());
            self.wake_joiners(woken);
        }
    }

    pub(super) fn line(&mut self, line: Line) -> &mut WaitQueue {
        match line {
            Line::Senders(End::Back) => self.waiters.of(Side::Senders),
            Line::Senders(End::Front) => &mut self.front,
            Line::Receivers => self.waiters.of(Side::Receivers),
            Line::Joiners => &mut self.joiners,
            Line::Closers => &mut self.closers,
        }
    }

    /// Whether there is still nothing to do for a unit that is about to wait.
    pub(super) fn must_wait(&mut self, line: Line, capacity: usize) -> bool {
        // One unit may select among both ends, and is no partner for itself.
        let own = current::unit();
        match line {
            Line::Senders(_) => {
                let receivers = self.waiters.of(Side::Receivers);
                !self.closed
                    && receivers.peek_open_but(own).is_none()
                    && self.store.count() >= capacity
            }
            Line::Receivers => {
                let senders = self.waiters.of(Side::Senders);
                !self.closed
                    && senders.peek_open_but(own).is_none()
                    && self.front.peek_open_but(own).is_none()
                    && self.store.count() == 0
            }
            Line::Joiners => !self.is_over(),
            Line::Closers => !self.closed,
        }
    }

    /// How many senders and receivers wait, for onlookers.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let (senders, receivers) = self.waiters.counts();
        (senders + self.front.len(), receivers)
    }
}
