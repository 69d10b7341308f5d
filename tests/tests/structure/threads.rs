//! The cases of JUCE's `Thread` (J1 to J6 of the project's list; behaviour only, written afresh), and what handles of
//! threads promise besides: they are reached at any time, and never killed.

use crate::{LIMIT, start};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use vitte_tests::{Census, seed, within};
use vitte_threads::{
    BlockingError, CancelMask, CancelReason, Deadline, JobKind, JoinError, OffloadError, Outcome,
    Priority, Runtime, ShutdownMode, StartThreadError, StopSource, Thread, ThreadWaitError,
    cancel_reason, io, offload, park, park_timeout, sleep,
};

const LONG: Duration = Duration::from_secs(30);

/// J1: it is stopped out of a long wait.
#[test]
fn a_thread_that_waits_is_started_and_stopped() {
    within(LIMIT, "J1", || {
        let (tell, told) = mpsc::channel();
        let thread = Thread::builder().name("j1").restartable(move |stop| {
            assert!(!stop.is_stopped());
            tell.send(thread::current().name().map(str::to_owned))
                .unwrap();
            (park_timeout(LONG), stop.is_stopped())
        });
        assert!(!thread.is_running() && thread.take_end().is_none());
        thread.start().unwrap();
        assert!(thread.is_running() && !thread.is_current());
        assert_eq!(
            (told.recv().unwrap().as_deref(), thread.name()),
            (Some("j1"), Some("j1"))
        );
        let begun = Instant::now();
        assert_eq!(thread.stop_timeout(LONG), Ok(()));
        assert!(begun.elapsed() < LONG);
        assert!(!thread.is_running() && !thread.should_stop());
        let end = thread.take_end().unwrap().unwrap();
        assert_eq!(end, (Outcome::Canceled, true));
        assert!(thread.take_end().is_none());
    });
}

/// J2: a wake-up that comes before the wait is found by it.
#[test]
fn a_thread_that_is_unparked_before_it_waits_does_not_wait() {
    within(LIMIT, "J2", || {
        for _ in 0..20 {
            let thread = Thread::builder().restartable(|_| park_timeout(LONG));
            assert!(!thread.unpark(), "nobody is there to find it");
            thread.start().unwrap();
            assert!(thread.unpark());
            assert_eq!(thread.wait_timeout(LIMIT), Ok(()));
            assert_eq!(thread.take_end().unwrap().unwrap(), Outcome::Woken);
            // And the same of one that is joined.
            let once = Thread::spawn(|| park_timeout(LONG));
            once.unpark();
            assert_eq!(once.join().unwrap(), Outcome::Woken);
        }
    });
}

/// J3: one that has ended by itself does not run, and can be started again.
#[test]
fn a_thread_that_has_ended_is_started_again() {
    within(LIMIT, "J3", || {
        let mut runs = 0;
        let thread = Thread::builder().restartable(move |_| {
            runs += 1;
            assert!(runs != 2, "the second goes wrong");
            (runs, thread::current().id())
        });
        let mut ids = Vec::new();
        for run in 1..=3 {
            thread.start().unwrap();
            assert_eq!(thread.wait(), Ok(()));
            assert_eq!((thread.is_running(), thread.is_running()), (false, false));
            match thread.take_end().unwrap() {
                Ok((number, id)) => {
                    assert_eq!(number, run);
                    ids.push(id);
                }
                Err(error) => {
                    assert_eq!(run, 2);
                    assert!(error.to_string().contains("goes wrong"), "{error}");
                }
            }
        }
        assert_eq!(ids.len(), 2);
        // What nobody takes is dropped when it is started again, or with the handle.
        let census = Census::new();
        let makes = census.clone();
        let thread = Thread::builder().restartable(move |_| makes.value(()));
        for _ in 0..3 {
            thread.start().unwrap();
            thread.wait().unwrap();
        }
        assert_eq!((census.made(), census.live()), (3, 1));
        drop(thread);
        census.assert_all_dropped();
    });
}

/// J4: nobody keeps a handle, the thread runs on, and what it was given is dropped on it.
#[test]
fn a_thread_that_is_let_go_runs_and_drops_what_it_was_given() {
    struct Tells(mpsc::Sender<thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }
    within(LIMIT, "J4", || {
        let (tell, told) = mpsc::channel();
        let (ran, runs) = mpsc::channel();
        let given = Tells(tell);
        Thread::spawn(move || {
            let _given = given;
            ran.send(thread::current().id()).unwrap();
        })
        .detach();
        let id = runs.recv().unwrap();
        assert_eq!(told.recv().unwrap(), id);
        assert_ne!(id, thread::current().id());
    });
}

