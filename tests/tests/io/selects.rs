//! Descriptors among the arms of a select.

use crate::{LONG, SHORT, pair};
use std::io::Write;
use vitte_tests::within;
use vitte_threads::{
    Channel, Runtime, StopSource,
    io::{Command, TcpListener, TcpStream, WaitError},
    select,
    select::{Select, SelectError},
};

#[test]
fn the_first_of_a_descriptor_and_a_channel_goes() {
    within(LONG, "select", || {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        runtime.run(|| {
            let (ours, theirs) = pair();
            let (tx, rx) = Channel::new();
            for turn in 0..100 {
                if turn % 2 == 0 {
                    (&theirs).write_all(b"x").unwrap();
                } else {
                    tx.send(turn).unwrap();
                }
                let which = select! {
                    readable(ours) -> ready => {
                        assert_eq!(ready, Ok(()));
                        assert_eq!(ours.read(&mut [0; 2]).unwrap(), 1);
                        0
                    }
                    recv(rx) -> value => value.unwrap() % 2,
                    after(LONG) => 2,
                };
                assert_eq!(which, Ok(turn % 2));
            }
            let which = select! {
                readable(ours) => "readable",
                writable(ours) -> ready => { assert_eq!(ready, Ok(())); "writable" }
                after(SHORT) => "late",
            };
            assert_eq!(which, Ok("writable"));
        });
    });
}

#[test]
fn a_descriptor_that_stays_silent_leaves_the_select_to_others() {
    within(LONG, "silent", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| {
            let (ours, theirs) = pair();
            for _ in 0..3 {
                let late = select! { readable(ours) => false, after(SHORT) => true };
                assert_eq!(late, Ok(true));
            }
            (&theirs).write_all(b"x").unwrap();
            let ready = select! { readable(ours) -> ready => ready, after(LONG) => panic!("late") };
            assert_eq!(ready, Ok(Ok(())));
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let to = listener.local_addr().unwrap();
            let client = vitte_threads::Fiber::spawn(move || TcpStream::connect(to).unwrap());
            let ready =
                select! { readable(listener) -> ready => ready, after(LONG) => panic!("late") };
            assert_eq!(ready, Ok(Ok(())));
            client.join().unwrap();
        });
    });
}

#[test]
fn closing_lets_the_arm_go_and_says_so() {
    within(LONG, "close", || {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        runtime.run(|| {
            let (ours, _theirs) = pair();
            let ours = std::sync::Arc::new(ours);
            let closer = {
                let ours = ours.clone();
                vitte_threads::Fiber::spawn(move || {
                    vitte_tests::units::moment();
                    ours.close();
                })
            };
            let ready = select! { readable(ours) -> ready => ready, after(LONG) => panic!("late") };
            assert_eq!(ready, Ok(Err(WaitError::Closed)));
            closer.join().unwrap();
        });
    });
}

#[test]
fn a_thread_of_no_runtime_looks_out_for_descriptors_and_the_rest() {
    within(LONG, "thread", || {
        let ((first, to_first), (second, to_second)) = (pair(), pair());
        let (tx, rx) = Channel::new();
        for turn in 0..100 {
            // Before the wait, or while it lasts.
            let send = || match turn % 3 {
                0 => (&to_first).write_all(b"x").unwrap(),
                1 => (&to_second).write_all(b"x").unwrap(),
                _ => tx.send(turn).unwrap(),
            };
            std::thread::scope(|scope| {
                if turn % 2 == 0 {
                    scope.spawn(send);
                } else {
                    send();
                }
                let which = select! {
                    readable(first) -> ready => { assert_eq!(ready, Ok(())); 0 }
                    readable(second) -> ready => { assert_eq!(ready, Ok(())); 1 }
                    recv(rx) -> value => { assert_eq!(value, Ok(turn)); 2 }
                    after(LONG) => 3,
                };
                assert_eq!(which, Ok(turn % 3));
            });
            match turn % 3 {
                0 => assert_eq!(first.read(&mut [0; 2]).unwrap(), 1),
                1 => assert_eq!(second.read(&mut [0; 2]).unwrap(), 1),
                _ => {}
            }
        }
        let late =
            select! { readable(first) => false, readable(second) => false, after(SHORT) => true };
        assert_eq!(late, Ok(true));
        let which =
            select! { readable(first) => false, writable(first) -> ready => ready == Ok(()) };
        assert_eq!(which, Ok(true));
        assert_eq!(select! { readable(first) => 0, default => 1 }, 1);
        drop(to_first);
        let ended = select! { readable(first) -> ready => ready, after(LONG) => panic!("late") };
        assert_eq!(
            ended,
            Ok(Ok(())),
            "the end of the other side is something to read"
        );
    });
}

