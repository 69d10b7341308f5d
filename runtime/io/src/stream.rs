//! What all streams of bytes have in common: reads, writes, their forms, and how they are shared and given back.

use crate::watched::{Done, Watched};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::AsFd,
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken};

/// A read whose pieces have no bounds, if `is_plain`: one that is short has taken all.
pub(crate) fn read<T: AsFd>(
    watched: &Watched<T>,
    buffer: &mut [u8],
    deadline: Deadline,
    stop: Option<&StopToken>,
    is_plain: bool,
) -> io::Result<usize>
where
    for<'a> &'a T: Read,
{
    if buffer.is_empty() {
        return Ok(0);
    }
    watched.run_hinted(Direction::Read, deadline, stop, |mut inner| {
        let count = inner.read(buffer)?;
        // At the end of a stream a try is never vain.
        let is_short = is_plain && count > 0 && count < buffer.len();
        Ok((count, if is_short { Done::Short } else { Done::All }))
    })
}

pub(crate) fn read_vectored<T: AsFd>(
    watched: &Watched<T>,
    buffers: &mut [IoSliceMut<'_>],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<usize>
where
    for<'a> &'a T: Read,
{
    watched.run(Direction::Read, deadline, stop, |mut inner| {
        inner.read_vectored(buffers)
    })
}

pub(crate) fn write<T: AsFd>(
    watched: &Watched<T>,
    bytes: &[u8],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<usize>
where
    for<'a> &'a T: Write,
{
    watched.run(Direction::Write, deadline, stop, |mut inner| {
        inner.write(bytes)
    })
}

pub(crate) fn write_vectored<T: AsFd>(
    watched: &Watched<T>,
    bytes: &[IoSlice<'_>],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<usize>
where
    for<'a> &'a T: Write,
{
    watched.run(Direction::Write, deadline, stop, |mut inner| {
        inner.write_vectored(bytes)
    })
}

/// The end came before the buffer was full.
pub(crate) fn too_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the stream ended before the buffer was full",
    )
}

/// The other side takes nothing.
pub(crate) fn takes_nothing() -> io::Error {
    io::Error::new(io::ErrorKind::WriteZero, "nothing more could be written")
}

/// What a type has that is a `Watched` of one of the standard library's and can be waited for.
macro_rules! shared {
    ($name:ident of $inner:ty) => {
        impl $name {
            /// Whether it was closed by `close`, here or by somebody with whom it is shared.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.0.is_closed()
            }

            /// That there is something to take from it, as one of several things that the caller waits for:
            /// `select! { readable(it) => .. }`.
            #[must_use]
            pub fn readable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
                self.0.arm(vitte_scheduler::Direction::Read)
            }

            /// That it would take something, as one of several things that the caller waits for:
            /// `select! { writable(it) => .. }`.
            #[must_use]
            pub fn writable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
                self.0.arm(vitte_scheduler::Direction::Write)
            }

            /// Gives the descriptor back, as one of the standard library's that blocks.
            ///
            /// # Errors
            /// What the system says.
            pub fn into_std(self) -> std::io::Result<$inner> {
                let inner = self.0.into_inner();
                rustix::io::ioctl_fionbio(&inner, false)?;
                Ok(inner)
            }
        }

        /// It does not block from then on; nor does whatever else shares its file description.
        impl TryFrom<$inner> for $name {
            type Error = std::io::Error;

            fn try_from(inner: $inner) -> std::io::Result<Self> {
                rustix::io::ioctl_fionbio(&inner, true)?;
                Ok(Self($crate::watched::Watched::new(inner)))
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.inner().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.inner().as_raw_fd()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0).finish()
            }
        }
    };
}

