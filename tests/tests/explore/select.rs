//! Selects of fibers, over every kind of arm.

use crate::explore::explore;
use vitte_channels::{mpmc, select};
use vitte_threads::{Channel, Deadline, Fiber, StopSource, broadcast};
use vitte_wait::facade::thread;

#[test]
fn a_select_takes_one_value_and_leaves_the_other() {
    explore("select, two senders", || {
        let ((a, from_a), (b, from_b)) = (Channel::bounded(0), Channel::bounded(1));
        let senders = [
            Fiber::spawn(move || a.send(1).unwrap()),
            Fiber::spawn(move || b.send(2).unwrap()),
        ];
        let first = select! { recv(from_a) -> v => v.unwrap(), recv(from_b) -> v => v.unwrap() };
        let second = match first.unwrap() {
            1 => from_b.recv(),
            _ => from_a.recv(),
        };
        assert_eq!(first.unwrap() + second.unwrap(), 3);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn selects_that_cross_meet_once() {
    explore("select, crossed", || {
        let ((a, from_a), (b, from_b)) = (Channel::bounded(0), Channel::bounded(0));
        let other = Fiber::spawn(move || {
            let mine = select! { send(a, 1) -> s => s.map(|()| 0).unwrap(), recv(from_b) -> v => v.unwrap() };
            (mine, a, from_b)
        });
        let mine =
            select! { send(b, 2) -> s => s.map(|()| 0).unwrap(), recv(from_a) -> v => v.unwrap() };
        let (theirs, _a, _from_b) = other.join().unwrap();
        assert!(matches!((mine, theirs), (Ok(0), Ok(2)) | (Ok(1), Ok(0))));
    });
}

#[test]
fn two_at_both_ends_of_one_channel_meet() {
    explore("select, both at both ends", || {
        let (tx, rx) = mpmc::bounded(0);
        let other = {
            let (tx, rx) = (tx.clone(), rx.clone());
            Fiber::spawn(move || select! { recv(rx) -> v => v.ok(), send(tx, 1) => None })
        };
        let mine = select! { send(tx, 2) => None, recv(rx) -> v => v.ok() };
        let theirs = other.join().unwrap();
        let pair = (mine.unwrap(), theirs.unwrap());
        assert!(
            matches!(pair, (None, Some(2)) | (Some(1), None)),
            "{pair:?}"
        );
    });
}

#[test]
fn a_wake_up_of_one_consumer_is_not_lost_in_a_select() {
    explore("select beside a receiver", || {
        let ((a, from_a), (b, from_b)) = (mpmc::unbounded(), mpmc::unbounded());
        let receiver = {
            let from_a = from_a.clone();
            Fiber::spawn(move || from_a.recv())
        };
        // A receiver of `b` is ours, so that it is not closed before we send.
        let (again, _from_b) = (a.clone(), from_b.clone());
        let selector = Fiber::spawn(move || {
            let by_a = select! { recv(from_a) -> _ => true, recv(from_b) -> _ => false };
            if by_a.unwrap() {
                // The other had nothing of it.
                again.send(1).unwrap();
            }
        });
        let thread = thread::spawn(move || (a.send(1).unwrap(), a));
        b.send(2).unwrap();
        selector.join().unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(1));
        drop(thread.join().unwrap());
    });
}

#[test]
fn a_select_over_broadcasts_accounts_for_every_value() {
    explore("select, broadcasts", || {
        let ((a, from_a), (b, from_b)) = (broadcast::channel(1), broadcast::channel(2));
        let senders = [a, b]
            .map(|tx| Fiber::spawn(move || (0..3).for_each(|n| assert_eq!(tx.send(n), Ok(1)))));
        let (mut seen, mut open) = ([0; 2], [true; 2]);
        while open != [false; 2] {
            let (which, item) = select! {
                recv(from_a) -> item if open[0] => (0, item),
                recv(from_b) -> item if open[1] => (1, item),
            }
            .unwrap();
            match item {
                Ok(_) => seen[which] += 1,
                Err(broadcast::RecvError::Lagged(missed)) => seen[which] += missed,
                Err(error) => {
                    assert_eq!(error, broadcast::RecvError::Closed);
                    open[which] = false;
                }
            }
        }
        assert_eq!(seen, [3; 2]);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_join_a_stop_and_a_value_exclude_each_other() {
    explore("select, join, stop, value", || {
        let ((tx, rx), source) = (Channel::bounded(0), StopSource::new());
        let (token, mut child) = (source.token(), Fiber::spawn(|| 7));
        let stopper = Fiber::spawn(move || source.stop());
        let sender = Fiber::spawn(move || tx.send_until(8, Deadline::NEVER).is_ok());
        let which = select! {
            recv(rx) -> v => v.unwrap(),
            join(child) -> v => v.unwrap(),
            stop(token) => 9,
        };
        let which = which.unwrap();
        if which != 7 {
            assert_eq!(child.join().unwrap(), 7);
        }
        drop(rx);
        assert_eq!(sender.join().unwrap(), which == 8);
        stopper.join().unwrap();
    });
}
