//! Scopes: their fibers borrow, and all are over, and what they returned is dropped, when the scope returns.

use crate::{LIMIT, start};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicUsize, Ordering::*},
};
use vitte_tests::{Census, within};
use vitte_threads::yield_now;

#[test]
fn fibers_read_and_change_what_lies_on_the_callers_stack() {
    within(LIMIT, "borrows", || {
        for workers in [0, 1, 3] {
            let runtime = start(workers);
            let numbers: Vec<usize> = (0..1000).collect();
            let mut sums = [0; 8];
            runtime.scope(|scope| {
                for (n, sum) in sums.iter_mut().enumerate() {
                    let numbers = &numbers;
                    scope.spawn(move || {
                        yield_now();
                        *sum = numbers.iter().map(|number| number * n).sum();
                    });
                }
            });
            let expected: Vec<_> = (0..8).map(|n| 499_500 * n).collect();
            assert_eq!(sums[..], expected);
        }
    });
}

#[test]
fn a_fiber_spawns_others_into_its_scope() {
    within(LIMIT, "nested", || {
        for workers in [0, 1, 2] {
            let runtime = start(workers);
            let ended = AtomicUsize::new(0);
            let first = runtime.scope(|scope| {
                let ended = &ended;
                let outer = scope.spawn(move || {
                    for _ in 0..10 {
                        scope.spawn(move || {
                            yield_now();
                            ended.fetch_add(1, SeqCst);
                        });
                    }
                    "outer"
                });
                outer.join().unwrap()
            });
            assert_eq!((first, ended.load(SeqCst)), ("outer", 10));
        }
    });
}

#[test]
fn a_panic_is_thrown_when_all_have_ended() {
    within(LIMIT, "panics", || {
        let runtime = start(2);
        for of_body in [false, true] {
            let census = Census::new();
            let ended = AtomicUsize::new(0);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                runtime.scope(|scope| {
                    for n in 0..10 {
                        let (value, ended) = (census.value(()), &ended);
                        scope.spawn(move || {
                            yield_now();
                            ended.fetch_add(1, SeqCst);
                            if n == 5 && !of_body {
                                resume_unwind(Box::new("a fiber"));
                            }
                            value
                        });
                    }
                    if of_body {
                        resume_unwind(Box::new("the body"));
                    }
                });
            }));
            assert_eq!(ended.load(SeqCst), 10);
            census.assert_all_dropped();
            let said = *caught.unwrap_err().downcast::<&str>().unwrap();
            assert_eq!(said, if of_body { "the body" } else { "a fiber" });
        }
    });
}
