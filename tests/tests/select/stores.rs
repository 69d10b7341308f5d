//! Arms of what is more than a channel: queues with a front, of unique values, priorities, relays; and the end of the
//! receivers, of every kind.

use crate::units::{Units, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{
    Channel, SendError, Sender, broadcast, mpmc, oneshot,
    priority::{self, First},
    queue::{self, Sent},
    relay::{self, Options, Verdict},
    select,
    select::{Chosen, Select, SelectError, try_select},
    spsc, watch,
};
use vitte_wait::Reason;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// A channel on which nothing comes, so that a select waits with two arms.
fn quiet() -> (Sender<()>, vitte_channels::Receiver<()>) {
    Channel::bounded(0)
}

pub(crate) fn a_unique_queue_tells_its_arm_what_became_of_the_value<U: Units>() {
    let (tx, rx) = queue::bounded_unique(2);
    let sent = select! { send(tx, "job") -> sent => sent, after(LONG) => unreachable!() };
    assert_eq!(sent, Ok(Ok(Sent::New)));
    let sent = select! { send(tx, "job") -> sent => sent, after(LONG) => unreachable!() };
    assert_eq!(sent, Ok(Ok(Sent::Duplicate("job"))));
    // Nor does a duplicate wait for room.
    tx.send("other").unwrap();
    let sent = select! { send(tx, "other") -> sent => sent, after(LONG) => unreachable!() };
    assert_eq!(sent, Ok(Ok(Sent::Duplicate("other"))));
    let mut slot = Some("third");
    let sent = select! { offer(tx, slot) -> _ => true, default => false };
    assert_eq!(
        (sent, slot, rx.drain()),
        (false, Some("third"), vec!["job", "other"])
    );
    tx.close();
    let sent = select! { offer(tx, slot) -> sent => sent, default => unreachable!() };
    assert_eq!((sent, slot), (Err(SendError::Closed("third")), None));
}

pub(crate) fn a_twin_that_comes_first_lets_a_waiting_arm_go<U: Units>() {
    let ((tx, rx), (_quiet, never)) = (queue::bounded_unique(1), quiet());
    tx.send(1).unwrap();
    let other = tx.clone();
    let (selector, unit) = spawn_known::<U, _>(move || {
        select! { send(other, 2) -> sent => sent, recv(never) -> _ => unreachable!() }
    });
    until_waiting(unit, Reason::Select);
    // One at the front comes first, with the same value.
    let twin = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || twin.send_front(2));
    until_waiting(unit, Reason::Send);
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(U::join(sender), Ok(Sent::New));
    // The arm is told when its turn comes: its twin has just gone, so it goes in; or its twin is inside.
    assert_eq!(rx.recv(), Ok(2));
    let sent = U::join(selector).unwrap().unwrap();
    let left = rx.drain();
    assert_eq!(sent.is_new(), left == [2], "{sent:?} {left:?}");
    assert_eq!(left.len(), usize::from(sent.is_new()));
}

pub(crate) fn an_arm_at_the_front_is_served_before_the_others<U: Units>() {
    for capacity in [1, 2] {
        let (tx, rx) = queue::bounded(capacity);
        tx.send_many(vec!["inside"; capacity]).unwrap();
        let mut units = Vec::new();
        for (word, front) in [("back", false), ("front", true)] {
            let (tx, (_quiet, never)) = (tx.clone(), quiet());
            let (selector, unit) = spawn_known::<U, _>(move || {
                let arm = if front {
                    tx.send_front_arm(word)
                } else {
                    tx.send_arm(word)
                };
                let sent = select! { arm(arm) -> sent => sent, recv(never) -> _ => unreachable!() };
                drop(_quiet);
                sent
            });
            until_waiting(unit, Reason::Select);
            units.push(selector);
        }
        assert_eq!(rx.recv(), Ok("inside"));
        // It went to the front of what was inside.
        assert_eq!(rx.recv(), Ok("front"));
        for unit in units {
            assert_eq!(U::join(unit), Ok(Ok(())));
        }
        assert_eq!(rx.drain().last(), Some(&"back"));
    }
}

