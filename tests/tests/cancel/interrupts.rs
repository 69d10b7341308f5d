//! Calls that others leave with a fiber: it makes them wherever it is, and what it waited for is as it was.

use crate::{LIMIT, after, end, kinds, start, until_it_waits};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering::*},
        mpsc,
    },
    thread,
};
use vitte_channels::Channel;
use vitte_scheduler::{
    JoinHandle, Poll, SpawnOptions, Stale, current_id, interrupt, park, poll, sleep_until, spawn,
    unpark, yield_now,
};
use vitte_tests::{Census, within};
use vitte_wait::{Deadline, Outcome};

#[test]
fn in_every_kind_of_wait_a_fiber_is_interrupted_and_waits_on() {
    within(LIMIT, "kinds", || {
        kinds::all(|on, holder, kinds| {
            let spawn = |&(name, kind): &(&'static str, kinds::Kind)| {
                let held = Arc::clone(&holder.held);
                (
                    name,
                    on.spawn(&SpawnOptions::default(), move || kind(&held)),
                )
            };
            let fibers: Vec<_> = kinds.iter().map(spawn).collect();
            for (name, fiber) in &fibers {
                if *name != "poll" {
                    until_it_waits(fiber.id().unwrap());
                }
            }
            for _ in 0..10 {
                let left = |(name, fiber): &(&'static str, JoinHandle<bool>)| {
                    let (id, (sender, who)) = (fiber.id().unwrap(), mpsc::channel());
                    interrupt(id, move || sender.send(current_id()).unwrap()).unwrap();
                    (*name, id, who)
                };
                let all: Vec<_> = fibers.iter().map(left).collect();
                for (name, id, who) in all {
                    assert_eq!(who.recv().unwrap(), Some(id), "{name}");
                }
            }
            for (name, fiber) in fibers {
                assert!(!fiber.is_finished(), "{name}");
                let id = fiber.id().unwrap();
                fiber.cancel();
                assert!(fiber.join().unwrap(), "{name}");
                assert_eq!(interrupt(id, || ()), Err(Stale));
            }
        });
    });
}

#[test]
fn interrupted_receivers_lose_no_value_and_sleepers_no_time() {
    within(LIMIT, "nothing lost", || {
        const VALUES: usize = 20_000;
        for workers in [1, 2] {
            let on = start(workers);
            let (tx, rx) = Channel::bounded(1);
            let count = Arc::new(AtomicUsize::new(0));
            let receiver = on.spawn(&SpawnOptions::default(), move || rx.iter().sum::<usize>());
            let sender = on.spawn(&SpawnOptions::default(), move || {
                for value in 0..VALUES {
                    tx.send(value).unwrap();
                }
            });
            let sleeper = on.spawn(&SpawnOptions::default(), || {
                let until = after(50);
                let outcome = sleep_until(until);
                (outcome, until.is_past())
            });
            let ids = [receiver.id(), sender.id(), sleeper.id()].map(Option::unwrap);
            let interrupter = {
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    let mut left = 0;
                    while ids.iter().any(|id| {
                        let count = Arc::clone(&count);
                        let was_left = interrupt(*id, move || {
                            count.fetch_add(1, Relaxed);
                        });
                        left += usize::from(was_left.is_ok());
                        was_left.is_ok()
                    }) {
                        thread::yield_now();
                    }
                    left
                })
            };
            assert_eq!(sleeper.join().unwrap(), (Outcome::TimedOut, true));
            assert_eq!(receiver.join().unwrap(), VALUES * (VALUES - 1) / 2);
            sender.join().unwrap();
            let left = interrupter.join().unwrap();
            assert!(count.load(Relaxed) <= left);
            end(&on);
        }
    });
}

#[test]
fn tokens_given_to_an_interrupted_fiber_are_not_lost() {
    within(LIMIT, "tokens", || {
        for workers in [1, 2] {
            let on = start(workers);
            let turns = Arc::new(AtomicU32::new(0));
            let seen = Arc::clone(&turns);
            let parked = on.spawn(&SpawnOptions::default(), move || {
                for turn in 0..10_000 {
                    while seen.load(Acquire) == turn {
                        assert_eq!(park(Deadline::NEVER), Outcome::Woken);
                    }
                }
            });
            let id = parked.id().unwrap();
            let interrupter = thread::spawn(move || while interrupt(id, || ()).is_ok() {});
            let waker = on.spawn(&SpawnOptions::default(), move || {
                for _ in 0..10_000 {
                    turns.fetch_add(1, Release);
                    if unpark(id).is_err() {
                        break;
                    }
                    yield_now();
                }
            });
            waker.join().unwrap();
            parked.join().unwrap();
            interrupter.join().unwrap();
            end(&on);
        }
    });
}

#[test]
fn several_interrupts_are_made_in_order_and_panics_go_no_further() {
    within(LIMIT, "order", || {
        let on = start(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let parked = on.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
        let id = parked.id().unwrap();
        for number in 0..100 {
            let order = Arc::clone(&order);
            interrupt(id, move || {
                order.lock().unwrap().push(number);
                std::panic::resume_unwind(Box::new(()));
            })
            .unwrap();
        }
        let (sender, done) = mpsc::channel();
        interrupt(id, move || sender.send(()).unwrap()).unwrap();
        done.recv().unwrap();
        assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
        unpark(id).unwrap();
        assert_eq!(parked.join().unwrap(), Outcome::Woken);
        end(&on);
    });
}

#[test]
fn an_action_that_waits_blocks_only_its_thread_and_its_fiber_waits_on() {
    within(LIMIT, "waits", || {
        let on = start(2);
        let parked = on.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
        let id = parked.id().unwrap();
        until_it_waits(id);
        let (sender, seen) = mpsc::channel();
        interrupt(id, move || {
            let slept = sleep_until(after(5));
            let parked = park(Deadline::NEVER);
            yield_now();
            let child = spawn(|| 3).join().unwrap();
            sender.send((slept, parked, child, current_id())).unwrap();
        })
        .unwrap();
        let expected = (Outcome::TimedOut, Outcome::Canceled, 3, Some(id));
        assert_eq!(seen.recv().unwrap(), expected);
        unpark(id).unwrap();
        assert_eq!(parked.join().unwrap(), Outcome::Woken);
        end(&on);
    });
}

#[test]
fn what_a_fiber_did_not_come_to_is_dropped_once() {
    within(LIMIT, "dropped", || {
        let on = start(2);
        let census = Census::new();
        for round in 0..300 {
            let fiber = on.spawn(&SpawnOptions::default(), move || {
                if round % 3 == 0 {
                    while poll() == Poll::Continue {}
                } else if round % 3 == 1 {
                    let _ = park(Deadline::NEVER);
                }
            });
            let id = fiber.id().unwrap();
            for _ in 0..3 {
                let value = census.value(round);
                let _ = interrupt(id, move || drop(value));
            }
            fiber.cancel();
            if round % 2 == 0 {
                fiber.join().unwrap();
            }
        }
        end(&on);
        census.assert_all_dropped();
    });
}
