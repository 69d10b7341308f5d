//! What tokio's tests of its channels ask (`tokio/tests/sync_mpsc.rs`, `sync_broadcast.rs`, `sync_oneshot.rs` and
//! `sync_watch.rs`, MIT) beyond what stands in the files of those channels: the ideas, written afresh. Not asked
//! is what belongs to polling (wakers, cooperation) and to places that are reserved in advance.
#![allow(
    clippy::extra_unused_type_parameters,
    reason = "a body that starts no unit still runs on one"
)]

use crate::units::{Case, FLAVORS, Units, spawn_known, until_waiting};
use std::panic::catch_unwind;
use vitte_channels::{
    RecvError, TryRecvError,
    broadcast::{self, Lagged},
    oneshot, watch,
};
use vitte_wait::Reason;

/// The thirty tests of `sync_mpsc.rs` whose names begin with `test_rx_is_` and `test_rx_len_`.
pub(crate) fn a_receiver_knows_whether_it_is_closed_and_what_is_left<U: Case>() {
    for flavor in FLAVORS.into_iter().filter(|flavor| *flavor != Some(0)) {
        for by_closing in [true, false] {
            let most = flavor.unwrap_or(40);
            let (tx, rx) = U::channel(flavor);
            assert_eq!((rx.len(), rx.is_empty(), rx.is_closed()), (0, true, false));
            tx.send_many(0..most).unwrap();
            assert_eq!(
                (rx.len(), rx.is_full(), rx.is_closed()),
                (most, flavor.is_some(), false)
            );
            if by_closing {
                rx.close();
            } else {
                U::join(U::spawn(move || drop(tx)));
            }
            for left in (1..=most).rev() {
                assert_eq!(
                    (rx.len(), rx.is_empty(), rx.is_closed()),
                    (left, false, true)
                );
                assert_eq!(rx.try_recv(), Ok(most - left));
            }
            assert_eq!((rx.len(), rx.is_empty(), rx.is_closed()), (0, true, true));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
        }
    }
}

/// `single_capacity_recvs`, `single_capacity_recvs_after_drop_1` and `_2`, `single_slot_capacity_lag_semantics`.
pub(crate) fn one_place_is_enough_for_one_value<U: Units>() {
    for dropped in [false, true] {
        let (tx, rx) = broadcast::channel(1);
        tx.send(1).unwrap();
        tx.send(2).unwrap();
        let tx = if dropped {
            drop(tx);
            None
        } else {
            Some(tx)
        };
        assert_eq!(
            (rx.len(), rx.recv(), rx.len()),
            (1, Err(broadcast::RecvError::Lagged(1)), 1)
        );
        assert_eq!(rx.recv(), Ok(2));
        let over = tx.map_or(broadcast::TryRecvError::Closed, |_| {
            broadcast::TryRecvError::Empty
        });
        if dropped {
            assert_eq!(rx.try_recv(), Err(over));
        }
    }
}

/// `dropping_sender_does_not_overwrite`, `lagging_receiver_recovers_after_wrap_closed_1`, `_2` and `_open`.
pub(crate) fn the_end_overwrites_nothing_however_often_the_ring_went_round<U: Units>() {
    for round in 1..5 {
        for more in 0..2 {
            let (tx, rx) = broadcast::channel(2);
            tx.send_many(0..2 * round + more).unwrap();
            drop(tx);
            let sent = 2 * round + more;
            let missed = (sent > 2).then(|| Err(Lagged(sent - 2)));
            let left = (sent - 2..sent).map(Ok);
            assert!(rx.iter().eq(missed.into_iter().chain(left)));
        }
    }
}

/// `resubscribe_lagged`, `resubscribe_to_closed_channel`, `broadcast_sender_closed_with_extra_subscribe`.
pub(crate) fn a_new_subscription_knows_nothing_of_the_old_one_s_past<U: Units>() {
    let (tx, rx) = broadcast::channel(1);
    tx.send_many([1, 2]).unwrap();
    let fresh = rx.resubscribe();
    assert_eq!(fresh.try_recv(), Err(broadcast::TryRecvError::Empty));
    assert_eq!(rx.try_recv(), Err(broadcast::TryRecvError::Lagged(1)));
    assert_eq!(rx.try_recv(), Ok(2));
    drop((rx, fresh));
    assert_eq!(tx.receivers(), 0);
    let late = tx.subscribe();
    assert_eq!((tx.send(3), late.recv()), (Ok(1), Ok(3)));
    drop(tx);
    assert_eq!(late.resubscribe().recv(), Err(broadcast::RecvError::Closed));
}

