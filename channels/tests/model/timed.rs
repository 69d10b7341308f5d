//! A wait that is given up hands nothing over, and what was handed over was not given up.

use crate::check::check;
use vitte_channels::{Channel, Receiver, RecvUntilError, SendUntilError, Sender, TryRecvError};
use vitte_wait::{Deadline, current, facade::thread};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

fn receive_or_time_out((tx, rx): (Sender<u8>, Receiver<u8>)) {
    let sender = thread::spawn(move || tx.send_until(7, PAST));
    let received = rx.recv_until(PAST);
    let sent = sender.join().unwrap();
    let left = rx.try_recv();
    match (sent, received, left) {
        (Ok(()), Ok(7), Err(TryRecvError::Closed))
        | (Ok(()), Err(RecvUntilError::TimedOut), Ok(7))
        | (Err(SendUntilError::TimedOut(7)), Err(_), Err(TryRecvError::Closed)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ring_s_timeout_and_a_value_exclude_each_other() {
    check("bounded(1), deadline", 3, || {
        receive_or_time_out(Channel::bounded(1));
    });
}

#[test]
fn a_rendezvous_s_timeouts_agree() {
    check("rendezvous, deadlines", 3, || {
        receive_or_time_out(Channel::bounded(0));
    });
}

#[test]
fn a_full_ring_s_timeout_and_its_room_exclude_each_other() {
    check("bounded(1), full, deadline", 2, || {
        let (tx, rx) = Channel::bounded(1);
        tx.send(1).unwrap();
        let sender = thread::spawn(move || tx.send_until(2, PAST));
        assert_eq!(rx.recv(), Ok(1));
        let sent = sender.join().unwrap();
        match sent {
            Ok(()) => assert_eq!(rx.try_recv(), Ok(2)),
            Err(error) => assert_eq!(error, SendUntilError::TimedOut(2)),
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    });
}

#[test]
fn a_canceled_receiver_leaves_the_value() {
    check("bounded(1), cancellation", 2, || {
        let (tx, rx) = Channel::bounded(1);
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
