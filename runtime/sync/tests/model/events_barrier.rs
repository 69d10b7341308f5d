//! A barrier's round is complete for all who are told so, and for nobody else.

use crate::check::check;
use vitte_sync::{Barrier, Phaser};
use vitte_wait::{
    Deadline,
    facade::{Arc, thread},
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

#[test]
fn a_round_has_one_leader_and_keeps_nobody() {
    check("barrier, two rounds", 2, || {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let rounds = |barrier: &Barrier| [0, 1].map(|_| barrier.wait().unwrap().is_leader());
        let party = thread::spawn(move || rounds(&other));
        let ours = rounds(&barrier);
        let theirs = party.join().unwrap();
        assert!((0..2).all(|round| ours[round] != theirs[round]));
    });
}

#[test]
fn a_timeout_and_the_end_of_a_round_agree() {
    check("barrier, timeout", 3, || {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let party = thread::spawn(move || other.wait_until(PAST).is_ok());
        let ours = barrier.wait_until(PAST).is_ok();
        assert_eq!(party.join().unwrap(), ours);
    });
}

#[test]
fn the_last_arrival_ends_the_phase() {
    check("phaser", 2, || {
        let phaser = Arc::new(Phaser::new(2));
        let other = phaser.clone();
        let party = thread::spawn(move || {
            other.arrive_and_wait().unwrap();
            other.arrive_and_deregister()
        });
        assert_eq!(phaser.arrive_and_wait(), Ok(1));
        assert_eq!(phaser.arrive_and_wait(), Ok(2));
        assert_eq!(party.join().unwrap(), 1);
    });
}
