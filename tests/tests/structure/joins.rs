//! `join`: both halves run once, in place or elsewhere, and nothing of them outlives the call.

use crate::{LIMIT, start};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
    },
    thread,
};
use vitte_tests::{Census, seed, within};
use vitte_threads::{
    Channel, Deadline, Fiber, Fork, JoinError, Outcome, Runtime, join, join_with, mpmc, park,
    yield_now,
};

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn fib_with(fork: Fork<'_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = fork.join(|fork| fib_with(fork, n - 1), |fork| fib_with(fork, n - 2));
    a + b
}

#[test]
fn a_tree_of_joins_adds_up_on_any_number_of_workers() {
    within(LIMIT, "joins", || {
        for workers in 1..=4 {
            let runtime = start(workers);
            assert_eq!(runtime.run(|| fib(20)), 6765);
            let both =
                runtime.run(|| join_with(|fork| fib_with(fork, 20), |fork| fib_with(fork, 5)));
            assert_eq!(both, (6765, 5));
        }
    });
}

#[test]
fn a_plain_thread_calls_both_in_order() {
    let order = Mutex::new(Vec::new());
    let note = |what| order.lock().unwrap().push(what);
    let me = thread::current().id();
    let threads = join(
        || {
            note(1);
            thread::current().id()
        },
        || {
            note(2);
            thread::current().id()
        },
    );
    assert_eq!(threads, (me, me));
    assert_eq!(*order.lock().unwrap(), [1, 2]);
}

#[test]
fn what_nobody_steals_runs_as_part_of_the_caller() {
    let runtime = start(1);
    runtime.run(|| {
        let me = Fiber::current().unwrap();
        let (a, b) = join(Fiber::current, Fiber::current);
        assert_eq!((a, b), (Some(me), Some(me)));
        let (_, b) = join(|| Fiber::spawn(|| ()).detach(), Fiber::current);
        assert_eq!(
            b,
            Some(me),
            "what the first half spawns lies on top of the second"
        );
    });
}

#[test]
fn a_second_half_runs_while_the_first_waits_for_it() {
    within(LIMIT, "halves that meet", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let met = runtime.run(|| {
                let (there, from_a) = Channel::new();
                let (back, from_b) = Channel::new();
                join(
                    move || {
                        there.send(1).unwrap();
                        from_b.recv().unwrap()
                    },
                    move || {
                        let got = from_a.recv().unwrap();
                        back.send(got + 1).unwrap();
                        Fiber::current()
                    },
                )
            });
            assert_eq!(met.0, 2);
            assert!(met.1.is_some());
        }
    });
}

#[test]
fn joins_nested_a_hundred_thousand_deep_in_either_half_find_a_stack() {
    fn first(n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        join(|| first(n - 1), || 1).0 + 1
    }
    fn second(n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        join(|| 1, || second(n - 1)).1 + 1
    }
    within(LIMIT, "deep joins", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            assert_eq!(runtime.run(|| first(100_000)), 100_000);
            assert_eq!(runtime.run(|| second(100_000)), 100_000);
        }
    });
}

#[test]
fn nesting_that_finds_no_further_stack_is_a_panic_that_says_so() {
    fn deep(n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        join(|| deep(n - 1), || 1).0 + 1
    }
    within(LIMIT, "few stacks", || {
        let runtime = Runtime::builder().workers(1).max_stacks(3).build().unwrap();
        let Err(JoinError::Panicked(panicked)) = runtime.try_run(|| deep(1_000_000)) else {
            panic!("it cannot have found the stacks");
        };
        assert!(
            panicked.text().contains("nested too deeply"),
            "{}",
            panicked.text()
        );
        assert_eq!(runtime.run(|| deep(10)), 10, "the runtime goes on");
    });
}

#[test]
fn the_panic_of_the_first_half_comes_after_the_second_is_over_or_dropped() {
    within(LIMIT, "panics", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let census = Census::new();
            for wait in [false, true] {
                let caught = runtime.run(|| {
                    let value = census.value(());
                    let (begun, has_begun) = mpmc::unbounded();
                    catch_unwind(AssertUnwindSafe(|| {
                        join(
                            || {
                                if wait {
                                    // Until then it is somebody else's.
                                    let _ = has_begun.recv();
                                }
                                resume_unwind(Box::new("first"));
                            },
                            || {
                                let _ = begun.send(());
                                yield_now();
                                drop(value);
                            },
                        )
                    }))
                });
                assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "first");
                census.assert_all_dropped();
            }
        }
    });
}

