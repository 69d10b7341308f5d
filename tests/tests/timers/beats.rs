//! When a callback is called: never early, on a grid, one for many that are late.

use crate::{LIMIT, MS, Timed, after, both_kinds, runtime};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::*},
        mpsc::channel,
    },
    thread,
    time::Duration,
};
use vitte_tests::{Dice, seed, within};
use vitte_threads::{Deadline, Fiber, Priority, sleep};

fn a_beat_is_never_early_and_stays_on_its_grid<T: Timed>() {
    let (tell, told) = channel();
    let timer = T::make(move |tick| {
        assert!(tick.due().is_past(), "early");
        let _ = tell.send((tick.due(), tick.missed()));
        if tick.due().as_nanos() % 7 == 0 {
            // Late for some of them; the grid does not mind.
            thread::sleep(3 * MS);
        }
    });
    let period = Duration::from_micros(1_300);
    let first = Deadline::after(2 * MS);
    timer.every_from(first, period).unwrap();
    let mut expected = first.as_nanos();
    for _ in 0..100 {
        let (due, missed) = told.recv().unwrap();
        expected += missed * 1_300_000;
        assert_eq!(due.as_nanos(), expected, "it drifts");
        expected += 1_300_000;
    }
    timer.end();
    assert_eq!(timer.panic(), None);
}

fn beats_that_come_due_together_are_one_call<T: Timed>() {
    let (tell, told) = channel();
    let timer = T::make(move |tick| {
        tell.send((tick.due(), tick.missed())).unwrap();
        if tick.missed() > 0 {
            tick.timer().end();
        }
    });
    // The grid begins a hundred beats ago.
    let now = Deadline::after(Duration::ZERO).as_nanos();
    let first = Deadline::from_nanos(now - 1_000_000_000);
    timer.every_from(first, 10 * MS).unwrap();
    let (due, missed) = told.recv().unwrap();
    assert!(missed >= 100, "{missed}");
    assert_eq!(due.as_nanos(), first.as_nanos() + missed * 10_000_000);
    timer.end();
    assert_eq!(timer.calls(), 1);
}

fn a_timer_that_goes_once_goes_once<T: Timed>() {
    let (tell, told) = channel();
    let timer = T::make(move |tick| tell.send(tick.timer().runs()).unwrap());
    for deadline in [Deadline::NOW, Deadline::after(2 * MS)] {
        timer.once(deadline).unwrap();
        assert_eq!(told.recv(), Ok(false), "it runs no more while it is called");
        assert!(!timer.set(MS), "it has no period");
    }
    timer.once(Deadline::NEVER).unwrap();
    assert!(timer.runs());
    timer.end();
    assert_eq!(timer.calls(), 2);
}

fn a_longer_period_counts_from_the_last_beat<T: Timed>() {
    let (tell, told) = channel();
    let timer = T::make(move |tick| {
        let _ = tell.send(tick.due().as_nanos() - tick.missed() * 2_000_000);
    });
    let hour = Duration::from_secs(3600);
    let first = Deadline::after(hour);
    timer.every_from(first, hour).unwrap();
    // It was started "now", so with this period it is due soon.
    assert!(timer.set(2 * MS));
    let one = told.recv().unwrap();
    assert_eq!(one, first.as_nanos() - 3_600_000_000_000 + 2_000_000);
    timer.end();
}

