//! Native regions: whose thread is blocked in one keeps nobody waiting who could run elsewhere.

use crate::{LIMIT, SharedDice, after, end, run, spawn_raw, start, threads_called};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    Config, GC_SAFE, JoinHandle, MAY_BLOCK, Poll, Scheduler, ShutdownError, ShutdownMode,
    SpawnOptions, call_managed, cancel, current_id, join_raw, native_enter, native_leave,
    native_region, park, sleep_until, spawn, unpark, yield_now,
};
use vitte_tests::{seed, within};
use vitte_wait::{Deadline, Outcome};

fn start_called(name: &str, workers: usize, spares: usize) -> Scheduler {
    let config = Config {
        workers,
        name: name.to_owned(),
        most_spare_threads: spares,
        thread_patience: Duration::from_millis(20),
        ..Config::default()
    };
    Scheduler::start(config).unwrap()
}

fn wait_until(what: impl Fn() -> bool) {
    while !what() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Fibers that are inside regions, each until its sender is used or dropped.
fn block(on: &Scheduler, count: usize) -> Vec<(JoinHandle<()>, Sender<()>)> {
    let inside = Arc::new(AtomicUsize::new(0));
    let one = |_| {
        let (go, gone): (_, Receiver<()>) = channel();
        let inside = Arc::clone(&inside);
        let body = move || {
            native_region(MAY_BLOCK | GC_SAFE, || {
                inside.fetch_add(1, SeqCst);
                let _ = gone.recv();
            });
        };
        (on.spawn(&SpawnOptions::default(), body), go)
    };
    let fibers = (0..count).map(one).collect();
    wait_until(|| inside.load(SeqCst) == count);
    fibers
}

fn release(fibers: Vec<(JoinHandle<()>, Sender<()>)>) {
    for (fiber, go) in fibers {
        drop(go);
        fiber.join().unwrap();
    }
}

#[test]
fn those_who_sleep_in_system_calls_do_not_delay_a_thousand_others() {
    within(LIMIT, "sleepers", || {
        let on = start(2);
        let sleepers = block(&on, 4);
        let others: Vec<_> = (0..1000)
            .map(|n| on.spawn(&SpawnOptions::default(), move || n))
            .collect();
        let sum: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert_eq!(sum, 499_500);
        // Nobody has woken the sleepers yet.
        assert!(sleepers.iter().all(|(sleeper, _)| !sleeper.is_finished()));
        release(sleepers);
        end(&on);
    });
}

#[test]
fn spare_threads_come_when_many_are_blocked_and_go_when_they_are_not() {
    within(LIMIT, "64", || {
        let on = start_called("sixty", 2, 256);
        for _ in 0..3 {
            let blocked = block(&on, 64);
            let stats = on.stats();
            // The last two may have kept their places.
            assert!((62..=64).contains(&stats.blocked), "{stats:?}");
            assert!(stats.spare_threads >= 62, "{stats:?}");
            assert!(threads_called("sixty") >= 64);
            assert_eq!(on.workers(), 2);
            release(blocked);
            wait_until(|| on.stats().spare_threads == 0 && threads_called("sixty") == 2);
            assert_eq!(on.stats().blocked, 0);
        }
        end(&on);
    });
}

#[test]
fn no_spare_is_started_while_nobody_waits() {
    within(LIMIT, "nobody waits", || {
        let on = start_called("nobody", 2, 256);
        let running = Arc::new(AtomicUsize::new(0));
        let (goes, gone): (Vec<Sender<()>>, Vec<Receiver<()>>) = (0..2).map(|_| channel()).unzip();
        let fibers: Vec<_> = gone
            .into_iter()
            .map(|gone| {
                let running = Arc::clone(&running);
                on.spawn(&SpawnOptions::default(), move || {
                    running.fetch_add(1, SeqCst);
                    // Until each has a worker: before that the other would wait for this one's.
                    wait_until(|| running.load(SeqCst) >= 2);
                    native_region(MAY_BLOCK | GC_SAFE, || {
                        running.fetch_add(1, SeqCst);
                        let _ = gone.recv();
                    });
                })
            })
            .collect();
        wait_until(|| running.load(SeqCst) == 4);
        thread::sleep(Duration::from_millis(50));
        let stats = on.stats();
        assert_eq!((stats.blocked, stats.spare_threads), (0, 0));
        release(fibers.into_iter().zip(goes).collect());
        end(&on);
    });
}

/// A migratable fiber that is parked; it ends with what it is told when it is unparked.
fn parked(on: &Scheduler, told: Arc<AtomicUsize>) -> vitte_scheduler::FiberId {
    let waits = Arc::new(AtomicBool::new(false));
    let its = Arc::clone(&waits);
    let id = spawn_raw(on, &SpawnOptions::default(), move || {
        its.store(true, SeqCst);
        assert_eq!(park(Deadline::NEVER), Outcome::Woken);
        told.store(1, SeqCst);
        0
    });
    wait_until(|| waits.load(SeqCst));
    id
}

#[test]
fn what_would_have_run_next_is_run_elsewhere() {
    within(LIMIT, "next", || {
        for inside in [false, true] {
            let on = start(1);
            let told = Arc::new(AtomicUsize::new(0));
            let other = parked(&on, Arc::clone(&told));
            run(&on, move || {
                // It goes where only this worker looks, unless it is inside already.
                if !inside {
                    unpark(other).unwrap();
                }
                native_region(MAY_BLOCK, || {
                    if inside {
                        unpark(other).unwrap();
                    }
                    wait_until(|| told.load(SeqCst) == 1);
                });
                // And afterwards the slot is used as ever.
                spawn(yield_now).join().unwrap();
            });
            join_raw(other, after(60_000)).unwrap();
            end(&on);
        }
    });
}

#[test]
fn what_comes_from_outside_and_what_is_due_is_run_while_every_worker_is_blocked() {
    within(LIMIT, "outside", || {
        let on = start(2);
        let slept = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&slept);
        let begun = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&begun);
        let sleeper = spawn_raw(&on, &SpawnOptions::default(), move || {
            says.store(true, SeqCst);
            assert_eq!(sleep_until(after(30)), Outcome::TimedOut);
            its.store(true, SeqCst);
            0
        });
        wait_until(|| begun.load(SeqCst));
        let blocked = block(&on, 2);
        wait_until(|| slept.load(SeqCst));
        join_raw(sleeper, after(60_000)).unwrap();
        assert_eq!(run(&on, || 5), 5);
        release(blocked);
        end(&on);
    });
}

