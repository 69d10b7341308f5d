//! What Go's channel tests ask (test/chan/*.go and `runtime/chan_test.go`, BSD-3-Clause): the ideas
//! that apply to one consumer, written afresh for these channels.

use crate::units::{Case, FLAVORS, LIMITED, moment, spawn_known, until_waiting};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use vitte_channels::{Channel, Receiver, RecvError, TryRecvError, TrySendError, select};
use vitte_wait::Reason;

/// After "TestChan": a full channel holds its sender, an empty one its receiver.
pub(crate) fn a_send_blocks_until_there_is_room<U: Case>() {
    for capacity in LIMITED {
        let (tx, rx) = U::channel(Some(capacity));
        for n in 0..capacity {
            tx.send(n).unwrap();
        }
        let sent = Arc::new(AtomicBool::new(false));
        let (sender, unit) = {
            let sent = sent.clone();
            spawn_known::<U, _>(move || {
                tx.send(capacity).unwrap();
                sent.store(true, SeqCst);
            })
        };
        until_waiting(unit, Reason::Send);
        moment();
        assert!(!sent.load(SeqCst));
        assert!(rx.iter().eq(0..=capacity));
        U::join(sender);
    }
}

/// After "close.go".
pub(crate) fn a_closed_channel_gives_what_it_has_and_then_nothing<U: Case>() {
    for flavor in [None, Some(2), Some(128)] {
        let (tx, rx) = U::channel(flavor);
        let sender = U::spawn(move || {
            tx.send('a').unwrap();
            tx.send('b').unwrap();
            tx.close();
            tx
        });
        let tx = U::join(sender);
        assert_eq!([rx.recv(), rx.recv()], [Ok('a'), Ok('b')]);
        for _ in 0..3 {
            assert_eq!(rx.recv(), Err(RecvError::Closed));
        }
        assert!(tx.send('c').is_err());
    }
}

/// After "sieve1.go": a unit a prime, each filtering for the next.
pub(crate) fn a_prime_sieve_finds_the_primes<U: Case>() {
    fn filtered<U: Case>(numbers: Receiver<u32, U::Kind>, prime: u32) -> Receiver<u32, U::Kind> {
        let (tx, rx) = U::channel(Some(0));
        // Ends when the next stage has gone, or the previous one.
        drop(U::spawn(move || {
            for n in numbers.iter().filter(|n| n % prime != 0) {
                if tx.send(n).is_err() {
                    break;
                }
            }
        }));
        rx
    }
    let (tx, mut numbers) = U::channel(Some(0));
    let source = U::spawn(move || (2..).find(|n| tx.send(*n).is_err()));
    let mut primes = Vec::new();
    for _ in 0..20 {
        let prime = numbers.recv().unwrap();
        primes.push(prime);
        numbers = filtered::<U>(numbers, prime);
    }
    assert_eq!(primes[..6], [2, 3, 5, 7, 11, 13]);
    assert_eq!(primes[19], 71);
    drop(numbers);
    assert!(U::join(source).is_some());
}

/// After `TestPseudoRandomSend` and `fifo.go`: order survives a chain.
pub(crate) fn a_chain_of_channels_passes_everything_on<U: Case>() {
    for flavor in FLAVORS {
        let (tx, mut end) = U::channel(flavor);
        let mut links = Vec::new();
        for _ in 0..8 {
            let (next, rx) = U::channel(flavor);
            let previous = std::mem::replace(&mut end, rx);
            links.push(U::spawn(move || {
                for n in previous {
                    next.send(n).unwrap();
                }
            }));
        }
        let source = U::spawn(move || (0..500).try_for_each(|n| tx.send(n)));
        assert!(end.iter().eq(0..500));
        U::join(source).unwrap();
        links.into_iter().for_each(U::join);
    }
}

/// After "doubleselect.go" without the select: two ends that end each other.
pub(crate) fn a_producer_and_a_consumer_that_stop_each_other<U: Case>() {
    for flavor in FLAVORS {
        let (tx, rx) = U::channel(flavor);
        let (stop, stopped) = U::channel::<()>(Some(1));
        let producer = U::spawn(move || {
            let mut sent = 0_u32;
            while stopped.try_recv().is_err() && tx.send(sent).is_ok() {
                sent += 1;
            }
            sent
        });
        let mut seen = 0;
        for n in &rx {
            assert_eq!(n, seen);
            seen += 1;
            if seen == 300 {
                stop.send(()).unwrap();
            }
        }
        assert_eq!(U::join(producer), seen);
        assert!(seen >= 300);
    }
}

/// After `TestNonblockRecvRace`: what is inside is found though the channel is closed meanwhile.
pub(crate) fn what_is_inside_is_found_while_another_closes<U: Case>() {
    for _ in 0..200 {
        for flavor in [None, Some(1), Some(3)] {
            let (tx, rx) = U::channel(flavor);
            tx.send(1).unwrap();
            let receiver = U::spawn(move || (rx.try_recv(), rx.recv()));
            tx.close();
            assert_eq!(U::join(receiver), (Ok(1), Err(RecvError::Closed)));
        }
    }
}

