//! TCP: connections that tasks wait for without holding up their workers.
//!
//! A socket is one of the standard library's that does not block; whoever would block waits through the
//! runtime. Handles share it, and the last one closes it; `close` ends it for all of them at once.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mlua::Value;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};

use crate::api::{Call, Fail, Native, Reply};
use crate::module::Kind;
use crate::object::Object;
use crate::rt::{self, Chan, Fault, For, Watched};

/// The most bytes that one read returns, unless more are asked for.
const PIECE: usize = 64 << 10;
/// The most bytes that a read may ask for.
const MOST: usize = 16 << 20;

/// What a handle is a handle of.
#[derive(Debug)]
pub(crate) struct Socket {
    end: End,
    closed: AtomicBool,
}

#[derive(Debug)]
enum End {
    Listener(Watched<TcpListener>),
    Stream(Watched<TcpStream>),
}

/// How a try, or a wait, ended.
enum Ended {
    TimedOut,
    Closed,
    Failed(std::io::Error),
}

impl Socket {
    fn new(end: End) -> Socket {
        Socket {
            end,
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_listener(&self) -> bool {
        matches!(self.end, End::Listener(_))
    }

    /// True; false if it was closed.
    fn close(&self) -> bool {
        // Ordering: SeqCst, store-load pair: this, who is registered to wait. Partner: the load in `run`.
        if self.closed.swap(true, Ordering::SeqCst) {
            return false;
        }
        match &self.end {
            // Whoever waits, or begins to, finds it ready: the system wakes him.
            End::Listener(listener) => {
                // SAFETY: the descriptor is alive.
                unsafe { libc::shutdown(raw(listener.inner()), libc::SHUT_RDWR) };
                listener.forget();
            }
            End::Stream(stream) => {
                let _ = stream.inner().shutdown(Shutdown::Both);
                stream.forget();
            }
        }
        true
    }
}

fn raw(end: &impl std::os::fd::AsRawFd) -> i32 {
    end.as_raw_fd()
}

/// Does `operation` as soon as it does not block.
fn run<T: std::os::fd::AsRawFd, R>(
    socket: &Socket,
    end: &Watched<T>,
    what: For,
    deadline: i64,
    mut operation: impl FnMut(&T) -> std::io::Result<R>,
) -> Result<Result<R, Ended>, Fail> {
    loop {
        // Ordering: SeqCst. Partner: the swap in `close`.
        if socket.closed.load(Ordering::SeqCst) {
            return Ok(Err(Ended::Closed));
        }
        match operation(end.inner()) {
            Ok(done) => return Ok(Ok(done)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(Ended::Failed(error))),
        }
        match end.wait(what, deadline) {
            Ok(()) => {}
            Err(Fault::TimedOut | Fault::Again) => return Ok(Err(Ended::TimedOut)),
            Err(Fault::Closed) => return Ok(Err(Ended::Closed)),
            Err(fault) => return Err(fault.into()),
        }
    }
}

fn said(call: &Call<'_>, ended: &Ended) -> Reply {
    match ended {
        Ended::TimedOut => call.nothing("timeout"),
        Ended::Closed => call.nothing("closed"),
        Ended::Failed(error) => call.nothing(&error.to_string()),
    }
}

fn address(call: &Call<'_>) -> Result<(String, u16), Fail> {
    let Value::String(host) = call.arg(0) else {
        return Err("the name or the address of a host expected".into());
    };
    let port = match call.arg(1) {
        Value::Integer(port) => u16::try_from(port).ok(),
        Value::Number(port) if (0.0..65536.0).contains(&port) && port.fract() == 0.0 => {
            Some(port as u16)
        }
        _ => None,
    };
    let port = port.ok_or("a port expected, a whole number from 0 to 65535")?;
    Ok((host.to_str()?.to_owned(), port))
}

/// What `make` makes of a name on a thread of its own, for looking it up may take long and cannot be told to stop. If the task gives up, it goes with the
/// channel.
fn aside<T: Send + 'static>(
    deadline: i64,
    make: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<Result<T, Ended>, Fail> {
    let done = Chan::<std::io::Result<T>>::bounded(1)?;
    let answer = done.clone();
    let started = thread::Builder::new()
        .name("vitte-lookup".to_owned())
        .spawn(move || answer.send(Box::new(make()), rt::TRY));
    if let Err(error) = started {
        return Ok(Err(Ended::Failed(error)));
    }
    match done.recv(deadline) {
        Ok(made) => Ok(made.map_err(Ended::Failed)),
        Err(Fault::TimedOut | Fault::Again) => Ok(Err(Ended::TimedOut)),
        Err(fault) => Err(fault.into()),
    }
}

/// `vitte.tcp.listen(host, port)`. A thread looks a name up, while the task waits for it.
pub(crate) fn listen(call: &Call<'_>) -> Reply {
    let (host, port) = address(call)?;
    let is_name = host.parse::<IpAddr>().is_err();
    let bind = move || {
        let listener = TcpListener::bind((host, port))?;
        listener.set_nonblocking(true).map(|()| listener)
    };
    let made = if is_name {
        aside(rt::FOREVER, bind)?
    } else {
        bind().map_err(Ended::Failed)
    };
    match made {
        Ok(listener) => {
            let socket = Socket::new(End::Listener(Watched::new(listener)));
            call.wrap(Object::Socket(socket.into()), Kind::Listener)
        }
        Err(ended) => said(call, &ended),
    }
}

/// `vitte.tcp.connect(host, port, timeout_ms)`. A thread looks a name up; connecting holds up nobody.
pub(crate) fn connect(call: &Call<'_>) -> Reply {
    let ((host, port), deadline) = (address(call)?, call.deadline(2)?);
    let found = match host.parse::<IpAddr>() {
        Ok(address) => Ok(vec![(address, port).into()]),
        Err(_) => aside(deadline, move || {
            (host, port).to_socket_addrs().map(Iterator::collect)
        })?,
    };
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses,
        Err(ended) => return said(call, &ended),
    };
    let mut last = Ended::Failed(ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        last = match connected(address, deadline)? {
            Ok(socket) => return call.wrap(Object::Socket(socket.into()), Kind::Stream),
            Err(Ended::TimedOut) => return said(call, &Ended::TimedOut),
            Err(ended) => ended,
        };
    }
    said(call, &last)
}

fn connected(to: SocketAddr, deadline: i64) -> Result<Result<Socket, Ended>, Fail> {
    let stream = match begin(to) {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(Ended::Failed(error))),
    };
    let socket = made(stream);
    let End::Stream(stream) = &socket.end else {
        unreachable!("it was made of a stream");
    };
    let connected = run(&socket, stream, For::Writing, deadline, |stream| {
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        // No error yet means nothing: connected is who has a peer.
        match stream.peer_addr() {
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                Err(ErrorKind::WouldBlock.into())
            }
            other => other.map(drop),
        }
    })?;
    Ok(connected.map(|()| socket))
}

