//! Slices: who loses his worker when others wait, and who is left alone.

use crate::{LIMIT, after, end, run, spawn_raw};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    Config, Fork, Poll, Scheduler, SliceEnd, SpawnOptions, consume, forking, join, join_raw, park,
    poll, sleep_until, spawn, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome};

fn with_slices(workers: usize, millis: u64) -> Scheduler {
    Scheduler::start(Config {
        workers,
        timeslice: Duration::from_millis(millis),
        ..Config::default()
    })
    .unwrap()
}

/// A task that reads its poll word until it is canceled.
fn looping(on: &Scheduler) -> vitte_scheduler::JoinHandle<()> {
    on.spawn(
        &SpawnOptions::default(),
        || {
            while poll() == Poll::Continue {}
        },
    )
}

#[test]
fn a_polled_loop_loses_its_worker_to_one_that_comes_from_outside() {
    within(LIMIT, "outside", || {
        let on = with_slices(1, 2);
        let looping = looping(&on);
        for _ in 0..5 {
            run(&on, || ());
        }
        assert!(on.stats().slices_ended > 0, "{:?}", on.stats());
        looping.cancel();
        looping.join().unwrap();
        end(&on);
    });
}

#[test]
fn a_polled_loop_loses_its_worker_to_one_that_it_woke_itself() {
    within(LIMIT, "own wake-up", || {
        let on = with_slices(1, 2);
        run(&on, || {
            let over = Arc::new(AtomicBool::new(false));
            let raise = Arc::clone(&over);
            let other = spawn(move || {
                let outcome = park(Deadline::NEVER);
                raise.store(true, Relaxed);
                outcome
            });
            yield_now();
            other.unpark();
            while !over.load(Relaxed) {
                let _ = poll();
            }
            assert_eq!(other.join().unwrap(), Outcome::Woken);
        });
        end(&on);
    });
}

#[test]
fn a_polled_loop_loses_its_worker_to_one_that_it_spawned() {
    within(LIMIT, "own spawn", || {
        let on = with_slices(1, 2);
        run(&on, || {
            let over = Arc::new(AtomicBool::new(false));
            let raise = Arc::clone(&over);
            spawn(move || raise.store(true, Relaxed)).detach();
            while !over.load(Relaxed) {
                let _ = poll();
            }
        });
        end(&on);
    });
}

#[test]
fn a_polled_loop_loses_its_worker_to_a_pinned_task_that_another_worker_wakes() {
    within(LIMIT, "inbox", || {
        let on = with_slices(1, 2);
        let parked = on.spawn(&SpawnOptions::default(), || park(Deadline::NEVER));
        // It has begun, and waits, when this one runs.
        run(&on, || ());
        let looping = looping(&on);
        parked.unpark();
        assert_eq!(parked.join().unwrap(), Outcome::Woken);
        looping.cancel();
        looping.join().unwrap();
        end(&on);
    });
}

#[test]
fn a_sleep_ends_though_every_worker_runs_a_polled_loop() {
    within(LIMIT, "timers", || {
        let on = with_slices(2, 2);
        let sleeper = on.spawn(&SpawnOptions::default(), || {
            (0..5).all(|_| sleep_until(after(3)) == Outcome::TimedOut)
        });
        let loops = [looping(&on), looping(&on)];
        assert!(sleeper.join().unwrap());
        for looping in loops {
            looping.cancel();
            looping.join().unwrap();
        }
        end(&on);
    });
}

