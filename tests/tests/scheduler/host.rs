//! Runtimes that their host drives: what runs when, who is woken, and which threads may drive.

use crate::{LIMIT, after};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::{
    os::fd::{AsRawFd, BorrowedFd},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
        mpsc,
    },
    thread,
};
use vitte_scheduler::{
    Config, DriveError, Driver, JoinError, JoinHandle, Poll, ResizeError, Scheduler, ShutdownError,
    ShutdownMode, SpawnOptions, Why, current_id, park, poll, sleep_until, spawn, unpark, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome, StopSource, current};

const ALL: u64 = u64::MAX;

fn start() -> (Scheduler, Driver) {
    let config = Config {
        workers: 0,
        name: "solo".to_owned(),
        ..Config::default()
    };
    let scheduler = Scheduler::start(config).unwrap();
    let driver = scheduler.driver().unwrap();
    (scheduler, driver)
}

fn end(scheduler: &Scheduler) {
    scheduler
        .shutdown(ShutdownMode::Drain, after(60_000))
        .unwrap();
    assert_eq!(scheduler.stats().live, 0);
}

fn add<T: Send + 'static>(
    on: &Scheduler,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    on.spawn(&SpawnOptions::default(), body)
}

/// Waits until `handle` is readable, for so many seconds at most.
fn is_readable(handle: BorrowedFd<'_>, seconds: i64) -> bool {
    let mut entry = [PollFd::new(&handle, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut entry, Some(&timeout)).unwrap() == 1
}

#[test]
fn nothing_runs_between_calls_and_no_thread_is_started() {
    within(LIMIT, "driven: nothing by itself", || {
        let (scheduler, driver) = start();
        let task = add(&scheduler, || current_id().is_some());
        thread::yield_now();
        assert!(!task.is_finished());
        assert!(!vitte_tests::threads().contains("solo-"));
        assert_eq!(scheduler.workers(), 0);
        let ran = driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!((ran.steps, ran.why), (1, Why::NothingReady));
        assert!(task.is_finished() && task.join().unwrap());
        end(&scheduler);
    });
}

#[test]
fn a_call_runs_as_many_steps_as_it_may() {
    within(LIMIT, "driven: steps", || {
        let (scheduler, driver) = start();
        let tasks: Vec<_> = (0..100).map(|_| add(&scheduler, yield_now)).collect();
        let (mut steps, mut calls) = (0, 0);
        loop {
            let ran = driver.run(7, Deadline::NOW).unwrap();
            assert!(ran.steps <= 7);
            (steps, calls) = (steps + ran.steps, calls + 1);
            if ran.why == Why::NothingReady {
                break;
            }
            assert_eq!((ran.steps, ran.why), (7, Why::Steps));
            assert_eq!(driver.next_deadline(), Deadline::NOW);
        }
        assert_eq!((steps, calls), (200, 200 / 7 + 1));
        assert!(tasks.iter().all(JoinHandle::is_finished));
        assert_eq!(driver.run(0, Deadline::NOW).unwrap().steps, 0);
        end(&scheduler);
    });
}

#[test]
fn who_polls_gives_the_thread_back_when_its_time_is_over() {
    within(LIMIT, "driven: a polled loop", || {
        let (scheduler, driver) = start();
        let task = add(&scheduler, || while poll() == Poll::Continue {});
        for _ in 0..3 {
            assert_eq!(driver.run(ALL, after(2)).unwrap().why, Why::Deadline);
            assert_eq!(driver.run_ready(ALL, after(2)).unwrap().why, Why::Deadline);
            // However late it is, it gets a turn.
            let ran = driver.run_ready(ALL, Deadline::NOW).unwrap();
            assert_eq!((ran.steps, ran.why), (1, Why::Deadline));
        }
        task.cancel();
        task.join().unwrap();
        end(&scheduler);
    });
}

#[test]
fn polled_loops_share_the_thread_though_nobody_watches_the_time() {
    within(LIMIT, "driven: slices", || {
        let (scheduler, _) = start();
        let flag = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&flag);
        let waits = add(&scheduler, move || {
            while !theirs.load(Relaxed) {
                let _ = poll();
            }
        });
        add(&scheduler, move || flag.store(true, Relaxed)).detach();
        waits.join().unwrap();
        end(&scheduler);
    });
}

