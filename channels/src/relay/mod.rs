//! A relay: values in one by one, batches out to something slower.
//!
//! A sender puts values into a bounded input. A loop, which somebody runs on a fiber or a thread of
//! their choice, collects them and calls a function with a batch when it is full, or when a period
//! has passed since the loop took the batch's first value. Values go out in the order in which they
//! went in, each exactly once, and one batch at a time.
//!
//! ```
//! use std::{convert::Infallible, thread};
//! use vitte_channels::relay::{Options, Verdict};
//!
//! let (tx, relay) = Options::new(3).open();
//! let writer = thread::spawn(move || {
//!     let mut sizes = Vec::new();
//!     let report = relay.run(
//!         |batch: &mut Vec<u32>| {
//!             sizes.push(batch.len());
//!             Ok::<(), Infallible>(())
//!         },
//!         |_| Verdict::Drop,
//!     );
//!     (sizes, report.values)
//! });
//! tx.send_many(0..7).unwrap();
//! drop(tx);
//! assert_eq!(writer.join().unwrap(), (vec![3, 3, 1], 7));
//! ```
//!
//! # Back-pressure
//! While a batch is out the input fills up, to twice a batch unless told otherwise, and then senders
//! wait.
//!
//! # Failure
//! A batch whose function returns an error, or panics, goes to the error handler with what is left
//! of its values and the error. The handler decides: try again, now or after a pause, or drop the
//! batch. Nothing overtakes a batch that is tried again. [`retry`] is such a handler.
//!
//! # The end
//! When the input is closed, or the senders are gone, or the relay is [stopped](Relay::run_or_stop),
//! everything inside still goes out. If the unit that runs the relay is canceled it does not: the
//! [report](Report) has those values.

mod run;
mod sender;

pub use run::Relay;
pub use sender::{SendArm, Sender};

use crate::{Sender as Answer, queue};
use std::{error::Error, fmt, time::Duration};

/// What goes into the input.
#[doc(hidden)]
#[derive(Debug)]
pub enum Entry<T> {
    Value(T),
    /// Somebody waits until everything before this is out.
    Flush(Answer<()>),
}

/// How a relay works.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::relay::Options;
///
/// let options = Options::new(100).period(Duration::from_millis(50));
/// let (tx, _relay) = options.open::<u8>();
/// assert_eq!(tx.capacity(), 200);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Options {
    batch: usize,
    period: Duration,
    capacity: usize,
}

impl Options {
    /// Batches of up to `batch` values, at least one a second, with room for two batches inside.
    ///
    /// # Panics
    /// If `batch` is zero.
    ///
    /// ```
    /// use vitte_channels::relay::{Options, Verdict};
    ///
    /// let (tx, relay) = Options::new(2).open();
    /// tx.send_many([1, 2, 3]).unwrap();
    /// drop(tx);
    /// let mut batches = Vec::new();
    /// let report = relay.run(
    ///     |batch: &mut Vec<u32>| Ok::<(), ()>(batches.push(std::mem::take(batch))),
    ///     |_| Verdict::Drop,
    /// );
    /// assert_eq!((batches, report.batches), (vec![vec![1, 2], vec![3]], 2));
    /// ```
    pub fn new(batch: usize) -> Self {
        assert!(batch > 0, "a batch has room for a value");
        Self {
            batch,
            period: Duration::from_secs(1),
            capacity: batch.saturating_mul(2),
        }
    }

