//! Priorities: who comes first, and that nobody starves.

use crate::{LIMIT, end, run, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    Config, FiberId, JoinHandle, Poll, Priority, Scheduler, SpawnOptions, current_id, info, join,
    park, poll, set_priority, sleep_until, spawn_with, unpark, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome, Unit, current, facade::plain::Mutex};

fn of(priority: Priority) -> SpawnOptions<'static> {
    SpawnOptions {
        priority,
        ..SpawnOptions::default()
    }
}

fn one_worker(slice: Duration) -> Scheduler {
    Scheduler::start(Config {
        workers: 1,
        timeslice: slice,
        ..Config::default()
    })
    .unwrap()
}

/// One worker whose slices are so long that nobody is lifted for having waited, or lowered for having run, while the system
/// gives the processor to others.
fn unhurried() -> Scheduler {
    one_worker(Duration::from_secs(60))
}

/// What ran, in which order; the last of so many wakes whoever waits for all of them.
#[derive(Clone)]
struct Log(Arc<(Mutex<Vec<&'static str>>, usize, FiberId)>);

impl Log {
    /// For the calling fiber, which waits for `count` entries.
    fn new(count: usize) -> Self {
        Self(Arc::new((Mutex::default(), count, current_id().unwrap())))
    }

    fn note(&self, who: &'static str) {
        let mut log = self.0.0.lock();
        log.push(who);
        if log.len() == self.0.1 {
            unpark(self.0.2).unwrap();
        }
    }

    fn spawn(&self, priority: Priority, who: &'static str) -> JoinHandle<()> {
        let log = self.clone();
        spawn_with(&of(priority), move || log.note(who))
    }

    fn wait(&self) -> String {
        assert_eq!(park(Deadline::NEVER), Outcome::Woken);
        self.0.0.lock().concat()
    }
}

#[test]
fn the_high_class_comes_first_and_the_low_one_last() {
    within(LIMIT, "order", || {
        let on = unhurried();
        let order = run(&on, || {
            let log = Log::new(12);
            for _ in 0..4 {
                log.spawn(Priority::Low, "l").detach();
                log.spawn(Priority::Normal, "n").detach();
                log.spawn(Priority::High, "h").detach();
            }
            log.wait()
        });
        assert_eq!(order, "hhhhnnnnllll");
        end(&on);
    });
}

/// Has `count` fibers of a class yield for ever, until `over`, and returns the greatest number of picks
/// between two of the first one's.
fn yielders(
    on: &Scheduler,
    priority: Priority,
    count: usize,
    picks: &Arc<AtomicU64>,
    over: &Arc<AtomicBool>,
) -> (Arc<AtomicU64>, Arc<AtomicU64>) {
    let (gap, times) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for at in 0..count {
        let (picks, over) = (Arc::clone(picks), Arc::clone(over));
        let (gap, times) = (Arc::clone(&gap), Arc::clone(&times));
        on.spawn(&of(priority), move || {
            let mut last = None;
            while !over.load(Relaxed) {
                let now = picks.fetch_add(1, Relaxed);
                if at == 0 {
                    gap.fetch_max(last.map_or(0, |last| now - last), Relaxed);
                    times.fetch_add(1, Relaxed);
                    last = Some(now);
                }
                yield_now();
            }
        })
        .detach();
    }
    (gap, times)
}

#[test]
fn of_384_picks_one_is_of_the_low_class_whatever_the_others_do() {
    within(LIMIT, "starvation", || {
        let on = unhurried();
        for others in [
            &[Priority::High][..],
            &[Priority::Normal],
            &[Priority::High, Priority::Normal],
        ] {
            let picks = Arc::new(AtomicU64::new(0));
            let over = Arc::new(AtomicBool::new(false));
            for other in others {
                yielders(&on, *other, 20, &picks, &over);
            }
            let (gap, times) = yielders(&on, Priority::Low, 1, &picks, &over);
            while times.load(Relaxed) < 50 {
                thread::sleep(Duration::from_millis(1));
            }
            over.store(true, Relaxed);
            // The next round's is to be the only one of its class.
            while on.stats().live > 0 {
                thread::sleep(Duration::from_millis(1));
            }
            let gap = gap.load(Relaxed);
            assert!(
                gap <= 384,
                "{gap} picks between two of the low class: {others:?}"
            );
            // Where there are normal ones, they have most of the turns.
            let least = if others.contains(&Priority::Normal) {
                64
            } else {
                16
            };
            assert!(
                gap > least,
                "only {gap} picks: then it is no low class, {others:?}"
            );
        }
        end(&on);
    });
}

#[test]
fn of_17_picks_one_is_not_of_the_high_class() {
    within(LIMIT, "turns", || {
        let on = unhurried();
        let picks = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        yielders(&on, Priority::High, 20, &picks, &over);
        let (gap, times) = yielders(&on, Priority::Normal, 1, &picks, &over);
        while times.load(Relaxed) < 500 {
            thread::sleep(Duration::from_millis(1));
        }
        over.store(true, Relaxed);
        let gap = gap.load(Relaxed);
        assert!((16..=17).contains(&gap), "{gap} picks");
        end(&on);
    });
}

#[test]
fn the_half_of_a_join_that_another_takes_is_as_urgent_as_its_owner() {
    within(LIMIT, "half", || {
        let on = start(2);
        for class in [Priority::High, Priority::Normal, Priority::Low] {
            let joins = on.spawn(&of(class), || {
                let taken = AtomicBool::new(false);
                let own = thread::current().id();
                let wait = || {
                    while !taken.load(Relaxed) {
                        std::hint::spin_loop();
                    }
                };
                let say = || {
                    taken.store(true, Relaxed);
                    (thread::current().id(), current::unit().class())
                };
                let ((), (thread, class)) = join(wait, say);
                assert_ne!(thread, own);
                class
            });
            assert_eq!(joins.join().unwrap(), class);
        }
        end(&on);
    });
}

/// Who has begun lies at his worker, who has not where all find him.
#[test]
fn who_has_not_begun_is_not_starved_by_those_of_his_class_who_have() {
    within(LIMIT, "not begun", || {
        for class in [Priority::High, Priority::Normal, Priority::Low] {
            let on = unhurried();
            let (picks, over) = (Arc::new(AtomicU64::new(0)), Arc::default());
            yielders(&on, class, 2, &picks, &over);
            let begun = on.spawn(&of(class), || ());
            begun.join().unwrap();
            over.store(true, Relaxed);
            end(&on);
        }
    });
}

/// Reads its poll word until it is canceled.
fn looping(on: &Scheduler, priority: Priority) -> JoinHandle<()> {
    on.spawn(&of(priority), || while poll() == Poll::Continue {})
}

fn stop(loops: impl IntoIterator<Item = JoinHandle<()>>) {
    for looping in loops {
        looping.cancel();
        looping.join().unwrap();
    }
}

#[test]
fn what_waits_too_long_in_the_low_class_is_lifted() {
    within(LIMIT, "aging", || {
        let on = one_worker(Duration::from_millis(1));
        let loops = [
            looping(&on, Priority::Normal),
            looping(&on, Priority::Normal),
        ];
        // One in eight slices is theirs; so the last ones would wait for five hundred.
        let waiting: Vec<_> = (0..64)
            .map(|_| on.spawn(&of(Priority::Low), || ()))
            .collect();
        for task in waiting {
            task.join().unwrap();
        }
        assert!(on.stats().lifted > 0, "{:?}", on.stats());
        stop(loops);
        end(&on);
    });
}

#[test]
fn who_eats_whole_slices_in_the_high_class_is_lowered_until_it_waits() {
    within(LIMIT, "lowering", || {
        let on = one_worker(Duration::from_millis(1));
        let lowered = |on: &Scheduler| on.stats().lowered;
        let go_on = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&go_on);
        let high = on.spawn(&of(Priority::High), move || {
            while !seen.load(Relaxed) {
                let _ = poll();
            }
            let _ = sleep_until(Deadline::after(Duration::from_millis(1)));
            while poll() == Poll::Continue {}
        });
        // It is of the same class from now on, so that both have slices.
        let normal = looping(&on, Priority::Normal);
        for _ in 0..4 {
            run(&on, || ());
        }
        assert_eq!(lowered(&on), 1, "once, for it has not waited");
        go_on.store(true, Relaxed);
        while lowered(&on) < 2 {
            thread::sleep(Duration::from_millis(1));
        }
        stop([high, normal]);
        end(&on);
    });
}

#[test]
fn a_parked_fiber_wakes_in_the_class_it_was_given_meanwhile() {
    within(LIMIT, "parked", || {
        let on = unhurried();
        let order = run(&on, || {
            let log = Log::new(4);
            let noting = log.clone();
            let parked = spawn_with(&of(Priority::Normal), move || {
                let _ = park(Deadline::NEVER);
                noting.note("p");
            });
            yield_now();
            set_priority(parked.id().unwrap(), Priority::Low).unwrap();
            assert_eq!(info(parked.id().unwrap()).unwrap().priority, Priority::Low);
            parked.unpark();
            for _ in 0..3 {
                log.spawn(Priority::Normal, "n").detach();
            }
            log.wait()
        });
        assert_eq!(order, "nnnp");
        end(&on);
    });
}

#[test]
fn a_ready_fiber_of_the_low_class_that_is_raised_is_put_in_line_anew() {
    within(LIMIT, "ready", || {
        let on = unhurried();
        let order = run(&on, || {
            let log = Log::new(5);
            let first = log.spawn(Priority::Low, "l");
            let low = log.spawn(Priority::Low, "r");
            for _ in 0..3 {
                log.spawn(Priority::Normal, "n").detach();
            }
            low.set_priority(Priority::High);
            let order = log.wait();
            drop((first, low));
            order
        });
        assert_eq!(order, "rnnnl");
        end(&on);
    });
}

#[test]
fn a_ready_fiber_that_is_lowered_has_its_turn_where_it_lies() {
    within(LIMIT, "lowered", || {
        let on = unhurried();
        let order = run(&on, || {
            let log = Log::new(3);
            log.spawn(Priority::Low, "l").detach();
            let normal = log.spawn(Priority::Normal, "n");
            let high = log.spawn(Priority::High, "h");
            for lowered in [&normal, &high] {
                lowered.set_priority(Priority::Low);
                assert_eq!(info(lowered.id().unwrap()).unwrap().priority, Priority::Low);
            }
            log.wait()
        });
        assert_eq!(order, "hnl");
        end(&on);
    });
}

#[test]
fn a_running_fiber_that_changes_its_class_yields_accordingly() {
    within(LIMIT, "running", || {
        let on = unhurried();
        run(&on, || {
            let ran = Arc::new(AtomicU64::new(0));
            let me = current_id().unwrap();
            set_priority(me, Priority::High).unwrap();
            for _ in 0..3 {
                let ran = Arc::clone(&ran);
                spawn_with(&of(Priority::Normal), move || ran.fetch_add(1, Relaxed)).detach();
            }
            yield_now();
            assert_eq!(ran.load(Relaxed), 0, "nobody is as urgent");
            set_priority(me, Priority::Low).unwrap();
            yield_now();
            assert_eq!(ran.load(Relaxed), 3, "everybody is more urgent");
        });
        end(&on);
    });
}

#[test]
fn who_holds_what_a_more_urgent_one_waits_for_inherits_until_it_is_restored() {
    within(LIMIT, "inheritance", || {
        let on = unhurried();
        let order = run(&on, || {
            let log = Log::new(5);
            let owner: Arc<Mutex<Option<&'static Unit>>> = Arc::default();
            let (noting, shown) = (log.clone(), Arc::clone(&owner));
            spawn_with(&of(Priority::Low), move || {
                let me = current::unit();
                *shown.lock() = Some(me);
                yield_now();
                // Here a lock is given back.
                noting.note("o");
                assert_eq!(me.priority(), Priority::High);
                me.unlift(Priority::High);
                yield_now();
                noting.note("o");
            })
            .detach();
            // The other is before us in the lane of the low class, and then behind us.
            let me = current_id().unwrap();
            set_priority(me, Priority::Low).unwrap();
            yield_now();
            set_priority(me, Priority::Normal).unwrap();
            for _ in 0..3 {
                log.spawn(Priority::Normal, "n").detach();
            }
            assert!(owner.lock().unwrap().lift(Priority::High));
            log.wait()
        });
        assert_eq!(order, "onnno");
        end(&on);
    });
}

/// Two workers that run loops of the low class.
fn saturated() -> (Scheduler, Vec<JoinHandle<()>>) {
    let on = Scheduler::start(Config {
        workers: 2,
        timeslice: Duration::from_millis(20),
        ..Config::default()
    })
    .unwrap();
    let loops = (0..4).map(|_| looping(&on, Priority::Low)).collect();
    (on, loops)
}

/// Each number says how many slices ended, on both workers together, before a task of the high class ran.
fn assert_soon(mut waited: Vec<u64>) {
    waited.sort_unstable();
    let worst_but_one_percent = waited[waited.len() * 99 / 100 - 1];
    // Two slices of each of two workers.
    assert!(worst_but_one_percent <= 4, "{waited:?}");
}

fn slices_ended() -> u64 {
    Scheduler::current().unwrap().stats().slices_ended
}

#[test]
fn a_task_of_the_high_class_from_outside_runs_within_two_slices() {
    within(LIMIT, "latency of spawns", || {
        let (on, loops) = saturated();
        let waited = (0..200)
            .map(|_| {
                let before = on.stats().slices_ended;
                let high = on.spawn(&of(Priority::High), move || slices_ended() - before);
                high.join().unwrap()
            })
            .collect();
        stop(loops);
        end(&on);
        assert_soon(waited);
    });
}

#[test]
fn a_fiber_of_the_high_class_that_is_woken_runs_within_two_slices() {
    within(LIMIT, "latency of wake-ups", || {
        let (on, loops) = saturated();
        let before = Arc::new(AtomicU64::new(0));
        let (seen, rounds) = (Arc::clone(&before), Arc::new(AtomicU64::new(0)));
        let round = Arc::clone(&rounds);
        // Once begun it may go on on its worker only.
        let high = on.spawn(&of(Priority::High), move || {
            let waited = (0..200).map(|_| {
                round.fetch_add(1, Relaxed);
                let _ = park(Deadline::NEVER);
                slices_ended() - seen.load(Relaxed)
            });
            waited.collect::<Vec<_>>()
        });
        for wanted in 1..=200 {
            while rounds.load(Relaxed) < wanted {
                thread::yield_now();
            }
            before.store(on.stats().slices_ended, Relaxed);
            high.unpark();
        }
        assert_soon(high.join().unwrap());
        stop(loops);
        end(&on);
    });
}
