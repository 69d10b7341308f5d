//! Cells that are written once.

use crate::{
    InitError, Once, OnceError, OnceUntilError, SetError,
    forms::const_new,
    once::{Attempt, Patience},
};
use std::{convert::Infallible, fmt, mem};
use vitte_wait::{Deadline, StopToken, facade::cell::UnsafeCell, timed_forms};

/// A place for a value that is set once, and then shared.
///
/// # Blocking
/// Whoever needs the value while another makes it waits: a fiber suspends, a thread sleeps.
///
/// # Cancellation
/// One that is canceled while it waits for another's value leaves the cell alone.
///
/// ```
/// use vitte_sync::{OnceCell, SetError};
///
/// static NAME: OnceCell<String> = OnceCell::new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "here".to_owned()).unwrap(), "here");
/// assert_eq!(NAME.set("there".to_owned()), Err(SetError::AlreadySet("there".to_owned())));
/// ```
pub struct OnceCell<T> {
    once: Once,
    /// Written in an attempt; read by everybody once that is done.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the cell is a `T` and atomics.
unsafe impl<T: Send> Send for OnceCell<T> {}
// SAFETY: through a shared cell a `T` is moved in and out by one thread and dropped by another
// (`Send`), and read by many at once (`Sync`). `once` lets one write, and the others read only
// what was written before.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

impl<T> OnceCell<T> {
    const_new! {
        /// An empty cell.
        ///
        /// ```
        /// use vitte_sync::OnceCell;
        ///
        /// static NAME: OnceCell<String> = OnceCell::new();
        /// NAME.set("here".to_owned()).unwrap();
        /// assert_eq!(NAME.get().unwrap(), "here");
        /// ```
        #[must_use]
        pub fn new() -> Self {
            Self {
                once: Once::new(),
                value: UnsafeCell::new(None),
            }
        }
    }

    /// The value, if there is one.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get(), None);
    /// cell.set(7).unwrap();
    /// assert_eq!(cell.get(), Some(&7));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: an attempt is done, so nothing writes through a shared reference any more.
        self.value.with(|value| unsafe { (*value).as_ref() })
    }

