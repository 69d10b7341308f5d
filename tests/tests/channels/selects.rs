//! Queues, priority channels and timers as arms of a select.

use crate::units::{Random, Units, moment, spawn_known, until, until_shown, until_waiting};
use std::time::{Duration, Instant};
use vitte_channels::{
    RecvError, SendError, TryRecvError,
    priority::{self, First},
    queue, select,
    select::{Deadline, SelectError},
    timer,
};
use vitte_wait::Reason;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(10);

pub(crate) fn a_blocked_select_gets_what_comes_to_a_store<U: Units>() {
    for capacity in [0, 2] {
        let (jobs, first) = priority::bounded(capacity, First::Smallest);
        let (values, second) = queue::bounded(capacity);
        let (others, third) = queue::bounded_unique(capacity);
        for turn in 0..3 {
            let (first, second, third) = (first.clone(), second.clone(), third.clone());
            let (selector, unit) = spawn_known::<U, _>(move || {
                select! {
                    recv(first) -> item => ("first", item.unwrap().1),
                    recv(second) -> value => ("second", value.unwrap()),
                    recv(third) -> value => ("third", value.unwrap()),
                }
            });
            until_waiting(unit, Reason::Select);
            match turn {
                0 => jobs.send((0, 'x')).unwrap(),
                1 => values.send_front('x').unwrap(),
                _ => assert!(others.send('x').unwrap().is_new()),
            }
            let expected = ["first", "second", "third"][turn];
            assert_eq!(U::join(selector), Ok((expected, 'x')));
        }
        // What did not go left nothing behind.
        assert_eq!((jobs.len(), values.len(), others.len()), (0, 0, 0));
        assert!(format!("{values:?}").ends_with("waiting_receivers: 0 }"));
    }
}

pub(crate) fn a_blocked_select_sends_when_a_store_has_room<U: Units>() {
    for capacity in [0, 1] {
        let (jobs, first) = priority::bounded(capacity, First::Smallest);
        let (values, second) = queue::bounded(capacity);
        if capacity > 0 {
            jobs.send((9, 'a')).unwrap();
            values.send('a').unwrap();
        }
        let tx = values.clone();
        let (selector, unit) = spawn_known::<U, _>(move || {
            let mut slot = Some((0, 'b'));
            let went = select! {
                offer(jobs, slot) -> sent => sent.map(|()| "first").map_err(|_| "refused"),
                send(tx, 'c') -> sent => sent.map(|()| "second").map_err(|_| "refused"),
            };
            (went, slot)
        });
        until_waiting(unit, Reason::Select);
        until_shown(&values, "waiting_senders: 1");
        for n in 0..=capacity {
            assert_eq!(second.recv(), Ok(['a', 'c'][n + 1 - capacity]));
        }
        // The one that did not go has its value still.
        assert_eq!(U::join(selector), (Ok(Ok("second")), Some((0, 'b'))));
        assert_eq!(first.iter().count(), capacity);
    }
}

pub(crate) fn closing_a_store_wakes_selects_at_both_ends<U: Units>() {
    let (tx, rx) = queue::bounded(0);
    let other = tx.clone();
    let (sending, unit) = spawn_known::<U, _>(move || select! { send(other, 7) -> sent => sent });
    until_waiting(unit, Reason::Send);
    tx.close();
    assert_eq!(U::join(sending), Ok(Err(SendError::Closed(7))));
    drop(rx);
    let (tx, rx) = queue::unbounded::<u8>();
    let (receiving, unit) = spawn_known::<U, _>(move || select! { recv(rx) -> value => value });
    until_waiting(unit, Reason::Recv);
    drop(tx);
    assert_eq!(U::join(receiving), Ok(Err(RecvError::Closed)));
}

pub(crate) fn a_select_at_both_ends_of_a_store_meets_others_only<U: Units>() {
    let (tx, rx) = queue::bounded(0);
    let alone = select! {
        send(tx, 1) -> _ => "sent",
        recv(rx) -> _ => "received",
        default(SHORT) => "alone",
    };
    assert_eq!(alone, Ok("alone"));
    let units = [1, 2].map(|n| {
        let (tx, rx) = (tx.clone(), rx.clone());
        U::spawn(move || {
            select! {
                send(tx, n) -> sent => sent.map(|()| None).map_err(drop),
                recv(rx) -> value => value.map(Some).map_err(drop),
            }
        })
    });
    let [first, second] = units.map(U::join);
    match (first, second) {
        (Ok(Ok(None)), Ok(Ok(Some(1)))) | (Ok(Ok(Some(2))), Ok(Ok(None))) => {}
        other => panic!("{other:?}"),
    }
}