/// J5: who does not heed a stop is not killed; the stop says so, and his value comes.
#[test]
fn a_stop_that_comes_too_late_is_answered_and_the_thread_runs_on() {
    within(LIMIT, "J5", || {
        let (go, gone) = mpsc::channel::<()>();
        let thread = Thread::builder().restartable(move |stop| {
            // A wait that knows nothing of stops.
            gone.recv().unwrap();
            (
                stop.is_stopped(),
                cancel_reason().map(|reason| reason.code()),
            )
        });
        thread.start().unwrap();
        let (patience, begun) = (Duration::from_millis(5), Instant::now());
        let error = thread.stop_timeout(patience).unwrap_err();
        assert!(begun.elapsed() >= patience);
        assert_eq!(error, ThreadWaitError::TimedOut);
        assert!(error.to_string().contains("no thread is ever killed"));
        assert!(thread.is_running() && thread.should_stop());
        assert!(thread.ask_to_stop_for(7), "and the first reason counts");
        go.send(()).unwrap();
        assert_eq!(thread.wait(), Ok(()));
        assert_eq!(thread.take_end().unwrap().unwrap(), (true, Some(0)));

        // The same with a handle for once.
        let (go, gone) = mpsc::channel::<()>();
        let mut once = Thread::spawn(move || gone.recv().map(|()| 7));
        assert!(matches!(
            once.stop_timeout(patience),
            Err(JoinError::TimedOut)
        ));
        assert!(!once.is_finished() && once.cancel_reason().is_some());
        go.send(()).unwrap();
        assert_eq!(once.join().unwrap(), Ok(7));
    });
}

/// J6: starting one that runs is an error, and takes no stop back.
#[test]
fn a_thread_that_runs_is_not_started_and_stays_asked_to_stop() {
    within(LIMIT, "J6", || {
        let (go, gone) = mpsc::channel::<()>();
        let thread = Thread::builder().restartable(move |stop| {
            gone.recv().unwrap();
            stop.is_stopped()
        });
        thread.start().unwrap();
        assert!(matches!(
            thread.start(),
            Err(StartThreadError::AlreadyRunning)
        ));
        assert!(!thread.should_stop());
        let token = thread.stop_token().unwrap();
        assert!(thread.ask_to_stop());
        assert!(matches!(
            thread.start(),
            Err(StartThreadError::AlreadyRunning)
        ));
        assert!(thread.should_stop() && token.is_stopped());
        go.send(()).unwrap();
        thread.wait().unwrap();
        assert!(thread.take_end().unwrap().unwrap());
        // The next run was asked for nothing.
        assert!(!thread.ask_to_stop());
        thread.start().unwrap();
        assert!(!thread.should_stop());
        go.send(()).unwrap();
        thread.wait().unwrap();
        assert!(!thread.take_end().unwrap().unwrap());
    });
}

#[test]
fn a_thread_does_not_wait_for_itself() {
    within(LIMIT, "itself", || {
        let (tell, told) = mpsc::channel();
        let (give, given) = mpsc::channel();
        let thread = Thread::builder().restartable(move |stop| {
            let me: vitte_threads::RestartableThread = given.recv().unwrap();
            assert!(me.is_current());
            let waits = [me.wait_timeout(LONG), me.stop_timeout(LONG)];
            tell.send((waits, stop.is_stopped())).unwrap();
        });
        thread.start().unwrap();
        give.send(thread.clone()).unwrap();
        let itself = Err(ThreadWaitError::Itself);
        assert_eq!(told.recv().unwrap(), ([itself, itself], true));
        assert_eq!(thread.wait(), Ok(()));
    });
}

