//! The kernel's part of a poller: an epoll instance, and a bell that ends a sleep in it.
//!
//! Descriptors are registered for edges, so noticing one costs no call of its own, and neither does
//! the bell: it is never read, for each stroke is an edge. A sleep is one system call, and a stroke is
//! another.

#[cfg(target_os = "linux")]
pub(crate) use epoll::{Batch, System};
#[cfg(not(target_os = "linux"))]
pub(crate) use nothing::{Batch, System};
pub(super) use std::sync::OnceLock;

/// What an event says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// Edges, by direction.
    pub(crate) edges: [bool; 2],
    /// The direction has ended, failed, or is in a state in which a short read means nothing.
    pub(crate) ended: [bool; 2],
}

#[cfg(target_os = "linux")]
mod epoll {
    use super::Signs;
    use std::{
        io,
        os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        ptr,
        sync::OnceLock,
        time::Duration,
    };
    use vitte_wait::facade::atomic::{AtomicBool, Ordering::Relaxed};

    /// How many events are taken at a time. With more, what was touched for the first of them is long ago when their waiters
    /// run, and whoever makes descriptors ready is answered late. Found by measuring: `echo_1000` on one worker.
    const MOST: usize = 48;
    const BELL: u64 = u64::MAX;
    const ASKED: i32 =
        libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET;

    /// What one look has found.
    pub(crate) struct Batch {
        events: [libc::epoll_event; MOST],
        len: usize,
    }

    impl Batch {
        pub(crate) fn new() -> Self {
            let events = [libc::epoll_event { events: 0, u64: 0 }; MOST];
            Self { events, len: 0 }
        }

        /// Whether there may be more.
        pub(crate) fn is_full(&self) -> bool {
            self.len == MOST
        }

        /// Whether the bell was among it.
        pub(crate) fn has_rung(&self) -> bool {
            self.events[..self.len]
                .iter()
                .any(|event| event.u64 == BELL)
        }

        /// Whether there is anything but the bell.
        pub(crate) fn has_any(&self) -> bool {
            self.iter().next().is_some()
        }

        pub(in super::super) fn iter(&self) -> impl Iterator<Item = (u64, Signs)> {
            let events = self.events[..self.len].iter();
            events.filter(|event| event.u64 != BELL).map(|event| {
                let has = |bits: i32| event.events as i32 & bits != 0;
                let both = has(libc::EPOLLERR | libc::EPOLLHUP);
                let read_ended = both || has(libc::EPOLLRDHUP | libc::EPOLLPRI);
                let signs = Signs {
                    edges: [
                        read_ended || has(libc::EPOLLIN),
                        both || has(libc::EPOLLOUT),
                    ],
                    ended: [read_ended, both],
                };
                (event.u64, signs)
            })
        }
    }

    /// See the [module documentation](super).
    pub(crate) struct System {
        epoll: OwnedFd,
        bell: OwnedFd,
        /// This instance and a common one, for the one who sleeps in both.
        wide: OnceLock<Option<OwnedFd>>,
        /// The kernel takes no timeouts finer than milliseconds.
        is_coarse: AtomicBool,
    }

    /// # Safety
    /// The descriptor was just opened, and nobody else owns it.
    unsafe fn owned(fd: i32) -> io::Result<OwnedFd> {
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: by the caller.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn instance() -> io::Result<OwnedFd> {
        // SAFETY: no pointers are passed, and the result is nobody else's.
        unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }
    }