/// `zero_capacity`, `capacity_too_big`.
pub(crate) fn a_capacity_out_of_range_is_refused<U: Units>() {
    for capacity in [0, usize::MAX, usize::MAX >> 8] {
        assert!(catch_unwind(|| drop(broadcast::channel::<u8>(capacity))).is_err());
    }
}

/// `close_after_recv`, `try_recv_after_completion`, `receiver_is_terminated_*`, `receiver_is_empty_*`.
pub(crate) fn a_oneshot_is_over_once_and_for_all<U: Units>() {
    let (tx, rx) = oneshot::channel();
    assert!(rx.is_empty() && !rx.is_closed());
    tx.send(1).unwrap();
    assert!(!rx.is_empty() && !rx.is_closed());
    assert_eq!(rx.recv(), Ok(1));
    rx.close();
    for _ in 0..2 {
        assert!(rx.is_empty() && rx.is_closed());
        assert_eq!(
            (rx.try_recv(), rx.recv()),
            (Err(TryRecvError::Closed), Err(RecvError::Closed))
        );
    }
    let (tx, rx) = oneshot::channel::<u8>();
    rx.close();
    assert!(rx.is_empty() && rx.is_closed() && tx.is_closed());
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

/// `changed_succeeds_on_closed_channel_with_unseen_value` and its relatives, `rx_version_underflow`,
/// `wait_for_errors_on_closed_channel_true_predicate`.
pub(crate) fn a_closed_watch_tells_of_what_was_not_seen<U: Units>() {
    let (tx, rx) = watch::channel(1);
    rx.mark_changed();
    rx.mark_changed();
    let unseen = rx.clone();
    assert_eq!(rx.changed(), Ok(()));
    drop(tx);
    assert!(unseen.has_changed() && !rx.has_changed());
    assert_eq!(*unseen.wait_for(|n| *n == 1).unwrap(), 1);
    assert_eq!(unseen.changed(), Err(RecvError::Closed));
    // Ours looks at the value first, closed or not; what does not come will not come any more.
    assert_eq!(*rx.wait_for(|n| *n == 1).unwrap(), 1);
    assert_eq!(rx.wait_for(|n| *n == 2).map(|_| ()), Err(RecvError::Closed));
}

/// `reopened_after_subscribe`, `multiple_sender`, `receiver_is_notified_when_last_sender_is_dropped`.
pub(crate) fn a_watch_without_receivers_may_get_one_again<U: Units>() {
    let (tx, rx) = watch::channel(1);
    let other = tx.clone();
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.closed(), Ok(()));
    let rx = other.subscribe();
    assert!(!tx.is_closed());
    other.send(2).unwrap();
    assert_eq!(rx.recv(), Ok(2));
    let (waiter, unit) = spawn_known::<U, _>(move || rx.changed());
    until_waiting(unit, Reason::Recv);
    drop(tx);
    assert_eq!(unit.waits_for().0, Reason::Recv, "one sender is left");
    drop(other);
    assert_eq!(U::join(waiter), Err(RecvError::Closed));
}

/// After `wait_for_errors_on_closed_channel_true_predicate`, `changed_succeeds_*` and `has_changed_*` (which here says
/// nothing of the end).
pub(crate) fn a_wait_for_the_last_value_needs_no_sender<U: Units>() {
    let (tx, rx) = watch::channel("first");
    tx.send("last").unwrap();
    drop(tx);
    let seen = rx.clone();
    assert_eq!((seen.changed(), seen.has_changed()), (Ok(()), false));
    for rx in [rx, seen] {
        assert_eq!(
            rx.wait_for(|word| *word == "last").map(|word| *word),
            Ok("last")
        );
        let never = rx.wait_for(|word| *word == "first").map(|word| *word);
        assert_eq!(never, Err(RecvError::Closed));
    }
}
