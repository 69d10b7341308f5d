//! Many units that select at random among many channels, with a seed that is printed.

use crate::units::{Units, channel};
use std::time::Duration;
use vitte_channels::{
    Receiver, RecvError, Sender, select,
    select::{Chosen, Deadline, Select, SelectError},
};
use vitte_tests::Dice;
use vitte_wait::StopSource;

const CHANNELS: usize = 6;
const UNITS: u64 = 6;
const EACH: u64 = 400;

/// Sends `EACH` numbers, each into whichever of a random choice of channels takes it first, sometimes
/// giving up for a while.
fn send_all(who: u64, seed: u64, ends: &[Sender<u64>]) {
    let mut random = Dice(seed ^ (who + 1) << 32);
    for n in 0..EACH {
        let mut slot = Some(who * EACH + n);
        while let Some(number) = slot {
            let (a, b) = (random.below(6) as usize, random.below(6) as usize);
            match random.below(4) {
                0 => select! { offer(ends[a], slot) -> sent => sent.unwrap(), default => {} },
                1 => {
                    let patience = Duration::from_micros(random.below(60));
                    select! {
                        offer(ends[a], slot) -> sent => sent.unwrap(),
                        default(patience) => {}
                    }
                    .unwrap();
                }
                _ => {
                    let mut arms = [ends[a].send_arm(number), ends[b].send_arm(number)];
                    let which = Select::among(&mut arms).wait().unwrap();
                    assert_eq!(arms[which].take(), Some(Ok(())));
                    assert_eq!(arms[1 - which].unsent(), Some(number));
                    slot = None;
                }
            }
        }
    }
}

/// Receives from all of `receivers` until all are closed.
fn receive_all(mut random: Dice, receivers: &[Receiver<u64>]) -> Vec<u64> {
    let (mut got, source) = (Vec::new(), StopSource::new());
    let token = source.token();
    let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
    while !arms.is_empty() {
        let deadline = match random.below(3) {
            0 => Deadline::after(Duration::from_micros(random.below(50))),
            _ => Deadline::NEVER,
        };
        match Select::among(&mut arms).wait_with(deadline, Some(&token)) {
            Ok(which) => match arms[which].take() {
                Some(Ok(number)) => got.push(number),
                Some(Err(RecvError::Closed)) => drop(arms.swap_remove(which)),
                other => unreachable!("{other:?}"),
            },
            Err(SelectError::TimedOut) => {}
            Err(error) => unreachable!("{error}"),
        }
    }
    got
}

pub(crate) fn random_selects_deliver_everything_once<U: Units>() {
    let seed = vitte_tests::seed();
    let mut random = Dice(seed);
    for _ in 0..3 {
        let (ends, mut receivers): (Vec<_>, Vec<_>) = (0..CHANNELS)
            .map(|_| match random.below(5) {
                0 => channel(None),
                capacity => channel(Some(capacity as usize - 1)),
            })
            .unzip();
        let senders: Vec<_> = (0..UNITS)
            .map(|who| {
                let (ends, seed) = (ends.clone(), random.below(u64::MAX));
                U::spawn(move || send_all(who, seed, &ends))
            })
            .collect();
        drop(ends);
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let mine = receivers.split_off(receivers.len() - CHANNELS / 2);
                let random = Dice(random.below(u64::MAX) | 1);
                U::spawn(move || receive_all(random, &mine))
            })
            .collect();
        let mut all: Vec<u64> = takers.into_iter().flat_map(U::join).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..UNITS * EACH));
        senders.into_iter().for_each(U::join);
    }
}