fn a_panic_is_kept_and_the_timer_goes_on<T: Timed>() {
    let (tell, told) = channel();
    let mut calls = 0;
    let timer = T::make(move |tick| {
        calls += 1;
        tell.send(calls).unwrap();
        if calls < 3 {
            panic!("call {calls}");
        }
        tick.timer().end();
    });
    timer.every(MS).unwrap();
    assert_eq!(told.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
    timer.end();
    assert_eq!(timer.panic().as_deref(), Some("call 1"));
    assert_eq!(timer.panic(), None, "it is given once");
}

/// Many threads do everything at once with one timer, whose callback must stay alone.
fn a_storm_of_starts_and_stops_leaves_it_whole<T: Timed>() {
    let seed = seed();
    let inside = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&inside);
    let timer = Arc::new(T::make(move |tick| {
        assert_eq!(count.fetch_add(1, SeqCst), 0, "two at a time");
        if tick.due().as_nanos() % 3 == 0 {
            tick.timer().every(Duration::from_micros(100)).unwrap();
        }
        thread::yield_now();
        count.fetch_sub(1, SeqCst);
    }));
    thread::scope(|scope| {
        for unit in 0..4_u64 {
            let timer = &timer;
            scope.spawn(move || {
                let mut dice = Dice(seed ^ (unit + 1) << 40 | 1);
                for _ in 0..500 {
                    match dice.below(6) {
                        0 => timer.end(),
                        1 => timer.cancel(),
                        2 => timer.once(Deadline::NOW).unwrap(),
                        3 => _ = timer.set(Duration::from_micros(50)),
                        4 => thread::yield_now(),
                        _ => timer
                            .every(Duration::from_micros(20 + dice.below(200)))
                            .unwrap(),
                    }
                }
            });
        }
    });
    timer.end();
    assert!(!timer.runs());
    assert_eq!(inside.load(SeqCst), 0, "it was not waited for");
    let calls = timer.calls();
    thread::sleep(2 * MS);
    assert_eq!(timer.calls(), calls, "it is called after its end");
    assert_eq!(timer.panic(), None);
    // And it can be used as before.
    timer.once(Deadline::NOW).unwrap();
    while timer.calls() == calls {
        thread::sleep(MS);
    }
}

both_kinds! {
    a_beat_is_never_early_and_stays_on_its_grid
    beats_that_come_due_together_are_one_call
    a_timer_that_goes_once_goes_once
    a_longer_period_counts_from_the_last_beat
    a_panic_is_kept_and_the_timer_goes_on
    a_storm_of_starts_and_stops_leaves_it_whole
}

#[test]
fn a_callback_that_waits_delays_only_itself() {
    within(LIMIT, "waits", || {
        let on = vitte_threads::Runtime::builder()
            .workers(1)
            .build()
            .unwrap();
        let (tell, told) = channel();
        let slow = on
            .every(MS, |_| _ = sleep(Duration::from_secs(3600)))
            .unwrap();
        let quick = on.every(MS, move |_| _ = tell.send(())).unwrap();
        for _ in 0..20 {
            told.recv().unwrap();
        }
        assert!(slow.stats().fired <= 1);
        drop(quick);
    });
}

