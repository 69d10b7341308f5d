//! The descriptor that is readable while there is something to do. On Linux: an `epoll` over a counter that
//! is raised by hand, a timer, and the pollers of the runtime. Nobody needs to read it, so whoever polls it cannot take away what another
//! is to see.

#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub(crate) use linux::Handle;
#[cfg(not(all(target_os = "linux", not(any(loom, shuttle)))))]
pub(crate) use none::Handle;

#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod linux {
    use std::{
        io,
        os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        ptr,
    };

    /// See the [module documentation](super).
    pub(crate) struct Handle {
        all: OwnedFd,
        /// Readable while it is not zero.
        raised: OwnedFd,
        timer: OwnedFd,
    }

    impl Handle {
        /// Also readable while one of `others` is, which outlive it.
        pub(crate) fn new(others: [RawFd; 2]) -> io::Result<Self> {
            // SAFETY: no precondition.
            let all = unsafe { own(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }?;
            // SAFETY: no precondition.
            let raised = unsafe { own(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }?;
            let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
            // SAFETY: no precondition.
            let timer = unsafe { own(libc::timerfd_create(libc::CLOCK_MONOTONIC, flags)) }?;
            let parts = [raised.as_raw_fd(), timer.as_raw_fd()];
            for part in parts.into_iter().chain(others) {
                let mut event = libc::epoll_event {
                    events: libc::EPOLLIN as u32,
                    u64: 0,
                };
                let add = libc::EPOLL_CTL_ADD;
                // SAFETY: all of them are alive.
                if unsafe { libc::epoll_ctl(all.as_raw_fd(), add, part, &raw mut event) } != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(Self { all, raised, timer })
        }

        pub(crate) fn lend(&self) -> BorrowedFd<'_> {
            self.all.as_fd()
        }

        /// Makes it readable. Async-signal-safe.
        pub(crate) fn raise(&self) {
            let one = 1_u64;
            let from = (&raw const one).cast();
            // SAFETY: eight bytes of ours are read. It cannot fail: nobody counts to the top.
            unsafe { libc::write(self.raised.as_raw_fd(), from, size_of::<u64>()) };
        }

        /// Takes back what `raise` did.
        pub(crate) fn quiet(&self) {
            let mut count = 0_u64;
            let to = (&raw mut count).cast();
            // SAFETY: eight bytes of ours are written. It fails if nobody has raised it, which is fine.
            unsafe { libc::read(self.raised.as_raw_fd(), to, size_of::<u64>()) };
        }

        /// Makes it readable from `due` on, in nanoseconds of the monotonic clock, and not before.
        pub(crate) fn raise_at(&self, due: u64) {
            let never = due == u64::MAX;
            // Zero would switch it off.
            let due = if never { 0 } else { due.max(1) };
            let (seconds, nanos) = (due / 1_000_000_000, due % 1_000_000_000);
            let zero = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let at = libc::itimerspec {
                it_interval: zero,
                it_value: libc::timespec {
                    tv_sec: seconds.try_into().unwrap_or(libc::time_t::MAX),
                    tv_nsec: nanos as libc::c_long,
                },
            };
            let timer = self.timer.as_raw_fd();
            // SAFETY: the time is ours, and alive. It cannot fail: the point in time is a valid one.
            unsafe {
                libc::timerfd_settime(
                    timer,
                    libc::TFD_TIMER_ABSTIME,
                    &raw const at,
                    ptr::null_mut(),
                )
            };
        }
    }

    /// What a call that makes descriptors returned.
    ///
    /// # Safety
    /// If it is a descriptor it is nobody's.
    unsafe fn own(made: RawFd) -> io::Result<OwnedFd> {
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: by the caller.
        Ok(unsafe { OwnedFd::from_raw_fd(made) })
    }
}

#[cfg(not(all(target_os = "linux", not(any(loom, shuttle)))))]
mod none {
    use std::{io, os::fd::BorrowedFd};

    /// See the [module documentation](super).
    pub(crate) struct Handle;

    #[expect(clippy::unused_self, reason = "the other kind has something")]
    impl Handle {
        pub(crate) fn new(_: [i32; 2]) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn lend(&self) -> BorrowedFd<'_> {
            unreachable!("there is none")
        }

        pub(crate) fn raise(&self) {}

        pub(crate) fn quiet(&self) {}

        pub(crate) fn raise_at(&self, _: u64) {}
    }
}
