//! Sockets within the machine: streams, listeners and messages, with paths for addresses.

use crate::{
    WaitError,
    examples::{ours, stopped},
    offloaded,
    stream::{passed_on, reads, shared, writes},
    udp::messages,
    watched::Watched,
};
use rustix::{
    io::Errno,
    net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt},
};
use std::{
    io, iter,
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{self as std_unix, SocketAddr},
    },
    path::Path,
    time::Duration,
};
use vitte_scheduler::{Direction, block_on_descriptor};
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

shared! {
    UnixStream of std_unix::UnixStream,
    readable: "theirs.write(b\"x\")?;",
    writable: "// There is room."
}
// A read stops where descriptors or other credentials were sent with the bytes.
reads! { UnixStream, is_plain: false }
writes! { UnixStream }

impl UnixStream {
    /// Two ends of a connection without an address.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixStream;
    ///
    /// let (ours, theirs) = UnixStream::pair()?;
    /// ours.write(b"x")?;
    /// theirs.read(&mut [0])?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std_unix::UnixStream::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// Connects to a listener.
    ///
    /// # Errors
    /// What the system says; a [`WaitError`] inside if the wait ended before.
    ///
    /// # Blocking
    /// While as many wait to be accepted as the listener lets wait: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// The connection is given up. (The system tells nobody when there is room, so a thread of the pool waits for that; if it is told to
    /// stop it is left to itself.)
    ///
    /// ```
    /// use vitte_io::{UnixListener, UnixStream};
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let stream = UnixStream::connect(&path)?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(&*path));
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(to: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_with(to, Deadline::NEVER, None)
    }

    /// [`connect`](Self::connect), until `deadline` at the latest, or until `stop` is triggered. A plain thread that belongs
    /// to no runtime is told to stop only before it begins.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// ```
    /// use vitte_io::{UnixListener, UnixStream};
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let source = StopSource::new();
    /// UnixStream::connect_with(&path, Deadline::NEVER, Some(&source.token()))?;
    /// listener.accept()?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_with(
        to: impl AsRef<Path>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        Self::connect_to(SocketAddrUnix::new(to.as_ref())?, deadline, stop)
    }

    timed_forms! {
        static connect_with(to: impl AsRef<Path>) -> io::Result<Self>: connect_until connect_timeout connect_or_stop
        in vitte_wait
        /// use vitte_io::{UnixListener, UnixStream};
        ///
        /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
        /// let listener = UnixListener::bind(&path)?;
        "UnixStream::" ("&path") => got io "assert!(got.is_ok());" "# std::fs::remove_file(path)?;"
    }

    /// [`connect_with`](Self::connect_with) an address, which may be a name without a file (on Linux).
    ///
    /// # Errors
    /// As [`connect`](Self::connect); `InvalidInput` for the address of a socket that has none.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    #[doc = ours!(UnixListener UnixStream)]
    /// UnixStream::connect_addr_with(&address, Deadline::NEVER, None)?;
    /// ours.accept()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr_with(
        to: &SocketAddr,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        Self::connect_to(known(to)?, deadline, stop)
    }

    timed_forms! {
        static connect_addr_with(to: &SocketAddr) -> io::Result<Self>: connect_addr_until connect_addr_timeout connect_addr_or_stop
        in vitte_wait
        #[doc = ours!(UnixListener UnixStream)]
        "UnixStream::" ("&address") => got io "assert!(got.is_ok());"
    }

    fn connect_to(
        address: SocketAddrUnix,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let socket = match net::connect(&socket, &address) {
            Ok(()) => socket,
            Err(Errno::AGAIN) => offloaded::run_owned(deadline, stop, move || {
                connect_blocking(&socket, &address, deadline)?;
                Ok(socket)
            })?,
            Err(error) => return Err(error.into()),
        };
        Ok(Self(Watched::new(socket.into())))
    }

    /// Ends the connection for all who share it: their calls, under way and later, fail with
    /// [`WaitError::Closed`].
    ///
    /// ```
    #[doc = ours!(UnixStream WaitError)]
    /// ours.close();
    /// let ended = ours.read(&mut [0]);
    /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
    /// assert_eq!(theirs.read(&mut [0])?, 0, "the other side reads the end");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.0.close(|inner| drop(inner.shutdown(Shutdown::Both)));
    }
}

passed_on! { UnixStream:
    /// The address of this side.
    local_addr() -> SocketAddr: "assert!(ours.local_addr()?.is_unnamed(), \"one of a pair\");";
    /// The address of the other side.
    peer_addr() -> SocketAddr: "assert!(ours.peer_addr()?.is_unnamed(), \"one of a pair\");";
    /// Ends one direction, or both. The other side reads the end; a read here that waits returns it.
    shutdown(how: Shutdown) -> ():
        "ours.shutdown(std::net::Shutdown::Write)?;"
        "assert_eq!(theirs.read(&mut [0])?, 0);"
        "theirs.write(b\"the other direction goes on\")?;"
        "assert!(ours.read(&mut [0; 64])? > 0);";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}

