//! The one value goes to exactly one of the two ends.

use crate::check::check;
use vitte_channels::{RecvError, RecvUntilError, WaitError, oneshot};
use vitte_wait::{Deadline, facade::thread};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

// Boxes, so that a value that is at both ends is freed twice, and one that is at neither leaks.

#[test]
fn the_value_reaches_a_waiting_receiver() {
    check("oneshot, hand-over", 4, || {
        let (tx, rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Box::new(7)).unwrap());
        assert_eq!(rx.recv(), Ok(Box::new(7)));
        assert_eq!(rx.recv(), Err(RecvError::Closed));
        sender.join().unwrap();
    });
}

#[test]
fn a_sender_that_goes_wakes_the_receiver() {
    check("oneshot, sender's end", 4, || {
        let (tx, rx) = oneshot::channel::<Box<u8>>();
        let sender = thread::spawn(move || drop(tx));
        assert_eq!(rx.recv(), Err(RecvError::Closed));
        sender.join().unwrap();
    });
}

#[test]
fn a_receiver_that_goes_leaves_the_value_to_one_of_them() {
    check("oneshot, receiver's end", 4, || {
        let (tx, rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Box::new(7)).map_err(|back| *back.into_inner()));
        drop(rx);
        assert!(matches!(sender.join().unwrap(), Ok(()) | Err(7)));
    });
}

#[test]
fn closing_and_sending_agree() {
    check("oneshot, close", 4, || {
        let (tx, rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Box::new(7)));
        rx.close();
        let received = rx.recv();
        assert_eq!(sender.join().unwrap().is_ok(), received.is_ok());
    });
}

#[test]
fn a_waiting_sender_is_told_that_the_receiver_goes() {
    check("oneshot, closed", 4, || {
        let (tx, rx) = oneshot::channel::<Box<u8>>();
        let receiver = thread::spawn(move || drop(rx));
        assert_eq!(tx.closed(), Ok(()));
        receiver.join().unwrap();
        assert!(tx.send(Box::new(1)).is_err());
    });
}

#[test]
fn a_timeout_and_the_value_exclude_each_other() {
    check("oneshot, deadlines", 3, || {
        let (tx, rx) = oneshot::channel();
        let sender = thread::spawn(move || {
            let closed = tx.closed_until(PAST);
            (closed, tx.send(Box::new(7)))
        });
        let received = rx.recv_until(PAST);
        let left = rx.recv();
        match (received, left) {
            (Ok(value), Err(RecvError::Closed)) | (Err(RecvUntilError::TimedOut), Ok(value)) => {
                assert_eq!(*value, 7);
            }
            other => panic!("{other:?}"),
        }
        let (closed, sent) = sender.join().unwrap();
        assert_eq!((closed, sent), (Err(WaitError::TimedOut), Ok(())));
    });
}
