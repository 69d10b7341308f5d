//! The verbs that every kind of channel shares, where a kind has handles of its own: many at a time, loops, closing.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use crate::units::{Census, Units, spawn_known, until_waiting};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use vitte_channels::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError, WaitError,
    broadcast, oneshot, queue,
    relay::{FlushError, Options, Verdict},
    select, watch,
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(2);

pub(crate) fn a_broadcast_of_many_is_received_as_many<U: Units>() {
    let (tx, rx) = broadcast::channel(8);
    let (receiver, unit) = spawn_known::<U, _>({
        let rx = rx.clone();
        move || {
            let mut values = Vec::new();
            while rx.recv_many(&mut values, 3).is_ok() {}
            values
        }
    });
    until_waiting(unit, Reason::Recv);
    assert_eq!(tx.send_many(0..8).unwrap(), 8);
    drop(tx);
    assert!(U::join(receiver).into_iter().eq(0..8));
    let mut values = Vec::new();
    assert_eq!(rx.try_recv_many(&mut values, 0), Ok(0));
    assert_eq!(rx.try_recv_many(&mut values, 100), Ok(8));
    let over = rx.try_recv_many(&mut values, 100);
    assert_eq!(
        (over, values.len()),
        (Err(broadcast::TryRecvError::Closed), 8)
    );
}

/// Of what was missed it is told where it was missed: never in the middle of what it appends.
pub(crate) fn a_receiver_of_many_hears_of_what_it_missed_exactly<U: Units>() {
    let (tx, rx) = broadcast::channel(4);
    let mut values = Vec::new();
    tx.send_many(0..2).unwrap();
    assert_eq!(rx.try_recv_many(&mut values, 1), Ok(1));
    tx.send_many(2..10).unwrap();
    let lagged = rx.recv_many_timeout(&mut values, 9, SHORT);
    assert_eq!(lagged, Err(broadcast::RecvUntilError::Lagged(5)));
    assert_eq!(rx.recv_many(&mut values, 3), Ok(3));
    tx.send_many(10..15).unwrap();
    // One at hand was overwritten meanwhile, and two more that came since.
    assert_eq!(
        rx.recv_many(&mut values, 9),
        Err(broadcast::RecvError::Lagged(2))
    );
    assert_eq!(rx.recv_many(&mut values, 9), Ok(4));
    assert_eq!(values, [0, 6, 7, 8, 11, 12, 13, 14]);
}

/// A clone that lags in the middle of a batch ends the batch, and the count is not lost with it.
pub(crate) fn a_batch_ends_before_a_gap<U: Units>() {
    struct Slow(u32, broadcast::Sender<Slow>);
    impl Clone for Slow {
        fn clone(&self) -> Self {
            if self.0 == 1 {
                // While this one is cloned, the rest is overwritten.
                for n in 10..14 {
                    assert!(self.1.send(Self(n, self.1.clone())).is_ok());
                }
            }
            Self(self.0, self.1.clone())
        }
    }
    let (tx, rx) = broadcast::channel(2);
    for n in 0..2 {
        assert!(tx.send(Slow(n, tx.clone())).is_ok());
    }
    let mut values = Vec::new();
    assert_eq!(rx.try_recv_many(&mut values, 9), Ok(2));
    let lagged = rx.try_recv_many(&mut values, 9);
    assert_eq!(lagged, Err(broadcast::TryRecvError::Lagged(2)));
    assert_eq!(rx.try_recv_many(&mut values, 9), Ok(2));
    let numbers: Vec<_> = values.iter().map(|value| value.0).collect();
    assert_eq!(numbers, [0, 1, 12, 13]);
}

pub(crate) fn a_broadcast_of_many_ends_where_the_receivers_do<U: Units>() {
    let census = Census::new();
    let (tx, rx) = broadcast::channel(4);
    let mut rx = Some(rx);
    let values = (0..5).map(|n| {
        if n == 2 {
            rx = None;
        }
        census.value(n)
    });
    let Err(broadcast::SendError::NoReceiver(unsent)) = tx.send_many(values) else {
        panic!("nobody is subscribed any more");
    };
    assert_eq!(unsent.sent(), 2);
    let rest: Vec<_> = unsent.map(|value| value.number).collect();
    assert_eq!(rest, [2, 3, 4]);
    assert_eq!((census.made(), census.dropped()), (5, 5));
    let rx = tx.subscribe();
    tx.close();
    let unsent = tx.send_many([census.value(9)]).unwrap_err().into_inner();
    assert_eq!((unsent.sent(), unsent.count(), rx.len()), (0, 1, 0));
}

