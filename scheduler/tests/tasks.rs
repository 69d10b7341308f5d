//! Tasks: spawning, joining, waiting, being canceled, ending.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::*},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use vitte_scheduler::{
    Config, JoinError, JoinHandle, Scheduler, ShutdownError, ShutdownMode, SpawnError,
    SpawnOptions, cancel, current_id, park, sleep_until, spawn, unpark, yield_now,
};
use vitte_wait::{Deadline, Outcome, StopSource, facade::plain::Mutex};

/// Runs `test` on schedulers of one, two and four workers; fails if one takes a minute.
fn on_each(test: impl Fn(&Scheduler) + Send + Sync + 'static) {
    let test = Arc::new(test);
    for workers in [1, 2, 4] {
        let test = Arc::clone(&test);
        within(Duration::from_secs(60), move || {
            let scheduler = start(workers);
            test(&scheduler);
            scheduler
                .shutdown(
                    ShutdownMode::Drain,
                    Deadline::after(Duration::from_secs(30)),
                )
                .unwrap();
        });
    }
}

fn start(workers: usize) -> Scheduler {
    Scheduler::start(Config {
        workers,
        ..Config::default()
    })
    .unwrap()
}

fn within(limit: Duration, run: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let runner = thread::spawn(move || {
        run();
        let _ = done.send(());
    });
    match finished.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        _ => runner
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// Runs `body` as a fiber.
fn run<T: Send + 'static>(on: &Scheduler, body: impl FnOnce() -> T + Send + 'static) -> T {
    on.spawn(&SpawnOptions::default(), body).join().unwrap()
}

fn after(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}

#[test]
fn a_task_returns_its_value() {
    on_each(|on| {
        assert_eq!(run(on, || spawn(|| 41).join().unwrap() + 1), 42);
        assert_eq!(
            run(on, || spawn(|| "x".repeat(100)).join().unwrap()).len(),
            100
        );
        assert_eq!(run(on, || spawn(|| [7_u64; 32]).join().unwrap()), [7; 32]);
    });
}

#[test]
fn joins_in_any_order_give_each_its_own_value() {
    on_each(|on| {
        run(on, || {
            let tasks: Vec<_> = (0..1000).map(|i| spawn(move || i)).collect();
            for (i, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.join().unwrap(), i);
            }
            let tasks: Vec<_> = (0..1000).map(|i| spawn(move || i)).collect();
            for (i, task) in tasks.into_iter().enumerate().rev() {
                assert_eq!(task.join().unwrap(), i);
            }
        });
    });
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let left = spawn(move || fib(n - 1));
    let right = fib(n - 2);
    left.join().unwrap() + right
}

#[test]
fn fork_and_join_divides_deeply() {
    on_each(|on| assert_eq!(run(on, || fib(24)), 46368));
}

#[test]
fn a_chain_of_a_hundred_thousand_nested_joins_does_not_overflow() {
    fn down(n: u32) -> u32 {
        if n == 0 {
            0
        } else {
            spawn(move || down(n - 1)).join().unwrap() + 1
        }
    }
    on_each(|on| assert_eq!(run(on, || down(100_000)), 100_000));
}