pub(crate) fn a_value_offered_at_the_front_comes_back<U: Units>() {
    let (tx, rx) = queue::bounded(1);
    tx.send(1).unwrap();
    let mut slot = Some(2);
    let sent = select! { arm(tx.offer_front_arm(&mut slot)) -> _ => true, default => false };
    assert_eq!((sent, slot), (false, Some(2)));
    assert_eq!(rx.recv(), Ok(1));
    let sent =
        select! { arm(tx.offer_front_arm(&mut slot)) -> sent => sent.is_ok(), default => false };
    assert_eq!((sent, slot, rx.drain()), (true, None, vec![2]));
    let mut arm = tx.send_front_arm(3);
    assert_eq!((arm.unsent(), try_select(&mut [&mut arm])), (Some(3), None));
    assert_eq!((arm.load(4), try_select(&mut [&mut arm])), (None, Some(0)));
    assert_eq!((arm.take(), rx.recv()), (Some(Ok(())), Ok(4)));
}

pub(crate) fn a_relay_takes_from_an_arm<U: Units>() {
    let (tx, relay) = Options::new(2).capacity(1).open();
    let (go, gate) = Channel::bounded(0);
    let runner = U::spawn(move || {
        let mut out = Vec::new();
        gate.recv().unwrap();
        let put_out = |batch: &mut Vec<u32>| {
            out.append(batch);
            Ok::<(), ()>(())
        };
        relay.run(put_out, |_| Verdict::Drop);
        out
    });
    tx.send(0).unwrap();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let (_quiet, never) = quiet();
        for n in 1..100 {
            let mut slot = Some(n);
            while slot.is_some() {
                select! {
                    offer(tx, slot) -> sent => sent.unwrap(),
                    recv(never) -> _ => unreachable!(),
                    after(LONG) => unreachable!(),
                }
                .unwrap();
            }
        }
    });
    until_waiting(unit, Reason::Select);
    go.send(()).unwrap();
    U::join(selector);
    assert!(U::join(runner).into_iter().eq(0..100));
}

pub(crate) fn a_relay_that_goes_gives_an_arm_its_value_back<U: Units>() {
    let (tx, relay): (relay::Sender<String>, _) = Options::new(2).capacity(1).open();
    tx.send("inside".to_owned()).unwrap();
    // What did not go stays in the arm, or in its slot.
    let mut arm = tx.send_arm("mine".to_owned());
    assert_eq!(try_select(&mut [&mut arm]), None);
    assert_eq!(arm.unsent().as_deref(), Some("mine"));
    drop(arm);
    let mut slot = Some("kept".to_owned());
    drop(tx.offer_arm(&mut slot));
    assert_eq!(slot.as_deref(), Some("kept"));
    // One that waits is told of the end, with its value.
    let other = tx.clone();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let (_quiet, never) = quiet();
        select! { send(other, "late".to_owned()) -> sent => sent, recv(never) -> _ => unreachable!() }
    });
    until_waiting(unit, Reason::Select);
    drop(relay);
    assert_eq!(
        U::join(selector),
        Ok(Err(SendError::Closed("late".to_owned())))
    );
}