/// A stream that does not block, and that is connected, or will be.
fn begin(to: SocketAddr) -> std::io::Result<TcpStream> {
    let family = match to {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let tcp = Some(ipproto::TCP);
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, tcp)?;
    match rustix::net::connect(&socket, &to) {
        // If a signal came it is connected in the background, as in the other case.
        Ok(()) | Err(rustix::io::Errno::INPROGRESS | rustix::io::Errno::INTR) => Ok(socket.into()),
        Err(error) => Err(error.into()),
    }
}

fn made(stream: TcpStream) -> Socket {
    // Small messages are not to wait for one another.
    let _ = stream.set_nodelay(true);
    Socket::new(End::Stream(Watched::new(stream)))
}

fn stream_of(call: &Call<'_>, stream: TcpStream) -> Reply {
    call.wrap(Object::Socket(made(stream).into()), Kind::Stream)
}

fn socket(call: &Call<'_>, what: &str) -> Result<std::sync::Arc<Socket>, Fail> {
    match call.object(0) {
        Some(Object::Socket(socket)) => Ok(socket),
        _ => Err(call.expected(what)),
    }
}

fn close(call: &Call<'_>) -> Reply {
    let closed = socket(call, "a socket")?.close();
    Ok(vec![Value::Boolean(closed)])
}

