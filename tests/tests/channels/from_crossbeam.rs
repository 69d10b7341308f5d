//! What crossbeam-channel's tests of its array, list and zero flavors ask (crossbeam-channel/tests,
//! MIT OR Apache-2.0): the ideas that apply to one consumer, written afresh for these channels.

use crate::units::{
    Case, Census, Counted, FLAVORS, ManyReceive, ManySend, Random, spawn_known, until,
    until_waiting,
};
use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};
use vitte_channels::{Channel, Kind, Receiver, RecvError, Sender, TryRecvError, select, timer};
use vitte_wait::Reason;

pub(crate) fn length_follows_every_step<U: Case>() {
    for flavor in [None, Some(1), Some(7), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let most = flavor.unwrap_or(200);
        for _ in 0..5 {
            for n in 0..most {
                assert_eq!((tx.len(), rx.is_empty()), (n, n == 0));
                tx.try_send(n).unwrap();
            }
            // Not from the top to the bottom every time, so that the ring turns.
            let taken = most.div_ceil(2);
            for n in 0..taken {
                assert_eq!(rx.len(), most - n);
                assert_eq!(rx.try_recv(), Ok(n));
            }
            assert_eq!(rx.try_iter().count(), most - taken);
            assert_eq!((tx.len(), tx.is_empty()), (0, true));
        }
        // Nobody sees more than fits inside, while it goes in and out.
        let sender = U::spawn(move || {
            for n in 0..2_000 {
                tx.send(n).unwrap();
                assert!(flavor.is_none_or(|capacity| tx.len() <= capacity));
            }
        });
        for n in 0..2_000 {
            assert!(flavor.is_none_or(|capacity| rx.len() <= capacity));
            assert_eq!(rx.recv(), Ok(n));
        }
        U::join(sender);
    }
}

pub(crate) fn a_full_ring_wraps_around_many_times<U: Case>() {
    for capacity in 1..=9 {
        let (tx, rx) = U::channel(Some(capacity));
        let turns = 300;
        let sender = U::spawn(move || (0..turns * capacity).try_for_each(|n| tx.send(n)));
        assert!(rx.iter().eq(0..turns * capacity));
        U::join(sender).unwrap();
    }
}

pub(crate) fn many_blocks_are_filled_and_emptied<U: ManySend>() {
    let (tx, rx) = U::channel(None);
    for _ in 0..3 {
        let tx = tx.clone();
        U::join(U::spawn(move || (0..1_000).try_for_each(|n| tx.send(n)))).unwrap();
        assert_eq!(rx.len(), 1_000);
        assert!(rx.try_iter().eq(0..1_000));
    }
}

pub(crate) fn capacity_is_what_was_asked_for<U: ManySend>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        assert_eq!((tx.capacity(), rx.capacity()), (flavor, flavor));
        let other = tx.clone();
        let same = U::join(U::spawn(move || other.is_same_channel(&tx)));
        assert!(same);
    }
}

pub(crate) fn closing_wakes_a_receiver<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel::<u8>(flavor);
        let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx.try_recv()));
        until_waiting(unit, Reason::Recv);
        tx.close();
        let expected = (Err(RecvError::Closed), Err(TryRecvError::Closed));
        assert_eq!(U::join(receiver), expected);
    }
}

pub(crate) fn two_channels_do_not_mix<U: Case>() {
    for flavor in FLAVORS {
        let (evens, even) = U::channel(flavor);
        let (odds, odd) = U::channel(flavor);
        assert!(!evens.is_same_channel(&odds));
        let sender = U::spawn(move || {
            for n in 0..1_000 {
                let tx = if n % 2 == 0 { &evens } else { &odds };
                tx.send(n).unwrap();
            }
        });
        let odd = U::spawn(move || odd.iter().filter(|n| n % 2 == 1).count());
        assert_eq!(even.iter().filter(|n| n % 2 == 0).count(), 500);
        assert_eq!(U::join(odd), 500);
        U::join(sender);
    }
}

