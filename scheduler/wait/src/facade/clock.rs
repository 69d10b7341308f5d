//! The monotonic clock, in nanoseconds.
//!
//! On Unix this is `CLOCK_MONOTONIC` itself, so that a C embedder may compute deadlines with
//! `clock_gettime`. Elsewhere it counts from the first call. Under a model checker it stands
//! still until a test moves it with `set`.

#[cfg(not(any(loom, shuttle)))]
mod imp {
    /// Nanoseconds of the monotonic clock.
    #[cfg(unix)]
    #[must_use]
    pub fn now() -> u64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a live, writable `timespec`, and the clock id is a constant that
        // every Unix has; the call cannot fail then.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
        #[expect(clippy::cast_sign_loss, reason = "monotonic time is never negative")]
        let nanos = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
        nanos
    }

    /// Nanoseconds since the first call.
    #[cfg(not(unix))]
    #[must_use]
    pub fn now() -> u64 {
        use std::{sync::OnceLock, time::Instant};
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(any(loom, shuttle))]
mod imp {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    // Deliberately not the checker's atomic: the clock is not part of the model.
    static NOW: AtomicU64 = AtomicU64::new(1);

    /// Nanoseconds of the modelled clock.
    #[must_use]
    pub fn now() -> u64 {
        // Ordering: SeqCst. Partner: `set`; a model's threads need no finer clock.
        NOW.load(SeqCst)
    }

    /// Moves the modelled clock.
    pub fn set(nanos: u64) {
        // Ordering: SeqCst. Partner: `now`.
        NOW.store(nanos, SeqCst);
        #[cfg(loom)]
        crate::facade::thread::clock_moved(nanos);
    }
}

pub use imp::*;
