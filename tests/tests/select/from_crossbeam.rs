//! What crossbeam-channel's tests of select ask (`tests/select.rs` and `tests/select_macro.rs`, MIT or
//! Apache 2.0): the ideas that apply here, written afresh.

use crate::units::{FLAVORS, Units, channel, moment, pause};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};
use vitte_channels::{
    Channel, RecvError, SendError, TryRecvError, select,
    select::{Chosen, Select, SelectError, When},
};

/// After `timeout`: who comes too late finds nobody, who comes in time is met.
pub(crate) fn a_timeout_and_a_late_sender_miss_each_other<U: Units>() {
    let ((a, from_a), (b, from_b)) = (Channel::bounded(0), Channel::bounded(0));
    let sender = U::spawn(move || {
        pause(Duration::from_millis(30));
        let late = a.send_timeout(1, Duration::from_millis(20));
        // Met, whenever the other comes.
        (late.is_ok(), b.send(2))
    });
    let patience = Duration::from_millis(3);
    let timed_out = select! {
        recv(from_a) -> _ => false,
        recv(from_b) -> _ => false,
        default(patience) => true,
    };
    let got = select! { recv(from_b) -> v => v };
    // Whether or not the machine was so slow that the first two met.
    assert_eq!((got, timed_out.is_ok()), (Ok(Ok(2)), true));
    let (late, sent) = U::join(sender);
    assert_eq!((late, sent), (timed_out == Ok(false), Ok(())));
}

/// After `default_when_disconnected`: closed comes before default.
pub(crate) fn a_closed_channel_comes_before_a_default<U: Units>() {
    for flavor in FLAVORS {
        let ((tx, rx), (out, end)) = (channel::<u8>(flavor), channel::<u8>(flavor));
        drop((tx, end));
        let got = select! { recv(rx) -> v => v, default => unreachable!() };
        assert_eq!(got, Err(RecvError::Closed));
        let got =
            select! { recv(rx) -> v => v, default(Duration::from_secs(60)) => unreachable!() };
        assert_eq!(got, Ok(Err(RecvError::Closed)));
        let sent = select! { send(out, 1) -> sent => sent, default => unreachable!() };
        assert_eq!(sent, Err(SendError::Closed(1)));
    }
}

/// After `loop_try`: two that only try, again and again, and one that waits for either.
pub(crate) fn those_who_try_meet_one_who_waits<U: Units>() {
    for _ in 0..20 {
        let ((tx, rx), (back, from_back)) = (Channel::bounded(0), Channel::bounded(0));
        let (end, ended) = Channel::new::<()>();
        let trying = U::spawn(move || {
            loop {
                let over = select! {
                    send(tx, 1) -> sent => sent.is_ok(),
                    recv(from_back) -> v => v == Ok(2),
                    recv(ended) -> _ => true,
                    default => false,
                };
                if over {
                    return;
                }
                vitte_threads::yield_now();
            }
        });
        let met = select! {
            recv(rx) -> v => v == Ok(1),
            send(back, 2) -> sent => sent.is_ok(),
            after(Duration::from_secs(60)) => false,
        };
        assert_eq!(met, Ok(true));
        drop(end);
        U::join(trying);
    }
}

/// After `preference1` and `both_ready`.
pub(crate) fn what_is_ready_comes_out_in_any_order_and_completely<U: Units>() {
    for flavor in FLAVORS.into_iter().filter(|flavor| *flavor != Some(0)) {
        let ((a, from_a), (b, end)) = (channel(flavor), channel(flavor));
        a.send(1).unwrap();
        for _ in 0..2 {
            let done = select! {
                recv(from_a) -> v => v == Ok(1),
                send(b, 2) -> sent if b.is_empty() => sent.is_ok(),
            };
            assert_eq!(done, Ok(true));
        }
        assert_eq!(
            (from_a.try_recv(), end.try_recv()),
            (Err(TryRecvError::Empty), Ok(2))
        );
    }
}

