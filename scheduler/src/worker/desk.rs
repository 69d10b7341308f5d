//! A worker's desk: the place where others find the worker while it is there, to see what it runs and
//! whether anybody waits for it, and to end its slice.
//!
//! Invariants: the worker is alive while the lock of its desk is held and the desk is not empty; of a
//! worker found here only what is atomic is touched.

use crate::{
    task::{Task, poll},
    worker::Worker,
};
use std::ptr::NonNull;
use vitte_wait::{
    Priority,
    facade::{Mutex, atomic::Ordering::Relaxed},
};

/// See the [module documentation](self).
#[derive(Default)]
pub(crate) struct Desk(Mutex<Option<Sitter>>);

/// The worker that is there.
struct Sitter(NonNull<Worker>);

// SAFETY: others use only the methods below, which touch atomics only.
unsafe impl Send for Sitter {}

/// Evidence that a worker is to be found at its desk; dropping it takes it away.
pub(crate) struct AtDesk<'a>(&'a Worker);

impl Drop for AtDesk<'_> {
    fn drop(&mut self) {
        self.0.get_up_from_desk();
    }
}

/// What an onlooker sees.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    /// Whether a task runs.
    pub(crate) busy: bool,
    pub(crate) turn: u32,
}

impl Worker {
    /// Lets others find this worker.
    pub(crate) fn sit_down(&self) -> AtDesk<'_> {
        *self.remote().desk.0.lock() = Some(Sitter(NonNull::from(self)));
        AtDesk(self)
    }

    /// Nobody finds this worker any more: what dropping [`AtDesk`] does.
    pub(crate) fn get_up_from_desk(&self) {
        *self.remote().desk.0.lock() = None;
    }
}

impl Worker {
    /// Asks `task`, which it seems to run, for something: sets bits of the poll word, and has joins look there. False if they
    /// were set. Any thread may.
    fn ask(&self, task: &Task, what: u32) -> bool {
        let word = &task.hot.poll;
        let asks = word.load(Relaxed) & what != what && word.fetch_or(what, Relaxed) & what != what;
        // Also if it was asked before: this may have been forgotten.
        self.remote().fresh.ask();
        asks
    }
}

impl Desk {
    fn with<R>(&self, look: impl FnOnce(&Worker) -> R) -> Option<R> {
        let sitter = self.0.lock();
        // SAFETY: the worker takes itself away, under this lock, before it ends. The closures, all in
        // this file, touch atomics only.
        let worker = sitter.as_ref().map(|sitter| unsafe { sitter.0.as_ref() })?;
        Some(look(worker))
    }

    /// Whether anything lies where only the worker puts and takes tasks; a hint.
    pub(crate) fn has_work_in_hand(&self) -> bool {
        self.with(Worker::has_work_in_hand).unwrap_or(false)
    }

    pub(crate) fn look(&self) -> Option<Sight> {
        self.with(|worker| Sight {
            busy: !worker.current.look().is_null(),
            turn: worker.slice.turn(),
        })
    }

    /// Asks whoever runs there to give way, for slice `turn` is over. False: it was asked before.
    ///
    /// If another runs by then, it looks in vain.
    pub(crate) fn end_slice(&self, turn: u32) -> bool {
        self.with(|worker| {
            worker.slice.set_over(turn);
            worker
                .shows()
                .is_some_and(|task| worker.ask(task, poll::SLICE))
        })
        .unwrap_or(false)
    }
}

impl Desk {
    /// Asks whoever runs there, if it is no more urgent than `most`, to give way to one of the high class.
    /// False: nobody such runs, or he was asked before.
    pub(crate) fn hurry(&self, most: Priority) -> bool {
        self.with(|worker| {
            worker
                .shows()
                .is_some_and(|task| task.unit.priority() <= most && worker.ask(task, poll::URGENT))
        })
        .unwrap_or(false)
    }
}
