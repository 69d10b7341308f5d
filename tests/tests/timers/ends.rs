//! How a timer ends: stopped, dropped, left alone, or with its runtime.

use crate::{LIMIT, MS, after, runtime};
use std::{
    sync::{Arc, Weak, mpsc::channel},
    thread,
    time::Duration,
};
use vitte_tests::within;
use vitte_threads::{
    Deadline, HighResTimer, Outcome, Runtime, SpawnError, StopSource, sleep,
    sync::{Event, WaitError},
};

const HOUR: Duration = Duration::from_secs(3600);

/// A timer whose callback has begun and goes on until the event is signaled.
fn held() -> (vitte_threads::Timer, Arc<Event>) {
    let (begun, release) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
    let (tell, held) = (Arc::clone(&begun), Arc::clone(&release));
    let timer = runtime().timer(move |_| {
        tell.signal();
        let _ = held.wait();
    });
    timer.start_at(Deadline::NOW).unwrap();
    begun.wait().unwrap();
    (timer, release)
}

#[test]
fn stop_says_what_ended_its_wait() {
    within(LIMIT, "stop says", || {
        let (timer, release) = held();
        assert_eq!(timer.stop_timeout(MS), Err(WaitError::TimedOut));
        let source = StopSource::new();
        source.stop();
        assert_eq!(timer.stop_or_stop(&source), Err(WaitError::Stopped));
        let canceled = runtime().run(|| {
            let me = vitte_threads::Fiber::current().unwrap();
            me.cancel().unwrap();
            timer.stop().is_err()
        });
        assert!(canceled);
        assert!(timer.is_in_callback() && !timer.is_running());
        release.signal();
        assert_eq!(timer.stop_until(after(60_000)), Ok(()));
        assert!(!timer.is_in_callback());
    });
}

#[test]
fn all_who_stop_a_timer_wait_for_the_same_call() {
    within(LIMIT, "all stop", || {
        let (timer, release) = held();
        thread::scope(|scope| {
            let stops: Vec<_> = (0..4)
                .map(|i| {
                    let timer = &timer;
                    scope.spawn(move || {
                        if i % 2 == 0 {
                            timer.stop()
                        } else {
                            runtime().run(|| timer.stop())
                        }
                    })
                })
                .collect();
            thread::sleep(2 * MS);
            assert!(stops.iter().all(|stop| !stop.is_finished()));
            release.signal();
            for stop in stops {
                stop.join().unwrap().unwrap();
            }
        });
    });
}

/// Something that a callback owns, and the means to learn that it is gone.
fn owned() -> (Arc<()>, Weak<()>) {
    let owned = Arc::new(());
    let weak = Arc::downgrade(&owned);
    (owned, weak)
}

fn until_gone(weak: &Weak<()>) {
    while weak.strong_count() > 0 {
        thread::sleep(MS / 4);
    }
}

#[test]
fn a_timer_that_is_dropped_is_stopped_and_its_callback_is_dropped() {
    within(LIMIT, "dropped", || {
        let (own, weak) = owned();
        let timer = runtime().after(HOUR, move |_| drop(own)).unwrap();
        drop(timer);
        assert_eq!(weak.strong_count(), 0);

        // Also while it is called: after that.
        let (begun, release) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
        let (tell, held) = (Arc::clone(&begun), Arc::clone(&release));
        let (own, weak) = owned();
        let timer = runtime().every(MS, move |_| {
            let _own = &own;
            tell.signal();
            let _ = held.wait();
        });
        begun.wait().unwrap();
        drop(timer.unwrap());
        assert_eq!(weak.strong_count(), 1);
        release.signal();
        until_gone(&weak);

        let (own, weak) = owned();
        let timer = HighResTimer::new(move |_| {
            let _own = &own;
        });
        timer.start_periodic(MS).unwrap();
        drop(timer);
        until_gone(&weak);
    });
}

