//! Hooks of workers, where workers run, and several schedulers at once.

use crate::{LIMIT, after, end, run};
use rustix::thread::{CpuSet, sched_getaffinity};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
    },
    thread,
};
use vitte_channels::Channel;
use vitte_scheduler::{
    Affinity, AffinityError, Config, Hooks, JobKind, Scheduler, ShutdownMode, SpawnOptions,
    StartError, Topology, current_id, join, spawn, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, facade::plain::Mutex};

fn with(config: Config) -> Scheduler {
    Scheduler::start(config).unwrap()
}

/// What hooks of threads and sleeps have counted.
#[derive(Default)]
struct Counted {
    starts: AtomicUsize,
    stops: AtomicUsize,
    parks: AtomicUsize,
    unparks: AtomicUsize,
}

#[test]
fn threads_are_seen_to_start_stop_and_sleep() {
    within(LIMIT, "hooks of threads", || {
        let counted = Arc::new(Counted::default());
        let count = |which: fn(&Counted) -> &AtomicUsize| {
            let counted = Arc::clone(&counted);
            move |worker: usize| {
                // What another number is told of is missed below.
                which(&counted).fetch_add(usize::from(worker < 2), SeqCst);
            }
        };
        let scheduler = with(Config {
            workers: 2,
            hooks: Hooks::default()
                .thread_start(count(|counted| &counted.starts))
                .thread_stop(count(|counted| &counted.stops))
                .before_park(count(|counted| &counted.parks))
                .after_unpark(count(|counted| &counted.unparks)),
            ..Config::default()
        });
        while counted.parks.load(SeqCst) == 0 {
            thread::yield_now();
        }
        assert_eq!(run(&scheduler, || 1), 1);
        assert_eq!(counted.stops.load(SeqCst), 0);
        end(&scheduler);
        let Counted {
            starts,
            stops,
            parks,
            unparks,
        } = &*counted;
        assert_eq!((starts.load(SeqCst), stops.load(SeqCst)), (2, 2));
        assert_eq!(parks.load(SeqCst), unparks.load(SeqCst));
    });
}

/// What the hooks of switches have seen.
#[derive(Default)]
struct Seen {
    /// Which fiber runs on which worker.
    running: HashMap<usize, u64>,
    /// How often each came.
    turns: HashMap<u64, usize>,
    /// What should not be. (A panic would stay in the hook.)
    wrong: Vec<&'static str>,
}

impl Seen {
    fn ensure(&mut self, holds: bool, what: &'static str) {
        if !holds {
            self.wrong.push(what);
        }
    }

    /// Everybody has gone, and nothing was wrong.
    fn assert_over(&self) {
        assert_eq!(self.wrong, [""; 0]);
        assert!(self.running.is_empty());
    }
}

/// A scheduler whose hooks note that, and see that no two are on one worker, nor one on two.
fn seen_by(seen: &Arc<Mutex<Seen>>, workers: usize) -> Scheduler {
    let (ins, outs) = (Arc::clone(seen), Arc::clone(seen));
    with(Config {
        workers,
        hooks: Hooks::default()
            .switch_in(move |switch| {
                let seen = &mut *ins.lock();
                let bounds = switch.hot.map(|hot| (&hot.lo, &hot.hi));
                let has_stack = bounds.is_some_and(|(lo, hi)| lo.load(Relaxed) < hi.load(Relaxed));
                seen.ensure(has_stack, "who comes has a stack");
                let fiber = switch.fiber.to_bits();
                let elsewhere = seen.running.values().any(|&other| other == fiber);
                seen.ensure(!elsewhere, "who comes runs nowhere");
                let before = seen.running.insert(switch.worker, fiber);
                seen.ensure(before.is_none(), "the worker is free");
                *seen.turns.entry(fiber).or_default() += 1;
            })
            .switch_out(move |switch| {
                let seen = &mut *outs.lock();
                let left = seen.running.remove(&switch.worker);
                seen.ensure(left == Some(switch.fiber.to_bits()), "who goes was here");
            }),
        ..Config::default()
    })
}

#[test]
fn every_fiber_is_seen_to_come_and_go_and_no_worker_runs_two() {
    for workers in [0, 1, 2] {
        within(LIMIT, "hooks of switches", move || {
            let seen = Arc::new(Mutex::new(Seen::default()));
            let scheduler = seen_by(&seen, workers);
            // Joined where it would run on its joiner's stack; many in a row where one carrier would do.
            let ids = run(&scheduler, || {
                let one = spawn(|| ());
                let mut ids = vec![one.id().unwrap()];
                one.join().unwrap();
                let many: Vec<_> = (0..50).map(|_| spawn(yield_now)).collect();
                ids.extend(many.iter().map(|task| task.id().unwrap()));
                many.into_iter().for_each(|task| task.join().unwrap());
                ids
            });
            end(&scheduler);
            let seen = seen.lock();
            seen.assert_over();
            assert_eq!(seen.turns.len(), 52);
            assert_eq!(seen.turns[&ids[0].to_bits()], 1);
            assert!(ids[1..].iter().all(|id| seen.turns[&id.to_bits()] == 2));
        });
    }
}

/// The fiber that calls, and on which worker the hooks have it; `None` if they do not.
fn where_seen(seen: &Mutex<Seen>) -> (u64, Option<usize>) {
    let me = current_id().unwrap().to_bits();
    let running = &seen.lock().running;
    let here = running.iter().find(|(_, fiber)| **fiber == me);
    (me, here.map(|(worker, _)| *worker))
}

