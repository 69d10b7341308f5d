//! The loop that collects values and puts batches out.

use super::{End, Entry, Failed, Report, Trouble, Verdict};
use crate::{error::RecvUntilError, queue::Receiver};
use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    time::Duration,
};
use vitte_wait::{Budget, Deadline, Outcome, Reason, StopToken, Wait, current};

/// The loop of a relay. See the [module documentation](super).
///
/// If it is dropped, or its error handler panics, the input is closed, and what is inside is dropped.
#[must_use = "values go out while somebody runs it"]
pub struct Relay<T> {
    input: Receiver<Entry<T>>,
    batch: usize,
    period: Duration,
}

impl<T> Relay<T> {
    pub(super) fn new(input: Receiver<Entry<T>>, batch: usize, period: Duration) -> Self {
        Self {
            input,
            batch,
            period,
        }
    }

    /// Runs until the input is closed and everything is out: collects values and calls `put_out`
    /// with each batch. What `put_out` leaves in the batch when it succeeds is dropped.
    ///
    /// If it fails, or panics, `failed` decides what becomes of the batch. A panic is reported by
    /// the panic hook as ever.
    ///
    /// # Blocking
    /// While there is nothing to do. `put_out` and `failed` run here, too, and may wait.
    ///
    /// # Cancellation
    /// Ends the relay before the next batch or attempt; see [`Report::rest`].
    ///
    /// ```
    /// use vitte_channels::relay::{Options, Verdict};
    ///
    /// let (tx, relay) = Options::new(10).open();
    /// tx.send_many(["a line", "another line"]).unwrap();
    /// drop(tx);
    /// let mut file = Vec::new();
    /// let report = relay.run(
    ///     |lines: &mut Vec<&str>| Ok::<(), ()>(file.append(lines)),
    ///     |failed| if failed.attempt < 3 { Verdict::Retry } else { Verdict::Drop },
    /// );
    /// assert_eq!((file.len(), report.values, report.dropped), (2, 2, 0));
    /// ```
    pub fn run<E>(
        self,
        put_out: impl FnMut(&mut Vec<T>) -> Result<(), E>,
        failed: impl FnMut(Failed<'_, T, E>) -> Verdict,
    ) -> Report<T> {
        self.run_with(None, put_out, failed)
    }

    /// As [`run`](Self::run), until `stop` is triggered: then the input is closed, and what is
    /// inside goes out.
    ///
    /// # Examples
    /// ```
    /// use vitte_channels::relay::{End, Options, Verdict};
    /// use vitte_wait::StopSource;
    ///
    /// let (tx, relay) = Options::new(10).open();
    /// tx.send('x').unwrap();
    /// let source = StopSource::new();
    /// source.stop();
    /// let report = relay.run_or_stop(&source.token(), |_| Ok::<(), ()>(()), |_| Verdict::Drop);
    /// assert_eq!((report.end, report.values), (End::Stopped, 1));
    /// assert!(tx.is_closed());
    /// ```
    pub fn run_or_stop<E>(
        self,
        stop: &StopToken,
        put_out: impl FnMut(&mut Vec<T>) -> Result<(), E>,
        failed: impl FnMut(Failed<'_, T, E>) -> Verdict,
    ) -> Report<T> {
        self.run_with(Some(stop), put_out, failed)
    }

    fn run_with<E>(
        self,
        stop: Option<&StopToken>,
        put_out: impl FnMut(&mut Vec<T>) -> Result<(), E>,
        failed: impl FnMut(Failed<'_, T, E>) -> Verdict,
    ) -> Report<T> {
        let mut run = Run {
            input: self.input,
            size: self.batch,
            period: self.period,
            stop,
            stopping: false,
            put_out,
            failed,
            batch: Vec::new(),
            limit: Deadline::NEVER,
            taken: Vec::new(),
            report: Report {
                end: End::Canceled,
                batches: 0,
                values: 0,
                dropped: 0,
                rest: Vec::new(),
            },
            budget: Budget::begin(),
        };
        if let Ok(end) = run.go_on() {
            run.report.end = end;
        } else {
            run.save_the_rest();
        }
        run.report
    }
}

/// The unit that runs the relay was canceled.
struct Canceled;

/// A relay that runs.
struct Run<'a, T, P, F> {
    input: Receiver<Entry<T>>,
    size: usize,
    period: Duration,
    /// Until it is triggered.
    stop: Option<&'a StopToken>,
    stopping: bool,
    put_out: P,
    failed: F,
    batch: Vec<T>,
    /// When the batch goes out even if it is not full.
    limit: Deadline,
    /// Taken out of the input, the next one last.
    taken: Vec<Entry<T>>,
    report: Report<T>,
    budget: Budget,
}

impl<T, E, P, F> Run<'_, T, P, F>
where
    P: FnMut(&mut Vec<T>) -> Result<(), E>,
    F: FnMut(Failed<'_, T, E>) -> Verdict,
{
    fn go_on(&mut self) -> Result<End, Canceled> {
        loop {
            check_cancellation()?;
            if self.stop.is_some_and(StopToken::is_stopped) {
                self.begin_to_stop();
            }
            let room = self.size - self.batch.len();
            let taken = self
                .input
                .recv_many_with(&mut self.taken, room, self.limit, self.stop);
            match taken {
                Ok(_) => self.sort_in()?,
                Err(RecvUntilError::TimedOut) => self.empty_batch()?,
                Err(RecvUntilError::Stopped) => self.begin_to_stop(),
                Err(RecvUntilError::Canceled) => return Err(Canceled),
                Err(RecvUntilError::Closed) => {
                    self.empty_batch()?;
                    return Ok(if self.stopping {
                        End::Stopped
                    } else {
                        End::Closed
                    });
                }
            }
        }
    }

    fn begin_to_stop(&mut self) {
        self.stop = None;
        self.stopping = true;
        self.input.close();
    }

    /// Collects what was taken, and puts out what is to go out.
    fn sort_in(&mut self) -> Result<(), Canceled> {
        self.taken.reverse();
        while let Some(entry) = self.taken.pop() {
            match entry {
                Entry::Value(value) => {
                    if self.batch.is_empty() {
                        self.limit = Deadline::after(self.period);
                    }
                    self.batch.push(value);
                    if self.batch.len() == self.size {
                        self.empty_batch()?;
                    }
                }
                Entry::Flush(answer) => {
                    self.empty_batch()?;
                    // Whoever asked may have gone.
                    let _ = answer.try_send(());
                }
            }
        }
        // A steady trickle must not keep a batch from its time.
        if self.limit.is_past() {
            self.empty_batch()?;
        }
        Ok(())
    }

    /// Puts the batch out, or drops it.
    fn empty_batch(&mut self) -> Result<(), Canceled> {
        let mut attempt = 0;
        while !self.batch.is_empty() {
            attempt += 1;
            let before = self.batch.len();
            let result = catch_unwind(AssertUnwindSafe(|| (self.put_out)(&mut self.batch)));
            let trouble = match result {
                Ok(Ok(())) => {
                    self.report.batches += 1;
                    self.report.values += before as u64;
                    self.batch.clear();
                    break;
                }
                Ok(Err(error)) => Trouble::Error(error),
                // Not a panic, but the end of the fiber that we run on.
                Err(panic) if current::unit().is_unwind_due() => resume_unwind(panic),
                Err(panic) => Trouble::Panic(text_of(&*panic)),
            };
            self.report.values += before.saturating_sub(self.batch.len()) as u64;
            let verdict = (self.failed)(Failed {
                values: &mut self.batch,
                trouble,
                attempt,
                stopping: self.stopping,
            });
            match verdict {
                Verdict::Retry => {
                    // Nothing else here waits, and whoever could cancel us may need our worker.
                    self.budget.spend();
                    check_cancellation()?;
                }
                Verdict::RetryAfter(pause) => self.pause(pause)?,
                Verdict::Drop => {
                    self.report.dropped += self.batch.len() as u64;
                    self.batch.clear();
                }
            }
        }
        self.limit = Deadline::NEVER;
        Ok(())
    }

    fn pause(&mut self, pause: Duration) -> Result<(), Canceled> {
        let wait = Wait::begin(Reason::Sleep, ptr::null());
        match wait.park(Deadline::after(pause), self.stop) {
            Outcome::Canceled => Err(Canceled),
            Outcome::Stopped => {
                self.begin_to_stop();
                Ok(())
            }
            Outcome::TimedOut | Outcome::Woken => Ok(()),
        }
    }

    /// Everything that did not go out, in its order, for the report.
    fn save_the_rest(&mut self) {
        self.input.close();
        self.taken.reverse();
        let inside = self.input.drain();
        let entries = self.taken.drain(..).chain(inside);
        let values = entries.filter_map(|entry| match entry {
            Entry::Value(value) => Some(value),
            Entry::Flush(_) => None,
        });
        self.report.rest = self.batch.drain(..).chain(values).collect();
    }
}

fn check_cancellation() -> Result<(), Canceled> {
    if current::unit().is_canceled() {
        Err(Canceled)
    } else {
        Ok(())
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

impl<T> fmt::Debug for Relay<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("batch", &self.batch)
            .field("period", &self.period)
            .field("input", &self.input)
            .finish()
    }
}
