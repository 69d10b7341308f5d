//! A bounded queue of numbers that a signal handler may push to: a ring of stamped slots.
//!
//! ```text
//!  slot i of a ring of n:   stamp = i      free, for the push number i
//!                           stamp = i + 1  holds what the push number i left
//!                           stamp = i + n  free again, for the push number i + n
//! ```
//!
//! A push is a few atomic operations: no lock, no allocation, no system call, no wait for anybody. One
//! that is interrupted in the middle (by another handler, say) holds up those who take, at its slot,
//! and nobody who pushes. So whoever pushes tells the takers only after his push is complete, and
//! then all that lies before his slot was told of, or will be.
//!
//! Source: D. Vyukov, *Bounded MPMC queue* (2010).

use vitte_wait::facade::atomic::{AtomicU64, AtomicUsize, Ordering::*};

/// See the [module documentation](self).
pub(crate) struct Ring {
    slots: Box<[Slot]>,
    /// The number of the next push.
    pushed: AtomicUsize,
    /// The number of the push that is taken next.
    taken: AtomicUsize,
}

struct Slot {
    stamp: AtomicUsize,
    value: AtomicU64,
}

impl Ring {
    /// A ring for at least `capacity` numbers.
    pub(crate) fn new(capacity: usize) -> Self {
        // In a ring of one slot the stamps for "holds" and "free again" would be the same.
        let capacity = capacity.max(2).next_power_of_two();
        Self {
            slots: (0..capacity)
                .map(|index| Slot {
                    stamp: AtomicUsize::new(index),
                    value: AtomicU64::new(0),
                })
                .collect(),
            pushed: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How many were taken so far.
    #[cfg(all(test, loom))]
    pub(crate) fn count_taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    fn slot(&self, number: usize) -> &Slot {
        &self.slots[number & (self.slots.len() - 1)]
    }

    /// Leaves `value`; false if the ring is full. Async-signal-safe.
    #[must_use]
    pub(crate) fn push(&self, value: u64) -> bool {
        let mut number = self.pushed.load(Relaxed);
        loop {
            let slot = self.slot(number);
            // Ordering: Acquire. Partner: the Release in `pop`, which frees the slot.
            let stamp = slot.stamp.load(Acquire);
            if stamp == number {
                let next = number.wrapping_add(1);
                match (self.pushed).compare_exchange_weak(number, next, Relaxed, Relaxed) {
                    Ok(_) => {
                        slot.value.store(value, Relaxed);
                        // Ordering: Release. Partner: the Acquire in `pop`.
                        slot.stamp.store(next, Release);
                        return true;
                    }
                    Err(now) => number = now,
                }
                continue;
            }
            let now = self.pushed.load(Relaxed);
            if now == number {
                // What was left a round ago was not taken yet.
                return false;
            }
            number = now;
        }
    }

    /// Whether there is something to take; a hint.
    pub(crate) fn is_ready(&self) -> bool {
        let number = self.taken.load(Relaxed);
        self.slot(number).stamp.load(Relaxed) == number.wrapping_add(1)
    }

    /// Takes the oldest. `None`: there is none, or the push of it is not complete. Any thread, but in
    /// no handler.
    pub(crate) fn pop(&self) -> Option<u64> {
        let mut number = self.taken.load(Relaxed);
        loop {
            let slot = self.slot(number);
            let next = number.wrapping_add(1);
            // Ordering: Acquire. Partner: the Release in `push`.
            if slot.stamp.load(Acquire) == next {
                match (self.taken).compare_exchange_weak(number, next, Relaxed, Relaxed) {
                    Ok(_) => {
                        let value = slot.value.load(Relaxed);
                        let free = number.wrapping_add(self.slots.len());
                        // Ordering: Release. Partner: the Acquire in `push`.
                        slot.stamp.store(free, Release);
                        return Some(value);
                    }
                    Err(now) => number = now,
                }
                continue;
            }
            let now = self.taken.load(Relaxed);
            if now == number {
                return None;
            }
            number = now;
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use vitte_wait::facade::{Arc, thread};

    #[test]
    fn a_full_ring_says_so_and_takes_again_when_there_is_room() {
        for asked in 1..9 {
            let ring = Ring::new(asked);
            let room = ring.capacity() as u64;
            assert!(room >= asked as u64);
            for round in 0..3 {
                assert!(!ring.is_ready() && ring.pop().is_none());
                assert!((0..room).all(|at| ring.push(round * room + at)));
                assert!(!ring.push(99));
                assert_eq!(ring.pop(), Some(round * room));
                assert!(ring.push(100));
                assert!((1..room).all(|at| ring.pop() == Some(round * room + at)));
                assert_eq!(ring.pop(), Some(100));
            }
        }
    }

    #[test]
    fn what_four_threads_push_two_take_once_each() {
        const EACH: u64 = 20_000;
        let ring = Arc::new(Ring::new(8));
        let pushers: Vec<_> = (0..4)
            .map(|who| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || {
                    for at in 0..EACH {
                        while !ring.push(who * EACH + at) {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || {
                    let mut got = Vec::new();
                    // The last of each pusher may go to the other taker: a mark ends each.
                    loop {
                        match ring.pop() {
                            Some(u64::MAX) => return got,
                            Some(value) => got.push(value),
                            None => thread::yield_now(),
                        }
                    }
                })
            })
            .collect();
        for pusher in pushers {
            pusher.join().unwrap();
        }
        for _ in 0..2 {
            while !ring.push(u64::MAX) {
                thread::yield_now();
            }
        }
        let mut all = Vec::new();
        for taker in takers {
            let got = taker.join().unwrap();
            for who in 0..4 {
                let of_one = got.iter().filter(|&&value| value / EACH == who);
                assert!(of_one.is_sorted(), "each pusher's come in order");
            }
            all.extend(got);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..4 * EACH));
    }
}
