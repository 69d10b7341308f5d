//! The forms of a verb that every noun here has, all by way of the one that takes everything.

/// Gives a type that has `wait_with(deadline, stop) -> Result<$done, WaitError>` the other forms.
/// The documentation of the plain form is the caller's.
macro_rules! wait_forms {
    ($(#[$doc:meta])* -> $done:ty) => {
        $(#[$doc])*
        #[inline]
        pub fn wait(&self) -> Result<$done, $crate::Canceled> {
            self.wait_with(vitte_wait::Deadline::NEVER, None)
                .map_err($crate::WaitError::of_untimed)
        }

        /// [`wait_with`](Self::wait_with) a deadline only.
        ///
        /// # Errors
        /// As [`wait_with`](Self::wait_with); never [`WaitError::Stopped`].
        #[inline]
        pub fn wait_until(
            &self,
            deadline: vitte_wait::Deadline,
        ) -> Result<$done, $crate::WaitError> {
            self.wait_with(deadline, None)
        }

        /// [`wait_with`](Self::wait_with) a deadline that is `patience` from now.
        ///
        /// # Errors
        /// As [`wait_with`](Self::wait_with); never [`WaitError::Stopped`].
        #[inline]
        pub fn wait_timeout(
            &self,
            patience: std::time::Duration,
        ) -> Result<$done, $crate::WaitError> {
            self.wait_with(vitte_wait::Deadline::after(patience), None)
        }

        /// [`wait_with`](Self::wait_with) a stop token only.
        ///
        /// # Errors
        /// As [`wait_with`](Self::wait_with); never [`WaitError::TimedOut`].
        #[inline]
        pub fn wait_or_stop(
            &self,
            stop: &vitte_wait::StopToken,
        ) -> Result<$done, $crate::WaitError> {
            self.wait_with(vitte_wait::Deadline::NEVER, Some(stop))
        }
    };
}
pub(crate) use wait_forms;

/// A function that is `const`, for statics, but where a model checker's types are not.
macro_rules! constant {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $of:ty),*) -> Self $body:block) => {
        $(#[$doc])*
        #[cfg(not(any(loom, shuttle)))]
        $vis const fn $name($($arg: $of),*) -> Self $body

        $(#[$doc])*
        #[cfg(any(loom, shuttle))]
        $vis fn $name($($arg: $of),*) -> Self $body
    };
}
pub(crate) use constant;
