//! The standard streams of the process.
//!
//! They are shared with whoever started the process, so they are left as they are: blocking. A fiber waits until a
//! piece of work would not block, and then does that. Of a file, which is always ready, it just reads or writes.

#[expect(unused_imports, reason = "the documentation names it")]
use crate::WaitError;
use crate::{
    examples::{ours, stopped},
    stream::write_all,
};
use std::{
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
};
use vitte_scheduler::{Direction, Scheduler, block_on_descriptor};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// What a pipe or a terminal that is ready takes without blocking, on every system.
pub(crate) const PIECE: usize = 512;

/// Waits until `fd` is ready.
pub(crate) fn until_ready(
    fd: BorrowedFd<'_>,
    direction: Direction,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<()> {
    let Some(scheduler) = Scheduler::current() else {
        return block_on_descriptor(fd, &[direction], deadline, stop).map(drop);
    };
    // A copy, so that two that use the stream at once do not meet.
    let copy = fd.try_clone_to_owned()?;
    let source = match scheduler.source(copy.as_fd()) {
        Ok(source) => source,
        // A file.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    };
    loop {
        let seen = source.seen(direction);
        if source.is_ready(direction) {
            return Ok(());
        }
        source.wait(direction, seen, deadline, stop)?;
    }
}

macro_rules! output {
    ($name:ident, $make:ident, $what:literal) => {
        #[doc = concat!("The ", $what, " of the process. See [`", stringify!($make), "`].")]
        ///
        /// ```
        /// use std::io::Write;
        ///
        #[doc = concat!("let mut shared = vitte_io::", stringify!($make), "();")]
        /// let mut copy = shared;
        /// writeln!(shared, "one line")?;
        /// writeln!(copy, "and another")?;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name(());

        #[doc = concat!("The ", $what, " of the process. What is written goes to the system at once, in pieces; if two fibers")]
        /// write at once, pieces of theirs may mix.
        ///
        /// ```
        /// use std::io::Write;
        ///
        #[doc = concat!("writeln!(vitte_io::", stringify!($make), "(), \"{} lines\", 1)?;")]
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[must_use]
        pub fn $make() -> $name {
            $name(())
        }

        impl $name {
            /// Writes some of `bytes`, and says how much.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`] inside.
            ///
            /// # Blocking
            /// While whoever reads it does not: a fiber suspends, a thread sleeps.
            ///
            /// ```
            #[doc = concat!("use vitte_io::", stringify!($make), ";")]
            /// use vitte_wait::Deadline;
            ///
            #[doc = concat!("let count = ", stringify!($make), "().write_with(b\"some text\", Deadline::NEVER, None)?;")]
            /// assert!(count > 0 && count <= 9);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write_with(
                &self,
                bytes: &[u8],
                deadline: Deadline,
                stop: Option<&StopToken>,
            ) -> io::Result<usize> {
                until_ready(self.as_fd(), Direction::Write, deadline, stop)?;
                let piece = &bytes[..bytes.len().min(PIECE)];
                Ok(rustix::io::write(self, piece)?)
            }

            timed_forms! {
                write_with(bytes: &[u8]) -> io::Result<usize>: write_until write_for write_or_stop
                in vitte_wait
                ///
                #[doc = concat!("let out = vitte_io::", stringify!($make), "();")]
                "out." ("b\"some text\"") => got io "assert!(got? > 0);"
            }

            /// Writes all of `bytes`.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`] inside. How much was written by then is not said.
            ///
            /// ```
            #[doc = concat!("use vitte_io::", stringify!($make), ";")]
            /// use vitte_wait::Deadline;
            ///
            #[doc = concat!(stringify!($make), "().write_all_with(b\"some text\", Deadline::NEVER, None)?;")]
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write_all_with(
                &self,
                bytes: &[u8],
                deadline: Deadline,
                stop: Option<&StopToken>,
            ) -> io::Result<()> {
                write_all(bytes, |rest| self.write_with(rest, deadline, stop))
            }

            timed_forms! {
                write_all_with(bytes: &[u8]) -> io::Result<()>: write_all_until write_all_for write_all_or_stop
                in vitte_wait
                ///
                #[doc = concat!("let out = vitte_io::", stringify!($make), "();")]
                "out." ("b\"some text\"") => got io "assert!(got.is_ok());"
            }
        }

        output! { @as $name, &$name }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                rustix::stdio::$make()
            }
        }
    };
    (@as $($writer:ty),+) => {
        $(
            impl Write for $writer {
                fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                    self.write_with(bytes, Deadline::NEVER, None)
                }

                fn flush(&mut self) -> io::Result<()> {
                    Ok(())
                }
            }
        )+
    };
}

output! { Stdout, stdout, "standard output" }
output! { Stderr, stderr, "standard error stream" }

/// The standard input of the process. See [`stdin`].
///
/// ```
/// use std::io::Read;
#[doc = ours!(Stdin)]
/// # std::io::Write::write_all(&mut &typist, b"some text")?;
/// # drop(typist);
/// let mut text = String::new();
/// stdin().read_to_string(&mut text)?;
/// assert_eq!(text, "some text", "if that was typed");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdin(());

/// The standard input of the process, without the buffer that [`std::io::stdin`] has: use one or the other.
///
/// If several read at once, one may block its thread for the bytes that another has taken.
///
/// ```
/// use std::io::Read;
#[doc = ours!(Stdin)]
/// # std::io::Write::write_all(&mut &typist, b"x")?;
/// let mut byte = [0];
/// stdin().read_exact(&mut byte)?;
/// assert_eq!(byte, *b"x", "if that was typed");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    Stdin(())
}

impl Stdin {
    /// Reads what there is; zero is the end.
    ///
    /// # Errors
    /// What the system says, or a [`WaitError`] inside.
    ///
    /// # Blocking
    /// Until there is something: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// Nothing is lost.
    ///
    #[doc = stopped!(ours!(Stdin WaitError), "stdin().read_with(&mut [0; 64], ")]
    pub fn read_with(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        until_ready(self.as_fd(), Direction::Read, deadline, stop)?;
        Ok(rustix::io::read(self, buffer)?)
    }

    timed_forms! {
        read_with(buffer: &mut [u8]) -> io::Result<usize>: read_until read_for read_or_stop
        in vitte_wait
        #[doc = ours!(Stdin WaitError)]
        "stdin()." ("&mut [0; 64]") => io
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdin()
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Read for &Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(buffer, Deadline::NEVER, None)
    }
}
