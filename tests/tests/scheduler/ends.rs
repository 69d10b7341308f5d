//! The end of a scheduler: in every mode, under load, with late spawns and late handles.

use crate::{LIMIT, SharedDice, after, end, run, spawn_raw, start};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering::*},
    },
    thread,
};
use vitte_scheduler::{
    CancelReason, JoinError, Poll, RawJoinError, Scheduler, ShutdownError, ShutdownMode,
    SpawnError, SpawnOptions, join_raw, park, sleep_until, spawn, unpark, yield_now,
};
use vitte_tests::{Census, seed, within};
use vitte_wait::Deadline;

#[test]
fn a_task_spawned_while_a_drain_begins_runs_or_is_refused() {
    within(LIMIT, "late spawns", || {
        for round in 0..300 {
            let on = start(2);
            let line = Arc::new(Barrier::new(3));
            let spawners: Vec<_> = (0..2)
                .map(|_| {
                    let (on, line) = (on.clone(), Arc::clone(&line));
                    thread::spawn(move || {
                        line.wait();
                        for i in 0..20 {
                            match on.spawn(&SpawnOptions::default(), move || i).join() {
                                Ok(value) => assert_eq!(value, i),
                                Err(JoinError::NotStarted(SpawnError::ShuttingDown)) => return,
                                Err(other) => panic!("{other}"),
                            }
                        }
                    })
                })
                .collect();
            line.wait();
            for _ in 0..round % 40 {
                thread::yield_now();
            }
            on.shutdown(ShutdownMode::Drain, Deadline::NEVER).unwrap();
            for spawner in spawners {
                spawner.join().unwrap();
            }
            assert_eq!(on.stats().live, 0);
            assert_eq!(on.stats().spawned, on.stats().finished);
        }
    });
}

#[test]
fn an_abandoned_scheduler_runs_its_tasks_to_their_end() {
    within(LIMIT, "abandon", || {
        for workers in [1, 2, 4] {
            let on = start(workers);
            let parked = on.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
            let asleep = on.spawn(&SpawnOptions::default(), || sleep_until(after(50)));
            let unbegun: Vec<_> = (0..100)
                .map(|i| {
                    on.spawn(&SpawnOptions::default(), move || {
                        yield_now();
                        spawn(move || i).join().unwrap()
                    })
                })
                .collect();
            let id = parked.id().unwrap();
            on.shutdown(ShutdownMode::Abandon, Deadline::NOW).unwrap();
            let late = on.spawn(&SpawnOptions::default(), || ());
            assert_eq!(late.spawn_error(), Some(&SpawnError::ShuttingDown));
            for (i, task) in unbegun.into_iter().enumerate() {
                assert_eq!(task.join().unwrap(), i);
            }
            let _ = asleep.join().unwrap();
            unpark(id).unwrap();
            let _ = parked.join().unwrap();
        }
    });
}

#[test]
fn a_chain_of_raw_tasks_that_will_not_stop_is_given_up_whole() {
    within(LIMIT, "given up", || {
        for _ in 0..4 {
            let on = start(1);
            let again = on.clone();
            let pinned = SpawnOptions {
                pinned: true,
                ..SpawnOptions::default()
            };
            let neighbour = on.spawn(&SpawnOptions::default(), || {
                for _ in 0..50 {
                    yield_now();
                }
                42
            });
            let outer = spawn_raw(&on, &pinned, move || {
                let inner = spawn_raw(&again, &SpawnOptions::default(), || {
                    yield_now();
                    loop {
                        let _ = sleep_until(after(2));
                        yield_now();
                    }
                });
                join_raw(inner, Deadline::NEVER).map_or(0, |value| value.addr())
            });
            let value = neighbour.join().unwrap();
            assert_eq!(value, 42);
            on.shutdown(ShutdownMode::Cancel, after(60_000)).unwrap();
            assert_eq!(on.stats().live, 0);
            let error = join_raw(outer, Deadline::NEVER).unwrap_err();
            let RawJoinError::Killed(killed) = error else {
                panic!("{error}")
            };
            assert_eq!(killed.reason(), Some(&CancelReason::SHUTDOWN));
        }
    });
}

