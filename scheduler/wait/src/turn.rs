//! A turn: a lock of one word that may be held across waits.
//!
//! It is the third mutex of Ulrich Drepper's "Futexes Are Tricky" on top of
//! [`wait_on`](crate::wait_on()): its waiters are fibers and threads alike. It is for turns at
//! something that blocks, which a [`facade::Mutex`](crate::facade::Mutex) must never be held
//! across. It is not fair: who comes just as it is released may be first.

use crate::{
    Deadline, Outcome, StopToken,
    facade::atomic::{AtomicU32, Ordering::*},
    wait_on, wake,
};

/// Nobody's turn.
const FREE: u32 = 0;
/// Somebody's turn, and nobody waits.
const TAKEN: u32 = 1;
/// Somebody's turn, and somebody may wait.
const WANTED: u32 = 2;

/// A lock that may be held across waits. See the [file's documentation](self).
///
/// ```
/// use vitte_wait::{Deadline, Outcome, Turn};
///
/// let turn = Turn::new();
/// let mine = turn.try_take().unwrap();
/// assert!(turn.try_take().is_none());
/// assert_eq!(turn.take(Deadline::NOW, None).unwrap_err(), Outcome::TimedOut);
/// drop(mine);
/// assert!(turn.try_take().is_some());
/// ```
#[derive(Debug, Default)]
pub struct Turn(AtomicU32);

/// Proof that it is one's turn; over when dropped.
#[derive(Debug)]
pub struct MyTurn<'a>(&'a Turn);

impl Turn {
    /// Nobody's turn.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the turn if it is nobody's.
    #[inline]
    pub fn try_take(&self) -> Option<MyTurn<'_>> {
        // Ordering: Acquire. Partner: the Release in `MyTurn::drop`; whatever was done in the
        // turn before is visible in this one.
        let taken = self.0.compare_exchange(FREE, TAKEN, Acquire, Relaxed);
        taken.ok().map(|_| MyTurn(self))
    }

    /// Waits for the turn.
    ///
    /// # Errors
    /// What ended the wait instead.
    ///
    /// # Blocking
    /// Blocks the calling unit: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// The place in the queue is lost.
    ///
    /// # Panics
    /// As [`Wait::begin`](crate::Wait::begin).
    #[inline]
    pub fn take(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MyTurn<'_>, Outcome> {
        match self.try_take() {
            Some(turn) => Ok(turn),
            None => self.take_slow(deadline, stop),
        }
    }

    #[cold]
    fn take_slow(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<MyTurn<'_>, Outcome> {
        // Liveness: from here on the word says that somebody waits, so whoever releases it wakes.
        // One who gives up leaves that behind, which costs a wake-up of nobody; one who was woken
        // and gives up before its swap cannot be: a wake-up leads to the swap.
        // Ordering: Acquire, as in `try_take`.
        while self.0.swap(WANTED, Acquire) != FREE {
            match wait_on(&self.0, WANTED, deadline, stop) {
                Outcome::Woken => {}
                ended => return Err(ended),
            }
        }
        Ok(MyTurn(self))
    }
}

impl Drop for MyTurn<'_> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire of the next turn.
        if self.0.0.swap(FREE, Release) == WANTED {
            wake(&raw const self.0.0, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{Arc, Mutex},
        thread,
        time::Duration,
    };

    #[test]
    fn turns_exclude_each_other_and_nobody_waits_for_ever() {
        const ROUNDS: usize = 2000;
        let turn = Arc::new(Turn::new());
        let count = Arc::new(Mutex::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (turn, count) = (turn.clone(), count.clone());
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        let limit = Deadline::after(Duration::from_secs(60));
                        let _mine = turn.take(limit, None).unwrap();
                        *count.try_lock().expect("turns overlap") += 1;
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*count.lock().unwrap(), 4 * ROUNDS);
    }

    #[test]
    fn one_who_gives_up_does_not_take_the_turn_with_it() {
        let turn = Turn::new();
        let mine = turn.try_take().unwrap();
        let soon = Deadline::after(Duration::from_millis(1));
        assert_eq!(turn.take(soon, None).unwrap_err(), Outcome::TimedOut);
        drop(mine);
        drop(turn.take(Deadline::NOW, None).unwrap());
    }
}
