//! `compute`: rayon code on threads of the runtime's, for which fibers wait without holding up their workers.

use crate::{LIMIT, start};
use rayon::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
        mpsc::channel,
    },
    thread,
    time::Duration,
};
use vitte_tests::{Census, live_threads, within};
use vitte_threads::{
    Deadline, Fiber, OffloadError, Runtime, ShutdownError, StopSource, compute, compute_with,
    yield_now,
};

fn start_with(threads: usize) -> Runtime {
    let builder = Runtime::builder().workers(1).compute_threads(threads);
    builder.name("c").build().unwrap()
}

/// The names of the process's threads that begin so.
fn threads_named(prefix: &str) -> usize {
    let names = live_threads();
    names.iter().filter(|name| name.starts_with(prefix)).count()
}

/// A thread names itself after it was started, and those of a pool end after it.
fn until_threads(prefix: &str, want: usize) {
    while threads_named(prefix) != want {
        thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn the_worker_goes_on_while_rayon_computes() {
    within(LIMIT, "compute", || {
        let runtime = start_with(2);
        let (go, gone) = channel();
        runtime.run(|| {
            // On the same worker, and it would never run if that were blocked.
            let other = Fiber::spawn(move || go.send(()).unwrap());
            let numbers: Vec<u64> = (0..10_000).collect();
            let total = compute(move || {
                gone.recv().unwrap();
                numbers.par_iter().sum::<u64>()
            });
            assert_eq!(total.unwrap(), 49_995_000);
            other.join().unwrap();
        });
    });
}

#[test]
fn the_pool_is_the_runtimes_own_and_ends_with_it() {
    within(LIMIT, "compute", || {
        let runtime = Runtime::builder().workers(1).compute_threads(3);
        let runtime = runtime.name("vtown").build().unwrap();
        assert_eq!(
            threads_named("vtown-compute-"),
            0,
            "not before it is wanted"
        );
        let seen = runtime.compute(|| {
            let name = thread::current().name().map(str::to_owned);
            (rayon::current_num_threads(), name)
        });
        let (threads, name) = seen.unwrap();
        assert_eq!(threads, 3);
        assert!(name.unwrap().starts_with("vtown-compute-"));
        until_threads("vtown-compute-", 3);
        runtime.shutdown(Deadline::NEVER).unwrap();
        until_threads("vtown-compute-", 0);
    });
}

#[test]
fn a_panic_comes_back_with_its_text_and_the_pool_goes_on() {
    within(LIMIT, "compute", || {
        let runtime = start_with(2);
        for _ in 0..3 {
            let failed = runtime.compute(|| {
                (0..100)
                    .into_par_iter()
                    .for_each(|n| assert!(n != 50, "it is {n}"));
            });
            match failed {
                Err(OffloadError::Panicked(panicked)) => assert_eq!(panicked.text(), "it is 50"),
                other => panic!("{other:?}"),
            }
            assert_eq!(runtime.compute(|| 6 * 7).unwrap(), 42);
        }
    });
}

#[test]
fn what_is_nested_runs_in_place() {
    within(LIMIT, "compute", || {
        // With one thread anything else would wait for itself.
        let runtime = start_with(1);
        let (mine, inner, through) = runtime
            .compute(|| {
                let me = thread::current().id();
                let inner = compute(|| thread::current().id()).unwrap();
                let through = runtime.compute(|| thread::current().id()).unwrap();
                (me, inner, through)
            })
            .unwrap();
        assert!(mine == inner && mine == through);
        match runtime.compute(|| compute(|| panic!("inside"))).unwrap() {
            Err(OffloadError::Panicked(panicked)) => assert_eq!(panicked.text(), "inside"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn what_has_not_begun_is_taken_back_and_what_has_is_waited_for() {
    within(LIMIT, "compute", || {
        let runtime = start_with(1);
        let census = Census::new();
        let (let_go, go) = channel::<()>();
        let began = Arc::new(AtomicBool::new(false));
        let runs = {
            let began = Arc::clone(&began);
            runtime.spawn(move || {
                let done = compute(move || {
                    began.store(true, SeqCst);
                    go.recv().unwrap();
                    7
                });
                // Canceled though it is: the job had begun.
                done.unwrap()
            })
        };
        while !began.load(SeqCst) {
            thread::sleep(Duration::from_micros(100));
        }
        // The one thread is taken.
        let stop = StopSource::new();
        stop.stop();
        let lent = census.value(());
        let late = runtime.compute_with(move || drop(lent), Deadline::NOW, None);
        assert!(matches!(late, Err(OffloadError::TimedOut)), "{late:?}");
        let lent = census.value(());
        let token = stop.token();
        let stopped = runtime.compute_with(move || drop(lent), Deadline::NEVER, Some(&token));
        assert!(matches!(stopped, Err(OffloadError::Stopped)), "{stopped:?}");
        let lent = census.value(());
        let canceled = runtime.spawn(move || compute(move || drop(lent)).unwrap_err().to_string());
        let waits = runtime.spawn(|| compute_with(|| 8, Deadline::NEVER, None).unwrap());
        canceled.cancel();
        runs.cancel();
        assert_eq!(canceled.join().unwrap(), OffloadError::Canceled.to_string());
        census.assert_all_dropped();
        let_go.send(()).unwrap();
        assert_eq!((runs.join().unwrap(), waits.join().unwrap()), (7, 8));
    });
}

#[test]
fn a_shutdown_waits_for_what_has_begun_and_begins_nothing_more() {
    within(LIMIT, "compute", || {
        let runtime = start_with(1);
        let scheduler = runtime.scheduler().clone();
        let (let_go, go) = channel::<()>();
        let (tell, told) = channel();
        let runs = runtime.spawn(move || {
            compute(move || {
                tell.send(()).unwrap();
                go.recv().unwrap();
            })
        });
        told.recv().unwrap();
        let soon = Deadline::after(Duration::from_millis(5));
        let left = scheduler.shutdown(vitte_threads::ShutdownMode::Cancel, soon);
        assert!(
            matches!(left, Err(ShutdownError::StillRunning(_))),
            "{left:?}"
        );
        let refused = runtime.compute(|| unreachable!());
        assert!(
            matches!(refused, Err::<(), _>(OffloadError::ShuttingDown)),
            "{refused:?}"
        );
        let_go.send(()).unwrap();
        let _ = runs.join();
        runtime.shutdown(Deadline::NEVER).unwrap();
    });
}

#[test]
fn many_fibers_share_one_pool() {
    within(LIMIT, "compute", || {
        let runtime = start(2);
        let began = AtomicUsize::new(0);
        let sum: u64 = runtime.scope(|scope| {
            let tasks: Vec<_> = (0..100_u64)
                .map(|n| {
                    let began = &began;
                    scope.spawn(move || {
                        yield_now();
                        compute(|| {
                            began.fetch_add(1, Relaxed);
                            (0..n).into_par_iter().sum::<u64>()
                        })
                        .unwrap()
                    })
                })
                .collect();
            tasks.into_iter().map(|task| task.join().unwrap()).sum()
        });
        assert_eq!(
            (sum, began.into_inner()),
            ((0..100_u64).map(|n| n * n.saturating_sub(1) / 2).sum(), 100)
        );
    });
}

#[test]
fn without_a_runtime_there_is_no_pool() {
    within(LIMIT, "compute", || {
        assert!(matches!(compute(|| 1), Err(OffloadError::NoRuntime)));
        // On a thread of anybody's pool there is one.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(pool.install(|| compute(|| 1)).unwrap(), 1);
        // And an attached thread has one, too.
        let runtime = start_with(1);
        let attached = runtime.attach().unwrap();
        assert_eq!(compute(rayon::current_num_threads).unwrap(), 1);
        drop(attached);
    });
}

/// Rayon's threads are plain threads of the runtime: what they wait for blocks them, and nobody else.
#[test]
fn what_computes_may_wait_for_fibers_and_fibers_for_it() {
    within(LIMIT, "waits inside", || {
        let runtime = start_with(2);
        runtime.run(|| {
            let (ask, asked) = vitte_threads::Channel::bounded::<u64>(1);
            let (answer, answered) = vitte_threads::Channel::bounded::<u64>(1);
            let fiber = Fiber::spawn(move || {
                while let Ok(number) = asked.recv() {
                    answer.send(number * 2).unwrap();
                }
            });
            let lock = vitte_threads::sync::Mutex::new(0);
            let locked = &lock;
            let total: u64 = compute(move || {
                (0..100)
                    .map(|number| {
                        let twice = |number| {
                            ask.send(number).unwrap();
                            answered.recv().unwrap()
                        };
                        let both = rayon::join(
                            || *locked.lock().unwrap() += 1,
                            || vitte_threads::sleep(Duration::from_micros(1)),
                        );
                        assert_eq!(both.1, vitte_threads::Outcome::TimedOut);
                        twice(number)
                    })
                    .sum()
            })
            .unwrap();
            assert_eq!((total, *lock.lock().unwrap()), (9_900, 100));
            fiber.join().unwrap();
        });
    });
}