/// Connects with the thread.
fn connect_blocking(
    socket: &OwnedFd,
    address: &SocketAddrUnix,
    deadline: Deadline,
) -> io::Result<()> {
    rustix::io::ioctl_fionbio(socket, false)?;
    loop {
        let patience = match deadline.remaining() {
            Some(Duration::ZERO) => return Err(WaitError::TimedOut.into()),
            patience => patience,
        };
        sockopt::set_socket_timeout(socket, sockopt::Timeout::Send, patience)?;
        match net::connect(socket, address) {
            // It was the patience, or a signal came.
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => {
                done?;
                break;
            }
        }
    }
    sockopt::set_socket_timeout(socket, sockopt::Timeout::Send, None)?;
    Ok(rustix::io::ioctl_fionbio(socket, true)?)
}

/// An address in the form of the system's calls.
fn known(address: &SocketAddr) -> io::Result<SocketAddrUnix> {
    if let Some(path) = address.as_pathname() {
        return Ok(SocketAddrUnix::new(path)?);
    }
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return Ok(SocketAddrUnix::new_abstract_name(name)?);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "the socket that this is the address of has none: bind it to a path or a name",
    ))
}

/// Where connections within the machine arrive.
///
/// ```
/// use std::io::{Read, Write};
/// use vitte_io::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let mut client = UnixStream::connect(&path)?;
/// client.write_all(b"x")?;
/// let mut byte = [0];
/// listener.accept()?.read_exact(&mut byte)?;
/// assert_eq!(byte, *b"x");
/// std::fs::remove_file(path)?; // The file stays when the listener is dropped.
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener(Watched<std_unix::UnixListener>);

shared! {
    UnixListener of std_unix::UnixListener,
    readable: "let theirs = std::os::unix::net::UnixStream::connect_addr(&address)?;",
    writable: "ours.close(); // It never is, but that is told."
}

impl UnixListener {
    /// Listens at a path, which must not be there; it stays there when the listener has gone.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixListener;
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert!(UnixListener::bind(&path).is_err(), "it is there already");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(at: impl AsRef<Path>) -> io::Result<Self> {
        std_unix::UnixListener::bind(at)?.try_into()
    }

    /// [`bind`](Self::bind), at an address, which may be a name without a file (on Linux).
    ///
    /// ```
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    /// use vitte_io::{UnixListener, UnixStream};
    /// use vitte_wait::Deadline;
    ///
    /// let name = format!("vitte-io-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// UnixStream::connect_addr_with(&address, Deadline::NEVER, None)?;
    /// listener.accept()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the system says.
    pub fn bind_addr(at: &SocketAddr) -> io::Result<Self> {
        std_unix::UnixListener::bind_addr(at)?.try_into()
    }

    /// The next connection.
    ///
    /// # Errors
    /// What the system says, or a [`WaitError`] inside.
    ///
    /// # Blocking
    /// Until one arrives: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// No connection is lost.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    #[doc = ours!(UnixListener UnixStream)]
    /// let client = UnixStream::connect_addr_with(&address, Deadline::NEVER, None)?;
    /// let connection = ours.accept()?;
    /// client.write(b"x")?;
    /// assert_eq!(connection.read(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.accept_with(Deadline::NEVER, None)
    }

    /// [`accept`](Self::accept), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    #[doc = stopped!(ours!(UnixListener WaitError), "ours.accept_with(")]
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

    timed_forms! {
        accept_with() -> io::Result<UnixStream>: accept_until accept_timeout accept_or_stop
        in vitte_wait
        #[doc = ours!(UnixListener WaitError)]
        "ours." () => io
    }

    /// One connection after the other, without end: an error ends nothing, but closing makes every one an error.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    #[doc = ours!(UnixListener UnixStream)]
    /// UnixStream::connect_addr_with(&address, Deadline::NEVER, None)?.write(b"x")?;
    /// for connection in ours.incoming().take(1) {
    ///     assert_eq!(connection?.read(&mut [0])?, 1);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<UnixStream>> {
        iter::repeat_with(|| self.accept())
    }

    /// Ends the listening for all who share it.
    ///
    /// ```
    #[doc = ours!(UnixListener WaitError)]
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

passed_on! { UnixListener:
    /// Where it listens.
    local_addr() -> SocketAddr: "assert!(ours.local_addr()?.as_pathname().is_none(), \"it is a name without a file\");";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}

