//! What JUCE's tests ask of its high-resolution timer, asked of both kinds of timer, each time alone
//! and with sixteen others that go every millisecond. (The cases, not the code: J16 to J24.)

use crate::{MS, Timed, both_kinds};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::*},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `case` alone, then beside sixteen timers of a millisecond.
fn alone_and_in_company<T: Timed>(case: impl Fn()) {
    case();
    let company: Vec<T> = (0..16).map(|_| T::make(|_| {})).collect();
    for timer in &company {
        timer.every(MS).unwrap();
    }
    case();
    for timer in &company {
        timer.end();
        assert!(!timer.runs());
    }
}

/// A timer that says each call, and what tells of them.
fn speaking<T: Timed>() -> (T, Receiver<()>) {
    let (tell, told): (Sender<()>, _) = channel();
    let timer = T::make(move |_| {
        let _ = tell.send(());
    });
    (timer, told)
}

/// J16: it says whether it runs, and how often.
fn start_fire_stop<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let (timer, told) = speaking::<T>();
        assert!(!timer.runs());
        assert_eq!(timer.interval(), None);
        timer.every(MS).unwrap();
        assert!(timer.runs());
        assert_eq!(timer.interval(), Some(MS));
        told.recv_timeout(PATIENCE).unwrap();
        told.recv_timeout(PATIENCE).unwrap();
        timer.end();
        assert!(!timer.runs());
        assert_eq!(timer.interval(), None);
    });
}

/// J17.
fn stopped_inside_it_is_not_called_again<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let (tell, told) = channel();
        let timer = T::make(move |tick| {
            tick.timer().end();
            tell.send(tick.timer().runs()).unwrap();
        });
        timer.every(MS).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(false));
        timer.end();
        thread::sleep(5 * MS);
        assert_eq!(timer.calls(), 1);
        assert!(!timer.runs() && timer.interval().is_none());
    });
}

/// J18.
fn started_anew_inside_it_has_the_new_period<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let (tell, told) = channel();
        let mut is_first = true;
        let timer = T::make(move |tick| {
            let timer = tick.timer();
            if std::mem::take(&mut is_first) {
                timer.every(2 * MS).unwrap();
            } else {
                timer.cancel();
                return tell.send(timer.interval()).unwrap();
            }
            tell.send(timer.interval()).unwrap();
        });
        timer.every(MS).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(2 * MS)));
        assert_eq!(told.recv_timeout(PATIENCE), Ok(None));
    });
}

/// A timer whose callback says that it has begun, takes a while, and then raises the flag.
fn slow<T: Timed>(stops_itself: bool) -> (T, Receiver<()>, Arc<AtomicBool>) {
    let (tell, told) = channel();
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    let timer = T::make(move |tick| {
        if stops_itself {
            tick.timer().end();
        }
        tell.send(()).unwrap();
        thread::sleep(10 * MS);
        flag.store(true, SeqCst);
    });
    (timer, told, ended)
}

/// J19, and J20: also if the call has stopped it already.
fn stop_waits_for_the_call_that_is_under_way<T: Timed>() {
    alone_and_in_company::<T>(|| {
        for stops_itself in [false, true] {
            let (timer, told, ended) = slow::<T>(stops_itself);
            timer.every(MS).unwrap();
            told.recv_timeout(PATIENCE).unwrap();
            timer.end();
            assert!(ended.load(SeqCst), "it was not waited for");
            assert!(!timer.runs());
        }
    });
}

/// J21.
fn a_period_changed_outside_makes_no_overlap<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let inside = Arc::new(AtomicUsize::new(0));
        let (tell, told) = channel();
        // Each call lasts until it is let go, at the end all do.
        let (go, gone) = channel::<()>();
        let count = Arc::clone(&inside);
        let timer = T::make(move |tick| {
            assert_eq!(count.fetch_add(1, SeqCst), 0, "two at a time");
            let _ = tell.send(tick.timer().interval());
            let _ = gone.recv();
            count.fetch_sub(1, SeqCst);
        });
        timer.every(10 * MS).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(10 * MS)));
        timer.every(MS).unwrap();
        go.send(()).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(MS)));
        assert!(timer.set(2 * MS));
        go.send(()).unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Some(2 * MS)));
        drop(go);
        timer.end();
        assert_eq!(timer.panic(), None);
        assert_eq!(inside.load(SeqCst), 0);
    });
}

/// J22.
fn started_outside_after_it_stopped_itself_it_fires_again<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let (tell, told) = channel();
        let timer = T::make(move |tick| {
            tick.timer().end();
            tell.send(()).unwrap();
        });
        for _ in 0..3 {
            timer.every(MS).unwrap();
            told.recv_timeout(PATIENCE).unwrap();
        }
        timer.end();
        assert_eq!(timer.calls(), 3);
    });
}

/// J23.
fn start_and_interval_do_not_wait_for_a_call<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let (tell, told) = channel();
        let (release, released) = channel::<()>();
        let timer = T::make(move |_| {
            tell.send(()).unwrap();
            // Until it is released; afterwards at once.
            let _ = released.recv();
        });
        timer.every(MS).unwrap();
        told.recv_timeout(PATIENCE).unwrap();
        timer.every(3 * MS).unwrap();
        assert_eq!(timer.interval(), Some(3 * MS));
        timer.cancel();
        assert!(!timer.runs());
        drop(release);
        timer.end();
    });
}

/// J24.
fn a_hundred_started_and_stopped_say_what_they_are<T: Timed>() {
    alone_and_in_company::<T>(|| {
        let timers: Vec<T> = (0..100).map(|_| T::make(|_| {})).collect();
        for timer in &timers {
            timer.every(MS).unwrap();
            assert!(timer.runs());
            assert_eq!(timer.interval(), Some(MS));
        }
        for timer in &timers {
            timer.end();
            assert!(!timer.runs());
            assert_eq!(timer.interval(), None);
        }
    });
}

both_kinds! {
    start_fire_stop
    stopped_inside_it_is_not_called_again
    started_anew_inside_it_has_the_new_period
    stop_waits_for_the_call_that_is_under_way
    a_period_changed_outside_makes_no_overlap
    started_outside_after_it_stopped_itself_it_fires_again
    start_and_interval_do_not_wait_for_a_call
    a_hundred_started_and_stopped_say_what_they_are
}
