//! Jobs on threads of their own: nobody else waits for them, none is lost, and each can be taken back
//! until it begins.

use crate::{LIMIT, SharedDice, after, end, run, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};
use vitte_scheduler::{
    BlockingError, Config, JobKind, JoinHandle, OffloadError, Scheduler, ShutdownError,
    ShutdownMode, SpawnOptions, offload_with, park, yield_now,
};
use vitte_tests::{seed, within};
use vitte_wait::{Deadline, Outcome, StopSource, StopToken, facade::plain::Mutex};

fn start_with(io: usize, patience: Duration) -> Scheduler {
    let config = Config {
        workers: 1,
        most_io_threads: io,
        thread_patience: patience,
        ..Config::default()
    };
    Scheduler::start(config).unwrap()
}

fn offload<T: Send>(
    on: &Scheduler,
    kind: JobKind,
    job: impl FnOnce() -> T + Send,
) -> Result<T, OffloadError> {
    on.offload_with(kind, job, Deadline::NEVER, None)
}

fn offload_here<T: Send>(job: impl FnOnce() -> T + Send) -> Result<T, OffloadError> {
    offload_with(JobKind::Io, job, Deadline::NEVER, None)
}

fn offload_owned<T: Send + 'static>(
    on: &Scheduler,
    kind: JobKind,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OffloadError> {
    on.offload_owned_with(kind, job, Deadline::NEVER, None)
}

fn call_blocking<T: Send>(
    on: &Scheduler,
    call: impl FnOnce() -> T + Send,
    unblock: impl FnOnce(),
) -> Result<T, BlockingError<T>> {
    on.call_blocking_with(call, unblock, Deadline::NEVER, None)
}

const LONG: Duration = Duration::from_secs(3600);

fn spawn<T: Send + 'static>(
    on: &Scheduler,
    body: impl FnOnce(Scheduler) -> T + Send + 'static,
) -> JoinHandle<T> {
    let its = on.clone();
    on.spawn(&SpawnOptions::default(), move || body(its))
}

fn wait_until(what: impl Fn() -> bool) {
    while !what() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A fiber whose job runs until something comes through the sender.
fn occupy(on: &Scheduler) -> (JoinHandle<u32>, Sender<u32>) {
    let (go, gone) = channel();
    let before = on.stats().offloaded;
    let fiber = spawn(on, move |on| {
        offload(&on, JobKind::Io, move || gone.recv().unwrap()).unwrap()
    });
    wait_until(|| on.stats().offloaded > before);
    (fiber, go)
}

#[test]
fn a_worker_goes_on_while_its_fibers_jobs_block() {
    within(LIMIT, "goes on", || {
        let on = start(1);
        let sent = run(&on, || {
            let (go, gone) = channel();
            let waits =
                vitte_scheduler::spawn(move || offload_here(move || gone.recv().unwrap()).unwrap());
            // The only worker runs this, too.
            yield_now();
            go.send(7).unwrap();
            waits.join().unwrap()
        });
        assert_eq!(sent, 7);
        end(&on);
    });
}

#[test]
fn a_job_may_borrow_and_a_thread_runs_it_itself() {
    within(LIMIT, "borrows", || {
        let on = start(1);
        let mut count = 0;
        let here = thread::current().id();
        offload(&on, JobKind::Cpu, || {
            count += 1;
            assert_eq!(thread::current().id(), here);
        })
        .unwrap();
        assert_eq!(offload_here(|| count + 1).unwrap(), 2);
        let its = on.clone();
        let elsewhere = run(&on, move || {
            let mut text = String::from("a");
            let here = thread::current().id();
            offload(&its, JobKind::Cpu, || {
                text.push('b');
                assert_ne!(thread::current().id(), here);
            })
            .unwrap();
            text
        });
        assert_eq!(elsewhere, "ab");
        end(&on);
    });
}

#[test]
fn a_panic_comes_back_with_its_text() {
    within(LIMIT, "panic", || {
        let on = start(1);
        for fiber in [true, false] {
            let its = on.clone();
            let call = move || offload(&its, JobKind::Io, || -> u32 { panic!("no file today") });
            let error = if fiber { run(&on, call) } else { call() }.unwrap_err();
            assert!(error.to_string().contains("no file today"), "{error}");
        }
        end(&on);
    });
}

#[test]
fn a_pool_grows_up_to_its_limit_and_jobs_beyond_it_wait_in_line() {
    within(LIMIT, "limit", || {
        let on = start_with(3, LONG);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let open = Arc::new(AtomicBool::new(false));
        let fibers: Vec<_> = (0..20)
            .map(|_| {
                let (now, most, open) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&open));
                spawn(&on, move |on| {
                    offload(&on, JobKind::Io, || {
                        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                        wait_until(|| open.load(SeqCst));
                        now.fetch_sub(1, SeqCst);
                    })
                    .unwrap();
                })
            })
            .collect();
        wait_until(|| on.stats().offloaded == 3);
        assert_eq!(on.stats().offload_threads, 3);
        open.store(true, SeqCst);
        fibers.into_iter().for_each(|fiber| fiber.join().unwrap());
        assert_eq!(most.load(SeqCst), 3);
        end(&on);
        assert_eq!(on.stats().offload_threads, 0);
    });
}

