//! Fibers that are awaited: by tokio's tasks, and by each other.

use crate::{HOUR, LIMIT, MS, fibers, tokio};
use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::*},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};
use vitte_tests::{seed, within};
use vitte_threads::{Fiber, JoinError, Outcome, Runtime, block_on, sleep, sync::Event, yield_now};

#[test]
fn a_task_of_tokio_awaits_fibers() {
    within(LIMIT, "awaits", || {
        let sum = tokio().block_on(async {
            let mut sum = 0;
            let quick = fibers().spawn(|| 1);
            let slow = fibers().spawn(|| {
                assert_eq!(sleep(3 * MS), Outcome::TimedOut);
                2
            });
            sum += slow.await.unwrap();
            sum += quick.await.unwrap();
            sum
        });
        assert_eq!(sum, 3);
    });
}

#[test]
fn an_awaited_fiber_s_panic_is_the_error() {
    within(LIMIT, "panics", || {
        tokio().block_on(async {
            let error = fibers().spawn(|| panic!("a bad fiber")).await;
            let Err(JoinError::Panicked(panicked)) = error.map(|never: ()| never) else {
                panic!("it did not");
            };
            assert_eq!(panicked.text(), "a bad fiber");
            // On a plain thread there is no runtime.
            let error = Fiber::spawn(|| 1).await;
            assert!(matches!(error, Err(JoinError::NotStarted(_))));
        });
    });
}

#[test]
fn a_future_that_is_dropped_lets_its_fiber_run_on_or_cancels_it() {
    within(LIMIT, "dropped", || {
        let done = Arc::new(Event::manual());
        let release = Arc::new(Event::manual());
        for polls in [false, true] {
            done.reset();
            release.reset();
            let (tell, held) = (done.clone(), release.clone());
            let mut future = fibers()
                .spawn(move || {
                    let _ = held.wait();
                    tell.signal();
                })
                .into_future();
            if polls {
                let _ = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
            }
            drop(future);
            release.signal();
            done.wait().unwrap();
        }
        let canceled = Arc::new(Event::manual());
        let tell = canceled.clone();
        let future = fibers().spawn(move || {
            assert_eq!(sleep(HOUR), Outcome::Canceled);
            tell.signal();
        });
        let ended = tokio().block_on(async {
            let future = future.into_future().cancel_on_drop();
            tokio::time::timeout(MS, future).await
        });
        assert!(ended.is_err());
        canceled.wait().unwrap();
    });
}

#[test]
fn a_fiber_that_shutdown_ends_is_an_error_and_not_a_hang() {
    within(LIMIT, "shutdown", || {
        let on = Runtime::builder().workers(1).build().unwrap();
        let asleep = on.spawn(|| sleep(HOUR)).into_future();
        let awaiting = tokio().spawn(asleep);
        drop(on);
        match tokio().block_on(awaiting).unwrap() {
            // It had begun, or had not.
            Ok(Outcome::Canceled) | Err(JoinError::Killed(_)) => {}
            other => panic!("{other:?}"),
        }
    });
}

/// Counts how often it wakes.
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn the_waker_of_the_last_poll_is_woken_once() {
    within(LIMIT, "last", || {
        let release = Arc::new(Event::manual());
        let held = release.clone();
        let mut future = fibers().spawn(move || held.wait().is_ok()).into_future();
        let counts = [0, 1, 2].map(|_| Arc::new(Count(AtomicUsize::new(0))));
        for count in &counts {
            let waker = Waker::from(count.clone());
            let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        release.signal();
        while counts[2].0.load(SeqCst) == 0 {
            thread::yield_now();
        }
        let polled = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(true))));
        let again = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(again, Poll::Ready(Err(JoinError::Taken))));
        assert_eq!(counts.map(|count| count.0.load(SeqCst)), [0, 0, 1]);
    });
}

struct Bad;

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        panic!("a bad waker");
    }
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    within(LIMIT, "bad waker", || {
        let release = Arc::new(Event::manual());
        let held = release.clone();
        let mut future = fibers().spawn(move || held.wait()).into_future();
        let bad = Waker::from(Arc::new(Bad));
        let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&bad));
        assert!(polled.is_pending());
        release.signal();
        // Another who waits for the same, and the worker, go on.
        assert!(block_on(future).unwrap().is_ok());
        assert_eq!(fibers().run(|| 1), 1);
    });
}

#[test]
fn fibers_and_tasks_await_each_other_in_a_storm() {
    let seed = seed();
    within(LIMIT, "storm", move || {
        let total = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..2_000_u64)
            .map(|i| {
                let dice = (seed ^ i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                let total = total.clone();
                let fiber = fibers().spawn(move || {
                    match dice % 5 {
                        0 => yield_now(),
                        1 => _ = sleep(Duration::from_micros(dice % 300)),
                        2 => {
                            // A task, awaited by a fiber, that a task awaits.
                            let inner = tokio().spawn(async { tokio::task::yield_now().await });
                            block_on(inner).unwrap().unwrap();
                        }
                        _ => {}
                    }
                    i
                });
                tokio().spawn(async move {
                    if dice.is_multiple_of(7) {
                        tokio::task::yield_now().await;
                    }
                    if dice.is_multiple_of(11) {
                        // Dropped in the middle: the fiber runs on.
                        let _ = tokio::time::timeout(Duration::ZERO, fiber.into_future()).await;
                    } else {
                        assert_eq!(fiber.await.unwrap(), i);
                    }
                    total.fetch_add(1, SeqCst);
                })
            })
            .collect();
        tokio().block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(total.load(SeqCst), 2_000);
    });
}

#[test]
fn a_future_may_change_threads_between_polls() {
    within(LIMIT, "threads", || {
        let release = Arc::new(Event::manual());
        let held = release.clone();
        let mut future = fibers().spawn(move || held.wait()).into_future();
        for _ in 0..4 {
            future = thread::spawn(move || {
                let polled = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
                future
            })
            .join()
            .unwrap();
        }
        release.signal();
        assert!(block_on(future).unwrap().is_ok());
    });
}
