//! An event's signal reaches a waiter or stays, whenever it comes; a latch opens for everybody.

use crate::check::check;
use vitte_sync::{Event, Latch, WaitError};
use vitte_wait::{
    Deadline, StopSource,
    facade::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        thread,
    },
};

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

#[test]
fn an_automatic_event_s_signal_is_never_missed() {
    check("event: signal and wait", 3, || {
        let shared = Arc::new((Event::auto(), AtomicUsize::new(0)));
        let signaller = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, Relaxed);
                shared.0.signal();
            })
        };
        shared.0.wait().unwrap();
        assert_eq!(shared.1.load(Relaxed), 1);
        assert!(!shared.0.is_set());
        signaller.join().unwrap();
    });
}

#[test]
fn two_signals_let_two_waiters_through() {
    check("event: two and two", 2, || {
        let event = Arc::new(Event::auto());
        let waiter = {
            let event = event.clone();
            thread::spawn(move || {
                event.wait().unwrap();
                // Hands it on: with one signal both go through, one after the other.
                event.signal();
            })
        };
        event.signal();
        event.wait().unwrap();
        event.signal();
        waiter.join().unwrap();
        assert!(event.try_wait());
        assert!(!event.try_wait());
    });
}

#[test]
fn a_signal_that_races_with_a_timeout_is_taken_or_stays() {
    check("event: signal and timeout", 2, || {
        let event = Arc::new(Event::auto());
        let other = event.clone();
        let signaller = thread::spawn(move || other.signal());
        let result = event.wait_until(PAST);
        signaller.join().unwrap();
        assert_eq!(event.is_set(), result == Err(WaitError::TimedOut));
    });
}

#[test]
fn a_manual_event_lets_everybody_through() {
    check("event: manual", 2, || {
        let event = Arc::new(Event::manual());
        let others = [0, 1].map(|_| {
            let event = event.clone();
            thread::spawn(move || event.wait().unwrap())
        });
        event.signal();
        for other in others {
            other.join().unwrap();
        }
        assert!(event.is_set());
    });
}

#[test]
fn a_stop_leaves_the_event_as_it_is() {
    check("event: stop and signal", 2, || {
        let event = Arc::new(Event::auto());
        let source = StopSource::new();
        let (token, other) = (source.token(), event.clone());
        let signaller = thread::spawn(move || other.signal());
        let stopper = thread::spawn(move || source.stop());
        let result = event.wait_or_stop(&token);
        signaller.join().unwrap();
        stopper.join().unwrap();
        assert_eq!(event.is_set(), result == Err(WaitError::Stopped));
    });
}

#[test]
fn a_latch_opens_when_the_last_has_counted_down() {
    check("latch", 2, || {
        let shared = Arc::new((Latch::new(2), AtomicUsize::new(0)));
        let others = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.fetch_add(1, Relaxed);
                shared.0.count_down();
            })
        });
        shared.0.wait().unwrap();
        assert_eq!(shared.1.load(Relaxed), 2);
        for other in others {
            other.join().unwrap();
        }
    });
}