pub(crate) fn drops_are_counted_under_stress<U: Case>() {
    let mut random = Random::new();
    for round in 0..20 {
        for flavor in FLAVORS {
            let census = Census::new();
            let (tx, rx) = U::channel(flavor);
            let sent = random.below(500);
            let left = if flavor == Some(0) {
                0
            } else {
                random.below(3)
            };
            let sender = U::spawn(move || {
                for n in 0..sent {
                    tx.send(census.value(n)).unwrap();
                }
                for n in 0..left {
                    let _ = tx.try_send(census.value(n));
                }
                // Still there when the receiver goes.
                tx
            });
            for n in 0..sent {
                assert_eq!(rx.recv().unwrap().number, n);
            }
            assert!(census.dropped() >= sent);
            let tx = U::join(sender);
            drop(rx);
            assert_eq!(census.dropped(), census.made(), "in round {round}");
            drop(tx);
            assert_eq!(census.dropped(), census.made(), "in round {round}");
        }
    }
}

pub(crate) fn a_queue_is_linearizable_by_one<U: ManySend>() {
    // Whoever has sent finds the channel not empty until somebody received.
    for flavor in [None, Some(4)] {
        let (tx, rx) = U::channel(flavor);
        let (ask, asked) = U::channel(flavor);
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (tx, ask) = (tx.clone(), ask.clone());
                U::spawn(move || {
                    for n in 0..2_000 {
                        tx.send(n).unwrap();
                        ask.send(()).unwrap();
                    }
                })
            })
            .collect();
        drop((tx, ask));
        for () in asked {
            assert!(rx.try_recv().is_ok(), "a value that was sent is not there");
        }
        senders.into_iter().for_each(U::join);
    }
}

/// `channel_through_channel`: each message is a channel in which the next one comes.
pub(crate) fn channels_go_through_channels<U: Case>() {
    type Parcel = Box<dyn Any + Send>;
    const LENGTH: usize = 200;
    for flavor in FLAVORS {
        let (mut tx, mut rx) = U::channel::<Parcel>(flavor);
        let sender = U::spawn(move || {
            for _ in 0..LENGTH {
                let (next, inner) = U::channel::<Parcel>(flavor);
                assert!(tx.send(Box::new(Some(inner))).is_ok());
                tx = next;
            }
        });
        for _ in 0..LENGTH {
            let mut parcel = rx.recv().unwrap();
            let inner = parcel.downcast_mut::<Option<Receiver<Parcel, U::Kind>>>();
            rx = inner.and_then(Option::take).expect("a channel");
        }
        assert!(matches!(rx.recv(), Err(RecvError::Closed)));
        U::join(sender);
    }
}

/// `recv_in_send`: the value is made by a receive from the same channel.
pub(crate) fn a_value_is_made_by_a_receive_from_the_same_channel<U: Case>() {
    for flavor in [None, Some(1), Some(3)] {
        let (tx, rx) = U::channel(flavor);
        tx.send(1).unwrap();
        tx.send(rx.recv().unwrap() + 1).unwrap();
        assert_eq!(rx.recv(), Ok(2));
        let sent = select! { send(tx, rx.try_recv().unwrap_or(7)) -> sent => sent };
        assert_eq!((sent, rx.recv()), (Ok(Ok(())), Ok(7)));
    }
}

/// `panic_on_drop`, and tokio's `drop_all_elements_during_panic`: of one value the end panics, and every value has its
/// end once all the same.
pub(crate) fn a_value_whose_drop_panics_takes_no_other_with_it<U: Case>() {
    struct Bad(bool, #[allow(dead_code, reason = "it is dropped")] Counted);
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.0, "a drop that panics");
        }
    }
    for flavor in [None, Some(3), Some(128)] {
        for receiver_first in [true, false] {
            let census = Census::new();
            let (tx, rx) = U::channel(flavor);
            for n in 0..3 {
                assert!(tx.send(Bad(n == 1, census.value(n))).is_ok());
            }
            let ended = catch_unwind(AssertUnwindSafe(move || {
                if receiver_first {
                    drop(rx);
                    drop(tx);
                } else {
                    drop(tx);
                    drop(rx);
                }
            }));
            let panic = ended.expect_err("it comes out");
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"a drop that panics"));
            assert_eq!(
                (census.made(), census.dropped()),
                (3, 3),
                "{flavor:?} {receiver_first}"
            );
        }
    }
}

