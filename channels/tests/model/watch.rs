//! A receiver always learns of the last value, and what it looks at stays.

use crate::check::check;
use vitte_channels::{RecvError, RecvUntilError, TryRecvError, watch};
use vitte_wait::{Deadline, facade::thread};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

// Boxes, so that a value that is dropped twice is freed twice, and one that is looked at too long is
// read after it was freed.

#[test]
fn a_waiting_receiver_sees_the_value() {
    check("watch, hand-over", 3, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let sender = thread::spawn(move || {
            tx.send(Box::new(1)).unwrap();
            // Alive until we have joined: closing wakes whoever was forgotten.
            tx
        });
        assert_eq!(rx.changed(), Ok(()));
        assert_eq!(**rx.borrow(), 1);
        drop(sender.join().unwrap());
    });
}

#[test]
fn the_last_value_is_never_missed_and_values_do_not_go_back() {
    check("watch, 2 values and the end", 2, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let sender = thread::spawn(move || {
            tx.send(Box::new(1)).unwrap();
            tx.send(Box::new(2)).unwrap();
        });
        let mut last = 0;
        while rx.changed().is_ok() {
            let now = **rx.borrow_and_update();
            assert!(now >= last);
            last = now;
        }
        assert_eq!(last, 2);
        sender.join().unwrap();
    });
}

#[test]
fn a_look_outlives_the_value_s_time() {
    check("watch, look and replacements", 2, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let sender = thread::spawn(move || {
            for n in 1..=2 {
                tx.send(Box::new(n)).unwrap();
            }
        });
        let look = rx.borrow();
        let first = **look;
        let second = **rx.borrow();
        assert!(first <= second && **look == first);
        drop(look);
        sender.join().unwrap();
        assert_eq!(**rx.borrow(), 2);
    });
}

#[test]
fn changes_by_two_senders_add_up() {
    check("watch, 2 senders modify", 2, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let other = tx.clone();
        let sender = thread::spawn(move || other.send_modify(|n| **n += 1));
        tx.send_modify(|n| **n += 2);
        sender.join().unwrap();
        assert_eq!(**rx.borrow(), 3);
    });
}

#[test]
fn the_value_before_is_given_back_whoever_looks() {
    check("watch, exchange and look", 3, || {
        let (tx, rx) = watch::channel(Box::new(1));
        let receiver = thread::spawn(move || **rx.borrow());
        assert_eq!(*tx.send_replace(Box::new(2)), 1);
        assert!(matches!(receiver.join().unwrap(), 1 | 2));
    });
}

#[test]
fn either_end_is_told_when_the_other_goes() {
    check("watch, sender's end", 3, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(rx.changed(), Err(RecvError::Closed));
        sender.join().unwrap();
    });
    check("watch, receiver's end", 3, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let receiver = thread::spawn(move || drop(rx));
        assert_eq!(tx.closed(), Ok(()));
        receiver.join().unwrap();
    });
}

#[test]
fn a_timeout_leaves_the_change_to_be_seen() {
    check("watch, deadline", 3, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let sender = thread::spawn(move || tx.send(Box::new(1)).unwrap());
        let changed = rx.changed_until(PAST);
        sender.join().unwrap();
        match changed {
            Ok(()) => assert_eq!(rx.try_changed(), Err(TryRecvError::Closed)),
            Err(error) => {
                assert_eq!(error, RecvUntilError::TimedOut);
                assert_eq!(rx.try_changed(), Ok(()));
            }
        }
    });
}

/// Closing is the third way in which the two meet, and what was sent before it is still told.
#[test]
fn closing_tells_both_ends_and_keeps_the_last_value() {
    check("watch, close", 2, || {
        let (tx, rx) = watch::channel(Box::new(0));
        let closer = tx.clone();
        let closer = thread::spawn(move || closer.close());
        let sent = tx.send(Box::new(1)).is_ok();
        let last = rx.iter().last();
        assert_eq!(last.map(|value| *value), sent.then_some(1));
        assert_eq!(tx.closed(), Ok(()));
        closer.join().unwrap();
        assert_eq!(*tx.send(Box::new(2)).unwrap_err().into_inner(), 2);
    });
}
