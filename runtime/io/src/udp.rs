//! UDP: messages, each with its bounds, that may be lost.

use crate::{
    examples::{ours, stopped},
    names::{ToSocketAddrs, lookup_host_with},
    stream::{passed_on, shared},
    watched::Watched,
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// A socket that sends and receives messages.
///
/// ```
/// use vitte_io::UdpSocket;
///
/// let (one, other) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// one.send_to(b"a message", other.local_addr()?)?;
/// let mut buffer = [0; 64];
/// let (count, from) = other.recv_from(&mut buffer)?;
/// assert_eq!((&buffer[..count], from), (&b"a message"[..], one.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket(Watched<std::net::UdpSocket>);

shared! {
    UdpSocket of std::net::UdpSocket,
    readable: "theirs.send(b\"x\")?;",
    writable: "// There is room."
}

/// The verbs of messages, which are the same for sockets of the network and of the machine.
macro_rules! messages {
    ($name:ident, from: $from:ty) => {
        impl $name {
            /// Receives a message and says from whom; what does not fit is lost. Waits for as long as
            /// [`set_read_timeout`](Self::set_read_timeout) says.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`](crate::WaitError) inside.
            ///
            /// # Blocking
            /// Until there is one: a fiber suspends, a thread sleeps.
            ///
            /// # Cancellation
            /// No message is lost.
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// theirs.send(b"a message")?;
            /// let mut buffer = [0; 64];
            /// let (count, _from) = ours.recv_from(&mut buffer)?;
            /// assert_eq!(&buffer[..count], b"a message");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $from)> {
                self.recv_from_with(buffer, self.0.deadline(vitte_scheduler::Direction::Read), None)
            }

            /// [`recv_from`](Self::recv_from), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            ///
            #[doc = $crate::examples::stopped!($crate::examples::ours!($name WaitError), "ours.recv_from_with(&mut [0; 64], ")]
            pub fn recv_from_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<(usize, $from)> {
                let direction = vitte_scheduler::Direction::Read;
                self.0.run(direction, deadline, stop, |inner| inner.recv_from(buffer))
            }

            vitte_wait::timed_forms! {
                recv_from_with(buffer: &mut [u8]) -> std::io::Result<(usize, $from)>: recv_from_until recv_from_for recv_from_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name WaitError)]
                "ours." ("&mut [0; 64]") => io
            }

            /// Receives a message from the one whom the socket is connected to.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// theirs.send(b"a message")?;
            /// let mut buffer = [0; 64];
            /// let count = ours.recv(&mut buffer)?;
            /// assert_eq!(&buffer[..count], b"a message");
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.recv_with(buffer, self.0.deadline(vitte_scheduler::Direction::Read), None)
            }

            /// [`recv`](Self::recv), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            ///
            #[doc = $crate::examples::stopped!($crate::examples::ours!($name WaitError), "ours.recv_with(&mut [0; 64], ")]
            pub fn recv_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                let direction = vitte_scheduler::Direction::Read;
                self.0.run(direction, deadline, stop, |inner| inner.recv(buffer))
            }

            vitte_wait::timed_forms! {
                recv_with(buffer: &mut [u8]) -> std::io::Result<usize>: recv_until recv_for recv_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name WaitError)]
                "ours." ("&mut [0; 64]") => io
            }

            /// Sends a message to the one whom the socket is connected to.
            ///
            /// # Errors
            /// What the system says, or a [`WaitError`](crate::WaitError) inside.
            ///
            /// # Blocking
            /// While there is no room.
            ///
            /// # Cancellation
            /// Nothing was sent then.
            ///
            /// ```
            #[doc = $crate::examples::ours!($name)]
            /// assert_eq!(ours.send(b"a message")?, 9);
            /// theirs.recv(&mut [0; 64])?;
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn send(&self, message: &[u8]) -> std::io::Result<usize> {
                self.send_with(message, self.0.deadline(vitte_scheduler::Direction::Write), None)
            }

            /// [`send`](Self::send), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`send`](Self::send).
            ///
            /// ```
            /// use vitte_wait::{Deadline, StopSource};
            #[doc = $crate::examples::ours!($name)]
            /// let source = StopSource::new();
            /// ours.send_with(b"a message", Deadline::NEVER, Some(&source.token()))?;
            /// assert_eq!(theirs.recv(&mut [0; 64])?, 9);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn send_with(
                &self,
                message: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                let direction = vitte_scheduler::Direction::Write;
                self.0.run(direction, deadline, stop, |inner| inner.send(message))
            }

            vitte_wait::timed_forms! {
                send_with(message: &[u8]) -> std::io::Result<usize>: send_until send_for send_or_stop
                in vitte_wait
                #[doc = $crate::examples::ours!($name)]
                "ours." ("b\"a message\"") => got io "assert_eq!(got?, 9);"
            }

            /// Ends the calls of all who share it, under way and later, with
            /// [`WaitError::Closed`](crate::WaitError::Closed).
            ///
            /// ```
            #[doc = $crate::examples::ours!($name WaitError)]
            /// ours.close();
            /// let ended = ours.recv(&mut [0; 64]);
            /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn close(&self) {
                self.0.close(|_| ());
            }
        }

        $crate::stream::patience! { $name, Read: set_read_timeout read_timeout }
        $crate::stream::patience! { $name, Write: set_write_timeout write_timeout }
    };
}
pub(crate) use messages;

