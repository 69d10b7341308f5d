//! The cases of JUCE's `ThreadPool` (J7 to J15 of the project's list; behaviour only, written afresh), and what a pool
//! promises besides: nobody polls, nobody is killed, and what became of a job is told. (J14 is in `cases.rs` too.)

use crate::{LIMIT, start};
use std::{
    slice::from_ref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
        mpsc,
    },
    time::Duration,
};
use vitte_tests::{Census, seed, within};
use vitte_threads::{
    Job, JobEnd, JobPool, JobStep, JobWaitError, Outcome, Runtime, park, sleep, sync::Event,
    yield_now,
};

/// A pool for one at a time, and what keeps it busy until told. Where there are workers it has begun.
fn busy(runtime: &Runtime) -> (JobPool, Job, Arc<Event>) {
    let pool = JobPool::on(runtime, 1);
    let gate = Arc::new(Event::manual());
    let opens = Arc::clone(&gate);
    let (begins, begun) = mpsc::channel();
    let job = pool.add("busy", move || {
        let _ = begins.send(());
        let _ = opens.wait();
        JobStep::Finished
    });
    if runtime.workers() > 0 {
        begun.recv().unwrap();
    }
    (pool, job, gate)
}

type Said = Arc<Mutex<Vec<&'static str>>>;

fn says(pool: &JobPool, said: &Said, name: &'static str, mut again: u32) -> Job {
    let said = Arc::clone(said);
    pool.add(name, move || {
        said.lock().unwrap().push(name);
        if again == 0 {
            return JobStep::Finished;
        }
        again -= 1;
        JobStep::Again
    })
}

/// J7.
#[test]
fn a_job_that_is_to_be_done_again_goes_behind_the_others() {
    within(LIMIT, "J7", || {
        for workers in [0, 1, 2] {
            let runtime = start(workers);
            let (pool, _, gate) = busy(&runtime);
            let said = Said::default();
            says(&pool, &said, "a", 3);
            let jobs = [says(&pool, &said, "b", 0), says(&pool, &said, "c", 0)];
            assert_eq!((pool.len(), pool.width()), (4, 1));
            gate.signal();
            pool.wait_timeout(LIMIT).unwrap();
            assert_eq!(*said.lock().unwrap(), ["a", "b", "c", "a", "a", "a"]);
            assert_eq!((pool.len(), pool.running()), (0, 0));
            assert!(matches!(jobs[0].end(), Some(JobEnd::Finished)));
        }
    });
}

/// J8.
#[test]
fn a_job_in_line_is_removed_at_once_and_dropped_once() {
    within(LIMIT, "J8", || {
        let runtime = start(1);
        let (pool, busy, gate) = busy(&runtime);
        let census = Census::new();
        let value = census.value(());
        let ran = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&ran);
        let job = pool.add("in line", move || {
            let _ = &value;
            runs.store(true, Relaxed);
            JobStep::Finished
        });
        assert!(!job.is_running() && job.end().is_none());
        assert!(matches!(
            job.remove_timeout(Duration::ZERO),
            Ok(JobEnd::Removed)
        ));
        census.assert_all_dropped();
        // Again, and in other ways: it is over.
        assert!(matches!(
            job.stop_timeout(Duration::ZERO),
            Ok(JobEnd::Removed)
        ));
        assert!(!job.move_to_front());
        assert_eq!(pool.jobs(), from_ref(&busy));
        gate.signal();
        assert!(matches!(busy.wait(), Ok(JobEnd::Finished)));
        assert!(!ran.load(Relaxed));
    });
}

