//! Channels over a store under a lock: hand-over, closing, time, joining, and the relay's flush.

use crate::check::check;
use vitte_channels::{
    RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, WaitError,
    priority::{self, First},
    queue::{self, Receiver, Sender},
    timer,
};
use vitte_wait::{Deadline, current, facade::thread};
#[cfg(loom)]
use vitte_wait::{Outcome, Reason, Ticket, Wait, facade::Mutex};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

/// A box, so that a value that arrives twice is freed twice, and loom's cells see who touches it.
type Value = Box<u32>;

fn one_producer((tx, rx): (Sender<Value>, Receiver<Value>), values: u32) {
    let producer = thread::spawn(move || {
        for n in 0..values {
            tx.send(Box::new(n)).unwrap();
        }
        // Alive until we have joined: closing wakes whoever was forgotten.
        tx
    });
    for n in 0..values {
        assert_eq!(*rx.recv().unwrap(), n);
    }
    drop(producer.join().unwrap());
}

#[test]
fn a_queue_of_one_hands_everything_over() {
    check("queue(1), 3 values", 2, || {
        one_producer(queue::bounded(1), 3)
    });
}

#[test]
fn a_queue_without_room_hands_everything_over() {
    check("queue(0), 2 values", 3, || {
        one_producer(queue::bounded(0), 2)
    });
}

#[test]
fn two_senders_and_two_receivers_share_a_priority_channel() {
    check("priority(1), 2 and 2", 1, || {
        let (tx, rx) = priority::bounded(1, First::Smallest);
        let senders = [1_u32, 2].map(|n| {
            let tx = tx.clone();
            thread::spawn(move || tx.send((n % 2, Box::new(n))).unwrap())
        });
        let other = rx.clone();
        let receiver = thread::spawn(move || *other.recv().unwrap().1);
        let sum = *rx.recv().unwrap().1 + receiver.join().unwrap();
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(sum, 3);
        assert_eq!(tx.len(), 0);
    });
}

#[test]
fn many_go_in_and_out_without_loss() {
    check("queue(1), many", 2, || {
        let (tx, rx) = queue::bounded(1);
        let sender = thread::spawn(move || {
            assert_eq!(tx.send_many([1, 2, 3]).unwrap(), 3);
            tx
        });
        let mut values = Vec::new();
        while values.len() < 3 {
            rx.recv_many(&mut values, 2).unwrap();
        }
        assert_eq!(values, [1, 2, 3]);
        drop(sender.join().unwrap());
    });
}

#[test]
fn of_two_twins_as_many_come_out_as_went_in() {
    check("unique queue(1), twins", 2, || {
        let (tx, rx) = queue::bounded_unique(1);
        tx.send(1).unwrap();
        let other = tx.clone();
        let sender = thread::spawn(move || other.send(2).unwrap());
        assert_eq!(rx.recv(), Ok(1));
        let here = tx.try_send(2).unwrap();
        // Or else the other may wait for its turn.
        assert_eq!(rx.recv(), Ok(2));
        let there = sender.join().unwrap();
        drop(tx);
        let more = rx.iter().count();
        assert_eq!(
            usize::from(here.is_new()) + usize::from(there.is_new()),
            1 + more
        );
    });
}

/// Checks `$body` of a channel over each store: its ends, and what carries the number `n` there.
macro_rules! for_each_store {
    ($body:ident) => {{
        $body!("queue(0)", queue::bounded(0), |n| n);
        $body!("queue(1)", queue::bounded(1), |n| n);
        $body!("unique queue(1)", queue::bounded_unique(1), |n| n);
        $body!("priority(0)", priority::bounded(0, First::Greatest), |n| (
            0, n
        ));
        $body!("priority(1)", priority::bounded(1, First::Smallest), |n| (
            0, n
        ));
    }};
}

#[test]
fn closing_returns_or_delivers_every_value() {
    macro_rules! body {
        ($name:literal, $ends:expr, |$n:ident| $carrier:expr) => {
            check(concat!($name, ", close"), 3, || {
                let (tx, rx) = $ends;
                let carrier = |n: u32| {
                    let $n = Box::new(n);
                    $carrier
                };
                let producer = thread::spawn(move || {
                    let mut sent = 0;
                    while sent < 2 {
                        match tx.send(carrier(sent)) {
                            Ok(_) => sent += 1,
                            Err(error) => {
                                assert!(matches!(error, SendError::Closed(_)));
                                assert_eq!(error.into_inner(), carrier(sent));
                                break;
                            }
                        }
                    }
                    sent
                });
                rx.close();
                let received = rx.iter().count();
                assert_eq!(producer.join().unwrap() as usize, received);
            })
        };
    }
    for_each_store!(body);
}

#[test]
fn the_last_sender_s_end_wakes_the_receivers() {
    check("queue, last sender", 2, || {
        let (tx, rx) = queue::bounded::<u8>(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || other.recv());
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(rx.recv(), Err(RecvError::Closed));
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
        sender.join().unwrap();
    });
    check("priority(0), last sender", 2, || {
        let (tx, rx) = priority::bounded::<u8, u8>(0, First::Smallest);
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(rx.recv(), Err(RecvError::Closed));
        sender.join().unwrap();
    });
}