messages! { UdpSocket, from: SocketAddr }

impl UdpSocket {
    /// A socket at an address; port 0 is one that the system chooses. A name is [looked up](crate::lookup_host) first.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
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
    #[doc = stopped!("use vitte_io::{UdpSocket, WaitError};\n", "UdpSocket::bind_with(\"localhost:0\", ")]
    pub fn bind_with(
        at: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        std::net::UdpSocket::bind(&*lookup_host_with(at, deadline, stop)?)?.try_into()
    }

    timed_forms! {
        static bind_with(at: impl ToSocketAddrs) -> io::Result<Self>: bind_until bind_timeout bind_or_stop
        in vitte_wait
        /// use vitte_io::{UdpSocket, WaitError};
        ///
        "UdpSocket::" ("\"localhost:0\"") => io
    }

    /// From now on sends to there and receives from there only. A name is [looked up](crate::lookup_host) first.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use vitte_io::UdpSocket;
    ///
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.connect(theirs.local_addr()?)?;
    /// ours.send(b"x")?;
    /// assert_eq!(theirs.recv_from(&mut [0])?, (1, ours.local_addr()?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, to: impl ToSocketAddrs) -> io::Result<()> {
        self.connect_with(to, Deadline::NEVER, None)
    }

    /// [`connect`](Self::connect), if the name is found before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); a [`WaitError`](crate::WaitError) inside if the wait ended before.
    ///
    #[doc = stopped!(ours!(UdpSocket WaitError), "ours.connect_with(\"localhost:80\", ")]
    pub fn connect_with(
        &self,
        to: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        let to = lookup_host_with(to, deadline, stop)?;
        self.0.inner().connect(&*to)
    }

    timed_forms! {
        connect_with(to: impl ToSocketAddrs) -> io::Result<()>: connect_until connect_timeout connect_or_stop
        in vitte_wait
        #[doc = ours!(UdpSocket WaitError)]
        "ours." ("\"localhost:80\"") => io
    }

    /// As [`recv_from`](Self::recv_from), but leaves the message.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    /// ```
    #[doc = ours!(UdpSocket)]
    /// theirs.send(b"x")?;
    /// assert_eq!(ours.peek_from(&mut [0])?, (1, theirs.local_addr()?));
    /// assert_eq!(ours.recv(&mut [0])?, 1, "it is still there");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.peek_from_with(buffer, self.0.deadline(Direction::Read), None)
    }

    /// [`peek_from`](Self::peek_from), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    #[doc = stopped!(ours!(UdpSocket WaitError), "ours.peek_from_with(&mut [0], ")]
    pub fn peek_from_with(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<(usize, SocketAddr)> {
        self.0.run(Direction::Read, deadline, stop, |inner| {
            inner.peek_from(buffer)
        })
    }

    timed_forms! {
        peek_from_with(buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>: peek_from_until peek_from_for peek_from_or_stop
        in vitte_wait
        #[doc = ours!(UdpSocket WaitError)]
        "ours." ("&mut [0]") => io
    }

    /// Sends a message to an address.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Blocking
    /// While there is no room.
    ///
    /// ```
    /// use vitte_io::UdpSocket;
    ///
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.send_to(b"x", theirs.local_addr()?)?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to(&self, message: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to_with(message, to, self.0.deadline(Direction::Write), None)
    }

    /// [`send_to`](Self::send_to), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// ```
    /// use vitte_io::UdpSocket;
    /// use vitte_wait::Deadline;
    ///
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.send_to_with(b"x", theirs.local_addr()?, Deadline::NEVER, None)?;
    /// assert_eq!(theirs.recv(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to_with(
        &self,
        message: &[u8],
        to: SocketAddr,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.0.run(Direction::Write, deadline, stop, |inner| {
            inner.send_to(message, to)
        })
    }

    timed_forms! {
        send_to_with(message: &[u8], to: SocketAddr) -> io::Result<usize>: send_to_until send_to_for send_to_or_stop
        in vitte_wait
        /// use vitte_io::UdpSocket;
        ///
        /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        "ours." ("b\"x\", theirs.local_addr()?") => got io "assert_eq!(got?, 1);"
    }
}

