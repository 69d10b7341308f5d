//! The whole runtime at once: fibers that spawn, wait, poll, block in regions and offload; others that cancel, kill,
//! interrupt and hurry them, and change the number of workers; and a shutdown in one of its modes at a random moment.
//! Whatever comes when, each destructor runs once, and nobody is left: no fiber, no timer, no thread, no descriptor.
//!
//! `VITTE_STORM=full` has it go on for minutes.

use crate::{Dice, LIMIT, SharedDice, after, try_spawn_raw};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::Duration,
};
use vitte_channels::mpmc;
use vitte_scheduler::{
    CancelReason, Config, FiberId, JobKind, JoinHandle, MAY_BLOCK, Priority, Scheduler,
    ShutdownError, ShutdownMode, SpawnOptions, call_managed, call_on_native_stack, cancel_for,
    defer, interrupt, join, kill, native_region, park, poll, set_priority, sleep_until,
    spawn_migratable, unpark, yield_now,
};
use vitte_sync::{Mutex, Semaphore};
use vitte_tests::{Census, Counted, count_threads, descriptors, is_alone, is_full, seed, within};
use vitte_threads::io::pipe;
use vitte_wait::{Deadline, facade::plain};

/// What is common to the fibers of a round.
struct Common {
    dice: SharedDice,
    on: Scheduler,
    census: Census,
    /// How many fibers may still be spawned.
    budget: AtomicU64,
    /// Of fibers, to be done something to.
    ids: plain::Mutex<Vec<FiberId>>,
    lock: Mutex<u64>,
    permits: Semaphore,
    sender: mpmc::Sender<Counted<()>>,
    receiver: mpmc::Receiver<Counted<()>>,
}

impl Common {
    fn value(&self) -> Counted<()> {
        self.census.value(())
    }

    /// Every wait is short, so that whoever is left to himself ends.
    fn soon(&self) -> Deadline {
        Deadline::after(Duration::from_micros(self.dice.below(800)))
    }

    fn moment(&self) -> Duration {
        Duration::from_micros(self.dice.below(200))
    }

    fn note(&self, id: Option<FiberId>) {
        if let Some(id) = id {
            let mut ids = self.ids.lock();
            match ids.len() {
                0..64 => ids.push(id),
                full => ids[self.dice.below(full as u64) as usize] = id,
            }
        }
    }

    /// Does something to some fiber, which may be gone, or be the caller.
    fn disturb(&self) {
        let id = {
            let ids = self.ids.lock();
            match ids.len() {
                0 => return,
                some => ids[self.dice.below(some as u64) as usize],
            }
        };
        // Stale ones are refused.
        match self.dice.below(6) {
            0 => drop(cancel_for(id, CancelReason::new(1).because("disturbed"))),
            1 => drop(kill(id)),
            2 => {
                let value = self.value();
                let _ = interrupt(id, move || drop(value));
            }
            3 => drop(set_priority(id, self.priority())),
            _ => drop(unpark(id)),
        }
    }

    fn priority(&self) -> Priority {
        [Priority::Low, Priority::Normal, Priority::High][self.dice.below(3) as usize]
    }
}

/// What a fiber keeps elsewhere than on its stack.
fn leave_traces(common: &Common) {
    let value = common.value();
    defer(move || drop(value));
}

/// A fiber whose frames cannot unwind: all that it has is put off, for its stack may be given up.
fn spawn_stubborn(common: &Arc<Common>) -> Option<FiberId> {
    let options = SpawnOptions {
        pinned: common.dice.below(2) == 0,
        detached: true,
        priority: common.priority(),
        ..SpawnOptions::default()
    };
    // What it borrows from is not counted, for it may be lost.
    let weak = Arc::downgrade(common);
    let spawned = try_spawn_raw(&common.on, &options, move || {
        let Some(steps) = weak.upgrade().map(|common| {
            leave_traces(&common);
            common.dice.below(6)
        }) else {
            return 0;
        };
        for step in 0..steps {
            match step {
                0 => {
                    let _ = park(after(1));
                }
                1 => yield_now(),
                2 => native_region(MAY_BLOCK, || thread::sleep(Duration::from_micros(50))),
                _ => {
                    let _ = sleep_until(after(0));
                }
            }
        }
        0
    });
    spawned.ok()
}

