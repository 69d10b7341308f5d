//! Priority channels: the most urgent first, equals in the order they came.
//!
//! Case M14 is that of the priority queue of mo-threads, which never delivered priority 0.

use crate::units::{Census, Random, Units, spawn_known, until_shown, until_waiting};
use std::{cmp::Ordering, sync::Arc};
use vitte_channels::{
    RecvError, SendError, SendUntilError, TryRecvError, TrySendError,
    priority::{self, First},
};
use vitte_wait::{Deadline, Reason, StopSource};

/// M14: items at 0, 1 and 2 come out in the declared order, and priority 0 alone is delivered.
pub(crate) fn priority_zero_is_delivered_like_any_other<U: Units>() {
    let (tx, rx) = priority::unbounded(First::Smallest);
    tx.send((0, "alone")).unwrap();
    let (rx, alone) = U::join(U::spawn(move || {
        let alone = rx.recv();
        (rx, alone)
    }));
    assert_eq!(alone, Ok((0, "alone")));
    for item in [(2, "c"), (0, "a"), (1, "b"), (0, "a, too")] {
        tx.send(item).unwrap();
    }
    drop(tx);
    assert!(rx.iter().eq([(0, "a"), (0, "a, too"), (1, "b"), (2, "c")]));
}

pub(crate) fn either_end_of_the_scale_can_be_first<U: Units>() {
    for (first, expected) in [
        (First::Smallest, [-1, 0, 5, 9]),
        (First::Greatest, [9, 5, 0, -1]),
    ] {
        let (tx, rx) = priority::bounded(4, first);
        U::join(U::spawn(move || {
            tx.send_many([5, -1, 9, 0].map(|n| (n, ())))
        }))
        .unwrap();
        assert!(rx.iter().map(|(n, ())| n).eq(expected));
    }
}

pub(crate) fn equals_come_out_in_the_order_they_came<U: Units>() {
    let mut random = Random::new();
    for first in [First::Smallest, First::Greatest] {
        let (tx, rx) = priority::unbounded(first);
        let mut expected = Vec::new();
        for n in 0..500 {
            let priority = random.below(5);
            expected.push((priority, n));
            tx.send((priority, n)).unwrap();
        }
        // A sort that keeps equals in their order.
        expected.sort_by(|(a, _), (b, _)| match first {
            First::Smallest => a.cmp(b),
            First::Greatest => b.cmp(a),
        });
        let received = U::join(U::spawn(move || rx.drain()));
        assert_eq!(received, expected);
    }
}

pub(crate) fn a_full_priority_channel_lets_senders_in_by_turn<U: Units>() {
    let (tx, rx) = priority::bounded(1, First::Smallest);
    tx.send((5, 'x')).unwrap();
    assert_eq!(tx.try_send((0, 'y')), Err(TrySendError::Full((0, 'y'))));
    let senders = [(1, (3, 'a')), (2, (1, 'b'))].map(|(turn, item)| {
        let other = tx.clone();
        let sender = U::spawn(move || other.send(item));
        until_shown(&tx, &format!("waiting_senders: {turn}"));
        sender
    });
    drop(tx);
    // One is inside at a time, so nothing can overtake.
    assert!(rx.iter().eq([(5, 'x'), (3, 'a'), (1, 'b')]));
    for sender in senders {
        U::join(sender).unwrap();
    }
}

pub(crate) fn a_priority_channel_without_room_is_a_rendezvous<U: Units>() {
    let (tx, rx) = priority::bounded(0, First::Greatest);
    assert_eq!(tx.try_send((1, 'x')), Err(TrySendError::Full((1, 'x'))));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let other = tx.clone();
    let sender = U::spawn(move || other.send((2, 'y')));
    until_shown(&tx, "waiting_senders: 1");
    assert_eq!((tx.len(), tx.capacity()), (0, Some(0)));
    assert_eq!(rx.try_recv(), Ok((2, 'y')));
    U::join(sender).unwrap();
    let receiver = U::spawn(move || rx.recv());
    until_shown(&tx, "waiting_receivers: 1");
    assert_eq!(tx.try_send((3, 'z')), Ok(()));
    assert_eq!(U::join(receiver), Ok((3, 'z')));
}