#[test]
fn a_canceled_thread_knows_why_and_may_mask_it() {
    within(LIMIT, "cancel", || {
        let thread = Thread::builder().name("canceled").spawn(|| {
            assert_eq!(sleep(LONG), Outcome::Canceled);
            let masked = CancelMask::new();
            assert_eq!(sleep(Duration::from_millis(1)), Outcome::TimedOut);
            assert!(cancel_reason().is_some(), "masked or not");
            drop(masked);
            assert_eq!(park(), Outcome::Canceled);
            cancel_reason()
        });
        let thread = thread.unwrap();
        assert_eq!(thread.name(), Some("canceled"));
        assert!(thread.id().is_some_and(|id| id != thread::current().id()));
        thread.cancel_for(CancelReason::new(3).because("no longer wanted"));
        thread.cancel();
        let reason = CancelReason::new(3).because("no longer wanted");
        assert_eq!(thread.cancel_reason().as_ref(), Some(&reason));
        assert_eq!(thread.join().unwrap(), Some(reason));
        assert_eq!(cancel_reason(), None);
        // Its unit is another thread's now, who was asked for nothing.
        for _ in 0..10 {
            let next = Thread::spawn(|| sleep(Duration::from_millis(1)));
            assert_eq!(next.join().unwrap(), Outcome::TimedOut);
        }
    });
}

// What it would do itself, as it is nobody's worker, is heeded too.
#[test]
fn a_canceled_threads_blocking_call_is_unblocked_and_it_begins_no_other() {
    within(LIMIT, "blocking calls", || {
        let runtime = Arc::new(start(1));
        let its = Arc::clone(&runtime);
        let ((tell, told), (go, gone)) = (mpsc::channel(), mpsc::channel::<()>());
        let thread = Thread::spawn(move || {
            let call = move || {
                tell.send(()).unwrap();
                gone.recv().is_err()
            };
            let ended = its.call_blocking(call, || drop(go));
            let BlockingError::Unblocked { why, value } = ended.unwrap_err() else {
                panic!("it was not unblocked");
            };
            assert_eq!((why, value), (Outcome::Canceled, true));
            let never = || panic!("it must not begin");
            assert!(matches!(its.offload(never), Err(OffloadError::Canceled)));
            assert!(matches!(offload(never), Err(OffloadError::Canceled)));
            let owned = its.offload_owned(JobKind::Io, never);
            assert!(matches!(owned, Err(OffloadError::Canceled)));
            assert!(matches!(its.compute(never), Err(OffloadError::Canceled)));
            for ended in [io::fs::read("/").map(drop), io::fs::metadata("/").map(drop)] {
                assert_eq!(
                    io::WaitError::of(&ended.unwrap_err()),
                    Some(io::WaitError::Canceled)
                );
            }
            let _masked = CancelMask::new();
            assert!(io::fs::metadata("/").is_ok());
            its.offload(|| 3).unwrap()
        });
        told.recv().unwrap();
        thread.cancel();
        assert_eq!(thread.join().unwrap(), 3);

        // A job of its own it leaves.
        let its = Arc::clone(&runtime);
        let ((tell, told), (go, gone)) = (mpsc::channel(), mpsc::channel::<()>());
        let leaves = Thread::spawn(move || {
            let job = move || {
                tell.send(()).unwrap();
                gone.recv()
            };
            its.offload_owned(JobKind::Io, job).map(drop)
        });
        told.recv().unwrap();
        leaves.cancel();
        let left = leaves.join().unwrap();
        assert!(matches!(left, Err(OffloadError::Canceled)));
        drop(go);

        // And whose time is up, or whose stop has come, begins none either.
        let never = || panic!("it must not begin");
        let late = runtime.offload_until::<_, ()>(JobKind::Cpu, never, Deadline::NOW);
        assert!(matches!(late, Err(OffloadError::TimedOut)));
        let source = StopSource::new();
        source.stop();
        let stopped = runtime.offload_or_stop::<_, ()>(JobKind::Cpu, never, &source.token());
        assert!(matches!(stopped, Err(OffloadError::Stopped)));
    });
}

/// A thread that belongs to a runtime for a while is asked by that to stop, and by whoever has its handle.
#[test]
fn a_thread_of_a_runtime_knows_who_stopped_it() {
    within(LIMIT, "attached", || {
        let runtime = start(1);
        let (tell, told) = mpsc::channel();
        let attached = Thread::builder()
            .spawn_with(runtime.guard().unwrap(), move || {
                tell.send(()).unwrap();
                (park(), cancel_reason())
            })
            .unwrap();
        told.recv().unwrap();
        let on = runtime.scheduler().clone();
        let canceled = Thread::spawn(move || {
            let attached = on.attach().unwrap();
            let waits = park();
            // What others than the runtime ask for outlives the attachment.
            drop(attached);
            (waits, park(), cancel_reason().map(|reason| reason.code()))
        });
        canceled.cancel_for(5);
        let ends = (Outcome::Canceled, Outcome::Canceled, Some(5));
        assert_eq!(canceled.join().unwrap(), ends);
        let ended = runtime
            .scheduler()
            .shutdown(ShutdownMode::Cancel, Deadline::after(LIMIT));
        ended.unwrap();
        let ends = (Outcome::Canceled, Some(CancelReason::SHUTDOWN));
        assert_eq!(attached.join().unwrap(), ends);
    });
}

