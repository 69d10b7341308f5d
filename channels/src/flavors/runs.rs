//! Several slots of the bounded ring in one go.
//!
//! A receiver takes a run of full slots by one compare-and-swap. A sender takes its slots one by one,
//! for it cannot give one back, and does not know how many values an iterator will yield before it
//! has them; but like the receiver it looks for waiters once, at the end (or before it asks the
//! iterator for more than that has promised, for who knows how long it takes).

use super::bounded::{Bounded, FLAGS, Place, Refusal, WAITS, WRITTEN};
use crate::{
    error::{TryRecvError, TrySendError},
    spin::Spin,
    unsent::Unsent,
    waiters::Side,
};
use vitte_wait::facade::atomic::Ordering::*;

/// Waiters of a side that have something to do, and have not been told yet. Unwind: they are told.
struct Owed<'a, T> {
    ring: &'a Bounded<T>,
    side: Side,
    count: usize,
}

impl<T> Owed<'_, T> {
    fn settle(&mut self) {
        let flag = match self.side {
            Side::Senders => &self.ring.head,
            Side::Receivers => &self.ring.tail,
        };
        for _ in 0..std::mem::take(&mut self.count) {
            self.ring.serve(self.side);
            // Liveness: a flag that goes up again is that of a waiter who has seen what we did.
            if flag.load(Relaxed) & WAITS == 0 {
                break;
            }
        }
    }
}

impl<T> Drop for Owed<'_, T> {
    fn drop(&mut self) {
        self.settle();
    }
}

impl<T> Bounded<T> {
    pub(super) fn send_run<I: Iterator<Item = T>>(
        &self,
        values: &mut Unsent<I>,
    ) -> Result<(), TrySendError<()>> {
        let mut owed = Owed {
            ring: self,
            side: Side::Receivers,
            count: 0,
        };
        let mut promised = values.promised();
        while let Some(value) = values.next() {
            match self.reserve::<true>() {
                Ok(place) => {
                    owed.count += usize::from(place.waits);
                    place.put(value);
                    values.went(1);
                    promised -= 1;
                    if promised == 0 {
                        owed.settle();
                        promised = values.promised();
                    }
                }
                Err(refusal) => {
                    values.put_back(value);
                    return Err(match refusal {
                        Refusal::NotNow => TrySendError::Full(()),
                        Refusal::Closed => TrySendError::Closed(()),
                    });
                }
            }
        }
        Ok(())
    }

    pub(super) fn recv_run(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        let mut owed = Owed {
            ring: self,
            side: Side::Senders,
            count: 0,
        };
        let mut spin = Spin::new();
        loop {
            let head = self.head.load(Relaxed);
            let first = head & !FLAGS;
            let (count, end) = self.full_slots(first, limit);
            if count == 0 {
                break;
            }
            into.reserve(count);
            // Ordering: AcqRel. As in `claim`, of which this is many. Partner: `reserve`, `arm`.
            // While the head has not moved, nobody else can have taken what we have seen.
            let next = end | (head & FLAGS);
            if self
                .head
                .compare_exchange_weak(head, next, AcqRel, Relaxed)
                .is_err()
            {
                spin.contended();
                continue;
            }
            if head & WAITS != 0 {
                owed.count = count;
            }
            let mut position = first;
            for _ in 0..count {
                let place = Place {
                    slot: self.slot(position),
                    position,
                    waits: false,
                };
                // SAFETY: this is what `claim` would have given out; the slot was written.
                into.push(unsafe { place.take(self.lap) });
                position = self.after(position);
            }
            return Ok(count);
        }
        // Empty, closed, or a sender is half-way through: `claim` knows.
        into.reserve(1);
        match self.claim::<true>() {
            Ok(place) => {
                owed.count = usize::from(place.waits);
                // SAFETY: the place came from `claim`.
                into.push(unsafe { place.take(self.lap) });
                Ok(1)
            }
            Err(Refusal::NotNow) => Err(TryRecvError::Empty),
            Err(Refusal::Closed) => Err(TryRecvError::Closed),
        }
    }

    /// How many slots from `first` on are full, up to `limit`, and the position after them.
    fn full_slots(&self, first: usize, limit: usize) -> (usize, usize) {
        let (mut count, mut position) = (0, first);
        // Ordering: Acquire. Partner: the Release in `Place::put`, with which came the value.
        while count < limit && self.slot(position).stamp.load(Acquire) == position | WRITTEN {
            count += 1;
            position = self.after(position);
        }
        (count, position)
    }
}