#[test]
fn a_timeout_and_a_value_exclude_each_other() {
    macro_rules! body {
        ($name:literal, $ends:expr, |$n:ident| $carrier:expr) => {
            check(concat!($name, ", deadlines"), 3, || {
                let (tx, rx) = $ends;
                let $n = 7;
                let sender = thread::spawn(move || tx.send_until($carrier, PAST).is_ok());
                let received = rx.recv_until(PAST);
                let sent = sender.join().unwrap();
                match (received, rx.try_recv()) {
                    (Ok(value), Err(TryRecvError::Closed))
                    | (Err(RecvUntilError::TimedOut), Ok(value)) => {
                        assert_eq!((sent, value), (true, $carrier));
                    }
                    (Err(_), Err(TryRecvError::Closed)) => assert!(!sent),
                    other => panic!("{other:?}"),
                }
            })
        };
    }
    for_each_store!(body);
}

#[test]
fn a_full_queue_s_timeout_and_its_room_exclude_each_other() {
    check("queue(1), full, deadline", 3, || {
        let (tx, rx) = queue::bounded(1);
        tx.send(1).unwrap();
        let sender = thread::spawn(move || tx.send_until(2, PAST));
        assert_eq!(rx.recv(), Ok(1));
        match sender.join().unwrap() {
            Ok(()) => assert_eq!(rx.try_recv(), Ok(2)),
            Err(error) => assert_eq!(error, SendUntilError::TimedOut(2)),
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    });
}

#[test]
fn a_canceled_receiver_leaves_the_value() {
    check("queue(1), cancellation", 2, || {
        let (tx, rx) = queue::bounded(1);
        let unit = current::unit();
        let other = thread::spawn(move || {
            unit.cancel();
            tx.send(7).unwrap();
        });
        let received = rx.recv();
        other.join().unwrap();
        assert_eq!(received.is_err(), rx.try_recv().is_ok(), "{received:?}");
    });
}

#[test]
fn a_join_ends_when_the_queue_is_closed_and_empty() {
    check("queue, join", 3, || {
        let (tx, rx) = queue::unbounded();
        tx.send(1).unwrap();
        let closer = thread::spawn(move || {
            tx.close();
            tx
        });
        let drainer = thread::spawn({
            let rx = rx.clone();
            move || rx.recv().unwrap()
        });
        assert_eq!(rx.join(), Ok::<(), WaitError>(()));
        assert_eq!((rx.len(), rx.is_closed()), (0, true));
        assert_eq!(drainer.join().unwrap(), 1);
        drop(closer.join().unwrap());
    });
}

#[test]
fn a_reset_wakes_whoever_waits_for_a_timer() {
    check("timer, reset", 3, || {
        let timer = timer::never();
        let other = timer.clone();
        let receiver = thread::spawn(move || other.recv());
        timer.reset_at(PAST);
        assert_eq!(receiver.join().unwrap().map(|tick| tick.due), Ok(PAST));
    });
}

#[test]
fn a_timer_s_tick_and_a_timeout_exclude_each_other() {
    check("timer, deadline", 3, || {
        let timer = timer::never();
        let other = timer.clone();
        let receiver = thread::spawn(move || other.recv_until(PAST));
        timer.reset_at(PAST);
        let received = receiver.join().unwrap().map(|tick| tick.due);
        match (received, timer.try_recv().map(|tick| tick.due)) {
            (Ok(PAST), Err(TryRecvError::Empty)) | (Err(RecvUntilError::TimedOut), Ok(PAST)) => {}
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn one_of_two_gets_a_timer_s_tick_and_closing_wakes_the_other() {
    check("timer, close", 2, || {
        let timer = timer::at(PAST);
        let receivers = [(); 2].map(|()| {
            let timer = timer.clone();
            thread::spawn(move || {
                let received = timer.recv().is_ok();
                if received {
                    timer.close();
                }
                received
            })
        });
        let received = receivers.map(|receiver| receiver.join().unwrap());
        assert_eq!(received.iter().filter(|received| **received).count(), 1);
    });
}

/// The checker can fail: here a receiver looks, lets go of the lock, and queues up without another
/// look, as the channels must not.
#[cfg(loom)]
#[test]
#[should_panic(expected = "deadlock")]
fn a_receiver_that_queues_without_looking_again_sleeps_for_ever() {
    check("flawed: no second look", 2, || {
        // Not loom's: that one panics once more when it is dropped after the checker has given up.
        let state = std::sync::Arc::new(Mutex::new((None::<u32>, None::<Ticket>)));
        let other = state.clone();
        let sender = thread::spawn(move || {
            let mut state = other.lock();
            state.0 = Some(1);
            let waiter = state.1.take();
            drop(state);
            drop(waiter.and_then(|ticket| ticket.claim(Outcome::Woken)));
        });
        let is_empty = state.lock().0.is_none();
        if is_empty {
            let wait = Wait::begin(Reason::Recv, std::ptr::null());
            state.lock().1 = Some(wait.ticket());
            assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        }
        sender.join().unwrap();
    });
}
