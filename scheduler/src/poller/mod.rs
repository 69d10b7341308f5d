//! Waiting for descriptors: who notices that one has become ready, and wakes those who wait for it.
//!
//! ```text
//!   worker 0        worker 1       fibers that may move, plain threads
//!      │               │                         │
//!   poller 0        poller 1               common poller       (each an epoll instance)
//!      └───────────────┴────────────┬────────────┘
//!                          one table of entries             (what is known of a descriptor)
//! ```
//!
//! A fiber that is pinned can go on on its own worker only, so its descriptors lie in that worker's
//! poller: the worker sleeps in it when it has nothing to do, and looks into it now and then while it has.
//! Nobody else is woken for them. What may go on anywhere lies in the common poller, in which the keeper
//! sleeps besides its own. A descriptor is registered once, for edges in both directions, where the first who has to wait
//! for it would have it, and is put elsewhere when he who waits has changed. Nothing is opened before that.
//!
//! Who looks when nobody sleeps there is said in `idle/README.md`, "Descriptors". How a wait misses no edge is
//! said in [`entry`].

pub(crate) mod arm;
#[cfg(not(any(loom, shuttle)))]
mod attended;
mod entry;
#[cfg(all(test, loom))]
mod model;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod number;
pub(crate) mod source;
#[cfg(not(any(loom, shuttle)))]
mod system;
#[cfg(any(loom, shuttle))]
#[path = "system_model.rs"]
mod system;
mod table;
pub(crate) mod thread;

use crate::shared::Shared;
use std::{io, os::fd::RawFd, sync::Arc, time::Duration};
pub(crate) use system::Batch;
use system::{OnceLock, System};
use table::Table;
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*},
    clock,
};

/// A busy worker looks for ready descriptors at most this often, in nanoseconds: about as long as what it finds then keeps it
/// busy, where a message takes some microseconds.
const LOOK_EVERY: u64 = 400_000;
/// How many full batches are taken in one look by one who looks seldom. Who has nothing else to do takes one, and looks again
/// when he has done what came of it.
const MOST_BATCHES: usize = 4;

/// Where some of the descriptors are registered, and one thread may sleep until one of them is ready.
#[derive(Default)]
pub(crate) struct Poller {
    system: OnceLock<System>,
    opening: Mutex<()>,
    /// How many descriptors are registered here.
    sources: AtomicUsize,
    /// When it was last looked into.
    looked: AtomicU64,
}

impl Poller {
    /// Whether anything is registered here.
    #[inline(always)]
    pub(crate) fn has_sources(&self) -> bool {
        self.sources.load(Relaxed) != 0
    }

