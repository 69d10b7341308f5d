//! A number, and those who wait for it to be zero: what latches and wait groups are made of.
//!
//! ```text
//! | number | awaited |
//! ```
//!
//! The step to zero is taken under the line's lock if somebody may wait, together with clearing the
//! flag: so one who waits for a later zero is not woken by an earlier one. See
//! Note [Awaited flags].

use crate::{
    WaitError,
    forms::const_new,
    line::{Inside, Line, Waited},
};
use vitte_wait::{
    Deadline, Outcome, Reason, StopToken, Wait,
    facade::atomic::{AtomicUsize, Ordering::*},
};

const AWAITED: usize = 1;
const SHIFT: u32 = 1;

pub(crate) struct Count {
    word: AtomicUsize,
    line: Line<()>,
}

/// The number would have been less than zero, or too large.
#[derive(Debug)]
pub(crate) struct OutOfRange;

impl Count {
    pub(crate) const MAX: usize = usize::MAX >> (SHIFT + 1);

    const_new! {
        pub(crate) fn new(number: usize) -> Self {
            assert!(number <= Self::MAX, "too large a number");
            Self {
                word: AtomicUsize::new(number << SHIFT),
                line: Line::new(()),
            }
        }
    }

    pub(crate) fn number(&self) -> usize {
        // Ordering: Acquire. Partner: the Release in `sub`.
        self.word.load(Acquire) >> SHIFT
    }

    pub(crate) fn add(&self, n: usize) -> Result<(), OutOfRange> {
        if n > Self::MAX {
            return Err(OutOfRange);
        }
        let old = self.word.fetch_add(n << SHIFT, Relaxed) >> SHIFT;
        if old > Self::MAX - n {
            self.word.fetch_sub(n << SHIFT, Relaxed);
            return Err(OutOfRange);
        }
        Ok(())
    }

    /// Takes `n` away; at zero, wakes everybody.
    #[inline]
    pub(crate) fn sub(&self, n: usize) -> Result<(), OutOfRange> {
        let mut now = self.word.load(Relaxed);
        loop {
            let Some(left) = (now >> SHIFT).checked_sub(n) else {
                return Err(OutOfRange);
            };
            if left == 0 && now & AWAITED != 0 {
                if self.finish(now) {
                    return Ok(());
                }
                now = self.word.load(Relaxed);
                continue;
            }
            // Ordering: Release. What was done before is visible to those who wait. Partner: the
            // Acquire in `number`, and in `finish`.
            match self
                .word
                .compare_exchange_weak(now, now - (n << SHIFT), Release, Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => now = other,
            }
        }
    }

    /// The step to zero, if the word is still `now`.
    #[cold]
    fn finish(&self, now: usize) -> bool {
        let mut inside = self.line.lock();
        // Ordering: AcqRel. Release as in `sub`; Acquire, so that those who are woken see what all
        // others did, too. Partner: the Release in `sub`.
        if self.word.compare_exchange(now, 0, AcqRel, Relaxed).is_err() {
            return false;
        }
        let woken = inside.queue.pop_all(Outcome::Woken);
        drop(inside);
        drop(woken);
        true
    }

    /// Waits until the number is zero.
    #[inline]
    pub(crate) fn wait(
        &self,
        object: *const (),
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WaitError> {
        if self.number() == 0 {
            return Ok(());
        }
        self.wait_in_line(object, deadline, stop)
    }

    /// Raises the flag, unless the number is zero. Called under the lock.
    pub(crate) fn arm(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `sub`.
        let mut now = self.word.load(Acquire);
        while now >> SHIFT != 0 {
            // Ordering: Acquire, if it fails, as above.
            match self
                .word
                .compare_exchange_weak(now, now | AWAITED, Relaxed, Acquire)
            {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// One who was in line has left it. Called under the lock.
    pub(crate) fn leave(&self, inside: &mut Inside<()>) {
        if inside.queue.is_empty() {
            self.word.fetch_and(!AWAITED, Relaxed);
        }
    }

    pub(crate) fn line(&self) -> &Line<()> {
        &self.line
    }

    #[cold]
    fn wait_in_line(
        &self,
        object: *const (),
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WaitError> {
        let wait = Wait::begin(Reason::Event, object);
        let arm = |_: &mut Inside<()>| self.arm();
        let leave = |inside: &mut Inside<()>| self.leave(inside);
        let no_payload = std::ptr::null_mut();
        match self
            .line
            .wait(wait, no_payload, (deadline, stop), arm, leave)
        {
            Waited::No => Ok(()),
            Waited::Popped(outcome) | Waited::Left(outcome) => WaitError::of(outcome),
        }
    }
}
