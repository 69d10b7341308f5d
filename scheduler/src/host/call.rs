//! One call of the host: its thread runs tasks, until there is a reason to give it back.

use crate::{
    host::{DriveError, Host, Ran, Seated, Why},
    pace::SLICES_TO_AGE,
    shared::Shared,
    task::{Task, slab},
    worker::{self, Worker, find::ROUND, run, steal::Haste},
};
use std::sync::Arc;
use vitte_wait::{
    Deadline, StopToken, current,
    facade::{atomic::Ordering::Relaxed, clock},
};

/// How far a call goes.
pub(super) struct Limits<'a> {
    pub(super) steps: u64,
    /// In nanoseconds.
    pub(super) until: u64,
    /// Whether it waits until then while nothing is ready.
    pub(super) waits: bool,
    /// Whether there is no reason to go on; asked between any two steps.
    pub(super) done: Option<&'a dyn Fn() -> bool>,
}

impl Limits<'_> {
    /// Why a call that has run `steps` ends, if it does though there may be more to run.
    fn reached(&self, steps: u64) -> Option<Why> {
        if steps >= self.steps || self.is_done() {
            return Some(Why::Steps);
        }
        // Some progress is made, however late it is.
        let late = self.until != u64::MAX && steps > 0 && clock::now() >= self.until;
        late.then_some(Why::Deadline)
    }

    fn is_done(&self) -> bool {
        self.done.is_some_and(|done| done())
    }

    /// How many tasks may run, one after the other, without our being asked in between.
    fn unasked(&self, steps: u64) -> u32 {
        if self.until != u64::MAX || self.done.is_some() {
            return 0;
        }
        (self.steps - steps - 1).min(ROUND.into()) as u32
    }
}

pub(super) fn drive(
    shared: &Arc<Shared>,
    host: &Host,
    limits: &Limits<'_>,
) -> Result<Ran, DriveError> {
    let worker = Seated::sit(shared, host)?;
    host.knock.enter();
    shared.idle.rise(shared, 0);
    worker.lent_until.set(limits.until);
    let turns = if shared.config.hooks.see_switches() {
        turns::<true>
    } else {
        turns::<false>
    };
    let ran = turns(&worker, host, limits);
    if ran.why != Why::NothingReady {
        host.knock.show();
    }
    Ok(ran)
}

/// The main loop of a call. `SEEN`: as in that of a thread.
fn turns<const SEEN: bool>(worker: &Worker, host: &Host, limits: &Limits<'_>) -> Ran {
    let (mut steps, mut turn) = (0, worker.slice.turn());
    let mut rounds = 0_u32;
    loop {
        let now = worker.slice.turn();
        steps += u64::from(now.wrapping_sub(turn));
        turn = now;
        if let Some(why) = limits.reached(steps) {
            return Ran { steps, why };
        }
        let again = worker.again.take();
        let Some(carrier) = again.or_else(|| worker.next_carrier::<SEEN>(Worker::find_now)) else {
            match rest(worker, host, limits) {
                Some(why) => return Ran { steps, why },
                None => continue,
            }
        };
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(ROUND) {
            age(worker.shared(), host);
        }
        let unasked = if SEEN { 0 } else { limits.unasked(steps) };
        let ticks = worker.narrow(unasked);
        // SAFETY: this is the main loop of the worker that we own, and the carrier came from its pool, is
        // new, or is under a task that we took from a queue.
        worker
            .again
            .set(unsafe { run::resume::<SEEN>(worker, carrier) });
        worker.widen(ticks);
    }
}

/// Nothing is ready: waits in the call, or goes back to the host, registered as a sleeper. `None`: look
/// again.
fn rest(worker: &Worker, host: &Host, limits: &Limits<'_>) -> Option<Why> {
    let shared = worker.shared();
    shared.may_be_over();
    if shared.is_stopping() {
        return Some(Why::ShutDown);
    }
    let chores = worker.do_chores();
    let waits = limits.waits && clock::now() < limits.until;
    if !waits {
        // First, for who finds us asleep asks where we are.
        host.knock.leave();
    }
    let found = shared.idle.lie_down(shared, 0, || {
        if shared.is_stopping() || limits.is_done() {
            return Some(None);
        }
        worker.look_everywhere(Haste::Any).map(Some)
    });
    match found {
        Some(task) => {
            host.knock.enter();
            worker.next.set(task);
            None
        }
        None if waits => {
            let until = chores.min(limits.until);
            shared.idle.sleep_in_call(shared, 0, until);
            None
        }
        None => {
            let (until, _) = shared.idle.sleep_until(shared, 0, false);
            host.knock.expect(until.min(chores));
            Some(Why::NothingReady)
        }
    }
}

/// Does for the low class what the pacer does where there is one.
fn age(shared: &Shared, host: &Host) {
    if shared.low_waiting.load(Relaxed) == 0 {
        return;
    }
    let now = clock::now();
    if now >= host.next_age.load(Relaxed) {
        let age = shared.slice_nanos().saturating_mul(SLICES_TO_AGE);
        host.next_age.store(now.saturating_add(age), Relaxed);
        shared.pacer.lifted.add(shared.age());
    }
}

/// See [`Scheduler::drive_while`](crate::Scheduler::drive_while). Also returns at `deadline`. True: it was driven.
pub(super) fn drive_while(
    shared: &Arc<Shared>,
    deadline: Deadline,
    waiting: &dyn Fn() -> bool,
) -> bool {
    let limits = Limits {
        steps: u64::MAX,
        until: deadline.as_nanos(),
        waits: true,
        done: Some(&|| !waiting()),
    };
    let Some(host) = &shared.host else {
        return false;
    };
    worker::current().is_none() && host.is_mine() && drive(shared, host, &limits).is_ok()
}

/// As [`drive_while`], until `done`, and on any thread that may drive, for whoever ends the scheduler.
pub(crate) fn drive_to_the_end(
    shared: &Arc<Shared>,
    deadline: Deadline,
    done: &dyn Fn() -> bool,
) -> bool {
    let limits = Limits {
        steps: u64::MAX,
        until: deadline.as_nanos(),
        waits: true,
        done: Some(done),
    };
    let host = shared.host.as_ref();
    host.is_some_and(|host| drive(shared, host, &limits).is_ok())
}

/// The caller is about to wait for the end of `task`, whose scheduler is driven by its host: if that is the
/// calling thread, it drives meanwhile. `ended` says whether there is nothing left to wait for.
#[cold]
pub(crate) fn drive_for_task(
    task: &'static Task,
    deadline: Deadline,
    stop: Option<&StopToken>,
    ended: impl Fn() -> bool,
) {
    let mut found = None;
    slab::with_owner(task, |shared| {
        let host = shared.host.as_ref();
        found = host.and_then(|host| host.scheduler.get()?.upgrade());
    });
    let Some(shared) = found else { return };
    let unit = current::unit();
    let stopped = || stop.is_some_and(StopToken::is_stopped) || unit.is_canceled();
    let deadline = stop.map_or(deadline, |stop| stop.deadline().min(deadline));
    let wake = stop.map(|stop| {
        let shared = Arc::clone(&shared);
        // Ordering: the token is stopped before it calls us; see `post_to`.
        stop.then(move || shared.idle.post_to(&shared, 0))
    });
    drive_while(&shared, deadline, &|| !ended() && !stopped());
    if let Some(wake) = wake {
        wake.remove();
    }
}