passed_on! { UdpSocket:
    /// Where it receives.
    local_addr() -> SocketAddr: "assert_eq!(ours.local_addr()?, theirs.peer_addr()?);";
    /// Whom it is connected to.
    peer_addr() -> SocketAddr: "assert_eq!(ours.peer_addr()?, theirs.local_addr()?);";
    /// How many networks a message may cross.
    ttl() -> u32: "assert!(ours.ttl()? > 0);";
    /// Says how many networks a message may cross.
    set_ttl(most: u32) -> (): "ours.set_ttl(1)?;" "assert_eq!(ours.ttl()?, 1);";
    /// Whether messages may go to all of a network.
    broadcast() -> bool: "assert!(!ours.broadcast()?, \"until somebody says so\");";
    /// Says whether messages may go to all of a network.
    set_broadcast(on: bool) -> (): "ours.set_broadcast(true)?;" "assert!(ours.broadcast()?);";
    /// Receives what is sent to a group too, on the interface with this address (or one that the system chooses).
    join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ():
        "use std::net::Ipv4Addr;"
        "let group = Ipv4Addr::new(224, 0, 0, 251);"
        "ours.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;"
        "assert!(ours.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err(), \"it has joined\");";
    /// Receives what is sent to a group no more.
    leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ():
        "use std::net::Ipv4Addr;"
        "let group = Ipv4Addr::new(224, 0, 0, 251);"
        "ours.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;"
        "ours.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;"
        "assert!(ours.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err(), \"it has left\");";
    /// Whether what is sent to a group comes back to this machine.
    multicast_loop_v4() -> bool: "assert!(ours.multicast_loop_v4()?, \"until somebody says otherwise\");";
    /// Says whether what is sent to a group is to come back to this machine.
    set_multicast_loop_v4(on: bool) -> (): "ours.set_multicast_loop_v4(false)?;" "assert!(!ours.multicast_loop_v4()?);";
    /// How many networks what is sent to a group may cross.
    multicast_ttl_v4() -> u32: "assert_eq!(ours.multicast_ttl_v4()?, 1, \"no other, until somebody says so\");";
    /// Says how many networks what is sent to a group may cross.
    set_multicast_ttl_v4(most: u32) -> (): "ours.set_multicast_ttl_v4(3)?;" "assert_eq!(ours.multicast_ttl_v4()?, 3);";
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>: "assert!(ours.take_error()?.is_none());";
}

passed_on! { UdpSocket, Ipv6:
    /// Receives what is sent to a group too, on the interface with this number (or, for 0, one that the system chooses).
    join_multicast_v6(group: &Ipv6Addr, interface: u32) -> ():
        "let nobody = \"::1\".parse().unwrap();"
        "assert!(ours.join_multicast_v6(&nobody, 0).is_err(), \"that is no group\");";
    /// Receives what is sent to a group no more.
    leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> ():
        "let group = \"ff02::fb\".parse().unwrap();"
        "assert!(ours.leave_multicast_v6(&group, 0).is_err(), \"it has not joined\");";
    /// Whether what is sent to a group comes back to this machine.
    multicast_loop_v6() -> bool: "assert!(ours.multicast_loop_v6()?, \"until somebody says otherwise\");";
    /// Says whether what is sent to a group is to come back to this machine.
    set_multicast_loop_v6(on: bool) -> (): "ours.set_multicast_loop_v6(false)?;" "assert!(!ours.multicast_loop_v6()?);";
}
