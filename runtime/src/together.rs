//! Several bodies at once, all of whom are over before the call returns: [`parallel`] and [`race`].
//!
//! Each runs on a fiber of its own. A board says who they are, so that the one that decides can ask the
//! others to stop: their fibers are canceled, and the stop token that each is given is triggered.

use crate::scope::{self, ScopedJoinHandle};
use std::{fmt, sync::Mutex, sync::PoisonError};
use vitte_scheduler::{
    CancelReason, FiberId, JoinError, Scheduler, SpawnError, cancel_for, cancel_reason,
    is_unwinding, mask_cancel,
};
use vitte_wait::{Deadline, Outcome, StopSource, StopToken, timed_forms};

/// What a member ended with, if not with success.
#[derive(Debug)]
pub enum MemberError<E> {
    /// It returned this error.
    Failed(E),
    /// It panicked, was never begun, or was ended.
    Ended(JoinError),
}

impl<E: fmt::Display> fmt::Display for MemberError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Ended(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for MemberError<E> {}

/// A member's value, or what it ended with instead.
pub type MemberResult<T, E> = Result<T, MemberError<E>>;

/// Not all members of a [`parallel`] block succeeded.
#[derive(Debug)]
pub struct ParallelError<T, E> {
    /// The member that failed first, by its place. `None`: what ended the block came from outside.
    pub first: Option<usize>,
    /// What came from outside: the deadline, the stop token, or the caller's cancellation.
    pub outcome: Option<Outcome>,
    /// What each ended with, in the order of the bodies.
    pub ends: Vec<MemberResult<T, E>>,
}

impl<T, E: fmt::Display> fmt::Display for ParallelError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.ends.iter().filter(|end| end.is_err()).count();
        write!(f, "{failed} of {} members failed", self.ends.len())?;
        match (self.first, self.outcome) {
            (Some(first), _) => {
                if let Some(Err(error)) = self.ends.get(first) {
                    write!(f, ", first number {first}: {error}")?;
                }
                Ok(())
            }
            (None, Some(outcome)) => write!(f, ": the block was {}", ended(outcome)),
            (None, None) => Ok(()),
        }
    }
}

impl<T: fmt::Debug, E: fmt::Debug + fmt::Display> std::error::Error for ParallelError<T, E> {}

/// Who won a [`race`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Won<T> {
    /// Which body, by its place.
    pub index: usize,
    /// Its value.
    pub value: T,
}

/// Nobody won a [`race`].
#[derive(Debug)]
pub struct RaceError<E> {
    /// What came from outside and ended it: the deadline, the stop token, or the caller's cancellation.
    pub outcome: Option<Outcome>,
    /// What each ended with, in the order of the bodies.
    pub errors: Vec<MemberError<E>>,
}

impl<E: fmt::Display> fmt::Display for RaceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "none of {} succeeded", self.errors.len())?;
        if let Some(outcome) = self.outcome {
            write!(f, ", for the race was {}", ended(outcome))?;
        }
        for (index, error) in self.errors.iter().enumerate() {
            write!(f, "; number {index}: {error}")?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for RaceError<E> {}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::TimedOut | Outcome::Woken => "not over before its deadline",
        Outcome::Canceled => "canceled",
        Outcome::Stopped => "stopped",
    }
}

/// Why the members are asked to stop when something came from outside.
pub(crate) fn reason_of(outcome: Outcome) -> CancelReason {
    match outcome {
        Outcome::Canceled => cancel_reason().unwrap_or_default(),
        _ => CancelReason::UNNAMED.because(format!("what it belongs to was {}", ended(outcome))),
    }
}

/// Who the members are, and whether they are to stop.
#[derive(Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    stop: StopSource,
}

#[derive(Default)]
struct State {
    first: Option<usize>,
    members: Vec<FiberId>,
    reason: Option<CancelReason>,
}

impl Board {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing that panics is done under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn token(&self) -> StopToken {
        self.stop.token()
    }

    /// Takes up a member, who is asked to stop at once if all are.
    pub(crate) fn enter(&self, member: FiberId) {
        let reason = {
            let mut state = self.state();
            state.members.push(member);
            state.reason.clone()
        };
        if let Some(reason) = reason {
            let _ = cancel_for(member, reason);
        }
    }

    /// Asks all to stop, for the first reason that is given.
    pub(crate) fn end(&self, reason: CancelReason) {
        let members = {
            let mut state = self.state();
            if state.reason.is_some() {
                return;
            }
            state.reason = Some(reason.clone());
            std::mem::take(&mut state.members)
        };
        self.stop.stop();
        for member in members {
            // Who is gone need not stop.
            let _ = cancel_for(member, reason.clone());
        }
    }

    /// The member at `index` has decided the matter, unless another has, or it was ended from outside.
    pub(crate) fn decide(&self, index: usize, reason: CancelReason) {
        {
            let mut state = self.state();
            if state.first.is_some() || state.reason.is_some() {
                return;
            }
            state.first = Some(index);
        }
        self.end(reason);
    }

