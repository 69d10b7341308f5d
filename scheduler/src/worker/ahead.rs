//! Looking ahead in the line: asking for the memory of those who run next.
//!
//! Note \[Ahead\]: a fiber that has waited for long lies in three places that no cache holds any more: its record, the upper end of
//! its stack with what a switch needs, and the frames where it stands. Each leads to the next, so who resumes it waits
//! for the memory three times in a row, longer than many a fiber runs for. So while there is a crowd, whoever takes a task from the
//! line asks for the frames of the next one, for the upper end of the stack of the one after that, and for the record of
//! the third: what he reads on the way there was asked for when the one before was taken.
//!
//! It is a hint to the processor, so nothing depends on it. It costs some nanoseconds a task, and gains nothing where few
//! fibers talk to each other. So it is done only from [`CROWD`] stacks on, which is looked up once a round.
//!
//! Invariant: who lies in a worker's own line has begun and is suspended, and nobody but the worker resumes him.

use crate::{carrier::Carrier, task::Task, worker::Worker};
use vitte_wait::{ahead::fetch, facade::atomic::Ordering::Relaxed};

/// With so many stacks in use, the caches next to a processor do not hold what all of them need.
const CROWD: usize = 512;
/// The bytes of a cache line.
const LINE: usize = 64;
/// How many lines of a fiber's frames are asked for, from where it stands.
const FRAMES: usize = 8;

impl Worker {
    /// Looks up anew whether there is a crowd.
    #[inline]
    pub(super) fn look_for_crowd(&self) {
        self.crowd.set(self.shared().stacks.in_use() >= CROWD);
    }

    /// A task was taken from the line, of which `next` is the first now. See Note \[Ahead\].
    #[inline(always)]
    pub(super) fn look_ahead(&self, next: *const Task) {
        if self.crowd.get() {
            look_ahead(next);
        }
    }
}

#[cold]
#[inline(never)]
fn look_ahead(first: *const Task) {
    // SAFETY: null or a record, and records are immortal, as all that follow.
    let Some(first) = (unsafe { first.as_ref() }) else {
        return;
    };
    // SAFETY: it lies in the worker's line, so it has begun and has not ended.
    let carrier: &Carrier = unsafe { Carrier::under(first.hot.hi.load(Relaxed)) };
    let stands_at = carrier.suspender().point().sp;
    for line in 0..FRAMES {
        fetch(stands_at + line * LINE);
    }
    // SAFETY: as above.
    let Some(second) = (unsafe { first.link.get().as_ref() }) else {
        return;
    };
    let hi = second.hot.hi.load(Relaxed);
    for at in (hi - size_of_val(carrier.suspender())..hi + size_of::<Carrier>()).step_by(LINE) {
        fetch(at);
    }
    let third = second.link.get().addr();
    fetch(third);
    fetch(third + LINE);
}
