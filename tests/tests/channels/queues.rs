//! Queues: both ends, many at a time, unique values, and the wait for the end.
//!
//! The cases M10 to M12 are those of the queue of mo-threads, and the ways in which it failed
//! (whatever went past its limit, a user's value taken for the end) are tested for.

use crate::units::{Census, Random, Units, moment, spawn_known, until, until_shown, until_waiting};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use vitte_channels::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError, WaitError,
    queue::{self, Sent},
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);

/// M10: `get_nowait` and `get(0.1)` on an empty queue; `put(timeout)` into a full one.
pub(crate) fn an_empty_and_a_full_queue_say_so<U: Units>() {
    let results = U::join(U::spawn(|| {
        let (tx, rx) = queue::bounded(1);
        let empty = (rx.try_recv(), rx.recv_timeout(SHORT));
        tx.send(1).unwrap();
        let full = (tx.try_send(2), tx.send_timeout(3, SHORT), tx.len());
        (empty, full)
    }));
    let empty = (Err(TryRecvError::Empty), Err(RecvUntilError::TimedOut));
    let full = (
        Err(TrySendError::Full(2)),
        Err(SendUntilError::TimedOut(3)),
        1,
    );
    assert_eq!(results, (empty, full));
}

/// M10: unique: add 1, 1 -> len 1.
pub(crate) fn a_duplicate_of_a_value_inside_is_reported<U: Units>() {
    let (tx, rx) = queue::unbounded_unique();
    let results = U::join(U::spawn(move || {
        let first = (tx.send("a"), tx.send("b"), tx.send_front("c"));
        let second = (tx.try_send("a"), tx.send_front("b"), tx.send("c"), tx.len());
        let third = (tx.send_many(["c", "d", "d", "e"]).unwrap(), tx.len());
        (first, second, third)
    }));
    assert_eq!(results.0, (Ok(Sent::New), Ok(Sent::New), Ok(Sent::New)));
    let (a, b, c, len) = results.1;
    assert_eq!(a, Ok(Sent::Duplicate("a")));
    assert_eq!(b, Ok(Sent::Duplicate("b")));
    assert_eq!(c, Ok(Sent::Duplicate("c")));
    assert_eq!(len, 3);
    assert_eq!(results.2, (2, 5));
    assert!(rx.iter().eq(["c", "a", "b", "d", "e"]));
}

pub(crate) fn a_value_may_come_again_once_its_twin_is_out<U: Units>() {
    let (tx, rx) = queue::unbounded_unique();
    U::join(U::spawn(move || {
        // Both ends move, so that places go below where they began.
        for round in 0..200_u32 {
            let (front, back) = (round * 2, round * 2 + 1);
            assert_eq!(tx.send_front(front), Ok(Sent::New));
            assert_eq!(tx.send(back), Ok(Sent::New));
            assert_eq!(tx.send_front(back), Ok(Sent::Duplicate(back)));
            assert_eq!(rx.recv(), Ok(front));
            assert_eq!(tx.send(front), Ok(Sent::New));
            assert_eq!(tx.send(front), Ok(Sent::Duplicate(front)));
        }
        assert_eq!(rx.drain().len(), 400);
        assert_eq!(tx.send(1), Ok(Sent::New));
    }));
}

pub(crate) fn a_duplicate_does_not_wait_for_room<U: Units>() {
    let (tx, rx) = queue::bounded_unique(1);
    tx.send(1).unwrap();
    assert_eq!(tx.try_send(1), Ok(Sent::Duplicate(1)));
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(
        U::join(U::spawn(move || tx.send(1))),
        Ok(Sent::Duplicate(1))
    );
    assert!(rx.iter().eq([1]));
}

pub(crate) fn of_two_twins_that_wait_for_room_one_gets_in<U: Units>() {
    let (tx, rx) = queue::bounded_unique(2);
    tx.send_many([1, 2]).unwrap();
    let senders = [1, 2].map(|turn| {
        let other = tx.clone();
        let sender = U::spawn(move || other.send(3));
        until_shown(&tx, &format!("waiting_senders: {turn}"));
        sender
    });
    // Room for both, but one is a duplicate of the other by then.
    assert_eq!(rx.drain(), [1, 2]);
    let [first, second] = senders.map(U::join);
    assert_eq!(first, Ok(Sent::New));
    assert_eq!(second, Ok(Sent::Duplicate(3)));
    assert_eq!(rx.drain(), [3]);
}

