//! `block_on`: futures that are polled by fibers and threads.

use crate::{LIMIT, MS, fibers, tokio};
use std::{
    cell::Cell,
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, mpsc::channel},
    task::{Context, Poll, Waker},
    thread,
};
use vitte_tests::within;
use vitte_threads::{
    Deadline, Fiber, Runtime, StopSource, block_on, block_on_or_stop, block_on_timeout,
    block_on_with,
    sync::{Canceled, WaitError},
};

/// Runs `case` on a fiber, then on a plain thread.
fn both(name: &str, case: fn()) {
    within(LIMIT, name, move || {
        fibers().run(case);
        case();
    });
}

/// A future that needs tokio's reactor: polled inside its runtime, which is left between polls, for a
/// fiber's thread belongs to others too.
struct Inside<F>(Pin<Box<F>>);

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _inside = tokio().enter();
        self.0.as_mut().poll(context)
    }
}

#[test]
fn a_future_that_is_ready_is_not_waited_for() {
    both("ready", || {
        assert_eq!(block_on(async { 7 }), Ok(7));
        // It need not be `Send`, and may borrow.
        let (here, there) = (Rc::new(Cell::new(1)), 2);
        let sum = async {
            here.set(here.get() + there);
            here.get()
        };
        assert_eq!(block_on(sum), Ok(3));
        assert_eq!(
            block_on(async { block_on(async { 1 }).unwrap() + 1 }),
            Ok(2)
        );
    });
}

#[test]
fn messages_of_a_tokio_channel_all_arrive() {
    both("messages", || {
        let (tell, mut told) = tokio::sync::mpsc::channel(4);
        let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let sender = tokio().spawn(async move {
            for i in 0..10_000_u64 {
                tell.send(i).await.unwrap();
                if i.is_multiple_of(100) {
                    assert_eq!(answers.recv().await, Some(i));
                }
            }
        });
        for i in 0..10_000_u64 {
            assert_eq!(block_on(told.recv()), Ok(Some(i)));
            if i.is_multiple_of(100) {
                answer.send(i).unwrap();
            }
        }
        assert_eq!(block_on(told.recv()), Ok(None));
        block_on(sender).unwrap().unwrap();
    });
}

#[test]
fn a_sleep_of_tokio_is_slept_on_a_fiber() {
    both("sleep", || {
        let until = Deadline::after(3 * MS);
        block_on(Inside(Box::pin(async { tokio::time::sleep(4 * MS).await }))).unwrap();
        assert!(until.is_past());
        let timeout = async { tokio::time::timeout(MS, pending::<()>()).await };
        assert!(block_on(Inside(Box::pin(timeout))).unwrap().is_err());
    });
}

#[test]
fn two_fibers_of_one_worker_block_at_once() {
    within(LIMIT, "two", || {
        let on = Runtime::builder().workers(1).build().unwrap();
        let (one, other) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
        on.scope(|scope| {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    block_on(one.notified()).unwrap();
                    other.notify_one();
                }
            });
            scope.spawn(|| {
                for _ in 0..1_000 {
                    one.notify_one();
                    block_on(other.notified()).unwrap();
                }
            });
        });
    });
}

#[test]
fn a_wake_up_from_inside_the_poll_is_not_lost() {
    both("inside", || {
        let mut left = 1_000_u32;
        let busy = poll_fn(|context| {
            if left == 0 {
                return Poll::Ready("done");
            }
            left -= 1;
            context.waker().wake_by_ref();
            if left.is_multiple_of(2) {
                // Twice is the same as once.
                context.waker().wake_by_ref();
            }
            Poll::Pending
        });
        assert_eq!(block_on(busy), Ok("done"));
        assert_eq!(left, 0);
    });
}

#[test]
fn a_wake_up_from_any_thread_before_the_poll_returns_is_not_lost() {
    both("any thread", || {
        let (give, wakers) = channel::<Option<Waker>>();
        let waking = thread::spawn(move || {
            while let Ok(Some(waker)) = wakers.recv() {
                waker.wake();
            }
        });
        let mut left = 2_000_u32;
        let woken = poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            give.send(Some(context.waker().clone())).unwrap();
            if left.is_multiple_of(3) {
                // The wake-up is likely to be there before this returns.
                thread::yield_now();
            }
            Poll::Pending
        });
        block_on(woken).unwrap();
        give.send(None).unwrap();
        waking.join().unwrap();
    });
}

