//! Relays: batches by size and by time, in order, each value exactly once, whatever the far side does.
//!
//! What the threaded queue of mo-threads offered, with what it lost or confused tested for.

use crate::units::{Census, Random, Units, moment, spawn_known, until, until_shown, until_waiting};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use vitte_channels::{
    SendError, SendUntilError, TrySendError,
    relay::{self, End, Failed, FlushError, Options, Report, Trouble, Verdict},
};
use vitte_wait::{Deadline, Reason, StopSource, facade::plain::Mutex};

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(10);

/// Where batches end up.
struct Sink<T>(Arc<Mutex<Vec<Vec<T>>>>);

impl<T> Clone for Sink<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Sink<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn put(&self, batch: &mut Vec<T>) {
        self.0.lock().push(std::mem::take(batch));
    }

    fn taker(&self) -> impl FnMut(&mut Vec<T>) -> Result<(), Infallible> + use<T> {
        let sink = self.clone();
        move |batch| {
            sink.put(batch);
            Ok(())
        }
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.lock().iter().map(Vec::len).collect()
    }

    fn values(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock())
            .into_iter()
            .flatten()
            .collect()
    }
}

fn never<T>(_: Failed<'_, T, Infallible>) -> Verdict {
    unreachable!("nothing fails")
}

pub(crate) fn a_full_batch_goes_out<U: Units>() {
    let sink = Sink::new();
    let (tx, relay) = Options::new(3).period(LONG).open();
    let taker = sink.taker();
    let running = U::spawn(move || relay.run(taker, never));
    tx.send_many(0..3).unwrap();
    tx.send(3).unwrap();
    tx.try_send(4).unwrap();
    until(|| sink.sizes() == [3]);
    tx.send_timeout(5, LONG).unwrap();
    until(|| sink.sizes() == [3, 3]);
    drop(tx);
    let report = U::join(running);
    assert_eq!(
        report,
        Report {
            end: End::Closed,
            batches: 2,
            values: 6,
            dropped: 0,
            rest: vec![]
        }
    );
    assert!(sink.values().into_iter().eq(0..6));
}

pub(crate) fn a_batch_goes_out_when_its_period_is_over<U: Units>() {
    let sink = Sink::new();
    let (tx, relay) = Options::new(1_000).period(SHORT).open();
    let taker = sink.taker();
    let running = U::spawn(move || relay.run(taker, never));
    for round in 1..=3 {
        let begin = Instant::now();
        tx.send(round).unwrap();
        until(|| sink.sizes().len() == round);
        assert!(begin.elapsed() >= SHORT, "it waits for others first");
    }
    drop(tx);
    assert_eq!(U::join(running).batches, 3);
}

/// The period begins with the first value and not again with each.
pub(crate) fn a_trickle_does_not_hold_a_batch_back<U: Units>() {
    let sink = Sink::new();
    let (tx, relay) = Options::new(1_000_000).period(SHORT).open();
    let taker = sink.taker();
    let running = U::spawn(move || relay.run(taker, never));
    let mut sent = 0;
    until(|| {
        tx.send(sent).unwrap();
        sent += 1;
        sink.sizes().len() >= 2
    });
    drop(tx);
    U::join(running);
    assert!(sink.values().into_iter().eq(0..sent));
}

pub(crate) fn closing_flushes<U: Units>() {
    for close in [true, false] {
        let sink = Sink::new();
        let (tx, relay) = Options::new(4).capacity(100).period(LONG).open();
        tx.send_many(0..10).unwrap();
        if close {
            tx.close();
            assert_eq!(tx.send(99), Err(SendError::Closed(99)));
        }
        drop(tx);
        let taker = sink.taker();
        let report = U::join(U::spawn(move || relay.run(taker, never)));
        assert_eq!((report.end, report.values), (End::Closed, 10));
        assert_eq!(sink.sizes(), [4, 4, 2]);
    }
}

