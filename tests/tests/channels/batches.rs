//! Many values at once: all or part, in order, and the rest comes back.

use crate::units::{Case, Census, FLAVORS, LIMITED, Random, moment, spawn_known, until_waiting};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use vitte_channels::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError,
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(5);

pub(crate) fn a_batch_may_be_given_by_what_sends_in_the_same_way<U: Case>() {
    for capacity in LIMITED {
        for says in [1, 4] {
            let census = Census::new();
            let (tx, rx) = U::channel(Some(capacity));
            let mut asked = 0..4;
            let given = (0..4).map(|_| {
                let at = asked.next().unwrap();
                if at % 2 == 1 {
                    // Before this one, and behind the one that was given before it.
                    let _ = tx.try_send(census.value(10 * at));
                }
                census.value(10 * at + 5)
            });
            // A few more are known to come, or none.
            let _ = tx.try_send_many(given.into_iter().take(says));
            U::join(U::spawn(move || drop(tx)));
            let came: Vec<usize> = rx.iter().map(|value| value.number).collect();
            let all = [5, 10, 15, 25, 30, 35];
            let made = if says == 1 { 1 } else { all.len() };
            assert!(
                came.iter().eq(all[..made].iter().take(capacity)),
                "{came:?}"
            );
            drop(rx);
            assert_eq!(census.dropped(), census.made());
        }
    }
}

pub(crate) fn a_batch_that_does_not_fit_goes_in_part<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        assert_eq!(tx.try_send_many(0..capacity).unwrap(), capacity);
        let Err(TrySendError::Full(unsent)) = tx.try_send_many(capacity..capacity + 5) else {
            panic!("it is full");
        };
        assert_eq!((unsent.sent(), unsent.size_hint()), (0, (5, Some(5))));
        let mut values = Vec::new();
        assert_eq!(
            rx.try_recv_many(&mut values, 2).unwrap_or(0),
            capacity.min(2)
        );
        // The rest can be sent on as it is.
        let sent = match tx.try_send_many(unsent) {
            Err(TrySendError::Full(unsent)) => {
                let sent = unsent.sent();
                assert!(unsent.eq(capacity + sent..capacity + 5));
                sent
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(sent, capacity.min(2));
        U::join(U::spawn(move || drop(tx)));
        let _ = rx.recv_many(&mut values, usize::MAX);
        assert!(values.into_iter().eq(0..capacity + sent));
    }
}

pub(crate) fn batches_arrive_whole_and_in_order<U: Case>() {
    const VALUES: usize = 5_000;
    let mut random = Random::new();
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let sizes: Vec<_> = (0..VALUES).map(|_| 1 + random.below(200)).collect();
        let limits: Vec<_> = (0..VALUES).map(|_| 1 + random.below(200)).collect();
        let sender = U::spawn(move || {
            let mut next = 0;
            for size in sizes {
                let end = VALUES.min(next + size);
                assert_eq!(tx.send_many(next..end).unwrap(), end - next);
                next = end;
            }
        });
        let mut values = Vec::new();
        let mut limits = limits.into_iter().cycle();
        loop {
            let limit = limits.next().expect("a cycle");
            match rx.recv_many(&mut values, limit) {
                Ok(received) => assert!((1..=limit).contains(&received)),
                Err(error) => {
                    assert_eq!(error, RecvError::Closed);
                    break;
                }
            }
        }
        assert!(values.into_iter().eq(0..VALUES), "{flavor:?}");
        U::join(sender);
    }
}

pub(crate) fn a_batch_waits_for_room_and_says_how_far_it_came<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        let (sender, unit) = spawn_known::<U, _>(move || {
            let result = tx.send_many(0..capacity + 10);
            result.map_err(|error| match error {
                SendError::Closed(unsent) => (unsent.sent(), unsent.collect::<Vec<_>>()),
                SendError::Canceled(_) => panic!("nobody cancels it"),
            })
        });
        until_waiting(unit, Reason::Send);
        for n in 0..3 {
            assert_eq!(rx.recv(), Ok(n));
        }
        until_waiting(unit, Reason::Send);
        rx.close();
        let (sent, rest) = U::join(sender).unwrap_err();
        // Whatever was inside when it closed is there, and the rest came back.
        assert!(rx.iter().eq(3..sent));
        assert!(rest.into_iter().eq(sent..capacity + 10));
    }
}

