//! A runtime without threads of its own: for the length of a call, the host's thread is its worker.
//!
//! ```text
//!   at home ──a call begins──► in a call ──nothing is ready──► at home, registered as a sleeper
//!                                  └──────time or steps are over──► at home, and awake
//! ```
//!
//! There is one worker, and no pacer. Between calls the worker lies in its *seat*; who posts work
//! finds it among the sleepers, as any other, and instead of a thread wakes the host: see [`knock`]. So
//! no wake-up is lost, by the argument of the idle README. Since nobody watches the time, the poll
//! word of every task is set, and whoever polls looks at the clock.
//!
//! **Invariants:** whoever took the worker out of its seat, under the lock, owns it until he puts it back.
//! While tasks are bound to a thread the worker is taken out on that thread only.

mod call;
mod driver;
mod handle;
pub(crate) mod knock;

use crate::{
    shared::Shared,
    worker::{self, Worker},
};
pub(crate) use call::{drive_for_task, drive_to_the_end};
pub use driver::{DriveError, Driver, Ran, Why};
use knock::Knock;
use std::{
    mem,
    ops::Deref,
    ptr,
    sync::{Arc, OnceLock, Weak},
};
use vitte_wait::{
    Unit, current,
    facade::{Mutex, atomic::AtomicU64, thread},
};

/// What a runtime that its host drives has more than others.
pub(crate) struct Host {
    seat: Mutex<Seat>,
    pub(crate) knock: Knock,
    /// When to look again for tasks of the low class that wait too long.
    next_age: AtomicU64,
    /// For those who find us through a task.
    scheduler: OnceLock<Weak<Shared>>,
}

struct Seat {
    /// The worker, while it is at home.
    worker: Option<AtHome>,
    /// It has ended, and does not come back.
    over: bool,
    /// Whose thread the worker was on last, or whoever made the runtime: see [`Unit::life`].
    thread: u64,
    /// The thread that the worker is prepared for; zero is none.
    prepared: u64,
}

/// A worker that no thread runs.
struct AtHome(Box<Worker>);

// SAFETY: its cells, queues and suspended carriers are touched by one owner at a time; the lock of the seat
// orders them. What it has of a thread (its slot, its resumer) is replaced before it runs on
// another, and what its tasks have of one keeps it there (see the invariants).
unsafe impl Send for AtHome {}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            seat: Mutex::new(Seat {
                worker: None,
                over: false,
                thread: current::unit().life(),
                prepared: 0,
            }),
            knock: Knock::default(),
            next_age: AtomicU64::new(0),
            scheduler: OnceLock::new(),
        }
    }

    /// Makes the worker, and has it sleep. Once, before anybody can post.
    pub(crate) fn prepare(&self, shared: &Arc<Shared>) {
        let _ = self.scheduler.set(Arc::downgrade(shared));
        let worker = Worker::new(Arc::clone(shared), 0);
        self.knock.leave();
        let found = shared.idle.lie_down(shared, 0, || None::<()>);
        debug_assert!(found.is_none());
        self.seat.lock().worker = Some(AtHome(worker));
    }

    /// Ends the worker, whose scheduler stops. False: it is in a call, and will be ended after that.
    pub(crate) fn end(&self) -> bool {
        let mut seat = self.seat.lock();
        match seat.worker.take() {
            Some(AtHome(worker)) => {
                seat.over = true;
                drop(seat);
                end(worker);
                true
            }
            None => seat.over,
        }
    }

    /// Whether the calling thread is the host's, and the worker at home.
    fn is_mine(&self) -> bool {
        let seat = self.seat.lock();
        seat.worker.is_some() && seat.thread == current::unit().life()
    }
}

/// On whatever thread: ends a worker whose tasks have ended, or will never run again.
fn end(mut worker: Box<Worker>) {
    worker.move_here();
    worker.end_carriers(0, usize::MAX);
}

/// The calling thread is the worker's, until this is dropped.
pub(crate) struct Seated<'a> {
    shared: &'a Shared,
    host: &'a Host,
    worker: Option<Box<Worker>>,
    /// Where the thread's dice stood.
    dice: u64,
}

impl<'a> Seated<'a> {
    pub(crate) fn sit(shared: &'a Shared, host: &'a Host) -> Result<Self, DriveError> {
        if worker::current().is_some() {
            return Err(DriveError::NotAThread);
        }
        let outer: &'static Unit = current::unit();
        let worker = host.call(outer.life())?;
        // A destructor of the host's may drive, because of a panic that is none of the fibers'.
        worker.resumer.note_panicking();
        let slot = worker.slot();
        slot.set_worker((&raw const *worker).cast());
        let dice = slot.seed_dice(worker.choice.seed());
        worker.outer.set(Some(outer));
        // Taken away when `self` is dropped.
        mem::forget(worker.sit_down());
        Ok(Self {
            shared,
            host,
            worker: Some(worker),
            dice,
        })
    }
}

impl Host {
    /// Takes the worker out of its seat, onto the calling thread, whose unit's life is `me`.
    fn call(&self, me: u64) -> Result<Box<Worker>, DriveError> {
        let mut seat = self.seat.lock();
        let missing = if seat.over {
            DriveError::ShutDown
        } else {
            DriveError::Busy
        };
        let AtHome(mut worker) = seat.worker.take().ok_or(missing)?;
        if seat.prepared != me {
            let bound = worker.count_bound();
            if bound != 0 {
                seat.worker = Some(AtHome(worker));
                return Err(DriveError::OtherThread(bound));
            }
            worker.move_here();
            worker.remote().bed.set_thread(thread::current());
            (seat.thread, seat.prepared) = (me, me);
        }
        Ok(worker)
    }
}

impl Deref for Seated<'_> {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        let worker = self.worker.as_deref();
        worker.unwrap_or_else(|| unreachable!("it is here until the end"))
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        worker.lent_until.set(u64::MAX);
        worker.get_up_from_desk();
        worker.clear_unit();
        worker.slot().set_worker(ptr::null());
        let _ = worker.slot().seed_dice(self.dice);
        let mut seat = self.host.seat.lock();
        if !self.shared.is_stopping() {
            seat.worker = Some(AtHome(worker));
            return;
        }
        // Whoever ends the scheduler found the seat empty, or will find it so.
        seat.over = true;
        drop(seat);
        end(worker);
    }
}