#[test]
fn at_the_limit_fibers_wait_until_a_thread_comes_back() {
    within(LIMIT, "limit", || {
        let on = start_called("limited", 1, 2);
        let blocked = block(&on, 3);
        let waits = on.spawn(&SpawnOptions::default(), || ());
        thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished());
        assert_eq!(on.stats().spare_threads, 2);
        let mut blocked = blocked.into_iter();
        release(blocked.next().into_iter().collect());
        waits.join().unwrap();
        release(blocked.collect());
        end(&on);
    });
}

#[test]
fn who_waits_inside_a_region_is_outside_meanwhile() {
    within(LIMIT, "waits", || {
        let on = start_called("waits", 1, 0);
        run(&on, || {
            let me = current_id().unwrap();
            let outer = native_enter(MAY_BLOCK);
            let inner = native_enter(GC_SAFE);
            assert_eq!((outer, inner), (0, MAY_BLOCK));
            assert_eq!(native_leave(inner), Poll::Continue);
            // There is no spare, so another fiber runs only if this one gives the worker up.
            let other = spawn(move || unpark(me).unwrap());
            assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            other.join().unwrap();
            yield_now();
            assert_eq!(native_enter(0), MAY_BLOCK);
            assert_eq!(native_leave(MAY_BLOCK), Poll::Continue);
            assert_eq!(native_leave(outer), Poll::Continue);
            assert_eq!(native_enter(0), 0);
        });
        end(&on);
    });
}