/// What JUCE's J9 says of one that runs: it is waited for, and a deadline that passes is an answer.
#[test]
fn a_job_that_runs_is_waited_for_and_stays_after_a_deadline() {
    within(LIMIT, "remove a running one", || {
        let runtime = start(1);
        let pool = JobPool::on(&runtime, 1);
        let (gate, begun) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
        let (opens, begins) = (Arc::clone(&gate), Arc::clone(&begun));
        let steps = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&steps);
        let job = pool.add("always", move || {
            counts.fetch_add(1, Relaxed);
            begins.signal();
            assert_eq!(opens.wait(), Ok(()), "it is not disturbed");
            JobStep::Again
        });
        begun.wait().unwrap();
        let short = Duration::from_millis(1);
        assert_eq!(
            job.remove_timeout(short).unwrap_err(),
            JobWaitError::TimedOut
        );
        assert!(job.is_running() && !job.should_stop());
        assert_eq!(pool.jobs(), from_ref(&job));
        gate.signal();
        assert!(matches!(job.wait(), Ok(JobEnd::Removed)));
        assert_eq!(steps.load(Relaxed), 1);
    });
}

/// J10.
#[test]
fn asking_to_stop_beats_asking_for_another_step() {
    within(LIMIT, "J10", || {
        let runtime = start(2);
        let pool = JobPool::on(&runtime, 1);
        let (tell, told) = mpsc::channel();
        let steps = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&steps);
        let job = pool.add("always", move || {
            counts.fetch_add(1, Relaxed);
            let _ = tell.send(());
            // Its waits end as canceled, so it need not look.
            if sleep(Duration::from_secs(3600)) == Outcome::Canceled {
                assert!(Job::current().unwrap().should_stop());
            }
            JobStep::Again
        });
        told.recv().unwrap();
        let asked = job.stop_token();
        assert!(!asked.is_stopped());
        assert!(matches!(job.stop_timeout(LIMIT), Ok(JobEnd::Removed)));
        assert!(asked.is_stopped());
        assert_eq!((steps.load(Relaxed), pool.len()), (1, 0));
    });
}

/// J11.
#[test]
fn a_job_moved_to_the_front_is_next() {
    within(LIMIT, "J11", || {
        let runtime = start(1);
        let (pool, busy, gate) = busy(&runtime);
        let said = Said::default();
        let jobs = ["a", "b", "c"].map(|name| says(&pool, &said, name, 0));
        assert!(busy.is_running() && !busy.move_to_front());
        let (other, elsewhere, other_gate) = self::busy(&runtime);
        assert!(jobs[2].move_to_front());
        let names: Vec<_> = pool
            .jobs()
            .iter()
            .map(|job| job.name().to_owned())
            .collect();
        assert_eq!(names, ["busy", "c", "a", "b"]);
        gate.signal();
        pool.wait_timeout(LIMIT).unwrap();
        assert_eq!(*said.lock().unwrap(), ["c", "a", "b"]);
        assert!(!jobs[0].move_to_front(), "it is over");
        assert_eq!(other.jobs(), [elsewhere]);
        other_gate.signal();
    });
}

/// J14, with the pool's own jobs.
#[test]
fn a_job_that_panics_ends_alone() {
    within(LIMIT, "J14", || {
        let runtime = start(2);
        let pool = JobPool::on(&runtime, 2);
        let bad = pool.add("bad", || panic!("a bad job"));
        let good: Vec<_> = (0..10)
            .map(|_| pool.add("good", || JobStep::Finished))
            .collect();
        for job in good {
            assert!(matches!(job.wait(), Ok(JobEnd::Finished)));
        }
        for _ in 0..2 {
            let Ok(JobEnd::Failed(error)) = bad.wait() else {
                panic!("{bad:?}");
            };
            assert!(error.to_string().contains("a bad job"), "{error}");
        }
        assert_eq!(runtime.workers(), 2);
    });
}

/// J15.
#[test]
fn a_job_knows_itself_and_does_not_wait_for_itself() {
    within(LIMIT, "J15", || {
        let runtime = start(1);
        let pool = Arc::new(JobPool::on(&runtime, 1));
        assert_eq!(Job::current(), None);
        let (tell, told) = mpsc::channel();
        let inside = Arc::downgrade(&pool);
        let job = pool.add("introspective", move || {
            let me = Job::current().unwrap();
            // Where waiting is forbidden it would be for ever.
            let waits = [me.wait(), me.remove()].map(Result::unwrap_err);
            let all = inside.upgrade().unwrap().wait_timeout(LIMIT);
            tell.send((me, waits, all)).unwrap();
            JobStep::Again
        });
        let (me, waits, all) = told.recv().unwrap();
        assert_eq!(me, job);
        assert_eq!(waits, [JobWaitError::Itself; 2]);
        assert_eq!(all, Err(JobWaitError::Itself));
        // It removed itself, which is heeded when its step has ended.
        assert!(matches!(job.wait(), Ok(JobEnd::Removed)));
        assert_eq!(runtime.run(Job::current), None);
    });
}

