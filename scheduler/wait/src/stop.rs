//! Stop tokens: one party says stop, every wait that watches the token ends.
//!
//! A token may also have a deadline of its own, and then it is stopped once that has passed: no
//! timer is needed for that, since a wait that watches it sleeps no longer than until then.

use crate::{
    Deadline, Node, Outcome, Reason, Ticket, Wait,
    flag::{Flag, Role},
};
use std::{
    any::Any,
    fmt,
    ops::Deref,
    ptr,
    sync::{Arc, Weak},
};

/// Where a stop is requested. Clones request the same stop, and it is a [`StopToken`] itself.
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
#[derive(Clone)]
pub struct StopSource(StopToken);

/// Where a stop is noticed: every wait takes one.
///
/// ```
/// use std::time::Duration;
/// use vitte_wait::{Deadline, Outcome, StopSource, StopToken};
///
/// let source = StopSource::new();
/// // Stopped by the source, or after a minute.
/// let either = StopToken::any([&*source, &StopToken::after(Duration::from_secs(60))]);
/// assert_eq!(either.wait(Deadline::NOW, None), Outcome::TimedOut);
/// source.stop();
/// assert_eq!(either.wait(Deadline::NEVER, None), Outcome::Woken);
/// ```
#[derive(Clone)]
pub struct StopToken(Link);

#[derive(Clone)]
enum Link {
    Gone,
    Never,
    /// Stopped from then on.
    At(Deadline),
    Flag(Arc<Flag>),
}

impl StopSource {
    /// Whose stop has been requested already.
    pub const DONE: Self = Self(StopToken::DONE);
    /// Whose stop nobody can request: [`stop`](Self::stop) does nothing.
    pub const NEVER: Self = Self(StopToken::NEVER);

    /// A source whose stop has not been requested.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// assert!(!source.is_stopped());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(StopToken(Link::Flag(Flag::new())))
    }

    /// A source that stops when one of `sources` does. It can be stopped without them, too, unless
    /// it is the only one that matters itself.
    ///
    /// It is known to them only as long as it, or something that was made of it, is held.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let (user, system) = (StopSource::new(), StopSource::new());
    /// let either = StopSource::any([&user, &system]);
    /// system.stop();
    /// assert!(either.is_stopped() && !user.is_stopped());
    /// ```
    #[must_use]
    pub fn any<'a>(sources: impl IntoIterator<Item = &'a Self>) -> Self {
        Self(StopToken::any(sources.into_iter().map(|source| &source.0)))
    }

    /// A source that stops when all of `sources` have. It can be stopped without them, too, unless
    /// it is the only one that matters itself.
    ///
    /// It is known to them only as long as it, or something that was made of it, is held.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let (one, two) = (StopSource::new(), StopSource::new());
    /// let both = StopSource::all([&one, &two]);
    /// one.stop();
    /// assert!(!both.is_stopped());
    /// two.stop();
    /// assert!(both.is_stopped());
    /// ```
    #[must_use]
    pub fn all<'a>(sources: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut missing = Vec::new();
        for source in sources {
            match &source.0.0 {
                // Not a source's: it has no deadline.
                Link::Gone | Link::At(_) => {}
                Link::Never => return Self::NEVER,
                Link::Flag(flag) if flag.is_raised() => {}
                Link::Flag(flag) => missing.push(flag.clone()),
            }
        }
        match missing.len() {
            0 => Self::DONE,
            1 => Self(StopToken(Link::Flag(missing.remove(0)))),
            n => Self(StopToken(Link::Flag(Flag::made_of(
                missing,
                n,
                Deadline::NEVER,
            )))),
        }
    }

    /// A source that stops when this one does, and can be stopped without it.
    ///
    /// It is known to this one only as long as it, or something that was made of it, is held.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let program = StopSource::new();
    /// let [one, other] = [program.child(), program.child()];
    /// one.stop();
    /// assert!(one.is_stopped() && !program.is_stopped() && !other.is_stopped());
    /// program.stop();
    /// assert!(other.is_stopped());
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        match &self.0.0 {
            // Not a source's: it has no deadline.
            Link::Gone | Link::At(_) => Self::DONE,
            Link::Never => Self::new(),
            Link::Flag(flag) => {
                let child = Flag::made_of([flag.clone()], 1, Deadline::NEVER);
                Self(StopToken(Link::Flag(child)))
            }
        }
    }

    /// A token that notices this source's stop.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// let token = source.token(); // for those who may notice the stop, but not request it
    /// source.stop();
    /// assert!(token.is_stopped());
    /// ```
    #[must_use]
    pub fn token(&self) -> StopToken {
        self.0.clone()
    }

    /// Requests the stop: every wait that watches a token of this source ends as
    /// [`Outcome::Stopped`], now and from now on. Doing it twice is the same as once.
    ///
    /// Then what was left by [`then`](StopToken::then) is run, here.
    ///
    /// # Blocking
    /// Never, but for what those callbacks do.
    ///
    /// ```
    /// use vitte_wait::{Deadline, Outcome, StopSource, Wait};
    ///
    /// let source = StopSource::new();
    /// source.stop();
    /// assert_eq!(Wait::park_token(Deadline::NEVER, Some(&source.token())), Outcome::Stopped);
    /// ```
    pub fn stop(&self) {
        if let Link::Flag(flag) = &self.0.0 {
            flag.raise();
        }
    }

    /// What panicking callbacks left since this was called last. Each is given once.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// source.then(|| panic!("it is broken"));
    /// source.stop();
    /// assert_eq!(source.take_panics().len(), 1);
    /// assert_eq!(source.take_panics().len(), 0);
    /// ```
    #[must_use]
    pub fn take_panics(&self) -> Vec<Box<dyn Any + Send>> {
        match &self.0.0 {
            Link::Flag(flag) => flag.take_panics(),
            _ => Vec::new(),
        }
    }
}

