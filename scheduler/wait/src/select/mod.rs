//! Waiting for the first of several things, whatever they are.
//!
//! Each thing is an [`Arm`]: a receive, a send, a point in time, a stop, the end of a task. An arm
//! belongs to whoever has the thing: channels have theirs in their crate, the scheduler has the
//! one of joins, and this file has those of [time](at()) and of [stop tokens](StopArm). [`select()`]
//! takes any mix of them and says which one went; that arm then has the outcome, and
//! [`Chosen::take`] gets it out. All others are as they were: what they would have sent is still
//! in them.
//!
//! ```
//! use std::time::Duration;
//! use vitte_wait::{Deadline, StopSource};
//! use vitte_wait::select::{Chosen, after, select};
//!
//! let source = StopSource::new();
//! let token = source.token();
//! let (mut stop, mut late) = (token.stop_arm(), after(Duration::from_secs(3600)));
//! source.stop();
//! let which = select(&mut [&mut late, &mut stop], Deadline::NEVER, None);
//! assert_eq!(which, Ok(1));
//! assert_eq!((late.take(), stop.take()), (None, Some(())));
//! ```
//!
//! # How it goes
//! 1. Each arm is [attempted](Arm::attempt), in an order that is drawn anew each time, so of
//!    several arms that can go each is as likely as the others, and none starves.
//! 2. If none goes, one [`Wait`](crate::Wait) is begun, and one [`Node`] for each arm, all with the
//!    same ticket, is [enlisted](Arm::enlist) with the arm's source. An arm whose source has
//!    changed meanwhile says so, and then all are taken out again, and that arm is attempted.
//! 3. The unit parks. Whoever comes to one of the sources claims the ticket, which only the first
//!    can, and may do that arm's work for it through its [payload](Arm::payload).
//! 4. All nodes are [taken out](Arm::delist), and the arm through whose node the wait was claimed
//!    [finishes](Arm::finish). If it cannot, all is done again.
//!
//! Note \[Winner first\]: a source that wakes one waiter for each thing it has (a channel with many
//! receivers, a semaphore) has given this wait a wake-up that another waiter might have had. If the
//! unit then went by another arm, and left that thing where it is, nobody would wake the other
//! waiter: a lost wake-up. So the arm that was won is finished before any other is attempted. If it
//! finishes, the wake-up was used. If it does not, what the wake-up was about is gone: somebody else
//! took it, and there is nothing that another waiter should be told. No other arm was ever given
//! a wake-up, for a claim that fails is passed on by whoever tried it (see [`WaitQueue::pop`]): so
//! there is none to pass on when they are taken out.
//!
//! Note \[Crossed selects\]: two units may each be enlisted where the other is looking. Nobody waits
//! for anybody in this: a source is locked for the time of one enlisting, one at a time, and who
//! finds that he need not wait withdraws. So there is no deadlock. Could both find the other,
//! withdraw, find nobody, enlist, and so on for ever? Sources are enlisted with in the order of
//! their addresses. If A withdraws because B is enlisted at X, and B because A is at Y, then B came
//! to X before Y or at the same time, and A to Y before X; so X is Y, and both units are at both
//! ends of one rendezvous. There they would have to keep in step, and after a few rounds each
//! pauses for a time that is drawn.
//!
//! What tries and does not wait ([`try_select`]) enlists as well before it says that nothing could go: see Note
//! \[One moment\] in the engine.
//!
//! # Writing an arm
//! A flavor of channel that implements the waiting of its crate gets its arms from there. Anything
//! else implements [`Arm`] and [`Chosen`]: see [`StopArm`] for a small one. An arm without a source,
//! that becomes ready by time alone, needs no node: [`At`]. An arm of which nobody would tell a thread, such as a
//! descriptor that no runtime watches, has it [look out](Arm::look_out) itself.
//!
//! [`WaitQueue::pop`]: crate::WaitQueue::pop

mod arms;
mod engine;
mod mapped;
mod several;

pub use arms::{At, StopArm, When, after, at};
pub use engine::{select, try_select};
pub use mapped::Mapped;
pub use several::Select;

use crate::{Deadline, Lookout, Node, Outcome, Reason};
use std::{error::Error, fmt, ptr};

/// One of the things that a [`select()`] waits for.
///
/// An arm that has gone keeps its outcome until [`Chosen::take`]; until then each further attempt
/// succeeds at once, so that nothing is lost if it is selected among again.
///
/// # Safety
/// For the implementor, who is trusted with a waiter's stack:
/// - After [`enlist`](Self::enlist) returned true and until [`delist`](Self::delist) returns, the
///   node may be in one queue, and is touched under that queue's lock alone. Otherwise it is in
///   none, and nobody touches it.
/// - What [`payload`](Self::payload) points to may be used by the holder of the claim, while the arm
///   is enlisted, without any `&mut` to the arm in between.
///
/// And for the waits to end: once an arm is enlisted, whatever lets it go claims the node's ticket,
/// and does so through the node, so that it is [marked](Node::has_won). (An arm that stays ready once
/// it is may do without the mark.)
pub unsafe trait Arm {
    /// Goes, if that can be done now. True: it has, and the outcome is in the arm.
    ///
    /// Never blocks. A source that is closed for good has an outcome, too: to be told so.
    fn attempt(&mut self) -> bool;

