//! What all streams of bytes have in common: reads, writes, their forms, and how they are shared and given back.

use crate::watched::{Done, Watched};
use rustix::net::{self, RecvFlags, SendFlags};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::AsFd,
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken};

/// What bytes can be read from, in one system call.
///
/// What the standard library would call is a place where C threads may be cancelled, which costs two locked instructions a
/// call. Nobody cancels a thread that fibers run on, so the system is called as it is.
pub(crate) trait Takes: AsFd {
    fn take(&self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// What bytes can be written to, as with [`Takes`].
pub(crate) trait Gives: AsFd {
    fn give(&self, bytes: &[u8]) -> io::Result<usize>;
}

macro_rules! sockets {
    ($($socket:ty),+) => {
        $(
            impl Takes for $socket {
                #[inline]
                fn take(&self, buffer: &mut [u8]) -> io::Result<usize> {
                    Ok(net::recv(self, buffer, RecvFlags::empty())?.0)
                }
            }

            impl Gives for $socket {
                #[inline]
                fn give(&self, bytes: &[u8]) -> io::Result<usize> {
                    Ok(net::send(self, bytes, SendFlags::NOSIGNAL)?)
                }
            }
        )+
    };
}

sockets! { std::net::TcpStream, std::os::unix::net::UnixStream }

impl Takes for io::PipeReader {
    fn take(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self, buffer)?)
    }
}

impl Gives for io::PipeWriter {
    fn give(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self, bytes)?)
    }
}

/// A read whose pieces have no bounds, if `is_plain`: one that is short has taken all.
pub(crate) fn read<T: Takes>(
    watched: &Watched<T>,
    buffer: &mut [u8],
    deadline: Deadline,
    stop: Option<&StopToken>,
    is_plain: bool,
) -> io::Result<usize> {
    if buffer.is_empty() {
        return Ok(0);
    }
    watched.run_hinted(Direction::Read, deadline, stop, |inner| {
        let count = inner.take(buffer)?;
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

pub(crate) fn write<T: Gives>(
    watched: &Watched<T>,
    bytes: &[u8],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<usize> {
    watched.run(Direction::Write, deadline, stop, |inner| inner.give(bytes))
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

/// How much is read at a time of what is read to its end.
pub(crate) const PIECE: usize = 16 << 10;

/// `call`, again when a signal came.
fn again<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Fills `buffer` by as many reads as it takes.
pub(crate) fn read_exact(
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        let count = again(|| read(&mut buffer[done..]))?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the stream ended before the buffer was full",
            ));
        }
        done += count;
    }
    Ok(())
}

/// Appends all that `read` gives to `bytes`, and says how much it was.
pub(crate) fn read_to_end(
    bytes: &mut Vec<u8>,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let (before, mut piece) = (bytes.len(), vec![0; PIECE]);
    loop {
        match again(|| read(&mut piece))? {
            0 => return Ok(bytes.len() - before),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// Writes all of `bytes` by as many writes as it takes.
pub(crate) fn write_all(
    bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        let count = again(|| write(left))?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "nothing more could be written",
            ));
        }
        left = &left[count..];
    }
    Ok(())
}

