//! A select goes by one arm, and what the others wait for is as it was.

use crate::check::check;
use vitte_channels::{
    Channel, Receiver, RecvError, Sender, TryRecvError, mpmc,
    select::{Chosen, RecvArm, SelectError, SendArm, select},
};
use vitte_wait::{Deadline, current, facade::thread};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

/// A box, so that a value that arrives twice is freed twice, and loom's cells see who touches it.
type Value = Box<u32>;

/// Selects among the two until one has gone, and says what came of it.
fn either<T>(mut a: RecvArm<'_, T>, mut b: RecvArm<'_, T>) -> Result<T, RecvError> {
    let which = select(&mut [&mut a, &mut b], Deadline::NEVER, None).unwrap();
    let (a, b) = (a.take(), b.take());
    assert_eq!((a.is_some(), b.is_some()), (which == 0, which == 1));
    a.or(b).unwrap()
}

fn a_sender_on_each(
    (a, from_a): (Sender<Value>, Receiver<Value>),
    (b, from_b): (Sender<Value>, Receiver<Value>),
) {
    let senders = [a, b].map(|tx| {
        thread::spawn(move || {
            tx.send(Box::new(1)).unwrap();
            // Alive until we have joined: closing wakes whoever was forgotten.
            tx
        })
    });
    for _ in 0..2 {
        assert_eq!(*either(from_a.recv_arm(), from_b.recv_arm()).unwrap(), 1);
    }
    for sender in senders {
        drop(sender.join().unwrap());
    }
}

#[test]
fn two_senders_are_both_received_from() {
    check("select, bounded(1) twice", 1, || {
        a_sender_on_each(Channel::bounded(1), Channel::bounded(1));
    });
    check("select, bounded(2) twice", 1, || {
        a_sender_on_each(Channel::bounded(2), Channel::bounded(2));
    });
    check("select, unbounded and rendezvous", 1, || {
        a_sender_on_each(Channel::new(), Channel::bounded(0));
    });
}

/// A value and a close, on one channel each: both are seen, in either order.
fn a_value_and_a_close(
    (a, from_a): (Sender<Value>, Receiver<Value>),
    (b, from_b): (Sender<Value>, Receiver<Value>),
) {
    let sender = thread::spawn(move || {
        a.send(Box::new(1)).unwrap();
        a
    });
    let closer = thread::spawn(move || drop(b));
    let first = either(from_a.recv_arm(), from_b.recv_arm());
    let second = from_a.recv_arm();
    match first {
        Ok(value) => {
            assert_eq!(*value, 1);
            drop(second);
            assert_eq!(from_b.recv(), Err(RecvError::Closed));
        }
        Err(error) => {
            assert_eq!(error, RecvError::Closed);
            drop(second);
            assert_eq!(*from_a.recv().unwrap(), 1);
        }
    }
    drop(sender.join().unwrap());
    closer.join().unwrap();
}

#[test]
fn a_close_is_one_of_the_things_that_happen() {
    check(
        "select, value and close of bounded(1) and of a ring",
        1,
        || {
            a_value_and_a_close(Channel::bounded(1), Channel::bounded(2));
        },
    );
    check("select, value and close of rendezvous", 1, || {
        a_value_and_a_close(Channel::bounded(0), Channel::bounded(0));
    });
}

/// A select at either end, with a deadline: they agree whether the value went over.
fn selects_that_may_time_out((tx, rx): (Sender<Value>, Receiver<Value>)) {
    let sender = thread::spawn(move || {
        let mut arm = tx.send_arm(Box::new(7));
        let which = select(&mut [&mut arm], PAST, None);
        let sent = arm.take().map(Result::unwrap);
        assert_eq!(sent.is_some(), arm.unsent().is_none());
        assert_eq!(sent.ok_or(SelectError::TimedOut), which.map(|_| ()));
        sent.is_some()
    });
    let mut arm = rx.recv_arm();
    let which = select(&mut [&mut arm], PAST, None);
    let received = arm.take();
    assert_eq!(received.is_some(), which.is_ok());
    drop(arm);
    let sent = sender.join().unwrap();
    let received = received.is_some_and(|value| value.is_ok());
    assert_eq!(sent, received || rx.try_recv().is_ok());
}

#[test]
fn a_timeout_and_a_hand_over_exclude_each_other() {
    check("select, rendezvous, deadlines", 3, || {
        selects_that_may_time_out(Channel::bounded(0));
    });
    check("select, bounded(1), deadlines", 2, || {
        selects_that_may_time_out(Channel::bounded(1));
    });
    check("select, bounded(2), deadlines", 2, || {
        selects_that_may_time_out(Channel::bounded(2));
    });
}