    /// How long the first value of a batch may have to wait for others.
    ///
    /// ```
    /// use std::{sync::mpsc, thread, time::Duration};
    /// use vitte_channels::relay::{Options, Verdict};
    ///
    /// let (tx, relay) = Options::new(1000).period(Duration::from_millis(1)).open();
    /// let (out, seen) = mpsc::channel();
    /// let runner = thread::spawn(move || {
    ///     relay.run(|batch: &mut Vec<u32>| out.send(batch.len()), |_| Verdict::Drop)
    /// });
    /// tx.send(7).unwrap();
    /// assert_eq!(seen.recv(), Ok(1), "it has not waited for 999 others");
    /// # drop(tx);
    /// # runner.join().unwrap();
    /// ```
    pub fn period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// How many values fit inside before senders wait. Those of a batch that is being collected or
    /// is out are not inside.
    ///
    /// ```
    /// use vitte_channels::{TrySendError, relay::Options};
    ///
    /// let (tx, _relay) = Options::new(10).capacity(1).open();
    /// tx.send(1).unwrap();
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// Opens a relay: the end for the values, and the loop for somebody to run.
    ///
    /// ```
    /// use vitte_channels::relay::{End, Options, Verdict};
    ///
    /// let (tx, relay) = Options::new(10).open::<u8>();
    /// drop(tx);
    /// let report = relay.run(|_| Ok::<(), ()>(()), |_| Verdict::Drop);
    /// assert_eq!((report.end, report.values), (End::Closed, 0));
    /// ```
    pub fn open<T>(self) -> (Sender<T>, Relay<T>) {
        let (tx, rx) = queue::bounded(self.capacity);
        (
            Sender::new(tx, self.capacity),
            Relay::new(rx, self.batch, self.period),
        )
    }
}

/// A batch that did not go out, for the error handler.
#[derive(Debug)]
pub struct Failed<'a, T, E> {
    /// What is left of the batch: all its values, but for those that the function took out. The
    /// handler may take values out, too; those that it leaves are tried again, or dropped.
    pub values: &'a mut Vec<T>,
    /// What happened.
    pub trouble: Trouble<E>,
    /// How often the batch was tried, this time included.
    pub attempt: u32,
    /// Whether the relay has been stopped. A pause is not cut short any more then.
    pub stopping: bool,
}

/// Why a batch did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble<E> {
    /// The function returned this.
    Error(E),
    /// The function panicked with this text.
    Panic(String),
}

impl<E: fmt::Display> fmt::Display for Trouble<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic(text) => write!(f, "panicked: {text}"),
        }
    }
}

/// What becomes of a batch that did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again at once.
    Retry,
    /// It is tried again after a pause, which a stop cuts short.
    RetryAfter(Duration),
    /// It is dropped.
    Drop,
}

/// An error handler that has a batch tried `times` times more, first after `pause`, then after
/// twice that, and so on, and then dropped.
///
/// ```
/// use std::time::Duration;
/// use vitte_channels::relay::{Options, retry};
///
/// let (tx, relay) = Options::new(10).open();
/// tx.send_many([1, 2]).unwrap();
/// drop(tx);
/// let mut tries = 0;
/// let fails_twice = |_: &mut Vec<i32>| {
///     tries += 1;
///     if tries > 2 { Ok(()) } else { Err("busy") }
/// };
/// let report = relay.run(fails_twice, retry(3, Duration::from_micros(10)));
/// assert_eq!((report.values, report.dropped, tries), (2, 0, 3));
/// ```
pub fn retry<T, E>(times: u32, pause: Duration) -> impl FnMut(Failed<'_, T, E>) -> Verdict {
    move |failed| {
        if failed.attempt > times {
            return Verdict::Drop;
        }
        let factor = 1_u32.checked_shl(failed.attempt - 1).unwrap_or(u32::MAX);
        Verdict::RetryAfter(pause.saturating_mul(factor))
    }
}

/// What a relay has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<T> {
    /// Why it ended.
    pub end: End,
    /// How many batches went out.
    pub batches: u64,
    /// How many values went out.
    pub values: u64,
    /// How many values were dropped because the error handler said so.
    pub dropped: u64,
    /// The values that did not go out because the relay was canceled, in their order.
    pub rest: Vec<T>,
}

/// Why a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The input was closed, or all senders were gone.
    Closed,
    /// It was stopped.
    Stopped,
    /// The unit that ran it was canceled.
    Canceled,
}

/// Why a flush did not end as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlushError {
    /// The deadline passed first.
    TimedOut,
    /// The relay is closed, or has ended without putting everything out.
    Closed,
    /// The caller was canceled while waiting.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the deadline passed",
            Self::Closed => "the relay is closed",
            Self::Canceled => "the waiter was canceled",
            Self::Stopped => "the stop token was triggered",
        })
    }
}

impl Error for FlushError {}