/// What a type has that is a `Watched` of one of the standard library's and can be waited for. For the examples: what makes `ours`
/// ready, in either direction.
macro_rules! shared {
    ($name:ident of $inner:ty, readable: $readable:literal, writable: $writable:literal) => {
        impl $name {
            /// Whether it was closed by `close`, here or by somebody with whom it is shared.
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// assert!(!ours.is_closed());
            /// ours.close();
            /// assert!(ours.is_closed());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.0.is_closed()
            }

            /// That there is something to take from it, as one of several things that the caller waits for:
            /// `select! { readable(it) => .. }`.
            ///
            /// ```
            /// use std::time::Duration;
            /// use vitte_wait::{Deadline, select::{after, select}};
            #[doc = $crate::examples::ours!($name)]
            #[doc = $readable]
            /// let (mut late, mut ready) = (after(Duration::from_secs(60)), ours.readable_arm());
            /// assert_eq!(select(&mut [&mut late, &mut ready], Deadline::NEVER, None), Ok(1));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[must_use]
            pub fn readable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
                self.0.arm(vitte_scheduler::Direction::Read)
            }

            /// That it would take something, as one of several things that the caller waits for:
            /// `select! { writable(it) => .. }`.
            ///
            /// ```
            /// use std::time::Duration;
            /// use vitte_wait::{Deadline, select::{after, select}};
            #[doc = $crate::examples::ours!($name)]
            #[doc = $writable]
            /// let (mut late, mut ready) = (after(Duration::from_secs(60)), ours.writable_arm());
            /// assert_eq!(select(&mut [&mut late, &mut ready], Deadline::NEVER, None), Ok(1));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[must_use]
            pub fn writable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
                self.0.arm(vitte_scheduler::Direction::Write)
            }

            /// A second handle of the same, with a descriptor and timeouts of its own. What `close` does to the other side,
            /// or to a name, it does to that of both.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// let second = ours.try_clone()?;
            /// ours.close();
            /// assert!(!second.is_closed(), "an `Arc` would share that, too");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_clone(&self) -> std::io::Result<Self> {
                let inner = self.0.inner().try_clone()?;
                Ok(Self($crate::watched::Watched::new(inner)))
            }

            /// Gives the descriptor back, as one of the standard library's that blocks.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            /// use std::os::fd::AsRawFd;
            #[doc = $crate::examples::ours!($name)]
            /// let number = ours.as_raw_fd();
            /// let blocking = ours.into_std()?;
            /// assert_eq!(blocking.as_raw_fd(), number);
            /// # Ok::<(), std::io::Error>(())
            /// ```
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

        /// It must be the descriptor of such a thing. It does not block from then on; nor does whatever else shares its file
        /// description.
        impl TryFrom<std::os::fd::OwnedFd> for $name {
            type Error = std::io::Error;

            fn try_from(fd: std::os::fd::OwnedFd) -> std::io::Result<Self> {
                <$inner>::from(fd).try_into()
            }
        }

        /// It does not block, as before.
        impl From<$name> for std::os::fd::OwnedFd {
            fn from(it: $name) -> Self {
                it.0.into_inner().into()
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
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// theirs.write(b"some text")?;
            /// let mut buffer = [0; 64];
            /// let count = ours.read(&mut buffer)?;
            /// assert_eq!(&buffer[..count], b"some text");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Read);
                self.read_with(buffer, deadline, None)
            }

            /// [`read`](Self::read), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            #[doc = $crate::examples::stopped!($crate::examples::ours!($name WaitError), "ours.read_with(&mut [0; 64], ")]
            pub fn read_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::read(&self.0, buffer, deadline, stop, $is_plain)
            }

            vitte_wait::timed_forms! {
                read_with(buffer: &mut [u8]) -> std::io::Result<usize>: read_until read_for read_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name WaitError)]
                "ours." ("&mut [0; 64]") => io
            }

            /// Fills the whole buffer.
            ///
            /// # Errors
            /// As [`read`](Self::read); `UnexpectedEof` if the stream ends before. What was read by then is in the
            /// buffer.
            ///
            /// ```
            /// use vitte_wait::Deadline;
            #[doc = $crate::examples::ours!($name)]
            /// theirs.write(b"some text")?;
            /// let mut word = [0; 4];
            /// ours.read_exact_with(&mut word, Deadline::NEVER, None)?;
            /// assert_eq!(&word, b"some");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn read_exact_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<()> {
                $crate::stream::read_exact(buffer, |rest| self.read_with(rest, deadline, stop))
            }

            vitte_wait::timed_forms! {
                read_exact_with(buffer: &mut [u8]) -> std::io::Result<()>: read_exact_until read_exact_for read_exact_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name WaitError)]
                "ours." ("&mut [0; 4]") => io
            }

            /// Appends all that comes until the end to `bytes`, and says how much it was.
            ///
            /// # Errors
            /// As [`read`](Self::read). What was read by then was appended.
            ///
            /// ```
            /// use vitte_wait::Deadline;
            #[doc = $crate::examples::ours!($name)]
            /// theirs.write(b"some text")?;
            /// drop(theirs);
            /// let mut bytes = Vec::new();
            /// ours.read_to_end_with(&mut bytes, Deadline::NEVER, None)?;
            /// assert_eq!(bytes, b"some text");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn read_to_end_with(
                &self,
                bytes: &mut Vec<u8>,
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::read_to_end(bytes, |piece| self.read_with(piece, deadline, stop))
            }

            vitte_wait::timed_forms! {
                read_to_end_with(bytes: &mut Vec<u8>) -> std::io::Result<usize>: read_to_end_until read_to_end_for read_to_end_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name WaitError)]
                "ours." ("&mut Vec::new()") => io
            }

            /// [`read_with`](Self::read_with) into several buffers, one after the other.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            ///
            /// ```
            /// use std::io::IoSliceMut;
            /// use vitte_wait::Deadline;
            #[doc = $crate::examples::ours!($name)]
            /// theirs.write(b"some text")?;
            /// let (mut four, mut five) = ([0; 4], [0; 5]);
            /// let mut buffers = [IoSliceMut::new(&mut four), IoSliceMut::new(&mut five)];
            /// ours.read_vectored_with(&mut buffers, Deadline::NEVER, None)?;
            /// assert_eq!((&four, &five), (b"some", b" text"));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn read_vectored_with(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::read_vectored(&self.0, buffers, deadline, stop)
            }
        }

        $crate::stream::patience! { $name, Read: set_read_timeout read_timeout }
        $crate::stream::read_by! { $name: $name, &$name }
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
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// let count = ours.write(b"some text")?;
            /// let mut buffer = [0; 64];
            /// assert_eq!(theirs.read(&mut buffer)?, count);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
                let deadline = self.0.deadline(vitte_scheduler::Direction::Write);
                self.write_with(bytes, deadline, None)
            }

            /// [`write`](Self::write), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// ```
            /// use vitte_wait::{Deadline, StopSource};
            #[doc = $crate::examples::ours!($name)]
            /// let source = StopSource::new();
            /// let count = ours.write_with(b"some text", Deadline::NEVER, Some(&source.token()))?;
            /// assert!(count > 0, "as much as there is room for");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write_with(
                &self,
                bytes: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::write(&self.0, bytes, deadline, stop)
            }

            vitte_wait::timed_forms! {
                write_with(bytes: &[u8]) -> std::io::Result<usize>: write_until write_for write_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name)]
                "ours." ("b\"some text\"") => got io "assert!(got? > 0);"
            }

            /// Writes all of `bytes`.
            ///
            /// # Errors
            /// As [`write`](Self::write). How much was written by then is not said: give such a stream up, or count with
            /// [`write_with`](Self::write_with).
            ///
            /// ```
            /// use vitte_wait::Deadline;
            #[doc = $crate::examples::ours!($name)]
            /// ours.write_all_with(b"some text", Deadline::NEVER, None)?;
            /// drop(ours);
            /// let mut bytes = Vec::new();
            /// theirs.read_to_end_with(&mut bytes, Deadline::NEVER, None)?;
            /// assert_eq!(bytes, b"some text");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write_all_with(
                &self,
                bytes: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<()> {
                $crate::stream::write_all(bytes, |rest| self.write_with(rest, deadline, stop))
            }

            vitte_wait::timed_forms! {
                write_all_with(bytes: &[u8]) -> std::io::Result<()>: write_all_until write_all_for write_all_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name)]
                "ours." ("b\"some text\"") => got io "assert!(got.is_ok());"
            }

            /// [`write_with`](Self::write_with) from several buffers, one after the other.
            ///
            /// # Errors
            /// As [`write`](Self::write).
            ///
            /// ```
            /// use std::io::IoSlice;
            /// use vitte_wait::Deadline;
            #[doc = $crate::examples::ours!($name)]
            /// let buffers = [IoSlice::new(b"some"), IoSlice::new(b" text")];
            /// let count = ours.write_vectored_with(&buffers, Deadline::NEVER, None)?;
            /// let mut buffer = [0; 64];
            /// theirs.read(&mut buffer)?;
            /// assert_eq!(&buffer[..count], &b"some text"[..count]);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn write_vectored_with(
                &self,
                buffers: &[std::io::IoSlice<'_>],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                $crate::stream::write_vectored(&self.0, buffers, deadline, stop)
            }
        }

        $crate::stream::patience! { $name, Write: set_write_timeout write_timeout }
        $crate::stream::write_by! { $name: $name, &$name }
    };
}

