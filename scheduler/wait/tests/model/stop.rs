//! A stop reaches every wait that watches, whenever it comes.

use crate::check::check;
use vitte_wait::{Deadline, Outcome, Reason, StopSource, Wait, facade::thread};

#[test]
fn a_stop_is_never_missed() {
    check("stop and watch", 3, || {
        let source = StopSource::new();
        let token = source.token();
        let stopper = thread::spawn(move || source.stop());
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        assert_eq!(wait.park(Deadline::NEVER, Some(&token)), Outcome::Stopped);
        stopper.join().unwrap();
    });
}

#[test]
fn a_stop_and_a_wake_agree_on_one_winner() {
    check("stop and wake", 2, || {
        let source = StopSource::new();
        let token = source.token();
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        let ticket = wait.ticket();
        let stopper = thread::spawn(move || source.stop());
        let waker = thread::spawn(move || ticket.claim(Outcome::Woken).map(drop).is_some());
        let outcome = wait.park(Deadline::NEVER, Some(&token));
        assert_eq!(waker.join().unwrap(), outcome == Outcome::Woken);
        assert!(matches!(outcome, Outcome::Woken | Outcome::Stopped));
        stopper.join().unwrap();
        assert!(token.is_stopped());
    });
}

#[test]
fn a_stop_by_way_of_another_token_is_never_missed() {
    check("stop of a made token", 2, || {
        let sources = [StopSource::new(), StopSource::new()];
        let any = StopSource::any(&sources);
        let all = StopSource::all(&sources);
        let stoppers = sources.map(|source| thread::spawn(move || source.stop()));
        let wait = Wait::begin(Reason::Event, std::ptr::null());
        assert_eq!(wait.park(Deadline::NEVER, Some(&any)), Outcome::Stopped);
        assert_eq!(all.wait(Deadline::NEVER, None), Outcome::Woken);
        for stopper in stoppers {
            stopper.join().unwrap();
        }
    });
}