fn port(call: &Call<'_>) -> Reply {
    let socket = socket(call, "a socket")?;
    let address = match &socket.end {
        End::Listener(listener) => listener.inner().local_addr(),
        End::Stream(stream) => stream.inner().local_addr(),
    };
    match address {
        Ok(address) => Ok(vec![Value::Integer(address.port().into())]),
        Err(error) => call.nothing(&error.to_string()),
    }
}

pub(crate) const LISTENER_METHODS: &[(&str, Native)] = &[
    ("accept", |call| {
        let socket = socket(call, "a listener")?;
        let End::Listener(listener) = &socket.end else {
            return Err(call.expected("a listener"));
        };
        let deadline = call.deadline(1)?;
        let accepted = run(&socket, listener, For::Reading, deadline, |listener| {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true).map(|()| stream)
        })?;
        match accepted {
            Ok(stream) => stream_of(call, stream),
            // What shutting a listener down makes of an accept.
            Err(_) if socket.closed.load(Ordering::SeqCst) => call.nothing("closed"),
            Err(ended) => said(call, &ended),
        }
    }),
    ("port", port),
    ("close", close),
];

pub(crate) const STREAM_METHODS: &[(&str, Native)] = &[
    ("read", |call| {
        let socket = socket(call, "a stream")?;
        let End::Stream(stream) = &socket.end else {
            return Err(call.expected("a stream"));
        };
        let most = match call.arg(1) {
            Value::Nil => PIECE,
            Value::Integer(most) if (1..=MOST as i64).contains(&most) => most as usize,
            _ => return Err(format!("how many bytes at most, from 1 to {MOST}, expected").into()),
        };
        let mut buffer = vec![0; most];
        let deadline = call.deadline(2)?;
        let read = run(&socket, stream, For::Reading, deadline, |mut stream| {
            stream.read(&mut buffer)
        })?;
        match read {
            Ok(0) => call.nothing("closed"),
            Ok(count) => Ok(vec![call.string(&buffer[..count])?]),
            Err(ended) => said(call, &ended),
        }
    }),
    ("write", |call| {
        let socket = socket(call, "a stream")?;
        let End::Stream(stream) = &socket.end else {
            return Err(call.expected("a stream"));
        };
        let Value::String(text) = call.arg(1) else {
            return Err("a string expected".into());
        };
        let (bytes, deadline) = (text.as_bytes().to_vec(), call.deadline(2)?);
        let mut done = 0;
        while done < bytes.len() {
            let wrote = run(&socket, stream, For::Writing, deadline, |mut stream| {
                stream.write(&bytes[done..])
            })?;
            let ended = match wrote {
                Ok(count) => {
                    done += count;
                    continue;
                }
                Err(Ended::Failed(error)) if error.kind() == ErrorKind::BrokenPipe => Ended::Closed,
                Err(ended) => ended,
            };
            let mut reply = said(call, &ended)?;
            reply.push(Value::Integer(done as i64));
            return Ok(reply);
        }
        Ok(vec![Value::Boolean(true)])
    }),
    ("finish", |call| {
        let socket = socket(call, "a stream")?;
        let End::Stream(stream) = &socket.end else {
            return Err(call.expected("a stream"));
        };
        match stream.inner().shutdown(Shutdown::Write) {
            Ok(()) => Ok(vec![Value::Boolean(true)]),
            Err(error) => call.nothing(&error.to_string()),
        }
    }),
    ("port", port),
    ("close", close),
];
