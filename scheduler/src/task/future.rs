//! The end of a task as a future, for executors that poll.
//!
//! The future is a joiner like those that wait on their own stacks, but it lies on the heap and has a
//! waker in place of a ticket. Whoever ends the task takes the waker under the lock of the task's
//! state, and calls it after that.
//!
//! Liveness: the waker is left under the lock, if the task is not over by then. So either whoever ends
//! the task finds it, or the poll finds the end.

use crate::{
    id::FiberId,
    task::{
        join::{JoinHandle, Joiner, link_waker, unlink_if_linked},
        join_error::JoinError,
        state::DONE,
    },
};
use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
};

/// A [`JoinHandle`] that is awaited: gives what [`join`](JoinHandle::join) returns.
///
/// Made by [`into_future`](IntoFuture::into_future), which `.await` calls by itself. Any executor may poll
/// it, on any thread. A poll after the one that gave the value gives [`JoinError::Taken`].
///
/// Dropping it before its end lets the task run on, as dropping the handle does, unless it is made to
/// [cancel](Self::cancel_on_drop) the task.
#[must_use = "futures do nothing unless they are polled"]
pub struct JoinFuture<T> {
    handle: JoinHandle<T>,
    /// Linked into the task from a poll that had to wait until the task's end or ours.
    joiner: Option<Box<Joiner>>,
    cancels: bool,
}

// SAFETY: the handle is `Send`. The joiner is touched under the lock of the task's state while it is
// linked, and by nobody else when it is not; what it holds, a waker, is `Send`.
unsafe impl<T: Send> Send for JoinFuture<T> {}
// SAFETY: a shared future can only be asked what a shared handle can, and for nothing of the joiner.
unsafe impl<T: Send> Sync for JoinFuture<T> {}

// The joiner is boxed, and the value is not here yet.
impl<T> Unpin for JoinFuture<T> {}

impl<T> JoinFuture<T> {
    /// Dropping the future cancels the task from now on. The task is not waited for.
    ///
    /// ```
    /// use std::future::IntoFuture;
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions, park};
    /// use vitte_wait::{Deadline, Outcome};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let parked = scheduler.spawn(&SpawnOptions::default(), move || {
    ///     tell.send(park(Deadline::NEVER)).unwrap();
    /// });
    /// drop(parked.into_future().cancel_on_drop());
    /// assert_eq!(told.recv()?, Outcome::Canceled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancels = true;
        self
    }

    /// Asks the task to stop. See [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// The id of the task's fiber. `None` if it could not be spawned, or its value was given.
    #[must_use]
    pub fn id(&self) -> Option<FiberId> {
        self.handle.id()
    }

    /// Whether a poll would give the value.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Takes the joiner out of the task's list, if it is in.
    fn leave(&mut self) {
        if let (Some(joiner), Some(task)) = (&self.joiner, self.handle.joinable()) {
            unlink_if_linked(task, task.state.generation(), joiner);
        }
        self.joiner = None;
    }
}

impl<T> IntoFuture for JoinHandle<T> {
    type Output = Result<T, JoinError>;
    type IntoFuture = JoinFuture<T>;

    /// The end of the task, to be awaited.
    ///
    /// ```
    /// use std::{future::IntoFuture, pin::pin, task::{Context, Poll, Waker}};
    /// use vitte_scheduler::{Config, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// let mut task = pin!(scheduler.spawn(&SpawnOptions::default(), || 6 * 7).into_future());
    /// // What an executor does, but it would sleep meanwhile.
    /// let mut polling = Context::from_waker(Waker::noop());
    /// let value = loop {
    ///     if let Poll::Ready(value) = task.as_mut().poll(&mut polling) {
    ///         break value;
    ///     }
    /// };
    /// assert_eq!(value?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn into_future(self) -> JoinFuture<T> {
        JoinFuture {
            handle: self,
            joiner: None,
            cancels: false,
        }
    }
}

impl<T> Future for JoinFuture<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Liveness: the second turn finds the task over.
        loop {
            let waiting = self.handle.joinable();
            let waiting = waiting.filter(|task| task.state.load() & DONE == 0);
            let Some(task) = waiting else {
                // Before the record is vacated: whoever ended the task may not have come to us yet.
                self.leave();
                return match self.handle.try_join() {
                    Some(result) => Poll::Ready(result),
                    None => unreachable!("a task that is over stays so"),
                };
            };
            // From here whoever ends the task may lock it.
            task.state.set_known();
            let generation = task.state.generation();
            let joiner = self.joiner.get_or_insert_with(|| Box::new(Joiner::new()));
            // SAFETY: the joiner is boxed, and unlinked before the box is dropped: in `leave`.
            if unsafe { link_waker(task, generation, joiner, context.waker()) } {
                return Poll::Pending;
            }
        }
    }
}

impl<T> Drop for JoinFuture<T> {
    fn drop(&mut self) {
        self.leave();
        if self.cancels {
            self.handle.cancel();
        }
    }
}

impl<T> fmt::Debug for JoinFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinFuture")
            .field("handle", &self.handle)
            .field("cancels", &self.cancels)
            .finish_non_exhaustive()
    }
}
