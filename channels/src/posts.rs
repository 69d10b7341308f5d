//! A post: a handle and what it has to wait for, a value that is broadcast or watched, the other end of a
//! oneshot, or the end of a channel.
//!
//! Each kind says so once, for the waits of a method and for [arms](vitte_wait::select) alike.

use crate::{
    RecvUntilError,
    hall::{Hall, wait_in},
    spin::{Patience, TriesFirst},
};
use std::{error::Error, fmt, ptr};
use vitte_wait::{
    Budget, Deadline, Node, Outcome, Reason, StopToken,
    select::{Arm, Chosen},
};

/// A handle that may have to wait for an event.
///
/// # Safety
/// The hall is always the same one, and the queue of the event too. Nobody expects a payload there.
pub(crate) unsafe trait Post {
    type Hall: Hall;

    fn hall(&self) -> &Self::Hall;

    /// What it would have to wait for now.
    fn event(&self) -> <Self::Hall as Hall>::Event;
}

/// Why a wait for a state of the channel (that the other end is gone, that nothing is left) ended before
/// that state was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RecvUntilError::from(*self).fmt(f)
    }
}

impl Error for WaitError {}

impl From<WaitError> for RecvUntilError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Canceled => Self::Canceled,
            WaitError::Stopped => Self::Stopped,
        }
    }
}

/// What to tell one whose wait for a state is over.
pub(crate) fn ended(outcome: Option<Outcome>) -> Result<(), WaitError> {
    match outcome {
        None | Some(Outcome::Woken) => Ok(()),
        Some(Outcome::TimedOut) => Err(WaitError::TimedOut),
        Some(Outcome::Canceled) => Err(WaitError::Canceled),
        Some(Outcome::Stopped) => Err(WaitError::Stopped),
    }
}

/// Attempts until there is something to return, and waits at `post` in between.
///
/// # Panics
/// As [`wait_in`], and where `attempt` does.
#[cold]
pub(crate) fn wait_until<P: Post, R>(
    post: &P,
    deadline: Deadline,
    stop: Option<&StopToken>,
    mut attempt: impl FnMut() -> Option<R>,
) -> Result<R, WaitError> {
    loop {
        let mut patience = Patience::new(TriesFirst::Threads);
        while patience.is_left() {
            if let Some(result) = attempt() {
                return Ok(result);
            }
        }
        // SAFETY: by the contract of `Post` there need be no payload.
        ended(unsafe { wait_in(post.hall(), post.event(), ptr::null_mut(), deadline, stop) })?;
        if let Some(result) = attempt() {
            return Ok(result);
        }
    }
}

/// Waiting at a post as one of several things: goes by what the attempt returns.
pub(crate) struct PostArm<'a, P, R, F> {
    post: &'a P,
    budget: &'a Budget,
    attempt: F,
    outcome: Option<R>,
}

impl<'a, P: Post, R, F: FnMut() -> Option<R>> PostArm<'a, P, R, F> {
    pub(crate) fn new(post: &'a P, budget: &'a Budget, attempt: F) -> Self {
        Self {
            post,
            budget,
            attempt,
            outcome: None,
        }
    }
}

// SAFETY: by the contract of `Hall` the node is where it may be. Nothing is lent. Everybody who waits
// at a post is popped when what they wait for changes.
unsafe impl<P: Post, R, F: FnMut() -> Option<R>> Arm for PostArm<'_, P, R, F> {
    fn attempt(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = (self.attempt)();
        }
        self.outcome.is_some()
    }

    fn reason(&self) -> Reason {
        P::Hall::reason(self.post.event())
    }

    fn object(&self) -> *const () {
        self.post.hall().object()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller, and by the contract of `Post`.
        unsafe { self.post.hall().enlist(self.post.event(), node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller it was enlisted above, and by the contract of `Post` in this queue.
        unsafe { self.post.hall().delist(self.post.event(), node) };
    }

    fn spend(&self) {
        self.budget.spend();
    }
}

impl<P: Post, R, F: FnMut() -> Option<R>> Chosen for PostArm<'_, P, R, F> {
    type Output = R;

    fn take(&mut self) -> Option<R> {
        self.outcome.take()
    }
}
