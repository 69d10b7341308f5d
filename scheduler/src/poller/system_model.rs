//! The kernel's part of a poller, as models have it: events are strokes of another modelled thread.

use std::{io, os::fd::RawFd, time::Duration};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicBool, Ordering::*},
    thread::{self, Thread},
};

/// What an event says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// Edges, by direction.
    pub(crate) edges: [bool; 2],
    /// The direction has ended.
    pub(crate) ended: [bool; 2],
}

/// What one look has found.
#[derive(Default)]
pub(crate) struct Batch {
    events: Vec<(u64, Signs)>,
    rung: bool,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_full(&self) -> bool {
        false
    }

    pub(crate) fn has_rung(&self) -> bool {
        self.rung
    }

    pub(crate) fn has_any(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Signs)> {
        self.events.iter().copied()
    }
}

#[derive(Default)]
struct State {
    batch: Batch,
    sleepers: Vec<Thread>,
}

/// What is set once, and when, as far as others see: the standard library's no checker knows of.
#[derive(Default)]
pub(super) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: AtomicBool,
}

impl<T> OnceLock<T> {
    pub(super) fn get(&self) -> Option<&T> {
        // Ordering: Acquire. Partner: the Release in `get_or_init`.
        let is_set = self.is_set.load(Acquire);
        self.value.get().filter(|_| is_set)
    }

    pub(super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let value = self.value.get_or_init(make);
        // Ordering: Release: the value. Partner: the Acquire in `get`.
        self.is_set.store(true, Release);
        value
    }
}

/// See the [module documentation](self).
#[derive(Default)]
pub(crate) struct System(Mutex<State>);

impl System {
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self::default())
    }

    pub(crate) fn handle(&self) -> RawFd {
        -1
    }

    #[expect(clippy::unused_self, reason = "the other kind has a kernel")]
    pub(crate) fn add(&self, _: RawFd, _: u64) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "the other kind has a kernel")]
    pub(crate) fn remove(&self, _: RawFd) {}

    pub(crate) fn ring(&self) {
        self.change(|batch| batch.rung = true);
    }

    /// What the kernel does: `key` has become readable.
    #[allow(dead_code, reason = "only models make events")]
    pub(super) fn raise(&self, key: u64) {
        let edges = [true, false];
        let signs = Signs {
            edges,
            ..Signs::default()
        };
        self.change(|batch| batch.events.push((key, signs)));
    }

    fn change(&self, change: impl FnOnce(&mut Batch)) {
        let mut state = self.0.lock();
        change(&mut state.batch);
        for sleeper in state.sleepers.drain(..) {
            sleeper.unpark();
        }
    }

    /// False: there is something already.
    fn lie_down(&self) -> bool {
        let mut state = self.0.lock();
        if state.batch.rung || state.batch.has_any() {
            return false;
        }
        state.sleepers.push(thread::current());
        true
    }

    pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) {
        if timeout != Some(Duration::ZERO) && self.lie_down() {
            sleep(timeout);
        }
        *batch = std::mem::take(&mut self.0.lock().batch);
    }

    pub(crate) fn wait_wide(&self, common: &Self, timeout: Option<Duration>) -> bool {
        if self.lie_down() && common.lie_down() {
            sleep(timeout);
        }
        true
    }
}

fn sleep(timeout: Option<Duration>) {
    match timeout {
        None => thread::park(),
        Some(timeout) => thread::park_timeout(timeout),
    }
}
