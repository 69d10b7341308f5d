//! Channels between fibers, and between fibers and threads.

use crate::explore::explore;
use vitte_threads::{Channel, Fiber, RecvError, SendError};
use vitte_wait::facade::thread;

#[test]
fn a_channel_of_any_flavor_delivers_everything_in_order() {
    fn body(capacity: Option<usize>) {
        let (tx, rx) = match capacity {
            None => Channel::new(),
            Some(capacity) => Channel::bounded(capacity),
        };
        let sender = Fiber::spawn(move || {
            for i in 0..3 {
                tx.send(i).unwrap();
            }
        });
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
        sender.join().unwrap();
    }
    explore("rendezvous", || body(Some(0)));
    explore("one slot", || body(Some(1)));
    explore("unbounded", || body(None));
}

#[test]
fn two_producers_lose_nothing_to_each_other() {
    explore("two producers", || {
        let (tx, rx) = Channel::bounded(1);
        let producers = [10, 20].map(|from| {
            let tx = tx.clone();
            Fiber::spawn(move || {
                tx.send(from).unwrap();
                tx.send(from + 1).unwrap();
            })
        });
        drop(tx);
        let mut all: Vec<i32> = rx.iter().collect();
        for producer in producers {
            producer.join().unwrap();
        }
        all.sort_unstable();
        assert_eq!(all, [10, 11, 20, 21]);
    });
}

#[test]
fn closing_gives_a_blocked_sender_its_value_back_or_delivers_it() {
    explore("close", || {
        let (tx, rx) = Channel::bounded(1);
        let sender = Fiber::spawn(move || (tx.send(1).is_ok(), tx.send(2)));
        let closer = Fiber::spawn(move || {
            rx.close();
            rx.iter().count()
        });
        let (first, second) = sender.join().unwrap();
        let delivered = closer.join().unwrap();
        let second_went = match second {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error, SendError::Closed(2));
                false
            }
        };
        assert_eq!(delivered, usize::from(first) + usize::from(second_went));
    });
}

#[test]
fn a_thread_and_a_fiber_meet() {
    explore("a thread and a fiber", || {
        let (tx, rx) = Channel::bounded(0);
        let (back, answer) = Channel::bounded(1);
        let outside = thread::spawn(move || {
            let value: i32 = rx.recv().unwrap();
            back.send(value + 1).unwrap();
        });
        tx.send(1).unwrap();
        assert_eq!(answer.recv(), Ok(2));
        assert_eq!(answer.recv(), Err(RecvError::Closed));
        outside.join().unwrap();
    });
}