/// M10: push -> front; `push_all` [1, 2] -> pop 2, 1.
pub(crate) fn the_front_comes_out_first<U: Units>() {
    let (tx, rx) = queue::unbounded();
    U::join(U::spawn(move || {
        tx.send(10).unwrap();
        tx.send_front(5).unwrap();
        tx.try_send_front(4).unwrap();
        tx.send_many_front([1, 2]).unwrap();
        tx.send_many([11, 12]).unwrap();
    }));
    assert!(rx.iter().eq([2, 1, 4, 5, 10, 11, 12]));
}

pub(crate) fn many_values_never_exceed_the_capacity<U: Units>() {
    for capacity in [0, 1, 3, 7] {
        let (tx, rx) = queue::bounded(capacity);
        let (sender, unit) = spawn_known::<U, _>(move || tx.send_many(0..20));
        let mut values = Vec::new();
        until_waiting(unit, Reason::Send);
        while rx.recv_many(&mut values, 4).is_ok() {
            assert!(rx.len() <= capacity);
        }
        assert_eq!(U::join(sender).unwrap(), 20);
        assert!(values.into_iter().eq(0..20));
    }
}

pub(crate) fn the_rest_of_many_comes_back<U: Units>() {
    let (tx, rx) = queue::bounded(2);
    let source = StopSource::new();
    let token = source.token();
    let other = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || other.send_many_or_stop(0..5, &token));
    until_waiting(unit, Reason::Send);
    source.stop();
    let Err(SendUntilError::Stopped(unsent)) = U::join(sender) else {
        panic!("it was stopped")
    };
    assert_eq!(unsent.sent(), 2);
    assert!(unsent.eq(2..5));
    let other = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || other.send_many(5..8));
    until_waiting(unit, Reason::Send);
    unit.cancel();
    let Err(SendError::Canceled(unsent)) = U::join(sender) else {
        panic!("it was canceled")
    };
    assert!(unsent.eq(5..8));
    let late = tx.send_many_timeout(5..8, SHORT).unwrap_err();
    assert!(late.into_inner().eq(5..8));
    let other = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || other.send_many_front(8..10));
    until_waiting(unit, Reason::Send);
    tx.close();
    let Err(SendError::Closed(unsent)) = U::join(sender) else {
        panic!("it was closed")
    };
    assert!(unsent.eq(8..10));
    let Err(TrySendError::Closed(unsent)) = tx.try_send_many([1]) else {
        panic!("it is closed")
    };
    assert!(unsent.eq([1]));
    assert!(rx.iter().eq([0, 1]));
}

pub(crate) fn an_endless_iterator_is_sent_as_it_goes<U: Units>() {
    let (tx, rx) = queue::bounded(3);
    let sender = U::spawn(move || tx.send_many(0_u64..).unwrap_err().into_inner().next());
    let mut received = 0;
    for value in rx.iter().take(2_000) {
        assert_eq!(value, received);
        received += 1;
    }
    rx.close();
    // Nothing is lost between what went in and what came back.
    received += rx.iter().count() as u64;
    assert_eq!(U::join(sender), Some(received));
}

pub(crate) fn many_are_received_at_once<U: Units>() {
    let (tx, rx) = queue::bounded(4);
    let (receiver, unit) = spawn_known::<U, _>(move || {
        let mut values = vec![99];
        let nothing = rx.try_recv_many(&mut values, 3);
        let some = rx.recv_many(&mut values, 0);
        let waited = rx.recv_many(&mut values, 3);
        (nothing, some, waited, values, rx)
    });
    until_waiting(unit, Reason::Recv);
    tx.send(1).unwrap();
    let (nothing, some, waited, values, rx) = U::join(receiver);
    assert_eq!(nothing, Err(TryRecvError::Empty));
    assert_eq!((some, waited), (Ok(0), Ok(1)));
    assert_eq!(values, [99, 1]);
    tx.send_many([2, 3, 4, 5]).unwrap();
    let late = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || late.send(6));
    until_waiting(unit, Reason::Send);
    // What is inside, and no more; the sender gets in after it.
    assert_eq!(rx.drain(), [2, 3, 4, 5]);
    U::join(sender).unwrap();
    assert_eq!(rx.drain(), [6]);
    drop(tx);
    assert_eq!(rx.recv_many(&mut Vec::new(), 1), Err(RecvError::Closed));
}

