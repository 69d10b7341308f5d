//! Barriers: what std's test asks (`library/std/tests/sync/barrier.rs`, MIT or Apache-2.0) and tokio's
//! (`tokio/tests/sync_barrier.rs`, MIT), written afresh, and what becomes of those who leave.

use crate::{LONG, SHORT, crew, join_all};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{Barrier, Canceled, WaitError};
use vitte_tests::units::{Units, moment, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn nobody_goes_on_before_all_have_come<U: Units>() {
    const PARTIES: usize = 10;
    let shared = Arc::new((Barrier::new(PARTIES), AtomicUsize::new(0)));
    let others = crew::<U, _, _>(PARTIES - 1, &shared, |_, shared| {
        let result = shared.0.wait().unwrap();
        shared.1.fetch_add(1, Relaxed);
        result.is_leader()
    });
    moment();
    assert_eq!(shared.1.load(Relaxed), 0);
    let mut leaders = usize::from(shared.0.wait().unwrap().is_leader());
    leaders += join_all::<U, _>(others).iter().filter(|&&led| led).count();
    assert_eq!(leaders, 1);
}

/// V16: four come, round after round, and each has one leader.
pub(crate) fn each_round_has_one_leader<U: Units>() {
    let shared = Arc::new((Barrier::new(4), [const { AtomicUsize::new(0) }; 200]));
    let parties = crew::<U, _, _>(4, &shared, |_, shared| {
        for (round, leaders) in shared.1.iter().enumerate() {
            if shared.0.wait().unwrap().is_leader() {
                leaders.fetch_add(1, Relaxed);
            }
            // The round before is over for everybody.
            assert!(round == 0 || shared.1[round - 1].load(Relaxed) == 1);
        }
    });
    join_all::<U, _>(parties);
    assert!(shared.1.iter().all(|leaders| leaders.load(Relaxed) == 1));
}

pub(crate) fn a_barrier_of_none_or_one_lets_everybody_through<U: Units>() {
    for barrier in [Barrier::new(0), Barrier::new(1)] {
        assert_eq!(barrier.parties(), 1);
        for _ in 0..3 {
            assert!(barrier.wait().unwrap().is_leader());
            assert!(barrier.wait_until(Deadline::NOW).unwrap().is_leader());
        }
    }
}

pub(crate) fn one_who_leaves_is_not_counted<U: Units>() {
    let barrier = Arc::new(Barrier::new(3));
    assert_eq!(barrier.wait_timeout(SHORT), Err(WaitError::TimedOut));
    assert_eq!(barrier.wait_until(Deadline::NOW), Err(WaitError::TimedOut));

    let (source, other) = (StopSource::new(), barrier.clone());
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || other.wait_or_stop(&token));
    until_waiting(unit, Reason::Event);
    source.stop();
    assert_eq!(U::join(stopped), Err(WaitError::Stopped));

    let other = barrier.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.wait());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(Canceled));

    // Four have left. It still takes three.
    let others: Vec<_> = (0..2)
        .map(|_| {
            let barrier = barrier.clone();
            let (other, unit) = spawn_known::<U, _>(move || barrier.wait_timeout(LONG));
            until_waiting(unit, Reason::Event);
            other
        })
        .collect();
    assert!(barrier.wait_timeout(LONG).unwrap().is_leader());
    for result in join_all::<U, _>(others) {
        assert!(!result.unwrap().is_leader());
    }
}

pub(crate) fn rounds_that_race_with_timeouts_stay_whole<U: Units>() {
    // Whoever is told that a round is complete was one of its two; so successes are even, and each
    // round has one leader.
    let shared = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
    let parties = crew::<U, _, _>(4, &shared, |number, shared| {
        let (mut met, mut led) = (0, 0);
        for round in 0..500_u64 {
            let patience = Duration::from_micros((round * 7 + 3 * number as u64) % 40);
            if let Ok(result) = shared.0.wait_timeout(patience) {
                met += 1;
                led += usize::from(result.is_leader());
            }
        }
        (met, led)
    });
    let (met, led) = join_all::<U, _>(parties)
        .into_iter()
        .fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    assert_eq!(met, 2 * led);
    assert_eq!(shared.0.wait_until(Deadline::NOW), Err(WaitError::TimedOut));
}
