//! Broadcasts and locks between fibers.

use crate::explore::explore;
use std::sync::Arc;
use vitte_threads::{
    Channel, Fiber, broadcast, oneshot,
    sync::{Condvar, Mutex},
};

/// What a subscriber received, and how many it was told it had missed.
fn account(rx: &broadcast::Receiver<u32>) -> (Vec<u32>, u64) {
    let (mut seen, mut missed) = (Vec::new(), 0);
    for item in rx.iter() {
        match item {
            Ok(value) => seen.push(value),
            Err(lagged) => missed += lagged.0,
        }
    }
    (seen, missed)
}

#[test]
fn every_subscriber_accounts_for_every_value() {
    explore("broadcast", || {
        let (tx, rx) = broadcast::channel(2);
        let subscribers = [rx.resubscribe(), rx].map(|rx| Fiber::spawn(move || account(&rx)));
        let sender = Fiber::spawn(move || (0..4).filter(|&value| tx.send(value).is_ok()).count());
        assert_eq!(sender.join().unwrap(), 4);
        for subscriber in subscribers {
            let (seen, missed) = subscriber.join().unwrap();
            assert_eq!(seen.len() as u64 + missed, 4);
            assert!(seen.is_sorted());
            assert_eq!(seen.last(), Some(&3), "the newest value is still there");
        }
    });
}

#[test]
fn a_subscriber_that_goes_stops_nobody() {
    explore("broadcast, one goes", || {
        let (tx, stays) = broadcast::channel(4);
        let goes = stays.resubscribe();
        let going = Fiber::spawn(move || goes.recv().is_ok());
        let staying = Fiber::spawn(move || account(&stays).0);
        for value in 0..3 {
            tx.send(value).unwrap();
        }
        drop(tx);
        assert!(going.join().unwrap());
        assert_eq!(staying.join().unwrap(), [0, 1, 2]);
    });
}

#[test]
fn an_answer_arrives_however_late_the_question() {
    explore("oneshot", || {
        let (ask, questions) = Channel::bounded::<oneshot::Sender<u32>>(1);
        let oracle = Fiber::spawn(move || {
            for question in questions {
                question.send(7).unwrap();
            }
        });
        for _ in 0..2 {
            let (answer, rx) = oneshot::channel();
            ask.send(answer).map_err(drop).unwrap();
            assert_eq!(rx.recv().unwrap(), 7);
        }
        drop(ask);
        oracle.join().unwrap();
    });
}

#[test]
fn a_notification_finds_whoever_waits_under_the_lock() {
    explore("mutex and condvar", || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let waiters = [1, 2].map(|wanted| {
            let shared = Arc::clone(&shared);
            Fiber::spawn(move || {
                let (count, changed) = &*shared;
                let mut count = count.lock().unwrap();
                while *count < wanted {
                    changed.wait(&mut count).unwrap();
                }
            })
        });
        for _ in 0..2 {
            *shared.0.lock().unwrap() += 1;
            shared.1.notify_all();
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}
