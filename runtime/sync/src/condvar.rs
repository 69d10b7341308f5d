//! Waiting, with a lock let go of meanwhile, until somebody says that something has changed.
//!
//! A waiter is in the queue before it releases the lock, so a notification by one who took the
//! lock after it cannot miss it.

use crate::{LockError, LockUntilError, MutexGuard, forms::const_new};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr,
};
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopToken, Wait, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicBool, Ordering::*},
    },
    timed_forms,
};

/// Where units wait for a change of what a [`Mutex`](crate::Mutex) guards.
///
/// Every form of waiting releases the lock, waits, and *always* takes the lock again before it
/// returns, whatever ended the wait; the result says what did. A wait that returns `Ok` was ended by a
/// notification, and by nothing else; but what it told of may be over again by then, so a wait
/// belongs into a loop, or is made with [`wait_while`](Self::wait_while).
///
/// Neither [`LockError::Deadlock`] nor its like comes from here. [`LockError::Poisoned`] says that a panic
/// unwound in somebody who held the lock meanwhile; the guard is good all the same.
///
/// # Blocking
/// A fiber suspends, a thread sleeps; then again, while others hold the lock.
///
/// # Cancellation
/// A unit that is canceled while it waits has consumed no notification. It takes the lock again first.
///
/// ```
/// use vitte_sync::{Condvar, LockError, Mutex};
///
/// let (lock, changed) = (Mutex::new(0), Condvar::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *lock.lock().unwrap() = 7;
///         changed.notify_one();
///     });
///     let mut number = lock.lock()?;
///     changed.wait_while(&mut number, |number| *number == 0)?;
///     assert_eq!(*number, 7);
///     Ok::<(), LockError>(())
/// })?;
/// # Ok::<(), LockError>(())
/// ```
pub struct Condvar {
    /// Whether the queue may hold somebody. Changed under the lock.
    any: AtomicBool,
    queue: Mutex<WaitQueue>,
}

