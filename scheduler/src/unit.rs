//! How a fiber waits: the fiber kind of unit that `vitte-wait` knows only through a table.

use crate::{
    native::stack,
    shutdown::Unwinding,
    task::{Task, flags},
    timer,
    worker::{self, Action, Worker, classes, ready::make_ready},
};
use vitte_wait::{
    Deadline, Ticket, Unit, UnitOps, Wait,
    current::Here,
    facade::{atomic::Ordering::Relaxed, thread::Thread},
    local::Locals,
};

/// The fiber kind of unit.
pub(crate) static OPS: UnitOps = UnitOps {
    park,
    ready,
    thread,
    give_way,
    attend,
    locals,
    raised: classes::raised,
    is_on_stack,
    place,
    life,
};

fn life(unit: &'static Unit) -> u64 {
    // SAFETY: units with this table lie in task records.
    unsafe { Task::of(unit) }.id_unknown().to_bits()
}

unsafe fn park(unit: &'static Unit, here: Here, ticket: Ticket, deadline: Deadline) {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    if unit.is_done() {
        return;
    }
    let suspended = match worker::at(here) {
        None => false,
        Some(worker) if deadline == Deadline::NEVER => suspend(worker, task).is_some(),
        Some(worker) => suspend_until(worker, task, ticket, deadline),
    };
    if !suspended {
        park_with_thread(task, ticket, deadline);
    }
}

/// The thread is panicking, or the fiber stands on the thread's stack, so it cannot leave it. It blocks instead.
#[cold]
#[inline(never)]
fn park_with_thread(task: &'static Task, ticket: Ticket, deadline: Deadline) {
    let block = || Wait::block_thread(&task.unit, ticket, deadline);
    match worker::current() {
        Some(worker) => {
            worker.call_after(task);
            worker.block_for(task, block);
        }
        None => block(),
    }
}

/// The worker on which the task goes on. `None`: the stack could not be left.
#[inline(always)]
fn suspend(worker: &Worker, task: &'static Task) -> Option<&'static Worker> {
    let after = worker.after.get().is_some();
    let action = if after {
        Action::ParkAfter
    } else {
        Action::Park
    };
    let worker = worker.switch_task(task, action)?;
    if task.unit.is_nudged() {
        wait_on(task);
        return worker::current();
    }
    Some(worker)
}

/// The task was brought back though its wait is not over: does what it is asked, and waits on. See
/// Note \[Nudges\].
#[cold]
pub(crate) fn wait_on(task: &'static Task) {
    // Liveness: each round takes what it was brought back for, and parks, or the wait is over.
    while task.unit.is_nudged() {
        task.heed_interrupts_parked();
        if task.unit.is_done() {
            return;
        }
        let worker = worker::current();
        let parked = worker.and_then(|worker| worker.switch_task(task, Action::Park));
        debug_assert!(parked.is_some(), "it has left its stack before");
    }
}

fn locals(unit: &'static Unit) -> *const Locals {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    &raw const task.cold_or_new().locals
}

#[inline(never)]
fn suspend_until(worker: &Worker, task: &'static Task, ticket: Ticket, deadline: Deadline) -> bool {
    let entry = timer::entry(ticket, deadline);
    let shared = worker.shared();
    // The worker may be another one afterwards, the timers are those the entry was armed in. They
    // outlive us: a scheduler ends after its tasks.
    let timers = &worker.remote().timers;
    // SAFETY: the entry stays in this frame until `disarm` below.
    if unsafe { timers.arm(&entry, worker.here()) } {
        shared.idle.timer_armed(shared, deadline.as_nanos());
    }
    let now_on = suspend(worker, task);
    let here = now_on.map_or_else(|| worker.here(), Worker::here);
    // SAFETY: it was armed there.
    unsafe { timers.disarm(&entry, here) };
    now_on.is_some()
}

unsafe fn ready(unit: &'static Unit, here: Here) {
    // SAFETY: units with this table lie in task records.
    make_ready(unsafe { Task::of(unit) }, here);
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

fn is_on_stack(unit: &'static Unit, address: usize) -> bool {
    // SAFETY: units with this table lie in task records.
    stack::is_on_stack(unsafe { Task::of(unit) }, address)
}

fn place(unit: &'static Unit) -> usize {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    task.hot.hi.load(Relaxed).wrapping_sub(1)
}

fn attend(unit: &'static Unit) {
    // SAFETY: units with this table lie in task records.
    unsafe { Task::of(unit) }.heed_interrupts();
    if unit.is_unwind_due() {
        unwind(unit);
    }
}

/// Ends the task that calls, if that can be done now.
fn unwind(unit: &'static Unit) {
    // SAFETY: units with this table lie in task records.
    let task = unsafe { Task::of(unit) };
    let worker = worker::current();
    let stays = worker.is_some_and(|worker| !worker.resumer.may_suspend());
    if stays || task.flags() & flags::ON_NATIVE != 0 {
        return;
    }
    let unwinds = task.flags() & flags::NO_UNWIND == 0;
    if !unwinds && task.flags() & flags::INLINE != 0 && !unit.is_unwind_forced() {
        // Its joiner, whose stack this is, is to go on.
        return;
    }
    if unwinds {
        std::panic::resume_unwind(Box::new(Unwinding));
    }
    // Its frames cannot unwind, so it stops where it stands, for ever; and so do those below it.
    let mut ends = task;
    loop {
        ends.end_locals();
        if ends.flags() & flags::INLINE == 0 {
            break;
        }
        // SAFETY: the link of a task that runs inline is its joiner.
        let Some(below) = (unsafe { ends.link.get().as_ref() }) else {
            break;
        };
        if let Some(worker) = worker::current() {
            worker.enter(below);
        }
        ends = below;
    }
    if let Some(worker) = worker::current() {
        worker.enter(task);
        if task.flags() & flags::MAY_BLOCK != 0 {
            worker.stop_inside();
        }
        worker.switch(Action::Discard);
    }
}

/// Ends the task that calls, if somebody wants it ended and its frames cannot unwind: to be called where it would
/// return to such frames from a wait. Else it returns, as it does on a plain thread.
pub fn give_up_if_killed() {
    if let Some((_, task)) = worker::current_task()
        && task.flags() & flags::NO_UNWIND != 0
        && task.unit.is_unwind_due()
        && !task.unit.is_acting()
    {
        unwind(&task.unit);
    }
}
