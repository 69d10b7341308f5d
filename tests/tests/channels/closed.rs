//! A sender that waits for the end, in the same words for every kind: with a deadline, a stop, a cancellation, and
//! in a race with those who bring the end about.

use crate::units::{Random, Units, pause, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{
    Channel, WaitError, broadcast, mpmc, oneshot,
    priority::{self, First},
    queue,
    relay::Options,
    spsc, watch,
};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(2);

/// Runs `$body` for a sender of each kind that has one, with all its receivers and what closes the channel from there.
macro_rules! for_each_kind {
    ($body:ident) => {{
        for capacity in [None, Some(0), Some(1), Some(3)] {
            let ends = || capacity.map_or_else(Channel::new::<u8>, Channel::bounded);
            $body!(ends(), |rx| rx.close());
            let ends = || capacity.map_or_else(mpmc::unbounded::<u8>, mpmc::bounded);
            $body!(ends(), |rx| rx.close());
            let ends = || spsc::channel::<u8>(capacity.unwrap_or(64));
            $body!(ends(), |rx| rx.close());
        }
        $body!(queue::bounded::<u8>(1), |rx| rx.close());
        $body!(queue::unbounded_unique::<u8>(), |rx| rx.close());
        $body!(priority::unbounded::<u8, ()>(First::Smallest), |rx| rx
            .close());
        $body!(Options::new(1).open::<u8>(), |rx| drop(rx));
        $body!(broadcast::channel::<u8>(1), |rx| drop(rx));
        $body!(watch::channel(0), |rx| drop(rx));
        $body!(oneshot::channel::<u8>(), |rx| rx.close());
    }};
}

pub(crate) fn every_sender_can_wait_for_the_end<U: Units>() {
    macro_rules! body {
        ($ends:expr, |$rx:ident| $close:expr) => {{
            let (tx, $rx) = $ends;
            let (sender, unit) = spawn_known::<U, _>(move || (tx.closed(), tx));
            until_waiting(unit, Reason::Event);
            // Kept until the end, if that is another than that it goes.
            let _ = &$rx;
            $close;
            let (closed, tx) = U::join(sender);
            // And again.
            assert_eq!((closed, tx.closed_until(Deadline::NOW)), (Ok(()), Ok(())));
        }};
    }
    for_each_kind!(body);
}

pub(crate) fn a_wait_for_the_end_ends_in_time_or_when_stopped_or_canceled<U: Units>() {
    macro_rules! body {
        ($ends:expr, |$rx:ident| $close:expr) => {{
            let (tx, $rx) = $ends;
            let source = StopSource::new();
            source.stop();
            let ends = [
                tx.closed_timeout(SHORT),
                tx.closed_until(Deadline::NOW),
                tx.closed_or_stop(&source.token()),
            ];
            let expected = [WaitError::TimedOut, WaitError::TimedOut, WaitError::Stopped];
            assert_eq!(ends, expected.map(Err));
            let source = StopSource::new();
            let (sender, unit) =
                spawn_known::<U, _>(move || tx.closed_with(Deadline::NEVER, Some(&source.token())));
            until_waiting(unit, Reason::Event);
            unit.cancel();
            assert_eq!(U::join(sender), Err(WaitError::Canceled));
            $close;
        }};
    }
    for_each_kind!(body);
}

pub(crate) fn a_wait_for_the_end_races_with_it<U: Units>() {
    let mut random = Random::new();
    let mut delay = || Duration::from_micros(random.below(60) as u64);
    macro_rules! body {
        ($ends:expr, |$rx:ident| $close:expr) => {
            for _ in 0..20 {
                let (tx, $rx) = $ends;
                let (before, after) = (delay(), delay());
                let sender = U::spawn(move || {
                    pause(before);
                    tx.closed()
                });
                pause(after);
                $close;
                assert_eq!(U::join(sender), Ok(()));
            }
        };
    }
    for_each_kind!(body);
}

pub(crate) fn a_sender_that_waits_hears_of_another_that_closes<U: Units>() {
    macro_rules! closed_by_another {
        ($($ends:expr),*) => {$({
            let (tx, rx) = $ends;
            let other = tx.clone();
            let (sender, unit) = spawn_known::<U, _>(move || tx.closed());
            until_waiting(unit, Reason::Event);
            other.close();
            assert_eq!(U::join(sender), Ok(()));
            drop(rx);
        })*};
    }
    closed_by_another!(
        Channel::new::<u8>(),
        Channel::bounded::<u8>(0),
        Channel::bounded::<u8>(3),
        mpmc::bounded::<u8>(3),
        queue::bounded::<u8>(1),
        Options::new(1).open::<u8>(),
        broadcast::channel::<u8>(1),
        watch::channel(0)
    );
}

pub(crate) fn who_subscribes_later_puts_the_end_off<U: Units>() {
    let (tx, rx) = broadcast::channel(1);
    drop(rx);
    assert_eq!(tx.closed(), Ok(()));
    let rx = tx.subscribe();
    let other = rx.clone();
    assert_eq!(tx.closed_timeout(SHORT), Err(WaitError::TimedOut));
    let (sender, unit) = spawn_known::<U, _>(move || (tx.closed(), tx));
    until_waiting(unit, Reason::Event);
    drop(rx);
    crate::units::moment();
    until_waiting(unit, Reason::Event);
    drop(other);
    let (closed, tx) = U::join(sender);
    assert_eq!((closed, tx.is_closed(), tx.receivers()), (Ok(()), false, 0));
    let rx = tx.subscribe();
    tx.send(1).unwrap();
    assert_eq!(rx.recv(), Ok(1));
}
