//! Futures on fibers and threads: polled where the caller stands, who waits between two polls.
//!
//! The waker is an automatic event: a wake-up that comes before a poll has returned is remembered, and
//! the wait that follows is over at once. So none is lost, and there is no protocol here but the event's.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};
use vitte_sync::{Canceled, Event, WaitError};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// What wakes the caller.
struct Bell(Event);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.signal();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.signal();
    }
}

/// Runs a future to its end and returns its value.
///
/// The future is polled here, on the caller's stack, and may borrow from the caller; it need not be
/// `Send`. What it waits for may be woken by anybody, on any thread. Futures that ask for a reactor or a
/// timer of their own (those of tokio's network and time, say) need that to run beside, and to be entered
/// while they are polled; the futures of channels need nothing.
///
/// The caller's stack must have room for the future's polls: tokio's want more than the 64 KiB of a fiber
/// that did not [ask](crate::RuntimeBuilder::stack_size) for more in a debug build.
///
/// # Errors
/// [`Canceled`] if the calling fiber is canceled while it waits: the future is dropped. On a plain thread
/// never.
///
/// # Panics
/// With the future's panic; and as [`yield_now`](crate::yield_now).
///
/// # Blocking
/// While the future is pending: a fiber suspends, a thread sleeps. A future that is always ready does not
/// give way to others.
///
/// # Cancellation
/// A canceled caller still polls once; so a future that is ready is not lost.
///
/// ```
/// use vitte_threads::{Fiber, Runtime, block_on};
///
/// let runtime = Runtime::start()?;
/// let sum = runtime.run(|| {
///     let tasks = [1, 2, 3].map(|n| Fiber::spawn(move || n * n));
///     block_on(async move {
///         let mut sum = 0;
///         for task in tasks {
///             sum += task.await.unwrap();
///         }
///         sum
///     })
/// });
/// assert_eq!(sum, Ok(14));
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Canceled> {
    drive(pin!(future), |bell| bell.wait())
}

/// As [`block_on`], until `deadline` at the latest, or until `stop` is triggered. Then the future is
/// dropped where it stands; give `&mut future` to go on with it later.
///
/// # Errors
/// What ended the wait instead of the future's end.
///
/// # Panics
/// As [`block_on`].
///
/// ```
/// use std::{future::pending, time::Duration};
/// use vitte_threads::{Deadline, block_on_with, sync::WaitError};
///
/// let soon = Deadline::after(Duration::from_millis(1));
/// assert_eq!(block_on_with(pending::<()>(), soon, None), Err(WaitError::TimedOut));
/// ```
pub fn block_on_with<F: Future>(
    future: F,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<F::Output, WaitError> {
    drive(pin!(future), |bell| bell.wait_with(deadline, stop))
}

timed_forms! {
    fn block_on_with<F: Future>(future: F) -> Result<F::Output, WaitError>: block_on_until block_on_timeout block_on_or_stop
    in vitte_threads
    /// use std::future::pending;
    /// use vitte_threads::sync::WaitError;
    ///
    "vitte_threads::" ("pending::<()>()") => Err(WaitError)
}

/// Polls until the end; `wait` waits between two polls.
fn drive<F: Future, E>(
    mut future: Pin<&mut F>,
    wait: impl Fn(&Event) -> Result<(), E>,
) -> Result<F::Output, E> {
    let bell = Arc::new(Bell(Event::auto()));
    let waker = Waker::from(Arc::clone(&bell));
    let mut polling = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut polling) {
            return Ok(value);
        }
        wait(&bell.0)?;
    }
}
