//! Nothing is lost and nothing comes twice, whichever arm goes.

use crate::units::{FLAVORS, LIMITED, Units, channel, pause};
use std::time::Duration;
use vitte_channels::{
    Channel, select,
    select::{Chosen, Select},
};
use vitte_tests::Census;

/// Values sent by selects into several channels, received by selects from several channels.
pub(crate) fn every_value_arrives_once_and_is_dropped_once<U: Units>() {
    const EACH: usize = 300;
    for flavor in FLAVORS {
        let census = Census::new();
        let (ends, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| channel(flavor)).unzip();
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let (ends, census) = (ends.clone(), census.clone());
                U::spawn(move || {
                    for n in 0..EACH {
                        // One value, three arms that would send it: it goes to the first that can.
                        let mut value = Some(census.value(sender * EACH + n));
                        let mut arms: Vec<_> = Vec::new();
                        for tx in &ends {
                            arms.push(tx.send_arm(value.take().unwrap_or_else(|| census.value(0))));
                        }
                        let which = Select::among(&mut arms).wait().unwrap();
                        for (index, arm) in arms.iter_mut().enumerate() {
                            assert_eq!(arm.unsent().is_none(), index == which);
                        }
                    }
                })
            })
            .collect();
        drop(ends);
        let mut arms: Vec<_> = receivers.iter().map(|rx| rx.recv_arm()).collect();
        let mut received = 0;
        while !arms.is_empty() {
            let which = Select::among(&mut arms).wait().unwrap();
            match arms[which].take() {
                Some(Ok(_value)) => received += 1,
                _ => drop(arms.swap_remove(which)),
            }
        }
        assert_eq!(received, 3 * EACH);
        senders.into_iter().for_each(U::join);
        census.assert_all_dropped();
    }
}

/// A channel's wake-ups go to whoever uses them: with selects that time out among its senders nobody
/// who only sends is left asleep.
pub(crate) fn a_select_that_goes_elsewhere_keeps_no_wake_up<U: Units>() {
    const ROUNDS: usize = 400;
    for capacity in LIMITED {
        let (tx, rx) = Channel::bounded(capacity);
        let selector = {
            let tx = tx.clone();
            U::spawn(move || {
                let mut sent = 0;
                for n in 0..ROUNDS {
                    let nap = Duration::from_micros(n as u64 % 90);
                    select! { send(tx, 1) -> done => done.map(|()| sent += 1).unwrap(), after(nap) => {} }
                        .unwrap();
                }
                sent
            })
        };
        let sender = U::spawn(move || {
            for _ in 0..ROUNDS {
                tx.send(2).unwrap();
            }
            ROUNDS
        });
        let mut received = [0; 3];
        for which in &rx {
            received[which] += 1;
            if received[2] % 64 == 0 {
                pause(Duration::from_micros(50));
            }
        }
        assert_eq!(received, [0, U::join(selector), U::join(sender)]);
    }
}
