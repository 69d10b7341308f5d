//! Runtimes that end, run side by side, or are busy, while descriptors are waited for.

use crate::{LONG, pair, why};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};
use vitte_scheduler::{Poll, poll};
use vitte_tests::{units::moment, within};
use vitte_threads::{
    Deadline, Fiber, Runtime,
    io::{TcpListener, WaitError},
};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}

#[test]
fn a_runtime_that_ends_ends_the_waits_of_its_fibers_and_of_others() {
    within(LONG, "end", || {
        let runtime = runtime(2);
        let (ours, theirs) = pair();
        let ours = Arc::new(ours);
        let fiber = {
            let ours = ours.clone();
            runtime.spawn(move || why(ours.read(&mut [0])))
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = runtime.spawn(move || why(listener.accept()));
        moment();
        // The runtime watches it by now, and goes on without the thread.
        let thread = {
            let ours = ours.clone();
            thread::spawn(move || ours.read_for(&mut [0], LONG))
        };
        moment();
        runtime.shutdown(Deadline::after(LONG)).unwrap();
        assert_eq!(fiber.join().unwrap(), Some(WaitError::Canceled));
        assert_eq!(acceptor.join().unwrap(), Some(WaitError::Canceled));
        assert!(!thread.is_finished(), "it waits by itself");
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(thread.join().unwrap().unwrap(), 1);
        // And so does a fiber of another runtime.
        let another = self::runtime(1);
        let reader = another.spawn(move || ours.read_for(&mut [0], LONG));
        moment();
        (&theirs).write_all(b"y").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn two_runtimes_talk_to_each_other() {
    within(LONG, "two", || {
        let (one, other) = (runtime(1), runtime(2));
        let (ours, theirs) = pair();
        let ping = one.spawn(move || {
            for turn in 0..1000_u32 {
                (&ours).write_all(&turn.to_ne_bytes()).unwrap();
                let mut answer = [0; 4];
                ours.read_exact_with(&mut answer, Deadline::NEVER, None)
                    .unwrap();
                assert_eq!(u32::from_ne_bytes(answer), turn + 1);
            }
        });
        let pong = other.spawn(move || {
            for _ in 0..1000 {
                let mut number = [0; 4];
                theirs
                    .read_exact_with(&mut number, Deadline::NEVER, None)
                    .unwrap();
                let next = u32::from_ne_bytes(number) + 1;
                (&theirs).write_all(&next.to_ne_bytes()).unwrap();
            }
        });
        ping.join().unwrap();
        pong.join().unwrap();
    });
}

#[test]
fn what_waits_for_a_descriptor_is_woken_though_a_polled_loop_has_the_only_worker() {
    within(LONG, "busy", || {
        let runtime = runtime(1);
        let (ours, theirs) = pair();
        let reader = runtime.spawn(move || ours.read(&mut [0]).unwrap());
        moment();
        let over = Arc::new(AtomicBool::new(false));
        let looping = {
            let over = over.clone();
            runtime.spawn(move || while !over.load(Relaxed) && poll() == Poll::Continue {})
        };
        moment();
        (&theirs).write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        over.store(true, Relaxed);
        looping.join().unwrap();
    });
}

/// A fiber that always finds something to read never waits; the others have their turns.
#[test]
fn a_busy_connection_does_not_starve_its_neighbours() {
    within(LONG, "budget", || {
        let runtime = runtime(1);
        let over = Arc::new(AtomicBool::new(false));
        let (ours, theirs) = pair();
        let writer = {
            let over = over.clone();
            thread::spawn(move || {
                while !over.load(Relaxed) && theirs.write_for(&[0; 4096], LONG).is_ok() {}
            })
        };
        let reader = {
            let over = over.clone();
            runtime
                .spawn(move || while !over.load(Relaxed) && ours.read(&mut [0; 16]).unwrap() > 0 {})
        };
        // Another connection, and a fiber that just wants to run.
        let (near, far) = pair();
        let neighbour = runtime.spawn(move || near.read(&mut [0]).unwrap());
        moment();
        (&far).write_all(b"x").unwrap();
        assert_eq!(neighbour.join().unwrap(), 1);
        assert_eq!(runtime.spawn(|| 7).join().unwrap(), 7);
        over.store(true, Relaxed);
        reader.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn streams_may_change_hands_between_workers() {
    within(LONG, "hands", || {
        let runtime = runtime(4);
        runtime.run(|| {
            let (ours, theirs) = pair();
            let echo = Fiber::spawn(move || {
                let mut byte = [0];
                while theirs.read(&mut byte).unwrap() > 0 {
                    (&theirs).write_all(&byte).unwrap();
                }
            });
            let mut ours = ours;
            for turn in 0..200_u8 {
                // Each is another fiber, on whatever worker takes it.
                let next = Fiber::spawn(move || {
                    (&ours).write_all(&[turn]).unwrap();
                    let mut byte = [0];
                    ours.read_exact_with(&mut byte, Deadline::NEVER, None)
                        .unwrap();
                    assert_eq!(byte[0], turn);
                    ours
                });
                vitte_threads::yield_now();
                ours = next.join().unwrap();
            }
            drop(ours);
            echo.join().unwrap();
        });
    });
}