/// The reading half of a stream's methods.
macro_rules! reads {
    ($name:ident, is_plain: $is_plain:expr) => {
        impl $name {
            /// Reads what there is, as much as fits; zero is the end. Waits for as long as
            /// [`read_timeout`](Self::set_read_timeout) says.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`](crate::WaitError) inside.
            ///
            /// # Blocking
            /// While there is nothing: a fiber suspends, a thread sleeps.
            ///
            /// # Cancellation
            /// Nothing is lost.
            pub fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Read);
                self.read_with(buffer, deadline, None)
            }

            /// [`read`](Self::read), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            pub fn read_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::read(&self.0, buffer, deadline, stop, $is_plain)
            }

            vitte_wait::timed_forms! { read_with(buffer: &mut [u8]) -> std::io::Result<usize>: read_until read_for read_or_stop }

            /// Fills the whole buffer.
            ///
            /// # Errors
            /// As [`read`](Self::read); `UnexpectedEof` if the stream ends before. What was read by then is in the
            /// buffer.
            pub fn read_exact_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<()> {
                let mut done = 0;
                while done < buffer.len() {
                    match self.read_with(&mut buffer[done..], deadline, stop)? {
                        0 => return Err($crate::stream::too_short()),
                        count => done += count,
                    }
                }
                Ok(())
            }

            /// [`read_with`](Self::read_with) into several buffers, one after the other.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            pub fn read_vectored_with(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::read_vectored(&self.0, buffers, deadline, stop)
            }

            /// How long reads wait that were told no deadline; `None` is for ever.
            ///
            /// # Errors
            /// `InvalidInput` for a time of zero.
            pub fn set_read_timeout(&self, patience: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_patience(vitte_scheduler::Direction::Read, patience)
            }

            /// What [`set_read_timeout`](Self::set_read_timeout) set.
            #[must_use]
            pub fn read_timeout(&self) -> Option<std::time::Duration> {
                self.0.patience(vitte_scheduler::Direction::Read)
            }
        }

        impl std::io::Read for $name {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                Self::read(self, buffer)
            }

            fn read_vectored(&mut self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Read);
                self.read_vectored_with(buffers, deadline, None)
            }
        }

        impl std::io::Read for &$name {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                $name::read(self, buffer)
            }

            fn read_vectored(&mut self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Read);
                self.read_vectored_with(buffers, deadline, None)
            }
        }
    };
}

/// The writing half.
macro_rules! writes {
    ($name:ident) => {
        impl $name {
            /// Writes as much of `bytes` as there is room for, and says how much. Waits for as long as
            /// [`write_timeout`](Self::set_write_timeout) says.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`](crate::WaitError) inside.
            ///
            /// # Blocking
            /// While there is no room: a fiber suspends, a thread sleeps.
            ///
            /// # Cancellation
            /// Nothing was written then.
            pub fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Write);
                self.write_with(bytes, deadline, None)
            }

            /// [`write`](Self::write), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            pub fn write_with(
                &self,
                bytes: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::write(&self.0, bytes, deadline, stop)
            }

            vitte_wait::timed_forms! { write_with(bytes: &[u8]) -> std::io::Result<usize>: write_until write_for write_or_stop }

            /// Writes all of `bytes`.
            ///
            /// # Errors
            /// As [`write`](Self::write). How much was written by then is not said: give such a stream up, or count with
            /// [`write_with`](Self::write_with).
            pub fn write_all_with(
                &self,
                bytes: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<()> {
                let mut left = bytes;
                while !left.is_empty() {
                    match self.write_with(left, deadline, stop)? {
                        0 => return Err($crate::stream::takes_nothing()),
                        count => left = &left[count..],
                    }
                }
                Ok(())
            }

            /// [`write_with`](Self::write_with) from several buffers, one after the other.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            pub fn write_vectored_with(
                &self,
                buffers: &[std::io::IoSlice<'_>],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::write_vectored(&self.0, buffers, deadline, stop)
            }

            /// How long writes wait that were told no deadline; `None` is for ever.
            ///
            /// # Errors
            /// `InvalidInput` for a time of zero.
            pub fn set_write_timeout(&self, patience: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_patience(vitte_scheduler::Direction::Write, patience)
            }

            /// What [`set_write_timeout`](Self::set_write_timeout) set.
            #[must_use]
            pub fn write_timeout(&self) -> Option<std::time::Duration> {
                self.0.patience(vitte_scheduler::Direction::Write)
            }
        }

        impl std::io::Write for $name {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                Self::write(self, bytes)
            }

            fn write_vectored(&mut self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Write);
                self.write_vectored_with(buffers, deadline, None)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl std::io::Write for &$name {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                $name::write(self, bytes)
            }

            fn write_vectored(&mut self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Write);
                self.write_vectored_with(buffers, deadline, None)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(crate) use {reads, shared, writes};