pub(crate) fn blocked_priority_senders_get_their_values_back<U: Units>() {
    let (tx, rx) = priority::bounded(1, First::Smallest);
    tx.send((0, "inside")).unwrap();
    let source = StopSource::new();
    let (other, token) = (tx.clone(), source.token());
    let (stopped, unit) = spawn_known::<U, _>(move || other.send_or_stop((1, "a"), &token));
    until_waiting(unit, Reason::Send);
    source.stop();
    assert_eq!(U::join(stopped), Err(SendUntilError::Stopped((1, "a"))));
    let other = tx.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.send((2, "b")));
    until_waiting(unit, Reason::Send);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(SendError::Canceled((2, "b"))));
    let late = tx.send_until((3, "c"), Deadline::NOW);
    assert_eq!(late, Err(SendUntilError::TimedOut((3, "c"))));
    let other = tx.clone();
    let (closed, unit) = spawn_known::<U, _>(move || other.send((4, "d")));
    until_waiting(unit, Reason::Send);
    tx.close();
    assert_eq!(U::join(closed), Err(SendError::Closed((4, "d"))));
    assert_eq!(rx.recv(), Ok((0, "inside")));
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn many_senders_and_receivers_share_a_priority_channel<U: Units>() {
    let mut random = Random::new();
    for capacity in [Some(0), Some(2), None] {
        let (tx, rx) = match capacity {
            Some(capacity) => priority::bounded(capacity, First::Greatest),
            None => priority::unbounded(First::Greatest),
        };
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let (tx, mut random) = (tx.clone(), random.fork());
                U::spawn(move || {
                    for n in 0..300_usize {
                        tx.send((random.below(4), sender * 1_000 + n)).unwrap();
                    }
                })
            })
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let rx = rx.clone();
                U::spawn(move || rx.iter().map(|(_, n)| n).collect::<Vec<_>>())
            })
            .collect();
        senders.into_iter().for_each(U::join);
        let mut received: Vec<usize> = receivers.into_iter().flat_map(U::join).collect();
        received.sort_unstable();
        let expected = (0..3).flat_map(|sender| (0..300).map(move |n| sender * 1_000 + n));
        assert!(received.into_iter().eq(expected));
    }
}

/// A priority that cannot be compared with a certain other.
#[derive(Debug, PartialEq, Eq)]
struct Touchy(i32);

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.0 >= 0 && other.0 >= 0, "not comparable");
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

pub(crate) fn a_comparison_that_panics_leaves_a_channel_that_works<U: Units>() {
    let census = Census::new();
    let (tx, rx) = priority::unbounded(First::Smallest);
    let tx = Arc::new(tx);
    tx.send((Touchy(1), census.value(1))).unwrap();
    let other = tx.clone();
    let panicked = U::join(U::spawn(move || {
        let sent = std::panic::AssertUnwindSafe(|| other.send((Touchy(-1), census.value(2))));
        std::panic::catch_unwind(sent).is_err()
    }));
    assert!(panicked);
    tx.close();
    // Not under the lock that its panic left.
    assert!(tx.is_closed());
    drop((tx, rx));
    assert_eq!(census.made(), census.dropped());
}

pub(crate) fn values_in_a_priority_channel_are_dropped_once<U: Units>() {
    let census = Census::new();
    let (tx, rx) = priority::unbounded(First::Smallest);
    for n in 0..20 {
        tx.send((n % 3, census.value(n))).unwrap();
    }
    let taken = U::join(U::spawn(move || rx.recv().map(|(_, value)| value.number)));
    assert_eq!(taken, Ok(0));
    assert_eq!(
        census.dropped(),
        20,
        "the receiver is gone, the sender is not"
    );
    drop(tx);
    assert_eq!(census.dropped(), 20);
}
