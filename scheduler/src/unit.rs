//! How a fiber waits: the fiber kind of unit that `vitte-wait` knows only through a table.

use crate::{
    shutdown::Unwinding,
    task::{Task, flags},
    timer,
    worker::{self, Action, classes, ready::make_ready},
};
use vitte_fibers::Suspender;
use vitte_wait::{
    Deadline, Ticket, Unit, UnitOps, Wait,
    facade::{atomic::Ordering::Relaxed, thread::Thread},
};

/// The fiber kind of unit.
pub(crate) static OPS: UnitOps = UnitOps {
    park,
    ready,
    thread,
    give_way,
    unwind,
    raised: classes::raised,
    stack,
    life,
};

fn life(unit: &'static Unit) -> u64 {
    // SAFETY: units with this table lie in task records.
    unsafe { Task::of(unit) }.id_unknown().to_bits()
}

unsafe fn park(unit: &'static Unit, ticket: Ticket, deadline: Deadline) {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    if unit.is_done() || (deadline == Deadline::NEVER && suspend(task)) {
        return;
    }
    if deadline != Deadline::NEVER && suspend_until(task, ticket, deadline) {
        return;
    }
    // The thread is panicking, so its fiber cannot leave it. It blocks instead.
    if let Some(worker) = worker::current() {
        worker.call_after(task);
    }
    Wait::block_thread(unit, ticket, deadline);
}

/// False: the stack could not be left.
#[inline(always)]
fn suspend(task: &'static Task) -> bool {
    let Some(worker) = worker::current() else {
        return false;
    };
    let after = worker.after.get().is_some();
    let action = if after {
        Action::ParkAfter
    } else {
        Action::Park
    };
    worker.switch_task(task, action).is_some()
}

fn suspend_until(task: &'static Task, ticket: Ticket, deadline: Deadline) -> bool {
    let Some(worker) = worker::current() else {
        return false;
    };
    let entry = timer::entry(ticket, deadline);
    let shared = worker.shared();
    // The worker may be another one afterwards, the timers are those the entry was armed in. They
    // outlive us: a scheduler ends after its tasks.
    let timers = &worker.remote().timers;
    // SAFETY: the entry stays in this frame until `disarm` below.
    if unsafe { timers.arm(&entry) } {
        shared.idle.timer_armed(shared, deadline.as_nanos());
    }
    let suspended = suspend(task);
    // SAFETY: it was armed there.
    unsafe { timers.disarm(&entry) };
    suspended
}

unsafe fn ready(unit: &'static Unit) {
    // SAFETY: units with this table lie in task records.
    make_ready(unsafe { Task::of(unit) });
}

unsafe fn thread(unit: &'static Unit) -> Thread {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    let owner = crate::task::slab::owner_of(task);
    // SAFETY: a task that waits keeps its scheduler alive.
    let shared = unsafe { &*owner };
    let thread = shared.remotes[task.home()].bed.thread();
    thread.unwrap_or_else(|| unreachable!("a worker that runs tasks has a thread"))
}

fn give_way(unit: &'static Unit) {
    if let Some(worker) = worker::current()
        && (worker.has_work() || worker.is_called_back())
    {
        // SAFETY: units with this table lie in task records.
        let _ = worker.switch_task(unsafe { Task::of(unit) }, Action::Yield);
    }
}

fn stack(unit: &'static Unit) -> (usize, usize) {
    // SAFETY: units with this table lie in task records.
    let hot = &unsafe { Task::of(unit) }.hot;
    (hot.lo.load(Relaxed), hot.hi.load(Relaxed))
}

fn unwind(unit: &'static Unit) {
    if !Suspender::may_suspend() {
        return;
    }
    if let Some(worker) = worker::current() {
        // What was to be called once this fiber waits must not be called for another one.
        worker.after.set(None);
    }
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    if task.flags() & flags::NO_UNWIND == 0 {
        std::panic::resume_unwind(Box::new(Unwinding));
    }
    if let Some(worker) = worker::current() {
        if task.flags() & flags::MAY_BLOCK != 0 {
            worker.stop_inside();
        }
        // Its frames cannot unwind, so it stops where it stands, for ever.
        worker.switch(Action::Discard);
    }
}
