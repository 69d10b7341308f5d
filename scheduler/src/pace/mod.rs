//! The pacer: the thread that watches how long tasks run while others wait.
//!
//! ```text
//!   asleep ──somebody waits for a busy worker──► awake: looks at every desk, each slice or half a slice
//!      ▲                                          │
//!      └────── nobody waits, for half a slice ────┘
//! ```
//!
//! A worker whose turn has not changed for a slice, and for which somebody waits, has its slice ended:
//! the poll word of the task that runs is set. So what computes alone is never looked at, and a
//! process that is idle has no tick. Who pushes a task learns from the word he reads anyway (see
//! `idle::counters`) that the pacer sleeps, and rouses it: Note \[Lost wakeups\] holds for it too.
//!
//! While it is awake it also has spare workers work in the places of those whose threads are blocked:
//! see [`native`](crate::native).
//!
//! While every worker is busy it also ends waits whose time has come, in the keeper's place. And while a
//! worker is busy that has descriptors to watch it looks for those, too, if the worker did not.

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, loom))]
mod short_model;

use crate::{
    native::spare::{PATIENCE, Places},
    shared::Shared,
    stats::Count,
};
#[cfg(all(test, loom))]
use short_model::{grace, short};
use std::{sync::Arc, time::Duration};
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
    clock, thread,
};

/// However short slices are, the pacer looks no more often than this, in nanoseconds.
const SHORTEST_TICK: u64 = 100_000;

/// After so many looks that ended no slice it looks once a slice, not twice: each look interrupts a worker, and a process that
/// mostly waits for descriptors is busy for long and lets nobody wait. Who comes then and goes on has at most two slices.
const CALM: u32 = 16;

/// How long, in nanoseconds, the pacer leaves a timer that is due to the busy worker whose it is, which looks every so
/// many tasks: who is woken a moment later costs that worker no time, and most of its tasks can run nowhere else. In models the
/// clock stands still, and this is nothing, but where it is what is modelled.
#[cfg(not(all(test, loom)))]
const fn grace() -> u64 {
    if cfg!(any(loom, shuttle)) {
        0
    } else {
        2_000_000
    }
}

/// How long, in nanoseconds, its sleep may be without a heavy fence: two ticks of slices as they are by default. A timer is missed
/// by it only if a worker arms it in the very moment in which it falls asleep, and then runs one task for as long.
#[cfg(not(all(test, loom)))]
const fn short() -> u64 {
    10_000_000
}

/// When the pacer looks after a timer that is due then, if nobody else did.
pub(crate) fn beyond(due: u64) -> u64 {
    due.saturating_add(grace())
}

/// Whether a sleep until then, from now on, is a short one: what was missed before it is late by it at most, and no
/// heavy fence is needed.
pub(crate) fn is_short(until: u64) -> bool {
    until <= clock::now().saturating_add(short())
}

/// A task of the low class that has waited for as many slices, or twice as many at most, is lifted.
pub(crate) const SLICES_TO_AGE: u64 = 32;

/// What others must know to rouse it.
#[derive(Default)]
pub(crate) struct Pacer {
    thread: Mutex<Option<thread::Thread>>,
    /// Until when it sleeps. It sets this to "never" before it looks at timers.
    until: AtomicU64,
    /// How many slices it has ended.
    pub(crate) ended: Count,
    /// How many tasks of the low class it has put in line with the normal ones.
    pub(crate) lifted: Count,
}

impl Pacer {
    /// Says which thread it is. By that thread.
    pub(crate) fn set_thread(&self, thread: thread::Thread) {
        *self.thread.lock() = Some(thread);
    }

