//! Calls on the thread's own stack: for foreign code that checks which stack it runs on, or needs much of
//! it.
//!
//! The fiber leaves its stack and says what is to be called; the main loop, which lies on the thread's
//! stack, calls it, and goes on with the same fiber. Meanwhile the fiber is what runs on this thread, with
//! the bounds of that stack, and cannot leave it: whoever waits there blocks the thread, inside a native
//! region, so that another works in its place.
//!
//! **Invariants:** a task has the flag for as long as it stands on the thread's stack. No task runs on top
//! of it there.

use crate::{
    task::{Task, flags},
    worker::{Action, Worker, current_task},
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr, thread,
};
use vitte_wait::{facade::atomic::Ordering::Relaxed, stack};

/// What the main loop is to call.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    run: unsafe fn(*const ()),
    what: *const (),
}

/// A closure, and what came of it.
struct Body<F, R> {
    closure: Cell<Option<F>>,
    ending: Cell<Option<thread::Result<R>>>,
}

impl<F: FnOnce() -> R, R> Body<F, R> {
    /// # Safety
    /// `body` is one of this type, whose owner waits.
    unsafe fn run(body: *const ()) {
        // SAFETY: by the caller.
        let body = unsafe { &*body.cast::<Self>() };
        if let Some(closure) = body.closure.take() {
            body.ending
                .set(Some(catch_unwind(AssertUnwindSafe(closure))));
        }
    }
}

impl Call {
    /// Of `run` with `with`, which waits there until it was called.
    ///
    /// # Safety
    /// `run` may be called with it, on the thread's stack.
    pub(crate) unsafe fn new<T>(run: unsafe fn(*const ()), with: &T) -> Self {
        Self {
            run,
            what: ptr::from_ref(with).cast(),
        }
    }
}

impl Worker {
    /// In the main loop: the fiber that runs has left its stack for this.
    #[cold]
    pub(crate) fn call_for_fiber(&self) {
        if let Some(call) = self.call.take() {
            // SAFETY: the fiber that said so waits for us, and what it passed is in its frame.
            unsafe { (call.run)(call.what) };
        }
    }

    /// Blocks the thread by `block`, for a fiber that cannot leave its stack now. Others go on elsewhere.
    #[cold]
    pub(crate) fn block_for(&self, task: &'static Task, block: impl FnOnce()) {
        let inside = task.flags() & flags::MAY_BLOCK != 0;
        if !inside {
            self.enter_region();
        }
        block();
        if !inside {
            self.leave_region();
        }
    }
}

/// Whether `address` lies on the stack that `task`, which runs, belongs on, or on its thread's own while it
/// stands there.
pub(crate) fn is_on_stack(task: &Task, address: usize) -> bool {
    let (lo, hi) = (task.hot.lo.load(Relaxed), task.hot.hi.load(Relaxed));
    if (lo..hi).contains(&address) {
        return true;
    }
    if task.flags() & flags::ON_NATIVE == 0 {
        return false;
    }
    crate::worker::current().is_some_and(|worker| {
        let (lo, hi) = worker.left_bounds.get();
        (lo..hi).contains(&address)
    })
}

/// Runs `call` on the own stack of the worker's thread, and returns what it returns. Elsewhere than on a
/// fiber, and on a fiber whose thread is panicking, it runs where the caller stands.
///
/// Until it returns the fiber stays on this thread. What `call` waits for blocks the thread, but no other
/// fiber that may run elsewhere. The stack is as large as those of threads are
/// ([`Config::thread_stack_size`](crate::Config::thread_stack_size)); calls do not add up: within `call`
/// this runs where the caller stands. `errno` is the caller's again afterwards. A guard of a lock that was
/// taken in `call` should not leave it.
///
/// # Blocking
/// Whatever `call` does.
///
/// # Panics
/// With the panic of `call`.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, SpawnOptions, call_on_native_stack};
///
/// fn deep(n: u32) -> u32 {
///     let frame = std::hint::black_box([n; 1000]);
///     if n == 0 { 0 } else { deep(n - 1) + frame[0] / n }
/// }
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// // 400 kB of frames are too much for a fiber's stack of 64 KiB.
/// let task = scheduler.spawn(&SpawnOptions::default(), || call_on_native_stack(|| deep(100)));
/// assert_eq!(task.join()?, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn call_on_native_stack<R>(call: impl FnOnce() -> R) -> R {
    match current_task() {
        Some((worker, task))
            if task.flags() & flags::ON_NATIVE == 0 && worker.resumer.may_suspend() =>
        {
            call_there(worker, task, call)
        }
        _ => call(),
    }
}

fn call_there<F: FnOnce() -> R, R>(worker: &Worker, task: &'static Task, closure: F) -> R {
    let body = Body::<F, R> {
        closure: Cell::new(Some(closure)),
        ending: Cell::new(None),
    };
    // SAFETY: it is of that type, and we wait.
    worker
        .call
        .set(Some(unsafe { Call::new(Body::<F, R>::run, &body) }));
    let (own, native) = (worker.bounds_of(task), worker.native_bounds());
    worker.left_bounds.set(own);
    task.set_flags(task.flags() | flags::ON_NATIVE);
    set_bounds(task, native);
    // The main loop goes on with this fiber at once, on the same thread. It cannot be refused: the
    // caller has asked.
    let _ = worker.switch(Action::Call);
    set_bounds(task, own);
    task.set_flags(task.flags() & !flags::ON_NATIVE);
    match body.ending.take() {
        Some(Ok(value)) => value,
        Some(Err(payload)) => resume_unwind(payload),
        None => unreachable!("the main loop did not call what it should"),
    }
}

fn set_bounds(task: &Task, (lo, hi): (usize, usize)) {
    task.hot.lo.store(lo, Relaxed);
    task.hot.hi.store(hi, Relaxed);
}

impl Worker {
    fn bounds_of(&self, task: &Task) -> (usize, usize) {
        (task.hot.lo.load(Relaxed), task.hot.hi.load(Relaxed))
    }

    /// The bounds of the thread's own stack. On a fiber of it.
    fn native_bounds(&self) -> (usize, usize) {
        let known = self.thread_bounds.get();
        if known.1 != 0 {
            return known;
        }
        let (lo, hi) = stack::of_thread();
        // Where the system does not tell, everything is said to be left.
        let bounds = if hi == 0 { (0, usize::MAX) } else { (lo, hi) };
        self.thread_bounds.set(bounds);
        bounds
    }
}