#[test]
fn a_thread_that_has_nothing_to_do_ends() {
    within(LIMIT, "idle", || {
        let on = start_with(8, Duration::from_millis(20));
        for _ in 0..3 {
            run(&on, || offload_here(|| ()).unwrap());
            wait_until(|| on.stats().offload_threads == 0);
        }
        end(&on);
    });
}

/// Tells when it is dropped.
struct Drops(Arc<AtomicUsize>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_job_that_has_not_begun_is_taken_back() {
    within(LIMIT, "taken back", || {
        let on = start_with(1, LONG);
        let (first, go) = occupy(&on);
        let drops = Arc::new(AtomicUsize::new(0));
        let stop = StopSource::new();
        let wait = |deadline: Deadline, stop: Option<StopSource>| {
            let drops = Drops(Arc::clone(&drops));
            spawn(&on, move |on| {
                let job = move || panic!("it must not begin: {:?}", drops.0);
                on.offload_with::<_, ()>(JobKind::Io, job, deadline, stop.as_deref())
            })
        };
        let late = wait(after(1), None);
        let canceled = wait(Deadline::NEVER, None);
        let stopped = wait(Deadline::NEVER, Some(stop.clone()));
        assert!(matches!(late.join().unwrap(), Err(OffloadError::TimedOut)));
        canceled.cancel();
        let ended = canceled.join().unwrap();
        assert!(matches!(ended, Err(OffloadError::Canceled)));
        stop.stop();
        assert!(matches!(
            stopped.join().unwrap(),
            Err(OffloadError::Stopped)
        ));
        assert_eq!(drops.load(SeqCst), 3);
        go.send(1).unwrap();
        assert_eq!(first.join().unwrap(), 1);
        end(&on);
    });
}

#[test]
fn a_job_that_has_begun_is_waited_for_and_gives_its_value() {
    within(LIMIT, "begun", || {
        let on = start_with(1, LONG);
        let (first, go) = occupy(&on);
        first.cancel();
        run(&on, yield_now);
        assert!(!first.is_finished());
        go.send(9).unwrap();
        assert_eq!(first.join().unwrap(), 9);
        end(&on);
    });
}

#[test]
fn an_owned_job_is_left_when_nobody_waits_and_what_it_has_is_dropped_once() {
    within(LIMIT, "owned", || {
        let on = start_with(1, LONG);
        let drops = Arc::new(AtomicUsize::new(0));
        // Left while it runs: the closure and its value are dropped when it ends.
        let (go, gone) = channel::<()>();
        let (its, value) = (Drops(Arc::clone(&drops)), Drops(Arc::clone(&drops)));
        let left = spawn(&on, move |on| {
            let job = move || {
                gone.recv().unwrap();
                drop(its);
                value
            };
            offload_owned(&on, JobKind::Io, job).is_ok()
        });
        wait_until(|| on.stats().offloaded == 1);
        left.cancel();
        assert!(!left.join().unwrap());
        assert_eq!(drops.load(SeqCst), 0);
        // In line behind it, and taken back.
        let its = Drops(Arc::clone(&drops));
        let late = spawn(&on, move |on| {
            let job = move || panic!("it must not begin: {:?}", its.0);
            on.offload_owned_with::<_, ()>(JobKind::Io, job, after(1), None)
        });
        assert!(matches!(late.join().unwrap(), Err(OffloadError::TimedOut)));
        assert_eq!(drops.load(SeqCst), 1);
        // A thread that names a stop waits for the pool, too, and leaves.
        let token = StopToken::after(Duration::from_millis(1));
        let stopped = on.offload_owned_with(JobKind::Io, || (), Deadline::NEVER, Some(&token));
        assert!(matches!(stopped, Err(OffloadError::Stopped)));
        go.send(()).unwrap();
        wait_until(|| drops.load(SeqCst) == 3);
        // Waited for: the caller has the value, or the panic.
        let its = Drops(Arc::clone(&drops));
        let had = spawn(&on, move |on| offload_owned(&on, JobKind::Cpu, move || its));
        drop(had.join().unwrap().unwrap());
        assert_eq!(drops.load(SeqCst), 4);
        let failed = spawn(&on, |on| {
            let job = || -> u8 { panic!("in vain") };
            offload_owned(&on, JobKind::Io, job)
        });
        let error = failed.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("in vain"), "{error}");
        end(&on);
    });
}

