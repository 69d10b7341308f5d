//! Stop tokens beyond the plain stop: callbacks, deadlines, and tokens made of others.
#![cfg(not(any(loom, shuttle)))]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use vitte_wait::{Deadline, Outcome, Reason, StopSource, StopToken, Wait};

const LIMIT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(2);

fn park(deadline: Deadline, stop: &StopToken) -> Outcome {
    Wait::begin(Reason::Event, std::ptr::null()).park(deadline, Some(stop))
}

#[test]
fn callbacks_run_in_order_on_the_stopper_s_thread() {
    let (source, (tell, told)) = (StopSource::new(), mpsc::channel());
    for number in 0..3 {
        let tell = tell.clone();
        source.then(move || tell.send((number, thread::current().id())).unwrap());
    }
    drop(tell);
    let stopper = thread::spawn(move || source.stop());
    let id = stopper.thread().id();
    let ran: Vec<_> = told.iter().collect();
    stopper.join().unwrap();
    assert_eq!(ran, [(0, id), (1, id), (2, id)]);
}

#[test]
fn a_callback_may_use_its_own_source() {
    let (source, ran) = (StopSource::new(), Arc::new(AtomicUsize::new(0)));
    let (own, counter) = (source.clone(), ran.clone());
    source.then(move || {
        own.stop();
        let inner = counter.clone();
        own.then(move || {
            inner.fetch_add(1, Relaxed);
        });
        counter.fetch_add(1, Relaxed);
    });
    source.stop();
    assert_eq!(ran.load(Relaxed), 2);
}

#[test]
fn a_panic_is_kept_and_a_stopped_constant_keeps_none() {
    let source = StopSource::new();
    source.then(|| panic!("kept"));
    source.stop();
    assert_eq!(source.take_panics().len(), 1);
    assert_eq!(source.take_panics().len(), 0);
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        StopSource::DONE.then(|| panic!("thrown"))
    }));
    assert!(thrown.is_err());
}

#[test]
fn a_token_s_own_deadline_stops_the_waits_that_watch_it() {
    let token = StopToken::after(SOON);
    assert_eq!(park(Deadline::after(LIMIT), &token), Outcome::Stopped);
    assert!(token.is_stopped());
    assert_eq!(park(Deadline::NEVER, &token), Outcome::Stopped);
    // The earlier of two deadlines says what the wait is called.
    let late = StopToken::after(LIMIT);
    assert_eq!(park(Deadline::after(SOON), &late), Outcome::TimedOut);
    assert_eq!(late.wait(Deadline::after(SOON), None), Outcome::TimedOut);
    assert_eq!(late.wait(Deadline::NEVER, Some(&token)), Outcome::Stopped);
    assert_eq!(token.wait(Deadline::NOW, None), Outcome::Woken);
}

#[test]
fn any_of_tokens_has_the_earliest_deadline_and_every_source() {
    let source = StopSource::new();
    let early = StopToken::at(Deadline::from_nanos(u64::MAX - 2));
    let late = StopToken::at(Deadline::from_nanos(u64::MAX - 1));
    let any = StopToken::any([&late, &source, &early, &StopToken::NEVER]);
    assert_eq!(any.deadline(), early.deadline());
    assert_eq!(source.callbacks(), 1);
    assert!(StopToken::any([&early, &late]).is_same(&early));
    assert!(StopToken::any([]).is_same(&StopToken::NEVER));
    assert!(StopToken::any([&late, &StopToken::DONE]).is_stopped());
    let waiter = {
        let any = any.clone();
        thread::spawn(move || any.wait(Deadline::after(LIMIT), None))
    };
    source.stop();
    assert_eq!(waiter.join().unwrap(), Outcome::Woken);
    assert!(any.is_stopped());
}

#[test]
fn one_who_waits_for_a_token_and_is_stopped_by_it_has_waited_for_it() {
    let source = StopSource::new();
    let token = source.token();
    let waiter = thread::spawn(move || token.wait(Deadline::after(LIMIT), Some(&token)));
    thread::sleep(SOON);
    source.stop();
    assert_eq!(waiter.join().unwrap(), Outcome::Woken);
}
