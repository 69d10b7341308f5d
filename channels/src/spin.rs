//! How long to look again before doing something dearer.

use vitte_wait::{
    current,
    facade::{hint, thread},
};

/// Growing pauses between attempts that other parties' progress makes fail.
#[derive(Debug)]
pub(crate) struct Spin(u32);

/// Up to here a pause is a few processor hints; beyond, the processor is offered to others.
const PAUSES: u32 = 6;

impl Spin {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// After a lost compare-and-swap: whoever won it is done, so only keep out of the way.
    #[inline]
    pub(crate) fn contended(&mut self) {
        pause(self.0.min(PAUSES));
        self.0 += 1;
    }

    /// While another party is between two steps of an operation. It runs on a processor, unless
    /// the system took that away from it, and then only giving ours up helps.
    #[inline]
    pub(crate) fn unfinished(&mut self) {
        if self.0 < PAUSES {
            pause(self.0);
        } else {
            thread::yield_now();
        }
        self.0 += 1;
    }
}

#[inline]
fn pause(step: u32) {
    for _ in 0..1_u32 << step {
        hint::spin_loop();
    }
}

/// How often a thread tries again before it goes to sleep, which costs its partner a system
/// call. A fiber has nothing to gain from it: to suspend is cheaper than to look for long.
#[derive(Debug)]
pub(crate) struct Patience(u32);

const PATIENCE: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 10 };

impl Patience {
    pub(crate) fn new(wanted: bool) -> Self {
        Self(if wanted && current::unit().is_thread() {
            PATIENCE
        } else {
            0
        })
    }

    /// Waits a moment and says true, until there have been enough moments.
    #[inline]
    pub(crate) fn is_left(&mut self) -> bool {
        if self.0 == 0 {
            return false;
        }
        let step = PATIENCE - self.0;
        self.0 -= 1;
        if step < PAUSES {
            pause(step);
        } else {
            thread::yield_now();
        }
        true
    }
}