#[test]
fn timers_fire_in_calls_and_the_host_knows_when() {
    within(LIMIT, "driven: timers", || {
        let (scheduler, driver) = start();
        let handle = driver.wait_handle().unwrap();
        assert_eq!(driver.next_deadline(), Deadline::NEVER);
        let due = after(20);
        let task = add(&scheduler, move || sleep_until(due));
        assert_eq!(driver.next_deadline(), Deadline::NOW);
        let ran = driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!(ran.why, Why::NothingReady);
        let mut steps = ran.steps;
        // On a busy machine it may be over already. A look at the timers takes a quarter of a millisecond of them together.
        if steps == 1 {
            let next = driver.next_deadline().as_nanos();
            assert!(next > 0 && next < due.as_nanos() + 1_000_000);
        }
        while !task.is_finished() {
            assert!(is_readable(handle, 60));
            steps += driver.run(ALL, Deadline::NOW).unwrap().steps;
        }
        assert!(due.is_past());
        assert_eq!(steps, 2);
        assert_eq!(driver.next_deadline(), Deadline::NEVER);
        assert!(!is_readable(handle, 0));
        end(&scheduler);
    });
}

#[test]
fn a_call_with_a_deadline_waits_for_work_until_then() {
    within(LIMIT, "driven: a call that waits", || {
        let (scheduler, driver) = start();
        assert_eq!(driver.run(ALL, after(1)).unwrap().why, Why::NothingReady);
        let task = add(&scheduler, || park(Deadline::NEVER));
        let id = task.id().unwrap();
        let waker = thread::spawn(move || unpark(id).unwrap());
        let mut steps = 0;
        while !task.is_finished() {
            steps += driver.run(1, after(60_000)).unwrap().steps;
        }
        assert!((1..=2).contains(&steps));
        waker.join().unwrap();
        let timed = add(&scheduler, || sleep_until(after(5)));
        let ran = driver.run(2, after(60_000)).unwrap();
        assert_eq!((ran.steps, ran.why), (2, Why::Steps));
        assert_eq!(timed.join().unwrap(), Outcome::TimedOut);
        end(&scheduler);
    });
}

#[test]
fn the_host_is_called_once_each_time_there_is_something_to_do_again() {
    within(LIMIT, "driven: the callback", || {
        let (scheduler, driver) = start();
        let (wake, woken) = mpsc::channel();
        driver.set_wake(Some(move || wake.send(thread::current().id()).unwrap()));
        let mut first = add(&scheduler, || park(Deadline::NEVER));
        for _ in 0..10 {
            add(&scheduler, || spawn(yield_now).join().unwrap()).detach();
        }
        assert_eq!(woken.try_iter().count(), 1);
        driver.run(3, Deadline::NOW).unwrap();
        assert_eq!(
            woken.try_iter().count(),
            0,
            "the host knows that more is left"
        );
        driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!(woken.try_iter().count(), 0, "never from inside a call");
        let id = first.id().unwrap();
        let waker = thread::spawn(move || {
            unpark(id).unwrap();
            thread::current().id()
        });
        assert_eq!(woken.recv().unwrap(), waker.join().unwrap());
        assert_eq!(driver.next_deadline(), Deadline::NOW);
        assert_eq!(
            first.join_with(after(60_000), None).unwrap(),
            Outcome::Woken
        );
        // A panic of it stays with it, and there may be none.
        driver.set_wake(Some(|| panic!("the host's own")));
        add(&scheduler, || ()).join().unwrap();
        driver.run(ALL, Deadline::NOW).unwrap();
        driver.set_wake(None::<fn()>);
        add(&scheduler, || ()).join().unwrap();
        end(&scheduler);
    });
}

