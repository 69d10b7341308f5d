//! Sockets, pipes, files, signals and child processes, for fibers and for plain threads.
//!
//! What would block suspends the calling fiber, whose worker goes on with others; the worker that has
//! nothing to do waits for all descriptors at once. A plain thread may call the same, and blocks. Every call
//! that waits has forms with a deadline and a stop token, and ends when its fiber is canceled; the error then
//! [says so](WaitError::of).
//!
//! ```
//! use std::io::{Read, Write};
//! use vitte_io::{TcpListener, TcpStream};
//! use vitte_scheduler::{Config, Scheduler, SpawnOptions, spawn};
//!
//! let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
//! let answer = scheduler.spawn(&SpawnOptions::default(), || -> std::io::Result<String> {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(move || -> std::io::Result<()> {
//!         let (mut stream, _) = listener.accept()?;
//!         stream.write_all(b"hello")
//!     });
//!     let mut text = String::new();
//!     TcpStream::connect(address)?.read_to_string(&mut text)?;
//!     server.join().unwrap()?;
//!     Ok(text)
//! });
//! assert_eq!(answer.join()??, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who notices
//! A descriptor is registered with the runtime of the fiber that first has to wait for it, and stays with it.
//! Fibers of other runtimes and plain threads may wait for it all the same; when that runtime has ended they
//! look for themselves again, as a plain thread does from the start if no fiber has waited before.
//!
//! # Sharing
//! All calls take `&self`, and the traits of [`std::io`] are there for `&TcpStream` too, so one half of a
//! program may read while another writes, through an `Arc` say. `close` ends the calls of all who share: it
//! wakes them, and the descriptor's number is given back only when the last has let go.
// A model checker has no descriptors.
#![cfg(not(any(loom, shuttle)))]
#![deny(unsafe_code)]

mod child;
mod credentials;
mod examples;
pub mod fs;
mod names;
mod offloaded;
mod pipe;
mod signals;
mod stdio;
mod stream;
mod tcp;
mod udp;
mod unix;
mod watched;

pub use child::{Child, Command, Exit, Output};
pub use credentials::PeerCredentials;
pub use names::{
    ToSocketAddrs, lookup_host, lookup_host_or_stop, lookup_host_timeout, lookup_host_until,
    lookup_host_with,
};
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use signals::Signals;
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};

pub use vitte_scheduler::ReadyArm;
/// Why a call ended before it was done: what is inside an [`io::Error`](std::io::Error) that the system did not make.
pub use vitte_scheduler::SourceError as WaitError;