#[test]
fn a_callback_from_a_region_is_outside_of_it() {
    within(LIMIT, "callback", || {
        let on = start(1);
        run(&on, || {
            native_region(MAY_BLOCK, || {
                call_managed(|| {
                    assert_eq!(native_enter(0), 0);
                    spawn(yield_now).join().unwrap();
                });
                assert_eq!(native_enter(MAY_BLOCK), MAY_BLOCK);
                let caught = catch_unwind(|| call_managed(|| panic!("back")));
                assert!(caught.is_err());
                assert_eq!(native_enter(MAY_BLOCK), MAY_BLOCK);
            });
            assert_eq!(native_enter(0), 0);
            let panics = || native_region(MAY_BLOCK, || panic!("foreign"));
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert_eq!(native_enter(0), 0);
        });
        end(&on);
    });
}

#[test]
fn leaving_a_region_polls() {
    within(LIMIT, "polls", || {
        let on = start(1);
        run(&on, || {
            let outside = native_enter(MAY_BLOCK);
            cancel(current_id().unwrap()).unwrap();
            let inner = native_enter(MAY_BLOCK);
            assert_eq!(native_leave(inner), Poll::Continue);
            assert_eq!(native_leave(outside), Poll::Canceled);
        });
        end(&on);
    });
}

#[test]
fn a_shutdown_names_who_is_inside_and_leaves_the_thread() {
    within(LIMIT, "shutdown", || {
        let on = start(2);
        let blocked = block(&on, 3);
        match on.shutdown(ShutdownMode::Cancel, after(50)) {
            Err(ShutdownError::StillRunning(left)) => assert_eq!(left.len(), 3),
            other => panic!("{other:?}"),
        }
        release(blocked);
    });
}

#[test]
fn a_fiber_that_ends_inside_a_region_costs_nobody_his_place() {
    within(LIMIT, "ends inside", || {
        let on = start_called("inside", 1, 4);
        for _ in 0..100 {
            run(&on, || native_enter(MAY_BLOCK));
        }
        run(&on, || native_region(MAY_BLOCK, || ()));
        assert_eq!(on.stats().blocked, 0);
        end(&on);
    });
}

#[test]
fn fibers_that_block_at_random_all_end_and_so_do_the_spares() {
    let seed = seed();
    within(LIMIT, "storm", move || {
        let dice = Arc::new(SharedDice(seed.into()));
        for round in 0..6 {
            let name = format!("storm{round}");
            let on = start_called(&name, 1 + round % 3, [256, 8, 1][round / 2]);
            let done = Arc::new(AtomicUsize::new(0));
            let body = |dice: Arc<SharedDice>, done: Arc<AtomicUsize>| {
                move || {
                    for _ in 0..dice.below(6) {
                        match dice.below(6) {
                            0 => yield_now(),
                            1 => {
                                let _ = sleep_until(Deadline::after(Duration::from_micros(
                                    dice.below(300),
                                )));
                            }
                            2 => native_region(MAY_BLOCK, || {
                                call_managed(|| spawn(yield_now).join().unwrap());
                            }),
                            3 => native_region(GC_SAFE, yield_now),
                            _ => native_region(MAY_BLOCK, || {
                                thread::sleep(Duration::from_micros(dice.below(1500)));
                            }),
                        }
                    }
                    done.fetch_add(1, SeqCst);
                }
            };
            let mut pinned = Vec::new();
            let mut free = Vec::new();
            for n in 0..300 {
                let body = body(Arc::clone(&dice), Arc::clone(&done));
                if n % 2 == 0 {
                    pinned.push(on.spawn(&SpawnOptions::default(), body));
                } else {
                    free.push(spawn_raw(&on, &SpawnOptions::default(), move || {
                        body();
                        0
                    }));
                }
                if n % 64 == 63 {
                    on.resize(1 + dice.below(4) as usize).unwrap();
                }
            }
            pinned.into_iter().for_each(|fiber| fiber.join().unwrap());
            for fiber in free {
                join_raw(fiber, after(60_000)).unwrap();
            }
            assert_eq!(done.load(SeqCst), 300);
            wait_until(|| on.stats().spare_threads == 0);
            wait_until(|| threads_called(&name) == on.workers());
            assert_eq!(on.stats().blocked, 0);
            end(&on);
        }
    });
}