fn fiber(common: &Arc<Common>, depth: u32) {
    leave_traces(common);
    let mut children: Vec<JoinHandle<Counted<()>>> = Vec::new();
    for _ in 0..common.dice.below(10) {
        step(common, depth, &mut children);
    }
    if common.dice.below(30) == 0 {
        std::panic::resume_unwind(Box::new("as the dice say"));
    }
    while let Some(mut child) = children.pop() {
        let _ = child.join_with(common.soon(), None);
    }
}

fn step(common: &Arc<Common>, depth: u32, children: &mut Vec<JoinHandle<Counted<()>>>) {
    let dice = &common.dice;
    match dice.below(22) {
        0..=3 if depth < 8 => children.extend(spawn(common, depth + 1)),
        4 => yield_now(),
        5 => {
            let _ = park(common.soon());
        }
        6 => {
            let _ = sleep_until(common.soon());
        }
        7 if !children.is_empty() => {
            let at = dice.below(children.len() as u64) as usize;
            // What ends the wait, if not the child, is up to chance.
            let _ = children.swap_remove(at).join();
        }
        8 => drop(children.pop()),
        9 | 10 => common.disturb(),
        11 => native_region(MAY_BLOCK, || {
            thread::sleep(common.moment());
            call_managed(yield_now);
        }),
        12 => call_on_native_stack(|| {
            let _ = sleep_until(common.soon());
        }),
        13 => {
            let value = common.value();
            let _ = common
                .on
                .offload_with(JobKind::Cpu, || drop(value), common.soon(), None);
        }
        14 => {
            let (value, moment) = (common.value(), common.moment());
            let job = move || {
                thread::sleep(moment);
                value
            };
            let _ = common
                .on
                .offload_owned_with(JobKind::Io, job, common.soon(), None);
        }
        15 => {
            let unblocked = AtomicBool::new(false);
            let call = || {
                for _ in 0..20 {
                    if !unblocked.load(Relaxed) {
                        thread::sleep(Duration::from_micros(20));
                    }
                }
            };
            let unblock = || unblocked.store(true, Relaxed);
            let _ = common
                .on
                .call_blocking_with(call, unblock, common.soon(), None);
        }
        16 => {
            let value = common.value();
            let waits = || {
                let _ = park(common.soon());
            };
            join(waits, move || drop(value));
        }
        17 => {
            // A loop that polls, for a while.
            for _ in 0..dice.below(2_000) {
                let _ = poll();
                std::hint::black_box(&dice);
            }
        }
        18 => {
            if let Ok(mut inside) = common.lock.lock_until(common.soon()) {
                *inside += 1;
                yield_now();
            }
        }
        19 => {
            if let Ok(_permit) = common.permits.acquire_until(common.soon()) {
                let _ = sleep_until(common.soon());
            }
        }
        20 => {
            let _ = common.sender.send_until(common.value(), common.soon());
            let _ = common.receiver.recv_until(common.soon());
        }
        _ => {
            if let Ok((reader, writer)) = pipe() {
                if dice.below(2) == 0 {
                    let _ = writer.write(b"x");
                }
                let _ = reader.read_until(&mut [0], common.soon());
            }
        }
    }
}

fn spawn(common: &Arc<Common>, depth: u32) -> Option<JoinHandle<Counted<()>>> {
    let left = |left: u64| left.checked_sub(1);
    common.budget.fetch_update(Relaxed, Relaxed, left).ok()?;
    if common.dice.below(8) == 0 {
        common.note(spawn_stubborn(common));
        return None;
    }
    let (again, value) = (Arc::clone(common), common.value());
    let body = move || {
        fiber(&again, depth);
        value
    };
    let handle = match common.dice.below(3) {
        // SAFETY: nothing in it is bound to a thread.
        0 => unsafe { spawn_migratable(body) },
        _ => {
            let options = SpawnOptions {
                priority: common.priority(),
                ..SpawnOptions::default()
            };
            common.on.spawn(&options, body)
        }
    };
    common.note(handle.id());
    Some(handle)
}

