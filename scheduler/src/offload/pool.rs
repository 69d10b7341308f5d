//! A pool of threads for jobs that may block: it grows on demand, up to a limit, and shrinks by itself.
//!
//! ```text
//!   job:     queued ──a thread takes it──► runs ──────────────────► over
//!              │                           │  ▲                      ▲
//!              └──► taken back             │ └─►┘ being unblocked    │ not before that has ended
//!                                          └──► left (if it is owned): freed when it is over
//! ```
//!
//! A job lies in the frame of the caller that waits for it, or, an owned one, by itself: its caller may
//! leave it. Whoever has nothing to do waits with a deadline and ends when that has come; there is no tick.
//!
//! **Invariants:** a job's cells are touched only under the pool's lock, but its body, which belongs to
//! the thread that took it from the queue. After it is over no thread touches it; one that was left is
//! touched by no other than its thread. A job that is queued
//! has a thread that will come for it: as long as the queue is not empty some thread is not idle.

use crate::{offload::JobKind, shared::Shared};
use std::{
    cell::Cell,
    collections::BTreeMap,
    io,
    ptr::{self, NonNull},
    sync::Arc,
    time::Duration,
};
use vitte_wait::{
    Claimed, Deadline, Outcome, Reason, StopToken, Ticket, Wait, confined,
    facade::{
        Mutex,
        thread::{Builder, JoinHandle},
    },
};

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Queued,
    Runs,
    /// It runs, and its caller is just calling what is to end it.
    Unblocking,
    /// It runs, and its caller has gone: its thread frees it.
    Left,
    Over,
}

/// Something to do, and who waits for it.
pub(crate) struct Job {
    /// Runs `body`; does not unwind.
    run: unsafe fn(*const ()),
    body: *const (),
    /// Frees `body`, if the job is owned; does not unwind.
    free: Option<unsafe fn(*const ())>,
    stage: Cell<Stage>,
    /// Its place in the queue, while it is queued.
    number: Cell<u64>,
    /// The caller's wait for the end.
    caller: Cell<Option<Ticket>>,
    /// The thread's wait for the end of the unblocking.
    thread: Cell<Option<Ticket>>,
}

impl Job {
    /// # Safety
    /// `run` may be called with `body` once, on any thread, while the job is queued or runs; it does
    /// not unwind.
    pub(crate) unsafe fn new(run: unsafe fn(*const ()), body: *const ()) -> Self {
        Self {
            run,
            body,
            free: None,
            stage: Cell::new(Stage::Queued),
            number: Cell::new(0),
            caller: Cell::new(None),
            thread: Cell::new(None),
        }
    }

    /// One that nobody need wait for, once it has begun.
    ///
    /// # Safety
    /// As [`new`](Self::new); `free` may be called with `body` once, on any thread, and does not unwind.
    pub(crate) unsafe fn new_owned(
        run: unsafe fn(*const ()),
        body: *const (),
        free: unsafe fn(*const ()),
    ) -> Box<Self> {
        // SAFETY: by the caller.
        let job = unsafe { Self::new(run, body) };
        Box::new(Self {
            free: Some(free),
            ..job
        })
    }

    /// # Safety
    /// The job is an owned one, and nobody else knows it any more.
    pub(crate) unsafe fn free(job: NonNull<Self>) {
        // SAFETY: `new_owned` made it in a box, by the caller.
        let job = unsafe { Box::from_raw(job.as_ptr()) };
        if let Some(free) = job.free {
            // SAFETY: as `new_owned` was promised.
            unsafe { free(job.body) };
        }
    }
}

/// A job in the pool's hands.
struct JobRef(NonNull<Job>);

// SAFETY: what it leads to is touched under the pool's lock, or, its body, by the one thread that took
// it out of the queue.
unsafe impl Send for JobRef {}

impl JobRef {
    /// # Safety
    /// The job is not over.
    unsafe fn get(&self) -> &Job {
        // SAFETY: its caller waits for it until it is over, by the caller of this.
        unsafe { self.0.as_ref() }
    }
}

/// See the [module documentation](self).
pub(crate) struct Pool {
    state: Mutex<State>,
    kind: JobKind,
    /// The most threads.
    limit: usize,
    /// How long a thread waits for a job before it ends.
    patience: Duration,
}