pub(crate) fn stopping_flushes_and_gives_blocked_senders_their_values_back<U: Units>() {
    let sink = Sink::new();
    let source = StopSource::new();
    let (tx, relay) = Options::new(4).capacity(2).period(LONG).open();
    // Nobody takes them yet.
    tx.send_many([0, 1]).unwrap();
    let late = tx.clone();
    let (sender, unit) = spawn_known::<U, _>(move || late.send(2));
    until_waiting(unit, Reason::Send);
    until_shown(&tx, "waiting_senders: 1");
    source.stop();
    let (taker, token) = (sink.taker(), source.token());
    let report = U::join(U::spawn(move || relay.run_or_stop(&token, taker, never)));
    assert_eq!(U::join(sender), Err(SendError::Closed(2)));
    assert_eq!((report.end, report.values), (End::Stopped, 2));
    assert_eq!(sink.values(), [0, 1]);
    // And one that waits for values.
    let source = StopSource::new();
    let (tx, relay) = Options::new(4).period(LONG).open();
    let (taker, token) = (sink.taker(), source.token());
    let (running, unit) = spawn_known::<U, _>(move || relay.run_or_stop(&token, taker, never));
    tx.send(7).unwrap();
    until(|| tx.is_empty());
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(running).end, End::Stopped);
    assert_eq!(sink.values(), [7]);
    assert_eq!(tx.try_send(8), Err(TrySendError::Closed(8)));
}

pub(crate) fn a_flush_waits_until_all_before_it_is_out<U: Units>() {
    let sink = Sink::new();
    let (tx, relay) = Options::new(100).period(LONG).open();
    let taker = sink.taker();
    let running = U::spawn(move || relay.run(taker, never));
    tx.flush().unwrap();
    assert_eq!(sink.sizes().len(), 0, "an empty batch does not go out");
    tx.send_many(0..5).unwrap();
    tx.flush().unwrap();
    assert_eq!(sink.sizes(), [5]);
    // From several at once.
    let flushers: Vec<_> = (0..4)
        .map(|sender| {
            let (tx, sink) = (tx.clone(), sink.clone());
            U::spawn(move || {
                for n in 0..50 {
                    let value = 1_000 * (sender + 1) + n;
                    tx.send(value).unwrap();
                    tx.flush().unwrap();
                    let sink = sink.0.lock();
                    assert!(sink.iter().flatten().any(|out| *out == value));
                }
            })
        })
        .collect();
    flushers.into_iter().for_each(U::join);
    drop(tx);
    assert_eq!(U::join(running).values, 205);
}

pub(crate) fn a_flush_ends_however_the_relay_does<U: Units>() {
    // Nobody runs it.
    let (tx, relay) = Options::new(2).period(LONG).open();
    tx.send(1).unwrap();
    let late = tx.flush_with(Deadline::after(SHORT), None);
    assert_eq!(late, Err(FlushError::TimedOut));
    let source = StopSource::new();
    let (token, other) = (source.token(), tx.clone());
    let (stopped, unit) =
        spawn_known::<U, _>(move || other.flush_with(Deadline::NEVER, Some(&token)));
    until_waiting(unit, Reason::Recv);
    source.stop();
    assert_eq!(U::join(stopped), Err(FlushError::Stopped));
    let other = tx.clone();
    let (canceled, unit) = spawn_known::<U, _>(move || other.flush());
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    assert_eq!(U::join(canceled), Err(FlushError::Canceled));
    // It is full of questions that nobody waits for any more, so a further one waits for room.
    assert_eq!(tx.len(), 4);
    let other = tx.clone();
    let (gone, unit) = spawn_known::<U, _>(move || other.flush());
    until_waiting(unit, Reason::Send);
    drop(relay);
    assert_eq!(U::join(gone), Err(FlushError::Closed));
    assert_eq!(tx.flush(), Err(FlushError::Closed));
    // It goes with the flush inside.
    let (tx, relay) = Options::new(2).open::<u8>();
    let (gone, unit) = spawn_known::<U, _>(move || tx.flush());
    until_waiting(unit, Reason::Recv);
    drop(relay);
    assert_eq!(U::join(gone), Err(FlushError::Closed));
}

pub(crate) fn a_failing_batch_is_tried_again_and_nothing_overtakes_it<U: Units>() {
    let sink = Sink::new();
    let (tx, relay) = Options::new(2).capacity(10).period(LONG).open();
    tx.send_many(0..6).unwrap();
    drop(tx);
    let taker = sink.clone();
    let report = U::join(U::spawn(move || {
        let mut calls = 0;
        let mut seen = Vec::new();
        let report = relay.run(
            |batch| {
                calls += 1;
                if calls % 3 != 0 {
                    return Err(format!("call {calls}"));
                }
                taker.put(batch);
                Ok(())
            },
            |failed| {
                let Trouble::Error(text) = failed.trouble else {
                    unreachable!("nothing panics")
                };
                assert!(!failed.stopping);
                seen.push((failed.values.clone(), text, failed.attempt));
                match failed.attempt {
                    1 => Verdict::Retry,
                    _ => Verdict::RetryAfter(Duration::from_micros(10)),
                }
            },
        );
        let call = |values: [i32; 2], call: u32, attempt| {
            (values.to_vec(), format!("call {call}"), attempt)
        };
        let expected = [
            call([0, 1], 1, 1),
            call([0, 1], 2, 2),
            call([2, 3], 4, 1),
            call([2, 3], 5, 2),
            call([4, 5], 7, 1),
            call([4, 5], 8, 2),
        ];
        assert_eq!(seen, expected);
        report
    }));
    assert_eq!((report.batches, report.values), (3, 6));
    assert!(sink.values().into_iter().eq(0..6));
}

