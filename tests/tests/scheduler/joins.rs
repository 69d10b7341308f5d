//! Joining: by several, by id, from inline tasks, beside onlookers.

use crate::{LIMIT, after, end, run, spawn_raw, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
    },
    thread,
};
use vitte_scheduler::{
    RawJoinError, Scheduler, SpawnOptions, current_id, info, join_raw, spawn, yield_now,
};
use vitte_tests::within;
use vitte_wait::Deadline;

#[test]
fn of_several_who_join_by_id_one_gets_the_value_and_all_go_on() {
    within(LIMIT, "joiners", || {
        let on = start(2);
        for round in 0..500_usize {
            let id = spawn_raw(&on, &SpawnOptions::default(), move || {
                for _ in 0..round % 5 {
                    yield_now();
                }
                round
            });
            let join = move |deadline| match join_raw(id, deadline) {
                Ok(value) => {
                    assert_eq!(value.addr(), round);
                    1
                }
                Err(RawJoinError::Stale) => 0,
                // Somebody else has it then.
                Err(RawJoinError::TimedOut) if deadline != Deadline::NEVER => 0,
                Err(other) => panic!("{other}"),
            };
            let fibers: Vec<_> = (0..3)
                .map(|_| on.spawn(&SpawnOptions::default(), move || join(Deadline::NEVER)))
                .collect();
            let hasty = on.spawn(&SpawnOptions::default(), move || join(after(0)));
            let mut got = join(Deadline::NEVER) + hasty.join().unwrap();
            got += fibers
                .into_iter()
                .map(|fiber| fiber.join().unwrap())
                .sum::<usize>();
            assert_eq!(got, 1, "round {round}");
        }
        end(&on);
    });
}

#[test]
fn an_inline_task_that_has_yielded_still_knows_whom_it_stands_on() {
    within(LIMIT, "deadlock", || {
        let on = start(1);
        let again = on.clone();
        let outer = spawn_raw(
            &on,
            &SpawnOptions {
                pinned: true,
                ..SpawnOptions::default()
            },
            move || {
                let me = current_id().unwrap();
                let child = spawn_raw(&again, &SpawnOptions::default(), move || {
                    yield_now();
                    yield_now();
                    usize::from(join_raw(me, Deadline::NEVER) == Err(RawJoinError::Deadlock))
                });
                join_raw(child, Deadline::NEVER).unwrap().addr()
            },
        );
        assert_eq!(join_raw(outer, Deadline::NEVER).unwrap().addr(), 1);
        end(&on);
    });
}

#[test]
fn onlookers_see_names_while_named_tasks_come_and_go() {
    within(LIMIT, "onlookers", || {
        let on = start(2);
        let over = Arc::new(AtomicBool::new(false));
        let id = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let lookers: Vec<_> = (0..2)
            .map(|_| {
                let (over, id) = (Arc::clone(&over), Arc::clone(&id));
                thread::spawn(move || {
                    while !over.load(Relaxed) {
                        let id = vitte_scheduler::FiberId::from_bits(id.load(Relaxed));
                        if let Some(Ok(info)) = id.map(info) {
                            assert!(info.name.is_none_or(|name| name == "a name of some length"));
                        }
                    }
                })
            })
            .collect();
        for _ in 0..300 {
            let options = SpawnOptions {
                name: Some("a name of some length"),
                ..SpawnOptions::default()
            };
            let task = on.spawn(&options, || ());
            id.store(task.id().unwrap().to_bits(), Relaxed);
            task.join().unwrap();
        }
        over.store(true, Relaxed);
        for looker in lookers {
            looker.join().unwrap();
        }
        end(&on);
    });
}

#[test]
fn joins_that_time_out_leave_the_record_to_its_next_task() {
    within(LIMIT, "timed out", || {
        let on = start(2);
        let joiners: Vec<_> = (0..4_u64)
            .map(|which| {
                on.spawn(&SpawnOptions::default(), move || {
                    for round in 0..5_000_u64 {
                        let mut task = spawn(move || {
                            if (round + which).is_multiple_of(3) {
                                yield_now();
                            }
                            round
                        });
                        yield_now();
                        let soon = Deadline::from_nanos(
                            Deadline::after(std::time::Duration::ZERO).as_nanos() + round % 2_000,
                        );
                        match task.join_with(soon, None) {
                            Ok(value) => assert_eq!(value, round),
                            Err(vitte_scheduler::JoinError::TimedOut) => {
                                if round.is_multiple_of(2) {
                                    assert_eq!(task.join().unwrap(), round);
                                }
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                })
            })
            .collect();
        for joiner in joiners {
            joiner.join().unwrap();
        }
        end(&on);
    });
}

/// Some tasks of the chain park, some yield, some just call on.
fn chain(depth: usize, parks: usize, on: &Scheduler, woken: &Arc<AtomicUsize>) -> usize {
    if depth == 0 {
        return 0;
    }
    match depth % 7 {
        0 => yield_now(),
        3 if depth < parks => {
            let _ = vitte_scheduler::sleep_until(after(1));
            woken.fetch_add(1, Relaxed);
        }
        _ => {}
    }
    let (again, counter) = (on.clone(), Arc::clone(woken));
    if depth.is_multiple_of(5) {
        let child = spawn_raw(on, &SpawnOptions::default(), move || {
            chain(depth - 1, parks, &again, &counter)
        });
        return 1 + join_raw(child, Deadline::NEVER).unwrap().addr();
    }
    let child = move || chain(depth - 1, parks, &again, &counter);
    if depth.is_multiple_of(2) {
        // SAFETY: nothing here is bound to a thread.
        1 + unsafe { vitte_scheduler::spawn_migratable(child) }
            .join()
            .unwrap()
    } else {
        1 + spawn(child).join().unwrap()
    }
}

#[test]
fn deep_chains_of_joins_that_park_and_migrate_in_between_come_back() {
    within(LIMIT, "chains", || {
        for workers in [1, 2, 4] {
            let on = start(workers);
            let woken = Arc::new(AtomicUsize::new(0));
            let chains: Vec<_> = (0..6)
                .map(|_| {
                    let (again, counter) = (on.clone(), Arc::clone(&woken));
                    spawn_raw(&on, &SpawnOptions::default(), move || {
                        chain(700, 100, &again, &counter)
                    })
                })
                .collect();
            for id in chains {
                assert_eq!(join_raw(id, Deadline::NEVER).unwrap().addr(), 700);
            }
            assert!(woken.load(Relaxed) > 0);
            end(&on);
        }
    });
}

#[test]
fn a_panic_anywhere_in_an_inline_chain_reaches_only_its_joiner() {
    within(LIMIT, "panics", || {
        for workers in [1, 2, 4] {
            let on = start(workers);
            let caught = run(&on, || {
                (0..200_usize)
                    .filter(|&i| {
                        let outer = spawn(move || {
                            let inner = spawn(move || {
                                if i % 3 == 0 {
                                    yield_now();
                                }
                                assert!(i % 2 == 0, "odd");
                                i
                            });
                            let inner = inner.join();
                            yield_now();
                            inner.is_err()
                        });
                        outer.join().unwrap()
                    })
                    .count()
            });
            assert_eq!(caught, 100);
            end(&on);
        }
    });
}
