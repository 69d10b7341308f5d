//! Timers: none early, none lost, whoever is busy.

use crate::{LIMIT, SharedDice, after, end, run, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};
use vitte_scheduler::{
    SpawnOptions, current_id, info, park, sleep_until, spawn, spawn_migratable, yield_now,
};
use vitte_tests::{seed, within};
use vitte_wait::{Deadline, Outcome};

#[test]
fn of_ten_thousand_sleepers_none_wakes_early_and_none_is_lost() {
    let seed = seed();
    within(LIMIT, "sleepers", move || {
        for workers in [1, 2, 4] {
            let on = start(workers);
            let dice = Arc::new(SharedDice(AtomicU64::new(seed)));
            run(&on, move || {
                let tasks: Vec<_> = (0..10_000)
                    .map(|i| {
                        let micros = dice.below(400_000);
                        let body = move || {
                            let deadline = Deadline::after(Duration::from_micros(micros));
                            assert_eq!(sleep_until(deadline), Outcome::TimedOut);
                            assert!(deadline.is_past(), "early");
                        };
                        if i % 2 == 0 {
                            spawn(body)
                        } else {
                            // SAFETY: nothing in it is bound to a thread.
                            unsafe { spawn_migratable(body) }
                        }
                    })
                    .collect();
                for task in tasks {
                    task.join().unwrap();
                }
            });
            end(&on);
        }
    });
}

/// A migratable fiber on the worker of the caller that sleeps, and then says so.
fn sleeper_here(millis: u64, fired: &Arc<AtomicBool>) -> bool {
    let here = info(current_id().unwrap()).unwrap().worker;
    let fired = Arc::clone(fired);
    let body = move || {
        let there = info(current_id().unwrap()).unwrap().worker;
        if there == here {
            let _ = sleep_until(after(millis));
            fired.store(true, SeqCst);
        }
        there == here
    };
    // SAFETY: nothing in it is bound to a thread.
    let mut task = unsafe { spawn_migratable(body) };
    yield_now();
    // It sleeps here, or ran on another worker and has ended.
    !matches!(task.join_with(after(1), None), Ok(false))
}

/// Computes, without polling, until the other has woken.
fn compute_until(fired: &AtomicBool) -> bool {
    let start = Instant::now();
    while !fired.load(SeqCst) {
        if start.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::hint::spin_loop();
    }
    true
}

#[test]
fn a_timer_of_a_worker_that_computes_fires_while_another_is_idle() {
    within(LIMIT, "computing", || {
        for _ in 0..30 {
            let on = start(2);
            let fired = Arc::new(AtomicBool::new(false));
            let ok = run(&on, move || {
                while !sleeper_here(30, &fired) {}
                compute_until(&fired)
            });
            assert!(ok, "the timer did not fire");
            end(&on);
        }
    });
}

#[test]
fn a_timer_of_a_worker_that_slept_and_was_woken_to_compute_fires_all_the_same() {
    within(LIMIT, "risen", || {
        for round in 0..30 {
            let on = start(2 + round % 2);
            let fired = Arc::new(AtomicBool::new(false));
            let riser = on.spawn(&SpawnOptions::default(), move || {
                while !sleeper_here(80, &fired) {}
                // The worker falls asleep, and is woken for this fiber, which may not leave it.
                let _ = park(Deadline::NEVER);
                compute_until(&fired)
            });
            thread::sleep(Duration::from_millis(30));
            riser.unpark();
            assert!(riser.join().unwrap(), "the timer did not fire");
            end(&on);
        }
    });
}

#[test]
fn a_task_is_begun_though_others_compute_and_somebody_slept() {
    within(LIMIT, "begun", || {
        for round in 0..200_u64 {
            let on = start(3);
            // Two compute until two fresh tasks have run, for which there is one worker.
            let left = Arc::new(AtomicU64::new(2));
            for _ in 0..round % 50 {
                thread::yield_now();
            }
            let seen = Arc::clone(&left);
            let computing = on.spawn(&SpawnOptions::default(), move || {
                for _ in 0..2 {
                    let left = Arc::clone(&seen);
                    spawn(move || {
                        left.fetch_sub(1, SeqCst);
                        // Not over before the other has begun elsewhere.
                        let over = AtomicBool::new(false);
                        let start = Instant::now();
                        while left.load(SeqCst) > 0 && start.elapsed() < Duration::from_secs(20) {
                            std::hint::spin_loop();
                        }
                        over.store(true, Relaxed);
                    })
                    .detach();
                }
                let start = Instant::now();
                while seen.load(SeqCst) > 0 {
                    assert!(start.elapsed() < Duration::from_secs(20), "not begun");
                    std::hint::spin_loop();
                }
            });
            computing.join().unwrap();
            end(&on);
        }
    });
}
