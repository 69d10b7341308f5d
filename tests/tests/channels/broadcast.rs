//! Broadcasts: who sees what, what is missed, and what foreign code cannot break.
//!
//! The cases up to the line are those of tokio (`tokio/tests/sync_broadcast.rs`, MIT), written afresh
//! for these channels.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use crate::units::{Census, Counted, Random, Units, pause, spawn_known, until_waiting};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_channels::{
    Channel,
    broadcast::{
        self, Lagged, Receiver, RecvError, RecvUntilError, SendError, Sender, TryRecvError,
    },
    select,
};
use vitte_wait::{Deadline, Reason, StopSource};

pub(crate) fn two_receivers_see_each_value<U: Units>() {
    let (tx, first) = broadcast::channel(16);
    let second = tx.subscribe();
    assert_eq!(tx.send("hello"), Ok(2));
    let other = U::spawn(move || (second.recv(), second.try_recv()));
    assert_eq!(first.recv(), Ok("hello"));
    assert_eq!(first.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(U::join(other), (Ok("hello"), Err(TryRecvError::Empty)));
}

pub(crate) fn a_waiting_receiver_wakes_in_any_unit<U: Units>() {
    let (tx, rx) = broadcast::channel(1);
    for n in 0..3 {
        let (waiter, unit) = spawn_known::<U, _>({
            let rx = rx.clone();
            move || rx.recv()
        });
        until_waiting(unit, Reason::Recv);
        tx.send(n).unwrap();
        assert_eq!(U::join(waiter), Ok(n));
        assert_eq!(rx.recv(), Ok(n));
    }
}

pub(crate) fn a_slow_receiver_catches_up_while_another_is_fast<U: Units>() {
    let (tx, fast) = broadcast::channel(2);
    let slow = tx.subscribe();
    assert_eq!(tx.send(1), Ok(2));
    assert_eq!(fast.recv(), Ok(1));
    tx.send(2).unwrap();
    assert_eq!(fast.recv(), Ok(2));
    tx.send(3).unwrap();
    assert_eq!(slow.recv(), Err(RecvError::Lagged(1)));
    assert_eq!((slow.recv(), slow.recv()), (Ok(2), Ok(3)));
    assert_eq!(
        (fast.recv(), fast.try_recv()),
        (Ok(3), Err(TryRecvError::Empty))
    );
}

pub(crate) fn a_receiver_that_goes_leaves_values_to_others<U: Units>() {
    let (tx, first) = broadcast::channel(16);
    let second = tx.subscribe();
    assert_eq!((tx.send(1), tx.send(2)), (Ok(2), Ok(2)));
    U::join(U::spawn(move || drop(first)));
    assert_eq!(tx.send(3), Ok(1));
    assert_eq!(
        second.try_iter().map(Result::unwrap).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

pub(crate) fn a_lagging_receiver_goes_on_with_the_oldest_value<U: Units>() {
    for capacity in [1, 2, 3, 7, 8] {
        let (tx, rx) = broadcast::channel(capacity);
        let sent = 3 * capacity + 1;
        for n in 0..sent {
            tx.send(n).unwrap();
        }
        assert_eq!(rx.len(), capacity);
        let missed = (sent - capacity) as u64;
        assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(missed)));
        for n in sent - capacity..sent {
            assert_eq!(rx.try_recv(), Ok(n), "of {capacity}");
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

pub(crate) fn a_receiver_may_lag_again_before_it_has_caught_up<U: Units>() {
    let (tx, rx) = broadcast::channel(2);
    (0..3).for_each(|n| assert!(tx.send(n).is_ok()));
    assert_eq!(rx.recv(), Err(RecvError::Lagged(1)));
    (3..6).for_each(|n| assert!(tx.send(n).is_ok()));
    // It was at 1, and 4 is the oldest.
    assert_eq!(rx.recv(), Err(RecvError::Lagged(3)));
    drop(tx);
    assert_eq!(rx.into_iter().collect::<Vec<_>>(), [Ok(4), Ok(5)]);
}

pub(crate) fn without_receivers_the_value_comes_back<U: Units>() {
    let (tx, rx) = broadcast::channel(16);
    U::join(U::spawn(move || drop(rx)));
    assert_eq!(tx.send("hello"), Err(SendError::NoReceiver("hello")));
    let late = tx.subscribe();
    assert_eq!(tx.send("again"), Ok(1));
    assert_eq!(late.recv(), Ok("again"));
    assert_eq!(tx.receivers(), 1);
}

pub(crate) fn a_capacity_of_zero_is_refused<U: Units>() {
    assert!(catch_unwind(|| broadcast::channel::<()>(0)).is_err());
    assert!(catch_unwind(|| broadcast::channel::<()>(usize::MAX - 1)).is_err());
}

pub(crate) fn a_panic_in_clone_is_its_receiver_s_alone<U: Units>() {
    #[derive(Debug)]
    struct Mean(u32);
    impl Clone for Mean {
        fn clone(&self) -> Self {
            assert_ne!(self.0, 1, "this one cannot be cloned");
            Self(self.0)
        }
    }
    let (tx, rx) = broadcast::channel(2);
    for n in 0..3 {
        tx.send(Mean(n)).unwrap();
    }
    assert_eq!(rx.recv().unwrap_err(), RecvError::Lagged(1));
    assert!(catch_unwind(AssertUnwindSafe(|| rx.recv())).is_err());
    // It has had that value, and the place is free again.
    assert_eq!(rx.recv().unwrap().0, 2);
    for n in 3..9 {
        tx.send(Mean(n)).unwrap();
        assert_eq!(rx.recv().unwrap().0, n);
    }
}

pub(crate) fn the_last_sender_s_end_wakes_all_receivers<U: Units>() {
    let (tx, rx) = broadcast::channel::<u8>(16);
    let other = tx.clone();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let rx = rx.clone();
            spawn_known::<U, _>(move || rx.recv())
        })
        .collect();
    drop(tx);
    for (_, unit) in &waiters {
        until_waiting(unit, Reason::Recv);
    }
    drop(other);
    for (waiter, _) in waiters {
        assert_eq!(U::join(waiter), Err(RecvError::Closed));
    }
}

pub(crate) fn resubscribing_begins_at_the_end_and_cloning_where_one_is<U: Units>() {
    let (tx, rx) = broadcast::channel(3);
    (1..=5).for_each(|n| assert!(tx.send(n).is_ok()));
    let (clone, anew) = (rx.clone(), rx.resubscribe());
    assert_eq!(tx.receivers(), 3);
    assert_eq!(clone.recv(), Err(RecvError::Lagged(2)));
    assert_eq!(rx.recv(), Err(RecvError::Lagged(2)));
    assert_eq!(anew.try_recv(), Err(TryRecvError::Empty));
    tx.send(6).unwrap();
    assert_eq!(anew.recv(), Ok(6));
    drop(tx);
    let end = anew.resubscribe();
    assert_eq!(
        (anew.recv(), end.recv()),
        (Err(RecvError::Closed), Err(RecvError::Closed))
    );
}

pub(crate) fn lengths_follow_every_step<U: Units>() {
    let (tx, rx) = broadcast::channel(3);
    assert_eq!((rx.len(), rx.capacity(), tx.capacity()), (0, 3, 3));
    for (sent, len) in [(1, 1), (2, 2), (3, 3), (4, 3)] {
        tx.send(sent).unwrap();
        assert_eq!(rx.len(), len);
    }
    assert_eq!(rx.recv(), Err(RecvError::Lagged(1)));
    assert_eq!(rx.len(), 3);
    rx.recv().unwrap();
    assert_eq!((rx.len(), rx.is_empty()), (2, false));
    assert_eq!(rx.try_iter().count(), 2);
    assert!(rx.is_empty());
}

// What follows is of this project.

/// Receives until the end; asserts the order, and returns how many values it had and missed.
fn account(rx: &Receiver<u64>) -> (u64, u64) {
    let (mut received, mut missed) = (0, 0);
    for value in rx {
        match value {
            Ok(value) => {
                assert_eq!(value, received + missed);
                received += 1;
            }
            Err(Lagged(n)) => missed += n,
        }
    }
    (received, missed)
}

pub(crate) fn four_receivers_account_for_every_value<U: Units>() {
    const VALUES: u64 = 100_000;
    for capacity in [1024, 16] {
        let (tx, rx) = broadcast::channel(capacity);
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let rx = rx.clone();
                U::spawn(move || account(&rx))
            })
            .collect();
        drop(rx);
        let sender = U::spawn(move || {
            for n in 0..VALUES {
                assert_eq!(tx.send(n), Ok(4));
            }
        });
        U::join(sender);
        for receiver in receivers {
            let (received, missed) = U::join(receiver);
            assert_eq!(received + missed, VALUES);
            assert!(received >= capacity as u64);
        }
    }
}

