//! Signals that go by themselves: the cases of mo-threads' `Till` (M3, M5, M7; behaviour only).

use crate::LONG;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use vitte_channels::{Channel, RecvUntilError, Sender};
use vitte_sync::{Event, Signal, Till, WaitError};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason};

pub(crate) fn m3_never_times_out<U: Units>() {
    let patience = Duration::from_millis(50);
    let begin = Instant::now();
    assert_eq!(
        Signal::NEVER.wait_timeout(patience),
        Err(WaitError::TimedOut)
    );
    assert!(begin.elapsed() >= patience);
    assert!(!Signal::NEVER.go().is_gone());
}

pub(crate) fn m5_a_timed_signal_goes_in_time<U: Units>() {
    let begin = Instant::now();
    let patience = Duration::from_millis(20);
    let timed = Signal::after(patience);
    // Whoever is not given a processor meanwhile finds it gone, and rightly.
    assert!(!timed.is_gone() || begin.elapsed() >= patience);
    assert_eq!(timed.wait(), Ok(()));
    // Not before; how long after is up to the machine.
    assert!(begin.elapsed() >= patience);
    assert!(timed.is_gone());

    assert!(Signal::after(Duration::ZERO).is_gone());
    assert!(Signal::at(Deadline::NOW).is_gone());
    assert!(!Signal::at(Deadline::NEVER).is_gone());
    assert_eq!(Signal::at(Deadline::NOW).wait(), Ok(()));
}

pub(crate) fn m5_timers_cost_no_thread_and_little_time<U: Units>() {
    // Sixty thousand in a second were asked for; here no clock is asked but for the hang.
    let stop = Signal::new();
    let timers: Vec<_> = (0..60_000).map(|_| Signal::after(LONG)).collect();
    assert!(timers.iter().all(|timer| !timer.is_gone()));
    assert!(stop.callbacks() == 0 && timers.iter().all(|timer| timer.callbacks() == 0));
}

pub(crate) fn m7_a_loop_of_naps_leaves_nothing_on_the_stop_signal<U: Units>() {
    const NAPS: usize = 300;
    let stop = Signal::new();
    let awake = Arc::new(AtomicBool::new(true));
    let (other, naps) = (stop.clone(), Arc::clone(&awake));
    let sleeper = U::spawn(move || {
        for _ in 0..NAPS {
            let nap = Till::after(Duration::from_micros(100)) | &other;
            assert_eq!(nap.wait(), Ok(()));
            assert!(other.callbacks() <= 1, "{} callbacks", other.callbacks());
        }
        let last = Till::after(LONG) | &other;
        naps.store(false, SeqCst);
        last.wait()
    });
    // Of all the naps the last is left, and the stop signal ends that, too.
    vitte_tests::units::until(|| !awake.load(SeqCst) && stop.callbacks() == 1);
    stop.go();
    assert_eq!(U::join(sleeper), Ok(()));
    assert_eq!(stop.callbacks(), 0);
}

pub(crate) fn a_timed_signal_stops_other_waits<U: Units>() {
    let (_tx, rx): (Sender<u8>, _) = Channel::new();
    let soon = Till::after(Duration::from_millis(2));
    assert_eq!(rx.recv_or_stop(&soon), Err(RecvUntilError::Stopped));
    let event = Event::auto();
    assert_eq!(event.wait_or_stop(&soon), Err(WaitError::Stopped));
    // Who is first is who it was.
    let later = Till::after(LONG);
    let first = event.wait_with(Deadline::after(Duration::from_millis(1)), Some(&later));
    assert_eq!(first, Err(WaitError::TimedOut));
    let soon = Till::after(Duration::from_millis(2)) | Signal::new();
    let second = event.wait_with(Deadline::after(LONG), Some(&soon));
    assert_eq!(second, Err(WaitError::Stopped));
}

pub(crate) fn a_timed_signal_that_is_stopped_first_says_so<U: Units>() {
    let (a, b) = (Signal::new(), Signal::new());
    let nap = (Till::after(LONG) | &a) | (&b | Till::at(Deadline::NEVER));
    assert_eq!(nap.deadline(), nap.deadline().min(Deadline::after(LONG)));
    let other = nap.clone();
    let (sleeper, unit) = spawn_known::<U, _>(move || other.wait());
    until_waiting(unit, Reason::Event);
    assert!(!nap.is_gone());
    b.go();
    assert_eq!(U::join(sleeper), Ok(()));
    assert!(nap.is_gone() && !a.is_gone());
    drop(nap);
    assert_eq!(a.callbacks(), 0);
}