pub(crate) fn a_tick_is_an_arm_like_others<U: Units>() {
    let (tx, rx) = queue::unbounded();
    let begin = Instant::now();
    let once = timer::after(SHORT);
    let (other, heard) = (once.clone(), rx.clone());
    let went = U::join(U::spawn(move || {
        select! { recv(heard) -> _ => None, recv(other) -> tick => tick.ok() }
    }));
    assert!(matches!(went, Ok(Some(tick)) if tick.missed == 0));
    assert!(begin.elapsed() >= SHORT);
    assert_eq!(once.try_recv(), Err(TryRecvError::Empty));
    // It has gone, and is silent from now on.
    let went =
        select! { recv(once) -> _ => "once", recv(rx) -> _ => "rx", default(SHORT) => "none" };
    assert_eq!(went, Ok("none"));
    // A tick that is due and not chosen stays.
    tx.send(1).unwrap();
    once.reset(Duration::ZERO);
    let mut both = [false; 2];
    for _ in 0..2 {
        let went = select! { recv(once) -> _ => 0, recv(rx) -> _ => 1 };
        both[went.unwrap()] = true;
    }
    assert_eq!(both, [true, true]);
}

pub(crate) fn a_changed_timer_wakes_the_select_that_waits_for_it<U: Units>() {
    let timer = timer::tick(LONG);
    let other = timer.clone();
    let never = timer::never();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let mut ticks = Vec::new();
        loop {
            let tick = select! { recv(never) -> _ => unreachable!(), recv(other) -> tick => tick };
            match tick {
                Ok(Ok(tick)) => ticks.push(tick.due),
                Ok(Err(error)) => return (ticks.len(), error),
                Err(error) => panic!("{error}"),
            }
        }
    });
    until_waiting(unit, Reason::Select);
    timer.reset_at(Deadline::after(Duration::ZERO));
    until(|| !timer.is_due());
    until_waiting(unit, Reason::Select);
    timer.stop();
    moment();
    timer.close();
    assert_eq!(U::join(selector), (1, RecvError::Closed));
    assert!(format!("{timer:?}").contains("waiting: 0"));
}

pub(crate) fn a_canceled_select_leaves_stores_and_timers_as_they_were<U: Units>() {
    let (tx, rx) = queue::bounded(0);
    let timer = timer::tick(LONG);
    let (out, beat) = (tx.clone(), timer.clone());
    let (selector, unit) = spawn_known::<U, _>(move || {
        let mut slot = Some(1);
        let went = select! { offer(out, slot) -> _ => (), recv(beat) -> _ => () };
        (went, slot)
    });
    until_waiting(unit, Reason::Select);
    unit.cancel();
    assert_eq!(U::join(selector), (Err(SelectError::Canceled), Some(1)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(format!("{timer:?}").contains("waiting: 0"));
    drop(tx);
}

pub(crate) fn selects_over_stores_lose_and_double_nothing<U: Units>() {
    let mut random = Random::new();
    for capacity in [0, 1, 3] {
        let queues: Vec<_> = (0..3).map(|_| queue::bounded(capacity)).collect();
        let senders: Vec<_> = (0..3_usize)
            .map(|sender| {
                let ends: Vec<_> = queues.iter().map(|(tx, _)| tx.clone()).collect();
                U::spawn(move || {
                    for n in 0..300 {
                        // To whichever has room first.
                        let mut slots = [(); 3].map(|()| Some(sender * 1_000 + n));
                        let [a, b, c] = &mut slots;
                        let sent = select! {
                            arm(ends[0].offer_arm(a)) -> sent => sent,
                            arm(ends[1].offer_arm(b)) -> sent => sent,
                            arm(ends[2].offer_arm(c)) -> sent => sent,
                        };
                        sent.unwrap().unwrap();
                        assert_eq!(slots.iter().flatten().count(), 2);
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let ends: Vec<_> = queues.iter().map(|(_, rx)| rx.clone()).collect();
                let mut random = random.fork();
                U::spawn(move || {
                    let (mut values, mut open) = (Vec::new(), [true; 3]);
                    while open != [false; 3] {
                        let pause = Duration::from_micros(1 + random.below(200) as u64);
                        let limit = timer::after(pause);
                        select! {
                            recv(ends[0]) -> value if open[0] => match value {
                                Ok(value) => values.push(value),
                                Err(_) => open[0] = false,
                            },
                            recv(ends[1]) -> value if open[1] => match value {
                                Ok(value) => values.push(value),
                                Err(_) => open[1] = false,
                            },
                            recv(ends[2]) -> value if open[2] => match value {
                                Ok(value) => values.push(value),
                                Err(_) => open[2] = false,
                            },
                            recv(limit) -> tick => assert!(tick.is_ok()),
                        }
                        .unwrap();
                    }
                    values
                })
            })
            .collect();
        drop(queues.into_iter().map(|(tx, _)| tx).collect::<Vec<_>>());
        senders.into_iter().for_each(U::join);
        let mut values: Vec<usize> = receivers.into_iter().flat_map(U::join).collect();
        values.sort_unstable();
        let expected = (0..3).flat_map(|sender| (0..300).map(move |n| sender * 1_000 + n));
        assert!(values.into_iter().eq(expected));
    }
}
