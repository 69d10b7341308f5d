//! Calls on the thread's own stack: roomy, confined, and waited for by nobody who could run elsewhere.

use crate::{LIMIT, end, run, start};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::channel,
    thread,
};
use vitte_channels::Channel;
use vitte_scheduler::{
    Config, JobKind, MAY_BLOCK, Scheduler, ShutdownMode, SpawnOptions, call_managed,
    call_on_native_stack, current_hot, current_id, native_region, offload_with, poll_slow, reserve,
    spawn, yield_now,
};
use vitte_sync::Mutex;
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome, Wait};

/// Uses about 8 kB of stack a round.
fn deep(rounds: u64) -> u64 {
    let frame = std::hint::black_box([rounds; 1000]);
    if rounds == 0 {
        return 0;
    }
    deep(rounds - 1) + std::hint::black_box(&frame)[999].min(1)
}

#[test]
fn a_call_may_use_more_stack_than_a_fiber_has() {
    within(LIMIT, "deep", || {
        let config = Config {
            workers: 1,
            thread_stack_size: Some(16 << 20),
            ..Config::default()
        };
        let on = Scheduler::start(config).unwrap();
        run(&on, || {
            assert!(!reserve(1 << 20));
            let (depth, roomy) = call_on_native_stack(|| (deep(1000), reserve(1 << 20)));
            assert_eq!((depth, roomy), (1000, true));
            assert!(!reserve(1 << 20));
            // And again, after it was elsewhere.
            yield_now();
            assert_eq!(call_on_native_stack(|| deep(1000)), 1000);
        });
        end(&on);
    });
}

#[test]
fn it_is_the_same_fiber_on_the_same_thread() {
    within(LIMIT, "same", || {
        let on = start(2);
        run(&on, || {
            let before = (current_id(), current_hot(), thread::current().id());
            let there = call_on_native_stack(|| {
                // Within, it runs where it stands.
                call_on_native_stack(|| (current_id(), current_hot(), thread::current().id()))
            });
            assert_eq!(before, there);
        });
        assert_eq!(call_on_native_stack(|| 3), 3);
        end(&on);
    });
}

#[test]
fn a_panic_goes_on_in_the_fiber() {
    within(LIMIT, "panics", || {
        let on = start(1);
        run(&on, || {
            let panics = || call_on_native_stack(|| panic!("too deep"));
            let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"too deep"));
            spawn(yield_now).join().unwrap();
        });
        let panics = || -> u32 { call_on_native_stack(|| panic!("too deep")) };
        let error = on
            .spawn(&SpawnOptions::default(), panics)
            .join()
            .unwrap_err();
        assert!(error.to_string().contains("too deep"), "{error}");
        end(&on);
    });
}

#[test]
fn what_waits_there_blocks_the_thread_and_nobody_else() {
    within(LIMIT, "waits", || {
        let on = start(1);
        run(&on, || {
            let sum = call_on_native_stack(|| {
                let (tx, rx) = Channel::bounded(1);
                let (ask, asked) = channel();
                // There is one worker, and its thread waits here.
                let child = spawn(move || {
                    tx.send(1).unwrap();
                    asked.recv().unwrap()
                });
                let one = rx.recv().unwrap();
                yield_now();
                let _ = poll_slow();
                ask.send(2).unwrap();
                let two = child.join().unwrap();
                let three =
                    native_region(MAY_BLOCK, || call_managed(|| spawn(|| 3).join().unwrap()));
                one + two + three + offload_with(JobKind::Io, || 4, Deadline::NEVER, None).unwrap()
            });
            assert_eq!(sum, 10);
            let soon = Deadline::after(std::time::Duration::from_millis(5));
            let late = call_on_native_stack(|| Wait::park_token(soon, None));
            assert_eq!(late, Outcome::TimedOut);
        });
        end(&on);
    });
}

#[test]
fn a_lock_knows_its_holder_there_too() {
    within(LIMIT, "locks", || {
        let on = start(1);
        run(&on, || {
            let mutex = Mutex::new(0);
            let held = mutex.lock().unwrap();
            assert!(call_on_native_stack(|| mutex.lock().is_err()));
            drop(held);
            call_on_native_stack(|| {
                let _held = mutex.lock().unwrap();
                assert!(mutex.lock().is_err());
            });
            assert!(mutex.lock().is_ok());
        });
        end(&on);
    });
}

#[test]
fn a_shutdown_ends_a_wait_there() {
    within(LIMIT, "shutdown", || {
        let on = start(1);
        let (tell, told) = channel();
        let fiber = on.spawn(&SpawnOptions::default(), move || {
            call_on_native_stack(|| {
                tell.send(()).unwrap();
                (0..3)
                    .map(|_| Wait::park_token(Deadline::NEVER, None))
                    .collect::<Vec<_>>()
            })
        });
        told.recv().unwrap();
        on.shutdown(ShutdownMode::Cancel, crate::after(60_000))
            .unwrap();
        assert_eq!(fiber.join().unwrap(), [Outcome::Canceled; 3]);
    });
}
