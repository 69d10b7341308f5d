//! Semaphores: so many may go on, the others wait for their turn.
//!
//! ```text
//! | permits | closed | awaited |
//! ```
//!
//! While the word says that somebody waits, permits are taken from it only under the line's lock,
//! by whoever serves those in line, oldest first; they may be added by anybody at any time. See
//! Note [Awaited flags].

use crate::{
    AcquireError, AcquireUntilError, OwnedPermit, Permit, TryAcquireError,
    forms::const_new,
    line::{Inside, Line, Waited, object},
};
use std::{cell::Cell, fmt, mem, ptr, sync::Arc};
use vitte_wait::{
    Deadline, Outcome, Reason, StopToken, Wait, count_here,
    facade::atomic::{AtomicUsize, Ordering::*},
    give_way, timed_forms,
};

const AWAITED: usize = 1;
const CLOSED: usize = 2;
const ONE: usize = 4;
const SHIFT: u32 = ONE.trailing_zeros();

/// A number of permits, which are taken and given back.
///
/// It is fair: whoever comes first is served first, and nobody overtakes one who waits for many
/// permits, not even by [trying](Self::try_acquire).
///
/// # Blocking
/// The forms that wait suspend the calling fiber, or put the calling thread to sleep, unless the
/// permits are there and nobody waits.
///
/// # Cancellation
/// A waiter that is canceled, times out or is stopped has taken nothing, and those behind it
/// move up.
///
/// ```
/// use vitte_sync::{Semaphore, TryAcquireError};
///
/// let tables = Semaphore::new(2);
/// let (ours, theirs) = (tables.acquire().unwrap(), tables.acquire().unwrap());
/// assert_eq!(tables.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
/// drop(ours);
/// assert_eq!(tables.available_permits(), 1);
/// # drop(theirs);
/// ```
pub struct Semaphore {
    word: AtomicUsize,
    line: Line<()>,
}

/// What one who waits in line lends to whoever serves it.
pub(crate) struct Wish {
    pub(crate) permits: usize,
    /// Written by the one who holds the claim, before the waiter goes on.
    pub(crate) is_granted: Cell<bool>,
}

impl Semaphore {
    /// No semaphore can have more permits.
    pub const MAX_PERMITS: usize = usize::MAX >> (SHIFT + 1);

    const_new! {
        /// A semaphore with so many permits.
        ///
        /// # Panics
        /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// ```
        /// use vitte_sync::Semaphore;
        ///
        /// static CONNECTIONS: Semaphore = Semaphore::new(100);
        /// let _one = CONNECTIONS.acquire().unwrap();
        /// assert_eq!(CONNECTIONS.available_permits(), 99);
        /// ```
        #[must_use]
        pub fn new(permits: usize) -> Self {
            assert!(permits <= Self::MAX_PERMITS, "too many permits");
            Self {
                word: AtomicUsize::new(permits << SHIFT),
                line: Line::new(()),
            }
        }
    }

