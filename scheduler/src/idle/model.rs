//! Models of falling asleep: no wake-up is lost, by work for anybody, by work for one, or by a
//! timer. A lost one shows as a deadlock: the sleeper waits for ever, and so does whoever joins it.

use crate::{
    check::check,
    config::Config,
    queue::ring::Ring,
    shared::Shared,
    task::Task,
    timer::{self, Entry},
    worker::steal::Haste,
};
use std::sync::Arc;
use vitte_fibers::{StackClass, StackOptions, StackPool};
use vitte_wait::{
    Deadline, Reason, Ticket, Wait, current,
    facade::{clock, thread},
};

/// The number of a fiber that there never was.
const NOBODY: u64 = u64::MAX;

/// Some workers that do nothing but wait, and what they wait for.
#[derive(Clone)]
pub(super) struct Workers(pub(super) Arc<Shared>);

impl Workers {
    pub(super) fn new(count: usize) -> Self {
        let config = Config {
            workers: count,
            ..Config::default()
        };
        let stacks = StackPool::new(StackOptions::default());
        Self(Shared::new(config, StackClass::DEFAULT, stacks, 1))
    }

    /// Worker `index` runs `body` on a thread of its own.
    pub(super) fn start<T: 'static>(
        &self,
        index: usize,
        body: impl FnOnce(&Self) -> T + 'static,
    ) -> thread::JoinHandle<T> {
        let workers = self.clone();
        thread::spawn(move || {
            workers.0.remotes[index].bed.set_thread(thread::current());
            body(&workers)
        })
    }

    /// Makes work visible that anybody may take from worker `from`. The owner calls.
    fn post(&self, from: usize) {
        let nobody = std::ptr::without_provenance_mut::<Task>(128);
        // SAFETY: the model's owner of this stack calls; the address is not followed.
        unsafe { self.0.remotes[from].fresh.push(nobody) };
        self.0.idle.post(&self.0);
    }

    /// Worker `me` waits until it has taken one task from worker `from`, and never looks again.
    fn take_one(&self, me: usize, from: usize) {
        let steal = |_| {
            // Half of what is there at a time; the models have so few that this is one.
            (self.0.remotes[from].fresh.steal(|_| {}) > 0).then_some(())
        };
        while self
            .0
            .idle
            .wait(&self.0, me, u64::MAX, || false, steal)
            .is_none()
        {}
    }

    /// Worker `me` waits until something lies in its inbox.
    fn open_inbox(&self, me: usize) {
        let full = || !self.0.remotes[me].inbox.is_empty();
        while !full() {
            self.0
                .idle
                .wait(&self.0, me, u64::MAX, full, |_| None::<()>);
        }
    }

    /// Worker `me` waits until a timer, whosever, has fired.
    fn fire_one(&self, me: usize) {
        let fire = |_| {
            let now = clock::now();
            let mut remotes = self.0.remotes.iter();
            remotes
                .any(|remote| remote.timers.next() <= now && remote.timers.fire(now))
                .then_some(())
        };
        while self
            .0
            .idle
            .wait(&self.0, me, u64::MAX, || false, fire)
            .is_none()
        {}
    }

    /// Makes room for signals; there is none without.
    fn with_signals(self) -> Self {
        let _ = self.0.signals.set(Ring::new(2));
        self
    }

    /// What a signal handler does; says whether it has woken a sleeper.
    fn signal(&self) -> bool {
        assert!(self.0.signals.get().unwrap().push(NOBODY));
        self.0.idle.signaled(&self.0)
    }

    /// How many signals were heeded.
    fn heeded(&self) -> usize {
        self.0.signals.get().unwrap().count_taken()
    }

    /// Worker `me` waits until one signal was heeded, by whomever.
    fn heed_one(&self, me: usize) {
        let heed = |_| self.0.heed_signals().then_some(());
        while self.heeded() == 0 {
            self.0.idle.wait(&self.0, me, u64::MAX, || false, heed);
        }
    }

    /// A record for an inbox.
    fn task(&self) -> &'static Task {
        self.0.depot.take_outside().unwrap()
    }

    pub(super) fn over(self) {
        self.0.depot.forget();
    }
}

/// A timer of the calling thread that is due at the modelled `nanos`.
fn wait_until(nanos: u64) -> (Wait, Ticket, Deadline) {
    let wait = Wait::begin_uncancelable(Reason::Sleep, std::ptr::null());
    let ticket = wait.ticket();
    (wait, ticket, Deadline::from_nanos(nanos))
}

fn arm(workers: &Workers, index: usize, entry: &Entry, deadline: Deadline) {
    // SAFETY: it is used at once.
    let here = unsafe { current::here() };
    // SAFETY: the models keep the entry until it has fired.
    if unsafe { workers.0.remotes[index].timers.arm(entry, here) } {
        let idle = &workers.0.idle;
        idle.timer_armed(&workers.0, deadline.as_nanos());
    }
}