/// After `TestNonblockSelectRace2`: of a value and a closed channel one is there at any moment.
pub(crate) fn a_default_is_not_taken_beside_a_value_or_a_closed_channel<U: Case>() {
    for _ in 0..200 {
        let (tx, values) = U::channel(Some(1));
        let (end, ended) = U::channel::<u8>(Some(0));
        tx.send(1).unwrap();
        let (give, given) = Channel::bounded(1);
        let selector = U::spawn(move || {
            let found = select! {
                recv(values) -> _ => true,
                recv(ended) -> _ => true,
                default => false,
            };
            give.send(values).unwrap();
            found
        });
        end.close();
        assert!(U::join(selector));
        drop(given);
    }
}

/// After "nonblock.go": whoever only tries meets nobody who is not there, and whoever waits.
pub(crate) fn one_who_tries_meets_only_one_who_waits<U: Case>() {
    for flavor in [Some(0), Some(1)] {
        let (tx, rx) = U::channel(flavor);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        if flavor == Some(1) {
            tx.try_send(0).unwrap();
        }
        assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        if flavor == Some(1) {
            assert_eq!(rx.try_recv(), Ok(0));
        }
        let (receiver, unit) = spawn_known::<U, _>(move || (rx.recv(), rx));
        until_waiting(unit, Reason::Recv);
        assert_eq!(tx.try_send(2), Ok(()));
        let (received, rx) = U::join(receiver);
        assert_eq!(received, Ok(2));
        let full = tx.capacity();
        let (sender, unit) =
            spawn_known::<U, _>(move || (0..=full.unwrap_or(0)).try_for_each(|n| tx.send(n)));
        until_waiting(unit, Reason::Send);
        for n in 0..=full.unwrap_or(0) {
            assert_eq!(rx.try_recv(), Ok(n));
        }
        assert_eq!(U::join(sender), Ok(()));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    }
}

/// After `TestMultiConsumer`'s pipeline and "goroutines.go": a thousand units in a row, each between two channels.
pub(crate) fn a_thousand_units_in_a_row_pass_one_value_on<U: Case>() {
    // Threads are dear, so there are fewer where any may be one.
    const UNITS: u32 = if cfg!(debug_assertions) { 200 } else { 1_000 };
    let (first, mut last) = U::channel(Some(0));
    let units: Vec<_> = (0..UNITS)
        .map(|_| {
            let (tx, rx) = U::channel(Some(0));
            let previous = std::mem::replace(&mut last, rx);
            U::spawn(move || previous.recv().map(|n: u32| tx.send(n + 1)))
        })
        .collect();
    first.send(0).unwrap();
    assert_eq!(last.recv(), Ok(UNITS));
    assert!(units.into_iter().all(|unit| U::join(unit) == Ok(Ok(()))));
}

/// After "powser1.go" (after "Squinting at power series", Bell Laboratories 1990): power series whose coefficients come through
/// channels, each operation a unit of its own; here exp(x) from its differential equation, and exp(x) * exp(-x).
pub(crate) fn power_series_are_multiplied_by_units<U: Case>() {
    type Fraction = (i128, i128);
    type Series<K> = Receiver<Fraction, K>;
    fn plain((n, d): Fraction) -> Fraction {
        let (mut a, mut b) = (n.abs(), d.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (n / a * d.signum(), d / a * d.signum())
    }
    fn series<U: Case>(coefficient: fn(u32) -> Fraction) -> Series<U::Kind> {
        let (tx, rx) = U::channel(Some(0));
        drop(U::spawn(move || {
            (0..).find(|n| tx.send(coefficient(*n)).is_err())
        }));
        rx
    }
    /// The product of two series: each coefficient is a sum over all that have come.
    fn times<U: Case>(a: Series<U::Kind>, b: Series<U::Kind>) -> Series<U::Kind> {
        let (tx, rx) = U::channel(Some(0));
        drop(U::spawn(move || {
            let (mut seen_a, mut seen_b) = (Vec::new(), Vec::new());
            while let (Ok(next_a), Ok(next_b)) = (a.recv(), b.recv()) {
                seen_a.push(next_a);
                seen_b.push(next_b);
                let pairs = seen_a.iter().zip(seen_b.iter().rev());
                let sum = pairs.fold((0, 1), |(n, d), ((n1, d1), (n2, d2))| {
                    plain((n * d1 * d2 + n1 * n2 * d, d * d1 * d2))
                });
                if tx.send(sum).is_err() {
                    break;
                }
            }
        }));
        rx
    }
    /// The series whose derivative is `a`, and which begins with `first`.
    fn integral<U: Case>(a: Series<U::Kind>, first: Fraction) -> Series<U::Kind> {
        let (tx, rx) = U::channel(Some(0));
        drop(U::spawn(move || {
            if tx.send(first).is_ok() {
                let terms = (1..)
                    .zip(a.iter())
                    .map(|(n, (up, down))| plain((up, down * n)));
                let _ = tx.send_many(terms);
            }
        }));
        rx
    }
    fn factorial(n: u32) -> i128 {
        (1..=i128::from(n)).product()
    }
    let exp = || series::<U>(|n| (1, factorial(n)));
    let exp_of_minus = || series::<U>(|n| (if n % 2 == 0 { 1 } else { -1 }, factorial(n)));
    let one = times::<U>(exp(), exp_of_minus());
    let mut expected = vec![(1, 1)];
    expected.resize(12, (0, 1));
    assert_eq!(one.iter().take(12).collect::<Vec<_>>(), expected);
    // exp is its own integral.
    let again = integral::<U>(exp(), (1, 1));
    assert!(again.iter().take(12).eq(exp().iter().take(12)));
}