    fn control(epoll: &OwnedFd, what: i32, fd: RawFd, events: i32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: key,
        };
        // SAFETY: the event is alive, and a descriptor that is no more is refused.
        match unsafe { libc::epoll_ctl(epoll.as_raw_fd(), what, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    impl System {
        pub(crate) fn open() -> io::Result<Self> {
            let epoll = instance()?;
            // SAFETY: no pointers are passed, and the result is nobody else's.
            let bell = unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }?;
            let edges = libc::EPOLLIN | libc::EPOLLET;
            control(&epoll, libc::EPOLL_CTL_ADD, bell.as_raw_fd(), edges, BELL)?;
            Ok(Self {
                epoll,
                bell,
                wide: OnceLock::new(),
                is_coarse: AtomicBool::new(false),
            })
        }

        pub(crate) fn handle(&self) -> RawFd {
            self.epoll.as_raw_fd()
        }

        pub(crate) fn add(&self, fd: RawFd, key: u64) -> io::Result<()> {
            control(&self.epoll, libc::EPOLL_CTL_ADD, fd, ASKED, key)
        }

        pub(crate) fn remove(&self, fd: RawFd) {
            // It may be closed already: then the kernel has removed it.
            let _ = control(&self.epoll, libc::EPOLL_CTL_DEL, fd, 0, 0);
        }

        /// Async-signal-safe.
        pub(crate) fn ring(&self) {
            let stroke = 1_u64;
            // SAFETY: eight bytes of a live number. It fails only when the count is full, after as
            // many strokes as nobody lives to make.
            unsafe { libc::write(self.bell.as_raw_fd(), (&raw const stroke).cast(), 8) };
        }

        pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) {
            batch.len = self.wait_on(&self.epoll, &mut batch.events, timeout);
        }

        /// As [`wait`](Self::wait), also for what is ready in `common`, which is always the same; but takes
        /// nothing. False: the system has refused a descriptor.
        pub(crate) fn wait_wide(&self, common: &Self, timeout: Option<Duration>) -> bool {
            let open = || {
                let wide = instance().ok()?;
                let levels = libc::EPOLLIN;
                let add = |fd| control(&wide, libc::EPOLL_CTL_ADD, fd, levels, 0);
                add(self.handle())
                    .and_then(|()| add(common.handle()))
                    .ok()?;
                Some(wide)
            };
            let Some(wide) = self.wide.get_or_init(open) else {
                return false;
            };
            let mut events = [libc::epoll_event { events: 0, u64: 0 }; 2];
            self.wait_on(wide, &mut events, timeout);
            true
        }

        /// How many events there are; none also when a signal came.
        fn wait_on(
            &self,
            epoll: &OwnedFd,
            events: &mut [libc::epoll_event],
            timeout: Option<Duration>,
        ) -> usize {
            let (epoll, most) = (epoll.as_raw_fd(), events.len() as i32);
            let at = events.as_mut_ptr();
            let coarse = match timeout {
                None => -1,
                Some(Duration::ZERO) => 0,
                Some(time) if self.is_coarse.load(Relaxed) => {
                    let millis = time.as_nanos().div_ceil(1_000_000);
                    i32::try_from(millis).unwrap_or(i32::MAX)
                }
                Some(time) => {
                    let time = libc::timespec {
                        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                        tv_nsec: time.subsec_nanos().into(),
                    };
                    let no_mask = ptr::null::<libc::sigset_t>();
                    let call = libc::SYS_epoll_pwait2;
                    // SAFETY: there is room for as many events, and the time outlives the call.
                    let count = unsafe {
                        libc::syscall(call, epoll, at, most, &raw const time, no_mask, 8_usize)
                    };
                    if count < 0 && io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                        // Older kernels do not have it, and some sandboxes forbid it.
                        self.is_coarse.store(true, Relaxed);
                    }
                    return usize::try_from(count).unwrap_or(0);
                }
            };
            // SAFETY: there is room for as many events.
            let count = unsafe { libc::epoll_wait(epoll, at, most, coarse) };
            usize::try_from(count).unwrap_or(0)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nothing {
    use super::Signs;
    use std::{io, os::fd::RawFd, time::Duration};

    /// What one look has found: nothing.
    pub(crate) struct Batch;

    impl Batch {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn is_full(&self) -> bool {
            false
        }

        pub(crate) fn has_rung(&self) -> bool {
            false
        }

        pub(crate) fn has_any(&self) -> bool {
            false
        }

        pub(in super::super) fn iter(&self) -> impl Iterator<Item = (u64, Signs)> {
            std::iter::empty()
        }
    }

    /// There is none: whoever wants to wait for a descriptor does it with his thread.
    pub(crate) enum System {}

    impl System {
        pub(crate) fn open() -> io::Result<Self> {
            Err(io::Error::from(io::ErrorKind::Unsupported))
        }

        pub(crate) fn handle(&self) -> RawFd {
            match *self {}
        }

        pub(crate) fn add(&self, _: RawFd, _: u64) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn remove(&self, _: RawFd) {
            match *self {}
        }

        pub(crate) fn ring(&self) {
            match *self {}
        }

        pub(crate) fn wait(&self, _: &mut Batch, _: Option<Duration>) {
            match *self {}
        }

        pub(crate) fn wait_wide(&self, _: &Self, _: Option<Duration>) -> bool {
            match *self {}
        }
    }
}
