//! TCP: streams, and listeners that accept them.

use crate::{
    examples::{ours, stopped},
    names::{ToSocketAddrs, lookup_host_with},
    stream::{passed_on, reads, shared, writes},
    watched::Watched,
};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use std::{
    io, iter,
    net::{Shutdown, SocketAddr},
    os::fd::OwnedFd,
    time::Duration,
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// How many connections may wait to be accepted; the system takes as many as it is set to, if that is less. The standard
/// library has 128, and who connects to a listener with more waits for a second before he tries again.
const BACKLOG: i32 = 4096;

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

shared! {
    TcpStream of std::net::TcpStream,
    readable: "theirs.write(b\"x\")?;",
    writable: "// There is room."
}
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
    ///
    /// ```
    /// use vitte_io::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(to: impl ToSocketAddrs) -> io::Result<Self> {
        Self::connect_with(to, Deadline::NEVER, None)
    }

    /// [`connect`](Self::connect), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    #[doc = stopped!("use vitte_io::{TcpStream, WaitError};\n", "TcpStream::connect_with(\"localhost:80\", ")]
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

    timed_forms! {
        static connect_with(to: impl ToSocketAddrs) -> io::Result<Self>: connect_until connect_timeout connect_or_stop
        in vitte_wait
        /// use vitte_io::{TcpStream, WaitError};
        ///
        "TcpStream::" ("\"localhost:80\"") => io
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
        Self::connect_from(socket, address, deadline, stop)
    }

    /// Connects a socket that the caller has made, and told what this type has no words for (the address that it is to
    /// have, say), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// ```
    /// use std::{net::Ipv4Addr, os::fd::OwnedFd};
    /// use rustix::net::{AddressFamily, SocketType, bind, socket};
    /// use vitte_io::{TcpListener, TcpStream};
    /// use vitte_wait::Deadline;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let ours: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    /// bind(&ours, &std::net::SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)))?;
    /// TcpStream::connect_from(ours, listener.local_addr()?, Deadline::NEVER, None)?;
    /// assert_eq!(listener.accept()?.1.ip(), Ipv4Addr::new(127, 0, 0, 2));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_from(
        socket: OwnedFd,
        address: SocketAddr,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let stream = Self::try_from(socket)?;
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

    /// Ends the connection for all who share it: their calls, under way and later, fail with
    /// [`WaitError::Closed`](crate::WaitError::Closed).
    ///
    /// ```
    #[doc = ours!(TcpStream WaitError)]
    /// ours.close();
    /// let ended = ours.read(&mut [0]);
    /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
    /// assert_eq!(theirs.read(&mut [0])?, 0, "the other side reads the end");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.0.close(|inner| drop(inner.shutdown(Shutdown::Both)));
    }

    /// As [`read_with`](Self::read_with), but leaves what it reads.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    #[doc = stopped!(ours!(TcpStream WaitError), "ours.peek_with(&mut [0], ")]
    pub fn peek_with(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.0
            .run(Direction::Read, deadline, stop, |inner| inner.peek(buffer))
    }

    timed_forms! {
        peek_with(buffer: &mut [u8]) -> io::Result<usize>: peek_until peek_for peek_or_stop
        in vitte_wait
        #[doc = ours!(TcpStream WaitError)]
        "ours." ("&mut [0]") => io
    }

    /// As [`read`](Self::read), but leaves what it reads.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// ```
    #[doc = ours!(TcpStream)]
    /// theirs.write(b"x")?;
    /// let mut byte = [0];
    /// ours.peek(&mut byte)?;
    /// assert_eq!(byte, *b"x");
    /// assert_eq!(ours.read(&mut byte)?, 1, "it is still there");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.peek_with(buffer, self.0.deadline(Direction::Read), None)
    }

    /// How long the system goes on sending what is left when this is closed; `None`: as long as it takes, and nobody waits
    /// for it.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    #[doc = ours!(TcpStream)]
    /// assert_eq!(ours.linger()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(sockopt::socket_linger(self.0.inner())?)
    }

    /// Says how long the system is to go on sending what is left when this is closed. Whoever closes waits for that, with
    /// his thread; if it is no time at all what is left is thrown away, and the other side is told of an error.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::time::Duration;
    #[doc = ours!(TcpStream)]
    /// ours.set_linger(Some(Duration::ZERO))?;
    /// drop(ours);
    /// assert!(theirs.read(&mut [0]).is_err(), "the connection was reset");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(self.0.inner(), time)?)
    }

    /// Whether the system asks now and then if the other side is still there.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    #[doc = ours!(TcpStream)]
    /// assert!(!ours.keepalive()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(sockopt::socket_keepalive(self.0.inner())?)
    }

    /// Says whether the system is to ask now and then if the other side is still there.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    #[doc = ours!(TcpStream)]
    /// ours.set_keepalive(true)?;
    /// assert!(ours.keepalive()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        Ok(sockopt::set_socket_keepalive(self.0.inner(), on)?)
    }
}