#[test]
fn two_polled_loops_share_a_worker() {
    within(LIMIT, "sharing", || {
        let on = with_slices(1, 2);
        let rounds: Arc<[AtomicU64; 2]> = Arc::default();
        let loops: Vec<_> = (0..2)
            .map(|at| {
                let rounds = Arc::clone(&rounds);
                on.spawn(&SpawnOptions::default(), move || {
                    while poll() == Poll::Continue {
                        rounds[at].fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        // Each gets on, again and again, for each waits for the other's slices only.
        for _ in 0..5 {
            let before = [rounds[0].load(Relaxed), rounds[1].load(Relaxed)];
            while (0..2).any(|at| rounds[at].load(Relaxed) == before[at]) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        for looping in loops {
            looping.cancel();
            looping.join().unwrap();
        }
        end(&on);
    });
}

#[test]
fn the_slice_of_a_loop_of_inline_joins_ends_whoever_of_them_is_asked() {
    within(LIMIT, "inline", || {
        let on = with_slices(1, 2);
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        // The inner tasks never poll, and nearly all of the time is theirs.
        let looping = on.spawn(&SpawnOptions::default(), move || {
            while !seen.load(Relaxed) {
                let _ = poll();
                spawn(|| (0..1_000_u64).map(std::hint::black_box).sum::<u64>())
                    .join()
                    .unwrap();
            }
        });
        on.spawn(&SpawnOptions::default(), move || over.store(true, Relaxed))
            .join()
            .unwrap();
        looping.join().unwrap();
        end(&on);
    });
}

/// A loop of `turn`, which never waits, on the only worker; and whoever comes from outside ends it.
fn a_loop_that_others_end(turn: impl Fn() + Send + 'static) {
    let on = with_slices(1, 2);
    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let began = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&began);
    let looping = on.spawn(&SpawnOptions::default(), move || {
        begins.store(true, Relaxed);
        while !seen.load(Relaxed) {
            turn();
        }
    });
    while !began.load(Relaxed) {
        thread::yield_now();
    }
    run(&on, move || over.store(true, Relaxed));
    looping.join().unwrap();
    end(&on);
}

#[test]
fn a_loop_of_inline_joins_loses_its_worker() {
    within(LIMIT, "inline", || {
        a_loop_that_others_end(|| spawn(|| ()).join().unwrap());
    });
}

#[test]
fn a_loop_of_inline_joins_by_ids_loses_its_worker() {
    within(LIMIT, "inline, by ids", || {
        let on = with_slices(1, 2);
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let inner = on.clone();
        // On the stack of what can be unwound nothing runs inline that cannot.
        let looping = spawn_raw(&on, &SpawnOptions::default(), move || {
            let mut turns = 0;
            while !seen.load(Relaxed) {
                let id = spawn_raw(&inner, &SpawnOptions::default(), || 1);
                turns += join_raw(id, Deadline::NEVER).unwrap().addr();
            }
            turns
        });
        run(&on, move || over.store(true, Relaxed));
        let _turns = join_raw(looping, Deadline::NEVER).unwrap();
        end(&on);
    });
}

#[test]
fn a_loop_of_joined_closures_loses_its_worker() {
    within(LIMIT, "join", || {
        a_loop_that_others_end(|| assert_eq!(join(|| 1, || 2), (1, 2)));
    });
}

/// Of the joins of a recursion only the outermost offer anything.
#[test]
fn a_recursion_whose_joins_offer_nothing_loses_its_worker() {
    fn fork_in(fork: Fork<'_>, depth: u32, turn: &(impl Fn() -> bool + Sync)) {
        if depth > 0 {
            fork.join(|fork| fork_in(fork, depth - 1, turn), |_| ());
        } else {
            while turn() {
                fork.join(|_| (), |_| ());
            }
        }
    }
    within(LIMIT, "recursion", || {
        let on = with_slices(1, 2);
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let looping = on.spawn(&SpawnOptions::default(), move || {
            forking(|fork| fork_in(fork, 10, &|| !seen.load(Relaxed)));
        });
        run(&on, move || over.store(true, Relaxed));
        looping.join().unwrap();
        end(&on);
    });
}

#[test]
fn who_computes_alone_is_never_interrupted() {
    within(LIMIT, "alone", || {
        let on = with_slices(2, 1);
        let rounds = run(&on, || {
            // A hundred slices, by a clock that only this test reads.
            let until = after(100);
            let mut rounds = 0_u64;
            while !until.is_past() {
                assert_eq!(poll(), Poll::Continue);
                rounds += 1;
            }
            rounds
        });
        assert!(rounds > 0);
        let stats = on.stats();
        assert_eq!(stats.slices_ended, 0, "{stats:?}");
        end(&on);
    });
}

#[test]
fn no_thread_of_a_runtime_that_was_shut_down_is_left() {
    within(LIMIT, "threads", || {
        let config = Config {
            workers: 1,
            name: "gone".to_owned(),
            ..Config::default()
        };
        let on = Scheduler::start(config).unwrap();
        let looping = looping(&on);
        run(&on, || ());
        assert!(vitte_tests::threads().contains("gone-pace"));
        looping.cancel();
        looping.join().unwrap();
        end(&on);
        // The system shows a thread for a moment after it was joined.
        while vitte_tests::threads().contains("gone-pace") {
            thread::yield_now();
        }
    });
}

#[test]
fn a_slice_that_was_consumed_is_over_at_the_next_poll_if_others_wait() {
    within(LIMIT, "consuming", || {
        let on = with_slices(1, 60_000);
        run(&on, || {
            let ran = Arc::new(AtomicBool::new(false));
            let raise = Arc::clone(&ran);
            spawn(move || raise.store(true, Relaxed)).detach();
            consume(999);
            let _ = poll();
            assert!(!ran.load(Relaxed), "a little of the slice is left");
            consume(1);
            let _ = poll();
            assert!(ran.load(Relaxed));
        });
        end(&on);
    });
}

#[test]
fn a_slice_handler_decides_whether_a_fiber_goes_on_yields_or_is_canceled() {
    within(LIMIT, "handlers", || {
        let on = with_slices(1, 1);
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        on.set_slice_handler(Some(move |_| match count.fetch_add(1, Relaxed) {
            0..3 => SliceEnd::Continue,
            _ => SliceEnd::Cancel,
        }));
        let looping = looping(&on);
        run(&on, || ());
        looping.join().unwrap();
        assert_eq!(asked.load(Relaxed), 4);
        on.set_slice_handler(None::<fn(_) -> SliceEnd>);
        assert_eq!(Arc::strong_count(&asked), 1, "the handler is dropped");
        end(&on);
    });
}
