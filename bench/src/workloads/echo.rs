//! `echo_N`: a server answers every message of N connections with the same; `echo_p99_N`: how long the slowest of a
//! hundred answers takes.
//!
//! Messages have 64 bytes, and each connection has one under way at a time. The client is one thread with one epoll
//! instance, the same for everybody, on the same cores as the server.

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::epoll;

use super::{Cell, Subject, Workload};
use crate::subjects;
use crate::subjects::go;
use crate::subjects::tokio::Tokio;

const MESSAGE: usize = 64;
/// What a server reads into, as one that does not know how long messages are.
const BUFFER: usize = 1024;
const MOST: u64 = 1 << 22;
/// Messages in a run that measures latencies.
const TIMED: u64 = 200_000;

pub(crate) fn workloads() -> Vec<Workload> {
    let one = |connections: usize, p99: bool| Workload {
        name: format!("echo{}_{connections}", if p99 { "_p99" } else { "" }),
        unit: if p99 { "us" } else { "ns" },
        workers: &[1, 2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", move |cell| vitte(cell, connections, p99)),
            Subject::new("tokio", move |cell| tokio(cell, connections, p99)),
            Subject::new(go::NAME, move |cell| go(cell, connections, p99)),
            Subject::new("epoll", move |cell| raw(cell, connections, p99)),
        ],
    };
    vec![
        one(100, false),
        one(1000, false),
        one(100, true),
        one(1000, true),
    ]
}

/// A connection as the client has it.
struct Connection {
    stream: TcpStream,
    sent: Instant,
    got: usize,
}

struct Client {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
}

impl Client {
    fn connect(to: SocketAddr, connections: usize) -> Self {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("there are descriptors");
        let connections = (0..connections).map(|index| {
            // A server may have room for no more than twice as many that it has not accepted yet.
            if index % 64 == 63 {
                std::thread::sleep(Duration::from_millis(5));
            }
            let stream = TcpStream::connect(to).expect("the server listens");
            stream.set_nodelay(true).expect("it is a TCP socket");
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("there is room");
            Connection {
                stream,
                sent: Instant::now(),
                got: 0,
            }
        });
        let connections = connections.collect();
        Self { epoll, connections }
    }

    /// Has `count` messages answered; gives each one's time to `note`.
    fn pass(&mut self, count: u64, mut note: impl FnMut(Duration)) -> Duration {
        let (mut left, mut under_way) = (count, 0);
        let mut buffer = [0; MESSAGE];
        let start = Instant::now();
        for connection in &mut self.connections {
            if left > 0 {
                connection.send(start);
                left -= 1;
                under_way += 1;
            }
        }
        let mut events = [MaybeUninit::uninit(); 256];
        while under_way > 0 {
            let (ready, _) = epoll::wait(&self.epoll, &mut events, None).expect("epoll works");
            for event in ready {
                let connection = &mut self.connections[event.data.u64() as usize];
                let room = MESSAGE - connection.got;
                let read = connection.stream.read(&mut buffer[..room]);
                connection.got += read.expect("the server goes on");
                if connection.got < MESSAGE {
                    continue;
                }
                let now = Instant::now();
                note(now - connection.sent);
                if left > 0 {
                    connection.send(now);
                    left -= 1;
                } else {
                    under_way -= 1;
                }
            }
        }
        start.elapsed()
    }
}

impl Connection {
    fn send(&mut self, now: Instant) {
        (self.sent, self.got) = (now, 0);
        let message = [7; MESSAGE];
        self.stream.write_all(&message).expect("the server reads");
    }
}

/// The figure, of a server that listens there.
fn measure(cell: &Cell, connections: usize, p99: bool, server: SocketAddr) -> f64 {
    let mut client = Client::connect(server, connections);
    // Everything was accepted, and has its place.
    client.pass(connections as u64 * 10, |_| ());
    if !p99 {
        return cell.paced(MOST, |count| client.pass(count, |_| ()));
    }
    let count = cell.size.choose(TIMED, TIMED / 64);
    let mut times = Vec::with_capacity(count as usize);
    client.pass(count, |time| times.push(time));
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1e6
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell, connections: usize, p99: bool) -> f64 {
    use vitte_threads::{Fiber, io};

    fn answer(mut stream: io::TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = [0; BUFFER];
        loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(&buffer[..count])?;
        }
    }

    let runtime = subjects::vitte::start(cell.workers);
    let listener = io::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it listens");
    runtime.spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            Fiber::spawn(move || drop(answer(stream)));
        }
    });
    measure(cell, connections, p99, address)
}

fn tokio(cell: &Cell, connections: usize, p99: bool) -> f64 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn answer(mut stream: tokio::net::TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = [0; BUFFER];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(&buffer[..count]).await?;
        }
    }

    let runtime = Tokio::start_with_io(cell.workers);
    let address = runtime.run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let address = listener.local_addr().expect("it listens");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        address
    });
    measure(cell, connections, p99, address)
}

/// The server is a process of its own.
fn go(cell: &Cell, connections: usize, p99: bool) -> f64 {
    let server = go::Server::start("echo", cell.workers).expect("the Go program was built");
    measure(cell, connections, p99, server.address)
}

/// One thread with one epoll instance, whatever the number of workers: what there is to reach.
fn raw(cell: &Cell, connections: usize, p99: bool) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("there are descriptors");
        let mut streams = Vec::new();
        while streams.len() < connections {
            let (stream, _) = listener.accept().expect("the client connects");
            stream.set_nodelay(true).expect("it is a TCP socket");
            let data = epoll::EventData::new_u64(streams.len() as u64);
            epoll::add(&epoll, &stream, data, epoll::EventFlags::IN).expect("there is room");
            streams.push(stream);
        }
        let mut buffer = [0; BUFFER];
        let mut events = [MaybeUninit::uninit(); 256];
        loop {
            let (ready, _) = epoll::wait(&epoll, &mut events, None).expect("epoll works");
            for event in ready {
                let stream = &mut streams[event.data.u64() as usize];
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => stream
                        .write_all(&buffer[..count])
                        .expect("the client reads"),
                }
            }
        }
    });
    measure(cell, connections, p99, address)
}