#[derive(Default)]
struct State {
    queue: BTreeMap<u64, JobRef>,
    last: u64,
    /// The threads with nothing to do; who waits longest comes first.
    idle: Vec<(usize, Ticket)>,
    /// By number; `None` is a number that is free.
    threads: Vec<Option<JoinHandle<()>>>,
    alive: usize,
    running: usize,
    closed: bool,
}

/// Why a job was not taken on.
#[derive(Debug)]
pub(crate) enum Refused {
    Closed,
    Thread(io::Error),
}

/// What came of a job.
#[derive(Debug)]
pub(crate) enum Came {
    /// It has run to its end.
    Over,
    /// It has run to its end, after its caller's wait had ended so.
    Late(Outcome),
    /// It never began, and will not.
    TakenBack(Outcome),
    /// It runs, and its thread will free it.
    Left(Outcome),
    Refused(Refused),
}

impl Pool {
    pub(crate) fn new(kind: JobKind, limit: usize, patience: Duration) -> Self {
        Self {
            state: Mutex::default(),
            kind,
            limit: limit.max(1),
            patience,
        }
    }

    /// How many threads there are, and how many jobs they run.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.alive, state.running)
    }

    /// How many jobs are not over.
    pub(crate) fn pending(&self) -> usize {
        let state = self.state.lock();
        state.running + state.queue.len()
    }

    /// Has `job` run, and waits until it is over. If the wait ends before the job begins, it is taken
    /// back; if it has begun, an owned one is left; else `unblock` is called, once, before it is over, and
    /// then it is waited for, whatever comes.
    ///
    /// # Panics
    /// As [`Wait::begin`]; then the job is not taken on. An `unblock` that panics is dropped.
    pub(crate) fn call(
        &self,
        shared: &Arc<Shared>,
        job: &Job,
        deadline: Deadline,
        stop: Option<&StopToken>,
        unblock: impl FnOnce(),
    ) -> Came {
        let wait = Wait::begin(Reason::Offload, ptr::from_ref(job).cast());
        match self.submit(shared, job, wait.ticket()) {
            Ok(idle) => drop(idle),
            Err(refused) => {
                let _ = wait.withdraw();
                return Came::Refused(refused);
            }
        }
        match wait.park(deadline, stop) {
            Outcome::Woken => Came::Over,
            ended => self.end_early(job, ended, unblock),
        }
    }

    /// Queues the job. Returns the idle thread that is to come for it, to be let go.
    fn submit(
        &self,
        shared: &Arc<Shared>,
        job: &Job,
        caller: Ticket,
    ) -> Result<Option<Claimed>, Refused> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        let idle = loop {
            match state.idle.pop() {
                Some((_, ticket)) => {
                    // One whose patience has just ended looks at the queue once more.
                    if let Some(claimed) = ticket.claim(Outcome::Woken) {
                        break Some(claimed);
                    }
                }
                None => break None,
            }
        };
        if idle.is_none()
            && state.alive < self.limit
            && let Err(error) = self.start_thread(shared, &mut state)
            && state.alive == 0
        {
            return Err(Refused::Thread(error));
        }
        state.last += 1;
        let number = state.last;
        job.number.set(number);
        job.caller.set(Some(caller));
        state.queue.insert(number, JobRef(NonNull::from(job)));
        Ok(idle)
    }

    fn start_thread(&self, shared: &Arc<Shared>, state: &mut State) -> io::Result<()> {
        let free = state.threads.iter().position(Option::is_none);
        let number = free.unwrap_or_else(|| {
            state.threads.push(None);
            state.threads.len() - 1
        });
        let (its, kind) = (Arc::clone(shared), self.kind);
        let thread = Builder::new()
            .name(format!("{}-{}-{number}", shared.config.name, kind.name()))
            .spawn(move || its.pools.of(kind).serve(&its, number))?;
        state.threads[number] = Some(thread);
        state.alive += 1;
        Ok(())
    }

    /// What thread `number` does.
    fn serve(&self, shared: &Shared, number: usize) {
        if let Some(plan) = shared.plan.get() {
            plan.release();
        }
        while let Some(job) = self.next_job(number) {
            // SAFETY: we took it from the queue, so it is ours until it is over.
            let its = unsafe { job.get() };
            // SAFETY: as `Job::new` was promised, and nobody else calls it.
            unsafe { (its.run)(its.body) };
            self.end(&job);
            shared.may_be_over();
        }
    }

    /// `None`: the thread is to end, and has been struck off.
    fn next_job(&self, number: usize) -> Option<JobRef> {
        let mut state = self.state.lock();
        loop {
            if let Some((_, job)) = state.queue.pop_first() {
                // SAFETY: it is queued.
                unsafe { job.get() }.stage.set(Stage::Runs);
                state.running += 1;
                return Some(job);
            }
            if state.closed {
                break;
            }
            let wait = Wait::begin_uncancelable(Reason::None, ptr::from_ref(self).cast());
            state.idle.push((number, wait.ticket()));
            drop(state);
            let outcome = wait.park(Deadline::after(self.patience), None);
            state = self.state.lock();
            if outcome != Outcome::Woken {
                state.idle.retain(|(other, _)| *other != number);
                if state.queue.is_empty() {
                    break;
                }
            }
        }
        state.alive -= 1;
        // Nobody need wait for a thread that does nothing more; at a shutdown somebody did take it.
        state.threads[number] = None;
        None
    }

    /// The job's body has returned.
    fn end(&self, job: &JobRef) {
        let mut state = self.state.lock();
        // SAFETY: only we let it be over.
        let its = unsafe { job.get() };
        while its.stage.get() == Stage::Unblocking {
            // What unblocks may have been told which thread this is: it must not go on to other jobs.
            let wait = Wait::begin_uncancelable(Reason::Offload, self.address());
            its.thread.set(Some(wait.ticket()));
            drop(state);
            let _ = wait.park(Deadline::NEVER, None);
            state = self.state.lock();
        }
        if its.stage.get() == Stage::Left {
            state.running -= 1;
            drop(state);
            // SAFETY: its caller has left it to us, and only owned ones are left.
            unsafe { Job::free(job.0) };
            return;
        }
        its.stage.set(Stage::Over);
        let caller = its.caller.take();
        state.running -= 1;
        let claimed = caller.and_then(|ticket| ticket.claim(Outcome::Woken));
        drop(state);
        // From here on the job may be gone.
        drop(claimed);
    }

    fn address(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    /// The caller's wait has ended as `ended`.
    fn end_early(&self, job: &Job, ended: Outcome, unblock: impl FnOnce()) -> Came {
        let mut state = self.state.lock();
        match job.stage.get() {
            Stage::Over => return Came::Over,
            Stage::Queued => {
                state.queue.remove(&job.number.get());
                return Came::TakenBack(ended);
            }
            Stage::Runs if job.free.is_some() => {
                job.stage.set(Stage::Left);
                return Came::Left(ended);
            }
            Stage::Runs | Stage::Unblocking | Stage::Left => {}
        }
        job.stage.set(Stage::Unblocking);
        drop(state);
        // Nobody is there to hear of a panic in it; the hook was told.
        confined(unblock);
        let state = self.state.lock();
        job.stage.set(Stage::Runs);
        let thread = job.thread.take();
        let wait = Wait::begin_uncancelable(Reason::Offload, ptr::from_ref(job).cast());
        job.caller.set(Some(wait.ticket()));
        let thread = thread.and_then(|ticket| ticket.claim(Outcome::Woken));
        drop(state);
        drop(thread);
        let _ = wait.park(Deadline::NEVER, None);
        Came::Late(ended)
    }

    /// Takes no more jobs, and has the threads end after those they run. Returns the threads.
    pub(crate) fn close(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state.lock();
        state.closed = true;
        let idle: Vec<_> = std::mem::take(&mut state.idle);
        let woken: Vec<_> = idle
            .into_iter()
            .filter_map(|(_, ticket)| ticket.claim(Outcome::Woken))
            .collect();
        let threads = state.threads.iter_mut().filter_map(Option::take).collect();
        drop(state);
        drop(woken);
        threads
    }
}
