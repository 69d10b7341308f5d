//! No arm starves.

use crate::units::{FLAVORS, Units, channel, moment};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_channels::{
    Channel, broadcast, oneshot, queue, select,
    select::{Chosen, Deadline, Select},
    timer, watch,
};
use vitte_sync::Event;
use vitte_threads::Thread;
use vitte_wait::StopSource;

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

pub(crate) fn sends_that_are_always_ready_get_their_shares<U: Units>() {
    for flavor in [None, Some(ROUNDS)] {
        let ((a, into_a), (b, into_b)) = (channel(flavor), channel(flavor));
        for n in 0..ROUNDS {
            select! { send(a, n) -> sent => sent, send(b, n) -> sent => sent }
                .unwrap()
                .unwrap();
        }
        let gone = [into_a.len(), into_b.len()];
        assert!(gone.iter().all(|n| *n > ROUNDS / 4), "{gone:?}");
        drop((a, b));
        // Each went to one of them.
        let mut all: Vec<usize> = into_a.iter().chain(&into_b).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..ROUNDS));
    }
}

/// Whatever can always go, goes about as often as the others.
pub(crate) fn ready_arms_of_every_kind_get_their_shares<U: Units>() {
    const KINDS: usize = 12;
    let (source, event) = (StopSource::new(), Event::manual());
    source.stop();
    event.signal();
    let ((tx, rx), (to_queue, from_queue)) = (Channel::new(), queue::unbounded());
    let ((gone, from_gone), (tell, told)) = (Channel::new::<()>(), watch::channel(0));
    drop(gone);
    let ((left, answer), (cast, heard)) = (oneshot::channel::<()>(), broadcast::channel(1));
    drop(answer);
    let beat = timer::tick_from(Deadline::NOW, Duration::from_nanos(1));
    let mut ended = Thread::spawn(|| ());
    ended.join_timeout(Duration::from_secs(100)).unwrap();
    let mut times = [0; KINDS];
    for _ in 0..ROUNDS {
        // There is something for everybody. (Of a broadcast it may be that something was missed.)
        tx.send(()).unwrap();
        to_queue.send(()).unwrap();
        tell.send(1).unwrap();
        cast.send(()).unwrap();
        let which = select! {
            recv(rx) -> _ => 0,
            recv(from_queue) -> _ => 1,
            recv(from_gone) -> _ => 2,
            recv(told) -> _ => 3,
            recv(heard) -> _ => 4,
            recv(beat) -> _ => 5,
            send(tx, ()) -> _ => 6,
            stop(source) => 7,
            at(Deadline::NOW) => 8,
            arm(event.wait_arm()) => 9,
            arm(left.closed_arm()) -> _ => 10,
            join(ended) -> _ => 11,
        };
        times[which.unwrap()] += 1;
    }
    assert_eq!(times.iter().sum::<usize>(), ROUNDS);
    assert!(times.iter().all(|n| *n > ROUNDS / KINDS / 2), "{times:?}");
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