#[test]
fn all_that_are_chosen_are_removed_and_the_others_stay() {
    within(LIMIT, "remove all", || {
        let runtime = start(1);
        let (pool, busy, gate) = busy(&runtime);
        let said = Said::default();
        for name in ["odd", "even", "odd", "even"] {
            says(&pool, &said, name, 0);
        }
        let odd = |job: &Job| job.name() == "odd";
        assert_eq!(pool.remove_all_timeout(odd, Duration::ZERO), Ok(()));
        assert_eq!(pool.len(), 3);
        // Of all, the one that runs is left; of the others none is begun.
        let short = Duration::from_millis(1);
        let error = pool.remove_all_timeout(|job| job == &busy || !odd(job), short);
        assert_eq!(error, Err(JobWaitError::TimedOut));
        assert_eq!(pool.jobs(), [busy]);
        gate.signal();
        pool.wait_timeout(LIMIT).unwrap();
        assert!(said.lock().unwrap().is_empty());
    });
}

#[test]
fn a_pool_that_is_dropped_stops_its_jobs_and_a_runtime_that_has_ended_begins_none() {
    within(LIMIT, "drop", || {
        let runtime = start(2);
        let pool = JobPool::on(&runtime, 2);
        let census = Census::new();
        let jobs: Vec<_> = (0..20)
            .map(|_| {
                let value = census.value(());
                pool.add("parks", move || {
                    let _ = &value;
                    while park() != Outcome::Canceled {}
                    JobStep::Again
                })
            })
            .collect();
        drop(pool);
        assert!(
            jobs.iter()
                .all(|job| matches!(job.end(), Some(JobEnd::Removed)))
        );
        census.assert_all_dropped();

        let pool = JobPool::on(&runtime, 1);
        drop(runtime);
        match pool.add("late", || JobStep::Finished).wait() {
            Ok(JobEnd::Failed(error)) => {
                assert!(error.to_string().contains("takes no tasks"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    });
}

/// Whatever is asked of them when, no job runs beside itself, none is forgotten, and each is dropped once.
#[test]
fn jobs_that_are_moved_stopped_and_removed_at_random_all_end() {
    within(LIMIT, "random", || {
        let mut seed = seed();
        let mut dice = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let runtime = start(2);
        for _ in 0..if vitte_tests::is_full() { 1_000 } else { 30 } {
            let pool = JobPool::on(&runtime, 1 + dice(3) as usize);
            let census = Census::new();
            let jobs: Vec<_> = (0..30)
                .map(|_| {
                    let (value, inside) = (census.value(()), AtomicBool::new(false));
                    let mut left = dice(6);
                    pool.add("random", move || {
                        let _ = &value;
                        assert!(!inside.swap(true, Relaxed), "two at a time");
                        if left % 2 == 1 {
                            yield_now();
                        }
                        inside.store(false, Relaxed);
                        left = left.saturating_sub(1);
                        if left == 0 {
                            JobStep::Finished
                        } else {
                            JobStep::Again
                        }
                    })
                })
                .collect();
            for _ in 0..30 {
                let job = &jobs[dice(30) as usize];
                match dice(5) {
                    0 => job.ask_to_stop(),
                    1 => drop(job.remove_timeout(Duration::ZERO)),
                    2 => drop(job.move_to_front()),
                    3 => std::thread::yield_now(),
                    _ => assert!(pool.running() <= pool.width()),
                }
            }
            pool.wait_timeout(LIMIT).unwrap();
            for job in jobs {
                let end = job.end().unwrap();
                assert!(!matches!(end, JobEnd::Failed(_)), "{end:?}");
            }
            census.assert_all_dropped();
            assert_eq!((pool.len(), pool.running()), (0, 0));
        }
    });
}
