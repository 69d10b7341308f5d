//! What channels and errors print.

use crate::units::{Units, spawn_known, until, until_waiting};
use std::error::Error;
use std::time::Duration;
use vitte_channels::{
    Channel, RecvError, RecvUntilError, SendError, SendUntilError, TryRecvError, TrySendError,
    priority::{self, First},
    relay, spsc, timer,
};
use vitte_wait::Reason;

/// Has no `Debug`, so an error that shows its value would not compile.
struct Secret;

pub(crate) fn debug_shows_the_state_and_not_the_values<U: Units>() {
    let (tx, rx) = Channel::bounded(2);
    tx.send("a secret").map_err(drop).unwrap();
    tx.send("another").map_err(drop).unwrap();
    assert_eq!(
        format!("{tx:?}"),
        "Sender { flavor: bounded, capacity: 2, len: 2, closed: false, senders: 1, receivers: 1, \
         waiting_senders: 0, waiting_receivers: 0 }"
    );
    let second = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || second.send("blocked"));
    until_waiting(unit, Reason::Send);
    until(|| format!("{rx:?}").contains("waiting_senders: 1"));
    tx.close();
    assert!(U::join(sender).is_err());
    assert_eq!(
        format!("{rx:?}"),
        "Receiver { flavor: bounded, capacity: 2, len: 2, closed: true, senders: 1, receivers: 1, \
         waiting_senders: 0, waiting_receivers: 0 }"
    );

    let (_tx, rx) = Channel::new::<Secret>();
    assert_eq!(
        format!("{rx:?}"),
        "Receiver { flavor: unbounded, len: 0, closed: false, senders: 1, receivers: 1, \
         waiting_senders: 0, waiting_receivers: 0 }"
    );
    let (tx, _rx) = Channel::bounded::<Secret>(0);
    assert!(format!("{tx:?}").contains("flavor: rendezvous, capacity: 0, len: 0"));
}

pub(crate) fn debug_shows_the_state_of_a_pair<U: Units>() {
    let (tx, rx) = spsc::channel(2);
    let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx));
    until_waiting(unit, Reason::Recv);
    until(|| format!("{tx:?}").contains("waiting_receivers: 1"));
    tx.send("a secret").map_err(drop).unwrap();
    let (_, rx) = U::join(receiver);
    tx.send_many(["one", "two"]).unwrap();
    assert_eq!(
        format!("{tx:?}"),
        "Sender { flavor: ring, capacity: 2, len: 2, closed: false, senders: 1, receivers: 1, \
         waiting_senders: 0, waiting_receivers: 0 }"
    );
    let (sender, unit) = spawn_known::<U, _>(move || tx.send("blocked"));
    until_waiting(unit, Reason::Send);
    until(|| format!("{rx:?}").contains("waiting_senders: 1"));
    rx.close();
    assert!(U::join(sender).is_err());
    let shown = format!("{rx:?}");
    assert!(
        shown.contains("len: 2, closed: true, senders: 0"),
        "{shown}"
    );
}

pub(crate) fn debug_shows_the_state_of_those_that_order_and_batch<U: Units>() {
    let (tx, rx) = priority::bounded(2, First::Smallest);
    tx.send((1, "a secret")).unwrap();
    let (sender, unit) = spawn_known::<U, _>(move || {
        tx.send((2, "another")).unwrap();
        tx.send((3, "blocked"))
    });
    until_waiting(unit, Reason::Send);
    let shown = format!("{rx:?}");
    for part in ["capacity: 2, len: 2, closed: false", "waiting_senders: 1"] {
        assert!(shown.contains(part), "{shown}");
    }
    rx.close();
    assert!(matches!(
        U::join(sender),
        Err(SendError::Closed((3, "blocked")))
    ));
    assert!(format!("{rx:?}").contains("closed: true"));

    let (tx, relay) = relay::Options::new(3).capacity(4).open::<&str>();
    tx.send("a secret").unwrap();
    for shown in [format!("{tx:?}"), format!("{relay:?}")] {
        assert!(
            shown.contains("capacity: 4, len: 1") && !shown.contains("secret"),
            "{shown}"
        );
    }
    assert!(format!("{relay:?}").contains("batch: 3"));
}

pub(crate) fn debug_shows_when_a_timer_is_due<U: Units>() {
    let hours = Duration::from_secs(7_200);
    let ticks = timer::tick(hours);
    let waiting = ticks.clone();
    let (receiver, unit) = spawn_known::<U, _>(move || waiting.recv());
    until_waiting(unit, Reason::Sleep);
    let shown = format!("{ticks:?}");
    for part in ["period: 7200s", "due_in: ", "closed: false", "waiting: 1"] {
        assert!(shown.contains(part), "{shown}");
    }
    ticks.close();
    assert_eq!(U::join(receiver).unwrap_err(), RecvError::Closed);
    assert!(!format!("{:?}", timer::never()).contains("due_in"));
}

pub(crate) fn errors_speak_and_hide_their_values<U: Units>() {
    fn said<E: Error>(error: E) -> String {
        format!("{error:?}: {error}")
    }
    let said = U::join(U::spawn(|| {
        [
            said(SendError::Closed(Secret)),
            said(SendError::Canceled(Secret)),
            said(TrySendError::Full(Secret)),
            said(TrySendError::Closed(Secret)),
            said(SendUntilError::TimedOut(Secret)),
            said(SendUntilError::Stopped(Secret)),
            said(RecvError::Closed),
            said(TryRecvError::Empty),
            said(RecvUntilError::TimedOut),
            said(RecvUntilError::Canceled),
        ]
    }));
    assert_eq!(
        said,
        [
            "Closed(..): the channel is closed",
            "Canceled(..): the waiter was canceled",
            "Full(..): the channel is full",
            "Closed(..): the channel is closed",
            "TimedOut(..): the deadline passed",
            "Stopped(..): the stop token was triggered",
            "Closed: the channel is closed",
            "Empty: the channel is empty",
            "TimedOut: the deadline passed",
            "Canceled: the waiter was canceled",
        ]
    );
}
