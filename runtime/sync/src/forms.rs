//! What the types of this crate repeat: the forms of a wait, and constructors that are `const`
//! except under a model checker, whose types cannot be made at compile time.

/// The forms of a wait that are made of its `_with` form.
macro_rules! timed_forms {
    ($with:ident -> $value:ty, $error:ty: $until:ident $timeout:ident $or_stop:ident) => {
        #[doc = concat!("[`", stringify!($with), "`](Self::", stringify!($with), ") a deadline only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`](Self::", stringify!($with), ").")]
        #[inline]
        pub fn $until(&self, deadline: vitte_wait::Deadline) -> Result<$value, $error> {
            self.$with(deadline, None)
        }

        #[doc = concat!("[`", stringify!($with), "`](Self::", stringify!($with), ") a time from now only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`](Self::", stringify!($with), ").")]
        #[inline]
        pub fn $timeout(&self, timeout: std::time::Duration) -> Result<$value, $error> {
            self.$with(vitte_wait::Deadline::after(timeout), None)
        }

        #[doc = concat!("[`", stringify!($with), "`](Self::", stringify!($with), ") a stop token only.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($with), "`](Self::", stringify!($with), ").")]
        #[inline]
        pub fn $or_stop(&self, stop: &vitte_wait::StopToken) -> Result<$value, $error> {
            self.$with(vitte_wait::Deadline::NEVER, Some(stop))
        }
    };
}

/// A constructor that is `const` where no model checker runs.
macro_rules! const_new {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty)?) -> Self $body:block) => {
        #[cfg(not(any(loom, shuttle)))]
        $(#[$doc])*
        $vis const fn $name($($arg: $ty)?) -> Self $body

        #[cfg(any(loom, shuttle))]
        $(#[$doc])*
        $vis fn $name($($arg: $ty)?) -> Self $body
    };
}

pub(crate) use {const_new, timed_forms};
