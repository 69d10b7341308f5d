//! The verbs of a timer, written once for all kinds: made of what a kind does with its beat.

/// Gives a timer that has
///
/// * `change(&self, impl FnOnce(&mut Beat) -> R) -> R`, which also lets the change take effect,
/// * `look(&self, impl FnOnce(&mut Beat) -> R) -> R`, for what changes nothing,
/// * `start(&self, first: Deadline, period: u64) -> Result<(), SpawnError>`,
///
/// everything that can be said of any timer. It is told how examples come by one: what is imported, what is there
/// before, and what is called with the callback.
macro_rules! timer_forms {
    ($used:ident, [$($setup:literal)*], $make:literal) => {
        /// Calls the callback once, at `deadline`; at once, if that is past. What was started before is
        /// forgotten.
        ///
        /// # Errors
        /// [`SpawnError::ShuttingDown`] if the runtime that calls is, or was, shut down;
        /// [`SpawnError::Thread`] if a thread is needed and the system refuses it.
        ///
        /// # Blocking
        /// Never, also while the callback runs.
        ///
        /// ```
        /// use std::sync::mpsc;
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        /// let (tell, told) = mpsc::channel();
        #[doc = concat!(" let timer = ", $make, "(move |_| tell.send(\"now\").unwrap());")]
        /// timer.start_at(Deadline::NOW).unwrap();
        /// assert_eq!(told.recv(), Ok("now"));
        /// ```
        pub fn start_at(&self, deadline: Deadline) -> Result<(), SpawnError> {
            self.start(deadline, 0)
        }

        /// [Starts it](Self::start_at) for the point `patience` from now.
        ///
        /// # Errors
        /// As [`start_at`](Self::start_at).
        ///
        /// ```
        /// use std::{sync::mpsc, time::Duration};
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        /// let (tell, told) = mpsc::channel();
        #[doc = concat!(" let timer = ", $make, "(move |_| tell.send(\"now\").unwrap());")]
        /// timer.start_after(Duration::from_millis(1)).unwrap();
        /// assert_eq!(told.recv(), Ok("now"));
        /// ```
        pub fn start_after(&self, patience: Duration) -> Result<(), SpawnError> {
            self.start_at(Deadline::after(patience))
        }

        /// Calls the callback every `period`, first one period from now. What was started before is
        /// forgotten, also if it had the same period.
        ///
        /// # Errors
        /// As [`start_at`](Self::start_at).
        ///
        /// # Panics
        /// If `period` is zero.
        ///
        /// # Blocking
        /// As [`start_at`](Self::start_at).
        ///
        /// ```
        /// use std::{sync::mpsc, time::Duration};
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        /// let (tell, told) = mpsc::channel();
        #[doc = concat!(" let timer = ", $make, "(move |_| _ = tell.send(\"beat\"));")]
        /// timer.start_periodic(Duration::from_millis(1)).unwrap();
        /// assert_eq!(told.iter().take(3).count(), 3);
        /// ```
        pub fn start_periodic(&self, period: Duration) -> Result<(), SpawnError> {
            self.start_periodic_at(Deadline::after(period), period)
        }

        /// Calls the callback at `first`, and every `period` from there. Otherwise as
        /// [`start_periodic`](Self::start_periodic).
        ///
        /// # Errors
        /// As [`start_at`](Self::start_at).
        ///
        /// # Panics
        /// If `period` is zero.
        ///
        /// ```
        /// use std::{sync::mpsc, time::Duration};
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        /// let (tell, told) = mpsc::channel();
        #[doc = concat!(" let timer = ", $make, "(move |tick| _ = tell.send(tick.due()));")]
        /// let (first, period) = (Deadline::after(Duration::from_millis(1)), Duration::from_millis(2));
        /// timer.start_periodic_at(first, period).unwrap();
        /// let due = told.recv().unwrap();
        /// assert_eq!((due.as_nanos() - first.as_nanos()) % 2_000_000, 0, "a beat of the grid");
        /// ```
        pub fn start_periodic_at(
            &self,
            first: Deadline,
            period: Duration,
        ) -> Result<(), SpawnError> {
            self.start(first, nanos(period))
        }

        /// Changes the period of a timer that runs periodically: the next beat is due `period` after the
        /// last one was, or after the start; at once, if that is past. False, and nothing is changed: it
        /// does not.
        ///
        /// # Panics
        /// If `period` is zero.
        ///
        /// # Blocking
        /// Never.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// assert!(!timer.set_period(Duration::from_secs(1)), "it does not run");
        /// timer.start_periodic(Duration::from_secs(60)).unwrap();
        /// assert!(timer.set_period(Duration::from_secs(1)));
        /// assert_eq!(timer.period(), Some(Duration::from_secs(1)));
        /// ```
        pub fn set_period(&self, period: Duration) -> bool {
            let period = nanos(period);
            self.change(|beat| beat.set_period(period))
        }

        /// Sees to it that the callback is not called any more, unless the timer is started again. Does
        /// not wait for a callback that runs.
        ///
        /// # Blocking
        /// Never.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// timer.start_after(Duration::from_secs(60)).unwrap();
        /// timer.cancel();
        /// assert!(!timer.is_running());
        /// ```
        pub fn cancel(&self) {
            self.change(Beat::halt);
        }

        /// [Cancels](Self::cancel) it, and waits for the callback that runs to end: then, unless somebody
        /// starts it, nothing is called any more. From inside the callback it only cancels.
        ///
        /// # Errors
        /// [`Canceled`] if the caller is canceled while it waits. The timer is stopped all the same.
        ///
        /// # Blocking
        /// While the callback runs: a fiber suspends, a thread sleeps. A fiber that the callback waits for
        /// must not call this: it would wait for itself.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// timer.start_after(Duration::from_secs(60)).unwrap();
        /// timer.stop().unwrap();
        /// assert!(!timer.is_running() && !timer.is_in_callback());
        /// ```
        pub fn stop(&self) -> Result<(), Canceled> {
            self.halt().map_or(Ok(()), |end| end.wait())
        }

        /// As [`stop`](Self::stop); waits until `deadline` at the longest, or until `stop` is triggered.
        ///
        /// # Errors
        /// What ended the wait instead of the callback's end. The timer is stopped all the same.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// timer.start_after(Duration::from_secs(60)).unwrap();
        /// assert_eq!(timer.stop_with(Deadline::NOW, None), Ok(()), "no callback runs");
        /// ```
        pub fn stop_with(
            &self,
            deadline: Deadline,
            stop: Option<&StopToken>,
        ) -> Result<(), WaitError> {
            self.halt()
                .map_or(Ok(()), |end| end.wait_with(deadline, stop))
        }

        timed_forms! {
            stop_with() -> Result<(), WaitError>: stop_until stop_timeout stop_or_stop
            in vitte_threads { $used }
            ///
            $(#[doc = concat!(" ", $setup)])*
            #[doc = concat!(" let timer = ", $make, "(|_| ());")]
            "timer." () => got "assert!(got.is_ok() && !timer.is_running());"
        }

        /// Cancels it; what is left to be waited for.
        fn halt(&self) -> Option<Arc<Event>> {
            let life = current::unit().life();
            self.change(|beat| {
                beat.halt();
                beat.end_of_run(life)
            })
        }

        /// Whether the callback will be called, unless the timer is stopped before. While the callback of
        /// a one-shot timer runs it is not.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// assert!(!timer.is_running());
        /// timer.start_after(Duration::from_secs(60)).unwrap();
        /// assert!(timer.is_running());
        /// ```
        #[must_use]
        pub fn is_running(&self) -> bool {
            self.look(|beat| beat.is_on())
        }

        /// Whether the callback is being called now.
        ///
        /// ```
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// assert!(!timer.is_in_callback(), "it does not even run");
        /// ```
        #[must_use]
        pub fn is_in_callback(&self) -> bool {
            self.look(|beat| beat.is_running())
        }

        /// The period of a timer that is running, if it has one.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::", stringify!($used), ";")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// timer.start_periodic(Duration::from_secs(60)).unwrap();
        /// assert_eq!(timer.period(), Some(Duration::from_secs(60)));
        /// ```
        #[must_use]
        pub fn period(&self) -> Option<Duration> {
            self.look(|beat| beat.period())
        }

        /// When it is due next. `None` if it is not running.
        ///
        /// ```
        /// use std::time::Duration;
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// assert_eq!(timer.next_due(), None);
        /// let minute = Deadline::after(Duration::from_secs(60));
        /// timer.start_at(minute).unwrap();
        /// assert_eq!(timer.next_due(), Some(minute));
        /// ```
        #[must_use]
        pub fn next_due(&self) -> Option<Deadline> {
            self.look(|beat| beat.due())
        }

        /// What it has done since it was made.
        ///
        /// ```
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| ());")]
        /// timer.start_at(Deadline::NOW).unwrap();
        /// while timer.stats().fired == 0 {
        ///     std::thread::yield_now();
        /// }
        /// assert_eq!(timer.stats().panicked, 0);
        /// ```
        #[must_use]
        pub fn stats(&self) -> TimerStats {
            self.look(|beat| beat.stats())
        }

        /// The first panic of the callback since this was called last. [`stats`](Self::stats) says how
        /// many there were.
        ///
        /// ```
        #[doc = concat!(" use vitte_threads::{", stringify!($used), ", Deadline};")]
        ///
        $(#[doc = concat!(" ", $setup)])*
        #[doc = concat!(" let timer = ", $make, "(|_| panic!(\"it is broken\"));")]
        /// timer.start_at(Deadline::NOW).unwrap();
        /// let panicked = loop {
        ///     match timer.take_panic() {
        ///         Some(panicked) => break panicked,
        ///         None => std::thread::yield_now(),
        ///     }
        /// };
        /// assert_eq!(panicked.text(), "it is broken");
        /// ```
        #[must_use]
        pub fn take_panic(&self) -> Option<Panicked> {
            self.look(Beat::take_panic)
        }
    };
}

pub(super) use timer_forms;
