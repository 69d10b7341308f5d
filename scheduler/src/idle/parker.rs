//! How the thread of an idle worker sleeps, and what wakes it.
//!
//! On Linux a word and a futex, so that [`unpark`](Parker::unpark) is async-signal-safe: one exchange,
//! and at most one system call, which does not touch `errno` when it is used rightly. The standard
//! library's parking is built in the same way there, but does not promise it. Elsewhere, and in
//! models, it is the standard library's, and [`IS_SIGNAL_SAFE`] is false outside of models.
//!
//! ```text
//!   EMPTY ──unpark──► TOKEN        EMPTY ──park──► PARKED ──unpark──► TOKEN ──park goes on──► EMPTY
//!                                  EMPTY ──park_in──► INSIDE ──unpark──► TOKEN, and the bell rings
//! ```
//!
//! A worker for whose tasks descriptors are watched sleeps inside of its poller instead, and whoever wakes it
//! rings the poller's bell.

#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub(crate) use futex::{Parker, sleep_exactly};
#[cfg(not(all(target_os = "linux", not(any(loom, shuttle)))))]
pub(crate) use handle::{Parker, sleep_exactly};

/// Whether a signal handler may wake a worker.
pub(crate) const IS_SIGNAL_SAFE: bool = cfg!(any(target_os = "linux", loom, shuttle));

/// The word of the drawing. What the system does is the caller's.
#[cfg(any(all(target_os = "linux", not(any(loom, shuttle))), all(test, loom)))]
pub(super) mod word {
    use vitte_wait::facade::atomic::{AtomicU32, Ordering::*};

    const EMPTY: u32 = 0;
    const TOKEN: u32 = 1;
    /// One below `EMPTY`, so that parking is one subtraction.
    pub(in crate::idle) const PARKED: u32 = u32::MAX;
    /// Asleep in its poller.
    const INSIDE: u32 = 2;

    /// See the [module documentation](super).
    #[derive(Default)]
    pub(crate) struct Word(AtomicU32);

    impl Word {
        /// Consumes a token, for which `wait` sleeps: while the word is `PARKED`, or, if `is_timed`, for as long as it
        /// may; it may return at any time. By the one owner.
        pub(crate) fn park(&self, is_timed: bool, mut wait: impl FnMut(&AtomicU32)) {
            // Ordering: Acquire. Partner: the Release in `unpark`.
            if self.0.fetch_sub(1, Acquire) == TOKEN {
                return;
            }
            loop {
                wait(&self.0);
                // Ordering: Acquire. As above. By exchange, never by load and store: a token that
                // comes in between would be lost.
                if is_timed {
                    self.0.swap(EMPTY, Acquire);
                    return;
                }
                if self
                    .0
                    .compare_exchange(TOKEN, EMPTY, Acquire, Relaxed)
                    .is_ok()
                {
                    return;
                }
            }
        }

        /// As [`park`](Self::park), with `sleep` for the sleep, which ends when the poller is rung.
        pub(crate) fn park_in(&self, sleep: impl FnOnce()) {
            // Ordering: Acquire, as in `park`. Release: the poller that was opened. Partner: the Acquire in `unpark`.
            if self
                .0
                .compare_exchange(EMPTY, INSIDE, AcqRel, Acquire)
                .is_ok()
            {
                sleep();
            }
            // A token that came after the sleep had ended otherwise has left a stroke of the bell behind,
            // which ends a later sleep too early.
            self.0.swap(EMPTY, Acquire);
        }

        /// Leaves a token, and has the owner, if it sleeps, woken where that is.
        pub(crate) fn unpark(&self, wake: impl FnOnce(&AtomicU32), ring: impl FnOnce()) {
            // Ordering: Release. Partner: the Acquire in `park`. Acquire: the bell. Partner: the Release in `park_in`.
            match self.0.swap(TOKEN, AcqRel) {
                PARKED => wake(&self.0),
                INSIDE => ring(),
                _ => {}
            }
        }
    }
}