#[test]
fn a_timer_that_is_left_alone_goes_on_and_then_is_gone() {
    within(LIMIT, "left alone", || {
        let (own, weak) = owned();
        let (tell, told) = channel();
        let mut left = 3;
        let timer = runtime().timer(move |tick| {
            let _own = &own;
            left -= 1;
            tell.send(left).unwrap();
            if left == 0 {
                tick.timer().cancel();
            }
        });
        timer.start_periodic(MS).unwrap();
        timer.detach();
        assert_eq!(told.iter().collect::<Vec<_>>(), [2, 1, 0]);
        until_gone(&weak);

        let (own, weak) = owned();
        let once = runtime().after(MS, move |_| drop(own)).unwrap();
        once.detach();
        until_gone(&weak);

        // What is not running has nothing to go on with.
        let (own, weak) = owned();
        runtime().timer(move |_| drop(own.clone())).detach();
        assert_eq!(weak.strong_count(), 0);
    });
}

#[test]
fn shutdown_ends_every_timer_however_far_away() {
    within(LIMIT, "shutdown", || {
        for drains in [true, false] {
            let on = Runtime::builder().workers(2).build().unwrap();
            let (own, weak) = owned();
            let timers: Vec<_> = (0..1_000)
                .map(|_| on.after(HOUR, |_| {}).unwrap())
                .collect();
            on.after(HOUR, move |_| drop(own)).unwrap().detach();
            let (own, weak_never) = owned();
            let never = on.timer(move |_| drop(own.clone()));
            never.start_at(Deadline::NEVER).unwrap();
            never.detach();
            let (own, weak_once) = owned();
            let once = on.timer(move |_| drop(own.clone()));
            once.start_periodic_at(Deadline::NOW, Duration::MAX)
                .unwrap();
            once.detach();
            let never = on.timer(|_| {});
            never.start_at(Deadline::NEVER).unwrap();
            let beat = on.every(MS, |_| {}).unwrap();
            let (begun, canceled) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
            let (tell, ended) = (Arc::clone(&begun), Arc::clone(&canceled));
            let waiting = on.after(Duration::ZERO, move |_| {
                tell.signal();
                let nap = if drains { 2 * MS } else { HOUR };
                assert_eq!(
                    sleep(nap),
                    if drains {
                        Outcome::TimedOut
                    } else {
                        Outcome::Canceled
                    }
                );
                ended.signal();
            });
            let waiting = waiting.unwrap();
            begun.wait().unwrap();
            if drains {
                on.drain(Deadline::NEVER).unwrap();
            } else {
                on.shutdown(after(60_000)).unwrap();
            }
            canceled.wait().unwrap();
            assert!(waiting.take_panic().is_none());
            for weak in [weak, weak_never, weak_once] {
                assert_eq!(weak.strong_count(), 0);
            }
            for timer in timers.iter().chain([&beat, &waiting, &never]) {
                assert!(!timer.is_running());
                assert_eq!(timer.start_after(MS), Err(SpawnError::ShuttingDown));
                assert!(!timer.is_running());
                assert_eq!(timer.stop(), Ok(()));
            }
        }
    });
}

#[test]
fn a_timer_can_be_started_while_its_runtime_ends() {
    within(LIMIT, "race", || {
        for _ in 0..200 {
            let on = Runtime::builder().workers(2).build().unwrap();
            let timers: Vec<_> = (0..8).map(|_| on.timer(|_| {})).collect();
            let refused = thread::scope(|scope| {
                let starter = scope.spawn(|| {
                    loop {
                        for timer in &timers {
                            if timer.start_periodic(Duration::from_micros(100)).is_err() {
                                return;
                            }
                        }
                    }
                });
                drop(on);
                starter.join()
            });
            refused.unwrap();
            for timer in &timers {
                timer.stop().unwrap();
                assert!(timer.start_at(Deadline::NOW).is_err());
                assert!(!timer.is_running());
            }
        }
    });
}
