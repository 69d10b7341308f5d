//! How many workers there are: all that there ever were, by number, and how many of them work.
//!
//! ```text
//!   number   0 .. active     work, but for those whose threads are blocked (see `native`)
//!            active .. len   retired: their threads serve what is pinned to them, or have ended
//! ```
//!
//! A number is never given up. Other workers keep it in tasks and lists, and a worker that ends
//! leaves what belongs to its number behind, for the thread that may come after it.
//!
//! **Invariants:** `active` and who is alive change only under the lock of the crew. At most one
//! thread lives for a number.

use crate::{
    Scheduler,
    config::MOST_WORKERS,
    pace,
    shared::{Phase, Remote, Shared},
    worker,
};
use std::{
    fmt, io,
    ops::Index,
    sync::{Arc, OnceLock},
};
use vitte_wait::facade::{
    atomic::{AtomicUsize, Ordering::*},
    thread::{Builder, JoinHandle},
};

/// What others may see of each worker, by its number. It only grows.
pub(crate) struct Remotes {
    first: Box<[Remote]>,
    /// Those that were added, each in its place; the places are there once one was.
    added: OnceLock<Box<[OnceLock<Box<Remote>>]>>,
    len: AtomicUsize,
}

impl Remotes {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            first: (0..count).map(|_| Remote::new()).collect(),
            added: OnceLock::new(),
            len: AtomicUsize::new(count),
        }
    }

    /// How many workers there ever were.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Ordering: Acquire. Partner: the Release in `grow`.
        self.len.load(Acquire)
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Remote> {
        let added = self.first.len()..self.len();
        self.first
            .iter()
            .chain(added.map(|index| self.added(index)))
    }

    #[cold]
    fn added(&self, index: usize) -> &Remote {
        let places = self.added.get();
        let place = places.and_then(|places| places.get(index - self.first.len()));
        place
            .and_then(OnceLock::get)
            .unwrap_or_else(|| unreachable!("a worker that never was: {index}"))
    }

    /// Makes room for worker `index`, if there is none. Under the lock of the crew, one after the other.
    pub(crate) fn grow(&self, index: usize) {
        if index < self.len() {
            return;
        }
        debug_assert_eq!(index, self.len());
        let places = || (self.first.len()..MOST_WORKERS).map(|_| OnceLock::new());
        let places = self.added.get_or_init(|| places().collect());
        places[index - self.first.len()].get_or_init(|| Box::new(Remote::new()));
        // Ordering: Release. Partner: the Acquire in `len`.
        self.len.store(index + 1, Release);
    }
}

impl Index<usize> for Remotes {
    type Output = Remote;

    #[inline(always)]
    fn index(&self, index: usize) -> &Remote {
        match self.first.get(index) {
            Some(remote) => remote,
            None => self.added(index),
        }
    }
}

/// The threads of the workers, and of the pacer.
#[derive(Default)]
pub(crate) struct Crew {
    members: Vec<Member>,
    pacer: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Member {
    /// Of the thread that was started last.
    thread: Option<JoinHandle<()>>,
    /// It has not ended, or has not said so yet.
    alive: bool,
}

impl Crew {
    /// Starts the thread of worker `index`, unless it lives.
    pub(crate) fn start(&mut self, shared: &Arc<Shared>, index: usize) -> io::Result<()> {
        if self.members.len() <= index {
            self.members.resize_with(index + 1, Member::default);
        }
        let member = &mut self.members[index];
        if member.alive {
            return Ok(());
        }
        if let Some(last) = member.thread.take() {
            // It has said that it ends, which was the last thing it did.
            let _ = last.join();
        }
        let its = Arc::clone(shared);
        let mut builder = Builder::new().name(format!("{}-{index}", shared.config.name));
        if let Some(bytes) = shared.config.thread_stack_size {
            builder = builder.stack_size(bytes);
        }
        let thread = builder.spawn(move || worker::run::run(its, index))?;
        *member = Member {
            thread: Some(thread),
            alive: true,
        };
        Ok(())
    }

    /// Starts the thread that ends slices.
    pub(crate) fn start_pacer(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        let its = Arc::clone(shared);
        let thread = Builder::new()
            .name(format!("{}-pace", shared.config.name))
            .spawn(move || pace::run(its))?;
        self.pacer = Some(thread);
        Ok(())
    }

    /// The thread of worker `index` ends, and has left all that was its own.
    pub(crate) fn left(&mut self, index: usize) {
        self.members[index].alive = false;
    }

    /// How many threads live for numbers from `first` on.
    pub(crate) fn alive_from(&self, first: usize) -> usize {
        let members = self.members.iter().skip(first);
        members.filter(|member| member.alive).count()
    }

    /// All threads, for whoever waits for their end.
    pub(crate) fn take_threads(&mut self) -> Vec<JoinHandle<()>> {
        let members = self.members.iter_mut();
        let workers = members.filter_map(|member| member.thread.take());
        workers.chain(self.pacer.take()).collect()
    }
}

/// Why a scheduler does not have the number of workers that was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResizeError {
    /// The number is zero or more than [`MOST_WORKERS`]; nothing has changed.
    Workers(usize),
    /// The scheduler has no threads, for its host drives it, and gets none.
    HostDriven,
    /// The scheduler shuts down, or has; nothing has changed.
    ShuttingDown,
    /// The system refused a thread. There are as many workers as could be had before it did.
    Thread(io::Error),
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers(n) => {
                write!(
                    f,
                    "{n} workers were asked for; choose between 1 and {MOST_WORKERS}"
                )
            }
            Self::HostDriven => f.write_str(
                "the runtime is driven by its host and has no workers to change; start one with workers",
            ),
            Self::ShuttingDown => f.write_str("the runtime is shutting down and keeps its workers"),
            Self::Thread(error) => {
                write!(f, "the system refused to start a worker thread: {error}")
            }
        }
    }
}

impl std::error::Error for ResizeError {}

impl Scheduler {
    /// Changes the number of workers, to 1 to [`MOST_WORKERS`].
    ///
    /// New workers begin to steal at once. A worker that is one too many gives away what others may
    /// run, after at most some dozens of tasks or the one that it runs. It then runs only tasks that are
    /// pinned to its thread (closures that have begun are), until the last of them has ended; then its
    /// thread ends. If the number grows again before, it works again.
    ///
    /// # Errors
    /// [`ResizeError`].
    ///
    /// # Blocking
    /// Never, but to start threads: it does not wait for tasks, nor for threads that have some left.
    pub fn resize(&self, workers: usize) -> Result<(), ResizeError> {
        let shared = &self.0;
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(ResizeError::Workers(workers));
        }
        if shared.host.is_some() {
            return Err(ResizeError::HostDriven);
        }
        let mut crew = shared.crew.lock();
        // A shutdown that begins now takes the threads under the lock, those we start included.
        if shared.phase_is_at_least(Phase::Closing) {
            return Err(ResizeError::ShuttingDown);
        }
        let old = shared.target();
        for index in workers.min(old)..workers.max(old).min(shared.remotes.len()) {
            shared.remotes[index].spare.store(false, Relaxed);
        }
        shared.set_target(workers);
        crew.adjust(shared).map_err(|error| {
            // So many more are there as were added before.
            shared.set_target(workers.min(old.max(shared.active() - shared.blocked())));
            ResizeError::Thread(error)
        })
    }
}