#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod futex {
    use super::word::{PARKED, Word};
    use crate::poller::Poller;
    use std::{ptr, time::Duration};
    use vitte_wait::facade::{atomic::AtomicU32, thread::Thread};

    /// See the [module documentation](super).
    #[derive(Default)]
    pub(crate) struct Parker(Word);

    impl Parker {
        /// Says whose thread sleeps here. A futex need not know.
        #[expect(clippy::unused_self, reason = "the other kind keeps it")]
        pub(crate) fn set_thread(&self, _: &Thread) {}

        /// Sleeps until there is a token, `timeout` at most, and consumes it. By the one owner.
        pub(crate) fn park(&self, timeout: Option<Duration>) {
            self.0.park(timeout.is_some(), |word| wait(word, timeout));
        }

        /// As [`park`](Self::park), with `sleep` for the sleep, which ends when the poller is rung.
        pub(crate) fn park_in(&self, sleep: impl FnOnce()) {
            self.0.park_in(sleep);
        }

        /// Leaves a token, and wakes the owner, whose poller that is, if it sleeps. Async-signal-safe.
        pub(crate) fn unpark(&self, poller: &Poller) {
            self.0.unpark(wake, || poller.ring());
        }
    }

    /// Has the system end timed sleeps of the calling thread when their time has come, and not up to 50 microseconds later, as
    /// it may to end several together. Here what is due at about the same time goes in one look already.
    pub(crate) fn sleep_exactly() {
        let (nanos, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
        // SAFETY: it takes integers, and concerns the calling thread alone. A refusal changes nothing.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos, none, none, none) };
    }

    /// Sleeps while the word is `PARKED`; may return at any time.
    fn wait(word: &AtomicU32, timeout: Option<Duration>) {
        let limit = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word is alive and aligned, and the time, if there is one, outlives the call.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, PARKED, limit) };
    }

    fn wake(word: &AtomicU32) {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: only the address of the word is looked at.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use vitte_wait::facade::{Arc, clock, thread};

        #[test]
        fn a_token_that_comes_first_is_not_lost() {
            let (parker, poller) = (Parker::default(), Poller::default());
            parker.unpark(&poller);
            parker.unpark(&poller);
            parker.park(None);
            let begun = clock::now();
            parker.park(Some(Duration::from_millis(2)));
            assert!(clock::now() - begun >= 1_000_000, "tokens do not add up");
        }

        #[test]
        fn every_token_ends_one_sleep() {
            let (there, back) = (Arc::new(Parker::default()), Arc::new(Parker::default()));
            let (their, our) = (Arc::clone(&there), Arc::clone(&back));
            let poller = Poller::default();
            let other = thread::spawn(move || {
                let poller = Poller::default();
                for turn in 0..10_000_u64 {
                    let timeout = turn.is_multiple_of(2).then_some(Duration::from_secs(100));
                    their.park(timeout);
                    our.unpark(&poller);
                }
            });
            for _ in 0..10_000 {
                there.unpark(&poller);
                back.park(None);
            }
            other.join().unwrap();
        }
    }
}

#[cfg(not(all(target_os = "linux", not(any(loom, shuttle)))))]
mod handle {
    use crate::poller::Poller;
    use std::time::Duration;
    use vitte_wait::facade::{
        Mutex,
        thread::{self, Thread},
    };

    /// Sleeps end as the system sees fit.
    pub(crate) fn sleep_exactly() {}

    /// See the [module documentation](super).
    #[derive(Default)]
    pub(crate) struct Parker(Mutex<Option<Thread>>);

    impl Parker {
        /// Says whose thread sleeps here. By that thread, before it sleeps.
        pub(crate) fn set_thread(&self, thread: &Thread) {
            *self.0.lock() = Some(thread.clone());
        }

        /// Sleeps until there is a token, `timeout` at most, and consumes it. By the one owner.
        #[expect(clippy::unused_self, reason = "the other kind has a word")]
        pub(crate) fn park(&self, timeout: Option<Duration>) {
            match timeout {
                None => thread::park(),
                Some(timeout) => thread::park_timeout(timeout),
            }
        }

        /// As [`park`](Self::park), with `sleep` for the sleep, which ends with the thread's token too.
        #[expect(clippy::unused_self, reason = "the other kind has a word")]
        pub(crate) fn park_in(&self, sleep: impl FnOnce()) {
            sleep();
        }

        /// Leaves a token, and wakes the owner if it sleeps.
        pub(crate) fn unpark(&self, _: &Poller) {
            if let Some(thread) = &*self.0.lock() {
                thread.unpark();
            }
        }
    }
}