/// The first part of V13; its panic, destructors and overflow have tests of their own here and in `fibers`.
#[test]
fn ten_thousand_fibers_that_yield_all_finish() {
    on_each(|on| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        run(on, move || {
            let tasks: Vec<_> = (0..10_000)
                .map(|_| {
                    let count = Arc::clone(&counter);
                    spawn(move || {
                        for _ in 0..10 {
                            count.fetch_add(1, Relaxed);
                            yield_now();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.join().unwrap();
            }
        });
        assert_eq!(count.load(Relaxed), 100_000);
    });
}

/// Part of V13.
#[test]
fn a_panic_reaches_the_joiner_with_its_text_and_nobody_else() {
    on_each(|on| {
        run(on, || {
            let good = spawn(|| {
                yield_now();
                1
            });
            let bad: JoinHandle<()> = spawn(|| {
                yield_now();
                panic!("boom {}", 7)
            });
            match bad.join() {
                Err(JoinError::Panicked(panicked)) => assert_eq!(panicked.text(), "boom 7"),
                other => panic!("{other:?}"),
            }
            assert_eq!(good.join().unwrap(), 1);
            let inline: JoinHandle<()> = spawn(|| panic!("at once"));
            let error = inline.join().unwrap_err();
            assert_eq!(error.to_string(), "the task panicked: at once");
        });
    });
}

#[test]
fn a_join_with_a_deadline_times_out_and_can_be_repeated() {
    on_each(|on| {
        run(on, || {
            let mut slow = spawn(|| {
                let _ = park(Deadline::NEVER);
                5
            });
            let id = slow.id().unwrap();
            assert!(matches!(
                slow.join_with(after(5), None),
                Err(JoinError::TimedOut)
            ));
            assert!(matches!(
                slow.join_with(Deadline::NOW, None),
                Err(JoinError::TimedOut)
            ));
            unpark(id).unwrap();
            assert_eq!(slow.join_with(Deadline::NEVER, None).unwrap(), 5);
            assert!(matches!(
                slow.join_with(Deadline::NEVER, None),
                Err(JoinError::Taken)
            ));
        });
    });
}

#[test]
fn a_stop_token_ends_a_join() {
    on_each(|on| {
        run(on, || {
            let source = StopSource::new();
            let token = source.token();
            let mut parked = spawn(|| park(Deadline::NEVER));
            let id = parked.id().unwrap();
            let stopper = spawn(move || {
                let _ = sleep_until(after(5));
                source.stop();
            });
            let joined = parked.join_with(Deadline::NEVER, Some(&token));
            assert!(matches!(joined, Err(JoinError::Stopped)));
            unpark(id).unwrap();
            assert_eq!(parked.join().unwrap(), Outcome::Woken);
            stopper.join().unwrap();
        });
    });
}

#[test]
fn a_plain_thread_spawns_and_joins() {
    on_each(|on| {
        let tasks: Vec<_> = (0..100)
            .map(|i| on.spawn(&SpawnOptions::default(), move || i * 2))
            .collect();
        let sum: i32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(sum, 9900);
    });
}

#[test]
fn spawning_outside_of_any_runtime_says_so_at_the_join() {
    let task = spawn(|| 1);
    assert_eq!(task.spawn_error(), Some(&SpawnError::NoRuntime));
    assert!(matches!(
        task.join(),
        Err(JoinError::NotStarted(SpawnError::NoRuntime))
    ));
}

#[test]
fn dropped_handles_let_their_tasks_run_on_and_drop_the_values() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    on_each(|on| {
        let drops = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&drops);
        run(on, move || {
            for i in 0..100 {
                let value = Counted(Arc::clone(&counter));
                drop(spawn(move || {
                    if i % 2 == 0 {
                        yield_now();
                    }
                    value
                }));
            }
        });
        on.shutdown(ShutdownMode::Drain, Deadline::NEVER).unwrap();
        assert_eq!(drops.load(SeqCst), 100);
    });
}

#[test]
fn park_tokens_are_remembered_and_do_not_add_up() {
    on_each(|on| {
        run(on, || {
            let me = current_id().unwrap();
            unpark(me).unwrap();
            unpark(me).unwrap();
            assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            assert_eq!(park(after(1)), Outcome::TimedOut);
        });
    });
}

#[test]
fn fibers_play_ping_pong_by_park_and_unpark() {
    on_each(|on| {
        run(on, || {
            let me = current_id().unwrap();
            let other = spawn(move || {
                for _ in 0..10_000 {
                    assert_eq!(park(Deadline::NEVER), Outcome::Woken);
                    unpark(me).unwrap();
                }
            });
            let id = other.id().unwrap();
            for _ in 0..10_000 {
                unpark(id).unwrap();
                assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            }
            other.join().unwrap();
            assert!(unpark(id).is_err(), "the id is stale");
            assert!(cancel(id).is_err(), "the id is stale");
        });
    });
}

#[test]
fn a_thread_unparks_a_fiber_and_a_fiber_a_thread() {
    on_each(|on| {
        let (ids, id) = mpsc::channel();
        let task = on.spawn(&SpawnOptions::default(), move || {
            for _ in 0..1000 {
                ids.send(current_id().unwrap()).unwrap();
                assert_eq!(park(Deadline::NEVER), Outcome::Woken);
            }
        });
        for _ in 0..1000 {
            unpark(id.recv().unwrap()).unwrap();
        }
        task.join().unwrap();
    });
}

#[test]
fn sleepers_all_wake_and_never_early() {
    on_each(|on| {
        let woken = run(on, || {
            let (sender, woken) = mpsc::channel();
            let tasks: Vec<_> = [30_u64, 10, 20]
                .into_iter()
                .map(|millis| {
                    let sender = sender.clone();
                    spawn(move || {
                        let start = Instant::now();
                        assert_eq!(sleep_until(after(millis)), Outcome::TimedOut);
                        assert!(
                            start.elapsed() >= Duration::from_millis(millis),
                            "woke early"
                        );
                        sender.send(millis).unwrap();
                    })
                })
                .collect();
            for task in tasks {
                task.join().unwrap();
            }
            woken.try_iter().count()
        });
        assert_eq!(woken, 3);
    });
}

#[test]
fn a_canceled_fiber_finds_its_waits_ended() {
    on_each(|on| {
        run(on, || {
            let asleep = spawn(|| (sleep_until(Deadline::NEVER), park(Deadline::NEVER)));
            yield_now();
            asleep.cancel();
            assert_eq!(
                asleep.join().unwrap(),
                (Outcome::Canceled, Outcome::Canceled)
            );
        });
    });
}

#[test]
fn a_fiber_that_blocks_in_a_destructor_while_panicking_blocks_its_thread() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            assert_eq!(sleep_until(after(20)), Outcome::TimedOut);
            yield_now();
        }
    }
    on_each(|on| {
        run(on, || {
            let bad = spawn(|| {
                let _waits = Waits;
                yield_now();
                panic!("with a waiting destructor")
            });
            let bad: JoinHandle<()> = bad;
            assert!(matches!(bad.join(), Err(JoinError::Panicked(_))));
            assert!(!thread::panicking());
        });
    });
}

