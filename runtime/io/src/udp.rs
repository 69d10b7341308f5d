//! UDP: messages, each with its bounds, that may be lost.

use crate::{
    names::{ToSocketAddrs, lookup_host},
    stream::shared,
    watched::Watched,
};
use std::{io, net::SocketAddr};
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

            /// How long receiving waits that was told no deadline; `None` is for ever.
            ///
            /// # Errors
            /// `InvalidInput` for a time of zero.
            pub fn set_read_timeout(&self, patience: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_patience(vitte_scheduler::Direction::Read, patience)
            }

            /// How long sending waits that was told no deadline; `None` is for ever.
            ///
            /// # Errors
            /// `InvalidInput` for a time of zero.
            pub fn set_write_timeout(&self, patience: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_patience(vitte_scheduler::Direction::Write, patience)
            }

            /// Ends the calls of all who share it, under way and later, with
            /// [`WaitError::Closed`](crate::WaitError::Closed).
            pub fn close(&self) {
                self.0.close(|_| ());
            }
        }
    };
}
pub(crate) use messages;

messages! { UdpSocket, from: SocketAddr }

impl UdpSocket {
    /// A socket at an address; port 0 is one that the system chooses.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(at: impl ToSocketAddrs) -> io::Result<Self> {
        std::net::UdpSocket::bind(&*lookup_host(at)?)?.try_into()
    }

    /// From now on sends to there and receives from there only.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(&self, to: impl ToSocketAddrs) -> io::Result<()> {
        self.0.inner().connect(&*lookup_host(to)?)
    }

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

    /// Where it receives.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().local_addr()
    }

    /// Whom it is connected to.
    ///
    /// # Errors
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner().peer_addr()
    }

    /// Says whether messages may go to all of a network.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.0.inner().set_broadcast(on)
    }
}