pub(crate) fn a_wait_for_many_broadcasts_can_end_early<U: Units>() {
    let (_tx, rx) = broadcast::channel::<u8>(4);
    let mut values = Vec::new();
    let none = rx.recv_many_until(&mut values, 4, Deadline::NOW);
    assert_eq!(none, Err(broadcast::RecvUntilError::TimedOut));
    let source = StopSource::new();
    let token = source.token();
    let other = rx.clone();
    let (stopped, unit) =
        spawn_known::<U, _>(move || other.recv_many_or_stop(&mut Vec::new(), 4, &token));
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(stopped), Err(broadcast::RecvUntilError::Stopped));
    let (canceled, unit) = spawn_known::<U, _>(move || rx.recv_many(&mut Vec::new(), 4));
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(broadcast::RecvError::Canceled));
}

pub(crate) fn a_watched_value_is_received_like_others<U: Units>() {
    let (tx, rx) = watch::channel(0);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let (receiver, unit) = spawn_known::<U, _>({
        let rx = rx.clone();
        move || (rx.recv(), rx.recv_timeout(SHORT), rx.recv())
    });
    until_waiting(unit, Reason::Recv);
    tx.send(1).unwrap();
    // Only the latest is there for one who comes late.
    let first_two = rx.recv();
    until_waiting(unit, Reason::Recv);
    tx.close();
    let (first, none, over) = U::join(receiver);
    assert_eq!((first_two, first), (Ok(1), Ok(1)));
    assert!(matches!(
        none,
        Err(RecvUntilError::TimedOut | RecvUntilError::Closed)
    ));
    assert_eq!(over, Err(RecvError::Closed));
    let source = StopSource::new();
    let (tx, rx) = watch::channel(0);
    source.stop();
    assert_eq!(
        rx.recv_or_stop(&source.token()),
        Err(RecvUntilError::Stopped)
    );
    tx.send(5).unwrap();
    let got = select! { recv(rx) -> got => got, default => Ok(0) };
    assert_eq!(got, Ok(5));
    let stopped = rx.wait_for_or_stop(|n| *n > 5, &source.token());
    assert!(matches!(stopped, Err(RecvUntilError::Stopped)));
    let late = rx.wait_for_until(|n| *n > 5, Deadline::NOW);
    assert!(matches!(late, Err(RecvUntilError::TimedOut)));
}

pub(crate) fn a_loop_over_a_watched_value_ends_with_the_last<U: Units>() {
    let (tx, rx) = watch::channel(0);
    let other = rx.clone();
    let sender = U::spawn(move || (1..=100).try_for_each(|n| tx.send(n)));
    let mut last = 0;
    for n in &rx {
        assert!(n > last, "{n} after {last}");
        last = n;
    }
    assert_eq!(last, 100);
    assert_eq!(other.into_iter().last(), Some(100));
    U::join(sender).unwrap();
}

pub(crate) fn closing_a_watched_value_keeps_the_last<U: Units>() {
    let (tx, rx) = watch::channel(1);
    let other = tx.clone();
    let (closed, unit) = spawn_known::<U, _>({
        let tx = tx.clone();
        move || tx.closed()
    });
    until_waiting(unit, Reason::Event);
    tx.send(2).unwrap();
    other.close();
    other.close();
    assert_eq!(U::join(closed), Ok(()));
    assert!(tx.is_closed() && rx.is_closed());
    // Nobody changes it any more, by whatever form.
    assert_eq!(tx.send(3), Err(SendError::Closed(3)));
    assert_eq!(tx.send_replace(4), 4);
    tx.send_modify(|n| *n = 5);
    assert!(!tx.send_if_modified(|n| {
        *n = 6;
        true
    }));
    assert_eq!(
        (*tx.borrow(), rx.recv(), rx.recv()),
        (2, Ok(2), Err(RecvError::Closed))
    );
    assert_eq!(*tx.subscribe().borrow(), 2);
}

pub(crate) fn a_panic_in_a_watched_value_s_clone_counts_it_as_seen<U: Units>() {
    struct Bad(bool);
    impl Clone for Bad {
        fn clone(&self) -> Self {
            assert!(!self.0, "a clone that panics");
            Self(false)
        }
    }
    let (tx, rx) = watch::channel(Bad(false));
    assert!(tx.send(Bad(true)).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| rx.recv().is_ok())).is_err());
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
    assert!(tx.send(Bad(false)).is_ok());
    assert!(rx.try_recv().is_ok());
}