#[test]
fn the_handle_is_readable_while_there_is_something_to_do() {
    within(LIMIT, "driven: the handle", || {
        let (scheduler, driver) = start();
        add(&scheduler, yield_now).detach();
        // Asked for late, it knows what has happened.
        let handle = driver.wait_handle().unwrap();
        let same = driver.wait_handle().unwrap();
        assert_eq!(handle.as_raw_fd(), same.as_raw_fd());
        assert!(is_readable(handle, 0));
        driver.run(1, Deadline::NOW).unwrap();
        assert!(
            is_readable(handle, 0),
            "more is left than there was time for"
        );
        driver.run(ALL, Deadline::NOW).unwrap();
        assert!(!is_readable(handle, 0));
        let task = add(&scheduler, || park(Deadline::NEVER));
        assert!(is_readable(handle, 0));
        assert!(is_readable(handle, 0), "to look takes nothing away");
        driver.run(ALL, Deadline::NOW).unwrap();
        let unparker = scheduler.signal_unparker(4).unwrap();
        unparker.unpark(task.id().unwrap()).unwrap();
        assert!(
            is_readable(handle, 0),
            "what a signal handler does counts, too"
        );
        assert_eq!(driver.next_deadline(), Deadline::NOW);
        driver.run(ALL, Deadline::NOW).unwrap();
        assert!(task.is_finished());
        assert!(!is_readable(handle, 0));
        end(&scheduler);
    });
}

#[test]
fn only_a_thread_drives_and_only_one_at_a_time() {
    within(LIMIT, "driven: who may", || {
        let (scheduler, driver) = start();
        let (inside, other) = (driver.clone(), driver.clone());
        let entered = Arc::new(Barrier::new(2));
        let go = Arc::clone(&entered);
        let task = add(&scheduler, move || {
            let from_fiber = inside.run(ALL, Deadline::NOW);
            go.wait();
            go.wait();
            from_fiber
        });
        let elsewhere = thread::spawn(move || {
            entered.wait();
            let answer = other.run(ALL, Deadline::NOW);
            entered.wait();
            answer
        });
        driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!(elsewhere.join().unwrap(), Err(DriveError::Busy));
        assert_eq!(task.join().unwrap(), Err(DriveError::NotAThread));
        // A worker is not the host's to lend either.
        let workers = crate::start(1);
        let theirs = driver.clone();
        let answer = crate::run(&workers, move || theirs.run(ALL, Deadline::NOW));
        assert_eq!(answer, Err(DriveError::NotAThread));
        crate::end(&workers);
        assert!(matches!(scheduler.resize(2), Err(ResizeError::HostDriven)));
        end(&scheduler);
        assert_eq!(driver.run(ALL, Deadline::NOW), Err(DriveError::ShutDown));
        assert_eq!(driver.next_deadline(), Deadline::NOW);
    });
}

#[test]
fn fibers_that_have_begun_keep_the_runtime_on_their_thread() {
    within(LIMIT, "driven: another thread", || {
        let (scheduler, driver) = start();
        let drive = |driver: &Driver| {
            let driver = driver.clone();
            thread::spawn(move || driver.run(ALL, Deadline::NOW))
                .join()
                .unwrap()
        };
        let fresh = add(&scheduler, || park(Deadline::NEVER));
        let id = fresh.id().unwrap();
        // SAFETY: nothing is kept across the wait.
        let movable = add(&scheduler, || unsafe {
            vitte_scheduler::spawn_migratable(|| park(Deadline::NEVER))
        });
        driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!(drive(&driver), Err(DriveError::OtherThread(1)));
        assert!(DriveError::OtherThread(1).to_string().contains("1 fibers"));
        unpark(id).unwrap();
        driver.run(ALL, Deadline::NOW).unwrap();
        let _ = fresh.join().unwrap();
        let movable = movable.join().unwrap();
        movable.unpark();
        // What may move has moved, and what begins there is bound to that thread.
        assert_eq!(drive(&driver).unwrap().why, Why::NothingReady);
        assert!(movable.is_finished());
        add(&scheduler, yield_now).detach();
        let turn = Arc::new(Barrier::new(2));
        let elsewhere = thread::spawn({
            let (driver, turn) = (driver.clone(), Arc::clone(&turn));
            move || {
                driver.run(1, Deadline::NOW).unwrap();
                turn.wait();
                turn.wait();
                driver.run(ALL, Deadline::NOW).unwrap();
            }
        });
        turn.wait();
        let here = driver.run(ALL, Deadline::NOW);
        assert_eq!(here, Err(DriveError::OtherThread(1)));
        turn.wait();
        elsewhere.join().unwrap();
        end(&scheduler);
    });
}