/// A socket that sends and receives messages within the machine.
///
/// ```
/// use vitte_io::UnixDatagram;
///
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"a message")?;
/// one.send(b"and another")?;
/// let mut buffer = [0; 32];
/// let length = other.recv(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"a message", "each comes by itself");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram(Watched<std_unix::UnixDatagram>);

shared! {
    UnixDatagram of std_unix::UnixDatagram,
    readable: "theirs.send(b\"x\")?;",
    writable: "// There is room."
}
messages! { UnixDatagram, from: SocketAddr }

impl UnixDatagram {
    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    ///
    /// let (ours, theirs) = UnixDatagram::pair()?;
    /// ours.send(b"x")?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std_unix::UnixDatagram::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    /// A socket at a path, which must not be there.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"x", &path)?;
    /// assert_eq!(socket.recv(&mut [0])?, 1);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(at: impl AsRef<Path>) -> io::Result<Self> {
        std_unix::UnixDatagram::bind(at)?.try_into()
    }

    /// A socket at an address, which may be a name without a file (on Linux).
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    /// use vitte_io::UnixDatagram;
    ///
    /// let name = format!("vitte-io-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// let (ours, theirs) = (UnixDatagram::bind_addr(&address)?, UnixDatagram::unbound()?);
    /// theirs.connect_addr(&address)?;
    /// theirs.send(b"x")?;
    /// assert_eq!(ours.recv(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_addr(at: &SocketAddr) -> io::Result<Self> {
        std_unix::UnixDatagram::bind_addr(at)?.try_into()
    }

    /// A socket that nobody can send to.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    ///
    /// assert!(UnixDatagram::unbound()?.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unbound() -> io::Result<Self> {
        std_unix::UnixDatagram::unbound()?.try_into()
    }

    /// From now on sends to there, and receives from there only.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let (ours, theirs) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// ours.connect(&path)?;
    /// ours.send(b"x")?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, to: impl AsRef<Path>) -> io::Result<()> {
        self.0.inner().connect(to)
    }

    /// Sends a message to the socket at a path.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Blocking
    /// While there is no room there: a fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let (ours, theirs) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// ours.send_to(b"x", &path)?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to(&self, message: &[u8], to: impl AsRef<Path>) -> io::Result<usize> {
        let deadline = self.0.deadline(Direction::Write);
        self.send_to_with(message, to.as_ref(), deadline, None)
    }

    /// [`send_to`](Self::send_to), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```
    /// use vitte_io::UnixDatagram;
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
    /// let (ours, theirs) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// let source = StopSource::new();
    /// ours.send_to_with(b"x", &path, Deadline::NEVER, Some(&source.token()))?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to_with(
        &self,
        message: &[u8],
        to: &Path,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        loop {
            // `None`: there is room here, but not there.
            let sent = self.0.run(Direction::Write, deadline, stop, |inner| {
                match inner.send_to(message, to) {
                    Err(error) if is_full(&error) && writable(inner).is_ok() => Ok(None),
                    sent => sent.map(Some),
                }
            })?;
            if let Some(count) = sent {
                return Ok(count);
            }
            // Only who is connected is told when there is room there.
            let there = Self::unbound()?;
            there.connect(to)?;
            there.0.run(Direction::Write, deadline, stop, writable)?;
        }
    }

    timed_forms! {
        send_to_with(message: &[u8], to: &Path) -> io::Result<usize>: send_to_until send_to_for send_to_or_stop
        in vitte_wait
        /// use vitte_io::UnixDatagram;
        ///
        /// # let path = std::env::temp_dir().join(format!("vitte-io-{}.socket", std::process::id()));
        /// let (ours, theirs) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
        "ours." ("b\"x\", &path") => got io "assert_eq!(got?, 1);" "# std::fs::remove_file(path)?;"
    }
}

passed_on! { UnixDatagram:
    /// Where it receives.
    local_addr() -> SocketAddr: "assert!(ours.local_addr()?.is_unnamed(), \"one of a pair\");";
    /// Whom it is connected to.
    peer_addr() -> SocketAddr: "assert!(ours.peer_addr()?.is_unnamed(), \"one of a pair\");";
    /// From now on sends to this address, which may be a name without a file, and receives from there only.
    connect_addr(to: &SocketAddr) -> ():
        "use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};"
        "let nobody = SocketAddr::from_abstract_name(\"vitte-io, and nobody is there\")?;"
        "assert!(ours.connect_addr(&nobody).is_err());";
    /// Ends one direction, or both.
    shutdown(how: Shutdown) -> ():
        "ours.shutdown(std::net::Shutdown::Write)?;"
        "assert!(ours.send(b\"x\").is_err());";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Fails as a try that would block, if the system says that one would.
fn writable(socket: &std_unix::UnixDatagram) -> io::Result<()> {
    match block_on_descriptor(socket.as_fd(), &[Direction::Write], Deadline::NOW, None) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}
