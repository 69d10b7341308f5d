//! Addresses, and the names that stand for them.
//!
//! The system looks names up with its caller's thread, for as long as it takes, and has no way to be told to stop. So
//! this is done by a thread of the runtime's pool, which is left to itself if nobody waits any more. What is an
//! address already is looked up by nobody.

use crate::{examples::stopped, offloaded};
use std::{
    io,
    net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// What can be connected to, or bound: what [`std::net::ToSocketAddrs`] takes, but that names are looked up without
/// blocking a worker.
///
/// Addresses with a port, pairs of an address or a name and a port, text (`"localhost:80"`, `"[::1]:80"`), and lists of
/// addresses. Nobody else can implement it.
///
/// ```
/// use vitte_io::{ToSocketAddrs, lookup_host};
///
/// fn count(name: impl ToSocketAddrs) -> std::io::Result<usize> {
///     Ok(lookup_host(name)?.len())
/// }
/// assert_eq!((count("[::1]:80")?, count(("127.0.0.1", 80))?), (1, 1));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs: Named {}

impl<T: Named + ?Sized> ToSocketAddrs for T {}

/// What is meant.
#[derive(Debug)]
pub enum Meant<'a> {
    Addresses(Vec<SocketAddr>),
    Name(&'a str, u16),
}

/// Not for others to implement.
pub trait Named {
    fn meant(&self) -> io::Result<Meant<'_>>;
}

macro_rules! addresses {
    ($($kind:ty),+) => {
        $(
            impl Named for $kind {
                fn meant(&self) -> io::Result<Meant<'_>> {
                    Ok(Meant::Addresses(vec![(*self).into()]))
                }
            }
        )+
    };
}

addresses! { SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16) }

impl Named for [SocketAddr] {
    fn meant(&self) -> io::Result<Meant<'_>> {
        Ok(Meant::Addresses(self.to_vec()))
    }
}

fn host(name: &str, port: u16) -> Meant<'_> {
    match name.parse::<IpAddr>() {
        Ok(address) => Meant::Addresses(vec![(address, port).into()]),
        Err(_) => Meant::Name(name, port),
    }
}

impl Named for (&str, u16) {
    fn meant(&self) -> io::Result<Meant<'_>> {
        Ok(host(self.0, self.1))
    }
}

impl Named for (String, u16) {
    fn meant(&self) -> io::Result<Meant<'_>> {
        Ok(host(&self.0, self.1))
    }
}

impl Named for str {
    fn meant(&self) -> io::Result<Meant<'_>> {
        if let Ok(address) = self.parse() {
            return Ok(Meant::Addresses(vec![address]));
        }
        let parts = self.rsplit_once(':');
        let named = parts.and_then(|(name, port)| Some((name, port.parse().ok()?)));
        match named {
            Some((name, port)) => Ok(Meant::Name(name, port)),
            None => {
                let text = format!("`{self}` is no address: a name or number, a colon, and a port");
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
        }
    }
}

impl Named for String {
    fn meant(&self) -> io::Result<Meant<'_>> {
        self.as_str().meant()
    }
}

impl<T: Named + ?Sized> Named for &T {
    fn meant(&self) -> io::Result<Meant<'_>> {
        (**self).meant()
    }
}

/// The addresses that a name stands for, or those that were given.
///
/// ```
/// let addresses = vitte_io::lookup_host("[::1]:80")?;
/// assert_eq!(addresses, ["[::1]:80".parse().unwrap()]);
/// assert!(vitte_io::lookup_host("no port").is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the system says; `InvalidInput` for a text that is none of a name and a port.
///
/// # Blocking
/// Until it is found: a fiber suspends, a thread blocks.
///
/// # Cancellation
/// Ends the call.
pub fn lookup_host(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    lookup_host_with(name, Deadline::NEVER, None)
}

/// [`lookup_host`], until `deadline` at the latest, or until `stop` is triggered. A plain thread that belongs to no
/// runtime is told only before it begins.
///
/// # Errors
/// As [`lookup_host`]; a [`WaitError`](crate::WaitError) inside if the wait ended before.
///
#[doc = stopped!("use vitte_io::{WaitError, lookup_host_with};\n", "lookup_host_with(\"localhost:80\", ")]
pub fn lookup_host_with(
    name: impl ToSocketAddrs,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<Vec<SocketAddr>> {
    match name.meant()? {
        Meant::Addresses(addresses) => Ok(addresses),
        Meant::Name(name, port) => {
            let name = name.to_owned();
            offloaded::run_owned(deadline, stop, move || {
                let found = net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), port))?;
                Ok(found.collect())
            })
        }
    }
}

timed_forms! {
    fn lookup_host_with(name: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>>: lookup_host_until lookup_host_timeout lookup_host_or_stop
    in vitte_wait
    /// use vitte_io::WaitError;
    ///
    "vitte_io::" ("\"localhost:80\"") => io
}