/// As [`arm`], by a thread that is not the worker.
fn arm_for(workers: &Workers, index: usize, entry: &Entry, deadline: Deadline) {
    // SAFETY: it is used at once.
    let here = unsafe { current::here() };
    // SAFETY: the models keep the entry until it has fired.
    if unsafe { workers.0.remotes[index].timers.arm(entry, here) } {
        let idle = &workers.0.idle;
        idle.timer_armed_for(&workers.0, index, deadline.as_nanos());
    }
}

#[test]
fn a_post_wakes_the_one_sleeper() {
    check("idle: one post, one sleeper", 5, || {
        let workers = Workers::new(2);
        let sleeper = workers.start(1, |workers| workers.take_one(1, 0));
        workers.post(0);
        sleeper.join().unwrap();
        workers.over();
    });
}

/// A searcher leaves alone what was posted just now, and takes it in his last look, if `last` says so.
fn a_post_that_is_green(name: &'static str, last: fn(Haste) -> bool) {
    check(name, 3, move || {
        let workers = Workers::new(2);
        let sleeper = workers.start(1, move |workers| {
            let idle = &workers.0.idle;
            let fresh = &workers.0.remotes[0].fresh;
            let steal = |haste| (last(haste) && fresh.steal(|_| {}) > 0).then_some(());
            while idle
                .wait(&workers.0, 1, u64::MAX, || false, steal)
                .is_none()
            {}
        });
        workers.post(0);
        sleeper.join().unwrap();
        workers.over();
    });
}

#[test]
fn what_a_searcher_leaves_alone_he_takes_in_his_last_look() {
    a_post_that_is_green("idle: a green post", |haste| haste == Haste::Any);
}

#[test]
#[should_panic(expected = "deadlock")]
fn what_is_green_in_the_last_look_too_is_lost() {
    a_post_that_is_green("flawed: idle, green in the last look", |_| false);
}

#[test]
fn two_posts_wake_two_sleepers_though_one_searches() {
    check("idle: two posts, two sleepers", 2, || {
        let workers = Workers::new(3);
        let sleepers =
            [1, 2].map(|index| workers.start(index, move |workers| workers.take_one(index, 0)));
        workers.post(0);
        workers.post(0);
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        workers.over();
    });
}

#[test]
fn a_task_for_one_worker_wakes_that_one() {
    check("idle: inbox", 5, || {
        let workers = Workers::new(2);
        let task = workers.task();
        let sleeper = workers.start(1, |workers| workers.open_inbox(1));
        workers.0.remotes[1].inbox.push(task);
        workers.0.idle.post_to(&workers.0, 1);
        sleeper.join().unwrap();
        workers.over();
    });
}

#[test]
fn a_task_for_anybody_and_one_for_the_keeper_wake_both_sleepers() {
    check("idle: a post and an inbox, two sleepers", 2, || {
        let workers = Workers::new(3);
        let task = workers.task();
        let one = workers.start(1, |workers| workers.open_inbox(1));
        let other = workers.start(2, |workers| workers.take_one(2, 0));
        workers.0.remotes[1].inbox.push(task);
        workers.0.idle.post_to(&workers.0, 1);
        workers.post(0);
        one.join().unwrap();
        other.join().unwrap();
        workers.over();
    });
}

#[test]
fn the_end_wakes_everybody() {
    check("idle: the end, two sleepers", 2, || {
        let workers = Workers::new(2);
        let sleepers = [0, 1].map(|index| {
            workers.start(index, move |workers| {
                while !workers.0.is_stopping() {
                    let idle = &workers.0.idle;
                    idle.wait(&workers.0, index, u64::MAX, || false, |_| None::<()>);
                }
            })
        });
        workers.0.enter_phase(crate::shared::Phase::Stopping);
        workers.0.idle.wake_all(&workers.0);
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        workers.over();
    });
}

#[test]
fn a_timer_armed_by_a_busy_worker_fires_at_the_keeper() {
    check("idle: timer of a busy worker", 5, || {
        let workers = Workers::new(2);
        // Due as soon as it is armed.
        clock::set(1 << 30);
        let keeper = workers.start(1, |workers| workers.fire_one(1));
        let (wait, ticket, deadline) = wait_until(1 << 20);
        let entry = timer::entry(ticket, deadline);
        arm(&workers, 0, &entry, deadline);
        // Worker 0 does not look after its timers any more.
        keeper.join().unwrap();
        let _ = wait.withdraw();
        workers.over();
    });
}