impl Condvar {
    const_new! {
        /// Nobody waits.
        ///
        /// ```
        /// use vitte_sync::{Condvar, Mutex};
        ///
        /// static QUEUE: Mutex<Vec<u32>> = Mutex::new(Vec::new());
        /// static FILLED: Condvar = Condvar::new();
        ///
        /// std::thread::spawn(|| {
        ///     QUEUE.lock().unwrap().push(1);
        ///     FILLED.notify_one();
        /// });
        /// let mut queue = QUEUE.lock().unwrap();
        /// FILLED.wait_while(&mut queue, |queue| queue.is_empty()).unwrap();
        /// assert_eq!(queue.pop(), Some(1));
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self {
                any: AtomicBool::new(false),
                queue: Mutex::new(WaitQueue::new()),
            }
        }
    }

    /// Waits for a notification.
    ///
    /// # Errors
    /// [`LockError::Canceled`] if the caller is canceled first, [`LockError::Poisoned`]; the lock is held again all the same.
    ///
    /// # Panics
    /// As [`Wait::begin`].
    ///
    /// ```
    /// use vitte_sync::{Condvar, Mutex};
    ///
    /// let (lock, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     let mut is_ready = lock.lock().unwrap();
    ///     scope.spawn(|| {
    ///         *lock.lock().unwrap() = true; // only once we wait, which releases the lock
    ///         changed.notify_one();
    ///     });
    ///     while !*is_ready {
    ///         changed.wait(&mut is_ready).unwrap();
    ///     }
    /// });
    /// ```
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) -> Result<(), LockError> {
        self.wait_with(guard, Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Waits for a notification until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and [`LockUntilError::TimedOut`] or [`LockUntilError::Stopped`].
    ///
    /// # Panics
    /// As [`Wait::begin`].
    ///
    /// ```
    /// use vitte_sync::{Condvar, LockUntilError, Mutex};
    /// use vitte_wait::Deadline;
    ///
    /// let (lock, changed) = (Mutex::new(1), Condvar::new());
    /// let mut number = lock.lock().unwrap();
    /// let ended = changed.wait_with(&mut number, Deadline::NOW, None);
    /// assert_eq!(ended, Err(LockUntilError::TimedOut));
    /// *number += 1; // the lock is held again
    /// ```
    pub fn wait_with<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        self.wait_stamped(guard, &0, deadline, stop)
    }

    /// As [`wait_with`](Self::wait_with), with a stamp for [`notify_before`](Self::notify_before).
    pub(crate) fn wait_stamped<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        stamp: &u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        let wait = Wait::begin(Reason::Event, ptr::from_ref(self).cast());
        let node = Node::new(wait.ticket(), ptr::from_ref(stamp).cast_mut().cast());
        {
            let mut queue = self.queue.lock();
            // SAFETY: `node` is in no queue, stays in this frame until it is popped or `linked`
            // has taken it out (also when what follows unwinds), and is touched only under this lock.
            unsafe { queue.push(&node) };
            // Ordering: Relaxed. The caller holds the mutex, and who notifies of a change has held it
            // after the caller.
            self.any.store(true, Relaxed);
        }
        let linked = Linked {
            condvar: self,
            node: &node,
        };
        let outcome = MutexGuard::without(guard, |release| {
            release();
            let outcome = wait.park(deadline, stop);
            if outcome == Outcome::Woken {
                // Only a notifier ends the wait so, and it pops the node first.
                std::mem::forget(linked);
            } else {
                drop(linked);
            }
            outcome
        });
        if MutexGuard::is_poisoned(guard) {
            return Err(LockUntilError::Poisoned);
        }
        match outcome {
            Outcome::Woken => Ok(()),
            ended => Err(LockUntilError::of(ended)),
        }
    }

    timed_forms! {
        wait_with <T: ?Sized>(guard: &mut MutexGuard<'_, T>) -> Result<(), LockUntilError>:
        wait_until wait_timeout wait_or_stop
        in vitte_wait
        /// use vitte_sync::{Condvar, LockUntilError, Mutex};
        ///
        /// let (lock, changed) = (Mutex::new(1), Condvar::new());
        /// let mut number = lock.lock().unwrap();
        "changed." ("&mut number") => Err(LockUntilError)
    }

    /// Waits as long as `condition` holds of the value. Asks it first, and after each notification.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    /// As [`Wait::begin`].
    ///
    /// ```
    /// use vitte_sync::{Condvar, Mutex};
    ///
    /// let (jobs, fewer) = (Mutex::new(2), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     for _ in 0..2 {
    ///         scope.spawn(|| {
    ///             *jobs.lock().unwrap() -= 1;
    ///             fewer.notify_all();
    ///         });
    ///     }
    ///     let mut left = jobs.lock().unwrap();
    ///     fewer.wait_while(&mut left, |left| *left > 0).unwrap();
    ///     assert_eq!(*left, 0);
    /// });
    /// ```
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Result<(), LockError> {
        self.wait_while_with(guard, condition, Deadline::NEVER, None)
            .map_err(LockUntilError::of_untimed)
    }

    /// Waits as long as `condition` holds of the value, until `deadline`, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`wait_with`](Self::wait_with), but only if the condition still holds then, or if the lock is
    /// poisoned.
    ///
    /// # Panics
    /// As [`Wait::begin`].
    ///
    /// ```
    /// use vitte_sync::{Condvar, LockUntilError, Mutex};
    /// use vitte_wait::Deadline;
    ///
    /// let (lock, changed) = (Mutex::new(1), Condvar::new());
    /// let mut number = lock.lock().unwrap();
    /// let ended = changed.wait_while_with(&mut number, |number| *number < 5, Deadline::NOW, None);
    /// assert_eq!(ended, Err(LockUntilError::TimedOut));
    /// let ended = changed.wait_while_with(&mut number, |number| *number > 5, Deadline::NOW, None);
    /// assert_eq!(ended, Ok(()));
    /// ```
    pub fn wait_while_with<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), LockUntilError> {
        let mut ended = Ok(());
        while condition(&mut **guard) {
            ended?;
            ended = self.wait_with(guard, deadline, stop);
            if ended == Err(LockUntilError::Poisoned) {
                return ended;
            }
        }
        Ok(())
    }

    timed_forms! {
        wait_while_with <T: ?Sized>(guard: &mut MutexGuard<'_, T>, condition: impl FnMut(&mut T) -> bool) -> Result<(), LockUntilError>:
        wait_while_until wait_while_timeout wait_while_or_stop
        in vitte_wait
        /// use vitte_sync::{Condvar, LockUntilError, Mutex};
        ///
        /// let (lock, changed) = (Mutex::new(1), Condvar::new());
        /// let mut number = lock.lock().unwrap();
        "changed." ("&mut number, |number| *number < 5") => Err(LockUntilError)
    }

    /// Wakes the unit that has waited longest; says whether there was one. Never blocks.
    ///
    /// ```
    /// use vitte_sync::Condvar;
    ///
    /// assert!(!Condvar::new().notify_one(), "nobody waits, and nothing is remembered");
    /// ```
    pub fn notify_one(&self) -> bool {
        // Ordering: Relaxed. See `wait_with`.
        if !self.any.load(Relaxed) {
            return false;
        }
        let popped = {
            let mut queue = self.queue.lock();
            let popped = queue.pop(Outcome::Woken);
            self.any.store(!queue.is_empty(), Relaxed);
            popped
        };
        popped.is_some()
    }

    /// Wakes the unit that has waited longest, if its stamp is less than `stamp`.
    pub(crate) fn notify_before(&self, stamp: u64) {
        let popped = {
            let mut queue = self.queue.lock();
            let is_before = queue.peek_open().is_some_and(|(_, payload)| {
                // SAFETY: every payload is a stamp on the stack of a waiter, who does not go on
                // before its node has left the queue, for which it needs our lock.
                unsafe { *payload.cast::<u64>() < stamp }
            });
            let popped = is_before.then(|| queue.pop(Outcome::Woken)).flatten();
            self.any.store(!queue.is_empty(), Relaxed);
            popped
        };
        drop(popped);
    }

    /// Wakes everybody who waits, and says how many. Never blocks.
    ///
    /// ```
    /// use vitte_sync::Condvar;
    ///
    /// assert_eq!(Condvar::new().notify_all(), 0, "nobody waits, and nothing is remembered");
    /// ```
    pub fn notify_all(&self) -> usize {
        // Ordering: Relaxed. See `wait_with`.
        if !self.any.load(Relaxed) {
            return 0;
        }
        let claimed = {
            let mut queue = self.queue.lock();
            self.any.store(false, Relaxed);
            queue.pop_all(Outcome::Woken)
        };
        claimed.len()
    }
}

/// Takes a waiter out of the queue, however its wait ends.
struct Linked<'a> {
    condvar: &'a Condvar,
    node: &'a Node,
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        let mut queue = self.condvar.queue.lock();
        // SAFETY: the node was pushed into this queue and into no other.
        unsafe { queue.remove(self.node) };
        self.condvar.any.store(!queue.is_empty(), Relaxed);
    }
}

// No foreign code runs while its queue is changed.
impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Condvar");
        if let Some(queue) = self.queue.try_lock() {
            shown.field("waiters", &queue.len());
        }
        shown.finish_non_exhaustive()
    }
}