pub(crate) fn closing_drains_and_wakes<U: Units>() {
    let (tx, rx) = broadcast::channel(4);
    let (waiter, unit) = spawn_known::<U, _>({
        let rx = rx.clone();
        move || (rx.recv(), rx.recv())
    });
    until_waiting(unit, Reason::Recv);
    tx.send(1).unwrap();
    tx.close();
    tx.close();
    assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    assert_eq!(U::join(waiter), (Ok(1), Err(RecvError::Closed)));
    assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError::Closed)));
    assert_eq!(tx.subscribe().recv(), Err(RecvError::Closed));
}

pub(crate) fn deadlines_stops_and_cancellations_end_a_receive<U: Units>() {
    let (tx, rx) = broadcast::channel::<u8>(4);
    let source = StopSource::new();
    let (token, stopped) = (source.token(), rx.clone());
    let (stopped, unit) = spawn_known::<U, _>(move || stopped.recv_or_stop(&token));
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(stopped), Err(RecvUntilError::Stopped));
    let canceled = rx.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || canceled.recv());
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(RecvError::Canceled));
    let late = rx.clone();
    let late = U::spawn(move || (late.recv_timeout(Duration::from_millis(2)), late));
    let (received, late) = U::join(late);
    assert_eq!(received, Err(RecvUntilError::TimedOut));
    assert_eq!(
        late.recv_until(Deadline::NOW),
        Err(RecvUntilError::TimedOut)
    );
    // Nobody waits any more, and nobody has missed anything.
    tx.send(7).unwrap();
    assert_eq!((late.recv(), rx.recv()), (Ok(7), Ok(7)));
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.again()
    }
}