#[test]
fn a_waker_that_outlives_its_wait_wakes_nobody() {
    both("stale", || {
        let kept = Arc::new(Mutex::new(None));
        let keep = poll_fn(|context| {
            *kept.lock().unwrap() = Some(context.waker().clone());
            Poll::Ready(())
        });
        block_on(keep).unwrap();
        kept.lock().unwrap().take().unwrap().wake();
        // Neither the caller's park token, nor his next wait.
        assert_eq!(
            vitte_threads::park_timeout(MS),
            vitte_threads::Outcome::TimedOut
        );
        assert_eq!(
            block_on_timeout(pending::<()>(), MS),
            Err(WaitError::TimedOut)
        );
    });
}

/// A future that is never ready, and says when it is dropped.
async fn owner(own: Arc<()>) {
    pending::<()>().await;
    drop(own);
}

#[test]
fn what_ends_the_wait_is_said_and_the_future_is_dropped() {
    both("ends", || {
        let own = Arc::new(());
        let ended = block_on_with(owner(own.clone()), Deadline::after(MS), None);
        assert_eq!(ended, Err(WaitError::TimedOut));
        assert_eq!(Arc::strong_count(&own), 1);
        let source = StopSource::new();
        source.stop();
        let ended = block_on_or_stop(owner(own.clone()), &source);
        assert_eq!(ended, Err(WaitError::Stopped));
        assert_eq!(Arc::strong_count(&own), 1);
        // It is polled before anything is waited for.
        assert_eq!(block_on_with(async { 1 }, Deadline::NOW, None), Ok(1));
        // Lent, it can be gone on with.
        let (tell, mut told) = tokio::sync::oneshot::channel();
        let ended = block_on_with(&mut told, Deadline::NOW, None);
        assert_eq!(ended, Err(WaitError::TimedOut));
        tell.send(5).unwrap();
        assert_eq!(block_on(told), Ok(Ok(5)));
    });
}

#[test]
fn a_fiber_that_is_canceled_drops_its_future() {
    within(LIMIT, "canceled", || {
        let own = Arc::new(());
        let owned = own.clone();
        let task = fibers().spawn(move || block_on(owner(owned)));
        task.cancel();
        assert_eq!(task.join().unwrap(), Err(Canceled));
        assert_eq!(Arc::strong_count(&own), 1);
        // And with its runtime.
        let on = Runtime::builder().workers(1).build().unwrap();
        let owned = own.clone();
        on.spawn(move || while block_on(owner(owned.clone())).is_err() {});
        drop(on);
        assert_eq!(Arc::strong_count(&own), 1);
    });
}

#[test]
fn a_panic_of_the_future_is_the_caller_s() {
    within(LIMIT, "panics", || {
        let own = Arc::new(());
        let owned = own.clone();
        let task = fibers().spawn(move || {
            block_on(async move {
                let _own = owned;
                tokio::task::yield_now().await;
                panic!("in the future");
            })
        });
        let text = task.join().map(|never: Result<(), _>| never).unwrap_err();
        assert!(text.to_string().contains("in the future"), "{text}");
        assert_eq!(Arc::strong_count(&own), 1);
        let caught = catch_unwind(AssertUnwindSafe(|| block_on(async { panic!("here") })));
        assert!(caught.map(|never: Result<(), _>| never).is_err());
    });
}

#[test]
fn a_future_and_a_channel_of_ours_are_waited_for_in_turn() {
    within(LIMIT, "mixed", || {
        fibers().run(|| {
            let (ours, mut theirs) = (
                vitte_threads::Channel::bounded::<u32>(1),
                tokio::sync::mpsc::channel::<u32>(1),
            );
            let (tx, rx) = ours;
            let echo = Fiber::spawn(move || {
                for value in rx.iter() {
                    if block_on(theirs.0.send(value)).unwrap().is_err() {
                        return;
                    }
                }
            });
            for i in 0..1_000 {
                tx.send(i).unwrap();
                assert_eq!(block_on(theirs.1.recv()), Ok(Some(i)));
            }
            drop(tx);
            echo.join().unwrap();
        });
    });
}