    /// How many permits are there now. Some may be meant for one who waits for more.
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// let seats = Semaphore::new(3);
    /// let _two = seats.acquire_many(2).unwrap();
    /// assert_eq!(seats.available_permits(), 1);
    /// ```
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.word.load(Relaxed) >> SHIFT
    }

    /// Adds permits, for those who wait or those who come.
    ///
    /// # Panics
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS) then; none were added.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// let items = Semaphore::new(0);
    /// std::thread::scope(|scope| {
    ///     let taker = scope.spawn(|| items.acquire().map(|item| item.forget()));
    ///     items.add_permits(1);
    ///     assert_eq!(taker.join().unwrap(), Ok(()));
    /// });
    /// ```
    #[inline]
    pub fn add_permits(&self, permits: usize) {
        assert!(permits <= Self::MAX_PERMITS, "too many permits");
        // Ordering: Release. What was done with the permits is visible to who takes them next.
        // Partners: the Acquire in `take_unless`, and in `serve`.
        let old = self.word.fetch_add(permits << SHIFT, Release);
        if (old >> SHIFT) > Self::MAX_PERMITS - permits {
            self.word.fetch_sub(permits << SHIFT, Relaxed);
            panic!("too many permits");
        }
        if old & AWAITED != 0 {
            self.serve();
        }
    }

    /// Takes up to `permits` permits away for good, as many as are there and nobody waits for.
    /// Says how many.
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// let seats = Semaphore::new(3);
    /// assert_eq!(seats.forget_permits(2), 2);
    /// assert_eq!(seats.forget_permits(2), 1, "there was no more");
    /// ```
    pub fn forget_permits(&self, permits: usize) -> usize {
        let mut now = self.word.load(Relaxed);
        loop {
            let taken = match now & AWAITED {
                0 => permits.min(now >> SHIFT),
                _ => 0,
            };
            // Ordering: Acquire, as in `take_unless`.
            match self
                .word
                .compare_exchange_weak(now, now - (taken << SHIFT), Acquire, Relaxed)
            {
                Ok(_) => return taken,
                Err(other) => now = other,
            }
        }
    }

    /// Closes the semaphore: nobody gets a permit any more, and those who wait go away.
    /// Permits that were handed out stay good, and come back.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::{AcquireError, Semaphore};
    ///
    /// let seats = Semaphore::new(3);
    /// let permit = seats.acquire().unwrap();
    /// seats.close();
    /// assert_eq!(seats.acquire().unwrap_err(), AcquireError::Closed);
    /// drop(permit);
    /// assert_eq!(seats.available_permits(), 3);
    /// ```
    pub fn close(&self) {
        // Ordering: Release. Partner: the Acquire in `take_unless` and `is_closed`.
        self.word.fetch_or(CLOSED, Release);
        self.line.wake_all(|()| {
            self.word.fetch_and(!AWAITED, Relaxed);
        });
    }

    /// Whether the semaphore was [closed](Self::close).
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// let seats = Semaphore::new(3);
    /// seats.close();
    /// assert!(seats.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `close`.
        self.word.load(Acquire) & CLOSED != 0
    }

    /// Takes permits if they are there and nobody may wait for them.
    #[inline]
    pub(crate) fn take(&self, permits: usize) -> Result<(), TryAcquireError> {
        self.take_unless(AWAITED, permits)
    }

    #[inline]
    fn take_unless(&self, flag: usize, permits: usize) -> Result<(), TryAcquireError> {
        // Ordering: Acquire, for `CLOSED`. Partner: the Release in `close`.
        let mut now = self.word.load(Acquire);
        loop {
            if now & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            if permits == 0 {
                return Ok(());
            }
            if now & flag != 0 || now >> SHIFT < permits {
                return Err(TryAcquireError::NoPermits);
            }
            // Ordering: Acquire. Partner: the Release in `add_permits`.
            match self
                .word
                .compare_exchange_weak(now, now - (permits << SHIFT), Acquire, Acquire)
            {
                Ok(_) => return Ok(()),
                Err(other) => now = other,
            }
        }
    }

    #[inline]
    pub(crate) fn take_or_wait(
        &self,
        permits: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), AcquireUntilError> {
        // Before there is a permit that others might wait for meanwhile.
        if count_here() {
            give_way();
        }
        match self.take(permits) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::Closed) => Err(AcquireUntilError::Closed),
            Err(TryAcquireError::NoPermits) => self.take_in_line(permits, deadline, stop),
        }
    }

    /// Raises the flag, unless `goes` says that there is no need to wait. It is asked if there are
    /// enough permits, or the semaphore is closed, and told which flag keeps the caller away.
    /// Called under the lock.
    pub(crate) fn arm(
        &self,
        inside: &Inside<()>,
        permits: usize,
        mut goes: impl FnMut(usize) -> bool,
    ) -> bool {
        // Under the lock the flag keeps nobody away if nobody is in line.
        let flag = if inside.queue.is_empty() { 0 } else { AWAITED };
        let mut now = self.word.load(Relaxed);
        loop {
            let is_enough = flag == 0 && now >> SHIFT >= permits;
            if now & CLOSED != 0 || is_enough {
                if goes(flag) {
                    return false;
                }
                now = self.word.load(Relaxed);
                continue;
            }
            // Ordering: Relaxed. What a permit brings, whoever takes it acquires.
            match self
                .word
                .compare_exchange_weak(now, now | AWAITED, Relaxed, Relaxed)
            {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
    }

    pub(crate) fn line(&self) -> &Line<()> {
        &self.line
    }

    #[cold]
    fn take_in_line(
        &self,
        permits: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), AcquireUntilError> {
        /// One who leaves may have held up those behind it.
        struct MoveUp<'a>(&'a Semaphore);
        impl Drop for MoveUp<'_> {
            fn drop(&mut self) {
                self.0.serve();
            }
        }

        let wait = Wait::begin(Reason::Lock, object(self));
        let wish = Wish {
            permits,
            is_granted: Cell::new(false),
        };
        let mut at_once = Ok(());
        let arm = |inside: &mut Inside<()>| {
            self.arm(inside, permits, |flag| {
                at_once = self.take_unless(flag, permits);
                at_once != Err(TryAcquireError::NoPermits)
            })
        };
        let move_up = MoveUp(self);
        let waited = self.line.wait(
            wait,
            ptr::from_ref(&wish).cast_mut().cast(),
            (deadline, stop),
            arm,
            |_| {},
        );
        match waited {
            Waited::Left(_) => drop(move_up),
            Waited::No | Waited::Popped(_) => mem::forget(move_up),
        }
        match waited {
            Waited::No => at_once.map_err(|_| AcquireUntilError::Closed),
            Waited::Popped(Outcome::Woken) if wish.is_granted.get() => Ok(()),
            Waited::Popped(Outcome::Woken) => Err(AcquireUntilError::Closed),
            Waited::Popped(outcome) | Waited::Left(outcome) => {
                Err(AcquireUntilError::of_ended(outcome))
            }
        }
    }

    /// Serves those in line, oldest first, as far as the permits go.
    #[cold]
    pub(crate) fn serve(&self) {
        loop {
            let mut inside = self.line.lock();
            // Ordering: Acquire. Partner: the Release of those who added the permits; whoever is
            // served has it from the claim.
            let there = self.word.load(Acquire) >> SHIFT;
            let served = inside.queue.pop_if(Outcome::Woken, |wish| {
                // SAFETY: the payload of every node of this line is a `Wish` of its waiter, which
                // stays where it is until the node has left; that takes the lock that we hold.
                unsafe { (*wish.cast::<Wish>()).permits <= there }
            });
            if let Some((_, wish)) = &served {
                // SAFETY: as above; and we hold the claim, so nobody else is at it.
                let wish = unsafe { &*wish.cast::<Wish>() };
                // While the flag is up only those who have the lock take permits.
                self.word.fetch_sub(wish.permits << SHIFT, Relaxed);
                wish.is_granted.set(true);
            }
            if inside.queue.is_empty() {
                self.word.fetch_and(!AWAITED, Relaxed);
            }
            drop(inside);
            // The claim is dropped here, after the lock.
            if served.is_none() {
                return;
            }
        }
    }

    /// Takes one permit; waits while there is none.
    ///
    /// # Errors
    /// [`AcquireError::Closed`] if the semaphore is closed, before or while waiting;
    /// [`AcquireError::Canceled`] if the caller is canceled while it waits.
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// // At most two at a time.
    /// let (seats, guests) = (Semaphore::new(2), std::sync::atomic::AtomicUsize::new(0));
    /// std::thread::scope(|scope| {
    ///     for _ in 0..4 {
    ///         scope.spawn(|| {
    ///             let _seat = seats.acquire().unwrap();
    ///             guests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    ///         });
    ///     }
    /// });
    /// assert_eq!((guests.into_inner(), seats.available_permits()), (4, 2));
    /// ```
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// Takes `permits` permits at once; waits until they are there.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// use vitte_sync::Semaphore;
    ///
    /// let megabytes = Semaphore::new(64);
    /// let large = megabytes.acquire_many(48).unwrap();
    /// assert!(megabytes.try_acquire_many(48).is_err());
    /// drop(large);
    /// assert!(megabytes.try_acquire_many(48).is_ok());
    /// ```
    #[inline]
    pub fn acquire_many(&self, permits: usize) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many_with(permits, Deadline::NEVER, None)
            .map_err(AcquireUntilError::of_untimed)
    }

    /// Takes one permit if it is there and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`], or [`TryAcquireError::Closed`].
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::{Semaphore, TryAcquireError};
    ///
    /// let seats = Semaphore::new(1);
    /// let _mine = seats.try_acquire().unwrap();
    /// assert_eq!(seats.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` permits if they are there and nobody waits.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::{Semaphore, TryAcquireError};
    ///
    /// let seats = Semaphore::new(3);
    /// assert_eq!(seats.try_acquire_many(4).unwrap_err(), TryAcquireError::NoPermits);
    /// assert!(seats.try_acquire_many(3).is_ok());
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, permits: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.take(permits).map(|()| Permit::new(self, permits))
    }

    /// Takes `permits` permits; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), and [`AcquireUntilError::TimedOut`] or
    /// [`AcquireUntilError::Stopped`], whichever came first.
    ///
    /// ```
    /// use vitte_sync::{AcquireUntilError, Semaphore};
    /// use vitte_wait::Deadline;
    ///
    /// let seats = Semaphore::new(3);
    /// let refused = seats.acquire_many_with(4, Deadline::NOW, None).unwrap_err();
    /// assert_eq!(refused, AcquireUntilError::TimedOut);
    /// ```
    #[inline]
    pub fn acquire_many_with(
        &self,
        permits: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Permit<'_>, AcquireUntilError> {
        self.take_or_wait(permits, deadline, stop)
            .map(|()| Permit::new(self, permits))
    }

    /// [`acquire_many_with`](Self::acquire_many_with), one permit.
    ///
    /// # Errors
    /// As [`acquire_many_with`](Self::acquire_many_with).
    ///
    /// ```
    /// use vitte_sync::{AcquireUntilError, Semaphore};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let (seats, source) = (Semaphore::new(0), StopSource::new());
    /// source.stop();
    /// let refused = seats.acquire_with(Deadline::NEVER, Some(&source.token())).unwrap_err();
    /// assert_eq!(refused, AcquireUntilError::Stopped);
    /// ```
    #[inline]
    pub fn acquire_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<Permit<'_>, AcquireUntilError> {
        self.acquire_many_with(1, deadline, stop)
    }

    timed_forms! {
        acquire_with() -> Result<Permit<'_>, AcquireUntilError>:
        acquire_until acquire_timeout acquire_or_stop
        in vitte_wait
        /// use vitte_sync::{AcquireUntilError, Semaphore};
        ///
        /// let seats = Semaphore::new(0);
        "seats." () => Err(AcquireUntilError)
    }

    timed_forms! {
        acquire_many_with(permits: usize) -> Result<Permit<'_>, AcquireUntilError>:
        acquire_many_until acquire_many_timeout acquire_many_or_stop
        in vitte_wait
        /// use vitte_sync::{AcquireUntilError, Semaphore};
        ///
        /// let seats = Semaphore::new(3);
        "seats." (4) => Err(AcquireUntilError)
    }

    /// [`acquire`](Self::acquire), with a permit that borrows nothing.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use vitte_sync::Semaphore;
    ///
    /// let seats = Arc::new(Semaphore::new(1));
    /// let seat = seats.acquire_owned().unwrap();
    /// thread::spawn(move || drop(seat));
    /// assert!(seats.acquire().is_ok(), "the other thread has given it back");
    /// ```
    pub fn acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, AcquireError> {
        self.acquire_many_owned(1)
    }

    /// [`acquire_many`](Self::acquire_many), with a permit that borrows nothing.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_sync::Semaphore;
    ///
    /// let seats = Arc::new(Semaphore::new(3));
    /// let ours = seats.acquire_many_owned(2).unwrap();
    /// assert_eq!((ours.permits(), seats.available_permits()), (2, 1));
    /// ```
    pub fn acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, AcquireError> {
        self.acquire_many_owned_with(permits, Deadline::NEVER, None)
            .map_err(AcquireUntilError::of_untimed)
    }

    /// [`try_acquire_many`](Self::try_acquire_many), with a permit that borrows nothing.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_sync::{Semaphore, TryAcquireError};
    ///
    /// let seats = Arc::new(Semaphore::new(3));
    /// let refused = seats.try_acquire_many_owned(4).unwrap_err();
    /// assert_eq!(refused, TryAcquireError::NoPermits);
    /// ```
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.take(permits)
            .map(|()| OwnedPermit::new(self.clone(), permits))
    }

    /// [`acquire_many_with`](Self::acquire_many_with), with a permit that borrows nothing.
    ///
    /// # Errors
    /// As [`acquire_many_with`](Self::acquire_many_with).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vitte_sync::{AcquireUntilError, Semaphore};
    /// use vitte_wait::Deadline;
    ///
    /// let seats = Arc::new(Semaphore::new(3));
    /// let refused = seats.acquire_many_owned_with(4, Deadline::NOW, None).unwrap_err();
    /// assert_eq!(refused, AcquireUntilError::TimedOut);
    /// ```
    pub fn acquire_many_owned_with(
        self: &Arc<Self>,
        permits: usize,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<OwnedPermit, AcquireUntilError> {
        self.take_or_wait(permits, deadline, stop)
            .map(|()| OwnedPermit::new(self.clone(), permits))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Semaphore");
        out.field("permits", &self.available_permits())
            .field("closed", &self.is_closed());
        if let Some(waiting) = self.line.len() {
            out.field("waiting", &waiting);
        }
        out.finish()
    }
}
