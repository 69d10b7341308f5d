//! Timers: after crossbeam-channel's tests of `after`, `tick` and `never` (crossbeam-channel/tests,
//! MIT OR Apache-2.0) and Go's tests of timers and tickers (`time/sleep_test.go`, `time/tick_test.go`,
//! BSD-3-Clause), written afresh. What those ask of the machine's speed is not asked here.

use crate::units::{Random, Units, moment, spawn_known, until, until_shown, until_waiting};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use vitte_channels::{
    RecvError, RecvUntilError, TryRecvError,
    timer::{self, Timer},
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(3_600);

/// After crossbeam's "fire" and "recv" of `after`, and M5: never early, and at once if its time has
/// come already.
pub(crate) fn a_timer_goes_once_and_never_early<U: Units>() {
    for millis in [1, 3, 20] {
        let begin = Instant::now();
        let timer = timer::after(Duration::from_millis(millis));
        let (tick, timer) = U::join(U::spawn(move || (timer.recv().unwrap(), timer)));
        assert!(begin.elapsed() >= Duration::from_millis(millis));
        assert!(tick.due.is_past());
        assert_eq!(tick.missed, 0);
        assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(timer.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
        assert_eq!((timer.due(), timer.is_due()), (None, false));
    }
    assert!(timer::after(Duration::ZERO).try_recv().is_ok());
    assert!(timer::at(Deadline::NOW).recv_until(Deadline::NOW).is_ok());
}

/// M5: sixty thousand timers by one unit, of which all go.
pub(crate) fn many_timers_all_go<U: Units>() {
    let gone = U::join(U::spawn(|| {
        let timers: Vec<Timer> = (0..60_000)
            .map(|n| timer::after(Duration::from_nanos(n)))
            .collect();
        timers.iter().filter(|timer| timer.recv().is_ok()).count()
    }));
    assert_eq!(gone, 60_000);
}

/// After Go's `TestAfterTick` and crossbeam's "intervals": ticks lie on one grid.
pub(crate) fn ticks_lie_on_a_grid<U: Units>() {
    let period = Duration::from_millis(2);
    let nanos = period.as_nanos() as u64;
    let begin = Deadline::after(Duration::ZERO);
    let beat = timer::tick(period);
    let first = beat.due().unwrap();
    assert!(first >= Deadline::from_nanos(begin.as_nanos() + nanos));
    let ticks = U::join(U::spawn(move || {
        let mut ticks = Vec::new();
        for round in 0..10 {
            ticks.push(beat.recv().unwrap());
            if round % 3 == 0 {
                moment();
            }
        }
        ticks
    }));
    let mut number = 0;
    for tick in ticks {
        // Each says how many came to nobody since the last.
        number += tick.missed;
        assert_eq!(tick.due.as_nanos(), first.as_nanos() + number * nanos);
        number += 1;
    }
}

pub(crate) fn missed_ticks_are_one_tick_that_counts_them<U: Units>() {
    let nanos = 1_000_000_u64;
    let first = Deadline::from_nanos(Deadline::after(Duration::ZERO).as_nanos() - 7 * nanos / 2);
    let beat = timer::tick_from(first, Duration::from_nanos(nanos));
    assert_eq!((beat.due(), beat.is_due()), (Some(first), true));
    let (tick, beat) = U::join(U::spawn(move || (beat.recv().unwrap(), beat)));
    assert!(tick.missed >= 3, "{tick:?}");
    let due = first.as_nanos() + tick.missed * nanos;
    assert_eq!(tick.due.as_nanos(), due);
    assert!(tick.due.is_past());
    assert_eq!(beat.due(), Some(Deadline::from_nanos(due + nanos)));
}

/// After crossbeam's `recv_two` and `recv_race`: several receivers of one timer share its ticks.
pub(crate) fn each_tick_is_received_by_one_clone<U: Units>() {
    let once = timer::after(Duration::from_millis(5));
    let receivers = [(); 3].map(|()| {
        let once = once.clone();
        U::spawn(move || once.recv())
    });
    // One gets it, and then the others wait for what never comes.
    until(|| once.due().is_none());
    until_shown(&once, "waiting: 2");
    once.close();
    let results = receivers.map(U::join);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let closed = results.iter().filter(|r| **r == Err(RecvError::Closed));
    assert_eq!(closed.count(), 2);

    let beat = timer::tick(Duration::from_millis(1));
    let receivers = [(); 3].map(|()| {
        let beat = beat.clone();
        U::spawn(move || {
            beat.iter()
                .take(10)
                .map(|tick| tick.due)
                .collect::<Vec<_>>()
        })
    });
    let mut all: Vec<Deadline> = receivers.into_iter().flat_map(U::join).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 30);
}

/// After crossbeam's tests of `never`, "optional" among them.
pub(crate) fn never_does_not_go<U: Units>() {
    U::join(U::spawn(|| {
        let never = timer::never();
        assert_eq!(never.try_recv(), Err(TryRecvError::Empty));
        let begin = Instant::now();
        assert_eq!(never.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
        assert!(begin.elapsed() >= SHORT);
        assert_eq!((never.due(), never.period()), (None, None));
        let limit = Some(SHORT);
        let some = limit.map_or_else(timer::never, timer::after);
        assert!(some.recv().is_ok());
    }));
}

pub(crate) fn a_tick_at_the_deadline_is_received<U: Units>() {
    let deadline = Deadline::after(SHORT);
    let timer = timer::at(deadline);
    let tick = U::join(U::spawn(move || timer.recv_until(deadline)));
    assert_eq!(tick.map(|tick| tick.due), Ok(deadline));
}

pub(crate) fn a_stop_and_a_cancellation_end_the_wait_for_a_tick<U: Units>() {
    for timer in [timer::never(), timer::tick(LONG)] {
        let source = StopSource::new();
        let (token, other) = (source.token(), timer.clone());
        let (stopped, unit) = spawn_known::<U, _>(move || other.recv_or_stop(&token));
        until_waiting(unit, Reason::Sleep);
        source.stop();
        assert_eq!(U::join(stopped), Err(RecvUntilError::Stopped));
        let other = timer.clone();
        let (canceled, unit) = spawn_known::<U, _>(move || (other.recv(), other.recv()));
        until_waiting(unit, Reason::Sleep);
        unit.cancel();
        let expected = (Err(RecvError::Canceled), Err(RecvError::Canceled));
        assert_eq!(U::join(canceled), expected);
        assert!(format!("{timer:?}").contains("waiting: 0"));
    }
}

/// After Go's `TestReset`, `TestStopResult`, `TestResetResult` and, for what was due but not
/// received, the promise of Go 1.23 that none of it comes after a stop or a reset.
pub(crate) fn stopping_and_resetting_say_whether_it_would_have_gone<U: Units>() {
    U::join(U::spawn(|| {
        let timer = timer::after(LONG);
        assert!(timer.stop());
        assert!(!timer.stop());
        assert!(!timer.reset(LONG));
        assert!(timer.reset(Duration::ZERO));
        // It is due, and nobody has received it.
        assert!(timer.is_due());
        assert!(timer.reset(LONG));
        assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        assert!(timer.reset_at(Deadline::NOW));
        assert!(timer.stop());
        assert_eq!(timer.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
        assert!(!timer.reset(Duration::ZERO));
        assert!(timer.recv().is_ok());
        assert!(!timer.stop(), "it has gone");
    }));
}

/// After Go's `TestTickerReset` and `TestTickerStop`.
pub(crate) fn a_reset_beat_has_a_new_grid<U: Units>() {
    let beat = timer::tick(LONG);
    let other = beat.clone();
    let (ticks, unit) =
        spawn_known::<U, _>(move || other.iter().take(3).map(|t| t.due).collect::<Vec<_>>());
    until_waiting(unit, Reason::Sleep);
    let before = Deadline::after(Duration::ZERO);
    assert!(beat.reset(Duration::from_millis(1)));
    assert_eq!(beat.period(), Some(Duration::from_millis(1)));
    let ticks = U::join(ticks);
    assert!(before < ticks[0] && ticks[0] < ticks[1] && ticks[1] < ticks[2]);
    assert_eq!((ticks[2].as_nanos() - ticks[0].as_nanos()) % 1_000_000, 0);
    assert!(beat.stop());
    assert_eq!(beat.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
    // The period outlives the silence.
    assert!(!beat.reset_at(Deadline::after(Duration::ZERO)));
    assert_eq!(beat.iter().take(2).count(), 2);
}

/// After Go's `TestNewTickerLtZeroDuration` and `TestTickerResetLtZeroDuration`.
pub(crate) fn a_beat_without_a_pause_is_refused<U: Units>() {
    let panicked = U::join(U::spawn(|| {
        let made = std::panic::catch_unwind(|| timer::tick(Duration::ZERO)).is_err();
        let beat = timer::tick(LONG);
        let reset = std::panic::AssertUnwindSafe(|| beat.reset(Duration::ZERO));
        let reset = std::panic::catch_unwind(reset).is_err();
        (made, reset, beat.period())
    }));
    assert_eq!(panicked, (true, true, Some(LONG)));
}

/// After Go's `TestOverflowRuntimeTimer`.
pub(crate) fn times_too_long_to_count_never_come<U: Units>() {
    U::join(U::spawn(|| {
        for timer in [timer::after(Duration::MAX), timer::tick(Duration::MAX)] {
            assert_eq!(timer.due(), None);
            assert_eq!(timer.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
        }
        let once = timer::tick_from(Deadline::NOW, Duration::MAX);
        assert_eq!(once.recv().map(|tick| tick.missed), Ok(0));
        assert_eq!(once.recv_timeout(SHORT), Err(RecvUntilError::TimedOut));
    }));
}

pub(crate) fn a_reset_wakes_those_who_wait<U: Units>() {
    let timer = timer::never();
    let other = timer.clone();
    let (receiver, unit) = spawn_known::<U, _>(move || other.recv());
    until_waiting(unit, Reason::Sleep);
    // Later than never is sooner.
    assert!(!timer.reset(LONG));
    assert!(timer.reset(Duration::ZERO));
    assert!(U::join(receiver).is_ok());
}

pub(crate) fn closing_a_timer_ends_its_loops<U: Units>() {
    let beat = timer::tick(Duration::from_millis(1));
    let other = beat.clone();
    let counting = Arc::new(AtomicUsize::new(0));
    let counted = counting.clone();
    let looping = U::spawn(move || {
        for _ in &other {
            counted.fetch_add(1, SeqCst);
        }
    });
    until(|| counting.load(SeqCst) >= 2);
    beat.close();
    U::join(looping);
    assert_eq!(beat.recv(), Err(RecvError::Closed));
    assert_eq!(beat.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(beat.recv_timeout(LONG), Err(RecvUntilError::Closed));
    assert!(beat.is_closed());
    assert!(!beat.reset(LONG), "a closed timer stays closed");
    assert_eq!(beat.try_recv(), Err(TryRecvError::Closed));
}

/// After Go's `TestConcurrentTimerResetStop` and `TestTimerStopStress`.
pub(crate) fn resets_and_stops_may_race<U: Units>() {
    let mut random = Random::new();
    for timer in [timer::never(), timer::tick(Duration::from_micros(50))] {
        let changers: Vec<_> = (0..4)
            .map(|_| {
                let (timer, mut random) = (timer.clone(), random.fork());
                U::spawn(move || {
                    for _ in 0..200 {
                        match random.below(3) {
                            0 => timer.stop(),
                            1 => timer.reset_at(Deadline::after(Duration::from_micros(20))),
                            _ => timer.reset(Duration::from_micros(1 + random.below(99) as u64)),
                        };
                        let _ = timer.recv_timeout(Duration::from_micros(30));
                    }
                })
            })
            .collect();
        changers.into_iter().for_each(U::join);
        timer.stop();
        assert_eq!(timer.try_recv(), Err(TryRecvError::Empty));
        assert!(format!("{timer:?}").contains("waiting: 0"));
    }
}