#[test]
fn the_timers_of_a_sleeper_that_rises_fall_to_the_keeper() {
    check("idle: timer of a sleeper that rises", 2, || {
        let workers = Workers::new(2);
        let task = workers.task();
        let keeper = workers.start(1, |workers| workers.fire_one(1));
        let riser = workers.start(0, |workers| {
            let (_, ticket, deadline) = wait_until(1 << 20);
            // It fires when this thread has gone on to other things.
            let entry = Box::leak(Box::new(timer::entry(ticket, deadline)));
            arm(workers, 0, entry, deadline);
            workers.open_inbox(0);
        });
        workers.0.remotes[0].inbox.push(task);
        workers.0.idle.post_to(&workers.0, 0);
        // It runs what it found from now on, and does not look after its timers.
        riser.join().unwrap();
        clock::set(1 << 30);
        keeper.join().unwrap();
        workers.over();
    });
}

/// The keeper rises for good while the timer is armed, and leaves its office to another sleeper.
#[test]
fn a_timer_of_a_busy_worker_fires_though_the_keeper_leaves() {
    check("idle: timer of a busy worker, two keepers", 2, || {
        let workers = Workers::new(3);
        let task = workers.task();
        clock::set(1 << 30);
        let leaves = workers.start(1, |workers| workers.open_inbox(1));
        let stays = workers.start(2, |workers| workers.fire_one(2));
        workers.0.remotes[1].inbox.push(task);
        workers.0.idle.post_to(&workers.0, 1);
        let (wait, ticket, deadline) = wait_until(1 << 20);
        let entry = timer::entry(ticket, deadline);
        arm(&workers, 0, &entry, deadline);
        leaves.join().unwrap();
        stays.join().unwrap();
        let _ = wait.withdraw();
        workers.over();
    });
}

#[test]
fn a_timer_armed_from_outside_for_the_one_sleeper_fires() {
    check("idle: timer from outside", 5, || {
        let workers = Workers::new(1);
        clock::set(1 << 30);
        let sleeper = workers.start(0, |workers| workers.fire_one(0));
        let (wait, ticket, deadline) = wait_until(1 << 20);
        let entry = timer::entry(ticket, deadline);
        arm_for(&workers, 0, &entry, deadline);
        sleeper.join().unwrap();
        let _ = wait.withdraw();
        workers.over();
    });
}

#[test]
fn a_timer_armed_from_outside_for_a_sleeper_that_rises_falls_to_the_keeper() {
    check(
        "idle: timer from outside, of a sleeper that rises",
        2,
        || {
            let workers = Workers::new(2);
            let task = workers.task();
            clock::set(1 << 30);
            let keeper = workers.start(1, |workers| workers.fire_one(1));
            // It runs what it found from now on, and does not look after its timers.
            let riser = workers.start(0, |workers| workers.open_inbox(0));
            workers.0.remotes[0].inbox.push(task);
            workers.0.idle.post_to(&workers.0, 0);
            let (wait, ticket, deadline) = wait_until(1 << 20);
            let entry = timer::entry(ticket, deadline);
            arm_for(&workers, 0, &entry, deadline);
            riser.join().unwrap();
            keeper.join().unwrap();
            let _ = wait.withdraw();
            workers.over();
        },
    );
}

#[test]
fn a_signal_wakes_the_one_sleeper() {
    check("idle: a signal, one sleeper", 4, || {
        let workers = Workers::new(2).with_signals();
        let sleeper = workers.start(1, |workers| workers.heed_one(1));
        workers.signal();
        sleeper.join().unwrap();
        workers.over();
    });
}

#[test]
fn two_signals_at_once_are_both_heeded() {
    check("idle: two signals, one sleeper", 2, || {
        let workers = Workers::new(2).with_signals();
        let sleeper = workers.start(1, |workers| {
            let heed = |_| workers.0.heed_signals().then_some(());
            while workers.heeded() < 2 {
                workers.0.idle.wait(&workers.0, 1, u64::MAX, || false, heed);
            }
        });
        let other = {
            let workers = workers.clone();
            thread::spawn(move || workers.signal())
        };
        workers.signal();
        other.join().unwrap();
        sleeper.join().unwrap();
        workers.over();
    });
}

