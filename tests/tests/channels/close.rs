//! Closing: out of band, drains, and is visible to whoever waits.

use crate::units::{Case, FLAVORS, LIMITED, ManySend, Random, pause, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{Channel, RecvError, SendError, Sender, TryRecvError, TrySendError};
use vitte_wait::Reason;

pub(crate) fn what_is_inside_survives_closing<U: Case>() {
    for flavor in [None, Some(3), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        tx.close();
        assert_eq!(tx.send(3), Err(SendError::Closed(3)));
        assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
        let receiver = U::spawn(move || (rx.recv(), rx.try_recv(), rx.recv(), rx.try_recv()));
        let expected = (
            Ok(1),
            Ok(2),
            Err(RecvError::Closed),
            Err(TryRecvError::Closed),
        );
        assert_eq!(U::join(receiver), expected);
    }
}

pub(crate) fn closing_from_either_end_is_the_same<U: Case>() {
    for flavor in FLAVORS {
        for by_receiver in [false, true] {
            let (tx, rx) = U::channel::<u8>(flavor);
            assert!(!tx.is_closed() && !rx.is_closed());
            for _ in 0..2 {
                if by_receiver {
                    rx.close();
                } else {
                    tx.close();
                }
                assert!(tx.is_closed() && rx.is_closed());
                assert_eq!(tx.send(1), Err(SendError::Closed(1)));
                assert_eq!(rx.recv(), Err(RecvError::Closed));
            }
        }
    }
}

pub(crate) fn blocked_producers_get_their_values_back<U: ManySend>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for _ in 0..capacity {
            tx.send(usize::MAX).unwrap();
        }
        let producers: Vec<_> = (0..8)
            .map(|n| {
                let tx = tx.clone();
                let (handle, unit) = spawn_known::<U, _>(move || tx.send(n));
                until_waiting(unit, Reason::Send);
                handle
            })
            .collect();
        rx.close();
        for (n, producer) in producers.into_iter().enumerate() {
            assert_eq!(U::join(producer), Err(SendError::Closed(n)));
        }
        assert_eq!(rx.iter().count(), capacity);
    }
}

pub(crate) fn closing_loses_and_duplicates_nothing<U: ManySend>() {
    const PRODUCERS: usize = 8;
    let mut random = Random::new();
    for round in 0..60 {
        let capacity = LIMITED[round % 3];
        let (tx, rx) = U::channel(Some(capacity));
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let tx = tx.clone();
                // The number of values that went in, and the one that came back.
                U::spawn(move || {
                    let mut sent = 0;
                    loop {
                        match tx.send((producer, sent)) {
                            Ok(()) => sent += 1,
                            Err(error) => return (sent, error.into_inner()),
                        }
                    }
                })
            })
            .collect();
        let taken = random.below(40);
        let nap = random.below(100);
        let by_receiver = random.below(2) == 0;
        let consumer = U::spawn(move || {
            let mut seen = [0; PRODUCERS];
            let mut take = |(producer, value): (usize, usize)| {
                assert_eq!(value, seen[producer]);
                seen[producer] += 1;
            };
            rx.iter().take(taken).for_each(&mut take);
            pause(Duration::from_micros(nap as u64));
            if by_receiver {
                rx.close();
            } else {
                tx.close();
            }
            rx.iter().for_each(&mut take);
            seen
        });
        let seen = U::join(consumer);
        for (producer, handle) in producers.into_iter().enumerate() {
            let (sent, back) = U::join(handle);
            assert_eq!(seen[producer], sent, "producer {producer} of round {round}");
            assert_eq!(back, (producer, sent));
        }
    }
}

pub(crate) fn a_blocked_receiver_wakes_when_the_last_sender_goes<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        let second = tx.clone();
        let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
        until_waiting(unit, Reason::Recv);
        drop(second);
        drop(tx);
        assert_eq!(U::join(receiver), Err(RecvError::Closed));
    }
}

pub(crate) fn a_blocked_sender_wakes_when_the_receiver_goes<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let (sender, unit) = spawn_known::<U, _>(move || tx.send(77));
        until_waiting(unit, Reason::Send);
        drop(rx);
        assert_eq!(U::join(sender), Err(SendError::Closed(77)));
    }
}

/// The rounds are many and short; on a slow machine there are fewer of them, unless all are asked for.
fn rounds() -> impl Iterator<Item = usize> {
    vitte_tests::rounds(10_000, Duration::from_secs(2))
}

pub(crate) fn closing_races_with_eight_producers<U: ManySend>() {
    const PRODUCERS: usize = 8;
    let (tell, told) = Channel::new();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let (give, given) = Channel::new::<Sender<usize, U::Kind>>();
            let tell = tell.clone();
            let handle = U::spawn(move || {
                for tx in given {
                    tell.send((producer, tx.send(producer))).unwrap();
                }
            });
            (give, handle)
        })
        .collect();
    let mut random = Random::new();
    for round in rounds() {
        let (tx, rx) = U::channel(Some(LIMITED[round % 3]));
        for (give, _) in &producers {
            give.send(tx.clone()).unwrap();
        }
        let mut seen = [0; PRODUCERS];
        for n in rx.iter().take(random.below(PRODUCERS)) {
            seen[n] += 1;
        }
        if random.below(2) == 0 {
            tx.close();
        } else {
            rx.close();
        }
        rx.iter().for_each(|n| seen[n] += 1);
        for (producer, sent) in told.iter().take(PRODUCERS) {
            match sent {
                Ok(()) => {}
                Err(SendError::Closed(back)) if back == producer => seen[producer] += 1,
                other => panic!("{other:?} of producer {producer} in round {round}"),
            }
        }
        assert_eq!(seen, [1; PRODUCERS], "in round {round}");
    }
    for (give, handle) in producers {
        drop(give);
        U::join(handle);
    }
}

pub(crate) fn closing_races_with_one_producer<U: Case>() {
    let (tell, told) = Channel::new();
    let (give, given) = Channel::new::<Sender<usize, U::Kind>>();
    let producer = U::spawn(move || {
        for tx in given {
            let unsent = (0..).find_map(|n| tx.send(n).err()).expect("it is closed");
            tell.send(unsent).unwrap();
        }
    });
    let mut random = Random::new();
    for round in rounds() {
        let (tx, rx) = U::channel(Some(LIMITED[round % LIMITED.len()]));
        give.send(tx).unwrap();
        let taken = random.below(10);
        assert!(rx.iter().take(taken).eq(0..taken));
        rx.close();
        let received = taken + rx.iter().count();
        assert_eq!(
            told.recv(),
            Ok(SendError::Closed(received)),
            "in round {round}"
        );
    }
    drop(give);
    U::join(producer);
}
