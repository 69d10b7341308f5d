//! Spawning, joining, parking, cancelling, and the runtime's end.

use crate::explore::{explore, fails};
use std::sync::Arc;
use vitte_scheduler::Scheduler;
use vitte_threads::{Channel, Fiber, RecvError, Runtime, park, yield_now};
use vitte_wait::facade::{
    atomic::{AtomicUsize, Ordering::*},
    thread,
};

#[test]
fn a_join_gets_the_value_however_the_two_meet() {
    explore("joins", || {
        let tree = Fiber::spawn(|| {
            let left = Fiber::spawn(|| 1);
            let right = Fiber::spawn(|| {
                yield_now();
                2
            });
            left.join().unwrap() + right.join().unwrap()
        });
        assert_eq!(tree.join().unwrap(), 3);
    });
}

#[test]
fn an_unpark_is_never_lost() {
    explore("unpark", || {
        let (tell, told) = Channel::bounded(1);
        let sleeper = Fiber::spawn(move || {
            tell.send(Fiber::current().unwrap().id()).unwrap();
            let _ = park();
            let _ = park();
        });
        let id = told.recv().unwrap();
        let waker = thread::spawn(move || {
            while vitte_threads::unpark(id).is_ok() {
                thread::yield_now();
            }
        });
        sleeper.join().unwrap();
        waker.join().unwrap();
    });
}

#[test]
fn a_cancellation_ends_a_wait_before_during_and_after() {
    explore("cancel", || {
        let (tx, rx) = Channel::bounded::<i32>(1);
        let receiver = Fiber::spawn(move || rx.recv());
        receiver.cancel();
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Canceled));
        drop(tx);
    });
}

#[test]
fn a_runtime_ends_whatever_waits_in_it() {
    explore("the end", || {
        let inner = thread::spawn(|| {
            let runtime = Runtime::builder().workers(1).seed(1).build().unwrap();
            let (tx, rx) = Channel::new::<i32>();
            let waiter = runtime.spawn(move || rx.recv());
            drop(runtime);
            drop(tx);
            waiter.join()
        });
        // Whether it ran before the end or not at all, it is over.
        let _ = inner.join().unwrap();
    });
}

#[test]
fn workers_come_and_go_under_fibers_that_run() {
    explore("resizing", || {
        let on = Scheduler::current().unwrap();
        let (tx, rx) = Channel::bounded(1);
        let sum = Fiber::spawn(move || rx.recv().unwrap() + rx.recv().unwrap());
        let sender = Fiber::spawn(move || {
            tx.send(1).unwrap();
            yield_now();
            tx.send(Fiber::spawn(|| 2).join().unwrap()).unwrap();
        });
        for workers in [1, 3, 1, 2] {
            on.resize(workers).unwrap();
            yield_now();
        }
        sender.join().unwrap();
        assert_eq!(sum.join().unwrap(), 3);
    });
}

#[test]
fn a_lost_update_is_found() {
    let found = fails(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let fibers = [(); 2].map(|()| {
            let count = Arc::clone(&count);
            Fiber::spawn(move || {
                let seen = count.load(SeqCst);
                yield_now();
                count.store(seen + 1, SeqCst);
            })
        });
        for fiber in fibers {
            fiber.join().unwrap();
        }
        assert_eq!(count.load(SeqCst), 2);
    });
    assert!(found, "the checker tries no schedule that matters");
}
