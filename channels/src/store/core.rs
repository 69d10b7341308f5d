//! A channel over a store: its operations, and where units wait in it.
//!
//! Everything is decided under one lock, so nobody can miss a change: whoever finds nothing to do
//! is in a queue before the lock is free again.

use super::{
    End, Store,
    state::{Line, State, Woken},
};
use crate::{
    WaitError,
    error::{RecvUntilError, SendUntilError, TryRecvError, TrySendError},
    hall::{Hall, wait_in},
    lent::Lent,
    posts::ended,
    select::{Sink, Source, Way},
    spin::{Patience, TriesFirst},
};
use std::{collections::VecDeque, fmt, ptr};
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopToken,
    facade::{Arc, Mutex},
};

/// A channel over a store.
pub(crate) struct Core<S: Store> {
    state: Mutex<State<S>>,
    /// `usize::MAX` for no limit.
    capacity: usize,
}

/// What an onlooker may know.
pub(crate) struct Seen {
    pub(crate) closed: bool,
    pub(crate) len: usize,
    pub(crate) senders: usize,
    pub(crate) receivers: usize,
    pub(crate) waiting: (usize, usize),
}

impl<S: Store> Core<S> {
    pub(crate) fn share(store: S, capacity: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(store)),
            capacity: capacity.unwrap_or(usize::MAX),
        })
    }

    /// Does `work` under the lock, and wakes afterwards whom it has claimed.
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut State<S>, &mut Woken) -> R) -> R {
        // Declared first, so dropped last.
        let mut woken = Woken::default();
        let mut state = self.state.lock();
        let result = work(&mut state, &mut woken);
        drop(state);
        drop(woken);
        result
    }

    pub(crate) fn try_send(
        &self,
        value: S::Value,
        end: End,
    ) -> Result<S::Receipt, TrySendError<S::Value>> {
        self.with(|state, woken| state.admit(value, end, self.capacity, woken))
    }

    /// Sends from the front of `values` until that must wait; how many went in.
    ///
    /// Those that have a twin inside are dropped.
    pub(crate) fn try_send_many(
        &self,
        values: &mut VecDeque<S::Value>,
        end: End,
    ) -> (usize, Result<(), TrySendError<()>>) {
        // Dropped after the lock is released.
        let mut twins = Vec::new();
        let all = values.len();
        let result = self.with(|state, woken| {
            while let Some(value) = values.pop_front() {
                match state.admit(value, end, self.capacity, woken) {
                    Ok(receipt) if S::went_in(&receipt) => {}
                    Ok(receipt) => twins.push(receipt),
                    Err(TrySendError::Full(value)) => {
                        values.push_front(value);
                        return Err(TrySendError::Full(()));
                    }
                    Err(TrySendError::Closed(value)) => {
                        values.push_front(value);
                        return Err(TrySendError::Closed(()));
                    }
                }
            }
            Ok(())
        });
        (all - values.len() - twins.len(), result)
    }

    pub(crate) fn try_recv(&self) -> Result<S::Value, TryRecvError> {
        let mut value = None;
        self.with(|state, woken| {
            state.discharge(1, |taken| value = Some(taken), self.capacity, woken)
        })?;
        Ok(value.expect("one was asked for, and taken"))
    }

    pub(crate) fn try_recv_many(
        &self,
        into: &mut Vec<S::Value>,
        most: usize,
    ) -> Result<usize, TryRecvError> {
        if most == 0 {
            return Ok(0);
        }
        self.with(|state, woken| {
            into.reserve(most.min(state.store.count()));
            state.discharge(most, |taken| into.push(taken), self.capacity, woken)
        })
    }

    #[cold]
    pub(crate) fn send_slow(
        &self,
        mut value: S::Value,
        end: End,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Receipt, SendUntilError<S::Value>> {
        let mut patience = Patience::new(TriesFirst::Threads);
        loop {
            while patience.is_left() {
                match self.try_send(value, end) {
                    Ok(receipt) => return Ok(receipt),
                    Err(TrySendError::Closed(value)) => return Err(SendUntilError::Closed(value)),
                    Err(TrySendError::Full(back)) => value = back,
                }
            }
            let lent = Lent::new(Some(value));
            let line = Line::Senders(end);
            // SAFETY: who serves senders expects a `Lent` value.
            let outcome = unsafe { wait_in(self, line, lent.payload(), deadline, stop) };
            // SAFETY: we are the waiter, and the wait is over.
            let Some(back) = (unsafe { lent.reclaim() }) else {
                return Ok(S::sent());
            };
            match outcome {
                None | Some(Outcome::Woken) => match self.try_send(back, end) {
                    Ok(receipt) => return Ok(receipt),
                    Err(TrySendError::Closed(value)) => return Err(SendUntilError::Closed(value)),
                    Err(TrySendError::Full(back)) => value = back,
                },
                Some(Outcome::TimedOut) => return Err(SendUntilError::TimedOut(back)),
                Some(Outcome::Canceled) => return Err(SendUntilError::Canceled(back)),
                Some(Outcome::Stopped) => return Err(SendUntilError::Stopped(back)),
            }
            patience = Patience::new(TriesFirst::Threads);
        }
    }

    #[cold]
    pub(crate) fn recv_slow(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<S::Value, RecvUntilError> {
        let mut patience = Patience::new(TriesFirst::Threads);
        loop {
            while patience.is_left() {
                match self.try_recv() {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Closed) => return Err(RecvUntilError::Closed),
                    Err(TryRecvError::Empty) => {}
                }
            }
            let lent = Lent::<S::Value>::new(None);
            let line = Line::Receivers;
            // SAFETY: who serves receivers expects a `Lent` place for a value.
            let outcome = unsafe { wait_in(self, line, lent.payload(), deadline, stop) };
            // SAFETY: we are the waiter, and the wait is over.
            if let Some(value) = unsafe { lent.reclaim() } {
                return Ok(value);
            }
            match outcome {
                None | Some(Outcome::Woken) => match self.try_recv() {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Closed) => return Err(RecvUntilError::Closed),
                    Err(TryRecvError::Empty) => {}
                },
                Some(Outcome::TimedOut) => return Err(RecvUntilError::TimedOut),
                Some(Outcome::Canceled) => return Err(RecvUntilError::Canceled),
                Some(Outcome::Stopped) => return Err(RecvUntilError::Stopped),
            }
            patience = Patience::new(TriesFirst::Threads);
        }
    }

    /// Waits until the channel is closed and empty.
    pub(crate) fn join(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WaitError> {
        // SAFETY: nobody lends joiners anything.
        ended(unsafe { wait_in(self, Line::Joiners, ptr::null_mut(), deadline, stop) })
    }

    pub(crate) fn close(&self) {
        self.with(State::close);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().store.count()
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    pub(crate) fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    pub(crate) fn add_receiver(&self) {
        self.state.lock().receivers += 1;
    }

    /// One sender less; without any, the channel is closed.
    pub(crate) fn remove_sender(&self) {
        self.with(|state, woken| {
            state.senders -= 1;
            if state.senders == 0 {
                state.close(woken);
            }
        });
    }

    /// One receiver less; without any, the channel is closed, and what is inside is dropped.
    pub(crate) fn remove_receiver(&self) {
        // Dropped after the lock is released.
        let mut rest = Vec::new();
        self.with(|state, woken| {
            state.receivers -= 1;
            if state.receivers == 0 {
                state.close(woken);
                rest.reserve(state.store.count());
                while let Some(value) = state.store.take() {
                    rest.push(value);
                }
                state.wake_joiners(woken);
            }
        });
    }

    /// What can be seen without waiting for the lock.
    pub(crate) fn peek(&self) -> Option<Seen> {
        let state = self.state.try_lock()?;
        Some(Seen {
            closed: state.closed,
            len: state.store.count(),
            senders: state.senders,
            receivers: state.receivers,
            waiting: state.waiting(),
        })
    }
}

// SAFETY: each line is one queue, and nodes are pushed, removed and popped under the lock.
unsafe impl<S: Store> Hall for Core<S> {
    /// What those in this line wait for.
    type Event = Line;

    fn reason(line: Line) -> Reason {
        match line {
            Line::Senders(_) => Reason::Send,
            Line::Receivers => Reason::Recv,
            Line::Joiners | Line::Closers => Reason::Event,
        }
    }

    unsafe fn enlist(&self, line: Line, node: &Node) -> bool {
        let mut state = self.state.lock();
        let waits = state.must_wait(line, self.capacity);
        if waits {
            // SAFETY: by the caller; the lock is held.
            unsafe { state.line(line).push(node) };
        }
        waits
    }

    unsafe fn delist(&self, line: Line, node: &Node) {
        // SAFETY: by the caller it is in this line or in none.
        unsafe { self.state.lock().line(line).remove(node) };
    }
}

impl<S: Store> Source<S::Value> for Core<S> {
    unsafe fn poll(&self) -> Result<S::Value, TryRecvError> {
        self.try_recv()
    }

    fn address(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    unsafe fn enlist(&self, way: Way, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { Hall::enlist(self, way.into(), node) }
    }

    unsafe fn delist(&self, way: Way, node: &Node) {
        // SAFETY: by the caller.
        unsafe { Hall::delist(self, way.into(), node) };
    }
}

impl<S: Store> Sink<S::Value, S::Receipt> for Core<S> {
    unsafe fn offer(
        &self,
        value: S::Value,
        end: End,
    ) -> Result<S::Receipt, TrySendError<S::Value>> {
        self.try_send(value, end)
    }

    fn receipt(&self) -> S::Receipt {
        S::sent()
    }
}

impl From<Way> for Line {
    fn from(way: Way) -> Self {
        match way {
            Way::In(end) => Self::Senders(end),
            Way::Out => Self::Receivers,
        }
    }
}

/// Shows the state of the channel behind the handle called `name`, never its values.
pub(crate) fn show<S: Store>(
    core: &Core<S>,
    name: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut out = f.debug_struct(name);
    out.field("flavor", &format_args!("{}", S::NAME));
    if let Some(capacity) = core.capacity() {
        out.field("capacity", &capacity);
    }
    // Whoever prints may be anywhere, so do not wait for the lock.
    let Some(seen) = core.peek() else {
        return out.finish_non_exhaustive();
    };
    out.field("len", &seen.len)
        .field("closed", &seen.closed)
        .field("senders", &seen.senders)
        .field("receivers", &seen.receivers)
        .field("waiting_senders", &seen.waiting.0)
        .field("waiting_receivers", &seen.waiting.1)
        .finish()
}
