//! Loops, and sorting, on several workers.

use crate::{LIMIT, start};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::*},
    thread,
};
use vitte_tests::{seed, within};
use vitte_threads::{
    Fiber, LoopCanceled, par_chunks_mut, par_for, par_for_each, par_for_each_mut, par_map,
    par_reduce, par_sort, par_sort_by, par_sort_unstable, par_sort_unstable_by, sleep, yield_now,
};

#[test]
fn each_turn_is_run_once_on_any_number_of_workers() {
    within(LIMIT, "loops", || {
        for workers in 1..=4 {
            let runtime = start(workers);
            for turns in [0, 1, 2, 63, 64, 65, 1000, 100_000] {
                let counts: Vec<_> = (0..turns).map(|_| AtomicUsize::new(0)).collect();
                runtime
                    .run(|| {
                        par_for(0..turns, |n| {
                            counts[n].fetch_add(1, Relaxed);
                        })
                    })
                    .unwrap();
                runtime
                    .run(|| {
                        par_for_each(&counts, |n| {
                            n.fetch_add(1, Relaxed);
                        })
                    })
                    .unwrap();
                assert!(counts.iter().all(|count| count.load(Relaxed) == 2));
            }
            let mut values = vec![1_u32; 10_000];
            runtime
                .run(|| par_for_each_mut(&mut values, |value| *value += 1))
                .unwrap();
            runtime
                .run(|| {
                    par_chunks_mut(&mut values, 7, |number, chunk| {
                        assert_eq!(chunk.len(), 7.min(10_000 - number * 7));
                        chunk.iter_mut().for_each(|value| *value += number as u32);
                    })
                })
                .unwrap();
            assert!(
                values
                    .iter()
                    .enumerate()
                    .all(|(at, &value)| value == 2 + (at / 7) as u32)
            );
        }
    });
}

#[test]
fn a_loop_loses_its_worker_to_one_that_comes_from_outside() {
    within(LIMIT, "slices", || {
        let runtime = start(1);
        let looping = runtime.spawn(|| par_for(0..usize::MAX, |_| ()));
        // On the same worker.
        runtime.run(|| looping.cancel());
        assert_eq!(looping.join().unwrap(), Err(LoopCanceled));
    });
}

/// V10.
#[test]
fn a_map_keeps_the_order_and_an_empty_one_is_empty() {
    within(LIMIT, "maps", || {
        let runtime = start(3);
        let empty: [u32; 0] = [];
        assert_eq!(runtime.run(|| par_map(&empty, |n| n + 1)), Ok(vec![]));
        let numbers: Vec<usize> = (0..10_000).collect();
        let made = runtime.run(|| {
            par_map(&numbers, |&n| {
                if n.is_multiple_of(1000) {
                    yield_now();
                }
                n * 2
            })
        });
        assert!(made.unwrap().iter().enumerate().all(|(at, &n)| n == at * 2));
    });
}

#[test]
fn a_reduction_puts_neighbours_together_in_order() {
    let runtime = start(3);
    let letters: Vec<char> = ('a'..='z').cycle().take(5000).collect();
    let text = runtime.run(|| par_reduce(&letters, String::new, |c| c.to_string(), |a, b| a + &b));
    assert_eq!(text.unwrap(), letters.iter().collect::<String>());
}

#[test]
fn a_loop_on_a_plain_thread_runs_there() {
    let me = thread::current().id();
    par_for(0..100, |_| assert_eq!(thread::current().id(), me)).unwrap();
}

#[test]
fn who_computes_alone_is_joined_by_who_is_idle() {
    within(LIMIT, "two turns that meet", || {
        let runtime = start(2);
        let arrived = AtomicUsize::new(0);
        // Each turn waits for one on the other worker: only if both take part they end.
        runtime
            .run(|| {
                par_for(0..2, |_| {
                    arrived.fetch_add(1, SeqCst);
                    while arrived.load(SeqCst) < 2 {
                        thread::yield_now();
                    }
                })
            })
            .unwrap();
    });
}