pub(crate) fn every_value_and_every_clone_is_dropped_once<U: Units>() {
    let census = Census::new();
    let (tx, rx) = broadcast::channel(4);
    for n in 0..10 {
        tx.send(census.value(n)).unwrap();
    }
    // Those that were overwritten.
    assert_eq!(census.dropped(), 6);
    assert!(matches!(rx.recv(), Err(RecvError::Lagged(6))));
    drop(rx.recv().unwrap());
    assert_eq!((census.made(), census.dropped()), (11, 7));
    let anew = rx.resubscribe();
    drop(rx);
    assert_eq!(census.dropped(), 7);
    // The last receiver takes with it what is inside; the channel can still be used.
    drop(anew);
    assert_eq!(census.dropped(), census.made());
    let back = tx.send(census.value(10)).unwrap_err().into_inner();
    assert_eq!((back.number, census.dropped()), (10, 11));
    let rx = tx.subscribe();
    tx.send(back).unwrap();
    assert_eq!(rx.recv().unwrap().number, 10);
    drop(tx);
    U::join(U::spawn(move || drop(rx)));
    assert_eq!(census.dropped(), census.made());
}

/// A value whose clone waits until it is let go.
struct Sticky(usize, Arc<AtomicBool>);

impl Clone for Sticky {
    fn clone(&self) -> Self {
        while self.0 == 0 && !self.1.load(Relaxed) {
            pause(Duration::from_micros(200));
        }
        Self(self.0, Arc::clone(&self.1))
    }
}

pub(crate) fn nobody_waits_for_a_clone_that_does_not_end<U: Units>() {
    let free = Arc::new(AtomicBool::new(false));
    let (tx, rx) = broadcast::channel(2);
    let slow = rx.clone();
    tx.send(Sticky(0, Arc::clone(&free))).unwrap();
    let (stuck, unit) = spawn_known::<U, _>(move || {
        let first = slow.recv().map(|value| value.0);
        (first, slow.recv().map(|value| value.0))
    });
    until_waiting(unit, Reason::Sleep);
    for n in 1..=20 {
        assert_eq!(tx.send(Sticky(n, Arc::clone(&free))), Ok(2));
    }
    assert!(matches!(rx.recv(), Err(RecvError::Lagged(19))));
    assert_eq!(rx.recv().unwrap().0, 19);
    free.store(true, Relaxed);
    // It has the value that it began with, long after that was overwritten.
    assert_eq!(U::join(stuck), (Ok(0), Err(RecvError::Lagged(18))));
    drop((tx, rx));
    assert_eq!(Arc::strong_count(&free), 1);
}