#[test]
fn the_panic_of_the_second_half_is_thrown_and_the_first_ones_value_dropped() {
    within(LIMIT, "panics", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let census = Census::new();
            for wait in [false, true] {
                let caught = runtime.run(|| {
                    let (begun, has_begun) = mpmc::unbounded();
                    catch_unwind(AssertUnwindSafe(|| {
                        join(
                            || {
                                if wait {
                                    let _ = has_begun.recv();
                                }
                                census.value(())
                            },
                            || {
                                let _ = begun.send(());
                                resume_unwind(Box::new("second"))
                            },
                        )
                    }))
                });
                assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "second");
                census.assert_all_dropped();
            }
        }
    });
}

#[test]
fn of_two_panics_the_first_halfs_wins() {
    within(LIMIT, "panics", || {
        let runtime = start(2);
        for _ in 0..200 {
            let caught = runtime.run(|| {
                catch_unwind(|| {
                    join(
                        || {
                            yield_now();
                            resume_unwind(Box::new(1))
                        },
                        || resume_unwind(Box::new(2)),
                    )
                })
            });
            let caught: Result<((), ()), _> = caught;
            assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 1);
        }
    });
}

#[test]
fn a_canceled_caller_cancels_the_half_that_runs_elsewhere_and_waits_for_it() {
    within(LIMIT, "cancellation", || {
        for workers in [1, 2] {
            let runtime = start(workers);
            let (ended, parks) = (AtomicUsize::new(0), AtomicBool::new(false));
            runtime.scope(|scope| {
                let (begun, has_begun) = mpmc::unbounded::<()>();
                let (ended, parks) = (&ended, &parks);
                let waits = scope.spawn(move || {
                    join(
                        || {
                            // The second half is a fiber by now.
                            let _ = has_begun.recv();
                        },
                        || {
                            begun.send(()).unwrap();
                            parks.store(true, SeqCst);
                            let outcome = park();
                            ended.fetch_add(1, SeqCst);
                            outcome
                        },
                    )
                    .1
                });
                while !parks.load(SeqCst) {
                    thread::yield_now();
                }
                waits.cancel();
                assert_eq!(waits.join().unwrap(), Outcome::Canceled);
                assert_eq!(ended.load(SeqCst), 1);
            });
        }
    });
}

#[test]
fn a_join_in_a_destructor_during_a_panic_needs_nobody_else() {
    struct Joins<'a>(&'a AtomicUsize);
    impl Drop for Joins<'_> {
        fn drop(&mut self) {
            let (a, b) = join(|| Fiber::spawn(|| ()).detach(), || 2);
            let ((), b) = (a, b);
            self.0.fetch_add(b, SeqCst);
        }
    }
    within(LIMIT, "a join while panicking", || {
        let runtime = start(1);
        let seen = AtomicUsize::new(0);
        let caught = runtime.run(|| {
            catch_unwind(AssertUnwindSafe(|| {
                let _joins = Joins(&seen);
                resume_unwind(Box::new(()));
            }))
            .is_err()
        });
        assert!(caught);
        assert_eq!(seen.load(SeqCst), 2);
    });
}

#[test]
fn shutdown_in_the_midst_of_joins_loses_no_half() {
    fn grow(depth: u32, census: &Census) {
        let _here = census.value(());
        yield_now();
        if depth > 0 {
            join(|| grow(depth - 1, census), || grow(depth - 1, census));
        }
    }
    within(LIMIT, "shutdown", || {
        for round in 0..30 {
            let runtime = start(2);
            let census = Census::new();
            let inner = census.clone();
            let tree = runtime.spawn(move || grow(8, &inner));
            for _ in 0..round {
                thread::yield_now();
            }
            runtime.shutdown(Deadline::after(LIMIT)).unwrap();
            let _ = tree.join();
            census.assert_all_dropped();
        }
    });
}

#[test]
fn random_trees_of_joins_spawns_and_waits_run_each_leaf_once() {
    fn tree(mut dice: u64, depth: u32, leaves: &AtomicUsize) {
        if depth == 0 {
            leaves.fetch_add(1, Relaxed);
            return;
        }
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        if dice.is_multiple_of(5) {
            yield_now();
        }
        if dice.is_multiple_of(7) {
            Fiber::spawn(yield_now).detach();
        }
        let left = |dice: u64| {
            tree(dice.wrapping_mul(3) | 1, depth - 1, leaves);
            if dice.is_multiple_of(11) {
                yield_now();
            }
            if dice.is_multiple_of(13) {
                Fiber::spawn(|| ()).detach();
            }
        };
        join(
            || left(dice),
            || tree(dice.wrapping_mul(5) | 1, depth - 1, leaves),
        );
    }
    let seed = seed();
    within(LIMIT, "random trees", move || {
        for workers in 1..=4 {
            let runtime = start(workers);
            for round in 0..20 {
                let leaves = AtomicUsize::new(0);
                runtime.run(|| tree(seed.wrapping_add(round) | 1, 11, &leaves));
                assert_eq!(leaves.load(Relaxed), 1 << 11);
            }
        }
    });
}
