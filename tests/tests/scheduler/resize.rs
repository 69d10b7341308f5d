//! Workers that come and go while fibers run: nothing is lost, and what is pinned stays.

use crate::{Dice, LIMIT, SharedDice, after, end, run, spawn_raw, start, threads_called};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*},
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    Config, FiberId, JoinHandle, MOST_WORKERS, ResizeError, Scheduler, ShutdownMode, SpawnOptions,
    current_id, info, join_raw, park, pin, poll_slow, sleep_until, spawn, spawn_migratable,
    yield_now,
};
use vitte_tests::{seed, within};
use vitte_wait::{Deadline, Outcome};

fn worker_now() -> usize {
    info(current_id().unwrap()).unwrap().worker
}

/// Spawns `count` pinned fibers that have begun on as many workers, and run `body` there.
fn one_each<T: Send + 'static>(
    on: &Scheduler,
    count: usize,
    body: impl Fn() -> T + Clone + Send + 'static,
) -> Vec<JoinHandle<T>> {
    let begun = Arc::new(AtomicUsize::new(0));
    let spawn_one = |_| {
        let (begun, body) = (Arc::clone(&begun), body.clone());
        on.spawn(&SpawnOptions::default(), move || {
            begun.fetch_add(1, SeqCst);
            // Keeps its thread busy until each has one of its own.
            while begun.load(SeqCst) < count {
                std::hint::spin_loop();
            }
            body()
        })
    };
    let fibers = (0..count).map(spawn_one).collect();
    while begun.load(SeqCst) < count {
        thread::yield_now();
    }
    fibers
}

fn wait_for_threads(name: &str, count: usize) {
    while threads_called(name) != count {
        thread::sleep(Duration::from_millis(1));
    }
}

fn start_called(name: &str, workers: usize) -> Scheduler {
    let config = Config {
        workers,
        name: name.to_owned(),
        ..Config::default()
    };
    Scheduler::start(config).unwrap()
}

#[test]
fn the_number_has_bounds_and_does_not_change_during_a_shutdown() {
    within(LIMIT, "bounds", || {
        let on = start(2);
        assert!(matches!(on.resize(0), Err(ResizeError::Workers(0))));
        let too_many = on.resize(MOST_WORKERS + 1);
        assert!(matches!(too_many, Err(ResizeError::Workers(_))));
        assert_eq!(on.workers(), 2);
        on.resize(2).unwrap();
        on.resize(5).unwrap();
        assert_eq!((on.workers(), on.stats().workers), (5, 5));
        let stop = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&stop);
        let task = on.spawn(&SpawnOptions::default(), move || {
            while !its.load(SeqCst) {
                yield_now();
            }
        });
        assert!(on.shutdown(ShutdownMode::Drain, after(1)).is_err());
        assert!(matches!(on.resize(3), Err(ResizeError::ShuttingDown)));
        stop.store(true, SeqCst);
        task.join().unwrap();
        end(&on);
        assert!(matches!(on.resize(3), Err(ResizeError::ShuttingDown)));
    });
}