pub(crate) fn arms_of_every_store_lose_nothing<U: Units>() {
    const EACH: u64 = 300;
    let (plain, plain_rx) = queue::bounded(1);
    let (unique, unique_rx) = queue::bounded_unique(1);
    let (first, first_rx) = priority::bounded(1, First::Smallest);
    let mut units = Vec::new();
    for base in [0, EACH] {
        let (plain, unique, first) = (plain.clone(), unique.clone(), first.clone());
        units.push(U::spawn(move || {
            let next = |n: &mut u64| {
                *n += 1;
                (*n <= EACH).then_some(base + *n)
            };
            let (mut a, mut b, mut c, mut d) = (0, 0, 0, 0);
            let (mut to_plain, mut to_front) = (next(&mut a), next(&mut b));
            let (mut to_unique, mut to_first) = (next(&mut c), next(&mut d).map(|n| (n, ())));
            while to_plain.is_some()
                || to_front.is_some()
                || to_unique.is_some()
                || to_first.is_some()
            {
                select! {
                    offer(plain, to_plain) -> sent => {
                        sent.unwrap();
                        to_plain = next(&mut a);
                    }
                    arm(plain.offer_front_arm(&mut to_front)) -> sent => {
                        sent.unwrap();
                        to_front = next(&mut b);
                    }
                    offer(unique, to_unique) -> sent => {
                        assert_eq!(sent, Ok(Sent::New));
                        to_unique = next(&mut c);
                    }
                    offer(first, to_first) -> sent => {
                        sent.unwrap();
                        to_first = next(&mut d).map(|n| (n, ()));
                    }
                }
                .unwrap();
            }
        }));
    }
    drop((plain, unique, first));
    let (mut sums, mut open) = ([0; 3], [true; 3]);
    while open.contains(&true) {
        let [p, u, f] = open;
        select! {
            recv(plain_rx) -> n if p => match n {
                Ok(n) => sums[0] += n,
                Err(_) => open[0] = false,
            },
            recv(unique_rx) -> n if u => match n {
                Ok(n) => sums[1] += n,
                Err(_) => open[1] = false,
            },
            recv(first_rx) -> n if f => match n {
                Ok((n, ())) => sums[2] += n,
                Err(_) => open[2] = false,
            },
        }
        .unwrap();
    }
    for unit in units {
        U::join(unit);
    }
    let all = (1..=2 * EACH).sum::<u64>();
    assert_eq!(sums, [2 * all, all, all]);
}

/// Waits, with `arm` among others, until the other end goes, which it does by `leave`.
fn ends<U: Units, S, R>(tx: S, rx: R, waits: fn(&S) -> Result<(), SelectError>)
where
    S: Send + 'static,
    R: Send + 'static,
{
    let (selector, unit) = spawn_known::<U, _>(move || (waits(&tx), tx));
    until_waiting(unit, Reason::Select);
    drop(rx);
    let (ended, tx) = U::join(selector);
    // It has ended for good, as long as nobody comes anew.
    assert_eq!((ended, waits(&tx)), (Ok(()), Ok(())));
}

/// Waits for the end and for what does not come.
macro_rules! until_closed {
    () => {
        |tx| {
            let (_quiet, never) = quiet();
            let (mut end, mut other) = (tx.closed_arm(), never.recv_arm());
            let mut select = Select::new();
            select.add(&mut other);
            let expected = select.add(&mut end);
            let went = select.wait()?;
            assert_eq!((went, end.take(), other.take()), (expected, Some(()), None));
            Ok(())
        }
    };
}

pub(crate) fn the_end_of_the_receivers_is_an_arm_of_every_sender<U: Units>() {
    for capacity in [None, Some(0), Some(1), Some(3)] {
        let (tx, rx) = crate::units::channel::<u8>(capacity);
        ends::<U, _, _>(tx, rx, until_closed!());
        let (tx, rx) = capacity.map_or_else(mpmc::unbounded::<u8>, mpmc::bounded);
        ends::<U, _, _>(tx, (rx.clone(), rx), until_closed!());
        let (tx, rx) = spsc::channel::<u8>(capacity.unwrap_or(128));
        ends::<U, _, _>(tx, rx, until_closed!());
    }
    let (tx, rx) = queue::bounded::<u8>(1);
    ends::<U, _, _>(tx, rx, until_closed!());
    let (tx, rx) = priority::bounded::<u8, ()>(1, First::Smallest);
    ends::<U, _, _>(tx, rx, until_closed!());
    let (tx, relay) = Options::new(1).open::<u8>();
    ends::<U, _, _>(tx, relay, until_closed!());
    let (tx, rx) = broadcast::channel::<u8>(1);
    ends::<U, _, _>(tx, (rx.clone(), rx), until_closed!());
    let (tx, rx) = watch::channel(0);
    ends::<U, _, _>(tx, (rx.clone(), rx), until_closed!());
    let (tx, rx) = oneshot::channel::<u8>();
    ends::<U, _, _>(tx, rx, until_closed!());
}