    pub(crate) fn poke(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.unpark();
        }
    }

    /// Whether it would sleep too long, if the worker did not see to a timer that is due then.
    pub(crate) fn sleeps_beyond(&self, due: u64) -> bool {
        self.until.load(Relaxed) > beyond(due)
    }

    pub(crate) fn set_until(&self, until: u64) {
        self.until.store(until, Relaxed);
    }

    /// May return sooner.
    pub(crate) fn sleep_until(&self, until: u64) {
        if until == u64::MAX {
            thread::park();
            return;
        }
        let now = clock::now();
        if now < until {
            thread::park_timeout(Duration::from_nanos(until - now));
        }
    }
}

/// What the pacer remembers of a worker.
#[derive(Clone, Copy)]
struct Watch {
    turn: u32,
    /// Since when it has seen this turn.
    since: u64,
}

/// What the pacer's thread runs.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the thread keeps the scheduler alive"
)]
pub(crate) fn run(shared: Arc<Shared>) {
    shared.pacer.set_thread(thread::current());
    let slice = shared.slice_nanos();
    let (mut calm, mut ended) = (0, 0);
    let age = slice.saturating_mul(SLICES_TO_AGE);
    let mut next_age = 0;
    let mut watches = Vec::new();
    let mut places = Places::default();
    while !shared.is_stopping() {
        if !shared.anything_waits() {
            // Else it would find out behind a heavy fence that it may not sleep.
            if !shared.idle.is_watch_needed(&shared) {
                shared.idle.pacer_sleeps(&shared);
                calm = 0;
            }
            // What ran meanwhile ran alone. Its slice begins now.
            watches.clear();
            places.forget();
        }
        let now = clock::now();
        look(&shared, &mut watches, now);
        if now >= next_age {
            next_age = now.saturating_add(age);
            shared.pacer.lifted.add(shared.age());
        }
        let before = std::mem::replace(&mut ended, shared.pacer.ended.get());
        calm = if ended == before {
            CALM.min(calm + 1)
        } else {
            0
        };
        let tick = if calm == CALM { slice } else { slice / 2 }.max(SHORTEST_TICK);
        let soon = places.look(&shared, now);
        // At least once a tick, so that who waits only ever for a moment does not rouse it each time.
        sleep_a_tick(&shared, if soon { PATIENCE } else { tick });
        shared.look_for_the_busy(tick);
    }
}

fn sleep_a_tick(shared: &Shared, tick: u64) {
    let end = clock::now().saturating_add(tick);
    loop {
        let now = clock::now();
        // While there is a keeper, it looks after timers.
        let until = match shared.idle.has_keeper() {
            true => end,
            // Nothing is short where the clock stands still.
            false if short() == 0 => end,
            false => end.min(now.saturating_add(short())),
        };
        let until = shared.idle.pacer_until(shared, until);
        if until <= now {
            // The waits of busy workers' tasks, whom no sleeping worker answers for.
            for remote in shared
                .remotes
                .iter()
                .filter(|remote| beyond(remote.timers.next()) <= now)
            {
                remote.timers.fire(now);
            }
        }
        if now >= end || shared.is_stopping() {
            return;
        }
        shared.pacer.sleep_until(until);
    }
}

/// Ends the slices that are over.
fn look(shared: &Shared, watches: &mut Vec<Watch>, now: u64) {
    let mut is_behind = false;
    watches.resize(
        shared.remotes.len(),
        Watch {
            turn: 0,
            since: now,
        },
    );
    for (remote, watch) in shared.remotes.iter().zip(watches) {
        let Some(sight) = remote.desk.look() else {
            continue;
        };
        if !sight.busy || sight.turn != watch.turn {
            *watch = Watch {
                turn: sight.turn,
                since: now,
            };
            continue;
        }
        is_behind |= !remote.fresh.is_empty();
        if now.saturating_sub(watch.since) >= shared.slice_nanos()
            && shared.is_wanted(remote)
            && remote.desk.end_slice(sight.turn)
        {
            shared.pacer.ended.raise();
        }
    }
    // Others could begin them. Mostly all were told, but see Note [Rung].
    if is_behind {
        shared.idle.post(shared);
    }
}
