//! TCP: streams, and listeners that accept them.

use crate::{
    names::{ToSocketAddrs, lookup_host, lookup_host_with},
    stream::{reads, shared, writes},
    watched::Watched,
};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use std::{
    io,
    net::{Shutdown, SocketAddr},
    os::fd::OwnedFd,
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// A connection.
///
/// ```
/// use std::{io::{Read, Write}, time::Duration};
/// use vitte_io::{TcpListener, TcpStream, WaitError};
///
/// // A plain thread may do all this, too.
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut ours = TcpStream::connect(listener.local_addr()?)?;
/// let (mut theirs, _) = listener.accept()?;
/// let nothing = ours.read_for(&mut [0], Duration::from_millis(1)).unwrap_err();
/// assert_eq!(WaitError::of(&nothing), Some(WaitError::TimedOut));
/// theirs.write_all(b"something")?;
/// drop(theirs);
/// let mut text = String::new();
/// ours.read_to_string(&mut text)?;
/// assert_eq!(text, "something");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream(Watched<std::net::TcpStream>);

shared! { TcpStream of std::net::TcpStream }
reads! { TcpStream, is_plain: true }
writes! { TcpStream }

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// A name is [looked up](crate::lookup_host) first.
    ///
    /// # Errors
    /// The last address's; a [`WaitError`](crate::WaitError) inside if the wait ended before.
    ///
    /// # Blocking
    /// Until the other side has answered: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// The connection is given up.
    pub fn connect(to: impl ToSocketAddrs) -> io::Result<Self> {
        Self::connect_with(to, Deadline::NEVER, None)
    }

    /// [`connect`](Self::connect), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_with(
        to: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "there is no address");
        for address in lookup_host_with(to, deadline, stop)? {
            match Self::connect_to(address, deadline, stop) {
                Ok(stream) => return Ok(stream),
                // Whoever is told to stop tries no other.
                Err(error) if crate::WaitError::of(&error).is_some() => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connect_to(
        address: SocketAddr,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        let stream = Self(Watched::new(std::net::TcpStream::from(socket)));
        match net::connect(stream.0.inner(), &address) {
            Ok(()) => return Ok(stream),
            // A signal came: the connection is made in the background, as for the other one.
            Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        stream.0.run(Direction::Write, deadline, stop, |inner| {
            sockopt::socket_error(inner)??;
            // No error yet means nothing: connected is who has a peer.
            match inner.peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                other => other.map(drop),
            }
        })?;
        Ok(stream)
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

    /// Ends one direction, or both. The other side reads the end; a read here that waits returns it.
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

    /// As [`read_with`](Self::read_with), but leaves what it reads.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn peek_with(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.0
            .run(Direction::Read, deadline, stop, |inner| inner.peek(buffer))
    }

    /// As [`read`](Self::read), but leaves what it reads.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.peek_with(buffer, self.0.deadline(Direction::Read), None)
    }

    /// A second handle of the same connection, with a descriptor and timeouts of its own. Closing one by
    /// [`close`](Self::close) ends the connection of both.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0
            .inner()
            .try_clone()
            .map(|inner| Self(Watched::new(inner)))
    }

    /// Whether small pieces are sent at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.inner().nodelay()
    }

    /// Says whether small pieces are to be sent at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.inner().set_nodelay(on)
    }

    /// The error that the system has noted, which it forgets by this.
    ///
    /// # Errors
    /// What the system says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.inner().take_error()
    }
}

/// Where connections arrive.
pub struct TcpListener(Watched<std::net::TcpListener>);

shared! { TcpListener of std::net::TcpListener }

impl TcpListener {
    /// Listens at an address; port 0 is one that the system chooses.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(at: impl ToSocketAddrs) -> io::Result<Self> {
        std::net::TcpListener::bind(&*lookup_host(at)?)?.try_into()
    }

    /// The next connection, and where it comes from.
    ///
    /// # Errors
    /// What the system says: a connection may have failed already, or there may be too many descriptors; the
    /// listener stays good. A [`WaitError`](crate::WaitError) inside if it was closed, or the fiber canceled.
    ///
    /// # Blocking
    /// Until one arrives: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// No connection is lost.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
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
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, from) = self.0.run(Direction::Read, deadline, stop, |inner| {
            Ok(net::acceptfrom_with(inner, flags)?)
        })?;
        let stream = TcpStream(Watched::new(std::net::TcpStream::from(socket)));
        let from = match from.and_then(|from| SocketAddr::try_from(from).ok()) {
            Some(from) => from,
            None => stream.peer_addr()?,
        };
        Ok((stream, from))
    }

    timed_forms! { accept_with() -> io::Result<(TcpStream, SocketAddr)>: accept_until accept_timeout accept_or_stop }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().local_addr()
    }

    /// Ends the listening for all who share it: connections that arrive are refused, and calls to accept fail with
    /// [`WaitError::Closed`](crate::WaitError::Closed).
    pub fn close(&self) {
        self.0.close(|inner| {
            // It fails only if it is done already.
            let _ = net::shutdown(inner, net::Shutdown::Both);
        });
    }
}

impl From<TcpStream> for OwnedFd {
    fn from(stream: TcpStream) -> Self {
        stream.0.into_inner().into()
    }
}
