//! Runtimes that end, run side by side, or are busy, while descriptors are waited for.

use crate::{LONG, SHORT, pair, why};
use std::{
    io::Write,
    os::{fd::AsRawFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};
use vitte_channels::Channel;
use vitte_scheduler::{
    Config, Direction, Poll, Scheduler, SourceError, SpawnOptions, poll, wait_for_descriptor,
};
use vitte_tests::{
    units::{moment, until_waiting},
    within,
};
use vitte_threads::{
    Deadline, Fiber, Runtime, StopSource,
    io::{TcpListener, WaitError},
};
use vitte_wait::{Reason, current};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}

#[test]
fn a_runtime_that_ends_ends_the_waits_of_its_fibers_and_of_others() {
    within(LONG, "end", || {
        let runtime = runtime(2);
        let (ours, theirs) = pair();
        let ours = Arc::new(ours);
        // A fiber that has not begun by the end of its runtime never does.
        let (tell, told) = Channel::new();
        let fiber = {
            let (ours, tell) = (ours.clone(), tell.clone());
            runtime.spawn(move || {
                tell.send(current::unit()).unwrap();
                why(ours.read(&mut [0]))
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = runtime.spawn(move || {
            tell.send(current::unit()).unwrap();
            why(listener.accept())
        });
        for unit in told.iter().take(2) {
            until_waiting(unit, Reason::Readable);
        }
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

#[test]
fn whoever_waits_for_a_number_that_is_forgotten_is_told() {
    within(LONG, "forgotten", || {
        let scheduler = Scheduler::start(Config {
            workers: 2,
            ..Config::default()
        })
        .unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let number = ours.as_raw_fd();
        let both = [Direction::Read, Direction::Write];
        // There is room to write, so that nobody waits for that.
        assert_eq!(
            wait_for_descriptor(number, &both, Deadline::NEVER, None).unwrap(),
            [false, true]
        );
        for _ in 0..20 {
            let (tell, told) = Channel::new();
            let waits = move || {
                tell.send(current::unit()).unwrap();
                let read = [Direction::Read];
                let ended = wait_for_descriptor(number, &read, Deadline::NEVER, None);
                ended.map_err(|error| SourceError::of(&error))
            };
            let threads = [0, 1].map(|_| thread::spawn(waits.clone()));
            let fiber = scheduler.spawn(&SpawnOptions::default(), waits);
            for unit in told.iter().take(3) {
                until_waiting(unit, Reason::Readable);
            }
            assert!(scheduler.forget_descriptor(number));
            let closed = Err(Some(SourceError::Closed));
            for thread in threads {
                assert_eq!(thread.join().unwrap(), closed);
            }
            assert_eq!(fiber.join().unwrap(), closed);
            assert!(!scheduler.forget_descriptor(number), "nobody is left");
        }
        // A thread whose wait ended in another way has left nothing behind.
        let read = [Direction::Read];
        let source = StopSource::new();
        source.stop();
        for (deadline, stop, why) in [
            (Deadline::NOW, None, SourceError::TimedOut),
            (Deadline::after(SHORT), None, SourceError::TimedOut),
            (Deadline::NEVER, Some(source.token()), SourceError::Stopped),
        ] {
            let ended = wait_for_descriptor(number, &read, deadline, stop.as_ref());
            assert_eq!(SourceError::of(&ended.unwrap_err()), Some(why));
        }
        assert!(!scheduler.forget_descriptor(number));
        theirs.write_all(b"x").unwrap();
        let ready = wait_for_descriptor(number, &read, Deadline::NEVER, None);
        assert_eq!(ready.unwrap(), [true, false]);
    });
}
