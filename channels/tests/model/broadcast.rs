//! Every subscriber sees everything that is sent, or is told exactly how much it missed.

use crate::check::check;
use vitte_channels::broadcast::{self, Receiver, RecvError, RecvUntilError, SendError};
use vitte_wait::{
    Deadline,
    facade::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

/// A box, so that a value that is dropped twice is freed twice.
type Value = Box<u64>;

/// Receives until the channel is closed; returns how many values it had and how many it missed.
fn account(rx: &Receiver<Value>) -> (u64, u64) {
    let (mut received, mut missed) = (0, 0);
    loop {
        match rx.recv() {
            Ok(value) => {
                assert_eq!(*value, received + missed);
                received += 1;
            }
            Err(RecvError::Lagged(n)) => missed += n,
            Err(error) => {
                assert_eq!(error, RecvError::Closed);
                return (received, missed);
            }
        }
    }
}

#[test]
fn a_value_reaches_a_waiting_receiver() {
    check("broadcast(2), hand-over", 3, || {
        let (tx, rx) = broadcast::channel(2);
        let sender = thread::spawn(move || {
            tx.send(Box::new(7)).unwrap();
            // Alive until we have joined: closing wakes whoever was forgotten.
            tx
        });
        assert_eq!(rx.recv(), Ok(Box::new(7)));
        drop(sender.join().unwrap());
    });
}

#[test]
fn both_receivers_see_both_values() {
    check("broadcast(2), 2 receivers", 2, || {
        let (tx, rx) = broadcast::channel(2);
        let other = rx.clone();
        let receiver = thread::spawn(move || account(&other));
        tx.send(Box::new(0)).unwrap();
        tx.send(Box::new(1)).unwrap();
        drop(tx);
        assert_eq!(account(&rx), (2, 0));
        assert_eq!(receiver.join().unwrap(), (2, 0));
    });
}

#[test]
fn a_slow_receiver_misses_what_was_overwritten_and_no_more() {
    check("broadcast(1), overwrite and slow receiver", 2, || {
        let (tx, rx) = broadcast::channel(1);
        let sender = thread::spawn(move || {
            for n in 0..3 {
                tx.send(Box::new(n)).unwrap();
            }
        });
        let (received, missed) = account(&rx);
        assert!(received >= 1);
        assert_eq!(received + missed, 3);
        sender.join().unwrap();
    });
}

#[test]
fn two_slow_receivers_of_one_ring_do_not_disturb_one_another() {
    check("broadcast(1), overwrite, 2 receivers", 2, || {
        let (tx, rx) = broadcast::channel(1);
        let other = rx.clone();
        let receiver = thread::spawn(move || account(&other));
        for n in 0..2 {
            tx.send(Box::new(n)).unwrap();
        }
        drop(tx);
        let (received, missed) = account(&rx);
        assert_eq!(received + missed, 2);
        let (received, missed) = receiver.join().unwrap();
        assert_eq!(received + missed, 2);
    });
}

#[test]
fn two_senders_take_turns() {
    check("broadcast(2), 2 senders", 2, || {
        let (tx, rx) = broadcast::channel(2);
        let other = tx.clone();
        let sender = thread::spawn(move || other.send(Box::new(1)).unwrap());
        tx.send(Box::new(2)).unwrap();
        assert_eq!(*rx.recv().unwrap() + *rx.recv().unwrap(), 3);
        sender.join().unwrap();
    });
}

#[test]
fn closing_wakes_and_what_was_sent_before_is_received() {
    check("broadcast(2), close", 3, || {
        let (tx, rx) = broadcast::channel(2);
        let other = tx.clone();
        let sender = thread::spawn(move || match other.send(Box::new(0)) {
            Ok(receivers) => receivers as u64,
            Err(error) => {
                assert_eq!(error, SendError::Closed(Box::new(0)));
                0
            }
        });
        tx.close();
        let (received, missed) = account(&rx);
        assert_eq!((sender.join().unwrap(), missed), (received, 0));
    });
}

#[test]
fn a_timeout_and_a_value_exclude_each_other() {
    check("broadcast(1), deadline", 3, || {
        let (tx, rx) = broadcast::channel(1);
        let sender = thread::spawn(move || tx.send(Box::new(7)).unwrap());
        let received = rx.recv_until(PAST);
        sender.join().unwrap();
        match received {
            Ok(value) => assert_eq!(*value, 7),
            Err(error) => {
                assert_eq!(error, RecvUntilError::TimedOut);
                assert_eq!(rx.recv(), Ok(Box::new(7)));
            }
        }
        assert_eq!(rx.recv(), Err(RecvError::Closed));
    });
}

/// A value that counts those of its kind that were dropped. Clones count.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        // So that others come in between.
        thread::yield_now();
        Self(self.0.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn what_is_overwritten_during_a_clone_is_dropped_once() {
    check("broadcast(1), overwrite during a clone", 2, || {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = broadcast::channel(1);
        let receivers = [rx.clone(), rx].map(|rx| {
            thread::spawn(move || {
                let mut cloned = 0;
                while let Ok(value) = rx.try_recv() {
                    drop(value);
                    cloned += 1;
                }
                cloned
            })
        });
        for _ in 0..2 {
            let _ = tx.send(Counted(dropped.clone()));
        }
        let cloned: usize = receivers
            .map(|receiver| receiver.join().unwrap())
            .iter()
            .sum();
        drop(tx);
        assert_eq!(dropped.load(Relaxed), 2 + cloned);
    });
}
