//! Stop tokens: one party says stop, every wait that watches the token ends.

use crate::{
    Node, Outcome, Ticket, WaitQueue,
    facade::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::*},
    },
};
use std::{fmt, ptr};

#[derive(Default)]
struct State {
    /// Raised once, under the lock; read without it.
    stopped: AtomicBool,
    watchers: Mutex<WaitQueue>,
}

/// Where a stop is requested. Clones request the same stop.
///
/// ```
/// use vitte_wait::{Deadline, Outcome, StopSource, Wait};
///
/// let source = StopSource::new();
/// let token = source.token();
/// let other = std::thread::spawn(move || Wait::park_token(Deadline::NEVER, Some(&token)));
/// source.stop();
/// assert_eq!(other.join().unwrap(), Outcome::Stopped);
/// ```
#[derive(Clone, Default)]
pub struct StopSource(Arc<State>);

/// Where a stop is noticed: every wait takes one.
#[derive(Clone)]
pub struct StopToken(Arc<State>);

impl StopSource {
    /// A source whose stop has not been requested.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that notices this source's stop.
    #[must_use]
    pub fn token(&self) -> StopToken {
        StopToken(self.0.clone())
    }

    /// Requests the stop: every wait that watches a token of this source ends as
    /// [`Outcome::Stopped`], now and from now on. Doing it twice is the same as once. Never blocks.
    pub fn stop(&self) {
        let claimed = {
            let mut watchers = self.0.watchers.lock();
            // Ordering: Release. Partner: the Acquire in `is_stopped`; under the lock, so that a
            // watcher either sees the flag or is in the queue.
            self.0.stopped.store(true, Release);
            watchers.pop_all(Outcome::Stopped)
        };
        drop(claimed);
    }

    /// Whether the stop has been requested.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `stop`.
        self.0.stopped.load(Acquire)
    }
}

impl StopToken {
    /// Whether the stop has been requested.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `StopSource::stop`.
        self.0.stopped.load(Acquire)
    }

    /// What onlookers are shown as the object of a wait.
    pub(crate) fn object(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// Puts `node` among the watchers. False: the stop has been requested.
    ///
    /// # Safety
    /// As for [`WaitQueue::push`]; it leaves by [`delist`](Self::delist), or by being popped.
    pub(crate) unsafe fn enlist(&self, node: &Node) -> bool {
        let mut watchers = self.0.watchers.lock();
        if self.is_stopped() {
            return false;
        }
        // SAFETY: by the caller; the lock is held.
        unsafe { watchers.push(node) };
        true
    }

    /// Takes `node` out, if it is still in.
    ///
    /// # Safety
    /// It was [enlisted](Self::enlist) with this token.
    pub(crate) unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller.
        unsafe { self.0.watchers.lock().remove(node) };
    }

    /// Runs `park`, which parks the holder of `ticket`, and ends that wait if the stop comes.
    pub(crate) fn watch(&self, ticket: Ticket, park: impl FnOnce() -> Outcome) -> Outcome {
        let node = Node::new(ticket, ptr::null_mut());
        {
            let mut watchers = self.0.watchers.lock();
            if self.is_stopped() {
                drop(watchers);
                // If the claim fails somebody else has decided, and `park` says what.
                drop(ticket.claim(Outcome::Stopped));
            } else {
                // SAFETY: `node` is in no queue, stays in this frame until `unlink` below has
                // taken it out (also when `park` unwinds), and is touched only under the lock.
                unsafe { watchers.push(&node) };
            }
        }
        let _unlink = Unlink {
            state: &self.0,
            node: &node,
        };
        park()
    }
}

/// Takes a watcher out of the queue, however its wait ends.
struct Unlink<'a> {
    state: &'a State,
    node: &'a Node,
}

impl Drop for Unlink<'_> {
    fn drop(&mut self) {
        // SAFETY: the node was pushed into this queue or into none.
        unsafe { self.state.watchers.lock().remove(self.node) };
    }
}

impl fmt::Debug for StopSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSource")
            .field("stopped", &self.is_stopped())
            .finish()
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken")
            .field("stopped", &self.is_stopped())
            .finish()
    }
}
