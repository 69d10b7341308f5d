//! A task that its joiner runs on its own stack, and that asks for what the joiner holds.

use std::{cell::Cell, time::Duration};
use vitte_sync::{LockError, Mutex, ReentrantMutex, RwLock};
use vitte_tests::within;
use vitte_threads::{Fiber, Runtime};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_task_on_its_joiner_s_stack_is_told_that_it_would_wait_for_ever() {
    within(LIMIT, "inline", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| {
            static LOCK: Mutex<u32> = Mutex::new(0);
            static RW: RwLock<u32> = RwLock::new(0);
            let again: &'static _ = Box::leak(Box::new(ReentrantMutex::new(Cell::new(0))));
            let held = LOCK.lock().unwrap();
            let reader = RW.read().unwrap();
            let _again = again.lock().unwrap();
            // One worker, spawned last: it runs right here.
            let inline = Fiber::spawn(|| {
                (
                    LOCK.lock().map(drop),
                    RW.write().map(drop),
                    again.lock().map(drop),
                )
            });
            assert_eq!(
                inline.join().unwrap(),
                (
                    Err(LockError::Deadlock),
                    Err(LockError::Deadlock),
                    Err(LockError::Deadlock)
                )
            );
            drop((held, reader));
        });
    });
}

#[test]
fn fibers_of_one_worker_that_hold_a_lock_while_they_wait_take_turns() {
    within(LIMIT, "one worker", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        let sum = runtime.run(|| {
            static LOCK: Mutex<u32> = Mutex::new(0);
            let fibers: Vec<_> = (0..20)
                .map(|_| {
                    Fiber::spawn(|| {
                        for _ in 0..50 {
                            let mut held = LOCK.lock().unwrap();
                            let seen = *held;
                            vitte_threads::yield_now();
                            *held = seen + 1;
                        }
                    })
                })
                .collect();
            for fiber in fibers {
                fiber.join().unwrap();
            }
            *LOCK.lock().unwrap()
        });
        assert_eq!(sum, 1_000);
    });
}
