//! Sockets within the machine: streams, listeners and messages, with paths for addresses.

use crate::{
    stream::{reads, shared, writes},
    udp::messages,
    watched::Watched,
};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::{
    io,
    net::Shutdown,
    os::unix::net::{self as std_unix, SocketAddr},
    path::Path,
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// A connection within the machine.
///
/// ```
/// use std::io::{Read, Write};
/// use vitte_io::UnixStream;
///
/// let (mut ours, mut theirs) = UnixStream::pair()?;
/// theirs.write_all(b"x")?;
/// let mut byte = [0];
/// ours.read_exact(&mut byte)?;
/// assert_eq!(byte, *b"x");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream(Watched<std_unix::UnixStream>);

shared! { UnixStream of std_unix::UnixStream }
// A read stops where descriptors or other credentials were sent with the bytes.
reads! { UnixStream, is_plain: false }
writes! { UnixStream }

impl UnixStream {
    /// Two ends of a connection without an address.
    ///
    /// # Errors
    /// What the system says.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std_unix::UnixStream::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// Connects to a listener.
    ///
    /// # Errors
    /// What the system says: `WouldBlock` if as many wait to be accepted as the listener lets wait.
    pub fn connect(to: impl AsRef<Path>) -> io::Result<Self> {
        let address = SocketAddrUnix::new(to.as_ref())?;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        net::connect(&socket, &address)?;
        Ok(Self(Watched::new(std_unix::UnixStream::from(socket))))
    }

    /// The address of this side.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().local_addr()
    }

    /// The address of the other side.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().peer_addr()
    }

    /// Ends one direction, or both.
    ///
    /// # Errors
    /// What the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.inner().shutdown(how)
    }

    /// Ends the connection for all who share it: their calls, under way and later, fail with
    /// [`WaitError::Closed`](crate::WaitError::Closed).
    pub fn close(&self) {
        self.0.close(|inner| drop(inner.shutdown(Shutdown::Both)));
    }

    /// A second handle of the same connection, with a descriptor and timeouts of its own.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0
            .inner()
            .try_clone()
            .map(|inner| Self(Watched::new(inner)))
    }
}

/// Where connections within the machine arrive.
pub struct UnixListener(Watched<std_unix::UnixListener>);

shared! { UnixListener of std_unix::UnixListener }

impl UnixListener {
    /// Listens at a path, which must not be there; it stays there when the listener has gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(at: impl AsRef<Path>) -> io::Result<Self> {
        std_unix::UnixListener::bind(at)?.try_into()
    }

    /// The next connection.
    ///
    /// # Errors
    /// What the system says, or a [`WaitError`](crate::WaitError) inside.
    ///
    /// # Blocking
    /// Until one arrives: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// No connection is lost.
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.accept_with(Deadline::NEVER, None)
    }

    /// [`accept`](Self::accept), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn accept_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<UnixStream> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = self.0.run(Direction::Read, deadline, stop, |inner| {
            Ok(net::accept_with(inner, flags)?)
        })?;
        Ok(UnixStream(Watched::new(std_unix::UnixStream::from(socket))))
    }

    timed_forms! { accept_with() -> io::Result<UnixStream>: accept_until accept_timeout accept_or_stop }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().local_addr()
    }

    /// Ends the listening for all who share it.
    pub fn close(&self) {
        self.0.close(|inner| {
            // It fails only if it is done already.
            let _ = net::shutdown(inner, net::Shutdown::Both);
        });
    }
}

/// A socket that sends and receives messages within the machine.
pub struct UnixDatagram(Watched<std_unix::UnixDatagram>);

shared! { UnixDatagram of std_unix::UnixDatagram }
messages! { UnixDatagram, from: SocketAddr }

impl UnixDatagram {
    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    /// What the system says.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std_unix::UnixDatagram::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// A socket at a path, which must not be there.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(at: impl AsRef<Path>) -> io::Result<Self> {
        std_unix::UnixDatagram::bind(at)?.try_into()
    }

    /// A socket that nobody can send to.
    ///
    /// # Errors
    /// What the system says.
    pub fn unbound() -> io::Result<Self> {
        std_unix::UnixDatagram::unbound()?.try_into()
    }

    /// From now on sends to there, and receives from there only.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, to: impl AsRef<Path>) -> io::Result<()> {
        self.0.inner().connect(to)
    }

    /// Sends a message to the socket at a path.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_to_with(
        &self,
        message: &[u8],
        to: &Path,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.0.run(Direction::Write, deadline, stop, |inner| {
            inner.send_to(message, to)
        })
    }
}