/// From a thread of its own: others are disturbed, spawned, and more or fewer workers run them.
fn trouble(common: &Arc<Common>, is_over: &AtomicBool) {
    while !is_over.load(Relaxed) {
        match common.dice.below(8) {
            0 => drop(common.on.resize(1 + common.dice.below(4) as usize)),
            1 => {
                if let Ok(_attached) = common.on.attach() {
                    drop(spawn(common, 0));
                    let _ = park(common.soon());
                }
            }
            2 => drop(common.on.guard()),
            3 => thread::sleep(common.moment()),
            _ => common.disturb(),
        }
    }
}

/// Begins a runtime, a program on it, and its end.
fn round(seed: u64) {
    let mut dice = Dice(seed | 1);
    let config = Config {
        workers: 1 + dice.below(3) as usize,
        name: "wholly".to_owned(),
        timeslice: Duration::from_micros(200),
        most_spare_threads: 3,
        most_io_threads: 3,
        most_cpu_threads: 1,
        thread_patience: Duration::from_millis(dice.below(3)),
        seed: Some(seed),
        ..Config::default()
    };
    let on = Scheduler::start(config).unwrap();
    let (sender, receiver) = mpmc::bounded(2);
    let common = Arc::new(Common {
        dice: SharedDice(AtomicU64::new(seed)),
        on: on.clone(),
        census: Census::new(),
        budget: AtomicU64::new(300),
        ids: plain::Mutex::default(),
        lock: Mutex::new(0),
        permits: Semaphore::new(2),
        sender,
        receiver,
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let troubles: Vec<_> = (0..2)
        .map(|_| {
            let (common, is_over) = (Arc::clone(&common), Arc::clone(&is_over));
            thread::spawn(move || trouble(&common, &is_over))
        })
        .collect();
    for _ in 0..6 {
        let again = Arc::clone(&common);
        let root = on.spawn(&SpawnOptions::default(), move || fiber(&again, 0));
        common.note(root.id());
    }
    thread::sleep(Duration::from_micros(dice.below(3_000)));
    shut_down(&on, &mut dice);
    is_over.store(true, Relaxed);
    for trouble in troubles {
        trouble.join().unwrap();
    }
    // Those that were abandoned end by themselves.
    while on.stats().live != 0 {
        thread::sleep(Duration::from_micros(100));
    }
    assert_eq!(on.stats().timers, 0, "a timer is left");
    let census = common.census.clone();
    let common = {
        let ours = common;
        Arc::downgrade(&ours)
    };
    drop(on);
    // Jobs that were left, and workers that end, drop what they have last.
    while common.strong_count() != 0 || census.live() != 0 {
        thread::sleep(Duration::from_micros(100));
    }
}

fn shut_down(on: &Scheduler, dice: &mut Dice) {
    let ended = match dice.below(5) {
        0 => match on.shutdown(ShutdownMode::Drain, after(dice.below(3))) {
            Err(ShutdownError::TimedOut(_)) => on.shutdown(ShutdownMode::Cancel, after(60_000)),
            ended => ended,
        },
        1 => on.shutdown(ShutdownMode::Drain, after(60_000)),
        2 => on.shutdown(ShutdownMode::Abandon, Deadline::NOW),
        // So little time that some may have to be left.
        3 => match on.shutdown(ShutdownMode::Cancel, after(dice.below(4))) {
            Err(ShutdownError::StillRunning(names)) => {
                assert!(!names.is_empty());
                Ok(())
            }
            ended => ended,
        },
        _ => on.shutdown(ShutdownMode::Cancel, after(60_000)),
    };
    ended.unwrap();
}

/// Threads that have nothing to do any more may be ending still; some of them may not even have begun, and go by no name.
fn until_settled(before: usize) {
    while count_threads() > before {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn whatever_happens_when_nothing_is_left_and_nothing_lost() {
    if !is_alone("whole::whatever_happens_when_nothing_is_left_and_nothing_lost") {
        return;
    }
    let seed = seed();
    let limit = if is_full() { LIMIT * 10 } else { LIMIT };
    within(limit, "whole", move || {
        let threads = count_threads();
        // What is made once stays, so it is made before they are counted.
        round(seed);
        until_settled(threads);
        let before = descriptors();
        for step in 1..if is_full() { 5_000 } else { 60_u64 } {
            round(seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        until_settled(threads);
        assert_eq!(descriptors(), before, "descriptors");
    });
}
