//! Every value is dropped, and once.

use crate::units::{Case, Census, FLAVORS, ManySend, Random};

pub(crate) fn values_inside_are_dropped_once_with_the_receiver<U: Case>() {
    for flavor in [None, Some(100)] {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        for n in 0..100 {
            tx.send(census.value(n)).unwrap();
        }
        for _ in 0..30 {
            drop(rx.recv().unwrap());
        }
        assert_eq!(census.dropped(), 30);
        // The sender alone does not keep them alive.
        U::join(U::spawn(move || drop(rx)));
        assert_eq!(census.dropped(), 100);
        drop(tx);
        assert_eq!(census.dropped(), 100);
    }
}

pub(crate) fn values_inside_are_dropped_once_with_the_channel<U: Case>() {
    for flavor in [None, Some(100)] {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        for n in 0..100 {
            tx.send(census.value(n)).unwrap();
        }
        U::join(U::spawn(move || drop(tx)));
        assert_eq!(census.dropped(), 0);
        drop(rx);
        assert_eq!(census.dropped(), 100);
    }
}

pub(crate) fn a_rejected_value_is_not_dropped<U: Case>() {
    for flavor in FLAVORS {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        U::join(U::spawn(move || drop(rx)));
        let back = tx.send(census.value(1)).unwrap_err().into_inner();
        assert_eq!(census.dropped(), 0);
        let back = tx.try_send(back).unwrap_err().into_inner();
        assert_eq!((census.dropped(), back.number), (0, 1));
        drop(back);
        assert_eq!(census.dropped(), 1);
    }
}

pub(crate) fn senders_racing_with_the_receiver_s_end_drop_each_value_once<U: ManySend>() {
    let mut random = Random::new();
    for (round, flavor) in FLAVORS.into_iter().cycle().take(50).enumerate() {
        let census = Census::new();
        let (tx, rx) = U::channel(flavor);
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let tx = tx.clone();
                U::spawn(move || {
                    for n in 0.. {
                        if tx.send(census.value(n)).is_err() {
                            break;
                        }
                    }
                    drop(tx);
                })
            })
            .collect();
        drop(tx);
        let taken = random.below(50);
        U::join(U::spawn(move || {
            assert_eq!(rx.iter().take(taken).count(), taken);
        }));
        senders.into_iter().for_each(U::join);
        assert_eq!(census.dropped(), census.made(), "in round {round}");
    }
}
