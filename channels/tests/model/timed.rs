//! A wait that is given up hands nothing over, and what was handed over was not given up.

use crate::check::check;
use vitte_channels::{
    Channel, Kind, Receiver, RecvUntilError, SendUntilError, Sender, TryRecvError, mpmc, spsc,
};
use vitte_wait::{Deadline, current, facade::thread};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

fn receive_or_time_out<K: Kind>((tx, rx): (Sender<u8, K>, Receiver<u8, K>)) {
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
    check("bounded(2), deadline", 3, || {
        receive_or_time_out(Channel::bounded(2));
    });
    check("spsc(2), deadline", 3, || {
        receive_or_time_out(spsc::channel(2));
    });
}

#[test]
fn an_unbounded_channel_s_timeout_and_a_value_exclude_each_other() {
    check("unbounded, deadline", 3, || {
        receive_or_time_out(Channel::new());
    });
}

#[test]
fn a_rendezvous_s_timeouts_agree() {
    check("rendezvous, deadlines", 3, || {
        receive_or_time_out(Channel::bounded(0));
    });
}

fn send_or_time_out<K: Kind>((tx, rx): (Sender<u8, K>, Receiver<u8, K>)) {
    let capacity = tx.capacity().unwrap() as u8;
    (0..capacity).for_each(|n| tx.send(n).unwrap());
    let sender = thread::spawn(move || tx.send_until(capacity, PAST));
    (0..capacity).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
    let sent = sender.join().unwrap();
    match sent {
        Ok(()) => assert_eq!(rx.try_recv(), Ok(capacity)),
        Err(error) => assert_eq!(error, SendUntilError::TimedOut(capacity)),
    }
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_full_ring_s_timeout_and_its_room_exclude_each_other() {
    check("bounded(1), full, deadline", 2, || {
        send_or_time_out(Channel::bounded(1));
    });
    check("bounded(2), full, deadline", 2, || {
        send_or_time_out(Channel::bounded(2));
    });
    check("spsc(2), full, deadline", 2, || {
        send_or_time_out(spsc::channel(2));
    });
}

/// Of two consumers one gives up: the value is the other's, or was its own.
fn one_of_two_times_out((tx, rx): (mpmc::Sender<u8>, mpmc::Receiver<u8>)) {
    let patient = rx.clone();
    let patient = thread::spawn(move || patient.recv().is_ok());
    let sender = thread::spawn(move || tx.send_until(7, PAST).is_ok());
    let received = rx.recv_until(PAST).is_ok();
    let sent = sender.join().unwrap();
    let others = patient.join().unwrap();
    assert_eq!(u8::from(received) + u8::from(others), u8::from(sent));
}

#[test]
fn a_consumer_that_gives_up_takes_nothing_from_the_other() {
    check("bounded(1), 2 consumers, deadline", 1, || {
        one_of_two_times_out(mpmc::bounded(1));
    });
    check("bounded(2), 2 consumers, deadline", 1, || {
        one_of_two_times_out(mpmc::bounded(2));
    });
    check("rendezvous, 2 consumers, deadline", 1, || {
        one_of_two_times_out(mpmc::rendezvous());
    });
    check("unbounded, 2 consumers, deadline", 1, || {
        one_of_two_times_out(mpmc::unbounded());
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