/// Whoever is woken for a task may run it for ever, so he heeds the signal first.
#[test]
fn a_sleeper_that_is_woken_twice_at_once_heeds_the_signal() {
    check("idle: a signal and a post, one sleeper", 3, || {
        let workers = Workers::new(2).with_signals();
        let sleeper = workers.start(1, |workers| workers.take_one(1, 0));
        let handler = {
            let workers = workers.clone();
            thread::spawn(move || workers.signal())
        };
        workers.post(0);
        let woken = handler.join().unwrap();
        sleeper.join().unwrap();
        assert!(!woken || workers.heeded() == 1, "woken, and not heeded");
        workers.over();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_handler_that_looks_for_a_sleeper_before_it_pushes_wakes_nobody() {
    check("flawed: idle, the look before the push", 2, || {
        let workers = Workers::new(2).with_signals();
        let sleeper = workers.start(1, |workers| workers.heed_one(1));
        workers.0.idle.signaled(&workers.0);
        assert!(workers.0.signals.get().unwrap().push(NOBODY));
        sleeper.join().unwrap();
        workers.over();
    });
}

#[test]
fn a_task_for_a_worker_that_rests_wakes_that_one() {
    check("idle: inbox of one that rests", 5, || {
        let workers = Workers::new(2);
        workers.0.set_active(1);
        let task = workers.task();
        let resting = workers.start(1, |workers| {
            let full = || !workers.0.remotes[1].inbox.is_empty();
            while !full() {
                workers.0.idle.rest(&workers.0, 1, u64::MAX, full);
            }
        });
        workers.0.remotes[1].inbox.push(task);
        workers.0.idle.post_to(&workers.0, 1);
        resting.join().unwrap();
        workers.over();
    });
}

#[test]
fn a_worker_that_rests_is_told_when_it_is_wanted_again() {
    check("idle: one that rests comes back", 5, || {
        let workers = Workers::new(2);
        workers.0.set_active(1);
        let resting = workers.start(1, |workers| {
            let wanted = || workers.0.active() == 2;
            while !wanted() {
                workers.0.idle.rest(&workers.0, 1, u64::MAX, wanted);
            }
            // And it is as good a worker as any.
            workers.take_one(1, 0);
        });
        workers.0.set_active(2);
        workers.0.idle.post_to(&workers.0, 1);
        workers.post(0);
        resting.join().unwrap();
        workers.over();
    });
}

/// Of two posts one may wake the worker that is being retired, which may take one task, or leave both.
#[test]
fn what_a_worker_was_woken_for_when_it_was_retired_is_found_by_another() {
    check("idle: a sleeper is retired", 2, || {
        let workers = Workers::new(3);
        let stays = workers.start(1, |workers| workers.take_one(1, 0));
        let leaves = workers.start(2, |workers| {
            let retired = || workers.0.active() == 2;
            let steal = |_| (workers.0.remotes[0].fresh.steal(|_| {}) > 0).then_some(());
            let idle = &workers.0.idle;
            while !retired() && idle.wait(&workers.0, 2, u64::MAX, retired, steal).is_none() {}
        });
        workers.post(0);
        workers.0.set_active(2);
        workers.0.idle.post_to(&workers.0, 2);
        workers.post(0);
        leaves.join().unwrap();
        stays.join().unwrap();
        workers.over();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_sleeper_that_is_retired_without_a_word_sleeps_on() {
    check("flawed: idle, retired in silence", 2, || {
        let workers = Workers::new(2);
        let sleeper = workers.start(1, |workers| {
            let retired = || workers.0.active() == 1;
            while !retired() {
                let idle = &workers.0.idle;
                idle.wait(&workers.0, 1, u64::MAX, retired, |_| None::<()>);
            }
        });
        // A step at which the sleeper may go on; the checker runs us whenever it pauses in its search.
        let _ = workers.0.idle.has_idle();
        workers.0.set_active(1);
        sleeper.join().unwrap();
        workers.over();
    });
}

/// A host takes two tasks from the injector, and sleeps between its calls until it is called. `tells_late`
/// is a flaw: it says that it is outside only when its worker sleeps already.
fn a_host_between_calls(tells_late: bool) {
    let workers = Workers::new(0);
    let host = workers.start(0, move |workers| {
        let shared = &workers.0;
        let knock = &shared.host.as_ref().unwrap().knock;
        // Not by the thread's own token, which a poke gives it.
        let own = current::unit();
        drop(knock.set_wake(Some(Arc::new(move || own.unpark()))));
        let look = || (!shared.injector.is_empty()).then_some(());
        for _ in 0..2 {
            while shared.injector.pop(0, |_| {}).is_none() {
                if !tells_late {
                    knock.leave();
                }
                if shared.idle.lie_down(shared, 0, look).is_none() {
                    if tells_late {
                        knock.leave();
                    }
                    // The call is over: whoever posts from now on calls us.
                    let _ = Wait::park_token(Deadline::NEVER, None);
                    shared.idle.rise(shared, 0);
                }
                knock.enter();
            }
        }
    });
    for _ in 0..2 {
        workers.0.injector.push(workers.task());
        workers.0.idle.post(&workers.0);
    }
    host.join().unwrap();
    workers.over();
}

#[test]
fn a_host_is_called_for_what_is_posted_between_its_calls() {
    check("idle: a host between calls", 3, || {
        a_host_between_calls(false);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_host_that_says_too_late_that_it_is_outside_is_not_called() {
    check("flawed: idle, a host that tells late", 3, || {
        a_host_between_calls(true);
    });
}
