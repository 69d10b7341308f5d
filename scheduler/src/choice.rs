//! Every free choice of the scheduler: whom to steal from, whom to wake, in which order.
//!
//! All of them are made here, from one source of randomness a worker, so that a run can be
//! repeated by repeating the seed, and another source can be put in this one's place.

use std::cell::Cell;

/// A worker's source of choices. Owner only.
///
/// Source: Marsaglia, *Xorshift RNGs* (2003), with the multiplication of Vigna's xorshift64*.
pub(crate) struct Choice {
    state: Cell<u64>,
}

impl Choice {
    /// The choices of worker `index` under `seed`.
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        // Spread by the golden ratio, so that neighbours do not choose alike; never zero.
        let state = seed ^ (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            state: Cell::new(state | 1),
        }
    }

    /// What the dice of this worker's thread begin with: those of `vitte-wait`, which has none of ours.
    pub(crate) fn seed(&self) -> u64 {
        self.state.get()
    }

    /// One of `0..n`. `n` is not zero.
    pub(crate) fn below(&self, n: usize) -> usize {
        let mut x = self.state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.state.set(x);
        let x = x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((x * n as u64) >> 32) as usize
    }
}

/// Which sleeper to wake: the one that fell asleep last, whose caches are warmest. It is a choice
/// like the others, so it is made here.
pub(crate) fn sleeper_to_wake(sleepers: &mut Vec<usize>) -> Option<usize> {
    sleepers.pop()
}
