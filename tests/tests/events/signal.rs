//! Signals: the acceptance cases of mo-threads (M1 to M3; Kyle Lahnakoski, MPL-2.0; behaviour only,
//! nothing of its code), and that combinations leave nothing behind, which there they did.

use crate::{LONG, SHORT, crew, join_all};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use vitte_channels::{Channel, RecvUntilError, Sender};
use vitte_sync::{
    AcquireUntilError, Barrier, Canceled, Countdown, Event, Latch, Semaphore, Signal, WaitError,
};
use vitte_tests::{
    Census,
    units::{Units, spawn_known, until_waiting},
};
use vitte_wait::{Deadline, Outcome, Reason, StopSource, Wait, facade::plain::Mutex};

type Log = Arc<Mutex<Vec<&'static str>>>;

/// A job that writes a word into the log.
fn note(log: &Log, word: &'static str) -> impl FnOnce() + Send + 'static + use<> {
    let log = log.clone();
    move || log.lock().push(word)
}

pub(crate) fn m1_a_signal_runs_its_jobs_once_and_in_order<U: Units>() {
    let (signal, log) = (Signal::new(), Log::default());
    assert!(!signal.is_gone());
    for word in ["first", "second", "third"] {
        signal.then(note(&log, word));
    }
    assert_eq!(signal.callbacks(), 3);
    assert!(signal.go().go().is_gone());
    signal.then(note(&log, "late"));
    assert_eq!(*log.lock(), ["first", "second", "third", "late"]);
    assert_eq!(signal.callbacks(), 0);
}

pub(crate) fn m1_a_failing_job_is_reported_and_stops_nobody<U: Units>() {
    let (signal, log) = (Signal::new(), Log::default());
    signal.then(note(&log, "1"));
    let report = log.clone();
    signal.then_or(
        || panic!("job 2"),
        move |panic| {
            assert_eq!(panic.downcast_ref(), Some(&"job 2"));
            report.lock().push("err");
        },
    );
    signal.then(note(&log, "3"));
    signal.then(|| panic!("job 4"));
    signal.then(note(&log, "5"));
    signal.go();
    assert_eq!(*log.lock(), ["1", "err", "3", "5"]);
    // What nobody was named for is kept, and given once, also if the job came late.
    signal.then(|| panic!("job 6"));
    let kept = signal.take_panics();
    let texts: Vec<_> = kept.iter().map(|panic| panic.downcast_ref()).collect();
    assert_eq!(texts, [Some(&"job 4"), Some(&"job 6")]);
    assert!(signal.take_panics().is_empty());
}

pub(crate) fn m2_a_hundred_waiters_are_released_by_one_go<U: Units>() {
    let shared = Arc::new((Signal::new(), Latch::new(100), AtomicUsize::new(0)));
    let waiters = crew::<U, _, _>(100, &shared, |number, shared| {
        let (signal, ready, seen) = &**shared;
        ready.count_down();
        // Some wait for it, the others for something that is made of it.
        let made = match number % 3 {
            0 => signal.clone(),
            1 => signal | &Signal::new(),
            _ => signal & &Signal::DONE,
        };
        let result = made.wait_timeout(LONG);
        (result, seen.load(Relaxed))
    });
    shared.1.wait().unwrap();
    shared.2.store(7, Relaxed);
    shared.0.go();
    for result in join_all::<U, _>(waiters) {
        assert_eq!(result, (Ok(()), 7));
    }
    assert_eq!(shared.0.wait(), Ok(()));
    assert_eq!(shared.0.callbacks(), 0);
}

pub(crate) fn m3_the_algebra_of_signals<U: Units>() {
    let [a, b] = [Signal::new(), Signal::new()];
    let none: Option<&Signal> = None;
    assert!((&a | none).is_same(&a) && (&a & none).is_same(&a));
    assert!((&a | false).is_same(&a) && (&a | true).is_same(&Signal::DONE));
    assert!((&a & true).is_same(&a) && (&a & false).is_same(&Signal::NEVER));
    assert!((&a | Signal::NEVER).is_same(&a) && (&a & Signal::DONE).is_same(&a));
    assert!(a.callbacks() == 0, "none of these hangs on it");

    let (both, either) = (&a & &b, &a | &b);
    assert!(!either.is_gone());
    a.go();
    assert!(either.is_gone() && !both.is_gone());
    b.go();
    assert!(both.is_gone());
    assert!((&a | Signal::new()).is_same(&Signal::DONE));
    assert!((a & Signal::NEVER).is_same(&Signal::NEVER));

    let five: Vec<_> = (0..5).map(|_| Signal::new()).collect();
    let any = five.iter().fold(Signal::NEVER, |any, one| any | one);
    assert!(!any.is_gone());
    five[3].go();
    assert!(any.is_gone());
}

pub(crate) fn a_wait_says_who_ended_it<U: Units>() {
    let signal = Signal::new();
    assert_eq!(signal.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
    assert_eq!(signal.wait_timeout(SHORT), Err(WaitError::TimedOut));

    let (stop, other) = (Signal::new(), signal.clone());
    let token = stop.token();
    let (stopped, unit) = spawn_known::<U, _>(move || other.wait_or_stop(&token));
    until_waiting(unit, Reason::Event);
    stop.go();
    assert_eq!(U::join(stopped), Err(WaitError::Stopped));

    let other = signal.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.wait());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));

    signal.go();
    assert_eq!(signal.wait_with(Deadline::NOW, Some(&stop)), Ok(()));
}