#[test]
fn handles_and_ids_outlive_their_runtime_and_records_are_used_again() {
    within(LIMIT, "outliving", || {
        let census = Census::new();
        let mut kept = Vec::new();
        let mut ids = Vec::new();
        for round in 0..100 {
            let on = start(2);
            let tasks: Vec<_> = (0..50)
                .map(|i| {
                    let value = census.value(i);
                    on.spawn(&SpawnOptions::default(), move || value)
                })
                .collect();
            ids.extend(tasks.iter().map(|task| task.id().unwrap()));
            on.shutdown(ShutdownMode::Drain, Deadline::NEVER).unwrap();
            for (i, task) in tasks.into_iter().enumerate() {
                match (i + round) % 3 {
                    0 => kept.push((i, task)),
                    1 => assert_eq!(*task.join().unwrap(), i),
                    _ => drop(task),
                }
            }
        }
        // From several threads, while other runtimes come and go.
        let other = thread::spawn(|| {
            for _ in 0..50 {
                let on = start(1);
                assert_eq!(run(&on, || spawn(|| 3).join().unwrap()), 3);
                end(&on);
            }
        });
        let half = kept.split_off(kept.len() / 2);
        let joiners = [kept, half].map(|tasks| {
            thread::spawn(move || {
                for (i, task) in tasks {
                    assert_eq!(*task.join().unwrap(), i);
                }
            })
        });
        for joiner in joiners {
            joiner.join().unwrap();
        }
        other.join().unwrap();
        for id in ids {
            assert!(unpark(id).is_err(), "a stale id found somebody");
        }
    });
}

/// A task that does whatever the dice say, until its steps are used up or, unless it is stubborn, it
/// is canceled. (What is stubborn is unwound, and that only after half a second.)
fn wander(dice: &Arc<SharedDice>, ended: &Arc<AtomicUsize>, steps: u64, stubborn: bool) {
    struct Ends(Arc<AtomicUsize>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let _ends = Ends(Arc::clone(ended));
    for _ in 0..steps {
        match dice.below(6) {
            0 => drop(sleep_until(Deadline::after(
                std::time::Duration::from_micros(dice.below(500)),
            ))),
            1 => yield_now(),
            2 => drop(park(after(1))),
            3 => drop(spawn(yield_now).join()),
            4 => drop(spawn(|| ())),
            _ if vitte_scheduler::poll_slow() == Poll::Continue => {}
            _ if stubborn => {}
            _ => return,
        }
    }
}

#[test]
fn every_mode_of_shutdown_ends_a_loaded_scheduler() {
    within(LIMIT * 2, "modes", || {
        let seed = seed();
        // Two at a time, so that records pass from one runtime to another that is alive.
        let halves = [1, 2].map(|half| {
            thread::spawn(move || {
                let dice = Arc::new(SharedDice(AtomicU64::new(seed ^ half)));
                for round in 0..100 {
                    one_life(&dice, round);
                }
            })
        });
        for half in halves {
            half.join().unwrap();
        }
    });
}

fn one_life(dice: &Arc<SharedDice>, round: u64) {
    let on = start(1 + dice.below(4) as usize);
    let ended = Arc::new(AtomicUsize::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let endless = dice.below(2) == 1;
    let stubborn = dice.below(16) == 0;
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let (dice, ended, begun) = (Arc::clone(dice), Arc::clone(&ended), Arc::clone(&begun));
            on.spawn(&SpawnOptions::default(), move || {
                begun.fetch_add(1, SeqCst);
                let steps = if endless && i % 4 == 0 { u64::MAX } else { 10 };
                wander(&dice, &ended, steps, stubborn);
            })
        })
        .collect();
    for _ in 0..dice.below(200) {
        thread::yield_now();
    }
    let result = match round % 3 {
        0 if !endless => on.shutdown(ShutdownMode::Drain, Deadline::NEVER),
        1 if !endless => {
            let result = on.shutdown(ShutdownMode::Abandon, Deadline::NOW);
            // It may still be shut down for good.
            result.and_then(|()| on.shutdown(ShutdownMode::Drain, Deadline::NEVER))
        }
        _ => {
            if dice.below(2) == 0 {
                let hasty = on.shutdown(ShutdownMode::Drain, Deadline::NOW);
                assert!(matches!(hasty, Ok(()) | Err(ShutdownError::TimedOut(_))));
            }
            on.shutdown(ShutdownMode::Cancel, after(30_000))
        }
    };
    result.unwrap();
    let mut joined = 0;
    for task in tasks {
        match task.join() {
            Ok(()) | Err(JoinError::Killed(_) | JoinError::NotStarted(_)) => joined += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(joined, 40);
    assert_eq!(live(&on), 0);
    assert_eq!(
        ended.load(SeqCst),
        begun.load(SeqCst),
        "destructors ran once each"
    );
}

fn live(on: &Scheduler) -> u64 {
    on.stats().live
}