pub(crate) fn a_batch_may_be_dropped_kept_or_put_out_in_part<U: Units>() {
    let (tx, relay) = Options::new(3).capacity(12).period(LONG).open();
    tx.send_many(0..9).unwrap();
    drop(tx);
    let (report, out, kept) = U::join(U::spawn(move || {
        let (mut out, mut kept) = (Vec::new(), Vec::new());
        let report = relay.run(
            |batch| {
                if batch[0] == 3 {
                    // Two go out, the third does not.
                    out.extend(batch.drain(..2));
                }
                if batch[0] == 8 {
                    return Ok(());
                }
                Err(())
            },
            |failed| {
                match failed.values[0] {
                    0 => {}
                    5 => kept.append(failed.values),
                    6 => {
                        // Only the last is tried again.
                        failed.values.drain(..2);
                        return Verdict::Retry;
                    }
                    other => panic!("{other}"),
                }
                Verdict::Drop
            },
        );
        (report, out, kept)
    }));
    assert_eq!((out, kept), (vec![3, 4], vec![5]));
    // Out: 3, 4 and 8. Dropped: 0 to 2.
    assert_eq!((report.batches, report.values, report.dropped), (1, 3, 3));
}

pub(crate) fn a_panic_is_trouble_with_a_text<U: Units>() {
    let census = Census::new();
    let (tx, relay) = Options::new(2).period(LONG).capacity(8).open();
    for n in 0..6 {
        tx.send(census.value(n)).unwrap();
    }
    let asking = tx.clone();
    let running = U::spawn(move || {
        let mut texts = Vec::new();
        let report = relay.run(
            |batch: &mut Vec<crate::units::Counted>| match batch[0].number {
                0 => panic!("a text"),
                2 => panic!("text number {}", 2),
                _ => Ok::<(), ()>(()),
            },
            |failed| {
                texts.push(failed.trouble);
                Verdict::Drop
            },
        );
        (report.values, report.dropped, texts)
    });
    // What was dropped is out of the way, too.
    asking.flush().unwrap();
    assert_eq!(census.dropped(), 6);
    drop((tx, asking));
    let (values, dropped, texts) = U::join(running);
    assert_eq!((values, dropped), (2, 4));
    let text = |text: &str| Trouble::Panic(text.to_owned());
    assert_eq!(texts, [text("a text"), text("text number 2")]);
    assert_eq!(census.made(), census.dropped());
}

pub(crate) fn retries_are_bounded_and_end_by_dropping<U: Units>() {
    let (tx, relay) = Options::new(2).period(LONG).open();
    tx.send_many([1, 2]).unwrap();
    drop(tx);
    let (calls, report) = U::join(U::spawn(move || {
        let mut calls = 0;
        let fails = |_: &mut Vec<i32>| {
            calls += 1;
            Err(())
        };
        let report = relay.run(fails, relay::retry(3, Duration::from_micros(20)));
        (calls, report)
    }));
    assert_eq!((calls, report.values, report.dropped), (4, 0, 2));
}

pub(crate) fn a_stop_cuts_a_pause_short<U: Units>() {
    let source = StopSource::new();
    let (tx, relay) = Options::new(1).period(LONG).open();
    tx.send(1).unwrap();
    let token = source.token();
    let (running, unit) = spawn_known::<U, _>(move || {
        let mut stops = Vec::new();
        let report = relay.run_or_stop(
            &token,
            |_| Err::<(), ()>(()),
            |failed| {
                stops.push(failed.stopping);
                if failed.stopping {
                    Verdict::Drop
                } else {
                    Verdict::RetryAfter(LONG)
                }
            },
        );
        (report, stops)
    });
    until_waiting(unit, Reason::Sleep);
    source.stop();
    let (report, stops) = U::join(running);
    assert_eq!(stops, [false, true]);
    assert_eq!((report.end, report.dropped), (End::Stopped, 1));
}