/// M11: every way of sending to a closed queue gives the value back; what is inside comes first.
pub(crate) fn a_closed_queue_refuses_and_gives_what_it_has<U: Units>() {
    let (tx, rx) = queue::bounded(3);
    tx.send_many([1, 2]).unwrap();
    U::join(U::spawn(move || {
        rx.close();
        assert_eq!(tx.send(7), Err(SendError::Closed(7)));
        assert_eq!(tx.try_send(7), Err(TrySendError::Closed(7)));
        assert_eq!(tx.send_front(7), Err(SendError::Closed(7)));
        let unsent = tx.send_many([7, 8]).unwrap_err().into_inner();
        assert!(unsent.eq([7, 8]));
        let unsent = tx.send_many_front([7, 8]).unwrap_err().into_inner();
        assert!(unsent.eq([7, 8]));
        let stopped = StopSource::new();
        stopped.stop();
        let sent = tx.send_or_stop(7, &stopped.token());
        assert_eq!(sent, Err(SendUntilError::Closed(7)));
        assert_eq!((rx.try_recv(), rx.recv()), (Ok(1), Ok(2)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(rx.iter().next(), None);
    }));
}

/// M11, "`test_push_to_closed_max`".
pub(crate) fn closing_gives_blocked_producers_their_values_back<U: Units>() {
    for capacity in [0, 1] {
        let (tx, rx) = queue::bounded(capacity);
        if capacity > 0 {
            tx.send("inside").unwrap();
        }
        let senders = ["back", "front"].map(|value| {
            let tx = tx.clone();
            let (sender, unit) = spawn_known::<U, _>(move || match value {
                "front" => tx.send_front(value),
                _ => tx.send(value),
            });
            until_waiting(unit, Reason::Send);
            sender
        });
        rx.close();
        let [back, front] = senders.map(U::join);
        assert_eq!(back, Err(SendError::Closed("back")));
        assert_eq!(front, Err(SendError::Closed("front")));
        assert_eq!(rx.iter().count(), capacity);
    }
}

pub(crate) fn closing_wakes_every_receiver<U: Units>() {
    let (tx, rx) = queue::unbounded::<u8>();
    let receivers = [(); 3].map(|()| {
        let rx = rx.clone();
        let (receiver, unit) = spawn_known::<U, _>(move || rx.recv());
        until_waiting(unit, Reason::Recv);
        receiver
    });
    drop(tx);
    for receiver in receivers {
        assert_eq!(U::join(receiver), Err(RecvError::Closed));
    }
}

/// M12: add, close; somebody drains; join returns with nothing inside.
pub(crate) fn join_waits_for_the_end_and_for_emptiness<U: Units>() {
    let (tx, rx) = queue::unbounded();
    tx.send(1).unwrap();
    let waiting = tx.clone();
    let (joiner, unit) = spawn_known::<U, _>(move || (waiting.join(), waiting.len()));
    until_waiting(unit, Reason::Event);
    tx.close();
    moment();
    assert_eq!(unit.waits_for().0, Reason::Event, "one value is inside");
    let drainer = U::spawn(move || rx.iter().count());
    assert_eq!(U::join(joiner), (Ok(()), 0));
    assert_eq!(U::join(drainer), 1);
    // And at once, when all is over.
    assert_eq!(tx.join_with(Deadline::NOW, None), Ok(()));
}

pub(crate) fn join_ends_by_deadline_stop_and_cancellation<U: Units>() {
    let (tx, rx) = queue::unbounded::<u8>();
    assert_eq!(
        tx.join_with(Deadline::after(SHORT), None),
        Err(WaitError::TimedOut)
    );
    let source = StopSource::new();
    let token = source.token();
    let other = rx.clone();
    let (stopped, unit) =
        spawn_known::<U, _>(move || other.join_with(Deadline::NEVER, Some(&token)));
    until_waiting(unit, Reason::Event);
    source.stop();
    assert_eq!(U::join(stopped), Err(WaitError::Stopped));
    let (canceled, unit) = spawn_known::<U, _>(move || rx.join());
    until_waiting(unit, Reason::Event);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(WaitError::Canceled));
}

pub(crate) fn a_join_ends_when_the_receivers_drop_the_rest<U: Units>() {
    let (tx, rx) = queue::unbounded();
    tx.send(1).unwrap();
    let (joiner, unit) = spawn_known::<U, _>(move || tx.join());
    until_waiting(unit, Reason::Event);
    drop(rx);
    assert_eq!(U::join(joiner), Ok(()));
}

pub(crate) fn stops_and_cancellations_end_waits_and_return_values<U: Units>() {
    for capacity in [0, 1] {
        let (tx, rx) = queue::bounded(capacity);
        if capacity > 0 {
            tx.send(0).unwrap();
        }
        let source = StopSource::new();
        let (token, other) = (source.token(), tx.clone());
        let (stopped, unit) = spawn_known::<U, _>(move || other.send_or_stop(7, &token));
        until_waiting(unit, Reason::Send);
        source.stop();
        assert_eq!(U::join(stopped), Err(SendUntilError::Stopped(7)));
        let other = tx.clone();
        let (canceled, unit) = spawn_known::<U, _>(move || other.send(8));
        until_waiting(unit, Reason::Send);
        unit.cancel();
        assert_eq!(U::join(canceled), Err(SendError::Canceled(8)));
        // They left nothing behind.
        assert_eq!(rx.drain().len(), capacity);
        let (token, other) = (source.token(), rx.clone());
        let stopped = U::spawn(move || other.recv_or_stop(&token));
        assert_eq!(U::join(stopped), Err(RecvUntilError::Stopped));
        let other = rx.clone();
        let (canceled, unit) = spawn_known::<U, _>(move || other.recv());
        until_waiting(unit, Reason::Recv);
        unit.cancel();
        assert_eq!(U::join(canceled), Err(RecvError::Canceled));
        assert_eq!(rx.recv_until(Deadline::NOW), Err(RecvUntilError::TimedOut));
        if capacity > 0 {
            tx.send(9).unwrap();
            assert_eq!(rx.recv(), Ok(9));
        }
    }
}

pub(crate) fn values_inside_are_dropped_once<U: Units>() {
    let census = Census::new();
    let (tx, rx) = queue::bounded(4);
    tx.send_many((0..4).map(|n| census.value(n))).unwrap();
    let other = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || other.send(census.value(4)).is_err());
    until_waiting(unit, Reason::Send);
    drop(rx);
    assert!(U::join(sender));
    until(|| census.dropped() == 5);
    drop(tx);
    assert_eq!((census.made(), census.dropped()), (5, 5));
    // And with the channel, when the senders go last.
    let (tx, rx) = queue::unbounded();
    tx.send_front(census.value(5)).unwrap();
    drop((tx, rx));
    assert_eq!(census.dropped(), 6);
}

