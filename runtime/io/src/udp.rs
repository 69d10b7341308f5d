//! UDP: messages, each with its bounds, that may be lost.

use crate::{
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

shared! { UdpSocket of std::net::UdpSocket }

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
            pub fn recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $from)> {
                self.recv_from_with(buffer, self.0.deadline(vitte_scheduler::Direction::Read), None)
            }

            /// [`recv_from`](Self::recv_from), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            pub fn recv_from_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<(usize, $from)> {
                let direction = vitte_scheduler::Direction::Read;
                self.0.run(direction, deadline, stop, |inner| inner.recv_from(buffer))
            }

            vitte_wait::timed_forms! { recv_from_with(buffer: &mut [u8]) -> std::io::Result<(usize, $from)>: recv_from_until recv_from_for recv_from_or_stop }

            /// Receives a message from the one whom the socket is connected to.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            pub fn recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.recv_with(buffer, self.0.deadline(vitte_scheduler::Direction::Read), None)
            }

            /// [`recv`](Self::recv), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`recv_from`](Self::recv_from).
            pub fn recv_with(
                &self,
                buffer: &mut [u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                let direction = vitte_scheduler::Direction::Read;
                self.0.run(direction, deadline, stop, |inner| inner.recv(buffer))
            }

            vitte_wait::timed_forms! { recv_with(buffer: &mut [u8]) -> std::io::Result<usize>: recv_until recv_for recv_or_stop }

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
            pub fn send(&self, message: &[u8]) -> std::io::Result<usize> {
                self.send_with(message, self.0.deadline(vitte_scheduler::Direction::Write), None)
            }

            /// [`send`](Self::send), until `deadline` at the latest, or until `stop` is triggered.
            ///
            /// # Errors
            /// As [`send`](Self::send).
            pub fn send_with(
                &self,
                message: &[u8],
                deadline: vitte_wait::Deadline,
                stop: Option<&vitte_wait::StopToken>,
            ) -> std::io::Result<usize> {
                let direction = vitte_scheduler::Direction::Write;
                self.0.run(direction, deadline, stop, |inner| inner.send(message))
            }

            vitte_wait::timed_forms! { send_with(message: &[u8]) -> std::io::Result<usize>: send_until send_for send_or_stop }

            /// Ends the calls of all who share it, under way and later, with
            /// [`WaitError::Closed`](crate::WaitError::Closed).
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
    pub fn bind(at: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(at, Deadline::NEVER, None)
    }

    /// [`bind`](Self::bind), if the name is found before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`bind`](Self::bind); a [`WaitError`](crate::WaitError) inside if the wait ended before.
    pub fn bind_with(
        at: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        std::net::UdpSocket::bind(&*lookup_host_with(at, deadline, stop)?)?.try_into()
    }

    timed_forms! { static bind_with(at: impl ToSocketAddrs) -> io::Result<Self>: bind_until bind_timeout bind_or_stop }

    /// From now on sends to there and receives from there only. A name is [looked up](crate::lookup_host) first.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, to: impl ToSocketAddrs) -> io::Result<()> {
        self.connect_with(to, Deadline::NEVER, None)
    }

    /// [`connect`](Self::connect), if the name is found before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); a [`WaitError`](crate::WaitError) inside if the wait ended before.
    pub fn connect_with(
        &self,
        to: impl ToSocketAddrs,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        let to = lookup_host_with(to, deadline, stop)?;
        self.0.inner().connect(&*to)
    }

    timed_forms! { connect_with(to: impl ToSocketAddrs) -> io::Result<()>: connect_until connect_timeout connect_or_stop }

    /// As [`recv_from`](Self::recv_from), but leaves the message.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.peek_from_with(buffer, self.0.deadline(Direction::Read), None)
    }

    /// [`peek_from`](Self::peek_from), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
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

    timed_forms! { peek_from_with(buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>: peek_from_until peek_from_for peek_from_or_stop }

    /// Sends a message to an address.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Blocking
    /// While there is no room.
    pub fn send_to(&self, message: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_to_with(message, to, self.0.deadline(Direction::Write), None)
    }

    /// [`send_to`](Self::send_to), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`send`](Self::send).
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

    timed_forms! { send_to_with(message: &[u8], to: SocketAddr) -> io::Result<usize>: send_to_until send_to_for send_to_or_stop }
}

passed_on! { UdpSocket:
    /// Where it receives.
    local_addr() -> SocketAddr;
    /// Whom it is connected to.
    peer_addr() -> SocketAddr;
    /// How many networks a message may cross.
    ttl() -> u32;
    /// Says how many networks a message may cross.
    set_ttl(most: u32) -> ();
    /// Whether messages may go to all of a network.
    broadcast() -> bool;
    /// Says whether messages may go to all of a network.
    set_broadcast(on: bool) -> ();
    /// Receives what is sent to a group too, on the interface with this address (or one that the system chooses).
    join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Receives what is sent to a group no more.
    leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Receives what is sent to a group too, on the interface with this number (or, for 0, one that the system chooses).
    join_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
    /// Receives what is sent to a group no more.
    leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> ();
    /// Whether what is sent to a group comes back to this machine.
    multicast_loop_v4() -> bool;
    /// Says whether what is sent to a group is to come back to this machine.
    set_multicast_loop_v4(on: bool) -> ();
    /// Whether what is sent to a group comes back to this machine.
    multicast_loop_v6() -> bool;
    /// Says whether what is sent to a group is to come back to this machine.
    set_multicast_loop_v6(on: bool) -> ();
    /// How many networks what is sent to a group may cross.
    multicast_ttl_v4() -> u32;
    /// Says how many networks what is sent to a group may cross.
    set_multicast_ttl_v4(most: u32) -> ();
    /// The error that the system has noted, which it forgets by this.
    take_error() -> Option<io::Error>;
}