#[test]
fn a_stop_and_a_deadline_end_what_a_thread_looks_out_for() {
    within(LONG, "thread's stop", || {
        let (ours, _theirs) = pair();
        let source = StopSource::new();
        let mut arm = ours.readable_arm();
        let mut only = Select::new();
        only.add(&mut arm);
        assert_eq!(only.wait_timeout(SHORT), Err(SelectError::TimedOut));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                vitte_tests::units::moment();
                source.stop();
            });
            assert_eq!(only.wait_or_stop(&source), Err(SelectError::Stopped));
        });
        assert_eq!(only.wait_or_stop(&source), Err(SelectError::Stopped));
        assert_eq!(only.try_wait(), None);
    });
}

#[test]
fn closing_lets_the_arm_of_a_thread_go_and_says_so() {
    within(LONG, "thread's close", || {
        let (ours, _theirs) = pair();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                vitte_tests::units::moment();
                ours.close();
            });
            for _ in 0..2 {
                let ready =
                    select! { readable(ours) -> ready => ready, after(LONG) => panic!("late") };
                assert_eq!(ready, Ok(Err(WaitError::Closed)));
            }
        });
    });
}

#[test]
fn several_ready_descriptors_of_a_thread_go_by_turns() {
    within(LONG, "fair", || {
        let ((first, to_first), (second, to_second)) = (pair(), pair());
        (&to_first).write_all(b"x").unwrap();
        (&to_second).write_all(b"x").unwrap();
        let mut went = [0; 2];
        for _ in 0..200 {
            let which = select! { readable(first) => 0, readable(second) => 1 };
            went[which.unwrap()] += 1;
        }
        // Both at least once, but for one case in a number of sixty digits.
        assert!(went.iter().all(|&times| times > 0), "{went:?}");
    });
}

#[test]
fn threads_fibers_and_descriptors_lose_nothing_between_selects() {
    within(LONG, "mixed", || {
        const EACH: usize = 300;
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let (reader, writer) = pair();
        let (tx, rx) = Channel::bounded(1);
        let fibers = runtime.spawn(move || {
            for turn in 0..EACH {
                tx.send(turn).unwrap();
                (&writer).write_all(b"x").unwrap();
            }
        });
        // The thread is of no runtime; nobody watches its descriptor.
        let (mut bytes, mut values) = (0, 0);
        while bytes < EACH || values < EACH {
            let went = select! {
                readable(reader) -> ready => { ready.unwrap(); true }
                recv(rx) -> value if values < EACH => { assert_eq!(value, Ok(values)); values += 1; false }
            };
            if went.unwrap() {
                bytes += reader.read(&mut [0; 64]).unwrap();
            }
        }
        fibers.join().unwrap();
    });
}

#[test]
fn an_arm_that_a_thread_has_made_says_on_a_fiber_that_nobody_watches() {
    within(LONG, "moved", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        let (ours, _theirs) = pair();
        let mut arm = ours.readable_arm();
        let ready = runtime.run(|| {
            let late = || panic!("it waits for what nobody watches");
            select! { arm(&mut arm) -> ready => ready, after(LONG) => late() }
        });
        assert_eq!(ready, Ok(Err(WaitError::Unwatched)));
    });
}

#[test]
fn the_end_of_a_process_is_an_arm() {
    within(LONG, "process", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| {
            let child = Command::new("sh").args(["-c", "exit 3"]).spawn().unwrap();
            let ended =
                select! { readable(child) -> ended => ended, after(LONG) => panic!("late") };
            assert_eq!(ended, Ok(Ok(())));
            assert_eq!(
                child.try_wait().unwrap(),
                Some(vitte_threads::io::Exit::Code(3))
            );
        });
    });
}