pub(crate) fn deadlines_and_stops_end_a_batch<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        let ended = U::spawn(move || {
            let late = tx.send_many_timeout(0..capacity + 2, SHORT).unwrap_err();
            assert!(matches!(late, SendUntilError::TimedOut(_)));
            let late = late.into_inner();
            assert_eq!(late.sent(), capacity);
            let now = tx
                .send_many_until(late, Deadline::NOW)
                .unwrap_err()
                .into_inner();
            assert_eq!(now.sent(), 0);
            let source = StopSource::new();
            source.stop();
            let stopped = tx.send_many_or_stop(now, &source.token()).unwrap_err();
            assert!(matches!(stopped, SendUntilError::Stopped(_)));
            assert!(stopped.into_inner().eq(capacity..capacity + 2));
            tx
        });
        let tx = U::join(ended);
        let mut values = Vec::new();
        if capacity > 0 {
            let received = rx.recv_many_timeout(&mut values, 1_000, SHORT);
            assert_eq!(received, Ok(capacity));
        }
        let received = rx.recv_many_timeout(&mut values, 1_000, SHORT);
        assert_eq!(received, Err(RecvUntilError::TimedOut));
        let source = StopSource::new();
        source.stop();
        let received = rx.recv_many_or_stop(&mut values, 1_000, &source.token());
        assert_eq!(received, Err(RecvUntilError::Stopped));
        drop(tx);
        let received = rx.recv_many_until(&mut values, 1_000, Deadline::NEVER);
        assert_eq!(received, Err(RecvUntilError::Closed));
        assert!(values.into_iter().eq(0..capacity));
    }
}

pub(crate) fn nothing_asked_for_is_had_at_once<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        let mut values = Vec::new();
        assert_eq!(rx.recv_many(&mut values, 0), Ok(0));
        assert_eq!(tx.send_many([]).unwrap(), 0);
        assert_eq!(rx.try_recv_many(&mut values, 1), Err(TryRecvError::Empty));
        tx.close();
        assert_eq!(tx.try_send_many([]).unwrap(), 0);
        let received = U::join(U::spawn(move || rx.recv_many(&mut Vec::new(), 1)));
        assert_eq!(received, Err(RecvError::Closed));
    }
}

pub(crate) fn one_value_ends_the_wait_for_many<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (receiver, unit) = spawn_known::<U, _>(move || {
            let mut values = Vec::new();
            let received = rx.recv_many(&mut values, 10);
            (received, values, rx)
        });
        until_waiting(unit, Reason::Recv);
        tx.send('x').unwrap();
        let (received, values, _rx) = U::join(receiver);
        assert_eq!((received, values), (Ok(1), vec!['x']));
    }
}

/// What the iterator gives first must not wait for what it gives later.
pub(crate) fn an_iterator_that_waits_holds_nothing_back<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (next, after) = U::channel(flavor);
        let pipe = U::spawn(move || next.send_many(rx.iter()).unwrap());
        let (receiver, unit) = spawn_known::<U, _>(move || {
            for n in 0..10 {
                assert_eq!(after.recv(), Ok(n));
            }
            after.recv()
        });
        until_waiting(unit, Reason::Recv);
        for n in 0..10 {
            moment();
            tx.send(n).unwrap();
        }
        drop(tx);
        assert_eq!(U::join(pipe), 10);
        assert_eq!(U::join(receiver), Err(RecvError::Closed));
    }
}

pub(crate) fn an_iterator_that_panics_loses_only_what_it_did_not_give<U: Case>() {
    for flavor in [None, Some(3), Some(128)] {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let values = (0..10).map(|n| {
                assert!(n < 3, "as it should");
                census.value(n)
            });
            drop(tx.send_many(values));
        }));
        assert!(panicked.is_err());
        let received = U::join(U::spawn(move || rx.try_iter().count()));
        assert_eq!((received, census.dropped(), census.made()), (3, 3, 3));
    }
}

pub(crate) fn batches_that_race_with_the_end_drop_each_value_once<U: Case>() {
    let mut random = Random::new();
    for round in 0..200 {
        let census = Census::new();
        let (tx, rx) = U::channel(FLAVORS[round % FLAVORS.len()]);
        let sender = U::spawn(move || {
            let mut sent = 0;
            loop {
                match tx.send_many((0..7).map(|n| census.value(n)).collect::<Vec<_>>()) {
                    Ok(count) => sent += count,
                    Err(error) => {
                        let unsent = error.into_inner();
                        sent += unsent.sent();
                        assert_eq!(unsent.sent() + unsent.count(), 7);
                        return sent;
                    }
                }
            }
        });
        let taken = random.below(40);
        let mut values = Vec::new();
        while values.len() < taken {
            rx.recv_many(&mut values, taken).unwrap();
        }
        rx.close();
        while rx.recv_many(&mut values, 3).is_ok() {}
        assert_eq!(U::join(sender), values.len(), "in round {round}");
        drop((rx, values));
        assert_eq!(census.dropped(), census.made(), "in round {round}");
    }
}