pub(crate) fn a_loop_over_a_oneshot_has_one_value_or_none<U: Units>() {
    let (tx, rx) = oneshot::channel();
    assert_eq!(rx.len(), 0);
    let (receiver, unit) = spawn_known::<U, _>(move || (&rx).into_iter().collect::<Vec<u8>>());
    until_waiting(unit, Reason::Recv);
    tx.send(7).unwrap();
    assert_eq!(U::join(receiver), [7]);
    let (tx, rx) = oneshot::channel();
    tx.send(1).unwrap();
    assert_eq!((rx.len(), rx.iter().next(), rx.len()), (1, Some(1), 0));
    let (tx, rx) = oneshot::channel::<u8>();
    drop(tx);
    assert_eq!(rx.iter().next(), None);
}

pub(crate) fn many_go_to_the_front_as_long_as_there_is_room<U: Units>() {
    let (tx, rx) = queue::bounded(3);
    tx.send(0).unwrap();
    let unsent = tx.try_send_many_front([1, 2, 3, 4]).unwrap_err();
    assert!(matches!(unsent, TrySendError::Full(_)));
    assert_eq!(unsent.into_inner().collect::<Vec<_>>(), [3, 4]);
    assert!(tx.is_full() && rx.is_full());
    let late = tx.send_many_front_timeout([5], SHORT).unwrap_err();
    assert_eq!(late.into_inner().sent(), 0);
    let late = tx
        .send_many_front_until([5], Deadline::NOW)
        .unwrap_err()
        .into_inner();
    assert_eq!((late.sent(), late.count()), (0, 1));
    let source = StopSource::new();
    source.stop();
    let refused = [
        tx.send_front_timeout(5, SHORT),
        tx.send_front_until(6, Deadline::NOW),
        tx.send_front_or_stop(7, &source.token()),
        tx.send_front_with(8, Deadline::NEVER, Some(&source)),
    ];
    let expected = [
        SendUntilError::TimedOut(5),
        SendUntilError::TimedOut(6),
        SendUntilError::Stopped(7),
        SendUntilError::Stopped(8),
    ];
    assert_eq!(refused, expected.map(Err));
    let source = StopSource::new();
    let token = source.token();
    let (stopped, unit) = spawn_known::<U, _>(move || {
        let unsent = tx.send_many_front_or_stop([6, 7], &token).unwrap_err();
        unsent.into_inner().collect::<Vec<_>>()
    });
    until_waiting(unit, Reason::Send);
    source.stop();
    assert_eq!(U::join(stopped), [6, 7]);
    assert_eq!(rx.drain(), [2, 1, 0]);
    assert_eq!(rx.join_timeout(SHORT), Ok(()));
    let (tx, _rx) = queue::unbounded::<u8>();
    assert_eq!(tx.join_until(Deadline::NOW), Err(WaitError::TimedOut));
    assert_eq!(tx.join_or_stop(&source.token()), Err(WaitError::Stopped));
    assert!(!tx.is_full());
}

pub(crate) fn a_relay_takes_what_fits_and_flushes_for_a_while<U: Units>() {
    let (tx, relay) = Options::new(2).capacity(3).open();
    let other = tx.clone();
    assert!(tx.is_same_channel(&other));
    let unsent = other.try_send_many(0..5).unwrap_err().into_inner();
    assert_eq!((unsent.sent(), unsent.collect::<Vec<_>>()), (3, vec![3, 4]));
    let late = tx.send_many_timeout([3], SHORT).unwrap_err().into_inner();
    assert_eq!(late.collect::<Vec<_>>(), [3]);
    assert_eq!(tx.flush_timeout(SHORT), Err(FlushError::TimedOut));
    let source = StopSource::new();
    source.stop();
    assert_eq!(tx.flush_or_stop(&source.token()), Err(FlushError::Stopped));
    let writer = U::spawn(move || relay.run(|_| Ok::<(), ()>(()), |_| Verdict::Drop).values);
    assert_eq!(tx.flush_until(Deadline::NEVER), Ok(()));
    tx.close();
    assert_eq!(tx.flush_until(Deadline::NOW), Err(FlushError::Closed));
    assert_eq!(U::join(writer), 3);
}
