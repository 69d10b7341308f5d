//! The flavors: one file each, with the same verbs.

mod block;
pub(crate) mod bounded;
pub(crate) mod consumers;
pub(crate) mod few;
pub(crate) mod ring;
mod runs;
pub(crate) mod unbounded;

use crate::{
    error::{RecvUntilError, SendUntilError, TryRecvError, TrySendError},
    spin::{Patience, TriesFirst},
    unsent::Unsent,
    waiters::{Side, Waitable, wait_in},
};
#[cfg(not(debug_assertions))]
use vitte_wait::detour;
use vitte_wait::{Deadline, Outcome, StopToken};

/// What every flavor can do. The waiting forms are the same for all: try, look again while
/// announced, park, and try again, unless the waker did it for us.
pub(crate) trait Flavor<T>: Waitable + Sized {
    /// What `Debug` calls it.
    fn name(&self) -> &'static str;

    /// Who may try a little longer before queueing up. Nobody where only a waiter that is queued can
    /// be found: two that both look for the other would never meet.
    fn tries_first(&self) -> TriesFirst;

    /// # Safety
    /// For flavors that say so, the caller is the only producer at this moment.
    unsafe fn try_send(&self, value: T) -> Result<(), TrySendError<T>>;

    /// # Safety
    /// For flavors that say so, the caller is the only consumer at this moment.
    unsafe fn try_recv(&self) -> Result<T, TryRecvError>;

    /// Sends values while there is room. What did not go is in `values` again, which counts those
    /// that did; Ok: all of them.
    ///
    /// # Safety
    /// As for [`try_send`](Self::try_send).
    unsafe fn try_send_many<I: Iterator<Item = T>>(
        &self,
        values: &mut Unsent<I>,
    ) -> Result<(), TrySendError<()>> {
        while let Some(value) = values.next() {
            // SAFETY: by the caller.
            match unsafe { self.try_send(value) } {
                Ok(()) => values.went(1),
                Err(error) => return Err(error.map(|value| values.put_back(value))),
            }
        }
        Ok(())
    }

    /// Appends up to `limit` values, which is not 0, and says how many.
    ///
    /// # Safety
    /// As for [`try_recv`](Self::try_recv).
    unsafe fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        let mut received = 0;
        while received < limit {
            into.reserve(1);
            // SAFETY: by the caller.
            match unsafe { self.try_recv() } {
                Ok(value) => into.push(value),
                Err(error) if received == 0 => return Err(error),
                Err(_) => break,
            }
            received += 1;
        }
        Ok(received)
    }

    /// Refuses further values and wakes everybody who waits. Twice is the same as once.
    fn close(&self);

    /// Closes, because nobody is left to send.
    ///
    /// # Safety
    /// The caller is the only producer that is left.
    unsafe fn last_sender_goes(&self) {
        self.close();
    }

    fn is_closed(&self) -> bool;

    /// How many values are inside; a snapshot.
    fn len(&self) -> usize;

    fn capacity(&self) -> Option<usize>;

    /// Sends `value`, and waits until that can be done.
    ///
    /// # Safety
    /// As for [`try_send`](Self::try_send).
    // Always inlined, up to the detour: every call further out costs a misprediction of its return.
    #[cfg_attr(debug_assertions, inline(never))]
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn send_slow(
        &self,
        value: T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SendUntilError<T>> {
        // Without optimization a value would be copied several times, on a stack that may be small.
        #[cfg(debug_assertions)]
        // SAFETY: by the caller.
        return unsafe { self.send_waiting(value, deadline, stop) };
        // SAFETY: by the caller.
        #[cfg(not(debug_assertions))]
        detour::call(|| unsafe { self.send_waiting(value, deadline, stop) })
    }

    /// Receives a value, and waits until there is one.
    ///
    /// # Safety
    /// As for [`try_recv`](Self::try_recv).
    // Always inlined, as `send_slow`.
    #[cfg_attr(debug_assertions, inline(never))]
    #[cfg_attr(not(debug_assertions), inline(always))]
    unsafe fn recv_slow(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        // As in `send_slow`.
        #[cfg(debug_assertions)]
        // SAFETY: by the caller.
        return unsafe { self.recv_waiting(deadline, stop) };
        // SAFETY: by the caller.
        #[cfg(not(debug_assertions))]
        detour::call(|| unsafe { self.recv_waiting(deadline, stop) })
    }

    /// # Safety
    /// As for [`try_send`](Self::try_send).
    #[inline(always)]
    unsafe fn send_waiting(
        &self,
        mut value: T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), SendUntilError<T>> {
        let mut patience = Patience::new(self.tries_first());
        loop {
            while patience.is_left() {
                // SAFETY: by the caller.
                match unsafe { self.try_send(value) } {
                    Ok(()) => return Ok(()),
                    Err(TrySendError::Closed(value)) => return Err(SendUntilError::Closed(value)),
                    Err(TrySendError::Full(back)) => value = back,
                }
            }
            let (outcome, back) = wait_in(self, Side::Senders, Some(value), deadline, stop);
            let Some(back) = back else {
                return Ok(());
            };
            match outcome {
                None | Some(Outcome::Woken) => value = back,
                Some(Outcome::TimedOut) => return Err(SendUntilError::TimedOut(back)),
                Some(Outcome::Canceled) => return Err(SendUntilError::Canceled(back)),
                Some(Outcome::Stopped) => return Err(SendUntilError::Stopped(back)),
            }
            patience = Patience::once_more(self.tries_first());
        }
    }

    /// # Safety
    /// As for [`try_recv`](Self::try_recv).
    #[inline(always)]
    unsafe fn recv_waiting(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<T, RecvUntilError> {
        let mut patience = Patience::new(self.tries_first());
        loop {
            while patience.is_left() {
                // SAFETY: by the caller.
                match unsafe { self.try_recv() } {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Closed) => return Err(RecvUntilError::Closed),
                    Err(TryRecvError::Empty) => {}
                }
            }
            let (outcome, received) = wait_in(self, Side::Receivers, None, deadline, stop);
            if let Some(value) = received {
                return Ok(value);
            }
            match outcome {
                None | Some(Outcome::Woken) => {}
                Some(Outcome::TimedOut) => return Err(RecvUntilError::TimedOut),
                Some(Outcome::Canceled) => return Err(RecvUntilError::Canceled),
                Some(Outcome::Stopped) => return Err(RecvUntilError::Stopped),
            }
            patience = Patience::once_more(self.tries_first());
        }
    }
}
