//! How a task leaves its stack: for the main loop, or straight for the stack of another task.
//!
//! What a task that leaves asks for, to be parked or to be put in line, is not to be done before its stack is saved. So it is
//! done by whoever comes up on the other side: the main loop, or the task that was left for, before it does anything else.
//!
//! Note \[Direct switches\]: a switch by way of the main loop is two switches, and the main loop looks everywhere for the next
//! task. Mostly that lies at hand: whoever just sent a message, or unlocked, has made the receiver ready, and now waits himself. So a
//! task that waits or yields takes the next one from the LIFO slot or the line, and leaves for it, if it has begun, and if
//! the main loop would pick it, too. Where that is not plain, it leaves for the main loop: when it is the turn of the other sources,
//! of every [`ROUND`] picks one at least, so what is looked at in turns is looked at as before; when a task of the high class waits
//! anywhere, or one that is not of the normal class yields, for it may be next itself; and when something lies in the inbox, or a fresh task here, while the LIFO slot is empty. Who wants to be back in the
//! main loop after each task, because it is seen or driven, [brings the turn nearer](Worker::narrow).
//!
//! Invariants: who is left for was suspended in [`Worker::switch_task`], so he settles what was asked for; nothing
//! runs on the worker's thread in between. A task that cannot wait is never found over before it has left.

use crate::{
    carrier::Carrier,
    native::stack::Call,
    task::{Task, flags},
    worker::{Action, Worker, classes::Ready, find::ROUND},
};
use vitte_fibers::Suspender;
use vitte_wait::{ParkKind, facade::atomic::Ordering::Relaxed};

/// Shows the first task of a pair to the second.
///
/// # Safety
/// `pair` is one of two references to tasks.
unsafe fn show(pair: *const ()) {
    // SAFETY: by the caller.
    let (task, below) = unsafe { *pair.cast::<(&'static Task, &'static Task)>() };
    task.show_below(below);
}

impl Worker {
    /// Leaves the stack that the caller stands on for the main loop; returns on whatever worker resumes it. `None`: it
    /// could not be left, because the thread is panicking.
    #[inline(always)]
    pub(crate) fn switch(&self, action: Action) -> Option<&'static Self> {
        self.action.set(action);
        match self.carrier().suspender().suspend() {
            // SAFETY: the user pointer of a resumer is its worker, which lives while it runs us.
            Ok(worker) => Some(unsafe { &*worker.cast::<Self>() }),
            Err(_) => {
                self.action.set(Action::None);
                None
            }
        }
    }

    /// As [`switch`](Self::switch), for `task`, which runs and goes on afterwards, and perhaps straight to another task.
    #[inline(always)]
    pub(crate) fn switch_task(&self, task: &'static Task, action: Action) -> Option<&'static Self> {
        if task.flags() & flags::TO_MIND != 0 {
            return self.switch_minding(task, action);
        }
        let worker = self.leave_stack(task, action)?;
        worker.come_up(task);
        Some(worker)
    }

    /// The link of a task that runs inline leads to its joiner, and queues use it for their own ends. And
    /// no worker is inside a native region while its fiber waits.
    #[cold]
    #[inline(never)]
    fn switch_minding(&self, task: &'static Task, action: Action) -> Option<&'static Self> {
        let flags = task.flags();
        if flags & flags::ON_NATIVE != 0 {
            return None;
        }
        let joiner = task.link.get();
        let switch = || {
            if flags & flags::INLINE != 0
                // SAFETY: the link of a task that runs inline is its joiner.
                && let Some(below) = unsafe { joiner.as_ref() }
            {
                self.show_below(task, below);
            }
            let worker = self.leave_stack(task, action)?;
            if flags & flags::INLINE != 0 {
                task.link.set(joiner);
            }
            worker.come_up(task);
            Some(worker)
        };
        if flags & flags::MAY_BLOCK != 0 {
            self.suspend_inside(switch)
        } else {
            switch()
        }
    }

    /// Has the joiner know who is on top of it. That may want memory, and whoever runs inline has half a stack at the most: so
    /// the main loop does it.
    #[inline(always)]
    fn show_below(&self, task: &'static Task, below: &'static Task) {
        if !task.is_shown(below) {
            let pair = (task, below);
            // SAFETY: the pair is of that type, and stays in this frame until it was called.
            self.call.set(Some(unsafe { Call::new(show, &pair) }));
            if self.switch(Action::Call).is_none() {
                self.call_for_fiber();
            }
        }
    }

    #[inline(always)]
    fn leave_stack(&self, task: &'static Task, action: Action) -> Option<&'static Self> {
        // What the others ask for is done on the thread's own stack.
        let may_pass = match action {
            Action::Park | Action::ParkToken => true,
            // Its own lane is looked at once it lies there.
            Action::Yield => task.unit.is_ordinary(),
            _ => false,
        };
        if may_pass
            && Suspender::DIRECT
            && self.resumer.may_suspend()
            && let Some(next) = self.next_at_hand()
        {
            let here = self.carrier();
            self.action.set(action);
            // SAFETY: the task has started, and since it was in a queue it has not ended.
            let next: &Carrier = unsafe { Carrier::under(next.hot.hi.load(Relaxed)) };
            self.carrier.set(next);
            self.remote().counts.switches.raise();
            // SAFETY: we stand on the carrier that runs, which the main loop entered, or which was left for; the next one is
            // under a task that we took from a queue, so it is suspended, in `leave_stack`.
            let worker = unsafe { here.leave_for(next, self.remote()) };
            // SAFETY: as in `switch`.
            return Some(unsafe { &*worker.cast::<Self>() });
        }
        self.switch(action)
    }

    #[inline(always)]
    fn carrier(&self) -> &'static Carrier {
        // SAFETY: a task runs, on the carrier that was set when it came up, and that is alive.
        unsafe { &*self.carrier.get() }
    }

    /// The next task, if it is plain which that is: see Note \[Direct switches\].
    #[inline(always)]
    fn next_at_hand(&self) -> Option<&'static Task> {
        let tick = self.tick.get().wrapping_add(1);
        if tick.is_multiple_of(ROUND) || self.shared().high_waiting.load(Relaxed) != 0 {
            return None;
        }
        // What lies in the slot or in line has begun.
        let task = match self.take_slot() {
            Some(task) => task,
            None if self.remote().inbox.is_empty() && self.remote().fresh.is_empty() => {
                let task = self.find_in_line()?;
                self.lifo_streak.set(0);
                task
            }
            None => return None,
        };
        self.tick.set(tick);
        Some(task)
    }

    /// `task`, which runs here from now on, has come up. Settles what was asked for by whoever left for it.
    #[inline(always)]
    fn come_up(&self, task: &'static Task) {
        let asked = self.action.replace(Action::None);
        if asked == Action::None {
            self.enter(task);
            return;
        }
        let left = self.current();
        self.enter(task);
        self.slice.end();
        if let Some(left) = left
            && self.see_off(left, asked)
        {
            self.make_ready(left);
        }
    }

    /// Parks `left`, which has left its stack, or puts it in line. True: its wait is over already, and it is in no
    /// queue.
    #[inline(always)]
    pub(super) fn see_off(&self, left: &'static Task, asked: Action) -> bool {
        match asked {
            Action::ParkToken => !left.unit.commit_park_token(self.here()),
            Action::Yield => {
                if left.unit.is_ordinary() || !self.shared().put_into_lane(left, Ready::Yielded) {
                    self.queue(left);
                }
                false
            }
            _ => !left.unit.commit_park(self.here(), ParkKind::Suspended),
        }
    }
}