pub(crate) fn a_signal_stops_every_kind_of_wait<U: Units>() {
    let (signal, other) = (Signal::new(), Signal::new());
    let shared = Arc::new((
        signal.clone() | &other,
        Event::auto(),
        Semaphore::new(0),
        Barrier::new(2),
    ));
    let waiters = crew::<U, _, _>(4, &shared, |number, shared| {
        let (stop, event, semaphore, barrier) = &**shared;
        match number {
            0 => event.wait_or_stop(stop) == Err(WaitError::Stopped),
            1 => semaphore.acquire_or_stop(stop).err() == Some(AcquireUntilError::Stopped),
            2 => barrier.wait_or_stop(stop) == Err(WaitError::Stopped),
            _ => Wait::park_token(Deadline::NEVER, Some(stop)) == Outcome::Stopped,
        }
    });
    // From below it is a source as any other.
    let source = StopSource::new();
    let made = Signal::from(source.clone()) | &signal;
    let (receiver, unit) = spawn_known::<U, _>(move || {
        let (_tx, rx): (Sender<u8>, _) = Channel::new();
        rx.recv_or_stop(&made)
    });
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(receiver), Err(RecvUntilError::Stopped));
    other.go();
    assert_eq!(join_all::<U, _>(waiters), [true; 4]);
    assert!(!signal.is_gone());
}

pub(crate) fn a_removed_job_does_not_run<U: Units>() {
    let (signal, log, census) = (Signal::new(), Log::default(), Census::new());
    let kept = signal.then(note(&log, "kept"));
    let captured = census.value(());
    let removed = signal.then(move || drop(captured));
    assert!(removed.remove());
    census.assert_all_dropped();
    drop(kept);
    signal.go();
    assert_eq!(*log.lock(), ["kept"]);
    let late = signal.then(note(&log, "late"));
    assert!(!late.remove());
    assert!(!Signal::NEVER.then(|| unreachable!()).remove());
}

pub(crate) fn a_job_left_while_the_signal_goes_runs_once<U: Units>() {
    for _ in 0..200 {
        let shared = Arc::new((Signal::new(), AtomicUsize::new(0)));
        let units = crew::<U, _, _>(3, &shared, |number, shared| {
            if number == 0 {
                shared.0.go();
            } else {
                let other = shared.clone();
                shared.0.then(move || {
                    other.1.fetch_add(1, Relaxed);
                });
            }
        });
        join_all::<U, _>(units);
        assert_eq!(shared.1.load(Relaxed), 2);
        assert_eq!(shared.0.callbacks(), 0);
    }
}

pub(crate) fn an_intermediate_signal_lives_as_long_as_what_is_made_of_it<U: Units>() {
    let [a, b, c] = [Signal::new(), Signal::new(), Signal::new()];
    // Nobody holds `&a | &b`.
    let made = (&a | &b) & &c;
    c.go();
    assert!(!made.is_gone());
    let other = made.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || other.wait());
    until_waiting(unit, Reason::Event);
    b.go();
    assert_eq!(U::join(waiter), Ok(()));
    assert_eq!((a.callbacks(), made.callbacks()), (0, 0));
}

pub(crate) fn dropped_combinations_leave_nothing_behind<U: Units>() {
    let [a, b] = [Signal::new(), Signal::new()];
    for _ in 0..1_000 {
        let both = &a & &b;
        let either = &a | &b;
        let deep = ((&both | &either) & &a) | Signal::new();
        assert!(a.callbacks() >= 3 && !deep.is_gone());
    }
    assert_eq!((a.callbacks(), b.callbacks()), (0, 0));

    // Nor does one that has gone, though it is held.
    let either = &a | &b;
    a.go();
    assert!(either.is_gone());
    assert_eq!((a.callbacks(), b.callbacks()), (0, 0));

    // A job of a combination is dropped with it.
    let (census, b2) = (Census::new(), Signal::new());
    let made = &b & &b2;
    let captured = census.value(());
    made.then(move || drop(captured));
    drop(made);
    census.assert_all_dropped();
}

pub(crate) fn long_chains_go_and_end_without_recursion<U: Units>() {
    const LINKS: usize = 50_000;
    for goes in [true, false] {
        let first = Signal::new();
        let chain = (0..LINKS).fold(first.clone(), |chain, _| chain | Signal::new());
        if goes {
            first.go();
            assert!(chain.is_gone());
        }
        drop(chain);
        assert_eq!(first.callbacks(), 0);
    }
}

pub(crate) fn a_countdown_of_zero_is_done_at_once<U: Units>() {
    assert!(Countdown::new(0).signal().is_gone());
    let countdown = Arc::new(Countdown::new(20));
    let signal = countdown.signal().clone();
    let workers = crew::<U, _, _>(20, &countdown, |_, countdown| countdown.done());
    assert_eq!(signal.wait_timeout(LONG), Ok(()));
    join_all::<U, _>(workers);
    countdown.done();
    assert_eq!(countdown.left(), 0);
}

pub(crate) fn any_and_all_of_many<U: Units>() {
    assert!(Signal::all([]).is_gone() && Signal::any([]).is_same(&Signal::NEVER));
    let many = Arc::new((0..50).map(|_| Signal::new()).collect::<Vec<_>>());
    let (any, all) = (Signal::any(&*many), Signal::all(&*many));
    many[17].go();
    assert!(any.is_gone() && !all.is_gone());
    let raisers = crew::<U, _, _>(50, &many, |number, many| {
        many[number].go();
    });
    assert_eq!(all.wait_timeout(LONG), Ok(()));
    join_all::<U, _>(raisers);
    assert!(many.iter().all(|signal| signal.callbacks() == 0));
}
