//! Automatic and manual events: the cases of JUCE's `WaitableEvent` (JUCE 8, `modules/juce_core/threads`;
//! semantics only, written afresh), and of tokio's `Notify` (`tokio/tests/sync_notify.rs`, MIT) where an
//! event has the same to promise.

use crate::{LONG, SHORT, crew, join_all};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use vitte_sync::{Canceled, Event, WaitError};
use vitte_tests::units::{Handle, Units, moment, spawn_known, until, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

/// J26: of signals with nobody there one is remembered.
pub(crate) fn an_automatic_event_remembers_one_signal<U: Units>() {
    let event = Event::auto();
    assert!(!event.is_set() && !event.try_wait());
    event.signal();
    assert_eq!(event.wait(), Ok(()));
    assert_eq!(event.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
    event.signal();
    event.signal();
    assert!(event.is_set());
    assert!(event.try_wait());
    assert!(!event.try_wait());
    event.signal();
    event.reset();
    assert_eq!(event.wait_timeout(SHORT), Err(WaitError::TimedOut));
}

/// Four that wait, known to be in line.
fn four<U: Units>(event: &Arc<Event>) -> Vec<Handle<U, Result<(), WaitError>>> {
    (0..4)
        .map(|_| {
            let event = event.clone();
            let (waiter, unit) = spawn_known::<U, _>(move || event.wait_timeout(LONG));
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect()
}

/// J26: of four who wait one goes.
pub(crate) fn an_automatic_event_lets_one_of_four_through<U: Units>() {
    let event = Arc::new(Event::auto());
    let through = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let (event, through) = (event.clone(), through.clone());
            let (waiter, unit) = spawn_known::<U, _>(move || {
                event.wait().unwrap();
                through.fetch_add(1, Relaxed);
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    for round in 1..=4 {
        event.signal();
        until(|| through.load(Relaxed) == round);
        moment();
        assert_eq!(through.load(Relaxed), round);
        assert!(!event.is_set());
    }
    join_all::<U, _>(waiters);
}

/// J26, the manual kind.
pub(crate) fn a_manual_event_lets_all_through_until_it_is_reset<U: Units>() {
    let event = Arc::new(Event::manual());
    let waiters = four::<U>(&event);
    event.signal();
    assert_eq!(join_all::<U, _>(waiters), [Ok(()); 4]);
    for _ in 0..3 {
        assert_eq!(event.wait_until(Deadline::NOW), Ok(()));
        assert!(event.is_set());
    }
    event.reset();
    assert_eq!(event.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
    let waiters = four::<U>(&event);
    event.signal();
    event.signal();
    assert_eq!(join_all::<U, _>(waiters), [Ok(()); 4]);
}

pub(crate) fn a_wait_of_no_time_is_a_look<U: Units>() {
    for event in [Event::auto(), Event::manual()] {
        assert!(!event.try_wait());
        assert_eq!(event.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
        event.signal();
        assert_eq!(event.wait_until(Deadline::NOW), Ok(()));
    }
}

pub(crate) fn who_waited_longest_goes_first<U: Units>() {
    let event = Arc::new(Event::auto());
    let order = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..5)
        .map(|_| {
            let (event, order) = (event.clone(), order.clone());
            let (waiter, unit) = spawn_known::<U, _>(move || {
                event.wait().unwrap();
                order.fetch_add(1, Relaxed)
            });
            until_waiting(unit, Reason::Event);
            waiter
        })
        .collect();
    for round in 1..=5 {
        event.signal();
        until(|| order.load(Relaxed) == round);
    }
    assert_eq!(join_all::<U, _>(waiters), [0, 1, 2, 3, 4]);
}

pub(crate) fn one_who_gives_up_consumes_no_signal<U: Units>() {
    let event = Arc::new(Event::auto());
    assert_eq!(event.wait_timeout(SHORT), Err(WaitError::TimedOut));

    let (source, other) = (StopSource::new(), event.clone());
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || other.wait_or_stop(&token));
    until_waiting(unit, Reason::Event);
    source.stop();
    assert_eq!(U::join(stopped), Err(WaitError::Stopped));

    let other = event.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.wait());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));

    assert!(!event.is_set());
    event.signal();
    assert!(event.try_wait());
}

pub(crate) fn a_signal_that_races_with_a_timeout_is_not_lost<U: Units>() {
    let event = Arc::new(Event::auto());
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let waiters = crew::<U, _, _>(3, &event, move |number, event| {
        let patience = std::time::Duration::from_micros(5 + 7 * number as u64);
        while counter.load(Relaxed) < 500 {
            if event.wait_timeout(patience).is_ok() {
                counter.fetch_add(1, Relaxed);
            }
        }
    });
    for round in 1..=500 {
        event.signal();
        // Each signal is taken exactly once, whatever the timeouts do.
        until(|| taken.load(Relaxed) >= round);
        assert_eq!(taken.load(Relaxed), round);
    }
    join_all::<U, _>(waiters);
    assert!(!event.is_set());
}

pub(crate) fn contended_increments_under_an_event_are_exact<U: Units>() {
    let shared = Arc::new((Event::auto(), AtomicUsize::new(0)));
    shared.0.signal();
    let workers = crew::<U, _, _>(8, &shared, |_, shared| {
        let (event, count) = &**shared;
        for _ in 0..10_000 {
            event.wait().unwrap();
            // Not an atomic increment, so that only exclusion makes it right.
            count.store(count.load(Relaxed) + 1, Relaxed);
            event.signal();
        }
    });
    join_all::<U, _>(workers);
    assert_eq!(shared.1.load(Relaxed), 80_000);
}

pub(crate) fn two_events_play_ping_pong<U: Units>() {
    let table = Arc::new([Event::auto(), Event::auto()]);
    let players = crew::<U, _, _>(2, &table, |side, table| {
        for _ in 0..2_000 {
            table[side].wait().unwrap();
            table[1 - side].signal();
        }
    });
    table[0].signal();
    join_all::<U, _>(players);
    assert!(table[0].try_wait() && !table[1].try_wait());
}
