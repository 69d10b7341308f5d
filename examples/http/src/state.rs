//! What the connections of a server share.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How long the server waits after an accept that failed.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// What a request may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's first line and headers.
    pub head: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// How long a request may take to arrive once it has begun, and its answer to be taken.
    pub patience: Duration,
    /// How long a connection may lie idle.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 8 << 10,
            headers: 64,
            body: 64 << 10,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        }
    }
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Requests for `/`.
    pub visits: u64,
    /// Requests that were answered, in whatever way.
    pub answered: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// How often the monitor has looked.
    pub looks: u64,
}

/// See the [module documentation](self).
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) began: Instant,
    pub(crate) visits: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Requests in the last period of the monitor.
    pub(crate) lately: AtomicU64,
    pub(crate) looks: AtomicU64,
}

impl State {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            began: Instant::now(),
            visits: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lately: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen {
            visits: self.visits.load(Relaxed),
            answered: self.answered.load(Relaxed),
            refused: self.refused.load(Relaxed),
            looks: self.looks.load(Relaxed),
        }
    }
}