#[test]
fn added_workers_take_part() {
    within(LIMIT, "added", || {
        let on = start(1);
        on.resize(6).unwrap();
        let at: Vec<_> = one_each(&on, 6, worker_now);
        let mut at: Vec<_> = at.into_iter().map(|task| task.join().unwrap()).collect();
        at.sort_unstable();
        assert_eq!(at, [0, 1, 2, 3, 4, 5]);
        end(&on);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn the_thread_of_a_retired_worker_ends_after_its_last_pinned_fiber() {
    within(LIMIT, "retired", || {
        let on = start_called("ends", 4);
        wait_for_threads("ends-", 4);
        let fibers = one_each(&on, 4, || {
            let (thread, worker) = (thread::current().id(), worker_now());
            assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            assert_eq!(thread, thread::current().id(), "pinned");
            // It may spawn and wait as any other.
            let child = spawn(yield_now);
            yield_now();
            child.join().unwrap();
            assert_eq!(sleep_until(after(2)), Outcome::TimedOut);
            assert_eq!(thread, thread::current().id(), "pinned");
            worker
        });
        while fibers.iter().any(|fiber| worker_of(fiber).is_none()) {
            thread::sleep(Duration::from_millis(1));
        }
        on.resize(1).unwrap();
        assert_eq!(on.workers(), 1);
        // What is new runs on the one worker that is left.
        for _ in 0..100 {
            assert_eq!(run(&on, worker_now), 0);
        }
        assert_eq!(threads_called("ends-"), 4, "three serve what is pinned");
        let mut left = 4;
        for fiber in fibers {
            fiber.unpark();
            if fiber.join().unwrap() != 0 {
                left -= 1;
            }
            wait_for_threads("ends-", left);
        }
        on.resize(3).unwrap();
        wait_for_threads("ends-", 3);
        for fiber in one_each(&on, 3, worker_now) {
            assert!(fiber.join().unwrap() < 3);
        }
        end(&on);
        assert_eq!(threads_called("ends-"), 0, "a shutdown joins them all");
    });
}

/// The worker of a fiber that is parked.
fn worker_of<T>(fiber: &JoinHandle<T>) -> Option<usize> {
    let info = info(fiber.id()?).ok()?;
    (info.started && info.reason == vitte_wait::Reason::Park).then_some(info.worker)
}

#[test]
#[cfg(target_os = "linux")]
fn a_retired_worker_comes_back_with_the_thread_it_had() {
    within(LIMIT, "back", || {
        let on = start_called("back", 3);
        let fibers = one_each(&on, 3, || {
            let thread = thread::current().id();
            assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            assert_eq!(thread, thread::current().id(), "pinned");
        });
        while fibers.iter().any(|fiber| worker_of(fiber).is_none()) {
            thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..100 {
            on.resize(1).unwrap();
            on.resize(3).unwrap();
        }
        assert_eq!(threads_called("back-"), 3);
        for task in one_each(&on, 3, || ()) {
            task.join().unwrap();
        }
        for fiber in fibers {
            fiber.unpark();
            fiber.join().unwrap();
        }
        end(&on);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_timer_that_lies_with_an_ended_worker_fires_though_the_others_are_busy() {
    within(LIMIT, "timer", || {
        let on = start_called("left", 2);
        let fired = Arc::new(AtomicUsize::new(0));
        // On each worker one that may leave it, so that its thread need not stay for it.
        let sleepers = {
            let fired = Arc::clone(&fired);
            one_each(&on, 2, move || {
                let fired = Arc::clone(&fired);
                // SAFETY: nothing in it is bound to a thread.
                let sleeper = unsafe {
                    spawn_migratable(move || {
                        assert_eq!(sleep_until(after(300)), Outcome::TimedOut);
                        fired.fetch_add(1, SeqCst);
                    })
                };
                // It begins here.
                for _ in 0..100 {
                    yield_now();
                }
                sleeper
            })
        };
        let sleepers: Vec<_> = sleepers
            .into_iter()
            .map(|task| task.join().unwrap())
            .collect();
        on.resize(1).unwrap();
        wait_for_threads("left-", 1);
        let seen = Arc::clone(&fired);
        // Nobody sleeps from now on, so there is no keeper.
        run(&on, move || {
            while seen.load(SeqCst) < 2 {
                let _ = poll_slow();
            }
        });
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        end(&on);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_thread_ends_though_what_was_pinned_to_it_only_parks_without_its_pin() {
    within(LIMIT, "unpinned", || {
        let on = start_called("pins", 2);
        let parked = one_each(&on, 2, || {
            // SAFETY: nothing in it is bound to a thread.
            let fiber = unsafe {
                spawn_migratable(|| {
                    pin(true).unwrap();
                    let thread = thread::current().id();
                    assert_eq!(park(Deadline::NEVER), Outcome::Woken);
                    assert_eq!(thread, thread::current().id(), "pinned");
                    pin(false).unwrap();
                    assert_eq!(park(Deadline::NEVER), Outcome::Woken);
                })
            };
            while worker_of(&fiber).is_none() {
                yield_now();
            }
            fiber
        });
        let parked: Vec<_> = parked
            .into_iter()
            .map(|task| task.join().unwrap())
            .collect();
        let away = parked
            .iter()
            .filter(|fiber| worker_of(fiber) != Some(0))
            .count();
        on.resize(1).unwrap();
        wait_for_threads("pins-", 1 + away.min(1));
        for fiber in &parked {
            fiber.unpark();
        }
        wait_for_threads("pins-", 1);
        for fiber in parked {
            fiber.unpark();
            fiber.join().unwrap();
        }
        end(&on);
    });
}

/// What each worker had queued when it was retired is run by the others.
#[test]
fn a_retired_worker_keeps_nothing_that_others_may_run() {
    within(LIMIT, "queues", || {
        for _ in 0..20 {
            let on = start(4);
            let ran = Arc::new(AtomicUsize::new(0));
            let stop = Arc::new(AtomicBool::new(false));
            let parents = {
                let (ran, stop) = (Arc::clone(&ran), Arc::clone(&stop));
                one_each(&on, 4, move || {
                    for at in 0..50 {
                        let ran = Arc::clone(&ran);
                        let body = move || {
                            yield_now();
                            ran.fetch_add(1, SeqCst);
                        };
                        if at % 2 == 0 {
                            drop(spawn(body));
                        } else {
                            // SAFETY: nothing in it is bound to a thread.
                            drop(unsafe { spawn_migratable(body) });
                        }
                    }
                    // In the way, on a thread that is to end.
                    while worker_now() != 0 && !stop.load(SeqCst) {
                        std::hint::spin_loop();
                    }
                })
            };
            on.resize(1).unwrap();
            // Only thieves can get at what lies there.
            while ran.load(SeqCst) < 200 {
                thread::yield_now();
            }
            stop.store(true, SeqCst);
            for parent in parents {
                parent.join().unwrap();
            }
            end(&on);
        }
    });
}

fn tree(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let left = spawn(move || tree(depth - 1));
    let right = tree(depth - 1);
    if depth.is_multiple_of(3) {
        yield_now();
    }
    left.join().unwrap() + right
}

fn pinned(dice: &SharedDice) {
    let thread = thread::current().id();
    for _ in 0..6 {
        match dice.below(3) {
            0 => yield_now(),
            1 => {
                let deadline = Deadline::after(Duration::from_micros(dice.below(3000)));
                assert_eq!(sleep_until(deadline), Outcome::TimedOut);
                assert!(deadline.is_past(), "early");
            }
            _ => assert_eq!(tree(4), 16),
        }
        assert_eq!(thread, thread::current().id(), "pinned");
    }
}

/// Two that unpark each other in turn.
fn ping_pong(turns: usize, first: bool, other: &AtomicU64) {
    while other.load(SeqCst) == 0 {
        yield_now();
    }
    let other = FiberId::from_bits(other.load(SeqCst)).unwrap();
    for turn in 0..turns {
        if !first || turn > 0 {
            assert_eq!(park(Deadline::NEVER), Outcome::Woken);
        }
        // The last one finds nobody, perhaps.
        let _ = vitte_scheduler::unpark(other);
    }
}

#[test]
fn while_workers_come_and_go_nothing_is_lost() {
    let seed = seed();
    within(LIMIT, "come and go", move || {
        let on = start(3);
        let dice = Arc::new(SharedDice(AtomicU64::new(seed)));
        let stop = Arc::new(AtomicBool::new(false));
        let resizer = {
            let (on, stop) = (on.clone(), Arc::clone(&stop));
            let mut dice = Dice(seed | 1);
            thread::spawn(move || {
                let mut times = 0;
                while !stop.load(SeqCst) || times < 50 {
                    on.resize(1 + dice.below(8) as usize).unwrap();
                    times += 1;
                    if dice.below(4) > 0 {
                        thread::sleep(Duration::from_micros(dice.below(2000)));
                    }
                }
            })
        };
        for _ in 0..15 {
            round(&on, &dice);
        }
        stop.store(true, SeqCst);
        resizer.join().unwrap();
        end(&on);
    });
}

fn round(on: &Scheduler, dice: &Arc<SharedDice>) {
    let mut tasks = Vec::new();
    let mut raws = Vec::new();
    for at in 0..60 {
        let own = Arc::clone(dice);
        if at % 3 == 0 {
            raws.push(spawn_raw(on, &SpawnOptions::default(), move || {
                for _ in 0..10 {
                    let deadline = Deadline::after(Duration::from_micros(own.below(1000)));
                    assert_eq!(sleep_until(deadline), Outcome::TimedOut);
                    assert!(deadline.is_past(), "early");
                    yield_now();
                }
                at
            }));
        } else {
            tasks.push(on.spawn(&SpawnOptions::default(), move || pinned(&own)));
        }
    }
    let ids = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    for first in [true, false] {
        let ids = Arc::clone(&ids);
        tasks.push(on.spawn(&SpawnOptions::default(), move || {
            let me = current_id().unwrap().to_bits();
            ids[usize::from(first)].store(me, SeqCst);
            ping_pong(300, first, &ids[usize::from(!first)]);
        }));
    }
    assert_eq!(run(on, || tree(9)), 512);
    for task in tasks {
        task.join().unwrap();
    }
    for (at, raw) in raws.into_iter().enumerate() {
        let value = join_raw(raw, after(100_000)).unwrap();
        assert_eq!(value.addr(), 3 * at);
    }
}
