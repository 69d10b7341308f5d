//! Cases of the project's list that no other test shows whole: a panicking job among others, and threads in masses.

use crate::{LIMIT, start};
use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering::*},
};
use vitte_tests::within;
use vitte_threads::{Channel, Group, JoinError, MemberError, Thread, yield_now};

/// J14 and V11: of two workers' jobs one panics; all others run, and its text is told.
#[test]
fn a_panicking_job_ends_alone_and_the_pool_goes_on() {
    within(LIMIT, "J14", || {
        let runtime = start(2);
        let group = Group::on(&runtime);
        let ran = Arc::new(AtomicUsize::new(0));
        group
            .spawn(|| -> Result<(), ()> { panic!("a bad job") })
            .unwrap();
        for _ in 0..10 {
            let ran = Arc::clone(&ran);
            group
                .spawn(move || {
                    ran.fetch_add(1, Relaxed);
                    Ok(())
                })
                .unwrap();
        }
        let ends = group.join_all();
        match &ends[0] {
            Err(MemberError::Ended(JoinError::Panicked(panicked))) => {
                assert_eq!(panicked.text(), "a bad job");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((ran.load(Relaxed), runtime.workers()), (10, 2));
        assert!(ends[1..].iter().all(Result::is_ok));
        // Both workers are alive: two that block until they meet do.
        let barrier = Arc::new(Barrier::new(2));
        let meets = [0; 2].map(|_| {
            let barrier = Arc::clone(&barrier);
            runtime.spawn(move || barrier.wait())
        });
        let led = meets.map(|meets| meets.join().unwrap().is_leader());
        assert!(led[0] != led[1]);
    });
}

/// The part of V16 that is about threads: a thousand are started and joined, each value comes back, and no thread is
/// left. (Barriers and conditions have theirs in `tests/tests/events` and `tests/tests/sync`.)
#[test]
fn a_thousand_threads_are_started_and_joined_and_none_is_left() {
    within(LIMIT, "V16", || {
        let mut sum = 0;
        for batch in 0..10 {
            let threads: Vec<_> = (0..100)
                .map(|n| {
                    let thread = Thread::builder().name("one-of-1000");
                    thread.spawn(move || batch * 100 + n).unwrap()
                })
                .collect();
            for thread in threads {
                sum += thread.join().unwrap();
            }
        }
        assert_eq!(sum, 499_500);
        // Who joins is told a moment before the system has forgotten the thread.
        while vitte_tests::threads().contains("one-of-1000") {
            std::thread::yield_now();
        }
    });
}

/// The part of V13 that is about waiting: a fiber that is blocked on a channel does not block its worker.
#[test]
fn a_fiber_that_waits_in_a_channel_leaves_its_worker_to_others() {
    within(LIMIT, "V13", || {
        let runtime = start(1);
        let (sender, receiver) = Channel::bounded(0);
        let waits = runtime.spawn(move || receiver.recv());
        let rest = runtime.run(move || {
            for _ in 0..10 {
                yield_now();
            }
            sender.send(7)
        });
        assert_eq!((rest, waits.join().unwrap()), (Ok(()), Ok(7)));
    });
}