impl PartialEq for Sticky {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sticky({})", self.0)
    }
}

pub(crate) fn a_panicking_destructor_leaves_a_usable_channel<U: Units>() {
    struct Bomb(bool);
    impl Clone for Bomb {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "this one panics");
        }
    }
    let (tx, rx) = broadcast::channel(1);
    tx.send(Bomb(true)).unwrap();
    // The overwritten value panics in the hands of the sender. The new one was sent.
    assert!(catch_unwind(AssertUnwindSafe(|| tx.send(Bomb(false)))).is_err());
    assert!(matches!(rx.recv(), Err(RecvError::Lagged(1))));
    assert!(rx.recv().is_ok());
    assert!(matches!(tx.send(Bomb(false)), Ok(1)));
    assert!(rx.recv().is_ok());
}

pub(crate) fn random_broadcasts_lose_nothing_unnoticed<U: Units>() {
    let mut random = Random::new();
    for round in 0..30 {
        let census = Census::new();
        let capacity = 1 + random.below(9);
        let (senders, receivers) = (1 + random.below(3), 1 + random.below(4));
        let each = 200;
        let (tx, rx) = broadcast::channel::<Counted>(capacity);
        let receivers: Vec<_> = (0..receivers)
            .map(|_| {
                let rx = rx.clone();
                let naps: Vec<_> = (0..8).map(|_| random.below(40)).collect();
                U::spawn(move || {
                    let (mut seen, mut last) = (0, vec![None; 3]);
                    for (turn, value) in rx.into_iter().enumerate() {
                        match value {
                            Ok(value) => {
                                let (sender, number) = (value.number / each, value.number % each);
                                assert!(last[sender] < Some(number), "out of order");
                                last[sender] = Some(number);
                                seen += 1;
                            }
                            Err(Lagged(missed)) => seen += missed as usize,
                        }
                        if naps[turn % naps.len()] == 0 {
                            pause(Duration::from_micros(50));
                        }
                    }
                    seen
                })
            })
            .collect();
        drop(rx);
        let sending: Vec<_> = (0..senders)
            .map(|sender| {
                let tx = tx.clone();
                U::spawn(move || {
                    for number in 0..each {
                        tx.send(census.value(sender * each + number)).unwrap();
                    }
                })
            })
            .collect();
        drop(tx);
        sending.into_iter().for_each(U::join);
        for receiver in receivers {
            assert_eq!(U::join(receiver), senders * each, "in round {round}");
        }
        assert_eq!(census.dropped(), census.made(), "in round {round}");
    }
}

pub(crate) fn a_select_takes_broadcasts_as_they_come<U: Units>() {
    let ((tx, rx), (other, end)) = (broadcast::channel(4), Channel::new());
    let (tell, told) = Channel::new();
    let (chooser, unit) = spawn_known::<U, _>(move || {
        loop {
            select! {
                recv(rx) -> value => tell.send(value).unwrap(),
                recv(end) -> _ => return,
            }
            .unwrap();
        }
    });
    until_waiting(unit, Reason::Select);
    for n in 0..6 {
        assert_eq!(tx.send(n), Ok(1));
        assert_eq!(told.recv(), Ok(Ok(n)));
    }
    other.send(()).unwrap();
    U::join(chooser);
    assert_eq!(tx.send(6), Err(SendError::NoReceiver(6)));
}

pub(crate) fn debug_shows_where_a_receiver_is<U: Units>() {
    let (tx, rx) = broadcast::channel(2);
    let waiting = rx.clone();
    (0..3).for_each(|n| assert!(tx.send(n).is_ok()));
    let shown = format!("{rx:?}");
    for part in [
        "capacity: 2",
        "len: 2",
        "missed: 1",
        "closed: false",
        "receivers: 2",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    drop(waiting);
    tx.close();
    assert!(format!("{tx:?}").contains("closed: true"));
    fn both<T: Send + Sync>(_: &T) {}
    fn one<T: Send>(_: &T) {}
    both::<Sender<i32>>(&tx);
    one::<Receiver<i32>>(&rx);
}