/// A call that blocks until it is unblocked, and says how often it was.
type Blocking = JoinHandle<(Result<u64, BlockingError<u64>>, u64)>;

/// Such a call, once it has begun.
fn blocking(on: &Scheduler, deadline: Deadline, stop: Option<StopSource>) -> Blocking {
    let (fiber, begun) = try_blocking(on, deadline, stop);
    wait_until(|| begun.load(SeqCst));
    fiber
}

/// Such a call with a deadline before which it has begun.
fn blocking_for_a_while(on: &Scheduler) -> Blocking {
    for patience in (0..16).map(|doubled| 20 << doubled) {
        let (fiber, begun) = try_blocking(on, after(patience), None);
        wait_until(|| begun.load(SeqCst) || fiber.is_finished());
        // On a busy machine the deadline may have been first, and the job was taken back.
        if begun.load(SeqCst) {
            return fiber;
        }
    }
    panic!("it never begins");
}

fn try_blocking(
    on: &Scheduler,
    deadline: Deadline,
    stop: Option<StopSource>,
) -> (Blocking, Arc<AtomicBool>) {
    let begun = Arc::new(AtomicBool::new(false));
    let its = Arc::clone(&begun);
    let fiber = spawn(on, move |on| {
        let calls = AtomicU64::new(0);
        let call = || {
            its.store(true, SeqCst);
            wait_until(|| calls.load(SeqCst) != 0);
            // Late calls would be seen below.
            17
        };
        let unblock = || {
            calls.fetch_add(1, SeqCst);
        };
        let ended = on.call_blocking_with(call, unblock, deadline, stop.as_deref());
        (ended, calls.load(SeqCst))
    });
    (fiber, begun)
}

#[test]
fn a_blocking_call_is_unblocked_once_by_whatever_ends_its_callers_wait() {
    within(LIMIT, "unblocked", || {
        let on = start(1);
        let stop = StopSource::new();
        let canceled = blocking(&on, Deadline::NEVER, None);
        canceled.cancel();
        let stopped = blocking(&on, Deadline::NEVER, Some(stop.clone()));
        stop.stop();
        let late = blocking_for_a_while(&on);
        let whys = [Outcome::Canceled, Outcome::Stopped, Outcome::TimedOut];
        for (fiber, expected) in [canceled, stopped, late].into_iter().zip(whys) {
            let (ended, calls) = fiber.join().unwrap();
            assert_eq!(calls, 1);
            match ended {
                Err(BlockingError::Unblocked { why, value }) => {
                    assert_eq!((why, value), (expected, 17));
                }
                other => panic!("{other:?}"),
            }
        }
        // Not a plain thread's, which names no deadline; but of one that does.
        assert_eq!(call_blocking(&on, || 3, || panic!()).unwrap(), 3);
        let flag = AtomicBool::new(false);
        let ended = on.call_blocking_with(
            || wait_until(|| flag.load(SeqCst)),
            || flag.store(true, SeqCst),
            after(1),
            None,
        );
        // A deadline so near may have come before it began.
        assert!(ended.is_err());
        end(&on);
    });
}

#[test]
fn the_thread_of_a_call_does_not_go_on_while_it_is_being_unblocked() {
    within(LIMIT, "unblocking", || {
        let on = start_with(1, LONG);
        let returned = Arc::new(AtomicBool::new(false));
        let (its, (go, gone)) = (Arc::clone(&returned), channel());
        let first = spawn(&on, move |on| {
            call_blocking(
                &on,
                move || {
                    gone.recv().unwrap();
                    returned.store(true, SeqCst);
                },
                // On the worker: it blocks that, and nobody else can have the pool's one thread.
                || {
                    go.send(()).unwrap();
                    wait_until(|| its.load(SeqCst));
                    thread::sleep(Duration::from_millis(20));
                    assert_eq!(on.stats().offloaded, 1);
                },
            )
        });
        wait_until(|| on.stats().offloaded == 1);
        first.cancel();
        assert!(matches!(
            first.join().unwrap(),
            Err(BlockingError::Unblocked { .. })
        ));
        wait_until(|| on.stats().offloaded == 0);
        end(&on);
    });
}