#[test]
fn of_ten_thousand_timers_each_goes_once_and_none_is_early() {
    let seed = seed();
    within(LIMIT, "ten thousand", move || {
        for workers in [1, 3] {
            let on = vitte_threads::Runtime::builder()
                .workers(workers)
                .build()
                .unwrap();
            let seen = Arc::new(Mutex::new(HashSet::new()));
            let (tell, told) = channel();
            let make = |i: u64| {
                let (seen, tell) = (Arc::clone(&seen), tell.clone());
                let timer = on.timer(move |tick| {
                    assert!(tick.due().is_past());
                    assert!(seen.lock().unwrap().insert(i), "twice");
                    let _ = tell.send(());
                });
                let micros = (seed ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % 200_000;
                timer.start_after(Duration::from_micros(micros)).unwrap();
                timer
            };
            // Half of them from a fiber, half from outside.
            let mut timers: Vec<_> = (0..5_000).map(make).collect();
            timers.extend(on.run(|| (5_000..10_000).map(make).collect::<Vec<_>>()));
            for _ in 0..10_000 {
                told.recv().unwrap();
            }
            for timer in timers {
                timer.stop().unwrap();
                assert_eq!(timer.stats().fired, 1);
                assert!(timer.take_panic().is_none());
            }
        }
    });
}

#[test]
fn a_timer_goes_though_the_worker_it_was_started_on_is_busy() {
    within(LIMIT, "busy", || {
        let on = vitte_threads::Runtime::builder()
            .workers(2)
            .build()
            .unwrap();
        let (tell, told) = channel();
        let timer = on.timer(move |_| tell.send(()).unwrap());
        on.run(move || {
            timer.start_after(2 * MS).unwrap();
            // On this worker's thread, without giving way.
            told.recv_timeout(Duration::from_secs(30)).unwrap();
        });
    });
}

#[test]
fn callbacks_that_go_on_for_long_do_not_hold_up_each_other() {
    within(LIMIT, "long ones", || {
        let on = vitte_threads::Runtime::builder()
            .workers(2)
            .build()
            .unwrap();
        let running = Arc::new(AtomicUsize::new(0));
        let timers = on.run(|| {
            let deadline = after(5);
            [0, 1].map(|_| {
                let running = Arc::clone(&running);
                // On its worker's thread, without giving way, until the other one runs.
                let timer = on.timer(move |_| {
                    running.fetch_add(1, SeqCst);
                    while running.load(SeqCst) < 2 {
                        thread::yield_now();
                    }
                });
                timer.start_at(deadline).unwrap();
                timer
            })
        });
        while running.load(SeqCst) < 2 {
            thread::sleep(MS);
        }
        for timer in timers {
            timer.stop().unwrap();
        }
    });
}

#[test]
fn timers_that_end_as_they_come_due_are_called_once_or_not_at_all() {
    let seed = seed();
    within(LIMIT, "ends", move || {
        let on = vitte_threads::Runtime::builder()
            .workers(2)
            .build()
            .unwrap();
        let (calls, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        for round in 0..200 {
            let make = |i: u64| {
                let (calls, owned) = (Arc::clone(&calls), Arc::clone(&drops));
                let timer = on.timer(move |_| {
                    let _ = &owned;
                    calls.fetch_add(1, SeqCst);
                });
                let micros = (seed ^ (round * 20 + i).wrapping_mul(0x9e37_79b9_7f4a_7c15)) % 600;
                timer.start_after(Duration::from_micros(micros)).unwrap();
                timer
            };
            let timers: Vec<_> = (0..10).map(make).collect();
            let others = on.run(|| (10..20).map(make).collect::<Vec<_>>());
            thread::sleep(Duration::from_micros(seed % 300));
            drop((timers, others));
        }
        assert!(calls.load(SeqCst) <= 4_000);
        // Each callback is dropped with its timer, or with the call that was under way.
        while Arc::strong_count(&drops) > 1 {
            thread::sleep(MS);
        }
        assert_eq!(on.stats().timers, 0);
    });
}

#[test]
fn a_timer_survives_the_retirement_of_the_worker_it_was_started_on() {
    within(LIMIT, "retired", || {
        let on = vitte_threads::Runtime::builder()
            .workers(4)
            .build()
            .unwrap();
        let (tell, told) = channel();
        let timers: Vec<_> = (0..64)
            .map(|_| {
                let tell = tell.clone();
                let start = move |on: &vitte_threads::Runtime| {
                    let timer = on.timer(move |_| tell.send(()).unwrap());
                    timer.start_after(30 * MS).unwrap();
                    timer
                };
                on.run(|| start(&on))
            })
            .collect();
        on.resize(1).unwrap();
        for _ in 0..64 {
            told.recv().unwrap();
        }
        drop(timers);
    });
}

#[test]
fn the_fiber_that_calls_has_the_name_and_priority_that_were_asked_for() {
    within(LIMIT, "named", || {
        let (tell, told) = channel();
        let builder = runtime().fiber().name("beat").priority(Priority::Low);
        let timer = builder.timer(move |_| {
            let me = Fiber::current().unwrap();
            tell.send((me.name(), me.priority())).unwrap();
        });
        let timer = timer.unwrap();
        timer.start_after(MS).unwrap();
        let (name, priority) = told.recv().unwrap();
        assert_eq!(name.unwrap().as_deref(), Some("beat"));
        assert_eq!(priority, Ok(Priority::Low));
        assert!(
            Fiber::builder().timer(|_| {}).is_err(),
            "there is no runtime here"
        );
    });
}

#[test]
fn a_fiber_stops_a_timer_whose_callback_waits_for_another_fiber() {
    within(LIMIT, "fiber stops", || {
        let ended = Arc::new(AtomicUsize::new(0));
        let flag = Arc::clone(&ended);
        let timer = runtime().timer(move |_| {
            let _ = Fiber::spawn(|| sleep(5 * MS)).join().unwrap();
            flag.fetch_add(1, SeqCst);
        });
        timer.start_at(Deadline::NOW).unwrap();
        while !timer.is_in_callback() {
            thread::yield_now();
        }
        runtime().run(|| timer.stop()).unwrap();
        assert_eq!(ended.load(SeqCst), 1);
    });
}
