//! Descriptors among the arms of a select.

use crate::{LONG, SHORT, pair};
use std::io::Write;
use vitte_tests::within;
use vitte_threads::{
    Channel, Runtime,
    io::{Command, TcpListener, TcpStream, WaitError},
    select,
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
fn a_thread_of_no_runtime_is_told_that_nobody_watches() {
    let (ours, _theirs) = pair();
    let ready = select! { readable(ours) -> ready => ready, after(LONG) => panic!("late") };
    assert_eq!(ready, Ok(Err(WaitError::Unwatched)));
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