/// After `stress_recv`, `stress_send` and `stress_mixed`: every arm in turn, kept in step by a third
/// channel.
pub(crate) fn two_arms_in_step<U: Units>() {
    const ROUNDS: u32 = 1000;
    for flavor in FLAVORS {
        let ((a, from_a), (b, from_b)) = (channel(flavor), channel(flavor));
        let (step, stepped) = Channel::bounded(0);
        let other = U::spawn(move || {
            for n in 0..ROUNDS {
                a.send(n).unwrap();
                assert_eq!(stepped.recv(), Ok(()));
                assert_eq!(from_b.recv(), Ok(n));
                assert_eq!(stepped.recv(), Ok(()));
            }
        });
        for n in 0..ROUNDS {
            let (mut received, mut sent) = (false, false);
            for _ in 0..2 {
                select! {
                    recv(from_a) -> v if !received => {
                        assert_eq!(v, Ok(n));
                        received = true;
                    }
                    send(b, n) -> done if !sent => {
                        done.unwrap();
                        sent = true;
                    }
                }
                .unwrap();
                step.send(()).unwrap();
            }
        }
        U::join(other);
    }
}

/// After `stress_timeout_two_threads`: both ends give up now and then, and nothing is lost.
pub(crate) fn two_that_give_up_now_and_then_lose_nothing<U: Units>() {
    const ROUNDS: u64 = 60;
    for flavor in FLAVORS {
        let (tx, rx) = channel(flavor);
        let sender = U::spawn(move || {
            for n in 0..ROUNDS {
                if n % 3 == 0 {
                    pause(Duration::from_micros(400));
                }
                let mut slot = Some(n);
                while slot.is_some() {
                    let patience = Duration::from_micros(200);
                    select! { offer(tx, slot) -> sent => sent.unwrap(), default(patience) => {} }
                        .unwrap();
                }
            }
        });
        for n in 0..ROUNDS {
            if n % 3 == 1 {
                pause(Duration::from_micros(400));
            }
            let patience = Duration::from_micros(200);
            let got = loop {
                let got = select! { recv(rx) -> v => Some(v), default(patience) => None };
                if let Some(got) = got.unwrap() {
                    break got;
                }
            };
            assert_eq!(got, Ok(n));
        }
        U::join(sender);
    }
}

/// After `send_recv_same_channel`.
pub(crate) fn a_ring_meets_itself_and_a_rendezvous_does_not<U: Units>() {
    let patience = Duration::from_millis(1);
    for flavor in FLAVORS {
        let (tx, rx) = channel(flavor);
        let got = select! {
            recv(rx) -> v => v.is_err(),
            send(tx, 1) -> sent => sent.is_ok(),
            default(patience) => false,
        };
        assert_eq!(got, Ok(flavor != Some(0)));
        let got = select! { recv(rx) -> v => Some(v), default(patience) => None };
        assert_eq!(got, Ok((flavor != Some(0)).then_some(Ok(1))));
    }
}

/// After `nesting`: an arm's expression may select again, among the same channels.
pub(crate) fn selects_nest<U: Units>() {
    let (tx, rx) = Channel::bounded(1);
    let nested = select! {
        send(tx, 0) -> sent => {
            sent.unwrap();
            select! {
                recv(rx) -> v => {
                    assert_eq!(v, Ok(0));
                    select! {
                        send(tx, 1) -> sent => {
                            sent.unwrap();
                            select! { recv(rx) -> v => v }
                        }
                    }
                }
            }
        }
    };
    assert_eq!(nested, Ok(Ok(Ok(Ok(Ok(1))))));
}

