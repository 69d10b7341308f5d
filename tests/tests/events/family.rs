//! Stop sources and their descendants: what tokio-util asks of its `CancellationToken`
//! (`tokio-util/tests/sync_cancellation_token.rs`, MIT), written afresh.

use vitte_sync::{Event, WaitError};
use vitte_tests::units::{Handle, Units, spawn_known, until_waiting};
use vitte_wait::{Deadline, Outcome, Reason, StopSource, StopToken};

/// A unit that waits for `source`, known to be in line.
fn waiting<U: Units>(source: &StopSource) -> Handle<U, Outcome> {
    let token = source.token();
    let (waiter, unit) = spawn_known::<U, _>(move || token.wait(Deadline::NEVER, None));
    until_waiting(unit, Reason::Event);
    waiter
}

/// After `cancel_token` and `cancel_token_owned`.
pub(crate) fn a_stop_wakes_who_waits_and_keeps_nobody_later<U: Units>() {
    fn both<T: Send + Sync>(_: &T) {}
    let source = StopSource::new();
    both::<StopSource>(&source);
    both::<StopToken>(&source);
    assert!(!source.is_stopped());
    let waiter = waiting::<U>(&source);
    let token = source.token();
    source.stop();
    drop(source);
    assert_eq!(U::join(waiter), Outcome::Woken);
    assert_eq!(token.wait(Deadline::NOW, None), Outcome::Woken);
}

/// After `cancel_child_token_through_parent`.
pub(crate) fn a_child_stops_with_its_parent<U: Units>() {
    let parent = StopSource::new();
    let child = parent.child();
    assert!(!child.is_stopped());
    let waiters = [waiting::<U>(&child), waiting::<U>(&parent)];
    parent.stop();
    assert_eq!(waiters.map(U::join), [Outcome::Woken; 2]);
    assert!(parent.is_stopped() && child.is_stopped());
}

/// After `cancel_child_token_without_parent`.
pub(crate) fn a_child_stops_without_its_parent<U: Units>() {
    let parent = StopSource::new();
    let first = parent.child();
    let (ours, theirs) = (waiting::<U>(&first), waiting::<U>(&parent));
    first.stop();
    assert_eq!(U::join(ours), Outcome::Woken);
    assert!(first.is_stopped() && !parent.is_stopped());
    // It does not hang on its parent any more, though it is held.
    assert_eq!(parent.callbacks(), 0);
    let second = parent.child();
    assert!(!second.is_stopped());
    let ours = waiting::<U>(&second);
    parent.stop();
    assert_eq!([ours, theirs].map(U::join), [Outcome::Woken; 2]);
}

/// After `cancel_grandchild_token_through_parent_if_child_was_dropped`.
pub(crate) fn a_grandchild_stops_though_nobody_holds_the_child<U: Units>() {
    let parent = StopSource::new();
    let grandchild = parent.child().child();
    assert!(!grandchild.is_stopped());
    let waiters = [waiting::<U>(&grandchild), waiting::<U>(&parent)];
    parent.stop();
    assert_eq!(waiters.map(U::join), [Outcome::Woken; 2]);
}

/// After `cancel_only_all_descendants`.
pub(crate) fn all_descendants_stop_and_nobody_else<U: Units>() {
    let parent = StopSource::new();
    let (own, sibling) = (parent.child(), parent.child());
    let children = [own.child(), own.child()];
    let grandchildren = [children[0].child(), children[0].child()];
    let last = grandchildren[0].child();
    let below = [&own, &children[0], &children[1]];
    let below = below.into_iter().chain(&grandchildren).chain([&last]);
    let below: Vec<&StopSource> = below.collect();
    let inside: Vec<_> = below.iter().map(|source| waiting::<U>(source)).collect();
    let outside = [waiting::<U>(&parent), waiting::<U>(&sibling)];
    own.stop();
    for waiter in inside {
        assert_eq!(U::join(waiter), Outcome::Woken);
    }
    assert!(below.iter().all(|source| source.is_stopped()));
    assert!(!parent.is_stopped() && !sibling.is_stopped());
    assert_eq!(parent.callbacks(), 1, "the sibling");
    parent.stop();
    assert_eq!(outside.map(U::join), [Outcome::Woken; 2]);
}

/// After `create_child_token_after_parent_was_cancelled`.
pub(crate) fn a_child_of_one_that_has_stopped_is_stopped<U: Units>() {
    for child_first in [true, false] {
        let parent = StopSource::new();
        parent.stop();
        let child = parent.child();
        assert!(child.is_stopped() && child.child().is_stopped());
        assert_eq!(child.wait(Deadline::NOW, None), Outcome::Woken);
        assert_eq!(parent.callbacks(), 0);
        if child_first {
            drop(child);
            drop(parent);
        } else {
            drop(parent);
            drop(child);
        }
    }
    assert!(StopSource::DONE.child().is_stopped());
    // A child of what cannot be stopped can be.
    let child = StopSource::NEVER.child();
    let waiter = waiting::<U>(&child);
    child.stop();
    assert_eq!(U::join(waiter), Outcome::Woken);
}

/// After `drop_multiple_child_tokens` and `drop_parent_before_child_tokens`.
pub(crate) fn families_may_be_dropped_in_any_order<U: Units>() {
    for first_first in [true, false] {
        let parent = StopSource::new();
        let mut children: Vec<_> = (0..3).map(|_| parent.child()).collect();
        assert_eq!(parent.callbacks(), 3);
        while !children.is_empty() {
            let at = if first_first { 0 } else { children.len() - 1 };
            let child = children.remove(at);
            U::join(U::spawn(move || drop(child)));
            assert_eq!(parent.callbacks(), children.len());
            assert!(!parent.is_stopped());
        }
    }
    let parent = StopSource::new();
    let [one, other] = [parent.child(), parent.child()];
    drop(parent);
    assert!(!one.is_stopped() && !other.is_stopped());
    one.stop();
    assert!(one.is_stopped() && !other.is_stopped());
}

/// After `run_until_cancelled_test`: what is ready is had, and what is not ends with the stop.
pub(crate) fn what_is_ready_is_had_though_a_parent_has_stopped<U: Units>() {
    let (parent, event) = (StopSource::new(), Event::auto());
    let child = parent.child();
    event.signal();
    parent.stop();
    assert_eq!(event.wait_or_stop(&child), Ok(()));
    assert_eq!(event.wait_or_stop(&child), Err(WaitError::Stopped));
}