/// How nice the system takes the calling thread for.
fn nice() -> i32 {
    rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap()
}

#[test]
fn a_thread_has_a_priority_or_the_system_says_no() {
    within(LIMIT, "priority", || {
        let usual = nice();
        let low = Thread::builder()
            .priority(Priority::Low)
            .spawn(nice)
            .unwrap();
        assert_eq!(low.join().unwrap(), (usual + 10).min(19));
        let high = Thread::builder().priority(Priority::High).spawn(nice);
        match high {
            Ok(high) => assert_eq!(high.join().unwrap(), (usual - 10).max(-20)),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        }
        let thread = Thread::builder().restartable(|_| (park(), nice()));
        thread.start().unwrap();
        thread.set_priority(Priority::Low).unwrap();
        thread.unpark();
        for _ in 0..2 {
            thread.wait().unwrap();
            let end = thread.take_end().unwrap().unwrap();
            assert_eq!(end, (Outcome::Woken, (usual + 10).min(19)));
            // And at the next start, from the beginning.
            thread.start().unwrap();
            thread.unpark();
        }
        thread.stop().unwrap();
    });
}

/// A fiber may do all of it, and its worker goes on meanwhile.
#[test]
fn a_fiber_starts_and_stops_threads_without_blocking_its_worker() {
    within(LIMIT, "fiber", || {
        let runtime: Runtime = start(1);
        let others = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&others);
        let other = runtime.spawn(move || {
            while sleep(Duration::from_micros(100)) == Outcome::TimedOut {
                counts.fetch_add(1, Relaxed);
            }
        });
        runtime.run(move || {
            let builder = Thread::builder().priority(Priority::Low);
            let thread = builder.restartable(move |_| {
                let before = others.load(Relaxed);
                // Until the other fiber has run while the one who waits for us waits.
                while others.load(Relaxed) < before + 3 {
                    thread::yield_now();
                }
                park()
            });
            for _ in 0..3 {
                thread.start().unwrap();
                assert_eq!(thread.stop(), Ok(()));
                assert_eq!(thread.take_end().unwrap().unwrap(), Outcome::Canceled);
            }
        });
        other.cancel();
        other.join().unwrap();
    });
}

/// Whoever starts, stops, wakes and waits when: runs never overlap, each start that said so is a run, and at the end
/// none is left.
#[test]
fn threads_that_are_started_and_stopped_at_random_run_once_a_start() {
    within(LIMIT, "random", || {
        let seed = seed();
        let (inside, runs) = (AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
        let counts = Arc::clone(&runs);
        let thread = Thread::builder().restartable(move |stop| {
            assert!(!inside.swap(true, Relaxed), "two at a time");
            let run = counts.fetch_add(1, Relaxed);
            if run % 3 == 0 {
                while !stop.is_stopped() && park() == Outcome::Woken {}
            }
            inside.store(false, Relaxed);
        });
        let begun = Arc::new(AtomicUsize::new(0));
        let parties: Vec<_> = (1..=3)
            .map(|party| {
                let (thread, begun) = (thread.clone(), Arc::clone(&begun));
                let mut state = seed.wrapping_mul(party) | 1;
                Thread::spawn(move || {
                    let rounds = if vitte_tests::is_full() { 5_000 } else { 60 };
                    for _ in 0..rounds {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        match state % 6 {
                            0 | 1 => match thread.start() {
                                Ok(()) => drop(begun.fetch_add(1, Relaxed)),
                                Err(StartThreadError::AlreadyRunning) => {}
                                Err(error) => panic!("{error}"),
                            },
                            2 => drop(thread.ask_to_stop()),
                            3 => drop(thread.unpark()),
                            4 => drop(thread.wait_timeout(Duration::from_micros(50))),
                            _ => thread.stop().unwrap(),
                        }
                    }
                })
            })
            .collect();
        for party in parties {
            party.join().unwrap();
        }
        thread.stop().unwrap();
        assert!(!thread.is_running());
        assert_eq!(runs.load(Relaxed), begun.load(Relaxed));
    });
}