#[test]
fn a_join_that_nobody_takes_from_is_one_turn_of_one_fiber() {
    within(LIMIT, "hooks of a join", || {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let scheduler = seen_by(&seen, 1);
        let looks = Arc::clone(&seen);
        let (me, halves) = run(&scheduler, move || {
            let look = || where_seen(&looks);
            (where_seen(&looks), join(look, look))
        });
        assert_eq!(me.1, Some(0));
        assert_eq!(halves, (me, me), "both in the fiber that joins");
        end(&scheduler);
        let seen = seen.lock();
        seen.assert_over();
        assert_eq!((seen.turns.len(), seen.turns[&me.0]), (1, 1));
    });
}

#[test]
fn the_half_of_a_join_that_is_stolen_is_seen_as_a_fiber_of_its_own() {
    within(LIMIT, "hooks of a stolen half", || {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let scheduler = seen_by(&seen, 2);
        let looks = Arc::clone(&seen);
        let (me, first, stolen) = run(&scheduler, move || {
            let begun = AtomicBool::new(false);
            let me = where_seen(&looks);
            let first = || {
                while !begun.load(SeqCst) {
                    thread::yield_now();
                }
                where_seen(&looks)
            };
            let second = || {
                begun.store(true, SeqCst);
                // Until the one who joins has left his worker, for he waits for us.
                while looks.lock().running.values().any(|&fiber| fiber == me.0) {
                    thread::yield_now();
                }
                where_seen(&looks)
            };
            let (first, stolen) = join(first, second);
            assert_eq!(where_seen(&looks), me, "pinned to its worker");
            (me, first, stolen)
        });
        assert_eq!(first, me);
        assert_ne!(stolen.0, me.0);
        assert!(stolen.1.is_some() && stolen.1 != me.1, "on another worker");
        end(&scheduler);
        let seen = seen.lock();
        seen.assert_over();
        let turns = [me.0, stolen.0].map(|fiber| seen.turns[&fiber]);
        assert_eq!((seen.turns.len(), turns), (2, [2, 1]));
    });
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    within(LIMIT, "hooks that panic", || {
        let scheduler = with(Config {
            workers: 1,
            hooks: Hooks::default()
                .thread_start(|_| panic!("at the start"))
                .switch_in(|_| panic!("at a turn")),
            ..Config::default()
        });
        assert_eq!(run(&scheduler, || 2), 2);
        end(&scheduler);
    });
}

/// Where the calling thread may run.
fn place() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect()
}

#[test]
fn workers_run_where_they_are_told_and_nobody_else_is() {
    within(LIMIT, "affinity", || {
        let cpus: Vec<_> = Topology::read().cpus.iter().map(|cpu| cpu.id).collect();
        assert_eq!(cpus, place());
        let last = *cpus.last().unwrap();
        for affinity in [Affinity::Set(vec![last]), Affinity::Each(vec![vec![last]])] {
            let scheduler = with(Config {
                workers: 2,
                affinity,
                ..Config::default()
            });
            assert_eq!(run(&scheduler, place), [last]);
            let inside = scheduler.clone();
            let offloaded = run(&scheduler, move || {
                inside.offload_with(JobKind::Io, place, Deadline::NEVER, None)
            });
            assert_eq!(offloaded.unwrap(), cpus, "a pool's thread is no worker's");
            end(&scheduler);
        }
        let scheduler = with(Config {
            workers: 1,
            affinity: Affinity::PerCore,
            ..Config::default()
        });
        assert_eq!(run(&scheduler, place).len(), 1);
        end(&scheduler);
        let nowhere = Scheduler::start(Config {
            workers: 1,
            affinity: Affinity::Set(vec![1_000_000]),
            ..Config::default()
        });
        let error = StartError::Affinity(AffinityError::Empty);
        assert!(matches!(
            nowhere.map_err(|error| (error.to_string(), error)),
            Err((text, StartError::Affinity(AffinityError::Cpu { .. }))) if text.contains("1000000")
        ));
        assert!(!error.to_string().is_empty());
    });
}

#[test]
fn four_schedulers_pass_values_round_and_join_each_others_tasks() {
    within(LIMIT, "four at once", || {
        let ring: Vec<_> = [2, 1, 2, 1].map(crate::start).into();
        let (first, mut from) = Channel::bounded::<u64>(4);
        let mut passing = Vec::new();
        for scheduler in &ring {
            let (tx, rx) = Channel::bounded(4);
            let from = std::mem::replace(&mut from, rx);
            passing.push(scheduler.spawn(&SpawnOptions::default(), move || {
                let passed = from.iter().map(|n| tx.send(n + 1).unwrap());
                passed.count()
            }));
        }
        // A fiber of one joins fibers of the others.
        let counted = ring[0].spawn(&SpawnOptions::default(), move || {
            let counts = passing.into_iter().map(|task| task.join().unwrap());
            counts.collect::<Vec<_>>()
        });
        let sender = thread::spawn(move || (0..1000).for_each(|n| first.send(n).unwrap()));
        assert!(from.iter().eq(4..1004));
        sender.join().unwrap();
        assert_eq!(counted.join().unwrap(), [1000; 4]);
        // In whatever order.
        for index in [2, 0, 3, 1] {
            ring[index]
                .shutdown(ShutdownMode::Drain, after(60_000))
                .unwrap();
        }
        let late = ring[0].spawn(&SpawnOptions::default(), || ());
        assert!(late.join().is_err());
    });
}