    /// What a unit waits for that waits for this arm only.
    fn reason(&self) -> Reason;

    /// What it waits on: for onlookers, and to order enlisting by. Null if there is no source.
    fn object(&self) -> *const ();

    /// What the node lends to whoever claims the wait: the address of a place, or null.
    fn payload(&self) -> *mut () {
        ptr::null_mut()
    }

    /// Puts `node` where a waker will look for it. False: the arm could go now, or soon enough to
    /// try again, and the node is in no queue.
    ///
    /// # Safety
    /// - `node` was made with this arm's [`payload`](Self::payload), is in no queue, and stays where it
    ///   is, alive, until [`delist`](Self::delist) was called or its wait was won through it.
    /// - Until then the arm is neither moved nor borrowed mutably.
    unsafe fn enlist(&self, node: &Node) -> bool;

    /// Takes `node` out again, if it is still in.
    ///
    /// # Safety
    /// [`enlist`](Self::enlist) has returned true for this node, and its wait is over.
    unsafe fn delist(&self, node: &Node);

    /// Completes the arm after its node has won. False: it turned out that it cannot go yet.
    fn finish(&mut self) -> bool {
        self.attempt()
    }

    /// Says what a thread must look out for itself, if nobody would wake it for the arm. Asked of threads only, each time
    /// before they [enlist](Self::enlist) with the arm and wait. An arm that cannot add it goes instead, with an
    /// outcome that says so, and refuses to enlist.
    fn look_out(&self, _: &mut Lookout) {}

    /// When the arm becomes ready by itself.
    fn deadline(&self) -> Deadline {
        Deadline::NEVER
    }

    /// Counts the arm as completed without waiting: see [`Budget`](crate::Budget). May suspend.
    fn spend(&self) {}
}

// SAFETY: it is the arm behind the reference.
unsafe impl<A: Arm + ?Sized> Arm for &mut A {
    fn attempt(&mut self) -> bool {
        (**self).attempt()
    }

    fn reason(&self) -> Reason {
        (**self).reason()
    }

    fn object(&self) -> *const () {
        (**self).object()
    }

    fn payload(&self) -> *mut () {
        (**self).payload()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        // SAFETY: by the caller.
        unsafe { (**self).enlist(node) }
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: by the caller.
        unsafe { (**self).delist(node) };
    }

    fn finish(&mut self) -> bool {
        (**self).finish()
    }

    fn look_out(&self, lookout: &mut Lookout) {
        (**self).look_out(lookout);
    }

    fn deadline(&self) -> Deadline {
        (**self).deadline()
    }

    fn spend(&self) {
        (**self).spend();
    }
}

/// An arm whose outcome can be had.
pub trait Chosen: Arm {
    /// What comes of it.
    type Output;

    /// Takes what came of the arm. `None` if it did not go (or was asked before).
    fn take(&mut self) -> Option<Self::Output>;

    /// The same arm, of which comes what `how` makes of it. `how` is called when the arm goes.
    ///
    /// ```
    /// use vitte_wait::{Deadline, select::{Chosen, at, select}};
    ///
    /// let mut arm = at(Deadline::NOW).map(|()| "too late");
    /// assert_eq!(select(&mut [&mut arm], Deadline::NEVER, None), Ok(0));
    /// assert_eq!((arm.take(), arm.take()), (Some("too late"), None));
    /// ```
    fn map<R, F>(self, how: F) -> Mapped<Self, R, F>
    where
        Self: Sized,
        F: FnMut(Self::Output) -> R,
    {
        Mapped::new(self, how)
    }
}

impl<A: Chosen + ?Sized> Chosen for &mut A {
    type Output = A::Output;

    fn take(&mut self) -> Option<A::Output> {
        (**self).take()
    }
}

/// Why no arm went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SelectError {
    /// The deadline passed first.
    TimedOut,
    /// The caller was canceled while it would have had to wait.
    Canceled,
    /// The stop token was triggered first.
    Stopped,
}

impl SelectError {
    /// `None` for what is no error.
    fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Woken => None,
            Outcome::TimedOut => Some(Self::TimedOut),
            Outcome::Canceled => Some(Self::Canceled),
            Outcome::Stopped => Some(Self::Stopped),
        }
    }
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the deadline passed",
            Self::Canceled => "the waiter was canceled",
            Self::Stopped => "the stop token was triggered",
        })
    }
}

impl Error for SelectError {}