#[test]
fn a_canceled_loop_stops_early_and_says_so() {
    within(LIMIT, "cancellation", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let run = AtomicUsize::new(0);
            let canceled = runtime.scope(|scope| {
                let run = &run;
                let task = scope.spawn(move || {
                    par_for(0..usize::MAX, |_| {
                        run.fetch_add(1, Relaxed);
                    })
                });
                while run.load(Relaxed) == 0 {
                    thread::yield_now();
                }
                task.cancel();
                task.join().unwrap()
            });
            assert_eq!(canceled, Err(LoopCanceled));
        }
    });
}

#[test]
fn a_turn_that_panics_ends_the_loop_with_its_panic() {
    within(LIMIT, "panics", || {
        let runtime = start(2);
        let (run, live) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let caught = runtime.run(|| {
            catch_unwind(AssertUnwindSafe(|| {
                par_for(0..100_000, |n| {
                    live.fetch_add(1, SeqCst);
                    if n == 5000 {
                        live.fetch_sub(1, SeqCst);
                        resume_unwind(Box::new(n));
                    }
                    run.fetch_add(1, Relaxed);
                    live.fetch_sub(1, SeqCst);
                })
            }))
        });
        assert_eq!(live.load(SeqCst), 0, "a turn outlives the loop");
        assert_eq!(*caught.unwrap_err().downcast::<usize>().unwrap(), 5000);
        assert!(run.load(Relaxed) < 100_000);
    });
}

#[test]
fn sorting_sorts_and_the_stable_one_keeps_equals_in_order() {
    let mut dice = seed();
    within(LIMIT, "sorting", move || {
        let runtime = start(3);
        for length in [0, 1, 2, 100, 4096, 4097, 50_000] {
            let mut throw = || {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice
            };
            let values: Vec<(u64, usize)> = (0..length).map(|at| (throw() % 1000, at)).collect();
            let mut expected = values.clone();
            expected.sort_by_key(|value| value.0);
            let mut stable = values.clone();
            runtime.run(|| par_sort_by(&mut stable, |a, b| a.0.cmp(&b.0)));
            assert_eq!(stable, expected);
            let mut unstable = values.clone();
            runtime.run(|| par_sort_unstable(&mut unstable));
            assert_eq!(
                unstable, expected,
                "the places differ, so this order is total"
            );
            let mut descending = values.clone();
            runtime.run(|| par_sort_unstable_by(&mut descending, |a, b| b.cmp(a)));
            assert!(descending.is_sorted_by(|a, b| a >= b));
            let mut natural = values;
            runtime.run(|| par_sort(&mut natural));
            assert_eq!(natural, expected);
        }
    });
}

#[test]
fn a_comparison_that_panics_loses_no_value() {
    within(LIMIT, "sorting", || {
        let runtime = start(2);
        let mut values: Vec<u32> = (0..20_000).rev().collect();
        let before = values.clone();
        let once = AtomicBool::new(false);
        let compare = |a: &u32, b: &u32| {
            if *a == 7777 && !once.swap(true, SeqCst) {
                resume_unwind(Box::new(()));
            }
            a.cmp(b)
        };
        assert!(
            runtime
                .run(|| catch_unwind(AssertUnwindSafe(|| par_sort_by(&mut values, compare))))
                .is_err()
        );
        assert_eq!(values, before);
        once.store(false, SeqCst);
        assert!(
            runtime
                .run(|| catch_unwind(AssertUnwindSafe(|| par_sort_unstable_by(
                    &mut values,
                    compare
                ))))
                .is_err()
        );
        values.sort_unstable();
        assert_eq!(values, (0..20_000).collect::<Vec<_>>());
    });
}

#[test]
fn fibers_may_wait_inside_turns() {
    within(LIMIT, "waiting turns", || {
        let runtime = start(1);
        runtime
            .run(|| {
                par_for(0..50, |_| {
                    let _ = sleep(std::time::Duration::from_micros(10));
                    Fiber::spawn(|| ()).join().unwrap();
                })
            })
            .unwrap();
    });
}