#[test]
fn a_canceled_select_has_taken_and_sent_nothing() {
    check("select, cancellation", 2, || {
        let ((tx, rx), (out, end)) = (Channel::bounded(0), Channel::bounded(0));
        let unit = current::unit();
        let other = thread::spawn(move || {
            unit.cancel();
            // Alive until we have joined: closing is an outcome, too.
            (tx.send_until(1, PAST).is_ok(), tx)
        });
        let (mut recv, mut send) = (rx.recv_arm(), out.send_arm(2));
        let which = select(&mut [&mut recv, &mut send], Deadline::NEVER, None);
        let received = recv.take();
        match which {
            Ok(which) => assert_eq!((which, received), (0, Some(Ok(1)))),
            Err(error) => assert_eq!((error, received), (SelectError::Canceled, None)),
        }
        assert_eq!((send.take(), send.unsent()), (None, Some(2)));
        drop((recv, send));
        assert_eq!(other.join().unwrap().0, which.is_ok());
        assert_eq!(end.try_recv(), Err(TryRecvError::Empty));
    });
}

/// Selects to send or to receive, and says what came of it: what it has now.
fn exchange(mut send: SendArm<'_, Value>, mut recv: RecvArm<'_, Value>, send_first: bool) -> Value {
    let which = if send_first {
        select(&mut [&mut send, &mut recv], Deadline::NEVER, None)
    } else {
        select(&mut [&mut recv, &mut send], Deadline::NEVER, None)
    };
    assert!(which.is_ok());
    match (send.take(), recv.take()) {
        (Some(Ok(())), None) => Box::new(0),
        (None, Some(Ok(value))) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_selects_that_cross_meet_once() {
    // Each sends where the other receives. They go by the same channel, so one has the other's value.
    check("select, crossed", 2, || {
        let ((a, from_a), (b, from_b)) = (Channel::bounded(0), Channel::bounded(0));
        let other = thread::spawn(move || {
            let mine = *exchange(a.send_arm(Box::new(1)), from_b.recv_arm(), true);
            // Alive until we have joined.
            (mine, a, from_b)
        });
        let mine = *exchange(b.send_arm(Box::new(2)), from_a.recv_arm(), false);
        let (theirs, _a, _from_b) = other.join().unwrap();
        assert!(matches!((mine, theirs), (1, 0) | (0, 2)), "{mine} {theirs}");
    });
}

#[test]
fn a_select_at_both_ends_meets_somebody_else() {
    check("select, both ends", 2, || {
        let (tx, rx) = Channel::bounded(0);
        let other = {
            let tx = tx.clone();
            thread::spawn(move || tx.send(Box::new(1)))
        };
        let got = exchange(tx.send_arm(Box::new(2)), rx.recv_arm(), true);
        assert_eq!(*got, 1);
        assert_eq!(other.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_select_sends_into_a_full_ring_or_elsewhere() {
    check("select, full ring", 1, || {
        let ((tx, rx), (other, elsewhere)) = (Channel::bounded(1), Channel::bounded(0));
        tx.send(Box::new(0)).unwrap();
        let selector = thread::spawn(move || {
            let (mut a, mut b) = (tx.send_arm(Box::new(1)), other.send_arm(Box::new(1)));
            let which = select(&mut [&mut a, &mut b], Deadline::NEVER, None).unwrap();
            assert_eq!(a.take().is_some(), which == 0);
            drop((a, b));
            (tx, other)
        });
        // Both come, by whichever channel, and nobody sleeps for ever.
        let sum: u32 = (0..2)
            .map(|_| *either(rx.recv_arm(), elsewhere.recv_arm()).unwrap())
            .sum();
        assert_eq!(sum, 1);
        drop(selector.join().unwrap());
        assert!(rx.try_recv().is_err() && elsewhere.try_recv().is_err());
    });
}

#[test]
fn two_selects_at_both_ends_of_one_channel_meet() {
    check("select, both at both ends", 1, || {
        let (tx, rx) = mpmc::rendezvous();
        let other = {
            let (tx, rx) = (tx.clone(), rx.clone());
            thread::spawn(move || *exchange(tx.send_arm(Box::new(1)), rx.recv_arm(), true))
        };
        let mine = *exchange(tx.send_arm(Box::new(2)), rx.recv_arm(), true);
        let theirs = other.join().unwrap();
        assert!(matches!((mine, theirs), (1, 0) | (0, 2)), "{mine} {theirs}");
    });
}

/// For loom these are too many schedules, even with one preemption; the models of `vitte-wait` ask the
/// same of it with less in between.
#[cfg(shuttle)]
#[test]
fn a_wake_up_that_a_select_is_given_is_used() {
    check("select beside a consumer, unbounded", 1, || {
        let ((a, from_a), (b, from_b)) = (mpmc::unbounded(), mpmc::unbounded());
        // The last receiver of `b` is ours, so that it is not closed before we send.
        let (again, also_from_a, _from_b) = (a.clone(), from_a.clone(), from_b.clone());
        let selector = thread::spawn(move || {
            let (mut one, mut other) = (from_a.recv_arm(), from_b.recv_arm());
            if select(&mut [&mut one, &mut other], Deadline::NEVER, None) == Ok(0) {
                // The other consumer had nothing of it.
                again.send(Box::new(1)).unwrap();
            }
        });
        let consumer = thread::spawn(move || *also_from_a.recv().unwrap());
        a.send(Box::new(1)).unwrap();
        b.send(Box::new(2)).unwrap();
        selector.join().unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        drop((a, b));
    });
}
