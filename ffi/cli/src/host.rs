//! What all tasks of one `vitte run` share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use crate::lock::Named;
use crate::rt::{Fault, FiberId, Group, Priority, Runtime};
use crate::state::Pool;
use crate::task::Outcome;

/// What the process's main thread waits for.
#[derive(Debug)]
pub(crate) enum Event {
    /// The main script has ended; tasks may still run.
    MainEnded(Outcome),
    /// The last task has ended.
    Idle,
    /// A script called `os.exit`.
    Exit(u8),
    /// A signal arrived.
    Signal(i32),
}

/// The runtime, the idle states, the named locks, and a line to the main thread.
#[derive(Debug)]
pub(crate) struct Host {
    runtime: Runtime,
    pool: Pool,
    named: Named,
    events: Sender<Event>,
    last_id: AtomicU64,
    /// Tasks started and not yet ended, the main script included.
    live: AtomicUsize,
}

impl Host {
    pub(crate) fn new(runtime: Runtime, events: Sender<Event>) -> Host {
        Host {
            runtime,
            pool: Pool::default(),
            named: Named::default(),
            events,
            last_id: AtomicU64::new(0),
            live: AtomicUsize::new(0),
        }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn named(&self) -> &Named {
        &self.named
    }

    /// Numbers of tasks start at 1 and are never used again.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many tasks were made.
    pub(crate) fn tasks(&self) -> u64 {
        self.last_id.load(Ordering::Relaxed)
    }

    /// Runs `body` on a fiber of its own. The main thread is told when the last one has ended.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        priority: Priority,
        group: Option<&Group>,
        body: Box<dyn FnOnce() + Send>,
    ) -> Result<FiberId, Fault> {
        // Counted before it starts: the count cannot reach zero while the spawner, itself a task,
        // still runs.
        let count = Live::new(Arc::clone(self));
        let body = move || {
            let _count = count;
            body();
        };
        self.runtime.spawn(priority, group, Box::new(body))
    }

    pub(crate) fn exit(&self, code: u8) {
        self.tell(Event::Exit(code));
    }

    pub(crate) fn tell(&self, event: Event) {
        // If nobody listens any more, the process is ending.
        let _ = self.events.send(event);
    }
}

/// Counts one task for as long as it exists, even if its fiber is thrown away before it runs.
struct Live(Arc<Host>);

impl Live {
    fn new(host: Arc<Host>) -> Live {
        host.live.fetch_add(1, Ordering::Relaxed);
        Live(host)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Ordering: AcqRel, partner: the same operation of the other tasks. Whoever sees zero sees
        // all that they did.
        if self.0.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.tell(Event::Idle);
        }
    }
}
