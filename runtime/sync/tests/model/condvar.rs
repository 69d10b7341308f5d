//! No notification is lost, whoever else ends the wait.

use crate::check::check;
use vitte_sync::{Condvar, LockUntilError, Monitor, Mutex};
use vitte_wait::{
    Deadline, StopSource,
    facade::{Arc, thread},
};

#[test]
fn a_change_made_under_the_lock_reaches_the_waiter() {
    check("condvar, one waiter", 3, || {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = pair.clone();
        let other = thread::spawn(move || {
            *theirs.0.lock().unwrap() = true;
            theirs.1.notify_one();
        });
        let mut set = pair.0.lock().unwrap();
        pair.1.wait_while(&mut set, |set| !*set).unwrap();
        drop(set);
        other.join().unwrap();
    });
}

/// Of two waiters one is stopped. It must not take the one notification with it.
#[test]
fn a_stopped_waiter_does_not_consume_a_notification() {
    check("condvar, stopped", 2, || {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let source = StopSource::new();
        let stopped = {
            let (pair, token) = (pair.clone(), source.token());
            thread::spawn(move || {
                let mut count = pair.0.lock().unwrap();
                match pair.1.wait_while_with(
                    &mut count,
                    |count| *count == 0,
                    Deadline::NEVER,
                    Some(&token),
                ) {
                    Ok(()) => *count -= 1,
                    Err(error) => assert_eq!(error, LockUntilError::Stopped),
                }
            })
        };
        *pair.0.lock().unwrap() += 1;
        pair.1.notify_one();
        source.stop();
        stopped.join().unwrap();
        // It is there for us if the other did not take it.
        let left = *pair.0.lock().unwrap();
        assert!(left <= 1);
    });
}

#[test]
fn everybody_is_notified() {
    check("condvar, all", 2, || {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let pair = pair.clone();
                thread::spawn(move || {
                    let mut set = pair.0.lock().unwrap();
                    pair.1.wait_while(&mut set, |set| !*set).unwrap();
                })
            })
            .collect();
        *pair.0.lock().unwrap() = true;
        pair.1.notify_all();
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn leaving_a_monitor_wakes_who_waits_in_it() {
    check("monitor", 3, || {
        let monitor = Arc::new(Monitor::new(false));
        let theirs = monitor.clone();
        let other = thread::spawn(move || *theirs.lock().unwrap() = true);
        let mut inside = monitor.lock().unwrap();
        while !*inside {
            inside.wait().unwrap();
        }
        drop(inside);
        other.join().unwrap();
    });
}