impl Default for StopSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for StopSource {
    type Target = StopToken;
    fn deref(&self) -> &StopToken {
        &self.0
    }
}

impl From<StopSource> for StopToken {
    fn from(source: StopSource) -> Self {
        source.0
    }
}

impl StopToken {
    /// Stopped already.
    pub const DONE: Self = Self(Link::Gone);
    /// Never stopped.
    pub const NEVER: Self = Self(Link::Never);

    /// Stopped from `deadline` on.
    ///
    /// No timer runs: whoever waits with this token sleeps no longer than until then.
    ///
    /// ```
    /// use vitte_wait::{Deadline, StopToken};
    ///
    /// assert!(StopToken::at(Deadline::NOW).is_stopped());
    /// assert!(!StopToken::at(Deadline::NEVER).is_stopped());
    /// ```
    #[must_use]
    pub const fn at(deadline: Deadline) -> Self {
        match deadline {
            Deadline::NOW => Self::DONE,
            Deadline::NEVER => Self::NEVER,
            deadline => Self(Link::At(deadline)),
        }
    }

    /// [`at`](Self::at) the point `duration` from now.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::StopToken;
    ///
    /// assert!(!StopToken::after(Duration::from_secs(60)).is_stopped());
    /// ```
    #[must_use]
    pub fn after(duration: std::time::Duration) -> Self {
        if duration.is_zero() {
            return Self::DONE;
        }
        Self::at(Deadline::after(duration))
    }