    /// Whether it is time that a busy worker looks.
    #[inline]
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.has_sources() && now.saturating_sub(self.looked.load(Relaxed)) >= LOOK_EVERY
    }

    /// The poller, opened if it was not.
    fn open(&self) -> io::Result<&System> {
        if let Some(system) = self.system.get() {
            return Ok(system);
        }
        let _one = self.opening.lock();
        if let Some(system) = self.system.get() {
            return Ok(system);
        }
        let system = System::open()?;
        Ok(self.system.get_or_init(|| system))
    }

    /// Whether it is open, and has a bell; opens it. False: the system refuses.
    pub(crate) fn is_open(&self) -> bool {
        self.open().is_ok()
    }

    /// The descriptor that is readable when a look would find something. Opens the poller.
    ///
    /// # Errors
    /// If the system refuses a descriptor.
    pub(crate) fn handle(&self) -> io::Result<RawFd> {
        Ok(self.open()?.handle())
    }

    /// Ends the present or the next sleep in it, if it [is open](Self::is_open). Async-signal-safe.
    #[cfg_attr(
        not(all(target_os = "linux", not(any(loom, shuttle)))),
        allow(dead_code, reason = "only the futex's parker rings, and a model")
    )]
    pub(crate) fn ring(&self) {
        if let Some(system) = self.system.get() {
            system.ring();
        }
    }

    fn add(&self, fd: RawFd, key: u64) -> io::Result<()> {
        let system = self.open()?;
        self.sources.fetch_add(1, Relaxed);
        system.add(fd, key).inspect_err(|_| {
            self.sources.fetch_sub(1, Relaxed);
        })
    }

    fn remove(&self, fd: RawFd) {
        if let Some(system) = self.system.get() {
            system.remove(fd);
            self.sources.fetch_sub(1, Relaxed);
        }
    }

    /// Sleeps until something is ready here or in `common`, the poller is [rung](Self::ring), or `timeout`
    /// has passed; for the worker whose poller it is. What is ready is in `batch` and, of the common
    /// poller, in `other`.
    ///
    /// False: it could not be opened.
    pub(crate) fn sleep(
        &self,
        common: Option<&Self>,
        batch: &mut Batch,
        other: &mut Batch,
        timeout: Option<Duration>,
    ) -> bool {
        let Ok(system) = self.open() else {
            return false;
        };
        match common.and_then(|common| common.system.get()) {
            None => system.wait(batch, timeout),
            Some(common) => {
                if !system.wait_wide(common, timeout) {
                    return false;
                }
                system.wait(batch, Some(Duration::ZERO));
                common.wait(other, Some(Duration::ZERO));
            }
        }
        true
    }

    /// Takes what is ready, without waiting.
    pub(crate) fn take(&self, batch: &mut Batch) {
        if let Some(system) = self.system.get() {
            system.wait(batch, Some(Duration::ZERO));
        }
    }

    /// Ends the waits for what is ready, without waiting itself. Says whether anything was.
    ///
    /// `is_owner`: the one who calls is the one who sleeps here. Otherwise he hands on what was meant for that
    /// one.
    pub(crate) fn look(&self, reactor: &Reactor, now: u64, is_owner: bool) -> bool {
        self.look_for(reactor, now, is_owner, MOST_BATCHES)
    }

    /// As [`look`](Self::look), of an owner who will look again soon: for one batch.
    pub(crate) fn glance(&self, reactor: &Reactor, now: u64) -> bool {
        self.look_for(reactor, now, true, 1)
    }

    fn look_for(&self, reactor: &Reactor, now: u64, is_owner: bool, most: usize) -> bool {
        let Some(system) = self.system.get() else {
            return false;
        };
        self.looked.store(now, Relaxed);
        let mut any = false;
        for _ in 0..most {
            let mut batch = Batch::new();
            system.wait(&mut batch, Some(Duration::ZERO));
            if batch.has_rung() && !is_owner {
                system.ring();
            }
            any |= reactor.deliver(&batch);
            if !batch.is_full() {
                break;
            }
        }
        any
    }
}

/// What a scheduler knows of descriptors. Sources keep it, so it may outlive the scheduler.
pub(crate) struct Reactor {
    table: Table,
    /// For what may go on anywhere.
    pub(crate) common: Arc<Poller>,
    /// The scheduler has ended: nobody looks any more.
    closed: AtomicBool,
}

impl Reactor {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Table::new(),
            common: Arc::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Wakes those who wait for what is in `batch`. Says whether there was anything but a ring.
    pub(crate) fn deliver(&self, batch: &Batch) -> bool {
        let mut any = false;
        for (key, signs) in batch.iter() {
            any = true;
            let (index, generation) = (key as u32, (key >> 32) as u32);
            if let Some(entry) = self.table.get(index) {
                entry.deliver(generation, signs);
            }
        }
        any
    }

    /// The scheduler has ended: whoever waits is woken, and told.
    pub(crate) fn close(&self) {
        // Ordering: SeqCst, store-load pair: this, the entries. Partner: `Source::register`, which makes its
        // entry first and then looks here.
        self.closed.store(true, SeqCst);
        self.table.each(entry::Entry::lose);
    }

    fn is_closed(&self) -> bool {
        // Ordering: SeqCst. See `close`.
        self.closed.load(SeqCst)
    }
}

impl Shared {
    /// For workers that are awake, and now and then for the pacer: looks into pollers whose owners are busy
    /// and have not looked for `patience`.
    pub(crate) fn look_for_the_busy(&self, patience: u64) {
        let now = clock::now();
        let is_late = |poller: &Poller| now.saturating_sub(poller.looked.load(Relaxed)) >= patience;
        for remote in self.remotes.iter() {
            let bed = &remote.bed;
            if bed.poller.has_sources() && !bed.is_asleep() && is_late(&bed.poller) {
                bed.poller.look(&self.reactor, now, false);
            }
        }
        let common = &self.reactor.common;
        if common.has_sources() && !self.idle.has_keeper() && is_late(common) {
            common.look(&self.reactor, now, true);
        }
    }
}
