//! Cases of the project's list that no other test shows whole: a panicking job among others, and threads in masses.

use crate::{LIMIT, start};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use vitte_tests::within;
use vitte_threads::{Group, JoinError, MemberError, Thread};

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
        assert_eq!(runtime.run(|| 6 * 7), 42);
    });
}

/// The part of V16 that is about threads: a thousand are started and joined, and each value comes back.
#[test]
fn a_thousand_threads_are_started_and_joined() {
    within(LIMIT, "V16", || {
        let mut sum = 0;
        for batch in 0..10 {
            let threads: Vec<_> = (0..100)
                .map(|n| Thread::spawn(move || batch * 100 + n))
                .collect();
            for thread in threads {
                sum += thread.join().unwrap();
            }
        }
        assert_eq!(sum, 499_500);
    });
}