/// After `conditional_send`, `conditional_recv` and the macro's many shapes.
pub(crate) fn the_macro_takes_its_shapes<U: Units>() {
    fn early(rx: &vitte_channels::Receiver<u8>) -> Result<u8, RecvError> {
        // `?` and `return` are the function's.
        let value = select! { recv(rx) -> v => v?, default => return Ok(9) };
        Ok(value + 1)
    }
    let ((tx, rx), (out, end)) = (Channel::new(), Channel::bounded(1));
    assert_eq!(early(&rx), Ok(9));
    tx.send(4).unwrap();
    assert_eq!(early(&rx), Ok(5));

    // Blocks without commas, expressions with, a pattern or none, a condition or none, a trailing comma.
    tx.send(1).unwrap();
    let mut seen = 0;
    select! {
        recv(&rx) -> mut value if seen == 0 => {
            if let Ok(value) = &mut value { *value += 1; }
            seen = value.unwrap();
        }
        recv(rx,) if false => seen = 100,
        send(out, 0) if false => {}
        after(Duration::from_secs(60),) => match seen { 0 => {} _ => unreachable!() },
        default(Duration::from_secs(60)) => { seen = 50 }
    }
    .unwrap();
    assert_eq!(seen, 2);

    // `break` and `continue` are the loop's; places may be anything, also what lives only here.
    struct Place {
        ends: Vec<vitte_channels::Receiver<u8>>,
    }
    let place = Place { ends: vec![rx] };
    let mut turns = 0;
    'turns: loop {
        turns += 1;
        select! {
            recv(place.ends[0]) -> v => match v {
                Ok(_) => continue 'turns,
                Err(_) => break 'turns,
            },
            send(out.clone(), 3) -> sent if turns == 1 => sent.unwrap(),
            default => tx.close(),
        };
    }
    assert_eq!((turns, end.try_recv()), (3, Ok(3)));

    // Any other arm, by value or kept by the caller.
    let mut kept = out.send_arm(6);
    let gone = select! {
        arm(&mut kept) -> sent => sent.is_ok(),
        arm(When::new(false, end.recv_arm())) -> _ => false,
    };
    assert_eq!((gone, end.try_recv(), kept.take()), (Ok(true), Ok(6), None));
    // Patterns take values apart.
    let (pairs, of_pairs) = Channel::new();
    pairs.send((1, 2)).unwrap();
    let sum = select! { recv(of_pairs) -> pair => { let (a, b) = pair.unwrap(); a + b } };
    assert_eq!(sum, Ok(3));
}

/// After `unblocks`, for the dynamic form: it is waited for with a limit and without.
pub(crate) fn the_dynamic_form_waits_as_it_is_told<U: Units>() {
    let ((tx, rx), begin) = (Channel::bounded(0), Instant::now());
    let mut arm = rx.recv_arm();
    let patience = Duration::from_millis(2);
    let mut select = Select::among(std::slice::from_mut(&mut arm));
    assert_eq!((select.len(), select.is_empty()), (1, false));
    assert_eq!(select.try_wait(), None);
    assert_eq!(select.wait_timeout(patience), Err(SelectError::TimedOut));
    assert!(begin.elapsed() >= patience);
    let sender = U::spawn(move || (tx.send(1), tx.send(2)));
    assert_eq!(select.wait(), Ok(0));
    // Not taken yet, so it has gone still.
    assert_eq!((select.wait(), select.try_wait()), (Ok(0), Some(0)));
    assert_eq!((arm.take(), arm.take()), (Some(Ok(1)), None));
    assert_eq!(Select::among(std::slice::from_mut(&mut arm)).wait(), Ok(0));
    assert_eq!(arm.take(), Some(Ok(2)));
    assert_eq!(U::join(sender), (Ok(()), Ok(())));
    moment();
}

/// After `panic_sender` and `panic_receiver`: what makes an arm fails, and the arms that were made are gone without
/// having gone.
pub(crate) fn a_panic_while_arms_are_made_loses_nothing<U: Units>() {
    fn fails() -> vitte_channels::Receiver<u8> {
        panic!("meant")
    }
    let ((tx, rx), (full, inside)) = (Channel::new(), Channel::bounded(1));
    tx.send(1).unwrap();
    full.send(2).unwrap();
    let mut slot = Some(3);
    let failed = catch_unwind(AssertUnwindSafe(|| {
        select! {
            recv(rx) -> _ => unreachable!(),
            offer(full, slot) -> _ => unreachable!(),
            recv(fails()) -> _ => unreachable!(),
        }
    }));
    assert!(failed.is_err());
    assert_eq!(
        (rx.try_recv(), inside.try_recv(), slot),
        (Ok(1), Ok(2), Some(3))
    );
}