pub(crate) fn every_value_arrives_once_whoever_sends_and_receives<U: Units>() {
    let mut random = Random::new();
    for capacity in [Some(0), Some(1), Some(5), None] {
        let (tx, rx) = match capacity {
            Some(capacity) => queue::bounded(capacity),
            None => queue::unbounded(),
        };
        let sent = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (0..4_usize)
            .map(|sender| {
                let (tx, sent) = (tx.clone(), sent.clone());
                let mut random = random.fork();
                U::spawn(move || {
                    let mut next = 0;
                    while next < 300 {
                        let many = 1 + random.below(7);
                        let values = (next..next + many).map(|n| sender * 1_000 + n);
                        next += many;
                        match random.below(3) {
                            0 => assert_eq!(tx.send_many(values).unwrap(), many),
                            1 => assert_eq!(tx.send_many_front(values).unwrap(), many),
                            _ => values.for_each(|value| tx.send(value).unwrap()),
                        }
                    }
                    sent.fetch_add(next, SeqCst);
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                let mut random = random.fork();
                U::spawn(move || {
                    let mut values = Vec::new();
                    loop {
                        let most = 1 + random.below(9);
                        let patience = Duration::from_micros(random.below(300) as u64);
                        let deadline = Deadline::after(patience);
                        match rx.recv_many_with(&mut values, most, deadline, None) {
                            Ok(_) | Err(RecvUntilError::TimedOut) => {}
                            Err(error) => {
                                assert_eq!(error, RecvUntilError::Closed);
                                return values;
                            }
                        }
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(U::join);
        let mut seen = HashMap::new();
        for value in receivers.into_iter().flat_map(U::join) {
            *seen.entry(value).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), sent.load(SeqCst));
        assert!(seen.values().all(|times| *times == 1));
    }
}

pub(crate) fn debug_shows_a_queue_s_state<U: Units>() {
    let (tx, rx) = queue::bounded(2);
    let shown = U::join(U::spawn(move || {
        tx.send("a secret").unwrap();
        format!("{tx:?}")
    }));
    assert_eq!(
        shown,
        "Sender { flavor: queue, capacity: 2, len: 1, closed: false, senders: 1, receivers: 1, \
         waiting_senders: 0, waiting_receivers: 0 }"
    );
    drop(rx);
    let (tx, _rx) = queue::unbounded_unique::<u8>();
    assert!(format!("{tx:?}").starts_with("Sender { flavor: unique queue, len: 0"));
}