    fn first(&self) -> Option<usize> {
        self.state().first
    }
}

/// Of whoever waits for the members: if he is unwound they are asked to stop, as nobody needs them any more.
pub(crate) struct Waits<'a>(pub(crate) &'a Board);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if is_unwinding() {
            self.0.end(CancelReason::ABANDONED);
        }
    }
}

/// What decides: the first success, or the first failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decides {
    Success,
    Failure,
}

impl Decides {
    fn reason(self) -> CancelReason {
        match self {
            Self::Success => CancelReason::LOST,
            Self::Failure => CancelReason::SIBLING,
        }
    }
}

/// Tells the board of a panic.
struct Watch<'a> {
    board: &'a Board,
    index: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if is_unwinding() {
            self.board.decide(self.index, CancelReason::SIBLING);
        }
    }
}

/// What a member ended with, as its handle says it.
pub(crate) fn member_result<T, E>(end: Result<Result<T, E>, JoinError>) -> MemberResult<T, E> {
    match end {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(MemberError::Failed(error)),
        Err(error) => Err(MemberError::Ended(error)),
    }
}

/// What all ended with, and who or what decided.
struct AllOver<T, E> {
    first: Option<usize>,
    outcome: Option<Outcome>,
    ends: Vec<MemberResult<T, E>>,
}

fn run_all<T, E, F>(
    bodies: Vec<F>,
    decides: Decides,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> AllOver<T, E>
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    let Some(scheduler) = Scheduler::current() else {
        let refused = |_| Err(JoinError::NotStarted(SpawnError::NoRuntime));
        return AllOver {
            first: None,
            outcome: None,
            ends: bodies.iter().map(refused).map(member_result).collect(),
        };
    };
    let board = Board::default();
    let (outcome, ends) = scope::scope(&scheduler, |scope| {
        let board = &board;
        let _waits = Waits(board);
        let spawn = |(index, body): (usize, F)| {
            let token = board.token();
            let handle = scope.spawn(move || {
                let watch = (decides == Decides::Failure).then_some(Watch { board, index });
                let result = body(&token);
                drop(watch);
                if result.is_ok() == (decides == Decides::Success) {
                    board.decide(index, decides.reason());
                }
                result
            });
            if let Some(id) = handle.id() {
                board.enter(id);
            }
            handle
        };
        let handles = bodies.into_iter().enumerate().map(spawn).collect();
        join_all(handles, board, decides, deadline, stop)
    });
    AllOver {
        first: board.first(),
        outcome,
        ends,
    }
}

/// Waits until all are over: what each ended with, and what ended the caller's wait before, for which all were ended.
fn join_all<T: Send, E: Send>(
    handles: Vec<ScopedJoinHandle<'_, Result<T, E>>>,
    board: &Board,
    decides: Decides,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> (Option<Outcome>, Vec<MemberResult<T, E>>) {
    let (mut outcome, mut masked) = (None, None);
    let mut ends = Vec::with_capacity(handles.len());
    for (index, mut handle) in handles.into_iter().enumerate() {
        let (until, by) = match outcome {
            Some(_) => (Deadline::NEVER, None),
            None => (deadline, stop),
        };
        let mut end = handle.join_with(until, by);
        let came = match &end {
            Err(JoinError::TimedOut) => Some(Outcome::TimedOut),
            Err(JoinError::Canceled) => Some(Outcome::Canceled),
            Err(JoinError::Stopped) => Some(Outcome::Stopped),
            _ => None,
        };
        if let Some(came) = came {
            outcome = Some(came);
            board.end(reason_of(came));
            // They are on their way out, and the caller with them.
            masked = masked.or_else(|| Some(mask_cancel(true)));
            end = handle.join_with(Deadline::NEVER, None);
        }
        if end.is_err() && decides == Decides::Failure {
            board.decide(index, decides.reason());
        }
        ends.push(member_result(end));
    }
    if let Some(masked) = masked {
        mask_cancel(masked);
    }
    (outcome, ends)
}

/// Runs all bodies at once and returns what they return, in their order. The first failure, be it an error or
/// a panic, stops the others: their fibers are canceled, with [`CancelReason::SIBLING`], and the token that
/// each is given is triggered. It returns when all are over.
///
/// # Errors
/// [`ParallelError`]: who failed first, and what each ended with. On a plain thread no body runs.
///
/// # Cancellation
/// Of the caller: of all, and it still returns when all are over. So it is if the caller is
/// [killed](crate::JoinHandle::kill): its frames are unwound when all are over.
///
/// # Blocking
/// Until all are over. A fiber suspends.
///
/// ```
/// use vitte_threads::{Runtime, parallel};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let squares = runtime.run(|| {
///     let square = |n: u32| move |_: &_| n.checked_mul(n).ok_or("too large");
///     parallel(vec![square(2), square(3), square(4)])
/// });
/// assert_eq!(squares.unwrap(), [4, 9, 16]);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn parallel<T, E, F>(bodies: Vec<F>) -> Result<Vec<T>, ParallelError<T, E>>
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    parallel_with(bodies, Deadline::NEVER, None)
}