    /// The value, if there is one.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// let mut cell = OnceCell::from(7);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&8));
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: the cell is ours alone.
        self.value.with_mut(|value| unsafe { (*value).as_mut() })
    }

    /// The value, if there was one; the cell is empty after that.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// let mut cell = OnceCell::from(7);
    /// assert_eq!(cell.take(), Some(7));
    /// assert_eq!(cell.set(8), Ok(()), "it is empty now");
    /// ```
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }

    /// The value, if there is one.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// assert_eq!(OnceCell::from(7).into_inner(), Some(7));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        // SAFETY: the cell is ours alone.
        self.value.with_mut(|value| unsafe { (*value).take() })
    }

    /// Sets the value, if there is none and nobody makes one.
    ///
    /// # Errors
    /// The value, and which of the two it was.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_sync::{OnceCell, SetError};
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(7), Ok(()));
    /// assert_eq!(cell.set(8), Err(SetError::AlreadySet(8)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.once.try_begin() {
            Some(attempt) => {
                self.fill(attempt, value);
                Ok(())
            }
            None if self.once.is_completed() => Err(SetError::AlreadySet(value)),
            None => Err(SetError::Initializing(value)),
        }
    }

    fn fill(&self, mut attempt: Attempt<'_>, value: T) {
        self.write(value);
        attempt.is_done = true;
    }

    /// To be called in an attempt only.
    fn write(&self, value: T) {
        // SAFETY: there is one attempt at a time, and nobody reads before it is done.
        self.value.with_mut(|place| unsafe { *place = Some(value) });
    }

    /// The value; makes it with `init` if there is none. If another makes one, waits for that.
    ///
    /// If `init` panics the cell stays empty, the panic goes on to the caller, and one of those
    /// who wait tries with its own.
    ///
    /// # Errors
    /// [`OnceError::Reentrant`] if the caller is making it already; [`OnceError::Canceled`] if it
    /// is canceled while it waits.
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get_or_init(|| 7), Ok(&7));
    /// assert_eq!(cell.get_or_init(|| unreachable!("it is there")), Ok(&7));
    /// ```
    #[inline]
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_try_init(|| Ok::<T, Infallible>(init()))
            .map_err(|error| match error {
                InitError::Once(error) => error,
                InitError::Failed(never) => match never {},
            })
    }

    /// As [`get_or_init`](Self::get_or_init), for an initializer that may fail; the cell stays
    /// empty then.
    ///
    /// # Errors
    /// [`InitError::Failed`] with what `init` returned; [`InitError::Once`] as for
    /// [`get_or_init`](Self::get_or_init).
    ///
    /// ```
    /// use vitte_sync::{InitError, OnceCell};
    ///
    /// let port = OnceCell::new();
    /// let wrong = port.get_or_try_init(|| "eighty".parse::<u16>());
    /// assert!(matches!(wrong, Err(InitError::Failed(_))));
    /// assert_eq!(port.get_or_try_init(|| "80".parse::<u16>()), Ok(&80));
    /// ```
    pub fn get_or_try_init<E>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, InitError<E>> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        self.init(init, Patience::ENDLESS)
            .map_err(|error| match error {
                Ended::Failed(error) => InitError::Failed(error),
                Ended::Once(error) => InitError::Once(error.of_untimed()),
            })
    }

    /// As [`get_or_init`](Self::get_or_init); waits for another's value until `deadline`, or until
    /// `stop` is triggered. One's own `init` runs its course.
    ///
    /// # Errors
    /// As [`get_or_init`](Self::get_or_init), and [`OnceUntilError::TimedOut`] or
    /// [`OnceUntilError::Stopped`].
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    /// use vitte_wait::Deadline;
    ///
    /// let cell = OnceCell::new();
    /// // Nobody else is at it, so there is nothing to wait for.
    /// assert_eq!(cell.get_or_init_with(|| 7, Deadline::NOW, None), Ok(&7));
    /// ```
    pub fn get_or_init_with(
        &self,
        init: impl FnOnce() -> T,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<&T, OnceUntilError> {
        let patience = Patience {
            deadline,
            stop,
            ..Patience::ENDLESS
        };
        self.init(|| Ok::<T, Infallible>(init()), patience)
            .map_err(|error| match error {
                Ended::Once(error) => error,
                Ended::Failed(never) => match never {},
            })
    }

    pub(crate) fn init<E>(
        &self,
        init: impl FnOnce() -> Result<T, E>,
        patience: Patience<'_>,
    ) -> Result<&T, Ended<E>> {
        let attempt = || init().map(|value| self.write(value));
        match self.once.run(attempt, patience) {
            Ok(Ok(())) => Ok(self.made()),
            Ok(Err(error)) => Err(Ended::Failed(error)),
            Err(error) => Err(Ended::Once(error)),
        }
    }

    /// The value, after an attempt that is done.
    fn made(&self) -> &T {
        self.get().expect("it is done")
    }

    /// Waits for the value, whoever sets it.
    ///
    /// # Errors
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// ```
    /// use vitte_sync::OnceCell;
    ///
    /// static ANSWER: OnceCell<u32> = OnceCell::new();
    /// std::thread::spawn(|| ANSWER.set(42));
    /// assert_eq!(ANSWER.wait(), Ok(&42));
    /// ```
    pub fn wait(&self) -> Result<&T, OnceError> {
        self.once.wait()?;
        Ok(self.made())
    }

    /// Waits for the value, whoever sets it; gives up at `deadline`, or when `stop` is triggered.
    ///
    /// # Errors
    /// As [`get_or_init_with`](Self::get_or_init_with).
    ///
    /// ```
    /// use vitte_sync::{OnceCell, OnceUntilError};
    /// use vitte_wait::Deadline;
    ///
    /// let cell = OnceCell::<u32>::new();
    /// assert_eq!(cell.wait_with(Deadline::NOW, None), Err(OnceUntilError::TimedOut));
    /// ```
    pub fn wait_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<&T, OnceUntilError> {
        self.once.wait_with(deadline, stop)?;
        Ok(self.made())
    }

    timed_forms! {
        wait_with() -> Result<&T, OnceUntilError>:
        wait_until wait_timeout wait_or_stop
        in vitte_wait
        /// use vitte_sync::{OnceCell, OnceUntilError};
        ///
        /// let cell = OnceCell::<u32>::new();
        "cell." () => Err(OnceUntilError)
    }
}

/// Why an initialization has no value.
pub(crate) enum Ended<E> {
    Failed(E),
    Once(OnceUntilError),
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        // Nobody else has the cell, so it is empty.
        let _ = cell.set(value);
        cell
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        self.get()
            .map_or_else(Self::new, |value| Self::from(value.clone()))
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("OnceCell");
        match self.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<empty>")),
        };
        out.finish()
    }
}