/// `stack_overflow`: a value that a small stack has no room for twice.
pub(crate) fn a_value_larger_than_a_page_needs_no_stack_for_its_block<U: Case>() {
    let (tx, rx) = U::channel::<[u64; 512]>(None);
    for n in 0..70 {
        tx.send([n; 512]).unwrap();
    }
    assert!(rx.try_iter().map(|value| value[511]).eq(0..70));
}

/// `linearizable`, `linearizable_try`: of as many as have sent each finds a value, whoever else looks for one.
pub(crate) fn whoever_has_sent_finds_a_value<U: ManySend + ManyReceive>() {
    for flavor in [None, Some(4), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let units: Vec<_> = (0..4)
            .map(|_| {
                let (tx, rx) = (tx.clone(), rx.clone());
                U::spawn(move || {
                    for n in 0..1_000 {
                        tx.send(0).unwrap();
                        let found = if n % 2 == 0 {
                            rx.try_recv().is_ok()
                        } else {
                            select! { recv(rx) -> got => got.is_ok(), default => false }
                        };
                        assert!(found, "{flavor:?}");
                    }
                })
            })
            .collect();
        units.into_iter().for_each(U::join);
        assert!(tx.is_empty());
    }
}

/// `same_channel.rs`: of every flavor, and of timers.
pub(crate) fn ends_know_their_channel<U: ManySend + ManyReceive>() {
    fn check<T, K: Kind>(
        pair: &(Sender<T, K>, Receiver<T, K>),
        other: &(Sender<T, K>, Receiver<T, K>),
    ) {
        assert!(pair.0.is_same_channel(&pair.0) && pair.1.is_same_channel(&pair.1));
        assert!(!pair.0.is_same_channel(&other.0) && !pair.1.is_same_channel(&other.1));
    }
    for flavor in FLAVORS {
        for other in FLAVORS {
            let pair = U::channel::<u8>(flavor);
            assert!(pair.0.is_same_channel(&pair.0.clone()));
            assert!(pair.1.is_same_channel(&pair.1.clone()));
            check(&pair, &U::channel(other));
        }
    }
    let timers = [
        timer::after(Duration::from_secs(60)),
        timer::tick(Duration::from_secs(60)),
        timer::never(),
    ];
    for (n, timer) in timers.iter().enumerate() {
        assert!(timer.is_same_timer(&timer.clone()));
        let same = timers.iter().position(|other| other.is_same_timer(timer));
        assert_eq!(same, Some(n));
    }
}

/// `thread_locals.rs`, `use_while_exiting`: a thread that ends uses channels to the last, whichever of the library's
/// own values it has dropped by then.
pub(crate) fn a_thread_that_ends_uses_channels_to_the_last<U: ManySend>() {
    struct Last(Sender<u8>);
    impl Drop for Last {
        fn drop(&mut self) {
            let (tx, rx) = Channel::bounded(1);
            tx.send(1).unwrap();
            let late = select! {
                send(tx, 2) -> _ => unreachable!("it is full"),
                after(Duration::from_millis(1)) => rx.recv_timeout(Duration::ZERO),
            };
            let empty = rx.recv_timeout(Duration::from_millis(1)).is_err();
            self.0.send(u8::from(late == Ok(Ok(1)) && empty)).unwrap();
        }
    }
    thread_local! {
        static BEFORE: RefCell<Option<Last>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let (tx, rx) = Channel::new();
    let thread = std::thread::spawn(move || {
        BEFORE.with(|last| *last.borrow_mut() = Some(Last(tx.clone())));
        // What the library keeps for the thread is made between the two.
        let (_tx, none) = Channel::bounded::<u8>(1);
        assert!(none.recv_timeout(Duration::from_millis(1)).is_err());
        AFTER.with(|last| *last.borrow_mut() = Some(Last(tx)));
    });
    until(|| rx.len() == 2 && thread.is_finished());
    assert_eq!((rx.recv(), rx.recv()), (Ok(1), Ok(1)));
    thread.join().unwrap();
}