    /// Stopped as soon as one of `tokens` is; never, if there are none.
    ///
    /// It is known to them only as long as it, or something that was made of it, is held.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::{StopSource, StopToken};
    ///
    /// let source = StopSource::new();
    /// let either = StopToken::any([&*source, &StopToken::after(Duration::from_secs(60))]);
    /// source.stop();
    /// assert!(either.is_stopped());
    /// ```
    #[must_use]
    pub fn any<'a>(tokens: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut flags, mut deadline) = (Vec::new(), Deadline::NEVER);
        for token in tokens {
            if token.is_stopped() {
                return Self::DONE;
            }
            deadline = deadline.min(token.deadline());
            if let Link::Flag(flag) = &token.0 {
                flags.push(flag.clone());
            }
        }
        if flags.is_empty() {
            return Self::at(deadline);
        }
        if flags.len() == 1 && flags[0].deadline == deadline {
            return Self(Link::Flag(flags.remove(0)));
        }
        Self(Link::Flag(Flag::made_of(flags, 1, deadline)))
    }

    /// Runs `callback` once the stop is requested: by whoever requests it, after everybody who
    /// waits was woken, in the order of registration; or here and now if it has been requested.
    /// The coming of a [`deadline`](Self::deadline) runs nothing, for nobody is there to notice it.
    ///
    /// A panic of a callback stops neither the others nor the one who requests the stop; it is
    /// kept for [`take_panics`](StopSource::take_panics). A callback that blocks delays those after it.
    ///
    /// # Panics
    /// With the callback's panic if this is [`DONE`](Self::DONE), which keeps nothing.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use vitte_wait::StopSource;
    ///
    /// let (source, (tell, told)) = (StopSource::new(), mpsc::channel());
    /// source.then(move || tell.send("stopped").unwrap());
    /// source.stop();
    /// assert_eq!(told.recv(), Ok("stopped"));
    /// ```
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) -> Then {
        match &self.0 {
            Link::Flag(flag) => {
                let id = flag.hook(Box::new(callback));
                Then(id.map(|id| (Arc::downgrade(flag), id)))
            }
            Link::Gone => {
                // There is no flag to keep a panic with, so it is the caller's.
                callback();
                Then(None)
            }
            Link::Never | Link::At(_) => Then(None),
        }
    }

    /// Whether the stop has been requested, or the token's deadline has passed.
    ///
    /// ```
    /// use vitte_wait::StopToken;
    ///
    /// assert!(StopToken::DONE.is_stopped());
    /// assert!(!StopToken::NEVER.is_stopped());
    /// ```
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        match &self.0 {
            Link::Flag(flag) => flag.is_raised(),
            Link::Gone => true,
            Link::Never => false,
            Link::At(deadline) => deadline.is_past(),
        }
    }

    /// When the token is stopped at the latest.
    ///
    /// ```
    /// use vitte_wait::{Deadline, StopSource, StopToken};
    ///
    /// assert_eq!(StopToken::at(Deadline::from_nanos(7)).deadline(), Deadline::from_nanos(7));
    /// assert_eq!(StopSource::new().deadline(), Deadline::NEVER);
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        match &self.0 {
            Link::Flag(flag) => flag.deadline,
            Link::Gone => Deadline::NOW,
            Link::Never => Deadline::NEVER,
            Link::At(deadline) => *deadline,
        }
    }

    /// Waits for the stop: [`Outcome::Woken`] once it is there, else what ended the wait before.
    ///
    /// # Blocking
    /// Blocks the calling unit, unless the token is stopped already.
    ///
    /// # Cancellation
    /// Nothing is lost.
    ///
    /// # Panics
    /// As [`Wait::begin`].
    pub fn wait(&self, deadline: Deadline, stop: Option<&Self>) -> Outcome {
        if self.is_stopped() {
            return Outcome::Woken;
        }
        let own = self.deadline();
        let wait = Wait::begin(Reason::Event, self.object());
        let outcome = match &self.0 {
            Link::Flag(flag) => {
                let ticket = wait.ticket();
                flag.watch(Role::Waiter, ticket, || wait.park(own.min(deadline), stop))
            }
            _ => wait.park(own.min(deadline), stop),
        };
        match outcome {
            Outcome::TimedOut if own <= deadline && own != Deadline::NEVER => Outcome::Woken,
            outcome => outcome,
        }
    }

    /// How many callbacks, and tokens that were made of this one, hang on it; for onlookers.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// source.then(|| ());
    /// assert_eq!(source.callbacks(), 1);
    /// ```
    #[must_use]
    pub fn callbacks(&self) -> usize {
        match &self.0 {
            Link::Flag(flag) => flag.hooks(),
            _ => 0,
        }
    }

    /// Whether the two are stopped by the same.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// assert!(source.token().is_same(&source.token()));
    /// assert!(!source.is_same(&StopSource::new()));
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Link::Flag(a), Link::Flag(b)) => Arc::ptr_eq(a, b),
            (Link::At(a), Link::At(b)) => a == b,
            (Link::Gone, Link::Gone) | (Link::Never, Link::Never) => true,
            _ => false,
        }
    }

    /// What onlookers are shown as the object of a wait.
    pub(crate) fn object(&self) -> *const () {
        match &self.0 {
            Link::Flag(flag) => Arc::as_ptr(flag).cast(),
            _ => ptr::null(),
        }
    }

    /// Puts `node` among those who wait for the stop. False: it has been requested.
    ///
    /// # Safety
    /// As for [`WaitQueue::push`](crate::WaitQueue::push); it leaves by [`delist`](Self::delist), or
    /// by being popped.
    pub(crate) unsafe fn enlist(&self, node: &Node) -> bool {
        match &self.0 {
            // SAFETY: by the caller.
            Link::Flag(flag) => unsafe { flag.enlist(Role::Waiter, node) },
            Link::Gone => false,
            Link::Never | Link::At(_) => true,
        }
    }

    /// Takes `node` out, if it is still in.
    ///
    /// # Safety
    /// It was [enlisted](Self::enlist) with this token.
    pub(crate) unsafe fn delist(&self, node: &Node) {
        if let Link::Flag(flag) = &self.0 {
            // SAFETY: by the caller.
            unsafe { flag.delist(Role::Waiter, node) };
        }
    }

    /// Runs `park`, which parks the holder of `ticket` until a deadline, and ends that wait if the
    /// stop comes.
    #[inline]
    pub(crate) fn watch(
        &self,
        ticket: Ticket,
        deadline: Deadline,
        park: impl FnOnce(Deadline) -> Outcome,
    ) -> Outcome {
        let own = self.deadline();
        let outcome = match &self.0 {
            Link::Flag(flag) => {
                let until = own.min(deadline);
                flag.watch(Role::Watcher, ticket, || park(until))
            }
            Link::Gone => {
                // If the claim fails somebody else has decided, and `park` says what.
                drop(ticket.claim(Outcome::Stopped));
                park(deadline)
            }
            Link::Never => park(deadline),
            Link::At(_) => park(own.min(deadline)),
        };
        match outcome {
            Outcome::TimedOut if own < deadline => Outcome::Stopped,
            outcome => outcome,
        }
    }
}

/// A callback that waits for a stop. Dropping this leaves it there.
#[derive(Debug)]
pub struct Then(Option<(Weak<Flag>, u64)>);

impl Then {
    /// Takes the callback away. False: it has run, runs, or will not run in any case.
    ///
    /// # Blocking
    /// Never; a callback that runs elsewhere is not waited for.
    ///
    /// ```
    /// use vitte_wait::StopSource;
    ///
    /// let source = StopSource::new();
    /// let then = source.then(|| unreachable!("it is taken away"));
    /// assert!(then.remove());
    /// source.stop();
    /// ```
    #[allow(
        clippy::must_use_candidate,
        reason = "to be rid of it is the usual wish"
    )]
    pub fn remove(self) -> bool {
        self.0
            .is_some_and(|(flag, id)| flag.upgrade().is_some_and(|flag| flag.unhook(id)))
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
