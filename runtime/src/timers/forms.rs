//! The verbs of a timer, written once for all kinds: made of what a kind does with its beat.

/// Gives a timer that has
///
/// * `change(&self, impl FnOnce(&mut Beat) -> R) -> R`, which also lets the change take effect,
/// * `look(&self, impl FnOnce(&mut Beat) -> R) -> R`, for what changes nothing,
/// * `start(&self, first: Deadline, period: u64) -> Result<(), SpawnError>`,
///
/// everything that can be said of any timer.
macro_rules! timer_forms {
    () => {
        /// Calls the callback once, at `deadline`; at once, if that is past. What was started before is
        /// forgotten.
        ///
        /// # Errors
        /// [`SpawnError::ShuttingDown`] if the runtime that calls is, or was, shut down;
        /// [`SpawnError::Thread`] if a thread is needed and the system refuses it.
        ///
        /// # Blocking
        /// Never, also while the callback runs.
        pub fn start_at(&self, deadline: Deadline) -> Result<(), SpawnError> {
            self.start(deadline, 0)
        }

        /// [Starts it](Self::start_at) for the point `patience` from now.
        ///
        /// # Errors
        /// As [`start_at`](Self::start_at).
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
        pub fn set_period(&self, period: Duration) -> bool {
            let period = nanos(period);
            self.change(|beat| beat.set_period(period))
        }

        /// Sees to it that the callback is not called any more, unless the timer is started again. Does
        /// not wait for a callback that runs.
        ///
        /// # Blocking
        /// Never.
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
        pub fn stop(&self) -> Result<(), Canceled> {
            self.halt().map_or(Ok(()), |end| end.wait())
        }

        /// As [`stop`](Self::stop); waits until `deadline` at the longest, or until `stop` is triggered.
        ///
        /// # Errors
        /// What ended the wait instead of the callback's end. The timer is stopped all the same.
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
        #[must_use]
        pub fn is_running(&self) -> bool {
            self.look(|beat| beat.is_on())
        }

        /// Whether the callback is being called now.
        #[must_use]
        pub fn is_in_callback(&self) -> bool {
            self.look(|beat| beat.is_running())
        }

        /// The period of a timer that is running, if it has one.
        #[must_use]
        pub fn period(&self) -> Option<Duration> {
            self.look(|beat| beat.period())
        }

        /// When it is due next. `None` if it is not running.
        #[must_use]
        pub fn next_due(&self) -> Option<Deadline> {
            self.look(|beat| beat.due())
        }

        /// What it has done since it was made.
        #[must_use]
        pub fn stats(&self) -> TimerStats {
            self.look(|beat| beat.stats())
        }

        /// The first panic of the callback since this was called last. [`stats`](Self::stats) says how
        /// many there were.
        #[must_use]
        pub fn take_panic(&self) -> Option<Panicked> {
            self.look(Beat::take_panic)
        }
    };
}

pub(super) use timer_forms;