#[test]
fn the_hosts_thread_drives_while_it_joins() {
    within(LIMIT, "driven: joins", || {
        let (scheduler, driver) = start();
        let sum = add(&scheduler, || {
            let children: Vec<_> = (0..10).map(|n| spawn(move || n)).collect();
            yield_now();
            children
                .into_iter()
                .map(|child| child.join().unwrap())
                .sum::<i32>()
        });
        assert_eq!(sum.join().unwrap(), 45);
        let mut parked = add(&scheduler, || park(Deadline::NEVER));
        let late = parked.join_with(after(5), None);
        assert!(matches!(late, Err(JoinError::TimedOut)));
        let source = StopSource::new();
        let stopper = thread::spawn({
            let source = source.clone();
            move || source.stop()
        });
        let stopped = parked.join_with(Deadline::NEVER, Some(&source));
        assert!(matches!(stopped, Err(JoinError::Stopped)));
        assert_eq!(source.callbacks(), 0);
        stopper.join().unwrap();
        let id = parked.id().unwrap();
        let waker = thread::spawn(move || unpark(id).unwrap());
        assert_eq!(parked.join().unwrap(), Outcome::Woken);
        waker.join().unwrap();
        // Another thread waits while the host drives.
        let task = add(&scheduler, yield_now);
        let joiner = thread::spawn(move || task.join().unwrap());
        while !joiner.is_finished() {
            driver.run(ALL, after(1)).unwrap();
        }
        joiner.join().unwrap();
        end(&scheduler);
    });
}

/// What is dropped between two tasks may wait: then the thread does, as itself.
struct Sleepy;

impl Drop for Sleepy {
    fn drop(&mut self) {
        assert_eq!(sleep_until(after(1)), Outcome::TimedOut);
    }
}

#[test]
fn a_thread_is_itself_again_after_a_call() {
    within(LIMIT, "driven: the thread's own", || {
        let (scheduler, driver) = start();
        let me = current::unit().life();
        add(&scheduler, || Sleepy).detach();
        add(&scheduler, || park(after(1))).detach();
        driver.run(ALL, Deadline::NOW).unwrap();
        assert_eq!(current::unit().life(), me);
        assert!(Scheduler::current().is_none() && current_id().is_none());
        assert_eq!(park(after(1)), Outcome::TimedOut);
        end(&scheduler);
        assert_eq!(current::unit().life(), me);
    });
}

#[test]
fn a_shutdown_drives_what_it_waits_for() {
    within(LIMIT, "driven: shutdown", || {
        let (scheduler, driver) = start();
        let drained = add(&scheduler, || sleep_until(after(5)));
        let parked = add(&scheduler, || park(Deadline::NEVER));
        // The deadline may pass before the thread has driven at all.
        loop {
            let late = scheduler.shutdown(ShutdownMode::Drain, after(20));
            let Err(ShutdownError::TimedOut(names)) = late else {
                panic!("one of them is parked: {late:?}");
            };
            if names.len() == 1 {
                break;
            }
        }
        assert_eq!(drained.join().unwrap(), Outcome::TimedOut);
        let stubborn = driver.clone();
        scheduler
            .shutdown(ShutdownMode::Cancel, after(60_000))
            .unwrap();
        assert_eq!(parked.join().unwrap(), Outcome::Canceled);
        assert_eq!(stubborn.run(ALL, Deadline::NOW), Err(DriveError::ShutDown));

        // Another thread may, while nothing is bound to the host's.
        let (scheduler, _) = start();
        let fresh = add(&scheduler, || park(Deadline::NEVER));
        let ended = thread::spawn(move || scheduler.shutdown(ShutdownMode::Cancel, after(60_000)));
        ended.join().unwrap().unwrap();
        assert!(matches!(fresh.join(), Err(JoinError::Killed(_))));

        // Whoever waits in a call comes back.
        let (scheduler, driver) = start();
        let parked = add(&scheduler, || park(Deadline::NEVER));
        let (begun, begins) = mpsc::channel();
        add(&scheduler, move || begun.send(()).unwrap()).detach();
        let host = thread::spawn(move || driver.run(ALL, Deadline::NEVER).unwrap().why);
        begins.recv().unwrap();
        scheduler
            .shutdown(ShutdownMode::Cancel, after(60_000))
            .unwrap();
        assert_eq!(parked.join().unwrap(), Outcome::Canceled);
        assert_eq!(host.join().unwrap(), Why::ShutDown);
    });
}

