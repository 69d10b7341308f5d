//! An example: an HTTP/1.1 server with a fiber for each connection.
//!
//! `/` counts visits, `/health` says that the server lives, and `/status` what it has done, of which a monitor that runs
//! beside it takes note. It keeps connections alive, limits what a request may be and how long it may take, answers what is malformed, and when it is
//! stopped it accepts nothing more, finishes the requests that are under way, and returns.
#![forbid(unsafe_code)]

mod connection;
mod monitor;
mod request;
mod response;
mod state;

pub use state::{Limits, Seen};

use state::State;
use std::{io, net::SocketAddr, sync::Arc};
use vitte_threads::{
    Fiber, StopToken,
    io::{TcpListener, WaitError},
    sync::WaitGroup,
};

/// A server that listens. See [`run`](Self::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    state: Arc<State>,
}

impl Server {
    /// A server at an address; port 0 is one that the system chooses.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(at: SocketAddr, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(at)?;
        let state = Arc::new(State::new(limits));
        Ok(Self { listener, state })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is triggered, and every request that was under way is answered. On a fiber. Returns what the server has
    /// seen.
    ///
    /// # Errors
    /// What the system says of the listener; connections that fail are no error.
    pub fn run(self, stop: &StopToken) -> io::Result<Seen> {
        let open = Arc::new(WaitGroup::new());
        let monitor = {
            let (state, stop) = (self.state.clone(), stop.clone());
            Fiber::spawn(move || monitor::watch(&state, &stop))
        };
        let ended = loop {
            let stream = match self.listener.accept_or_stop(stop) {
                Ok((stream, _)) => stream,
                Err(error) => match WaitError::of(&error) {
                    Some(WaitError::Stopped | WaitError::Canceled) => break Ok(()),
                    Some(_) => break Err(error),
                    // This connection failed, or there are too many: others end meanwhile.
                    None => {
                        // If it is canceled meanwhile, the next accept says so.
                        let _ = vitte_threads::sleep(state::PAUSE);
                        continue;
                    }
                },
            };
            let (state, stop, one) = (self.state.clone(), stop.clone(), open.member());
            Fiber::spawn(move || {
                let _one = one;
                // Whoever goes away in the middle harms only himself.
                let _ = connection::serve(&stream, &state, &stop);
            });
        };
        drop(self.listener);
        let _ = open.wait();
        let _ = monitor.join();
        ended.map(|()| self.state.seen())
    }
}