/// How long one direction waits that was told nothing.
macro_rules! patience {
    ($name:ident, $direction:ident: $set:ident $get:ident) => {
        impl $name {
            /// Says how long calls of this direction wait that are told no deadline; `None` is for ever.
            ///
            /// # Errors
            /// `InvalidInput` for a time of zero.
            ///
            /// ```
            /// use std::time::Duration;
            #[doc = $crate::examples::ours!($name)]
            /// let patience = Some(Duration::from_secs(5));
            #[doc = concat!("ours.", stringify!($set), "(patience)?;")]
            #[doc = concat!("assert_eq!(ours.", stringify!($get), "(), patience);")]
            #[doc = concat!("assert!(ours.", stringify!($set), "(Some(Duration::ZERO)).is_err());")]
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn $set(&self, patience: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0
                    .set_patience(vitte_scheduler::Direction::$direction, patience)
            }

            #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") set.")]
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            #[doc = concat!("assert_eq!(ours.", stringify!($get), "(), None, \"for ever, as nothing else was said\");")]
            /// # Ok::<(), std::io::Error>(())
            /// ```
            #[must_use]
            pub fn $get(&self) -> Option<std::time::Duration> {
                self.0.patience(vitte_scheduler::Direction::$direction)
            }
        }
    };
}