pub(crate) fn a_canceled_relay_hands_the_rest_over<U: Units>() {
    // While it waits, with a batch half collected.
    let (tx, relay) = Options::new(10).period(LONG).open();
    let (running, unit) = spawn_known::<U, _>(move || relay.run(|_| Ok(()), never));
    tx.send_many([1, 2]).unwrap();
    until(|| tx.is_empty());
    until_waiting(unit, Reason::Recv);
    unit.cancel();
    let report = U::join(running);
    assert_eq!((report.end, report.rest), (End::Canceled, vec![1, 2]));
    assert_eq!(tx.send(3), Err(SendError::Closed(3)));
    // While it pauses, with more inside, and a flush between.
    let (tx, relay) = Options::new(2).capacity(8).period(LONG).open();
    tx.send_many([1, 2, 3]).unwrap();
    let asking = tx.clone();
    let asked = U::spawn(move || asking.flush());
    until(|| tx.len() == 4);
    tx.send(4).unwrap();
    let (running, unit) =
        spawn_known::<U, _>(move || relay.run(|_| Err(()), |_| Verdict::RetryAfter(LONG)));
    until_waiting(unit, Reason::Sleep);
    unit.cancel();
    let report = U::join(running);
    assert_eq!((report.end, report.values), (End::Canceled, 0));
    assert_eq!(report.rest, [1, 2, 3, 4]);
    assert_eq!(U::join(asked), Err(FlushError::Closed));
    // While its handler would go on for ever.
    let (tx, relay) = Options::new(1).open();
    tx.send(1).unwrap();
    let (running, unit) = spawn_known::<U, _>(move || relay.run(|_| Err(()), |_| Verdict::Retry));
    moment();
    unit.cancel();
    assert_eq!(U::join(running).rest, [1]);
}

pub(crate) fn senders_wait_while_the_far_side_is_slow<U: Units>() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let (tx, relay) = Options::new(2).period(LONG).open();
    assert_eq!(tx.capacity(), 4);
    let running = U::spawn(move || {
        let held = |_: &mut Vec<u32>| {
            until(|| gate.load(SeqCst));
            Ok(())
        };
        relay.run(held, never)
    });
    // Two are held, four are inside.
    tx.send_many(0..6).unwrap();
    assert_eq!(tx.len(), 4);
    assert_eq!(tx.try_send(6), Err(TrySendError::Full(6)));
    assert_eq!(tx.send_timeout(6, SHORT), Err(SendUntilError::TimedOut(6)));
    open.store(true, SeqCst);
    tx.send(6).unwrap();
    drop(tx);
    assert_eq!(U::join(running).values, 7);
}

pub(crate) fn every_value_goes_out_once_and_in_its_sender_s_order<U: Units>() {
    let mut random = Random::new();
    for (batch, capacity) in [(1, 0), (3, 2), (16, 40)] {
        let period = Duration::from_micros(100);
        let (tx, relay) = Options::new(batch).capacity(capacity).period(period).open();
        let mut dice = random.fork();
        let running = U::spawn(move || {
            let mut out = Vec::new();
            let report = relay.run(
                |values| {
                    assert!((1..=batch).contains(&values.len()));
                    match dice.below(8) {
                        0 => return Err("nothing went out"),
                        1 => panic!("nothing went out either"),
                        2 => {
                            let some = dice.below(values.len() + 1);
                            out.extend(values.drain(..some));
                            return Err("some went out");
                        }
                        _ => out.append(values),
                    }
                    Ok(())
                },
                |failed| match failed.attempt % 2 {
                    0 => Verdict::Retry,
                    _ => Verdict::RetryAfter(Duration::from_micros(50)),
                },
            );
            assert_eq!((report.values, report.dropped), (out.len() as u64, 0));
            out
        });
        let senders: Vec<_> = (0..3_usize)
            .map(|sender| {
                let (tx, mut random) = (tx.clone(), random.fork());
                U::spawn(move || {
                    for n in 0..400 {
                        tx.send((sender, n)).unwrap();
                        if random.below(20) == 0 {
                            tx.flush().unwrap();
                        }
                    }
                })
            })
            .collect();
        drop(tx);
        senders.into_iter().for_each(U::join);
        let out = U::join(running);
        assert_eq!(out.len(), 1_200);
        for sender in 0..3 {
            let of_one = out.iter().filter(|(from, _)| *from == sender);
            assert!(of_one.map(|(_, n)| *n).eq(0..400));
        }
    }
}
