//! Descriptors of a runtime that its host drives: what the host waits on tells of them.

use crate::{LONG, pair};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::{io::Write, os::fd::BorrowedFd, sync::Arc};
use vitte_tests::within;
use vitte_threads::{Deadline, Runtime, Why};

/// Waits until `handle` is readable, for so many seconds at most.
fn is_readable(handle: BorrowedFd<'_>, seconds: i64) -> bool {
    let mut entry = [PollFd::new(&handle, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut entry, Some(&timeout)).unwrap() == 1
}

#[test]
fn what_the_host_waits_on_is_readable_when_a_fiber_s_descriptor_is_ready() {
    within(LONG, "driven", || {
        let runtime = Runtime::builder().workers(0).build().unwrap();
        let driver = runtime.driver().unwrap();
        let handle = driver.wait_handle().unwrap();
        let (ours, theirs) = pair();
        let ours = Arc::new(ours);
        let all = |deadline| driver.run(u64::MAX, deadline).unwrap();
        for kind in ["pinned", "movable"] {
            let its = Arc::clone(&ours);
            let body = move || {
                let mut byte = [0];
                for expected in 0..3 {
                    its.read(&mut byte).unwrap();
                    assert_eq!(byte[0], expected);
                }
            };
            let reader = if kind == "pinned" {
                runtime.spawn(body)
            } else {
                runtime.spawn(move || {
                    // SAFETY: what it has on its stack is bytes and a counted stream, which may be on any thread.
                    unsafe { vitte_threads::spawn_migratable(body) }
                        .join()
                        .unwrap();
                })
            };
            for byte in 0..3 {
                assert_eq!(all(Deadline::NOW).why, Why::NothingReady);
                assert!(!is_readable(handle, 0), "{kind}: nothing has come");
                (&theirs).write_all(&[byte]).unwrap();
                assert!(is_readable(handle, 60), "{kind}: it has come");
                // To look takes nothing away.
                assert!(is_readable(handle, 0), "{kind}: it is still there");
            }
            assert!(!reader.is_finished(), "{kind}: nobody has driven it");
            all(Deadline::NOW);
            assert!(reader.is_finished(), "{kind}");
            reader.join().unwrap();
        }
        // A call that has time waits for descriptors itself.
        let reader = runtime.spawn(move || ours.read(&mut [0]).unwrap());
        all(Deadline::NOW);
        let writer = std::thread::spawn(move || {
            vitte_tests::units::moment();
            (&theirs).write_all(b"x").unwrap();
            theirs
        });
        while !reader.is_finished() {
            driver.run(1, Deadline::after(LONG)).unwrap();
        }
        assert_eq!(reader.join().unwrap(), 1);
        drop(writer.join().unwrap());
    });
}
