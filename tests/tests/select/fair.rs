//! No arm starves.

use crate::units::{FLAVORS, Units, channel, moment};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use vitte_channels::{
    Channel, select,
    select::{Chosen, Select},
};

const ROUNDS: usize = 10_000;

pub(crate) fn of_two_arms_that_are_always_ready_neither_gets_less_than_a_quarter<U: Units>() {
    for flavor in [None, Some(ROUNDS)] {
        let ((a, from_a), (b, from_b)) = (channel(flavor), channel(flavor));
        for _ in 0..ROUNDS {
            a.send(()).unwrap();
            b.send(()).unwrap();
        }
        let mut gone = [0; 2];
        for _ in 0..ROUNDS {
            let which = select! { recv(from_a) -> _ => 0, recv(from_b) -> _ => 1 };
            gone[which.unwrap()] += 1;
        }
        assert!(gone.iter().all(|n| *n > ROUNDS / 4), "{gone:?}");
    }
}

pub(crate) fn a_closed_arm_does_not_starve_the_others<U: Units>() {
    let ((tx, rx), (closed, gone)) = (Channel::new(), Channel::new::<()>());
    drop(closed);
    (0..ROUNDS / 4).for_each(|n| tx.send(n).unwrap());
    let (mut rounds, mut received) = (0, 0);
    while received < ROUNDS / 4 {
        select! { recv(rx) -> _ => received += 1, recv(gone) -> _ => {} }.unwrap();
        rounds += 1;
        assert!(rounds <= ROUNDS, "{received} in {rounds}");
    }
}

pub(crate) fn of_many_ready_arms_each_gets_its_share<U: Units>() {
    const ARMS: usize = 10;
    // Two that are ready lie side by side among others that are not.
    let (ends, receivers): (Vec<_>, Vec<_>) = (0..ARMS).map(|_| Channel::new()).unzip();
    for n in [4, 5] {
        (0..ROUNDS).for_each(|_| ends[n].send(()).unwrap());
    }
    let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
    let mut gone = [0; ARMS];
    for _ in 0..ROUNDS {
        let which = Select::among(&mut arms).wait().unwrap();
        assert_eq!(arms[which].take(), Some(Ok(())));
        gone[which] += 1;
    }
    assert_eq!(gone[4] + gone[5], ROUNDS);
    assert!(gone[4].min(gone[5]) > ROUNDS / 4, "{gone:?}");
}

pub(crate) fn producers_that_race_into_one_select_all_get_through<U: Units>() {
    for flavor in FLAVORS {
        const ENDS: usize = 3;
        let stop = Arc::new(AtomicBool::new(false));
        let (receivers, producers): (Vec<_>, Vec<_>) = (0..ENDS)
            .map(|_| {
                let ((tx, rx), stop) = (channel(flavor), stop.clone());
                let producer = U::spawn(move || {
                    let mut sent = 0_usize;
                    while !stop.load(Relaxed) {
                        // One that is far ahead waits for others that have not begun yet.
                        if sent == 4 * ROUNDS {
                            moment();
                        } else if tx.send(sent).is_ok() {
                            sent += 1;
                        } else {
                            break;
                        }
                    }
                    sent
                });
                (rx, producer)
            })
            .unzip();
        let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
        let mut received = [0; ENDS];
        // Until each has been heard: how often the others are depends on who runs when.
        while received.iter().any(|n| *n < 50) {
            let which = Select::among(&mut arms).wait().unwrap();
            assert_eq!(arms[which].take(), Some(Ok(received[which])));
            received[which] += 1;
        }
        stop.store(true, Relaxed);
        drop(arms);
        for ((rx, producer), received) in receivers.into_iter().zip(producers).zip(received) {
            let left = rx.iter().count();
            assert_eq!(U::join(producer), received + left);
        }
    }
}