/// As [`parallel`]; when the deadline has passed, or the token is triggered, all are stopped.
///
/// # Errors
/// As [`parallel`].
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Outcome, Runtime, parallel_timeout};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let late = runtime.run(|| {
///     let until_stopped = |stop: &vitte_threads::StopToken| {
///         vitte_threads::sleep_with(vitte_threads::Deadline::NEVER, Some(stop));
///         Err::<(), _>("it was stopped")
///     };
///     parallel_timeout(vec![until_stopped, until_stopped], Duration::from_millis(1))
/// });
/// assert_eq!(late.unwrap_err().outcome, Some(Outcome::TimedOut));
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn parallel_with<T, E, F>(
    bodies: Vec<F>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<Vec<T>, ParallelError<T, E>>
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    let all = run_all(bodies, Decides::Failure, deadline, stop);
    if all.ends.iter().all(Result::is_ok) {
        return Ok(all.ends.into_iter().filter_map(Result::ok).collect());
    }
    Err(ParallelError {
        first: all.first,
        outcome: all.outcome,
        ends: all.ends,
    })
}

timed_forms! {
    fn parallel_with<T: Send, E: Send, F: [FnOnce(&StopToken) -> Result<T, E> + Send]>(bodies: Vec<F>) -> Result<Vec<T>, ParallelError<T, E>>:
    parallel_until parallel_timeout parallel_or_stop
    in vitte_threads { Outcome, Runtime, park }
    ///
    /// let runtime = Runtime::start().unwrap();
    /// let waits = |_: &_| Err::<(), _>(park());
    "runtime.run(|| vitte_threads::" ("vec![waits, waits]") ")" => outcome
}

/// Runs all bodies at once and returns what the first one returns that succeeds. The others are stopped: their
/// fibers are canceled, with [`CancelReason::LOST`], and the token that each is given is triggered. It returns
/// when all are over, so none that lost goes on behind the caller's back. A value that came too late is dropped.
///
/// # Errors
/// [`RaceError`] with all errors, if none succeeds; an empty race has none. On a plain thread no body runs.
///
/// # Cancellation
/// As [`parallel`].
///
/// # Blocking
/// As [`parallel`].
///
/// ```
/// use std::time::Duration;
/// use vitte_threads::{Runtime, race, sleep};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let won = runtime.run(|| {
///     let after = |patience: u64, name: &'static str| move |_: &_| {
///         sleep(Duration::from_millis(patience));
///         if name == "never" { Err("it cannot win") } else { Ok(name) }
///     };
///     race(vec![after(0, "never"), after(1, "soon"), after(3_600_000, "in an hour")])
/// });
/// assert_eq!(won.unwrap().value, "soon");
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn race<T, E, F>(bodies: Vec<F>) -> Result<Won<T>, RaceError<E>>
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    race_with(bodies, Deadline::NEVER, None)
}

/// As [`race`]; when the deadline has passed, or the token is triggered, all are stopped.
///
/// # Errors
/// As [`race`].
///
/// ```
/// use vitte_threads::{Outcome, Runtime, StopSource, park, race_or_stop};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let source = StopSource::new();
/// let nobody = runtime.run(|| {
///     let stops = |_: &_| {
///         source.stop();
///         park();
///         Err::<(), _>("it was canceled")
///     };
///     race_or_stop(vec![stops], &source.token())
/// });
/// assert_eq!(nobody.unwrap_err().outcome, Some(Outcome::Stopped));
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn race_with<T, E, F>(
    bodies: Vec<F>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<Won<T>, RaceError<E>>
where
    F: FnOnce(&StopToken) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    let all = run_all(bodies, Decides::Success, deadline, stop);
    let mut errors = Vec::new();
    let mut late = None;
    for (index, end) in all.ends.into_iter().enumerate() {
        match end {
            Ok(value) if all.first == Some(index) => return Ok(Won { index, value }),
            // It succeeded although all were stopped from outside before.
            Ok(value) => late = late.or(Some(Won { index, value })),
            Err(error) => errors.push(error),
        }
    }
    late.ok_or(RaceError {
        outcome: all.outcome,
        errors,
    })
}

timed_forms! {
    fn race_with<T: Send, E: Send, F: [FnOnce(&StopToken) -> Result<T, E> + Send]>(bodies: Vec<F>) -> Result<Won<T>, RaceError<E>>:
    race_until race_timeout race_or_stop
    in vitte_threads { Outcome, Runtime, park }
    ///
    /// let runtime = Runtime::start().unwrap();
    /// let waits = |_: &_| Err::<(), _>(park());
    "runtime.run(|| vitte_threads::" ("vec![waits, waits]") ")" => outcome
}