#[test]
fn a_shutdown_unblocks_calls_and_names_jobs_that_do_not_end() {
    within(LIMIT, "shutdown", || {
        let on = start(2);
        let fiber = blocking(&on, Deadline::NEVER, None);
        on.shutdown(ShutdownMode::Cancel, after(60_000)).unwrap();
        assert!(matches!(
            fiber.join().unwrap().0,
            Err(BlockingError::Unblocked { .. })
        ));

        let on = start(2);
        let (fiber, go) = occupy(&on);
        match on.shutdown(ShutdownMode::Cancel, after(50)) {
            Err(ShutdownError::StillRunning(left)) => {
                assert!(left.contains(&"offloaded jobs: 1".to_owned()));
            }
            other => panic!("{other:?}"),
        }
        // Nothing was killed: it ends all the same.
        go.send(4).unwrap();
        assert_eq!(fiber.join().unwrap(), 4);
        assert!(
            offload(&on, JobKind::Io, || 5).is_ok(),
            "on this very thread"
        );
    });
}

#[test]
fn jobs_that_are_canceled_at_random_run_once_or_are_dropped_once() {
    let seed = seed();
    within(LIMIT, "storm", move || {
        let dice = Arc::new(SharedDice(seed.into()));
        for _ in 0..20 {
            let on = start_with(3, Duration::from_micros(300));
            let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let values = Arc::new(Mutex::new(Vec::new()));
            let fibers: Vec<_> = (0..200)
                .map(|number| {
                    let (dice, ran) = (Arc::clone(&dice), Arc::clone(&ran));
                    let (drops, values) = (Drops(Arc::clone(&dropped)), Arc::clone(&values));
                    spawn(&on, move |on| {
                        let nap = Duration::from_micros(dice.below(400));
                        let job = move || {
                            let _drops = drops;
                            ran.fetch_add(1, SeqCst);
                            thread::sleep(nap);
                            number
                        };
                        let ended = if dice.below(2) == 0 {
                            offload(&on, JobKind::Io, job).ok()
                        } else {
                            match call_blocking(&on, job, || ()) {
                                Ok(value) | Err(BlockingError::Unblocked { value, .. }) => {
                                    Some(value)
                                }
                                Err(_) => None,
                            }
                        };
                        values.lock().extend(ended);
                    })
                })
                .collect();
            for fiber in &fibers {
                if dice.below(3) == 0 {
                    fiber.cancel();
                }
                if dice.below(8) == 0 {
                    thread::sleep(Duration::from_micros(dice.below(300)));
                }
            }
            fibers.into_iter().for_each(|fiber| fiber.join().unwrap());
            assert_eq!(dropped.load(SeqCst), 200);
            assert_eq!(ran.load(SeqCst), values.lock().len());
            end(&on);
        }
    });
}

/// A shutdown cancels what waits on the runtime's own threads, and names those that go on.
#[test]
fn a_shutdown_ends_the_waits_of_attached_threads_and_names_who_goes_on() {
    within(LIMIT, "attached", || {
        let on = start(1);
        let (tell, told) = channel();
        let its = on.clone();
        let waits = thread::spawn(move || {
            let attached = its.attach().unwrap();
            tell.send(()).unwrap();
            let first = park(Deadline::NEVER);
            let again = park(Deadline::NEVER);
            drop(attached);
            // It is nobody's now, and waits as before.
            (first, again, park(after(1)))
        });
        told.recv().unwrap();
        on.shutdown(ShutdownMode::Cancel, after(60_000)).unwrap();
        let expected = (Outcome::Canceled, Outcome::Canceled, Outcome::TimedOut);
        assert_eq!(waits.join().unwrap(), expected);

        // Its blocking call is unblocked, too.
        let on = start(1);
        let (go, gone) = channel::<()>();
        let (its, (tell, told)) = (on.clone(), channel());
        let calls = thread::spawn(move || {
            let _attached = its.attach().unwrap();
            let call = move || {
                tell.send(()).unwrap();
                gone.recv().is_err()
            };
            call_blocking(&its, call, move || drop(go))
        });
        told.recv().unwrap();
        on.shutdown(ShutdownMode::Cancel, after(60_000)).unwrap();
        assert!(matches!(
            calls.join().unwrap(),
            Err(BlockingError::Unblocked {
                why: Outcome::Canceled,
                value: true
            })
        ));

        // Who neither waits nor ends is named, and goes on.
        let on = start(1);
        let (go, gone) = channel::<()>();
        let (its, (tell, told)) = (on.clone(), channel());
        let named = thread::Builder::new().name("stubborn".to_owned());
        let stays = named.spawn(move || {
            let _attached = its.attach().unwrap();
            tell.send(()).unwrap();
            gone.recv().is_err()
        });
        told.recv().unwrap();
        let _this_one = on.guard().unwrap().attach_as("deaf").unwrap();
        match on.shutdown(ShutdownMode::Cancel, after(20)) {
            Err(ShutdownError::StillRunning(left)) => {
                for name in ["attached thread stubborn", "attached thread deaf"] {
                    assert!(left.contains(&name.to_owned()), "{left:?}");
                }
            }
            other => panic!("{other:?}"),
        }
        drop(go);
        assert!(stays.unwrap().join().unwrap());
    });
}
