//! Waits that end otherwise than by what they wait for, and who shares them.

use crate::{LONG, SHORT, pair, why};
use std::{io::Write, sync::Arc};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_threads::{
    Deadline, StopSource, StopToken,
    io::{TcpListener, TcpStream, WaitError, pipe},
};
use vitte_wait::Reason;

pub(crate) fn a_deadline_ends_a_read_and_nothing_is_lost<U: Units>() {
    let (ours, theirs) = pair();
    for _ in 0..3 {
        assert_eq!(
            why(ours.read_for(&mut [0; 8], SHORT)),
            Some(WaitError::TimedOut)
        );
        assert_eq!(
            why(ours.read_until(&mut [0; 8], Deadline::NOW)),
            Some(WaitError::TimedOut)
        );
    }
    let reader = U::spawn(move || {
        let mut buffer = [0; 8];
        let count = ours.read_for(&mut buffer, LONG).unwrap();
        buffer[..count].to_vec()
    });
    (&theirs).write_all(b"late").unwrap();
    assert_eq!(U::join(reader), b"late");
}

pub(crate) fn a_stop_ends_reads_and_accepts<U: Units>() {
    let source = StopSource::new();
    let (ours, _theirs) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (token, other) = (source.token(), source.token());
    let reader = U::spawn(move || why(ours.read_or_stop(&mut [0], &token)));
    let acceptor = U::spawn(move || why(listener.accept_or_stop(&other)));
    vitte_tests::units::moment();
    source.stop();
    assert_eq!(U::join(reader), Some(WaitError::Stopped));
    assert_eq!(U::join(acceptor), Some(WaitError::Stopped));
    let (ours, _theirs) = pair();
    assert_eq!(
        why(ours.read_or_stop(&mut [0], &StopToken::DONE)),
        Some(WaitError::Stopped)
    );
    assert_eq!(
        why(ours.read_or_stop(&mut [0], &StopToken::after(SHORT))),
        Some(WaitError::Stopped)
    );
}

pub(crate) fn a_timeout_that_was_set_ends_plain_reads<U: Units>() {
    let (ours, _theirs) = pair();
    assert!(
        ours.set_read_timeout(Some(std::time::Duration::ZERO))
            .is_err()
    );
    assert_eq!(ours.read_timeout(), None);
    ours.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(ours.read_timeout(), Some(SHORT));
    let error = U::join(U::spawn(move || ours.read(&mut [0]))).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

pub(crate) fn a_full_connection_ends_a_write_at_its_deadline<U: Units>() {
    let (ours, theirs) = pair();
    let bytes = vec![0; 64 << 20];
    let written = ours.write_all_with(&bytes, Deadline::after(10 * SHORT), None);
    assert_eq!(why(written), Some(WaitError::TimedOut));
    drop(theirs);
}

pub(crate) fn closing_ends_the_reads_of_all_who_share<U: Units>() {
    let (ours, _theirs) = pair();
    let ours = Arc::new(ours);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let ours = ours.clone();
            U::spawn(move || why(ours.read_for(&mut [0], LONG)))
        })
        .collect();
    vitte_tests::units::moment();
    ours.close();
    for reader in readers {
        assert_eq!(U::join(reader), Some(WaitError::Closed));
    }
    assert_eq!(why(ours.write(b"x")), Some(WaitError::Closed));
    assert!(ours.is_closed());
    // It can be done twice.
    ours.close();
}

pub(crate) fn closing_a_listener_ends_every_accept<U: Units>() {
    // Where no other test listens, who might be given the same number afterwards.
    let listener = Arc::new(TcpListener::bind("127.0.0.77:0").unwrap());
    let address = listener.local_addr().unwrap();
    let acceptors: Vec<_> = (0..3)
        .map(|_| {
            let listener = listener.clone();
            U::spawn(move || why(listener.accept()))
        })
        .collect();
    vitte_tests::units::moment();
    listener.close();
    for acceptor in acceptors {
        assert_eq!(U::join(acceptor), Some(WaitError::Closed));
    }
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens there any more"
    );
}

pub(crate) fn closing_races_with_reading<U: Units>() {
    for round in 0..200 {
        let (reader, writer) = pipe().unwrap();
        let reader = Arc::new(reader);
        let waiting = {
            let reader = reader.clone();
            U::spawn(move || reader.read_for(&mut [0], LONG))
        };
        for _ in 0..round {
            std::hint::spin_loop();
        }
        reader.close();
        assert_eq!(why(U::join(waiting)), Some(WaitError::Closed));
        drop(writer);
    }
}

pub(crate) fn several_wait_for_one_descriptor<U: Units>() {
    const READERS: usize = 6;
    let (ours, theirs) = pair();
    let ours = Arc::new(ours);
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let ours = ours.clone();
            U::spawn(move || {
                let mut byte = [0];
                ours.read_exact_with(&mut byte, Deadline::after(LONG), None)
                    .unwrap();
                byte[0]
            })
        })
        .collect();
    for byte in 0..READERS as u8 {
        (&theirs).write_all(&[byte]).unwrap();
    }
    let mut got: Vec<_> = readers.into_iter().map(U::join).collect();
    got.sort_unstable();
    assert_eq!(got, (0..READERS as u8).collect::<Vec<_>>());
}

pub(crate) fn an_empty_read_does_not_wait<U: Units>() {
    let (ours, _theirs) = pair();
    assert_eq!(ours.read(&mut []).unwrap(), 0);
}

/// What only fibers have: they can be canceled.
#[test]
fn a_canceled_fiber_s_read_ends_and_the_bytes_stay() {
    vitte_tests::within(LONG, "cancel", || {
        type U = vitte_tests::units::Fibers;
        let (ours, theirs) = pair();
        let ours = Arc::new(ours);
        let (reader, unit) = {
            let ours = ours.clone();
            spawn_known::<U, _>(move || why(ours.read(&mut [0])))
        };
        until_waiting(unit, Reason::Readable);
        reader.cancel();
        assert_eq!(U::join(reader), Some(WaitError::Canceled));
        (&theirs).write_all(b"x").unwrap();
        let again = U::spawn(move || ours.read_for(&mut [0], LONG));
        assert_eq!(U::join(again).unwrap(), 1);
    });
}