#[test]
fn shutdown_ends_whatever_waits() {
    within(Duration::from_secs(60), || {
        for workers in [1, 2] {
            let scheduler = start(workers);
            let dropped = Arc::new(AtomicU64::new(0));
            struct Bye(Arc<AtomicU64>);
            impl Drop for Bye {
                fn drop(&mut self) {
                    self.0.fetch_add(1, SeqCst);
                }
            }
            let mut tasks = Vec::new();
            for i in 0..1000_u64 {
                let bye = Bye(Arc::clone(&dropped));
                tasks.push(scheduler.spawn(&SpawnOptions::default(), move || {
                    let _bye = bye;
                    match i % 4 {
                        0 => drop(park(Deadline::NEVER)),
                        1 => drop(sleep_until(after(3_600_000))),
                        2 => loop {
                            // Does not heed the cancellation, so it is unwound.
                            let _ = sleep_until(after(3_600_000));
                        },
                        _ => loop {
                            yield_now();
                        },
                    }
                }));
            }
            thread::sleep(Duration::from_millis(20));
            scheduler
                .shutdown(ShutdownMode::Cancel, after(60_000))
                .unwrap();
            assert_eq!(dropped.load(SeqCst), 1000, "every destructor ran once");
            for task in tasks {
                match task.join() {
                    Ok(()) | Err(JoinError::Killed(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}

#[test]
fn shutdown_names_a_task_that_cannot_be_ended() {
    within(Duration::from_secs(60), || {
        let scheduler = start(1);
        let stop = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&stop);
        let options = SpawnOptions {
            name: Some("spinner"),
            ..SpawnOptions::default()
        };
        let (begins, begun) = mpsc::channel();
        let spinner = scheduler.spawn(&options, move || {
            begins.send(()).unwrap();
            while seen.load(Relaxed) == 0 {
                std::hint::spin_loop();
            }
        });
        begun.recv().unwrap();
        let error = scheduler
            .shutdown(ShutdownMode::Cancel, after(50))
            .unwrap_err();
        assert_eq!(
            error,
            ShutdownError::StillRunning(vec!["spinner".to_owned()])
        );
        stop.store(1, Relaxed);
        spinner.join().unwrap();
    });
}

#[test]
fn a_drain_that_times_out_names_what_is_left_and_can_be_followed_by_a_cancel() {
    within(Duration::from_secs(60), || {
        let scheduler = start(2);
        let options = SpawnOptions {
            name: Some("waiter"),
            ..SpawnOptions::default()
        };
        let (begins, begun) = mpsc::channel();
        let waiter = scheduler.spawn(&options, move || {
            begins.send(()).unwrap();
            park(Deadline::NEVER)
        });
        // A task that has not begun by the cancellation never does.
        begun.recv().unwrap();
        let error = scheduler
            .shutdown(ShutdownMode::Drain, after(20))
            .unwrap_err();
        assert_eq!(error, ShutdownError::TimedOut(vec!["waiter".to_owned()]));
        let late = scheduler.spawn(&SpawnOptions::default(), || ());
        assert_eq!(late.spawn_error(), Some(&SpawnError::ShuttingDown));
        scheduler
            .shutdown(ShutdownMode::Cancel, after(60_000))
            .unwrap();
        assert_eq!(waiter.join().unwrap(), Outcome::Canceled);
    });
}

#[test]
fn a_fiber_cannot_shut_down_its_own_scheduler() {
    on_each(|on| {
        let own = on.clone();
        let error = run(on, move || {
            own.shutdown(ShutdownMode::Cancel, Deadline::NEVER)
        });
        assert_eq!(error, Err(ShutdownError::InsideOwnFiber));
    });
}

#[test]
fn many_schedulers_come_and_go_in_one_process() {
    within(Duration::from_secs(60), || {
        for round in 0..100 {
            let scheduler = start(2);
            assert_eq!(run(&scheduler, move || fib(10) + round), 55 + round);
            scheduler
                .shutdown(ShutdownMode::Drain, Deadline::NEVER)
                .unwrap();
        }
    });
}

#[test]
fn two_schedulers_wait_for_each_other() {
    within(Duration::from_secs(60), || {
        let (one, two) = (start(1), start(1));
        let other = two.clone();
        let value = run(&one, move || {
            (0..100)
                .map(|i| {
                    other
                        .spawn(&SpawnOptions::default(), move || i)
                        .join()
                        .unwrap()
                })
                .sum::<i32>()
        });
        assert_eq!(value, 4950);
        one.shutdown(ShutdownMode::Drain, Deadline::NEVER).unwrap();
        two.shutdown(ShutdownMode::Drain, Deadline::NEVER).unwrap();
    });
}

#[test]
fn a_hundred_thousand_parked_fibers_are_all_woken() {
    within(Duration::from_secs(120), || {
        let config = Config {
            workers: 2,
            stack_size: 16 << 10,
            ..Config::default()
        };
        let scheduler = Scheduler::start(config).unwrap();
        let woken = run(&scheduler, || {
            let tasks: Vec<_> = (0..100_000_u64)
                .map(|i| {
                    spawn(move || {
                        assert_eq!(park(Deadline::NEVER), Outcome::Woken);
                        i
                    })
                })
                .collect();
            for task in &tasks {
                task.unpark();
            }
            tasks
                .into_iter()
                .map(|task| task.join().unwrap())
                .sum::<u64>()
        });
        assert_eq!(woken, 100_000 * 99_999 / 2);
        scheduler
            .shutdown(ShutdownMode::Drain, Deadline::NEVER)
            .unwrap();
    });
}

#[test]
fn a_limit_on_stacks_ends_tasks_with_an_error_that_names_the_knob() {
    within(Duration::from_secs(60), || {
        let config = Config {
            workers: 1,
            max_stacks: Some(8),
            ..Config::default()
        };
        let scheduler = Scheduler::start(config).unwrap();
        let (good, bad) = run(&scheduler, || {
            let tasks: Vec<_> = (0..20).map(|_| spawn(|| park(Deadline::NEVER))).collect();
            for _ in 0..100 {
                yield_now();
            }
            for task in &tasks {
                task.unpark();
            }
            let (mut good, mut bad) = (0, 0);
            for task in tasks {
                match task.join() {
                    Ok(_) => good += 1,
                    Err(JoinError::NotStarted(SpawnError::StackSize(error))) => {
                        assert!(error.to_string().contains('8'), "{error}");
                        bad += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            (good, bad)
        });
        assert_eq!(good + bad, 20);
        assert!((1..=8).contains(&good), "{good}");
        scheduler
            .shutdown(ShutdownMode::Drain, Deadline::NEVER)
            .unwrap();
    });
}

#[test]
fn tasks_of_different_stack_sizes_live_together() {
    fn deep(n: u32) -> u32 {
        let frame = std::hint::black_box([n; 256]);
        if n == 0 {
            0
        } else {
            deep(n - 1) + frame[255] - n + 1
        }
    }
    on_each(|on| {
        let big = SpawnOptions {
            stack_size: Some(4 << 20),
            ..SpawnOptions::default()
        };
        let small = SpawnOptions {
            stack_size: Some(16 << 10),
            ..SpawnOptions::default()
        };
        let tasks: Vec<_> = (0..50)
            .flat_map(|_| {
                let big = on.spawn(&big, || {
                    yield_now();
                    deep(500)
                });
                let small = on.spawn(&small, || {
                    yield_now();
                    3
                });
                [big, small]
            })
            .collect();
        let sum: u32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(sum, 50 * 503);
    });
}

#[test]
fn the_stacks_of_a_crowd_are_given_back_when_it_has_gone() {
    within(Duration::from_secs(60), || {
        let config = Config {
            workers: 1,
            stack_size: 16 << 10,
            warm_stack_bytes: 1 << 20,
            ..Config::default()
        };
        let scheduler = Scheduler::start(config).unwrap();
        run(&scheduler, || {
            let tasks: Vec<_> = (0..5000).map(|_| spawn(|| park(Deadline::NEVER))).collect();
            yield_now();
            for task in &tasks {
                task.unpark();
            }
            for task in tasks {
                assert_eq!(task.join().unwrap(), Outcome::Woken);
            }
        });
        while scheduler.stats().stacks > 100 {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(run(&scheduler, || fib(10)), 55, "the worker is as before");
        scheduler
            .shutdown(ShutdownMode::Drain, Deadline::NEVER)
            .unwrap();
    });
}

#[test]
fn no_turn_is_lost_while_a_thread_interferes_with_two_fibers_of_one_worker() {
    const TURNS: u64 = 50_000;
    within(Duration::from_secs(60), || {
        let scheduler = start(1);
        let turn = Arc::new(AtomicU64::new(0));
        let ids = Arc::new(Mutex::new(Vec::new()));
        let players = [0, 1].map(|me| {
            let (turn, ids) = (Arc::clone(&turn), Arc::clone(&ids));
            let play = move || {
                ids.lock().push(current_id().unwrap());
                while ids.lock().len() < 2 {
                    yield_now();
                }
                let ids = ids.lock().clone();
                while turn.load(Acquire) < TURNS {
                    if turn.load(Acquire) % 2 != me {
                        let _ = park(Deadline::NEVER);
                        continue;
                    }
                    turn.fetch_add(1, AcqRel);
                    for id in &ids {
                        let _ = unpark(*id);
                    }
                }
            };
            scheduler.spawn(&SpawnOptions::default(), play)
        });
        // By then the worker has these words to itself, and they are taken from it.
        let mut next = 1_000;
        while turn.load(Acquire) < TURNS {
            if turn.load(Acquire) >= next {
                next += 1_000;
                for id in ids.lock().iter() {
                    let _ = unpark(*id);
                }
            }
            thread::yield_now();
        }
        for player in players {
            player.join().unwrap();
        }
    });
}