#[test]
fn what_was_abandoned_ends_with_its_last_task() {
    within(LIMIT, "driven: abandoned", || {
        let (scheduler, driver) = start();
        let parked = add(&scheduler, || park(Deadline::NEVER));
        driver.run(ALL, Deadline::NOW).unwrap();
        scheduler
            .shutdown(ShutdownMode::Abandon, Deadline::NOW)
            .unwrap();
        assert_eq!(
            driver.run(ALL, Deadline::NOW).unwrap().why,
            Why::NothingReady
        );
        parked.unpark();
        assert_eq!(driver.run(ALL, Deadline::NOW).unwrap().why, Why::ShutDown);
        assert!(parked.is_finished());
        assert_eq!(driver.run(ALL, Deadline::NOW), Err(DriveError::ShutDown));
    });
}

/// A host that sleeps until it is called, or its handle is readable, misses nothing.
#[test]
fn a_host_that_sleeps_between_calls_misses_nothing() {
    const ROUNDS: u64 = 300;
    const PARTNERS: u64 = 3;
    for by_handle in [false, true] {
        within(LIMIT, "driven: a host that sleeps", move || {
            let seed = vitte_tests::seed();
            let (scheduler, driver) = start();
            let host = thread::current();
            let woken = Arc::new(AtomicBool::new(false));
            let ring = Arc::clone(&woken);
            driver.set_wake(Some(move || {
                ring.store(true, SeqCst);
                host.unpark();
            }));
            let handle = driver.wait_handle().unwrap();
            let count = Arc::new(AtomicU64::new(0));
            let partners: Vec<_> = (0..PARTNERS)
                .map(|partner| {
                    let (scheduler, count) = (scheduler.clone(), Arc::clone(&count));
                    thread::spawn(move || {
                        let mut dice = crate::Dice((seed + partner) | 1);
                        for _ in 0..ROUNDS {
                            let count = Arc::clone(&count);
                            let timed = dice.below(8) == 0;
                            let task = add(&scheduler, move || {
                                let until = if timed { after(1) } else { Deadline::NEVER };
                                let outcome = park(until);
                                count.fetch_add(1, Relaxed);
                                outcome
                            });
                            for _ in 0..dice.below(4) {
                                thread::yield_now();
                            }
                            if !timed {
                                task.unpark();
                            }
                            // The host alone can end it.
                            let _ = task.join().unwrap();
                        }
                    })
                })
                .collect();
            while !partners.iter().all(thread::JoinHandle::is_finished) {
                let ran = driver.run(ALL, Deadline::NOW).unwrap();
                if ran.why != Why::NothingReady {
                    continue;
                }
                if count.load(Relaxed) == ROUNDS * PARTNERS {
                    break;
                }
                if by_handle {
                    assert!(is_readable(handle, 60));
                    continue;
                }
                let left = driver.next_deadline().remaining();
                if !woken.swap(false, SeqCst) {
                    match left {
                        Some(left) => thread::park_timeout(left),
                        None => thread::park(),
                    }
                }
            }
            for partner in partners {
                partner.join().unwrap();
            }
            assert_eq!(count.load(Relaxed), ROUNDS * PARTNERS);
            end(&scheduler);
        });
    }
}