passed_on! { TcpStream:
    /// The address of this side.
    local_addr() -> SocketAddr: "assert_eq!(ours.local_addr()?, theirs.peer_addr()?);";
    /// The address of the other side.
    peer_addr() -> SocketAddr: "assert_eq!(ours.peer_addr()?, theirs.local_addr()?);";
    /// Ends one direction, or both. The other side reads the end; a read here that waits returns it.
    shutdown(how: Shutdown) -> ():
        "ours.shutdown(std::net::Shutdown::Write)?;"
        "assert_eq!(theirs.read(&mut [0])?, 0);"
        "theirs.write(b\"the other direction goes on\")?;"
        "assert!(ours.read(&mut [0; 64])? > 0);";
    /// Whether small pieces are sent at once.
    nodelay() -> bool: "assert!(!ours.nodelay()?, \"until somebody says so\");";
    /// Says whether small pieces are to be sent at once.
    set_nodelay(on: bool) -> (): "ours.set_nodelay(true)?;" "assert!(ours.nodelay()?);";
    /// How many networks what is sent may cross.
    ttl() -> u32: "assert!(ours.ttl()? > 0);";
    /// Says how many networks what is sent may cross.
    set_ttl(most: u32) -> (): "ours.set_ttl(1)?;" "assert_eq!(ours.ttl()?, 1);";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}

/// Where connections arrive.
///
/// ```
/// use std::{io::Read, time::Duration};
/// use vitte_io::{TcpListener, TcpStream, WaitError};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let nobody = listener.accept_timeout(Duration::from_millis(1)).unwrap_err();
/// assert_eq!(WaitError::of(&nobody), Some(WaitError::TimedOut));
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut connection, from) = listener.accept()?;
/// assert_eq!(from, client.local_addr()?);
/// client.close();
/// assert_eq!(connection.read(&mut [0])?, 0, "the other side is gone");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener(Watched<std::net::TcpListener>);

shared! {
    TcpListener of std::net::TcpListener,
    readable: "let theirs = std::net::TcpStream::connect(ours.local_addr()?)?;",
    writable: "ours.close(); // It never is, but that is told."
}

impl TcpListener {
    /// Listens at an address; port 0 is one that the system chooses. A name is [looked up](crate::lookup_host) first.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    #[doc = ours!(TcpListener)]
    /// assert_ne!(ours.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(at: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(at, Deadline::NEVER, None)
    }

    /// [`bind`](Self::bind), if the name is found before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`bind`](Self::bind); a [`WaitError`](crate::WaitError) inside if the wait ended before.
    ///
    #[doc = stopped!("use vitte_io::{TcpListener, WaitError};\n", "TcpListener::bind_with(\"localhost:0\", ")]
    pub fn bind_with(
        at: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(&*lookup_host_with(at, deadline, stop)?)?;
        net::listen(&listener, BACKLOG)?;
        listener.try_into()
    }

    timed_forms! {
        static bind_with(at: impl ToSocketAddrs) -> io::Result<Self>: bind_until bind_timeout bind_or_stop
        in vitte_wait
        /// use vitte_io::{TcpListener, WaitError};
        ///
        "TcpListener::" ("\"localhost:0\"") => io
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
    ///
    /// ```
    /// use vitte_io::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (connection, from) = listener.accept()?;
    /// assert_eq!(from, client.local_addr()?);
    /// assert_eq!(from, connection.peer_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_with(Deadline::NEVER, None)
    }

    /// [`accept`](Self::accept), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    #[doc = stopped!(ours!(TcpListener WaitError), "ours.accept_with(")]
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

    timed_forms! {
        accept_with() -> io::Result<(TcpStream, SocketAddr)>: accept_until accept_timeout accept_or_stop
        in vitte_wait
        #[doc = ours!(TcpListener WaitError)]
        "ours." () => io
    }

    /// One connection after the other, without end: an error ends nothing, but closing makes every one an error.
    ///
    /// ```
    /// use vitte_io::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let clients = [TcpStream::connect(address)?, TcpStream::connect(address)?];
    /// for (client, connection) in clients.iter().zip(listener.incoming()) {
    ///     assert_eq!(connection?.peer_addr()?, client.local_addr()?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<TcpStream>> {
        iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// Ends the listening for all who share it: connections that arrive are refused, and calls to accept fail with
    /// [`WaitError::Closed`](crate::WaitError::Closed).
    ///
    /// ```
    #[doc = ours!(TcpListener WaitError)]
    /// ours.close();
    /// let ended = ours.accept();
    /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.0.close(|inner| {
            // It fails only if it is done already.
            let _ = net::shutdown(inner, net::Shutdown::Both);
        });
    }
}

passed_on! { TcpListener:
    /// Where it listens.
    local_addr() -> SocketAddr: "assert!(ours.local_addr()?.ip().is_loopback());";
    /// How many networks what its connections send may cross.
    ttl() -> u32: "assert!(ours.ttl()? > 0);";
    /// Says how many networks what its connections send may cross.
    set_ttl(most: u32) -> (): "ours.set_ttl(1)?;" "assert_eq!(ours.ttl()?, 1);";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}