/// The standard library's trait, for what reads by `&self`.
macro_rules! read_by {
    ($name:ident: $($reader:ty),+) => {
        $(
            impl std::io::Read for $reader {
                fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                    $name::read(self, buffer)
                }

                fn read_vectored(&mut self, buffers: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                    let deadline = self.0.deadline(vitte_scheduler::Direction::Read);
                    self.read_vectored_with(buffers, deadline, None)
                }
            }
        )+
    };
}

/// The standard library's trait, for what writes by `&self`. Nothing is kept back, so nothing need be flushed.
macro_rules! write_by {
    ($name:ident: $($writer:ty),+) => {
        $(
            impl std::io::Write for $writer {
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
        )+
    };
}

/// Calls of the standard library's type that do not wait, each with what its example does.
macro_rules! passed_on {
    ($name:ident: $($calls:tt)+) => { $crate::stream::passed_on! { $name, $name: $($calls)+ } };
    ($name:ident, $ours:ident: $(
        $(#[doc = $doc:literal])+
        $call:ident($($arg:ident: $of:ty),*) -> $value:ty: $($line:literal)+;
    )+) => {
        impl $name {
            $(
                $(#[doc = $doc])+
                ///
                /// # Errors
                /// What the system says.
                ///
                /// ```
                #[doc = $crate::examples::ours!($ours)]
                $(#[doc = $line])+
                /// # Ok::<(), std::io::Error>(())
                /// ```
                pub fn $call(&self, $($arg: $of),*) -> std::io::Result<$value> {
                    self.0.inner().$call($($arg),*)
                }
            )+
        }
    };
}

pub(crate) use {passed_on, patience, read_by, reads, shared, write_by, writes};
