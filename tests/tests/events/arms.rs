//! Events and the like among several things that a unit waits for.

use crate::{LONG, SHORT, crew, join_all};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use vitte_channels::{Channel, Sender};
use vitte_sync::{AcquireError, Event, Latch, Semaphore, Signal, Till, TryAcquireError, WaitGroup};
use vitte_tests::units::{Units, spawn_known, until, until_waiting};
use vitte_wait::{
    Deadline, Reason,
    select::{Chosen, SelectError, select, try_select},
};

pub(crate) fn the_arm_that_is_ready_goes<U: Units>() {
    let (event, semaphore) = (Event::manual(), Semaphore::new(0));
    let (mut set, mut permit) = (event.wait_arm(), semaphore.acquire_arm(2));
    assert_eq!(try_select(&mut [&mut set, &mut permit]), None);
    let soon = Deadline::after(SHORT);
    let late = select(&mut [&mut set, &mut permit], soon, None);
    assert_eq!(late, Err(SelectError::TimedOut));
    semaphore.add_permits(2);
    assert_eq!(try_select(&mut [&mut set, &mut permit]), Some(1));
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(permit.take().unwrap().unwrap().permits(), 2);
    assert_eq!(semaphore.available_permits(), 2);
    event.signal();
    drop(semaphore.acquire_many(2).unwrap());
    semaphore.close();
    let mut closed = semaphore.acquire_arm(1);
    assert_eq!(try_select(&mut [&mut closed]), Some(0));
    assert_eq!(closed.take().unwrap().unwrap_err(), AcquireError::Closed);
    assert_eq!(try_select(&mut [&mut set]), Some(0));
    assert_eq!((set.take(), set.take()), (Some(()), None));
}

pub(crate) fn an_event_s_signal_goes_to_the_selector_or_stays<U: Units>() {
    let shared = Arc::new([Event::auto(), Event::auto()]);
    let other = shared.clone();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let [mut first, mut second] = [other[0].wait_arm(), other[1].wait_arm()];
        let arms: &mut [&mut dyn vitte_wait::select::Arm] = &mut [&mut first, &mut second];
        select(arms, Deadline::after(LONG), None)
    });
    until_waiting(unit, Reason::Select);
    shared[1].signal();
    shared[0].signal();
    assert_eq!(U::join(selector), Ok(1));
    // The first came too late, and nobody has consumed it.
    assert!(shared[0].try_wait() && !shared[1].try_wait());
}

pub(crate) fn a_selector_in_line_is_served_in_turn<U: Units>() {
    let shared = Arc::new((Semaphore::new(0), Event::auto()));
    let other = shared.clone();
    let (large, unit) = spawn_known::<U, _>(move || {
        let (mut permits, mut event) = (other.0.acquire_arm(2), other.1.wait_arm());
        let gone = select(&mut [&mut permits, &mut event], Deadline::NEVER, None);
        let taken = permits.take();
        (gone, taken.map(|permit| permit.unwrap().permits()))
    });
    until_waiting(unit, Reason::Select);
    let other = shared.clone();
    let (small, unit) = spawn_known::<U, _>(move || other.0.acquire().map(|_| ()));
    until_waiting(unit, Reason::Lock);
    shared.0.add_permits(1);
    assert_eq!(
        shared.0.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    // The selector goes by another arm, so the one behind it moves up.
    shared.1.signal();
    assert_eq!(U::join(large), (Ok(1), None));
    assert_eq!(U::join(small), Ok(()));

    let other = shared.clone();
    let (large, unit) = spawn_known::<U, _>(move || {
        let (mut permits, mut event) = (other.0.acquire_arm(2), other.1.wait_arm());
        let gone = select(&mut [&mut permits, &mut event], Deadline::NEVER, None);
        (gone, permits.take().unwrap().unwrap().permits())
    });
    until_waiting(unit, Reason::Select);
    shared.0.add_permits(1);
    assert_eq!(U::join(large), (Ok(0), 2));
    assert_eq!(shared.0.available_permits(), 2);
}

pub(crate) fn a_signal_and_a_latch_are_arms<U: Units>() {
    let shared = Arc::new((Signal::new(), Latch::new(1), WaitGroup::new()));
    shared.2.add(1);
    let (_tx, rx): (Sender<u8>, _) = Channel::new();
    for round in 0..3 {
        let other = shared.clone();
        let (selector, unit) = spawn_known::<U, _>(move || {
            let (signal, latch, group) = &*other;
            let mut arms = (signal.stop_arm(), latch.wait_arm(), group.wait_arm());
            match round {
                0 => select(&mut [&mut arms.2], Deadline::NEVER, None),
                1 => select(&mut [&mut arms.0, &mut arms.1], Deadline::NEVER, None),
                _ => select(&mut [&mut arms.0], Deadline::NEVER, None),
            }
        });
        until(|| matches!(unit.waits_for().0, Reason::Select | Reason::Event));
        let expected = match round {
            0 => {
                shared.2.done();
                0
            }
            1 => {
                shared.1.count_down();
                1
            }
            _ => {
                shared.0.go();
                0
            }
        };
        assert_eq!(U::join(selector), Ok(expected));
    }
    let (mut value, mut gone) = (rx.recv_arm(), shared.0.stop_arm());
    let which = select(&mut [&mut value, &mut gone], Deadline::NEVER, None);
    assert_eq!((which, gone.take()), (Ok(1), Some(())));
}

pub(crate) fn a_timed_signal_is_an_arm<U: Units>() {
    let event = Event::auto();
    let tills = [Till::after(SHORT), Till::after(SHORT) | Signal::new()];
    for till in &tills {
        let (mut set, mut time) = (event.wait_arm(), till.stop_arm());
        let which = select(&mut [&mut set, &mut time], Deadline::after(LONG), None);
        assert_eq!((which, time.take()), (Ok(1), Some(())));
        assert!(till.is_gone());
    }
}

pub(crate) fn selectors_and_waiters_share_every_signal<U: Units>() {
    const EACH: usize = 400;
    // Two events, two plain waiters and two selectors: each signal is consumed exactly once.
    let shared = Arc::new(([Event::auto(), Event::auto()], AtomicUsize::new(0)));
    let takers = crew::<U, _, _>(4, &shared, |number, shared| {
        let (events, taken) = &**shared;
        while taken.load(Relaxed) < 2 * EACH {
            let patience = Deadline::after(std::time::Duration::from_millis(1));
            let has = if number < 2 {
                events[number].wait_until(patience).is_ok()
            } else {
                let [mut first, mut second] = [events[0].wait_arm(), events[1].wait_arm()];
                select(&mut [&mut first, &mut second], patience, None).is_ok()
            };
            taken.fetch_add(usize::from(has), Relaxed);
        }
    });
    for round in 1..=EACH {
        for event in &shared.0 {
            event.signal();
        }
        until(|| shared.1.load(Relaxed) >= 2 * round);
        assert_eq!(shared.1.load(Relaxed), 2 * round);
    }
    join_all::<U, _>(takers);
}
