//! Phasers: parties that come and go, phase after phase.

use crate::{LONG, SHORT, crew, join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use vitte_sync::{Canceled, Phaser, WaitError};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn parties_meet_in_every_phase<U: Units>() {
    const PHASES: u64 = 100;
    let shared = Arc::new((Phaser::new(4), AtomicUsize::new(0)));
    let parties = crew::<U, _, _>(4, &shared, |_, shared| {
        for phase in 0..PHASES {
            shared.1.fetch_add(1, Relaxed);
            assert_eq!(shared.0.arrive_and_wait(), Ok(phase + 1));
            // Everybody has done this phase's work, and nobody is two phases ahead.
            let done = shared.1.load(Relaxed) as u64;
            assert!((4 * (phase + 1)..=4 * (phase + 2)).contains(&done));
        }
    });
    join_all::<U, _>(parties);
    assert_eq!(shared.0.phase(), PHASES);
}

pub(crate) fn one_who_leaves_ends_the_phase_for_the_rest<U: Units>() {
    let phaser = Arc::new(Phaser::new(2));
    let other = phaser.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || other.arrive_and_wait());
    until_waiting(unit, Reason::Event);
    assert_eq!(phaser.arrived(), 1);
    assert_eq!(phaser.arrive_and_deregister(), 0);
    assert_eq!(U::join(waiter), Ok(1));
    assert_eq!((phaser.parties(), phaser.arrived()), (1, 0));
    assert_eq!(phaser.arrive_and_deregister(), 1);
    // Without parties nothing happens until one registers.
    assert_eq!((phaser.parties(), phaser.phase()), (0, 2));
    assert_eq!(phaser.register(), 2);
    assert_eq!(phaser.arrive_and_wait(), Ok(3));
}

pub(crate) fn an_arrival_survives_a_wait_that_timed_out<U: Units>() {
    let phaser = Arc::new(Phaser::new(2));
    let soon = Deadline::after(SHORT);
    let late = phaser.arrive_and_wait_with(soon, None);
    assert_eq!(late, Err(WaitError::TimedOut));
    assert_eq!(phaser.arrived(), 1);
    let other = phaser.clone();
    let (waiter, unit) =
        spawn_known::<U, _>(move || other.wait_for_with(0, Deadline::after(LONG), None));
    until_waiting(unit, Reason::Event);
    assert_eq!(phaser.arrive(), 0);
    assert_eq!(U::join(waiter), Ok(1));
}

pub(crate) fn who_gives_up_waiting_has_arrived_all_the_same<U: Units>() {
    let phaser = Arc::new(Phaser::new(5));
    let source = StopSource::new();
    source.stop();
    let late = [
        phaser.arrive_and_wait_until(Deadline::NOW),
        phaser.arrive_and_wait_timeout(SHORT),
    ];
    assert_eq!(late, [Err(WaitError::TimedOut); 2]);
    let stopped = phaser.arrive_and_wait_or_stop(&source.token());
    assert_eq!(stopped, Err(WaitError::Stopped));
    let other = phaser.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.arrive_and_wait());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));
    assert_eq!((phaser.arrived(), phaser.phase()), (4, 0));
    assert_eq!(phaser.arrive_and_wait(), Ok(1));
}

pub(crate) fn an_onlooker_may_wait_for_a_phase<U: Units>() {
    let phaser = Arc::new(Phaser::new(1));
    let other = phaser.clone();
    let (onlooker, unit) = spawn_known::<U, _>(move || other.wait_for(0));
    until_waiting(unit, Reason::Event);
    let other = phaser.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.wait_for(0));
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));
    assert_eq!((phaser.arrive(), phaser.arrive()), (0, 1));
    assert_eq!(U::join(onlooker), Ok(1));
    assert_eq!(phaser.wait_for(0), Ok(2));
}

pub(crate) fn too_many_arrivals_are_a_panic<U: Units>() {
    let phaser = Phaser::new(0);
    assert!(catch_unwind(AssertUnwindSafe(|| phaser.arrive())).is_err());
    phaser.register();
    assert_eq!(phaser.arrive(), 0);
}
